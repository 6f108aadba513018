"""What search, charts, retention, metadata and spans need."""

from alembic import op
from sqlalchemy import text

revision = "0003_reading"
down_revision = "0002_flow_control"
branch_labels = None
depends_on = None


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


def _add_annotations() -> None:
    """Metadata of runs, and the spans of apps."""
