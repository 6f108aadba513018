"""Where work on a connection is done: on threads for a file, at once for a database in memory.

The engine's loop must never wait for a disk, so a file's connections live on threads of their own.
A database in memory has no disk to wait for; there everything happens inside the coroutine, without
threads, which makes a simulation repeatable.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from threading import Thread
from typing import Any, NamedTuple, Protocol, TypeVar

import structlog

from stepwell.engine.store import StoreUnavailable
from stepwell.store.errors import StoreDefect

__all__ = [
    "Connections",
    "InlineConnection",
    "ThreadedConnections",
    "WritingConnection",
    "attempt",
    "begin",
    "closed",
    "roll_back",
    "snapshot",
    "transaction",
]

T = TypeVar("T")

_log = structlog.get_logger(__name__)


class Connections(Protocol):
    """One connection or several alike, on which work is done piece by piece."""

    async def run(self, operation: str, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, given a connection nobody else uses meanwhile.

        Raises:
            StoreUnavailable: The database did not do it, or was closed.
            StoreDefect: A row contradicts what is stored.
        """
        ...

    async def close(self) -> None:
        """Do what was begun, then close. May be called twice."""
        ...


class WritingConnection(Connections, Protocol):
    """The connection that writes."""

    async def commit(self, operation: str, write: Callable[[sqlite3.Connection], None]) -> None:
        """Make durable what `write` writes, or nothing of it; raises as `run` does."""
        ...


class InlineConnection:
    """One connection, used inside the calling coroutine.

    Args:
        connection: Left open at the end if `is_borrowed`.
        is_borrowed: Whether the connection belongs to somebody else.
    """

    def __init__(self, connection: sqlite3.Connection, *, is_borrowed: bool) -> None:
        self._connection = connection
        self._is_borrowed = is_borrowed
        self._is_closed = False

    async def run(self, operation: str, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._is_closed:
            raise closed(operation)
        return attempt(operation, work, self._connection)

    async def commit(self, operation: str, write: Callable[[sqlite3.Connection], None]) -> None:
        def work(connection: sqlite3.Connection) -> None:
            with transaction(connection):
                write(connection)

        await self.run(operation, work)

    async def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            if not self._is_borrowed:
                self._connection.close()


class _Job(NamedTuple):
    operation: str
    work: Callable[[sqlite3.Connection], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    done: Callable[[], None] | None


class ThreadedConnections:
    """Some connections, each on a thread of its own; whichever is free takes the next work.

    With a single connection, work is done in the order it came. Work whose caller was cancelled is
    done all the same.
    """

    def __init__(self, name: str, connections: Sequence[sqlite3.Connection]) -> None:
        assert connections
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._is_closed = False
        self._threads = [
            Thread(target=self._serve, args=(connection,), name=f"{name}-{index}", daemon=True)
            for index, connection in enumerate(connections)
        ]
        for thread in self._threads:
            thread.start()

    async def run(
        self,
        operation: str,
        work: Callable[[sqlite3.Connection], T],
        *,
        done: Callable[[], None] | None = None,
    ) -> T:
        """As `Connections.run`; `done` is called on the loop after the work, whoever still waits."""
        if self._is_closed:
            raise closed(operation)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._jobs.put(_Job(operation, work, loop, future, done))
        return await future

    async def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            for _ in self._threads:
                self._jobs.put(None)
        await asyncio.to_thread(self._join)

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _serve(self, connection: sqlite3.Connection) -> None:
        while (job := self._jobs.get()) is not None:
            result: Any = None
            failure: BaseException | None = None
            try:
                result = attempt(job.operation, job.work, connection)
            except BaseException as error:  # noqa: BLE001 - the caller gets it, whatever it is
                failure = error
            try:
                job.loop.call_soon_threadsafe(_settle, job, result, failure)
            except RuntimeError:
                _log.warning("store.result_unclaimed", operation=job.operation)
            # A thread that waits for work must not keep the last batch in memory.
            del job, result, failure
        connection.close()


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is written inside is durable at the end, or nothing is."""
    begin(connection, "BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        roll_back(connection)
        raise


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """All that is read inside is of one moment."""
    begin(connection, "BEGIN")
    try:
        yield
    finally:
        roll_back(connection)


def begin(connection: sqlite3.Connection, sql: str) -> None:
    """Begin a transaction. A rollback that failed, because the disk did, is made up for first."""
    roll_back(connection)
    connection.execute(sql)


def roll_back(connection: sqlite3.Connection) -> None:
    """Undo what was written since the last commit, if anything was."""
    if connection.in_transaction:
        connection.rollback()


def attempt(
    operation: str, work: Callable[[sqlite3.Connection], T], connection: sqlite3.Connection
) -> T:
    """What `work` returns; what SQLite raises becomes an error of the store."""
    try:
        return work(connection)
    except sqlite3.IntegrityError as error:
        raise StoreDefect(operation, str(error)) from error
    except sqlite3.OperationalError as error:
        raise StoreUnavailable(operation, str(error)) from error
    except sqlite3.DatabaseError as error:
        # The base class itself stands for a damaged file; its other subclasses for our mistakes.
        if type(error) is not sqlite3.DatabaseError:
            raise
        _log.error("store.damaged", operation=operation, reason=str(error))
        raise StoreUnavailable(operation, str(error)) from error


def _settle(job: _Job, result: object, failure: BaseException | None) -> None:
    if job.done is not None:
        job.done()
    future = job.future
    if future.done():  # cancelled
        return
    if failure is None:
        future.set_result(result)
    else:
        future.set_exception(failure)


def closed(operation: str) -> StoreUnavailable:
    """What is said to whoever comes too late."""
    return StoreUnavailable(operation, "the store is closed")
