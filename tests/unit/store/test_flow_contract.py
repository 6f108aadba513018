"""What every store promises about limits, buffers, signals, bulk operations and looking up runs."""

from collections.abc import Sequence

import msgspec
import pytest

from stepwell.core.identity import EnvironmentId, RunId
from stepwell.core.journal import RunEnded
from stepwell.core.queue import ItemKind
from stepwell.core.status import RunStatus
from stepwell.core.transition import BufferKind, LimitKind, NewRun, RunEnd, RunMode, Transition
from stepwell.engine.store import Ownership, OwnershipLost, RunHistory, RunsQuery, Store, join_alone
from stepwell.store.errors import StoreDefect
from tests.unit.store.builders import (
    ENVIRONMENT,
    FUNCTION,
    OTHER_FUNCTION,
    a_buffer,
    a_buffered_event,
    a_function,
    a_limit,
    a_run,
    a_signal,
    an_entry,
    an_event,
    an_item,
    an_operation,
    buffer_ref,
    ended,
    event_id,
    resolved,
    run_id,
    started,
)

pytestmark = pytest.mark.anyio

#: How a row of transitions is spread over batches: it must make no difference.
_BATCHES = ["one", "first apart", "each apart"]


async def _commit(
    store: Store, owner: Ownership, transitions: Sequence[Transition], batches: str
) -> None:
    if batches == "one":
        groups = [transitions]
    elif batches == "first apart":
        groups = [transitions[:1], transitions[1:]]
    else:
        groups = [[transition] for transition in transitions]
    for group in groups:
        await store.commit(owner, group)


async def test_a_function_without_a_pause_is_stored(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [Transition(functions=[a_function()])])
    await store.commit(owner, [Transition(functions=[a_function(pause=None)])])

    assert await store.functions() == [a_function(pause=None)]


# Limits.


async def test_throttles_are_read_until_they_expire(store: Store, owner: Ownership) -> None:
    states = [
        a_limit("a", expires_ms=100),
        a_limit("", expires_ms=101),
        a_limit("a", function=OTHER_FUNCTION, expires_ms=102, tat_ns=-5),
        a_limit("a", kind=LimitKind.RATE_LIMIT, expires_ms=103),
    ]
    await store.commit(owner, [Transition(limits=states)])

    found = await store.throttles(now_ms=100)

    assert sorted(found, key=lambda state: state.expires_ms) == states[1:3]
    assert await store.throttles(now_ms=102) == []


async def test_rate_limits_are_looked_up_by_key(store: Store, owner: Ownership) -> None:
    """Expired ones as well: what an expired state means is not for the store to say."""
    limit, other = (
        a_limit("a", kind=LimitKind.RATE_LIMIT, expires_ms=1),
        a_limit("a", kind=LimitKind.RATE_LIMIT, function=OTHER_FUNCTION),
    )
    await store.commit(owner, [Transition(limits=[limit, other, a_limit("b")])])

    keys = [(FUNCTION, "a"), (OTHER_FUNCTION, "a"), (FUNCTION, "b"), (FUNCTION, "none")]

    assert await store.rate_limits(keys) == {
        (FUNCTION, "a"): limit,
        (OTHER_FUNCTION, "a"): other,
    }
    assert await store.rate_limits([]) == {}


@pytest.mark.parametrize("batches", _BATCHES)
async def test_of_several_states_of_a_limit_the_last_stays(
    store: Store, owner: Ownership, batches: str
) -> None:
    states = [a_limit("a", tat_ns=n, expires_ms=100 + n) for n in range(5)]
    transitions = [
        Transition(limits=[states[0], states[1]]),
        Transition(limits=[states[2]]),
        Transition(limits=[states[3], states[4]]),
    ]
    await _commit(store, owner, transitions, batches)

    assert await store.throttles(now_ms=0) == [states[4]]


async def test_expired_limits_are_deleted_up_to_the_number_asked_for(
    store: Store, owner: Ownership
) -> None:
    kinds = [LimitKind.THROTTLE, LimitKind.RATE_LIMIT]
    states = [a_limit(str(n), kind=kinds[n % 2], expires_ms=n) for n in range(1, 7)]
    await store.commit(owner, [Transition(limits=states)])

    deleted = [await store.expire_limits(owner, now_ms=4, limit=3) for _ in range(3)]

    assert deleted == [3, 1, 0]
    assert await store.throttles(now_ms=0) == [states[5]]
    assert await store.rate_limits([(FUNCTION, "5"), (FUNCTION, "3")]) == {
        (FUNCTION, "5"): states[4]
    }


