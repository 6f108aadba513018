"""The store on PostgreSQL: nothing that has not been written durably, and fenced by node."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Final, NamedTuple

import psycopg
import structlog

from stepwell.engine.nodes import Ownership
from stepwell.store.postgres.address import Address
from stepwell.store.postgres.connections import (
    LONGER_LIMIT_S,
    READING,
    WRITING,
    Breaks,
    Connections,
    PoolTimes,
    connect,
)
from stepwell.store.postgres.database import open_database
from stepwell.store.postgres.dropping import drop_weeks_of_events, drop_weeks_of_runs
from stepwell.store.postgres.failures import failure, reason_of
from stepwell.store.postgres.listening import Listener
from stepwell.store.postgres.reading import connect_reader, engine_of
from stepwell.store.postgres.running import PostgresDatabase
from stepwell.store.postgres.weeks import WEEK_MS, keep_weeks
from stepwell.store.reading import ReadModels
from stepwell.store.sizes import StoreSizes
from stepwell.store.sql.nodes import LEASE_MS
from stepwell.store.sql.statements import Query, Question, Statement
from stepwell.store.sql.store import SqlStore

__all__ = ["CONNECTIONS_MIN", "PoolSizes", "PostgresStore"]

_log = structlog.get_logger(__name__)


class PoolSizes(NamedTuple):
    """How many connections there may be at the same time; one more renews the node's lease.

    Another one listens to wake-ups, for servers with others.

    Attributes:
        writers: Connections that commit and exchange mail.
        readers: Connections that read for the engine.
        read_models: Connections that read for the APIs.
    """

    writers: int = 2
    readers: int = 4
    read_models: int = 2

    @classmethod
    def within(cls, connections_max: int) -> "PoolSizes":
        """As many as do any good, and no more than that many in all; that has to be 5 at least."""
        assert connections_max >= CONNECTIONS_MIN
        standard = cls()
        spare = connections_max - CONNECTIONS_MIN
        readers = 1 + min(spare, standard.readers - 1)
        spare -= readers - 1
        read_models = 1 + min(spare, standard.read_models - 1)
        spare -= read_models - 1
        return cls(1 + min(spare, standard.writers - 1), readers, read_models)


#: One that writes, two that read, one that renews the lease, and one that listens.
CONNECTIONS_MIN: Final = 5

#: Far more often than weeks begin.
_CHORE_PAUSE_S: Final = 6 * 3600.0
#: Rows that came before their week may have to be moved.
_CHORE: Final = {**WRITING, "statement_timeout": "50s", "transaction_timeout": "55s"}
_CHORE_LIMIT_S: Final = 60.0
#: More than a statement is given that reads a week.
_DROP_LIMIT_S: Final = 35 * 60.0

_SIZE: Final = Statement("SELECT pg_database_size(current_database())")


class PostgresStore(SqlStore):
    """`stepwell.engine.store.Store` in one PostgreSQL database, which others may use as well."""

    week_ms = WEEK_MS

    def __init__(self, address: Address, database: PostgresDatabase, read_models_max: int) -> None:
        super().__init__(database)
        self._address = address
        self._read_models_max = read_models_max
        self._chore = asyncio.create_task(self._keep_weeks())

    @classmethod
    async def open(
        cls,
        uri: str,
        *,
        sizes: PoolSizes = PoolSizes(),  # noqa: B008 - it cannot be changed
        times: PoolTimes = PoolTimes(),  # noqa: B008 - it cannot be changed
        lease_ms: int = LEASE_MS,
    ) -> "PostgresStore":
        """The store in the database, whose schema is created or brought up to date.

        Args:
            uri: Where it is; whatever libpq understands.
            sizes: How many connections there may be.
            times: How long they are kept.
            lease_ms: How long a node lives that says nothing.

        Raises:
            StoreNewer: A newer Stepwell has written it.
            StoreUnusable: It cannot be reached, used or brought up to date.
        """
        address = Address.parse(uri)
        partitions = await open_database(address)
        connections = partial(Connections, address, times=times, breaks=Breaks())
        database = PostgresDatabase(
            connections(WRITING, connections_max=sizes.writers),
            connections(READING, connections_max=sizes.readers, answer_limit_s=LONGER_LIMIT_S),
            connections(WRITING, connections_max=1),
            Listener(address),
            partitions,
            lease_ms,
        )
        return cls(address, database, sizes.read_models)

    def read_models(self) -> ReadModels:
        """What the APIs read, on connections of its own."""
        make_engine = partial(engine_of, partial(connect_reader, self._address))
        return ReadModels.on_engine(make_engine, connections_max=self._read_models_max)

    async def drop_weeks(
        self, owner: Ownership, *, events_before_ms: int, runs_before_ms: int
    ) -> Sequence[str]:
        """Drop the weeks of history that nothing is kept of; the names of the tables dropped.

        Of all environments: what one of them keeps, or somebody needs, keeps its week, and is to be
        forgotten row by row.

        Args:
            owner: Who asks.
            events_before_ms: Events received before this time are free to go.
            runs_before_ms: Runs that ended before this time are free to go.

        Raises:
            OwnershipLost: The node was removed.
            StoreUnavailable: The database did not do it; what was dropped stays so.
        """
        try:
            # What takes long here sets its own bounds.
            async with await connect(self._address, {}) as connection:
                connection.answer_limit_s = _DROP_LIMIT_S
                dropped = await drop_weeks_of_runs(connection, owner, runs_before_ms)
                dropped += await drop_weeks_of_events(
                    connection, self._database, owner, events_before_ms
                )
        except psycopg.Error as error:
            raise failure("drop_weeks", error) from error
        return dropped

    async def sizes(self) -> StoreSizes:
        """How large the database is, with everything else that is in it."""
        return StoreSizes(await self._database.ask("sizes", _size()), None)

    async def close(self) -> None:
        self._chore.cancel()
        with suppress(asyncio.CancelledError):
            await self._chore
        await super().close()

    async def _keep_weeks(self) -> None:
        while True:
            await asyncio.sleep(_CHORE_PAUSE_S)
            try:
                async with await connect(self._address, _CHORE) as connection:
                    connection.answer_limit_s = _CHORE_LIMIT_S
                    await keep_weeks(connection)
            except psycopg.Error as error:
                _log.warning("store.partitions_missing", reason=reason_of(error))


def _size() -> Question[int]:
    (found,) = yield [Query(_SIZE)]
    ((size_bytes,),) = found.rows
    assert isinstance(size_bytes, int)
    return size_bytes
