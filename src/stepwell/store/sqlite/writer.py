"""The one connection that writes.

A commit's statements run where they are asked for, on the event loop; only making them durable,
which waits for the disk, happens on a thread. Statements are short work for the processor and need
Python's lock all the time. On a thread they would have to get it back from the busy loop after each
of them, twenty times a commit; this way it changes hands once in each direction.
"""

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from typing import TypeVar

from stepwell.store.sqlite.connections import ThreadedConnections, attempt, begin, closed, roll_back

__all__ = ["Writer"]

T = TypeVar("T")


class Writer:
    """Does one piece of work at a time, in the order it was asked for.

    Work whose caller was cancelled is done all the same.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._thread = ThreadedConnections("stepwell-store-writer", [connection])
        self._is_free = asyncio.Lock()
        self._is_closed = False

    async def run(self, operation: str, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, done wholly on the thread.

        Raises:
            StoreUnavailable: The database did not do it, or was closed.
            StoreDefect: A row contradicts what is stored.
        """
        await self._take(operation)
        return await self._finish_on_thread(operation, work)

    async def commit(self, operation: str, write: Callable[[sqlite3.Connection], None]) -> None:
        """Make durable what `write` writes, or nothing of it; raises as `run` does."""
        await self._take(operation)
        try:
            attempt(operation, partial(_write, write=write), self._connection)
        except BaseException:
            self._is_free.release()
            raise
        await self._finish_on_thread(operation, _make_durable)

    async def close(self) -> None:
        """Do what was begun, then close. May be called twice."""
        async with self._is_free:
            self._is_closed = True
            await self._thread.close()

    async def _take(self, operation: str) -> None:
        await self._is_free.acquire()
        if self._is_closed:
            self._is_free.release()
            raise closed(operation)

    async def _finish_on_thread(self, operation: str, work: Callable[[sqlite3.Connection], T]) -> T:
        """Do the work on the thread; the connection is free when it is done, not when we are."""
        return await self._thread.run(operation, work, done=self._is_free.release)


def _write(connection: sqlite3.Connection, write: Callable[[sqlite3.Connection], None]) -> None:
    begin(connection, "BEGIN IMMEDIATE")
    try:
        write(connection)
    except BaseException:
        roll_back(connection)
        raise


def _make_durable(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("COMMIT")
    except BaseException:
        roll_back(connection)
        raise
