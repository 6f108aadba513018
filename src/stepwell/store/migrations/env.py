"""What Alembic runs: the migrations on the connection `upgrade` opened, as one transaction."""

from alembic import context

context.configure(connection=context.config.attributes["connection"], transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
