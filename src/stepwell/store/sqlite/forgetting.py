"""Deleting what is old, a bite at a time.

What a bite names was looked for a moment ago. Meanwhile somebody may have begun to need it, and
what is needed would be lost for good; so every bite looks once more, in the transaction that
deletes, when everything else of its batch is written.
"""

# ruff: noqa: S608 - what is put into the SQL are our own constants

import sqlite3
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final, assert_never

import msgspec

from stepwell.core.counted import Span
from stepwell.core.identity import EnvironmentId, PartitionId
from stepwell.core.retention import KEPT_NAMES, Forgotten, ForgottenKind, RetentionOverrides
from stepwell.core.transition import Transition
from stepwell.engine.store import RetentionState
from stepwell.store.sqlite.needed import EVENT_IS_NEEDED, IS_ENDED, RUN_IS_NEEDED, queued_events

__all__ = ["retention", "write_forgotten"]

_IDS: Final = "(SELECT value FROM json_each(?))"

_FREE_EVENTS: Final = f"""
SELECT DISTINCT id FROM events
 WHERE id IN {_IDS} AND environment_id = ? AND received_ms < ? AND NOT {EVENT_IS_NEEDED}
"""
_EVENTS: Final = f"DELETE FROM events WHERE id IN {_IDS} AND received_ms < ?"
#: What goes with an event.
_OF_EVENTS: Final = {
    "skips": f"DELETE FROM skips WHERE event_id IN {_IDS}",
    "batch_events": f"DELETE FROM batch_events WHERE event_id IN {_IDS}",
}

_FREE_RUNS: Final = f"""
SELECT id FROM runs
 WHERE id IN {_IDS} AND environment_id = ? AND {IS_ENDED} AND ended_ms < ? AND NOT {RUN_IS_NEEDED}
"""
#: What goes with a run, and the run last.
_OF_RUNS: Final = {
    "journal": f"DELETE FROM journal WHERE run_id IN {_IDS}",
    "run_metadata": f"DELETE FROM run_metadata WHERE run_id IN {_IDS}",
    "spans": f"DELETE FROM spans WHERE run_id IN {_IDS}",
    "batch_events": f"""
DELETE FROM batch_events WHERE (event_id, run_id) IN (
    SELECT of_batch.value, runs.id FROM runs, json_each(runs.event_ids) AS of_batch
     WHERE runs.id IN {_IDS} AND runs.event_ids <> '')""",
    "runs": f"DELETE FROM runs WHERE id IN {_IDS}",
}
_JOURNAL: Final = f"""
DELETE FROM journal WHERE run_id = ?1 AND seq < ?2 AND seq <> (
    SELECT ended_seq FROM runs
     WHERE id = ?1 AND environment_id = ?3 AND {IS_ENDED} AND ended_ms < ?4)
"""
_ROLLUPS: Final = "DELETE FROM rollups WHERE function_id = ? AND span = ? AND start_ms < ?"
_OPERATIONS: Final = f"""
DELETE FROM operations
 WHERE id IN {_IDS} AND environment_id = ? AND ended_ms > 0 AND ended_ms < ?
"""

_AGES: Final = ", ".join(f"{name}_ms" for name in KEPT_NAMES)
_STATES: Final = f"SELECT environment_id, {_AGES}, pass_ms, deleted FROM retention"
_PUT_AGES: Final = f"""
INSERT INTO retention (environment_id, {_AGES}, pass_ms, deleted)
VALUES (?{", ?" * len(KEPT_NAMES)}, 0, '{{}}')
    ON CONFLICT (environment_id) DO UPDATE
   SET {", ".join(f"{name}_ms = excluded.{name}_ms" for name in KEPT_NAMES)}
"""
_DELETED_BEFORE: Final = "SELECT pass_ms, deleted FROM retention WHERE environment_id = ?"
_PUT_DELETED: Final = f"""
INSERT INTO retention (environment_id, {_AGES}, pass_ms, deleted)
VALUES (?{", 0" * len(KEPT_NAMES)}, ?, ?)
    ON CONFLICT (environment_id) DO UPDATE SET pass_ms = excluded.pass_ms, deleted = excluded.deleted
"""

_COUNTS: Final = msgspec.json.Decoder(dict[str, int])


