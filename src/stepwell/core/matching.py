"""Which waits an event satisfies.

The store finds the candidates through the equality index; their conditions decide. A match does
not touch the waiting run: it queues an item for it, so that whoever owns the run decides, and the
first answer wins. Source: execution semantics, 4.1 and 4.5.
"""

from collections.abc import Sequence

import msgspec

from stepwell.core.answers import answer_item, cancel_item
from stepwell.core.expressions import ExpressionFailed, ExpressionInvalid, wait_matches
from stepwell.core.item_bodies import CancelBody, MatchBody, ResumeBody
from stepwell.core.journal import Caller
from stepwell.core.moment import Moment
from stepwell.core.queue import QueueItem
from stepwell.core.transition import StoredEvent, Transition
from stepwell.core.waits import Wait, WaitKind
from stepwell.wire.events import expression_value

__all__ = ["match_waits"]


def match_waits(
    event: StoredEvent, item: QueueItem, waits: Sequence[Wait], *, more: bool, at: Moment
) -> Transition:
    """Queue the consequences of one page of candidate waits.

    Args:
        event: The accepted event.
        item: The MATCH item; it is deleted, or goes on after the last of `waits`.
        waits: Candidates, ordered by id.
        more: Whether further candidates follow.
        at: Clock and ids for this decision.
    """
    transition = Transition()
    value = expression_value(event.payload)
    now_ms = event.received_ms
    for wait in waits:
        if wait.trigger_id == event.id or now_ms >= wait.expires_ms:
            continue
        if wait.id > item.id:
            # The event came first, if only in the same millisecond; so it did for all that follow.
            more = False
            break
        try:
            satisfied = not wait.condition or wait_matches(
                wait.condition, wait.bindings, value, now_ms=now_ms
            )
        except (ExpressionFailed, ExpressionInvalid):
            # A condition that fails on this event does not match it; others are not hindered.
            continue
        if satisfied:
            transition.put.append(_consequence(wait, event, at=at))
    if more:
        body = MatchBody(event.id, after=waits[-1].id)
        transition.renew.append(msgspec.structs.replace(item, body=body.encode()))
    else:
        transition.done.append(item.id)
    return transition


def _consequence(wait: Wait, event: StoredEvent, *, at: Moment) -> QueueItem:
    if wait.kind is WaitKind.CANCEL:
        why = CancelBody("event", event_id=event.id)
        return cancel_item(wait.function_id, wait.run_id, why, at=at)
    body = ResumeBody(memo=msgspec.Raw(event.payload), event_id=event.id)
    return answer_item(Caller(wait.run_id, wait.function_id, wait.step), body, at=at)
