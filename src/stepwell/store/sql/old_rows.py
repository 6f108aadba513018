"""Looking for what is old: events by their ids, which are ordered by receipt, runs by their ends.

A page reads so many rows, needed or not, so that a page never takes long.
"""

# ruff: noqa: S608 - what is put into the SQL are our own constants

from collections.abc import Sequence
from itertools import product
from typing import Final

from stepwell.core.counted import Span
from stepwell.core.identity import EventId, FunctionId, RunId
from stepwell.core.status import RunStatus
from stepwell.engine.store import OldEvent, OldEventsQuery, OldRun, OldRunsQuery
from stepwell.store.sql.needed import EVENT_IS_NEEDED, RUN_IS_NEEDED, queued_events
from stepwell.store.sql.rows import decode_event_ids
from stepwell.store.sql.statements import Query, Question, Statement
from stepwell.wire.ulid import ulid_from

__all__ = ["old_events", "old_rollups", "old_runs", "with_old_rollups", "with_old_runs"]

_ENDED: Final = tuple(status for status in RunStatus if status.is_ended)

# A range of the table; of payloads only the size is read.
_EVENTS: Final = Statement(f"""
SELECT id, length(payload), environment_id = ?1 AND received_ms < ?2 AND NOT {EVENT_IS_NEEDED}
  FROM events WHERE id > ?3 AND id < ?4 ORDER BY id LIMIT ?5
""")


def _by_end(sql: str) -> Statement:
    """SQL that reads a range of index runs_ended in its order.

    SQLite may choose another index unless it is named; PostgreSQL knows no way to name it.
    """
    return Statement(
        sql.format(runs="runs INDEXED BY runs_ended"), postgres=sql.format(runs="runs")
    )


_RUNS: Final = _by_end(f"""
SELECT runs.id, ended_ms, event_id, event_ids, NOT {RUN_IS_NEEDED},
       EXISTS (SELECT 1 FROM events WHERE events.id = runs.event_id),
       (SELECT count(*) FROM journal WHERE run_id = runs.id),
       (SELECT coalesce(min(seq), 0) FROM journal WHERE run_id = runs.id),
       (SELECT coalesce(sum(length(body)), 0) FROM journal WHERE run_id = runs.id),
       (SELECT count(*) FROM run_metadata WHERE run_id = runs.id)
           + (SELECT count(*) FROM spans WHERE run_id = runs.id)
  FROM {{runs}}
 WHERE function_id = ?1 AND status = ?2 AND ended_ms > 0
   AND (ended_ms, id) > (?3, ?4) AND ended_ms < ?5
 ORDER BY ended_ms, id LIMIT ?6
""")
_HAS_RUNS: Final = _by_end("""
SELECT 1 FROM {runs}
 WHERE function_id = ?1 AND status = ?2 AND ended_ms > 0 AND ended_ms < ?3 LIMIT 1
""")

# A range of the table, in its order.
_ROLLUPS: Final = Statement("""
SELECT max(start_ms) FROM (
    SELECT start_ms FROM rollups WHERE function_id = ?1 AND span = ?2 AND start_ms < ?3
     ORDER BY start_ms LIMIT ?4) AS old
""")


def with_old_runs(
    function_ids: Sequence[FunctionId], before_ms: int
) -> Question[list[tuple[FunctionId, RunStatus]]]:
    """Functions with runs that ended before a time, by status."""
    asked = list(product(function_ids, _ENDED))
    answers = yield [
        Query(_HAS_RUNS, (function_id, int(status), before_ms)) for function_id, status in asked
    ]
    return [pair for pair, found in zip(asked, answers, strict=True) if found.rows]


def with_old_rollups(
    function_ids: Sequence[FunctionId], span: Span, before_ms: int
) -> Question[list[FunctionId]]:
    """Functions with counts of a time before that."""
    answers = yield [
        Query(_ROLLUPS, (function_id, int(span), before_ms, 1)) for function_id in function_ids
    ]
    return [
        function_id
        for function_id, found in zip(function_ids, answers, strict=True)
        if found.rows != [(None,)]
    ]


def old_rollups(
    function_id: FunctionId, span: Span, before_ms: int, limit: int
) -> Question[int | None]:
    """When the last of the first `limit` old counts begins; None if there are none."""
    (found,) = yield [Query(_ROLLUPS, (function_id, int(span), before_ms, limit))]
    ((start_ms,),) = found.rows
    assert start_ms is None or isinstance(start_ms, int)
    return start_ms


def old_events(query: OldEventsQuery) -> Question[list[OldEvent]]:
    """The page that the query asks for. Asks in several rounds."""
    assert query.limit > 0
    until = ulid_from(query.before_ms, bytes(10))
    key = (query.environment_id, query.before_ms, query.after, until, query.limit)
    (found,) = yield [Query(_EVENTS, key)]
    queued: set[EventId] = set()
    if found.rows:
        queued = yield from queued_events(query.before_ms)
    return [
        OldEvent(EventId(event_id), size_bytes, bool(is_free) and event_id not in queued)
        for event_id, size_bytes, is_free in found.rows
    ]


def old_runs(query: OldRunsQuery) -> Question[list[OldRun]]:
    """The page that the query asks for."""
    assert query.limit > 0
    assert query.status.is_ended
    key = (query.function_id, int(query.status), *query.after, query.before_ms, query.limit)
    (found,) = yield [Query(_RUNS, key)]
    return [
        OldRun(
            RunId(run_id),
            ended_ms,
            decode_event_ids(event_ids) or ((EventId(event_id),) if has_event else ()),
            bool(is_free),
            *journal,
        )
        for run_id, ended_ms, event_id, event_ids, is_free, has_event, *journal in found.rows
    ]
