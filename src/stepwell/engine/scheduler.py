"""Which item is dispatched next.

Groups of lanes take turns; an item is dispatched when all its limits have room, and then it takes
up all of them. A group that is held up is parked at the limit that holds it up, and costs nothing
until that has room. There is no polling: commits bring new items, timers wake, answers free slots.
"""

from collections import Counter
from collections.abc import Callable, Container, Iterable, Sequence
from typing import Final

import msgspec

from stepwell.core.function import FunctionIndex
from stepwell.core.gcra import NS_PER_MS
from stepwell.core.identity import FunctionId, ItemId, RunId
from stepwell.core.lanes import CALLS, lane_keys
from stepwell.core.queue import QueueItem
from stepwell.core.transition import LimitState, WaitedFor
from stepwell.engine.limits import Check, Limits, LimitSettings
from stepwell.engine.memory import QueueMemory, Reads
from stepwell.engine.parking import Gate, Parking
from stepwell.engine.rules import Rules, rules_of
from stepwell.engine.run_units import RunUnits
from stepwell.engine.turns import FunctionQueue, Group, Turns
from stepwell.engine.windows import LaneWindow, WindowSizes, place_of

__all__ = ["Charge", "Scheduler", "SchedulerSetup"]

_NOTHING: Final = WaitedFor.NOTHING
# Decisions about runs that are being read or written; more would only pile up in memory.
_DECISIONS_MAX: Final = 2_000
# A free unit is offered to so many lanes of which nothing is in memory yet; the next one keeps it
# until it has been read. Else one free unit could have all lanes read.
_READ_AHEAD_MAX: Final = 32


class Charge(msgspec.Struct, frozen=True):
    """What a start costs beside capacity; it has to be durable before the call is made.

    Attributes:
        limits: The throttle with its token taken; see `Scheduler.pay` for what is to be written.
        at_ns: When it was taken.
        interval_ns: What a token of the throttle is worth.
        took_unit: Whether the run got a unit of a limit on unfinished runs, and had none before.
    """

    limits: list[LimitState]
    at_ns: int = 0
    interval_ns: int = 0
    took_unit: bool = False


class SchedulerSetup(msgspec.Struct, frozen=True):
    """What a scheduler is given from outside.

    Attributes:
        calls_max: Requests under way at the same time.
        functions: All functions, archived ones included, in their present configuration.
        now_ms: The wall clock.
        has_room: Whether more work may be begun, or what was decided has to be written first.
        dispatch: Called with an item whose turn has come. Its capacity is taken. With a charge,
            the start has to be made durable first; see `Scheduler.charged` and `uncharge`.
        left: Called with an item that leaves memory without having had a turn. If it is still in
            the store, it will come again.
        make_ready: Called with a request whose time has come and whose row is to be made due at
            once; see `QueueMemory.made_ready`.
        reads: Reads from the store.
        limits: Limits of the installation.
        sizes: How much of the queue is in memory.
    """

    calls_max: int
    functions: Callable[[], FunctionIndex]
    now_ms: Callable[[], int]
    has_room: Callable[[], bool]
    dispatch: Callable[[QueueItem, Charge | None], None]
    left: Callable[[QueueItem], None]
    make_ready: Callable[[QueueItem], None]
    reads: Reads
    limits: LimitSettings = LimitSettings()
    sizes: WindowSizes = WindowSizes()


