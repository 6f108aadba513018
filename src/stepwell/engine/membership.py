"""One node among others: is seen, sees them, and has its share of the partitions.

Nobody decides for all. Every node knows from the same table who is there, and so what each one's
share is: one with more than its share gives some back, one with less takes what is free. A node
that dies is not seen any more when its lease has ended, and what it had is free then.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from typing import Final, Protocol

import structlog

from stepwell.core.identity import NodeId, PartitionId
from stepwell.engine.clock import SharedClock
from stepwell.engine.nodes import Cluster, Glance, Standing, Wake
from stepwell.engine.places import OwnedPlaces
from stepwell.engine.store import Ownership

__all__ = ["RENEW_S", "Membership", "Owning", "share"]

_log = structlog.get_logger("stepwell.engine")

#: Between two looks around, each of which renews the lease.
RENEW_S: Final = 1.25
# How long calls under way may keep a partition from being given to another node.
_PATIENCE_S: Final = 2.0
# And how long it is then left alone.
_BUSY_S: Final = 30.0
# Between two looks whether all nodes know what was registered.
_SPREAD_PAUSE_S: Final = 0.02
#: Longer than the lease of a node that does not look.
_SPREAD_S: Final = 6.0


class Owning(Protocol):
    """Who does the work of the partitions that the node owns."""

    async def take_on(self, partitions: Collection[PartitionId]) -> None:
        """These were taken: go on with what lies in them."""
        ...

    async def let_go(
        self, partitions: Collection[PartitionId], grace_s: float, *, insists: bool
    ) -> bool:
        """Bring what is under way in these to an end; then nothing of it is in memory.

        Returns:
            False if that takes longer than `grace_s`, and the node does not insist.
        """
        ...

    def calls_in(self, partition: PartitionId) -> int:
        """How many requests of the partition's functions are under way."""
        ...

    def renewed(self, until_s: float, *, nodes: int) -> None:
        """One of so many nodes, and nobody takes it for dead until then, by the loop's clock."""
        ...


def share(node: NodeId, glance: Glance) -> int:
    """How many partitions are the node's due; 0 for one that gives its own away.

    Shares differ by one at most; those who joined first have the larger ones.
    """
    staying = sorted(each.id for each in glance.nodes if not each.standing.is_draining)
    if node not in staying:
        return 0
    each, left = divmod(len(glance.owners), len(staying))
    return each + (staying.index(node) < left)


