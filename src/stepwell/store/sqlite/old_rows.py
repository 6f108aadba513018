"""Looking for what is old: events by their ids, which are ordered by receipt, runs by their ends.

A page reads so many rows, needed or not, so that a page never takes long.
"""

# ruff: noqa: S608 - what is put into the SQL are our own constants

import sqlite3
from typing import Final

from stepwell.core.identity import EventId, RunId
from stepwell.engine.store import OldEvent, OldEventsQuery, OldRun, OldRunsQuery
from stepwell.store.sqlite.connections import snapshot
from stepwell.store.sqlite.needed import EVENT_IS_NEEDED, RUN_IS_NEEDED, queued_events
from stepwell.store.sqlite.rows import decode_event_ids
from stepwell.wire.ulid import ulid_from

__all__ = ["old_events", "old_runs"]

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
       (SELECT coalesce(sum(length(body)), 0) FROM journal WHERE run_id = runs.id)
  FROM runs INDEXED BY runs_ended
 WHERE function_id = :function_id AND status = :status AND ended_ms > 0
   AND (ended_ms, id) > (:after_ms, :after_id) AND ended_ms < :before_ms
 ORDER BY ended_ms, id LIMIT :limit
"""


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
