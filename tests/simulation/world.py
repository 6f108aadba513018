"""A world: one server, its database, an app, clients, and everything that can happen to them.

All of it lives in one process, on virtual time, and follows from one seed. The server is the real
one (core, engine, registry, SQLite in memory); it can be killed at any moment, and the next one
finds what the database has.
"""

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any, TypeVar

import msgspec

from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, RunId
from stepwell.core.retry import RetryPolicy
from stepwell.core.run import RunState
from stepwell.core.transition import Transition
from stepwell.engine.driver import CallHandle, SdkCall
from stepwell.engine.engine import Engine
from stepwell.engine.partition import Surroundings
from stepwell.engine.registry import Registry
from stepwell.store.sqlite.store import SqliteStore
from stepwell.wire.errors import OperationalError
from stepwell.wire.events import parse_events
from stepwell.wire.registration import RegisterRequest
from stepwell.wire.response import Outcome
from stepwell.wire.ulid import EventIdSeed, ulid_from
from tests.simulation.app import APP_URL, SimulatedApp
from tests.simulation.faults import Faults
from tests.simulation.faulty_store import CrashPlan, FaultyStore
from tests.simulation.programs import APP, SimulatedFunction
from tests.simulation.virtual_loop import VirtualLoop, pause

__all__ = ["BASE_MS", "Acknowledged", "Disconnected", "World"]

T = TypeVar("T")

#: Saturday, 2026-11-21 06:00 UTC.
BASE_MS = 1_795_240_800_000

_GRACE_S = 2.0


class Disconnected(Exception):
    """The server died, or did not run, while a request was under way."""


class Acknowledged(msgspec.Struct, frozen=True):
    """An event that the server said it has accepted."""

    internal_id: str
    name: str
    data: dict[str, Any]
    external_id: str
    ts_ms: int
    sent_ms: int
    acknowledged_ms: int


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


class _Server:
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
        self._under_way: dict[str, CallHandle] = {}
        ids = SeededIds(Random(world.random.getrandbits(64)), world.clock)
        self.registry = Registry(world.clock, ids)
        around = Surroundings(
            self.store, self, world.clock, ids, self.registry, world.retries, world.calls_max
        )
        self.engine = Engine(around)
        self.registry.commit_with(self.engine)
        self.main = asyncio.get_running_loop().create_task(self.engine.run())
        self.requests: dict[int, asyncio.Task[Any]] = {}

    def call(self, call: SdkCall, done: Callable[[Outcome], None]) -> CallHandle:
        """`Driver.call`: what a dead process calls never reaches the app."""
        if self.store.is_dead:
            return _Unsent()
        before = self._under_way.get(call.job_id)
        if before is not None and not getattr(before, "is_cancelled", False):
            self._app.broken.append(f"run {call.run_id}: two calls of one item at a time")

        def answered(outcome: Outcome) -> None:
            if self._under_way.get(call.job_id) is handle:
                del self._under_way[call.job_id]
            done(outcome)

        handle = self._app.call(call, answered)
        self._under_way[call.job_id] = handle
        return handle

    def spawn(self, number: int, work: Awaitable[T]) -> "asyncio.Task[T]":
        async def request() -> T:
            return await work

        task = asyncio.get_running_loop().create_task(request())
        self.requests[number] = task
        task.add_done_callback(lambda _: self.requests.pop(number))
        return task

    async def die(self) -> None:
        self.store.is_dead = True
        tasks = [self.main, *self.requests.values()]
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


class _Unsent:
    def cancel(self) -> None:
        pass


