"""An event reaches a function that limits, merges or skips events.

All that the function's keys say about the event is found out before anything is read or decided,
so that what is stored under those keys can be read for many events at once.

Source: flow control, 1.5.
"""

import msgspec

from stepwell.core.function import Function
from stepwell.core.item_bodies import AdmitBody
from stepwell.core.keys import (
    EventValue,
    condition_holds,
    event_value,
    limit_key,
    optional_key,
    shared_key,
)
from stepwell.core.queue import QueueItem
from stepwell.core.scheduling import Origin
from stepwell.core.singleton import singleton_key
from stepwell.core.transition import BufferKind, BufferRef
from stepwell.core.trigger import TriggerEvent

__all__ = ["Arrival", "arrive"]


class Arrival(msgspec.Struct, frozen=True):
    """One event and one function, to be decided about.

    Attributes:
        item: The ADMIT item.
        origin: Where a run that it starts comes from.
        function: As registered now; None if it is not any more.
        rate_value: The value of the rate limit's key; None if the limit does not apply.
        singleton: The key under which its run would be the only one; "" without.
        buffer: The batch it may join, or the debounce that holds it back; None for neither.
    """

    item: QueueItem
    event: TriggerEvent
    origin: Origin
    function: Function | None
    rate_value: str | None = None
    singleton: str = ""
    buffer: BufferRef | None = None

    @property
    def rate_key(self) -> str | None:
        """How the state of the rate limit is found; None if it does not apply."""
        limit = self.function.config.effective_rate_limit if self.function is not None else None
        if limit is None or self.rate_value is None:
            return None
        return limit_key(limit.key, self.rate_value)


def arrive(
    item: QueueItem, event: TriggerEvent, function: Function | None, *, now_ms: int
) -> Arrival:
    """Evaluate the function's keys for the event.

    Args:
        item: The ADMIT item.
        event: The event it names.
        function: The function it names, as known now.
        now_ms: The time that expressions see.
    """
    body = AdmitBody.decode(item.body)
    origin = Origin(
        parent_run_id=body.parent_run_id,
        parent_function_id=body.parent_function_id,
        parent_step=body.parent_step,
        cron=body.cron,
        claim_key=body.claim_key,
    )
    if function is None or function.archived:
        return Arrival(item, event, origin, None)
    config = function.config
    value = event_value(event.payload)
    rate_value = None
    limit = config.effective_rate_limit
    if limit is not None:
        rate_value = optional_key(limit.key, value, now_ms=now_ms)
    return Arrival(
        item,
        event,
        origin,
        function,
        rate_value,
        singleton_key(function, value, now_ms=now_ms),
        _buffer(function, value, now_ms=now_ms),
    )


def _buffer(function: Function, value: EventValue, *, now_ms: int) -> BufferRef | None:
    batch, debounce = function.config.batch, function.config.debounce
    if batch is not None and condition_holds(batch.condition, value, now_ms=now_ms):
        key = limit_key(batch.key, shared_key(batch.key, value, now_ms=now_ms))
        return BufferRef(function.id, BufferKind.BATCH, key)
    if debounce is not None:
        key = limit_key(debounce.key, shared_key(debounce.key, value, now_ms=now_ms))
        return BufferRef(function.id, BufferKind.DEBOUNCE, key)
    return None
