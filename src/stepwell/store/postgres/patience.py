"""The driver's connections, with an end to every wait.

A database that hangs, or a network that loses what is said and keeps the connection, says nothing
for ever: timeouts of the database do not end, and those of TCP do not either if a proxy in between
is well. The driver itself would wait as long.
"""

from collections.abc import Generator
from time import monotonic
from typing import Any, Final, TypeVar

import psycopg
from psycopg import AsyncConnection, Connection, abc, pq

__all__ = ["PatientConnection", "PatientReader"]

T = TypeVar("T")

#: Between two looks whether the time is over.
_LOOK_S: Final = 0.1


class PatientConnection(AsyncConnection[Any]):
    """A connection that is given up when an answer takes too long.

    Attributes:
        answer_limit_s: How long one may take, from now on.
    """

    answer_limit_s = 10.0

    async def wait(
        self,
        gen: abc.PQGen[T],
        interval: float = _LOOK_S,
        timeout: float | None = None,  # noqa: ASYNC109 - the driver's
    ) -> T:
        """Carry out what the driver does, and wait for what it waits for.

        With a `timeout`, as when it listens, nothing is wrong if nothing comes.
        """
        if timeout is None:
            gen = _until(gen, self.pgconn, self.answer_limit_s)
        return await super().wait(gen, interval, timeout)


class PatientReader(Connection[Any]):
    """The same for threads."""

    answer_limit_s = 10.0

    def wait(self, gen: abc.PQGen[T], interval: float = _LOOK_S, timeout: float | None = None) -> T:
        """Carry out what the driver does, and wait for what it waits for."""
        return super().wait(_until(gen, self.pgconn, self.answer_limit_s), interval, timeout)


def _until(gen: abc.PQGen[T], pgconn: pq.abc.PGconn, limit_s: float) -> Generator[Any, Any, T]:
    """The same work, which ends with the connection if nothing comes for too long."""
    end_s = monotonic() + limit_s
    try:
        wanted = next(gen)
        while True:
            ready = yield wanted
            if not ready and monotonic() >= end_s:
                pgconn.finish()
                raise psycopg.OperationalError(f"no answer within {limit_s:g} s")
            wanted = gen.send(ready)
    except StopIteration as done:
        result: T = done.value
        return result
