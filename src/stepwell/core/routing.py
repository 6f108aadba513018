"""From an accepted event to the runs it starts.

Source: execution semantics, 1.8 and 1.9.
"""

from collections.abc import Callable, Container, Sequence
from typing import Any, Final

import msgspec

from stepwell.core.draft import World
from stepwell.core.expressions import ExpressionFailed, ExpressionInvalid, compile_condition
from stepwell.core.function import Function, FunctionIndex
from stepwell.core.identity import EnvironmentId, EventId, FunctionId, ItemId, RunId
from stepwell.core.item_bodies import MatchBody
from stepwell.core.moment import Moment
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.scheduling import NO_ORIGIN, Origin, schedule
from stepwell.core.transition import Skip, StoredEvent, Transition
from stepwell.wire.events import AcceptedEvent, expression_value

__all__ = ["INVOKED", "InvokedData", "candidates", "route", "route_into", "store_event"]

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
) -> None:
    """As `route`, as part of a larger transition: events that the server itself publishes."""
    name = accepted.event.name
    store_event(
        transition, accepted, environment_id=environment_id, world=world, at=at, number=number
    )
    invoked = None
    if name == INVOKED:
        invocation = _invocation(accepted)
        invoked = world.functions.invokable(invocation.fn_id)
        if invoked is not None:
            origin = _invocation_origin(invocation, claim_key)
            _start(transition, invoked, accepted, origin, claimed=claimed, at=at)
    listeners = world.functions.listeners(name)
    if not listeners:
        return
    origin = Origin(claim_key=claim_key) if claim_key else NO_ORIGIN
    value = _lazily(accepted.payload)
    for listener in listeners:
        function, conditions = listener.function, listener.conditions
        if function is invoked:
            # An event starts a function once, whatever its reasons. Source: semantics, 1.9.
            continue
        failure = _failure(conditions, value, now_ms=at.now_ms) if conditions else None
        if failure is None:
            _start(transition, function, accepted, origin, claimed=claimed, at=at)
        elif failure:
            _skip(transition, accepted, function, "expression_failed", failure, at=at)


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
    if event.name in world.awaited_events:
        body = MatchBody(EventId(accepted.internal_id))
        transition.put.append(
            QueueItem(
                ItemId(at.ids.number()),
                ItemKind.MATCH,
                FunctionId(""),
                queued_ms=at.now_ms,
                body=body.encode(),
            )
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


def _start(
    transition: Transition,
    function: Function,
    accepted: AcceptedEvent,
    origin: Origin,
    *,
    claimed: Container[FunctionId],
    at: Moment,
) -> None:
    """Schedule the function unless it was scheduled for a repetition of the event before."""
    if function.id in claimed:
        _skip(transition, accepted, function, "duplicate", origin.claim_key, at=at)
    else:
        schedule(transition, function, accepted, origin, at=at)


def _failure(
    conditions: Sequence[str], value: Callable[[], dict[str, Any]], *, now_ms: int
) -> str | None:
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
    reason: str,
    detail: str,
    *,
    at: Moment,
) -> None:
    event_id = EventId(accepted.internal_id)
    transition.skips.append(Skip(event_id, function.id, reason, detail, at.now_ms))


def _lazily(payload: bytes) -> Callable[[], dict[str, Any]]:
    """The event for expressions, decoded at the first use."""
    value: dict[str, Any] = {}

    def get() -> dict[str, Any]:
        if not value:
            value.update(expression_value(payload))
        return value

    return get
