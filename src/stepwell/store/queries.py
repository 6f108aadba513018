"""The questions of the APIs as SQL, for every database alike."""

import sqlite3
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    Select,
    create_engine,
    event,
    func,
    literal_column,
    or_,
    select,
    tuple_,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from stepwell.core.app_sync import AppSync
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
from stepwell.core.queue import IMMEDIATE, ItemKind, QueueItem
from stepwell.core.status import RunStatus
from stepwell.core.transition import BufferKind, Skip, SkipReason, StoredEvent
from stepwell.core.user_span import UserSpan
from stepwell.engine.store import StoreUnavailable
from stepwell.store import run_matching, run_search
from stepwell.store.annotation_queries import metadata_of_runs, spans_of_runs
from stepwell.store.event_search import EventSearch
from stepwell.store.event_volumes import EventVolumes
from stepwell.store.rollup_queries import RollupQueries
from stepwell.store.row_views import RUN_VIEW, queue_item, run_view
from stepwell.store.schema import (
    batch_events,
    buffered_events,
    buffers,
    events,
    operations,
    partitions,
    queue,
    runs,
    skips,
)
from stepwell.store.sync_queries import syncs_of_apps
from stepwell.store.trace_queries import TraceQueries
from stepwell.store.views import (
    EventOutcome,
    EventsPage,
    FoundRuns,
    LaneNumbers,
    OperationsPage,
    PendingEvent,
    QueueNumbers,
    RunsCount,
    RunsPage,
    RunView,
    ScannedRuns,
    TimerNumbers,
)

__all__ = ["Queries", "answer", "engine_of", "engine_on"]

T = TypeVar("T")

#: What names of events begin with that are not sent by users. Source: HTTP APIs, 7.2.
_INTERNAL: Final = "inngest/"

_EVENT_IDS: Final = msgspec.json.Decoder(tuple[EventId, ...])
_STATUSES: Final = msgspec.json.Decoder(tuple[RunStatus, ...])

# Written out as in the indexes of the queue: a database does not look into parameters.
_IMMEDIATE: Final[ColumnClause[int]] = literal_column(str(IMMEDIATE))
_IS_READY: Final = queue.c.due_ms == _IMMEDIATE
_IS_TIMER: Final = queue.c.due_ms > _IMMEDIATE
# The indexes of the queue begin with the partition.
_PARTITIONS: Final = select(partitions.c.id).scalar_subquery()


