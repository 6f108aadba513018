"""Functions about which somebody else is going to decide, and what is still under way of them."""

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from collections.abc import Set as AbstractSet

from stepwell.core.identity import FunctionId, ItemId
from stepwell.core.queue import QueueItem

__all__ = ["Departures"]


class Departures:
    """Counts decisions under way, and waits until nothing of a function is.

    Args:
        requests_of: The requests of functions that are under way.
    """

    def __init__(self, requests_of: Callable[[Collection[FunctionId]], Collection[ItemId]]) -> None:
        self._requests_of = requests_of
        self._deciding: Counter[FunctionId] = Counter()
        self._leaving: frozenset[FunctionId] = frozenset()
        self._waiting: list[asyncio.Event] = []
        self._is_over = False

    def __contains__(self, function_id: object) -> bool:
        """Whether nothing of the function is to be begun any more."""
        return function_id in self._leaving

    def begin(self, function_ids: Iterable[FunctionId]) -> None:
        """Nothing of these is to be begun from now on."""
        self._leaving |= frozenset(function_ids)

    def end(self, is_back: Callable[[FunctionId], bool]) -> None:
        """Functions have left, or come back: those about which this node decides are as others."""
        self._leaving = frozenset(each for each in self._leaving if not is_back(each))

    def decision_begins(self, item: QueueItem) -> None:
        """An item that is no request has its turn."""
        self._deciding[item.function_id] += 1

    def decision_ends(self, item: QueueItem) -> None:
        """That turn is over."""
        self._deciding[item.function_id] -= 1

    def turn_ended(self) -> None:
        """Something is not under way any more."""
        for waiting in self._waiting:
            waiting.set()

    def abort(self) -> None:
        """Nothing will come to an end any more: nobody has to wait for it."""
        self._is_over = True
        self.turn_ended()

    async def none_under_way(self, function_ids: AbstractSet[FunctionId]) -> None:
        """Wait until no turn of these functions is under way."""
        ended = asyncio.Event()
        self._waiting.append(ended)
        try:
            while not self._is_over and self._is_under_way(function_ids):
                ended.clear()
                await ended.wait()
        finally:
            self._waiting.remove(ended)

    def _is_under_way(self, function_ids: AbstractSet[FunctionId]) -> bool:
        if self._requests_of(function_ids):
            return True
        return any(count and each in function_ids for each, count in self._deciding.items())
