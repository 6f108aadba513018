"""Batches: events are collected, and one run gets all of them, in the order they came.

A batch that is full is run by the very transition that fills it; the next event opens the next one.

Source: flow control, 7.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from stepwell.core.admission_view import AdmissionView
from stepwell.core.arrival import Arrival
from stepwell.core.buffering import callers_of, held_event, origin_of, timer_of
from stepwell.core.function import Function
from stepwell.core.identity import ItemId, RunId
from stepwell.core.moment import Moment
from stepwell.core.scheduling import CLAIM_MS, Origin
from stepwell.core.starting import start, turn_away
from stepwell.core.transition import (
    Buffer,
    BufferedEvent,
    BufferRef,
    Claim,
    SkipReason,
    Transition,
)
from stepwell.core.trigger import TriggerEvent
from stepwell.wire.config import Batch

__all__ = ["BATCH_BYTES_MAX", "append_event", "end_batch", "is_full"]

#: A batch whose payloads have reached this size is run. Source: flow control, 7.3.
BATCH_BYTES_MAX: Final = 10 * 1024 * 1024
#: The run of a batch is only known when the batch ends.
_NO_RUN_YET: Final = RunId("")


def is_full(batch: Batch, *, events: int, size_bytes: int) -> bool:
    """Whether so many events are a batch that need not wait for more."""
    return events >= batch.size_max or size_bytes >= BATCH_BYTES_MAX


def append_event(
    transition: Transition, arrival: Arrival, view: AdmissionView, *, at: Moment
) -> None:
    """Add the event to the batch with its key, and run the batch if it is full now."""
    function, ref = arrival.function, arrival.buffer
    assert function is not None
    assert ref is not None
    batch = function.config.batch
    assert batch is not None
    buffer = view.buffer(ref)
    if buffer is not None and is_full(batch, events=buffer.events, size_bytes=buffer.bytes):
        # The function was given a smaller size meanwhile.
        end_batch(transition, buffer, function, view.buffered(buffer.id), view, at=at)
        transition.done.append(buffer.item_id)
        buffer = None
    if buffer is None:
        buffer = _opened(ref, batch, at=at)
        transition.put.append(timer_of(buffer))
    held = held_event(buffer, buffer.events, arrival)
    buffer = msgspec.structs.replace(
        buffer, events=buffer.events + 1, bytes=buffer.bytes + len(arrival.event.payload)
    )
    if is_full(batch, events=buffer.events, size_bytes=buffer.bytes):
        events = [*view.buffered(buffer.id), held]
        end_batch(transition, buffer, function, events, view, at=at)
        transition.done.append(buffer.item_id)
        return
    transition.buffers.append(buffer)
    transition.buffered.append(held)
    if held.claim_key:
        expires_ms = at.now_ms + CLAIM_MS
        transition.claims.append(Claim(function.id, held.claim_key, _NO_RUN_YET, expires_ms))


def end_batch(
    transition: Transition,
    buffer: Buffer,
    function: Function | None,
    events: Sequence[BufferedEvent],
    view: AdmissionView,
    *,
    at: Moment,
) -> None:
    """Run the batch, also if the function does not collect events any more.

    Args:
        transition: What it is added to.
        buffer: The batch.
        function: The function as registered now; None if it is not any more.
        events: All of its events, in order.
        view: What is stored.
        at: Clock and ids for this decision.
    """
    transition.buffers_done.append(buffer.id)
    if function is None:
        for held in events:
            turn_away(
                transition,
                buffer.ref.function_id,
                held.event_id,
                origin_of(held),
                reason=SkipReason.FUNCTION_GONE,
                detail="",
                at=at,
            )
        return
    first = view.event(events[0].event_id)
    assert first is not None, "an event that is held back is stored"
    # The first event decides; of the others the run keeps the ids.
    others = [TriggerEvent(held.event_id, first.name, held.ts_ms, b"") for held in events[1:]]
    callers = tuple(caller for held in events for caller in callers_of(held))
    origin = Origin(cron=events[0].cron, batch_id=buffer.id, callers=callers)
    run = start(transition, function, [first, *others], origin, view=view, at=at)
    expires_ms = at.now_ms + CLAIM_MS
    transition.claims += [
        Claim(function.id, held.claim_key, run.id, expires_ms) for held in events if held.claim_key
    ]


def _opened(ref: BufferRef, batch: Batch, *, at: Moment) -> Buffer:
    due_ms = at.now_ms + batch.timeout_ms
    return Buffer(
        ref,
        at.ids.ulid(at.now_ms),
        ItemId(at.ids.number()),
        opened_ms=at.now_ms,
        due_ms=due_ms,
        deadline_ms=due_ms,
        events=0,
        bytes=0,
    )
