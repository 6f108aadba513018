"""What every store promises the engine: `stepwell.engine.store.Store`."""

import msgspec
import pytest

from stepwell.core.identity import EnvironmentId, FunctionId, ItemId, NodeId, PartitionId, WaitId
from stepwell.core.journal import RunEnded
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.core.transition import RunEnd, Transition
from stepwell.core.waits import Wait
from stepwell.engine.store import (
    Ownership,
    OwnershipLost,
    Store,
    StoreUnavailable,
    WaitQuery,
    WaitShape,
    join_alone,
)
from stepwell.store.errors import StoreDefect
from tests.unit.store.builders import (
    ENVIRONMENT,
    FUNCTION,
    OTHER_FUNCTION,
    PARTITION,
    a_claim,
    a_function,
    a_run,
    a_skip,
    a_sync,
    a_wait,
    an_app,
    an_entry,
    an_event,
    an_item,
    ended,
    event_id,
    lane_query,
    resolved,
    run_id,
    started,
)
from tests.unit.store.conftest import OpenStore

pytestmark = pytest.mark.anyio


_FIRST_WAIT = WaitId(0)


async def _ready(store: Store, function: FunctionId = FUNCTION) -> list[QueueItem]:
    (items,) = await store.ready([lane_query("c", function=function)])
    return items


async def _timers(store: Store) -> list[QueueItem]:
    after = (0, ItemId(0))
    return await store.timers(PARTITION, FUNCTION, after=after, until_ms=10**15, limit=1_000)


def _query(
    *values: tuple[str, str],
    created_until_ms: int = 10**15,
    after: WaitId = _FIRST_WAIT,
    limit: int = 1_000,
) -> WaitQuery:
    return WaitQuery(
        environment_id=ENVIRONMENT,
        event_name="shop/paid",
        values=values,
        created_until_ms=created_until_ms,
        after=after,
        limit=limit,
    )


async def _waits_for(store: Store, *values: tuple[str, str]) -> list[Wait]:
    (waits,) = await store.waits_for([_query(*values)])
    return waits


async def test_who_was_removed_cannot_write(store: Store) -> None:
    """The fence: a removed node's commit, probe and clean-up are refused, and change nothing."""
    old = await join_alone(store)
    await store.commit(old, [Transition(claims=[a_claim("k")])])
    new = await join_alone(store)

    with pytest.raises(OwnershipLost) as lost:
        await store.commit(old, [Transition(put=[an_item(1)])])
    with pytest.raises(OwnershipLost):
        await store.probe(old)
    with pytest.raises(OwnershipLost):
        await store.expire_claims(old, now_ms=10**15, limit=10)

    assert lost.value.node == old.node
    assert await _ready(store) == []
    assert await store.expire_claims(new, now_ms=10**15, limit=10) == 1


async def test_who_never_joined_cannot_write(store: Store) -> None:
    with pytest.raises(OwnershipLost):
        await store.commit(Ownership(NodeId(1), 0), [Transition(put=[an_item(1)])])


async def test_an_empty_batch_is_a_commit_like_any_other(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [])
    await store.commit(owner, [Transition()])


async def test_a_probe_succeeds_and_leaves_nothing_behind(store: Store, owner: Ownership) -> None:
    await store.probe(owner)
    await store.probe(owner)

    assert await store.largest_number() == 0
    assert await store.queued_functions(PARTITION) == []


async def test_a_batch_is_written_as_a_whole_or_not_at_all(store: Store, owner: Ownership) -> None:
    """The second transition contradicts what is stored, so the first is not written either."""
    await store.commit(owner, [Transition(events=[an_event(1)], runs=[a_run(1)])])

    with pytest.raises(StoreDefect):
        await store.commit(
            owner,
            [
                Transition(events=[an_event(2)], put=[an_item(5)], apps=[an_app()]),
                Transition(runs=[a_run(1)]),
            ],
        )

    assert await store.event(event_id(2)) is None
    assert await _ready(store) == []
    assert await store.apps() == []


async def test_a_store_goes_on_after_a_refused_batch(store: Store, owner: Ownership) -> None:
    with pytest.raises(StoreDefect):
        await store.commit(owner, [Transition(events=[an_event(1), an_event(1)])])

    await store.commit(owner, [Transition(events=[an_event(1)])])

    assert await store.event(event_id(1)) == an_event(1)


