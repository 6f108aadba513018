"""The real store, with a disk, a network and a process that fail."""

from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import Any, Protocol, TypeVar

from stepwell.core.identity import PartitionId
from stepwell.core.transition import Transition
from stepwell.engine.nodes import (
    ONE_PLACE,
    Glance,
    Mail,
    Ownership,
    Places,
    Question,
    Reply,
    Standing,
    Wake,
)
from stepwell.engine.store import OwnershipLost, Store, StoreUnavailable
from tests.simulation.faults import Faults
from tests.simulation.virtual_loop import pause

__all__ = ["CrashOnce", "CrashPlan", "FaultyStore", "Witness", "never"]

T = TypeVar("T")

#: Told the number of a commit and "before" or "after"; says whether the process dies there.
CrashPlan = Callable[[int, str], bool]

# How long it takes until a process finds out that the database cannot be reached.
_SILENCE_S = 1.5


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


class Witness(Protocol):
    """Sees every commit from outside."""

    def committing(self, owner: Ownership, batch: Sequence[Transition]) -> None:
        """A batch is about to be written."""

    def committed(self, owner: Ownership, batch: Sequence[Transition]) -> None:
        """It was written."""

    def failed(self, owner: Ownership, error: Exception) -> None:
        """It could not be written, for a reason that no disk and no network has."""


class FaultyStore:
    """`Store`, as one process sees it; after its death no method ever returns.

    Args:
        store: Where everything really is.
        faults: What goes wrong.
        is_crash: Says of each commit whether the process dies just before or just after it.
        die: Called when it does.
        witness: Told of every batch.

    Attributes:
        week_ms: As the store has it.
        is_cut_off: Whether the process cannot reach the database, nor be woken.
    """

    def __init__(
        self,
        store: Store,
        faults: Faults,
        *,
        is_crash: CrashPlan,
        die: Callable[[], None],
        witness: Witness,
    ) -> None:
        self.week_ms = store.week_ms
        self._store = store
        self._faults = faults
        self._is_crash = is_crash
        self._die = die
        self._witness = witness
        self._wakes: list[Callable[[Wake], None]] = []
        self.commits = 0
        self.is_dead = False
        self.is_cut_off = False

    @property
    def partitions(self) -> Sequence[PartitionId]:
        return self._store.partitions

    async def commit(
        self, owner: Ownership, batch: Sequence[Transition], places: Places = ONE_PLACE
    ) -> None:
        faults = self._faults
        await self._passes(faults.disk_s())
        self.commits += 1
        if self._is_crash(self.commits, "before"):
            await self._dies()
        if faults.happens("commit_refused"):
            raise StoreUnavailable("commit", "simulated: not written")
        self._witness.committing(owner, batch)
        try:
            await self._store.commit(owner, batch, places)
        except (StoreUnavailable, OwnershipLost):
            raise
        except Exception as error:
            self._witness.failed(owner, error)
            raise
        self._witness.committed(owner, batch)
        if self._is_crash(self.commits, "after"):
            await self._dies()
        await self._passes(faults.disk_s())
        if faults.happens("commit_unconfirmed"):
            raise StoreUnavailable("commit", "simulated: written, but not confirmed")

    async def join(self, name: str, version: str, *, alone: bool = False) -> Ownership:
        await self._passes(self._faults.disk_s())
        return await self._store.join(name, version, alone=alone)

    async def leave(self, owner: Ownership) -> None:
        await self._passes(self._faults.disk_s())
        await self._store.leave(owner)

    async def glance(self, owner: Ownership, standing: Standing) -> Glance:
        return await self._change(partial(self._store.glance, owner, standing))

    async def take(
        self, owner: Ownership, partitions: Collection[PartitionId]
    ) -> frozenset[PartitionId]:
        return await self._change(partial(self._store.take, owner, partitions))

    async def release(self, owner: Ownership, partitions: Collection[PartitionId]) -> None:
        await self._change(partial(self._store.release, owner, partitions))

    async def mail(self, owner: Ownership, partitions: Collection[PartitionId]) -> Mail:
        return await self._change(partial(self._store.mail, owner, partitions))

    async def ask(self, owner: Ownership, question: Question) -> None:
        await self._change(partial(self._store.ask, owner, question))

    async def answer(self, owner: Ownership, reply: Reply) -> None:
        await self._change(partial(self._store.answer, owner, reply))

    def on_wake(self, wake: Callable[[Wake], None]) -> None:
        self._wakes.append(wake)

    def wake(self, found: Wake) -> None:
        """A wake-up has come through."""
        if not self.is_dead and not self.is_cut_off:
            for wake in self._wakes:
                wake(found)

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

    async def _change(self, change: Callable[[], Awaitable[T]]) -> T:
        """What nodes do to know of each other; it may be done and the answer be lost."""
        await self._passes(self._faults.disk_s())
        if self._faults.happens("commit_refused"):
            raise StoreUnavailable("change", "simulated: not done")
        if self._faults.happens("crash_before_commit"):
            await self._dies()
        result = await change()
        if self._faults.happens("crash_after_commit"):
            await self._dies()
        await self._passes(self._faults.disk_s())
        if self._faults.happens("commit_unconfirmed"):
            raise StoreUnavailable("change", "simulated: done, but not confirmed")
        return result

    async def _passes(self, seconds: float) -> None:
        if self.is_dead:
            await self._dies()
        await pause(seconds)
        if self.is_dead:
            await self._dies()
        if self.is_cut_off:
            await pause(_SILENCE_S)
            raise StoreUnavailable("any", "simulated: cannot be reached")

    async def _dies(self) -> None:
        """The process is gone: nothing follows. Whoever cleans up after it cancels this."""
        if not self.is_dead:
            self.is_dead = True
            self._die()
        while True:
            await pause(86_400.0)
