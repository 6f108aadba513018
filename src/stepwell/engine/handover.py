"""How partitions come to a node, go from it, and how functions go from one to another.

What a node knows of a function it knows alone. So before somebody else decides about it nothing of
it may be under way here, everything that was decided is durable, and the memory is empty of it.
"""

import asyncio
from collections.abc import Collection, Coroutine, Iterable
from collections.abc import Set as AbstractSet
from typing import Any, Final, Protocol

from stepwell.core.identity import FunctionId, PartitionId
from stepwell.core.queue import QueueItem
from stepwell.core.transition import Moved, Transition
from stepwell.engine.awaited import AwaitedEvents
from stepwell.engine.departures import Departures
from stepwell.engine.expired_waits import ExpiredWaits
from stepwell.engine.places import OwnedPlaces
from stepwell.engine.requests import Requests
from stepwell.engine.scheduler import Scheduler
from stepwell.engine.surroundings import Surroundings
from stepwell.engine.workers import Workers

__all__ = ["Handover", "Memory"]

_NO_FUNCTION: Final = FunctionId("")
# How long calls of a function that moves to another partition may go on.
_MOVE_GRACE_S: Final = 10.0


class Memory(Protocol):
    """What a node has in memory.

    Attributes:
        scheduler: What waits, and why.
        workers: Those who do the work that belongs to no single run.
        requests: What is asked from outside.
        expired: Waits whose time is up.
    """

    scheduler: Scheduler
    workers: Workers
    requests: Requests
    expired: ExpiredWaits[Any]

    def take_in(self, item: QueueItem) -> None:
        """This is in the queue; somebody else has put it there."""
        ...

    def give_up(self, function_ids: AbstractSet[FunctionId]) -> None:
        """End the requests of these functions; whoever decides next makes them again."""
        ...

    def submit(self, transition: Transition) -> None:
        """Write a transition that concerns no existing run."""
        ...

    def go_on(self) -> None:
        """Dispatch what may be dispatched."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside everything else, for as long as this ownership lasts."""
        ...