async def test_a_journal_entry_is_never_overwritten(store: Store, owner: Ownership) -> None:
    """A step's result is recorded once: the place in the journal is taken."""
    await store.commit(owner, [Transition(journal=[an_entry(1, 0)])])

    with pytest.raises(StoreDefect):
        await store.commit(owner, [Transition(journal=[an_entry(1, 0)])])


@pytest.mark.parametrize("count", [1, 63, 64, 65, 200])
async def test_batches_of_any_size_are_written_completely(
    store: Store, owner: Ownership, count: int
) -> None:
    batch = [
        Transition(
            events=[an_event(n)], runs=[a_run(n)], journal=[an_entry(n, 0)], put=[an_item(n)]
        )
        for n in range(1, count + 1)
    ]
    await store.commit(owner, batch)

    states = await store.load_runs([run_id(n) for n in range(1, count + 1)])
    assert len(states) == count
    assert all(state.next_seq == 1 and len(state.items) == 1 for state in states.values())
    assert [item.id for item in await _ready(store)] == list(range(1, count + 1))

    await store.commit(owner, [Transition(renew=[an_item(n, attempt=9)]) for n in range(1, count)])
    assert [item.attempt for item in await _ready(store)] == [9] * (count - 1) + [2]

    await store.commit(owner, [Transition(done=[ItemId(n)]) for n in range(1, count + 1)])
    assert await _ready(store) == []


async def test_a_new_store_finds_everything_that_was_committed(open_store: OpenStore) -> None:
    before = await open_store()
    owner = await join_alone(before)
    await before.commit(
        owner, [Transition(events=[an_event(1)], put=[an_item(1)], apps=[an_app()])]
    )
    await before.close()

    after = await open_store()
    assert await after.event(event_id(1)) == an_event(1)
    assert await _ready(after) == [an_item(1)]
    assert await after.apps() == [an_app()]
    assert (await join_alone(after)).node > owner.node
    await after.close()


async def test_a_closed_store_answers_that_it_is_closed(store: Store, owner: Ownership) -> None:
    await store.close()
    await store.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        await store.commit(owner, [Transition()])
    with pytest.raises(StoreUnavailable, match="closed"):
        await store.apps()


async def test_a_stored_event_comes_back_unchanged(store: Store, owner: Ownership) -> None:
    odd = msgspec.structs.replace(
        an_event(1), external_id="\x00 ünïcödé 🦊 ' \"", payload=b"\x00\xff not even JSON"
    )
    await store.commit(owner, [Transition(events=[odd])])

    assert await store.event(event_id(1)) == odd
    assert await store.event(event_id(2)) is None


async def test_of_an_event_sent_twice_the_first_is_found(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [Transition(events=[an_event(1)], runs=[a_run(1)])])
    await store.commit(owner, [Transition(events=[an_event(1, repetition=77)])])

    assert await store.event(event_id(1)) == an_event(1)
    states = await store.load_runs([run_id(1)])
    assert states[run_id(1)].events == (an_event(1).payload,)


async def test_the_largest_number_is_that_of_items_waits_and_repeated_events(
    store: Store, owner: Ownership
) -> None:
    assert await store.largest_number() == 0
    await store.commit(owner, [Transition(put=[an_item(10)], events=[an_event(1)])])
    assert await store.largest_number() == 10
    await store.commit(owner, [Transition(waits=[a_wait(20)])])
    assert await store.largest_number() == 20
    await store.commit(owner, [Transition(events=[an_event(1, repetition=2**62)])])
    assert await store.largest_number() == 2**62


async def test_apps_are_stored_replaced_and_removed(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [Transition(apps=[an_app("shop"), an_app("bank")])])
    await store.commit(
        owner,
        [
            Transition(apps=[an_app("shop", checksum="c2")]),
            Transition(apps=[an_app("gone")]),
            Transition(apps_removed=[an_app("bank").id, an_app("gone").id]),
        ],
    )

    assert await store.apps() == [an_app("shop", checksum="c2")]


