"""What every store promises about lanes of the queue."""

import pytest

from stepwell.core.identity import FunctionId, ItemId, PartitionId
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.transition import Transition
from stepwell.engine.store import Lane, Ownership, Store
from tests.unit.store.builders import (
    FUNCTION,
    OTHER_FUNCTION,
    PARTITION,
    a_run,
    an_event,
    an_item,
    lane_query,
    run_id,
)

pytestmark = pytest.mark.anyio

_NONE = FunctionId("")


def _ids(items: list[QueueItem]) -> list[int]:
    return [item.id for item in items]


async def test_lanes_with_items_due_at_once_are_listed_in_order(
    store: Store, owner: Ownership
) -> None:
    put = [
        an_item(1, lane="s2"),
        an_item(2, lane="c"),
        an_item(3, lane="c"),
        an_item(4, lane=""),
        an_item(5, function=OTHER_FUNCTION, lane="c"),
        an_item(6, function=_NONE, lane=""),
        an_item(7, lane="s1", due_ms=5),
        an_item(8, function=OTHER_FUNCTION, lane="s\x00'🦊"),
    ]
    await store.commit(owner, [Transition(put=put)])

    assert await store.ready_lanes(PARTITION, after=None, limit=99) == [
        Lane(_NONE, ""),
        Lane(FUNCTION, ""),
        Lane(FUNCTION, "c"),
        Lane(FUNCTION, "s2"),
        Lane(OTHER_FUNCTION, "c"),
        Lane(OTHER_FUNCTION, "s\x00'🦊"),
    ]
    assert await store.ready_lanes(PartitionId(1), after=None, limit=99) == []


@pytest.mark.parametrize("limit", [1, 2, 5, 6])
async def test_lanes_come_in_pages(store: Store, owner: Ownership, limit: int) -> None:
    functions = [_NONE, FUNCTION, OTHER_FUNCTION]
    places = [(function, lane) for function in functions for lane in ("", "c")]
    put = [
        an_item(number, function=function, lane=lane)
        for number, (function, lane) in enumerate(places, 1)
    ]
    await store.commit(owner, [Transition(put=put)])

    found: list[Lane] = []
    after: Lane | None = None
    while page := await store.ready_lanes(PARTITION, after=after, limit=limit):
        assert len(page) <= limit
        found += page
        after = page[-1]

    assert found == [Lane(*place) for place in places]


async def test_lanes_are_listed_after_one_that_is_gone(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [Transition(put=[an_item(1, lane="b"), an_item(2, lane="d")])])

    assert await store.ready_lanes(PARTITION, after=Lane(FUNCTION, "c"), limit=9) == [
        Lane(FUNCTION, "d")
    ]
    assert await store.ready_lanes(PARTITION, after=Lane(_NONE, "z"), limit=1) == [
        Lane(FUNCTION, "b")
    ]


async def test_a_lane_is_in_order_of_score_and_id(store: Store, owner: Ownership) -> None:
    """Equal scores are told apart by id, so that pages neither overlap nor skip."""
    scores = {1: 50, 2: 40, 3: 50, 4: -7, 5: 60, 6: 50}
    put = [an_item(number, score=score) for number, score in scores.items()]
    await store.commit(owner, [Transition(put=[*put, an_item(7, lane="s", score=45)])])

    pages: list[list[int]] = []
    query = lane_query("c", limit=2)
    for _ in range(4):
        (page,) = await store.ready([query])
        pages.append(_ids(page))
        if page:
            query = lane_query("c", limit=2, after=(page[-1].score, page[-1].id))

    assert pages == [[4, 2], [1, 3], [6, 5], []]


async def test_several_lanes_are_read_at_once(store: Store, owner: Ownership) -> None:
    put = [
        an_item(1, lane="a"),
        an_item(2, lane="b"),
        an_item(3, function=OTHER_FUNCTION, lane="a"),
        an_item(4, lane="a", score=5),
        an_item(5, lane="a", due_ms=9),
    ]
    await store.commit(owner, [Transition(put=put)])

    queries = [
        lane_query("b"),
        lane_query("none"),
        lane_query("a"),
        lane_query("a", function=OTHER_FUNCTION),
        lane_query("a", limit=1),
    ]

    found = await store.ready(queries)

    assert [_ids(items) for items in found] == [[2], [], [4, 1], [3], [4]]
    assert found[2] == [put[3], put[0]]
    assert await store.ready([]) == []


async def test_an_item_can_change_its_lane_and_its_score(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [Transition(put=[an_item(1, lane="s", score=3), an_item(2)])])
    moved = an_item(1, lane="c", score=1_000)
    await store.commit(owner, [Transition(renew_due=[moved])])

    assert await store.ready([lane_query("s"), lane_query("c")]) == [
        [],
        [an_item(2), moved],
    ]


async def test_an_item_keeps_its_lane_while_it_waits(store: Store, owner: Ownership) -> None:
    put = an_item(1, lane="s", score=3)
    await store.commit(owner, [Transition(put=[put])])
    await store.commit(owner, [Transition(renew_due=[an_item(1, due_ms=9, lane="s", score=3)])])

    (timer,) = await store.timers(PARTITION, FUNCTION, after=(0, ItemId(0)), until_ms=10, limit=9)

    assert timer == an_item(1, due_ms=9, lane="s", score=3)
    assert await store.ready_lanes(PARTITION, after=None, limit=9) == []


async def test_timers_beyond_the_asked_time_are_not_read_on(store: Store, owner: Ownership) -> None:
    """Also where reading stopped at a timer that is later than what is asked for now."""
    await store.commit(owner, [Transition(put=[an_item(n, due_ms=50) for n in (1, 2)])])

    found = await store.timers(PARTITION, FUNCTION, after=(50, ItemId(1)), until_ms=49, limit=9)

    assert found == []


async def test_functions_are_found_by_timers_and_by_ready_items(
    store: Store, owner: Ownership
) -> None:
    put = [an_item(1, due_ms=5), an_item(2, function=OTHER_FUNCTION, lane="s"), an_item(3)]
    await store.commit(owner, [Transition(put=put)])

    assert sorted(await store.queued_functions(PARTITION)) == [FUNCTION, OTHER_FUNCTION]


async def test_a_loaded_run_has_its_items_with_their_lanes(store: Store, owner: Ownership) -> None:
    start = an_item(1, kind=ItemKind.START, lane='s[["r","x","y"]]', score=77)
    created = Transition(events=[an_event(1)], runs=[a_run(1)], put=[start])
    await store.commit(owner, [created])

    (state,) = (await store.load_runs([run_id(1)])).values()

    assert state.items == {start.id: start}
    assert state.new == a_run(1)
