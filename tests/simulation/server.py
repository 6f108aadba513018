"""One server process of a world: the real engine over a disk and networks that fail."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import parse_qs, urlsplit

import msgspec

from stepwell.core.identity import NodeId
from stepwell.core.steps.requested import RequestResult
from stepwell.engine.driver import CallHandle, SdkCall
from stepwell.engine.engine import Engine
from stepwell.engine.gateways import GatewayRequest
from stepwell.engine.registry import Registry
from stepwell.engine.retention_setup import RetentionSetup
from stepwell.engine.store import Store
from stepwell.engine.surroundings import NodeSetup, Surroundings
from stepwell.store.sqlite.store import SqliteStore
from stepwell.wire.response import Outcome
from stepwell.wire.ulid import ulid_from
from tests.simulation.bounds import Bounds, KnownRun
from tests.simulation.faults import Faults
from tests.simulation.faulty_store import FaultyStore
from tests.simulation.outside_world import asked_for
from tests.simulation.processes import Process
from tests.simulation.virtual_loop import VirtualLoop

if TYPE_CHECKING:
    from tests.simulation.fleet import Place
    from tests.simulation.world import World

__all__ = ["Clock", "SeededIds", "Server"]

T = TypeVar("T")


class Clock:
    """Wall clock of the whole world, or of one machine whose clock goes wrong."""

    def __init__(self, loop: VirtualLoop, base_ms: int) -> None:
        self._loop = loop
        self._base_ms = base_ms

    def off_by(self, offset_ms: int) -> "Clock":
        """A clock that is so far ahead."""
        return Clock(self._loop, self._base_ms + offset_ms)

    def heard(self, now_ms: int, *, took_s: float) -> None:
        """It is not put right: servers whose clocks differ must do no harm either."""

    def now_ms(self) -> int:
        # A timer rings at its float, which may lie below the millisecond it stands for.
        return self._base_ms + int(self._loop.time() * 1000 + 1e-4)


class SeededIds:
    """Ids of one process, from the world's seed."""

    def __init__(self, random: Random, clock: Clock) -> None:
        self._random = random
        self._clock = clock
        self._number = 0
        self._share = 0

    def begin_after(self, number: int) -> None:
        self._number = max(self._number, number >> 9)

    def share(self, number: int) -> None:
        self._share = number

    def ulid(self, at_ms: int) -> str:
        return ulid_from(at_ms, self._random.randbytes(10))

    def number(self) -> int:
        self._number = max(self._number + 1, self._clock.now_ms() << 11)
        return self._number << 9 | self._share

    def jitter(self) -> float:
        return self._random.random()


