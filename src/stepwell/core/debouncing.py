"""Debounce: an event is held back until none has come for a period; only the newest starts a run.

Source: flow control, 6.
"""

import msgspec

from stepwell.core.admission_view import AdmissionView
from stepwell.core.arrival import Arrival
from stepwell.core.buffering import held_event, origin_of, timer_of
from stepwell.core.function import Function
from stepwell.core.identity import ItemId
from stepwell.core.keys import event_value
from stepwell.core.moment import Moment
from stepwell.core.singleton import singleton_key
from stepwell.core.starting import start, turn_away
from stepwell.core.transition import Buffer, BufferRef, SkipReason, Transition
from stepwell.wire.config import Debounce

__all__ = ["end_debounce", "hold_back"]


def hold_back(transition: Transition, arrival: Arrival, view: AdmissionView, *, at: Moment) -> None:
    """Hold the event back, in place of the one that is held back already unless that is newer.

    Which of two is newer is decided by their `ts`, and by their order if those are equal. An older
    event changes nothing, and puts nothing off.
    """
    function, event, ref = arrival.function, arrival.event, arrival.buffer
    assert function is not None
    assert ref is not None
    debounce = function.config.debounce
    assert debounce is not None
    buffer = view.buffer(ref)
    if buffer is None:
        buffer = _opened(ref, debounce, at=at)
        transition.put.append(timer_of(buffer))
    else:
        (held,) = view.buffered(buffer.id)
        is_newer = event.ts_ms >= held.ts_ms
        loser = (held.event_id, origin_of(held)) if is_newer else (event.id, arrival.origin)
        turn_away(
            transition,
            function.id,
            *loser,
            reason=SkipReason.DEBOUNCED,
            detail=event.id if is_newer else held.event_id,
            at=at,
        )
        if not is_newer:
            return
        due_ms = _due_ms(debounce, buffer.deadline_ms, at.now_ms)
        buffer = msgspec.structs.replace(buffer, due_ms=due_ms)
        transition.renew_due.append(timer_of(buffer))
    transition.buffers.append(msgspec.structs.replace(buffer, bytes=len(event.payload)))
    transition.buffered.append(held_event(buffer, 0, arrival))


def end_debounce(
    transition: Transition,
    buffer: Buffer,
    function: Function | None,
    view: AdmissionView,
    *,
    at: Moment,
) -> None:
    """Start the run for the event that was held back, whatever the function's options are now.

    The checks that come after debouncing are made now. If the event's `ts` lies in the future, the
    run waits for it.

    Args:
        transition: What it is added to.
        buffer: What is held back.
        function: The function as registered now; None if it is not any more.
        view: What is stored.
        at: Clock and ids for this decision.

    Source: flow control, 6.2.
    """
    (held,) = view.buffered(buffer.id)
    transition.buffers_done.append(buffer.id)
    function_id = buffer.ref.function_id
    if function is None or view.is_claimed(function_id, held.claim_key):
        turn_away(
            transition,
            function_id,
            held.event_id,
            origin_of(held),
            reason=SkipReason.FUNCTION_GONE if function is None else SkipReason.DUPLICATE,
            detail="" if function is None else held.claim_key,
            at=at,
        )
        return
    event = view.event(held.event_id)
    assert event is not None, "an event that is held back is stored"
    key = singleton_key(function, event_value(event.payload), now_ms=at.now_ms)
    start(transition, function, [event], origin_of(held), key=key, view=view, at=at)


def _opened(ref: BufferRef, debounce: Debounce, *, at: Moment) -> Buffer:
    now_ms = at.now_ms
    timeout_ms = debounce.timeout_ms or 0
    deadline_ms = now_ms + timeout_ms if timeout_ms > 0 else 0
    return Buffer(
        ref,
        at.ids.ulid(now_ms),
        ItemId(at.ids.number()),
        opened_ms=now_ms,
        due_ms=_due_ms(debounce, deadline_ms, now_ms),
        deadline_ms=deadline_ms,
        events=1,
        bytes=0,
    )


def _due_ms(debounce: Debounce, deadline_ms: int, now_ms: int) -> int:
    due_ms = now_ms + debounce.period_ms
    return min(due_ms, deadline_ms) if deadline_ms else due_ms
