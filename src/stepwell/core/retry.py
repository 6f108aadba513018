"""When a failed attempt is repeated. Source: execution semantics, 3.9."""

from typing import Final

import msgspec

__all__ = ["RetryPolicy"]

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
_DELAYS_MS: Final = (
    15_000,
    30_000,
    _MINUTE_MS,
    2 * _MINUTE_MS,
    5 * _MINUTE_MS,
    10 * _MINUTE_MS,
    20 * _MINUTE_MS,
    40 * _MINUTE_MS,
    _HOUR_MS,
    2 * _HOUR_MS,
)
_JITTER_MS: Final = 30_000


class RetryPolicy(msgspec.Struct, frozen=True):
    """How long to wait after a failed attempt whose answer did not say.

    Attributes:
        interval_ms: A fixed delay instead of the growing ones, for development and tests.
    """

    interval_ms: int | None = None

    def delay_ms(self, attempt: int, *, jitter: float) -> int:
        """Delay after attempt number `attempt` (from 0); `jitter` in [0, 1) adds up to 30 s."""
        assert attempt >= 0
        assert 0 <= jitter < 1
        if self.interval_ms is not None:
            return self.interval_ms
        return _DELAYS_MS[min(attempt, len(_DELAYS_MS) - 1)] + int(jitter * _JITTER_MS)
