"""The tables, for what reads them at leisure. The migrations create them; a test compares both.

Nothing on the hot path uses this module: importing SQLAlchemy takes longer than a whole start.
"""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, MetaData, Table, Text, text

from stepwell.core.counted import ROLLUP_COLUMNS

__all__ = [
    "apps",
    "batch_events",
    "buffered_events",
    "buffers",
    "claims",
    "environments",
    "events",
    "functions",
    "journal",
    "limits",
    "metadata",
    "operations",
    "operator_tokens",
    "partitions",
    "queue",
    "retention",
    "run_metadata",
    "runs",
    "signals",
    "skips",
    "spans",
    "syncs",
    "tallies",
    "waits",
]

metadata: Final = MetaData()

# STRICT tables know no BIGINT; their INTEGER has 64 bits.
_INTEGER: Final = BigInteger().with_variant(Integer, "sqlite")

# Byte by byte everywhere: the language of a database has no say in the order of ids.
_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")

_LIVE_SINGLETON: Final = text("singleton <> '' AND status IN (0, 5)")
_STARTED: Final = text("started_ms > 0")
_ENDED: Final = text("ended_ms > 0")
_READY: Final = text("due_ms = 0")
_TIMER: Final = text("due_ms > 0")


def _text(name: str, *, key: bool = False) -> Column[str]:
    return Column(name, _TEXT, nullable=False, primary_key=key)


def _integer(name: str, *, key: bool = False) -> Column[int]:
    return Column(name, _INTEGER, nullable=False, primary_key=key, autoincrement=False)


def _bytes(name: str) -> Column[bytes]:
    return Column(name, LargeBinary, nullable=False)