class Membership:
    """Renews the lease, follows the catalogue, and takes and gives back partitions.

    Args:
        cluster: Where the table is.
        owner: The node.
        places: Which partitions it owns.
        owning: Does their work.
        reload: Reads apps and functions anew.
        clock: Told what time it is for all nodes.

    Attributes:
        latest: What was seen last.
    """

    def __init__(
        self,
        cluster: Cluster,
        owner: Ownership,
        places: OwnedPlaces,
        owning: Owning,
        *,
        reload: Callable[[], Awaitable[None]],
        clock: SharedClock,
    ) -> None:
        self._cluster = cluster
        self._owner = owner
        self._places = places
        self._owning = owning
        self._reload = reload
        self._clock = clock
        self._grace_s = 0.0
        # Partitions whose calls took too long, and when to try again.
        self._busy_until_s: dict[PartitionId, float] = {}
        self._known = -1
        self._is_draining = False
        self._looking = asyncio.Lock()
        self._wake = asyncio.Event()
        self._has_changed = asyncio.Event()
        self._is_empty = asyncio.Event()
        self.latest: Glance | None = None

    def wake(self, wake: Wake) -> None:
        """Somebody says that there may be something to see."""
        if wake.everybody:
            self._wake.set()

    async def begin(self) -> None:
        """Look around for the first time, and take the node's share of what is free."""
        await self.look()
        await self._balance()

    async def run(self) -> None:
        """Be a node until cancelled.

        Raises:
            StoreUnavailable, OwnershipLost: It is none any more, or may not be.
        """
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_around())
            tasks.create_task(self._keep_balance())

    async def look(self) -> int:
        """Renew the lease and see what there is now.

        Returns:
            The version of apps and functions that is known, if not a newer one by now.
        """
        # One after the other, so that what is seen later is newer.
        async with self._looking:
            glance = await self._glance()
            if glance.catalogue != self._known:
                await self._reload()
                self._known = glance.catalogue
                glance = await self._glance()
            self.latest = glance
            self._has_changed.set()
            return self._known

    async def drain(self, grace_s: float) -> None:
        """Give everything away; returns when nothing is left."""
        self._is_draining = True
        self._grace_s = grace_s
        await self.look()
        if self._places.owned:
            await self._is_empty.wait()

    def abort(self) -> None:
        """It is no node any more: nobody has to wait for anything."""
        self._is_empty.set()

    async def everybody_knows(self) -> None:
        """Wait until all nodes know what has been registered until now.

        No longer than a lease: a node that does not look by then is none any more.
        """
        await self.look()
        assert self.latest is not None
        version = self.latest.catalogue
        with suppress(TimeoutError):
            async with asyncio.timeout(_SPREAD_S):
                while any(node.standing.catalogue < version for node in self.latest.nodes):
                    await asyncio.sleep(_SPREAD_PAUSE_S)
                    await self.look()

    async def _look_around(self) -> None:
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(RENEW_S):
                    await self._wake.wait()
            self._wake.clear()
            await self.look()

    async def _glance(self) -> Glance:
        standing = Standing(max(self._known, 0), self._is_draining)
        loop = asyncio.get_running_loop()
        began_s = loop.time()
        glance = await self._cluster.glance(self._owner, standing)
        self._clock.heard(glance.now_ms, took_s=loop.time() - began_s)
        (mine,) = (node for node in glance.nodes if node.id == self._owner.node)
        left_ms = mine.lease_until_ms - glance.now_ms
        self._owning.renewed(began_s + left_ms / 1000, nodes=len(glance.nodes))
        return glance

    async def _keep_balance(self) -> None:
        while True:
            await self._has_changed.wait()
            self._has_changed.clear()
            await self._balance()

    async def _balance(self) -> None:
        glance = self.latest
        assert glance is not None
        due = share(self._owner.node, glance)
        surplus = len(self._places.owned) - due
        if self._is_draining:
            await self._give_all()
        elif surplus > 0:
            await self._give(surplus)
        elif surplus < 0:
            free = [partition for partition, node in sorted(glance.owners.items()) if node is None]
            await self._take(free[:-surplus])

    async def _give(self, count: int) -> None:
        """Give some back, one after the other, so that most functions go on meanwhile.

        Those with the fewest calls under way go first, and no call is given up for it: what is
        busy now may be less so when somebody looks again.
        """
        calls_in, now_s = self._owning.calls_in, asyncio.get_running_loop().time
        by_calls = sorted(self._places.owned, key=lambda each: (calls_in(each), -each))
        for partition in by_calls:
            if not count:
                break
            if self._busy_until_s.get(partition, 0.0) > now_s():
                continue
            if await self._owning.let_go([partition], _PATIENCE_S, insists=False):
                await self._release([partition])
                count -= 1
            else:
                self._busy_until_s[partition] = now_s() + _BUSY_S

    async def _give_all(self) -> None:
        partitions = sorted(self._places.owned)
        if partitions:
            await self._owning.let_go(partitions, self._grace_s, insists=True)
            await self._release(partitions)
        self._is_empty.set()

    async def _release(self, partitions: Sequence[PartitionId]) -> None:
        await self._cluster.release(self._owner, partitions)
        _log.info("partitions.released", partitions=list(partitions), node=self._owner.node)
        await self.look()

    async def _take(self, partitions: Sequence[PartitionId]) -> None:
        if not partitions:
            return
        taken = await self._cluster.take(self._owner, partitions)
        if taken:
            await self._owning.take_on(sorted(taken))
            _log.info("partitions.taken", partitions=sorted(taken), node=self._owner.node)
        await self.look()
