"""What debounces and batches have in common: events held back, and the timer that ends it.

A buffer, its events and its timer are rows of the commits that decide about the events, so none of
them can be there without the others.
"""

from stepwell.core.arrival import Arrival
from stepwell.core.item_bodies import BufferBody
from stepwell.core.journal import Caller
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.scheduling import Origin
from stepwell.core.transition import Buffer, BufferedEvent, BufferKind

__all__ = ["callers_of", "held_event", "origin_of", "timer_of"]

_TIMERS = {BufferKind.DEBOUNCE: ItemKind.DEBOUNCE, BufferKind.BATCH: ItemKind.BATCH}


def held_event(buffer: Buffer, position: int, arrival: Arrival) -> BufferedEvent:
    """The event at its place in the buffer."""
    origin = arrival.origin
    return BufferedEvent(
        buffer.id,
        position,
        arrival.event.id,
        arrival.event.ts_ms,
        claim_key=origin.claim_key,
        cron=origin.cron,
        parent_run_id=origin.parent_run_id,
        parent_function_id=origin.parent_function_id,
        parent_step=origin.parent_step,
    )


def origin_of(held: BufferedEvent) -> Origin:
    """Where a run of one event that was held back comes from."""
    return Origin(
        parent_run_id=held.parent_run_id,
        parent_function_id=held.parent_function_id,
        parent_step=held.parent_step,
        cron=held.cron,
        claim_key=held.claim_key,
    )


def callers_of(held: BufferedEvent) -> tuple[Caller, ...]:
    """The step that waits for what comes of the event, if it is an invocation."""
    return origin_of(held).all_callers


def timer_of(buffer: Buffer) -> QueueItem:
    """The item that ends the buffer when it is due."""
    ref = buffer.ref
    return QueueItem(
        buffer.item_id,
        _TIMERS[ref.kind],
        ref.function_id,
        due_ms=buffer.due_ms,
        queued_ms=buffer.opened_ms,
        body=BufferBody(ref.kind, ref.key, buffer.id).encode(),
    )
