"""Why things wait: what the scheduler says, completed by what only the store can count.

The server that owns the function says what is in its memory, which is the beginning of each lane. How
many items stand between that and an item far behind is counted in the store, so the answers are
exact however deep the queue is, and whichever server is asked.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from heapq import nlargest
from typing import Final, Protocol

import msgspec

from stepwell.core.function import FunctionIndex
from stepwell.core.gcra import NS_PER_MS
from stepwell.core.identity import FunctionId, ItemId, RunId
from stepwell.core.lanes import DECISIONS, is_start_lane
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.engine.clock import Clock
from stepwell.engine.waiting import (
    Constraint,
    ItemReason,
    LaneReason,
    QueueReason,
    Uncounted,
    Waiting,
)
from stepwell.store.views import LaneNumbers, QueueNumbers, TimerNumbers

__all__ = [
    "BATCH",
    "DEBOUNCE",
    "ITEMS_MAX",
    "KEYS_MAX",
    "FunctionWaiting",
    "Held",
    "HeldKey",
    "ItemWaiting",
    "QueueReaders",
    "Reasoning",
    "Waitings",
]

#: Items of one run that are explained.
ITEMS_MAX: Final = 100
#: Values of keys that are named for one constraint.
KEYS_MAX: Final = 20
#: What events wait for that have no run yet.
BATCH: Final = "batch"
DEBOUNCE: Final = "debounce"

_OWNER_SILENT: Final = Waiting(Constraint.NO_OWNER)


class QueueReaders(Protocol):
    """Questions about the queue as it is stored. Every method raises `StoreUnavailable`."""

    async def jobs(self, run_id: RunId, *, limit: int) -> list[QueueItem]:
        """The run's first `limit` queue items, by id."""
        ...

    async def queue_numbers(self, function_id: FunctionId | None = None) -> QueueNumbers:
        """How many items of one function, or of all, stand in the queue, by lane and kind."""
        ...

    async def items_ahead(
        self, function_id: FunctionId, lane: str, *, score: int, item_id: ItemId
    ) -> int:
        """How many items due at once go before a place in a lane."""
        ...


class Reasoning(Protocol):
    """What the servers' memories say. Every method raises `StoreUnavailable`."""

    def is_here(self, function_id: FunctionId) -> bool:
        """Whether this server does the work of the function."""
        ...

    async def why(
        self, function_id: FunctionId, items: Sequence[QueueItem]
    ) -> Sequence[ItemReason] | None:
        """Why queue items of a function wait, in the same order; None if its owner is silent."""
        ...

    async def queue_reason(self, function_id: FunctionId) -> QueueReason | None:
        """What waits of a function, and why; None if its owner is silent."""
        ...


class ItemWaiting(msgspec.Struct, frozen=True):
    """What one queue item waits for.

    Attributes:
        waiting: Why; `ahead` and `starts_ms` take into account what is only in the store.
        is_under_way: Whether its request is being made.
    """

    item: QueueItem
    waiting: Waiting
    is_under_way: bool


class HeldKey(msgspec.Struct, frozen=True):
    """Items that wait for the same limit with the same value of its key.

    Attributes:
        waiting: Why the first of them waits.
        items: How many wait.
    """

    waiting: Waiting
    items: int


class Held(msgspec.Struct, frozen=True):
    """Items of a function that wait for the same thing.

    Attributes:
        constraint: The text of a `Constraint`, or `BATCH` or `DEBOUNCE` for timers of these.
        items: How many wait.
        keys: Those that wait most, by limit and value, the most first; one without a key for a
            limit that has none.
        key_count: How many there are.
    """

    constraint: str
    items: int
    keys: tuple[HeldKey, ...] = ()
    key_count: int = 0


