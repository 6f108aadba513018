"""Looking up runs, live and ended ones."""

# ruff: noqa: S608 - what is put into the SQL are our own constants

import sqlite3
from collections.abc import Collection, Sequence
from typing import Final

import msgspec

from stepwell.core.identity import EventId, FunctionId, RunId
from stepwell.core.journal import decode_entry
from stepwell.core.lanes import STARTS
from stepwell.core.queue import ItemKind
from stepwell.core.status import RunStatus
from stepwell.core.transition import StoredEvent
from stepwell.engine.store import RunHistory, RunsQuery
from stepwell.store.errors import StoreDefect
from stepwell.store.sqlite import rows
from stepwell.store.sqlite.connections import snapshot
from stepwell.store.sqlite.events import events

__all__ = ["admitted_runs", "history", "runs_of", "singletons"]

# In this order and spelling the index runs_singleton has it.
_IS_LIVE: Final = "status IN (0, 5)"
assert {int(status) for status in RunStatus if not status.is_ended} == {0, 5}

_IS_START: Final = f"kind = {int(ItemKind.START)} AND substr(lane, 1, {len(STARTS)}) = '{STARTS}'"

# The live runs are found in index runs_function, those that wait are put aside by queue_run, and
# only the others are read.
_ADMITTED: Final = f"""
SELECT r.id, r.lane
  FROM (SELECT id FROM runs WHERE function_id = ? AND {_IS_LIVE} AND NOT EXISTS (
            SELECT 1 FROM queue WHERE queue.run_id = runs.id AND {_IS_START})) AS admitted
  JOIN runs AS r ON r.id = admitted.id
"""

# The end of a range of index runs_singleton.
_SINGLETON: Final = f"""
SELECT max(id) FROM runs
 WHERE function_id = ? AND singleton = ? AND singleton <> '' AND {_IS_LIVE}
"""

_RUN: Final = f"SELECT status, ended_seq, {rows.RUN_COLUMNS} FROM runs WHERE id = ?"
_JOURNAL: Final = "SELECT body FROM journal WHERE run_id = ? ORDER BY seq"

# A range of index runs_function, read without the rows.
_RUNS_OF: Final = """
SELECT id FROM runs
 WHERE function_id = ? AND status = ? AND id > ? AND queued_ms >= ? AND queued_ms < ?
 ORDER BY id LIMIT ?
"""
_EVENT_IDS: Final = """
SELECT id, event_id FROM runs WHERE id IN (SELECT value FROM json_each(?))
"""


def admitted_runs(
    connection: sqlite3.Connection, function_id: FunctionId
) -> list[tuple[RunId, str]]:
    """The function's live runs that do not wait for their start, each with its lane."""
    return [(RunId(run_id), lane) for run_id, lane in connection.execute(_ADMITTED, (function_id,))]


def singletons(
    connection: sqlite3.Connection, keys: Collection[tuple[FunctionId, str]]
) -> dict[tuple[FunctionId, str], RunId]:
    """The newest live run with each key that has one, all of one moment."""
    found: dict[tuple[FunctionId, str], RunId] = {}
    with snapshot(connection):
        for key in keys:
            (run_id,) = connection.execute(_SINGLETON, key).fetchone()
            if run_id is not None:
                found[key] = RunId(run_id)
    return found


def history(connection: sqlite3.Connection, run_id: RunId) -> RunHistory | None:
    """Everything about a run, of one moment; None when there is no such run."""
    with snapshot(connection):
        row = connection.execute(_RUN, (run_id,)).fetchone()
        if row is None:
            return None
        code, ended_seq, *columns = row
        status, new = rows.status(code), rows.new_run(columns)
        event_ids = new.event_ids or (new.event_id,)
        stored = _events(connection, "history", [(event_id, status) for event_id in event_ids])
        journal = [decode_entry(body) for (body,) in connection.execute(_JOURNAL, (run_id,))]
    return RunHistory(
        new,
        status,
        [event for event in stored if event is not None] if None not in stored else [],
        journal,
        # The outcome is the last entry.
        is_whole=len(journal) > ended_seq,
    )


def runs_of(
    connection: sqlite3.Connection, query: RunsQuery
) -> list[tuple[RunId, RunStatus, StoredEvent | None]]:
    """The runs the query asks for, each with its status and the first of its events."""
    assert query.limit > 0
    with snapshot(connection):
        found: list[tuple[RunId, RunStatus]] = []
        for status in set(query.statuses):
            found += [(run_id, status) for run_id in _ids(connection, query, status)]
        found = sorted(found)[: query.limit]
        ids = msgspec.json.encode([run_id for run_id, _ in found]).decode()
        event_ids: dict[RunId, EventId] = dict(connection.execute(_EVENT_IDS, (ids,)))
        wanted = [(event_ids[run_id], status) for run_id, status in found]
        stored = _events(connection, "runs_of", wanted)
    return [(run_id, status, event) for (run_id, status), event in zip(found, stored, strict=True)]


def _ids(connection: sqlite3.Connection, query: RunsQuery, status: RunStatus) -> list[RunId]:
    bounds = (query.after, query.queued_from_ms, query.queued_before_ms, query.limit)
    found = connection.execute(_RUNS_OF, (query.function_id, int(status), *bounds))
    return [RunId(run_id) for (run_id,) in found]


def _events(
    connection: sqlite3.Connection, operation: str, wanted: Sequence[tuple[EventId, RunStatus]]
) -> list[StoredEvent | None]:
    """The events in the order of their ids' list; those of live runs must be stored."""
    found = events(connection, {event_id for event_id, _ in wanted})
    missing = {
        event_id
        for event_id, status in wanted
        if event_id not in found and not RunStatus(status).is_ended
    }
    if missing:
        raise StoreDefect(operation, f"event {min(missing)} of a live run is not stored")
    return [found.get(event_id) for event_id, _ in wanted]
