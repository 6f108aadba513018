"""What every store promises about what is old: it is found, and goes unless it is needed."""

import asyncio

import msgspec
import pytest

from stepwell.core.counted import Span
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, EnvironmentId, EventId, RunId
from stepwell.core.item_bodies import AdmitBody, MatchBody
from stepwell.core.journal import RunEnded
from stepwell.core.operation import Operation, OperationKind
from stepwell.core.queue import ItemKind
from stepwell.core.retention import FOREVER, Forgotten, ForgottenKind, RetentionOverrides
from stepwell.core.status import RunStatus
from stepwell.core.transition import RunEnd, Transition
from stepwell.engine.store import (
    OldEvent,
    OldEventsQuery,
    OldRunsQuery,
    Ownership,
    OwnershipLost,
    RetentionState,
    RunsQuery,
    Store,
    join_alone,
)
from tests.unit.store.builders import (
    FUNCTION,
    OTHER_FUNCTION,
    a_buffer,
    a_buffered_event,
    a_run,
    a_skip,
    an_entry,
    an_event,
    an_item,
    an_operation,
    buffer_ref,
    event_id,
    resolved,
    run_id,
)
from tests.unit.store.conftest import OpenStore, Place
from tests.unit.store.crowd import ADD_PARTITIONS, THIRD, Seen

pytestmark = pytest.mark.anyio

#: Everything received or ended before it is old: the ids of the builders' events are from 2020.
BEFORE_MS = 1_700_000_000_000
PASS_MS = BEFORE_MS + 1
OTHER_ENVIRONMENT = EnvironmentId("e0000000-0000-4000-8000-000000000001")


def _forget(
    kind: ForgottenKind,
    *ids: str,
    before_ms: int = BEFORE_MS,
    pass_ms: int = PASS_MS,
    below: int = 0,
    environment: EnvironmentId = DEFAULT_ENVIRONMENT_ID,
) -> Transition:
    bite = Forgotten(kind, environment, pass_ms, before_ms, ids, below=below)
    return Transition(forgotten=[bite])


def _ended_run(
    number: int, *, ended_ms: int = 1_014, entries: int = 3, status: RunStatus = RunStatus.COMPLETED
) -> Transition:
    """A run with an event of its own that has ended; its journal has so many entries."""
    journal = [an_entry(number, seq) for seq in range(entries - 1)]
    journal.append(an_entry(number, entries - 1, RunEnded(1_014, status)))
    return Transition(
        events=[an_event(number)],
        runs=[a_run(number)],
        journal=journal,
        ended=[RunEnd(run_id(number), status, 1_013, ended_ms, entries - 1)],
    )


def _replay() -> Operation:
    """One that has not come to any run."""
    return msgspec.structs.replace(an_operation(1), after=RunId(""), ended_ms=0)


def _events_query(**changes: object) -> OldEventsQuery:
    query = OldEventsQuery(
        environment_id=DEFAULT_ENVIRONMENT_ID,
        before_ms=BEFORE_MS,
        after=EventId(""),
        limit=10,
    )
    return msgspec.structs.replace(query, **changes)


def _runs_query(**changes: object) -> OldRunsQuery:
    query = OldRunsQuery(
        function_id=FUNCTION,
        status=RunStatus.COMPLETED,
        before_ms=BEFORE_MS,
        after=(0, RunId("")),
        limit=10,
    )
    return msgspec.structs.replace(query, **changes)


async def _free_events(store: Store) -> list[EventId]:
    return [event.id for event in await store.old_events(_events_query()) if event.is_free]


# Events.


async def test_an_old_event_goes_with_what_was_noted_about_it(
    store: Store, owner: Ownership
) -> None:
    await store.commit(owner, [Transition(events=[an_event(1), an_event(2)], skips=[a_skip(1)])])

    await store.commit(owner, [_forget(ForgottenKind.EVENTS, event_id(1))])

    assert await store.event(event_id(1)) is None
    assert await store.event(event_id(2)) == an_event(2)
    state = (await store.retention())[DEFAULT_ENVIRONMENT_ID]
    assert state == RetentionState(RetentionOverrides(), PASS_MS, {"events": 1, "skips": 1})


async def test_a_young_event_and_one_of_another_environment_stay(
    store: Store, owner: Ownership
) -> None:
    """An id says when an event was received only as far as clients do not choose it."""
    young = an_event(1, received_ms=BEFORE_MS)
    foreign = an_event(2, environment=OTHER_ENVIRONMENT)
    await store.commit(owner, [Transition(events=[young, foreign])])

    assert await _free_events(store) == []
    await store.commit(owner, [_forget(ForgottenKind.EVENTS, young.id, foreign.id)])

    assert await store.event(young.id) == young
    assert await store.event(foreign.id) == foreign
    assert await store.retention() == {}


