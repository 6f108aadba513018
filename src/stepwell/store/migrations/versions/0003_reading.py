"""What search, charts, retention, metadata and spans need."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, Text, text

revision = "0003_reading"
down_revision = "0002_flow_control"
branch_labels = None
depends_on = None

_INTEGER = BigInteger().with_variant(Integer, "sqlite")


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, Text, nullable=False, primary_key=key)


def _integer(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, _INTEGER, nullable=False, primary_key=key, autoincrement=False)


def upgrade() -> None:
    _add_search()
    _add_rollups()
    _add_retention()
    _add_annotations()


def _add_search() -> None:
    """Pages of runs in the order in which they started or ended."""
    has_started, has_ended = text("started_ms > 0"), text("ended_ms > 0")
    op.create_index(
        "runs_started",
        "runs",
        ["function_id", "status", "started_ms", "id"],
        sqlite_where=has_started,
        postgresql_where=has_started,
    )
    op.create_index(
        "runs_ended",
        "runs",
        ["function_id", "status", "ended_ms", "id"],
        sqlite_where=has_ended,
        postgresql_where=has_ended,
    )


def _add_rollups() -> None:
    """Counters per function and minute."""


def _add_retention() -> None:
    """How long what is kept, by environment."""
    op.create_table(
        "retention",
        _text("environment_id", key=True),
        _integer("events_ms"),
        _integer("runs_ms"),
        _integer("journals_ms"),
        _integer("rollups_ms"),
        _integer("operations_ms"),
        _integer("pass_ms"),
        _text("deleted"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _add_annotations() -> None:
    """Metadata of runs, and the spans of apps."""