async def test_synchronisations_are_remembered_and_forgotten(
    store: Store, owner: Ownership
) -> None:
    await store.commit(
        owner,
        [
            Transition(syncs=[a_sync(2), a_sync(3, "bank")]),
            Transition(syncs=[a_sync(4), a_sync(1)]),
        ],
    )
    await store.commit(owner, [Transition(syncs=[a_sync(5)], syncs_removed=[a_sync(2).mark])])

    marks = await store.sync_marks()
    assert [each for each in marks if each.app_id == "app-shop"] == [
        a_sync(number).mark for number in (1, 4, 5)
    ]
    assert [each for each in marks if each.app_id == "app-bank"] == [a_sync(3, "bank").mark]


async def test_synchronisations_go_with_their_app(store: Store, owner: Ownership) -> None:
    await store.commit(
        owner, [Transition(apps=[an_app("shop")], syncs=[a_sync(1), a_sync(2, "bank")])]
    )
    await store.commit(owner, [Transition(apps_removed=[an_app("shop").id])])

    assert await store.sync_marks() == [a_sync(2, "bank").mark]


async def test_an_app_removed_and_registered_in_one_batch_stays(
    store: Store, owner: Ownership
) -> None:
    await store.commit(owner, [Transition(apps=[an_app()])])
    await store.commit(
        owner, [Transition(apps_removed=[an_app().id]), Transition(apps=[an_app(checksum="c3")])]
    )

    assert await store.apps() == [an_app(checksum="c3")]


async def test_functions_are_stored_and_replaced(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [Transition(functions=[a_function("ship"), a_function("bill")])])
    await store.commit(owner, [Transition(functions=[a_function("ship", version=5)])])

    assert await store.functions() == [a_function("bill"), a_function("ship", version=5)]


async def test_a_loaded_run_is_in_the_state_of_the_live_one(store: Store, owner: Ownership) -> None:
    """What is stored adds up to what was applied; this is what makes a crash harmless."""
    created = Transition(events=[an_event(1)], runs=[a_run(1)], put=[an_item(1)])
    live = RunState(a_run(1), [an_event(1).payload])
    live.apply(created)
    await store.commit(owner, [created])
    batch = [
        Transition(started=[started(1)], journal=[an_entry(1, 0)], renew=[an_item(1, attempt=0)]),
        Transition(
            journal=[an_entry(1, 1, resolved("a", b'{"data": {"x": 1.0}}'))],
            put=[an_item(2, run=1, due_ms=70)],
            waits=[a_wait(3), a_wait(4)],
        ),
        Transition(
            journal=[an_entry(1, 2, resolved("b", b'{"error":{}}'))], waits_done=[a_wait(3).ref]
        ),
    ]
    for transition in batch:
        live.apply(transition)
    await store.commit(owner, batch)

    (loaded,) = (await store.load_runs([run_id(1)])).values()

    for attribute in RunState.__slots__:
        assert getattr(loaded, attribute) == getattr(live, attribute), attribute
    assert list(loaded.steps) == ["a", "b"]


async def test_only_the_runs_asked_for_that_are_live_are_loaded(
    store: Store, owner: Ownership
) -> None:
    await store.commit(
        owner,
        [Transition(events=[an_event(n)], runs=[a_run(n)], put=[an_item(n)]) for n in (1, 2, 3)],
    )
    await store.commit(owner, [Transition(started=[started(1)], ended=[ended(1, seq=0)])])

    assert set(await store.load_runs([run_id(n) for n in (1, 2, 99)])) == {run_id(2)}
    assert await store.load_runs([]) == {}


@pytest.mark.parametrize("status", [status for status in RunStatus if status.is_ended])
async def test_a_run_with_any_ended_status_is_not_loaded(
    store: Store, owner: Ownership, status: RunStatus
) -> None:
    end = RunEnd(run_id(1), status, 0, 9, 0)
    await store.commit(owner, [Transition(events=[an_event(1)], runs=[a_run(1)])])
    await store.commit(owner, [Transition(ended=[end])])

    assert await store.load_runs([run_id(1)]) == {}


async def test_a_batch_run_is_loaded_with_its_events_in_order(
    store: Store, owner: Ownership
) -> None:
    order = (event_id(3), event_id(1), event_id(2))
    events = [an_event(n) for n in (1, 2, 3)]
    await store.commit(owner, [Transition(events=events, runs=[a_run(1, event_ids=order)])])

    (state,) = (await store.load_runs([run_id(1)])).values()

    assert state.new == a_run(1, event_ids=order)
    assert state.events == tuple(an_event(n).payload for n in (3, 1, 2))


