"""The stores that must keep the contract; another kind of store is added here, once."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Protocol

import pytest

from stepwell.engine.store import Ownership, Store, join_alone
from stepwell.store.reading import ReadModels
from stepwell.store.sqlite import SqliteStore
from tests.postgres.fixtures import (
    postgres_newest,
    postgres_newest_bench,
    postgres_oldest,
    postgres_oldest_bench,
)

__all__ = ["postgres_newest", "postgres_newest_bench", "postgres_oldest", "postgres_oldest_bench"]

OpenStore = Callable[[], Awaitable["OpenedStore"]]


class OpenedStore(Store, Protocol):
    """A store of any kind, with what the APIs read."""

    def read_models(self) -> ReadModels: ...


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def memory() -> Iterator[sqlite3.Connection]:
    """A database in memory that outlives the stores on it."""
    connection = sqlite3.connect(":memory:")
    yield connection
    connection.close()


class Place(Protocol):
    """A database on which stores are opened, one after the other."""

    async def open(self) -> OpenedStore:
        """A store on it."""
        ...

    def execute(self, sql: str) -> list[Any]:
        """Do something to it behind the stores' backs."""
        ...


class SqliteFile:
    def __init__(self, path: Path) -> None:
        self._path = path

    async def open(self) -> SqliteStore:
        return await SqliteStore.open(self._path)

    def execute(self, sql: str) -> list[Any]:
        with closing(sqlite3.connect(self._path, isolation_level=None)) as connection:
            return connection.execute(sql).fetchall()


class SqliteMemory:
    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    async def open(self) -> SqliteStore:
        return SqliteStore.in_memory(connection=self._connection)

    def execute(self, sql: str) -> list[Any]:
        return self._connection.execute(sql).fetchall()


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run tests of every store on all of them; the contract also on the oldest PostgreSQL."""
    if "place" not in metafunc.fixturenames:
        return
    if getattr(metafunc.module, "place", None) is None:
        is_contract = metafunc.module.__name__.endswith("_contract")
        oldest = ["postgres-oldest"] if is_contract else []
        names = ["sqlite-file", "sqlite-memory", "postgres-newest", *oldest]
        metafunc.parametrize("place", names, indirect=True)


@pytest.fixture
def place(request: pytest.FixtureRequest) -> Place:
    """One and the same database for a test."""
    return place_named(request, request.param)


def place_named(request: pytest.FixtureRequest, name: str) -> Place:
    """A place by its name, so that only the servers are started that are asked for."""
    found: Place
    match name:
        case "sqlite-file":
            tmp_path: Path = request.getfixturevalue("tmp_path")
            found = SqliteFile(tmp_path / "stepwell.db")
        case "sqlite-memory":
            found = SqliteMemory(request.getfixturevalue("memory"))
        case _:
            found = request.getfixturevalue(name.replace("-", "_"))
    return found


@pytest.fixture
def open_store(place: Place) -> OpenStore:
    """Opens a store on the test's database, again and again."""
    return place.open


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[Store]:
    opened = await open_store()
    yield opened
    await opened.close()


@pytest.fixture
async def owner(store: Store) -> Ownership:
    return await join_alone(store)


@pytest.fixture
async def reading(store: OpenedStore) -> AsyncIterator[ReadModels]:
    models = store.read_models()
    yield models
    await models.close()
