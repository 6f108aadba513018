"""Warnings that say the same again and again, such as that a database is still away."""

import time
from collections.abc import Callable
from typing import Final

import structlog
from structlog.typing import EventDict, WrappedLogger

__all__ = ["Repetitions"]

#: Between two entries that say the same; those in between are counted.
_PAUSE_S: Final = 60.0
#: Different warnings that are remembered; beyond that, some are written more often.
_KNOWN_MAX: Final = 200
#: What differs between two entries that say the same.
_MEASURES: Final = frozenset({"retry_s", "transitions"})


class Repetitions:
    """A processor that lets a warning pass once a minute, with the number of those left out."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self._now_s = now_s
        # When each was written, and how many have been left out since; the oldest first.
        self._known: dict[tuple[object, ...], tuple[float, int]] = {}

    def __call__(self, _logger: WrappedLogger, method: str, entry: EventDict) -> EventDict:
        """The entry as it is to be written; raises `structlog.DropEvent` if it is not."""
        if method != "warning":
            return entry
        said = {name: value for name, value in entry.items() if name not in _MEASURES}
        key = tuple(sorted((name, repr(value)) for name, value in said.items()))
        now_s = self._now_s()
        written_s, left_out = self._known.get(key, (float("-inf"), 0))
        if now_s < written_s + _PAUSE_S:
            self._known[key] = (written_s, left_out + 1)
            raise structlog.DropEvent
        self._known.pop(key, None)
        while len(self._known) >= _KNOWN_MAX:
            del self._known[next(iter(self._known))]
        self._known[key] = (now_s, 0)
        return {**entry, "repeated": left_out} if left_out else entry
