"""What queue items carry besides their kind: JSON, written with the item's row."""

from typing import Final, Self

import msgspec

from stepwell.core.identity import EventId, WaitId

__all__ = [
    "INVOCATION_TIMEOUT",
    "WAIT_TIMEOUT",
    "CancelBody",
    "CronBody",
    "MatchBody",
    "ResumeBody",
    "TimeoutBody",
]


class _Body(msgspec.Struct, frozen=True, omit_defaults=True):
    def encode(self) -> bytes:
        """The body as it is stored."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """The body stored as `raw`."""
        return msgspec.json.decode(raw, type=cls)


class ResumeBody(_Body, frozen=True):
    """RESUME: the step's result, and the event that brought it."""

    memo: msgspec.Raw
    event_id: EventId = EventId("")
    failed: bool = False


class TimeoutBody(_Body, frozen=True):
    """TIMEOUT: whether it was a run of another function that did not answer."""

    invocation: bool = False


class CancelBody(_Body, frozen=True):
    """CANCEL: "api", or "event" with the id of that event."""

    cause: str
    event_id: EventId = EventId("")


class MatchBody(_Body, frozen=True):
    """MATCH: the event, and the last wait that has been looked at."""

    event_id: EventId
    after: WaitId = WaitId(0)


class CronBody(_Body, frozen=True):
    """CRON: one link of a trigger's chain of ticks.

    Attributes:
        cron: The expression.
        version: The function version the chain belongs to.
        tick_ms: The tick this item stands for; jitter makes the item due later.
    """

    cron: str
    version: int
    tick_ms: int


#: Waits for events and invocations time out differently.
WAIT_TIMEOUT: Final = TimeoutBody().encode()
INVOCATION_TIMEOUT: Final = TimeoutBody(invocation=True).encode()
