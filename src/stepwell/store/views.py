"""What the APIs ask for and are answered, whatever the database."""

import enum

import msgspec

from stepwell.core.identity import (
    AppId,
    EnvironmentId,
    EventId,
    FunctionId,
    OperationId,
    RunId,
    StepId,
)
from stepwell.core.journal import Entry
from stepwell.core.metadata import MetadataUpdate
from stepwell.core.operation import OperationKind
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.search import RunsCursor, SearchQuery
from stepwell.core.status import RunStatus
from stepwell.core.transition import BufferKind, RunMode, Skip, StoredEvent
from stepwell.core.user_span import UserSpan
from stepwell.wire.ulid import ulid_ms

__all__ = [
    "Direction",
    "EventOutcome",
    "EventTypeView",
    "EventsPage",
    "EventsSearch",
    "FoundEvents",
    "FoundRuns",
    "LaneNumbers",
    "OperationsPage",
    "PendingEvent",
    "QueueNumbers",
    "RunView",
    "RunsCount",
    "RunsPage",
    "ScannedRuns",
    "TimeField",
    "TimerNumbers",
    "TraceRows",
    "cursor_of",
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


class TraceRows(msgspec.Struct, frozen=True):
    """Everything that is stored about a run, as of one moment.

    Attributes:
        entries: Its journal, in order; only its end if the rest was deleted before the run.
        items: Its queue items.
        metadata: What was attached to it from outside.
        spans: What the app's own tracing sent.
        children: Runs of invocations that were held back when they were recorded, by step.
    """

    run: RunView
    entries: list[Entry]
    items: list[QueueItem]
    metadata: list[MetadataUpdate]
    spans: list[UserSpan]
    children: dict[StepId, RunId]


class EventsSearch(msgspec.Struct, frozen=True):
    """Which events are looked for, newest first.

    Attributes:
        before, after: Only events with smaller, with greater ids.
        from_ms, until_ms: Only events received then or later, then or earlier.
        names: Only events of one of these names; empty for all.
        include_internal: Also events whose names start with "inngest/".
        query: Only events that satisfy it.
    """

    environment_id: EnvironmentId
    limit: int
    before: EventId | None = None
    after: EventId | None = None
    from_ms: int | None = None
    until_ms: int | None = None
    names: tuple[str, ...] = ()
    include_internal: bool = False
    query: SearchQuery | None = None


class FoundEvents(msgspec.Struct, frozen=True):
    """A page of events.

    Attributes:
        has_next: Whether there may be more.
        looked_to: The last event that was looked at, if a query had to.
        is_complete: False where looking for events that satisfy the query took too long.
    """

    events: list[StoredEvent]
    has_next: bool
    looked_to: EventId | None = None
    is_complete: bool = True


class EventTypeView(msgspec.Struct, frozen=True):
    """A name of events, and the newest event of it."""

    name: str
    last_event_id: EventId
    last_received_ms: int


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


class TimeField(enum.Enum):
    """What a list of runs is sorted by and cut to."""

    QUEUED_AT = "queued_ms"
    STARTED_AT = "started_ms"
    ENDED_AT = "ended_ms"


class Direction(enum.Enum):
    """Whether a list of runs begins with the oldest or with the newest."""

    ASC = "asc"
    DESC = "desc"


class RunsPage(msgspec.Struct, frozen=True):
    """Which runs are asked for.

    They are sorted by time, and among runs of one moment by id, ascending. Sorted by when they
    started or ended, only runs that have done so are listed. A run was queued at the time its id
    tells; for the run of a durable endpoint that is the endpoint's clock.

    Attributes:
        from_ms: Only runs whose time is this or later.
        until_ms: Only runs whose time is this or earlier.
        statuses: Only runs in one of these; empty for all. Skipped runs are not listed, and asking
            for them alone filters nothing.
        function_ids: Only runs of these functions; empty for all.
        app_ids: Only runs of functions of these apps; empty for all.
        query: Only runs that satisfy it.
        after: Only runs behind this place.
        include_skipped: List skipped runs like all others.

    Source: GraphQL API, 3.4.
    """

    environment_id: EnvironmentId
    limit: int
    time_field: TimeField = TimeField.QUEUED_AT
    direction: Direction = Direction.DESC
    from_ms: int | None = None
    until_ms: int | None = None
    statuses: tuple[RunStatus, ...] = ()
    function_ids: tuple[FunctionId, ...] = ()
    app_ids: tuple[AppId, ...] = ()
    query: SearchQuery | None = None
    after: RunsCursor | None = None
    include_skipped: bool = False


class FoundRuns(msgspec.Struct, frozen=True):
    """A page of runs.

    Attributes:
        end: Where the next page begins; None if nothing was looked at.
        has_next: Whether there may be more behind `end`.
        is_complete: False where looking for runs that satisfy the query took too long: there may be
            more of them behind `end` although the page is not full.
    """

    runs: list[RunView]
    end: RunsCursor | None
    has_next: bool
    is_complete: bool = True


class ScannedRuns(msgspec.Struct, frozen=True):
    """What was found by looking through runs one after the other.

    Attributes:
        end: The place of the last run that was looked at; None if none was.
        looked_at: How many were.
        is_exhausted: Whether there are no more behind it.
    """

    run_ids: list[RunId]
    end: RunsCursor | None
    looked_at: int
    is_exhausted: bool


class RunsCount(msgspec.Struct, frozen=True):
    """How many runs there are; at least that many where it is not exact."""

    runs: int
    is_exact: bool


def cursor_of(run: RunView, time_field: TimeField) -> RunsCursor:
    """The place behind the run in a list sorted by that field."""
    match time_field:
        case TimeField.QUEUED_AT:
            return RunsCursor(ulid_ms(run.id), run.id)
        case TimeField.STARTED_AT:
            return RunsCursor(run.started_ms, run.id)
        case TimeField.ENDED_AT:
            return RunsCursor(run.ended_ms, run.id)
