"""What search, charts, retention, metadata and spans need."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, LargeBinary, text

from stepwell.store.migrations.postgres import (
    TEXT,
    add_default_partition,
    is_postgres,
    keep_small,
)

revision = "0003_reading"
down_revision = "0002_flow_control"
branch_labels = None
depends_on = None

_INTEGER = BigInteger().with_variant(Integer, "sqlite")


_COUNTED = (
    "runs_scheduled",
    "runs_started",
    "runs_completed",
    "runs_failed",
    "runs_cancelled",
    "runs_skipped",
    "runs_throttled",
    "events_rate_limited",
    "events_debounced",
    "events_duplicate",
    "events_refused",
    "steps_completed",
    "steps_failed",
    "steps_errored",
    "step_bytes",
    "sleeps_begun",
    "sleeps_ended",
    "waits_begun",
    "waits_ended",
    "invocations_begun",
    "invocations_ended",
    "calls_scheduled",
    "calls_started",
    "calls_succeeded",
    "calls_errored",
    "calls_failed",
    "calls_dropped",
    "calls_limited",
    "delay_ms",
    "call_ms",
    "step_us",
)
_HISTOGRAMS = ("delay", "call", "step")
_BUCKETS = 12


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, TEXT, nullable=False, primary_key=key)


def _integer(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, _INTEGER, nullable=False, primary_key=key, autoincrement=False)


def _number(name: str) -> Column[int]:
    return Column(name, _INTEGER, nullable=False, server_default=text("0"))


def upgrade() -> None:
    _extend_catalogue()
    _add_search()
    _add_rollups()
    _add_retention()
    _add_annotations()


def _extend_catalogue() -> None:
    """What SDKs observe of their own features. The default leaves the rows as they are."""
    op.add_column("apps", Column("observations", TEXT, nullable=False, server_default=""))


def _add_search() -> None:
    """Pages of runs in the order in which they started or ended; events by their senders' ids."""
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
    is_chosen = text("external_id <> id")
    op.create_index(
        "events_external",
        "events",
        ["external_id"],
        sqlite_where=is_chosen,
        postgresql_where=is_chosen,
    )


def _add_rollups() -> None:
    """Counters per function: in minutes, in hours, and for ever.

    What is queued, asleep and waiting is told from what has begun and what has ended, so what is
    there already is counted as begun.
    """
    histograms = [f"{name}_{bucket}" for name in _HISTOGRAMS for bucket in range(_BUCKETS)]
    op.create_table(
        "rollups",
        _text("function_id", key=True),
        _integer("span", key=True),
        _integer("start_ms", key=True),
        *(_number(name) for name in (*_COUNTED, *histograms)),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    keep_small("rollups", fillfactor=70)
    op.create_table(
        "tallies",
        _integer("number", key=True),
        Column("body", LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    keep_small("tallies", fillfactor=70)
    # No database on PostgreSQL is older than this: there is nothing to count.
    if not is_postgres():
        op.execute(
            """
            INSERT INTO rollups (function_id, span, start_ms, calls_scheduled, sleeps_begun,
                                 waits_begun, invocations_begun)
            SELECT function_id, 2, 0, sum(kind <= 2), sum(kind = 3),
                   sum(kind = 4 AND body = CAST('{}' AS BLOB)),
                   sum(kind = 4 AND body <> CAST('{}' AS BLOB))
              FROM queue WHERE kind <= 4 GROUP BY function_id
            """
        )


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
    op.create_table(
        "run_metadata",
        _text("run_id", key=True),
        _integer("number", key=True),
        _integer("scope"),
        _text("step"),
        _integer("attempt"),
        _text("span_id"),
        _text("kind"),
        _text("op"),
        _integer("bytes"),
        _integer("at_ms"),
        Column("body", LargeBinary, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (run_id)",
    )
    add_default_partition("run_metadata")
    op.create_table(
        "spans",
        _text("run_id", key=True),
        _text("span_id", key=True),
        _text("parent_span_id"),
        _text("trace_id"),
        _text("step"),
        _integer("attempt"),
        _text("call_span_id"),
        _text("name"),
        _integer("kind"),
        _integer("status"),
        _text("status_message"),
        _text("service"),
        _text("scope"),
        _text("scope_version"),
        _integer("started_ns"),
        _integer("ended_ns"),
        _integer("bytes"),
        Column("attributes", LargeBinary, nullable=False),
        Column("events", LargeBinary, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
        postgresql_partition_by="RANGE (run_id)",
    )
    add_default_partition("spans")
