"""Waits whose time is up, until all events that were accepted before have been matched.

An event that came in time may still satisfy the wait. Where nobody else can accept events this node
knows when it has matched all; otherwise the store is asked, and then what other nodes have left is
heard first.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from collections.abc import Set as AbstractSet
from typing import Any, Final, Generic, TypeVar

from stepwell.core.identity import FunctionId, ItemId
from stepwell.core.run import RunState
from stepwell.engine.places import OwnedPlaces
from stepwell.engine.store import Store

__all__ = ["ExpiredWaits"]

T = TypeVar("T")

# Between two looks whether other nodes have matched the events.
_PAUSE_FIRST_S: Final = 0.01
_PAUSE_MAX_S: Final = 0.5


class ExpiredWaits(Generic[T]):
    """Turns of items that end waits, each with its run.

    Args:
        store: Asked for what other nodes have not matched.
        places: Tells whether there may be other nodes.
        is_behind: Whether this node may have events to match that have smaller ids.
        hear: Hears what other nodes have left.
        spawn: Does something beside everything else.
        decide: Called with a turn whose wait may end now.
        leave: Called with one that is left to the run's next owner.
    """

    def __init__(
        self,
        store: Store,
        places: OwnedPlaces,
        *,
        is_behind: Callable[[ItemId], bool],
        hear: Callable[[], Awaitable[None]],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        decide: Callable[[T, RunState], None],
        leave: Callable[[T], None],
    ) -> None:
        self._store = store
        self._places = places
        self._is_behind = is_behind
        self._hear = hear
        self._spawn = spawn
        self._decide = decide
        self._leave = leave
        self._behind_us: deque[tuple[ItemId, T, RunState]] = deque()
        self._behind_others: dict[ItemId, tuple[T, RunState]] = {}

    def must_wait(self, before: ItemId) -> bool:
        """Whether events with smaller ids may not be matched, as far as is known at once."""
        return not self._places.is_alone or self._is_behind(before)

    def add(self, before: ItemId, turn: T, run: RunState) -> None:
        """Decide about the turn when all events with ids below `before` are matched."""
        if self._places.is_alone:
            self._behind_us.append((before, turn, run))
        else:
            self._behind_others[before] = (turn, run)
            self._spawn(self._ask(before))

    def look_again(self) -> None:
        """Events were matched."""
        while self._behind_us and not self._is_behind(self._behind_us[0][0]):
            _, turn, run = self._behind_us.popleft()
            self._decide(turn, run)

    def leave(self, function_ids: AbstractSet[FunctionId]) -> None:
        """Leave those of runs of these functions to whoever owns them next."""
        for entry in list(self._behind_us):
            if entry[2].new.function_id in function_ids:
                self._behind_us.remove(entry)
                self._leave(entry[1])
        for before, (turn, run) in list(self._behind_others.items()):
            if run.new.function_id in function_ids:
                del self._behind_others[before]
                self._leave(turn)

    async def _ask(self, before: ItemId) -> None:
        pause_s = _PAUSE_FIRST_S
        while await self._store.is_behind(before):
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _PAUSE_MAX_S)
        await self._hear()
        waiting = self._behind_others.pop(before, None)
        if waiting is not None:
            self._decide(*waiting)