async def test_an_event_goes_while_its_ended_run_stays(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [_ended_run(1)])

    assert await _free_events(store) == [event_id(1)]
    await store.commit(owner, [_forget(ForgottenKind.EVENTS, event_id(1))])

    history = await store.history(run_id(1))
    assert history is not None
    assert (history.status, history.events, history.is_whole) == (RunStatus.COMPLETED, [], True)
    query = RunsQuery(
        function_id=FUNCTION,
        statuses=(RunStatus.COMPLETED,),
        queued_from_ms=0,
        queued_before_ms=BEFORE_MS,
        after=RunId(""),
        limit=5,
    )
    assert await store.runs_of(query) == [(run_id(1), RunStatus.COMPLETED, None)]


async def test_an_event_that_an_item_of_any_partition_needs_stays(
    open_store: OpenStore, place: Place
) -> None:
    """Whoever forgets need not own where the event is still to be decided about."""
    await (await open_store()).close()
    place.execute(ADD_PARTITIONS)
    store = await open_store()
    owner = await join_alone(store)
    elsewhere = Seen(are_one=True, of={FUNCTION: THIRD})
    await store.commit(owner, [Transition(events=[an_event(1), an_event(2)])])
    await store.commit(owner, [_to_be_admitted()], elsewhere)

    assert await _free_events(store) == [event_id(2)]
    await store.commit(owner, [_forget(ForgottenKind.EVENTS, event_id(1), event_id(2))])

    assert await store.event(event_id(1)) is not None
    assert await store.event(event_id(2)) is None
    await store.close()


def _of_a_live_run() -> Transition:
    return Transition(runs=[a_run(9, event=1)])


def _of_a_live_batch() -> Transition:
    return Transition(events=[an_event(8)], runs=[a_run(9, event_ids=(event_id(8), event_id(1)))])


def _held_back() -> Transition:
    ref = buffer_ref("k")
    return Transition(buffers=[a_buffer(ref, "b")], buffered=[a_buffered_event("b", 0, event=1)])


def _to_be_admitted() -> Transition:
    body = AdmitBody(event_id(1)).encode()
    return Transition(put=[an_item(5, kind=ItemKind.ADMIT, body=body, lane="", score=0)])


def _to_be_matched() -> Transition:
    body = MatchBody(event_id(1)).encode()
    return Transition(put=[an_item(5, kind=ItemKind.MATCH, body=body, lane="", score=0)])


def _to_be_replayed() -> Transition:
    ended = _ended_run(9)
    return msgspec.structs.replace(
        ended, events=[], runs=[a_run(9, event=1)], operations=[_replay()]
    )


@pytest.mark.parametrize(
    "needed",
    [
        _of_a_live_run,
        _of_a_live_batch,
        _held_back,
        _to_be_admitted,
        _to_be_matched,
        _to_be_replayed,
    ],
)
@pytest.mark.parametrize("when", ["before", "in the batch", "after it in the batch"])
async def test_a_needed_event_stays(
    store: Store, owner: Ownership, needed: object, when: str
) -> None:
    """Whatever brings the need in the same transaction counts, too, in whatever order."""
    assert callable(needed)
    brings: Transition = needed()
    forget = _forget(ForgottenKind.EVENTS, event_id(1))
    await store.commit(owner, [Transition(events=[an_event(1)])])

    batches = {
        "before": [[brings], [forget]],
        "in the batch": [[brings, forget]],
        "after it in the batch": [[forget, brings]],
    }
    for batch in batches[when]:
        await store.commit(owner, batch)

    assert await store.event(event_id(1)) == an_event(1)
    assert event_id(1) not in await _free_events(store)


def _run_again(number: int) -> Transition:
    """A run is started from an event that was read before."""
    run = a_run(1_000 + number, event=number)
    return Transition(runs=[run], events_again=[an_event(number)])


async def test_a_run_that_is_started_again_has_an_event_that_was_just_deleted(
    store: Store, owner: Ownership
) -> None:
    """Nothing else of the event comes back."""
    await store.commit(owner, [Transition(events=[an_event(1)], skips=[a_skip(1)])])
    await store.commit(owner, [_forget(ForgottenKind.EVENTS, event_id(1))])

    await store.commit(owner, [_run_again(1)])

    history = await store.history(run_id(1_001))
    assert history is not None
    assert history.events == [an_event(1)]


