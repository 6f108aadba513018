"""Which events are looked for: names, times of arrival, and a query over the event itself."""

from collections.abc import Iterator
from time import monotonic
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, func, select

from stepwell.core.identity import EventId
from stepwell.core.search import EventFacts, RunFacts, matches
from stepwell.core.transition import StoredEvent
from stepwell.store.schema import events
from stepwell.store.views import EventsSearch, FoundEvents, RunsCount
from stepwell.wire.ulid import ulid_from

__all__ = ["COUNT_MAX", "SCANNED_MAX", "SCAN_S_MAX", "EventSearch"]

#: More events are not counted.
COUNT_MAX: Final = 10_000
#: Events that are looked at for one page of a query, and how long.
SCANNED_MAX: Final = 20_000
SCAN_S_MAX: Final = 2.0
_CHUNK: Final = 500
#: The time in an id may be the sender's: by how much their clocks may differ.
_SKEW_MS: Final = 86_400_000
_INTERNAL: Final = "inngest/"
_ANY: Final = msgspec.json.Decoder(dict[str, Any])


class EventSearch:
    """The questions, asked on one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def page(self, search: EventsSearch) -> FoundEvents:
        """A page of events, newest first."""
        assert search.limit > 0
        asked = _asked(search)
        if search.query is None or search.query.condition is None:
            found = [
                StoredEvent(*row) for row in self._connection.execute(asked.limit(search.limit))
            ]
            return FoundEvents(found, has_next=len(found) == search.limit)
        return self._matching(search, asked)

    def count(self, search: EventsSearch) -> RunsCount:
        """How many events there are: exactly, up to `COUNT_MAX`."""
        if search.query is not None and search.query.condition is not None:
            found = self._matching(msgspec.structs.replace(search, limit=COUNT_MAX), _asked(search))
            return RunsCount(len(found.events), is_exact=not found.has_next)
        bounded = _asked(search).with_only_columns(events.c.id).limit(COUNT_MAX + 1)
        counted = select(func.count()).select_from(bounded.subquery())
        count = self._connection.execute(counted).scalar_one()
        return RunsCount(min(count, COUNT_MAX), is_exact=count <= COUNT_MAX)

    def _matching(self, search: EventsSearch, asked: Select[Any]) -> FoundEvents:
        """The events that satisfy the query, as far as they are found in time."""
        query = search.query
        assert query is not None
        assert query.condition is not None
        found: list[StoredEvent] = []
        last: EventId | None = None
        for event in self._candidates(asked):
            last = event.id
            if matches(query.condition, RunFacts((_facts(event),))):
                found.append(event)
                if len(found) == search.limit:
                    return FoundEvents(found, has_next=True, looked_to=last)
        is_complete = self._is_exhausted
        return FoundEvents(found, has_next=not is_complete, looked_to=last, is_complete=is_complete)

    def _candidates(self, asked: Select[Any]) -> Iterator[StoredEvent]:
        """Events in order until there are no more, or looking at more would take too long."""
        self._is_exhausted = False
        end_s = monotonic() + SCAN_S_MAX
        looked_at, before = 0, None
        while looked_at < SCANNED_MAX and monotonic() < end_s:
            chunk = asked if before is None else asked.where(events.c.id < before)
            rows = self._connection.execute(chunk.limit(_CHUNK)).all()
            for row in rows:
                yield StoredEvent(*row)
            if len(rows) < _CHUNK:
                self._is_exhausted = True
                return
            looked_at += len(rows)
            before = rows[-1].id


def _asked(search: EventsSearch) -> Select[Any]:
    asked = select(events).where(events.c.environment_id == search.environment_id)
    if search.names:
        asked = asked.where(events.c.name.in_(search.names))
    if search.before is not None:
        asked = asked.where(events.c.id < search.before)
    if search.after is not None:
        asked = asked.where(events.c.id > search.after)
    if search.from_ms is not None:
        asked = asked.where(events.c.received_ms >= search.from_ms, events.c.id >= _first(search))
    if search.until_ms is not None:
        asked = asked.where(
            events.c.received_ms <= search.until_ms,
            events.c.id <= ulid_from(search.until_ms + _SKEW_MS, b"\xff" * 10),
        )
    if not search.include_internal:
        asked = asked.where(func.substr(events.c.name, 1, len(_INTERNAL)) != _INTERNAL)
    return asked.order_by(events.c.id.desc(), events.c.number.desc())


def _first(search: EventsSearch) -> str:
    assert search.from_ms is not None
    return ulid_from(max(0, search.from_ms - _SKEW_MS), bytes(10))


def _facts(event: StoredEvent) -> EventFacts:
    payload = _ANY.decode(event.payload)
    return EventFacts(event.id, event.external_id, event.name, event.ts_ms, payload)
