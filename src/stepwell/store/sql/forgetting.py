"""Deleting what is old, a bite at a time.

What a bite names was looked for a moment ago. Meanwhile somebody may have begun to need it, and
what is needed would be lost for good; so every bite looks once more, in the transaction that
deletes, when everything else of its batch is written.
"""

# ruff: noqa: S608 - what is put into the SQL are our own constants

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Final, assert_never

import msgspec

from stepwell.core.counted import Span
from stepwell.core.identity import EnvironmentId, EventId, RunId
from stepwell.core.retention import KEPT_NAMES, Forgotten, ForgottenKind, RetentionOverrides
from stepwell.core.transition import Transition
from stepwell.engine.store import RetentionState
from stepwell.store.sql.needed import EVENT_IS_NEEDED, IS_ENDED, RUN_IS_NEEDED, queued_events
from stepwell.store.sql.rows import decode_event_ids
from stepwell.store.sql.statements import Query, Question, Statement, Target

__all__ = ["forget", "retention", "write_ages"]

_OLD_EVENTS: Final = "id IN ids(?1) AND environment_id = ?2 AND received_ms < ?3"
# Whoever starts a run from an event that is held waits, and inserts it anew; whoever has begun to
# is not waited for, and keeps it. SQLite has one writer anyway.
_HOLD_EVENTS: Final = Statement(
    f"SELECT id FROM events WHERE {_OLD_EVENTS}",
    postgres=f"SELECT id FROM events WHERE {_OLD_EVENTS} FOR UPDATE SKIP LOCKED",
)
_FREE_EVENTS: Final = Statement(f"""
SELECT id, count(*) FROM events WHERE {_OLD_EVENTS} AND NOT {EVENT_IS_NEEDED} GROUP BY id
""")
_EVENTS: Final = Statement("DELETE FROM events WHERE id IN ids(?1) AND received_ms < ?2")
#: What goes with an event.
_OF_EVENTS: Final = {
    "skips": Statement("DELETE FROM skips WHERE event_id IN ids(?1)"),
    "batch_events": Statement("DELETE FROM batch_events WHERE event_id IN ids(?1)"),
}

_FREE_RUNS: Final = Statement(f"""
SELECT id, event_ids FROM runs
 WHERE id IN ids(?1) AND environment_id = ?2 AND {IS_ENDED} AND ended_ms < ?3
   AND NOT {RUN_IS_NEEDED}
""")
#: What goes with a run, and the run last.
_OF_RUNS: Final = {
    "journal": Statement("DELETE FROM journal WHERE run_id IN ids(?1)"),
    "run_metadata": Statement("DELETE FROM run_metadata WHERE run_id IN ids(?1)"),
    "spans": Statement("DELETE FROM spans WHERE run_id IN ids(?1)"),
    "runs": Statement("DELETE FROM runs WHERE id IN ids(?1)"),
}
_LATER_EVENTS: Final = Statement(
    "DELETE FROM batch_events WHERE event_id IN ids(?1) AND run_id IN ids(?2)"
)
_JOURNAL: Final = Statement(f"""
DELETE FROM journal WHERE run_id = ?1 AND seq < ?2 AND seq <> (
    SELECT ended_seq FROM runs
     WHERE id = ?1 AND environment_id = ?3 AND {IS_ENDED} AND ended_ms < ?4)
""")
_ROLLUPS: Final = Statement(
    "DELETE FROM rollups WHERE function_id = ?1 AND span = ?2 AND start_ms < ?3"
)
_OPERATIONS: Final = Statement("""
DELETE FROM operations
 WHERE id IN ids(?1) AND environment_id = ?2 AND ended_ms > 0 AND ended_ms < ?3
""")

_AGE_NAMES: Final = tuple(f"{name}_ms" for name in KEPT_NAMES)
_AGES: Final = ", ".join(_AGE_NAMES)
_STATES: Final = Statement(f"SELECT environment_id, {_AGES}, pass_ms, deleted FROM retention")
_PUT_AGES: Final = Statement(f"""
INSERT INTO retention (environment_id, {_AGES}, pass_ms, deleted)
VALUES (?1, {", ".join(f"?{number}" for number in range(2, len(KEPT_NAMES) + 2))}, 0, '{{}}')
    ON CONFLICT (environment_id) DO UPDATE
   SET {", ".join(f"{name} = excluded.{name}" for name in _AGE_NAMES)}
""")
_DELETED_BEFORE: Final = Statement(
    "SELECT pass_ms, deleted FROM retention WHERE environment_id = ?1"
)
_PUT_DELETED: Final = Statement(f"""
INSERT INTO retention (environment_id, {_AGES}, pass_ms, deleted)
VALUES (?1{", 0" * len(KEPT_NAMES)}, ?2, ?3)
    ON CONFLICT (environment_id) DO UPDATE SET pass_ms = excluded.pass_ms, deleted = excluded.deleted
""")

_COUNTS: Final = msgspec.json.Decoder(dict[str, int])


