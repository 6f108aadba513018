"""What is in the memory of whoever does the work: this server or another one.

Nothing of this is needed to do the work. So nobody waits long for another server, and one that does
not answer is a fact among others: whoever shows something says so.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

import msgspec

from stepwell.core.identity import FunctionId, ItemId, NodeId, PartitionId
from stepwell.core.queue import QueueItem
from stepwell.engine.asked import Asked, CallsOut, CallsSent, NodeCalls, WhatWaits, WhyWait
from stepwell.engine.membership import share
from stepwell.engine.store import OwnershipLost, StoreUnavailable
from stepwell.engine.tenure import Tenure
from stepwell.engine.waiting import ItemReason, QueueReason

__all__ = ["FRESH_S", "Insight", "NodeNumbers"]

T = TypeVar("T")

#: So old the calls of other servers may be; pages with charts ask again and again.
FRESH_S: Final = 1.0


class NodeNumbers(msgspec.Struct, frozen=True):
    """Servers and partitions, as this server has seen them last.

    Attributes:
        live: Servers that stay, this one included.
        draining: Servers that give away what they have.
        owned: Partitions of this server.
        due: How many it should have; if they differ for long, something keeps them from moving.
        free: Partitions of nobody, or of a server that is not there any more.
    """

    live: int
    draining: int
    owned: int
    due: int
    free: int


class Insight:
    """Asks who knows.

    Args:
        tenure: Gives the present ownership; raises `StoreUnavailable` if there is none.
    """

    def __init__(self, tenure: Callable[[], Tenure]) -> None:
        self._tenure = tenure
        self._asking = asyncio.Lock()
        self._others: list[NodeCalls] = []
        self._others_s = float("-inf")

    def is_here(self, function_id: FunctionId) -> bool:
        """Whether this server does the work of the function.

        Raises:
            StoreUnavailable: This server does none at present.
        """
        return self._tenure().places.owns(function_id)

    async def why(
        self, function_id: FunctionId, items: Sequence[QueueItem]
    ) -> Sequence[ItemReason] | None:
        """Why queue items of a function wait, in the same order; None if its owner is silent.

        Raises:
            StoreUnavailable: This server does nothing at present.
        """
        bare = [msgspec.structs.replace(item, body=b"") for item in items]
        return await self._answer(WhyWait(function_id, bare))

    async def queue_reason(self, function_id: FunctionId) -> QueueReason | None:
        """What waits of a function, and why; None if its owner is silent.

        Raises:
            StoreUnavailable: This server does nothing at present.
        """
        return await self._answer(WhatWaits(function_id))

    async def sent_ms(
        self, function_id: FunctionId, items: Sequence[ItemId]
    ) -> dict[ItemId, int] | None:
        """When the requests under way for items of a function were sent; others are left out.

        None if its owner is silent, or this server does nothing at present.
        """
        try:
            return await self._answer(CallsSent(function_id, list(items)))
        except StoreUnavailable:
            return None

    async def calls(self) -> list[tuple[FunctionId, int]]:
        """The function of each call under way at any server, and when it was sent.

        Those of other servers are up to `FRESH_S` old, and those of a silent one are missing.
        """
        try:
            tenure = self._tenure()
        except StoreUnavailable:
            # Whoever does nothing has no calls; what is stored can still be shown.
            return []
        own = NodeCalls(tenure.owner.node, tenure.partition.calls.sent())
        by_node = {each.node: each.sent for each in (*await self._calls_elsewhere(tenure), own)}
        return [call for sent in by_node.values() for call in sent]

    @property
    def numbers(self) -> NodeNumbers | None:
        """How partitions are spread; None while this server does nothing."""
        try:
            tenure = self._tenure()
        except StoreUnavailable:
            return None
        owned = len(tenure.places.owned)
        if tenure.membership is None:
            return NodeNumbers(live=1, draining=0, owned=owned, due=owned, free=0)
        glance = tenure.membership.latest
        if glance is None:
            return None
        draining = sum(node.standing.is_draining for node in glance.nodes)
        return NodeNumbers(
            live=len(glance.nodes) - draining,
            draining=draining,
            owned=owned,
            due=share(tenure.owner.node, glance),
            free=sum(owner is None for owner in glance.owners.values()),
        )

    async def _calls_elsewhere(self, tenure: Tenure) -> Sequence[NodeCalls]:
        if tenure.membership is None or tenure.places.are_one:
            return ()
        loop = asyncio.get_running_loop()
        async with self._asking:
            if loop.time() - self._others_s >= FRESH_S:
                found = await asyncio.gather(*map(self._calls_at, _one_of_each(tenure)))
                self._others = [each for each in found if each is not None]
                self._others_s = loop.time()
            return self._others

    async def _calls_at(self, partition: PartitionId) -> NodeCalls | None:
        asked: Asked[NodeCalls] = CallsOut(partition)
        return await self._answer(asked)

    async def _answer(self, asked: Asked[T]) -> T | None:
        """None if whoever knows says nothing, or nobody does."""
        tenure = self._tenure()
        try:
            return await tenure.ask(asked)
        except (StoreUnavailable, OwnershipLost):
            return None


def _one_of_each(tenure: Tenure) -> list[PartitionId]:
    """A partition of every other node that has one."""
    glance = tenure.membership.latest if tenure.membership is not None else None
    if glance is None:
        return []
    found: dict[NodeId, PartitionId] = {}
    for partition, node in glance.owners.items():
        if node is not None and node != tenure.owner.node:
            found.setdefault(node, partition)
    return list(found.values())
