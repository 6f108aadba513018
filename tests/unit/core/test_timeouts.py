"""Function timeouts: in time, too late, and changed in between."""

from typing import Any

import msgspec
import pytest

from stepwell.core.function import Function, FunctionIndex
from stepwell.core.journal import RunEnded
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.core.timeouts import overdue, time_out
from stepwell.core.transition import Transition
from stepwell.wire.config import EventTrigger, Timeouts
from tests.unit.core.core_world import START_MS, CoreWorld, function, opcode

GO = EventTrigger(event="test/go")
BOTH = Timeouts(start="10s", finish="1m")


def declared(timeouts: Timeouts | None) -> Function:
    return function("app-f", GO, timeouts=timeouts)


def new_run(timeouts: Timeouts | None = BOTH) -> tuple[CoreWorld, RunState]:
    world = CoreWorld(declared(timeouts))
    (run,) = world.send("test/go")
    return world, run


def sleeping_run(timeouts: Timeouts | None = BOTH) -> tuple[CoreWorld, RunState]:
    """A run that was started a second after it was queued."""
    world, run = new_run(timeouts)
    world.now_ms += 1_000
    world.answer(run, opcode("Sleep", "nap") | {"name": "1h"})
    return world, run


def redeclare(world: CoreWorld, timeouts: Timeouts | None) -> None:
    world.functions = FunctionIndex([declared(timeouts)])


def timer(run: RunState, kind: ItemKind) -> QueueItem:
    (item,) = (item for item in run.items.values() if item.kind is kind)
    return item


def ring(world: CoreWorld, run: RunState, kind: ItemKind) -> Transition:
    """The timer's time has come."""
    item = timer(run, kind)
    world.now_ms = max(world.now_ms, item.due_ms)
    return world.absorb(time_out(run, item, world=world.world(), at=world.moment()), run)


def cause_of(world: CoreWorld, run: RunState) -> str:
    entry = world.entries_of(run)[-1]
    assert isinstance(entry, RunEnded)
    return entry.cause


def overdue_at(world: CoreWorld, run: RunState, now_ms: int) -> str | None:
    (current,) = world.functions
    return overdue(run, current, now_ms)


# Timers.


def test_a_run_that_has_not_started_in_time_is_cancelled() -> None:
    world, run = new_run()
    assert timer(run, ItemKind.START_TIMEOUT).due_ms == START_MS + 10_000

    ring(world, run, ItemKind.START_TIMEOUT)

    assert (run.status, cause_of(world, run)) == (RunStatus.CANCELLED, "start_timeout")
    assert "inngest/function.cancelled" in world.event_names()
    assert run.items == {}


def test_a_run_that_has_started_does_not_care_for_the_start() -> None:
    world, run = sleeping_run()
    transition = ring(world, run, ItemKind.START_TIMEOUT)

    assert transition == Transition(done=transition.done)
    assert run.status is RunStatus.RUNNING
    assert {item.kind for item in run.items.values()} == {ItemKind.SLEEP, ItemKind.FINISH_TIMEOUT}


def test_a_run_that_has_not_ended_in_time_is_cancelled() -> None:
    """Counted from its start; sleeping counts."""
    world, run = sleeping_run()
    assert timer(run, ItemKind.FINISH_TIMEOUT).due_ms == START_MS + 1_000 + 60_000

    ring(world, run, ItemKind.FINISH_TIMEOUT)

    assert (run.status, cause_of(world, run)) == (RunStatus.CANCELLED, "finish_timeout")
    assert run.items == {}


@pytest.mark.parametrize("timeouts", [None, Timeouts(), Timeouts(start="0s", finish="-5s")])
def test_a_timeout_that_is_not_declared_any_more_cancels_nothing(timeouts: Timeouts | None) -> None:
    world, run = new_run()
    redeclare(world, timeouts)
    ring(world, run, ItemKind.START_TIMEOUT)
    assert run.status is RunStatus.SCHEDULED

    world, run = sleeping_run()
    redeclare(world, timeouts)
    ring(world, run, ItemKind.FINISH_TIMEOUT)
    assert run.status is RunStatus.RUNNING


def test_a_timeout_that_is_longer_now_is_waited_out() -> None:
    world, run = new_run()
    redeclare(world, Timeouts(start="30s"))
    ring(world, run, ItemKind.START_TIMEOUT)
    assert timer(run, ItemKind.START_TIMEOUT).due_ms == START_MS + 30_000
    ring(world, run, ItemKind.START_TIMEOUT)
    assert cause_of(world, run) == "start_timeout"

    world, run = sleeping_run()
    redeclare(world, Timeouts(finish="2m"))
    ring(world, run, ItemKind.FINISH_TIMEOUT)
    assert timer(run, ItemKind.FINISH_TIMEOUT).due_ms == START_MS + 1_000 + 120_000
    ring(world, run, ItemKind.FINISH_TIMEOUT)
    assert cause_of(world, run) == "finish_timeout"


def test_the_timer_is_the_same_item_when_it_is_set_again() -> None:
    world, run = new_run()
    before = timer(run, ItemKind.START_TIMEOUT)
    redeclare(world, Timeouts(start="30s"))
    transition = ring(world, run, ItemKind.START_TIMEOUT)

    later = msgspec.structs.replace(before, due_ms=START_MS + 30_000)
    assert transition == Transition(renew_due=[later])


def test_a_caller_is_told_that_the_run_was_cancelled() -> None:
    parent = function("app-parent", EventTrigger(event="test/parent"))
    world = CoreWorld(parent, declared(BOTH))
    (caller,) = world.send("test/parent")
    invoke = opcode("InvokeFunction", "i", opts={"function_id": "app-f", "payload": {}})
    world.answer(caller, invoke)
    child = world.runs[world.new_runs[-1].id]
    ring(world, child, ItemKind.START_TIMEOUT)
    world.resume()

    (memo,) = caller.steps.values()
    assert msgspec.json.decode(memo)["error"]["name"] == "InvokedFunctionCancelled"


# The look before each request.


def test_before_a_request_it_is_seen_that_the_start_is_overdue() -> None:
    world, run = new_run()
    assert overdue_at(world, run, START_MS + 9_999) is None
    assert overdue_at(world, run, START_MS + 10_000) == "start_timeout"


def test_before_a_request_it_is_seen_that_the_end_is_overdue() -> None:
    world, run = sleeping_run()
    assert overdue_at(world, run, START_MS + 60_999) is None
    assert overdue_at(world, run, START_MS + 61_000) == "finish_timeout"


def test_a_timeout_that_was_declared_later_holds_as_well() -> None:
    world, run = sleeping_run(None)
    assert overdue_at(world, run, START_MS + 10**9) is None
    redeclare(world, Timeouts(finish="5s"))
    assert overdue_at(world, run, START_MS + 6_000) == "finish_timeout"


@pytest.mark.parametrize("timeouts", [None, Timeouts(), Timeouts(start="0s", finish="-1h")])
def test_without_timeouts_nothing_is_overdue(timeouts: Any) -> None:
    for world, run in (new_run(timeouts), sleeping_run(timeouts)):
        assert overdue_at(world, run, START_MS + 10**12) is None
