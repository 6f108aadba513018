"""Nodes on every store: who may write, who owns what, and what one leaves for another."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from stepwell.core.identity import FunctionId, NodeId, PartitionId
from stepwell.core.transition import Transition
from stepwell.engine.nodes import NODES_MAX, Ownership, Question, Reply, Standing
from stepwell.engine.store import (
    Overtaken,
    OwnershipLost,
    Store,
    StoreUnavailable,
    join_alone,
)
from tests.unit.store.builders import a_function, an_app, an_item
from tests.unit.store.conftest import OpenStore, Place
from tests.unit.store.crowd import ADD_PARTITIONS, FIRST, SECOND, THIRD, everything

pytestmark = pytest.mark.anyio

_STANDING = Standing()

# So many that there is room for one more beside the first.
_MANY_NODES = f"""
WITH RECURSIVE numbers (n) AS (
    SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {NODES_MAX - 2})
INSERT INTO nodes
SELECT -n, n, name, version, joined_ms, lease_until_ms, catalogue, is_draining, probe
  FROM nodes CROSS JOIN numbers
"""


@pytest.fixture
async def store(place: Place, open_store: OpenStore) -> AsyncIterator[Store]:
    await (await open_store()).close()
    place.execute(ADD_PARTITIONS)
    opened = await open_store()
    yield opened
    await opened.close()


def _ends(place: Place, *owners: Ownership) -> None:
    """The time of these nodes is up."""
    for owner in owners:
        place.execute(f"UPDATE nodes SET lease_until_ms = 1 WHERE id = {owner.node}")


async def _nodes(store: Store, owner: Ownership) -> list[NodeId]:
    return [node.id for node in (await store.glance(owner, _STANDING)).nodes]


async def _is_lost(store: Store, owner: Ownership) -> None:
    """The node can do nothing any more, and is told so."""
    question = Question("q", FIRST, b"?")
    for attempt in (
        store.commit(owner, [Transition(put=[an_item(1)])]),
        store.probe(owner),
        store.glance(owner, _STANDING),
        store.take(owner, [FIRST]),
        store.release(owner, [FIRST]),
        store.leave(owner),
        store.mail(owner, [FIRST]),
        store.ask(owner, question),
        store.answer(owner, Reply("q", b"!")),
        store.end_lease(owner, NodeId(0)),
    ):
        with pytest.raises(OwnershipLost) as lost:
            await attempt
        assert lost.value.node == owner.node
    assert await store.largest_number() == 0


class TestJoining:
    async def test_every_node_has_an_id_above_all_before(
        self, store: Store, open_store: OpenStore
    ) -> None:
        first, second = await store.join("a", "1"), await store.join("b", "1")
        await store.leave(second)
        third = await store.join("c", "1")

        assert first.node < second.node < third.node

    async def test_the_smallest_number_that_is_free_is_given(self, store: Store) -> None:
        owners = [await store.join("a", "1") for _ in range(4)]
        await store.leave(owners[1])
        await store.leave(owners[2])

        again = [(await store.join("b", "1")).number for _ in range(3)]

        assert [owner.number for owner in owners] == [0, 1, 2, 3]
        assert again == [1, 2, 4]

    async def test_two_of_the_same_name_are_two_nodes(self, store: Store) -> None:
        first, second = await store.join("web-1", "1"), await store.join("web-1", "1")
        taken = await store.take(first, [FIRST])
        await store.take(second, [SECOND])

        await store.leave(second)

        glance = await store.glance(first, _STANDING)
        assert [(node.id, node.name) for node in glance.nodes] == [(first.node, "web-1")]
        assert {each for each, node in glance.owners.items() if node == first.node} == taken

    async def test_there_is_a_bound(self, store: Store, place: Place) -> None:
        owner = await store.join("a", "1")
        place.execute(_MANY_NODES)

        last = await store.join("b", "1")
        with pytest.raises(StoreUnavailable, match="512 nodes"):
            await store.join("c", "1")

        assert (owner.number, last.number) == (0, NODES_MAX - 1)

    async def test_who_comes_alone_removes_all_others(self, store: Store) -> None:
        first = await store.join("a", "1")
        await store.take(first, [SECOND])

        alone = await join_alone(store)

        glance = await store.glance(alone, _STANDING)
        assert [node.id for node in glance.nodes] == [alone.node]
        assert glance.owners == dict.fromkeys(store.partitions, alone.node)
        await _is_lost(store, first)


class TestGlancing:
    async def test_a_node_sees_who_is_there_and_who_owns_what(self, store: Store) -> None:
        first, second = await store.join("a", "1"), await store.join("b", "2")
        await store.take(first, [SECOND])
        await store.take(second, [FIRST])
        standing = Standing(catalogue=7, is_draining=True)
        await store.glance(second, standing)

        glance = await store.glance(first, _STANDING)

        views = [(node.id, node.name, node.version, node.standing) for node in glance.nodes]
        assert views == [(first.node, "a", "1", _STANDING), (second.node, "b", "2", standing)]
        assert all(node.lease_until_ms > node.joined_ms > 0 for node in glance.nodes)
        owners = {FIRST: second.node, SECOND: first.node}
        assert glance.owners == {each: owners.get(each) for each in store.partitions}

    async def test_the_roll_names_also_those_whose_time_is_up(
        self, store: Store, place: Place
    ) -> None:
        late, other = await store.join("late", "1"), await store.join("other", "2")
        await store.take(late, [SECOND])
        _ends(place, late)

        roll = await store.roll()

        views = [(node.id, node.name, node.version) for node in roll.nodes]
        assert views == [(late.node, "late", "1"), (other.node, "other", "2")]
        assert [node.lease_until_ms > roll.now_ms for node in roll.nodes] == [False, True]
        assert roll.owners == dict.fromkeys(store.partitions) | {SECOND: late.node}
        assert roll.partitions_of(late.node) == [SECOND]
        assert await _nodes(store, other) == [other.node]

    async def test_the_roll_can_be_read_by_who_is_no_node(self, store: Store) -> None:
        roll = await store.roll()

        assert (roll.nodes, roll.owners) == ([], dict.fromkeys(store.partitions))

    async def test_it_renews_the_lease_also_of_one_that_has_ended(
        self, store: Store, place: Place
    ) -> None:
        late, other = await store.join("late", "1"), await store.join("other", "1")
        await store.take(late, [FIRST])
        _ends(place, late)
        assert await _nodes(store, other) == [other.node]
        assert (await store.glance(other, _STANDING)).owners[FIRST] is None

        await store.glance(late, _STANDING)

        assert await _nodes(store, other) == [late.node, other.node]
        assert FIRST not in await everything(store, other)

    async def test_the_catalogue_is_counted_with_every_commit_that_changes_it(
        self, store: Store
    ) -> None:
        owner = await store.join("a", "1")
        seen = [(await store.glance(owner, _STANDING)).catalogue]
        for batch in (
            [Transition(apps=[an_app()]), Transition(functions=[a_function()])],
            [Transition(put=[an_item(1)])],
            [Transition(apps_removed=[an_app().id])],
        ):
            await store.commit(owner, batch)
            seen.append((await store.glance(owner, _STANDING)).catalogue)

        assert seen == [0, 1, 1, 2]

    async def test_a_change_of_an_older_catalogue_is_not_written(self, store: Store) -> None:
        """Nor is what is in the same commit; who decided on it has to decide again."""
        owner = await store.join("a", "1")
        await store.commit(owner, [Transition(apps=[an_app("first")], catalogue=0)])

        with pytest.raises(Overtaken):
            await store.commit(
                owner,
                [Transition(put=[an_item(1)]), Transition(apps=[an_app("second")], catalogue=0)],
            )
        assert await store.largest_number() == 0
        await store.commit(owner, [Transition(apps=[an_app("third")], catalogue=1)])

        assert {app.name for app in await store.apps()} == {"first", "third"}
        assert (await store.glance(owner, _STANDING)).catalogue == 2

    async def test_of_changes_of_one_catalogue_at_once_only_one_is_written(
        self, store: Store
    ) -> None:
        owners = [await store.join(f"node {number}", "1") for number in range(4)]
        changes = [
            store.commit(owner, [Transition(apps=[an_app(f"app-{owner.node}")], catalogue=0)])
            for owner in owners
        ]

        results = await asyncio.gather(*changes, return_exceptions=True)

        assert sorted(map(type, results), key=str) == [type(None), *[Overtaken] * 3]
        assert len(await store.apps()) == 1

    async def test_two_changes_of_one_catalogue_cannot_be_in_one_commit(self, store: Store) -> None:
        owner = await store.join("a", "1")

        with pytest.raises(Overtaken):
            await store.commit(
                owner,
                [
                    Transition(apps=[an_app("first")], catalogue=0),
                    Transition(functions=[a_function()], catalogue=0),
                ],
            )

        assert await store.apps() == []


class TestOwning:
    async def test_only_what_is_free_can_be_taken(self, store: Store) -> None:
        first, second = await store.join("a", "1"), await store.join("b", "1")

        assert await store.take(first, [SECOND, FIRST]) == {FIRST, SECOND}
        assert await store.take(second, [FIRST, THIRD]) == {THIRD}
        assert await store.take(first, [FIRST]) == frozenset()

    async def test_of_two_who_take_at_once_each_gets_what_the_other_does_not(
        self, store: Store
    ) -> None:
        owners = [await store.join(f"node {number}", "1") for number in range(2)]

        one, other = await asyncio.gather(*(everything(store, owner) for owner in owners))

        assert sorted([*one, *other]) == store.partitions

    async def test_what_a_node_had_can_be_taken_when_its_lease_is_ended_for_it(
        self, store: Store
    ) -> None:
        """Whoever knows for certain that it is dead need not wait."""
        dead, other = await store.join("a", "1"), await store.join("b", "1")
        await store.take(dead, [FIRST])
        assert await store.take(other, [FIRST]) == frozenset()

        await store.end_lease(other, dead.node)

        glance = await store.glance(other, _STANDING)
        assert [node.id for node in glance.nodes] == [other.node]
        assert glance.owners[FIRST] is None
        assert await store.take(other, [FIRST]) == {FIRST}
        await _is_lost(store, dead)

    async def test_a_node_whose_lease_was_ended_by_mistake_goes_on(self, store: Store) -> None:
        """As one whose lease has ended because it was slow."""
        living, other = await store.join("a", "1"), await store.join("b", "1")
        await store.end_lease(other, living.node)

        assert await _nodes(store, living) == [living.node, other.node]
        assert await store.take(other, [FIRST]) == {FIRST}
        assert await _nodes(store, living) == [living.node, other.node]

    async def test_what_is_given_back_can_be_taken(self, store: Store) -> None:
        first, second = await store.join("a", "1"), await store.join("b", "1")
        await everything(store, first)

        await store.release(first, [FIRST, THIRD])
        await store.release(second, [SECOND])

        assert await store.take(second, [FIRST, SECOND]) == {FIRST}
        assert (await store.glance(first, _STANDING)).owners[THIRD] is None

    async def test_who_leaves_gives_everything_back(self, store: Store) -> None:
        first, second = await store.join("a", "1"), await store.join("b", "1")
        taken = await everything(store, first)

        await store.leave(first)

        assert await everything(store, second) == taken
        assert await _nodes(store, second) == [second.node]
        await _is_lost(store, first)

    async def test_a_node_whose_lease_has_ended_is_replaced_and_can_do_nothing_more(
        self, store: Store, place: Place
    ) -> None:
        """It may have been suspended, and not know how much time has passed."""
        suspended, other = await store.join("suspended", "1"), await store.join("other", "1")
        await store.take(suspended, [FIRST, SECOND])
        assert await store.take(other, [FIRST]) == frozenset()
        _ends(place, suspended)

        assert await store.take(other, [SECOND]) == {SECOND}

        await _is_lost(store, suspended)
        assert await store.take(other, [FIRST]) == {FIRST}

    async def test_a_node_whose_own_lease_has_ended_removes_nobody(
        self, store: Store, place: Place
    ) -> None:
        """After a time without the database, whoever comes back first would remove all others."""
        first, second = await store.join("a", "1"), await store.join("b", "1")
        await store.take(first, [FIRST])
        _ends(place, first, second)

        assert await store.take(second, [FIRST, SECOND]) == {SECOND}
        assert await _nodes(store, first) == [first.node]

        await store.glance(second, _STANDING)
        _ends(place, first)
        assert await store.take(second, [FIRST]) == {FIRST}

    async def test_a_partition_of_nobody_there_is_free(self, store: Store, place: Place) -> None:
        owner = await store.join("a", "1")
        place.execute("UPDATE partitions SET node_id = 999 WHERE id = 1")

        assert (await store.glance(owner, _STANDING)).owners[SECOND] is None
        assert await store.take(owner, [SECOND]) == {SECOND}


async def test_the_partition_of_a_function_is_kept(store: Store) -> None:
    owner = await store.join("a", "1")
    functions = [a_function(name) for name in ("one", "two")]
    await store.commit(owner, [Transition(functions=functions)])

    assert [each.partition for each in await store.functions()] == [PartitionId(3)] * 2
    assert FunctionId("function-one") in [each.id for each in await store.functions()]
