"""What the server itself took long for, so that an operator need not search the logs for it."""

from bisect import insort
from collections.abc import Callable
from typing import Final

import msgspec

__all__ = ["SLOW_COMMIT_S", "SLOW_QUESTION_S", "SLOW_WORK_MAX", "SlowWork", "SlowestWork"]

#: Pieces of work that are remembered.
SLOW_WORK_MAX: Final = 20
#: A disk that is well takes a tenth of it.
SLOW_COMMIT_S: Final = 0.1
#: A person notices it.
SLOW_QUESTION_S: Final = 0.25


class SlowWork(msgspec.Struct, frozen=True):
    """A piece of work that took long.

    Attributes:
        kind: "commit", "retention" or "question".
        what: Names it, without anything that users have sent.
        at_ms: When it began.
    """

    kind: str
    what: str
    at_ms: int
    duration_ms: int


class SlowestWork:
    """Remembers the slowest pieces of work since the process started.

    Args:
        now_ms: The wall clock.
    """

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._found: list[SlowWork] = []

    def add(self, kind: str, what: str, took_s: float) -> None:
        """Take in a piece of work that has just ended; called only for what was slow."""
        took_ms = round(took_s * 1000)
        work = SlowWork(kind, what, self._now_ms() - took_ms, took_ms)
        insort(self._found, work, key=lambda each: -each.duration_ms)
        del self._found[SLOW_WORK_MAX:]

    def slowest(self) -> list[SlowWork]:
        """What is remembered, the slowest first."""
        return list(self._found)
