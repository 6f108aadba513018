"""A transition: everything one decision wants written, and nothing that has happened yet.

Core returns it, the committer writes it together with others in one transaction, and only then is
anything answered, dispatched or woken. All rows of a transition are written, or none.
"""

import enum
from typing import Final, Literal

import msgspec

from stepwell.core.app import App
from stepwell.core.app_sync import AppSync, SyncMark
from stepwell.core.function import Function
from stepwell.core.identity import (
    AppId,
    EnvironmentId,
    EventId,
    FunctionId,
    ItemId,
    OperationId,
    PartitionId,
    RunId,
    StepId,
)
from stepwell.core.journal import Entry
from stepwell.core.lanes import CALLS
from stepwell.core.metadata import MetadataUpdate
from stepwell.core.operation import Operation
from stepwell.core.queue import QueueItem
from stepwell.core.retention import Forgotten, RetentionOverrides
from stepwell.core.status import RunStatus
from stepwell.core.user_span import UserSpan
from stepwell.core.waits import Wait, WaitRef

__all__ = [
    "LISTS",
    "AnsweredCall",
    "Buffer",
    "BufferKind",
    "BufferRef",
    "BufferedEvent",
    "CallEnd",
    "Claim",
    "JournalRow",
    "LimitKind",
    "LimitState",
    "Moved",
    "NewRun",
    "PossibleMatch",
    "RunEnd",
    "RunMode",
    "RunStart",
    "SignalRef",
    "SignalWait",
    "Skip",
    "SkipReason",
    "StoredEvent",
    "Transition",
    "WaitedFor",
]


class StoredEvent(msgspec.Struct, frozen=True, gc=False):
    """An accepted event.

    Attributes:
        id: Internal ULID.
        number: Distinguishes events stored under one internal id, which happens when a client
            repeats a request with the same id seed.
        external_id: The sender's own id, or the internal one.
        payload: The event as functions receive it; JSON.
    """

    id: EventId
    number: int
    environment_id: EnvironmentId
    name: str
    external_id: str
    ts_ms: int
    received_ms: int
    payload: bytes


class RunMode(enum.IntEnum):
    """Who drives a run. The numbers are stored and known to clients; never renumber."""

    #: The server calls the function.
    ASYNC = 0
    #: An endpoint of the app runs it and reports; the server calls it once it has to wait.
    SYNC = 1


class NewRun(msgspec.Struct, frozen=True, gc=False):
    """A run comes into being.

    Attributes:
        event_id: The (first) event that started it.
        event_name: Its name.
        event_ids: All events of a batch; empty for a single one.
        scheduled_ms: Intended start; later than `queued_ms` for events with a future `ts`.
        cron: The cron expression that started it, if one did.
        parent_run_id: The run that invoked it, if one did.
        parent_function_id: Its function.
        parent_step: The step of the parent that waits for the result.
        origin_run_id: The first run of a chain of reruns.
        lane: Where its requests after the first one stand; see `stepwell.core.lanes`.
        score: Their place there.
        singleton: Key under which it is the only live run of the function; "" without one.
        batch_id: The batch it runs; its time part says when the batch was opened.
        replay_id: The replay that started it.
    """

    id: RunId
    environment_id: EnvironmentId
    app_id: AppId
    function_id: FunctionId
    function_version: int
    queued_ms: int
    scheduled_ms: int
    event_id: EventId
    event_name: str
    event_ids: tuple[EventId, ...] = ()
    cron: str = ""
    parent_run_id: RunId = RunId("")
    parent_function_id: FunctionId = FunctionId("")
    parent_step: str = ""
    origin_run_id: RunId = RunId("")
    lane: str = CALLS
    score: int = 0
    singleton: str = ""
    batch_id: str = ""
    replay_id: OperationId = OperationId("")
    mode: RunMode = RunMode.ASYNC
    status: RunStatus = RunStatus.SCHEDULED


class RunStart(msgspec.Struct, frozen=True, gc=False):
    """The run's first call was sent."""

    run_id: RunId
    started_ms: int


class RunEnd(msgspec.Struct, frozen=True, gc=False):
    """The run is over. Its queue items and waits are deleted by the same transition.

    Attributes:
        started_ms: When its first call was sent; 0 when none was.
        ended_seq: Sequence number of the `RunEnded` entry, which holds the output.
    """

    run_id: RunId
    status: RunStatus
    started_ms: int
    ended_ms: int
    ended_seq: int


class JournalRow(msgspec.Struct, frozen=True, gc=False):
    """One entry at its place in a run's journal."""

    run_id: RunId
    seq: int
    entry: Entry


class Claim(msgspec.Struct, frozen=True, gc=False):
    """Remembers that a function was scheduled for a key, so that a repetition is not.

    Source: execution semantics, 2.2.
    """

    function_id: FunctionId
    key: str
    run_id: RunId
    expires_ms: int


