"""Several servers on one PostgreSQL database: what locks and lost connections must not do."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
import pytest

from stepwell.core.identity import PartitionId
from stepwell.core.transition import Transition
from stepwell.engine.nodes import Ownership, Question, Standing, Wake
from stepwell.engine.store import OwnershipLost
from stepwell.store.postgres import PostgresStore
from stepwell.store.sql.wakes import wake_from
from tests.postgres.fixtures import PostgresPlace
from tests.unit.store.builders import FUNCTION, an_item
from tests.unit.store.crowd import FIRST, SECOND, Ear, Seen

pytestmark = pytest.mark.anyio

_STANDING = Standing()
_WAITING = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
_BREAK_LISTENING = """
SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
 WHERE datname = current_database() AND query LIKE 'LISTEN%'
"""
_NOW = "SELECT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"


@pytest.fixture
def place(postgres_newest: PostgresPlace) -> PostgresPlace:
    return postgres_newest


@pytest.fixture
async def store(place: PostgresPlace) -> AsyncIterator[PostgresStore]:
    opened = await place.open()
    yield opened
    await opened.close()


@pytest.fixture
async def other(place: PostgresPlace) -> AsyncIterator[PostgresStore]:
    opened = await place.open()
    yield opened
    await opened.close()


class Held:
    """A commit of a node that waits in the middle, until the block ends."""

    def __init__(self, place: PostgresPlace, store: PostgresStore, owner: Ownership) -> None:
        self._place = place
        self._store = store
        self._owner = owner
        self._blocker = psycopg.connect(place.uri)

    async def __aenter__(self) -> None:
        self._blocker.execute("LOCK TABLE queue IN ACCESS EXCLUSIVE MODE")
        batch = [Transition(put=[an_item(1)])]
        self._commit = asyncio.ensure_future(self._store.commit(self._owner, batch))
        while self._place.execute(_WAITING) == [(0,)]:
            await asyncio.sleep(0)

    async def __aexit__(self, *_: object) -> None:
        self._blocker.rollback()
        self._blocker.close()
        await self._commit


class TestLocks:
    async def test_a_node_is_not_removed_while_it_commits(
        self, place: PostgresPlace, store: PostgresStore, other: PostgresStore
    ) -> None:
        """Whoever has taken its partitions sees all that it committed; nobody waits for it."""
        slow, heir = await store.join("slow", "1"), await other.join("heir", "1")
        await store.take(slow, [FIRST])
        async with Held(place, store, slow):
            place.execute(f"UPDATE nodes SET lease_until_ms = 1 WHERE id = {slow.node}")
            assert await other.take(heir, [FIRST, SECOND]) == {SECOND}

        assert await other.take(heir, [FIRST]) == {FIRST}
        assert await other.largest_number() == 1
        with pytest.raises(OwnershipLost):
            await store.commit(slow, [Transition(put=[an_item(2)])])

    async def test_a_lease_is_renewed_while_its_node_commits(
        self, place: PostgresPlace, store: PostgresStore
    ) -> None:
        owner = await store.join("busy", "1")
        place.execute(f"UPDATE nodes SET lease_until_ms = 1 WHERE id = {owner.node}")
        async with Held(place, store, owner):
            glance = await store.glance(owner, _STANDING)

        assert [node.id for node in glance.nodes] == [owner.node]

    async def test_leases_end_by_the_clock_of_the_database(
        self, place: PostgresPlace, store: PostgresStore
    ) -> None:
        ((before_ms,),) = place.execute(_NOW)
        owner = await store.join("node", "1")
        (node,) = (await store.glance(owner, _STANDING)).nodes
        ((after_ms,),) = place.execute(_NOW)

        assert before_ms <= node.joined_ms <= after_ms
        assert before_ms + 5_000 <= node.lease_until_ms <= after_ms + 5_000

    async def test_servers_that_take_at_once_never_get_the_same(self, place: PostgresPlace) -> None:
        stores = [await place.open() for _ in range(3)]
        owners = [await each.join("node", "1") for each in stores]
        for _ in range(5):
            taken = await asyncio.gather(
                *(
                    each.take(owner, each.partitions)
                    for each, owner in zip(stores, owners, strict=True)
                )
            )
            assert sorted(number for each in taken for number in each) == stores[0].partitions
            for each, owner in zip(stores, owners, strict=True):
                await each.release(owner, each.partitions)

        for each in stores:
            await each.close()

    async def test_servers_that_join_at_once_have_numbers_of_their_own(
        self, store: PostgresStore, other: PostgresStore
    ) -> None:
        owners = await asyncio.gather(
            *(each.join("node", "1") for each in (store, other) for _ in range(4))
        )

        assert sorted(owner.number for owner in owners) == list(range(8))
        assert len({owner.node for owner in owners}) == 8


class TestListening:
    async def test_servers_wake_each_other(
        self, store: PostgresStore, other: PostgresStore
    ) -> None:
        ear = await Ear.on(other)
        owner = await store.join("node", "1")
        await store.commit(
            owner, [Transition(put=[an_item(1)])], Seen(FIRST, of={FUNCTION: SECOND})
        )

        assert await ear.several(2) == [
            Wake(everybody=True),
            Wake(partitions=frozenset({SECOND})),
        ]

    async def test_a_connection_that_broke_is_replaced_and_everybody_woken(
        self, place: PostgresPlace, store: PostgresStore
    ) -> None:
        """Nobody knows what was said meanwhile."""
        ear = await Ear.on(store)
        owner = await store.join("node", "1")
        assert await ear.next() == Wake(everybody=True)

        assert place.execute(_BREAK_LISTENING) == [(1,)]

        assert await ear.next() == Wake(everybody=True)
        await store.ask(owner, Question("q", SECOND, b"?"))
        assert await ear.next() == Wake(partitions=frozenset({SECOND}))

    async def test_a_closed_store_listens_no_more(
        self, place: PostgresPlace, other: PostgresStore
    ) -> None:
        store = await place.open()
        await Ear.on(store)
        await store.close()
        await store.close()

        assert place.execute(_BREAK_LISTENING) == [(0,)]


@pytest.mark.parametrize(
    ("text", "wake"),
    [
        ("p3,7", Wake(partitions=frozenset({PartitionId(3), PartitionId(7)}))),
        ("*", Wake(everybody=True)),
        ("", Wake(everybody=True)),
        ("p", Wake(everybody=True)),
        ("p1,x", Wake(everybody=True)),
        ("z5", Wake(everybody=True)),
    ],
)
def test_what_is_not_understood_wakes_everybody(text: str, wake: Wake) -> None:
    """Another version, or another program, may have said it."""
    assert wake_from(text) == wake
