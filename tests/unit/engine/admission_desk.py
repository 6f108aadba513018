"""The admitter with the real committer and the real store, and what a partition does around them."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec

from stepwell.core.cancel import cancel
from stepwell.core.draft import World
from stepwell.core.function import Function, FunctionIndex
from stepwell.core.identity import (
    DEFAULT_ENVIRONMENT_ID,
    LOCAL_PARTITION,
    EventId,
    FunctionId,
    ItemId,
    RunId,
)
from stepwell.core.item_bodies import CancelBody
from stepwell.core.lanes import DECISIONS
from stepwell.core.moment import Moment
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.retry import RetryPolicy
from stepwell.core.routing import route
from stepwell.core.status import RunStatus
from stepwell.core.transition import Transition
from stepwell.engine.admitter import Admitter
from stepwell.engine.claims import Claims
from stepwell.engine.committer import Committer
from stepwell.engine.store import LaneQuery, join_alone
from stepwell.engine.written import Written
from stepwell.store.sqlite import SqliteStore
from stepwell.wire.events import parse_events
from tests.unit.core.core_world import START_MS, CountedIds

__all__ = ["Desk", "desk"]

_TIMERS = {ItemKind.DEBOUNCE, ItemKind.BATCH}
_OURS = _TIMERS | {ItemKind.ADMIT}


class _CountingStore(SqliteStore):
    """Counts how often events are read."""

    event_reads = 0

    async def events(self, event_ids: Any) -> Any:
        self.event_reads += 1
        return await super().events(event_ids)


class Desk:
    """One database, one clock, and one admitter after the other."""

    def __init__(self, connection: sqlite3.Connection, *functions: Function) -> None:
        self.connection = connection
        self.functions = FunctionIndex(functions)
        self.ids = CountedIds()
        self.now = START_MS
        self.cancelled: list[RunId] = []
        self.unmovable: set[RunId] = set()

    # Life.

    async def open(self) -> None:
        """As when a server starts: everything follows from what is stored."""
        self.store = _CountingStore.in_memory(connection=self.connection)
        owner = await join_alone(self.store)
        self.committer = Committer(self.store, owner, after_batch=self._check_singletons)
        self.claims = Claims(self.store, lambda: self.moment().now_ms)
        self.admitter = Admitter(
            self.store,
            self.claims,
            moment=self.moment,
            world=self.world,
            decided=self._decided,
            submit=self._submit,
            cancel_run=self._cancel_run,
        )
        self.turns: set[ItemId] = set()
        self.timers: dict[ItemId, QueueItem] = {}
        self.tasks = [
            asyncio.create_task(self.committer.run()),
            asyncio.create_task(self.admitter.run()),
        ]
        for item in await self._stored_items():
            self._take_in(item)

    async def crash(self) -> None:
        """Everything in memory is gone, in the middle of whatever was going on."""
        for task in self.tasks:
            task.cancel()
        for task in self.tasks:
            with suppress(asyncio.CancelledError):
                await task
        await self.open()

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        self.admitter.abort()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def steps(self, count: int) -> None:
        """Let everyone do a little."""
        for _ in range(count):
            await asyncio.sleep(0)

    async def settle(self) -> None:
        """Wait until everything that is due has been decided about, durably."""
        async with asyncio.timeout(10):
            while self.turns:
                await self._raise_failures()
                await asyncio.sleep(0)

    async def pass_ms(self, ms: int) -> None:
        """Time passes; what comes due on the way gets its turn then."""
        until_ms = self.now + ms
        while due := [item for item in self.timers.values() if item.due_ms <= until_ms]:
            self.now = max(self.now, min(item.due_ms for item in due))
            self.ring()
            await self.settle()
        self.now = until_ms

    def ring(self) -> None:
        """Timers that are due get their turn."""
        for item in [item for item in self.timers.values() if item.due_ms <= self.now]:
            self._take_in(item)

    # What may happen.

    def post(self, data: Any = None, *, name: str = "t/go", **fields: Any) -> EventId:
        """An event is accepted."""
        body = msgspec.json.encode({"name": name, "data": data, **fields})
        (accepted,) = parse_events(
            body,
            content_type="application/json",
            received_ms=self.now,
            internal_ids=lambda _: self.ids.ulid(self.now),
        ).accepted
        transition = route(
            accepted,
            environment_id=DEFAULT_ENVIRONMENT_ID,
            world=self.world(),
            at=self.moment(),
            claim_key=fields.get("id", ""),
        )
        self._submit(transition, None)
        return EventId(accepted.internal_id)

    async def put(self, transition: Transition) -> None:
        """Write something, and wait for it."""
        written = Written()
        self._submit(transition, written.committed)
        await written.future

    async def end(self, run_id: RunId) -> None:
        """The run ends."""
        await self._end(run_id, "api")

    # What is so.

    @property
    def event_reads(self) -> int:
        """How often events were read since it was opened."""
        assert isinstance(self.store, _CountingStore)
        return self.store.event_reads

    def now_ms(self) -> int:
        return self.now

    def moment(self) -> Moment:
        return Moment(self.now, self.ids)

    def world(self) -> World:
        return World(self.functions, (), RetryPolicy())

    def rows(self, sql: str) -> list[Any]:
        return self.connection.execute(sql).fetchall()

    def runs(self, function_id: str = "id-of-f") -> list[tuple[RunId, RunStatus, list[EventId]]]:
        """The function's runs with their events, in the order in which they were created."""
        found = self.rows(
            "SELECT id, status, event_id, event_ids FROM runs"
            f" WHERE function_id = '{function_id}' ORDER BY id"
        )
        return [
            (RunId(run_id), RunStatus(status), msgspec.json.decode(ids) if ids else [event_id])
            for run_id, status, event_id, ids in found
        ]

    def live(self, function_id: str = "id-of-f") -> list[RunId]:
        """Those that have not ended."""
        return [run_id for run_id, status, _ in self.runs(function_id) if not status.is_ended]

    def outcomes(self, function_id: str = "id-of-f") -> Counter[str]:
        """Statuses of runs and reasons of skips, counted."""
        found = Counter(status.wire_name for _, status, _ in self.runs(function_id))
        sql = f"SELECT reason FROM skips WHERE function_id = '{function_id}'"
        found.update(reason for (reason,) in self.rows(sql))
        return found

    def places(self, function_id: str) -> Counter[str]:
        """How often each event stands in the function's runs, skips and buffers together."""
        places: Counter[str] = Counter()
        places.update(event for _, _, events in self.runs(function_id) for event in events)
        skipped = f"SELECT event_id FROM skips WHERE function_id = '{function_id}'"
        held = (
            "SELECT e.event_id FROM buffered_events e JOIN buffers b ON b.id = e.buffer_id"
            f" WHERE b.function_id = '{function_id}'"
        )
        for sql in (skipped, held):
            places.update(event_id for (event_id,) in self.rows(sql))
        return places

    def queued(self, *kinds: ItemKind) -> int:
        """How many items of the kinds are in the queue."""
        numbers = ",".join(str(int(kind)) for kind in kinds)
        ((count,),) = self.rows(f"SELECT count(*) FROM queue WHERE kind IN ({numbers})")
        assert isinstance(count, int)
        return count

    # Inside.

    def _decided(
        self, item: QueueItem, transition: Transition, then: Callable[[], None] | None
    ) -> None:
        def committed() -> None:
            self.turns.discard(item.id)
            if then is not None:
                then()

        self._submit(transition, committed)

    def _submit(self, transition: Transition, then: Callable[[], None] | None) -> None:
        self.admitter.expect(transition)
        self.turns |= {item.id for item in transition.put if item.kind is ItemKind.ADMIT}

        def committed(written: Transition) -> None:
            for items in (written.put, written.renew_due):
                for item in items:
                    if item.kind in _OURS:
                        self._take_in(item)
            for item_id in written.done:
                self.timers.pop(item_id, None)
            if then is not None:
                then()

        self.committer.submit(transition, committed)

    def _take_in(self, item: QueueItem) -> None:
        if item.due_ms > self.now:
            self.timers[item.id] = item
            return
        self.timers.pop(item.id, None)
        self.turns.add(item.id)
        self.admitter.add(item)

    async def _cancel_run(self, run_id: RunId, cause: str) -> bool:
        if run_id in self.unmovable:
            raise ValueError("a defect")
        self.cancelled.append(run_id)
        return await self._end(run_id, cause)

    async def _end(self, run_id: RunId, cause: str) -> bool:
        run = (await self.store.load_runs([run_id])).get(run_id)
        if run is None:
            return False
        await self.put(cancel(run, None, CancelBody(cause), world=self.world(), at=self.moment()))
        return True

    def _check_singletons(self) -> None:
        """Called after each commit: whatever happens next, a server could start from this."""
        live = [int(status) for status in RunStatus if not status.is_ended]
        (worst,) = self.rows(
            "SELECT max(n) FROM (SELECT count(*) AS n FROM runs WHERE singleton != ''"
            f" AND status IN ({','.join(map(str, live))}) GROUP BY function_id, singleton)"
        )
        assert worst[0] in {None, 1}

    async def _stored_items(self) -> list[QueueItem]:
        items: list[QueueItem] = []
        for function in self.functions:
            lane = LaneQuery(LOCAL_PARTITION, function.id, DECISIONS, (-(2**62), ItemId(0)), 10_000)
            (ready,) = await self.store.ready([lane])
            timers = await self.store.timers(
                LOCAL_PARTITION,
                FunctionId(function.id),
                after=(0, ItemId(0)),
                until_ms=2**62,
                limit=10_000,
            )
            items += [item for item in [*ready, *timers] if item.kind in _OURS]
        return items

    async def _raise_failures(self) -> None:
        for task in self.tasks:
            if task.done():
                await task
                raise AssertionError("somebody has stopped working")


@asynccontextmanager
async def desk(*functions: Function) -> AsyncIterator[Desk]:
    """A desk with a database of its own."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    opened = Desk(connection, *functions)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()
        connection.close()
