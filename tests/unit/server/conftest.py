"""A registry on a store in memory, and a client; what asks apps to register needs both."""

from collections.abc import AsyncIterator

import pytest

from stepwell.core.transition import Transition
from stepwell.drivers.http import HttpClient
from stepwell.engine.registry import Registry
from stepwell.engine.store import join_alone
from stepwell.server.ids import RandomIds
from stepwell.store.sqlite import SqliteStore
from tests.unit.server.apps import FixedClock


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def registry(anyio_backend: object) -> AsyncIterator[Registry]:
    store = SqliteStore.in_memory()
    owner = await join_alone(store)

    class Commits:
        async def commit(self, transition: Transition) -> None:
            await store.commit(owner, [transition])

    clock = FixedClock()
    registry = Registry(clock, RandomIds(clock))
    registry.commit_with(Commits())
    yield registry
    await store.close()


@pytest.fixture
async def client(anyio_backend: object) -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()
