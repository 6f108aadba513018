"""Connections that are opened when they are wanted, kept while they work, and replaced when not."""

import asyncio
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
from stepwell.store.postgres.pipeline import FailedAt, PipelinedConnection, prepared
from stepwell.store.sql.statements import Answer, Query

__all__ = [
    "BROWSING",
    "NOW_MS",
    "READING",
    "WRITING",
    "Connections",
    "PoolTimes",
    "configure",
    "connect",
    "value_of",
]

#: The database's clock, the only one that all servers agree on.
NOW_MS: Final = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"

#: Times after which the server gives something up, so that nobody waits for ever for a lock, or for
#: somebody who has stopped in the middle of a transaction.
_PATIENCE: Final = {
    "statement_timeout": "30s",
    "lock_timeout": "10s",
    "idle_in_transaction_session_timeout": "30s",
    # A node that stops while it sends a commit would keep the epoch from being taken.
    "transaction_timeout": "60s",
}
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

#: A commit is on the disk when it returns, whatever the server's default is.
WRITING: Final = {"synchronous_commit": "on", **_PATIENCE, **_BY_INDEX}

#: All statements of a question see one moment.
_OF_ONE_MOMENT: Final = {
    "default_transaction_isolation": "repeatable read",
    "default_transaction_read_only": "on",
}
READING: Final = {**_OF_ONE_MOMENT, **_PATIENCE, **_BY_INDEX}

#: Questions of the APIs are of all kinds: which way is best is left to the planner.
BROWSING: Final = {**_OF_ONE_MOMENT, **_PATIENCE, "jit": "off"}

#: Who waits longer for a connection to become free gives up.
_TURN_LIMIT_S: Final = 30.0

#: Classes of errors after which a connection is as good as before.
_HARMLESS: Final = ("22", "23")


class PoolTimes(NamedTuple):
    """How long connections are kept; None is for ever.

    Attributes:
        idle_s: After which an unused one is closed, as soon as somebody uses the pool.
        lifetime_s: After which one is closed when it is given back, so that servers behind a
            balancer get their share again.
    """

    idle_s: float | None = None
    lifetime_s: float | None = None


class _Idle(NamedTuple):
    connection: PipelinedConnection
    since_s: float


class Connections:
    """Up to `connections_max` connections, each used by one at a time.

    A connection that broke takes the idle ones with it: most likely it was not the only one.
    """

    def __init__(
        self,
        address: Address,
        settings: dict[str, str],
        *,
        connections_max: int,
        times: PoolTimes = PoolTimes(),  # noqa: B008 - it cannot be changed
    ) -> None:
        assert connections_max > 0
        self._address = address
        self._settings = settings
        self._max = connections_max
        self._times = times
        self._free = asyncio.Semaphore(connections_max)
        # Those used last stand last and are used first, so that others become old.
        self._idle: list[_Idle] = []
        self._is_closed = False

    @asynccontextmanager
    async def use(self, operation: str) -> AsyncIterator[PipelinedConnection]:
        """A connection that nobody else uses meanwhile.

        Raises:
            StoreUnavailable: There is none, or not soon enough, or the store is closed.
        """
        await self._take_turn(operation)
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
        return self._idle.pop().connection if self._idle else await self._connect(operation)

    async def _close_unused(self) -> None:
        if self._times.idle_s is None:
            return
        oldest_s = asyncio.get_running_loop().time() - self._times.idle_s
        while self._idle and self._idle[0].since_s < oldest_s:
            await self._idle.pop(0).connection.close()

    async def _connect(self, operation: str) -> PipelinedConnection:
        try:
            return PipelinedConnection(await connect(self._address, self._settings))
        except psycopg.Error as error:
            raise StoreUnavailable(operation, reason_of(error)) from error

    async def _put_back(self, connection: PipelinedConnection) -> None:
        now_s = asyncio.get_running_loop().time()
        lifetime_s = self._times.lifetime_s
        is_old = lifetime_s is not None and now_s >= connection.opened_s + lifetime_s
        if connection.is_idle and not is_old and not self._is_closed:
            self._idle.append(_Idle(connection, now_s))
        else:
            await connection.close()

    async def _replace_all(self, broken: PipelinedConnection) -> None:
        await broken.close()
        await self._close_idle()

    async def _close_idle(self) -> None:
        while self._idle:
            await self._idle.pop().connection.close()


async def connect(address: Address, settings: dict[str, str]) -> AsyncConnection[Any]:
    """A connection that commits each statement by itself."""
    connection = await AsyncConnection.connect(
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