class Scheduler:
    """Decides which of the items in memory is dispatched next.

    Attributes:
        memory: The items in memory.
        limits: What limits them.
        units: The runs that hold a unit of a limit on unfinished runs.
    """

    def __init__(self, setup: SchedulerSetup) -> None:
        assert setup.calls_max > 0
        self._calls_max = setup.calls_max
        self._functions = setup.functions
        self._now_ms = setup.now_ms
        self._has_room = setup.has_room
        self._dispatch = setup.dispatch
        self._reads = setup.reads
        self._turns = Turns()
        self.memory = QueueMemory(
            self._turns,
            rules=self._rules,
            left=setup.left,
            make_ready=setup.make_ready,
            reads=setup.reads,
            sizes=setup.sizes,
        )
        self.limits = Limits(setup.limits, setup.now_ms)
        self._parking = Parking(setup.now_ms, self.memory.activate)
        self.units = RunUnits(self.limits, self._parking.wake)
        self._waited: dict[ItemId, WaitedFor] = {}
        self._decisions = 0
        self._is_paused = False
        self._is_pumping = False

    @property
    def has_free_slots(self) -> bool:
        """Whether another request could be made if nothing else limited it."""
        return len(self.memory.under_way) < self._calls_max

    # Turns.

    def pump(self) -> None:
        """Dispatch what may be dispatched: decisions and requests in turn."""
        if self._is_pumping:
            # A dispatch that is answered at once leads back here; the loop below goes on.
            return
        self._is_pumping = True
        decisions = self.memory.decision_turns
        decides = True
        try:
            while not self._is_paused and self._has_room():
                if decisions and decides and self._next_decision():
                    decides = False
                elif not self._next_request() and not (decisions and self._next_decision()):
                    break
                else:
                    decides = True
        finally:
            # A defect in a dispatch must not be the last thing that is ever dispatched.
            self._is_pumping = False

    def pause(self) -> None:
        """Dispatch nothing any more."""
        self._is_paused = True

    def request_ended(self, item_id: ItemId) -> None:
        """A request was answered or given up: its capacity is free. May be called twice."""
        memory = self.memory
        group = memory.under_way.pop(item_id, None)
        if group is None:
            return
        if self._waited:
            self._waited.pop(item_id, None)
        group.function.running -= 1
        if group.checks:
            for check in group.checks:
                check.bucket.used -= 1
                assert check.bucket.used >= 0
            for check in group.checks:
                self._parking.wake(check.bucket)
        if memory.versions:
            memory.end_versions(group.function, item_id)

    def waited_for(self, item_id: ItemId) -> WaitedFor:
        """The limits that a request under way had to wait for before it was dispatched.

        Waiting for a free one of all slots does not count, nor does standing behind others that
        were held up by nothing.
        """
        return self._waited.get(item_id, _NOTHING)

    def decision_ended(self) -> None:
        """A decision is durable."""
        self._decisions -= 1
        assert self._decisions >= 0

    def run_ended(self, run_id: RunId) -> None:
        """The run has ended: another one may start. May be called for every run, and twice."""
        self.units.end(run_id)

    def charged(self, item: QueueItem) -> None:
        """A start that was dispatched with a charge stands in its run's call lane now.

        To be called when the transition that does so is submitted, before it is committed. The
        item keeps its capacity.
        """
        self.memory.replace(item)

    def pay(self, charge: Charge) -> list[LimitState]:
        """What is to be written with the transition that moves the item to the run's call lane.

        To be called when that transition is submitted: the last one that is says how it stands.
        """
        at_ns, interval_ns = charge.at_ns, charge.interval_ns
        return [
            self.limits.pay(state, at_ns=at_ns, interval_ns=interval_ns) for state in charge.limits
        ]

    def uncharge(self, item: QueueItem, charge: Charge) -> None:
        """A start that was dispatched with a charge was not made: what it cost is given back.

        Its capacity is given back by `request_ended`, as ever.
        """
        for state in charge.limits:
            throttled = self.limits.refund(state, charge.interval_ns)
            if throttled is not None:
                self._parking.wake(throttled)
        if charge.took_unit:
            self.units.give_back(item.run_id)

    # Time.

    def next_due_ms(self) -> int | None:
        """When to call `wake_timers`. Every `pump` may make it earlier."""
        timer_ms, wake_ms = self.memory.next_timer_ms(), self._parking.next_ms()
        if timer_ms is None or wake_ms is None:
            return wake_ms if timer_ms is None else timer_ms
        return min(timer_ms, wake_ms)

    def wake_timers(self, now_ms: int) -> None:
        """Make the timers that are due ready, and let starts go on that were throttled."""
        self.memory.wake_timers(now_ms)
        self._parking.wake_due(now_ms)

    # Functions that others decide about from now on.

    def hold(self, function_ids: Iterable[FunctionId]) -> None:
        """Dispatch nothing more of these functions."""
        self.memory.hold(function_ids)

    def resume(self, function_ids: Iterable[FunctionId]) -> None:
        """Dispatch functions that were held as all others."""
        self.memory.resume(function_ids)

    def requests_of(self, function_ids: Container[FunctionId]) -> list[ItemId]:
        """The requests of these functions that are under way."""
        under_way = self.memory.under_way.items()
        return [item_id for item_id, group in under_way if group.function.id in function_ids]

    def evict(self, function_ids: Iterable[FunctionId]) -> None:
        """Forget functions that are held, and of which nothing is under way any more."""
        for function_id in function_ids:
            queue = self.memory.evict(function_id)
            if queue is None:
                continue
            gates = [gate for group in queue.groups() for gate in self._parking.unpark(group)]
            for gate in gates:
                self._parking.wake(gate)
            self.units.forget(function_id)
            self.limits.forget(function_id)

    # Configuration and start.

    def load_throttles(self, states: Iterable[LimitState]) -> None:
        """Begin with the states of throttles that the store holds."""
        self.limits.load(states)

    def functions_changed(self) -> None:
        """Functions were registered, paused or resumed: apply their present numbers."""
        for queue in self.memory.queues.values():
            before, rules = queue.rules, self._rules(queue.id)
            if rules == before:
                continue
            queue.rules = rules
            if not _count_the_same(before, rules):
                # Admitted runs are read again; what is being read now may be too old.
                queue.are_runs_known = queue.are_runs_read = False
                self.units.forget(queue.id)
            self._limit_anew(queue)

    def divide(self, nodes: int) -> None:
        """So many nodes share the limits of the installation."""
        if nodes != self.limits.nodes:
            self.limits.nodes = nodes
            for queue in self.memory.queues.values():
                self._limit_anew(queue)

    def found_runs(
        self, function_id: FunctionId, reading: int, runs: Sequence[tuple[RunId, str]]
    ) -> None:
        """The admitted runs of a function, as they were after `reading` was asked for."""
        queue = self.memory.queue(function_id)
        if queue.are_runs_read and reading == queue.runs_reading:
            queue.are_runs_read = False
            queue.are_runs_known = True
            self.units.count(queue.rules, runs)
            for group in queue.groups():
                if not group.is_over:
                    self.memory.activate(group)
        self.units.end_reading()

    # Parts of a turn.

    def _next_decision(self) -> bool:
        memory = self.memory
        turns = memory.decision_turns
        while turns and self._decisions < _DECISIONS_MAX:
            queue = turns[0]
            if queue.is_held:
                turns.popleft()
                queue.has_decision_turn = False
                continue
            window = queue.decisions
            item = memory.first(queue, window)
            if item is not None:
                memory.pop(queue, window)
            if not len(window):
                turns.popleft()
                queue.has_decision_turn = False
            elif len(turns) > 1:
                turns.rotate(-1)
            if window.edge is not None:
                memory.read_on(queue, window)
            if item is not None:
                self._decisions += 1
                self._dispatch(item, None)
                return True
        return False

    def _next_request(self) -> bool:
        turns, memory = self._turns, self.memory
        while len(memory.under_way) < self._calls_max and (group := turns.first()) is not None:
            window = self._choose(group)
            if window is None:
                turns.leave()
                self._end_turn(group)
                continue
            queue, is_free = group.function, group.is_free
            item = memory.pop(queue, window)
            memory.under_way[item.id] = group
            queue.running += 1
            charge = None
            if not is_free:
                self._note_waiting(group, window, item)
                charge = self._take(group, window, item)
            if window.edge is not None:
                memory.read_on(queue, window)
            is_over = group.is_over
            turns.end(stays=not is_over)
            if not is_free or (is_over and group.key):
                self._end_turn(group)
            self._dispatch(item, charge)
            return True
        return False

    def _choose(self, group: Group) -> LaneWindow | None:
        """The lane of the group whose first item is to be dispatched now; None if none is."""
        memory, queue, calls, starts = self.memory, group.function, group.calls, group.starts
        if queue.is_held:
            return None
        call = memory.first(queue, calls) if calls is not None and calls.ready else None
        start = memory.first(queue, starts) if starts is not None and starts.ready else None
        if not group.is_free and (group.is_over or not self._has_room_for(group)):
            return None
        if starts is None or (start is None and starts.edge is None):
            # Only calls are queued.
            if call is not None:
                return calls
        else:
            is_first = call is None or start is None or place_of(start) < place_of(call)
            if is_first and (group.is_free or self._may_start(group, start)):
                if start is not None:
                    return starts
                memory.read_on(queue, starts)
        if call is not None:
            return calls
        if calls is not None:
            memory.read_on(queue, calls)
        return None

    def _has_room_for(self, group: Group) -> bool:
        """Whether the limits on requests have room; if not, the group waits for that."""
        checks = group.checks
        if checks is None:
            checks = self._look_up(group)
        if group.function.rules.holds_calls:
            return False
        for check in checks:
            if self._is_closed(group, check.bucket, check.limit):
                group.limited_ms = self._now_ms()
                self._parking.park(group, check.bucket, check.limit, is_start=False)
                return False
        if group.waiter is not None:
            # It was woken: until now, what it waited for was kept from it.
            group.limited_ms = self._now_ms()
        return True

    def _may_start(self, group: Group, start: QueueItem | None) -> bool:
        """Whether what limits starts has room; if not, the group's starts wait for that."""
        queue, limits = group.function, group.start_limits
        if queue.rules.holds_starts or group.are_starts_parked:
            return False
        if limits is None:
            return True
        runs, throttled = limits.runs, limits.throttled
        if runs is not None and not (start is not None and self.units.holds(start.run_id)):
            if not queue.are_runs_known:
                self._read_runs(queue)
                return False
            if self._is_closed(group, runs.bucket, runs.limit):
                group.starts_limited_ms = self._now_ms()
                self._parking.park(group, runs.bucket, runs.limit, is_start=True)
                return False
        if throttled is not None:
            # Its time may have come without anybody having been woken yet.
            self._parking.wake(throttled)
            if self._is_closed(group, throttled, 0):
                group.throttled_ms = self._now_ms()
                self._parking.park(group, throttled, 0, is_start=True)
                return False
        if group.start_waiter is not None:
            if group.start_waiter.gate is throttled:
                group.throttled_ms = self._now_ms()
            else:
                group.starts_limited_ms = self._now_ms()
        return True

    def _is_closed(self, group: Group, gate: Gate, limit: int) -> bool:
        """Whether the group has to wait at the gate.

        Also when there is room that is kept for another one that was woken, unless this one was
        woken, too: two that keep things for each other would wait forever.
        """
        line = gate.line
        if line is not None and line.woken is not None:
            is_woken = group.waiter is not None or group.start_waiter is not None
            if not is_woken and line.woken.group is not group:
                return True
        return not gate.has_room(limit, self._now_ms() * NS_PER_MS)

    def _note_waiting(self, group: Group, window: LaneWindow, item: QueueItem) -> None:
        """Remember what has held up the item, which is dispatched now."""
        waited = _NOTHING
        is_start = window is group.starts
        limited_ms = (
            max(group.limited_ms, group.starts_limited_ms) if is_start else group.limited_ms
        )
        if not limited_ms and not group.throttled_ms:
            return
        ready_ms = max(item.due_ms, item.queued_ms)
        if ready_ms >= self._now_ms():
            return
        if limited_ms >= ready_ms:
            waited |= WaitedFor.CONCURRENCY
        if is_start and group.throttled_ms >= ready_ms:
            waited |= WaitedFor.THROTTLE
        if waited:
            self._waited[item.id] = waited

    def _take(self, group: Group, window: LaneWindow, item: QueueItem) -> Charge | None:
        """Take up all that the item's limits count."""
        for check in group.checks or ():
            check.bucket.used += 1
        limits = group.start_limits
        if limits is None or window is not group.starts:
            return None
        states: list[LimitState] = []
        at_ns = interval_ns = 0
        if limits.throttled is not None:
            at_ns = self._now_ms() * NS_PER_MS
            states.append(self.limits.charge(limits.throttled, at_ns=at_ns))
            interval_ns = limits.throttled.gcra.interval_ns
        runs = limits.runs
        took_unit = runs is not None and self.units.take(
            group.function.id, item.run_id, runs.bucket
        )
        return Charge(states, at_ns, interval_ns, took_unit)

    def _end_turn(self, group: Group) -> None:
        if group.waiter is not None or group.start_waiter is not None:
            keeps = self.memory.reading > _READ_AHEAD_MAX and any(
                window.is_reading and not len(window) for window in group.windows
            )
            if not keeps:
                self._parking.settle(group)
        if group.is_over and group.waiter is None and not group.has_turn:
            self.memory.drop(group)

    # Looking up what limits.

    def _rules(self, function_id: FunctionId) -> Rules:
        return rules_of(function_id, self._functions().get(function_id))

    def _look_up(self, group: Group) -> tuple[Check, ...]:
        rules = group.function.rules
        keys = lane_keys(CALLS + group.key)
        group.checks = self.limits.checks(rules, keys)
        group.start_limits = self.limits.start_limits(rules, keys)
        is_held = rules.holds_calls or rules.holds_starts
        group.is_free = not group.checks and group.start_limits is None and not is_held
        return group.checks

    def _limit_anew(self, queue: FunctionQueue) -> None:
        """Count what the function has under way by its new rules, and let all try again."""
        under_way = Counter(g for g in self.memory.under_way.values() if g.function is queue)
        gates: list[Gate] = []
        for group in {*queue.groups(), *under_way}:
            gates += self._parking.unpark(group)
            count = under_way[group]
            for check in group.checks or ():
                check.bucket.used -= count
                gates.append(check.bucket)
            group.checks = None
            group.is_free = False
            if count:
                for check in self._look_up(group):
                    check.bucket.used += count
        for group in queue.groups():
            if not group.is_over:
                self.memory.activate(group)
        for gate in gates:
            self._parking.wake(gate)

    def _read_runs(self, queue: FunctionQueue) -> None:
        """Have the admitted runs read; those whose start is under way are not among them."""
        if queue.are_runs_read:
            return
        queue.are_runs_read = True
        queue.runs_reading += 1
        self.units.begin_reading()
        self.units.count(queue.rules, self.memory.starts_under_way(queue))
        self._reads.admitted_runs(queue.id, queue.runs_reading)


def _count_the_same(before: Rules, rules: Rules) -> bool:
    """Whether admitted runs are counted as before, whatever the number they may reach."""
    if before.run_concurrency is None or rules.run_concurrency is None:
        return before.run_concurrency is rules.run_concurrency
    return before.run_concurrency.key == rules.run_concurrency.key
