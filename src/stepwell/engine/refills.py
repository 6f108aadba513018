"""Reading on in the queue where a window of the scheduler runs low."""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from stepwell.core.identity import PartitionId
from stepwell.engine.scheduler import Scheduler
from stepwell.engine.store import Store
from stepwell.engine.windows import READY_MAX, TIMERS_MAX, FunctionQueue

__all__ = ["Refills"]

_FOREVER_MS: Final = 2**62


class Refills:
    """Reads items for windows.

    Args:
        store: Where the queue is.
        partition: Whose items.
        scheduler: Gives the scheduler, which is made later.
        spawn: Runs a read beside everything else.
        refilled: Called when items were brought.
    """

    def __init__(
        self,
        store: Store,
        partition: PartitionId,
        *,
        scheduler: Callable[[], Scheduler],
        spawn: Callable[[Coroutine[Any, Any, None]], None],
        refilled: Callable[[], None],
    ) -> None:
        self._store = store
        self._partition = partition
        self._scheduler = scheduler
        self._spawn = spawn
        self._refilled = refilled

    def ready(self, queue: FunctionQueue) -> None:
        """Read the function's next items that are due at once."""
        self._spawn(self._read_ready(queue))

    def timers(self, queue: FunctionQueue) -> None:
        """Read the function's next timers."""
        self._spawn(self._read_timers(queue))

    async def _read_ready(self, queue: FunctionQueue) -> None:
        assert queue.ready_edge is not None
        items = await self._store.ready(
            self._partition, queue.function_id, after=queue.ready_edge, limit=READY_MAX
        )
        self._scheduler().refilled(queue, items, limit=READY_MAX)
        self._refilled()

    async def _read_timers(self, queue: FunctionQueue) -> None:
        assert queue.timers_edge is not None
        items = await self._store.timers(
            self._partition,
            queue.function_id,
            after=queue.timers_edge,
            until_ms=_FOREVER_MS,
            limit=TIMERS_MAX,
        )
        self._scheduler().refilled_timers(queue, items, limit=TIMERS_MAX)
        self._refilled()