class Server:
    """One process: its objects, and the tasks that die with it.

    Args:
        world: What it is in.
        faults: What goes wrong with its disk or its connection to the database.
        place: Where it stands among others; None if there are no others.
    """

    def __init__(self, world: "World", faults: Faults, place: "Place | None" = None) -> None:
        self.place = place
        self.process = None if place is None else Process(world.loop)
        self.store = FaultyStore(
            SqliteStore.in_memory(connection=world.connection) if place is None else place.store,
            faults,
            is_crash=partial(world.is_crash, faults),
            die=lambda: world.fleet.dies(self),
            witness=world,
        )
        self._app = world.app
        self._outside = world.outside
        self._bounds = world.bounds
        self._under_way: dict[str, CallHandle] = {}
        clock = world.clock if place is None else place.clock
        ids = SeededIds(Random(world.random.getrandbits(64)), clock)
        self.registry = Registry(clock, ids)
        around = Surroundings(
            store=cast("Store", self.store),
            driver=self,
            gateway=self,
            clock=clock,
            ids=ids,
            registry=self.registry,
            retries=world.retries,
            calls_max=world.calls_max,
            limits=world.limits,
            retention=(
                None
                if world.retention is None
                else RetentionSetup(server=world.retention, deleted=world.deleted)
            ),
            node=None if place is None else NodeSetup(place.name, "1.0.0", clock),
        )
        self.engine = Engine(around)
        self.registry.commit_with(
            self.engine, catch_up=None if place is None else self.engine.catch_up
        )
        self.main = self._begin(self.engine.run())
        self.requests: dict[int, asyncio.Task[Any]] = {}
        self._stopping: asyncio.Task[None] | None = None
        self.has_been_ready = False

    @property
    def node(self) -> NodeId | None:
        """What it is among others now."""
        tenure = self.engine._tenure
        return None if tenure is None else tenure.owner.node

    def call(self, call: SdkCall, done: Callable[[Outcome], None]) -> CallHandle:
        """`Driver.call`: what a dead process calls never reaches the app."""
        if self.store.is_dead:
            return _Unsent()
        before = self._under_way.get(call.job_id)
        if before is not None and not getattr(before, "is_cancelled", False):
            self._app.broken.append(f"run {call.run_id}: two calls of one item at a time")

        def answered(outcome: Outcome) -> None:
            self._bounds.end(handle)
            if self._under_way.get(call.job_id) is inner:
                del self._under_way[call.job_id]
            done(outcome)

        inner = self._outward(self._app.call, call, partial(self._inward, answered))
        handle = _Counted(inner, self._bounds)
        self._under_way[call.job_id] = inner
        self._bounds.begin_call(handle, call.run_id, lambda: self._describe(call), server=self)
        return handle

    def send(self, request: GatewayRequest, done: Callable[[RequestResult], None]) -> CallHandle:
        """`GatewayClient.send`, the same."""
        if self.store.is_dead:
            return _Unsent()

        def answered(result: RequestResult) -> None:
            self._bounds.end(handle)
            done(result)

        inner = self._outward(self._outside.send, request, partial(self._inward, answered))
        handle = _Counted(inner, self._bounds)
        self._bounds.begin_request(handle, asked_for(request.url)[0], server=self)
        return handle

    def spawn(self, number: int, work: Callable[[Engine], Awaitable[T]]) -> "asyncio.Task[T]":
        async def request() -> T:
            # A server that has just been started does not listen before it can answer.
            if not self.has_been_ready:
                await self.engine.ready()
                self.has_been_ready = True
            return await work(self.engine)

        task = self._begin(request())
        self.requests[number] = task
        task.add_done_callback(lambda _: self.requests.pop(number))
        return task

    async def stop(self, grace_s: float) -> None:
        """Stop as after Ctrl-C; returns when it has ended."""
        self._stopping = self._begin(self.engine.stop(grace_s))
        await asyncio.wait([self._stopping])
        await asyncio.wait([self.main])

    async def die(self) -> None:
        self.store.is_dead = True
        self._bounds.server_died(self)
        if self.process is not None:
            self.process.go_on()
        tasks = [self.main, *self.requests.values()]
        if self._stopping is not None:
            tasks.append(self._stopping)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)

    def _begin(self, work: Coroutine[Any, Any, T]) -> "asyncio.Task[T]":
        if self.process is None:
            return asyncio.get_running_loop().create_task(work)
        return self.process.spawn(work)

    def _outward(self, what: Callable[..., CallHandle], *values: object) -> CallHandle:
        """Do something whose course does not depend on the process."""
        return what(*values) if self.process is None else self.process.outside(what, *values)

    def _inward(self, what: Callable[[Any], None], value: object) -> None:
        """Something comes from outside."""
        if self.process is None:
            what(value)
        elif not self.store.is_dead:
            self.process.deliver(0.0, what, value)

    def _describe(self, call: SdkCall) -> KnownRun:
        function = self._app.functions[parse_qs(urlsplit(call.url).query)["fnId"][0]]
        return KnownRun(function, msgspec.json.decode(call.body)["event"])


class _Counted:
    """A handle; the request does not count any more once it is given up."""

    def __init__(self, inner: CallHandle, bounds: Bounds) -> None:
        self._inner = inner
        self._bounds = bounds

    def cancel(self) -> None:
        self._bounds.end(self)
        self._inner.cancel()


class _Unsent:
    def cancel(self) -> None:
        pass
