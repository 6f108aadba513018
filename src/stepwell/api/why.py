"""Why things wait: what the scheduler says, completed by what only the store can count.

Memory holds the beginning of each lane. How many items stand between that and an item far behind is
counted in the store, so the answers are exact however deep the queue is.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from heapq import nlargest
from typing import Final, Protocol

import msgspec

from stepwell.core.function import FunctionIndex
from stepwell.core.gcra import NS_PER_MS, throttle
from stepwell.core.identity import FunctionId, ItemId, RunId
from stepwell.core.lanes import CALLS, DECISIONS, STARTS, call_lane, is_start_lane, lane_keys
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.engine.reasons import Reasons
from stepwell.engine.scheduler import Scheduler
from stepwell.engine.turns import FunctionQueue
from stepwell.engine.waiting import Constraint, Waiting
from stepwell.engine.windows import BEGINNING, LaneWindow, place_of
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
    "Waitings",
]

#: Items of one run that are explained.
ITEMS_MAX: Final = 100
#: Values of keys that are named for one constraint.
KEYS_MAX: Final = 20
#: What events wait for that have no run yet.
BATCH: Final = "batch"
DEBOUNCE: Final = "debounce"

# Explaining a lane takes up to 20 µs, and the event loop has other things to do.
_LANES_AT_ONCE: Final = 50


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
        reasons: Ask the limits.
        scheduler: Gives the scheduler of the present ownership.
        functions: Gives the functions as they are registered now.
    """

    def __init__(
        self,
        readers: QueueReaders,
        reasons: Reasons,
        *,
        scheduler: Callable[[], Scheduler],
        functions: Callable[[], FunctionIndex],
    ) -> None:
        self._readers = readers
        self._reasons = reasons
        self._scheduler = scheduler
        self._functions = functions

    async def of_run(self, run_id: RunId) -> list[ItemWaiting]:
        """What each of the run's first `ITEMS_MAX` queue items waits for."""
        items = await self._readers.jobs(run_id, limit=ITEMS_MAX)
        return [await self.of_item(item) for item in items]

    async def of_item(self, item: QueueItem) -> ItemWaiting:
        """What the item waits for, how many go before it, and when it could start if known."""
        memory = self._scheduler().memory
        waiting = self._reasons.why(item)
        queue = memory.queues.get(item.function_id)
        if item.id in memory.under_way or item.lane == DECISIONS or queue is None:
            return ItemWaiting(item, waiting, item.id in memory.under_way)
        if waiting.constraint is not Constraint.NOT_DUE:
            waiting = await self._with_stored(waiting, item, queue)
        return ItemWaiting(item, waiting, is_under_way=False)

    async def of_function(self, function_id: FunctionId) -> FunctionWaiting:
        """What is queued for a function, and what holds it up."""
        numbers = await self._readers.queue_numbers(function_id)
        return await self._summary(function_id, numbers.lanes, numbers.timers, keys_max=KEYS_MAX)

    async def of_functions(self, numbers: QueueNumbers) -> list[FunctionWaiting]:
        """The same for every registered function, without keys.

        Args:
            numbers: Of all functions, counted a moment ago.
        """
        lanes: dict[FunctionId, list[LaneNumbers]] = {}
        timers: dict[FunctionId, list[TimerNumbers]] = {}
        for lane in numbers.lanes:
            lanes.setdefault(lane.function_id, []).append(lane)
        for timer in numbers.timers:
            timers.setdefault(timer.function_id, []).append(timer)
        return [
            await self._summary(id_, lanes.get(id_, []), timers.get(id_, []), keys_max=0)
            for id_ in [function.id for function in self._functions()]
        ]

    async def _with_stored(
        self, waiting: Waiting, item: QueueItem, queue: FunctionQueue
    ) -> Waiting:
        """Count those that stand between the lane's part in memory and the item."""
        window, place = queue.window(item.lane), place_of(item)
        edge = BEGINNING if window is None else window.edge
        if edge is None or edge >= place:
            return waiting
        lane = item.lane
        stored = await self._readers.items_ahead(queue.id, lane, score=place[0], item_id=place[1])
        if edge != BEGINNING:
            # Up to and with the edge all are in memory, or are being worked on.
            stored -= await self._readers.items_ahead(
                queue.id, lane, score=edge[0], item_id=ItemId(edge[1] + 1)
            )
        stored = max(0, stored)
        starts_ms = waiting.starts_ms
        option = queue.rules.throttle
        if waiting.constraint is Constraint.THROTTLE and starts_ms is not None and option:
            gcra = throttle(option.limit, queue.rules.throttle_period_ms, option.burst)
            starts_ms += stored * gcra.interval_ns // NS_PER_MS
        return msgspec.structs.replace(
            waiting, ahead=waiting.ahead + stored, starts_ms=starts_ms, goes_on_in_store=False
        )

    async def _summary(
        self,
        function_id: FunctionId,
        lanes: Sequence[LaneNumbers],
        timers: Sequence[TimerNumbers],
        *,
        keys_max: int,
    ) -> FunctionWaiting:
        kinds = {timer.kind: timer.items for timer in timers}
        queue = self._scheduler().memory.queues.get(function_id)
        if queue is None:
            return FunctionWaiting(function_id, 0, 0, 0, 0, None, _held_timers(kinds, 0), kinds)
        summary = _Summary(keys_max)
        stored = {lane.lane: lane for lane in lanes}
        windows = [queue.decisions, *queue.windows.values()]
        under_way = self._under_way(queue)
        for first in range(0, len(windows), _LANES_AT_ONCE):
            if first:
                await asyncio.sleep(0)
            for window in windows[first : first + _LANES_AT_ONCE]:
                numbers = stored.get(window.lane)
                waiting = _waiting_items(window, numbers, under_way[window.lane])
                if waiting:
                    head = window.first() or _probe(queue.id, window.lane)
                    summary.add(window.lane, waiting, self._reasons.why(head))
                    summary.age(head.queued_ms or (numbers.oldest_queued_ms if numbers else 0))
        return FunctionWaiting(
            function_id,
            summary.runs,
            summary.requests,
            summary.decisions,
            self._reasons.running(function_id),
            summary.oldest_ms,
            (*summary.held(), *_held_timers(kinds, queue.timers.due_count)),
            kinds,
        )

    def _under_way(self, queue: FunctionQueue) -> Counter[str]:
        """The function's requests under way, by the lane in which their rows stand."""
        memory = self._scheduler().memory
        starts = Counter(lane for _, lane in memory.starts_under_way(queue))
        groups = Counter(g.key for g in memory.under_way.values() if g.function is queue)
        found: Counter[str] = Counter()
        for key, count in groups.items():
            start = STARTS + key
            found[start] += starts[start]
            # Starts that have cost something, and requests of runs that have begun.
            found[call_lane(lane_keys(CALLS + key))] += count - starts[start]
        return found


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


def _waiting_items(window: LaneWindow, stored: LaneNumbers | None, under_way: int) -> int:
    """How many items of a lane wait.

    What is in memory is known exactly. Beyond its edge only rows can be counted, and those of
    requests under way are among them.
    """
    if window.edge is None or stored is None:
        return len(window)
    return max(len(window), stored.items - under_way)


def _probe(function_id: FunctionId, lane: str) -> QueueItem:
    """Stands for the first item of a lane that is about to be read."""
    kind = ItemKind.START if is_start_lane(lane) else ItemKind.DISCOVER
    return QueueItem(ItemId(0), kind, function_id, lane=lane, score=BEGINNING[0])


def _held_timers(timers: dict[ItemKind, int], due: int) -> tuple[Held, ...]:
    """What waits for its time: calls to be made later, batches, debounces."""
    later = sum(items for kind, items in timers.items() if kind.is_request)
    counts = {
        Constraint.NOT_DUE: max(0, later - due),
        BATCH: timers.get(ItemKind.BATCH, 0),
        DEBOUNCE: timers.get(ItemKind.DEBOUNCE, 0),
    }
    return tuple(Held(name, items) for name, items in counts.items() if items)
