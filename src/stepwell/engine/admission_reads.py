"""Reading what is stored about a batch of events that are to be decided about.

A handful of round trips for hundreds of events, and none for options that no function of them has.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

import msgspec
import structlog

from stepwell.core.admission import BufferEnd
from stepwell.core.admission_view import Findings, FunctionKey
from stepwell.core.arrival import Arrival, arrive
from stepwell.core.batching import is_full
from stepwell.core.function import Function, FunctionIndex
from stepwell.core.identity import EventId, FunctionId
from stepwell.core.item_bodies import AdmitBody, BufferBody
from stepwell.core.keys import event_value
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.singleton import singleton_key
from stepwell.core.transition import (
    Buffer,
    BufferedEvent,
    BufferKind,
    BufferRef,
    StoredEvent,
)
from stepwell.core.trigger import TriggerEvent
from stepwell.engine.store import Store

__all__ = ["AdmissionReads", "Question", "Questions", "claim_keys"]

_log = structlog.get_logger("stepwell.engine")

# Events kept in memory until their turn comes; others are read again.
_EVENTS_MAX: Final = 1_000
_EVENT_BYTES_MAX: Final = 16 * 1024 * 1024

Question = Arrival | BufferEnd
Functions = Callable[[], FunctionIndex]


class Questions(msgspec.Struct, frozen=True):
    """What is to be decided about in one go.

    Attributes:
        asked: Events and ends of buffers, in order.
        pointless: Items of events that are not stored any more.
        unreadable: Items that cannot be understood; they stay in the queue.
    """

    asked: list[Question]
    pointless: list[QueueItem]
    unreadable: list[QueueItem]

    def arrivals(self) -> Iterator[Arrival]:
        """The events."""
        return (each for each in self.asked if isinstance(each, Arrival))

    def ends(self) -> Iterator[BufferEnd]:
        """The ends of buffers."""
        return (each for each in self.asked if isinstance(each, BufferEnd))


class AdmissionReads:
    """Reads for decisions about events; keeps those in memory that have just been written.

    Args:
        store: Where everything is.
        functions: The functions as registered now.
    """

    def __init__(self, store: Store, *, functions: Functions) -> None:
        self._store = store
        self._functions = functions
        self._events: dict[EventId, TriggerEvent] = {}
        self._event_bytes = 0

    def keep(self, events: Iterable[StoredEvent]) -> None:
        """Keep events that will be asked about soon, as long as there are not too many."""
        for event in events:
            if len(self._events) >= _EVENTS_MAX or self._event_bytes >= _EVENT_BYTES_MAX:
                return
            if event.id not in self._events:
                self._events[event.id] = TriggerEvent.stored(event)
                self._event_bytes += len(event.payload)

    async def questions(self, items: Iterable[QueueItem], *, now_ms: int) -> Questions:
        """Find out what the items ask: their events and what the functions' keys say of them."""
        questions = Questions([], [], [])
        bodies: list[tuple[QueueItem, AdmitBody | BufferBody]] = []
        for item in items:
            try:
                bodies.append((item, _body(item)))
            except msgspec.MsgspecError:
                _log.exception("admission.unreadable", item_id=item.id, kind=item.kind.name)
                questions.unreadable.append(item)
        event_ids = [body.event_id for _, body in bodies if isinstance(body, AdmitBody)]
        events = await self._read_events(event_ids)
        functions = self._functions()
        for item, body in bodies:
            function = functions.get(item.function_id)
            if isinstance(body, BufferBody):
                questions.asked.append(_end(item, body, function))
            elif (event := events.get(body.event_id)) is None:
                questions.pointless.append(item)
            else:
                questions.asked.append(arrive(item, event, function, now_ms=now_ms))
        return questions

    async def findings(self, questions: Questions, *, now_ms: int) -> Findings:
        """Read what is stored about them, except for claims."""
        store = self._store
        refs = {arrival.buffer for arrival in questions.arrivals() if arrival.buffer is not None}
        refs |= {end.ref for end in questions.ends()}
        buffers = await store.buffers(refs) if refs else {}
        ending = _ending(questions, buffers)
        wanted = {ref for ref in buffers if ref.kind is BufferKind.DEBOUNCE} | ending
        ids = sorted(buffers[ref].id for ref in wanted)
        buffered = await store.buffered_events(ids) if ids else {}
        first_ids = [buffered[buffers[ref].id][0].event_id for ref in ending]
        events = await self._read_events(sorted(first_ids)) if first_ids else {}
        events |= {arrival.event.id: arrival.event for arrival in questions.arrivals()}
        keys = _singleton_keys(questions, buffers, buffered, events, now_ms=now_ms)
        limits = {
            (arrival.item.function_id, key)
            for arrival in questions.arrivals()
            if (key := arrival.rate_key) is not None
        }
        return Findings(
            events=events,
            limits=await store.rate_limits(limits) if limits else {},
            buffers=buffers,
            buffered=buffered,
            holders=await store.singletons(keys) if keys else {},
        )

    async def _read_events(self, event_ids: Sequence[EventId]) -> dict[EventId, TriggerEvent]:
        found: dict[EventId, TriggerEvent] = {}
        unknown: dict[EventId, None] = {}
        for event_id in event_ids:
            event = self._events.pop(event_id, None)
            if event is not None:
                self._event_bytes -= len(event.payload)
                found[event_id] = event
            elif event_id not in found:
                unknown[event_id] = None
        if unknown:
            stored = await self._store.events(list(unknown))
            found |= {event_id: TriggerEvent.stored(event) for event_id, event in stored.items()}
        return found


