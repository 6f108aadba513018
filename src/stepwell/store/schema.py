"""The tables, for what reads them at leisure. The migrations create them; a test compares both.

Nothing on the hot path uses this module: importing SQLAlchemy takes longer than a whole start.
"""

from typing import Final

from sqlalchemy import Index, Table, text

from stepwell.core.counted import ROLLUP_COLUMNS
from stepwell.store.columns import bytes_column, integer_column, metadata, text_column
from stepwell.store.node_tables import counters, inbox, nodes, partitions, questions

__all__ = [
    "apps",
    "batch_events",
    "buffered_events",
    "buffers",
    "claims",
    "counters",
    "environments",
    "events",
    "functions",
    "inbox",
    "journal",
    "limits",
    "metadata",
    "nodes",
    "operations",
    "operator_tokens",
    "partitions",
    "questions",
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

_LIVE_SINGLETON: Final = text("singleton <> '' AND status IN (0, 5)")
_STARTED: Final = text("started_ms > 0")
_ENDED: Final = text("ended_ms > 0")
_READY: Final = text("due_ms = 0")
_TIMER: Final = text("due_ms > 0")

environments: Final = Table(
    "environments",
    metadata,
    text_column("id", key=True),
    text_column("name"),
    integer_column("created_ms"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

apps: Final = Table(
    "apps",
    metadata,
    text_column("id", key=True),
    text_column("environment_id"),
    text_column("name"),
    text_column("url"),
    text_column("method"),
    text_column("sdk_language"),
    text_column("sdk_version"),
    text_column("framework"),
    text_column("platform"),
    text_column("app_version"),
    text_column("checksum"),
    text_column("error"),
    text_column("error_detail"),
    integer_column("created_ms"),
    integer_column("synced_ms"),
    integer_column("archived_ms"),
    integer_column("drained_ms"),
    # JSON; empty for an SDK that observes nothing.
    text_column("observations"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

functions: Final = Table(
    "functions",
    metadata,
    text_column("id", key=True),
    text_column("app_id"),
    text_column("app_name"),
    text_column("environment_id"),
    text_column("slug"),
    text_column("name"),
    integer_column("version"),
    bytes_column("config"),
    integer_column("updated_ms"),
    integer_column("archived"),
    integer_column("steps_max"),
    integer_column("state_bytes_max"),
    # JSON; empty for a function that does not stand still.
    text_column("pause"),
    text_column("endpoint_method"),
    integer_column("partition_id"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# What came of the latest synchronisations of each app; lists of slugs are JSON.
syncs: Final = Table(
    "syncs",
    metadata,
    text_column("app_id", key=True),
    text_column("id", key=True),
    integer_column("status"),
    text_column("url"),
    text_column("sdk_language"),
    text_column("sdk_version"),
    text_column("framework"),
    text_column("app_version"),
    text_column("functions_added"),
    text_column("functions_changed"),
    text_column("functions_removed"),
    text_column("error"),
    text_column("message"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# The payload stands last: what filters a list of events does not read it.
events: Final = Table(
    "events",
    metadata,
    text_column("id", key=True),
    integer_column("number", key=True),
    text_column("environment_id"),
    text_column("name"),
    text_column("external_id"),
    integer_column("ts_ms"),
    integer_column("received_ms"),
    bytes_column("payload"),
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
    text_column("id", key=True),
    text_column("environment_id"),
    text_column("app_id"),
    text_column("function_id"),
    integer_column("function_version"),
    integer_column("status"),
    integer_column("queued_ms"),
    integer_column("scheduled_ms"),
    integer_column("started_ms"),
    integer_column("ended_ms"),
    # Where in the journal the output stands; -1 while there is none.
    integer_column("ended_seq"),
    text_column("event_id"),
    text_column("event_name"),
    # JSON list of all events of a batch; empty for a single one.
    text_column("event_ids"),
    text_column("cron"),
    text_column("parent_run_id"),
    text_column("parent_function_id"),
    text_column("parent_step"),
    text_column("origin_run_id"),
    text_column("lane"),
    integer_column("score"),
    text_column("singleton"),
    text_column("batch_id"),
    text_column("replay_id"),
    integer_column("mode"),
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
    text_column("event_id", key=True),
    text_column("run_id", key=True),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# The entries of a run lie together, so a run is loaded by reading few pages.
journal: Final = Table(
    "journal",
    metadata,
    text_column("run_id", key=True),
    integer_column("seq", key=True),
    bytes_column("body"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# Each item is in one of two indexes: that of its lane, or that of the timers.
queue: Final = Table(
    "queue",
    metadata,
    integer_column("item_id", key=True),
    integer_column("partition_id"),
    text_column("function_id"),
    text_column("run_id"),
    integer_column("kind"),
    text_column("step"),
    integer_column("attempt"),
    integer_column("due_ms"),
    integer_column("queued_ms"),
    bytes_column("body"),
    text_column("lane"),
    integer_column("score"),
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
    integer_column("wait_id", key=True),
    integer_column("kind"),
    text_column("environment_id"),
    text_column("event_name"),
    text_column("match_path"),
    text_column("match_value"),
    text_column("condition"),
    bytes_column("bindings"),
    text_column("run_id"),
    text_column("function_id"),
    text_column("step"),
    integer_column("created_ms"),
    integer_column("expires_ms"),
    text_column("trigger_id"),
    Index("waits_match", "environment_id", "event_name", "match_path", "match_value", "wait_id"),
    Index("waits_run", "run_id"),
    sqlite_strict=True,
)

claims: Final = Table(
    "claims",
    metadata,
    text_column("function_id", key=True),
    text_column("key", key=True),
    text_column("run_id"),
    integer_column("expires_ms"),
    Index("claims_expires", "expires_ms"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# No key: an event stored twice under one id may be skipped twice.
skips: Final = Table(
    "skips",
    metadata,
    text_column("event_id"),
    text_column("function_id"),
    text_column("reason"),
    text_column("detail"),
    integer_column("at_ms"),
    Index("skips_event", "event_id"),
    sqlite_strict=True,
)

# States of throttles and rate limits.
limits: Final = Table(
    "limits",
    metadata,
    text_column("function_id", key=True),
    integer_column("kind", key=True),
    text_column("key", key=True),
    integer_column("tat_ns"),
    integer_column("expires_ms"),
    Index("limits_expires", "expires_ms"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# Debounces and batches that have not ended.
buffers: Final = Table(
    "buffers",
    metadata,
    text_column("function_id", key=True),
    integer_column("kind", key=True),
    text_column("key", key=True),
    text_column("id"),
    integer_column("item_id"),
    integer_column("opened_ms"),
    integer_column("due_ms"),
    integer_column("deadline_ms"),
    integer_column("events"),
    integer_column("bytes"),
    Index("buffers_id", "id"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

buffered_events: Final = Table(
    "buffered_events",
    metadata,
    text_column("buffer_id", key=True),
    integer_column("position", key=True),
    text_column("event_id"),
    integer_column("ts_ms"),
    text_column("claim_key"),
    text_column("cron"),
    text_column("parent_run_id"),
    text_column("parent_function_id"),
    text_column("parent_step"),
    Index("buffered_events_event", "event_id"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

signals: Final = Table(
    "signals",
    metadata,
    text_column("environment_id", key=True),
    text_column("name", key=True),
    text_column("run_id"),
    text_column("function_id"),
    text_column("step"),
    integer_column("expires_ms"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

operations: Final = Table(
    "operations",
    metadata,
    text_column("id", key=True),
    integer_column("kind"),
    text_column("environment_id"),
    text_column("app_id"),
    text_column("function_id"),
    integer_column("created_ms"),
    integer_column("started_before_ms"),
    integer_column("started_after_ms"),
    # JSON list of numbers.
    text_column("statuses"),
    text_column("condition"),
    text_column("name"),
    text_column("cause"),
    integer_column("rate_per_s"),
    text_column("after"),
    integer_column("seen"),
    integer_column("done"),
    integer_column("failed"),
    integer_column("ended_ms"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# Ages in ms; 0 is as the server says, -1 for ever. What the last pass deleted is a JSON object of
# numbers by kind.
retention: Final = Table(
    "retention",
    metadata,
    text_column("environment_id", key=True),
    integer_column("events_ms"),
    integer_column("runs_ms"),
    integer_column("journals_ms"),
    integer_column("rollups_ms"),
    integer_column("operations_ms"),
    integer_column("pass_ms"),
    text_column("deleted"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# One row: what is kept of the token that holds.
operator_tokens: Final = Table(
    "operator_tokens",
    metadata,
    text_column("id", key=True),
    bytes_column("hash"),
    integer_column("created_ms"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# What happened, by function and minute, by function and hour, and by function.
rollups: Final = Table(
    "rollups",
    metadata,
    text_column("function_id", key=True),
    integer_column("span", key=True),
    integer_column("start_ms", key=True),
    *(integer_column(name) for name in ROLLUP_COLUMNS),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# What happened and is not in the rollups yet.
tallies: Final = Table(
    "tallies",
    metadata,
    integer_column("number", key=True),
    bytes_column("body"),
    sqlite_strict=True,
)

# Appended, and folded when somebody reads it.
run_metadata: Final = Table(
    "run_metadata",
    metadata,
    text_column("run_id", key=True),
    integer_column("number", key=True),
    integer_column("scope"),
    text_column("step"),
    integer_column("attempt"),
    text_column("span_id"),
    text_column("kind"),
    text_column("op"),
    integer_column("bytes"),
    integer_column("at_ms"),
    bytes_column("body"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)

# Spans of the app's own tracing. What may be long stands last: sizes are summed up without it.
spans: Final = Table(
    "spans",
    metadata,
    text_column("run_id", key=True),
    text_column("span_id", key=True),
    text_column("parent_span_id"),
    text_column("trace_id"),
    text_column("step"),
    integer_column("attempt"),
    # The call during which it was made; see `core.trace_ids`.
    text_column("call_span_id"),
    text_column("name"),
    integer_column("kind"),
    integer_column("status"),
    text_column("status_message"),
    text_column("service"),
    text_column("scope"),
    text_column("scope_version"),
    integer_column("started_ns"),
    integer_column("ended_ns"),
    integer_column("bytes"),
    bytes_column("attributes"),
    bytes_column("events"),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)
