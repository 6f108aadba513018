"""Writing a batch of transitions: a few statements per table, whatever the size of the batch."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from stepwell.core.identity import ItemId
from stepwell.core.journal import encode_entry
from stepwell.core.queue import QueueItem
from stepwell.core.status import RunStatus
from stepwell.core.transition import Transition
from stepwell.engine.store import Ownership, OwnershipLost
from stepwell.store.errors import StoreDefect
from stepwell.store.sqlite import limits
from stepwell.store.sqlite.annotations import write_annotations
from stepwell.store.sqlite.buffers import write_buffers
from stepwell.store.sqlite.bulk import BulkStatement
from stepwell.store.sqlite.catalog import write_catalog
from stepwell.store.sqlite.connections import transaction
from stepwell.store.sqlite.forgetting import write_forgotten
from stepwell.store.sqlite.operations import write_operations
from stepwell.store.sqlite.rollups import write_rollups
from stepwell.store.sqlite.rows import encode_event_ids
from stepwell.store.sqlite.signals import write_signals

__all__ = ["PROBE_BYTES", "expire_claims", "expire_limits", "probe", "take", "write"]

#: A disk that takes this much has room for batches again.
PROBE_BYTES: Final = 64 * 1024

_EPOCH: Final = "SELECT epoch FROM partitions WHERE id = ?"
_TAKE: Final = """
INSERT INTO partitions (id, epoch, probe) VALUES (?, 1, x'')
    ON CONFLICT (id) DO UPDATE SET epoch = epoch + 1
RETURNING epoch
"""
_PROBE: Final = "UPDATE partitions SET probe = zeroblob(?) WHERE id = ?"
_EXPIRE_CLAIMS: Final = """
DELETE FROM claims WHERE (function_id, key) IN (
    SELECT function_id, key FROM claims WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?)
