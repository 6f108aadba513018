"""Loading runs: what is stored of them adds up to their state."""

# ruff: noqa: S608 - what is put into the SQL are our own constants

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any, Final

from stepwell.core.identity import EventId, RunId
from stepwell.core.journal import Entry, decode_entry
from stepwell.core.queue import QueueItem
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.core.transition import NewRun
from stepwell.core.waits import WaitRef
from stepwell.store.errors import StoreDefect
from stepwell.store.sql import rows
from stepwell.store.sql.statements import Answer, Query, Question, Statement

__all__ = ["RUNS_AT_ONCE", "load_runs"]

#: Runs whose rows are read together: bounds the memory for rows, not the number of runs.
RUNS_AT_ONCE: Final = 500

_LIVE: Final = ",".join(str(int(status)) for status in RunStatus if not status.is_ended)
_ARE_LIVE: Final = f"runs.id IN ids(?1) AND runs.status IN ({_LIVE})"
_OF_LIVE: Final = f"run_id IN (SELECT id FROM runs WHERE {_ARE_LIVE})"

_RUNS: Final = Statement(f"SELECT {rows.RUN_COLUMNS} FROM runs WHERE {_ARE_LIVE}")
# Of events stored under one id, the first one comes last and so is the one that stays.
_PAYLOADS: Final = f"""
SELECT events.id, events.payload FROM events
 WHERE events.id IN (
    SELECT runs.event_id FROM runs WHERE {_ARE_LIVE}
     UNION SELECT of_batch.value FROM runs, {{elements}}
     WHERE {_ARE_LIVE})
 ORDER BY events.id DESC, events.number DESC
"""
# Each has a function of its own for the elements of a JSON list.
_EVENTS: Final = Statement(
    _PAYLOADS.format(elements="json_each(nullif(runs.event_ids, '')) AS of_batch"),
    postgres=_PAYLOADS.format(
        elements="json_array_elements_text(CAST(nullif(runs.event_ids, '') AS json))"
        " AS of_batch (value)"
    ),
)
_JOURNAL: Final = Statement(
    f"SELECT run_id, body FROM journal WHERE {_OF_LIVE} ORDER BY run_id, seq"
)
_ITEMS: Final = Statement(
    f"SELECT {rows.ITEM_COLUMNS} FROM queue WHERE {_OF_LIVE} ORDER BY item_id"
)
_WAITS: Final = Statement(f"""
SELECT run_id, wait_id, event_name, match_path, step FROM waits
 WHERE {_OF_LIVE} ORDER BY wait_id
""")
_ALL: Final = (_RUNS, _EVENTS, _JOURNAL, _ITEMS, _WAITS)


def load_runs(run_ids: Sequence[RunId]) -> Question[dict[RunId, RunState]]:
    """The states of those runs that exist and have not ended.

    Asks in one round per `RUNS_AT_ONCE` runs.
    """
    states: dict[RunId, RunState] = {}
    for start in range(0, len(run_ids), RUNS_AT_ONCE):
        ids = list(run_ids[start : start + RUNS_AT_ONCE])
        runs, *others = yield [Query(statement, (ids,)) for statement in _ALL]
        states |= _states([rows.new_run(row) for row in runs.rows], *others)
    return states


def _states(
    runs: Sequence[NewRun], events: Answer, entries: Answer, queued: Answer, waiting: Answer
) -> dict[RunId, RunState]:
    payloads = _payloads(runs, events.rows)
    journal: defaultdict[RunId, list[Entry]] = defaultdict(list)
    items: defaultdict[RunId, list[QueueItem]] = defaultdict(list)
    waits: defaultdict[RunId, list[WaitRef]] = defaultdict(list)
    for run_id, body in entries.rows:
        journal[run_id].append(decode_entry(body))
    for row in queued.rows:
        item = rows.item(row)
        items[item.run_id].append(item)
    for run_id, *ref in waiting.rows:
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


def _payloads(runs: Iterable[NewRun], stored: Sequence[Any]) -> dict[EventId, bytes]:
    ids = {event_id for run in runs for event_id in run.event_ids or (run.event_id,)}
    payloads: dict[EventId, bytes] = dict(stored)
    if missing := ids - payloads.keys():
        raise StoreDefect("load_runs", f"event {min(missing)} of a live run is not stored")
    return payloads
