"""Looking up events."""

# ruff: noqa: S608 - what is put into the SQL are our own constants

import sqlite3
from collections.abc import Iterable
from typing import Final

import msgspec

from stepwell.core.identity import EventId
from stepwell.core.transition import StoredEvent
from stepwell.store.sqlite import rows

__all__ = ["event", "events"]

_EVENT: Final = f"SELECT {rows.EVENT_COLUMNS} FROM events WHERE id = ? ORDER BY number LIMIT 1"
# Of events stored under one id, the first one comes last and so is the one that stays.
_EVENTS: Final = f"""
SELECT {rows.EVENT_COLUMNS} FROM events WHERE id IN (SELECT value FROM json_each(?))
 ORDER BY id DESC, number DESC
"""


def event(connection: sqlite3.Connection, event_id: EventId) -> StoredEvent | None:
    """The first event stored under that id."""
    row = connection.execute(_EVENT, (event_id,)).fetchone()
    return None if row is None else rows.event(row)


def events(
    connection: sqlite3.Connection, event_ids: Iterable[EventId]
) -> dict[EventId, StoredEvent]:
    """The first event stored under each id that is known."""
    ids = msgspec.json.encode(list(event_ids)).decode()
    found = (rows.event(row) for row in connection.execute(_EVENTS, (ids,)))
    return {event.id: event for event in found}
