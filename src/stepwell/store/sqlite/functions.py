"""What statements can call on SQLite: the clock, and wake-ups."""

import sqlite3
import time
from collections.abc import Callable, Iterable

from stepwell.engine.nodes import Wake
from stepwell.store.sql.wakes import wake_from

__all__ = ["SqlFunctions", "wall_clock_ms"]


def wall_clock_ms() -> int:
    """The time of this machine."""
    return time.time_ns() // 1_000_000


class SqlFunctions:
    """The functions of a connection that writes.

    Attributes:
        heard: Takes the wake-ups of the transaction that is written.
    """

    def __init__(self, connection: sqlite3.Connection, now_ms: Callable[[], int]) -> None:
        self.heard: list[str] = []
        self._wakes: list[Callable[[Wake], None]] = []
        connection.create_function("now_ms", 0, now_ms)
        connection.create_function("pg_notify", 2, self._hear)

    def on_wake(self, wake: Callable[[Wake], None]) -> None:
        """Have `wake` called for every wake-up."""
        self._wakes.append(wake)

    def wake(self, heard: Iterable[str]) -> None:
        """Pass wake-ups on: what they are about is durable."""
        for text in dict.fromkeys(heard):
            found = wake_from(text)
            for wake in self._wakes:
                wake(found)

    def _hear(self, _channel: str, text: str) -> None:
        self.heard.append(text)
