"""What the engine asks of a store.

The contract is here, once; every implementation passes the same tests (`tests/unit/store/`). A store fetches and writes; it decides nothing. Its rows are the values of `stepwell.core`.
"""

from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import ClassVar, Protocol

import msgspec

from stepwell.core.app import App
from stepwell.core.app_sync import SyncMark
from stepwell.core.counted import Span
from stepwell.core.function import Function
from stepwell.core.identity import (
    EnvironmentId,
    EventId,
    FunctionId,
    ItemId,
    NodeId,
    PartitionId,
    RunId,
    WaitId,
)
from stepwell.core.journal import Entry
from stepwell.core.operation import Operation
from stepwell.core.queue import QueueItem
from stepwell.core.retention import RetentionOverrides
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.core.transition import (
    Buffer,
    BufferedEvent,
    BufferRef,
    LimitState,
    NewRun,
    SignalWait,
    StoredEvent,
    Transition,
)
from stepwell.core.waits import Wait
from stepwell.engine.nodes import ONE_PLACE, Cluster, Ownership, Places
from stepwell.wire.errors import OperationalError

__all__ = [
    "AnnotatedRun",
    "Lane",
    "LaneQuery",
    "OldEvent",
    "OldEventsQuery",
    "OldRun",
    "OldRunsQuery",
    "Overtaken",
    "Ownership",
    "OwnershipLost",
    "RetentionState",
    "RunHistory",
    "RunsQuery",
    "Store",
    "StoreUnavailable",
    "WaitQuery",
    "WaitShape",
    "join_alone",
]


class StoreUnavailable(OperationalError):
    """The store did not confirm a commit or answer a read, so nothing was acknowledged.

    Attributes:
        operation: What was attempted, such as "commit".
        reason: What the database said.
        retry_after_s: After how many seconds trying again is reasonable; sent as Retry-After.
    """

    code: ClassVar[str] = "SW2001"

    def __init__(self, operation: str, reason: str, *, retry_after_s: int = 1) -> None:
        super().__init__(
            f"store unavailable during {operation} ({reason}); try again in {retry_after_s} s"
        )
        self.operation = operation
        self.reason = reason
        self.retry_after_s = retry_after_s


class Overtaken(StoreUnavailable):
    """Nothing was written: apps or functions have changed since a change of them was decided on."""

    def __init__(self) -> None:
        super().__init__("commit", "somebody else has changed apps or functions just now")


class OwnershipLost(OperationalError):
    """Another node has removed this one; it must forget what it knows and join anew."""

    code: ClassVar[str] = "SW2002"

    def __init__(self, node: NodeId) -> None:
        super().__init__(
            f"this server (node {node}) was taken for dead; it forgets what it knows and joins anew"
        )
        self.node = node


class WaitShape(msgspec.Struct, frozen=True):
    """Waits that can be looked up alike: same event name, same indexed path."""

    event_name: str
    match_path: str
    count: int


class WaitQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Asks for the first `limit` waits for an event name with an id above `after`, by id.

    Only waits whose (match_path, match_value) is one of `values` or that have no match path, created
    at or before `created_until_ms`.
    """

    environment_id: EnvironmentId
    event_name: str
    values: Collection[tuple[str, str]]
    created_until_ms: int
    after: WaitId
    limit: int


class Lane(msgspec.Struct, frozen=True, gc=False):
    """A lane that has items due at once."""

    function_id: FunctionId
    lane: str


class LaneQuery(msgspec.Struct, frozen=True, gc=False):
    """Asks for the first `limit` items of a lane due at once, in order of (score, id).

    Only those above `after` in that order.
    """

    partition: PartitionId
    function_id: FunctionId
    lane: str
    after: tuple[int, ItemId]
    limit: int


class RunHistory(msgspec.Struct, frozen=True):
    """A run, live or ended, as far as it can be read: what it began with and what happened.

    Attributes:
        status: What it is now; `new.status` is what every run is created in.
        events: Payloads of the events that started it; empty if not all of them are kept any more,
            which can be so when it has ended.
        journal: What happened; only the outcome if `is_whole` is not so.
        is_whole: Whether the journal is kept as it was.
    """

    new: NewRun
    status: RunStatus
    events: list[StoredEvent]
    journal: list[Entry]
    is_whole: bool = True


class RunsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Asks for runs of a function by the time they were queued, with their first events.

    The first `limit` with an id above `after`, by id. `queued_from_ms` is included and
    `queued_before_ms` is not.
    """

    function_id: FunctionId
    statuses: tuple[RunStatus, ...]
    queued_from_ms: int
    queued_before_ms: int
    after: RunId
    limit: int


class OldEventsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Asks for the first `limit` events with an id above `after`, by id, that can be old.

    Ids are ordered by receipt, as far as clients do not choose them.

    Attributes:
        before_ms: Only events received before this time are free to go.
    """

    environment_id: EnvironmentId
    before_ms: int
    after: EventId
    limit: int


class OldEvent(msgspec.Struct, frozen=True, gc=False):
    """An event that may be forgotten.

    Attributes:
        is_free: Whether it is old enough and nothing needs it.
    """

    id: EventId
    bytes: int
    is_free: bool


class OldRunsQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Asks for the first `limit` runs of a function that ended before a time in one status.

    Ordered by (end, id), and only those above `after` in that order.
    """

    function_id: FunctionId
    status: RunStatus
    before_ms: int
    after: tuple[int, RunId]
    limit: int


class OldRun(msgspec.Struct, frozen=True):
    """A run that may be forgotten.

    Attributes:
        event_ids: What started it; none if that is forgotten already.
        is_free: Whether nothing needs it.
        entries: Entries of its journal that are left; 1 is only the outcome.
        first_seq: The number of the first of them.
        bytes: Their size.
        attached: Updates of metadata and spans.
    """

    id: RunId
    ended_ms: int
    event_ids: tuple[EventId, ...]
    is_free: bool
    entries: int
    first_seq: int
    bytes: int
    attached: int = 0


class RetentionState(msgspec.Struct, frozen=True):
    """What is kept about the retention of an environment.

    Attributes:
        own: How long it keeps what, where that is not as the server says.
        pass_ms: When the last pass began that deleted something; 0 if there was none.
        deleted: Rows that this pass deleted, by table.
    """

    own: RetentionOverrides = RetentionOverrides()
    pass_ms: int = 0
    deleted: Mapping[str, int] = {}


class AnnotatedRun(msgspec.Struct, frozen=True, gc=False):
    """A run, live or ended, and how much is attached to it.

    Attributes:
        updates: Updates of its metadata; the last one has this number.
        updates_bytes: Their size.
        spans: Spans of its app.
        spans_bytes: Their size.
    """

    function_id: FunctionId
    updates: int
    updates_bytes: int
    spans: int
    spans_bytes: int


