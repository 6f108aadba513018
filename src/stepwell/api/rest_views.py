"""Events, runs and queue items as REST v1 shows them.

Source: HTTP APIs, 7.2, 7.3 and 7.5.
"""

from typing import Annotated, Any, Final, assert_never

import msgspec

from stepwell.api.dates import date_text
from stepwell.api.function_view import function_view
from stepwell.api.openapi import Timestamp, Ulid, Uuid, one_of
from stepwell.core.function import Function
from stepwell.core.identity import ACCOUNT_ID
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.status import RunStatus
from stepwell.core.transition import StoredEvent
from stepwell.store.views import RunView
from stepwell.wire.events import Event

__all__ = [
    "EventObject",
    "JobObject",
    "RegisteredFunction",
    "RunObject",
    "RunStatusWord",
    "event_object",
    "job_object",
    "registered_function",
    "run_object",
]

_NULL: Final = msgspec.Raw(b"null")
_EMPTY_OBJECT: Final = b"{}"
#: How Go writes that there is no time; clients compare with it.
_NEVER: Final = "0001-01-01T00:00:00Z"

#: How a run stands, in one word.
RunStatusWord = Annotated[str, one_of(*(status.wire_name for status in RunStatus))]


class EventObject(msgspec.Struct, frozen=True, kw_only=True):
    """An event, as clients read it."""

    internal_id: Ulid
    account_id: Uuid
    environment_id: Uuid
    source: str
    source_id: None
    received_at: Timestamp
    id: str
    name: str
    data: msgspec.Raw
    ts: int
    user: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    v: str | msgspec.UnsetType = msgspec.UNSET


class RunObject(msgspec.Struct, frozen=True, kw_only=True):
    """A run, as clients read it; why it was skipped or cancelled, and its replay, are ours alone."""

    run_id: Ulid
    run_started_at: Timestamp
    function_id: Uuid
    function_version: int
    environment_id: Uuid
    event_id: str
    status: RunStatusWord
    ended_at: Timestamp | None
    original_run_id: Ulid | msgspec.UnsetType = msgspec.UNSET
    batch_id: Ulid | msgspec.UnsetType = msgspec.UNSET
    cron: str | msgspec.UnsetType = msgspec.UNSET
    replay_id: str | msgspec.UnsetType = msgspec.UNSET
    skip_reason: str | msgspec.UnsetType = msgspec.UNSET
    existing_run_id: Ulid | msgspec.UnsetType = msgspec.UNSET
    cancel_reason: str | msgspec.UnsetType = msgspec.UNSET
    cancel_event_id: Ulid | msgspec.UnsetType = msgspec.UNSET
    output: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


class JobObject(
    msgspec.Struct, frozen=True, kw_only=True, rename={"job_id": "JobID", "raw": "Raw"}
):
    """A queue item, as clients read it; `raw` is ours alone."""

    job_id: str
    at: Timestamp
    position: int
    kind: str
    attempt: int
    raw: dict[str, Any]


class RegisteredFunction(msgspec.Struct, frozen=True, kw_only=True):
    """A function of an app, as clients read it."""

    internal_id: Uuid
    env_id: Uuid
    app_id: Uuid
    id: str
    name: str
    config: dict[str, Any]
    created_at: Timestamp
    archived_at: Timestamp


def event_object(stored: StoredEvent) -> EventObject:
    """The event with what its sender wrote; `user` and `v` only if there is something in them."""
    event = Event.from_payload(stored.payload)
    return EventObject(
        internal_id=stored.id,
        account_id=ACCOUNT_ID,
        environment_id=stored.environment_id,
        source="",
        source_id=None,
        received_at=date_text(stored.received_ms),
        id=event.id,
        name=event.name,
        data=event.data,
        ts=event.ts,
        user=msgspec.UNSET if bytes(event.user) == _EMPTY_OBJECT else event.user,
        v=event.v or msgspec.UNSET,
    )


def run_object(run: RunView) -> RunObject:
    """The run as it is now. Before its first call, it counts as started when it was queued."""
    is_skipped = run.status is RunStatus.SKIPPED
    return RunObject(
        run_id=run.id,
        run_started_at=date_text(run.started_ms or run.queued_ms),
        function_id=run.function_id,
        function_version=run.function_version,
        environment_id=run.environment_id,
        event_id=run.event_id,
        status=run.status.wire_name,
        ended_at=date_text(run.ended_ms) if run.status.is_ended else None,
        original_run_id=run.origin_run_id or msgspec.UNSET,
        batch_id=run.batch_id or msgspec.UNSET,
        cron=run.cron or msgspec.UNSET,
        replay_id=run.replay_id or msgspec.UNSET,
        skip_reason=(run.cause if is_skipped else "") or msgspec.UNSET,
        existing_run_id=run.existing_run_id or msgspec.UNSET,
        cancel_reason=("" if is_skipped else run.cause) or msgspec.UNSET,
        cancel_event_id=run.cause_event_id or msgspec.UNSET,
        output=_output(run),
    )


def job_object(item: QueueItem) -> JobObject:
    """The queue item; work that is due at once is due since it came up."""
    return JobObject(
        job_id=str(item.id),
        at=date_text(item.due_ms or item.queued_ms),
        position=0,
        kind=_kind(item.kind),
        attempt=item.attempt,
        raw={"kind": item.kind.name, "step": item.step, "queued_at": date_text(item.queued_ms)},
    )


def registered_function(function: Function) -> RegisteredFunction:
    """The function; it counts as created when its present configuration was registered."""
    return RegisteredFunction(
        internal_id=function.id,
        env_id=function.environment_id,
        app_id=function.app_id,
        id=function.slug,
        name=function.name,
        config=function_view(function),
        created_at=date_text(function.updated_ms),
        archived_at=_NEVER,
    )


def _output(run: RunView) -> msgspec.Raw | msgspec.UnsetType:
    if not run.status.is_ended:
        return msgspec.UNSET
    shown = run.error or run.output if run.status is RunStatus.FAILED else run.output
    return msgspec.Raw(shown) if shown else _NULL


def _kind(kind: ItemKind) -> str:
    match kind:
        case ItemKind.START:
            return "start"
        case ItemKind.DISCOVER | ItemKind.STEP | ItemKind.GATEWAY:
            return "edge"
        case ItemKind.SLEEP:
            return "sleep"
        case ItemKind.TIMEOUT | ItemKind.RESUME | ItemKind.MATCH | ItemKind.SIGNAL:
            return "pause"
        case (
            ItemKind.CANCEL | ItemKind.START_TIMEOUT | ItemKind.FINISH_TIMEOUT | ItemKind.OPERATION
        ):
            return "cancel"
        case ItemKind.CRON:
            return "cron"
        case ItemKind.ADMIT | ItemKind.DEBOUNCE:
            return "debounce"
        case ItemKind.BATCH:
            return "schedule-batch"
        case _:
            assert_never(kind)
