"""Which part of the queue is in memory.

One rule for lanes and timers: everything up to a window's edge is in memory, everything beyond it
may only be in the store. Without an edge everything is in memory. What is committed while the
window reads on may be missing in what is read, so the edge stays before it and it is read next.
"""

from bisect import bisect_left, insort_right
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from stepwell.core.identity import FunctionId, ItemId
from stepwell.core.queue import IMMEDIATE, QueueItem

if TYPE_CHECKING:
    from stepwell.engine.turns import Group

__all__ = ["BEGINNING", "LaneWindow", "Place", "TimerWindow", "WindowSizes", "place_of"]

#: Where an item stands: its score (or, for timers, its due time) and its id.
Place = tuple[int, ItemId]

#: Before every item; scores may be negative.
BEGINNING: Final[Place] = (-(2**62), ItemId(0))


class WindowSizes(msgspec.Struct, frozen=True):
    """How much of the queue is in memory.

    Attributes:
        lane_max: Items of one lane, while there are few lanes; about 1 MB with their runs.
        items_max: Items of all lanes together. Each lane may have one even beyond that.
        timers_max: Timers of one function.
        due_max: Items of one function whose timers have ended and that have had no turn. They cannot
            be left to the store, so beyond half of it their rows are made due at once, and beyond
            it no timers are read.
    """

    lane_max: int = 1_000
    items_max: int = 40_000
    timers_max: int = 1_000
    due_max: int = 10_000


def place_of(item: QueueItem) -> Place:
    """Where the item stands in its lane."""
    return (item.score, item.id)


def _before(place: Place) -> Place:
    return (place[0], ItemId(place[1] - 1))


class LaneWindow:
    """The first items of one lane, in order of their places.

    Attributes:
        lane: The lane's text.
        group: The group it belongs to; None for decisions.
        ready: The items in order; those before the head have been popped. Empty if all have been.
        head: Where the item stands whose turn is next.
        edge: Items after this place are only in the store; None when all are in memory.
        is_reading: Whether the next items are being read, or will be.
    """

    __slots__ = ("_dropped", "edge", "group", "head", "is_reading", "lane", "ready")

    def __init__(self, lane: str, group: "Group | None", *, is_unread: bool) -> None:
        self.lane = lane
        self.group = group
        self.edge: Place | None = BEGINNING if is_unread else None
        self.is_reading = False
        self.ready: list[QueueItem] = []
        self.head = 0
        # The first item that was left in the store since reading on began.
        self._dropped: Place | None = None

    def __len__(self) -> int:
        return len(self.ready) - self.head

    @property
    def is_over(self) -> bool:
        """Whether there is nothing in memory and nothing beyond the edge."""
        return not self.ready and self.edge is None

    def start_unread(self) -> None:
        """Assume that everything is in the store: what a new owner knows."""
        self.edge = BEGINNING

    def first(self) -> QueueItem | None:
        """The item whose turn is next."""
        return self.ready[self.head] if self.ready else None

    def trim(self) -> None:
        """Let go of the items that have been popped."""
        del self.ready[: self.head]
        self.head = 0

    def push(self, item: QueueItem) -> None:
        """Add an item at its place."""
        ready = self.ready
        if ready:
            last = ready[-1]
            score = item.score
            if score < last.score or (score == last.score and item.id < last.id):
                insort_right(ready, item, lo=self.head, key=place_of)
                return
        ready.append(item)

    def items(self) -> list[QueueItem]:
        """What is in memory, in order."""
        return self.ready[self.head :]

    def holds(self, item: QueueItem) -> bool:
        """Whether the very item waits in the window."""
        ready = self.ready
        if not ready:
            return False
        place = place_of(item)
        at = bisect_left(ready, place, lo=self.head, key=place_of)
        while at < len(ready) and place_of(ready[at]) == place:
            if ready[at] is item:
                return True
            at += 1
        return False

    def count_before(self, place: Place) -> int:
        """How many items in memory stand before that place."""
        return bisect_left(self.ready, place, lo=self.head, key=place_of) - self.head

    def has_before(self, place: Place) -> bool:
        """Whether items stand before that place, in memory or in the store."""
        if self.edge is not None and self.edge < place:
            return True
        first = self.first()
        return first is not None and place_of(first) < place

    def takes(self, item: QueueItem, *, is_full: bool) -> bool:
        """Whether a committed item belongs into the window; a full one gets an edge.

        Items with a due time in the past came out of the window of timers and always do.
        """
        if item.due_ms != IMMEDIATE:
            return True
        place = place_of(item)
        if self.edge is None:
            if not is_full or (self.ready and place < place_of(self.ready[-1])):
                return True
            self.edge = _before(place)
        if place <= self.edge:
            return True
        if self._dropped is None or place < self._dropped:
            self._dropped = place
        return False

    def read_from(self) -> Place:
        """After which place to read on. To be called right before the reading begins."""
        assert self.edge is not None
        self.is_reading = True
        self._dropped = None
        return self.edge

    def refilled(self, items: Sequence[QueueItem], *, limit: int) -> Sequence[QueueItem]:
        """Move the edge behind what was read; returns the items to push.

        What stands after an item that may be missing is read once more: it must not go first.
        """
        assert self.is_reading
        assert self.edge is not None
        self.is_reading = False
        edge = _before(self._dropped) if self._dropped is not None else None
        if len(items) == limit:
            last = place_of(items[-1])
            edge = last if edge is None else min(edge, last)
        self.edge = edge
        if self._dropped is None:
            return items
        return [item for item in items if edge is None or place_of(item) <= edge]

    def shrink(self, size: int) -> list[QueueItem]:
        """Leave all but the first `size` items to the store; returns those that were dropped.

        Not while reading on: what is dropped now lies before what arrives. Items that came out of
        the window of timers stay.
        """
        assert not self.is_reading
        items = self.items()
        dropped = [item for item in items[size:] if item.due_ms == IMMEDIATE]
        if not dropped:
            return []
        self.ready = items[:size] + [item for item in items[size:] if item.due_ms != IMMEDIATE]
        self.head = 0
        edge = _before(place_of(dropped[0]))
        self.edge = edge if self.edge is None else min(self.edge, edge)
        return dropped


