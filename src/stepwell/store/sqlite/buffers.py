"""Buffers: the events that debounces and batches hold back."""

# ruff: noqa: S608 - what is put into the SQL are our own constants

import sqlite3
from collections.abc import Collection, Sequence
from typing import Any, Final

from stepwell.core.transition import Buffer, BufferedEvent, BufferRef, Transition
from stepwell.store.sqlite.bulk import BulkStatement
from stepwell.store.sqlite.connections import snapshot

__all__ = ["buffered_events", "buffers", "write_buffers"]

_BUFFER_COLUMNS: Final = "id, item_id, opened_ms, due_ms, deadline_ms, events, bytes"
_EVENT_COLUMNS: Final = (
    "buffer_id, position, event_id, ts_ms, claim_key, cron, parent_run_id, parent_function_id,"
    " parent_step"
)

_BUFFER: Final = f"""
SELECT {_BUFFER_COLUMNS} FROM buffers WHERE function_id = ? AND kind = ? AND key = ?
"""
_EVENTS: Final = f"""
SELECT {_EVENT_COLUMNS} FROM buffered_events WHERE buffer_id = ? ORDER BY position
"""
_PUT: Final = BulkStatement(
    f"INSERT OR REPLACE INTO buffers (function_id, kind, key, {_BUFFER_COLUMNS}) VALUES {{rows}}",
    columns=10,
)
_PUT_EVENTS: Final = BulkStatement(
    f"INSERT OR REPLACE INTO buffered_events ({_EVENT_COLUMNS}) VALUES {{rows}}", columns=9
)
_REMOVE: Final = BulkStatement("DELETE FROM buffers WHERE id IN (VALUES {rows})", columns=1)
_REMOVE_AT: Final = "DELETE FROM buffers WHERE function_id = ? AND kind = ? AND key = ?"
_REMOVE_EVENTS: Final = BulkStatement(
    "DELETE FROM buffered_events WHERE buffer_id IN (VALUES {rows})", columns=1
)


class _Changes:
    """What a batch does to buffers in the end; what it removes is removed before it writes.

    Attributes:
        gone: Where a buffer that this batch wrote ended again. What stood there before gave way to
            it, so that nothing is left.
    """

    def __init__(self, batch: Sequence[Transition]) -> None:
        self.put: dict[BufferRef, Buffer] = {}
        self.events: dict[str, dict[int, BufferedEvent]] = {}
        self.done: list[str] = []
        self.gone: list[BufferRef] = []
        self._refs: dict[str, BufferRef] = {}
        for transition in batch:
            for buffer in transition.buffers:
                self.put[buffer.ref] = buffer
                self._refs[buffer.id] = buffer.ref
            for event in transition.buffered:
                self.events.setdefault(event.buffer_id, {})[event.position] = event
            for buffer_id in transition.buffers_done:
                self._remove(buffer_id)

    def _remove(self, buffer_id: str) -> None:
        self.done.append(buffer_id)
        self.events.pop(buffer_id, None)
        ref = self._refs.get(buffer_id)
        if ref is not None and ref in self.put and self.put[ref].id == buffer_id:
            del self.put[ref]
            self.gone.append(ref)


def write_buffers(connection: sqlite3.Connection, batch: Sequence[Transition]) -> None:
    """Write what the transitions, one after the other, do to buffers and their events."""
    changes = _Changes(batch)
    put: list[Any] = []
    events: list[Any] = []
    for b in changes.put.values():
        put += (b.ref.function_id, int(b.ref.kind), b.ref.key, b.id, b.item_id, b.opened_ms)
        put += (b.due_ms, b.deadline_ms, b.events, b.bytes)
    for buffered in changes.events.values():
        for e in buffered.values():
            events += (e.buffer_id, e.position, e.event_id, e.ts_ms, e.claim_key, e.cron)
            events += (e.parent_run_id, e.parent_function_id, e.parent_step)
    for ref in changes.gone:
        connection.execute(_REMOVE_AT, (ref.function_id, int(ref.kind), ref.key))
    _REMOVE.run(connection, changes.done)
    _REMOVE_EVENTS.run(connection, changes.done)
    _PUT.run(connection, put)
    _PUT_EVENTS.run(connection, events)


def buffers(connection: sqlite3.Connection, refs: Collection[BufferRef]) -> dict[BufferRef, Buffer]:
    """Those of the buffers that exist, all of one moment."""
    found: dict[BufferRef, Buffer] = {}
    with snapshot(connection):
        for ref in refs:
            key = (ref.function_id, int(ref.kind), ref.key)
            row = connection.execute(_BUFFER, key).fetchone()
            if row is not None:
                found[ref] = Buffer(ref, *row)
    return found


def buffered_events(
    connection: sqlite3.Connection, buffer_ids: Sequence[str]
) -> dict[str, list[BufferedEvent]]:
    """The events of each buffer, by position, all of one moment."""
    with snapshot(connection):
        return {
            buffer_id: [BufferedEvent(*row) for row in connection.execute(_EVENTS, (buffer_id,))]
            for buffer_id in buffer_ids
        }
