"""Lanes of the queue, limits, held back events, signals, bulk operations, pauses."""

from alembic import op
from sqlalchemy import BigInteger, Column, Integer, text

from stepwell.store.migrations.postgres import TEXT, keep_small

revision = "0002_flow_control"
down_revision = "0001_durable_core"
branch_labels = None
depends_on = None

_INTEGER = BigInteger().with_variant(Integer, "sqlite")


def _text(name: str, *, key: bool = False, default: str | None = None) -> Column[str]:
    return Column(name, TEXT, nullable=False, primary_key=key, server_default=default)


def _integer(name: str, *, key: bool = False, default: int | None = None) -> Column[int]:
    return Column(
        name,
        _INTEGER,
        nullable=False,
        primary_key=key,
        autoincrement=False,
        server_default=None if default is None else text(str(default)),
    )


def upgrade() -> None:
    _extend_catalogue()
    _extend_runs()
    _extend_queue()
    _create_limits()
    _create_buffers()
    _create_signals()
    _create_operations()


# Columns are added with a default: that leaves the rows as they are, however many there are.


def _extend_catalogue() -> None:
    op.add_column("apps", _integer("drained_ms", default=0))
    op.add_column("functions", _text("pause", default=""))
    op.add_column("functions", _text("endpoint_method", default=""))


def _extend_runs() -> None:
    op.add_column("runs", _text("lane", default="c"))
    op.add_column("runs", _integer("score", default=0))
    op.add_column("runs", _text("singleton", default=""))
    op.add_column("runs", _text("batch_id", default=""))
    op.add_column("runs", _text("replay_id", default=""))
    op.add_column("runs", _integer("mode", default=0))
    op.execute("UPDATE runs SET score = queued_ms")
    op.create_index("runs_function", "runs", ["function_id", "status", "id", "queued_ms"])
    is_live_singleton = text("singleton <> '' AND status IN (0, 5)")
    op.create_index(
        "runs_singleton",
        "runs",
        ["function_id", "singleton", "id"],
        sqlite_where=is_live_singleton,
        postgresql_where=is_live_singleton,
    )


def _extend_queue() -> None:
    op.drop_index("queue_due", "queue")
    op.add_column("queue", _text("lane", default=""))
    op.add_column("queue", _integer("score", default=0))
    # First calls stand in lane "s", other calls in lane "c", both by the age of their run.
    op.execute(
        "UPDATE queue SET lane = CASE kind WHEN 0 THEN 's' ELSE 'c' END, score ="
        " coalesce((SELECT runs.queued_ms FROM runs WHERE runs.id = queue.run_id), 0)"
        " WHERE kind IN (0, 1, 2)"
    )
    op.create_index(
        "queue_ready",
        "queue",
        ["partition_id", "function_id", "lane", "score", "item_id"],
        sqlite_where=text("due_ms = 0"),
        postgresql_where=text("due_ms = 0"),
    )
    op.create_index(
        "queue_timers",
        "queue",
        ["partition_id", "function_id", "due_ms", "item_id"],
        sqlite_where=text("due_ms > 0"),
        postgresql_where=text("due_ms > 0"),
    )


def _create_limits() -> None:
    op.create_table(
        "limits",
        _text("function_id", key=True),
        _integer("kind", key=True),
        _text("key", key=True),
        _integer("tat_ns"),
        _integer("expires_ms"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    keep_small("limits", fillfactor=70)
    op.create_index("limits_expires", "limits", ["expires_ms"])


def _create_buffers() -> None:
    op.create_table(
        "buffers",
        _text("function_id", key=True),
        _integer("kind", key=True),
        _text("key", key=True),
        _text("id"),
        _integer("item_id"),
        _integer("opened_ms"),
        _integer("due_ms"),
        _integer("deadline_ms"),
        _integer("events"),
        _integer("bytes"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    keep_small("buffers", fillfactor=70)
    op.create_index("buffers_id", "buffers", ["id"])
    op.create_table(
        "buffered_events",
        _text("buffer_id", key=True),
        _integer("position", key=True),
        _text("event_id"),
        _integer("ts_ms"),
        _text("claim_key"),
        _text("cron"),
        _text("parent_run_id"),
        _text("parent_function_id"),
        _text("parent_step"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    keep_small("buffered_events", fillfactor=90)
    op.create_index("buffered_events_event", "buffered_events", ["event_id"])


def _create_signals() -> None:
    op.create_table(
        "signals",
        _text("environment_id", key=True),
        _text("name", key=True),
        _text("run_id"),
        _text("function_id"),
        _text("step"),
        _integer("expires_ms"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    keep_small("signals", fillfactor=90)


def _create_operations() -> None:
    op.create_table(
        "operations",
        _text("id", key=True),
        _integer("kind"),
        _text("environment_id"),
        _text("app_id"),
        _text("function_id"),
        _integer("created_ms"),
        _integer("started_before_ms"),
        _integer("started_after_ms"),
        _text("statuses"),
        _text("condition"),
        _text("name"),
        _text("cause"),
        _integer("rate_per_s"),
        _text("after"),
        _integer("seen"),
        _integer("done"),
        _integer("failed"),
        _integer("ended_ms"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
