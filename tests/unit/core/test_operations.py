"""One page of a bulk operation: what happens to its runs, and how far the operation has come."""

from typing import Any

import msgspec
import pytest

from stepwell.core.identity import (
    DEFAULT_ENVIRONMENT_ID,
    AppId,
    FunctionId,
    ItemId,
    OperationId,
    RunId,
)
from stepwell.core.item_bodies import CancelBody, OperationBody
from stepwell.core.operation import Operation, OperationKind
from stepwell.core.operations import (
    Page,
    begin,
    cancel_page,
    counted,
    is_chosen,
    page_size,
    page_statuses,
    replay_page,
    runs_before_ms,
    skip_page,
    stop,
)
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.rerun import RerunPlan, plan_rerun
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.core.transition import StoredEvent
from tests.unit.core.core_world import START_MS, CoreWorld, function
from tests.unit.core.rerun_world import GO, past_of

FUNCTION = FunctionId("id-of-app-f")
ITEM = QueueItem(
    ItemId(10**9),
    ItemKind.OPERATION,
    FUNCTION,
    queued_ms=START_MS,
    body=OperationBody(OperationId("op")).encode(),
)


def an_operation(kind: OperationKind = OperationKind.CANCEL, **more: Any) -> Operation:
    more = {"created_ms": START_MS, "started_before_ms": START_MS} | more
    return Operation(
        OperationId("op"), kind, DEFAULT_ENVIRONMENT_ID, AppId("app"), FUNCTION, **more
    )


class Runs(CoreWorld):
    """Some runs of one function."""

    def __init__(self, *data: Any) -> None:
        super().__init__(function("app-f", GO))
        self.made: list[RunState] = []
        for each in data:
            self.made += self.send("test/go", each)

    @property
    def run_ids(self) -> list[RunId]:
        return [run.new.id for run in self.made]

    def page(self, operation: Operation, *, more: bool = False, item: QueueItem = ITEM) -> Page:
        events = {event.id: event for event in self.events}
        rows = [(run.new.id, run.status, events[run.new.event_id]) for run in self.made]
        return Page(operation, item, rows, more)

    def plans(self) -> dict[RunId, RerunPlan | None]:
        today = self.functions.get(FUNCTION)
        plans: dict[RunId, RerunPlan | None] = {}
        for run in self.made:
            plan = plan_rerun(past_of(self, run), today, replay_id=OperationId("op"))
            assert isinstance(plan, RerunPlan)
            plans[run.new.id] = plan
        return plans


# Beginning and ending.


def test_an_operation_begins_with_an_item_of_its_function() -> None:
    operation = an_operation()
    transition = begin(operation, at=CoreWorld().moment())
    (item,) = transition.put

    assert transition.operations == [operation]
    assert (item.kind, item.function_id, item.due_ms) == (ItemKind.OPERATION, FUNCTION, 0)
    assert OperationBody.decode(item.body).operation_id == "op"


def test_the_last_page_ends_it() -> None:
    runs = Runs({}, {})
    transition = cancel_page(runs.page(an_operation()), at=runs.moment())
    (operation,) = transition.operations

    assert operation.ended_ms == START_MS
    assert transition.done == [ITEM.id]
    assert (transition.renew, transition.renew_due) == ([], [])


def test_a_page_without_runs_ends_it() -> None:
    runs = Runs()
    transition = cancel_page(runs.page(an_operation()), at=runs.moment())

    assert transition.operations == [an_operation(ended_ms=START_MS)]


def test_after_a_full_page_the_same_item_stands_for_the_next_one() -> None:
    runs = Runs({}, {})
    transition = cancel_page(runs.page(an_operation(), more=True), at=runs.moment())
    (operation,) = transition.operations

    assert (operation.ended_ms, operation.after, operation.seen) == (0, runs.run_ids[-1], 2)
    assert transition.renew == [ITEM]
    assert (transition.done, transition.renew_due) == ([], [])


def test_an_operation_can_be_given_up() -> None:
    runs = Runs()
    transition = stop(an_operation(seen=3), ITEM, at=runs.moment())

    assert transition.operations == [an_operation(seen=3, ended_ms=START_MS)]
    assert transition.done == [ITEM.id]


def test_a_page_that_cannot_be_decided_about_is_left_alone() -> None:
    runs = Runs({}, {})
    transition = skip_page(runs.page(an_operation(), more=True), at=runs.moment())
    (operation,) = transition.operations

    assert (operation.after, operation.seen, operation.failed) == (runs.run_ids[-1], 2, 2)
    assert (transition.put, transition.runs) == ([], [])


# Which runs.


def test_live_runs_are_cancelled_and_ended_ones_replayed() -> None:
    live = {RunStatus.RUNNING, RunStatus.SCHEDULED}

    assert set(page_statuses(an_operation())) == live
    assert set(page_statuses(an_operation(OperationKind.REPLAY))) == set(RunStatus) - live


def test_statuses_that_do_not_fit_the_kind_are_left_out() -> None:
    wanted = (RunStatus.FAILED, RunStatus.RUNNING)

    assert page_statuses(an_operation(statuses=wanted)) == (RunStatus.RUNNING,)
    replay = an_operation(OperationKind.REPLAY, statuses=wanted)
    assert page_statuses(replay) == (RunStatus.FAILED,)


