"""Loading runs: what is stored of them adds up to their state."""

# ruff: noqa: S608 - what is put into the SQL are our own constants

import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from stepwell.core.identity import EventId, RunId
from stepwell.core.journal import Entry, decode_entry
from stepwell.core.queue import QueueItem
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.core.transition import NewRun
from stepwell.core.waits import WaitRef
from stepwell.store.errors import StoreDefect
from stepwell.store.sqlite import rows
from stepwell.store.sqlite.connections import snapshot

__all__ = ["load_runs"]

#: Runs whose rows are read together: bounds the memory for rows, not the number of runs.
_RUNS_AT_ONCE: Final = 500

_LIVE: Final = ",".join(str(int(status)) for status in RunStatus if not status.is_ended)
_IDS: Final = "(SELECT value FROM json_each(?))"

_RUNS: Final = f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE id IN {_IDS} AND status IN ({_LIVE})"
# Of events stored under one id, the first one comes last and so is the one that stays.
_PAYLOADS: Final = f"""
SELECT id, payload FROM events WHERE id IN {_IDS} ORDER BY id DESC, number DESC
"""
_JOURNAL: Final = f"""
SELECT run_id, body FROM journal WHERE run_id IN {_IDS} ORDER BY run_id, seq
"""
_ITEMS: Final = f"SELECT {rows.ITEM_COLUMNS} FROM queue WHERE run_id IN {_IDS} ORDER BY item_id"
_WAITS: Final = f"""
SELECT run_id, wait_id, event_name, match_path, step FROM waits
 WHERE run_id IN {_IDS} ORDER BY wait_id
"""


def load_runs(connection: sqlite3.Connection, run_ids: Sequence[RunId]) -> dict[RunId, RunState]:
    """The states of those runs that exist and have not ended, all of one moment."""
    states: dict[RunId, RunState] = {}
    with snapshot(connection):
        for start in range(0, len(run_ids), _RUNS_AT_ONCE):
            states |= _load(connection, run_ids[start : start + _RUNS_AT_ONCE])
    return states


def _load(connection: sqlite3.Connection, run_ids: Sequence[RunId]) -> dict[RunId, RunState]:
    runs = [rows.new_run(row) for row in connection.execute(_RUNS, (_json(run_ids),))]
    ids = _json([run.id for run in runs])
    payloads = _payloads(connection, runs)
    journal: defaultdict[RunId, list[Entry]] = defaultdict(list)
    items: defaultdict[RunId, list[QueueItem]] = defaultdict(list)
    waits: defaultdict[RunId, list[WaitRef]] = defaultdict(list)
    for run_id, body in connection.execute(_JOURNAL, (ids,)):
        journal[run_id].append(decode_entry(body))
    for row in connection.execute(_ITEMS, (ids,)):
        item = rows.item(row)
        items[item.run_id].append(item)
    for run_id, *ref in connection.execute(_WAITS, (ids,)):
        waits[run_id].append(WaitRef(*ref))
    return {
        run.id: RunState.restore(
            run,
            [payloads[event_id] for event_id in run.event_ids or (run.event_id,)],
            journal=journal.get(run.id, ()),
            items=items.get(run.id, ()),
            waits=waits.get(run.id, ()),
        )
        for run in runs
    }


def _payloads(connection: sqlite3.Connection, runs: Iterable[NewRun]) -> dict[EventId, bytes]:
    ids = {event_id for run in runs for event_id in run.event_ids or (run.event_id,)}
    payloads: dict[EventId, bytes] = dict(connection.execute(_PAYLOADS, (_json(ids),)))
    if len(payloads) < len(ids):
        missing = min(ids - payloads.keys())
        raise StoreDefect("load_runs", f"event {missing} of a live run is not stored")
    return payloads


def _json(ids: Iterable[str]) -> str:
    return msgspec.json.encode(list(ids)).decode()
