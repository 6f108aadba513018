"""From an accepted event to the runs it starts.

Source: execution semantics, 1.8 and 1.9.
"""

from collections.abc import Container, Sequence
from typing import Final

import msgspec

from stepwell.core.draft import World
from stepwell.core.expressions import ExpressionFailed, ExpressionInvalid, compile_condition
from stepwell.core.function import Function, FunctionIndex
from stepwell.core.identity import EnvironmentId, EventId, FunctionId, ItemId, RunId
from stepwell.core.item_bodies import AdmitBody, MatchBody
from stepwell.core.keys import EventValue, event_value
from stepwell.core.moment import Moment
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.scheduling import NO_ORIGIN, Origin, schedule, skip_if_hindered
from stepwell.core.transition import PossibleMatch, Skip, SkipReason, StoredEvent, Transition
from stepwell.core.trigger import TriggerEvent
from stepwell.wire.events import AcceptedEvent

__all__ = [
    "INVOKED",
    "InvokedData",
    "candidates",
    "route",
    "route_into",
    "start_function",
    "store_event",
    "unmet_reason",
]

INVOKED: Final = "inngest/function.invoked"
_EVENT_ONLY: Final = frozenset({"event"})


class InvokedData(msgspec.Struct, frozen=True):
    """The server's part of an invocation's data. Source: execution semantics, 4.4."""

    fn_id: str
    correlation_id: str = ""
    source_fn_id: str = ""


class _InvokedEnvelope(msgspec.Struct, frozen=True):
    inngest: InvokedData = msgspec.field(name="_inngest")


class _InvokedEvent(msgspec.Struct, frozen=True):
    data: _InvokedEnvelope


def candidates(accepted: AcceptedEvent, functions: FunctionIndex) -> Sequence[Function]:
    """The functions that the event may start: of these, repetitions have to be recognised."""
    name = accepted.event.name
    listening = functions.listening(name)
    invoked = functions.invokable(_invocation(accepted).fn_id) if name == INVOKED else None
    return listening if invoked is None or invoked in listening else (*listening, invoked)


def route(
    accepted: AcceptedEvent,
    *,
    environment_id: EnvironmentId,
    world: World,
    at: Moment,
    claim_key: str = "",
    claimed: Container[FunctionId] = (),
    number: int = 0,
) -> Transition:
    """Everything an event that a client sent sets in motion.

    Args:
        accepted: The event.
        environment_id: Where it was sent to.
        world: Functions that may listen, and names that may be waited for.
        at: Clock and ids for this decision.
        claim_key: Key under which a repetition of the event is recognised, "" if none can occur.
        claimed: Functions that were scheduled for that key before.
        number: Distinguishes repetitions of one internal id.
    """
    transition = Transition()
    route_into(
        transition,
        accepted,
        environment_id=environment_id,
        world=world,
        at=at,
        claim_key=claim_key,
        claimed=claimed,
        number=number,
    )
    return transition


def route_into(
    transition: Transition,
    accepted: AcceptedEvent,
    *,
    environment_id: EnvironmentId,
    world: World,
    at: Moment,
    claim_key: str = "",
    claimed: Container[FunctionId] = (),
    number: int = 0,
) -> RunId | None:
    """As `route`, as part of a larger transition: events that the server itself publishes.

    Returns:
        The run of the function that the event invokes, if it is one that invokes a function and
        there is a run at once.
    """
    name = accepted.event.name
    store_event(
        transition, accepted, environment_id=environment_id, world=world, at=at, number=number
    )
    invoked = None
    invoked_run_id = None
    if name == INVOKED:
        invocation = _invocation(accepted)
        invoked = world.functions.invokable(invocation.fn_id)
        if invoked is not None:
            origin = _invocation_origin(invocation, claim_key)
            invoked_run_id = start_function(
                transition, invoked, accepted, origin, world=world, claimed=claimed, at=at
            )
    listeners = world.functions.listeners(name)
    if not listeners:
        return invoked_run_id
    origin = Origin(claim_key=claim_key) if claim_key else NO_ORIGIN
    value = event_value(accepted.payload)
    for listener in listeners:
        function, conditions = listener.function, listener.conditions
        if function is invoked:
            # An event starts a function once, whatever its reasons. Source: semantics, 1.9.
            continue
        failure = unmet_reason(conditions, value, now_ms=at.now_ms) if conditions else None
        if failure is None:
            start_function(
                transition, function, accepted, origin, world=world, claimed=claimed, at=at
            )
        elif failure:
            reason = SkipReason.EXPRESSION_FAILED
            _skip(transition, accepted, function, reason, failure, at=at)
    return invoked_run_id