async def test_who_lost_the_partition_deletes_no_limits(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [Transition(limits=[a_limit("a", expires_ms=1)])])
    await join_alone(store)

    with pytest.raises(OwnershipLost):
        await store.expire_limits(owner, now_ms=9, limit=9)
    assert len(await store.throttles(now_ms=0)) == 1


# Buffers.


async def test_buffers_are_looked_up_with_their_events(store: Store, owner: Ownership) -> None:
    batch, debounce = buffer_ref("k"), buffer_ref("k", kind=BufferKind.DEBOUNCE)
    elsewhere = buffer_ref("k", function=OTHER_FUNCTION)
    events = [a_buffered_event("b", n, event=n) for n in (2, 0, 1)]
    single = msgspec.structs.replace(
        a_buffered_event("d", 0, event=1), parent_run_id=RunId(""), claim_key=""
    )
    await store.commit(
        owner,
        [
            Transition(buffers=[a_buffer(batch, "b", events=3)], buffered=events),
            Transition(buffers=[a_buffer(debounce, "d")], buffered=[single]),
        ],
    )

    assert await store.buffers([batch, debounce, elsewhere]) == {
        batch: a_buffer(batch, "b", events=3),
        debounce: a_buffer(debounce, "d"),
    }
    assert await store.buffered_events(["d", "b", "none"]) == {
        "b": sorted(events, key=lambda event: event.position),
        "d": [single],
        "none": [],
    }


async def test_a_buffered_event_takes_the_place_of_an_older_one(
    store: Store, owner: Ownership
) -> None:
    ref = buffer_ref("k", kind=BufferKind.DEBOUNCE)
    for event in (1, 2):
        await store.commit(
            owner,
            [
                Transition(
                    buffers=[a_buffer(ref, "d", due_ms=event)],
                    buffered=[a_buffered_event("d", 0, event=event)],
                )
            ],
        )

    assert await store.buffers([ref]) == {ref: a_buffer(ref, "d", due_ms=2)}
    assert await store.buffered_events(["d"]) == {"d": [a_buffered_event("d", 0, event=2)]}


def _buffering(buffer_id: str, *, events: int) -> Transition:
    return Transition(
        buffers=[a_buffer(buffer_ref("k"), buffer_id, events=events)],
        buffered=[a_buffered_event(buffer_id, events - 1, event=events)],
    )


_BUFFER_CHANGES = {
    "open 1": _buffering("1", events=1),
    "add to 1": _buffering("1", events=2),
    "open 2": _buffering("2", events=1),
    "end 1": Transition(buffers_done=["1"]),
    "end 2": Transition(buffers_done=["2"]),
    "full": Transition(
        buffers=[a_buffer(buffer_ref("k"), "2")],
        buffered=[a_buffered_event("1", 1, event=2), a_buffered_event("2", 0, event=1)],
        buffers_done=["1"],
    ),
}


@pytest.mark.parametrize("batches", _BATCHES)
@pytest.mark.parametrize(
    ("steps", "left"),
    [
        (["open 1", "add to 1"], ("1", 2, {"1": 2})),
        (["open 1", "end 1"], None),
        (["open 1", "add to 1", "end 1"], None),
        (["open 1", "end 1", "open 2"], ("2", 1, {"2": 1})),
        (["open 1", "end 1", "open 2", "end 2"], None),
        (["open 1", "end 1", "open 1"], ("1", 1, {"1": 1})),
        (["open 1", "add to 1", "full"], ("2", 1, {"2": 1})),
        (["open 1", "full", "end 2"], None),
        (["open 1", "open 2", "end 1"], ("2", 1, {"2": 1})),
        (["open 1", "open 2", "end 2"], ("", 0, {"1": 1})),
        (["open 1", "end 2"], ("1", 1, {"1": 1})),
    ],
)
async def test_changes_of_a_buffer_count_in_their_order(
    store: Store,
    owner: Ownership,
    steps: list[str],
    left: tuple[str, int, dict[str, int]] | None,
    batches: str,
) -> None:
    """What is left: which buffer with how many events, and how many events each buffer has."""
    await _commit(store, owner, [_BUFFER_CHANGES[step] for step in steps], batches)

    ref = buffer_ref("k")
    buffer_id, count, events = left or ("", 0, {})
    expected = {ref: a_buffer(ref, buffer_id, events=count)} if buffer_id else {}
    assert await store.buffers([ref]) == expected
    found = await store.buffered_events(["1", "2"])
    assert {name: len(rows) for name, rows in found.items() if rows} == events