async def test_an_event_from_which_a_run_is_started_again_stays_as_it_is(
    store: Store, owner: Ownership
) -> None:
    await store.commit(owner, [Transition(events=[an_event(1)])])
    changed = msgspec.structs.replace(an_event(1), payload=b"{}", name="other")

    await store.commit(owner, [Transition(events_again=[changed])])

    assert await store.event(event_id(1)) == an_event(1)


_OFTEN = 25


async def test_of_two_nodes_one_may_delete_what_the_other_starts_a_run_from(
    store: Store, owner: Ownership
) -> None:
    """Whoever is faster, the run has its event."""
    other = await store.join("other", "1")
    numbers = range(1, _OFTEN + 1)
    await store.commit(owner, [_ended_run(number) for number in numbers])

    for number in numbers:
        await asyncio.gather(
            store.commit(other, [_run_again(number)]),
            store.commit(owner, [_forget(ForgottenKind.EVENTS, event_id(number))]),
        )

    for number in numbers:
        assert await store.event(event_id(number)) == an_event(number)


async def test_of_two_nodes_one_may_delete_what_the_other_decides_about(
    store: Store, owner: Ownership
) -> None:
    """The event is queued first, and then has a run; there is no moment at which nobody needs it."""
    other = await store.join("other", "1")
    numbers = range(1, _OFTEN + 1)
    items = [
        an_item(
            number, kind=ItemKind.ADMIT, body=AdmitBody(event_id(number)).encode(), lane="", score=0
        )
        for number in numbers
    ]
    await store.commit(owner, [Transition(events=[*map(an_event, numbers)], put=items)])

    for number, item in zip(numbers, items, strict=True):
        await asyncio.gather(
            store.commit(other, [Transition(done=[item.id], runs=[a_run(number)])]),
            store.commit(owner, [_forget(ForgottenKind.EVENTS, event_id(number))]),
        )

    for number in numbers:
        assert await store.event(event_id(number)) == an_event(number)


async def test_events_come_in_pages_by_id_with_their_sizes(store: Store, owner: Ownership) -> None:
    events = [an_event(number) for number in range(1, 6)]
    await store.commit(owner, [Transition(events=events, runs=[a_run(9, event=2)])])

    first = await store.old_events(_events_query(limit=3))
    rest = await store.old_events(_events_query(limit=3, after=first[-1].id))

    assert [*first, *rest] == [OldEvent(e.id, len(e.payload), e.id != event_id(2)) for e in events]


async def test_an_event_stored_twice_goes_as_far_as_it_is_old(
    store: Store, owner: Ownership
) -> None:
    again = an_event(1, repetition=7, received_ms=BEFORE_MS)
    await store.commit(owner, [Transition(events=[an_event(1), again])])

    await store.commit(owner, [_forget(ForgottenKind.EVENTS, event_id(1))])

    assert await store.event(event_id(1)) == again


# Runs.


async def test_an_old_run_goes_with_everything_that_is_its_own(
    store: Store, owner: Ownership
) -> None:
    ids = (event_id(1), event_id(2), event_id(3))
    ended = _ended_run(1)
    batch = msgspec.structs.replace(
        ended, events=[an_event(n) for n in (1, 2, 3)], runs=[a_run(1, event_ids=ids)]
    )
    await store.commit(owner, [batch, _ended_run(4)])

    await store.commit(owner, [_forget(ForgottenKind.RUNS, run_id(1))])

    assert await store.history(run_id(1)) is None
    assert await store.history(run_id(4)) is not None
    state = (await store.retention())[DEFAULT_ENVIRONMENT_ID]
    assert state.deleted == {"runs": 1, "journal": 3, "batch_events": 2}
    # What started it has a time of its own.
    assert await store.event(event_id(1)) == an_event(1)


@pytest.mark.parametrize(
    "change",
    [
        {"ended": []},
        {"ended": [RunEnd(run_id(1), RunStatus.FAILED, 1_013, BEFORE_MS, 2)]},
        {"runs": [msgspec.structs.replace(a_run(1), environment_id=OTHER_ENVIRONMENT)]},
        {"operations": [_replay()]},
    ],
    ids=["live", "young", "of another environment", "to be replayed"],
)
async def test_a_run_that_must_not_go_stays(
    store: Store, owner: Ownership, change: dict[str, list[object]]
) -> None:
    await store.commit(owner, [msgspec.structs.replace(_ended_run(1), **change)])

    await store.commit(owner, [_forget(ForgottenKind.RUNS, run_id(1))])

    history = await store.history(run_id(1))
    assert history is not None
    assert len(history.journal) == 3
    assert await store.retention() == {}