@pytest.mark.parametrize(
    ("kind", "before_ms", "bound_ms"),
    [
        (OperationKind.CANCEL, START_MS - 1, START_MS - 1),
        (OperationKind.CANCEL, START_MS + 4000, START_MS + 1),
        (OperationKind.REPLAY, START_MS - 1, START_MS - 1),
        (OperationKind.REPLAY, START_MS + 4000, START_MS),
    ],
)
def test_what_comes_after_the_operation_is_none_of_its_business(
    kind: OperationKind, before_ms: int, bound_ms: int
) -> None:
    assert runs_before_ms(an_operation(kind, started_before_ms=before_ms)) == bound_ms


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("", True),
        ("event.data.n == 1", True),
        ("event.data.n == 2", False),
        ("event.data.missing == 1", False),
        ("event.data.n", None),
        ("event.data.n / 0", None),
        ("not CEL at all", None),
    ],
)
def test_a_condition_holds_or_not_or_fails(condition: str, expected: bool | None) -> None:
    runs = Runs({"n": 1})
    event: StoredEvent = runs.events[0]

    assert is_chosen(an_operation(condition=condition), event, now_ms=START_MS) is expected


# Cancelling.


def test_runs_for_which_the_condition_holds_are_cancelled() -> None:
    runs = Runs({"n": 1}, {"n": 2}, {"n": "x"}, {"n": 3})
    operation = an_operation(condition="event.data.n < 3", cause="bulk")
    transition = cancel_page(runs.page(operation), at=runs.moment())
    (after,) = transition.operations

    assert [item.run_id for item in transition.put] == runs.run_ids[:2]
    assert {item.kind for item in transition.put} == {ItemKind.CANCEL}
    assert {item.function_id for item in transition.put} == {FUNCTION}
    assert CancelBody.decode(transition.put[0].body) == CancelBody("bulk")
    assert (after.seen, after.done, after.failed) == (4, 2, 1)


def test_what_was_queued_ends_the_runs() -> None:
    runs = Runs({}, {})
    runs.absorb(cancel_page(runs.page(an_operation()), at=runs.moment()))
    runs.resume()

    assert {run.status for run in runs.made} == {RunStatus.CANCELLED}


# Replaying.


def replay(**more: Any) -> Operation:
    return an_operation(OperationKind.REPLAY, **more)


def test_chosen_runs_are_started_once_more() -> None:
    runs = Runs({}, {}, {})
    plans = runs.plans()
    del plans[runs.run_ids[0]]
    transition = replay_page(runs.page(replay()), plans, at=runs.moment())
    (operation,) = transition.operations

    assert [new.origin_run_id for new in transition.runs] == runs.run_ids[1:]
    assert {new.replay_id for new in transition.runs} == {"op"}
    assert (operation.seen, operation.done, operation.failed) == (3, 2, 0)
    assert operation.after == runs.run_ids[-1]


def test_runs_that_cannot_be_run_again_are_counted() -> None:
    runs = Runs({}, {})
    plans = runs.plans() | {runs.run_ids[0]: None}
    transition = replay_page(runs.page(replay()), plans, at=runs.moment())
    (operation,) = transition.operations

    assert len(transition.runs) == 1
    assert (operation.seen, operation.done, operation.failed) == (2, 1, 1)


@pytest.mark.parametrize(("rate_per_s", "due_ms"), [(0, 0), (1, 2000), (3, 667), (100, 20)])
def test_after_a_page_the_next_one_waits_as_long_as_the_rate_asks(
    rate_per_s: int, due_ms: int
) -> None:
    runs = Runs({}, {})
    page = runs.page(replay(rate_per_s=rate_per_s), more=True)
    transition = replay_page(page, runs.plans(), at=runs.moment())

    following = msgspec.structs.replace(ITEM, due_ms=due_ms and START_MS + due_ms)
    assert transition.renew + transition.renew_due == [following]
    assert bool(transition.renew) is not bool(rate_per_s)


def test_a_page_of_which_nothing_is_replayed_does_not_use_up_time() -> None:
    runs = Runs({}, {})
    timer = msgspec.structs.replace(ITEM, due_ms=START_MS)
    page = runs.page(replay(rate_per_s=1), more=True, item=timer)
    transition = replay_page(page, {}, at=runs.moment())

    assert transition.renew_due == [ITEM]


@pytest.mark.parametrize(
    ("operation", "size"),
    [
        (an_operation(), 100),
        (replay(), 20),
        (replay(rate_per_s=1), 1),
        (replay(rate_per_s=20), 1),
        (replay(rate_per_s=100), 5),
        (replay(rate_per_s=10_000), 20),
    ],
)
def test_pages_are_small_and_smaller_with_a_low_rate(operation: Operation, size: int) -> None:
    assert page_size(operation) == size


@pytest.mark.parametrize("rate_per_s", [1, 7, 20, 55, 100])
def test_no_second_sees_much_more_than_the_rate(rate_per_s: int) -> None:
    """At most a page more in any second, and as many as asked for on average."""
    size = page_size(replay(rate_per_s=rate_per_s))
    runs = Runs(*[{}] * size)
    starts: list[int] = []
    while len(starts) < 3 * rate_per_s:
        page = runs.page(replay(rate_per_s=rate_per_s), more=True)
        transition = replay_page(page, runs.plans(), at=runs.moment())
        starts += [runs.now_ms] * len(transition.runs)
        (following,) = transition.renew_due
        runs.now_ms = following.due_ms
    busiest = max(sum(begin <= at < begin + 1000 for at in starts) for begin in starts)

    assert busiest <= rate_per_s + size
    assert runs.now_ms - START_MS < 3 * 1000 * 1.1 + 1000


def test_counting_keeps_the_place() -> None:
    operation = counted(counted(an_operation(), RunId("1"), True), RunId("2"), None)

    assert operation == an_operation(after="2", seen=2, done=1, failed=1)
