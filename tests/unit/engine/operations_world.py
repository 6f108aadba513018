"""Runs of one function in a store in memory, and the operations on them."""

import asyncio
from typing import Any

from stepwell.core.app import App
from stepwell.core.function import Function
from stepwell.core.identity import (
    DEFAULT_ENVIRONMENT_ID,
    AppId,
    FunctionId,
    OperationId,
    RunId,
)
from stepwell.core.operation import Operation, OperationKind
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.core.transition import StoredEvent, Transition
from stepwell.engine.admitter import Decide
from stepwell.engine.operations import Operations
from stepwell.engine.registry import Registry
from stepwell.engine.reruns import Reruns
from stepwell.engine.store import Ownership, RunHistory, RunsQuery, Store, StoreUnavailable
from stepwell.store.sqlite import SqliteStore
from stepwell.wire.ulid import ulid_from
from tests.unit.core.core_world import START_MS, CoreWorld, function
from tests.unit.core.rerun_world import GO

FUNCTION = function("app-f", GO)
APP = App(AppId("app"), DEFAULT_ENVIRONMENT_ID, "app", "http://app/api/inngest", sdk_language="js")


class Clock:
    """The clock of a world."""

    def __init__(self, world: CoreWorld) -> None:
        self._world = world

    def now_ms(self) -> int:
        return self._world.now_ms


class Reads:
    """The store's reads that operations use; they can wait, or fail."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.is_reading = asyncio.Event()
        self.runs_failure: Exception | None = None
        self.unreadable: set[RunId] = set()

    async def runs_of(self, query: RunsQuery) -> list[tuple[RunId, RunStatus, StoredEvent | None]]:
        self.is_reading.set()
        await self.may_read.wait()
        if self.runs_failure is not None:
            raise self.runs_failure
        return await self._store.runs_of(query)

    async def history(self, run_id: RunId) -> RunHistory | None:
        if run_id in self.unreadable:
            raise ValueError(run_id)
        return await self._store.history(run_id)


class Desk(CoreWorld):
    """What surrounds the operations; every commit may be the last."""

    def __init__(self, store: SqliteStore, owner: Ownership) -> None:
        super().__init__(FUNCTION)
        self.store = store
        self.owner = owner
        self.reads = Reads(store)
        self.registry = Registry(Clock(self), self.ids)
        self.made: list[RunState] = []
        self.seats: list[str] = []
        self.holder: RunId | None = None
        self.start_failure: Exception | None = None
        #: After so many commits the server is stopped, with the last of them written or not.
        self.commits_left = 10**9
        self.is_last_written = True
        self._unwritten: list[Transition] = []
        self._submitted: list[Transition] = []
        self._answered = asyncio.Event()
        self._writing = asyncio.Lock()
        self._working: asyncio.Task[None] | None = None

    async def open(self, today: Function = FUNCTION) -> None:
        """Begin with what is stored, and with the function as it is today."""
        await self.close()
        self._submitted.clear()
        self._answered.clear()
        self.registry.load([APP], [today])
        stored = await self.store.operations()
        reads: Store = self.reads  # type: ignore[assignment] # all that is read here
        self.reruns = Reruns(
            reads,
            self.registry,
            moment=self.moment,
            commit=self.commit,
            start=self.start,
        )
        self.operations = Operations(
            reads,
            self.registry,
            self.reruns,
            moment=self.moment,
            decided=self.decide,
            commit=self.commit,
            is_alone=True,
        )
        self.operations.load(stored)
        self._working = asyncio.create_task(self.operations.run())

    async def close(self) -> None:
        if self._working is not None:
            self._working.cancel()
            await asyncio.gather(self._working, return_exceptions=True)
            self._working = None

    # Runs.

    async def begin(self, *data: Any) -> list[RunState]:
        """A run for each event, a millisecond apart, all stored."""
        runs = []
        for each in data:
            runs += self.send("test/go", each)
            self.now_ms += 1
        self.made += runs
        await self.write()
        return runs

    async def end(self, *runs: RunState) -> None:
        """The runs complete."""
        for run in runs:
            self.reply(run, 200, b"1")
        await self.write()

    async def write(self) -> None:
        """Store what was decided about runs."""
        batch, self._unwritten = self._unwritten, []
        if batch:
            await self.store.commit(self.owner, batch)

    def absorb(self, transition: Transition, run: RunState | None = None) -> Transition:
        self._unwritten.append(transition)
        return super().absorb(transition, run)

    def reruns_of(self, run: RunState) -> list[RunState]:
        return [r for r in self.runs.values() if r.new.origin_run_id == run.new.id]

    # What operations ask for.

    def decide(self, item: QueueItem, transition: Transition) -> None:
        self._submitted.append(transition)
        self._answered.set()

    async def commit(self, transition: Transition) -> None:
        self._submitted.append(transition)
        await self.flush()

    async def flush(self) -> None:
        """Write what was submitted, in that order."""
        async with self._writing:
            while self._submitted:
                await self._write_one(self._submitted.pop(0))

    async def _write_one(self, transition: Transition) -> None:
        self.commits_left -= 1
        if self.commits_left <= 0 and not self.is_last_written:
            raise StoreUnavailable("commit", "the server was stopped")
        await self.store.commit(self.owner, [transition])
        super().absorb(transition)
        if self.commits_left <= 0:
            raise StoreUnavailable("commit", "the server was stopped")
        self.operations.written(transition)

    async def start(self, function_id: FunctionId, key: str, decide: Decide) -> RunId:
        assert function_id == FUNCTION.id
        self.seats.append(key)
        if self.start_failure is not None:
            raise self.start_failure
        transition, run_id = decide(self.holder)
        await self.commit(transition)
        return run_id

    # Turns.

    async def create(self, kind: OperationKind, **more: Any) -> OperationId:
        """Create an operation on all runs there are."""
        operation = an_operation(self, kind, **more)
        assert await self.operations.create(operation)
        return operation.id

    def item(self) -> QueueItem | None:
        """The item of an operation that has not ended."""
        items = (item for item in self.items.values() if item.kind is ItemKind.OPERATION)
        return next(items, None)

    async def turn(self) -> None:
        """Let the item have its turn, and write what follows."""
        item = self.item()
        assert item is not None
        assert self._working is not None
        self.now_ms = max(self.now_ms, item.due_ms)
        self.operations.add(item)
        answered = asyncio.ensure_future(self._answered.wait())
        await asyncio.wait({answered, self._working}, return_when=asyncio.FIRST_COMPLETED)
        if not answered.done():
            answered.cancel()
            self._working.result()
        self._answered.clear()
        await self.flush()

    async def finish(self) -> None:
        """Turns until no item is left."""
        while self.item() is not None:
            await self.turn()

    def progress(self, operation_id: OperationId) -> tuple[int, int, int]:
        operation = self.operations.get(operation_id)
        assert operation is not None
        return operation.seen, operation.done, operation.failed


def an_operation(world: CoreWorld, kind: OperationKind, **more: Any) -> Operation:
    """On all runs there are."""
    number = more.pop("number", world.ids.number())
    more = {"created_ms": world.now_ms, "started_before_ms": world.now_ms} | more
    return Operation(
        OperationId(ulid_from(START_MS, number.to_bytes(10, "big"))),
        kind,
        DEFAULT_ENVIRONMENT_ID,
        APP.id,
        FUNCTION.id,
        **more,
    )
