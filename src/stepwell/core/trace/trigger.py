"""What started a run, as its page and clients of the SDKs read it.

Source: GraphQL, 8.4.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from stepwell.core.identity import EventId, RunId
from stepwell.core.transition import StoredEvent
from stepwell.wire.events import Event
from stepwell.wire.ulid import ulid_ms

__all__ = ["RunTrigger", "run_trigger", "shown_payload"]

_EMPTY: Final = msgspec.Raw(b"{}")


class RunTrigger(msgspec.Struct, frozen=True):
    """What started a run.

    Attributes:
        event_name: None for a cron tick, and for a batch of events with different names.
        event_ids: The internal ids.
        payloads: The events; a JSON object each.
        timestamp_ms: When the earliest of them came; always before the run's own time.
        batch_id: None for a single event.
        cron: The expression; None for events.
    """

    event_name: str | None
    event_ids: tuple[EventId, ...]
    payloads: tuple[bytes, ...]
    timestamp_ms: int
    batch_id: str | None = None
    cron: str | None = None

    @property
    def is_batch(self) -> bool:
        """Whether a batch started it."""
        return self.batch_id is not None


class _Payload(msgspec.Struct, omit_defaults=True):
    """An event with those of its members that say something."""

    name: str
    data: msgspec.Raw
    id: str = ""
    ts: int = 0
    v: str | None = None
    user: msgspec.Raw | None = None
    meta: msgspec.Raw | None = None


def run_trigger(
    run_id: RunId, events: Sequence[StoredEvent], *, batch_id: str = "", cron: str = ""
) -> RunTrigger:
    """What started the run.

    Clients expect the event before its run. Here both can be of the same millisecond, so the time
    that is told is at least one before that of the run.

    Args:
        run_id: The run.
        events: All events that started it, in order; at least one.
        batch_id: The batch it runs; "" for a single event.
        cron: The cron expression that started it; "" if an event did.
    """
    assert events, "an event started every run"
    names = {event.name for event in events}
    received_ms = min(ulid_ms(event.id) for event in events)
    return RunTrigger(
        None if cron or len(names) > 1 else events[0].name,
        tuple(event.id for event in events),
        tuple(shown_payload(event.payload) for event in events),
        min(received_ms, ulid_ms(run_id) - 1),
        batch_id=batch_id or None,
        cron=cron or None,
    )


def shown_payload(payload: bytes) -> bytes:
    """An event as it is shown: `name` and `data`, and what else is not empty."""
    event = Event.from_payload(payload)
    return msgspec.json.encode(
        _Payload(
            event.name,
            event.data if bytes(event.data).startswith(b"{") else _EMPTY,
            id=event.id,
            ts=event.ts,
            v=event.v,
            user=None if event.user == _EMPTY else event.user,
            meta=event.meta,
        )
    )
