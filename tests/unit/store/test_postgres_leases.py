"""Several servers on one PostgreSQL database: one owns a partition, the others stand by.

Leases are so long that none ends by itself, so nobody waits for that either.
"""

import pytest

from stepwell.core.transition import Transition
from stepwell.engine.store import Ownership, OwnershipLost, PartitionHeld
from stepwell.store.postgres import PostgresStore
from tests.postgres.fixtures import PostgresPlace
from tests.unit.store.builders import PARTITION, an_item

pytestmark = pytest.mark.anyio

_LONG = 3_600.0
_TIME_IS_UP = "UPDATE partitions SET lease_until_ms = 1"


@pytest.fixture
def place(postgres_newest: PostgresPlace) -> PostgresPlace:
    return postgres_newest


async def _works(store: PostgresStore, owner: Ownership, number: int) -> None:
    await store.commit(owner, [Transition(put=[an_item(number)])])
    assert await store.largest_number() == number


async def test_a_server_that_is_alive_keeps_its_partition(place: PostgresPlace) -> None:
    first = await place.open("first", lease_s=_LONG)
    second = await place.open("second", lease_s=_LONG)
    owner = await first.take(PARTITION)

    with pytest.raises(PartitionHeld, match="owned by first") as refused:
        await second.take(PARTITION)

    assert (refused.value.partition, refused.value.owner) == (PARTITION, "first")
    await _works(first, owner, 1)
    await first.close()
    await second.close()


async def test_a_server_that_stops_lets_another_one_go_on_at_once(place: PostgresPlace) -> None:
    first = await place.open("first", lease_s=_LONG)
    second = await place.open("second", lease_s=_LONG)
    await first.take(PARTITION)

    await first.close()

    await _works(second, await second.take(PARTITION), 1)
    await second.close()


async def test_a_server_that_says_nothing_is_replaced_and_can_commit_no_more(
    place: PostgresPlace,
) -> None:
    """It may have been suspended, and not know how much time has passed."""
    suspended = await place.open("suspended", lease_s=_LONG)
    stale = await suspended.take(PARTITION)
    place.execute(_TIME_IS_UP)
    other = await place.open("other", lease_s=_LONG)

    owner = await other.take(PARTITION)

    assert owner.epoch == stale.epoch + 1
    with pytest.raises(OwnershipLost):
        await suspended.commit(stale, [Transition(put=[an_item(1)])])
    with pytest.raises(PartitionHeld):
        await suspended.take(PARTITION)
    # Stopping gives back only what is its own.
    await suspended.close()
    await _works(other, owner, 2)
    third = await place.open("third")
    with pytest.raises(PartitionHeld):
        await third.take(PARTITION)
    await third.close()
    await other.close()


async def test_a_lease_is_renewed_while_the_server_lives(place: PostgresPlace) -> None:
    store = await place.open("alive", lease_s=0.01)
    await store.take(PARTITION)
    sql = "SELECT lease_until_ms FROM partitions"
    ((taken_until,),) = place.execute(sql)

    while place.execute(sql) == [(taken_until,)]:
        await store.apps()

    await store.close()
    assert place.execute(sql) == [(0,)]


async def test_the_same_server_takes_its_partition_again(place: PostgresPlace) -> None:
    """As it does after a failed commit: it must not wait for its own lease to end."""
    store = await place.open("same", lease_s=_LONG)
    first = await store.take(PARTITION)

    second = await store.take(PARTITION)

    assert second.epoch == first.epoch + 1
    with pytest.raises(OwnershipLost):
        await store.commit(first, [Transition(put=[an_item(1)])])
    await store.close()
