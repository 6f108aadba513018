"""Where lanes wait that are held up by a limit.

A group of lanes that finds a limit full is parked at it and costs nothing until there is room
again. Then the one that was parked first is woken and gets a turn; until it had that turn, nobody
who comes along may take what it was woken for. If it cannot use it, because something else holds
it up, it passes it on. So each unit that becomes free gives one turn, however many are parked.
"""

import heapq
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from stepwell.core.gcra import NS_PER_MS

if TYPE_CHECKING:
    from stepwell.engine.turns import Group

__all__ = ["Gate", "Line", "Parking", "Waiter"]


class Gate(Protocol):
    """A limit at which one can be parked.

    Attributes:
        line: Those who are parked, or woken and had no turn yet; None when there are none.
        wake_ms: When to look again without being told; for limits that give way with time.
    """

    line: "Line | None"
    wake_ms: int | None

    def has_room(self, limit: int, now_ns: int) -> bool:
        """Whether one more may pass whose own limit is `limit`."""
        ...

    def next_room_ns(self) -> int | None:
        """When there is room again, if time alone makes room."""
        ...


class Waiter:
    """A group of lanes, or its lane of starts alone, that is parked at a gate.

    Attributes:
        limit: What the function's own limit was. Functions may share what is counted and still
            have different limits.
        ticket: Orders those who are parked.
        is_woken: Its turn will come; what it waited for is kept for it.
        is_gone: It does not wait any more.
    """

    __slots__ = ("gate", "group", "is_gone", "is_start", "is_woken", "limit", "ticket")

    def __init__(
        self, group: "Group", gate: Gate, limit: int, ticket: int, *, is_start: bool
    ) -> None:
        self.group = group
        self.gate = gate
        self.limit = limit
        self.ticket = ticket
        self.is_start = is_start
        self.is_woken = False
        self.is_gone = False


class Line:
    """Who is parked at one gate, in order, apart for each limit; and who was woken."""

    __slots__ = ("_queues", "woken")

    def __init__(self) -> None:
        self._queues: dict[int, deque[Waiter]] = {}
        self.woken: Waiter | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nobody is parked or woken."""
        return not self._queues and self.woken is None

    def add(self, waiter: Waiter, *, is_first: bool) -> None:
        """Park somebody, at the end or where it was."""
        queue = self._queues.setdefault(waiter.limit, deque())
        if is_first:
            queue.appendleft(waiter)
        else:
            queue.append(waiter)

    def next(self, gate: Gate, now_ns: int) -> Waiter | None:
        """Take out who was parked first of those for whom there is room."""
        best: deque[Waiter] | None = None
        for limit, queue in list(self._queues.items()):
            while queue and queue[0].is_gone:
                queue.popleft()
            if not queue:
                del self._queues[limit]
            elif gate.has_room(limit, now_ns) and (
                best is None or queue[0].ticket < best[0].ticket
            ):
                best = queue
        if best is None:
            return None
        waiter = best.popleft()
        if not best:
            del self._queues[waiter.limit]
        return waiter


class Parking:
    """Parks groups of lanes at gates, and wakes them.

    Args:
        now_ms: The clock.
        activate: Called with a group that is to have a turn.
    """

    def __init__(self, now_ms: Callable[[], int], activate: Callable[["Group"], None]) -> None:
        self._now_ms = now_ms
        self._activate = activate
        self._ticket = 0
        self._wakes: list[tuple[int, int, Gate]] = []

    def park(self, group: "Group", gate: Gate, limit: int, *, is_start: bool) -> None:
        """Let the group, or only its starts, wait until the gate has room.

        Who was woken at this very gate keeps its place.
        """
        previous = group.start_waiter if is_start else group.waiter
        assert previous is None or previous.is_woken
        keeps_place = previous is not None and previous.gate is gate
        self._ticket += 1
        ticket = previous.ticket if previous is not None and keeps_place else self._ticket
        waiter = Waiter(group, gate, limit, ticket, is_start=is_start)
        line = gate.line
        if line is None:
            line = gate.line = Line()
        line.add(waiter, is_first=keeps_place)
        if is_start:
            group.start_waiter = waiter
        else:
            group.waiter = waiter
        if previous is not None:
            self._pass_on(previous)
        if line.woken is None:
            self._look_later(gate)

    def settle(self, group: "Group") -> None:
        """The group had its turn: what it was woken for and did not use is for the next."""
        waiter, start_waiter = group.waiter, group.start_waiter
        if waiter is not None and waiter.is_woken:
            group.waiter = None
            self._pass_on(waiter)
        if start_waiter is not None and start_waiter.is_woken:
            group.start_waiter = None
            self._pass_on(start_waiter)

    def unpark(self, group: "Group") -> list[Gate]:
        """Let the group wait no more; returns the gates at which others are to be woken."""
        gates: list[Gate] = []
        for waiter in (group.waiter, group.start_waiter):
            if waiter is None:
                continue
            waiter.is_gone = True
            line = waiter.gate.line
            if line is not None and line.woken is waiter:
                line.woken = None
            gates.append(waiter.gate)
        group.waiter = None
        group.start_waiter = None
        return gates

    def wake(self, gate: Gate) -> None:
        """Give a turn to who was parked first, if there is room for it."""
        line = gate.line
        if line is None or line.woken is not None:
            return
        now_ns = self._now_ms() * NS_PER_MS
        while (waiter := line.next(gate, now_ns)) is not None:
            group = waiter.group
            if waiter.is_start and group.is_parked:
                # Something else holds it up; when that is over it asks here again.
                group.start_waiter = None
                continue
            waiter.is_woken = True
            line.woken = waiter
            self._activate(group)
            return
        if line.is_empty:
            gate.line = None
        else:
            self._look_later(gate)

    def next_ms(self) -> int | None:
        """When `wake_due` has to be called."""
        wakes = self._wakes
        while wakes and wakes[0][2].wake_ms != wakes[0][0]:
            heapq.heappop(wakes)
        return wakes[0][0] if wakes else None

    def wake_due(self, now_ms: int) -> None:
        """Look at the gates that have room again because time has passed."""
        while (at_ms := self.next_ms()) is not None and at_ms <= now_ms:
            gate = heapq.heappop(self._wakes)[2]
            gate.wake_ms = None
            self.wake(gate)

    def _pass_on(self, waiter: Waiter) -> None:
        line = waiter.gate.line
        assert line is not None
        assert line.woken is waiter
        line.woken = None
        self.wake(waiter.gate)

    def _look_later(self, gate: Gate) -> None:
        room_ns = gate.next_room_ns()
        if room_ns is None:
            return
        at_ms = -(-room_ns // NS_PER_MS)
        if gate.wake_ms is None or at_ms < gate.wake_ms:
            gate.wake_ms = at_ms
            self._ticket += 1
            heapq.heappush(self._wakes, (at_ms, self._ticket, gate))
