"""Why something is waiting: the limits asked again, in words.

Nothing is remembered for this: what holds an item up is found by comparing its limits with what is
used now, so the answer is right at the moment it is given.
"""

from collections.abc import Callable

import msgspec

from stepwell.core.gcra import NS_PER_MS
from stepwell.core.identity import FunctionId
from stepwell.core.lanes import DECISIONS, is_start_lane, lane_keys
from stepwell.core.queue import QueueItem
from stepwell.engine.limits import Check
from stepwell.engine.scheduler import Scheduler
from stepwell.engine.turns import FunctionQueue
from stepwell.engine.waiting import Constraint, LaneWaiting, Waiting
from stepwell.engine.windows import place_of

__all__ = ["Reasons"]

_NOTHING = Waiting(Constraint.NONE)


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

    def waiting_lanes(self, function_id: FunctionId) -> list[LaneWaiting]:
        """For each lane of a function in which requests wait, what holds up its first item."""
        queue = self._scheduler().memory.queues.get(function_id)
        if queue is None:
            return []
        found = []
        for window in queue.windows.values():
            if not window.is_over:
                constraint = self._constraint(queue, window.lane, window.first()).constraint
                goes_on = window.edge is not None
                found.append(LaneWaiting(window.lane, constraint, len(window), goes_on))
        return found

    def running(self, function_id: FunctionId) -> int:
        """How many requests of the function are under way."""
        queue = self._scheduler().memory.queues.get(function_id)
        return queue.running if queue is not None else 0

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


def _full(check: Check) -> Waiting:
    return Waiting(check.constraint, check.key, check.value, check.limit, check.bucket.used)
