"""Bulk operations: exact progress, whatever is stopped in between."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from stepwell.core.identity import OperationId
from stepwell.core.operation import OperationKind
from stepwell.core.operations import begin
from stepwell.core.pause import Pause
from stepwell.core.queue import ItemKind
from stepwell.core.status import RunStatus
from stepwell.core.transition import Transition
from stepwell.engine.operations import OPERATIONS_MAX
from stepwell.engine.store import StoreUnavailable, join_alone
from stepwell.store.sqlite import SqliteStore
from stepwell.wire.config import Singleton
from tests.unit.core.core_world import START_MS, function
from tests.unit.core.rerun_world import GO
from tests.unit.engine.operations_world import FUNCTION, Desk, an_operation

pytestmark = pytest.mark.anyio

CANCEL, REPLAY = OperationKind.CANCEL, OperationKind.REPLAY
ONE_AT_A_TIME = function("app-f", GO, singleton=Singleton(key="event.data.key"))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    store = SqliteStore.in_memory()
    desk = Desk(store, await join_alone(store))
    await desk.open()
    yield desk
    await desk.close()
    await store.close()


# Cancelling.


async def test_all_live_runs_are_cancelled_page_by_page(desk: Desk) -> None:
    runs = await desk.begin(*[{}] * 205)
    await desk.end(*runs[:3])
    operation_id = await desk.create(CANCEL)
    await desk.turn()
    assert desk.progress(operation_id) == (100, 100, 0)
    await desk.finish()
    desk.resume()

    assert desk.progress(operation_id) == (202, 202, 0)
    assert {run.status for run in runs[3:]} == {RunStatus.CANCELLED}
    assert {run.status for run in runs[:3]} == {RunStatus.COMPLETED}
    operation = desk.operations.get(operation_id)
    assert operation is not None
    assert operation.ended_ms
    assert await desk.store.operations() == [operation]


async def test_only_runs_of_the_time_range_and_condition_are_cancelled(desk: Desk) -> None:
    runs = await desk.begin({"n": 1}, {"n": 2}, {"n": 1}, {"n": "x"}, {"n": 1})
    operation_id = await desk.create(
        CANCEL,
        started_after_ms=START_MS + 1,
        started_before_ms=START_MS + 4,
        condition="event.data.n < 2",
    )
    await desk.finish()
    desk.resume()

    cancelled = [run for run in runs if run.status is RunStatus.CANCELLED]
    assert cancelled == [runs[2]]
    assert desk.progress(operation_id) == (3, 1, 1)


async def test_runs_that_come_later_are_not_cancelled(desk: Desk) -> None:
    await desk.create(CANCEL, started_before_ms=START_MS + 5000)
    desk.now_ms += 1
    (run,) = await desk.begin({})
    await desk.finish()
    desk.resume()

    assert not run.is_ended


# Replaying.


async def test_ended_runs_are_started_once_more(desk: Desk) -> None:
    runs = await desk.begin(*[{}] * 25)
    await desk.end(*runs[1:])
    operation_id = await desk.create(REPLAY)
    await desk.finish()

    assert desk.progress(operation_id) == (24, 24, 0)
    assert not desk.reruns_of(runs[0])
    for run in runs[1:]:
        (again,) = desk.reruns_of(run)
        assert again.new.replay_id == operation_id
        assert again.new.event_id == run.new.event_id


async def test_a_replay_does_not_find_the_runs_it_has_started(desk: Desk) -> None:
    runs = await desk.begin(*[{}] * 20)
    await desk.end(*runs)
    operation_id = await desk.create(REPLAY, started_before_ms=START_MS + 10**9)
    await desk.turn()
    await desk.end(*(desk.reruns_of(run)[0] for run in runs))
    await desk.finish()

    assert desk.progress(operation_id) == (20, 20, 0)


async def test_runs_are_chosen_by_status(desk: Desk) -> None:
    runs = await desk.begin({}, {}, {})
    await desk.end(runs[0], runs[2])
    desk.cancel(runs[1])
    await desk.write()
    operation_id = await desk.create(REPLAY, statuses=(RunStatus.CANCELLED,))
    await desk.finish()

    assert desk.progress(operation_id) == (1, 1, 0)
    assert desk.reruns_of(runs[1])


async def test_a_replay_keeps_to_its_rate(desk: Desk) -> None:
    runs = await desk.begin(*[{}] * 6)
    await desk.end(*runs)
    await desk.create(REPLAY, rate_per_s=2)
    began_ms = desk.now_ms
    await desk.finish()

    queued = [desk.reruns_of(run)[0].new.queued_ms - began_ms for run in runs]
    assert queued == [0, 500, 1000, 1500, 2000, 2500]


async def test_a_run_that_cannot_be_read_is_counted_and_left_alone(desk: Desk) -> None:
    runs = await desk.begin({"n": 1}, {"n": 1}, {"n": "x"}, {"n": 2})
    await desk.end(*runs)
    desk.reads.unreadable = {runs[0].new.id}
    operation_id = await desk.create(REPLAY, condition="event.data.n < 2")
    await desk.finish()

    assert desk.progress(operation_id) == (4, 1, 2)
    assert [bool(desk.reruns_of(run)) for run in runs] == [False, True, False, False]


@pytest.mark.parametrize("is_archived", [True, False])
async def test_a_function_that_is_gone_is_not_replayed(desk: Desk, is_archived: bool) -> None:
    runs = await desk.begin({})
    await desk.end(*runs)
    other = msgspec.structs.replace(FUNCTION, id="another")
    await desk.open(msgspec.structs.replace(FUNCTION, archived=True) if is_archived else other)
    operation_id = await desk.create(REPLAY)
    await desk.finish()

    operation = desk.operations.get(operation_id)
    assert operation is not None
    assert (operation.seen, operation.ended_ms) == (0, desk.now_ms)


async def test_runs_of_an_archived_function_can_be_cancelled(desk: Desk) -> None:
    await desk.begin({})
    await desk.open(msgspec.structs.replace(FUNCTION, archived=True))
    operation_id = await desk.create(CANCEL)
    await desk.finish()

    assert desk.progress(operation_id) == (1, 1, 0)


# Singletons.


async def test_runs_of_a_singleton_are_let_in_one_by_one(desk: Desk) -> None:
    runs = await desk.begin({"key": "a"}, {"key": "b"}, {}, {"key": "a"})
    await desk.end(*runs)
    await desk.open(ONE_AT_A_TIME)
    operation_id = await desk.create(REPLAY)
    await desk.finish()

    assert desk.progress(operation_id) == (4, 4, 0)
    first, second, third, fourth = (desk.reruns_of(run)[0].new.singleton for run in runs)
    assert desk.seats == [first, second, fourth]
    assert first == fourth != second
    assert third == ""


async def test_a_run_in_the_way_of_a_singleton_is_recorded_as_skipped(desk: Desk) -> None:
    runs = await desk.begin({"key": "a"})
    await desk.end(*runs)
    desk.holder = runs[0].new.id
    await desk.open(ONE_AT_A_TIME)
    operation_id = await desk.create(REPLAY)
    await desk.finish()

    assert desk.progress(operation_id) == (1, 1, 0)
    assert desk.reruns_of(runs[0])[0].status is RunStatus.SKIPPED


async def test_a_paused_singleton_makes_no_run_give_way(desk: Desk) -> None:
    runs = await desk.begin({"key": "a"})
    await desk.end(*runs)
    await desk.open(msgspec.structs.replace(ONE_AT_A_TIME, pause=Pause(START_MS)))
    await desk.create(REPLAY)
    await desk.finish()

    assert not desk.seats
    assert desk.reruns_of(runs[0])[0].status is RunStatus.SKIPPED


async def test_a_singleton_that_cannot_be_decided_about_is_counted(desk: Desk) -> None:
    runs = await desk.begin({"key": "a"}, {"key": "b"}, {})
    await desk.end(*runs)
    await desk.open(ONE_AT_A_TIME)
    desk.start_failure = ValueError("a defect")
    operation_id = await desk.create(REPLAY)
    await desk.finish()

    assert desk.progress(operation_id) == (3, 1, 2)


# Crashes.


@pytest.mark.parametrize("is_last_written", [True, False])
@pytest.mark.parametrize("is_singleton", [True, False])
@pytest.mark.parametrize("commits", range(1, 8))
async def test_after_a_crash_every_run_is_still_replayed_exactly_once(
    desk: Desk, commits: int, is_singleton: bool, is_last_written: bool
) -> None:
    today = ONE_AT_A_TIME if is_singleton else FUNCTION
    count = 5 if is_singleton else 90
    runs = await desk.begin(*({"key": str(number)} for number in range(count)))
    await desk.end(*runs)
    await desk.open(today)
    operation_id = await desk.create(REPLAY)
    desk.commits_left, desk.is_last_written = commits, is_last_written
    try:
        await desk.finish()
    except StoreUnavailable:
        desk.commits_left = 10**9
        await desk.open(today)
        await desk.finish()

    assert [len(desk.reruns_of(run)) for run in runs] == [1] * count
    assert desk.progress(operation_id) == (count, count, 0)
    assert await desk.store.operations() == list(desk.operations.all())


@pytest.mark.parametrize("commits", range(1, 4))
@pytest.mark.parametrize("is_last_written", [True, False])
async def test_after_a_crash_every_run_is_still_cancelled(
    desk: Desk, commits: int, is_last_written: bool
) -> None:
    await desk.begin(*[{}] * 120)
    operation_id = await desk.create(CANCEL)
    desk.commits_left, desk.is_last_written = commits, is_last_written
    try:
        await desk.finish()
    except StoreUnavailable:
        desk.commits_left = 10**9
        await desk.open()
        await desk.finish()
    cancels = [item.run_id for item in desk.items.values() if item.kind is ItemKind.CANCEL]

    assert sorted(cancels) == sorted(desk.runs)
    assert desk.progress(operation_id) == (120, 120, 0)


async def test_runs_that_cannot_be_found_end_the_operation(desk: Desk) -> None:
    """It must not be tried for ever, and nobody could say which run to go on with."""
    await desk.begin({})
    desk.reads.runs_failure = ValueError("a defect")
    operation_id = await desk.create(CANCEL)
    await desk.finish()

    operation = desk.operations.get(operation_id)
    assert operation is not None
    assert operation.ended_ms


async def test_while_the_store_is_unavailable_nothing_is_decided(desk: Desk) -> None:
    await desk.begin({})
    operation_id = await desk.create(CANCEL)
    desk.reads.runs_failure = StoreUnavailable("runs_of", "the disk is gone")
    with pytest.raises(StoreUnavailable):
        await desk.turn()

    assert desk.item() is not None
    assert desk.progress(operation_id) == (0, 0, 0)


# Creating and deleting.


async def test_operations_are_listed_newest_first(desk: Desk) -> None:
    first = await desk.create(CANCEL)
    second = await desk.create(REPLAY)

    assert [operation.id for operation in desk.operations.all()] == [second, first]
    assert desk.operations.get(OperationId("unknown")) is None


async def test_a_deleted_operation_does_no_more(desk: Desk) -> None:
    await desk.begin(*[{}] * 120)
    operation_id = await desk.create(CANCEL)
    await desk.turn()
    assert await desk.operations.delete(operation_id)
    await desk.turn()

    assert desk.item() is None
    assert not desk.operations.all()
    assert await desk.store.operations() == []
    assert sum(item.kind is ItemKind.CANCEL for item in desk.items.values()) == 100


async def test_what_is_unknown_cannot_be_deleted(desk: Desk) -> None:
    operation_id = await desk.create(CANCEL)

    assert await desk.operations.delete(operation_id)
    assert not await desk.operations.delete(operation_id)


async def test_an_operation_deleted_during_a_page_is_not_written_again(desk: Desk) -> None:
    await desk.begin(*[{}] * 120)
    operation_id = await desk.create(CANCEL)
    desk.reads.may_read.clear()
    turn = asyncio.create_task(desk.turn())
    await desk.reads.is_reading.wait()
    deletion = asyncio.create_task(desk.operations.delete(operation_id))
    desk.reads.may_read.set()
    await turn
    assert await deletion
    await desk.finish()

    assert await desk.store.operations() == []


async def test_what_pausing_a_function_begins_is_known_once_it_is_written(desk: Desk) -> None:
    operation = an_operation(desk, CANCEL, cause="paused")
    await desk.commit(Transition(operations=[operation]))

    assert desk.operations.get(operation.id) == operation


async def test_the_oldest_operation_that_has_ended_gives_way(desk: Desk) -> None:
    stored = [
        an_operation(desk, CANCEL, number=number, ended_ms=number > 1)
        for number in range(1, OPERATIONS_MAX + 1)
    ]
    await desk.commit(Transition(operations=stored))
    created = await desk.create(REPLAY)

    kept = {operation.id for operation in desk.operations.all()}
    assert len(kept) == OPERATIONS_MAX
    assert stored[1].id not in kept
    assert {stored[0].id, stored[2].id, created} <= kept


async def test_operations_that_nobody_created_here_are_not_kept_for_ever_either(
    desk: Desk,
) -> None:
    """Each time a function is paused together with its runs, there is one more."""
    ended = [
        an_operation(desk, CANCEL, number=number, ended_ms=1)
        for number in range(1, OPERATIONS_MAX + 3)
    ]
    await desk.commit(Transition(operations=ended))
    operation = an_operation(desk, CANCEL, number=OPERATIONS_MAX + 3, cause="paused")
    await desk.commit(begin(operation, at=desk.moment()))
    await desk.finish()

    kept = {operation.id for operation in desk.operations.all()}
    assert len(kept) == OPERATIONS_MAX
    assert operation.id in kept


async def test_too_many_unfinished_operations_are_refused(desk: Desk) -> None:
    stored = [an_operation(desk, CANCEL, number=n) for n in range(1, OPERATIONS_MAX + 1)]
    await desk.commit(Transition(operations=stored))

    assert not await desk.operations.create(an_operation(desk, REPLAY))
    assert len(await desk.store.operations()) == OPERATIONS_MAX