class SkipReason(enum.StrEnum):
    """Why an event started no run of its own. The texts are stored and shown."""

    #: The function was started by an event with that id before; the detail is the key.
    DUPLICATE = "duplicate"
    #: A trigger's condition could not be evaluated; the detail says which and why.
    EXPRESSION_FAILED = "expression_failed"
    #: The function's rate limit or idempotency key; the detail is the key's value.
    RATE_LIMITED = "rate_limited"
    #: A later event took its place; the detail is that event's id.
    DEBOUNCED = "debounced"
    #: The function was removed before the event that was put off could start it.
    FUNCTION_GONE = "function_gone"
    #: A defect in Stepwell kept it from deciding about the event.
    DEFECT = "defect"
    #: A run was started, but one of the function's `cancelOn` entries cannot cancel it.
    CANCEL_CONDITION_INVALID = "cancel_condition_invalid"


class Skip(msgspec.Struct, frozen=True, gc=False):
    """Why an event that a function listens to did not start a run of it.

    What is recorded as a run with the status Skipped (singleton, paused, drained) has none.
    """

    event_id: EventId
    function_id: FunctionId
    reason: SkipReason
    detail: str
    at_ms: int


class LimitKind(enum.IntEnum):
    """What a `LimitState` is the state of. The numbers are stored; never renumber."""

    THROTTLE = 0
    RATE_LIMIT = 1


class LimitState(msgspec.Struct, frozen=True, gc=False):
    """How far a throttle or a rate limit has been used up: the one number GCRA keeps.

    Attributes:
        key: Hash of the key's expression and value, "" without a key; see `limit_key`.
        tat_ns: Theoretical arrival time, ns since 1970 UTC.
        expires_ms: From then on it is as good as no state.
    """

    function_id: FunctionId
    kind: LimitKind
    key: str
    tat_ns: int
    expires_ms: int


class BufferKind(enum.IntEnum):
    """Why events are held back. The numbers are stored; never renumber."""

    DEBOUNCE = 0
    BATCH = 1


class BufferRef(msgspec.Struct, frozen=True, gc=False):
    """Names a buffer: there is one per function, kind and value of the key."""

    function_id: FunctionId
    kind: BufferKind
    key: str


class Buffer(msgspec.Struct, frozen=True, gc=False):
    """Events held back for one run.

    Attributes:
        id: ULID; the batch id of a batch.
        item_id: The queue item that ends it.
        opened_ms: When its first event came.
        due_ms: When it ends.
        deadline_ms: When it ends at the latest; 0 without a bound.
        events: How many events it holds: 1 for a debounce.
        bytes: Size of their payloads together.
    """

    ref: BufferRef
    id: str
    item_id: ItemId
    opened_ms: int
    due_ms: int
    deadline_ms: int
    events: int
    bytes: int


class BufferedEvent(msgspec.Struct, frozen=True, gc=False):
    """One event of a buffer.

    Attributes:
        buffer_id: The buffer's `id`.
        position: From 0; writing a position again replaces what stood there.
        claim_key: Key under which a repetition of the event is recognised.
        cron: The cron expression whose tick it is.
        parent_run_id: The run that waits for an invocation's result, its function and its step.
    """

    buffer_id: str
    position: int
    event_id: EventId
    ts_ms: int
    claim_key: str = ""
    cron: str = ""
    parent_run_id: RunId = RunId("")
    parent_function_id: FunctionId = FunctionId("")
    parent_step: str = ""


class SignalWait(msgspec.Struct, frozen=True, gc=False):
    """A step waits for a signal. There is one per environment and name; the newest stands."""

    environment_id: EnvironmentId
    name: str
    run_id: RunId
    function_id: FunctionId
    step: StepId
    expires_ms: int

    @property
    def ref(self) -> "SignalRef":
        """What is needed to end it."""
        return SignalRef(self.environment_id, self.name, self.run_id, self.step)


class SignalRef(msgspec.Struct, frozen=True, gc=False):
    """The wait of one step for a signal; a wait of another step under that name is not meant."""

    environment_id: EnvironmentId
    name: str
    run_id: RunId
    step: StepId


class PossibleMatch(msgspec.Struct, frozen=True, gc=False):
    """A MATCH item that is put into the queue only if a run waits for an event of that name.

    For a node that cannot know, because runs of other nodes wait, too.
    """

    item: QueueItem
    environment_id: EnvironmentId
    event_name: str


class Moved(msgspec.Struct, frozen=True, gc=False):
    """All queue items of a function that lie in one partition belong into another."""

    function_id: FunctionId
    origin: PartitionId
    target: PartitionId