class FunctionWaiting(msgspec.Struct, frozen=True):
    """What is queued for a function.

    Attributes:
        runs: Runs that wait for their first call and could have it now but for a limit.
        requests: Calls of runs that have begun, and requests for their steps.
        decisions: Work that needs no call, such as events to be let in.
        running: Requests under way.
        oldest_ms: When the work that waits longest came up; None if nothing waits.
        held: What holds them up, the most first.
        timers: What is due later, by kind; the store's count.
    """

    function_id: FunctionId
    runs: int
    requests: int
    decisions: int
    running: int
    oldest_ms: int | None
    held: tuple[Held, ...]
    timers: dict[ItemKind, int]

    @property
    def queued(self) -> int:
        """All that could be done now but for a limit."""
        return self.runs + self.requests + self.decisions


class Waitings:
    """Explains what waits. Every method raises `StoreUnavailable`.

    Args:
        readers: Count in the store.
        reasoning: Asks whoever owns the work.
        functions: Gives the functions as they are registered now.
        clock: The wall clock.
    """

    def __init__(
        self,
        readers: QueueReaders,
        reasoning: Reasoning,
        *,
        functions: Callable[[], FunctionIndex],
        clock: Clock,
    ) -> None:
        self._readers = readers
        self._reasoning = reasoning
        self._functions = functions
        self._clock = clock

    async def of_run(self, run_id: RunId) -> list[ItemWaiting]:
        """What each of the run's first `ITEMS_MAX` queue items waits for."""
        items = await self._readers.jobs(run_id, limit=ITEMS_MAX)
        if not items:
            return []
        # A run has one function, and so have its items.
        reasons = await self._reasoning.why(items[0].function_id, items)
        if reasons is None:
            return [self._of_silence(item) for item in items]
        return [
            await self._completed(item, reason) for item, reason in zip(items, reasons, strict=True)
        ]

    async def of_function(self, function_id: FunctionId) -> FunctionWaiting:
        """What is queued for a function, and what holds it up."""
        numbers = await self._readers.queue_numbers(function_id)
        reason = await self._reasoning.queue_reason(function_id)
        return _explained(function_id, reason, numbers.lanes, numbers.timers, keys_max=KEYS_MAX)

    async def of_functions_here(self, numbers: QueueNumbers) -> list[FunctionWaiting]:
        """The same, without keys, for every registered function whose work this server does.

        Args:
            numbers: Of all functions, counted a moment ago.
        """
        lanes: dict[FunctionId, list[LaneNumbers]] = {}
        timers: dict[FunctionId, list[TimerNumbers]] = {}
        for lane in numbers.lanes:
            lanes.setdefault(lane.function_id, []).append(lane)
        for timer in numbers.timers:
            timers.setdefault(timer.function_id, []).append(timer)
        found = []
        for id_ in [function.id for function in self._functions()]:
            if self._reasoning.is_here(id_):
                reason = await self._reasoning.queue_reason(id_)
                own = lanes.get(id_, []), timers.get(id_, [])
                found.append(_explained(id_, reason, *own, keys_max=0))
        return found

    def _of_silence(self, item: QueueItem) -> ItemWaiting:
        """What can be said of an item without its owner."""
        if item.due_ms > self._clock.now_ms():
            waiting = Waiting(Constraint.NOT_DUE, starts_ms=item.due_ms)
            return ItemWaiting(item, waiting, is_under_way=False)
        return ItemWaiting(item, _OWNER_SILENT, is_under_way=False)

    async def _completed(self, item: QueueItem, reason: ItemReason) -> ItemWaiting:
        waiting = reason.waiting
        if reason.uncounted is not None:
            stored = await self._stored_before(item, reason.uncounted)
            starts_ms = waiting.starts_ms
            if starts_ms is not None:
                starts_ms += stored * reason.uncounted.interval_ns // NS_PER_MS
            waiting = msgspec.structs.replace(
                waiting, ahead=waiting.ahead + stored, starts_ms=starts_ms, goes_on_in_store=False
            )
        return ItemWaiting(item, waiting, reason.is_under_way)

    async def _stored_before(self, item: QueueItem, uncounted: Uncounted) -> int:
        """How many stand between the lane's part in memory and the item."""
        ahead = self._readers.items_ahead
        stored = await ahead(item.function_id, item.lane, score=item.score, item_id=item.id)
        if uncounted.after is not None:
            # Up to and with the edge all are in memory, or are being worked on.
            score, edge = uncounted.after
            stored -= await ahead(
                item.function_id, item.lane, score=score, item_id=ItemId(edge + 1)
            )
        return max(0, stored)