# Signals.


_SIGNAL_CHANGES = {
    "a waits": Transition(signals=[a_signal("s", run=1)]),
    "b waits": Transition(signals=[a_signal("s", run=2)]),
    "a again": Transition(signals=[a_signal("s", run=1, step="again")]),
    "a ends": Transition(signals_done=[a_signal("s", run=1).ref]),
    "b ends": Transition(signals_done=[a_signal("s", run=2).ref]),
    "a waits and ends": Transition(
        signals=[a_signal("s", run=1)], signals_done=[a_signal("s", run=1).ref]
    ),
    "other ends": Transition(signals_done=[a_signal("other", run=1).ref]),
}


@pytest.mark.parametrize("batches", _BATCHES)
@pytest.mark.parametrize(
    ("steps", "left"),
    [
        (["a waits"], a_signal("s", run=1)),
        (["a waits", "b waits"], a_signal("s", run=2)),
        (["a waits", "b waits", "a ends"], a_signal("s", run=2)),
        (["a waits", "b waits", "b ends"], None),
        (["a waits", "b waits", "a ends", "b ends"], None),
        (["a waits", "b ends"], a_signal("s", run=1)),
        (["a waits", "a ends"], None),
        (["a waits", "a ends", "b waits"], a_signal("s", run=2)),
        (["a waits", "a ends", "a waits"], a_signal("s", run=1)),
        (["a waits", "a again", "a ends"], a_signal("s", run=1, step="again")),
        (["a waits", "b waits", "a waits and ends"], None),
        (["a waits", "other ends"], a_signal("s", run=1)),
    ],
)
async def test_changes_of_a_wait_for_a_signal_count_in_their_order(
    store: Store, owner: Ownership, steps: list[str], left: object, batches: str
) -> None:
    """A wait is ended only by its own step; one that gave way to it does not come back."""
    await _commit(store, owner, [_SIGNAL_CHANGES[step] for step in steps], batches)

    assert await store.signal(ENVIRONMENT, "s") == left


async def test_signals_of_environments_are_apart(store: Store, owner: Ownership) -> None:
    elsewhere = EnvironmentId("elsewhere")
    waits = [a_signal("s", run=1), a_signal("s", run=2, environment=elsewhere)]
    await store.commit(owner, [Transition(signals=waits)])

    assert await store.signal(ENVIRONMENT, "s") == waits[0]
    assert await store.signal(elsewhere, "s") == waits[1]
    assert await store.signal(elsewhere, "t") is None


# Bulk operations.


async def test_operations_are_listed_the_newest_first(store: Store, owner: Ownership) -> None:
    plain = msgspec.structs.replace(an_operation(3), statuses=(), name="", ended_ms=0)
    await store.commit(owner, [Transition(operations=[an_operation(2), plain, an_operation(1)])])

    assert await store.operations() == [plain, an_operation(2), an_operation(1)]


@pytest.mark.parametrize("batches", _BATCHES)
async def test_changes_of_an_operation_count_in_their_order(
    store: Store, owner: Ownership, batches: str
) -> None:
    first, second, third = (an_operation(n) for n in (1, 2, 3))
    transitions = [
        Transition(operations=[first, second, third]),
        Transition(operations=[an_operation(1, seen=4)], operations_done=[second.id]),
        Transition(operations=[an_operation(1, seen=5)], operations_done=[third.id]),
        Transition(operations=[an_operation(3, seen=6)]),
    ]
    await _commit(store, owner, transitions, batches)

    assert await store.operations() == [an_operation(3, seen=6), an_operation(1, seen=5)]


# Runs.


def _ended(run: int, status: RunStatus = RunStatus.COMPLETED) -> RunEnd:
    return RunEnd(run_id(run), status, 0, 9, 0)


