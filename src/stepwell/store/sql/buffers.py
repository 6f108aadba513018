"""Buffers: the events that debounces and batches hold back."""

# ruff: noqa: S608 - what is put into the SQL are our own constants

from collections.abc import Collection, Sequence
from typing import Any, Final

from stepwell.core.transition import Buffer, BufferedEvent, BufferRef, Transition
from stepwell.store.sql.statements import BulkStatement, Query, Question, Statement, Target

__all__ = ["buffered_events", "buffers", "write_buffers"]

_BUFFER_COLUMNS: Final = "id, item_id, opened_ms, due_ms, deadline_ms, events, bytes"
_EVENT_VALUES: Final = (
    "event_id, ts_ms, claim_key, cron, parent_run_id, parent_function_id, parent_step"
)
_EVENT_COLUMNS: Final = f"buffer_id, position, {_EVENT_VALUES}"


def _replaced(columns: str) -> str:
    return ", ".join(f"{name} = excluded.{name}" for name in columns.split(", "))


_BUFFER: Final = Statement(f"""
SELECT {_BUFFER_COLUMNS} FROM buffers WHERE function_id = ?1 AND kind = ?2 AND key = ?3
""")
_EVENTS: Final = Statement(f"""
SELECT {_EVENT_COLUMNS} FROM buffered_events WHERE buffer_id = ?1 ORDER BY position
""")
_PUT: Final = BulkStatement(
    f"INSERT INTO buffers (function_id, kind, key, {_BUFFER_COLUMNS}) VALUES {{rows}}"
    f" ON CONFLICT (function_id, kind, key) DO UPDATE SET {_replaced(_BUFFER_COLUMNS)}",
    columns="tittiiiiii",
)
_PUT_EVENTS: Final = BulkStatement(
    f"INSERT INTO buffered_events ({_EVENT_COLUMNS}) VALUES {{rows}}"
    f" ON CONFLICT (buffer_id, position) DO UPDATE SET {_replaced(_EVENT_VALUES)}",
    columns="titittttt",
)
_REMOVE: Final = BulkStatement("DELETE FROM buffers WHERE id IN (VALUES {rows})", columns="t")
_REMOVE_AT: Final = Statement(
    "DELETE FROM buffers WHERE function_id = ?1 AND kind = ?2 AND key = ?3"
)
_REMOVE_EVENTS: Final = BulkStatement(
    "DELETE FROM buffered_events WHERE buffer_id IN (VALUES {rows})", columns="t"
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


def write_buffers(into: Target, batch: Sequence[Transition]) -> None:
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
        into.run(_REMOVE_AT, (ref.function_id, int(ref.kind), ref.key))
    into.rows(_REMOVE, changes.done)
    into.rows(_REMOVE_EVENTS, changes.done)
    into.rows(_PUT, put)
    into.rows(_PUT_EVENTS, events)


def buffers(refs: Collection[BufferRef]) -> Question[dict[BufferRef, Buffer]]:
    """Those of the buffers that exist."""
    asked = list(refs)
    answers = yield [Query(_BUFFER, (ref.function_id, int(ref.kind), ref.key)) for ref in asked]
    return {
        ref: Buffer(ref, *row)
        for ref, found in zip(asked, answers, strict=True)
        for row in found.rows
    }


def buffered_events(buffer_ids: Sequence[str]) -> Question[dict[str, list[BufferedEvent]]]:
    """The events of each buffer, by position."""
    answers = yield [Query(_EVENTS, (buffer_id,)) for buffer_id in buffer_ids]
    return {
        buffer_id: [BufferedEvent(*row) for row in found.rows]
        for buffer_id, found in zip(buffer_ids, answers, strict=True)
    }