environments: Final = Table(
    "environments",
    metadata,
    _text("id", key=True),
    _text("name"),
    _integer("created_ms"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

partitions: Final = Table(
    "partitions",
    metadata,
    _integer("id", key=True),
    _integer("epoch"),
    # Written and emptied to learn whether a disk that was full has room again.
    _bytes("probe"),
    # Which server has it, and until when nobody else may take it; see `postgres/leases.py`.
    _text("owner"),
    _integer("lease_until_ms"),
    sqlite_strict=True,
)

apps: Final = Table(
    "apps",
    metadata,
    _text("id", key=True),
    _text("environment_id"),
    _text("name"),
    _text("url"),
    _text("method"),
    _text("sdk_language"),
    _text("sdk_version"),
    _text("framework"),
    _text("platform"),
    _text("app_version"),
    _text("checksum"),
    _text("error"),
    _text("error_detail"),
    _integer("created_ms"),
    _integer("synced_ms"),
    _integer("archived_ms"),
    _integer("drained_ms"),
    # JSON; empty for an SDK that observes nothing.
    _text("observations"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

functions: Final = Table(
    "functions",
    metadata,
    _text("id", key=True),
    _text("app_id"),
    _text("app_name"),
    _text("environment_id"),
    _text("slug"),
    _text("name"),
    _integer("version"),
    _bytes("config"),
    _integer("updated_ms"),
    _integer("archived"),
    _integer("steps_max"),
    _integer("state_bytes_max"),
    # JSON; empty for a function that does not stand still.
    _text("pause"),
    _text("endpoint_method"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# What came of the latest synchronisations of each app; lists of slugs are JSON.
syncs: Final = Table(
    "syncs",
    metadata,
    _text("app_id", key=True),
    _text("id", key=True),
    _integer("status"),
    _text("url"),
    _text("sdk_language"),
    _text("sdk_version"),
    _text("framework"),
    _text("app_version"),
    _text("functions_added"),
    _text("functions_changed"),
    _text("functions_removed"),
    _text("error"),
    _text("message"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# The payload stands last: what filters a list of events does not read it.
events: Final = Table(
    "events",
    metadata,
    _text("id", key=True),
    _integer("number", key=True),
    _text("environment_id"),
    _text("name"),
    _text("external_id"),
    _integer("ts_ms"),
    _integer("received_ms"),
    _bytes("payload"),
    Index("events_name", "name", "id"),
    # Only what has an id of its sender, so that other events cost nothing.
    Index(
        "events_external",
        "external_id",
        sqlite_where=text("external_id <> id"),
        postgresql_where=text("external_id <> id"),
    ),
    Index(
        "events_repeated",
        "number",
        sqlite_where=text("number > 0"),
        postgresql_where=text("number > 0"),
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

runs: Final = Table(
    "runs",
    metadata,
    _text("id", key=True),
    _text("environment_id"),
    _text("app_id"),
    _text("function_id"),
    _integer("function_version"),
    _integer("status"),
    _integer("queued_ms"),
    _integer("scheduled_ms"),
    _integer("started_ms"),
    _integer("ended_ms"),
    # Where in the journal the output stands; -1 while there is none.
    _integer("ended_seq"),
    _text("event_id"),
    _text("event_name"),
    # JSON list of all events of a batch; empty for a single one.
    _text("event_ids"),
    _text("cron"),
    _text("parent_run_id"),
    _text("parent_function_id"),
    _text("parent_step"),
    _text("origin_run_id"),
    _text("lane"),
    _integer("score"),
    _text("singleton"),
    _text("batch_id"),
    _text("replay_id"),
    _integer("mode"),
    Index("runs_event", "event_id"),
    # Finds live runs without reading ended ones, and chooses by time without reading the rows.
    Index("runs_function", "function_id", "status", "id", "queued_ms"),
    Index(
        "runs_singleton",
        "function_id",
        "singleton",
        "id",
        sqlite_where=_LIVE_SINGLETON,
        postgresql_where=_LIVE_SINGLETON,
    ),
    Index(
        "runs_started",
        "function_id",
        "status",
        "started_ms",
        "id",
        sqlite_where=_STARTED,
        postgresql_where=_STARTED,
    ),
    Index(
        "runs_ended",
        "function_id",
        "status",
        "ended_ms",
        "id",
        sqlite_where=_ENDED,
        postgresql_where=_ENDED,
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# The runs of the second and later events of batches; `runs.event_id` has the first.
batch_events: Final = Table(
    "batch_events",
    metadata,
    _text("event_id", key=True),
    _text("run_id", key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# The entries of a run lie together, so a run is loaded by reading few pages.
journal: Final = Table(
    "journal",
    metadata,
    _text("run_id", key=True),
    _integer("seq", key=True),
    _bytes("body"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# Each item is in one of two indexes: that of its lane, or that of the timers.
queue: Final = Table(
    "queue",
    metadata,
    _integer("item_id", key=True),
    _integer("partition_id"),
    _text("function_id"),
    _text("run_id"),
    _integer("kind"),
    _text("step"),
    _integer("attempt"),
    _integer("due_ms"),
    _integer("queued_ms"),
    _bytes("body"),
    _text("lane"),
    _integer("score"),
    Index(
        "queue_ready",
        "partition_id",
        "function_id",
        "lane",
        "score",
        "item_id",
        sqlite_where=_READY,
        postgresql_where=_READY,
    ),
    Index(
        "queue_timers",
        "partition_id",
        "function_id",
        "due_ms",
        "item_id",
        sqlite_where=_TIMER,
        postgresql_where=_TIMER,
    ),
    Index("queue_run", "run_id"),
    sqlite_strict=True,
)

waits: Final = Table(
    "waits",
    metadata,
    _integer("wait_id", key=True),
    _integer("kind"),
    _text("environment_id"),
    _text("event_name"),
    _text("match_path"),
    _text("match_value"),
    _text("condition"),
    _bytes("bindings"),
    _text("run_id"),
    _text("function_id"),
    _text("step"),
    _integer("created_ms"),
    _integer("expires_ms"),
    _text("trigger_id"),
    Index("waits_match", "environment_id", "event_name", "match_path", "match_value", "wait_id"),
    Index("waits_run", "run_id"),
    sqlite_strict=True,
)

claims: Final = Table(
    "claims",
    metadata,
    _text("function_id", key=True),
    _text("key", key=True),
    _text("run_id"),
    _integer("expires_ms"),
    Index("claims_expires", "expires_ms"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# No key: an event stored twice under one id may be skipped twice.
skips: Final = Table(
    "skips",
    metadata,
    _text("event_id"),
    _text("function_id"),
    _text("reason"),
    _text("detail"),
    _integer("at_ms"),
    Index("skips_event", "event_id"),
    sqlite_strict=True,
)

# States of throttles and rate limits.
limits: Final = Table(
    "limits",
    metadata,
    _text("function_id", key=True),
    _integer("kind", key=True),
    _text("key", key=True),
    _integer("tat_ns"),
    _integer("expires_ms"),
    Index("limits_expires", "expires_ms"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# Debounces and batches that have not ended.
buffers: Final = Table(
    "buffers",
    metadata,
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
    Index("buffers_id", "id"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

buffered_events: Final = Table(
    "buffered_events",
    metadata,
    _text("buffer_id", key=True),
    _integer("position", key=True),
    _text("event_id"),
    _integer("ts_ms"),
    _text("claim_key"),
    _text("cron"),
    _text("parent_run_id"),
    _text("parent_function_id"),
    _text("parent_step"),
    Index("buffered_events_event", "event_id"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

signals: Final = Table(
    "signals",
    metadata,
    _text("environment_id", key=True),
    _text("name", key=True),
    _text("run_id"),
    _text("function_id"),
    _text("step"),
    _integer("expires_ms"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

operations: Final = Table(
    "operations",
    metadata,
    _text("id", key=True),
    _integer("kind"),
    _text("environment_id"),
    _text("app_id"),
    _text("function_id"),
    _integer("created_ms"),
    _integer("started_before_ms"),
    _integer("started_after_ms"),
    # JSON list of numbers.
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

# Ages in ms; 0 is as the server says, -1 for ever. What the last pass deleted is a JSON object of
# numbers by kind.
retention: Final = Table(
    "retention",
    metadata,
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

# One row: what is kept of the token that holds.
operator_tokens: Final = Table(
    "operator_tokens",
    metadata,
    _text("id", key=True),
    _bytes("hash"),
    _integer("created_ms"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# What happened, by function and minute, by function and hour, and by function.
rollups: Final = Table(
    "rollups",
    metadata,
    _text("function_id", key=True),
    _integer("span", key=True),
    _integer("start_ms", key=True),
    *(_integer(name) for name in ROLLUP_COLUMNS),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# What happened and is not in the rollups yet.
tallies: Final = Table(
    "tallies",
    metadata,
    _integer("number", key=True),
    _bytes("body"),
    sqlite_strict=True,
)

# Appended, and folded when somebody reads it.
run_metadata: Final = Table(
    "run_metadata",
    metadata,
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
    _bytes("body"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# Spans of the app's own tracing. What may be long stands last: sizes are summed up without it.
spans: Final = Table(
    "spans",
    metadata,
    _text("run_id", key=True),
    _text("span_id", key=True),
    _text("parent_span_id"),
    _text("trace_id"),
    _text("step"),
    _integer("attempt"),
    # The call during which it was made; see `core.trace_ids`.
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
    _bytes("attributes"),
    _bytes("events"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
