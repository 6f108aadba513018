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

_RUN: Final = f"SELECT status, {rows.RUN_COLUMNS} FROM runs WHERE id = ?"
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
        status, *columns = row
        new = rows.new_run(columns)
        stored = _events(connection, "history", new.event_ids or (new.event_id,))
        journal = [decode_entry(body) for (body,) in connection.execute(_JOURNAL, (run_id,))]
    return RunHistory(new, rows.status(status), stored, journal)


def runs_of(
    connection: sqlite3.Connection, query: RunsQuery
) -> list[tuple[RunId, RunStatus, StoredEvent]]:
    """The runs the query asks for, each with its status and the first of its events."""
    assert query.limit > 0
    with snapshot(connection):
        found: list[tuple[RunId, RunStatus]] = []
        for status in set(query.statuses):
            found += [(run_id, status) for run_id in _ids(connection, query, status)]
        found = sorted(found)[: query.limit]
        ids = msgspec.json.encode([run_id for run_id, _ in found]).decode()
        event_ids: dict[RunId, EventId] = dict(connection.execute(_EVENT_IDS, (ids,)))
        stored = _events(connection, "runs_of", [event_ids[run_id] for run_id, _ in found])
    return [(run_id, status, event) for (run_id, status), event in zip(found, stored, strict=True)]


def _ids(connection: sqlite3.Connection, query: RunsQuery, status: RunStatus) -> list[RunId]:
    bounds = (query.after, query.queued_from_ms, query.queued_before_ms, query.limit)
    found = connection.execute(_RUNS_OF, (query.function_id, int(status), *bounds))
    return [RunId(run_id) for (run_id,) in found]


def _events(
    connection: sqlite3.Connection, operation: str, event_ids: Sequence[EventId]
) -> list[StoredEvent]:
    """The events in the order of their ids' list, all of which must be stored."""
    found = events(connection, set(event_ids))
    missing = set(event_ids) - found.keys()
    if missing:
        raise StoreDefect(operation, f"event {min(missing)} of a run is not stored")
    return [found[event_id] for event_id in event_ids]