def store_event(
    transition: Transition,
    accepted: AcceptedEvent,
    *,
    environment_id: EnvironmentId,
    world: World,
    at: Moment,
    number: int = 0,
) -> None:
    """Store the event, and look for the waits it satisfies if there can be any."""
    event = accepted.event
    transition.events.append(
        StoredEvent(
            EventId(accepted.internal_id),
            number,
            environment_id,
            event.name,
            event.id,
            event.ts,
            accepted.received_ms,
            accepted.payload,
        )
    )
    awaited = world.awaited_events
    if awaited is None:
        match = _match(accepted, at=at)
        transition.possible_matches.append(PossibleMatch(match, environment_id, event.name))
    elif event.name in awaited:
        transition.put.append(_match(accepted, at=at))


def _match(accepted: AcceptedEvent, *, at: Moment) -> QueueItem:
    return QueueItem(
        ItemId(at.ids.number()),
        ItemKind.MATCH,
        FunctionId(""),
        queued_ms=at.now_ms,
        body=MatchBody(EventId(accepted.internal_id)).encode(),
    )


def _invocation(accepted: AcceptedEvent) -> InvokedData:
    return msgspec.json.decode(accepted.payload, type=_InvokedEvent).data.inngest


def _invocation_origin(invocation: InvokedData, claim_key: str) -> Origin:
    parent_run_id, _, parent_step = invocation.correlation_id.partition(".")
    return Origin(
        parent_run_id=RunId(parent_run_id),
        parent_function_id=FunctionId(invocation.source_fn_id),
        parent_step=parent_step,
        claim_key=claim_key,
    )


def start_function(
    transition: Transition,
    function: Function,
    accepted: AcceptedEvent,
    origin: Origin,
    *,
    world: World,
    claimed: Container[FunctionId] = (),
    at: Moment,
) -> RunId | None:
    """Let the event start the function; returns the run, if there is one at once.

    A repetition of an event starts nothing. A function that limits, merges or skips events looks
    at this one in its turn, because that needs what is stored about the events before it; so does
    a function about whose runs somebody else decides.
    """
    if not world.starts(function):
        transition.put.append(_admission(function, TriggerEvent.accepted(accepted), origin, at=at))
        return None
    if function.id in claimed:
        _skip(transition, accepted, function, SkipReason.DUPLICATE, origin.claim_key, at=at)
        return None
    trigger = TriggerEvent.accepted(accepted)
    skipped = skip_if_hindered(transition, function, [trigger], origin, at=at)
    if skipped is not None:
        return skipped.id
    if function.decides_on_arrival:
        transition.put.append(_admission(function, trigger, origin, at=at))
        return None
    return schedule(transition, function, [trigger], origin, at=at).id


def _admission(
    function: Function, trigger: TriggerEvent, origin: Origin, *, at: Moment
) -> QueueItem:
    body = AdmitBody(
        trigger.id,
        claim_key=origin.claim_key,
        cron=origin.cron,
        parent_run_id=origin.parent_run_id,
        parent_function_id=origin.parent_function_id,
        parent_step=origin.parent_step,
    )
    return QueueItem(
        ItemId(at.ids.number()),
        ItemKind.ADMIT,
        function.id,
        queued_ms=at.now_ms,
        body=body.encode(),
    )


def unmet_reason(conditions: Sequence[str], value: EventValue, *, now_ms: int) -> str | None:
    """None when a condition holds; otherwise why the last one that failed did, or "".

    A condition that fails does not hold; the next one is tried. The reference would accept the
    event over and over. Source: execution semantics, 1.8 (caveat) and 1.9.
    """
    failure = ""
    for source in conditions:
        try:
            condition = compile_condition(source, variables=_EVENT_ONLY)
            if condition.matches(value(), now_ms=now_ms):
                return None
        except (ExpressionFailed, ExpressionInvalid) as error:
            failure = f"{source}: {error}"
    return failure


def _skip(
    transition: Transition,
    accepted: AcceptedEvent,
    function: Function,
    reason: SkipReason,
    detail: str,
    *,
    at: Moment,
) -> None:
    event_id = EventId(accepted.internal_id)
    transition.skips.append(Skip(event_id, function.id, reason, detail, at.now_ms))