async def test_a_live_run_without_its_event_is_a_contradiction(
    store: Store, owner: Ownership
) -> None:
    await store.commit(owner, [Transition(runs=[a_run(1)])])

    with pytest.raises(StoreDefect, match=event_id(1)):
        await store.load_runs([run_id(1)])


async def test_more_runs_than_are_read_at_once_are_loaded(store: Store, owner: Ownership) -> None:
    numbers = range(1, 602)
    await store.commit(owner, [Transition(events=[an_event(n)], runs=[a_run(n)]) for n in numbers])

    assert len(await store.load_runs([run_id(n) for n in numbers])) == len(numbers)


async def test_items_come_back_unchanged(store: Store, owner: Ownership) -> None:
    items = [an_item(n + 1, kind=kind) for n, kind in enumerate(ItemKind)]
    await store.commit(owner, [Transition(put=items)])

    assert await _ready(store) == items


async def test_timers_come_in_pages_by_due_time_and_id(store: Store, owner: Ownership) -> None:
    """Equal due times are told apart by id, so that pages neither overlap nor skip."""
    due = {1: 50, 2: 40, 3: 50, 4: 0, 5: 60, 6: 61}
    put = [an_item(number, due_ms=due_ms) for number, due_ms in due.items()]
    await store.commit(owner, [Transition(put=put)])

    pages: list[list[int]] = []
    after = (0, ItemId(0))
    for _ in range(4):
        page = await store.timers(PARTITION, FUNCTION, after=after, until_ms=60, limit=2)
        pages.append([item.id for item in page])
        after = (page[-1].due_ms, page[-1].id) if page else after

    assert pages == [[2, 1], [3, 5], [], []]


async def test_timers_do_not_include_items_due_at_once(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [Transition(put=[an_item(9), an_item(1, due_ms=1)])])

    for after in [(0, ItemId(0)), (0, ItemId(8)), (-1, ItemId(0))]:
        found = await store.timers(PARTITION, FUNCTION, after=after, until_ms=9, limit=9)
        assert [item.id for item in found] == [1]


async def test_functions_with_items_are_found(store: Store, owner: Ownership) -> None:
    none = FunctionId("")
    put = [an_item(1, function=OTHER_FUNCTION), an_item(2), an_item(3, function=none, due_ms=5)]
    await store.commit(owner, [Transition(put=[*put, an_item(4)])])

    assert sorted(await store.queued_functions(PARTITION)) == [none, FUNCTION, OTHER_FUNCTION]
    assert await store.queued_functions(PartitionId(1)) == []


async def test_a_renewed_item_keeps_its_place_and_changes_the_rest(
    store: Store, owner: Ownership
) -> None:
    await store.commit(owner, [Transition(put=[an_item(1), an_item(2, due_ms=5)])])
    renewed = QueueItem(
        ItemId(2),
        ItemKind.SLEEP,
        FUNCTION,
        run_id(2),
        due_ms=5,
        queued_ms=77,
        body=b"new",
        lane="c",
        score=990,
    )
    elsewhere = msgspec.structs.replace(renewed, due_ms=9, lane="x", score=1)
    await store.commit(owner, [Transition(renew=[an_item(1, attempt=7), elsewhere])])

    assert await _ready(store) == [an_item(1, attempt=7)]
    assert await _timers(store) == [renewed]


async def test_an_item_can_become_due_later_and_at_once(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [Transition(put=[an_item(1), an_item(2, due_ms=5)])])
    await store.commit(owner, [Transition(renew_due=[an_item(1, due_ms=9), an_item(2)])])

    assert await _ready(store) == [an_item(2)]
    assert await _timers(store) == [an_item(1, due_ms=9)]


@pytest.mark.parametrize(
    "change",
    [Transition(renew=[an_item(1)]), Transition(renew_due=[an_item(1, due_ms=5)])],
    ids=["renew", "renew_due"],
)
async def test_an_answered_item_cannot_be_renewed(
    store: Store, owner: Ownership, change: Transition
) -> None:
    """An item that is gone does not come back: its work was done, or its run has ended."""
    await store.commit(owner, [Transition(put=[an_item(1)])])
    await store.commit(owner, [Transition(done=[ItemId(1)])])

    with pytest.raises(StoreDefect):
        await store.commit(owner, [change])
    assert await _ready(store) == []


