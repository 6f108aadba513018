"""A world: servers, their database, an app, clients, and everything that can happen to them.

All of it lives in one process, on virtual time, and follows from one seed. The servers are the real
ones (core, engine, registry, SQLite in memory); they can be killed at any moment, and the next ones
find what the database has. Where there are several, clients and the app reach any of them.
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import closing, suppress
from functools import cache
from random import Random
from typing import Any, TypeVar

import msgspec

from stepwell.core.checkpointing import CheckpointRefused
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, NodeId, RunId
from stepwell.core.retention import Retention
from stepwell.core.retry import RetryPolicy
from stepwell.core.rollups import encode_tally
from stepwell.core.run import RunState
from stepwell.core.transition import LISTS, Transition
from stepwell.engine.checkpoints import Checkpointed
from stepwell.engine.engine import Engine
from stepwell.engine.limits import LimitSettings
from stepwell.engine.nodes import Ownership
from stepwell.store.sql.rollups import TALLIED_MAX
from stepwell.store.sqlite.database import prepare_in_memory
from stepwell.wire.checkpoint import parse_async_checkpoint
from stepwell.wire.errors import OperationalError
from stepwell.wire.events import parse_events
from stepwell.wire.registration import RegisterRequest
from stepwell.wire.ulid import EventIdSeed, ulid_from
from tests.simulation.app import APP_URL, SimulatedApp
from tests.simulation.bounds import Bounds
from tests.simulation.decisions import Record
from tests.simulation.faults import Faults
from tests.simulation.faulty_store import CrashPlan
from tests.simulation.fleet import Fleet
from tests.simulation.node_checkers import foreign_decisions
from tests.simulation.outside_world import OutsideWorld
from tests.simulation.programs import APP, SimulatedFunction
from tests.simulation.server import Clock, Server
from tests.simulation.virtual_loop import VirtualLoop, pause

__all__ = ["BASE_MS", "Acknowledged", "Disconnected", "SentSignal", "World"]

T = TypeVar("T")

#: Saturday, 2026-11-21 06:00 UTC.
BASE_MS = 1_795_240_800_000

_GRACE_S = 2.0
#: How long a client waits for an answer of one of several servers, before it asks another one.
_PATIENCE_S = 20.0
#: How long nobody looks whether something is in the database while nothing is committed.
_LOOK_S = 1.0
#: So many pairs of function and minute are counted before they are added up for the first time.
_TALLIES_LEFT = 3


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


class SentSignal(msgspec.Struct):
    """A signal that a client sent once.

    Attributes:
        value: Its data, which no other signal has.
        answered_ms: When the client learned what became of it; 0 if it never did.
        run_id: The run whose step has it, if so.
    """

    name: str
    value: str
    sent_ms: int
    answered_ms: int = 0
    run_id: str | None = None


@cache
def _empty_database() -> bytes:
    """The tables, as the store makes them: hundreds of worlds begin with a copy."""
    with closing(sqlite3.connect(":memory:")) as connection:
        prepare_in_memory(connection)
        return connection.serialize()


class World:
    """Everything that follows from a seed.

    Args:
        functions: What the app registers.
        seed: Decides about everything that is left to chance.
        faults: What goes wrong; nothing by default.
        is_crash: Commits at which the server is killed.
        retention: How long what is kept; everything for ever without it.
        nodes: How many servers share the database.
        partitions: Over which their work is spread.
        skew_ms: How wrong the clock of a server may be.
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
        limits: LimitSettings | None = None,
        base_ms: int = BASE_MS,
        retention: Retention | None = None,
        nodes: int = 1,
        partitions: int = 1,
        skew_ms: int = 0,
    ) -> None:
        self.loop = VirtualLoop()
        self.random = Random(seed)
        self.faults = faults or Faults(Random(self.random.getrandbits(64)))
        self.clock = Clock(self.loop, base_ms)
        self.connection = sqlite3.connect(":memory:", check_same_thread=False)
        self.connection.deserialize(_empty_database())
        self.retries = retries or RetryPolicy()
        self.calls_max = calls_max
        self.limits = limits or LimitSettings()
        self.retention = retention
        self.deleted: Counter[str] = Counter()
        self.is_faulty = self.faults.are_any
        #: How long it may take from a decision until it is written.
        self.decision_ms = 10_000 if self.faults.are_slow else 25
        if nodes > 1:
            # A server that does not own the run any more may have told a client of a decision.
            self.decision_ms = 20_000
        self.skew_ms = skew_ms
        self.down_s = 1.0
        self.crashes = 0
        self.commits = 0
        self._written = asyncio.Event()
        self.trace: list[str] = []
        self.acknowledged: list[Acknowledged] = []
        self.downs: list[tuple[int, int]] = []
        self.cancelled: set[str] = set()
        self.paused: set[str] = set()
        self.signals: list[SentSignal] = []
        self.reruns: dict[str, str] = {}
        #: Metadata by run, and names of spans by run and number, as they were acknowledged.
        self.told: dict[str, dict[str, Any]] = {}
        self.spans: dict[tuple[str, int], str] = {}
        #: By run, what was in the database of it when nothing was wrong with its trees.
        self.sound_traces: dict[str, tuple[object, ...]] = {}
        self.record = Record()
        self.app = SimulatedApp(
            functions,
            random=Random(self.random.getrandbits(64)),
            faults=self.faults,
            now_ms=self.clock.now_ms,
            send=self._send_from_app,
            save=self._save_from_app,
            note=self.note,
        )
        self.outside = OutsideWorld(
            functions,
            random=Random(self.random.getrandbits(64)),
            faults=self.faults,
            now_ms=self.clock.now_ms,
            note=self.note,
        )
        self.bounds = Bounds(
            calls_max=calls_max,
            limits=self.limits,
            owns=self.owns,
            let_in_ms=self.record.let_in_ms,
            now_ms=self.clock.now_ms,
        )
        self._has_singletons = any(function.singleton for function in functions)
        self._is_crash = is_crash
        self.fleet = Fleet(self, nodes=nodes, partitions=partitions, skew_ms=skew_ms)
        #: Nodes there were at the end.
        self.last_nodes: set[NodeId | None] = set()
        self._requests = 0
        self._clients: dict[int, asyncio.Task[Any]] = {}

    def lateness_ms(self, from_ms: int, until_ms: int) -> int:
        """How late a timer may ring that was due in that time: the server may have been down."""
        if not self.is_faulty and not self.crashes:
            return 50
        downs = (
            min(down_until_ms, until_ms) - max(down_from_ms, from_ms)
            for down_from_ms, down_until_ms in self.downs
        )
        return 20_000 + sum(down_ms for down_ms in downs if down_ms > 0)

    # Its history.

    def note(self, text: str) -> None:
        """Add a line to the trace, by which two worlds can be compared."""
        self.trace.append(f"{self.loop.time():.6f} {text}")

    def committing(self, owner: Ownership, batch: Sequence[Transition]) -> None:
        """A batch is about to be written."""
        if not self.fleet.is_one:
            self.bounds.broken += foreign_decisions(self.connection, owner, batch)

    def committed(self, owner: Ownership, batch: Sequence[Transition]) -> None:
        """A batch was written."""
        self.commits += 1
        self._written.set()
        self._written = asyncio.Event()
        rows = ["+".join(str(len(getattr(t, name))) for name in LISTS) for t in batch]
        who = "" if self.fleet.is_one else f"by {owner.node} "
        self.note(f"commit {who}{' '.join(rows)}")
        if not self.rows("SELECT 1 FROM nodes WHERE id = ?", owner.node):
            self.bounds.broken.append(f"node {owner.node} has committed after it was removed")
        self.record.note(batch, self.clock.now_ms())
        for transition in batch:
            for end in transition.ended:
                self.bounds.end_run(end.run_id)
        if self._has_singletons:
            for function_id, key in self.rows(_CROWDED):
                self.bounds.broken.append(f"two runs of {function_id} live with the key {key}")

    def failed(self, owner: Ownership, error: Exception) -> None:
        """A batch could not be written, and no disk or network is to blame."""
        self.bounds.broken.append(f"node {owner.node} could not commit: {error!r}")

    def is_crash(self, faults: Faults, _commit: int, moment: str) -> bool:
        """Whether a server is killed before or after its next commit."""
        if self._is_crash is not None:
            # Commits are counted over all servers of the world.
            number = self.commits + (1 if moment == "before" else 0)
            return self._is_crash(number, moment)
        return faults.happens(f"crash_{moment}_commit")

    def owns(self, server: object, slug: str) -> bool:
        """Whether a server may decide about a function now."""
        if self.fleet.is_one:
            return True
        assert isinstance(server, Server)
        sql = """SELECT 1 FROM functions f JOIN partitions p ON p.id = f.partition_id
                   JOIN nodes n ON n.id = p.node_id
                  WHERE f.slug = ? AND n.id = ? AND n.lease_until_ms > ?"""
        return bool(self.rows(sql, slug, server.node, self.clock.now_ms()))

    # The server.

    async def live(self, story: Awaitable[T]) -> T:
        """Start a server, register the app, and see the story to its end."""
        self.fleet.boot_all()
        # Some commit of every world adds up what was counted, and not only those of long ones.
        self.connection.execute(
            "INSERT INTO tallies VALUES (?, ?)", (TALLIED_MAX - _TALLIES_LEFT, encode_tally({}))
        )
        watching = self.loop.create_task(self.fleet.watch())
        try:
            await self._register(self.registration())
            return await story
        finally:
            self.last_nodes = {server.node for server in self.fleet.running}
            watching.cancel()
            tasks = [watching, *self._clients.values(), *self.app.close(), *self.outside.close()]
            tasks += self.fleet.close()
            for task in tasks:
                task.cancel()
            await self.fleet.die()
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
        """Kill all servers; start others later, on the same database."""
        await self.fleet.crash_all(down_s)

    async def stop(self, down_s: float = 1.0, *, number: int = 0) -> None:
        """Stop a server as Ctrl-C does; start another one later."""
        await self.fleet.stop(number, down_s, _GRACE_S)

    async def request(self, work: Callable[[Engine], Awaitable[T]]) -> T:
        """What a client's request comes to.

        Raises:
            Disconnected: There was no answer; it may have been carried out.
            OperationalError: The server could not carry it out, as far as it knows.
        """
        await pause(self.faults.network_s())
        server = self.fleet.any()
        if server is None or server.store.is_dead or self.faults.happens("request_lost"):
            raise Disconnected
        self._requests += 1
        task = server.spawn(self._requests, work)
        await asyncio.wait([task], timeout=None if self.fleet.is_one else _PATIENCE_S)
        if not task.done():
            raise Disconnected
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

    def ulid(self) -> str:
        """A new id, as an API makes it."""
        return ulid_from(self.clock.now_ms(), self.random.randbytes(10))

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
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._written.wait()
            await pause(0.05)

    def live_states(self, run_id: RunId) -> Iterator[RunState]:
        """The run as servers have it in memory that decide about it, unless ahead of the database.

        Of several servers that is the owner of the function's partition.
        """
        for server in self.fleet.running:
            tenure = server.engine._tenure
            partition = None if tenure is None else tenure.partition
            if partition is None or run_id in partition._unwritten:
                continue
            run = partition._live.get(run_id)
            if run is not None and self._decides(server, run):
                yield run

    async def quiet(
        self, *, limit_s: float, step_s: float = 5.0, only_clients: bool = False
    ) -> None:
        """Until nothing is to be done any more but waiting for the next tick of a cron.

        With `only_clients`, until they have nothing to do any more.
        """
        end_s = self.loop.time() + limit_s
        while self._clients or (not only_clients and self.rows(_UNFINISHED)[0][0]):
            if self.loop.time() > end_s:
                raise AssertionError(f"not finished after {limit_s} s: {self.unfinished()}")
            await pause(step_s)

    def unfinished(self) -> str:
        """What is still to be done, for a message."""
        runs = self.rows("SELECT id, function_id, status FROM runs WHERE status IN (0, 5)")
        queue = self.rows("SELECT item_id, kind, run_id, step, attempt, due_ms FROM queue")
        return f"{len(self._clients)} clients, runs {runs[:10]}, queue {queue[:20]}"

    # Inside.

    def _decides(self, server: Server, run: RunState) -> bool:
        function = server.registry.functions.get(run.new.function_id)
        return self.fleet.is_one or (function is not None and self.owns(server, function.slug))

    async def sync(self, function: SimulatedFunction) -> None:
        """Let the app register a function in another configuration."""
        await self._register(self.registration(function))

    def registration(self, *changed: SimulatedFunction) -> RegisterRequest:
        """What the app registers from now on, some functions in another configuration."""
        for function in changed:
            self.app.functions[function.slug] = function
            self.bounds.changed(function)
        functions = tuple(each.config(APP_URL) for each in self.app.functions.values())
        return RegisterRequest(
            app_name=APP, url=APP_URL, sdk_language="py", sdk_version="1.0.0", functions=functions
        )

    async def _register(self, request: RegisterRequest) -> None:

        async def register(engine: Engine) -> None:
            registration = await engine.registry.register(request)
            assert registration.refusal is None, registration.refusal

        await self.insist(register)

    async def _send_from_app(self, name: str, data: dict[str, Any], event_id: str) -> None:
        await self.send(name, data, event_id=event_id)

    async def _save_from_app(
        self, run_id: str, body: bytes
    ) -> Checkpointed | CheckpointRefused | None:
        """What the app is told about a checkpoint; None if there is no answer."""
        report = parse_async_checkpoint(body, path_run_id=run_id)
        try:
            return await self.request(lambda engine: engine.save_checkpoint(report))
        except (Disconnected, OperationalError):
            return None

    def _end_client(self, number: int, task: "asyncio.Task[Any]") -> None:
        del self._clients[number]
        if not task.cancelled() and (error := task.exception()) is not None:
            self.app.broken.append(f"a client failed: {error!r}")


_CROWDED = """
SELECT function_id, singleton FROM runs WHERE singleton <> '' AND status IN (0, 5)
 GROUP BY 1, 2 HAVING count(*) > 1
"""
_UNFINISHED = """
SELECT (SELECT count(*) FROM runs WHERE status IN (0, 5))
     + (SELECT count(*) FROM queue WHERE kind != 8)
"""
