"""Whose turn it is: environments, within them functions, within them groups of lanes.

All have one turn after the other, with one item each: the cost of an item is always one, so this is
deficit round robin without deficits. Only those that have something to do stand in line, so a turn
costs the same however many functions and lanes there are.
"""

from collections import deque
from typing import Final

from stepwell.core.identity import EnvironmentId, FunctionId, ItemId
from stepwell.core.lanes import CALLS, DECISIONS, STARTS, is_start_lane
from stepwell.engine.limits import Check, StartLimits
from stepwell.engine.parking import Waiter
from stepwell.engine.rules import Rules
from stepwell.engine.windows import LaneWindow, TimerWindow, WindowSizes

__all__ = ["Environment", "FunctionQueue", "Group", "Turns"]

_FIRST_DECISION_SCORE: Final = 0


class Environment:
    """The functions of one environment that have something to do, in the order of their turns."""

    __slots__ = ("turns",)

    def __init__(self) -> None:
        self.turns: deque[FunctionQueue] = deque()


class Group:
    """The lanes of a function with the same keys: one of starts and one of other requests.

    They stand in line together, so that the steps of older runs go before newer starts.

    Attributes:
        key: What the texts of its lanes have in common.
        checks: The limits on its requests; None until they are looked up.
        start_limits: What holds for its starts beside them.
        waiter: Where the group is parked, or was woken.
        start_waiter: The same for its starts alone.
        limited_ms: When a limit on requests was last seen to hold it up; 0 if none ever was.
        starts_limited_ms: The same for the limit on unfinished runs, which holds up starts alone.
        throttled_ms: The same for the throttle.
        is_free: Whether they were looked up and there are none at all.
        has_turn: Whether it stands in line.
    """

    __slots__ = (
        "calls",
        "checks",
        "function",
        "has_turn",
        "is_free",
        "key",
        "limited_ms",
        "start_limits",
        "start_waiter",
        "starts",
        "starts_limited_ms",
        "throttled_ms",
        "waiter",
    )

    def __init__(self, function: "FunctionQueue", key: str) -> None:
        self.function = function
        self.key = key
        self.calls: LaneWindow | None = None
        self.starts: LaneWindow | None = None
        self.checks: tuple[Check, ...] | None = None
        self.start_limits: StartLimits | None = None
        self.waiter: Waiter | None = None
        self.start_waiter: Waiter | None = None
        self.limited_ms = 0
        self.starts_limited_ms = 0
        self.throttled_ms = 0
        self.is_free = False
        self.has_turn = False

    @property
    def windows(self) -> list[LaneWindow]:
        """Its lanes in memory."""
        return [window for window in (self.calls, self.starts) if window is not None]

    @property
    def is_parked(self) -> bool:
        """Whether all of it waits at a limit."""
        return self.waiter is not None and not self.waiter.is_woken

    @property
    def are_starts_parked(self) -> bool:
        """Whether its starts wait at a limit of their own."""
        return self.start_waiter is not None and not self.start_waiter.is_woken

    @property
    def is_over(self) -> bool:
        """Whether nothing is queued, in memory or in the store."""
        calls, starts = self.calls, self.starts
        if calls is not None and (calls.ready or calls.edge is not None):
            return False
        return starts is None or (not starts.ready and starts.edge is None)


