"""The real store, with a disk and a process that fail."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TypeVar

from stepwell.core.app import App
from stepwell.core.function import Function
from stepwell.core.identity import (
    EnvironmentId,
    EventId,
    FunctionId,
    ItemId,
    PartitionId,
    RunId,
)
from stepwell.core.queue import QueueItem
from stepwell.core.run import RunState
from stepwell.core.transition import StoredEvent, Transition
from stepwell.core.waits import Wait
from stepwell.engine.store import Ownership, Store, StoreUnavailable, WaitQuery, WaitShape
from tests.simulation.faults import Faults
from tests.simulation.virtual_loop import pause

__all__ = ["CrashPlan", "FaultyStore"]

T = TypeVar("T")

#: Told the number of a commit and "before" or "after"; says whether the process dies there.
CrashPlan = Callable[[int, str], bool]


class FaultyStore:
    """`Store`, as one process sees it; after its death no method ever returns.

    Args:
        store: Where everything really is.
        faults: What goes wrong.
        is_crash: Says of each commit whether the process dies just before or just after it.
        die: Called when it does.
        committed: Told of every batch that was written.
    """

    def __init__(
        self,
        store: Store,
        faults: Faults,
        *,
        is_crash: CrashPlan,
        die: Callable[[], None],
        committed: Callable[[Sequence[Transition]], None],
    ) -> None:
        self._store = store
        self._faults = faults
        self._is_crash = is_crash
        self._die = die
        self._committed = committed
        self.commits = 0
        self.is_dead = False

    async def commit(self, owner: Ownership, batch: Sequence[Transition]) -> None:
        faults = self._faults
        await self._passes(faults.disk_s())
        self.commits += 1
        if self._is_crash(self.commits, "before"):
            await self._dies()
        if faults.happens("commit_refused"):
            raise StoreUnavailable("commit", "simulated: not written")
        await self._store.commit(owner, batch)
        self._committed(batch)
        if self._is_crash(self.commits, "after"):
            await self._dies()
        await self._passes(faults.disk_s())
        if faults.happens("commit_unconfirmed"):
            raise StoreUnavailable("commit", "simulated: written, but not confirmed")

    async def take(self, partition: PartitionId) -> Ownership:
        await self._passes(self._faults.disk_s())
        return await self._store.take(partition)

    async def probe(self, owner: Ownership) -> None:
        await self._passes(self._faults.disk_s())
        if self._faults.happens("commit_refused"):
            raise StoreUnavailable("probe", "simulated")
        await self._store.probe(owner)

    async def largest_number(self) -> int:
        await self._before("largest_number")
        return await self._after(await self._store.largest_number())

    async def apps(self) -> list[App]:
        await self._before("apps")
        return await self._after(await self._store.apps())

    async def functions(self) -> list[Function]:
        await self._before("functions")
        return await self._after(await self._store.functions())

    async def load_runs(self, run_ids: Sequence[RunId]) -> dict[RunId, RunState]:
        await self._before("load_runs")
        return await self._after(await self._store.load_runs(run_ids))

    async def queued_functions(self, partition: PartitionId) -> list[FunctionId]:
        await self._before("queued_functions")
        return await self._after(await self._store.queued_functions(partition))

    async def ready(
        self, partition: PartitionId, function_id: FunctionId, *, after: ItemId, limit: int
    ) -> list[QueueItem]:
        await self._before("ready")
        items = await self._store.ready(partition, function_id, after=after, limit=limit)
        return await self._after(items)

    async def timers(
        self,
        partition: PartitionId,
        function_id: FunctionId,
        *,
        after: tuple[int, ItemId],
        until_ms: int,
        limit: int,
    ) -> list[QueueItem]:
        await self._before("timers")
        items = await self._store.timers(
            partition, function_id, after=after, until_ms=until_ms, limit=limit
        )
        return await self._after(items)

    async def event(self, event_id: EventId) -> StoredEvent | None:
        await self._before("event")
        return await self._after(await self._store.event(event_id))

    async def waits_for(self, queries: Sequence[WaitQuery]) -> list[list[Wait]]:
        await self._before("waits_for")
        return await self._after(await self._store.waits_for(queries))

    async def wait_shapes(self, environment_id: EnvironmentId) -> list[WaitShape]:
        await self._before("wait_shapes")
        return await self._after(await self._store.wait_shapes(environment_id))

    async def claims(
        self, keys: Collection[tuple[FunctionId, str]], *, now_ms: int
    ) -> Mapping[tuple[FunctionId, str], RunId]:
        await self._before("claims")
        return await self._after(await self._store.claims(keys, now_ms=now_ms))

    async def expire_claims(self, owner: Ownership, *, now_ms: int, limit: int) -> int:
        await self._passes(self._faults.disk_s())
        return await self._store.expire_claims(owner, now_ms=now_ms, limit=limit)

    async def close(self) -> None:
        await self._store.close()

    async def _before(self, operation: str) -> None:
        await self._passes(self._faults.read_s())
        if self._faults.happens("read_refused"):
            raise StoreUnavailable(operation, "simulated")

    async def _after(self, result: T) -> T:
        """What was read is delivered later, and may be old by then."""
        await self._passes(self._faults.read_s())
        return result

    async def _passes(self, seconds: float) -> None:
        if self.is_dead:
            await self._dies()
        await pause(seconds)
        if self.is_dead:
            await self._dies()

    async def _dies(self) -> None:
        """The process is gone: nothing follows. Whoever cleans up after it cancels this."""
        if not self.is_dead:
            self.is_dead = True
            self._die()
        while True:
            await pause(86_400.0)
