"""Running again what ran before: from the beginning."""

import msgspec
import pytest

from stepwell.core.call import target_step
from stepwell.core.function import Function
from stepwell.core.identity import OperationId
from stepwell.core.journal import (
    RunEnded,
)
from stepwell.core.pause import NewRuns, Pause
from stepwell.core.queue import ItemKind
from stepwell.core.rerun import (
    RerunPlan,
    RerunRefused,
    plan_rerun,
    start_rerun,
)
from stepwell.core.scheduling import Origin, schedule
from stepwell.core.singleton import Seat
from stepwell.core.status import RunStatus
from stepwell.core.transition import Transition
from stepwell.core.trigger import TriggerEvent
from stepwell.wire.config import (
    Batch,
    ConcurrencyLimit,
    Debounce,
    EventTrigger,
    RateLimit,
)
from tests.unit.core.core_world import START_MS, CoreWorld, function, opcode, output_of
from tests.unit.core.rerun_world import (
    GO,
    ID,
    finished_three_steps,
    past_of,
    planned,
    rerun,
    started,
)

# From the beginning.


def test_a_rerun_is_a_new_run_for_the_same_event_linked_to_the_first_of_the_chain() -> None:
    world, run = finished_three_steps()
    again = rerun(world, run)
    third = rerun(world, again)

    assert again.new.id != run.new.id
    assert again.new.event_id == run.new.event_id
    assert again.events == run.events
    assert again.new.origin_run_id == third.new.origin_run_id == run.new.id
    assert not again.steps
    assert world.call_of(again).kind is ItemKind.START
    assert target_step(world.call_of(again)) == "step"
    world.reply(again, 200, b'"again"')
    assert output_of(world.entries_of(again)) == "again"


def test_a_run_that_is_live_or_was_skipped_can_be_run_again() -> None:
    world, live = started()
    again = rerun(world, live)
    skipped = rerun(world, again, seat=Seat("k", live.new.id))

    assert not live.is_ended
    assert not again.is_ended
    assert not rerun(world, skipped).is_ended


def test_limits_on_events_do_not_apply() -> None:
    """Nothing but the run is written: no claim, no buffer, no item of the admitter."""
    world, run = started()
    limited = function(
        "app-f",
        GO,
        rate_limit=RateLimit(limit=1, period="1h"),
        debounce=Debounce(period="1h"),
    )
    world.functions = type(world.functions)([limited])
    plan = planned(world, run)
    assert isinstance(plan, RerunPlan)
    transition = Transition()
    start_rerun(transition, plan, at=world.moment())

    assert [item.kind for item in transition.put] == [ItemKind.START]
    assert (transition.claims, transition.buffers, transition.limits) == ([], [], [])


def test_keys_are_evaluated_anew() -> None:
    world, run = started({"n": 7})
    assert run.new.lane == "c"
    keyed = function("app-f", GO, concurrency=(ConcurrencyLimit(limit=1, key="event.data.n"),))
    world.functions = type(world.functions)([keyed])

    assert '"7"' in rerun(world, run).new.lane


def test_a_batch_is_a_batch_again_with_all_its_events() -> None:
    batching = function("app-f", GO, batch=Batch(size_max=3, timeout="1h"))
    world = CoreWorld(function("other-f", EventTrigger(event="test/go")))
    for number in range(3):
        world.send("test/go", {"n": number})
    events = [TriggerEvent.stored(event) for event in world.events]
    world.functions = type(world.functions)([batching])
    transition = Transition()
    new = schedule(transition, batching, events, Origin(batch_id="first"), at=world.moment())
    world.absorb(transition)
    again = rerun(world, world.runs[new.id])

    assert again.new.event_ids == tuple(event.id for event in events)
    assert again.events == tuple(event.payload for event in events)
    assert again.new.batch_id not in {"", "first"}