class World:
    """Everything that follows from a seed.

    Args:
        functions: What the app registers.
        seed: Decides about everything that is left to chance.
        faults: What goes wrong; nothing by default.
        is_crash: Commits at which the server is killed.
    """

    def __init__(
        self,
        functions: list[SimulatedFunction],
        *,
        seed: int = 0,
        faults: Faults | None = None,
        is_crash: CrashPlan | None = None,
        retries: RetryPolicy | None = None,
        calls_max: int = 50,
        base_ms: int = BASE_MS,
    ) -> None:
        self.loop = VirtualLoop()
        self.random = Random(seed)
        self.faults = faults or Faults(Random(self.random.getrandbits(64)))
        self.clock = Clock(self.loop, base_ms)
        self.connection = sqlite3.connect(":memory:", check_same_thread=False)
        self.retries = retries or RetryPolicy()
        self.calls_max = calls_max
        self.down_s = 1.0
        self.crashes = 0
        self.commits = 0
        self.trace: list[str] = []
        self.acknowledged: list[Acknowledged] = []
        self.downs: list[tuple[int, int]] = []
        self.cancelled: set[str] = set()
        self.app = SimulatedApp(
            functions,
            random=Random(self.random.getrandbits(64)),
            faults=self.faults,
            now_ms=self.clock.now_ms,
            send=self._send_from_app,
            note=self.note,
        )
        self.wants_crash = asyncio.Event()
        self._is_crash = is_crash
        self._server: _Server | None = None
        self._requests = 0
        self._clients: dict[int, asyncio.Task[Any]] = {}

    # Its history.

    def note(self, text: str) -> None:
        """Add a line to the trace, by which two worlds can be compared."""
        self.trace.append(f"{self.loop.time():.6f} {text}")

    def note_commit(self, batch: Sequence[Transition]) -> None:
        """A batch was written."""
        self.commits += 1
        rows = ["+".join(str(len(getattr(t, name))) for name in _ROWS) for t in batch]
        self.note(f"commit {' '.join(rows)}")

    def is_crash(self, _commit: int, moment: str) -> bool:
        """Whether the server is killed before or after its next commit."""
        if self._is_crash is not None:
            # Commits are counted over all servers of the world.
            number = self.commits + (1 if moment == "before" else 0)
            return self._is_crash(number, moment)
        return self.faults.happens(f"crash_{moment}_commit")

    # The server.

    async def live(self, story: Awaitable[T]) -> T:
        """Start a server, register the app, and see the story to its end."""
        self._boot()
        watching = self.loop.create_task(self._watch())
        try:
            await self._register()
            return await story
        finally:
            watching.cancel()
            tasks = [watching, *self._clients.values(), *self.app.close()]
            for task in tasks:
                task.cancel()
            if self._server is not None:
                await self._server.die()
            await asyncio.wait(tasks)

    def run(self, story: Awaitable[T]) -> T:
        """As `live`, from outside. Afterwards the world can be looked at until it is closed."""
        try:
            return self.loop.complete(self.live(story))
        except BaseException:
            self.close()
            raise
        finally:
            self.loop.close()

    def close(self) -> None:
        """Let go of the database."""
        self.connection.close()

    async def crash(self, down_s: float = 1.0) -> None:
        """Kill the server; start another one later, on the same database."""
        server, self._server = self._server, None
        if server is None:
            # It is down already.
            return
        self.crashes += 1
        self.note("crash")
        down_from_ms = self.clock.now_ms()
        await server.die()
        if self.connection.in_transaction:
            self.connection.rollback()
        await pause(down_s)
        self.downs.append((down_from_ms, self.clock.now_ms()))
        self._boot()

    async def stop(self, down_s: float = 1.0) -> None:
        """Stop the server as Ctrl-C does; start another one later."""
        server = self._server
        if server is None:
            return
        self.note("stop")
        await server.engine.stop(_GRACE_S)
        await asyncio.wait([server.main])
        if self._server is server:
            await self.crash(down_s)

    async def request(self, work: Callable[[Engine], Awaitable[T]]) -> T:
        """What a client's request comes to.

        Raises:
            Disconnected: There was no answer; it may have been carried out.
            OperationalError: The server could not carry it out, as far as it knows.
        """
        await pause(self.faults.network_s())
        server = self._server
        if server is None or server.store.is_dead or self.faults.happens("request_lost"):
            raise Disconnected
        self._requests += 1
        task = server.spawn(self._requests, work(server.engine))
        await asyncio.wait([task])
        if task.cancelled() or self.faults.happens("request_unanswered"):
            if not task.cancelled():
                task.exception()
            raise Disconnected
        await pause(self.faults.network_s())
        return task.result()

    async def insist(self, work: Callable[[Engine], Awaitable[T]]) -> T:
        """Repeat a request until it is answered."""
        while True:
            try:
                return await self.request(work)
            except (Disconnected, OperationalError):
                await pause(0.5 + self.random.random())

    # What clients do.

    async def send(
        self, name: str, data: dict[str, Any], *, event_id: str = "", ts_ms: int = 0
    ) -> Acknowledged:
        """Send an event until the server acknowledges it, under one id seed."""
        event: dict[str, Any] = {"name": name, "data": data}
        if event_id:
            event["id"] = event_id
        if ts_ms:
            event["ts"] = ts_ms
        body = msgspec.json.encode(event)
        seed = EventIdSeed(self.clock.now_ms(), self.random.randbytes(10))
        sent_ms = self.clock.now_ms()

        async def post(engine: Engine) -> None:
            parsed = parse_events(
                body,
                content_type="application/json",
                received_ms=self.clock.now_ms(),
                internal_ids=seed.ulid,
            )
            assert parsed.error is None
            await engine.accept(DEFAULT_ENVIRONMENT_ID, parsed.accepted, seeded=True)

        await self.insist(post)
        internal_id = seed.ulid(1)
        now_ms = self.clock.now_ms()
        acknowledged = Acknowledged(
            internal_id, name, data, event_id or internal_id, ts_ms, sent_ms, now_ms
        )
        self.acknowledged.append(acknowledged)
        self.note(f"acknowledged {name}")
        return acknowledged

    def later(self, seconds: float, work: Callable[[], Awaitable[Any]]) -> None:
        """Let a client do something in a while."""
        self._requests += 1
        number = self._requests

        async def client() -> None:
            await pause(seconds)
            await work()

        task = self.loop.create_task(client())
        self._clients[number] = task
        task.add_done_callback(lambda task: self._end_client(number, task))

    async def cancel_run(self, run_id: str) -> bool:
        """Cancel a run by the API."""
        self.cancelled.add(run_id)

        async def delete(engine: Engine) -> bool:
            return await engine.cancel_run(RunId(run_id))

        return await self.insist(delete)

    # What clients see.

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """Look into the database from outside."""
        return self.connection.execute(sql, values).fetchall()

    async def until(self, sql: str, *values: object, limit_s: float = 3_600.0) -> None:
        """Until the database gives a row for the question."""
        end_s = self.loop.time() + limit_s
        while not self.rows(sql, *values):
            assert self.loop.time() < end_s, f"still nothing: {sql}; {self.unfinished()}"
            await pause(0.05)

    def live_state(self, run_id: RunId) -> RunState | None:
        """The run as the server has it in memory, unless it is ahead of the database."""
        partition = self._server.engine._partition if self._server is not None else None
        if partition is None or run_id in partition._unwritten:
            return None
        return partition._live.get(run_id)

    async def quiet(self, *, limit_s: float, step_s: float = 5.0) -> None:
        """Until nothing is to be done any more but waiting for the next tick of a cron."""
        end_s = self.loop.time() + limit_s
        while self._clients or self.rows(_UNFINISHED)[0][0]:
            if self.loop.time() > end_s:
                raise AssertionError(f"not finished after {limit_s} s: {self.unfinished()}")
            await pause(step_s)

    def unfinished(self) -> str:
        """What is still to be done, for a message."""
        runs = self.rows("SELECT id, function_id, status FROM runs WHERE status IN (0, 5)")
        queue = self.rows("SELECT item_id, kind, run_id, step, attempt, due_ms FROM queue")
        return f"{len(self._clients)} clients, runs {runs[:10]}, queue {queue[:20]}"

    # Inside.

    def _boot(self) -> None:
        self.note("boot")
        self.wants_crash.clear()
        self._server = _Server(self)

    async def _register(self) -> None:
        functions = tuple(each.config(APP_URL) for each in self.app.functions.values())
        request = RegisterRequest(
            app_name=APP, url=APP_URL, sdk_language="py", sdk_version="1.0.0", functions=functions
        )

        async def register(engine: Engine) -> None:
            registration = await engine.registry.register(request)
            assert registration.refusal is None, registration.refusal

        await self.insist(register)

    async def _watch(self) -> None:
        while True:
            await self.wants_crash.wait()
            await self.crash(self.down_s)

    async def _send_from_app(self, name: str, data: dict[str, Any], event_id: str) -> None:
        await self.send(name, data, event_id=event_id)

    def _end_client(self, number: int, task: "asyncio.Task[Any]") -> None:
        del self._clients[number]
        if not task.cancelled() and (error := task.exception()) is not None:
            self.app.broken.append(f"a client failed: {error!r}")


_ROWS = ("events", "runs", "started", "ended", "journal", "put", "renew", "renew_due", "done")
_UNFINISHED = """
SELECT (SELECT count(*) FROM runs WHERE status IN (0, 5))
     + (SELECT count(*) FROM queue WHERE kind != 8)
"""
