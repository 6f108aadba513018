"""Looking through runs for those that satisfy a query.

Events, outputs and errors are read one after the other and forgotten at once, so that the largest
single one decides how much memory it takes. Stepping through rows lets other threads run.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Row, Select, and_, or_, select

from stepwell.core.expressions import MISSING
from stepwell.core.identity import EventId, RunId
from stepwell.core.journal import RunEnded, decode_entry
from stepwell.core.search import EventFacts, Part, RunsCursor, SearchQuery
from stepwell.core.search.matching import matches_event
from stepwell.core.status import RunStatus
from stepwell.store.run_search import places, places_of_events
from stepwell.store.schema import events, journal, runs
from stepwell.store.views import RunsPage, ScannedRuns

__all__ = ["PIECE_S", "scan"]

#: Seconds after which no more rows are asked for: longer pieces hold up others, shorter ones do
#: little but find where they begin.
PIECE_S: Final = 0.05

#: Runs a piece usually gets on by.
_PIECE_ROWS: Final = 1_000

#: Runs whose rows are asked for in one statement. Fewer at first, for they may take long.
_CHUNK: Final = 100
_CHUNK_FIRST: Final = 20

_EVENT_IDS: Final = msgspec.json.Decoder(tuple[EventId, ...])

_OUTCOME_PARTS: Final = frozenset({Part.OUTPUT, Part.ERROR})
_EVENT_PARTS: Final = frozenset(Part) - _OUTCOME_PARTS
_PAYLOAD_PARTS: Final = frozenset({Part.EVENT_DATA, Part.EVENT_VERSION})
_EVENT_COLUMNS: Final = (
    events.c.id.label("known_event_id"),
    events.c.external_id,
    events.c.name,
    events.c.ts_ms,
    events.c.payload,
)
# Of events stored under one id the first one counts.
_again: Final = events.alias("again")
_IS_FIRST: Final = (
    events.c.number
    == select(_again.c.number)
    .where(_again.c.id == events.c.id)
    .order_by(_again.c.number)
    .limit(1)
    .scalar_subquery()
)
_HAS_EVENT: Final = and_(events.c.id == runs.c.event_id, _IS_FIRST)
_HAS_OUTCOME: Final = and_(journal.c.run_id == runs.c.id, journal.c.seq == runs.c.ended_seq)


def scan(
    connection: Connection,
    page: RunsPage,
    *,
    rows_max: int,
    now_s: Callable[[], float] = time.monotonic,
) -> ScannedRuns:
    """The first runs of the page that satisfy its query, as far as one gets in `PIECE_S`.

    At least 20 runs are looked at, so that every piece gets on; at most `rows_max`.
    """
    assert page.query is not None
    assert page.limit > 0
    assert rows_max > 0
    late_s = now_s() + PIECE_S
    matcher = _Matcher(connection, page.query)
    found: list[RunId] = []
    end: RunsCursor | None = None
    looked_at = 0
    following = islice(_places(connection, page, page.query, rows_max), rows_max)
    while chunk := list(islice(following, _CHUNK if looked_at else _CHUNK_FIRST)):
        matching = matcher.matching([place.run_id for place in chunk])
        for end in chunk:
            looked_at += 1
            if end.run_id in matching:
                found.append(end.run_id)
                if len(found) == page.limit:
                    return ScannedRuns(found, end, looked_at, is_exhausted=False)
        if now_s() >= late_s:
            return ScannedRuns(found, end, looked_at, is_exhausted=False)
    return ScannedRuns(found, end, looked_at, is_exhausted=looked_at < rows_max)


def _places(
    connection: Connection, page: RunsPage, query: SearchQuery, rows_max: int
) -> Iterator[RunsCursor]:
    if query.event_ids is not None:
        found = places_of_events(connection, page, query.event_ids)
        if found is not None:
            return iter(found)
    return places(connection, page, wanted=min(rows_max, _PIECE_ROWS))


class _Matcher:
    """Tells which runs satisfy a query, and reads nothing of them that it does not ask for."""

    def __init__(self, connection: Connection, query: SearchQuery) -> None:
        assert query.condition is not None
        self._connection = connection
        self._condition = query.condition
        self._event_names = query.event_names
        self._needs_event = bool(query.parts & _EVENT_PARTS)
        self._needs_payload = bool(query.parts & _PAYLOAD_PARTS)
        self._needs_outcome = bool(query.parts & _OUTCOME_PARTS)

    def matching(self, run_ids: Sequence[RunId]) -> set[RunId]:
        """Those of the runs that satisfy the query."""
        asked = self._facts().where(runs.c.id.in_(run_ids))
        return {row.id for row in self._connection.execute(asked) if self._is_match(row)}

    def _facts(self) -> Select[Any]:
        asked = select(runs.c.id, runs.c.status, runs.c.event_ids).select_from(runs)
        if self._needs_event:
            asked = asked.outerjoin(events, _HAS_EVENT).add_columns(*_EVENT_COLUMNS)
        if self._needs_outcome:
            asked = asked.outerjoin(journal, _HAS_OUTCOME).add_columns(journal.c.body)
        if self._event_names is not None:
            # A run has the name of its first event; others of a batch may have another one.
            is_named = runs.c.event_name.in_(sorted(self._event_names))
            asked = asked.where(or_(is_named, runs.c.event_ids != ""))
        return asked

    def _is_match(self, row: Row[Any]) -> bool:
        output, error = _outcome(row) if self._needs_outcome else (MISSING, MISSING)
        if not self._needs_event:
            return matches_event(self._condition, None, output, error)
        if matches_event(self._condition, self._event(row), output, error):
            return True
        if not row.event_ids:
            return False
        later = _EVENT_IDS.decode(row.event_ids)[1:]
        asked: Select[Any] = select(*_EVENT_COLUMNS).where(events.c.id.in_(later), _IS_FIRST)
        return any(
            matches_event(self._condition, self._event(other), output, error)
            for other in self._connection.execute(asked)
        )

    def _event(self, row: Row[Any]) -> EventFacts | None:
        if row.known_event_id is None:
            return None
        payload = _decoded(row.payload) if self._needs_payload else {}
        return EventFacts(
            row.known_event_id,
            row.external_id,
            row.name,
            row.ts_ms,
            payload if type(payload) is dict else {},
        )


def _outcome(row: Row[Any]) -> tuple[Any, Any]:
    """The output of a completed run and the error of a failed one, as far as there are any."""
    ended = None if row.body is None else decode_entry(row.body)
    if not isinstance(ended, RunEnded):
        return MISSING, MISSING
    is_completed = row.status == RunStatus.COMPLETED
    output = _decoded(bytes(ended.output)) if is_completed and bytes(ended.output) else MISSING
    return output, _decoded(bytes(ended.error)) if bytes(ended.error) else MISSING


def _decoded(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, RecursionError):  # a number no computer holds, endless nesting
        return MISSING