async def test_removing_an_item_or_wait_that_is_gone_is_no_error(
    store: Store, owner: Ownership
) -> None:
    await store.commit(owner, [Transition(done=[ItemId(1)], waits_done=[a_wait(1).ref])])


_CHANGES = {
    "put": Transition(put=[an_item(1, attempt=1)]),
    "renew": Transition(renew=[an_item(1, attempt=2)]),
    "later": Transition(renew_due=[an_item(1, due_ms=5, attempt=3)]),
    "still later": Transition(renew=[an_item(1, due_ms=5, attempt=4)]),
    "at once": Transition(renew_due=[an_item(1, attempt=5)]),
    "done": Transition(done=[ItemId(1)]),
}


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        (["put", "renew"], an_item(1, attempt=2)),
        (["put", "later"], an_item(1, due_ms=5, attempt=3)),
        (["put", "renew", "later"], an_item(1, due_ms=5, attempt=3)),
        (["put", "later", "still later"], an_item(1, due_ms=5, attempt=4)),
        (["put", "later", "still later", "at once"], an_item(1, attempt=5)),
        (["put", "renew", "done"], None),
        (["put", "later", "done"], None),
        (["put", "done"], None),
    ],
)
@pytest.mark.parametrize("batches", ["one", "first apart", "each apart"])
async def test_changes_of_one_item_count_in_their_order(
    store: Store, owner: Ownership, steps: list[str], left: QueueItem | None, batches: str
) -> None:
    """It makes no difference how the changes are spread over batches."""
    transitions = [_CHANGES[step] for step in steps]
    if batches == "one":
        groups = [transitions]
    elif batches == "first apart":
        groups = [transitions[:1], transitions[1:]]
    else:
        groups = [[transition] for transition in transitions]
    for group in groups:
        await store.commit(owner, group)

    assert await _ready(store) + await _timers(store) == ([] if left is None else [left])


async def test_within_a_transition_the_same_holds(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [Transition(put=[an_item(1)])])
    await store.commit(
        owner,
        [Transition(put=[an_item(2)], renew=[an_item(1, attempt=8)], done=[ItemId(2)])],
    )

    assert await _ready(store) == [an_item(1, attempt=8)]


async def test_waits_are_found_by_any_value_or_without_one(store: Store, owner: Ownership) -> None:
    waits = [
        a_wait(1),
        a_wait(2, match=("data.id", '"a"')),
        a_wait(3, match=("data.id", '"b"')),
        a_wait(4, match=("data.n", '"a"')),
        a_wait(5, event_name="shop/other"),
        a_wait(6, environment=EnvironmentId("elsewhere")),
    ]
    await store.commit(owner, [Transition(waits=waits)])

    assert await _waits_for(store, ("data.id", '"a"')) == [waits[0], waits[1]]
    assert await _waits_for(store, ("data.id", '"b"'), ("data.n", '"a"')) == [
        waits[0],
        waits[2],
        waits[3],
    ]
    assert await _waits_for(store) == [waits[0]]
    assert await _waits_for(store, ("", "")) == [waits[0]]


async def test_waits_come_in_pages_by_id_across_values(store: Store, owner: Ownership) -> None:
    """Values are read apart but answered as one list in order."""
    waits = [a_wait(n, match=("p", "x") if n % 3 else ("", "")) for n in range(1, 10)]
    await store.commit(owner, [Transition(waits=waits)])

    pages: list[list[int]] = []
    after = WaitId(0)
    while page := (await store.waits_for([_query(("p", "x"), after=after, limit=4)]))[0]:
        pages.append([wait.id for wait in page])
        after = page[-1].id

    assert pages == [[1, 2, 3, 4], [5, 6, 7, 8], [9]]


async def test_waits_created_later_are_not_found(store: Store, owner: Ownership) -> None:
    waits = [a_wait(n, created_ms=n * 100) for n in (1, 2, 3)]
    await store.commit(owner, [Transition(waits=waits)])

    (found,) = await store.waits_for([_query(created_until_ms=200)])

    assert [wait.id for wait in found] == [1, 2]


