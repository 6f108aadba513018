"""Looking up runs, live and ended ones."""

# ruff: noqa: S608 - what is put into the SQL are our own constants

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from stepwell.core.identity import EventId, FunctionId, RunId
from stepwell.core.journal import decode_entry
from stepwell.core.lanes import STARTS
from stepwell.core.queue import ItemKind
from stepwell.core.status import RunStatus
from stepwell.core.transition import StoredEvent
from stepwell.engine.store import RunHistory, RunsQuery
from stepwell.store.errors import StoreDefect
from stepwell.store.sql import rows
from stepwell.store.sql.events import EVENTS, first_of_each
from stepwell.store.sql.statements import Query, Question, Statement

__all__ = ["admitted_runs", "history", "runs_of", "singletons"]

# In this order and spelling the index runs_singleton has it.
_IS_LIVE: Final = "status IN (0, 5)"
assert {int(status) for status in RunStatus if not status.is_ended} == {0, 5}

_IS_START: Final = f"kind = {int(ItemKind.START)} AND substr(lane, 1, {len(STARTS)}) = '{STARTS}'"

# The live runs are found in index runs_function, those that wait are put aside by queue_run, and
# only the others are read.
_ADMITTED: Final = Statement(f"""
SELECT r.id, r.lane
  FROM (SELECT id FROM runs WHERE function_id = ?1 AND {_IS_LIVE} AND NOT EXISTS (
            SELECT 1 FROM queue WHERE queue.run_id = runs.id AND {_IS_START})) AS admitted
  JOIN runs AS r ON r.id = admitted.id
""")

# The end of a range of index runs_singleton.
_SINGLETON: Final = Statement(f"""
SELECT max(id) FROM runs
 WHERE function_id = ?1 AND singleton = ?2 AND singleton <> '' AND {_IS_LIVE}
""")

_RUN: Final = Statement(f"SELECT status, ended_seq, {rows.RUN_COLUMNS} FROM runs WHERE id = ?1")
_JOURNAL: Final = Statement("SELECT body FROM journal WHERE run_id = ?1 ORDER BY seq")

# A range of index runs_function, read without the rows.
_RUNS_OF: Final = Statement("""
SELECT id FROM runs
 WHERE function_id = ?1 AND status = ?2 AND id > ?3 AND queued_ms >= ?4 AND queued_ms < ?5
 ORDER BY id LIMIT ?6
""")
_EVENT_IDS: Final = Statement("SELECT id, event_id FROM runs WHERE id IN ids(?1)")


def admitted_runs(function_id: FunctionId) -> Question[list[tuple[RunId, str]]]:
    """The function's live runs that do not wait for their start, each with its lane."""
    (found,) = yield [Query(_ADMITTED, (function_id,))]
    return [(RunId(run_id), lane) for run_id, lane in found.rows]


def singletons(
    keys: Collection[tuple[FunctionId, str]],
) -> Question[dict[tuple[FunctionId, str], RunId]]:
    """The newest live run with each key that has one."""
    asked = list(keys)
    answers = yield [Query(_SINGLETON, key) for key in asked]
    return {
        key: RunId(run_id)
        for key, found in zip(asked, answers, strict=True)
        for (run_id,) in found.rows
        if run_id is not None
    }


def history(run_id: RunId) -> Question[RunHistory | None]:
    """Everything about a run; None when there is no such run. Asks in several rounds."""
    run, entries = yield [Query(_RUN, (run_id,)), Query(_JOURNAL, (run_id,))]
    if not run.rows:
        return None
    code, ended_seq, *columns = run.rows[0]
    status, new = rows.status(code), rows.new_run(columns)
    wanted = [(event_id, status) for event_id in new.event_ids or (new.event_id,)]
    (found,) = yield [Query(EVENTS, (_ids(wanted),))]
    stored = _events("history", wanted, first_of_each(found.rows))
    journal = [decode_entry(body) for (body,) in entries.rows]
    return RunHistory(
        new,
        status,
        [event for event in stored if event is not None] if None not in stored else [],
        journal,
        # The outcome is the last entry.
        is_whole=len(journal) > ended_seq,
    )


def runs_of(query: RunsQuery) -> Question[list[tuple[RunId, RunStatus, StoredEvent | None]]]:
    """The runs the query asks for, with their first events. Asks in several rounds."""
    assert query.limit > 0
    statuses = sorted(set(query.statuses))
    bounds = (query.after, query.queued_from_ms, query.queued_before_ms, query.limit)
    pages = yield [Query(_RUNS_OF, (query.function_id, int(each), *bounds)) for each in statuses]
    chosen = sorted(
        (RunId(run_id), status)
        for status, page in zip(statuses, pages, strict=True)
        for (run_id,) in page.rows
    )[: query.limit]
    (pairs,) = yield [Query(_EVENT_IDS, ([run_id for run_id, _ in chosen],))]
    event_ids: dict[RunId, EventId] = dict(pairs.rows)
    wanted = [(event_ids[run_id], status) for run_id, status in chosen]
    (found,) = yield [Query(EVENTS, (_ids(wanted),))]
    stored = _events("runs_of", wanted, first_of_each(found.rows))
    return [(run_id, status, event) for (run_id, status), event in zip(chosen, stored, strict=True)]


def _ids(wanted: Iterable[tuple[EventId, RunStatus]]) -> list[EventId]:
    return list({event_id for event_id, _ in wanted})


def _events(
    operation: str,
    wanted: Collection[tuple[EventId, RunStatus]],
    found: Mapping[EventId, StoredEvent],
) -> list[StoredEvent | None]:
    """The events in the order of their ids' list; those of live runs must be stored."""
    missing = {
        event_id
        for event_id, status in wanted
        if event_id not in found and not RunStatus(status).is_ended
    }
    if missing:
        raise StoreDefect(operation, f"event {min(missing)} of a live run is not stored")
    return [found.get(event_id) for event_id, _ in wanted]
