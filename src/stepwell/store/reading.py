"""What the APIs read: whole pages of it, at leisure, and never on the way of a run.

The queries are written once, in SQLAlchemy, for every database. SQLAlchemy is imported with the
first question, because a server that nobody asks has no use for it.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import msgspec

from stepwell.core.app_sync import AppSync
from stepwell.core.charts import Chart, ChartRange, Numbers
from stepwell.core.identity import (
    AppId,
    EnvironmentId,
    EventId,
    FunctionId,
    ItemId,
    OperationId,
    RunId,
)
from stepwell.core.metadata import MetadataUpdate
from stepwell.core.operation import Operation
from stepwell.core.queue import QueueItem
from stepwell.core.transition import Skip, StoredEvent
from stepwell.core.user_span import UserSpan
from stepwell.engine.store import StoreUnavailable
from stepwell.store.scanning import SCAN_ROWS_MAX, scan_within_budget
from stepwell.store.views import (
    EventOutcome,
    EventsPage,
    EventsSearch,
    EventTypeView,
    FoundEvents,
    FoundRuns,
    OperationsPage,
    QueueNumbers,
    RunsCount,
    RunsPage,
    RunView,
    ScannedRuns,
    TraceRows,
)

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
        self._scanning = asyncio.Lock()

    @classmethod
    def on_file(cls, connect: Callable[[], sqlite3.Connection]) -> "ReadModels":
        """On connections of their own, made by `connect`, and on threads of their own."""

        def make_engine(connections_max: int) -> "Engine":
            from stepwell.store import queries  # noqa: PLC0415

            return queries.engine_of(connect, connections_max=connections_max)

        return cls.on_engine(make_engine, connections_max=READERS_MAX)

    @classmethod
    def on_engine(
        cls, make_engine: Callable[[int], "Engine"], *, connections_max: int
    ) -> "ReadModels":
        """The same on an engine for that many connections, made with the first question."""
        return cls(_ThreadedReading(make_engine, connections_max))

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

    async def search_runs(self, page: RunsPage) -> FoundRuns:
        """A page of runs, with their outputs.

        Without a query it takes a few ms, however many runs there are. With one, runs are looked at
        one after the other, within the bounds of `scanning`.
        """
        if not _has_condition(page):
            return await self._reading.run("search_runs", lambda q: q.search_runs(page))
        found, is_complete = await scan_within_budget(self._scan, page, turn=self._scanning)
        runs = await self._reading.run("search_runs", lambda q: q.runs(found.run_ids))
        return FoundRuns(runs, found.end, not found.is_exhausted, is_complete)

    async def count_runs(self, page: RunsPage) -> RunsCount:
        """How many runs a page's filters and query admit, wherever its cursor is.

        Exact up to a bound; with a query, as far as the bounds of `scanning` allow.
        """
        if not _has_condition(page):
            return await self._reading.run("count_runs", lambda q: q.count_runs(page))
        whole = msgspec.structs.replace(page, after=None, limit=SCAN_ROWS_MAX)
        found, is_complete = await scan_within_budget(self._scan, whole, turn=self._scanning)
        return RunsCount(len(found.run_ids), is_complete)

    async def _scan(self, page: RunsPage, rows_max: int) -> ScannedRuns:
        return await self._reading.run("scan_runs", lambda q: q.scan_runs(page, rows_max))

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

    async def metadata_of_run(self, run_id: RunId) -> list[MetadataUpdate]:
        """The updates of the run's metadata, by number; `core.metadata` folds them."""
        return await self._reading.run("metadata_of_run", lambda q: q.metadata_of_run(run_id))

    async def spans_of_run(self, run_id: RunId) -> list[UserSpan]:
        """The spans of the run's app, by their start."""
        return await self._reading.run("spans_of_run", lambda q: q.spans_of_run(run_id))

    async def syncs_of_apps(self, app_ids: Sequence[AppId]) -> dict[AppId, list[AppSync]]:
        """What came of the latest synchronisations of up to 400 apps, the newest first."""
        return await self._reading.run("syncs_of_apps", lambda q: q.syncs_of_apps(app_ids))

    async def queue_numbers(self, function_id: FunctionId | None = None) -> QueueNumbers:
        """How many items of one function, or of all, stand in the queue, by lane and kind.

        Counts every item: takes about half a second per million items due at once, and a second per
        million timers.
        """
        return await self._reading.run("queue_numbers", lambda q: q.queue_numbers(function_id))

    async def items_ahead(
        self,
        function_id: FunctionId,
        lane: str,
        *,
        score: int,
        item_id: ItemId,
    ) -> int:
        """How many items due at once go before the place (score, item_id) in a lane."""
        place = (score, item_id)
        return await self._reading.run(
            "items_ahead", lambda q: q.items_ahead(function_id, lane, place)
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

    async def search_events(self, search: EventsSearch) -> FoundEvents:
        """A page of events, newest first."""
        return await self._reading.run("search_events", lambda q: q.event_search.page(search))

    async def count_events(self, search: EventsSearch) -> RunsCount:
        """How many events there are: exactly, up to a bound."""
        return await self._reading.run("count_events", lambda q: q.event_search.count(search))

    async def events_by_id(
        self, environment_id: EnvironmentId, event_ids: Sequence[EventId]
    ) -> dict[EventId, StoredEvent]:
        """The first event stored under each of up to 400 ids; unknown ids are left out."""
        return await self._reading.run(
            "events_by_id", lambda q: q.traces.events_by_id(environment_id, event_ids)
        )

    async def runs_by_id(self, run_ids: Sequence[RunId]) -> dict[RunId, RunView]:
        """Up to 400 runs, live or ended; unknown ids are left out."""
        return await self._reading.run("runs_by_id", lambda q: q.traces.runs_by_id(run_ids))

    async def runs_of_events(self, event_ids: Sequence[EventId]) -> dict[EventId, list[RunView]]:
        """The runs that up to 400 events started, alone or in a batch, oldest first."""
        return await self._reading.run(
            "runs_of_events", lambda q: q.traces.runs_of_events(event_ids)
        )

    async def trace_rows(self, run_ids: Sequence[RunId]) -> dict[RunId, TraceRows]:
        """Everything that is stored about up to 400 runs, as of one moment."""
        return await self._reading.run("trace_rows", lambda q: q.traces.trace_rows(run_ids))

    async def runs_with_ai(self, run_ids: Sequence[RunId]) -> dict[RunId, bool]:
        """Which of up to 400 runs have used a model in a step; others are left out."""
        return await self._reading.run("runs_with_ai", lambda q: q.traces.runs_with_ai(run_ids))

    async def event_types(
        self, environment_id: EnvironmentId, *, search: str = "", limit: int
    ) -> list[EventTypeView]:
        """Names of events that contain a text, by when one was received last."""
        return await self._reading.run(
            "event_types",
            lambda q: q.traces.event_types(environment_id, search=search, limit=limit),
        )

    async def chart(
        self, functions: Sequence[FunctionId], asked: ChartRange, places: Sequence[int]
    ) -> Chart:
        """What was counted of the functions together, in the buckets of a range."""
        return await self._reading.run("chart", lambda q: q.rollups.chart(functions, asked, places))

    async def charts(
        self, functions: Sequence[FunctionId], asked: ChartRange, places: Sequence[int]
    ) -> dict[FunctionId, Chart]:
        """The same for each of up to `CHARTED_MAX` functions."""
        return await self._reading.run(
            "charts", lambda q: q.rollups.charts(functions, asked, places)
        )

    async def counts(
        self, functions: Sequence[FunctionId], asked: ChartRange, places: Sequence[int]
    ) -> dict[FunctionId, Numbers]:
        """What was counted of each of the functions in the whole range."""
        return await self._reading.run(
            "counts", lambda q: q.rollups.counts(functions, asked, places)
        )

    async def lifetime_counts(
        self, functions: Sequence[FunctionId], places: Sequence[int]
    ) -> dict[FunctionId, Numbers]:
        """What has been counted of each of the functions altogether."""
        return await self._reading.run(
            "lifetime_counts", lambda q: q.rollups.lifetime_counts(functions, places)
        )

    async def daily_counts(
        self,
        functions: Sequence[FunctionId],
        places: Sequence[int],
        *,
        from_ms: int,
        until_ms: int,
    ) -> dict[tuple[FunctionId, int], Numbers]:
        """What was counted by function and start of the day, UTC; nothing for days without."""
        return await self._reading.run(
            "daily_counts",
            lambda q: q.rollups.daily_counts(functions, places, from_ms=from_ms, until_ms=until_ms),
        )

    async def hourly_counts(
        self,
        functions: Sequence[FunctionId],
        places: Sequence[int],
        *,
        from_ms: int,
        until_ms: int,
    ) -> dict[tuple[FunctionId, int], Numbers]:
        """What was counted by function and start of the hour; nothing for hours without."""
        return await self._reading.run(
            "hourly_counts",
            lambda q: q.rollups.hourly_counts(
                functions, places, from_ms=from_ms, until_ms=until_ms
            ),
        )

    async def event_volumes(
        self, names: Sequence[str], borders_ms: Sequence[int]
    ) -> dict[str, list[int]]:
        """How many events of each name there are between each two borders, by their ids' times.

        Names of which there are too many to be counted are left out.
        """
        return await self._reading.run(
            "event_volumes", lambda q: q.event_volumes.of_names(names, borders_ms)
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
    def __init__(self, make_engine: Callable[[int], "Engine"], connections_max: int) -> None:
        self._make_engine = make_engine
        self._connections_max = connections_max
        self._engine: Engine | None = None
        self._opening = Lock()
        self._is_closed = False
        self._threads = ThreadPoolExecutor(
            connections_max, thread_name_prefix="stepwell-read-models"
        )

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
                self._engine = self._make_engine(self._connections_max)
        return queries.answer(self._engine, operation, question)


def _has_condition(page: RunsPage) -> bool:
    return page.query is not None and page.query.condition is not None


def _closed(operation: str) -> StoreUnavailable:
    return StoreUnavailable(operation, "the store is closed")
