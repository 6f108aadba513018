"""Writing a batch of transitions: a few statements per table, whatever the size of the batch."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from stepwell.core.identity import ItemId
from stepwell.core.journal import encode_entry
from stepwell.core.queue import QueueItem
from stepwell.core.retention import Forgotten
from stepwell.core.status import RunStatus
from stepwell.core.transition import Claim, StoredEvent, Transition
from stepwell.engine.nodes import Ownership, Places
from stepwell.store.sql.annotations import write_annotations
from stepwell.store.sql.buffers import write_buffers
from stepwell.store.sql.catalog import write_catalog
from stepwell.store.sql.forgetting import write_ages
from stepwell.store.sql.limits import write_limits
from stepwell.store.sql.mail import announce, write_mail
from stepwell.store.sql.operations import write_operations
from stepwell.store.sql.rows import encode_event_ids
from stepwell.store.sql.signals import write_signals
from stepwell.store.sql.statements import (
    BulkStatement,
    Statement,
    Target,
    deleting_first,
)

__all__ = ["EXPIRE_CLAIMS", "PROBE", "PROBE_BYTES", "forgotten", "write"]

#: A disk that takes this much has room for batches again.
PROBE_BYTES: Final = 64 * 1024

PROBE: Final = Statement("UPDATE nodes SET probe = ?1 WHERE id = ?2")
#: Up to so many claims that have expired at a time.
EXPIRE_CLAIMS: Final = deleting_first(
    "claims", key="function_id, key", where="expires_ms <= ?1", by="expires_ms"
)

_NOT_QUEUED: Final = "an item to be renewed is not in the queue"

_EVENTS: Final = BulkStatement(
    "INSERT INTO events (id, number, environment_id, name, external_id, ts_ms, received_ms,"
    " payload) VALUES {rows}",
    columns="titttiib",
)
# What is there stays as it is, but nobody can delete it before the commit: on PostgreSQL a row is
# locked even if nothing is replaced.
_EVENTS_AGAIN: Final = BulkStatement(
    "INSERT INTO events (id, number, environment_id, name, external_id, ts_ms, received_ms,"
    " payload) VALUES {rows}"
    " ON CONFLICT (id, number) DO UPDATE SET name = excluded.name WHERE 1 = 0",
    columns="titttiib",
)
_RUNS: Final = BulkStatement(
    "INSERT INTO runs (id, environment_id, app_id, function_id, function_version, status,"
    " queued_ms, scheduled_ms, started_ms, ended_ms, ended_seq, event_id, event_name, event_ids,"
    " cron, parent_run_id, parent_function_id, parent_step, origin_run_id, lane, score,"
    " singleton, batch_id, replay_id, mode) VALUES {rows}",
    columns="ttttiiiiiiitttttttttittti",
)
_BATCH_EVENTS: Final = BulkStatement(
    "INSERT INTO batch_events (event_id, run_id) VALUES {rows} ON CONFLICT DO NOTHING", columns="tt"
)
_STARTED: Final = BulkStatement(
    "UPDATE runs SET status = v.column2, started_ms = v.column3"
    " FROM (VALUES {rows}) AS v WHERE id = v.column1",
    columns="tii",
)
_ENDED: Final = BulkStatement(
    "UPDATE runs SET status = v.column2, started_ms = v.column3, ended_ms = v.column4,"
    " ended_seq = v.column5 FROM (VALUES {rows}) AS v WHERE id = v.column1",
    columns="tiiii",
)
_JOURNAL: Final = BulkStatement(
    "INSERT INTO journal (run_id, seq, body) VALUES {rows}", columns="tib"
)
_PUT: Final = BulkStatement(
    "INSERT INTO queue (item_id, partition_id, function_id, run_id, kind, step, attempt, due_ms,"
    " queued_ms, body, lane, score) VALUES {rows}",
    columns="iittitiiibti",
)
# Columns that an index holds stay out of it: an item that stays due costs no index write.
_RENEW: Final = BulkStatement(
    "UPDATE queue SET kind = v.column2, step = v.column3, attempt = v.column4,"
    " queued_ms = v.column5, body = v.column6 FROM (VALUES {rows}) AS v"
    " WHERE item_id = v.column1",
    columns="iitiib",
    missing=_NOT_QUEUED,
)
_RENEW_DUE: Final = BulkStatement(
    "UPDATE queue SET kind = v.column2, step = v.column3, attempt = v.column4, due_ms = v.column5,"
    " queued_ms = v.column6, body = v.column7, lane = v.column8, score = v.column9"
    " FROM (VALUES {rows}) AS v WHERE item_id = v.column1",
    columns="iitiiibti",
    missing=_NOT_QUEUED,
)
_DONE: Final = BulkStatement("DELETE FROM queue WHERE item_id IN (VALUES {rows})", columns="i")
_WAITS: Final = BulkStatement(
    "INSERT INTO waits (wait_id, kind, environment_id, event_name, match_path, match_value,"
    " condition, bindings, run_id, function_id, step, created_ms, expires_ms, trigger_id)"
    " VALUES {rows}",
    columns="iitttttbtttiit",
)
_WAITS_DONE: Final = BulkStatement(
    "DELETE FROM waits WHERE wait_id IN (VALUES {rows})", columns="i"
)
_CLAIMS: Final = BulkStatement(
    "INSERT INTO claims (function_id, key, run_id, expires_ms) VALUES {rows}"
    " ON CONFLICT (function_id, key) DO UPDATE"
    " SET run_id = excluded.run_id, expires_ms = excluded.expires_ms",
    columns="ttti",
)
_SKIPS: Final = BulkStatement(
    "INSERT INTO skips (event_id, function_id, reason, detail, at_ms) VALUES {rows}",
    columns="tttti",
)


def write(into: Target, owner: Ownership, batch: Sequence[Transition], places: Places) -> None:
    """Write all rows of all transitions, but for what is counted and what is forgotten."""
    # Most transitions are answers that only add to a journal and renew an item.
    others = [transition for transition in batch if _brings_more(transition)]
    if others:
        write_catalog(into, others)
        _write_events(into, others)
        _write_runs(into, others)
    _write_journal(into, batch)
    _write_queue(into, batch, places)
    if others:
        _write_waits(into, others)
        _write_decisions(into, others)
    # Most batches have nothing of this.
    if rare := [transition for transition in others if _holds_back(transition)]:
        write_limits(into, rare)
        write_buffers(into, rare)
        write_signals(into, rare)
        write_operations(into, rare)
        write_annotations(into, rare)
        write_ages(into, rare)
        write_mail(into, owner, rare)


def forgotten(batch: Sequence[Transition]) -> list[Forgotten]:
    """What is to be deleted after everything else is written."""
    return [bite for transition in batch for bite in transition.forgotten]


def _brings_more(transition: Transition) -> bool:
    """Whether it brings something besides entries of journals and items of the queue."""
    t = transition
    return bool(
        t.events
        or t.runs
        or t.started
        or t.ended
        or t.waits
        or t.waits_done
        or t.claims
        or t.skips
        or t.events_again
        or t.apps
        or t.apps_removed
        or t.functions
        or t.syncs
        or t.syncs_removed
        or _holds_back(t)
    )


def _holds_back(transition: Transition) -> bool:
    """Whether it brings something that most transitions have nothing of."""
    t = transition
    return bool(
        t.limits
        or t.buffers
        or t.buffered
        or t.buffers_done
        or t.signals
        or t.signals_done
        or t.operations
        or t.operations_done
        or t.retention
        or t.metadata
        or t.spans
        or t.possible_matches
        or t.received
        or t.moved
    )


def _write_events(into: Target, batch: Sequence[Transition]) -> None:
    into.rows(_EVENTS, _event_values(each for t in batch for each in t.events))
    again = {(each.id, each.number): each for t in batch for each in t.events_again}
    # In one order, so that two nodes that start runs from the same ones cannot block each other.
    into.rows(_EVENTS_AGAIN, _event_values(again[key] for key in sorted(again)))


def _event_values(events: Iterable[StoredEvent]) -> list[Any]:
    values: list[Any] = []
    for e in events:
        values += (e.id, e.number, e.environment_id, e.name, e.external_id)
        values += (e.ts_ms, e.received_ms, e.payload)
    return values


def _write_runs(into: Target, batch: Sequence[Transition]) -> None:
    values: list[Any] = []
    later_events: list[str] = []
    started: list[Any] = []
    ended: list[Any] = []
    for transition in batch:
        for r in transition.runs:
            values += (r.id, r.environment_id, r.app_id, r.function_id, r.function_version)
            values += (int(r.status), r.queued_ms, r.scheduled_ms, 0, 0, -1)
            values += (r.event_id, r.event_name, encode_event_ids(r.event_ids), r.cron)
            values += (r.parent_run_id, r.parent_function_id, r.parent_step, r.origin_run_id)
            values += (r.lane, r.score, r.singleton, r.batch_id, r.replay_id, int(r.mode))
            for event_id in r.event_ids:
                if event_id != r.event_id:
                    later_events += (event_id, r.id)
        for start in transition.started:
            started += (start.run_id, int(RunStatus.RUNNING), start.started_ms)
        for end in transition.ended:
            ended += (end.run_id, int(end.status), end.started_ms, end.ended_ms, end.ended_seq)
    into.rows(_RUNS, values)
    into.rows(_BATCH_EVENTS, later_events)
    into.rows(_STARTED, started)
    into.rows(_ENDED, ended)


def _write_journal(into: Target, batch: Sequence[Transition]) -> None:
    values: list[Any] = []
    for transition in batch:
        for row in transition.journal:
            values += (row.run_id, row.seq, encode_entry(row.entry))
    into.rows(_JOURNAL, values)


class _QueueChanges:
    """What a batch does to the queue in the end: every item is written at most once."""

    def __init__(self, batch: Sequence[Transition]) -> None:
        self.put: dict[ItemId, QueueItem] = {}
        self.renew: dict[ItemId, QueueItem] = {}
        self.renew_due: dict[ItemId, QueueItem] = {}
        self.done: list[ItemId] = []
        for transition in batch:
            for item in transition.put:
                self.put[item.id] = item
            for item in transition.renew:
                self._renew(item, self.renew)
            for item in transition.renew_due:
                self._renew(item, self.renew_due)
            for item_id in transition.done:
                self._finish(item_id)

    def _renew(self, item: QueueItem, unwritten: dict[ItemId, QueueItem]) -> None:
        if item.id in self.put:
            self.put[item.id] = item
        elif item.id in self.renew_due:
            self.renew_due[item.id] = item
        else:
            self.renew.pop(item.id, None)
            unwritten[item.id] = item

    def _finish(self, item_id: ItemId) -> None:
        if self.put.pop(item_id, None) is None:
            self.renew.pop(item_id, None)
            self.renew_due.pop(item_id, None)
            self.done.append(item_id)


def _write_queue(into: Target, batch: Sequence[Transition], places: Places) -> None:
    changes = _QueueChanges(batch)
    partition_of = places.partition_of
    put: list[Any] = []
    renew: list[Any] = []
    renew_due: list[Any] = []
    for i in changes.put.values():
        put += (
            i.id,
            partition_of(i.function_id),
            i.function_id,
            i.run_id,
            int(i.kind),
            i.step,
            i.attempt,
        )
        put += (i.due_ms, i.queued_ms, i.body, i.lane, i.score)
    for i in changes.renew.values():
        renew += (i.id, int(i.kind), i.step, i.attempt, i.queued_ms, i.body)
    for i in changes.renew_due.values():
        renew_due += (i.id, int(i.kind), i.step, i.attempt, i.due_ms, i.queued_ms, i.body)
        renew_due += (i.lane, i.score)
    into.rows(_DONE, changes.done)
    into.rows(_PUT, put)
    into.rows(_RENEW, renew)
    into.rows(_RENEW_DUE, renew_due)
    if not places.are_one:
        announce(into, changes.put.values(), places)


def _write_waits(into: Target, batch: Sequence[Transition]) -> None:
    values: list[Any] = []
    done: list[int] = []
    for transition in batch:
        for w in transition.waits:
            values += (w.id, int(w.kind), w.environment_id, w.event_name, w.match_path)
            values += (w.match_value, w.condition, w.bindings, w.run_id, w.function_id, w.step)
            values += (w.created_ms, w.expires_ms, w.trigger_id)
        done += [ref.id for ref in transition.waits_done]
    into.rows(_WAITS, values)
    into.rows(_WAITS_DONE, done)


def _write_decisions(into: Target, batch: Sequence[Transition]) -> None:
    held: dict[tuple[str, str], Claim] = {}
    skips: list[Any] = []
    for transition in batch:
        for claim in transition.claims:
            held[claim.function_id, claim.key] = claim
        for skip in transition.skips:
            skips += (skip.event_id, skip.function_id, skip.reason.value, skip.detail, skip.at_ms)
    claims: list[Any] = []
    for claim in held.values():
        claims += (claim.function_id, claim.key, claim.run_id, claim.expires_ms)
    into.rows(_CLAIMS, claims)
    into.rows(_SKIPS, skips)
