"""What is in memory of the queue.

Every queue item is a row in the store; memory holds the nearest of them: a window of each lane in
order of (score, id), and of each function's timers in order of their due times. What lies beyond a
window is read when the window runs low: a timer's at once, a lane's when the lane could go on.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

import msgspec

from stepwell.core.identity import FunctionId, ItemId, PartitionId, RunId
from stepwell.core.lanes import DECISIONS
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.engine.rules import Rules
from stepwell.engine.store import Lane, LaneQuery
from stepwell.engine.turns import FunctionQueue, Group, Turns
from stepwell.engine.windows import LaneWindow, TimerWindow, WindowSizes

__all__ = ["LANES_MAX", "LaneRead", "QueueMemory", "Reads"]

#: Lanes in one page of the list of lanes.
LANES_MAX: Final = 10_000
# Lanes, and items, read in one round trip; and lanes when memory is full.
_READ_LANES_MAX: Final = 500
_READ_ITEMS_MAX: Final = 4_000
_READ_LANES_WHEN_FULL: Final = 32
# Items that were popped are let go of when there are so many, and half of the list.
_POPPED_MAX: Final = 64
# Due times that are kept at least before those are left out whose timers were put off or forgotten.
_DUE_TIMES_MIN: Final = 10_000


class LaneRead(msgspec.Struct, frozen=True):
    """A lane whose next items are to be read."""

    queue: FunctionQueue
    window: LaneWindow
    query: LaneQuery


class Reads(Protocol):
    """Reads from the store beside everything else, and says what it found."""

    def ready(self) -> None:
        """Take `QueueMemory.next_reads`, read, and call `refilled`, until there are none."""
        ...

    def lanes(self, partition: PartitionId, after: Lane | None) -> None:
        """Read the next page of `LANES_MAX` lanes and call `QueueMemory.found_lanes`."""
        ...

    def timers(self, partition: PartitionId, window: TimerWindow, *, limit: int) -> None:
        """Read on in a function's timers and call `QueueMemory.refilled_timers`."""
        ...

    def admitted_runs(self, function_id: FunctionId, reading: int) -> None:
        """Read a function's admitted runs and call `Scheduler.found_runs`."""
        ...


