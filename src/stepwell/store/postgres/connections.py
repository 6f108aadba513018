"""Connections that are opened when they are wanted, kept while they work, and replaced when not."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import AsyncConnection, BaseConnection
from psycopg.sql import SQL, Composed, Identifier, Literal

from stepwell.engine.store import StoreUnavailable
from stepwell.store.postgres.address import Address
from stepwell.store.postgres.failures import failure, reason_of
from stepwell.store.postgres.parameters import register_texts
from stepwell.store.postgres.patience import PatientConnection
from stepwell.store.postgres.pipeline import (
    ANSWER_LIMIT_S,
    FailedAt,
    PipelinedConnection,
    prepared,
)
from stepwell.store.sql.statements import Answer, Query

__all__ = [
    "BROWSING",
    "LONGER_LIMIT_S",
    "READING",
    "WRITING",
    "Breaks",
    "Connections",
    "PoolTimes",
    "configure",
    "connect",
    "value_of",
]

#: How the database notices that a server is gone whose network fails, while it waits for what that
#: has begun to say: a commit of which the first half has arrived keeps others from its partition.
_NOTICING: Final = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "20000",
}

#: Times after which the database gives something up, so that nobody waits for ever for a lock, or
#: for somebody who has stopped in the middle of a transaction. Commits take milliseconds.
_PATIENCE: Final = {
    **_NOTICING,
    "lock_timeout": "4s",
    "idle_in_transaction_session_timeout": "10s",
    # A node that stops while it sends a commit would keep the epoch from being taken.
    "transaction_timeout": "20s",
}
_BRIEF: Final = {**_PATIENCE, "statement_timeout": "8s"}
#: What is read when a partition is taken has to be counted, whatever the size of the queue.
_LONGER: Final = {**_PATIENCE, "transaction_timeout": "30s", "statement_timeout": "20s"}
LONGER_LIMIT_S: Final = 25.0
_SINCE: Final = {"transaction_timeout": 170_000}

#: Statements are written for the indexes they use. What the planner knows of tables whose rows come
#: and go is mostly out of date: of a queue that was empty it thinks that reading all is best.
_BY_INDEX: Final = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
}

#: A commit is on the disk when it returns, whatever the server's default is. A node that stops in
#: the middle of one cannot be removed until the server gives it up: as soon as its lease has ended.
WRITING: Final = {
    "synchronous_commit": "on",
    # Each statement sees what was committed before it; deleting rests on that.
    "default_transaction_isolation": "read committed",
    **_BRIEF,
    **_BY_INDEX,
    "idle_in_transaction_session_timeout": "5s",
}

#: All statements of a question see one moment.
_OF_ONE_MOMENT: Final = {
    "default_transaction_isolation": "repeatable read",
    "default_transaction_read_only": "on",
}
READING: Final = {**_OF_ONE_MOMENT, **_LONGER, **_BY_INDEX}

#: Questions of the APIs are of all kinds: which way is best is left to the planner.
BROWSING: Final = {**_OF_ONE_MOMENT, **_LONGER, "jit": "off"}

#: Who waits longer for a connection to become free gives up.
_TURN_LIMIT_S: Final = 10.0

#: A connection that is due to be replaced is used for so much longer if there is no other.
_RESPITE_S: Final = 30.0

#: Classes of errors after which a connection is as good as before: values, contradictions, deadlocks,
#: no space, locks that others hold, and statements that took too long.
_HARMLESS: Final = ("22", "23", "40", "53", "55", "57014")


class PoolTimes(NamedTuple):
    """How long connections are kept; None is for ever.

    Attributes:
        idle_s: After which an unused one is closed, as soon as somebody uses the pool.
        lifetime_s: After which one is closed when it is given back, so that servers behind a
            balancer get their share again.
    """

    idle_s: float | None = None
    lifetime_s: float | None = None


class Breaks:
    """How many times a connection broke, for pools of one database to know of each other.

    Most likely it was not the only one: none that was idle then is used again. Otherwise each would
    have to fail, one after the other, and of a network that loses what is said each takes seconds
    to do so.
    """

    def __init__(self) -> None:
        self.count = 0


class _NobodyHasAny(Exception):
    """There is no connection that could be handed over."""


class _Idle(NamedTuple):
    connection: PipelinedConnection
    since_s: float
    breaks: int


class Connections:
    """Up to `connections_max` connections, each used by one at a time.

    A connection that broke takes the idle ones with it. When no more can be had, because the
    database has given all it has to others, those that there are go round.
    """

    def __init__(
        self,
        address: Address,
        settings: dict[str, str],
        *,
        connections_max: int,
        times: PoolTimes = PoolTimes(),  # noqa: B008 - it cannot be changed
        answer_limit_s: float = ANSWER_LIMIT_S,
        breaks: Breaks | None = None,
    ) -> None:
        """None is opened yet.

        Args:
            address: Of the database.
            settings: What each connection has set.
            connections_max: How many there may be at the same time.
            times: How long they are kept.
            answer_limit_s: After so long without an answer, a connection is given up; more than the
                settings give a statement.
            breaks: Of other pools of the same database.
        """
        assert connections_max > 0
        self._answer_limit_s = answer_limit_s
        self._address = address
        self._settings = settings
        self._max = connections_max
        self._times = times
        self._breaks = breaks or Breaks()
        self._free = asyncio.Semaphore(connections_max)
        # Those used last stand last and are used first, so that others become old.
        self._idle: list[_Idle] = []
        # How many have a connection, or are about to.
        self._having = 0
        # Who has a turn, but could not connect.
        self._wanting: deque[asyncio.Future[PipelinedConnection]] = deque()
        self._respite_until_s = 0.0
        self._is_closed = False

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits for a connection that others have."""
        return bool(self._wanting)

    @asynccontextmanager
    async def use(self, operation: str) -> AsyncIterator[PipelinedConnection]:
        """A connection that nobody else uses meanwhile.

        Raises:
            StoreUnavailable: There is none, or not soon enough, or the store is closed.
        """
        await self._take_turn(operation)
        self._having += 1
        try:
            connection = await self._taken(operation)
            try:
                yield connection
            except FailedAt as failed:
                if not (failed.error.sqlstate or "").startswith(_HARMLESS):
                    await self._replace_all(connection)
                raise
            finally:
                await self._put_back(connection)
        finally:
            self._having -= 1
            if not self._having:
                self._refuse_wanting()
            self._free.release()

    async def run(self, operation: str, queries: Sequence[Query]) -> list[Answer]:
        """The answers to queries that are sent together: one transaction.

        Raises:
            StoreUnavailable, StoreDefect: Nothing was done, or it is unknown whether anything was.
        """
        statements = [prepared(query) for query in queries]
        try:
            async with self.use(operation) as connection:
                return await connection.run(statements)
        except FailedAt as failed:
            raise failure(operation, failed.error) from failed.error

    async def close(self) -> None:
        """Wait for those who use one, then close all. May be called twice."""
        if self._is_closed:
            return
        self._is_closed = True
        for _ in range(self._max):
            await self._free.acquire()
        await self._close_idle()
        # Whoever still waits for a turn gets one, and is told.
        for _ in range(self._max):
            self._free.release()

    async def _take_turn(self, operation: str) -> None:
        self._refuse_if_closed(operation)
        if not self._free.locked():
            await self._free.acquire()
            return
        try:
            async with asyncio.timeout(_TURN_LIMIT_S):
                await self._free.acquire()
        except TimeoutError:
            raise StoreUnavailable(operation, "all connections are in use") from None
        try:
            self._refuse_if_closed(operation)
        except StoreUnavailable:
            self._free.release()
            raise

    def _refuse_if_closed(self, operation: str) -> None:
        if self._is_closed:
            raise StoreUnavailable(operation, "the store is closed")

    async def _taken(self, operation: str) -> PipelinedConnection:
        await self._close_unused()
        idle = self._idle.pop().connection if self._idle else None
        if idle is not None and not self._is_old(idle):
            return idle
        try:
            connection = await self._connect(operation)
        except StoreUnavailable as failure:
            if idle is None:
                return await self._handed_over(failure)
            self._respite_until_s = asyncio.get_running_loop().time() + _RESPITE_S
            return idle
        except BaseException:
            if idle is not None:
                await self._put_back(idle)
            raise
        if idle is not None:
            await idle.close()
        return connection

    def _is_old(self, connection: PipelinedConnection) -> bool:
        if self._times.lifetime_s is None:
            return False
        until_s = max(connection.opened_s + self._times.lifetime_s, self._respite_until_s)
        return asyncio.get_running_loop().time() >= until_s

    async def _handed_over(self, failure: StoreUnavailable) -> PipelinedConnection:
        """A connection that somebody else has used, as no other can be had."""
        if self._idle:
            return self._idle.pop().connection
        self._having -= 1
        wanting: asyncio.Future[PipelinedConnection] = asyncio.get_running_loop().create_future()
        self._wanting.append(wanting)
        if not self._having:
            self._refuse_wanting()
        try:
            async with asyncio.timeout(_TURN_LIMIT_S):
                return await wanting
        except BaseException as given_up:
            if wanting.done() and not wanting.cancelled() and wanting.exception() is None:
                # It came at the very moment at which this was given up.
                await self._put_back(wanting.result())
            else:
                self._having += 1
            if isinstance(given_up, TimeoutError | _NobodyHasAny):
                raise failure from None
            raise

    async def _close_unused(self) -> None:
        """Close what broke, by itself or with others, and what was not used for long but for one."""
        idle, breaks, idle_s = self._idle, self._breaks.count, self._times.idle_s
        while idle and not idle[-1].connection.is_idle:
            await idle.pop().connection.close()
        while idle and idle[0].breaks != breaks:
            await idle.pop(0).connection.close()
        if idle_s is None:
            return
        oldest_s = asyncio.get_running_loop().time() - idle_s
        while len(idle) > 1 and idle[0].since_s < oldest_s:
            await idle.pop(0).connection.close()

    async def _connect(self, operation: str) -> PipelinedConnection:
        try:
            connection = await connect(self._address, self._settings)
        except psycopg.Error as error:
            raise StoreUnavailable(operation, reason_of(error)) from error
        return PipelinedConnection(connection, answer_limit_s=self._answer_limit_s)

    async def _put_back(self, connection: PipelinedConnection) -> None:
        if not connection.is_idle or self._is_closed:
            await connection.close()
            return
        while self._wanting:
            wanting = self._wanting.popleft()
            if not wanting.done():
                self._having += 1
                wanting.set_result(connection)
                return
        now_s = asyncio.get_running_loop().time()
        self._idle.append(_Idle(connection, now_s, self._breaks.count))

    def _refuse_wanting(self) -> None:
        while self._wanting:
            wanting = self._wanting.popleft()
            if not wanting.done():
                wanting.set_exception(_NobodyHasAny)

    async def _replace_all(self, broken: PipelinedConnection) -> None:
        self._breaks.count += 1
        await broken.close()
        await self._close_idle()

    async def _close_idle(self) -> None:
        while self._idle:
            await self._idle.pop().connection.close()


async def connect(address: Address, settings: dict[str, str]) -> PatientConnection:
    """A connection that commits each statement by itself."""
    connection = await PatientConnection.connect(
        address.conninfo, autocommit=True, prepare_threshold=None
    )
    try:
        await connection.execute(configure(settings, connection))
    except BaseException:
        await connection.close()
        raise
    register_texts(connection)
    return connection


def configure(settings: dict[str, str], connection: BaseConnection[Any]) -> Composed:
    """The statements that make those settings that the server knows, for one round trip."""
    version = connection.info.server_version
    return SQL("; ").join(
        SQL("SET {} = {}").format(Identifier(name), Literal(value))
        for name, value in settings.items()
        if version >= _SINCE.get(name, 0)
    )


async def value_of(connection: AsyncConnection[Any], sql: str, parameters: Any = ()) -> Any:
    """The first value of the first row of an answer; None if there is no row."""
    row = await (await connection.execute(sql.encode(), parameters)).fetchone()
    return None if row is None else row[0]
