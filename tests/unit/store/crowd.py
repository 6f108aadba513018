"""Several nodes on one store, and what they have to know for that."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from stepwell.core.identity import FunctionId, PartitionId
from stepwell.engine.nodes import Ownership, Wake
from stepwell.engine.store import Store
from stepwell.store.postgres import PostgresStore
from tests.unit.store.builders import FUNCTION, OTHER_FUNCTION

__all__ = ["ADD_PARTITIONS", "FIRST", "SECOND", "THIRD", "Ear", "Seen", "everything"]

FIRST, SECOND, THIRD = (PartitionId(number) for number in range(3))

#: For databases that have but one.
ADD_PARTITIONS: Final = (
    "INSERT INTO partitions (id, node_id) VALUES (1, 0), (2, 0) ON CONFLICT DO NOTHING"
)


class Seen:
    """Where work lies, as a node sees it that has some of the partitions."""

    def __init__(
        self,
        *here: PartitionId,
        of: Mapping[FunctionId, PartitionId] | None = None,
        are_one: bool = False,
    ) -> None:
        self._here = here
        self._of = {FUNCTION: SECOND, OTHER_FUNCTION: THIRD} if of is None else of
        self._are_one = are_one

    @property
    def are_one(self) -> bool:
        return self._are_one

    def partition_of(self, function_id: FunctionId) -> PartitionId:
        return self._of.get(function_id, FIRST)

    def is_here(self, partition: PartitionId) -> bool:
        return partition in self._here


class Ear:
    """Hears the wake-ups of a store, in their order."""

    def __init__(self) -> None:
        self._heard: asyncio.Queue[Wake] = asyncio.Queue()

    @classmethod
    async def on(cls, store: Store) -> "Ear":
        """It hears everything from now on."""
        ear = cls()
        store.on_wake(ear._heard.put_nowait)
        if isinstance(store, PostgresStore):
            # As soon as it listens.
            assert await ear.next() == Wake(everybody=True)
        return ear

    async def next(self) -> Wake:
        return await self._heard.get()

    async def several(self, count: int) -> list[Wake]:
        return [await self.next() for _ in range(count)]


async def everything(store: Store, owner: Ownership) -> Sequence[PartitionId]:
    """All partitions that the node could take."""
    return sorted(await store.take(owner, store.partitions))