def write_ages(into: Target, batch: Sequence[Transition]) -> None:
    """Keep what the transitions say about how long environments keep what."""
    for transition in batch:
        for environment_id, own in transition.retention:
            into.run(_PUT_AGES, (environment_id, *msgspec.structs.astuple(own)))


def forget(bites: Iterable[Forgotten]) -> Question[None]:
    """Delete what the bites name, and add up what was deleted. Asks in several rounds.

    To be asked last in a transaction: what the rest of the batch brings may need what is to be
    deleted.
    """
    deleted: dict[tuple[EnvironmentId, int], Counter[str]] = {}
    for bite in bites:
        of_pass = deleted.setdefault((bite.environment_id, bite.pass_ms), Counter())
        of_pass.update((yield from _forget(bite)))
    for (environment_id, pass_ms), counts in deleted.items():
        yield from _add_to_pass(environment_id, pass_ms, counts)


def retention() -> Question[dict[EnvironmentId, RetentionState]]:
    """What is kept of every environment that has something of its own, or lost something."""
    (found,) = yield [Query(_STATES)]
    return {
        EnvironmentId(environment_id): RetentionState(
            RetentionOverrides(**dict(zip(KEPT_NAMES, ages, strict=True))),
            pass_ms,
            _COUNTS.decode(deleted),
        )
        for environment_id, *ages, pass_ms, deleted in found.rows
    }


def _forget(bite: Forgotten) -> Question[dict[str, int]]:
    """Rows deleted, by table."""
    match bite.kind:
        case ForgottenKind.EVENTS:
            return (yield from _forget_events(bite))
        case ForgottenKind.RUNS:
            return (yield from _forget_runs(bite))
        case ForgottenKind.JOURNAL:
            (run_id,) = bite.ids
            key = (run_id, bite.below, bite.environment_id, bite.before_ms)
            return (yield from _delete({"journal": Query(_JOURNAL, key)}))
        case ForgottenKind.MINUTES:
            return (yield from _forget_counts(Span.MINUTE, bite))
        case ForgottenKind.HOURS:
            return (yield from _forget_counts(Span.HOUR, bite))
        case ForgottenKind.OPERATIONS:
            ids = (list(bite.ids), bite.environment_id, bite.before_ms)
            return (yield from _delete({"operations": Query(_OPERATIONS, ids)}))
        case _:
            assert_never(bite.kind)


def _forget_events(bite: Forgotten) -> Question[dict[str, int]]:
    key = (list(bite.ids), bite.environment_id, bite.before_ms)
    (held,) = yield [Query(_HOLD_EVENTS, key)]
    rows_held = Counter(EventId(event_id) for (event_id,) in held.rows)
    # An item comes before the run that is started for it: who looks the other way round may miss
    # both, as every statement sees a moment of its own on PostgreSQL.
    queued = yield from queued_events(bite.before_ms)
    (found,) = yield [Query(_FREE_EVENTS, key)]
    ids = sorted(
        event_id
        for event_id, rows in found.rows
        if rows == rows_held[event_id] and event_id not in queued
    )
    of_events = {table: Query(delete, (ids,)) for table, delete in _OF_EVENTS.items()}
    return (yield from _delete({"events": Query(_EVENTS, (ids, bite.before_ms)), **of_events}))


def _forget_runs(bite: Forgotten) -> Question[dict[str, int]]:
    key = (list(bite.ids), bite.environment_id, bite.before_ms)
    (found,) = yield [Query(_FREE_RUNS, key)]
    ids = [RunId(run_id) for run_id, _ in found.rows]
    event_ids = sorted({each for _, text in found.rows for each in decode_event_ids(text)})
    of_runs = {table: Query(delete, (ids,)) for table, delete in _OF_RUNS.items()}
    later = Query(_LATER_EVENTS, (event_ids, ids))
    return (yield from _delete({"batch_events": later, **of_runs}))


def _forget_counts(span: Span, bite: Forgotten) -> Question[dict[str, int]]:
    (function_id,) = bite.ids
    key = (function_id, int(span), bite.before_ms)
    return (yield from _delete({"rollups": Query(_ROLLUPS, key)}))


def _delete(of_tables: dict[str, Query]) -> Question[dict[str, int]]:
    answers = yield list(of_tables.values())
    return {table: done.hits for table, done in zip(of_tables, answers, strict=True)}


def _add_to_pass(
    environment_id: EnvironmentId, pass_ms: int, counts: Counter[str]
) -> Question[None]:
    if not counts.total():
        return
    (before,) = yield [Query(_DELETED_BEFORE, (environment_id,))]
    for before_ms, deleted in before.rows:
        if before_ms == pass_ms:
            counts += Counter(_COUNTS.decode(deleted))
    shown = {table: count for table, count in sorted(counts.items()) if count}
    yield [Query(_PUT_DELETED, (environment_id, pass_ms, msgspec.json.encode(shown).decode()))]
