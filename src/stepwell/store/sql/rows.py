"""Rows become values of core here, and nowhere else."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from stepwell.core.app import App
from stepwell.core.app_sync import AppSync
from stepwell.core.function import Function
from stepwell.core.identity import EventId
from stepwell.core.operation import Operation, OperationKind
from stepwell.core.pause import Pause
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.status import RunStatus
from stepwell.core.transition import NewRun, RunMode, StoredEvent
from stepwell.core.waits import Wait, WaitKind
from stepwell.wire.config import FunctionConfig

__all__ = [
    "APP_COLUMNS",
    "EVENT_COLUMNS",
    "FUNCTION_COLUMNS",
    "ITEM_COLUMNS",
    "OPERATION_COLUMNS",
    "RUN_COLUMNS",
    "SYNC_COLUMNS",
    "WAIT_COLUMNS",
    "app",
    "decode_event_ids",
    "encode_config",
    "encode_event_ids",
    "encode_pause",
    "event",
    "function",
    "item",
    "new_run",
    "operation",
    "operation_values",
    "status",
    "sync_values",
    "wait",
]

# A row out of a cursor; its columns are those of the constant beside the function that takes it.
_Row = Sequence[Any]

ITEM_COLUMNS: Final = (
    "item_id, kind, function_id, run_id, step, attempt, due_ms, queued_ms, body, lane, score"
)
EVENT_COLUMNS: Final = "id, number, environment_id, name, external_id, ts_ms, received_ms, payload"
RUN_COLUMNS: Final = (
    "id, environment_id, app_id, function_id, function_version, queued_ms, scheduled_ms, event_id,"
    " event_name, event_ids, cron, parent_run_id, parent_function_id, parent_step, origin_run_id,"
    " lane, score, singleton, batch_id, replay_id, mode"
)
WAIT_COLUMNS: Final = (
    "wait_id, kind, environment_id, event_name, match_path, match_value, condition, bindings,"
    " run_id, function_id, step, created_ms, expires_ms, trigger_id"
)
APP_COLUMNS: Final = (
    "id, environment_id, name, url, method, sdk_language, sdk_version, framework, platform,"
    " app_version, checksum, error, error_detail, created_ms, synced_ms, archived_ms,"
    " drained_ms, observations"
)
FUNCTION_COLUMNS: Final = (
    "id, app_id, app_name, environment_id, slug, name, version, config, updated_ms, archived,"
    " steps_max, state_bytes_max, pause, endpoint_method, partition_id"
)
SYNC_COLUMNS: Final = (
    "app_id, id, status, url, sdk_language, sdk_version, framework, app_version, functions_added,"
    " functions_changed, functions_removed, error, message"
)
OPERATION_COLUMNS: Final = (
    "id, kind, environment_id, app_id, function_id, created_ms, started_before_ms,"
    ' started_after_ms, statuses, condition, name, cause, rate_per_s, "after", seen, done, failed,'
    " ended_ms"
)

# Where columns stand that are stored in another form.
_EVENT_IDS_AT: Final = RUN_COLUMNS.split(", ").index("event_ids")
_MODE_AT: Final = RUN_COLUMNS.split(", ").index("mode")
_CONFIG_AT: Final = FUNCTION_COLUMNS.split(", ").index("config")
_ARCHIVED_AT: Final = FUNCTION_COLUMNS.split(", ").index("archived")
_PAUSE_AT: Final = FUNCTION_COLUMNS.split(", ").index("pause")
_KIND_AT: Final = OPERATION_COLUMNS.split(", ").index("kind")
_STATUSES_AT: Final = OPERATION_COLUMNS.split(", ").index("statuses")

_EVENT_IDS: Final = msgspec.json.Decoder(tuple[EventId, ...])
_CONFIG: Final = msgspec.json.Decoder(FunctionConfig)
_PAUSE: Final = msgspec.json.Decoder(Pause)
_STATUSES: Final = msgspec.json.Decoder(tuple[RunStatus, ...])

# The members by number: a third of the time that calling the enum takes.
_ITEM_KINDS: Final = {int(kind): kind for kind in ItemKind}
_WAIT_KINDS: Final = {int(kind): kind for kind in WaitKind}
_RUN_MODES: Final = {int(mode): mode for mode in RunMode}
_RUN_STATUSES: Final = {int(status): status for status in RunStatus}


def item(row: _Row) -> QueueItem:
    """A queue item of `ITEM_COLUMNS`."""
    item_id, kind, *rest = row
    return QueueItem(item_id, _ITEM_KINDS[kind], *rest)


def event(row: _Row) -> StoredEvent:
    """An event of `EVENT_COLUMNS`."""
    return StoredEvent(*row)


def new_run(row: _Row) -> NewRun:
    """What a run of `RUN_COLUMNS` was created with.

    Its status is the one every run is created in; what it is now follows from the journal.
    """
    values = list(row)
    values[_EVENT_IDS_AT] = decode_event_ids(row[_EVENT_IDS_AT])
    values[_MODE_AT] = _RUN_MODES[row[_MODE_AT]]
    return NewRun(*values)


def wait(row: _Row) -> Wait:
    """A wait of `WAIT_COLUMNS`."""
    wait_id, kind, *rest = row
    return Wait(wait_id, _WAIT_KINDS[kind], *rest)


def app(row: _Row) -> App:
    """An app of `APP_COLUMNS`."""
    return App(*row)


def function(row: _Row) -> Function:
    """A function of `FUNCTION_COLUMNS`."""
    values = list(row)
    values[_CONFIG_AT] = _CONFIG.decode(row[_CONFIG_AT])
    values[_ARCHIVED_AT] = bool(row[_ARCHIVED_AT])
    pause = row[_PAUSE_AT]
    values[_PAUSE_AT] = _PAUSE.decode(pause) if pause else None
    return Function(*values)


def operation(row: _Row) -> Operation:
    """A bulk operation of `OPERATION_COLUMNS`."""
    values = list(row)
    values[_KIND_AT] = OperationKind(row[_KIND_AT])
    values[_STATUSES_AT] = _STATUSES.decode(row[_STATUSES_AT])
    return Operation(*values)


def operation_values(operation: Operation) -> list[Any]:
    """A bulk operation as `OPERATION_COLUMNS` hold it."""
    values = list(msgspec.structs.astuple(operation))
    values[_KIND_AT] = int(operation.kind)
    values[_STATUSES_AT] = msgspec.json.encode(operation.statuses).decode()
    return values


def status(number: int) -> RunStatus:
    """The status stored as `number`."""
    return _RUN_STATUSES[number]


def encode_config(config: FunctionConfig) -> bytes:
    """A function's configuration as it is stored."""
    return msgspec.json.encode(config)


def encode_pause(pause: Pause | None) -> str:
    """How a function stands still, as it is stored; "" if it does not."""
    return "" if pause is None else msgspec.json.encode(pause).decode()


def encode_event_ids(event_ids: Sequence[EventId]) -> str:
    """The events of a batch as they are stored; "" for none."""
    return msgspec.json.encode(event_ids).decode() if event_ids else ""


def decode_event_ids(text: str) -> tuple[EventId, ...]:
    """The events of a batch stored as `text`."""
    return _EVENT_IDS.decode(text) if text else ()


def sync_values(sync: AppSync) -> tuple[Any, ...]:
    """What `SYNC_COLUMNS` hold of a synchronisation."""
    slugs = (sync.functions_added, sync.functions_changed, sync.functions_removed)
    return (
        sync.app_id,
        sync.id,
        int(sync.status),
        sync.url,
        sync.sdk_language,
        sync.sdk_version,
        sync.framework,
        sync.app_version,
        *(msgspec.json.encode(each).decode() for each in slugs),
        sync.error,
        sync.message,
    )
