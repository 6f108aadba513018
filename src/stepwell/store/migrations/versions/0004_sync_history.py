"""What came of the synchronisations of apps."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer

from stepwell.store.migrations.postgres import TEXT

revision = "0004_sync_history"
down_revision = "0003_reading"
branch_labels = None
depends_on = None

_INTEGER = BigInteger().with_variant(Integer, "sqlite")
_TEXTS = (
    "url",
    "sdk_language",
    "sdk_version",
    "framework",
    "app_version",
    "functions_added",
    "functions_changed",
    "functions_removed",
    "error",
    "message",
)


def upgrade() -> None:
    op.create_table(
        "syncs",
        Column("app_id", TEXT, nullable=False, primary_key=True),
        Column("id", TEXT, nullable=False, primary_key=True),
        Column("status", _INTEGER, nullable=False),
        *(Column(name, TEXT, nullable=False) for name in _TEXTS),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