class FunctionQueue:
    """What is queued for one function.

    Attributes:
        windows: Its lanes in memory, except decisions, by their texts.
        turns: Those that have something to do, in the order of their turns.
        decisions: What only needs a decision.
        has_turn: Whether it stands in its environment's line.
        has_decision_turn: Whether it stands in the line of those with decisions.
        is_held: Whether it gets no turn, because it is about to leave memory or has left it.
        running: Its requests under way.
        runs_reading: Number of the latest reading of its admitted runs; see `are_runs_read`.
        are_runs_read: Whether that reading is under way.
        are_runs_known: Whether its admitted runs are counted.
    """

    __slots__ = (
        "are_runs_known",
        "are_runs_read",
        "decisions",
        "environment",
        "has_decision_turn",
        "has_turn",
        "id",
        "is_held",
        "partition",
        "rules",
        "running",
        "runs_reading",
        "timers",
        "turns",
        "windows",
    )

    def __init__(
        self, function_id: FunctionId, rules: Rules, environment: Environment, sizes: WindowSizes
    ) -> None:
        self.id = function_id
        self.rules = rules
        self.environment = environment
        self.windows: dict[str, LaneWindow] = {}
        self.turns: deque[Group] = deque()
        self.decisions = LaneWindow(DECISIONS, None, is_unread=False)
        self.timers = TimerWindow(function_id, sizes)
        self.has_turn = False
        self.has_decision_turn = False
        self.is_held = False
        #: Where its rows lie that are read; until they are moved, not where the function belongs.
        self.partition = rules.partition
        self.running = 0
        self.runs_reading = 0
        self.are_runs_read = False
        self.are_runs_known = False

    def window(self, lane: str) -> LaneWindow | None:
        """The lane's window, if it is in memory."""
        return self.windows.get(lane) if lane else self.decisions

    def new_window(self, lane: str, *, is_unread: bool) -> LaneWindow:
        """Begin a lane, and its group if that has no other lane."""
        is_start = is_start_lane(lane)
        key = lane[1:]
        other = self.windows.get((CALLS if is_start else STARTS) + key)
        group = other.group if other is not None else None
        if group is None:
            group = Group(self, key)
        window = self.windows[lane] = LaneWindow(lane, group, is_unread=is_unread)
        if is_start:
            group.starts = window
        else:
            group.calls = window
        return window

    def groups(self) -> list[Group]:
        """Its groups of lanes in memory, in no order."""
        return list({window.group: None for window in self.windows.values() if window.group})

    def has_decisions_before(self, item_id: ItemId) -> bool:
        """Whether decisions with smaller ids wait, in memory or in the store."""
        return self.decisions.has_before((_FIRST_DECISION_SCORE, item_id))


class Turns:
    """The groups that have something to do, in the order of their turns."""

    def __init__(self) -> None:
        self._environments: dict[EnvironmentId, Environment] = {}
        self._line: deque[Environment] = deque()

    def environment(self, environment_id: EnvironmentId) -> Environment:
        """Where the functions of an environment stand."""
        return self._environments.setdefault(environment_id, Environment())

    def first(self) -> Group | None:
        """Whose turn it is."""
        line = self._line
        return line[0].turns[0].turns[0] if line else None

    def add(self, group: Group) -> None:
        """Let a group stand in line, at the end."""
        group.has_turn = True
        function = group.function
        function.turns.append(group)
        if not function.has_turn:
            function.has_turn = True
            functions = function.environment.turns
            functions.append(function)
            if len(functions) == 1:
                self._line.append(function.environment)

    def leave(self) -> None:
        """The first group has nothing to do or is held up; its function keeps the turn."""
        line = self._line
        functions = line[0].turns
        function = functions[0]
        turns = function.turns
        turns.popleft().has_turn = False
        if not turns:
            function.has_turn = False
            functions.popleft()
            if not functions:
                line.popleft()

    def end(self, *, stays: bool) -> None:
        """The first group had its turn; it goes to the end of the line, or out of it."""
        line = self._line
        functions = line[0].turns
        turns = functions[0].turns
        if stays:
            if len(turns) > 1:
                turns.rotate(-1)
        else:
            turns.popleft().has_turn = False
            if not turns:
                functions.popleft().has_turn = False
                if not functions:
                    line.popleft()
                elif len(line) > 1:
                    line.rotate(-1)
                return
        if len(functions) > 1:
            functions.rotate(-1)
        if len(line) > 1:
            line.rotate(-1)