#: How a call to an app ended: answered, failed in a way that may be repeated, failed finally.
CallEnd = Literal["success", "errored", "failed"]


class WaitedFor(enum.IntFlag):
    """Limits that kept a call from being sent at once."""

    NOTHING = 0
    #: The function's throttle; first calls alone.
    THROTTLE = 1
    #: A limit on calls under way or on unfinished runs.
    CONCURRENCY = 2


class AnsweredCall(msgspec.Struct, frozen=True, gc=False):
    """A call to an app has ended and counts. It is no row: what is written of it is counted.

    Attributes:
        item_id: The queue item that stood for it.
        ready_ms: When it could have been sent if nothing had been in its way.
        sent_ms: When it was sent.
        ended_ms: When the answer was decided about.
        waited_for: What it had to wait for before it was sent.
    """

    item_id: ItemId
    ready_ms: int
    sent_ms: int
    ended_ms: int
    end: CallEnd
    waited_for: WaitedFor = WaitedFor.NOTHING


class Transition(msgspec.Struct, gc=False):
    """The rows of one decision. Complete when core returns it; nobody changes it afterwards.

    Attributes:
        put: Items to insert.
        renew: Items whose row exists and is replaced; the key is the item's id.
        renew_due: As `renew`, where `due_ms`, `lane` or `score` change too.
        done: Items whose rows are deleted.
        events_again: Events stored before, from which a run is started once more. Those that were
            deleted since are inserted; the others cannot be deleted before the commit.
        apps: Apps to insert or replace.
        apps_removed: Apps whose rows are deleted; they have no functions.
        functions: Functions to insert or replace.
        syncs: Synchronisations of apps to remember.
        syncs_removed: Those to forget; those of apps that are removed are, too.
        limits: States to insert or replace.
        buffers: Buffers to insert or replace.
        buffered: Their events to insert or replace.
        buffers_done: Ids of buffers that are deleted with their events.
        signals: Waits to insert or replace.
        signals_done: Waits to delete, if they are what stands there.
        operations: Bulk operations to insert or replace.
        operations_done: Bulk operations to delete.
        retention: How long environments keep what; replaces what was said before.
        forgotten: What is old and deleted after everything else is written, unless it is needed.
        metadata: Updates of metadata of runs, live or ended, to append.
        spans: Spans of apps to insert or replace.
        possible_matches: Items to insert if somebody waits for their events.
        received: Items that others put into the queue, and whose announcement was heard.
        moved: Functions whose items go to another partition.
        answered: Calls that were answered.
        closed: Items, as they were, whose work is over or will not be done any more, without those
            of answered calls. They are deleted or replaced.
        catalogue: The version of apps and functions that a change of them was decided on: nothing
            is written if it is another one by then. None if nobody else can change them.
        function_id: Whose run was decided about; what the transition brings of runs it does not
            create is of that run. Empty if it is about no run.
        at_ms: When that was decided.
    """

    events: list[StoredEvent] = []
    runs: list[NewRun] = []
    started: list[RunStart] = []
    ended: list[RunEnd] = []
    journal: list[JournalRow] = []
    put: list[QueueItem] = []
    renew: list[QueueItem] = []
    renew_due: list[QueueItem] = []
    done: list[ItemId] = []
    waits: list[Wait] = []
    waits_done: list[WaitRef] = []
    claims: list[Claim] = []
    skips: list[Skip] = []
    events_again: list[StoredEvent] = []
    apps: list[App] = []
    apps_removed: list[AppId] = []
    functions: list[Function] = []
    syncs: list[AppSync] = []
    syncs_removed: list[SyncMark] = []
    limits: list[LimitState] = []
    buffers: list[Buffer] = []
    buffered: list[BufferedEvent] = []
    buffers_done: list[str] = []
    signals: list[SignalWait] = []
    signals_done: list[SignalRef] = []
    operations: list[Operation] = []
    operations_done: list[OperationId] = []
    retention: list[tuple[EnvironmentId, RetentionOverrides]] = []
    forgotten: list[Forgotten] = []
    metadata: list[MetadataUpdate] = []
    spans: list[UserSpan] = []
    possible_matches: list[PossibleMatch] = []
    received: list[ItemId] = []
    moved: list[Moved] = []
    answered: list[AnsweredCall] = []
    closed: list[QueueItem] = []
    catalogue: int | None = None
    function_id: FunctionId = FunctionId("")
    at_ms: int = 0

    def take_over(self, other: "Transition") -> None:
        """Append everything that another transition brings."""
        for name in LISTS:
            getattr(self, name).extend(getattr(other, name))


#: The fields of a transition that are lists, in order.
LISTS: Final = tuple(
    name
    for name in Transition.__struct_fields__
    if name not in {"catalogue", "function_id", "at_ms"}
)
