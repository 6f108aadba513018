"""The last thing that is decided about an event: it starts its function, or is turned away."""

from collections.abc import Sequence

import msgspec

from stepwell.core.admission_view import AdmissionView
from stepwell.core.function import Function
from stepwell.core.identity import EventId, FunctionId
from stepwell.core.moment import Moment
from stepwell.core.scheduling import Origin, refuse_callers, schedule, skip_if_hindered
from stepwell.core.singleton import find_seat
from stepwell.core.transition import NewRun, Skip, SkipReason, Transition
from stepwell.core.trigger import TriggerEvent

__all__ = ["start", "turn_away"]

#: What a step that invoked the function is told. Source: flow control, 5, for the first.
_REASONS = {
    SkipReason.RATE_LIMITED: "invoked function is rate limited",
    SkipReason.DEBOUNCED: "invoked function is debounced; a newer event took this one's place",
    SkipReason.DUPLICATE: "invoked function was started by this event before",
    SkipReason.FUNCTION_GONE: "invoked function is not registered any more",
    SkipReason.DEFECT: "invoked function was not started because of a defect in Stepwell",
}


def start(
    transition: Transition,
    function: Function,
    events: Sequence[TriggerEvent],
    origin: Origin,
    *,
    key: str = "",
    view: AdmissionView,
    at: Moment,
) -> NewRun:
    """Create the run, or record that it is skipped, because of a pause or another run.

    Args:
        transition: What it is added to.
        function: What runs.
        events: What starts it.
        origin: Where the run comes from.
        key: The key under which it must be the only one; "" without one.
        view: Tells which runs are live.
        at: Clock and ids for this decision.
    """
    seat = find_seat(function, key, view)
    skipped = skip_if_hindered(transition, function, events, origin, holder=seat.holder, at=at)
    if skipped is not None:
        return skipped
    if seat.key:
        origin = msgspec.structs.replace(origin, singleton=seat.key)
    return schedule(transition, function, events, origin, at=at)


def turn_away(
    transition: Transition,
    function_id: FunctionId,
    event_id: EventId,
    origin: Origin,
    *,
    reason: SkipReason,
    detail: str,
    at: Moment,
) -> None:
    """Record why the event starts no run, and tell the step that invoked the function, if one did.

    In the reference most of these steps wait for their timeout. Source: execution semantics, 2.3.
    """
    transition.skips.append(Skip(event_id, function_id, reason, detail, at.now_ms))
    refuse_callers(transition, origin.all_callers, _REASONS[reason], at=at)
