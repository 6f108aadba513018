"""Time as the engine sees it."""

from typing import Protocol

__all__ = ["Clock", "SharedClock"]


class Clock(Protocol):
    """The wall clock. It never goes back while the process lives."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        ...


class SharedClock(Protocol):
    """A clock that all nodes read alike."""

    def heard(self, now_ms: int, *, took_s: float) -> None:
        """The clock of the store said this at some time during the last `took_s`."""
        ...
