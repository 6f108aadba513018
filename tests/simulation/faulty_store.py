"""The real store, with a disk and a process that fail."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from stepwell.core.identity import PartitionId
from stepwell.core.transition import Transition
from stepwell.engine.store import Ownership, Store, StoreUnavailable
from tests.simulation.faults import Faults
from tests.simulation.virtual_loop import pause

__all__ = ["CrashOnce", "CrashPlan", "FaultyStore", "never"]

#: Told the number of a commit and "before" or "after"; says whether the process dies there.
CrashPlan = Callable[[int, str], bool]


def never(_commit: int, _moment: str) -> bool:
    """The process lives on."""
    return False


class CrashOnce:
    """Kills the server at one commit, and never again."""

    def __init__(self, commit: int, moment: str) -> None:
        self._at = (commit, moment)
        self.happened = False

    def __call__(self, commit: int, moment: str) -> bool:
        if self.happened or (commit, moment) != self._at:
            return False
        self.happened = True
        return True


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

    async def expire_claims(self, owner: Ownership, *, now_ms: int, limit: int) -> int:
        await self._passes(self._faults.disk_s())
        return await self._store.expire_claims(owner, now_ms=now_ms, limit=limit)

    async def expire_limits(self, owner: Ownership, *, now_ms: int, limit: int) -> int:
        await self._passes(self._faults.disk_s())
        return await self._store.expire_limits(owner, now_ms=now_ms, limit=limit)

    async def close(self) -> None:
        await self._store.close()

    def __getattr__(self, operation: str) -> Any:
        """All that is left only reads."""
        return partial(self._read, operation)

    async def _read(self, operation: str, *args: Any, **keywords: Any) -> Any:
        await self._passes(self._faults.read_s())
        if self._faults.happens("read_refused"):
            raise StoreUnavailable(operation, "simulated")
        result = await getattr(self._store, operation)(*args, **keywords)
        # What was read is delivered later, and may be old by then.
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