class Queries:
    """The questions, asked on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.traces = TraceQueries(connection)
        self.event_search = EventSearch(connection)
        self.event_volumes = EventVolumes(connection)
        self.rollups = RollupQueries(connection)

    def events(self, page: EventsPage) -> list[StoredEvent]:
        """A page of events, newest first."""
        assert page.limit > 0
        found = self._connection.execute(_events(page))
        return [StoredEvent(*row) for row in found]

    def event(self, environment_id: EnvironmentId, event_id: EventId) -> StoredEvent | None:
        """The first event stored under that id."""
        asked = select(events).where(
            events.c.id == event_id, events.c.environment_id == environment_id
        )
        row = self._connection.execute(asked.order_by(events.c.number).limit(1)).one_or_none()
        return None if row is None else StoredEvent(*row)

    def runs_of_event(self, event_id: EventId) -> list[RunView]:
        """The runs the event started, oldest first."""
        in_batch = select(batch_events.c.run_id).where(batch_events.c.event_id == event_id)
        asked = RUN_VIEW.where(or_(runs.c.event_id == event_id, runs.c.id.in_(in_batch)))
        return [run_view(row) for row in self._connection.execute(asked.order_by(runs.c.id))]

    def run(self, run_id: RunId) -> RunView | None:
        """The run, live or ended."""
        row = self._connection.execute(RUN_VIEW.where(runs.c.id == run_id)).one_or_none()
        return None if row is None else run_view(row)

    def search_runs(self, page: RunsPage) -> FoundRuns:
        """A page of runs by its filters; its query is left out of account."""
        assert page.limit > 0
        places = run_search.places(self._connection, page, wanted=page.limit)
        found = list(islice(places, page.limit))
        return FoundRuns(
            self.runs([place.run_id for place in found]),
            found[-1] if found else None,
            has_next=len(found) == page.limit,
        )

    def scan_runs(self, page: RunsPage, rows_max: int) -> ScannedRuns:
        """The first runs that satisfy the page's query, as far as one gets in a short time."""
        return run_matching.scan(self._connection, page, rows_max=rows_max)

    def count_runs(self, page: RunsPage) -> RunsCount:
        """How many runs a page's filters admit; its query is left out of account."""
        return run_search.count(self._connection, page)

    def runs(self, run_ids: Sequence[RunId]) -> list[RunView]:
        """The runs that exist, in the order of their ids' list."""
        found = self.traces.runs_by_id(run_ids)
        return [found[run_id] for run_id in run_ids if run_id in found]

    def jobs(self, run_id: RunId, limit: int) -> list[QueueItem]:
        """The run's first queue items, by id."""
        assert limit > 0
        asked = select(queue).where(queue.c.run_id == run_id).order_by(queue.c.item_id)
        return [queue_item(row) for row in self._connection.execute(asked.limit(limit))]

    def skips_of_event(self, event_id: EventId) -> list[Skip]:
        """Which functions the event did not start."""
        asked = select(skips).where(skips.c.event_id == event_id)
        found = self._connection.execute(asked.order_by(skips.c.at_ms, skips.c.function_id))
        return [
            Skip(row.event_id, row.function_id, SkipReason(row.reason), row.detail, row.at_ms)
            for row in found
        ]

    def outcomes_of_event(self, event_id: EventId) -> list[EventOutcome]:
        """What became of the event, by function."""
        found_runs: defaultdict[FunctionId, list[RunView]] = defaultdict(list)
        found_skips: defaultdict[FunctionId, list[Skip]] = defaultdict(list)
        found_pending: defaultdict[FunctionId, list[PendingEvent]] = defaultdict(list)
        for run in self.runs_of_event(event_id):
            found_runs[run.function_id].append(run)
        for skip in self.skips_of_event(event_id):
            found_skips[skip.function_id].append(skip)
        for function_id, pending in self._pending(event_id):
            found_pending[function_id].append(pending)
        return [
            EventOutcome(
                function_id,
                tuple(found_runs.get(function_id, ())),
                tuple(found_skips.get(function_id, ())),
                tuple(found_pending.get(function_id, ())),
            )
            for function_id in sorted({*found_runs, *found_skips, *found_pending})
        ]

    def _pending(self, event_id: EventId) -> list[tuple[FunctionId, PendingEvent]]:
        asked = (
            select(buffers, buffered_events.c.position)
            .join_from(buffered_events, buffers, buffers.c.id == buffered_events.c.buffer_id)
            .where(buffered_events.c.event_id == event_id)
            .order_by(buffered_events.c.buffer_id, buffered_events.c.position)
        )
        return [
            (
                row.function_id,
                PendingEvent(
                    kind=BufferKind(row.kind),
                    key=row.key,
                    buffer_id=row.id,
                    position=row.position,
                    due_ms=row.due_ms,
                    deadline_ms=row.deadline_ms,
                    events=row.events,
                ),
            )
            for row in self._connection.execute(asked)
        ]

    def metadata_of_runs(self, run_ids: Sequence[RunId]) -> dict[RunId, list[MetadataUpdate]]:
        """The updates of metadata of each run that has any, by number."""
        return metadata_of_runs(self._connection, run_ids)

    def metadata_of_run(self, run_id: RunId) -> list[MetadataUpdate]:
        """The updates of the run's metadata, by number."""
        return self.metadata_of_runs([run_id]).get(run_id, [])

    def spans_of_runs(self, run_ids: Sequence[RunId]) -> dict[RunId, list[UserSpan]]:
        """The spans of its app of each run that has any, by their start."""
        return spans_of_runs(self._connection, run_ids)

    def syncs_of_apps(self, app_ids: Sequence[AppId]) -> dict[AppId, list[AppSync]]:
        """What is remembered of each app of which something is, the newest first."""
        return syncs_of_apps(self._connection, app_ids)

    def spans_of_run(self, run_id: RunId) -> list[UserSpan]:
        """The spans of the run's app, by their start."""
        return self.spans_of_runs([run_id]).get(run_id, [])

    def queue_numbers(self, function_id: FunctionId | None) -> QueueNumbers:
        """How many items stand in the queue, by lane and by kind of timer."""
        is_asked: ColumnElement[bool] = queue.c.partition_id.in_(_PARTITIONS)
        if function_id is not None:
            is_asked &= queue.c.function_id == function_id
        # Counted in the index alone; then one item per lane is read.
        place = (queue.c.function_id, queue.c.lane)
        lanes = (
            select(*place, func.count().label("waiting"), func.min(queue.c.item_id).label("first"))
            .where(is_asked, _IS_READY)
            .group_by(*place)
            .subquery()
        )
        oldest = select(lanes.c.function_id, lanes.c.lane, lanes.c.waiting, queue.c.queued_ms)
        timers = (
            select(queue.c.function_id, queue.c.kind, func.count())
            .where(is_asked, _IS_TIMER)
            .group_by(queue.c.function_id, queue.c.kind)
            .order_by(queue.c.function_id, queue.c.kind)
        )
        asked = oldest.join_from(lanes, queue, queue.c.item_id == lanes.c.first).order_by(
            lanes.c.function_id, lanes.c.lane
        )
        return QueueNumbers(
            [LaneNumbers(*row) for row in self._connection.execute(asked)],
            [
                TimerNumbers(timer_function_id, ItemKind(kind), items)
                for timer_function_id, kind, items in self._connection.execute(timers)
            ],
        )

    def items_ahead(self, function_id: FunctionId, lane: str, place: tuple[int, ItemId]) -> int:
        """How many items of a lane that are due at once stand before a place in it."""
        asked = (
            select(func.count())
            .select_from(queue)
            .where(
                queue.c.partition_id.in_(_PARTITIONS),
                queue.c.function_id == function_id,
                queue.c.lane == lane,
                _IS_READY,
                tuple_(queue.c.score, queue.c.item_id) < tuple_(*place),
            )
        )
        return self._connection.execute(asked).scalar_one()

    def operations(self, page: OperationsPage) -> list[Operation]:
        """A page of bulk operations, newest first."""
        assert page.limit > 0
        asked = select(operations).where(
            operations.c.environment_id == page.environment_id, operations.c.kind == int(page.kind)
        )
        if page.function_id is not None:
            asked = asked.where(operations.c.function_id == page.function_id)
        if page.before is not None:
            asked = asked.where(operations.c.id < page.before)
        asked = asked.order_by(operations.c.id.desc()).limit(page.limit)
        return [_operation(row) for row in self._connection.execute(asked).mappings()]

    def operation(
        self, environment_id: EnvironmentId, operation_id: OperationId
    ) -> Operation | None:
        """The bulk operation of that environment."""
        asked = select(operations).where(
            operations.c.id == operation_id, operations.c.environment_id == environment_id
        )
        row = self._connection.execute(asked).mappings().one_or_none()
        return None if row is None else _operation(row)


