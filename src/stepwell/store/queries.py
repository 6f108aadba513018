"""The questions of the APIs as SQL, for every database alike."""

import sqlite3
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
from sqlalchemy import (
    Connection,
    Engine,
    Row,
    Select,
    and_,
    create_engine,
    func,
    or_,
    select,
)
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import QueuePool, StaticPool

from stepwell.core.identity import EnvironmentId, EventId, RunId
from stepwell.core.journal import RunEnded, decode_entry
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.status import RunStatus
from stepwell.core.transition import Skip, StoredEvent
from stepwell.engine.store import StoreUnavailable
from stepwell.store.schema import batch_events, events, journal, queue, runs, skips
from stepwell.store.views import EventsPage, RunView

__all__ = ["Queries", "answer", "engine_of", "engine_on"]

T = TypeVar("T")

#: What names of events begin with that are not sent by users. Source: HTTP APIs, 7.2.
_INTERNAL: Final = "inngest/"

_EVENT_IDS: Final = msgspec.json.Decoder(tuple[EventId, ...])

_RUN_VIEW: Final = select(runs, journal.c.body).outerjoin(
    journal, and_(journal.c.run_id == runs.c.id, journal.c.seq == runs.c.ended_seq)
)


class Queries:
    """The questions, asked on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

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
        asked = _RUN_VIEW.where(or_(runs.c.event_id == event_id, runs.c.id.in_(in_batch)))
        return [_run_view(row) for row in self._connection.execute(asked.order_by(runs.c.id))]

    def run(self, run_id: RunId) -> RunView | None:
        """The run, live or ended."""
        row = self._connection.execute(_RUN_VIEW.where(runs.c.id == run_id)).one_or_none()
        return None if row is None else _run_view(row)

    def jobs(self, run_id: RunId, limit: int) -> list[QueueItem]:
        """The run's first queue items, by id."""
        assert limit > 0
        asked = select(queue).where(queue.c.run_id == run_id).order_by(queue.c.item_id)
        return [_item(row) for row in self._connection.execute(asked.limit(limit))]

    def skips_of_event(self, event_id: EventId) -> list[Skip]:
        """Which functions the event did not start."""
        asked = select(skips).where(skips.c.event_id == event_id)
        found = self._connection.execute(asked.order_by(skips.c.at_ms, skips.c.function_id))
        return [Skip(*row) for row in found]


def engine_of(connect: Callable[[], sqlite3.Connection], *, connections_max: int) -> Engine:
    """An engine that opens up to `connections_max` connections."""
    return create_engine(
        "sqlite://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=connections_max,
        max_overflow=0,
    )


def engine_on(connection: sqlite3.Connection) -> Engine:
    """An engine on a connection that stays somebody else's."""
    return create_engine("sqlite://", creator=lambda: connection, poolclass=StaticPool)


def answer(engine: Engine, operation: str, question: Callable[[Queries], T]) -> T:
    """What `question` returns, asked on a connection of the engine."""
    try:
        with engine.connect() as connection:
            return question(Queries(connection))
    except DBAPIError as error:
        raise StoreUnavailable(operation, str(error.orig)) from error


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


def _run_view(row: Row[Any]) -> RunView:
    ended = None if row.body is None else decode_entry(row.body)
    assert ended is None or isinstance(ended, RunEnded)
    return RunView(
        id=row.id,
        environment_id=row.environment_id,
        app_id=row.app_id,
        function_id=row.function_id,
        function_version=row.function_version,
        status=RunStatus(row.status),
        queued_ms=row.queued_ms,
        scheduled_ms=row.scheduled_ms,
        started_ms=row.started_ms,
        ended_ms=row.ended_ms,
        event_id=row.event_id,
        event_name=row.event_name,
        event_ids=_EVENT_IDS.decode(row.event_ids) if row.event_ids else (),
        cron=row.cron,
        parent_run_id=row.parent_run_id,
        parent_function_id=row.parent_function_id,
        parent_step=row.parent_step,
        origin_run_id=row.origin_run_id,
        output=b"" if ended is None else bytes(ended.output),
        error=b"" if ended is None else bytes(ended.error),
    )


def _item(row: Row[Any]) -> QueueItem:
    return QueueItem(
        id=row.item_id,
        kind=ItemKind(row.kind),
        function_id=row.function_id,
        run_id=row.run_id,
        step=row.step,
        attempt=row.attempt,
        due_ms=row.due_ms,
        queued_ms=row.queued_ms,
        body=row.body,
    )