async def test_several_questions_have_their_answers_in_order(
    store: Store, owner: Ownership
) -> None:
    waits = [a_wait(n, match=("p", f"v{n}")) for n in (1, 2)]
    await store.commit(owner, [Transition(waits=waits)])

    found = await store.waits_for([_query(("p", "v2")), _query(), _query(("p", "v1"))])

    assert [[wait.id for wait in page] for page in found] == [[2], [], [1]]


async def test_an_ended_wait_is_not_found(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [Transition(waits=[a_wait(1), a_wait(2)])])
    await store.commit(
        owner,
        [Transition(waits=[a_wait(3)]), Transition(waits_done=[a_wait(3).ref, a_wait(1).ref])],
    )

    assert [wait.id for wait in await _waits_for(store)] == [2]


async def test_shapes_count_waits_by_event_and_path(store: Store, owner: Ownership) -> None:
    waits = [
        a_wait(1),
        a_wait(2, match=("data.id", "1")),
        a_wait(3, match=("data.id", "2")),
        a_wait(4, event_name="shop/other"),
        a_wait(5, environment=EnvironmentId("elsewhere")),
    ]
    await store.commit(owner, [Transition(waits=waits)])

    shapes = await store.wait_shapes(ENVIRONMENT)

    assert sorted(shapes, key=lambda shape: (shape.event_name, shape.match_path)) == [
        WaitShape("shop/other", "", 1),
        WaitShape("shop/paid", "", 1),
        WaitShape("shop/paid", "data.id", 2),
    ]


async def test_claims_hold_until_they_expire(store: Store, owner: Ownership) -> None:
    odd = "\x00k'\"🦊"
    await store.commit(
        owner,
        [
            Transition(claims=[a_claim("a", run=1, expires_ms=100)]),
            Transition(claims=[a_claim(odd, run=2, expires_ms=101)]),
            Transition(claims=[a_claim("a", run=3, function=OTHER_FUNCTION, expires_ms=101)]),
        ],
    )
    keys = [(FUNCTION, "a"), (FUNCTION, odd), (OTHER_FUNCTION, "a"), (FUNCTION, "none")]

    assert await store.claims(keys, now_ms=99) == {
        (FUNCTION, "a"): run_id(1),
        (FUNCTION, odd): run_id(2),
        (OTHER_FUNCTION, "a"): run_id(3),
    }
    assert await store.claims(keys, now_ms=100) == {
        (FUNCTION, odd): run_id(2),
        (OTHER_FUNCTION, "a"): run_id(3),
    }
    assert await store.claims([], now_ms=0) == {}


async def test_a_key_can_be_claimed_again(store: Store, owner: Ownership) -> None:
    """Also within a batch; the last claim counts."""
    await store.commit(owner, [Transition(claims=[a_claim("a", run=1)])])
    await store.commit(
        owner,
        [Transition(claims=[a_claim("a", run=2)]), Transition(claims=[a_claim("a", run=3)])],
    )

    assert await store.claims([(FUNCTION, "a")], now_ms=0) == {(FUNCTION, "a"): run_id(3)}


async def test_expired_claims_are_deleted_up_to_the_limit(store: Store, owner: Ownership) -> None:
    claims = [a_claim(str(n), expires_ms=n) for n in range(1, 6)]
    await store.commit(owner, [Transition(claims=claims)])

    deleted = [await store.expire_claims(owner, now_ms=4, limit=3) for _ in range(3)]

    assert deleted == [3, 1, 0]
    assert list(await store.claims([(FUNCTION, "5")], now_ms=0)) == [(FUNCTION, "5")]


async def test_an_event_can_be_skipped_more_than_once(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [Transition(skips=[a_skip(1), a_skip(1), a_skip(2)])])


async def test_a_large_payload_is_stored(store: Store, owner: Ownership) -> None:
    payload = b'"' + b"x" * (5 * 1024 * 1024) + b'"'
    event = msgspec.structs.replace(an_event(1), payload=payload)
    end = RunEnded(at_ms=1, status=RunStatus.COMPLETED, output=msgspec.Raw(payload))
    await store.commit(owner, [Transition(events=[event], journal=[an_entry(1, 0, end)])])

    stored = await store.event(event_id(1))
    assert stored is not None
    assert len(stored.payload) == len(payload)
