"""The wall clock of a real process."""

import time
from collections.abc import Callable
from typing import Final

__all__ = ["StoreClock", "SystemClock"]

_NS_PER_MS: Final = 1_000_000
#: Speed of this clock while it waits for the machine's, in tenths. Sleeps take a little longer then,
#: and an hour is made good in ten.
_TENTHS: Final = 9


class SystemClock:
    """Wall clock that never goes back, and never stands still: events and waits are ordered by it.

    When the machine's clock is set back, this one goes a little slower until they agree again.
    Nothing that waits for a time would come to its end before otherwise.

    Args:
        wall_ns: The machine's clock.
        steady_ns: A clock that nobody sets.
    """

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        steady_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._wall_ns = wall_ns
        self._steady_ns = steady_ns
        self._latest_ms = 0
        # What both clocks said when the machine's was found to be behind.
        self._ahead: tuple[int, int] | None = None

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC; at least as large as every value given before."""
        now_ms = self._wall_ns() // _NS_PER_MS
        if now_ms >= self._latest_ms:
            self._ahead = None
        else:
            now_ms = max(self._slower_ms(), self._latest_ms)
        self._latest_ms = now_ms
        return now_ms

    def _slower_ms(self) -> int:
        steady_ns = self._steady_ns()
        if self._ahead is None:
            self._ahead = (self._latest_ms, steady_ns)
        since_ms, since_steady_ns = self._ahead
        return since_ms + (steady_ns - since_steady_ns) * _TENTHS // (10 * _NS_PER_MS)


class StoreClock(SystemClock):
    """The clock of a store that several servers share.

    Between two looks at that one it goes by the time since the machine was started, so nobody who
    sets the machine's clock makes timers ring early, or late.

    Args:
        wall_ns: The machine's clock, which it begins with.
        steady_ns: A clock that nobody sets.
    """

    def __init__(
        self,
        wall_ns: Callable[[], int] = time.time_ns,
        steady_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        super().__init__(self._store_ns, steady_ns)
        self._offset_ns = wall_ns() - steady_ns()

    def heard(self, now_ms: int, *, took_s: float) -> None:
        """The store's clock said this at some time during the last `took_s`."""
        earliest_ns = now_ms * _NS_PER_MS - self._steady_ns()
        latest_ns = earliest_ns + _NS_PER_MS + int(took_s * 1000) * _NS_PER_MS
        # What is known to be wrong is put right, and no more: answers come at different speeds.
        self._offset_ns = min(max(self._offset_ns, earliest_ns), latest_ns)

    def _store_ns(self) -> int:
        return self._steady_ns() + self._offset_ns