def engine_of(connect: Callable[[], sqlite3.Connection], *, connections_max: int) -> Engine:
    """An engine that opens up to `connections_max` connections."""
    engine = create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=connections_max,
        max_overflow=0,
    )
    event.listen(engine, "begin", _begin)
    return engine


def engine_on(connection: sqlite3.Connection) -> Engine:
    """An engine on a connection that stays somebody else's."""
    engine = create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)
    event.listen(engine, "begin", _begin)
    return engine


def answer(engine: Engine, operation: str, question: Callable[[Queries], T]) -> T:
    """What `question` returns, asked on a connection of the engine."""
    try:
        with engine.connect() as connection:
            return question(Queries(connection))
    except DBAPIError as error:
        raise StoreUnavailable(operation, str(error.orig)) from error


def _begin(connection: Connection) -> None:
    # Left to itself, the driver would let each statement of a question see another moment.
    connection.exec_driver_sql("BEGIN")


def _events(page: EventsPage) -> Select[Any]:
    asked = select(events).where(events.c.environment_id == page.environment_id)
    if page.name is not None:
        asked = asked.where(events.c.name == page.name)
    if page.before is not None:
        asked = asked.where(events.c.id < page.before)
    if page.received_after_ms is not None:
        asked = asked.where(events.c.received_ms >= page.received_after_ms)
    if page.received_before_ms is not None:
        asked = asked.where(events.c.received_ms <= page.received_before_ms)
    if not page.include_internal:
        asked = asked.where(func.substr(events.c.name, 1, len(_INTERNAL)) != _INTERNAL)
    return asked.order_by(events.c.id.desc(), events.c.number.desc()).limit(page.limit)


def _operation(row: RowMapping) -> Operation:
    values = {str(column): value for column, value in row.items()}
    return msgspec.convert({**values, "statuses": _STATUSES.decode(row["statuses"])}, Operation)
