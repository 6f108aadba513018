"""The store on PostgreSQL: nothing that has not been written durably, and fenced by epoch."""

import asyncio
from contextlib import suppress
from functools import partial
from typing import Final

import psycopg
import structlog

from stepwell.engine.store import Ownership
from stepwell.store.postgres.address import Address
from stepwell.store.postgres.connections import READING, WRITING, Connections, connect
from stepwell.store.postgres.database import open_database
from stepwell.store.postgres.dropping import drop_weeks_of_events, drop_weeks_of_runs
from stepwell.store.postgres.failures import failure, reason_of
from stepwell.store.postgres.reading import connect_reader, engine_of
from stepwell.store.postgres.running import PostgresDatabase
from stepwell.store.postgres.weeks import keep_weeks
from stepwell.store.reading import ReadModels
from stepwell.store.sql.store import SqlStore

__all__ = ["READERS_MAX", "READ_MODELS_MAX", "WRITERS_MAX", "PostgresStore"]

_log = structlog.get_logger(__name__)

#: Connections that commit: two hide a good part of the time that one waits for the disk.
WRITERS_MAX: Final = 2
#: Connections that read for the engine.
READERS_MAX: Final = 4
#: Connections that read for the APIs.
READ_MODELS_MAX: Final = 2

#: Far more often than weeks begin.
_CHORE_PAUSE_S: Final = 6 * 3600.0


class PostgresStore(SqlStore):
    """`stepwell.engine.store.Store` in one PostgreSQL database, which others may use as well."""

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
        writers_max: int = WRITERS_MAX,
        readers_max: int = READERS_MAX,
        read_models_max: int = READ_MODELS_MAX,
    ) -> "PostgresStore":
        """The store in the database, whose schema is created or brought up to date.

        Args:
            uri: Where it is; whatever libpq understands.
            writers_max: Commits under way at the same time, one for each partition at most.
            readers_max: Questions of the engine that are answered at the same time.
            read_models_max: Questions of the APIs that are answered at the same time.

        Raises:
            StoreNewer: A newer Stepwell has written it.
            StoreUnusable: It cannot be reached, used or brought up to date.
        """
        address = Address.parse(uri)
        await open_database(address)
        database = PostgresDatabase(
            Connections(address, WRITING, connections_max=writers_max),
            Connections(address, READING, connections_max=readers_max),
        )
        return cls(address, database, read_models_max)

    def read_models(self) -> ReadModels:
        """What the APIs read, on connections of its own."""
        make_engine = partial(engine_of, partial(connect_reader, self._address))
        return ReadModels.on_engine(make_engine, connections_max=self._read_models_max)

    async def drop_weeks(
        self, owner: Ownership, *, events_before_ms: int, runs_before_ms: int
    ) -> list[str]:
        """Drop the weeks of history that nothing is kept of; the names of the tables dropped.

        Of all environments: what one of them keeps, or somebody needs, keeps its week, and is to be
        forgotten row by row.

        Args:
            owner: Who asks.
            events_before_ms: Events received before this time are free to go.
            runs_before_ms: Runs that ended before this time are free to go.

        Raises:
            OwnershipLost: The partition has a higher epoch.
            StoreUnavailable: The database did not do it; what was dropped stays so.
        """
        try:
            # What takes long here sets its own bounds.
            async with await connect(self._address, {}) as connection:
                dropped = await drop_weeks_of_runs(connection, owner, runs_before_ms)
                dropped += await drop_weeks_of_events(
                    connection, self._database, owner, events_before_ms
                )
        except psycopg.Error as error:
            raise failure("drop_weeks", error) from error
        return dropped

    async def close(self) -> None:
        self._chore.cancel()
        with suppress(asyncio.CancelledError):
            await self._chore
        await super().close()

    async def _keep_weeks(self) -> None:
        while True:
            await asyncio.sleep(_CHORE_PAUSE_S)
            try:
                async with await connect(self._address, WRITING) as connection:
                    await keep_weeks(connection)
            except psycopg.Error as error:
                _log.warning("store.partitions_missing", reason=reason_of(error))
