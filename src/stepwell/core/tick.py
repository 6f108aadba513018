"""Cron: the chain of queue items that starts a function at the ticks of a schedule.

Each link stands for one tick and is replaced, in the commit that starts its run, by the link for
the next one; so no tick is lost or run twice, whenever the server stops. A chain belongs to one
version of a function. It ends by itself when it finds another version, which has its own chain.

Source: execution semantics, 6.3 and 6.4.
"""

from typing import Final

import msgspec

from stepwell.core.cron import (
    CronInvalid,
    fire_at_ms,
    next_tick,
    parse_cron,
    tick_id,
    timer_event_data,
)
from stepwell.core.draft import World
from stepwell.core.function import Function
from stepwell.core.identity import FunctionId, ItemId
from stepwell.core.item_bodies import CronBody
from stepwell.core.moment import Moment
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.routing import start_function, store_event
from stepwell.core.scheduling import Origin
from stepwell.core.transition import Transition
from stepwell.wire.config import CronTrigger
from stepwell.wire.events import AcceptedEvent, internal_event

__all__ = ["SCHEDULED_TIMER", "first_tick", "tick"]

SCHEDULED_TIMER: Final = "inngest/scheduled.timer"


def first_tick(function: Function, trigger: CronTrigger, *, at: Moment) -> QueueItem | None:
    """The first link of a trigger's chain: its first tick after now.

    None if the schedule never fires, such as on the 31st of February.

    Args:
        function: In the version the chain is to belong to.
        trigger: One of its triggers; its schedule is valid.
        at: Clock and ids for this decision.
    """
    tick_ms = parse_cron(trigger.cron).next_after(at.now_ms)
    if tick_ms is None:
        return None
    return QueueItem(
        ItemId(at.ids.number()),
        ItemKind.CRON,
        function.id,
        due_ms=_due_ms(function.id, trigger, tick_ms),
        queued_ms=at.now_ms,
        body=CronBody(trigger.cron, function.version, tick_ms).encode(),
    )


def tick(
    function: Function | None, item: QueueItem, *, claimed: bool, world: World, at: Moment
) -> Transition:
    """Run the function for a tick whose time has come, and put the next tick in its place.

    A chain whose function has another version by now still runs the ticks up to that
    synchronisation: the new chain begins after it. Then it ends, as it does when the function is
    archived or does not have the trigger any more.

    Args:
        function: The item's function as it is registered now; None if it is unknown.
        item: The CRON item that is due.
        claimed: Whether the tick has started the function already, which is so when another of its
            schedules has the same tick. Then there is neither another event nor another run.
        world: Functions that may listen, and names that may be waited for.
        at: Clock and ids for this decision.

    Source: execution semantics, 6.3 and 6.4.
    """
    assert item.kind is ItemKind.CRON
    body = CronBody.decode(item.body)
    transition = Transition()
    trigger = None if function is None else _declared(function, body.cron)
    if function is None or trigger is None or not _is_in_charge(function, body):
        transition.done.append(item.id)
        return transition
    if not claimed:
        accepted = _timer_event(item, body, at=at)
        origin = Origin(cron=body.cron, claim_key=accepted.event.id)
        # Stored like any event, but only this function is started, whoever else listens to it.
        store_event(
            transition, accepted, environment_id=function.environment_id, world=world, at=at
        )
        start_function(transition, function, accepted, origin, world=world, at=at)
    following = _next_link(function, trigger, item, at=at)
    if following is None:
        transition.done.append(item.id)
    else:
        transition.renew_due.append(following)
    return transition


def _declared(function: Function, cron: str) -> CronTrigger | None:
    """The function's trigger with that schedule, unless the function is archived."""
    if function.archived:
        return None
    for trigger in function.config.triggers:
        if isinstance(trigger, CronTrigger) and trigger.cron == cron:
            return trigger
    return None


def _is_in_charge(function: Function, body: CronBody) -> bool:
    """Whether that tick is this chain's, and not that of a newer version's chain."""
    return body.version == function.version or body.tick_ms <= function.updated_ms


def _timer_event(item: QueueItem, body: CronBody, *, at: Moment) -> AcceptedEvent:
    event = internal_event(
        name=SCHEDULED_TIMER,
        data=timer_event_data(body.cron, body.tick_ms, item.due_ms),
        event_id=tick_id(body.tick_ms),
        ts=item.due_ms,
    )
    return AcceptedEvent(
        internal_id=at.ids.ulid(at.now_ms),
        received_ms=at.now_ms,
        event=event,
        payload=event.payload(),
    )


def _next_link(
    function: Function, trigger: CronTrigger, item: QueueItem, *, at: Moment
) -> QueueItem | None:
    """The item for the next tick; None when the chain ends."""
    body = CronBody.decode(item.body)
    tick_ms = _next_tick_ms(trigger, body.tick_ms, at.now_ms)
    if tick_ms is None:
        return None
    body = msgspec.structs.replace(body, tick_ms=tick_ms)
    if not _is_in_charge(function, body):
        return None
    return msgspec.structs.replace(
        item,
        due_ms=_due_ms(function.id, trigger, tick_ms),
        queued_ms=at.now_ms,
        body=body.encode(),
    )


def _next_tick_ms(trigger: CronTrigger, previous_tick_ms: int, now_ms: int) -> int | None:
    try:
        schedule = parse_cron(trigger.cron)
    except CronInvalid:
        # It was valid when it was registered: this system does not know its time zone any more.
        return None
    return next_tick(schedule, previous_tick_ms, now_ms)[0]


def _due_ms(function_id: FunctionId, trigger: CronTrigger, tick_ms: int) -> int:
    return fire_at_ms(
        tick_ms,
        jitter_ms=trigger.jitter_ms or None,
        key=f"{function_id}\n{trigger.cron}",
    )
