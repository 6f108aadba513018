"""What is kept of the token of those who run the server."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary

from stepwell.store.migrations.postgres import TEXT

revision = "0005_operator_tokens"
down_revision = "0004_sync_history"
branch_labels = None
depends_on = None

_INTEGER = BigInteger().with_variant(Integer, "sqlite")


def upgrade() -> None:
    op.create_table(
        "operator_tokens",
        Column("id", TEXT, nullable=False, primary_key=True),
        Column("hash", LargeBinary, nullable=False),
        Column("created_ms", _INTEGER, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