class TimerWindow:
    """The nearest items of one function that are due later.

    Attributes:
        timers: By id.
        edge: Timers after this due time and id are only in the store; None when all are in memory.
        due_count: How many of its items have a due time that has come, and no turn yet.
    """

    __slots__ = ("_dropped", "_is_reading", "_sizes", "due_count", "edge", "function_id", "timers")

    def __init__(self, function_id: FunctionId, sizes: WindowSizes) -> None:
        self.function_id = function_id
        self.timers: dict[ItemId, QueueItem] = {}
        self.edge: Place | None = None
        self.due_count = 0
        self._sizes = sizes
        self._is_reading = False
        self._dropped: Place | None = None

    def start_unread(self) -> None:
        """Assume that everything is in the store: what a new owner knows."""
        self.edge = (0, ItemId(0))

    def takes(self, item: QueueItem) -> bool:
        """Whether a committed timer belongs into the window."""
        place = (item.due_ms, item.id)
        if self.edge is None or place <= self.edge:
            return True
        if self._dropped is None or place < self._dropped:
            self._dropped = place
        return False

    @property
    def is_crowded(self) -> bool:
        """Whether so many items wait although they are due that they could keep timers from it."""
        return self.due_count > self._sizes.due_max // 2

    def begin_reading(self) -> bool:
        """Whether more should be read now. Answering True promises that the caller will do so."""
        if self.edge is None or self._is_reading:
            return False
        if len(self.timers) > self._sizes.timers_max // 2 or self.due_count > self._sizes.due_max:
            return False
        self._is_reading = True
        self._dropped = None
        return True

    def refilled(self, items: Sequence[QueueItem], *, limit: int) -> list[QueueItem]:
        """Move the edge behind what was read; returns the items that are not in it yet.

        Those after one that may be missing are read once more: a window full of them would not be
        read on before they are due, and the missing one would be late.
        """
        assert self._is_reading
        self._is_reading = False
        edge = _before(self._dropped) if self._dropped is not None else None
        if len(items) == limit:
            last = (items[-1].due_ms, items[-1].id)
            edge = last if edge is None else min(edge, last)
        self.edge = edge
        return [
            item
            for item in items
            if item.id not in self.timers and (edge is None or (item.due_ms, item.id) <= edge)
        ]

    @property
    def is_too_large(self) -> bool:
        """Whether to shrink. Not while reading on: what is dropped now lies before what arrives."""
        return len(self.timers) > 2 * self._sizes.timers_max and not self._is_reading

    def shrink(self) -> None:
        """Keep the nearest timers; the others are in the store anyway."""
        nearest = sorted(self.timers.values(), key=lambda item: (item.due_ms, item.id))
        kept = nearest[: self._sizes.timers_max]
        self.timers = {item.id: item for item in kept}
        self.edge = (kept[-1].due_ms, kept[-1].id)
