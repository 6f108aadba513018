"""Why something is waiting: the limits asked again, in words.

Nothing is remembered for this: what holds an item up is found by comparing its limits with what is
used now, so the answer is right at the moment it is given.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from typing import Final

import msgspec

from stepwell.core.gcra import NS_PER_MS, throttle
from stepwell.core.identity import FunctionId, ItemId
from stepwell.core.lanes import CALLS, DECISIONS, STARTS, call_lane, is_start_lane, lane_keys
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.engine.limits import Check
from stepwell.engine.scheduler import Scheduler
from stepwell.engine.turns import FunctionQueue
from stepwell.engine.waiting import (
    Constraint,
    ItemReason,
    LaneReason,
    QueueReason,
    Uncounted,
    Waiting,
)
from stepwell.engine.windows import BEGINNING, LaneWindow, place_of

__all__ = ["Reasons"]

_NOTHING = Waiting(Constraint.NONE)

# Explaining a lane takes up to 20 µs, and the event loop has other things to do.
_LANES_AT_ONCE: Final = 50


class Reasons:
    """Explains what a scheduler does.

    Args:
        scheduler: Gives the scheduler of the present ownership.
        now_ms: The wall clock.
    """

    def __init__(self, scheduler: Callable[[], Scheduler], now_ms: Callable[[], int]) -> None:
        self._scheduler = scheduler
        self._now_ms = now_ms

    def why(self, item: QueueItem) -> Waiting:
        """What an item waits for, and when it could start if that is known.

        An item that is being worked on waits for nothing. `ahead` counts what is in memory; the
        caller can count in the store what may stand between.
        """
        if item.due_ms > self._now_ms():
            return Waiting(Constraint.NOT_DUE, starts_ms=item.due_ms)
        memory = self._scheduler().memory
        if item.lane == DECISIONS or item.id in memory.under_way:
            return _NOTHING
        queue = memory.queues.get(item.function_id)
        if queue is None:
            return _NOTHING
        window = queue.window(item.lane)
        ahead, goes_on = 0, False
        if window is not None:
            place = place_of(item)
            ahead = window.count_before(place)
            goes_on = window.edge is not None and window.edge < place
        waiting = self._constraint(queue, item.lane, item, ahead=ahead)
        return msgspec.structs.replace(waiting, ahead=ahead, goes_on_in_store=goes_on)

    def of_item(self, item: QueueItem) -> ItemReason:
        """What an item waits for, and what has to be counted before that is complete."""
        memory = self._scheduler().memory
        waiting = self.why(item)
        queue = memory.queues.get(item.function_id)
        if item.id in memory.under_way or item.lane == DECISIONS or queue is None:
            return ItemReason(waiting, item.id in memory.under_way)
        if waiting.constraint is Constraint.NOT_DUE:
            return ItemReason(waiting)
        return ItemReason(waiting, uncounted=_uncounted(waiting, item, queue))

    async def of_queue(self, function_id: FunctionId) -> QueueReason:
        """What waits of a function, lane by lane; lanes in which nothing can wait are left out."""
        queue = self._scheduler().memory.queues.get(function_id)
        if queue is None:
            return QueueReason()
        under_way = self._under_way(queue)
        windows = [queue.decisions, *queue.windows.values()]
        lanes = []
        for number, window in enumerate(windows):
            if number and number % _LANES_AT_ONCE == 0:
                await asyncio.sleep(0)
            if not window.is_over:
                lanes.append(self._of_lane(queue.id, window, under_way[window.lane]))
        return QueueReason(queue.running, queue.timers.due_count, lanes)

    def _of_lane(self, function_id: FunctionId, window: LaneWindow, under_way: int) -> LaneReason:
        head = window.first() or _probe(function_id, window.lane)
        goes_on = window.edge is not None
        return LaneReason(
            window.lane, self.why(head), len(window), goes_on, under_way, head.queued_ms
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

    def _constraint(
        self, queue: FunctionQueue, lane: str, item: QueueItem | None, *, ahead: int = 0
    ) -> Waiting:
        scheduler, rules = self._scheduler(), queue.rules
        is_start = is_start_lane(lane)
        if rules.holds_calls or (is_start and rules.holds_starts):
            return Waiting(Constraint.PAUSED)
        keys = lane_keys(lane)
        for check in scheduler.limits.checks(rules, keys):
            if check.bucket.used >= check.limit:
                return _full(check)
        start = self._start_constraint(queue, lane, item, ahead=ahead) if is_start else _NOTHING
        if start.constraint is Constraint.NONE and not scheduler.has_free_slots:
            return Waiting(Constraint.WORKER_SLOTS)
        return start

    def _start_constraint(
        self, queue: FunctionQueue, lane: str, item: QueueItem | None, *, ahead: int
    ) -> Waiting:
        scheduler, rules = self._scheduler(), queue.rules
        limits = scheduler.limits.start_limits(rules, lane_keys(lane))
        if limits is None:
            return _NOTHING
        runs, throttled = limits.runs, limits.throttled
        if runs is not None and not (item is not None and scheduler.units.holds(item.run_id)):
            if not queue.are_runs_known:
                return msgspec.structs.replace(_full(runs), usage=None)
            if runs.bucket.used >= runs.limit:
                return _full(runs)
        now_ns = self._now_ms() * NS_PER_MS
        if throttled is None or throttled.gcra.allows(throttled.tat_ns, now_ns):
            return _NOTHING
        starts_ns = throttled.gcra.next_allowed_ns(throttled.tat_ns, now_ns, ahead=ahead)
        return Waiting(
            Constraint.THROTTLE,
            limits.throttle_key or None,
            limits.throttle_value,
            limit=rules.throttle.limit if rules.throttle is not None else None,
            starts_ms=-(-starts_ns // NS_PER_MS),
        )


def _uncounted(waiting: Waiting, item: QueueItem, queue: FunctionQueue) -> Uncounted | None:
    """What stands between the lane's part in memory and the item."""
    window, place = queue.window(item.lane), place_of(item)
    edge = BEGINNING if window is None else window.edge
    if edge is None or edge >= place:
        return None
    interval_ns = 0
    option = queue.rules.throttle
    if waiting.constraint is Constraint.THROTTLE and waiting.starts_ms is not None and option:
        pace = throttle(option.limit, queue.rules.throttle_period_ms, option.burst)
        interval_ns = pace.interval_ns
    return Uncounted(None if edge == BEGINNING else edge, interval_ns)


def _probe(function_id: FunctionId, lane: str) -> QueueItem:
    """Stands for the first item of a lane that is about to be read."""
    kind = ItemKind.START if is_start_lane(lane) else ItemKind.DISCOVER
    return QueueItem(ItemId(0), kind, function_id, lane=lane, score=BEGINNING[0])


def _full(check: Check) -> Waiting:
    return Waiting(check.constraint, check.key, check.value, check.limit, check.bucket.used)
