"""How full the queue is, as metrics show it: counted now and then, and never waited for long.

Counting takes half a second per million queued items, on a thread of its own. Whoever asks gets the
latest count, and a new one is begun if that is old; one that is quick is waited for.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

import msgspec

from stepwell.api.why import FunctionWaiting, Waitings
from stepwell.core.identity import FunctionId
from stepwell.engine.store import StoreUnavailable
from stepwell.store.views import QueueNumbers

__all__ = ["QueueCounter", "QueueSnapshot", "QueueSnapshots"]

#: How long somebody who asks waits for a new count.
PATIENCE_S: Final = 0.08
#: How old a count may be while a new one would be cheap.
FRESH_S: Final = 2.0
#: Counting may take this part of the time of one processor.
_SHARE_MAX: Final = 0.05


class QueueCounter(Protocol):
    """Counts what is stored. Raises `StoreUnavailable`."""

    async def queue_numbers(self, function_id: FunctionId | None = None) -> QueueNumbers:
        """How many items stand in the queue, by lane and kind."""
        ...


class QueueSnapshot(msgspec.Struct, frozen=True):
    """What was queued at one moment.

    Attributes:
        taken_s: That moment, on the monotonic clock.
        took_s: How long it took to count.
        depth: All queue items, also those of no function, those due later, and those that are the
            work of other servers.
        functions: By registered function, of those whose work this server does.
    """

    taken_s: float
    took_s: float
    depth: int
    functions: list[FunctionWaiting]

    def is_fresh(self, now_s: float) -> bool:
        """Whether there is no need to count again."""
        return now_s - self.taken_s < max(FRESH_S, self.took_s / _SHARE_MAX)


class QueueSnapshots:
    """Keeps the latest count.

    Args:
        counter: Counts in the store.
        waitings: Say what holds things up.
        now_s: The monotonic clock.
        patience_s: How long to wait for a new count.
    """

    def __init__(
        self,
        counter: QueueCounter,
        waitings: Waitings,
        *,
        now_s: Callable[[], float],
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._counter = counter
        self._waitings = waitings
        self._now_s = now_s
        self._patience_s = patience_s
        self._latest: QueueSnapshot | None = None
        self._counting: asyncio.Task[None] | None = None

    async def latest(self) -> QueueSnapshot | None:
        """The latest count; None if there was none yet. Waits for `patience_s` at most."""
        if self._latest is not None and self._latest.is_fresh(self._now_s()):
            return self._latest
        if self._counting is None:
            self._counting = asyncio.create_task(self._count())
        await asyncio.wait([self._counting], timeout=self._patience_s)
        return self._latest

    async def _count(self) -> None:
        try:
            began_s = self._now_s()
            numbers = await self._counter.queue_numbers()
            functions = await self._waitings.of_functions_here(numbers)
            depth = sum(lane.items for lane in numbers.lanes)
            depth += sum(timer.items for timer in numbers.timers)
            taken_s = self._now_s()
            self._latest = QueueSnapshot(taken_s, taken_s - began_s, depth, functions)
        except StoreUnavailable:
            # What was counted last is shown with its age.
            pass
        finally:
            self._counting = None
