"""One ownership from the moment the node joins until it leaves, or cannot use the store any more."""

import asyncio
from collections.abc import Collection
from typing import Any, TypeVar

from stepwell.core.identity import LOCAL_PARTITION, PartitionId, RunId
from stepwell.core.transition import SignalWait, Transition
from stepwell.engine.asked import Asked, GiveSignal
from stepwell.engine.mailbox import Mailbox
from stepwell.engine.membership import Membership
from stepwell.engine.nodes import Wake
from stepwell.engine.partition import Partition
from stepwell.engine.places import OwnedPlaces
from stepwell.engine.questions import Desk
from stepwell.engine.store import Ownership, StoreUnavailable
from stepwell.engine.surroundings import Surroundings

__all__ = ["Tenure"]

T = TypeVar("T")


class Tenure:
    """The work of a node, and its place among others if there are any.

    Args:
        owner: The ownership.
        around: What it is given from outside.

    Attributes:
        owner: The ownership.
        since_ms: When it began.
        places: Which partitions are owned.
        partition: Their work.
        membership: The node among others; None for a server that is alone by the nature of its
            store.
    """

    def __init__(self, owner: Ownership, around: Surroundings) -> None:
        self.owner = owner
        self.since_ms = around.clock.now_ms()
        self._around = around
        store, registry = around.store, around.registry
        self.places = OwnedPlaces(
            lambda: registry.functions, store.partitions, is_alone=around.node is None
        )
        self.partition = Partition(owner, around, self.places, forward=self._give_signal)
        self._desk = Desk(
            store,
            owner,
            new_id=lambda: around.ids.ulid(around.clock.now_ms()),
            carry_out=self._carry_out,
            spawn=self.partition.spawn,
        )
        self._mailbox = Mailbox(store, owner, self.places, self.partition, self._desk)
        self.membership: Membership | None = None
        if around.node is not None:
            self.membership = Membership(
                store,
                owner,
                self.places,
                self,
                reload=self._reload,
                clock=around.node.clock,
            )

    async def run(self, ready: asyncio.Event) -> None:
        """Work until `close`; sets `ready` when requests are served.

        Raises:
            ExceptionGroup: Of `StoreUnavailable` or `OwnershipLost`: this ownership is over.
        """
        try:
            async with asyncio.TaskGroup() as tasks:
                working = tasks.create_task(self.partition.run())
                await self.partition.begun()
                others = await self._begin(tasks)
                ready.set()
                await asyncio.wait([working])
                for task in others:
                    task.cancel()
        finally:
            self._desk.abort()
            if self.membership is not None:
                self.membership.abort()

    async def drain(self, grace_s: float) -> None:
        """Begin nothing new, and let what is under way come to an end for up to `grace_s`."""
        if self.membership is None:
            await self.partition.handover.drain(grace_s)
            return
        await self.membership.drain(grace_s)

    def close(self) -> None:
        """Let `run` end once everything that was decided is written."""
        self.partition.close()

    async def ask(self, asked: Asked[T]) -> T:
        """Have something done by who owns the partition that it concerns.

        Raises:
            StoreUnavailable, OwnershipLost: It is unknown whether it was done.
        """
        if self.places.are_one:
            return await asked.carry_out(self.partition)
        where = await self._partition_of(asked)
        if self.places.is_here(where):
            return await asked.carry_out(self.partition)
        return await self._desk.ask(where, asked)

    async def commit(self, transition: Transition) -> None:
        """Write a transition that concerns no run; all nodes know of it when this returns."""
        self.places.expect(transition.functions)
        await self.partition.requests.commit(transition)
        if self.membership is not None and (transition.functions or transition.apps):
            await self.membership.everybody_knows()

    async def catch_up(self) -> int:
        """Know of all apps and functions that any node has registered until now.

        Returns:
            Their version; what is known may be newer by now.
        """
        assert self.membership is not None, "who is alone knows everything"
        return await self.membership.look()

    # Partitions that come and go.

    async def take_on(self, partitions: Collection[PartitionId]) -> None:
        """These were taken: go on with what lies in them.

        Who owned them may have carried out what it was asked last, so that is not done again.
        """
        mail = await self._around.store.mail(self.owner, partitions)
        for question in mail.questions:
            self._desk.refuse(question)
        for reply in mail.replies:
            self._desk.replied(reply)
        await self.partition.handover.take_on(partitions)
        self._mailbox.look()

    async def let_go(
        self, partitions: Collection[PartitionId], grace_s: float, *, insists: bool
    ) -> bool:
        """Bring what is under way in these to an end; nothing of it is in memory then."""
        return await self.partition.handover.let_go(partitions, grace_s, insists=insists)

    def calls_in(self, partition: PartitionId) -> int:
        """How many requests of the partition's functions are under way."""
        return self.partition.handover.calls_in(partition)

    def woken(self, wake: Wake) -> None:
        """Somebody says that there may be something to look at."""
        if self.membership is not None:
            self.membership.wake(wake)
            self._mailbox.wake(wake)

    def renewed(self, until_s: float, *, nodes: int) -> None:
        """One of so many nodes, and nobody takes it for dead until then, by the loop's clock."""
        self.partition.renewed(until_s, nodes=nodes)

    # Parts.

    async def _begin(self, tasks: asyncio.TaskGroup) -> "list[asyncio.Task[None]]":
        membership = self.membership
        if membership is None:
            await self.partition.handover.take_on(self._around.store.partitions)
            return []
        self.partition.presence.hear_with(self._mailbox.read, self._mailbox.answered)
        await membership.begin()
        return [tasks.create_task(membership.run()), tasks.create_task(self._mailbox.run())]

    async def _reload(self) -> None:
        store = self._around.store
        self._around.registry.load(
            await store.apps(), await store.functions(), await store.sync_marks()
        )
        if self._around.reloaded is not None:
            self._around.reloaded()

    async def _partition_of(self, asked: Asked[Any]) -> PartitionId:
        partition: PartitionId | None = getattr(asked, "partition", None)
        if partition is not None:
            return partition
        function_id = getattr(asked, "function_id", None)
        run_id = getattr(asked, "run_id", None)
        if run_id is not None:
            function_id = await self._function_of(run_id)
        return LOCAL_PARTITION if function_id is None else self.places.partition_of(function_id)

    async def _function_of(self, run_id: RunId) -> Any:
        function_id = self.partition.function_of(run_id)
        if function_id is None:
            runs = await self._around.store.annotated_runs([run_id])
            function_id = runs[run_id].function_id if run_id in runs else None
        return function_id

    async def _carry_out(self, asked: Asked[Any]) -> Any:
        """Do what another node asks for, if it concerns a partition of this one."""
        if not self.places.is_here(await self._partition_of(asked)):
            raise StoreUnavailable("request", "the partition has another owner now")
        return await asked.carry_out(self.partition)

    async def _give_signal(self, wait: SignalWait, data: bytes) -> bool:
        return await self.ask(GiveSignal(wait, data))
