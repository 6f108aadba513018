"""Time as the engine sees it."""

from typing import Protocol

__all__ = ["Clock"]


class Clock(Protocol):
    """The wall clock. It never goes back while the process lives."""

    def now_ms(self) -> int:
        """Milliseconds since 1970 UTC."""
        ...
