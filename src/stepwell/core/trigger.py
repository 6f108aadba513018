"""The event that starts a run."""

import msgspec

from stepwell.core.identity import EventId
from stepwell.core.transition import StoredEvent
from stepwell.wire.events import AcceptedEvent

__all__ = ["TriggerEvent"]


class TriggerEvent(msgspec.Struct, frozen=True, gc=False):
    """What a new run needs to know of an event that is stored, or will be with it.

    Attributes:
        id: Internal ULID.
        ts_ms: When it happened, as its sender says; a run does not start before.
        payload: The event as functions receive it; JSON.
    """

    id: EventId
    name: str
    ts_ms: int
    payload: bytes

    @classmethod
    def accepted(cls, accepted: AcceptedEvent) -> "TriggerEvent":
        """An event that is stored by the same transition."""
        event = accepted.event
        return cls(EventId(accepted.internal_id), event.name, event.ts, accepted.payload)

    @classmethod
    def stored(cls, event: StoredEvent) -> "TriggerEvent":
        """An event that was stored before."""
        return cls(event.id, event.name, event.ts_ms, event.payload)