@pytest.mark.parametrize(
    "change",
    [
        {"ended": []},
        {"ended": [RunEnd(run_id(1), RunStatus.FAILED, 1_013, BEFORE_MS, 2)]},
        {"runs": [msgspec.structs.replace(a_run(1), environment_id=OTHER_ENVIRONMENT)]},
    ],
    ids=["live", "young", "of another environment"],
)
async def test_a_journal_that_must_not_go_stays(
    store: Store, owner: Ownership, change: dict[str, list[object]]
) -> None:
    await store.commit(owner, [msgspec.structs.replace(_ended_run(1), **change)])

    await store.commit(owner, [_forget(ForgottenKind.JOURNAL, run_id(1), below=2)])

    history = await store.history(run_id(1))
    assert history is not None
    assert len(history.journal) == 3


@pytest.mark.parametrize(
    "change",
    [
        {"kind": OperationKind.CANCEL},
        {"ended_ms": 1},
        {"function_id": OTHER_FUNCTION},
        {"after": run_id(1)},
    ],
    ids=["cancels", "has ended", "other function", "has seen it"],
)
async def test_a_bulk_operation_that_needs_no_ended_run_keeps_none(
    store: Store, owner: Ownership, change: dict[str, object]
) -> None:
    await store.commit(owner, [_ended_run(1), Transition(operations=[_replay()])])
    (kept,) = await store.old_runs(_runs_query())
    changed = msgspec.structs.replace(_replay(), **change)
    await store.commit(owner, [Transition(operations=[changed])])

    (free,) = await store.old_runs(_runs_query())
    assert (kept.is_free, free.is_free) == (False, True)
    await store.commit(owner, [_forget(ForgottenKind.RUNS, run_id(1))])
    assert await store.history(run_id(1)) is None


async def test_runs_come_in_pages_by_their_ends(store: Store, owner: Ownership) -> None:
    ends = {1: 300, 2: 100, 3: 100, 4: 200, 5: BEFORE_MS, 6: 100}
    await store.commit(owner, [_ended_run(n, ended_ms=at_ms) for n, at_ms in ends.items()])
    await store.commit(owner, [_ended_run(7, status=RunStatus.FAILED)])
    await store.commit(owner, [Transition(events=[an_event(8)], runs=[a_run(8)])])

    pages = []
    after = (0, RunId(""))
    while page := await store.old_runs(_runs_query(limit=2, after=after)):
        pages.append([run.id for run in page])
        after = (page[-1].ended_ms, page[-1].id)

    assert pages == [[run_id(2), run_id(3)], [run_id(6), run_id(4)], [run_id(1)]]


async def test_a_page_says_what_is_left_of_a_run(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [_ended_run(1, entries=4)])
    await store.commit(owner, [_forget(ForgottenKind.JOURNAL, run_id(1), below=2)])
    await store.commit(owner, [_forget(ForgottenKind.EVENTS, event_id(1))])

    (run,) = await store.old_runs(_runs_query())

    assert (run.entries, run.first_seq, run.event_ids) == (2, 2, ())
    assert run.bytes > 0


async def test_a_forgotten_journal_leaves_the_outcome(store: Store, owner: Ownership) -> None:
    run = _ended_run(1, entries=4)
    run.journal[1] = an_entry(1, 1, resolved("s", b'"memo"'))
    await store.commit(owner, [run])
    await store.commit(owner, [_forget(ForgottenKind.JOURNAL, run_id(1), below=99)])

    history = await store.history(run_id(1))

    assert history is not None
    assert history.journal == [RunEnded(1_014, RunStatus.COMPLETED)]
    assert not history.is_whole
    assert history.events == [an_event(1)]


# Everything else.


async def test_old_operations_go_once_they_have_ended(store: Store, owner: Ownership) -> None:
    ended = [msgspec.structs.replace(an_operation(n), ended_ms=1) for n in (1, 2)]
    live = msgspec.structs.replace(an_operation(3), ended_ms=0)
    young = msgspec.structs.replace(an_operation(4), ended_ms=BEFORE_MS)
    await store.commit(owner, [Transition(operations=[*ended, live, young])])

    ids = [ended[0].id, live.id, young.id]
    await store.commit(owner, [_forget(ForgottenKind.OPERATIONS, *ids)])

    assert await store.operations() == [young, live, ended[1]]


