"""One server process of a world: the real engine over a disk and networks that fail."""

import asyncio
from collections.abc import Awaitable, Callable
from random import Random
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import parse_qs, urlsplit

import msgspec

from stepwell.core.steps.requested import RequestResult
from stepwell.engine.driver import CallHandle, SdkCall
from stepwell.engine.engine import Engine
from stepwell.engine.gateways import GatewayRequest
from stepwell.engine.registry import Registry
from stepwell.engine.retention_setup import RetentionSetup
from stepwell.engine.store import Store
from stepwell.engine.surroundings import Surroundings
from stepwell.store.sqlite.store import SqliteStore
from stepwell.wire.response import Outcome
from stepwell.wire.ulid import ulid_from
from tests.simulation.bounds import Bounds, KnownRun
from tests.simulation.faulty_store import FaultyStore
from tests.simulation.outside_world import asked_for
from tests.simulation.virtual_loop import VirtualLoop

if TYPE_CHECKING:
    from tests.simulation.world import World

__all__ = ["Clock", "SeededIds", "Server"]

T = TypeVar("T")


class Clock:
    """Wall clock of the whole world."""

    def __init__(self, loop: VirtualLoop, base_ms: int) -> None:
        self._loop = loop
        self._base_ms = base_ms

    def now_ms(self) -> int:
        # A timer rings at its float, which may lie below the millisecond it stands for.
        return self._base_ms + int(self._loop.time() * 1000 + 1e-4)


class SeededIds:
    """Ids of one process, from the world's seed."""

    def __init__(self, random: Random, clock: Clock) -> None:
        self._random = random
        self._clock = clock
        self._number = 0

    def begin_after(self, number: int) -> None:
        self._number = max(self._number, number)

    def ulid(self, at_ms: int) -> str:
        return ulid_from(at_ms, self._random.randbytes(10))

    def number(self) -> int:
        self._number = max(self._number + 1, self._clock.now_ms() << 20)
        return self._number

    def jitter(self) -> float:
        return self._random.random()


class Server:
    """One process: its objects, and the tasks that die with it."""

    def __init__(self, world: "World") -> None:
        self.store = FaultyStore(
            SqliteStore.in_memory(connection=world.connection),
            world.faults,
            is_crash=world.is_crash,
            die=world.wants_crash.set,
            committed=world.note_commit,
        )
        self._app = world.app
        self._outside = world.outside
        self._bounds = world.bounds
        self._under_way: dict[str, CallHandle] = {}
        ids = SeededIds(Random(world.random.getrandbits(64)), world.clock)
        self.registry = Registry(world.clock, ids)
        around = Surroundings(
            store=cast("Store", self.store),
            driver=self,
            gateway=self,
            clock=world.clock,
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
        )
        self.engine = Engine(around)
        self.registry.commit_with(self.engine)
        self.main = asyncio.get_running_loop().create_task(self.engine.run())
        self.requests: dict[int, asyncio.Task[Any]] = {}
        self.has_been_ready = False

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

        inner = self._app.call(call, answered)
        handle = _Counted(inner, self._bounds)
        self._under_way[call.job_id] = inner
        self._bounds.begin_call(handle, call.run_id, lambda: self._describe(call))
        return handle

    def send(self, request: GatewayRequest, done: Callable[[RequestResult], None]) -> CallHandle:
        """`GatewayClient.send`, the same."""
        if self.store.is_dead:
            return _Unsent()

        def answered(result: RequestResult) -> None:
            self._bounds.end(handle)
            done(result)

        handle = _Counted(self._outside.send(request, answered), self._bounds)
        self._bounds.begin_request(handle, asked_for(request.url)[0])
        return handle

    def _describe(self, call: SdkCall) -> KnownRun:
        function = self._app.functions[parse_qs(urlsplit(call.url).query)["fnId"][0]]
        return KnownRun(function, msgspec.json.decode(call.body)["event"])

    def spawn(self, number: int, work: Awaitable[T]) -> "asyncio.Task[T]":
        async def request() -> T:
            # A server that has just been started does not listen before it can answer.
            if not self.has_been_ready:
                await self.engine.ready()
                self.has_been_ready = True
            return await work

        task = asyncio.get_running_loop().create_task(request())
        self.requests[number] = task
        task.add_done_callback(lambda _: self.requests.pop(number))
        return task

    async def die(self) -> None:
        self.store.is_dead = True
        self._bounds.server_died()
        tasks = [self.main, *self.requests.values()]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


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
