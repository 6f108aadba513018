"""What every store promises about the operator token: `stepwell.store.operator_tokens`."""

from typing import cast

import pytest

from stepwell.core.access_token import TokenHash
from stepwell.engine.store import StoreUnavailable
from stepwell.store.operator_tokens import OperatorTokens
from stepwell.store.sql.store import SqlStore
from tests.unit.store.conftest import OpenStore

pytestmark = pytest.mark.anyio

FIRST = TokenHash.of("first")
SECOND = TokenHash.of("second")


async def _open(open_store: OpenStore) -> tuple[SqlStore, OperatorTokens]:
    store = cast("SqlStore", await open_store())
    return store, store.operator_tokens()


async def test_there_is_no_token_until_one_is_added(open_store: OpenStore) -> None:
    store, tokens = await _open(open_store)

    assert await tokens.current() is None
    assert await tokens.add(FIRST, now_ms=1)
    assert await tokens.current() == FIRST
    await store.close()


async def test_of_two_first_tokens_the_earlier_one_holds(open_store: OpenStore) -> None:
    """Two processes that start on an empty database must agree."""
    store, tokens = await _open(open_store)

    assert await tokens.add(FIRST, now_ms=1)
    assert not await tokens.add(SECOND, now_ms=2)
    assert await tokens.current() == FIRST
    await store.close()


async def test_a_replaced_token_does_not_come_back(open_store: OpenStore) -> None:
    store, tokens = await _open(open_store)
    await tokens.add(FIRST, now_ms=1)

    await tokens.replace(SECOND, now_ms=2)
    assert await tokens.current() == SECOND
    await store.close()

    again, tokens = await _open(open_store)
    assert await tokens.current() == SECOND
    assert not await tokens.add(FIRST, now_ms=3)
    await again.close()


async def test_a_token_can_be_replaced_before_there_is_one(open_store: OpenStore) -> None:
    store, tokens = await _open(open_store)

    await tokens.replace(FIRST, now_ms=1)
    assert await tokens.current() == FIRST
    await store.close()


async def test_a_store_that_is_closed_says_that_it_does_not_answer(open_store: OpenStore) -> None:
    store, tokens = await _open(open_store)
    await store.answers()
    await store.close()

    with pytest.raises(StoreUnavailable):
        await tokens.current()
    with pytest.raises(StoreUnavailable):
        await store.answers()
