"""From a client's events to the commit that makes them, and the runs they start, durable."""

import asyncio
from collections.abc import Mapping, Sequence

from stepwell.core.identity import EnvironmentId, FunctionId, RunId
from stepwell.core.routing import candidates, route
from stepwell.core.transition import Transition
from stepwell.engine.claims import ClaimKey, Claims
from stepwell.engine.committer import PATIENCE_S
from stepwell.engine.requests import Requests
from stepwell.engine.store import StoreUnavailable
from stepwell.wire.events import AcceptedEvent

__all__ = ["accept_events"]


async def accept_events(
    requests: Requests,
    claims: Claims,
    environment_id: EnvironmentId,
    events: Sequence[AcceptedEvent],
    *,
    seeded: bool,
) -> None:
    """Route the events; returns when they and their runs are durable.

    Each event is a transition of its own, so a large request does not hold up others.

    Args:
        requests: Of the partition whose work it is.
        claims: Of the same partition.
        environment_id: Where the events were sent to.
        events: In the order they were sent.
        seeded: Whether their internal ids come from the client, so that they may repeat.

    Raises:
        StoreUnavailable, OwnershipLost: It is not certain that all are durable, or not soon; the
            client should repeat the request.
    """
    keys = _claim_keys(requests, events, seeded=seeded)
    claimed: dict[str, set[FunctionId]] = {}
    if keys:
        for function_id, key in await _reserve(claims, keys):
            claimed.setdefault(key, set()).add(function_id)
    try:
        transitions = [
            _route(
                requests,
                environment_id,
                accepted,
                key=_claim_key(accepted, seeded=seeded),
                claimed=claimed,
            )
            for accepted in events
        ]
    except BaseException:
        claims.release(keys)
        raise
    # The reservation lasts until the claims are durable, even when the client no longer waits.
    await requests.accept_all(transitions, settled=lambda: claims.release(keys))


async def _reserve(claims: Claims, keys: Sequence[ClaimKey]) -> Mapping[ClaimKey, RunId]:
    try:
        async with asyncio.timeout(PATIENCE_S):
            return await claims.reserve(keys)
    except TimeoutError:
        reason = f"event ids were not looked up within {PATIENCE_S:g} s"
        raise StoreUnavailable("accept", reason) from None


def _claim_key(accepted: AcceptedEvent, *, seeded: bool) -> str:
    """The key under which a repetition would be recognised; "" when none can occur.

    Source: execution semantics, 2.2.
    """
    event_id = accepted.event.id
    return event_id if seeded or event_id != accepted.internal_id else ""


def _claim_keys(
    requests: Requests, events: Sequence[AcceptedEvent], *, seeded: bool
) -> list[ClaimKey]:
    world = requests.world()
    keys = {
        (function.id, key)
        for accepted in events
        if (key := _claim_key(accepted, seeded=seeded))
        for function in candidates(accepted, world.functions)
        # Repetitions are recognised by who starts the function.
        if world.starts(function)
    }
    return sorted(keys)


def _route(
    requests: Requests,
    environment_id: EnvironmentId,
    accepted: AcceptedEvent,
    *,
    key: str,
    claimed: dict[str, set[FunctionId]],
) -> Transition:
    at = requests.moment()
    # A seeded event may be stored before under its id, also when nobody listens to it.
    transition = route(
        accepted,
        environment_id=environment_id,
        world=requests.world(),
        at=at,
        claim_key=key,
        claimed=claimed.get(key, ()),
        number=at.ids.number() if key else 0,
    )
    for claim in transition.claims:
        claimed.setdefault(claim.key, set()).add(claim.function_id)
    return transition
