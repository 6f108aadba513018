"""Looking for what is old: events by their ids, which are ordered by receipt, runs by their ends.

A page reads so many rows, needed or not, so that a page never takes long.
"""

# ruff: noqa: S608 - what is put into the SQL are our own constants

import sqlite3
from collections.abc import Sequence
from itertools import product
from typing import Final

from stepwell.core.counted import Span
from stepwell.core.identity import EventId, FunctionId, RunId
from stepwell.core.status import RunStatus
from stepwell.engine.store import OldEvent, OldEventsQuery, OldRun, OldRunsQuery
from stepwell.store.sqlite.connections import snapshot
from stepwell.store.sqlite.needed import EVENT_IS_NEEDED, RUN_IS_NEEDED, queued_events
from stepwell.store.sqlite.rows import decode_event_ids
from stepwell.wire.ulid import ulid_from

__all__ = ["old_events", "old_rollups", "old_runs", "with_old_rollups", "with_old_runs"]

_ENDED: Final = tuple(status for status in RunStatus if status.is_ended)

# A range of the table; of payloads only the size is read.
_EVENTS: Final = f"""
SELECT id, length(payload), environment_id = ? AND received_ms < ? AND NOT {EVENT_IS_NEEDED}
  FROM events WHERE id > ? AND id < ? ORDER BY id LIMIT ?
"""

# A range of the index that is named, in its order; left to itself, SQLite may choose another one.
_RUNS: Final = f"""
SELECT runs.id, ended_ms, event_id, event_ids, NOT {RUN_IS_NEEDED},
       EXISTS (SELECT 1 FROM events WHERE events.id = runs.event_id),
       (SELECT count(*) FROM journal WHERE run_id = runs.id),
       (SELECT coalesce(min(seq), 0) FROM journal WHERE run_id = runs.id),
       (SELECT coalesce(sum(length(body)), 0) FROM journal WHERE run_id = runs.id),
       (SELECT count(*) FROM run_metadata WHERE run_id = runs.id)
           + (SELECT count(*) FROM spans WHERE run_id = runs.id)
  FROM runs INDEXED BY runs_ended
 WHERE function_id = :function_id AND status = :status AND ended_ms > 0
   AND (ended_ms, id) > (:after_ms, :after_id) AND ended_ms < :before_ms
 ORDER BY ended_ms, id LIMIT :limit
"""


# A range of the table, in its order.
_ROLLUPS: Final = """
SELECT max(start_ms) FROM (
    SELECT start_ms FROM rollups WHERE function_id = ? AND span = ? AND start_ms < ?
     ORDER BY start_ms LIMIT ?)
"""


_HAS_RUNS: Final = """
SELECT 1 FROM runs INDEXED BY runs_ended
 WHERE function_id = ? AND status = ? AND ended_ms > 0 AND ended_ms < ? LIMIT 1
"""


def with_old_runs(
    connection: sqlite3.Connection, function_ids: Sequence[FunctionId], before_ms: int
) -> list[tuple[FunctionId, RunStatus]]:
    """Functions with runs that ended before a time, by status."""
    return [
        (function_id, status)
        for function_id, status in product(function_ids, _ENDED)
        if connection.execute(_HAS_RUNS, (function_id, int(status), before_ms)).fetchone()
    ]


def with_old_rollups(
    connection: sqlite3.Connection, function_ids: Sequence[FunctionId], span: Span, before_ms: int
) -> list[FunctionId]:
    """Functions with counts of a time before that."""
    return [
        function_id
        for function_id in function_ids
        if old_rollups(connection, function_id, span, before_ms, limit=1) is not None
    ]


def old_rollups(
    connection: sqlite3.Connection, function_id: FunctionId, span: Span, before_ms: int, limit: int
) -> int | None:
    """When the last of the first `limit` old counts begins; None if there are none."""
    (start_ms,) = connection.execute(
        _ROLLUPS, (function_id, int(span), before_ms, limit)
    ).fetchone()
    assert start_ms is None or isinstance(start_ms, int)
    return start_ms


def old_events(connection: sqlite3.Connection, query: OldEventsQuery) -> list[OldEvent]:
    """The page that the query asks for, all of one moment."""
    assert query.limit > 0
    until = ulid_from(query.before_ms, bytes(10))
    key = (query.environment_id, query.before_ms, query.after, until, query.limit)
    with snapshot(connection):
        found = connection.execute(_EVENTS, key).fetchall()
        queued = queued_events(connection, query.partition, query.before_ms) if found else ()
    return [
        OldEvent(EventId(event_id), size_bytes, bool(is_free) and event_id not in queued)
        for event_id, size_bytes, is_free in found
    ]


def old_runs(connection: sqlite3.Connection, query: OldRunsQuery) -> list[OldRun]:
    """The page that the query asks for, all of one moment."""
    assert query.limit > 0
    assert query.status.is_ended
    after_ms, after_id = query.after
    key = {
        "function_id": query.function_id,
        "status": int(query.status),
        "after_ms": after_ms,
        "after_id": after_id,
        "before_ms": query.before_ms,
        "limit": query.limit,
    }
    return [
        OldRun(
            RunId(run_id),
            ended_ms,
            decode_event_ids(event_ids) or ((EventId(event_id),) if has_event else ()),
            bool(is_free),
            *journal,
        )
        for run_id, ended_ms, event_id, event_ids, is_free, has_event, *journal in (
            connection.execute(_RUNS, key)
        )
    ]