async def test_what_a_pass_deletes_is_added_up(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [Transition(events=[an_event(n) for n in range(1, 5)])])
    forgets = [_forget(ForgottenKind.EVENTS, event_id(n)) for n in (1, 2, 3)]
    await store.commit(owner, forgets[:2])
    await store.commit(owner, forgets[2:])
    of_pass = (await store.retention())[DEFAULT_ENVIRONMENT_ID]

    await store.commit(owner, [_forget(ForgottenKind.EVENTS, event_id(4), pass_ms=PASS_MS + 5)])

    assert of_pass == RetentionState(RetentionOverrides(), PASS_MS, {"events": 3})
    of_next = (await store.retention())[DEFAULT_ENVIRONMENT_ID]
    assert of_next == RetentionState(RetentionOverrides(), PASS_MS + 5, {"events": 1})


async def test_forgetting_again_is_no_error(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [_ended_run(1)])
    forgets = [
        _forget(ForgottenKind.JOURNAL, run_id(1), below=2),
        _forget(ForgottenKind.RUNS, run_id(1)),
        _forget(ForgottenKind.EVENTS, event_id(1)),
    ]

    for _ in range(2):
        await store.commit(owner, forgets)

    state = (await store.retention())[DEFAULT_ENVIRONMENT_ID]
    assert state.deleted == {"events": 1, "journal": 3, "runs": 1}


async def test_times_of_an_environment_are_kept_apart_from_what_was_deleted(
    store: Store, owner: Ownership
) -> None:
    own = RetentionOverrides(events=1_000_000, runs=FOREVER)
    await store.commit(owner, [Transition(retention=[(DEFAULT_ENVIRONMENT_ID, own)])])
    await store.commit(owner, [_ended_run(1), _forget(ForgottenKind.RUNS, run_id(1))])
    later = RetentionOverrides(events=FOREVER)
    await store.commit(owner, [Transition(retention=[(DEFAULT_ENVIRONMENT_ID, later)])])

    state = (await store.retention())[DEFAULT_ENVIRONMENT_ID]
    assert (state.own, state.pass_ms) == (later, PASS_MS)
    assert state.deleted == {"journal": 3, "runs": 1}


async def test_only_the_owner_forgets(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [_ended_run(1)])
    await join_alone(store)

    with pytest.raises(OwnershipLost):
        await store.commit(owner, [_forget(ForgottenKind.RUNS, run_id(1))])

    assert await store.history(run_id(1)) is not None


async def test_counts_go_by_their_time_and_sums_for_ever_stay(
    store: Store, owner: Ownership
) -> None:
    """Whatever is not added up yet is younger than anything that goes."""
    minute_ms = 60_000
    # Many minutes, so that what was counted is added up.
    for start in range(0, 600, 100):
        transitions = [
            Transition(
                events=[an_event(n)],
                runs=[a_run(n, queued_ms=n * minute_ms)],
                function_id=FUNCTION,
                at_ms=n * minute_ms,
            )
            for n in range(start + 1, start + 101)
        ]
        await store.commit(owner, transitions)
    last_ms = await store.old_rollups(FUNCTION, Span.MINUTE, before_ms=BEFORE_MS, limit=5)
    everything = await store.with_old_rollups(
        [OTHER_FUNCTION, FUNCTION], Span.HOUR, before_ms=BEFORE_MS
    )
    assert last_ms == 5 * minute_ms
    assert everything == [FUNCTION]

    await store.commit(owner, [_forget(ForgottenKind.MINUTES, FUNCTION, before_ms=last_ms + 1)])

    state = (await store.retention())[DEFAULT_ENVIRONMENT_ID]
    assert state.deleted == {"rollups": 5}
    next_ms = await store.old_rollups(FUNCTION, Span.MINUTE, before_ms=BEFORE_MS, limit=1)
    assert next_ms == 6 * minute_ms
    await store.commit(owner, [_forget(ForgottenKind.HOURS, FUNCTION)])
    assert await store.old_rollups(FUNCTION, Span.HOUR, before_ms=BEFORE_MS, limit=1) is None
    assert await store.old_rollups(FUNCTION, Span.EVER, before_ms=BEFORE_MS, limit=1) == 0


async def test_functions_with_old_runs_are_known_by_status(store: Store, owner: Ownership) -> None:
    await store.commit(owner, [_ended_run(1), _ended_run(2, status=RunStatus.SKIPPED)])
    await store.commit(owner, [Transition(events=[an_event(3)], runs=[a_run(3)])])

    found = await store.with_old_runs([OTHER_FUNCTION, FUNCTION], before_ms=1_015)

    assert found == [(FUNCTION, RunStatus.COMPLETED), (FUNCTION, RunStatus.SKIPPED)]
    assert await store.with_old_runs([FUNCTION], before_ms=1_014) == []
