"""What is counted when transitions become durable and calls end."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from stepwell.core.function import FunctionIndex
from stepwell.core.identity import AppId, EnvironmentId, EventId, FunctionId, ItemId, RunId
from stepwell.core.journal import RunEnded, RunStarted
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.status import RunStatus
from stepwell.core.transition import (
    AnsweredCall,
    JournalRow,
    NewRun,
    RunEnd,
    RunStart,
    Skip,
    SkipReason,
    Transition,
)
from stepwell.engine.counts import NO_FUNCTION, CountedDriver, Counts
from stepwell.engine.driver import CallHandle, EndpointCall, SdkCall
from stepwell.wire.opcode import Opcode, OpName, StepErrorBody
from stepwell.wire.response import CallFailed, FunctionReturned, OpcodesReported, Outcome
from stepwell.wire.run_error import run_error
from tests.unit.core.core_world import function

F = FunctionId("id-of-f")
G = FunctionId("id-of-g")


def _new(run_id: str = "run-1", function_id: FunctionId = F) -> NewRun:
    return NewRun(
        RunId(run_id), EnvironmentId("e"), AppId("a"), function_id, 1, 1, 1, EventId("ev"), "name"
    )


def _item(kind: ItemKind = ItemKind.START, **more: Any) -> QueueItem:
    return QueueItem(ItemId(1), kind, F, RunId("run-1"), **more)


def _ended(status: RunStatus, cause: str = "") -> Transition:
    return Transition(
        journal=[
            JournalRow(RunId("run-1"), 0, RunStarted(1)),
            JournalRow(RunId("run-1"), 1, RunEnded(1, status, cause=cause)),
        ],
        ended=[RunEnd(RunId("run-1"), status, 1, 1, ended_seq=1)],
        function_id=F,
    )


def test_a_run_is_counted_when_it_is_created_started_and_ended() -> None:
    counts = Counts()
    started = Transition(
        journal=[JournalRow(RunId("run-1"), 0, RunStarted(1))],
        started=[RunStart(RunId("run-1"), 1)],
        function_id=F,
    )

    counts.observe(None, Transition(runs=[_new(), _new("run-2", G)], put=[_item()]))
    counts.observe(None, started)
    ended = _ended(RunStatus.COMPLETED)
    counts.observe(None, msgspec.structs.replace(ended, journal=ended.journal[1:]))

    of_f = counts.of(F)
    assert (of_f.scheduled, of_f.started, dict(of_f.ended)) == (1, 1, {RunStatus.COMPLETED: 1})
    assert (counts.of(G).scheduled, counts.of(G).started) == (1, 0)


def test_a_run_that_starts_and_ends_with_one_answer_is_started_once() -> None:
    counts = Counts()
    counts.observe(None, _ended(RunStatus.FAILED))

    assert (counts.of(F).started, counts.of(F).ended[RunStatus.FAILED]) == (1, 1)


@pytest.mark.parametrize("cause", ["singleton", "paused", "drained"])
def test_a_skipped_run_is_counted_by_its_cause_alone(cause: str) -> None:
    counts = Counts()
    skipped = _ended(RunStatus.SKIPPED, cause)
    counts.observe(
        None, msgspec.structs.replace(skipped, runs=[_new()], journal=skipped.journal[1:])
    )

    of_f = counts.of(F)
    assert (of_f.scheduled, dict(of_f.ended), dict(of_f.skipped)) == (0, {}, {cause: 1})


def test_events_that_start_no_run_are_counted_by_reason() -> None:
    counts = Counts()
    for reason in SkipReason:
        counts.observe(None, Transition(skips=[Skip(EventId("e"), F, reason, "", 1)]))

    assert set(counts.of(F).skipped) == set(SkipReason) - {SkipReason.CANCEL_CONDITION_INVALID}


ANSWERED = AnsweredCall(ItemId(1), 1_000, 1_500, 2_500, "success")


@pytest.mark.parametrize(
    ("transition", "scheduled"),
    [
        (Transition(put=[_item(), _item(ItemKind.STEP)]), 2),
        (Transition(put=[_item(ItemKind.SLEEP), _item(ItemKind.GATEWAY)]), 0),
        (Transition(renew=[_item(ItemKind.DISCOVER)], answered=[ANSWERED]), 1),
        (Transition(renew_due=[_item(attempt=1, due_ms=5)], answered=[ANSWERED]), 1),
        (Transition(renew_due=[_item()], closed=[_item(ItemKind.SLEEP)]), 1),
        (Transition(renew_due=[_item(attempt=1)]), 0),
        (Transition(renew=[_item(ItemKind.GATEWAY)], answered=[ANSWERED]), 0),
    ],
)
def test_calls_are_counted_when_they_are_queued(transition: Transition, scheduled: int) -> None:
    """Also when they are to be repeated, but not when only their place in the queue changes."""
    counts = Counts()
    counts.observe(None, transition)

    assert counts.of(F).requests_scheduled == scheduled


def test_it_is_counted_how_long_calls_took_and_waited() -> None:
    counts = Counts()
    counts.observe(None, Transition(answered=[ANSWERED], function_id=F))

    assert (counts.call_s.total, counts.delay_s.total) == (1.0, 0.5)
    assert sum(counts.call_s.buckets) == sum(counts.delay_s.buckets) == 1


class _Driver:
    """Answers when told to."""

    def __init__(self) -> None:
        self.done: Callable[[Outcome], None] | None = None

    def call(self, call: SdkCall, done: Callable[[Outcome], None]) -> CallHandle:
        self.done = done
        return self

    def cancel(self) -> None:
        raise AssertionError("nobody gives up")


def _call(url: str, endpoint: EndpointCall | None = None) -> SdkCall:
    return SdkCall(
        url=url,
        body=b"",
        run_id="run-1",
        step_id="step",
        job_id="1",
        request_id="r",
        request_version=1,
        attempt=0,
        endpoint=endpoint,
    )


def _failed(retryable: bool) -> Outcome:
    error = run_error("Error", "no")
    return CallFailed(error=error, output=b"null", retryable=retryable, code="x")


def _steps(op: OpName, *, no_retry: bool = False) -> Outcome:
    is_error = op in {OpName.STEP_ERROR, OpName.STEP_FAILED}
    error = StepErrorBody(name="Error", message="no") if is_error else None
    return OpcodesReported(ops=[Opcode(op=op, id="a", error=error)], no_retry=no_retry)


@pytest.mark.parametrize(
    ("outcome", "end"),
    [
        (FunctionReturned(output=b"1"), "success"),
        (_steps(OpName.STEP_RUN), "success"),
        (_steps(OpName.STEP_ERROR), "errored"),
        (_steps(OpName.STEP_ERROR, no_retry=True), "failed"),
        (_steps(OpName.STEP_FAILED), "failed"),
        (_failed(retryable=True), "errored"),
        (_failed(retryable=False), "failed"),
    ],
)
def test_calls_are_counted_when_they_are_made_and_when_they_end(outcome: Outcome, end: str) -> None:
    counts, driver, f = Counts(), _Driver(), function("f")
    told: list[Outcome] = []
    CountedDriver(driver, counts, lambda: FunctionIndex([function("g"), f])).call(
        _call(f.config.url), told.append
    )
    of_f = counts.of(F)
    assert (of_f.requests_started, dict(of_f.requests_ended)) == (1, {})

    assert driver.done is not None
    driver.done(outcome)

    assert (of_f.requests_started, dict(of_f.requests_ended)) == (1, {end: 1})
    assert told == [outcome]


def test_a_function_that_moves_keeps_its_numbers() -> None:
    counts, f = Counts(), function("f")
    moved = msgspec.structs.replace(f, config=msgspec.structs.replace(f.config, url="http://new"))
    functions = [f]
    driver = CountedDriver(_Driver(), counts, lambda: FunctionIndex(functions))
    driver.call(_call(f.config.url), lambda _: None)
    functions[:] = [moved]
    driver.call(_call("http://new"), lambda _: None)

    assert counts.of(F).requests_started == 2


def test_calls_of_durable_endpoints_are_counted_together() -> None:
    """Each has a URL of its own, so none of them may be remembered."""
    counts, f = Counts(), function("f")
    driver = CountedDriver(_Driver(), counts, lambda: FunctionIndex([f]))
    driver.call(_call(f.config.url, EndpointCall(method="GET")), lambda _: None)
    driver.call(_call("http://unknown"), lambda _: None)

    assert counts.of(NO_FUNCTION).requests_started == 2
    assert counts.of(F).requests_started == 0