class Handover:
    """Changes what a node decides about.

    Args:
        memory: What it knows.
        around: What it is given from outside.
        places: What it decides about.
        awaited: Which waits exist.

    Attributes:
        departures: Functions of which nothing is begun any more.
    """

    def __init__(
        self, memory: Memory, around: Surroundings, places: OwnedPlaces, awaited: AwaitedEvents
    ) -> None:
        self._memory = memory
        self._around = around
        self._places = places
        self._awaited = awaited
        self.departures = Departures(memory.scheduler.requests_of)
        # Partitions that come and go wait for functions that move, and the other way round.
        self._changing_hands = asyncio.Lock()
        # Where functions lie, as far as it is known here, and where those lay that are to move.
        self._homes = {each.id: each.partition for each in around.registry.functions}
        self._moving: dict[FunctionId, PartitionId] = {}

    async def take_on(self, partitions: Collection[PartitionId]) -> None:
        """These were taken: go on with what lies in them."""
        async with self._changing_hands:
            await self._take_on(partitions)

    async def let_go(
        self, partitions: Collection[PartitionId], grace_s: float, *, insists: bool
    ) -> bool:
        """Bring what is under way in these to an end; then nothing of it is in memory.

        Args:
            partitions: Which ones.
            grace_s: How long it may take.
            insists: Whether requests that take longer are given up, to be made again by the next
                owner. Otherwise all goes on as it was.

        Returns:
            Whether they may be given to another node.
        """
        async with self._changing_hands:
            return await self._let_go(partitions, grace_s, insists=insists)

    async def drain(self, grace_s: float) -> None:
        """Begin nothing new, and let requests end for up to `grace_s`; others are still served.

        Requests that take longer are given up; they are made again by the next owner.
        """
        self._memory.scheduler.pause()
        function_ids = set(self._known())
        await self._finish(function_ids, grace_s, insists=True)
        self._memory.expired.leave(function_ids)

    def calls_in(self, partition: PartitionId) -> int:
        """How many requests of the partition's functions are under way."""
        partition_of = self._places.partition_of
        under_way = self._memory.scheduler.memory.under_way.values()
        return sum(partition_of(group.function.id) == partition for group in under_way)

    def arrived(self, items: Iterable[QueueItem]) -> None:
        """These items are in the queue; others have put them there."""
        strangers: set[FunctionId] = set()
        for item in items:
            if not self._places.owns(item.function_id):
                strangers.add(item.function_id)
            elif not self._memory.scheduler.memory.knows(item.id):
                self._memory.take_in(item)
        if strangers:
            # Whoever put them there did not know that the functions lie elsewhere now.
            for partition in sorted(self._places.owned):
                self._send_on(partition, strangers)
        self._memory.go_on()

    def functions_changed(self) -> None:
        """Functions may lie in other partitions now: let their items follow."""
        self._find_moved()
        if self._moving:
            self._memory.scheduler.hold(self._moving)
            self._memory.spawn(self._move())

    async def _take_on(self, partitions: Collection[PartitionId]) -> None:
        memory, places = self._memory, self._places
        store, clock = self._around.store, self._around.clock
        queued = {each: await store.queued_functions(each) for each in partitions}
        throttles = await store.throttles(now_ms=clock.now_ms())
        memory.workers.operations.load(await store.operations())
        if not places.owned:
            # Whoever had them before may have decided about runs until they were taken.
            self._awaited.load(await store.wait_shapes(self._around.environment_id))
        # From here on all happens in one turn of the loop.
        places.add(partitions)
        memory.scheduler.load_throttles(
            state for state in throttles if places.partition_of(state.function_id) in queued
        )
        memory.workers.signals.resume()
        for partition, function_ids in queued.items():
            at_home = [each for each in function_ids if places.partition_of(each) == partition]
            memory.scheduler.memory.read_all(partition, at_home)
            self._send_on(partition, set(function_ids) - set(at_home))
        self.departures.end(places.owns)
        memory.go_on()

    async def _let_go(
        self, partitions: Collection[PartitionId], grace_s: float, *, insists: bool
    ) -> bool:
        memory, places = self._memory, self._places
        function_ids: set[FunctionId] = set()
        # Functions may move there while others of them come to an end.
        while (
            more := {each for each in self._known() if places.partition_of(each) in partitions}
            - function_ids
        ):
            function_ids |= more
            if not await self._finish(more, grace_s, insists=insists):
                self._stay(function_ids)
                return False
        memory.expired.leave(function_ids)
        places.remove(partitions)
        await memory.requests.commit(Transition())
        memory.scheduler.evict(function_ids)
        self._come_back(function_ids)
        return True

    def _find_moved(self) -> None:
        """Remember which functions lie in another partition than before."""
        queues = self._memory.scheduler.memory.queues
        homes = {each.id: each.partition for each in self._around.registry.functions}
        lay = {queue.id: queue.partition for queue in queues.values()}
        for function_id, origin in (self._homes | lay).items():
            if function_id in homes and homes[function_id] != origin:
                self._moving.setdefault(function_id, origin)
        self._homes = homes

    async def _move(self) -> None:
        """Functions lie in another partition now: let their items follow.

        Who has them now begins with what the store says of them, as with a partition.
        """
        memory, places, around = self._memory, self._places, self._around
        async with self._changing_hands:
            origins, self._moving = self._moving, {}
            await self._finish(origins.keys(), _MOVE_GRACE_S, insists=True)
            memory.expired.leave(origins.keys())
            throttles = await around.store.throttles(now_ms=around.clock.now_ms())
            memory.scheduler.evict(origins)
            memory.scheduler.load_throttles(
                state
                for state in throttles
                if state.function_id in origins and places.owns(state.function_id)
            )
            self._come_back(origins)
            moved = [
                Moved(each, origin, places.partition_of(each))
                for each, origin in origins.items()
                if places.is_here(origin)
            ]
            await memory.requests.commit(Transition(moved=moved))

    def _come_back(self, function_ids: Iterable[FunctionId]) -> None:
        """Nothing of these is in memory: go on with those that belong here, now or later."""
        places = self._places
        gone = frozenset(function_ids)
        self.departures.end(lambda function_id: function_id in gone)
        for partition in sorted({places.partition_of(each) for each in gone} & places.owned):
            # What has come there meanwhile has left memory with all the rest.
            here = sorted(each for each in gone if places.partition_of(each) == partition)
            self._memory.scheduler.memory.read_all(partition, here)

    def _stay(self, function_ids: AbstractSet[FunctionId]) -> None:
        """These are not given away after all, but for those that are about to move."""
        staying = function_ids - self._moving.keys()
        self.departures.end(lambda function_id: function_id in staying)
        self._memory.workers.signals.resume()
        self._memory.scheduler.resume(staying)
        self._memory.go_on()

    def _known(self) -> list[FunctionId]:
        """Functions of which something may be in memory, or may come into it."""
        queued = self._memory.scheduler.memory.queues
        registered = (function.id for function in self._around.registry.functions)
        return list(dict.fromkeys((*queued, *registered, _NO_FUNCTION)))

    def _send_on(self, partition: PartitionId, function_ids: Iterable[FunctionId]) -> None:
        """Move the items of functions that lie elsewhere now to where they belong."""
        partition_of = self._places.partition_of
        moved = [Moved(each, partition, partition_of(each)) for each in sorted(function_ids)]
        if moved:
            self._memory.submit(Transition(moved=moved))

    async def _finish(
        self, function_ids: AbstractSet[FunctionId], grace_s: float, *, insists: bool
    ) -> bool:
        """Give these functions no turn any more, and wait until none of theirs is under way.

        Returns:
            False if that takes too long for one who does not insist.
        """
        memory, departures = self._memory, self.departures
        departures.begin(function_ids)
        memory.scheduler.hold(function_ids)
        if _NO_FUNCTION in function_ids:
            memory.workers.signals.drain()
        try:
            async with asyncio.timeout(grace_s):
                await departures.none_under_way(function_ids)
        except TimeoutError:
            if not insists:
                return False
            memory.give_up(function_ids)
            await departures.none_under_way(function_ids)
        return True
