"""Which server has a partition, and until when nobody else may take it."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, text

from stepwell.store.migrations.postgres import TEXT

revision = "0006_partition_leases"
down_revision = "0005_operator_tokens"
branch_labels = None
depends_on = None

_INTEGER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    # A file has one server, whose lock on it says the same.
    op.add_column("partitions", Column("owner", TEXT, nullable=False, server_default=text("''")))
    op.add_column(
        "partitions", Column("lease_until_ms", _INTEGER, nullable=False, server_default=text("0"))
    )