def _explained(
    function_id: FunctionId,
    reason: QueueReason | None,
    lanes: Sequence[LaneNumbers],
    timers: Sequence[TimerNumbers],
    *,
    keys_max: int,
) -> FunctionWaiting:
    """What memory says of a function, completed by what was counted of it."""
    kinds = {timer.kind: timer.items for timer in timers}
    summary = _Summary(keys_max)
    if reason is None:
        for stored in lanes:
            summary.add(stored.lane, stored.items, _OWNER_SILENT)
            summary.age(stored.oldest_queued_ms)
        reason = QueueReason()
    else:
        _add_lanes(summary, reason.lanes, {lane.lane: lane for lane in lanes})
    return FunctionWaiting(
        function_id,
        summary.runs,
        summary.requests,
        summary.decisions,
        reason.running,
        summary.oldest_ms,
        (*summary.held(), *_held_timers(kinds, reason.timers_due)),
        kinds,
    )


def _add_lanes(
    summary: "_Summary", lanes: Sequence[LaneReason], stored: Mapping[str, LaneNumbers]
) -> None:
    for lane in lanes:
        numbers = stored.get(lane.lane)
        if waiting := _waiting_items(lane, numbers):
            summary.add(lane.lane, waiting, lane.waiting)
            summary.age(lane.queued_ms or (numbers.oldest_queued_ms if numbers else 0))


class _Summary:
    """Adds up lanes."""

    def __init__(self, keys_max: int) -> None:
        self._keys_max = keys_max
        self._items: Counter[Constraint] = Counter()
        self._keys: dict[Constraint, dict[tuple[str | None, str], HeldKey]] = {}
        self.runs = 0
        self.requests = 0
        self.decisions = 0
        self.oldest_ms: int | None = None

    def add(self, lane: str, items: int, waiting: Waiting) -> None:
        """A lane in which so many items wait, the first of them for this."""
        if lane == DECISIONS:
            self.decisions += items
        elif is_start_lane(lane):
            self.runs += items
        else:
            self.requests += items
        self._items[waiting.constraint] += items
        if self._keys_max:
            keys = self._keys.setdefault(waiting.constraint, {})
            name = (waiting.key, waiting.value)
            known = keys.get(name)
            keys[name] = HeldKey(waiting, items + (known.items if known is not None else 0))

    def age(self, queued_ms: int) -> None:
        """Work that came up at that time waits."""
        if queued_ms and (self.oldest_ms is None or queued_ms < self.oldest_ms):
            self.oldest_ms = queued_ms

    def held(self) -> list[Held]:
        """What is held up, the most first."""
        found = []
        for constraint, items in self._items.most_common():
            keys = self._keys.get(constraint, {})
            most = nlargest(self._keys_max, keys.values(), key=lambda key: key.items)
            found.append(Held(constraint, items, tuple(most), len(keys)))
        return found


def _waiting_items(lane: LaneReason, stored: LaneNumbers | None) -> int:
    """How many items of a lane wait.

    What is in memory is known exactly. Beyond its edge only rows can be counted, and those of
    requests under way are among them.
    """
    if not lane.goes_on_in_store or stored is None:
        return lane.items
    return max(lane.items, stored.items - lane.under_way)


def _held_timers(timers: dict[ItemKind, int], due: int) -> tuple[Held, ...]:
    """What waits for its time: calls to be made later, batches, debounces."""
    later = sum(items for kind, items in timers.items() if kind.is_request)
    counts = {
        Constraint.NOT_DUE: max(0, later - due),
        BATCH: timers.get(ItemKind.BATCH, 0),
        DEBOUNCE: timers.get(ItemKind.DEBOUNCE, 0),
    }
    return tuple(Held(name, items) for name, items in counts.items() if items)
