"""What the APIs are shown of what is stored."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stepwell.core.app_sync import SyncStatus
from stepwell.core.identity import (
    AppId,
    EnvironmentId,
    FunctionId,
    ItemId,
    OperationId,
)
from stepwell.core.journal import RunEnded
from stepwell.core.operation import Operation, OperationKind
from stepwell.core.queue import ItemKind
from stepwell.core.status import RunStatus
from stepwell.core.transition import BufferKind, RunEnd, Transition
from stepwell.engine.store import Ownership, StoreUnavailable, join_alone
from stepwell.store.queries import Queries
from stepwell.store.reading import ReadModels
from stepwell.store.sqlite import SqliteStore
from stepwell.store.views import (
    EventOutcome,
    EventsPage,
    LaneNumbers,
    OperationsPage,
    PendingEvent,
    QueueNumbers,
    RunView,
    TimerNumbers,
)
from tests.unit.store.builders import (
    ENVIRONMENT,
    FUNCTION,
    OTHER_FUNCTION,
    a_buffer,
    a_buffered_event,
    a_run,
    a_skip,
    a_sync,
    an_entry,
    an_event,
    an_item,
    an_operation,
    buffer_ref,
    event_id,
    run_id,
    started,
)
from tests.unit.store.conftest import OpenedStore, OpenStore, Place
from tests.unit.store.crowd import ADD_PARTITIONS, Seen

pytestmark = pytest.mark.anyio


async def test_events_come_newest_first_in_pages(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    await store.commit(owner, [Transition(events=[an_event(n) for n in (2, 5, 1, 4, 3)])])

    first = await reading.events(EventsPage(ENVIRONMENT, limit=2))
    second = await reading.events(EventsPage(ENVIRONMENT, limit=9, before=first[-1].id))

    assert first == [an_event(5), an_event(4)]
    assert second == [an_event(3), an_event(2), an_event(1)]


async def test_events_are_chosen_by_environment_name_and_time(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    elsewhere = EnvironmentId("elsewhere")
    events = [
        an_event(1, received_ms=10),
        an_event(2, received_ms=20, name="shop/paid"),
        an_event(3, received_ms=30),
        an_event(4, received_ms=20, environment=elsewhere),
        an_event(5, received_ms=20, name="inngest/function.finished"),
    ]
    await store.commit(owner, [Transition(events=events)])

    async def ids(page: EventsPage) -> list[str]:
        return [event.id for event in await reading.events(page)]

    assert await ids(EventsPage(ENVIRONMENT, 9)) == [event_id(n) for n in (3, 2, 1)]
    assert await ids(EventsPage(ENVIRONMENT, 9, name="shop/paid")) == [event_id(2)]
    assert await ids(EventsPage(ENVIRONMENT, 9, received_after_ms=20)) == [
        event_id(3),
        event_id(2),
    ]
    assert await ids(EventsPage(ENVIRONMENT, 9, received_before_ms=20)) == [
        event_id(2),
        event_id(1),
    ]
    assert await ids(EventsPage(ENVIRONMENT, 9, include_internal=True)) == [
        event_id(n) for n in (5, 3, 2, 1)
    ]
    assert await ids(EventsPage(elsewhere, 9)) == [event_id(4)]


async def test_an_event_is_found_in_its_environment_only(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    events = [an_event(1), an_event(1, repetition=9)]
    await store.commit(owner, [Transition(events=events)])

    assert await reading.event(ENVIRONMENT, event_id(1)) == an_event(1)
    assert await reading.event(EnvironmentId("elsewhere"), event_id(1)) is None
    assert await reading.event(ENVIRONMENT, event_id(2)) is None


def _view(status: RunStatus, *, started_ms: int = 0, ended_ms: int = 0) -> RunView:
    run = a_run(1)
    return RunView(
        id=run.id,
        environment_id=run.environment_id,
        app_id=run.app_id,
        function_id=run.function_id,
        function_version=run.function_version,
        status=status,
        queued_ms=run.queued_ms,
        scheduled_ms=run.scheduled_ms,
        started_ms=started_ms,
        ended_ms=ended_ms,
        event_id=run.event_id,
        event_name=run.event_name,
        event_ids=(),
        cron=run.cron,
        parent_run_id=run.parent_run_id,
        parent_function_id=run.parent_function_id,
        parent_step=run.parent_step,
        origin_run_id=run.origin_run_id,
        output=b"",
        error=b"",
        singleton=run.singleton,
        batch_id=run.batch_id,
        replay_id=run.replay_id,
        mode=run.mode,
    )


async def test_a_run_is_shown_as_it_goes_through_life(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    """Every answer is as of the last commit: pollers must never see an older status."""
    assert await reading.run(run_id(1)) is None

    await store.commit(owner, [Transition(events=[an_event(1)], runs=[a_run(1)])])
    assert await reading.run(run_id(1)) == _view(RunStatus.SCHEDULED)

    await store.commit(owner, [Transition(started=[started(1)], journal=[an_entry(1, 0)])])
    running = _view(RunStatus.RUNNING, started_ms=1_013)
    assert await reading.run(run_id(1)) == running

    end = RunEnded(
        at_ms=5, status=RunStatus.FAILED, output=msgspec.Raw(b'{"a":1.0}'), error=msgspec.Raw(b"2")
    )
    finish = RunEnd(run_id(1), RunStatus.FAILED, 1_013, 1_014, 1)
    await store.commit(owner, [Transition(journal=[an_entry(1, 1, end)], ended=[finish])])
    assert await reading.run(run_id(1)) == msgspec.structs.replace(
        running, status=RunStatus.FAILED, ended_ms=1_014, output=b'{"a":1.0}', error=b"2"
    )


async def test_a_cancelled_run_has_no_output(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    end = RunEnded(at_ms=5, status=RunStatus.CANCELLED, cause="event", event_id=event_id(7))
    await store.commit(
        owner,
        [
            Transition(
                runs=[a_run(1)],
                journal=[an_entry(1, 0, end)],
                ended=[RunEnd(run_id(1), RunStatus.CANCELLED, 0, 1_014, 0)],
            )
        ],
    )

    assert await reading.run(run_id(1)) == msgspec.structs.replace(
        _view(RunStatus.CANCELLED, ended_ms=1_014), cause="event", cause_event_id=event_id(7)
    )


async def test_runs_are_found_by_each_event_that_started_them(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    batch = (event_id(1), event_id(2), event_id(3))
    runs = [a_run(7, event_ids=batch), a_run(6, event=2), a_run(5, event=2), a_run(4)]
    await store.commit(owner, [Transition(runs=runs)])

    async def ids(event: int) -> list[str]:
        return [run.id for run in await reading.runs_of_event(event_id(event))]

    assert await ids(1) == [run_id(7)]
    assert await ids(2) == [run_id(5), run_id(6), run_id(7)]
    assert await ids(4) == [run_id(4)]
    assert await ids(9) == []
    (view,) = await reading.runs_of_event(event_id(3))
    assert view.event_ids == batch


async def test_the_items_of_a_run_are_listed_up_to_the_limit(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    items = [an_item(n, run=1, due_ms=9 - n) for n in (1, 2, 3)]
    await store.commit(owner, [Transition(put=[*items, an_item(4)])])

    assert await reading.jobs(run_id(1), limit=2) == items[:2]
    assert await reading.jobs(run_id(1), limit=9) == items
    assert await reading.jobs(run_id(9), limit=9) == []


async def test_skips_are_listed_in_the_order_they_were_decided(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    later, earlier = a_skip(1, at_ms=9), a_skip(1, function=OTHER_FUNCTION, at_ms=8)
    await store.commit(owner, [Transition(skips=[later, earlier, a_skip(2)])])

    assert await reading.skips_of_event(event_id(1)) == [earlier, later]


async def test_the_outcomes_of_an_event_are_told_by_function(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    """One that ran in a batch, one that was skipped, one that is held back: all are there."""
    third = FunctionId("f0000000-0000-4000-8000-000000000003")
    end = RunEnded(at_ms=5, status=RunStatus.SKIPPED, cause="singleton", existing_run_id=run_id(1))
    debounce = buffer_ref("k", kind=BufferKind.DEBOUNCE, function=OTHER_FUNCTION)
    await store.commit(
        owner,
        [
            Transition(runs=[a_run(1, event_ids=(event_id(8), event_id(9)))]),
            Transition(
                runs=[a_run(2, event=9)],
                journal=[an_entry(2, 0, end)],
                ended=[RunEnd(run_id(2), RunStatus.SKIPPED, 0, 1_014, 0)],
            ),
            Transition(
                buffers=[a_buffer(debounce, "d", events=2), a_buffer(buffer_ref("k"), "b")],
                buffered=[
                    a_buffered_event("d", 0, event=8),
                    a_buffered_event("d", 1, event=9),
                    a_buffered_event("b", 0, event=8),
                ],
            ),
            Transition(skips=[a_skip(9, function=third), a_skip(9), a_skip(8)]),
        ],
    )

    first, second, last = await reading.outcomes_of_event(event_id(9))

    assert [run.id for run in first.runs] == [run_id(1), run_id(2)]
    assert [run.batch_id for run in first.runs] == ["batch", ""]
    assert (first.runs[1].cause, first.runs[1].existing_run_id) == ("singleton", run_id(1))
    assert (first.function_id, first.skips, first.pending) == (FUNCTION, (a_skip(9),), ())
    held = PendingEvent(
        kind=BufferKind.DEBOUNCE,
        key="k",
        buffer_id="d",
        position=1,
        due_ms=1_018,
        deadline_ms=1_019,
        events=2,
    )
    assert second == EventOutcome(OTHER_FUNCTION, pending=(held,))
    assert last == EventOutcome(third, skips=(a_skip(9, function=third),))
    assert await reading.outcomes_of_event(event_id(1)) == []


async def test_the_queue_is_counted_by_lane_and_by_kind_of_timer(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    put = [
        msgspec.structs.replace(an_item(n, lane="s", score=-n), queued_ms=100 + n)
        for n in (2, 1, 3)
    ]
    put += [
        an_item(4),
        an_item(5, function=OTHER_FUNCTION),
        an_item(6, kind=ItemKind.SLEEP, due_ms=5),
        an_item(7, kind=ItemKind.TIMEOUT, due_ms=5),
        an_item(8, kind=ItemKind.SLEEP, due_ms=6),
        an_item(9, kind=ItemKind.CRON, function=OTHER_FUNCTION, due_ms=6),
    ]
    await store.commit(owner, [Transition(put=put)])

    numbers = await reading.queue_numbers()
    of_one = await reading.queue_numbers(FUNCTION)

    lanes = [LaneNumbers(FUNCTION, "c", 1, 1_005), LaneNumbers(FUNCTION, "s", 3, 101)]
    timers = [
        TimerNumbers(FUNCTION, ItemKind.SLEEP, 2),
        TimerNumbers(FUNCTION, ItemKind.TIMEOUT, 1),
    ]
    assert of_one == QueueNumbers(lanes, timers)
    assert numbers == QueueNumbers(
        [*lanes, LaneNumbers(OTHER_FUNCTION, "c", 1, 1_005)],
        [*timers, TimerNumbers(OTHER_FUNCTION, ItemKind.CRON, 1)],
    )


async def test_the_queues_of_all_partitions_are_read(open_store: OpenStore, place: Place) -> None:
    """Any node answers for all of them."""
    await (await open_store()).close()
    place.execute(ADD_PARTITIONS)
    store = await open_store()
    owner, reading = await join_alone(store), store.read_models()
    put = [an_item(1), an_item(2), an_item(3, function=OTHER_FUNCTION, due_ms=5)]
    await store.commit(owner, [Transition(put=put)], Seen(are_one=True))

    numbers = await reading.queue_numbers()
    ahead = await reading.items_ahead(FUNCTION, "c", score=put[1].score, item_id=put[1].id)

    assert [(lane.function_id, lane.items) for lane in numbers.lanes] == [(FUNCTION, 2)]
    assert [(timer.function_id, timer.items) for timer in numbers.timers] == [(OTHER_FUNCTION, 1)]
    assert ahead == 1
    for each in (reading, store):
        await each.close()


async def test_the_items_ahead_are_those_that_go_first(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    put = [an_item(n, score=n // 2) for n in range(1, 9)]
    put += [an_item(9, score=0, due_ms=5), an_item(10, score=0, lane="s")]
    await store.commit(owner, [Transition(put=put)])

    async def ahead(item: int, lane: str = "c") -> int:
        return await reading.items_ahead(FUNCTION, lane, score=item // 2, item_id=ItemId(item))

    assert [await ahead(n) for n in range(1, 10)] == [*range(8), 8]
    assert await ahead(100, "s") == 1


async def test_operations_are_listed_newest_first_in_pages(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    elsewhere = EnvironmentId("elsewhere")
    other = an_operation(4, function=OTHER_FUNCTION)
    mine = [an_operation(n) for n in (3, 2, 1)]
    cancel = an_operation(5, kind=OperationKind.CANCEL)
    foreign = an_operation(6, environment=elsewhere)
    await store.commit(owner, [Transition(operations=[*mine, other, cancel, foreign])])

    async def found(**changes: Any) -> list[Operation]:
        page = OperationsPage(ENVIRONMENT, OperationKind.REPLAY, 9)
        return await reading.operations(msgspec.structs.replace(page, **changes))

    assert await found() == [other, *mine]
    assert await found(limit=2) == [other, mine[0]]
    assert await found(before=mine[0].id) == mine[1:]
    assert await found(function_id=FUNCTION) == mine
    assert await found(kind=OperationKind.CANCEL) == [cancel]
    assert await reading.operation(ENVIRONMENT, cancel.id) == cancel
    assert await reading.operation(ENVIRONMENT, foreign.id) is None


async def test_an_answer_is_of_one_moment(tmp_path: Path) -> None:
    """A question that takes several statements does not see what is written between them."""
    store = await SqliteStore.open(tmp_path / "stepwell.db")
    owner, reading = await join_alone(store), store.read_models()
    loop = asyncio.get_running_loop()

    async def write() -> None:
        await store.commit(owner, [Transition(runs=[a_run(1)])])

    def question(queries: Queries) -> list[RunView | None]:
        before = queries.run(run_id(1))
        asyncio.run_coroutine_threadsafe(write(), loop).result(timeout=10)
        return [before, queries.run(run_id(1))]

    assert await reading._reading.run("moment", question) == [None, None]
    assert await reading.run(run_id(1)) == _view(RunStatus.SCHEDULED)
    await reading.close()
    await store.close()


async def test_closed_read_models_answer_that_they_are_closed(reading: ReadModels) -> None:
    await reading.run(run_id(1))
    await reading.close()
    await reading.close()

    with pytest.raises(StoreUnavailable, match="closed"):
        await reading.run(run_id(1))


async def test_a_failing_database_makes_an_answer_unavailable(
    place: Place, owner: Ownership, reading: ReadModels
) -> None:
    place.execute("DROP TABLE skips")

    with pytest.raises(StoreUnavailable, match="skips"):
        await reading.skips_of_event(event_id(1))


async def test_reading_uses_indexes(memory: sqlite3.Connection) -> None:
    """No question reads a whole table, however large it has become."""
    store = SqliteStore.in_memory(connection=memory)
    asked: list[str] = []
    memory.set_trace_callback(asked.append)
    reading = store.read_models()
    await reading.events(EventsPage(ENVIRONMENT, 9, name="shop/order", before=event_id(9)))
    await reading.event(ENVIRONMENT, event_id(1))
    await reading.runs_of_event(event_id(1))
    await reading.run(run_id(1))
    await reading.jobs(run_id(1), limit=9)
    await reading.skips_of_event(event_id(1))
    await reading.outcomes_of_event(event_id(1))
    await reading.items_ahead(FUNCTION, "c", score=1, item_id=ItemId(1))
    await reading.queue_numbers(FUNCTION)
    await reading.operation(ENVIRONMENT, OperationId("o"))
    memory.set_trace_callback(None)

    questions = [sql for sql in asked if sql.startswith("SELECT")]
    assert len(questions) == 13
    for sql in questions:
        plan = memory.execute(f"EXPLAIN QUERY PLAN {sql}").fetchall()
        scans = [step for *_, step in plan if step.startswith("SCAN")]
        # The lanes that were counted are gone through, one row each.
        assert [step for step in scans if step != "SCAN anon_1"] == [], (sql, plan)


async def test_synchronisations_of_apps_come_newest_first(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    failed = a_sync(3, status=SyncStatus.ERROR)
    await store.commit(owner, [Transition(syncs=[a_sync(1), a_sync(2, "bank"), failed])])

    found = await reading.syncs_of_apps([AppId("app-shop"), AppId("app-bank"), AppId("app-none")])

    assert found == {"app-shop": [failed, a_sync(1)], "app-bank": [a_sync(2, "bank")]}
