"""Whose turn it is.

Every queue item is a row in the store; memory holds, per function, the nearest of them: a window
of items due at once, in order of their ids, and a window of timers, in order of their due times.
What lies beyond a window is read when the window runs low. Functions take turns. There is no
polling: commits bring new items, timers wake, answers free slots.
"""

import heapq
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from stepwell.core.identity import FunctionId, ItemId
from stepwell.core.queue import QueueItem
from stepwell.engine.windows import FunctionQueue

__all__ = ["Scheduler"]

# Decisions about runs that are being read or written; more would only pile up in memory.
_DECISIONS_MAX: Final = 2_000


class Scheduler:
    """Decides which of the items in memory is dispatched next.

    Args:
        calls_max: Calls to apps under way at the same time.
        has_room: Whether more work may be begun, or what was decided has to be written first.
        dispatch: Called with an item whose turn has come.
        refill: Called with a function whose window of ready items runs low.
        refill_timers: The same for its timers.
    """

    def __init__(
        self,
        *,
        calls_max: int,
        has_room: Callable[[], bool],
        dispatch: Callable[[QueueItem], None],
        refill: Callable[[FunctionQueue], None],
        refill_timers: Callable[[FunctionQueue], None],
    ) -> None:
        assert calls_max > 0
        self._calls_max = calls_max
        self._has_room = has_room
        self._dispatch = dispatch
        self._refill = refill
        self._refill_timers = refill_timers
        self._queues: dict[FunctionId, FunctionQueue] = {}
        self._turns: deque[FunctionQueue] = deque()
        self._in_memory: dict[ItemId, QueueItem] = {}
        self._timers: list[tuple[int, ItemId, FunctionId]] = []
        self._calls = 0
        self._decisions = 0
        self._is_paused = False
        self._is_pumping = False

    def queue(self, function_id: FunctionId) -> FunctionQueue:
        """The windows of one function."""
        queue = self._queues.get(function_id)
        if queue is None:
            queue = self._queues[function_id] = FunctionQueue(function_id)
        return queue

    def add(self, item: QueueItem, now_ms: int) -> bool:
        """Take in a committed item; False when it stays in the store until the window moves.

        Also False when it is there already: it was read from the store before the commit that
        brought it was reported.
        """
        if self._in_memory.get(item.id) == item:
            return False
        queue = self.queue(item.function_id)
        if item.due_ms > now_ms:
            if not queue.takes_timer(item):
                return False
            self._push_timer(queue, item)
            if queue.has_too_many_timers:
                queue.shrink_timers()
            return True
        if not queue.takes_ready(item):
            self._in_memory.pop(item.id, None)
            return False
        self._push_ready(queue, item)
        return True

    def is_current(self, item: QueueItem) -> bool:
        """Whether the item is what memory holds under its id, and no older version of it."""
        return self._in_memory.get(item.id) is item

    def again(self, item: QueueItem) -> None:
        """Give an item a turn in place of the older version of it that had one."""
        self._push_ready(self.queue(item.function_id), item)

    def ended(self, item: QueueItem) -> None:
        """The item's turn is over: what follows from it is durable, or it was dropped."""
        if self._in_memory.get(item.id) is item:
            del self._in_memory[item.id]

    def forget(self, item_id: ItemId, function_id: FunctionId) -> None:
        """The item was answered or its run has ended: it is no timer any more.

        If its turn has come already, whoever it is dispatched to finds it gone.
        """
        queue = self._queues.get(function_id)
        if queue is not None and queue.timers.pop(item_id, None) is not None:
            self._read_on(queue)

    def refilled(self, queue: FunctionQueue, items: list[QueueItem], *, limit: int) -> None:
        """The store's next ready items after the window."""
        for item in queue.refilled(items, limit=limit):
            if item.id not in self._in_memory:
                self._push_ready(queue, item)
        self._read_on(queue)

    def refilled_timers(self, queue: FunctionQueue, items: list[QueueItem], *, limit: int) -> None:
        """The store's next timers after the window."""
        for item in queue.refilled_timers(items, limit=limit):
            if item.id not in self._in_memory:
                self._push_timer(queue, item)
        self._read_on(queue)

    def read_all(self, function_ids: Iterable[FunctionId]) -> None:
        """Begin with what the store holds for these functions."""
        for function_id in function_ids:
            queue = self.queue(function_id)
            queue.start_unread()
            self._read_on(queue)

    def call_ended(self) -> None:
        """A call was answered or given up: its slot is free."""
        self._calls -= 1
        assert self._calls >= 0

    def decision_ended(self) -> None:
        """A decision is durable."""
        self._decisions -= 1
        assert self._decisions >= 0

    def pause(self) -> None:
        """Dispatch nothing any more."""
        self._is_paused = True

    def next_due_ms(self) -> int | None:
        """When the nearest timer is due."""
        timers = self._timers
        while timers:
            due_ms, item_id, function_id = timers[0]
            item = self.queue(function_id).timers.get(item_id)
            if item is not None and item.due_ms == due_ms:
                return due_ms
            heapq.heappop(timers)
        return None

    def wake_timers(self, now_ms: int) -> None:
        """Make the timers that are due ready."""
        while True:
            due_ms = self.next_due_ms()
            if due_ms is None or due_ms > now_ms:
                return
            _, item_id, function_id = heapq.heappop(self._timers)
            queue = self.queue(function_id)
            self._push_ready(queue, queue.timers.pop(item_id))
            self._read_on(queue)

    def pump(self) -> None:
        """Dispatch what may be dispatched, functions in turn."""
        if self._is_pumping:
            # A dispatch that is answered at once leads back here; the loop below goes on.
            return
        self._is_pumping = True
        turns = self._turns
        blocked = 0
        while turns and blocked < len(turns) and not self._is_paused and self._has_room():
            queue = turns[0]
            item = self._take(queue)
            if item is None and queue.has_ready:
                turns.rotate(-1)
                blocked += 1
                continue
            blocked = 0
            if queue.has_ready:
                turns.rotate(-1)
            else:
                turns.popleft()
                queue.has_turn = False
            self._read_on(queue)
            if item is not None:
                self._dispatch(item)
        self._is_pumping = False

    def _take(self, queue: FunctionQueue) -> QueueItem | None:
        if queue.decisions and self._decisions < _DECISIONS_MAX:
            self._decisions += 1
            return queue.decisions.popleft()
        if queue.calls and self._calls < self._calls_max:
            self._calls += 1
            return queue.calls.popleft()
        return None

    def _read_on(self, queue: FunctionQueue) -> None:
        if queue.wants_ready:
            self._refill(queue)
        if queue.wants_timers:
            self._refill_timers(queue)

    def _push_ready(self, queue: FunctionQueue, item: QueueItem) -> None:
        self._in_memory[item.id] = item
        queue.push(item)
        if not queue.has_turn:
            queue.has_turn = True
            self._turns.append(queue)

    def _push_timer(self, queue: FunctionQueue, item: QueueItem) -> None:
        queue.timers[item.id] = item
        heapq.heappush(self._timers, (item.due_ms, item.id, queue.function_id))
