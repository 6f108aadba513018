"""The wall clock of a real process."""

import time

__all__ = ["SystemClock"]


class SystemClock:
    """Wall clock that never goes back: events and waits are ordered by it."""

    def __init__(self) -> None:
        self._latest_ms = 0

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC; at least as large as every value given before."""
        now_ms = time.time_ns() // 1_000_000
        if now_ms > self._latest_ms:  # noqa: PLR1730 - `max` costs more than all the rest
            self._latest_ms = now_ms
        return self._latest_ms
