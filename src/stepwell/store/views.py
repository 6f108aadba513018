"""What the APIs ask for and are answered, whatever the database."""

import msgspec

from stepwell.core.identity import (
    AppId,
    EnvironmentId,
    EventId,
    FunctionId,
    OperationId,
    RunId,
)
from stepwell.core.operation import OperationKind
from stepwell.core.queue import ItemKind
from stepwell.core.status import RunStatus
from stepwell.core.transition import BufferKind, RunMode, Skip

__all__ = [
    "EventOutcome",
    "EventsPage",
    "LaneNumbers",
    "OperationsPage",
    "PendingEvent",
    "QueueNumbers",
    "RunView",
    "TimerNumbers",
]


class EventsPage(msgspec.Struct, frozen=True):
    """Which events are asked for, newest first.

    Attributes:
        before: Only events with a smaller id.
        received_after_ms: Only events received at or after this time.
        received_before_ms: Only events received at or before this time.
        name: Only events of exactly this name.
        include_internal: Also events whose names start with "inngest/".
    """

    environment_id: EnvironmentId
    limit: int
    before: EventId | None = None
    received_after_ms: int | None = None
    received_before_ms: int | None = None
    name: str | None = None
    include_internal: bool = False


class RunView(msgspec.Struct, frozen=True):
    """A run as the APIs show it.

    Attributes:
        started_ms: When its first call was sent; 0 before.
        ended_ms: When it ended; 0 before.
        event_ids: All events of a batch; empty for a single one.
        output: What it returned, raw JSON; empty until it has ended, or if there is none.
        error: Why it failed, raw JSON; empty unless it did.
        origin_run_id: The first run of the chain of reruns it continues; empty for others.
        singleton: Key under which it is to be the function's only live run; "" without one.
        batch_id: The batch it runs; "" for a single event.
        replay_id: The replay that started it; "" for others.
        cause: Why it was cancelled or skipped, as in `RunEnded.cause`; "" unless it was.
        cause_event_id: The event that cancelled it; "" unless one did.
        existing_run_id: The run because of which it was skipped; "" unless one was.
    """

    id: RunId
    environment_id: EnvironmentId
    app_id: AppId
    function_id: FunctionId
    function_version: int
    status: RunStatus
    queued_ms: int
    scheduled_ms: int
    started_ms: int
    ended_ms: int
    event_id: EventId
    event_name: str
    event_ids: tuple[EventId, ...]
    cron: str
    parent_run_id: RunId
    parent_function_id: FunctionId
    parent_step: str
    origin_run_id: RunId
    output: bytes
    error: bytes
    singleton: str = ""
    batch_id: str = ""
    replay_id: OperationId = OperationId("")
    mode: RunMode = RunMode.ASYNC
    cause: str = ""
    cause_event_id: EventId = EventId("")
    existing_run_id: RunId = RunId("")


class PendingEvent(msgspec.Struct, frozen=True):
    """An event that a debounce or a batch holds back.

    Attributes:
        buffer_id: The batch id of a batch.
        position: Its place in the batch, from 0.
        due_ms: When the run starts unless more events come.
        deadline_ms: When it starts at the latest; 0 without a bound.
        events: How many events are held back for the same run.
    """

    kind: BufferKind
    key: str
    buffer_id: str
    position: int
    due_ms: int
    deadline_ms: int
    events: int


class EventOutcome(msgspec.Struct, frozen=True):
    """What became of an event at one function.

    Attributes:
        runs: The runs it started, alone or in a batch, and those that were skipped; oldest first.
        skips: Why it started none, or what else there is to say about it.
        pending: Where it is held back.
    """

    function_id: FunctionId
    runs: tuple[RunView, ...] = ()
    skips: tuple[Skip, ...] = ()
    pending: tuple[PendingEvent, ...] = ()


class LaneNumbers(msgspec.Struct, frozen=True, gc=False):
    """The items of a lane that are due at once.

    Attributes:
        oldest_queued_ms: When the work of the item that was created first came up.
    """

    function_id: FunctionId
    lane: str
    items: int
    oldest_queued_ms: int


class TimerNumbers(msgspec.Struct, frozen=True, gc=False):
    """The items of a function of one kind that are due later."""

    function_id: FunctionId
    kind: ItemKind
    items: int


class QueueNumbers(msgspec.Struct, frozen=True):
    """What stands in the queue, by function and lane or kind."""

    lanes: list[LaneNumbers]
    timers: list[TimerNumbers]


class OperationsPage(msgspec.Struct, frozen=True):
    """Which bulk operations are asked for, newest first.

    Attributes:
        before: Only operations with a smaller id.
        function_id: Only operations on the runs of this function.
    """

    environment_id: EnvironmentId
    kind: OperationKind
    limit: int
    before: OperationId | None = None
    function_id: FunctionId | None = None
