"""Filling an empty PostgreSQL database in one transaction, which nobody else can get between."""

# ruff: noqa: S608 - what is put into the SQL are names of our own tables

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from sqlalchemy.exc import DBAPIError

from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID
from stepwell.store.errors import StoreNewer, StoreUnusable, TargetInUse, TargetNotEmpty
from stepwell.store.migrations.upgrade import postgres_transaction, upgrade_within
from stepwell.store.moving.tables import (
    LEFT_BEHIND,
    MADE_BY_MIGRATIONS,
    MovedTable,
    moved_tables,
)
from stepwell.store.postgres.address import Address
from stepwell.store.postgres.connections import configure
from stepwell.store.postgres.copying import HEADER, TRAILER, encoded_rows
from stepwell.store.postgres.database import check_database
from stepwell.store.postgres.failures import reason_of
from stepwell.store.postgres.weeks import ALONE, OF_EVENTS, OF_RUNS, Week, making
from stepwell.store.sql.statements import NOW_MS
from stepwell.wire.errors import OperationalError

__all__ = ["HISTORY", "Target", "open_target"]

#: Partitioned tables, each with the id whose time decides about the partition.
HISTORY: Final = OF_EVENTS | OF_RUNS

#: A move takes as long as it takes; only for others it does not wait for ever.
_SETTINGS: Final = {
    "client_encoding": "UTF8",
    "synchronous_commit": "on",
    "lock_timeout": "10s",
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "transaction_timeout": "0",
}

#: Sent at once.
_CHUNK_BYTES: Final = 256 * 1024

_NODES: Final = f"SELECT name FROM nodes WHERE lease_until_ms > {NOW_MS} ORDER BY id LIMIT 1"
_PARTITIONS: Final = "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'"
_KEEP_COUNTING: Final = """
UPDATE counters SET number = greatest(number, %s) WHERE name = 'nodes'
"""


class Target:
    """A database with the present schema, in which nothing is stored, kept from everybody else."""

    def __init__(self, connection: "psycopg.Connection[Any]") -> None:
        self._connection = connection

    def now_ms(self) -> int:
        """The time by the database's clock."""
        return int(self._value(f"SELECT {NOW_MS}"))

    def make_weeks(self, weeks: Iterable[tuple[str, Week]]) -> None:
        """Make partitions of history that are missing, each given by its table and week."""
        self._connection.execute(ALONE.encode())
        existing = {name for (name,) in self._connection.execute(_PARTITIONS)}
        for table, week in weeks:
            if week.partition(table) not in existing:
                for sql in making(table, week):
                    self._connection.execute(sql.encode())

    def fill(self, table: MovedTable, rows: Iterable[bytes]) -> None:
        """Write encoded rows into a table that is empty."""
        if table.name in MADE_BY_MIGRATIONS:
            self._connection.execute(f"DELETE FROM {table.name}".encode())
        sql = f"COPY {table.name} ({', '.join(table.columns)}) FROM STDIN (FORMAT binary)"
        with self._connection.cursor() as cursor, cursor.copy(sql.encode()) as copy:
            for chunk in _chunks(rows):
                copy.write(chunk)

    def rows(self, table: MovedTable) -> Iterator[bytes]:
        """All rows, encoded, in any order."""
        sql = (
            f"COPY (SELECT {', '.join(table.columns)} FROM {table.name}) TO STDOUT (FORMAT binary)"
        )
        with self._connection.cursor() as cursor, cursor.copy(sql.encode()) as copy:
            yield from encoded_rows(copy)

    def partitions(self) -> int:
        """How many partitions functions are spread over."""
        return int(self._value("SELECT count(*) FROM partitions"))

    def keep_counting(self, last_node: int) -> None:
        """Let servers be numbered on from those on the other database.

        The number is part of those of calls: an app that still answers one of an earlier server
        must not be taken for one that answers a later one.
        """
        self._connection.execute(_KEEP_COUNTING.encode(), (last_node,))

    def analyze(self) -> None:
        """Let the planner know of the rows: for partitioned tables as a whole nobody else does."""
        names = ", ".join(table.name for table in moved_tables())
        self._connection.execute(f"ANALYZE {names}".encode())

    def refuse_if_used(self, place: str) -> None:
        """Raise `TargetInUse` if a server is there."""
        server = self._value(_NODES)
        if server is not None:
            raise TargetInUse(place, f"the server {server} works on it")

    def refuse_if_filled(self, place: str) -> None:
        """Raise `TargetNotEmpty` if a table has rows that no migration has put there."""
        filled = [table.name for table in moved_tables() if self._has_rows(table.name)]
        if filled:
            raise TargetNotEmpty(place, tuple(filled))

    def lock(self) -> None:
        """Let others read but not write until the end; waits for those who are writing."""
        names = [*(table.name for table in moved_tables()), *sorted(LEFT_BEHIND)]
        self._connection.execute(f"LOCK TABLE {', '.join(names)} IN EXCLUSIVE MODE".encode())

    def _has_rows(self, table: str) -> bool:
        others = f" WHERE id <> '{DEFAULT_ENVIRONMENT_ID}'" if table in MADE_BY_MIGRATIONS else ""
        return bool(self._value(f"SELECT EXISTS (SELECT 1 FROM {table}{others})"))

    def _value(self, sql: str) -> Any:
        row = self._connection.execute(sql.encode()).fetchone()
        return None if row is None else row[0]


@contextmanager
def open_target(address: Address) -> Iterator[Target]:
    """The database, brought up to date; what is done inside is durable at the end, or nothing is.

    Also the schema, if there was none. Blocks: it is not for an event loop.

    Raises:
        StoreNewer, StoreUnusable: It cannot be used, or not any more.
        TargetInUse: A server has it, or somebody holds a lock for longer than is waited.
        TargetNotEmpty: Something is stored in it.
    """
    asyncio.run(check_database(address))
    is_whole = False
    try:
        with postgres_transaction(lambda: psycopg.connect(address.conninfo)) as transaction:
            connection = transaction.connection.driver_connection
            assert isinstance(connection, psycopg.Connection)
            connection.execute(configure(_SETTINGS, connection))
            if newer := upgrade_within(transaction):
                raise StoreNewer(address.place, newer)
            target = Target(connection)
            # First without waiting, so that a server that works is not held up.
            target.refuse_if_used(address.place)
            target.lock()
            target.refuse_if_used(address.place)
            target.refuse_if_filled(address.place)
            yield target
            is_whole = True
    except (DBAPIError, psycopg.Error) as error:
        raise _refusal(address, error, is_whole=is_whole) from error


def _refusal(
    address: Address, error: DBAPIError | psycopg.Error, *, is_whole: bool
) -> OperationalError:
    found = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(found, psycopg.errors.LockNotAvailable):
        return TargetInUse(address.place, "somebody else holds a lock on it")
    reason = reason_of(found) if isinstance(found, psycopg.Error) else str(found)
    outcome = (
        "whether everything was moved is not known: run the command again to learn it"
        if is_whole
        else "nothing was moved"
    )
    return StoreUnusable(address.place, f"{reason}; {outcome}")


def _chunks(rows: Iterable[bytes]) -> Iterator[bytes]:
    parts: list[bytes] = [HEADER]
    size = len(HEADER)
    for row in rows:
        parts.append(row)
        size += len(row)
        if size >= _CHUNK_BYTES:
            yield b"".join(parts)
            parts.clear()
            size = 0
    yield b"".join([*parts, TRAILER])