"""

_EVENTS: Final = BulkStatement(
    "INSERT INTO events (id, number, environment_id, name, external_id, ts_ms, received_ms,"
    " payload) VALUES {rows}",
    columns=8,
)
_RUNS: Final = BulkStatement(
    "INSERT INTO runs (id, environment_id, app_id, function_id, function_version, status,"
    " queued_ms, scheduled_ms, started_ms, ended_ms, ended_seq, event_id, event_name, event_ids,"
    " cron, parent_run_id, parent_function_id, parent_step, origin_run_id, lane, score,"
    " singleton, batch_id, replay_id, mode) VALUES {rows}",
    columns=25,
)
_BATCH_EVENTS: Final = BulkStatement(
    "INSERT OR IGNORE INTO batch_events (event_id, run_id) VALUES {rows}", columns=2
)
_STARTED: Final = BulkStatement(
    "UPDATE runs SET status = v.column2, started_ms = v.column3"
    " FROM (VALUES {rows}) AS v WHERE id = v.column1",
    columns=3,
)
_ENDED: Final = BulkStatement(
    "UPDATE runs SET status = v.column2, started_ms = v.column3, ended_ms = v.column4,"
    " ended_seq = v.column5 FROM (VALUES {rows}) AS v WHERE id = v.column1",
    columns=5,
)
_JOURNAL: Final = BulkStatement("INSERT INTO journal (run_id, seq, body) VALUES {rows}", columns=3)
_PUT: Final = BulkStatement(
    "INSERT INTO queue (item_id, partition_id, function_id, run_id, kind, step, attempt, due_ms,"
    " queued_ms, body, lane, score) VALUES {rows}",
    columns=12,
)
# Columns that an index holds stay out of it: an item that stays due costs no index write.
_RENEW: Final = BulkStatement(
    "UPDATE queue SET kind = v.column2, step = v.column3, attempt = v.column4,"
    " queued_ms = v.column5, body = v.column6 FROM (VALUES {rows}) AS v"
    " WHERE item_id = v.column1",
    columns=6,
)
_RENEW_DUE: Final = BulkStatement(
    "UPDATE queue SET kind = v.column2, step = v.column3, attempt = v.column4, due_ms = v.column5,"
    " queued_ms = v.column6, body = v.column7, lane = v.column8, score = v.column9"
    " FROM (VALUES {rows}) AS v WHERE item_id = v.column1",
    columns=9,
)
_DONE: Final = BulkStatement("DELETE FROM queue WHERE item_id IN (VALUES {rows})", columns=1)
_WAITS: Final = BulkStatement(
    "INSERT INTO waits (wait_id, kind, environment_id, event_name, match_path, match_value,"
    " condition, bindings, run_id, function_id, step, created_ms, expires_ms, trigger_id)"
    " VALUES {rows}",
    columns=14,
)
_WAITS_DONE: Final = BulkStatement("DELETE FROM waits WHERE wait_id IN (VALUES {rows})", columns=1)
_CLAIMS: Final = BulkStatement(
    "INSERT OR REPLACE INTO claims (function_id, key, run_id, expires_ms) VALUES {rows}", columns=4
)
_SKIPS: Final = BulkStatement(
    "INSERT INTO skips (event_id, function_id, reason, detail, at_ms) VALUES {rows}", columns=5
)


def take(connection: sqlite3.Connection, partition: int) -> int:
    """The epoch at which the partition is owned from now on."""
    with transaction(connection):
        (epoch,) = connection.execute(_TAKE, (partition,)).fetchone()
    assert isinstance(epoch, int)
    return epoch


def write(connection: sqlite3.Connection, owner: Ownership, batch: Sequence[Transition]) -> None:
    """Write all rows of all transitions inside the transaction that is open."""
    _check_epoch(connection, owner)
    write_catalog(connection, batch)
    _write_events(connection, batch)
    _write_runs(connection, batch)
    _write_journal(connection, batch)
    _write_queue(connection, owner.partition, batch)
    _write_waits(connection, batch)
    _write_decisions(connection, batch)
    write_rollups(connection, batch)
    # Most batches have nothing of this.
    if rare := [transition for transition in batch if _holds_back(transition)]:
        limits.write_limits(connection, rare)
        write_buffers(connection, rare)
        write_signals(connection, rare)
        write_operations(connection, rare)
        write_annotations(connection, rare)
        write_forgotten(connection, owner.partition, rare)


def probe(connection: sqlite3.Connection, owner: Ownership) -> None:
    """Write as much as a batch would, and take it back."""
    for probe_bytes in (PROBE_BYTES, 0):
        with transaction(connection):
            _check_epoch(connection, owner)
            connection.execute(_PROBE, (probe_bytes, owner.partition))


def expire_claims(connection: sqlite3.Connection, owner: Ownership, now_ms: int, limit: int) -> int:
    """Delete up to `limit` expired claims; the number deleted."""
    with transaction(connection):
        _check_epoch(connection, owner)
        return connection.execute(_EXPIRE_CLAIMS, (now_ms, limit)).rowcount


def expire_limits(connection: sqlite3.Connection, owner: Ownership, now_ms: int, limit: int) -> int:
    """Delete up to `limit` expired states of limits; the number deleted."""
    with transaction(connection):
        _check_epoch(connection, owner)
        return limits.expire_limits(connection, now_ms, limit)


def _check_epoch(connection: sqlite3.Connection, owner: Ownership) -> None:
    if connection.execute(_EPOCH, (owner.partition,)).fetchone() != (owner.epoch,):
        raise OwnershipLost(owner.partition, owner.epoch)


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
        or t.forgotten
        or t.metadata
        or t.spans
    )


def _write_events(connection: sqlite3.Connection, batch: Sequence[Transition]) -> None:
    values: list[Any] = []
    for transition in batch:
        for e in transition.events:
            values += (
                e.id,
                e.number,
                e.environment_id,
                e.name,
                e.external_id,
                e.ts_ms,
                e.received_ms,
                e.payload,
            )
    _EVENTS.run(connection, values)


def _write_runs(connection: sqlite3.Connection, batch: Sequence[Transition]) -> None:
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
    _RUNS.run(connection, values)
    _BATCH_EVENTS.run(connection, later_events)
    _STARTED.run(connection, started)
    _ENDED.run(connection, ended)


def _write_journal(connection: sqlite3.Connection, batch: Sequence[Transition]) -> None:
    values: list[Any] = []
    for transition in batch:
        for row in transition.journal:
            values += (row.run_id, row.seq, encode_entry(row.entry))
    _JOURNAL.run(connection, values)


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


def _write_queue(
    connection: sqlite3.Connection, partition: int, batch: Sequence[Transition]
) -> None:
    changes = _QueueChanges(batch)
    put: list[Any] = []
    renew: list[Any] = []
    renew_due: list[Any] = []
    for i in changes.put.values():
        put += (i.id, partition, i.function_id, i.run_id, int(i.kind), i.step, i.attempt)
        put += (i.due_ms, i.queued_ms, i.body, i.lane, i.score)
    for i in changes.renew.values():
        renew += (i.id, int(i.kind), i.step, i.attempt, i.queued_ms, i.body)
    for i in changes.renew_due.values():
        renew_due += (i.id, int(i.kind), i.step, i.attempt, i.due_ms, i.queued_ms, i.body)
        renew_due += (i.lane, i.score)
    _DONE.run(connection, changes.done)
    _PUT.run(connection, put)
    renewed = _RENEW.run(connection, renew) + _RENEW_DUE.run(connection, renew_due)
    if renewed != len(changes.renew) + len(changes.renew_due):
        raise StoreDefect("commit", "an item to be renewed is not in the queue")


def _write_waits(connection: sqlite3.Connection, batch: Sequence[Transition]) -> None:
    values: list[Any] = []
    done: list[int] = []
    for transition in batch:
        for w in transition.waits:
            values += (w.id, int(w.kind), w.environment_id, w.event_name, w.match_path)
            values += (w.match_value, w.condition, w.bindings, w.run_id, w.function_id, w.step)
            values += (w.created_ms, w.expires_ms, w.trigger_id)
        done += [ref.id for ref in transition.waits_done]
    _WAITS.run(connection, values)
    _WAITS_DONE.run(connection, done)


def _write_decisions(connection: sqlite3.Connection, batch: Sequence[Transition]) -> None:
    claims: list[Any] = []
    skips: list[Any] = []
    for transition in batch:
        for claim in transition.claims:
            claims += (claim.function_id, claim.key, claim.run_id, claim.expires_ms)
        for skip in transition.skips:
            skips += (skip.event_id, skip.function_id, skip.reason.value, skip.detail, skip.at_ms)
    _CLAIMS.run(connection, claims)
    _SKIPS.run(connection, skips)