async def test_admitted_runs_are_live_and_do_not_wait_for_their_start(
    store: Store, owner: Ownership
) -> None:
    start = ItemKind.START
    items = {
        1: [an_item(1, run=1, kind=start, lane="s")],
        2: [an_item(2, run=2, kind=start, lane='s[["r","x","y"]]', due_ms=5)],
        3: [an_item(3, run=3, kind=start, lane="c")],
        4: [an_item(4, run=4, kind=ItemKind.SLEEP, lane="", due_ms=5)],
        5: [],
        6: [an_item(6, run=6, kind=ItemKind.START_TIMEOUT, lane="", due_ms=5)],
        7: [an_item(7, run=7, kind=ItemKind.STEP, lane="c")],
    }
    transitions = [
        Transition(events=[an_event(n)], runs=[a_run(n)], put=put) for n, put in items.items()
    ]
    other = Transition(events=[an_event(8)], runs=[a_run(8, function=OTHER_FUNCTION)])
    await store.commit(owner, [*transitions, other, Transition(started=[started(4)])])
    await store.commit(owner, [Transition(ended=[_ended(7)])])

    found = await store.admitted_runs(FUNCTION)

    assert sorted(found) == [(run_id(n), f"c-{n}") for n in (3, 4, 5, 6)]
    assert await store.admitted_runs(OTHER_FUNCTION) == [(run_id(8), "c-8")]


async def test_the_newest_live_run_of_a_singleton_is_found(store: Store, owner: Ownership) -> None:
    runs = [
        a_run(1, singleton="a"),
        a_run(2, singleton="a"),
        a_run(3, singleton="a"),
        a_run(4, singleton="b"),
        a_run(5, singleton=""),
        a_run(6, singleton="a", function=OTHER_FUNCTION),
    ]
    await store.commit(owner, [Transition(runs=runs, started=[started(2)])])
    await store.commit(owner, [Transition(ended=[_ended(3), _ended(4, RunStatus.CANCELLED)])])

    keys = [(FUNCTION, "a"), (FUNCTION, "b"), (FUNCTION, ""), (OTHER_FUNCTION, "a")]

    assert await store.singletons(keys) == {
        (FUNCTION, "a"): run_id(2),
        (OTHER_FUNCTION, "a"): run_id(6),
    }


async def test_a_run_that_is_skipped_at_once_is_an_ended_one(
    store: Store, owner: Ownership
) -> None:
    skipped = msgspec.structs.replace(a_run(1), status=RunStatus.SKIPPED)
    await store.commit(owner, [Transition(events=[an_event(1)], runs=[skipped])])

    assert await store.load_runs([run_id(1)]) == {}
    assert await store.admitted_runs(FUNCTION) == []
    assert await store.singletons([(FUNCTION, "single")]) == {}
    history = await store.history(run_id(1))
    assert history == RunHistory(a_run(1), RunStatus.SKIPPED, [an_event(1)], [])


async def test_the_history_of_a_run_is_read_while_it_lives_and_afterwards(
    store: Store, owner: Ownership
) -> None:
    assert await store.history(run_id(1)) is None
    await store.commit(owner, [Transition(events=[an_event(1)], runs=[a_run(1)])])
    assert await store.history(run_id(1)) == RunHistory(
        a_run(1), RunStatus.SCHEDULED, [an_event(1)], []
    )

    end = RunEnded(at_ms=5, status=RunStatus.COMPLETED, output=msgspec.Raw(b'{"a":1.0}'))
    entries = [an_entry(1, 0), an_entry(1, 1, resolved("a", b"2.0")), an_entry(1, 2, end)]
    await store.commit(owner, [Transition(journal=entries, ended=[ended(1, seq=2)])])

    assert await store.history(run_id(1)) == RunHistory(
        a_run(1), RunStatus.COMPLETED, [an_event(1)], [row.entry for row in entries]
    )


async def test_the_history_of_a_batch_has_its_events_in_order(
    store: Store, owner: Ownership
) -> None:
    order = (event_id(3), event_id(1), event_id(2))
    new = msgspec.structs.replace(a_run(1, event_ids=order), mode=RunMode.ASYNC)
    events = [an_event(n) for n in (1, 2, 3)]
    await store.commit(owner, [Transition(events=[*events, an_event(3, repetition=5)], runs=[new])])

    assert await store.history(run_id(1)) == RunHistory(
        new, RunStatus.SCHEDULED, [an_event(n) for n in (3, 1, 2)], []
    )


