"""What the APIs read: whole pages of it, at leisure, and never on the way of a run.

The queries are written once, in SQLAlchemy, for every database. SQLAlchemy is imported with the
first question, because a server that nobody asks has no use for it.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

from stepwell.core.identity import (
    LOCAL_PARTITION,
    EnvironmentId,
    EventId,
    FunctionId,
    ItemId,
    OperationId,
    PartitionId,
    RunId,
)
from stepwell.core.operation import Operation
from stepwell.core.queue import QueueItem
from stepwell.core.transition import Skip, StoredEvent
from stepwell.engine.store import StoreUnavailable
from stepwell.store.views import EventOutcome, EventsPage, OperationsPage, QueueNumbers, RunView

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from stepwell.store.queries import Queries

__all__ = ["ReadModels"]

T = TypeVar("T")

#: Questions answered at the same time; more of them wait.
READERS_MAX: Final = 2


class ReadModels:
    """The questions of the APIs. Each answer is of one moment, and no longer than asked for.

    Every method raises `StoreUnavailable` when the database does not answer.
    """

    def __init__(self, reading: "_Reading") -> None:
        self._reading = reading

    @classmethod
    def on_file(cls, connect: Callable[[], sqlite3.Connection]) -> "ReadModels":
        """On connections of their own, made by `connect`, and on threads of their own."""
        return cls(_ThreadedReading(connect))

    @classmethod
    def on_connection(cls, connection: sqlite3.Connection) -> "ReadModels":
        """On a connection that others use as well, inside the calling coroutine."""
        return cls(_InlineReading(connection))

    async def events(self, page: EventsPage) -> list[StoredEvent]:
        """A page of events, newest first."""
        return await self._reading.run("events", lambda q: q.events(page))

    async def event(self, environment_id: EnvironmentId, event_id: EventId) -> StoredEvent | None:
        """The event of that environment (the first one stored under the id)."""
        return await self._reading.run("event", lambda q: q.event(environment_id, event_id))

    async def runs_of_event(self, event_id: EventId) -> list[RunView]:
        """The runs the event started, alone or in a batch, oldest first."""
        return await self._reading.run("runs_of_event", lambda q: q.runs_of_event(event_id))

    async def run(self, run_id: RunId) -> RunView | None:
        """The run, live or ended."""
        return await self._reading.run("run", lambda q: q.run(run_id))

    async def jobs(self, run_id: RunId, *, limit: int) -> list[QueueItem]:
        """The run's first `limit` queue items, by id."""
        return await self._reading.run("jobs", lambda q: q.jobs(run_id, limit))

    async def skips_of_event(self, event_id: EventId) -> list[Skip]:
        """Which functions the event did not start, and why, in the order it was decided."""
        return await self._reading.run("skips_of_event", lambda q: q.skips_of_event(event_id))

    async def outcomes_of_event(self, event_id: EventId) -> list[EventOutcome]:
        """What became of the event at each function that it concerned, by function id.

        An event that was accepted a moment ago may not have been decided about at every function.
        """
        return await self._reading.run("outcomes_of_event", lambda q: q.outcomes_of_event(event_id))

    async def queue_numbers(
        self, function_id: FunctionId | None = None, *, partition: PartitionId = LOCAL_PARTITION
    ) -> QueueNumbers:
        """How many items of one function, or of all, stand in the queue, by lane and kind.

        Counts every item: takes about half a second per million items due at once, and a second per
        million timers.
        """
        return await self._reading.run(
            "queue_numbers", lambda q: q.queue_numbers(partition, function_id)
        )

    async def items_ahead(
        self,
        function_id: FunctionId,
        lane: str,
        *,
        score: int,
        item_id: ItemId,
        partition: PartitionId = LOCAL_PARTITION,
    ) -> int:
        """How many items due at once go before the place (score, item_id) in a lane."""
        place = (score, item_id)
        return await self._reading.run(
            "items_ahead", lambda q: q.items_ahead(partition, function_id, lane, place)
        )

    async def operations(self, page: OperationsPage) -> list[Operation]:
        """A page of bulk operations, newest first."""
        return await self._reading.run("operations", lambda q: q.operations(page))

    async def operation(
        self, environment_id: EnvironmentId, operation_id: OperationId
    ) -> Operation | None:
        """The bulk operation of that environment."""
        return await self._reading.run(
            "operation", lambda q: q.operation(environment_id, operation_id)
        )

    async def close(self) -> None:
        """Answer what was asked, then let go of the database. May be called twice."""
        await self._reading.close()


class _Reading(Protocol):
    async def run(self, operation: str, question: Callable[["Queries"], T]) -> T: ...

    async def close(self) -> None: ...


class _InlineReading:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._engine: Engine | None = None
        self._is_closed = False

    async def run(self, operation: str, question: Callable[["Queries"], T]) -> T:
        from stepwell.store import queries  # noqa: PLC0415

        if self._is_closed:
            raise _closed(operation)
        if self._engine is None:
            self._engine = queries.engine_on(self._connection)
        return queries.answer(self._engine, operation, question)

    async def close(self) -> None:
        self._is_closed = True


class _ThreadedReading:
    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._engine: Engine | None = None
        self._opening = Lock()
        self._is_closed = False
        self._threads = ThreadPoolExecutor(READERS_MAX, thread_name_prefix="stepwell-read-models")

    async def run(self, operation: str, question: Callable[["Queries"], T]) -> T:
        if self._is_closed:
            raise _closed(operation)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._answer, operation, question)

    async def close(self) -> None:
        self._is_closed = True
        await asyncio.to_thread(self._threads.shutdown)
        if self._engine is not None:
            self._engine.dispose()
            self._engine = None

    def _answer(self, operation: str, question: Callable[["Queries"], T]) -> T:
        from stepwell.store import queries  # noqa: PLC0415

        with self._opening:
            if self._engine is None:
                self._engine = queries.engine_of(self._connect, connections_max=READERS_MAX)
        return queries.answer(self._engine, operation, question)


def _closed(operation: str) -> StoreUnavailable:
    return StoreUnavailable(operation, "the store is closed")