def claim_keys(questions: Questions, findings: Findings) -> list[FunctionKey]:
    """The keys under which repetitions of the events in question are recognised."""
    keys = {(each.item.function_id, each.origin.claim_key) for each in questions.arrivals()}
    for end in questions.ends():
        buffer = findings.buffers.get(end.ref)
        if buffer is not None and end.ref.kind is BufferKind.DEBOUNCE:
            keys |= {(end.ref.function_id, e.claim_key) for e in findings.buffered[buffer.id]}
    return sorted(key for key in keys if key[1])


def _body(item: QueueItem) -> AdmitBody | BufferBody:
    kind = AdmitBody if item.kind is ItemKind.ADMIT else BufferBody
    return kind.decode(item.body)


def _end(item: QueueItem, body: BufferBody, function: Function | None) -> BufferEnd:
    if function is not None and function.archived:
        function = None
    ref = BufferRef(item.function_id, body.kind, body.key)
    return BufferEnd(item, ref, body.buffer_id, function)


def _ending(questions: Questions, buffers: Mapping[BufferRef, Buffer]) -> set[BufferRef]:
    """The buffers that may end: by their timers, or because all events in question fill them."""
    ending = {end.ref for end in questions.ends() if end.ref in buffers}
    added: dict[BufferRef, tuple[int, int]] = {}
    for arrival in questions.arrivals():
        ref, function = arrival.buffer, arrival.function
        if ref is None or function is None or ref not in buffers:
            continue
        batch = function.config.batch
        if batch is None or ref.kind is not BufferKind.BATCH:
            continue
        buffer = buffers[ref]
        events, size_bytes = added.get(ref, (buffer.events, buffer.bytes))
        events, size_bytes = events + 1, size_bytes + len(arrival.event.payload)
        added[ref] = events, size_bytes
        if is_full(batch, events=events, size_bytes=size_bytes):
            ending.add(ref)
    return ending


def _singleton_keys(
    questions: Questions,
    buffers: Mapping[BufferRef, Buffer],
    buffered: Mapping[str, Sequence[BufferedEvent]],
    events: Mapping[EventId, TriggerEvent],
    *,
    now_ms: int,
) -> set[FunctionKey]:
    keys: set[tuple[FunctionId, str]] = set()
    for arrival in questions.arrivals():
        keys.add((arrival.item.function_id, arrival.singleton))
    for end in questions.ends():
        buffer, function = buffers.get(end.ref), end.function
        if buffer is None or function is None or function.config.singleton is None:
            continue
        event = events.get(buffered[buffer.id][0].event_id)
        if event is not None:
            value = event_value(event.payload)
            keys.add((function.id, singleton_key(function, value, now_ms=now_ms)))
    return {key for key in keys if key[1]}
