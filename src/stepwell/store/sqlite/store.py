"""The store on SQLite: one writer, readers apart, nothing that has not been written durably."""

import asyncio
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from stepwell.store.reading import ReadModels
from stepwell.store.sizes import StoreSizes
from stepwell.store.sql.nodes import LEASE_MS
from stepwell.store.sql.store import SqlStore
from stepwell.store.sqlite.asking import SqliteDatabase
from stepwell.store.sqlite.connections import InlineConnection
from stepwell.store.sqlite.database import (
    Database,
    beside,
    bytes_of,
    connect_reader,
    partitions_of,
    prepare_in_memory,
)
from stepwell.store.sqlite.functions import SqlFunctions, wall_clock_ms

__all__ = ["SqliteStore"]

#: Of a file there is one user, as long as its lock is held; nobody is to be taken for dead.
_FOR_EVER_MS: Final = 10**15

_ADD_PARTITION: Final = "INSERT OR IGNORE INTO partitions (id, node_id) VALUES (?, 0)"


class SqliteStore(SqlStore):
    """`stepwell.engine.store.Store` on one SQLite database.

    Made by `open` for a file and by `in_memory` for a database that ends with the process.
    """

    def __init__(self, asked: SqliteDatabase, database: Database | sqlite3.Connection) -> None:
        super().__init__(asked)
        self._opened = database

    @classmethod
    async def open(cls, path: Path, *, now_ms: Callable[[], int] = wall_clock_ms) -> "SqliteStore":
        """The store in the file, which is created if need be, and brought up to date.

        The node that joins first has it for itself: its lease does not end.

        Args:
            path: The file.
            now_ms: The clock by which leases end.

        Raises:
            StoreInUse: Another process has it open.
            StoreCorrupt: The file is damaged or not a database.
            StoreNewer: A newer Stepwell has written it.
            StoreUnusable: It cannot be opened or created.
        """
        opened = await Database.open(path, now_ms)
        asked = SqliteDatabase(
            opened.writer, opened.readers, opened.functions, opened.partitions, _FOR_EVER_MS
        )
        return cls(asked, opened)

    @classmethod
    def in_memory(
        cls,
        *,
        connection: sqlite3.Connection | None = None,
        partitions: int = 1,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> "SqliteStore":
        """A store without a file and without threads: every method is done when it returns.

        Args:
            connection: The database, if it is to outlive the store; it is left open. What is
                stored in it stays, so that a new store on it continues after a simulated crash.
            partitions: How many there are to be at least.
            now_ms: The clock by which leases end.
        """
        is_borrowed = connection is not None
        if connection is None:
            connection = sqlite3.connect(":memory:", check_same_thread=False)
        prepare_in_memory(connection)
        connection.executemany(_ADD_PARTITION, [(number,) for number in range(partitions)])
        functions = SqlFunctions(connection, now_ms)
        inline = InlineConnection(connection, is_borrowed=is_borrowed)
        asked = SqliteDatabase(inline, inline, functions, partitions_of(connection), LEASE_MS)
        return cls(asked, connection)

    def read_models(self) -> ReadModels:
        """What the APIs read, on connections of its own where there is a file."""
        if isinstance(self._opened, Database):
            return ReadModels.on_file(partial(connect_reader, self._opened.path))
        return ReadModels.on_connection(self._opened)

    async def sizes(self) -> StoreSizes:
        """How large the file is now, and the log beside it."""
        if not isinstance(self._opened, Database):
            return StoreSizes(None, None)
        return await asyncio.to_thread(_sizes_of, self._opened.path)

    async def close(self) -> None:
        if isinstance(self._opened, Database):
            await self._opened.close()
        else:
            await super().close()


def _sizes_of(path: Path) -> StoreSizes:
    log_bytes = bytes_of(beside(path, "-wal"))
    return StoreSizes(bytes_of(path) + log_bytes, log_bytes)
