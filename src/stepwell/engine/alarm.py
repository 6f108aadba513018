"""One timer for all timers."""

import asyncio
from collections.abc import Callable
from typing import Final

from stepwell.engine.clock import Clock

__all__ = ["Alarm"]

# The wall clock may be set, and a suspended machine's loop clock stands still; so a far due time
# is looked at again now and then.
_LOOK_AGAIN_S: Final = 30.0


class Alarm:
    """Calls `ring` when the wall clock reaches a time."""

    def __init__(self, clock: Clock, ring: Callable[[], None]) -> None:
        self._clock = clock
        self._ring = ring
        self._due_ms: int | None = None
        self._handle: asyncio.TimerHandle | None = None

    def set(self, due_ms: int | None) -> None:
        """Ring at that time, instead of at any other; None is never."""
        if due_ms == self._due_ms:
            return
        self.cancel()
        if due_ms is None:
            return
        self._due_ms = due_ms
        delay_s = max(due_ms - self._clock.now_ms(), 0) / 1000
        loop = asyncio.get_running_loop()
        self._handle = loop.call_later(min(delay_s, _LOOK_AGAIN_S), self._fire)

    def cancel(self) -> None:
        """Do not ring."""
        if self._handle is not None:
            self._handle.cancel()
        self._handle = None
        self._due_ms = None

    def _fire(self) -> None:
        self._handle = None
        self._due_ms = None
        self._ring()
