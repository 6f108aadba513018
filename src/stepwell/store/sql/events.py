"""Looking up events."""

# ruff: noqa: S608 - what is put into the SQL are our own constants

from collections.abc import Iterable, Sequence
from typing import Any, Final

from stepwell.core.identity import EventId
from stepwell.core.transition import StoredEvent
from stepwell.store.sql import rows
from stepwell.store.sql.statements import Query, Question, Statement

__all__ = ["EVENTS", "event", "events", "first_of_each"]

_EVENT: Final = Statement(
    f"SELECT {rows.EVENT_COLUMNS} FROM events WHERE id = ?1 ORDER BY number LIMIT 1"
)
#: Events by their ids; of those stored under one id, the first one comes last.
EVENTS: Final = Statement(f"""
SELECT {rows.EVENT_COLUMNS} FROM events WHERE id IN ids(?1) ORDER BY id DESC, number DESC
""")


def event(event_id: EventId) -> Question[StoredEvent | None]:
    """The first event stored under that id."""
    (found,) = yield [Query(_EVENT, (event_id,))]
    return rows.event(found.rows[0]) if found.rows else None


def events(event_ids: Iterable[EventId]) -> Question[dict[EventId, StoredEvent]]:
    """The first event stored under each id that is known."""
    (found,) = yield [Query(EVENTS, (list(event_ids),))]
    return first_of_each(found.rows)


def first_of_each(found: Iterable[Sequence[Any]]) -> dict[EventId, StoredEvent]:
    """The first event stored under each id, out of rows in the order of `EVENTS`."""
    return {event.id: event for event in map(rows.event, found)}