class Store(Cluster, Protocol):
    """Durable rows of one installation.

    Every method raises `StoreUnavailable` when the database does not answer; then nothing was
    written, and a partial result is never returned.

    Attributes:
        week_ms: How long a week of history is, if `drop_weeks` drops any; else 0.
    """

    week_ms: int

    async def join(self, name: str, version: str, *, alone: bool = False) -> Ownership:
        """Become a node, with a lease and without partitions, and wake everybody.

        Args:
            name: As an operator would look for it.
            version: Of Stepwell.
            alone: All other nodes are removed first. For databases that nobody else can use.
        """
        ...

    def commit(
        self, owner: Ownership, batch: Sequence[Transition], places: Places = ONE_PLACE
    ) -> Awaitable[None]:
        """Write all rows of all transitions durably, in order, or none.

        What is put into partitions of others is announced there in the same commit, and their
        owners are woken by it.

        Args:
            owner: Who commits.
            batch: What to write.
            places: Where queue items lie.

        Raises:
            OwnershipLost: The node was removed.
            Overtaken: A transition changes another version of apps and functions than there is.
        """
        ...

    async def probe(self, owner: Ownership) -> None:
        """Make a small durable write, to learn whether commits succeed again."""
        ...

    async def largest_number(self) -> int:
        """The largest item, wait or event number in use; 0 when there is none."""
        ...

    async def apps(self) -> list[App]:
        """All apps, archived ones included."""
        ...

    async def functions(self) -> list[Function]:
        """All functions, archived ones included."""
        ...

    async def sync_marks(self) -> list[SyncMark]:
        """What is remembered of synchronisations, of each app the oldest first."""
        ...

    async def load_runs(self, run_ids: Sequence[RunId]) -> dict[RunId, RunState]:
        """The states of those runs that exist and have not ended, in one round trip."""
        ...

    async def queued_functions(self, partition: PartitionId) -> list[FunctionId]:
        """The functions that have items in the partition's queue ("" for items of none)."""
        ...

    async def ready_lanes(
        self, partition: PartitionId, *, after: Lane | None, limit: int
    ) -> list[Lane]:
        """The first `limit` lanes that have items due at once, above `after`, in order.

        Takes as long as there are lanes, however many items stand in them.
        """
        ...

    async def ready(self, queries: Sequence[LaneQuery]) -> list[list[QueueItem]]:
        """For each query its items, in one round trip."""
        ...

    async def admitted_runs(self, function_id: FunctionId) -> list[tuple[RunId, str]]:
        """The function's live runs that do not wait for their start, each with its lane.

        These are all that have no START item in a start lane (`core.lanes.is_start_lane`).
        """
        ...

    async def throttles(self, *, now_ms: int) -> list[LimitState]:
        """All throttle states that have not expired."""
        ...

    async def rate_limits(
        self, keys: Collection[tuple[FunctionId, str]]
    ) -> Mapping[tuple[FunctionId, str], LimitState]:
        """The states of those rate limits that have one; keys as `LimitState.key`."""
        ...

    async def buffers(self, refs: Collection[BufferRef]) -> Mapping[BufferRef, Buffer]:
        """Those of the buffers that exist."""
        ...

    async def buffered_events(self, buffer_ids: Sequence[str]) -> dict[str, list[BufferedEvent]]:
        """The events of each buffer, by position."""
        ...

    async def singletons(
        self, keys: Collection[tuple[FunctionId, str]]
    ) -> Mapping[tuple[FunctionId, str], RunId]:
        """The live run with each (function, singleton key) that has one; the newest of several."""
        ...

    async def signal(self, environment_id: EnvironmentId, name: str) -> SignalWait | None:
        """What waits for the signal, whether or not its time is up or its run has ended."""
        ...

    async def history(self, run_id: RunId) -> RunHistory | None:
        """Everything about a run, live or ended; None when there is no such run."""
        ...

    async def annotated_runs(self, run_ids: Sequence[RunId]) -> Mapping[RunId, AnnotatedRun]:
        """Those of the runs that exist, live or ended, and how much is attached to each."""
        ...

    async def operations(self) -> list[Operation]:
        """All bulk operations, the newest first."""
        ...

    async def runs_of(self, query: RunsQuery) -> list[tuple[RunId, RunStatus, StoredEvent | None]]:
        """The runs the query asks for, each with its status and the first of its events.

        None for the event of an ended run that is not kept any more.
        """
        ...

    async def timers(
        self,
        partition: PartitionId,
        function_id: FunctionId,
        *,
        after: tuple[int, ItemId],
        until_ms: int,
        limit: int,
    ) -> list[QueueItem]:
        """The first `limit` items of the function with a due time up to `until_ms`.

        Ordered by (due time, id), and only those above `after` in that order: pages neither
        overlap nor skip. Items due at once are not included.
        """
        ...

    async def event(self, event_id: EventId) -> StoredEvent | None:
        """The event with that internal id (the first one stored, if it was sent twice)."""
        ...

    async def events(self, event_ids: Collection[EventId]) -> dict[EventId, StoredEvent]:
        """As `event`, for many in one round trip; unknown ones are left out."""
        ...

    async def waits_for(self, queries: Sequence[WaitQuery]) -> list[list[Wait]]:
        """For each query its page of waits, in one round trip."""
        ...

    async def wait_shapes(self, environment_id: EnvironmentId) -> list[WaitShape]:
        """Which waits exist, counted by event name and indexed path."""
        ...

    async def wait_paths(
        self, environment_id: EnvironmentId, event_name: str
    ) -> Sequence[str] | None:
        """The indexed paths of the waits for an event; None if there are no waits for it."""
        ...

    async def claims(
        self, keys: Collection[tuple[FunctionId, str]], *, now_ms: int
    ) -> Mapping[tuple[FunctionId, str], RunId]:
        """Those of the keys that are claimed and not expired, with the run that holds them."""
        ...

    async def expire_claims(self, owner: Ownership, *, now_ms: int, limit: int) -> int:
        """Delete up to `limit` expired claims; returns how many were deleted."""
        ...

    async def expire_limits(self, owner: Ownership, *, now_ms: int, limit: int) -> int:
        """The same for states of throttles and rate limits."""
        ...

    async def drop_weeks(
        self, owner: Ownership, *, events_before_ms: int, runs_before_ms: int
    ) -> Sequence[str]:
        """Forget weeks of events and runs of which nothing is kept or needed any more.

        That costs next to nothing, however much there is of them. Nothing happens where history
        does not lie in weeks.

        Args:
            owner: Who asks.
            events_before_ms: Events received before this time are free to go.
            runs_before_ms: Runs that ended before this time are free to go.

        Returns:
            What was dropped, for the log.
        """
        ...

    async def retention(self) -> Mapping[EnvironmentId, RetentionState]:
        """What is kept about the retention of those environments about which something is."""
        ...

    async def old_events(self, query: OldEventsQuery) -> list[OldEvent]:
        """A page of events, those that are needed included; takes as long however many are."""
        ...

    async def with_old_runs(
        self, function_ids: Sequence[FunctionId], *, before_ms: int
    ) -> list[tuple[FunctionId, RunStatus]]:
        """Those of the functions that have runs that ended before a time, with their statuses."""
        ...

    async def with_old_rollups(
        self, function_ids: Sequence[FunctionId], span: Span, *, before_ms: int
    ) -> list[FunctionId]:
        """Those of the functions that have counts of a time before that."""
        ...

    async def old_runs(self, query: OldRunsQuery) -> list[OldRun]:
        """A page of ended runs, those that are needed included."""
        ...

    async def old_rollups(
        self, function_id: FunctionId, span: Span, *, before_ms: int, limit: int
    ) -> int | None:
        """When the last of a function's first `limit` counts begins, of those before a time.

        None if there are none.
        """
        ...

    async def close(self) -> None:
        """Finish what was begun and let go of the database. May be called twice."""
        ...


async def join_alone(store: Store, name: str = "alone") -> Ownership:
    """Become the only node, which owns every partition: for tests, and for tools."""
    owner = await store.join(name, "", alone=True)
    await store.take(owner, store.partitions)
    return owner
