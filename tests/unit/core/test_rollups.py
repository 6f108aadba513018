"""What transitions add to the counts of their functions."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from stepwell.core.checkpointing import checkpoint
from stepwell.core.counted import (
    HOUR_MS,
    LATENCY_BOUNDS_MS,
    MINUTE_MS,
    WIDTH,
    Counted,
    Histogram,
    Span,
)
from stepwell.core.function import Function
from stepwell.core.granting import let_in
from stepwell.core.identity import EventId, FunctionId, ItemId
from stepwell.core.item_bodies import INVOCATION_TIMEOUT
from stepwell.core.journal import CallFacts
from stepwell.core.queue import ItemKind
from stepwell.core.rerun import RerunPlan, StepChoice, start_rerun
from stepwell.core.rollups import (
    Tally,
    decode_tally,
    encode_tally,
    merged,
    rollups_of,
    tally,
)
from stepwell.core.run import RunState
from stepwell.core.transition import (
    AnsweredCall,
    Skip,
    SkipReason,
    Transition,
    WaitedFor,
)
from stepwell.wire.config import EventTrigger, Singleton, SingletonMode, Timeouts
from stepwell.wire.opcodes import parse_opcodes
from stepwell.wire.response import CallFailed, FailureCode
from stepwell.wire.run_error import run_error
from tests.unit.core.admission_world import AdmissionWorld, limited
from tests.unit.core.core_world import START_MS, function, opcode
from tests.unit.core.rerun_world import planned
from tests.unit.core.test_endpoint import begun, report

F = FunctionId("id-of-f")
CHILD = FunctionId("id-of-child")
GO = EventTrigger(event="test/go")
MINUTE_START_MS = START_MS - START_MS % MINUTE_MS
LOST = CallFailed(
    error=run_error("Error", "lost"),
    output=b"{}",
    retryable=True,
    retry_at_ms=None,
    code=FailureCode.HTTP_UNREACHABLE,
)


class CountedWorld(AdmissionWorld):
    """Counts everything that is written."""

    def __init__(self, *functions: Function) -> None:
        self.counts: Tally = {}
        super().__init__(*functions)

    def absorb(self, transition: Transition, run: RunState | None = None) -> Transition:
        self.counts = merged([self.counts, tally([transition])])
        return super().absorb(transition, run)

    def of(self, function_id: FunctionId) -> dict[str, int]:
        """What was counted of a function, without durations and sizes."""
        total: Counter[int] = Counter()
        for (each, _), numbers in self.counts.items():
            if each == function_id:
                total.update(numbers)
        left_out = {Counted.DELAY_MS, Counted.CALL_MS, Counted.STEP_US, Counted.STEP_BYTES}
        return {
            Counted(place).name.lower(): number
            for place, number in sorted(total.items())
            if number and place < len(Counted) and place not in left_out
        }

    def open(self, function_id: FunctionId) -> dict[str, int]:
        """What has begun and not ended, by the counts."""
        found = Counter(self.of(function_id))
        calls = found["calls_scheduled"] - found["calls_dropped"]
        calls -= found["calls_succeeded"] + found["calls_errored"] + found["calls_failed"]
        return {
            "calls": calls,
            "sleeps": found["sleeps_begun"] - found["sleeps_ended"],
            "waits": found["waits_begun"] - found["waits_ended"],
            "invocations": found["invocations_begun"] - found["invocations_ended"],
        }

    def queued(self, function_id: FunctionId) -> dict[str, int]:
        """The same as the queue has it."""
        items = [item for item in self.items.values() if item.function_id == function_id]
        timeouts = [item for item in items if item.kind is ItemKind.TIMEOUT]
        invocations = sum(item.body == INVOCATION_TIMEOUT for item in timeouts)
        return {
            "calls": sum(item.kind.is_call for item in items),
            "sleeps": sum(item.kind is ItemKind.SLEEP for item in items),
            "waits": len(timeouts) - invocations,
            "invocations": invocations,
        }


class OneRun(CountedWorld):
    """A run of `f` that waits for its first call."""

    def __init__(self) -> None:
        child = function("child", EventTrigger(event="test/child"))
        super().__init__(function("f", GO), child)
        (self.run,) = self.send("test/go", {})


def step(name: str, **more: Any) -> dict[str, Any]:
    return opcode("StepRun", name, data=1, **more)


def sleep(name: str) -> dict[str, Any]:
    return opcode("Sleep", name, opts={"duration": "1m"})


def wait(name: str) -> dict[str, Any]:
    return opcode("WaitForEvent", name, opts={"event": "test/paid", "timeout": "1h"})


def signal(name: str) -> dict[str, Any]:
    return opcode("WaitForSignal", name, opts={"signal": "s", "timeout": "1h"})


def invoke(name: str) -> dict[str, Any]:
    options = {"function_id": "child", "payload": {"data": {}}, "timeout": "1h"}
    return opcode("InvokeFunction", name, opts=options)


def error(op: str = "StepError") -> dict[str, Any]:
    return opcode(op, "a", error={"name": "E", "message": "m"})


def _sleeps_and_wakes(world: OneRun) -> None:
    world.answer(world.run, sleep("a"))
    world.fire(world.run)


def _is_cancelled_asleep(world: OneRun) -> None:
    world.answer(world.run, sleep("a"), wait("b"), invoke("c"))
    world.cancel(world.run)


def _waits_and_is_satisfied(world: OneRun) -> None:
    world.answer(world.run, wait("a"))
    world.send("test/paid", {})


def _waits_for_a_signal_in_vain(world: OneRun) -> None:
    world.answer(world.run, signal("a"))
    world.fire(world.run)


def _plans_two_and_runs_one(world: OneRun) -> None:
    world.answer(world.run, opcode("StepPlanned", "a"), opcode("StepPlanned", "b"))
    world.answer_step(world.run, "a", step("a"))


def _ends_with_a_planned_step(world: OneRun) -> None:
    world.answer(world.run, opcode("StepPlanned", "a"), opcode("StepPlanned", "b"))
    world.answer_step(world.run, "a", opcode("RunComplete", "end", data=1))


def _sleeps_and_ends_in_one_answer(world: OneRun) -> None:
    world.answer(world.run, sleep("a"), opcode("RunComplete", "end", data=1))


STARTED = {"runs_scheduled": 1, "runs_started": 1}


def calls(number: int) -> dict[str, int]:
    return {"calls_started": number, "calls_succeeded": number}


@pytest.mark.parametrize(
    ("story", "counted"),
    [
        pytest.param(lambda _: None, {"runs_scheduled": 1, "calls_scheduled": 1}, id="queued"),
        pytest.param(
            lambda world: world.reply(world.run, 200, b"1"),
            STARTED | {"runs_completed": 1, "calls_scheduled": 1} | calls(1),
            id="completed",
        ),
        pytest.param(
            lambda world: world.answer(world.run, step("a")),
            STARTED | {"steps_completed": 1, "calls_scheduled": 2} | calls(1),
            id="step",
        ),
        pytest.param(
            lambda world: world.answer(world.run, error()),
            STARTED
            | {"steps_errored": 1, "calls_scheduled": 2, "calls_started": 1, "calls_errored": 1},
            id="attempt failed",
        ),
        pytest.param(
            lambda world: world.answer(world.run, error("StepFailed")),
            STARTED
            | {"steps_failed": 1, "calls_scheduled": 2, "calls_started": 1, "calls_failed": 1},
            id="step failed",
        ),
        pytest.param(
            lambda world: world.fails(world.run, LOST),
            STARTED | {"calls_scheduled": 2, "calls_started": 1, "calls_errored": 1},
            id="call lost",
        ),
        pytest.param(
            lambda world: world.fails(world.run, msgspec.structs.replace(LOST, retryable=False)),
            STARTED
            | {"runs_failed": 1, "calls_scheduled": 1, "calls_started": 1, "calls_failed": 1},
            id="run failed",
        ),
        pytest.param(
            lambda world: world.cancel(world.run),
            {
                "runs_scheduled": 1,
                "runs_cancelled": 1,
                "calls_scheduled": 1,
                "calls_dropped": 1,
            },
            id="cancelled before its start",
        ),
        pytest.param(
            _sleeps_and_wakes,
            STARTED
            | {"steps_completed": 1, "sleeps_begun": 1, "sleeps_ended": 1, "calls_scheduled": 2}
            | calls(1),
            id="sleep",
        ),
        pytest.param(
            _is_cancelled_asleep,
            STARTED
            | {
                "runs_cancelled": 1,
                "sleeps_begun": 1,
                "sleeps_ended": 1,
                "waits_begun": 1,
                "waits_ended": 1,
                "invocations_begun": 1,
                "invocations_ended": 1,
                "calls_scheduled": 1,
            }
            | calls(1),
            id="cancelled while it sleeps, waits and invokes",
        ),
        pytest.param(
            _waits_and_is_satisfied,
            STARTED
            | {"steps_completed": 1, "waits_begun": 1, "waits_ended": 1, "calls_scheduled": 2}
            | calls(1),
            id="wait satisfied",
        ),
        pytest.param(
            _waits_for_a_signal_in_vain,
            STARTED
            | {"steps_completed": 1, "waits_begun": 1, "waits_ended": 1, "calls_scheduled": 2}
            | calls(1),
            id="no signal",
        ),
        pytest.param(
            _plans_two_and_runs_one,
            STARTED | {"steps_completed": 1, "calls_scheduled": 3} | calls(2),
            id="parallel",
        ),
        pytest.param(
            _ends_with_a_planned_step,
            STARTED | {"runs_completed": 1, "calls_scheduled": 3, "calls_dropped": 1} | calls(2),
            id="ended beside a planned step",
        ),
        pytest.param(
            _sleeps_and_ends_in_one_answer,
            STARTED | {"runs_completed": 1, "calls_scheduled": 1} | calls(1),
            id="what one answer begins and ends was never written",
        ),
    ],
)
def test_each_thing_is_counted_once(
    story: Callable[[OneRun], Any], counted: dict[str, int]
) -> None:
    """And what is open by the counts is what stands in the queue."""
    world = OneRun()
    story(world)
    assert world.of(F) == counted
    assert world.open(F) == world.queued(F)


def test_what_an_event_starts_is_counted_for_the_function_that_is_started() -> None:
    world = OneRun()
    world.answer(world.run, invoke("a"))
    (child,) = (run for run in world.runs.values() if run.new.function_id == CHILD)
    world.reply(child, 200, b"1")
    world.resume()
    counted = STARTED | {"runs_completed": 1, "calls_scheduled": 1} | calls(1)
    assert world.of(CHILD) == counted
    assert world.of(F) == STARTED | calls(1) | {
        "steps_completed": 1,
        "invocations_begun": 1,
        "invocations_ended": 1,
        "calls_scheduled": 2,
    }
    assert world.open(F) == world.queued(F)


def test_a_call_that_only_stands_elsewhere_is_not_queued_again() -> None:
    world = OneRun()
    item = msgspec.structs.replace(world.call_of(world.run), lane="s")
    world.run.items[item.id] = item
    world.absorb(let_in(world.run, item, []), world.run)
    ops = parse_opcodes(msgspec.json.encode([step("a")]))
    saved = checkpoint(
        world.run,
        world.call_of(world.run),
        ops,
        call=CallFacts(START_MS, START_MS),
        world=world.world(),
        at=world.moment(),
    )
    assert isinstance(saved, Transition)
    world.absorb(saved, world.run)
    assert world.of(F) == STARTED | {"steps_completed": 1, "calls_scheduled": 1}


def test_what_a_rerun_takes_over_was_not_run_again() -> None:
    world = OneRun()
    world.answer(world.run, step("a"))
    world.answer(world.run, step("b"))
    before = Counter(world.of(F))
    plan = planned(world, world.run, StepChoice("b"))
    assert isinstance(plan, RerunPlan)
    transition = Transition()
    start_rerun(transition, plan, at=world.moment())
    world.absorb(transition)
    assert transition.journal
    assert Counter(world.of(F)) - before == {"runs_scheduled": 1, "calls_scheduled": 1}


@pytest.mark.parametrize("is_handed_over_at_once", [True, False])
def test_an_endpoint_that_reports_has_not_been_called(is_handed_over_at_once: bool) -> None:
    """Its resting item is a call that is queued, until the endpoint has handed over."""
    world = CountedWorld()
    if is_handed_over_at_once:
        _, run = begun(step("a"), sleep("b"), world=world)
    else:
        _, run = begun(step("a"), world=world)
        assert world.open(run.new.function_id) == world.queued(run.new.function_id)
        report(world, run, sleep("b"))
    counted = world.of(run.new.function_id)
    assert counted["runs_scheduled"] == counted["runs_started"] == counted["steps_completed"] == 1
    assert "calls_started" not in counted
    assert world.queued(run.new.function_id)["sleeps"] == 1
    assert world.open(run.new.function_id) == world.queued(run.new.function_id)


def test_runs_that_are_superseded_before_they_are_written_leave_nothing_open() -> None:
    singleton = Singleton(mode=SingletonMode.CANCEL)
    world = CountedWorld(limited(singleton=singleton, timeouts=Timeouts(start="5s")))
    for _ in range(3):
        world.post()
    world.decide()
    assert world.of(F) == {"runs_scheduled": 3, "runs_cancelled": 2, "calls_scheduled": 1}
    assert world.open(F) == world.queued(F)


def test_skipped_runs_were_never_scheduled() -> None:
    world = CountedWorld(limited(singleton=Singleton(mode=SingletonMode.SKIP)))
    for _ in range(3):
        world.post()
    world.decide()
    assert world.of(F) == {"runs_scheduled": 1, "runs_skipped": 2, "calls_scheduled": 1}


@pytest.mark.parametrize(
    ("reason", "counted"),
    [
        (SkipReason.RATE_LIMITED, Counted.EVENTS_RATE_LIMITED),
        (SkipReason.DEBOUNCED, Counted.EVENTS_DEBOUNCED),
        (SkipReason.DUPLICATE, Counted.EVENTS_DUPLICATE),
        (SkipReason.EXPRESSION_FAILED, Counted.EVENTS_REFUSED),
        (SkipReason.FUNCTION_GONE, Counted.EVENTS_REFUSED),
        (SkipReason.DEFECT, Counted.EVENTS_REFUSED),
        (SkipReason.CANCEL_CONDITION_INVALID, None),
    ],
)
def test_events_that_start_no_run_are_counted_by_reason(
    reason: SkipReason, counted: Counted | None
) -> None:
    skip = Skip(EventId("event"), F, reason, "", START_MS)
    expected = {} if counted is None else {(F, MINUTE_START_MS): {counted.value: 1}}
    assert tally([Transition(skips=[skip])]) == expected


def answered(**fields: Any) -> Tally:
    call = AnsweredCall(ItemId(1), START_MS, START_MS, START_MS, "success")
    call = msgspec.structs.replace(call, **fields)
    return tally([Transition(answered=[call], function_id=F)])


def test_a_call_counts_as_sent_when_it_was_sent_and_as_ended_when_it_was_answered() -> None:
    sent_ms, ended_ms = START_MS + 3 * MINUTE_MS, START_MS + 5 * MINUTE_MS
    counts = answered(sent_ms=sent_ms, ended_ms=ended_ms, end="errored")
    assert counts == {
        (F, MINUTE_START_MS + 3 * MINUTE_MS): {
            Counted.CALLS_STARTED: 1,
            Counted.DELAY_MS: 3 * MINUTE_MS,
            Histogram.DELAY + LATENCY_BOUNDS_MS.index(300_000): 1,
        },
        (F, MINUTE_START_MS + 5 * MINUTE_MS): {
            Counted.CALLS_ERRORED: 1,
            Counted.CALL_MS: 2 * MINUTE_MS,
            Histogram.CALL + LATENCY_BOUNDS_MS.index(300_000): 1,
        },
    }


@pytest.mark.parametrize(
    ("took_ms", "bucket"),
    [(0, 0), (10, 0), (11, 1), (300_000, 10), (300_001, 11), (-5, 0)],
)
def test_a_bucket_holds_what_takes_as_long_as_its_bound(took_ms: int, bucket: int) -> None:
    """Clocks may be set back: nothing takes less than no time."""
    ended_ms = START_MS + took_ms
    numbers = answered(ended_ms=ended_ms)[F, ended_ms - ended_ms % MINUTE_MS]
    assert numbers[Histogram.CALL + bucket] == 1
    assert numbers[Counted.CALL_MS] == max(0, took_ms)


@pytest.mark.parametrize(
    ("waited_for", "counted"),
    [
        (WaitedFor.NOTHING, {}),
        (WaitedFor.THROTTLE, {Counted.RUNS_THROTTLED: 1}),
        (WaitedFor.CONCURRENCY, {Counted.CALLS_LIMITED: 1}),
        (
            WaitedFor.THROTTLE | WaitedFor.CONCURRENCY,
            {Counted.RUNS_THROTTLED: 1, Counted.CALLS_LIMITED: 1},
        ),
    ],
)
def test_calls_that_had_to_wait_are_counted(waited_for: WaitedFor, counted: dict[int, int]) -> None:
    (numbers,) = answered(waited_for=waited_for).values()
    limits = {Counted.RUNS_THROTTLED, Counted.CALLS_LIMITED}
    assert {place: number for place, number in numbers.items() if place in limits} == counted


@pytest.mark.parametrize(
    ("took_ns", "bucket", "took_us"), [(1, 0, 0), (10_000_000, 0, 10_000), (10_000_001, 1, 10_000)]
)
def test_durations_that_the_sdk_measured_are_counted(
    took_ns: int, bucket: int, took_us: int
) -> None:
    world = OneRun()
    world.answer(world.run, step("a", timing={"a": 1, "b": took_ns}))
    (numbers,) = world.counts.values()
    assert (numbers[Histogram.STEP + bucket], numbers[Counted.STEP_US]) == (1, took_us)


def test_sizes_of_results_are_counted_and_a_step_that_was_not_measured_has_no_duration() -> None:
    world = OneRun()
    world.answer(world.run, step("a"))
    (numbers,) = world.counts.values()
    assert numbers[Counted.STEP_BYTES] == len(b'{"data":1}')
    assert Counted.STEP_US not in numbers


def test_a_minute_counts_in_its_hour_and_for_ever() -> None:
    first, second = MINUTE_START_MS, MINUTE_START_MS + MINUTE_MS
    hour_ms = MINUTE_START_MS - MINUTE_START_MS % HOUR_MS
    rows = rollups_of({(F, first): {0: 1, 5: 2}, (F, second): {0: 4}})
    assert rows == {
        (F, Span.MINUTE, first): {0: 1, 5: 2},
        (F, Span.MINUTE, second): {0: 4},
        (F, Span.HOUR, hour_ms): {0: 5, 5: 2},
        (F, Span.EVER, 0): {0: 5, 5: 2},
    }


def test_counts_are_stored_and_read_again() -> None:
    world = OneRun()
    world.answer(world.run, step("a"))
    assert decode_tally(encode_tally(world.counts)) == world.counts


def test_every_number_has_one_place_in_a_row() -> None:
    buckets = len(LATENCY_BOUNDS_MS) + 1
    places = [each.value for each in Counted]
    places += [start + bucket for start in Histogram for bucket in range(buckets)]
    assert places == list(range(WIDTH))