def test_a_cron_run_is_run_again_with_its_cron() -> None:
    daily = function("app-f")
    world = CoreWorld(function("other-f", GO))
    world.send("test/go")
    world.functions = type(world.functions)([daily])
    transition = Transition()
    events = [TriggerEvent.stored(world.events[0])]
    new = schedule(transition, daily, events, Origin(cron="0 0 * * *"), at=world.moment())
    world.absorb(transition)

    assert rerun(world, world.runs[new.id]).new.cron == "0 0 * * *"


def test_the_parent_of_an_invoked_run_is_not_answered_again() -> None:
    child = function("app-child")
    world = CoreWorld(function("app-f", GO), child)
    (run,) = world.send("test/go")
    world.answer(run, opcode("InvokeFunction", "i", opts={"function_id": "app-child"}))
    (invoked,) = (r for r in world.runs.values() if r.new.function_id == child.id)
    again = rerun(world, invoked)
    before = dict(world.items)
    world.reply(again, 200, b"1")

    assert again.new.parent_run_id == ""
    assert not again.callers
    assert not [i for i in world.items.values() if i.id not in before and i.run_id == run.new.id]


def test_a_future_event_is_waited_for_as_by_the_first_run() -> None:
    world = CoreWorld(function("app-f", GO))
    (run,) = world.send("test/go", ts=START_MS + 5000)

    assert world.call_of(rerun(world, run)).due_ms == START_MS + 5000


def test_a_replay_is_noted() -> None:
    world, run = started()
    plan = plan_rerun(
        past_of(world, run),
        world.functions.get(run.new.function_id),
        replay_id=OperationId("replay"),
    )
    assert isinstance(plan, RerunPlan)
    transition = Transition()
    start_rerun(transition, plan, at=world.moment())

    assert transition.runs[0].replay_id == "replay"
    assert transition.runs[0].origin_run_id == run.new.id


# Pauses and singletons.


@pytest.mark.parametrize(("is_drain", "cause"), [(False, "paused"), (True, "drained")])
def test_a_function_that_skips_new_runs_skips_reruns(is_drain: bool, cause: str) -> None:
    world, run = started()
    paused = msgspec.structs.replace(
        function("app-f", GO), pause=Pause(START_MS, is_drain=is_drain)
    )
    world.functions = type(world.functions)([paused])
    again = rerun(world, run)

    assert again.status is RunStatus.SKIPPED
    (ended,) = world.entries_of(again)
    assert isinstance(ended, RunEnded)
    assert ended.cause == cause
    assert not world.calls_of(again)
    assert again.new.origin_run_id == run.new.id


def test_a_function_whose_new_runs_wait_gets_one_that_waits() -> None:
    world, run = started()
    paused = msgspec.structs.replace(
        function("app-f", GO), pause=Pause(START_MS, new_runs=NewRuns.WAIT)
    )
    world.functions = type(world.functions)([paused])

    assert world.call_of(rerun(world, run)).lane == "s"


def test_a_rerun_that_is_in_the_way_of_a_singleton_is_skipped() -> None:
    world, run = started()
    again = rerun(world, run, seat=Seat("k", holder=ID))
    (ended,) = world.entries_of(again)

    assert again.status is RunStatus.SKIPPED
    assert again.new.singleton == ""
    assert isinstance(ended, RunEnded)
    assert (ended.cause, ended.existing_run_id) == ("singleton", ID)


def test_a_rerun_takes_the_free_seat_of_a_singleton() -> None:
    world, run = started()

    assert rerun(world, run, seat=Seat("k")).new.singleton == "k"


# What cannot be run again.


@pytest.mark.parametrize("today", [None, msgspec.structs.replace(function("f"), archived=True)])
def test_a_function_that_is_gone_cannot_run_again(today: Function | None) -> None:
    world, run = started()

    assert plan_rerun(past_of(world, run), today) is RerunRefused.FUNCTION_GONE


def test_a_durable_endpoint_cannot_be_run_again() -> None:
    world, run = started()
    endpoint = msgspec.structs.replace(function("f"), endpoint_method="GET")

    assert plan_rerun(past_of(world, run), endpoint) is RerunRefused.ENDPOINT
