"""Databases for tests: a server per version and session, an empty database per test.

To be imported by the `conftest.py` of the tests that want them.
"""

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import psycopg
import pytest
from psycopg import Connection

from stepwell.store.migrations.upgrade import upgrade_postgres
from stepwell.store.postgres import PostgresStore
from stepwell.store.postgres.store import PoolSizes
from stepwell.store.sql.nodes import LEASE_MS
from tests.postgres.packages import NEWEST, OLDEST
from tests.postgres.server import PostgresServer

__all__ = [
    "PostgresBench",
    "PostgresPlace",
    "postgres_newest",
    "postgres_newest_bench",
    "postgres_oldest",
    "postgres_oldest_bench",
]

# What a new database has; the partitions of weeks stay, empty. Most have never had a row: planning to
# delete from all that there are takes longer than deleting.
_EMPTY = """
DO $$
DECLARE name text;
BEGIN
    PERFORM pg_terminate_backend(pid) FROM pg_stat_activity
      WHERE datname = current_database() AND pid <> pg_backend_pid();
    FOR name IN SELECT relname FROM pg_class
                 WHERE relkind = 'r' AND pg_relation_size(oid) > 0
                   AND relnamespace = 'public'::regnamespace
                   AND relname NOT IN ('alembic_version', 'environments', 'counters', 'partitions')
    LOOP
        EXECUTE format('DELETE FROM %I', name);
    END LOOP;
    UPDATE partitions SET node_id = 0;
    UPDATE counters SET number = 0;
END $$
"""


class PostgresPlace:
    """A database on which stores are opened, one after the other."""

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self.is_damaged = False

    async def open(
        self,
        *,
        sizes: PoolSizes = PoolSizes(),  # noqa: B008 - it cannot be changed
        lease_ms: int = LEASE_MS,
    ) -> PostgresStore:
        """A store on it."""
        return await PostgresStore.open(self.uri, sizes=sizes, lease_ms=lease_ms)

    def connect(self) -> "Connection[Any]":
        """A connection of one's own, which commits each statement."""
        return psycopg.connect(self.uri, autocommit=True)

    def execute(self, sql: str) -> list[Any]:
        """Do something to it behind the stores' backs; its tables are not used again if those are
        changed."""
        self.is_damaged |= sql.startswith(("ALTER", "DROP", "CREATE"))
        with closing(self.connect()) as connection:
            cursor = connection.execute(sql.encode())
            return cursor.fetchall() if cursor.description is not None else []


class PostgresBench:
    """A server, with one database that is emptied and used again, and new ones for who asks.

    Emptying takes a tenth of the time that creating a database does.
    """

    def __init__(self, version: int, *, is_durable: bool) -> None:
        self.server = PostgresServer(version, is_durable=is_durable)
        self._shared: PostgresPlace | None = None
        self._template: str | None = None

    def empty(self) -> PostgresPlace:
        """The database that tests share one after the other, as new."""
        if self._shared is None or self._shared.is_damaged:
            self._shared = self.migrated()
        self._shared.execute(_EMPTY)
        return self._shared

    def blank(self) -> PostgresPlace:
        """A database in which there is nothing at all."""
        return PostgresPlace(self.server.uri(self.server.create_database()))

    def migrated(self) -> PostgresPlace:
        """A database of its own with the present schema, for tests that change it."""
        if self._template is None:
            self._template = self.server.create_database()
            upgrade_postgres(PostgresPlace(self.server.uri(self._template)).connect)
        return PostgresPlace(self.server.uri(self.server.create_database(self._template)))

    def drop(self, place: PostgresPlace) -> None:
        """Delete a database that a test had to itself."""
        self.server.drop_database(place.uri.rpartition("/")[2])


@pytest.fixture(scope="session")
def postgres_newest_bench() -> Iterator[PostgresBench]:
    bench = PostgresBench(NEWEST, is_durable=True)
    yield bench
    bench.server.stop()


@pytest.fixture(scope="session")
def postgres_oldest_bench() -> Iterator[PostgresBench]:
    """It is there for its SQL; that commits reach the disk is tested on the newest."""
    bench = PostgresBench(OLDEST, is_durable=False)
    yield bench
    bench.server.stop()


@pytest.fixture
def postgres_newest(postgres_newest_bench: PostgresBench) -> PostgresPlace:
    return postgres_newest_bench.empty()


@pytest.fixture
def postgres_oldest(postgres_oldest_bench: PostgresBench) -> PostgresPlace:
    return postgres_oldest_bench.empty()
