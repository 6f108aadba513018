"""Reading on in the queue where memory runs low."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from stepwell.core.identity import FunctionId, PartitionId
from stepwell.engine.memory import LANES_MAX
from stepwell.engine.scheduler import Scheduler
from stepwell.engine.store import Lane, Store
from stepwell.engine.windows import TimerWindow

__all__ = ["Refills"]

_FOREVER_MS: Final = 2**62


class Refills:
    """Reads items, lanes, timers and admitted runs from the store for a scheduler.

    Args:
        store: Where the queue is.
        scheduler: Gives the scheduler, which is made later.
        spawn: Runs a read beside everything else.
        refilled: Called when something was brought.
    """

    def __init__(
        self,
        store: Store,
        *,
        scheduler: Callable[[], Scheduler],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        refilled: Callable[[], None],
    ) -> None:
        self._store = store
        self._scheduler = scheduler
        self._spawn = spawn
        self._refilled = refilled
        self._is_reading = False

    def ready(self) -> None:
        """Read on in the lanes that ask for it: together, and one round trip after the other."""
        if not self._is_reading:
            self._is_reading = True
            self._spawn(self._read_ready())

    def lanes(self, partition: PartitionId, after: Lane | None) -> None:
        """Read the next page of lanes."""
        self._spawn(self._read_lanes(partition, after))

    def timers(self, partition: PartitionId, window: TimerWindow, *, limit: int) -> None:
        """Read the function's next timers."""
        self._spawn(self._read_timers(partition, window, limit))

    def admitted_runs(self, function_id: FunctionId, reading: int) -> None:
        """Read the function's admitted runs."""
        self._spawn(self._read_runs(function_id, reading))

    async def _read_ready(self) -> None:
        memory = self._scheduler().memory
        while reads := memory.next_reads():
            results = await self._store.ready([read.query for read in reads])
            memory.refilled(reads, results)
            self._refilled()
        self._is_reading = False

    async def _read_lanes(self, partition: PartitionId, after: Lane | None) -> None:
        found = await self._store.ready_lanes(partition, after=after, limit=LANES_MAX)
        self._scheduler().memory.found_lanes(partition, found)
        self._refilled()

    async def _read_timers(self, partition: PartitionId, window: TimerWindow, limit: int) -> None:
        assert window.edge is not None
        items = await self._store.timers(
            partition,
            window.function_id,
            after=window.edge,
            until_ms=_FOREVER_MS,
            limit=limit,
        )
        self._scheduler().memory.refilled_timers(window, items, limit=limit)
        self._refilled()

    async def _read_runs(self, function_id: FunctionId, reading: int) -> None:
        runs = await self._store.admitted_runs(function_id)
        self._scheduler().found_runs(function_id, reading, runs)
        self._refilled()