class QueueMemory:
    """The items in memory, by function and lane, and the reading of more.

    Args:
        turns: Where groups of lanes stand in line that have something to do.
        rules: Gives the rules of a function.
        left: Called with an item that leaves memory without having had a turn. If it is still in
            the store, it will come again.
        make_ready: Called with a request whose time has come. Its row is to be made due at once, so
            that it can be left to the store like others; then `made_ready`.
        reads: Reads from the store.
        sizes: How much to hold.

    Attributes:
        queues: What is in memory, by function.
        decision_turns: Functions with decisions in memory, in the order of their turns.
        under_way: Requests that were dispatched and not ended.
        versions: Newer versions of such requests; their turn comes afterwards.
        reading: How many lanes are being read.
    """

    def __init__(
        self,
        turns: Turns,
        *,
        rules: Callable[[FunctionId], Rules],
        left: Callable[[QueueItem], None],
        make_ready: Callable[[QueueItem], None],
        reads: Reads,
        sizes: WindowSizes,
    ) -> None:
        self._turns = turns
        self._rules = rules
        self._left = left
        self._make_ready = make_ready
        self._reads = reads
        self._sizes = sizes
        self.queues: dict[FunctionId, FunctionQueue] = {}
        self.decision_turns: deque[FunctionQueue] = deque()
        self.under_way: dict[ItemId, Group] = {}
        self.versions: dict[ItemId, QueueItem] = {}
        self.reading = 0
        self._in_memory: dict[ItemId, QueueItem] = {}
        self._timers: list[tuple[int, ItemId, FunctionId]] = []
        self._timers_max = _DUE_TIMES_MIN
        self._to_read: deque[tuple[FunctionQueue, LaneWindow]] = deque()
        self._ready_count = 0
        self._lane_count = 0
        self._lane_max = sizes.lane_max
        # Partitions of which not all lanes are known yet.
        self._listing: set[PartitionId] = set()

    # What is committed.

    def queue(self, function_id: FunctionId) -> FunctionQueue:
        """What is in memory of one function's queue."""
        queue = self.queues.get(function_id)
        if queue is None:
            rules = self._rules(function_id)
            environment = self._turns.environment(rules.environment_id)
            queue = FunctionQueue(function_id, rules, environment, self._sizes)
            self.queues[function_id] = queue
        return queue

    def add(self, item: QueueItem, now_ms: int) -> bool:
        """Take in a committed item; False when it stays in the store until the window moves.

        Also False when it is there already: it was read from the store before the commit that
        brought it was reported.
        """
        known = self._in_memory.get(item.id)
        if known is not None:
            if known == item:
                return False
            self._supersede(known)
        queue = self.queues.get(item.function_id) or self.queue(item.function_id)
        if item.due_ms > now_ms:
            return self._add_timer(queue, item)
        timers = queue.timers.timers
        if timers:
            timers.pop(item.id, None)
        window = queue.windows.get(item.lane)
        if window is None:
            window = self._window(queue, item.lane)
        # Nearly always there is no edge and much room.
        if (
            window.edge is not None
            or len(window.ready) >= self._lane_max
            or self._ready_count >= self._sizes.items_max
        ) and not window.takes(item, is_full=self._is_at_limit(window)):
            self._wants_turn(queue, window)
            return False
        self._push(queue, window, item)
        if len(window.ready) > 2 * self._sizes.lane_max and not window.is_reading:
            self._shrink(window)
        return True

    def again(self, item: QueueItem) -> None:
        """Give an item a turn in place of the older version of it that had one."""
        known = self._in_memory.get(item.id)
        if known == item:
            return
        if known is not None:
            self._supersede(known)
        queue = self.queue(item.function_id)
        window = self._window(queue, item.lane)
        self._push(queue, window, item)

    def replace(self, item: QueueItem) -> None:
        """A request under way has become another version of itself."""
        assert item.id in self.under_way
        self._in_memory[item.id] = item
        self.versions.pop(item.id, None)

    def ended(self, item: QueueItem) -> None:
        """The item's turn is over: what follows from it is durable, or it was dropped."""
        if self._in_memory.get(item.id) is item:
            del self._in_memory[item.id]

    def forget(self, item_id: ItemId, function_id: FunctionId) -> None:
        """The item was answered or its run has ended: there is nothing to do for it any more.

        If it is a decision whose turn has come already, whoever it is dispatched to finds it gone.
        """
        queue = self.queues.get(function_id)
        if queue is not None and queue.timers.timers.pop(item_id, None) is not None:
            self._read_timers(queue)
        item = self._in_memory.get(item_id)
        if item is not None and self._waits(item):
            del self._in_memory[item_id]
            self._left(item)

    # Turns.

    def first(self, queue: FunctionQueue, window: LaneWindow) -> QueueItem | None:
        """The item of the lane whose turn is next, if it is in memory."""
        while (item := window.first()) is not None:
            if self._in_memory.get(item.id) is item:
                return item
            self.pop(queue, window)
        return None

    def pop(self, queue: FunctionQueue, window: LaneWindow) -> QueueItem:
        """Take the lane's first item out to give it its turn."""
        ready, head = window.ready, window.head
        item = ready[head]
        if head + 1 == len(ready):
            ready.clear()
            window.head = 0
        else:
            window.head = head + 1
            if head >= _POPPED_MAX and 2 * head >= len(ready):
                window.trim()
        self._ready_count -= 1
        if item.due_ms:
            queue.timers.due_count -= 1
            self._read_timers(queue)
        return item

    def read_on(self, queue: FunctionQueue, window: LaneWindow) -> None:
        """Read the lane's next items if few are left in memory and there may be more."""
        if window.edge is None or window.is_reading or len(window) > self._size(window) // 2:
            return
        window.is_reading = True
        self.reading += 1
        self._to_read.append((queue, window))
        self._reads.ready()

    def end_versions(self, queue: FunctionQueue, item_id: ItemId) -> None:
        """A request is not under way any more: now a newer version of it may have its turn."""
        newer = self.versions.pop(item_id, None)
        if newer is not None:
            self._push(queue, self._window(queue, newer.lane), newer)

    def starts_under_way(self, queue: FunctionQueue) -> list[tuple[RunId, str]]:
        """The function's runs whose first request is under way, each with its lane."""
        items = (
            self._in_memory.get(item_id)
            for item_id, group in self.under_way.items()
            if group.function is queue
        )
        return [
            (item.run_id, item.lane)
            for item in items
            if item is not None and item.kind is ItemKind.START
        ]

    def hold(self, function_ids: Iterable[FunctionId]) -> None:
        """Give nothing of these functions a turn any more; what has had one is under way."""
        for function_id in function_ids:
            self.queue(function_id).is_held = True

    def resume(self, function_ids: Iterable[FunctionId]) -> None:
        """Give functions that were held their turns again."""
        for function_id in function_ids:
            queue = self.queue(function_id)
            queue.is_held = False
            if len(queue.decisions) and not queue.has_decision_turn:
                queue.has_decision_turn = True
                self.decision_turns.append(queue)
            self.read_on(queue, queue.decisions)
            for group in queue.groups():
                if not group.is_over:
                    self.activate(group)

    def evict(self, function_id: FunctionId) -> FunctionQueue | None:
        """Forget everything of a function that is held; nothing of it may be under way.

        What is being read for it is dropped when it comes.
        """
        queue = self.queues.pop(function_id, None)
        if queue is None:
            return None
        assert queue.is_held
        windows = [queue.decisions, *queue.windows.values()]
        for item in [item for window in windows for item in window.items()]:
            self._ready_count -= 1
            if self._in_memory.get(item.id) is item:
                del self._in_memory[item.id]
                self._left(item)
        self._count_lanes(-len(queue.windows))
        return queue

    def knows(self, item_id: ItemId) -> bool:
        """Whether the item, or a version of it, is in memory or under way."""
        return item_id in self._in_memory

    def activate(self, group: Group) -> None:
        """Let the group stand in line, unless it does or is held up by a limit."""
        if not group.has_turn and not group.is_parked:
            self._turns.add(group)

    def drop(self, group: Group) -> None:
        """Forget a group of which nothing is queued any more."""
        assert group.is_over
        if not group.key:
            return
        windows = group.function.windows
        for window in group.windows:
            if windows.get(window.lane) is window:
                del windows[window.lane]
                self._count_lanes(-1)

    # Time.

    def next_timer_ms(self) -> int | None:
        """When the nearest timer is due."""
        timers = self._timers
        while timers:
            due_ms, item_id, function_id = timers[0]
            queue = self.queues.get(function_id)
            item = None if queue is None else queue.timers.timers.get(item_id)
            if item is not None and item.due_ms == due_ms:
                return due_ms
            heapq.heappop(timers)
        return None

    def wake_timers(self, now_ms: int) -> None:
        """Make the timers that are due ready."""
        while (due_ms := self.next_timer_ms()) is not None and due_ms <= now_ms:
            _, item_id, function_id = heapq.heappop(self._timers)
            queue = self.queues[function_id]
            item = queue.timers.timers.pop(item_id)
            if item.lane != DECISIONS and queue.timers.is_crowded:
                # Those that are held up must not keep others from their time.
                queue.timers.due_count += 1
                self._make_ready(item)
            else:
                self._push(queue, self._window(queue, item.lane), item)
            self._read_timers(queue)

    def made_ready(self, item: QueueItem) -> None:
        """What was asked for by `make_ready` is durable, or not needed any more."""
        queue = self.queue(item.function_id)
        queue.timers.due_count -= 1
        self._read_timers(queue)

    # Reading.

    def read_all(self, partition: PartitionId, function_ids: Iterable[FunctionId]) -> None:
        """Begin with what the store holds of a partition; these functions have something queued."""
        self._listing.add(partition)
        for function_id in function_ids:
            queue = self.queue(function_id)
            for window in (
                queue.decisions,
                *queue.windows.values(),
            ):
                window.start_unread()
            queue.timers.start_unread()
            self._read_timers(queue)
            self.read_on(queue, queue.decisions)
        self._reads.lanes(partition, None)

    def found_lanes(self, partition: PartitionId, lanes: Sequence[Lane]) -> None:
        """A page of the lanes in which something stands; the last one is not full."""
        for lane in lanes:
            queue = self.queue(lane.function_id)
            if queue.partition == partition and not queue.is_held:
                self._wants_turn(queue, self._window(queue, lane.lane))
        if len(lanes) < LANES_MAX:
            self._listing.discard(partition)
        else:
            self._reads.lanes(partition, lanes[-1])

    def next_reads(self) -> list[LaneRead]:
        """The lanes to be read in one round trip that is about to begin."""
        lanes_max = _READ_LANES_WHEN_FULL if self._is_full else _READ_LANES_MAX
        items_max = _READ_ITEMS_MAX
        reads: list[LaneRead] = []
        while self._to_read and len(reads) < lanes_max and items_max > 0:
            queue, window = self._to_read.popleft()
            if self.queues.get(queue.id) is not queue:
                self.reading -= 1
                continue
            limit = max(1, self._size(window) - len(window))
            items_max -= limit
            query = LaneQuery(
                partition=queue.partition,
                function_id=queue.id,
                lane=window.lane,
                after=window.read_from(),
                limit=limit,
            )
            reads.append(LaneRead(queue, window, query))
        return reads

    def refilled(self, reads: Sequence[LaneRead], results: Sequence[Sequence[QueueItem]]) -> None:
        """What the store has of these lanes after their windows."""
        for read, items in zip(reads, results, strict=True):
            self.reading -= 1
            queue, window = read.queue, read.window
            if self.queues.get(queue.id) is not queue:
                continue
            timers = queue.timers.timers
            for item in window.refilled(items, limit=read.query.limit):
                if item.id not in self._in_memory and item.id not in timers:
                    self._push(queue, window, item)
            self._wants_turn(queue, window)

    def refilled_timers(
        self, window: TimerWindow, items: Sequence[QueueItem], *, limit: int
    ) -> None:
        """What the store has of a function's timers after its window."""
        queue = self.queue(window.function_id)
        if queue.timers is not window:
            return
        for item in window.refilled(items, limit=limit):
            if item.id not in self._in_memory:
                self._push_timer(queue, item)
        self._read_timers(queue)

    # Parts.

    def _push(self, queue: FunctionQueue, window: LaneWindow, item: QueueItem) -> None:
        self._in_memory[item.id] = item
        if item.id in self.under_way:
            self.versions[item.id] = item
            return
        window.push(item)
        self._ready_count += 1
        if item.due_ms:
            queue.timers.due_count += 1
        group = window.group
        if group is None:
            if not queue.has_decision_turn:
                queue.has_decision_turn = True
                self.decision_turns.append(queue)
        elif not group.has_turn and (group.waiter is None or group.waiter.is_woken):
            self._turns.add(group)

    def _wants_turn(self, queue: FunctionQueue, window: LaneWindow) -> None:
        """Let the lane stand in line if it has items or they have to be read."""
        group = window.group
        if group is None:
            self.read_on(queue, window)
        elif not group.has_turn:
            if group.is_over and group.waiter is None and group.start_waiter is None:
                self.drop(group)
            else:
                self.activate(group)

    def _supersede(self, known: QueueItem) -> None:
        """An item in memory is about to be replaced by another version of it."""
        waits = self._waits(known)
        del self._in_memory[known.id]
        if waits:
            self._left(known)

    def _waits(self, item: QueueItem) -> bool:
        """Whether an item in memory is a request that had no turn yet."""
        if item.lane == DECISIONS:
            return False
        if item.id in self.under_way:
            return self.versions.pop(item.id, None) is item
        queue = self.queues.get(item.function_id)
        window = queue.windows.get(item.lane) if queue is not None else None
        return window is not None and window.holds(item)

    def _add_timer(self, queue: FunctionQueue, item: QueueItem) -> bool:
        window = queue.timers
        if not window.takes(item):
            window.timers.pop(item.id, None)
            return False
        self._push_timer(queue, item)
        if window.is_too_large:
            window.shrink()
        return True

    def _push_timer(self, queue: FunctionQueue, item: QueueItem) -> None:
        queue.timers.timers[item.id] = item
        heapq.heappush(self._timers, (item.due_ms, item.id, queue.id))
        if len(self._timers) > self._timers_max:
            self._leave_out_old_due_times()

    def _leave_out_old_due_times(self) -> None:
        """Timers that are put off again and again must not fill the memory until they are due."""
        self._timers = [
            (item.due_ms, item.id, queue.id)
            for queue in self.queues.values()
            for item in queue.timers.timers.values()
        ]
        heapq.heapify(self._timers)
        self._timers_max = max(_DUE_TIMES_MIN, 2 * len(self._timers))

    def _read_timers(self, queue: FunctionQueue) -> None:
        if queue.timers.edge is not None and queue.timers.begin_reading():
            partition = queue.partition
            self._reads.timers(partition, queue.timers, limit=self._sizes.timers_max)

    def _window(self, queue: FunctionQueue, lane: str) -> LaneWindow:
        window = queue.window(lane)
        if window is None:
            window = queue.new_window(lane, is_unread=bool(self._listing))
            self._count_lanes(1)
        return window

    def _count_lanes(self, change: int) -> None:
        sizes = self._sizes
        self._lane_count += change
        share = sizes.items_max // max(1, self._lane_count)
        self._lane_max = max(1, min(sizes.lane_max, share))

    def _size(self, window: LaneWindow) -> int:
        return self._sizes.lane_max if window.group is None else self._lane_max

    @property
    def _is_full(self) -> bool:
        return self._ready_count >= self._sizes.items_max

    def _is_at_limit(self, window: LaneWindow) -> bool:
        count = len(window)
        if count == 0 or window.group is None:
            return False
        return count >= self._lane_max or self._is_full

    def _shrink(self, window: LaneWindow) -> None:
        dropped = window.shrink(self._sizes.lane_max)
        self._ready_count -= len(dropped)
        for item in dropped:
            if self._in_memory.get(item.id) is item:
                del self._in_memory[item.id]
                self._left(item)
