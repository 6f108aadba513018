"""Which server has a partition: a claim with an end, renewed for as long as the server is alive.

A lease keeps servers from taking partitions from each other; it does not protect what is stored.
That is the epoch's work: whoever was suspended, cut off or too slow to renew finds another epoch
with its next commit. So nothing here has to be exact, and only the database's clock counts.
"""

import asyncio
from contextlib import suppress
from typing import Final

import structlog

from stepwell.core.identity import PartitionId
from stepwell.engine.store import PartitionHeld, StoreUnavailable
from stepwell.store.postgres.connections import NOW_MS, Connections
from stepwell.store.sql.statements import Query, Statement

__all__ = ["LEASE_S", "Leases"]

_log = structlog.get_logger(__name__)

#: After so long without a word of its owner, a partition is taken over.
LEASE_S: Final = 5.0
#: Between two renewals: three may fail.
_RENEWALS: Final = 4

_TAKE: Final = Statement(f"""
INSERT INTO partitions (id, epoch, probe, owner, lease_until_ms)
VALUES (?1, 1, '', ?2, {NOW_MS} + ?3)
    ON CONFLICT (id) DO UPDATE
   SET epoch = partitions.epoch + 1, owner = excluded.owner,
       lease_until_ms = excluded.lease_until_ms
 WHERE partitions.owner = excluded.owner OR partitions.lease_until_ms <= {NOW_MS}
RETURNING epoch
""")  # noqa: S608 - ours
_OWNER: Final = Statement("SELECT owner FROM partitions WHERE id = ?1")
_RENEW: Final = Statement(f"""
UPDATE partitions SET lease_until_ms = {NOW_MS} + ?3
 WHERE id = ?1 AND owner = ?2 AND lease_until_ms > 0
""")  # noqa: S608 - ours
_RELEASE: Final = Statement("""
UPDATE partitions SET lease_until_ms = 0 WHERE id = ?1 AND owner = ?2
""")


class Leases:
    """The partitions of one server."""

    def __init__(self, connections: Connections, server: str, *, lease_s: float = LEASE_S) -> None:
        """Nothing is taken yet.

        Args:
            connections: For nothing else, so that renewals wait for nobody.
            server: A name that no other server has, which operators understand.
            lease_s: How long a partition stays with a server that says nothing.
        """
        self._connections = connections
        self._server = server
        self._lease_ms = round(lease_s * 1000)
        self._pause_s = lease_s / _RENEWALS
        self._taken: set[PartitionId] = set()
        self._renewing: asyncio.Task[None] | None = None

    async def take(self, partition: PartitionId) -> int:
        """The epoch at which the partition is owned from now on.

        Waits for commits of the partition that are under way.

        Raises:
            PartitionHeld: Another server has it.
            StoreUnavailable: It is not known whether it was taken.
        """
        query = Query(_TAKE, (partition, self._server, self._lease_ms))
        taken, owner = await self._connections.run("take", [query, Query(_OWNER, (partition,))])
        if not taken.rows:
            raise PartitionHeld(partition, owner.rows[0][0] if owner.rows else "another server")
        self._taken.add(partition)
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew_for_ever())
        ((epoch,),) = taken.rows
        assert isinstance(epoch, int)
        return epoch

    async def close(self) -> None:
        """Let others take what is owned at once. May be called twice."""
        if self._renewing is not None:
            self._renewing.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewing
            self._renewing = None
        taken, self._taken = self._taken, set()
        released = [Query(_RELEASE, (partition, self._server)) for partition in taken]
        # Without it, they wait until the leases have ended.
        with suppress(StoreUnavailable):
            if released:
                await self._connections.run("release", released)
        await self._connections.close()

    async def _renew_for_ever(self) -> None:
        while True:
            await asyncio.sleep(self._pause_s)
            try:
                await self._renew()
            except StoreUnavailable as error:
                _log.warning("lease.not_renewed", reason=error.reason)

    async def _renew(self) -> None:
        renewed = [
            Query(_RENEW, (partition, self._server, self._lease_ms)) for partition in self._taken
        ]
        await self._connections.run("renew", renewed)
