"""Which part of one function's queue is in memory.

Two windows, one rule: everything up to a window's edge is in memory, everything beyond it may only
be in the store. Without an edge everything is in memory. What is committed while the window reads
on may be missing in what is read, so the edge stays before it and it is read next.
"""

from collections import deque
from typing import Final

from stepwell.core.identity import FunctionId, ItemId
from stepwell.core.queue import IMMEDIATE, QueueItem

__all__ = ["READY_MAX", "TIMERS_MAX", "FunctionQueue"]

#: Ready items of one function in memory; about 1 MB with the runs they belong to.
READY_MAX: Final = 1_000
#: Timers of one function in memory.
TIMERS_MAX: Final = 1_000

_BEGINNING: Final = ItemId(0)


class FunctionQueue:
    """The windows of one function.

    Attributes:
        calls: Ready items that are answered by calling the app, in the order of their turns.
        decisions: Ready items that only need a decision.
        timers: Items due later, by id.
        ready_edge: Ready items above this id are only in the store; None when all are in memory.
        timers_edge: The same for timers, as (due time, id).
        has_turn: Whether it stands in the line of functions with ready items.
    """

    __slots__ = (
        "_dropped_ready",
        "_dropped_timer",
        "_is_refilling",
        "_is_refilling_timers",
        "calls",
        "decisions",
        "function_id",
        "has_turn",
        "ready_edge",
        "timers",
        "timers_edge",
    )

    def __init__(self, function_id: FunctionId) -> None:
        self.function_id = function_id
        self.calls: deque[QueueItem] = deque()
        self.decisions: deque[QueueItem] = deque()
        self.timers: dict[ItemId, QueueItem] = {}
        self.ready_edge: ItemId | None = None
        self.timers_edge: tuple[int, ItemId] | None = None
        self.has_turn = False
        self._is_refilling = False
        self._is_refilling_timers = False
        # The first items that were left in the store since reading on began.
        self._dropped_ready: ItemId | None = None
        self._dropped_timer: tuple[int, ItemId] | None = None

    @property
    def has_ready(self) -> bool:
        """Whether anything could be dispatched."""
        return bool(self.calls or self.decisions)

    def has_decisions_before(self, item_id: ItemId) -> bool:
        """Whether ready items with smaller ids wait, in memory or in the store."""
        if self.ready_edge is not None and self.ready_edge < item_id:
            return True
        return bool(self.decisions) and self.decisions[0].id < item_id

    def push(self, item: QueueItem) -> None:
        """Add a ready item at the end."""
        if item.kind.is_call:
            self.calls.append(item)
        else:
            self.decisions.append(item)

    def start_unread(self) -> None:
        """Assume that everything is in the store: what a new owner knows."""
        self.ready_edge = _BEGINNING
        self.timers_edge = (0, _BEGINNING)

    # Ready items.

    def takes_ready(self, item: QueueItem) -> bool:
        """Whether a committed ready item belongs into the window; moves the edge if it is full.

        Items with a due time in the past came out of the window of timers and always do.
        """
        if item.due_ms != IMMEDIATE:
            return True
        if self.ready_edge is None:
            if len(self.calls) < READY_MAX:
                return True
            self.ready_edge = ItemId(item.id - 1)
        if item.id <= self.ready_edge:
            return True
        if self._dropped_ready is None or item.id < self._dropped_ready:
            self._dropped_ready = item.id
        return False

    @property
    def wants_ready(self) -> bool:
        """Whether more should be read. Answering True promises that the caller will do so."""
        if self.ready_edge is None or self._is_refilling:
            return False
        if len(self.calls) + len(self.decisions) > READY_MAX // 2:
            return False
        self._is_refilling = True
        self._dropped_ready = None
        return True

    def refilled(self, items: list[QueueItem], *, limit: int) -> list[QueueItem]:
        """Move the edge behind what was read; returns the items to push."""
        assert self._is_refilling
        self._is_refilling = False
        dropped = self._dropped_ready
        if len(items) < limit and dropped is None:
            self.ready_edge = None
            return items
        if items:
            self.ready_edge = items[-1].id
        if dropped is not None and self.ready_edge is not None:
            self.ready_edge = min(self.ready_edge, ItemId(dropped - 1))
        return items

    # Timers.

    def takes_timer(self, item: QueueItem) -> bool:
        """Whether a committed timer belongs into the window."""
        place = (item.due_ms, item.id)
        if self.timers_edge is None or place <= self.timers_edge:
            return True
        if self._dropped_timer is None or place < self._dropped_timer:
            self._dropped_timer = place
        return False

    @property
    def wants_timers(self) -> bool:
        """Whether more should be read. Answering True promises that the caller will do so."""
        if self.timers_edge is None or self._is_refilling_timers:
            return False
        if len(self.timers) > TIMERS_MAX // 2:
            return False
        self._is_refilling_timers = True
        self._dropped_timer = None
        return True

    def refilled_timers(self, items: list[QueueItem], *, limit: int) -> list[QueueItem]:
        """Move the edge behind what was read; returns the items to push."""
        assert self._is_refilling_timers
        self._is_refilling_timers = False
        dropped = self._dropped_timer
        if len(items) < limit and dropped is None:
            self.timers_edge = None
        else:
            if items:
                self.timers_edge = (items[-1].due_ms, items[-1].id)
            if dropped is not None and self.timers_edge is not None:
                self.timers_edge = min(self.timers_edge, (dropped[0], ItemId(dropped[1] - 1)))
        return [item for item in items if item.id not in self.timers]

    @property
    def has_too_many_timers(self) -> bool:
        """Whether to shrink. Not while reading on: what is dropped now lies before what arrives."""
        return len(self.timers) > 2 * TIMERS_MAX and not self._is_refilling_timers

    def shrink_timers(self) -> None:
        """Keep the nearest timers; the others are in the store anyway."""
        nearest = sorted(self.timers.values(), key=lambda item: (item.due_ms, item.id))
        kept = nearest[:TIMERS_MAX]
        self.timers = {item.id: item for item in kept}
        self.timers_edge = (kept[-1].due_ms, kept[-1].id)
