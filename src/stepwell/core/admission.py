"""Whether an event starts a function that limits, merges or skips events.

An event reaches such a function as an item that is decided about in its turn, one item after the
other, so that each decision sees what those before it have changed. An event that is not decided
about finally is held back by a buffer, whose end is decided about in the same row of decisions.

The order of the checks: the function is registered; the event is no repetition; the function is
not paused; the event joins a batch; the rate limit; debouncing; a singleton that is live.

Source: flow control, 2.1; execution semantics, 2.3.
"""

from collections.abc import Iterable, Iterator
from heapq import merge

import msgspec

from stepwell.core.admission_view import AdmissionView
from stepwell.core.arrival import Arrival
from stepwell.core.batching import append_event, end_batch
from stepwell.core.debouncing import end_debounce, hold_back
from stepwell.core.function import Function
from stepwell.core.gcra import NS_PER_MS, expires_ms, rate_limit
from stepwell.core.moment import Moment
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.starting import start, turn_away
from stepwell.core.transition import (
    BufferKind,
    BufferRef,
    LimitKind,
    LimitState,
    SkipReason,
    Transition,
)

__all__ = ["BufferEnd", "admit", "end_buffer", "in_order", "record_defect"]


class BufferEnd(msgspec.Struct, frozen=True):
    """The turn of a debounce's or a batch's timer.

    Attributes:
        item: The DEBOUNCE or BATCH item.
        buffer_id: The buffer it was made for; another one may stand under `ref` by now.
        function: As registered now; None if it is not any more.
    """

    item: QueueItem
    ref: BufferRef
    buffer_id: str
    function: Function | None


def in_order(items: Iterable[QueueItem]) -> Iterator[QueueItem]:
    """The items in the order in which they are decided about.

    Events go by their ids, which is the order in which they were accepted. A timer goes before the
    events that came when it was due or later.
    """
    by_id = sorted(items, key=lambda item: item.id)
    arrivals = [item for item in by_id if item.kind is ItemKind.ADMIT]
    timers = [item for item in by_id if item.kind is not ItemKind.ADMIT]
    timers.sort(key=lambda item: item.due_ms)
    return merge(timers, arrivals, key=lambda item: item.due_ms or item.queued_ms)


def admit(arrival: Arrival, view: AdmissionView, *, at: Moment) -> Transition:
    """Decide about one event: exactly one outcome, which is written with everything it changes."""
    transition = Transition(done=[arrival.item.id])
    function, event, origin = arrival.function, arrival.event, arrival.origin
    reason, detail = None, ""
    if function is None:
        reason = SkipReason.FUNCTION_GONE
    elif view.is_claimed(function.id, origin.claim_key):
        reason, detail = SkipReason.DUPLICATE, origin.claim_key
    elif function.skips_new_runs:
        start(transition, function, [event], origin, view=view, at=at)
    elif arrival.buffer is not None and arrival.buffer.kind is BufferKind.BATCH:
        append_event(transition, arrival, view, at=at)
    elif not _is_within_limit(transition, arrival, view, at=at):
        reason, detail = SkipReason.RATE_LIMITED, arrival.rate_value or ""
    elif arrival.buffer is not None:
        hold_back(transition, arrival, view, at=at)
    else:
        start(transition, function, [event], origin, key=arrival.singleton, view=view, at=at)
    if reason is not None:
        function_id = arrival.item.function_id
        turn_away(transition, function_id, event.id, origin, reason=reason, detail=detail, at=at)
    return transition


def end_buffer(end: BufferEnd, view: AdmissionView, *, at: Moment) -> Transition:
    """Decide about what a debounce or a batch has held back, if its time has really come.

    A debounce that was put off meanwhile goes on; its item stands in the queue with its new time.
    """
    buffer = view.buffer(end.ref)
    if buffer is None or buffer.id != end.buffer_id:
        return Transition(done=[end.item.id])
    if end.item.due_ms < buffer.due_ms:
        return Transition()
    transition = Transition(done=[end.item.id])
    function = end.function
    if end.ref.kind is BufferKind.BATCH:
        end_batch(transition, buffer, function, view.buffered(buffer.id), view, at=at)
    else:
        end_debounce(transition, buffer, function, view, at=at)
    return transition


def record_defect(arrival: Arrival, *, at: Moment) -> Transition:
    """Record that no decision could be made about the event, because of a defect in Stepwell."""
    item = arrival.item
    transition = Transition(done=[item.id])
    turn_away(
        transition,
        item.function_id,
        arrival.event.id,
        arrival.origin,
        reason=SkipReason.DEFECT,
        detail="",
        at=at,
    )
    return transition


def _is_within_limit(
    transition: Transition, arrival: Arrival, view: AdmissionView, *, at: Moment
) -> bool:
    """Charge the rate limit, unless the event is too much. Source: flow control, 5."""
    function, key = arrival.function, arrival.rate_key
    assert function is not None
    limit = function.config.effective_rate_limit
    if limit is None or key is None:
        return True
    gcra = rate_limit(limit.limit, limit.period_ms)
    now_ns = at.now_ms * NS_PER_MS
    tat_ns = view.tat_ns(function.id, key)
    if not gcra.allows(tat_ns, now_ns):
        return False
    tat_ns = gcra.after(tat_ns, now_ns)
    transition.limits.append(
        LimitState(function.id, LimitKind.RATE_LIMIT, key, tat_ns, expires_ms(tat_ns))
    )
    return True