async def test_a_history_without_its_event_is_a_contradiction(
    store: Store, owner: Ownership
) -> None:
    await store.commit(owner, [Transition(runs=[a_run(1)])])

    with pytest.raises(StoreDefect, match=event_id(1)):
        await store.history(run_id(1))


def _runs_query(
    *statuses: RunStatus,
    queued_from_ms: int = 0,
    queued_before_ms: int = 10**15,
    after: str = "",
    limit: int = 1_000,
) -> RunsQuery:
    return RunsQuery(
        function_id=FUNCTION,
        statuses=statuses,
        queued_from_ms=queued_from_ms,
        queued_before_ms=queued_before_ms,
        after=RunId(after),
        limit=limit,
    )


async def _store_runs(store: Store, owner: Ownership) -> dict[RunStatus, list[NewRun]]:
    """Runs 1 to 12 of all statuses in turn, queued at their number times ten."""
    statuses = list(RunStatus)
    by_status: dict[RunStatus, list[NewRun]] = {status: [] for status in statuses}
    batch = []
    for number in range(1, 13):
        run, status = a_run(number, queued_ms=10 * number), statuses[number % len(statuses)]
        by_status[status].append(run)
        transition = Transition(events=[an_event(number)], runs=[run])
        if status.is_ended:
            transition.ended.append(_ended(number, status))
        elif status is RunStatus.RUNNING:
            transition.started.append(started(number))
        batch.append(transition)
    other = a_run(13, function=OTHER_FUNCTION, queued_ms=50)
    await store.commit(owner, [*batch, Transition(events=[an_event(13)], runs=[other])])
    return by_status


@pytest.mark.parametrize("status", list(RunStatus))
async def test_runs_of_a_function_are_found_by_status(
    store: Store, owner: Ownership, status: RunStatus
) -> None:
    runs = await _store_runs(store, owner)

    found = await store.runs_of(_runs_query(status))

    expected = [(run.id, status) for run in runs[status]]
    assert [(found_id, found_status) for found_id, found_status, _ in found] == expected
    events = [event for _, _, event in found if event is not None]
    assert [event.id for event in events] == [run.event_id for run in runs[status]]


async def test_runs_of_a_function_come_in_pages_by_id(store: Store, owner: Ownership) -> None:
    await _store_runs(store, owner)

    pages: list[list[str]] = []
    after = ""
    while page := await store.runs_of(_runs_query(*RunStatus, after=after, limit=5)):
        pages.append([found_id for found_id, _, _ in page])
        after = page[-1][0]

    numbers = [range(1, 6), range(6, 11), range(11, 13)]
    assert pages == [[run_id(n) for n in page] for page in numbers]


async def test_runs_of_a_function_are_found_by_the_time_they_were_queued(
    store: Store, owner: Ownership
) -> None:
    """The earlier bound is included, and the later one is not."""
    await _store_runs(store, owner)

    found = await store.runs_of(_runs_query(*RunStatus, queued_from_ms=30, queued_before_ms=60))

    assert [found_id for found_id, _, _ in found] == [run_id(n) for n in (3, 4, 5)]
    assert await store.runs_of(_runs_query()) == []


async def test_a_run_of_a_batch_is_found_with_its_first_event(
    store: Store, owner: Ownership
) -> None:
    batch = a_run(1, event_ids=(event_id(2), event_id(1)))
    events = [an_event(1), an_event(2), an_event(2, repetition=7)]
    await store.commit(owner, [Transition(events=events, runs=[batch])])

    assert await store.runs_of(_runs_query(RunStatus.SCHEDULED)) == [
        (run_id(1), RunStatus.SCHEDULED, an_event(2))
    ]


async def test_many_events_are_found_at_once(store: Store, owner: Ownership) -> None:
    events = [an_event(1), an_event(2), an_event(2, repetition=9)]
    await store.commit(owner, [Transition(events=events)])

    assert await store.events([event_id(n) for n in (2, 1, 3)]) == {
        event_id(1): an_event(1),
        event_id(2): an_event(2),
    }
    assert await store.events([]) == {}
