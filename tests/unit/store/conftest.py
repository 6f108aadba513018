"""The stores that must keep the contract; another kind of store is added here, once."""

import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from stepwell.engine.store import Ownership, Store
from stepwell.store.reading import ReadModels
from stepwell.store.sqlite import SqliteStore
from tests.unit.store.builders import PARTITION

OpenStore = Callable[[], Awaitable[Store]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def memory() -> Iterator[sqlite3.Connection]:
    """A database in memory that outlives the stores on it."""
    connection = sqlite3.connect(":memory:")
    yield connection
    connection.close()


@pytest.fixture(params=["sqlite-file", "sqlite-memory"])
def open_store(
    request: pytest.FixtureRequest, tmp_path: Path, memory: sqlite3.Connection
) -> OpenStore:
    """Opens a store on one and the same database, again and again."""

    async def on_file() -> Store:
        return await SqliteStore.open(tmp_path / "stepwell.db")

    async def in_memory() -> Store:
        return SqliteStore.in_memory(connection=memory)

    return {"sqlite-file": on_file, "sqlite-memory": in_memory}[request.param]


@pytest.fixture
async def store(open_store: OpenStore) -> AsyncIterator[Store]:
    opened = await open_store()
    yield opened
    await opened.close()


@pytest.fixture
async def owner(store: Store) -> Ownership:
    return await store.take(PARTITION)


@pytest.fixture
async def reading(store: SqliteStore) -> AsyncIterator[ReadModels]:
    models = store.read_models()
    yield models
    await models.close()