def write_forgotten(
    connection: sqlite3.Connection, partition: PartitionId, batch: Sequence[Transition]
) -> None:
    """Delete what the transitions name, and add up what was deleted; keep what is said about ages.

    To be called last: what the rest of the batch brings may need what is to be deleted.
    """
    for transition in batch:
        for environment_id, own in transition.retention:
            connection.execute(_PUT_AGES, (environment_id, *msgspec.structs.astuple(own)))
    deleted: dict[tuple[EnvironmentId, int], Counter[str]] = {}
    for transition in batch:
        for bite in transition.forgotten:
            of_pass = deleted.setdefault((bite.environment_id, bite.pass_ms), Counter())
            of_pass.update(_forget(connection, partition, bite))
    for (environment_id, pass_ms), counts in deleted.items():
        _add_to_pass(connection, environment_id, pass_ms, counts)


def retention(connection: sqlite3.Connection) -> dict[EnvironmentId, RetentionState]:
    """What is kept of every environment that has something of its own, or lost something."""
    return {
        EnvironmentId(environment_id): RetentionState(
            RetentionOverrides(**dict(zip(KEPT_NAMES, ages, strict=True))),
            pass_ms,
            _COUNTS.decode(deleted),
        )
        for environment_id, *ages, pass_ms, deleted in connection.execute(_STATES)
    }


def _forget(
    connection: sqlite3.Connection, partition: PartitionId, bite: Forgotten
) -> dict[str, int]:
    """Rows deleted, by table."""
    match bite.kind:
        case ForgottenKind.EVENTS:
            return _forget_events(connection, partition, bite)
        case ForgottenKind.RUNS:
            return _forget_runs(connection, bite)
        case ForgottenKind.JOURNAL:
            return _forget_journal(connection, bite)
        case ForgottenKind.MINUTES:
            return _forget_counts(connection, Span.MINUTE, bite)
        case ForgottenKind.HOURS:
            return _forget_counts(connection, Span.HOUR, bite)
        case ForgottenKind.OPERATIONS:
            key = (_json(bite.ids), bite.environment_id, bite.before_ms)
            return {"operations": connection.execute(_OPERATIONS, key).rowcount}
        case _:
            assert_never(bite.kind)


def _forget_events(
    connection: sqlite3.Connection, partition: PartitionId, bite: Forgotten
) -> dict[str, int]:
    key = (_json(bite.ids), bite.environment_id, bite.before_ms)
    free = {event_id for (event_id,) in connection.execute(_FREE_EVENTS, key)}
    free -= queued_events(connection, partition, bite.before_ms)
    ids = _json(free)
    deleted = {"events": connection.execute(_EVENTS, (ids, bite.before_ms)).rowcount}
    for table, delete in _OF_EVENTS.items():
        deleted[table] = connection.execute(delete, (ids,)).rowcount
    return deleted


def _forget_runs(connection: sqlite3.Connection, bite: Forgotten) -> dict[str, int]:
    key = (_json(bite.ids), bite.environment_id, bite.before_ms)
    ids = _json([run_id for (run_id,) in connection.execute(_FREE_RUNS, key)])
    return {
        table: connection.execute(delete, (ids,)).rowcount for table, delete in _OF_RUNS.items()
    }


def _forget_journal(connection: sqlite3.Connection, bite: Forgotten) -> dict[str, int]:
    (run_id,) = bite.ids
    key = (run_id, bite.below, bite.environment_id, bite.before_ms)
    return {"journal": connection.execute(_JOURNAL, key).rowcount}


def _forget_counts(connection: sqlite3.Connection, span: Span, bite: Forgotten) -> dict[str, int]:
    (function_id,) = bite.ids
    key = (function_id, int(span), bite.before_ms)
    return {"rollups": connection.execute(_ROLLUPS, key).rowcount}


def _add_to_pass(
    connection: sqlite3.Connection,
    environment_id: EnvironmentId,
    pass_ms: int,
    counts: Counter[str],
) -> None:
    if not counts.total():
        return
    row = connection.execute(_DELETED_BEFORE, (environment_id,)).fetchone()
    if row is not None and row[0] == pass_ms:
        counts += Counter(_COUNTS.decode(row[1]))
    shown = {table: count for table, count in sorted(counts.items()) if count}
    connection.execute(_PUT_DELETED, (environment_id, pass_ms, msgspec.json.encode(shown).decode()))


def _json(ids: Collection[str]) -> str:
    return msgspec.json.encode(list(ids)).decode()
