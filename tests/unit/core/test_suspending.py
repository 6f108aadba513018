"""Sleeps, waits, invocations and cancellation."""

from typing import Any

import msgspec
import pytest

from stepwell.core.journal import RunEnded, StepInvoking, StepResolved, StepWaiting
from stepwell.core.queue import ItemKind
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.wire.config import CancelOn, EventTrigger
from tests.unit.core.core_world import (
    START_MS,
    CoreWorld,
    function,
    opcode,
    output_of,
    step_id,
)

GO = EventTrigger(event="test/go")


def started(**options: Any) -> tuple[CoreWorld, RunState]:
    world = CoreWorld(function("app-f", GO, **options))
    (run,) = world.send("test/go", {"id": "7", "user": "u1"})
    return world, run


# Sleeping.


def test_a_sleep_ends_with_null_at_its_time() -> None:
    world, run = started()
    world.answer(run, opcode("Sleep", "nap") | {"name": "1h30m"})
    (item,) = run.items.values()
    assert (item.kind, item.due_ms) == (ItemKind.SLEEP, START_MS + 5_400_000)

    world.fire(run)
    assert run.steps[step_id("nap")] == b"null"
    assert world.call_of(run).kind is ItemKind.DISCOVER


def test_the_duration_may_stand_in_the_options() -> None:
    world, run = started()
    world.answer(run, opcode("Sleep", "nap", opts={"duration": "2s"}))
    assert next(iter(run.items.values())).due_ms == START_MS + 2_000


def test_a_sleep_until_a_past_time_ends_at_once() -> None:
    world, run = started()
    world.answer(run, opcode("Sleep", "nap") | {"name": "2001-01-01T00:00:00Z"})
    assert next(iter(run.items.values())).due_ms == START_MS


@pytest.mark.parametrize("text", ["366d", "8784h"])
def test_the_longest_sleep_is_allowed(text: str) -> None:
    world, run = started()
    world.answer(run, opcode("Sleep", "nap") | {"name": text})
    assert run.status is RunStatus.RUNNING


def test_a_longer_sleep_fails_the_run() -> None:
    world, run = started()
    world.answer(run, opcode("Sleep", "nap") | {"name": "400d"})
    assert run.status is RunStatus.FAILED
    error = output_of(world.entries_of(run))["error"]
    assert error["name"] == "InngestErrTimeoutTooLong"
    assert error["message"] == (
        'The sleep "400d" ends more than one year in the future; sleeps may last at most one year.'
    )


def test_an_unreadable_sleep_fails_the_run() -> None:
    world, run = started()
    world.answer(run, opcode("Sleep", "nap") | {"name": "soon"})
    assert run.status is RunStatus.FAILED


# Waiting for events.


def wait(name: str = "w", **opts: Any) -> dict[str, Any]:
    return opcode("WaitForEvent", name, opts={"event": "test/answer", "timeout": "1h"} | opts)


def test_a_matching_event_is_the_result_unwrapped() -> None:
    world, run = started()
    world.answer(run, wait(**{"if": "event.data.user == async.data.user"}))
    world.send("test/answer", {"user": "u1", "text": "yes"})

    memo = msgspec.json.decode(run.steps[step_id("w")])
    assert memo["name"] == "test/answer"
    assert memo["data"] == {"user": "u1", "text": "yes"}
    assert set(memo) >= {"id", "name", "data", "ts", "user"}
    assert world.call_of(run).kind is ItemKind.DISCOVER
    assert not world.waits
    assert len(run.items) == 1, "the timeout is gone"


def test_another_event_does_not_match() -> None:
    world, run = started()
    world.answer(run, wait(**{"if": "event.data.user == async.data.user"}))
    world.send("test/answer", {"user": "u2"})
    assert not run.steps


def test_only_the_first_of_two_matching_events_counts() -> None:
    world, run = started()
    world.answer(run, wait())
    world.send("test/answer", {"n": 1})
    world.send("test/answer", {"n": 2})
    assert msgspec.json.decode(run.steps[step_id("w")])["data"] == {"n": 1}


def test_a_wait_times_out_with_null() -> None:
    world, run = started()
    world.answer(run, wait())
    world.fire(run)
    assert run.steps[step_id("w")] == b"null"
    (resolved,) = (e for e in world.entries_of(run) if isinstance(e, StepResolved))
    assert resolved.timed_out
    assert not world.waits


def test_an_event_after_the_timeout_changes_nothing() -> None:
    world, run = started()
    world.answer(run, wait())
    world.fire(run)
    world.send("test/answer")
    assert run.steps[step_id("w")] == b"null"


def test_an_empty_timeout_expires_at_once() -> None:
    world, run = started()
    world.answer(run, wait(timeout=""))
    assert not world.waits
    assert next(iter(run.items.values())).due_ms == START_MS


def test_the_journal_shows_the_condition_as_written() -> None:
    world, run = started()
    world.answer(run, wait(**{"if": "event.data.user == async.data.user"}))
    (waiting,) = (e for e in world.entries_of(run) if isinstance(e, StepWaiting))
    assert waiting.condition == "event.data.user == async.data.user"
    assert waiting.expires_ms == START_MS + 3_600_000


def test_a_condition_that_does_not_compile_fails_the_run_at_once() -> None:
    world, run = started()
    world.answer(run, wait(**{"if": "event.data.user == "}))
    error = output_of(world.entries_of(run))["error"]
    assert error["name"] == "InvalidExpression"
    assert error["error"] == ("InvalidExpression: Wait for event If expression failed to compile")
    assert error["stack"]


def test_a_condition_that_fails_on_one_event_hinders_nobody() -> None:
    world, run = started()
    world.answer(
        run,
        wait("odd", **{"if": "async.data.n > 'text'"}),
        wait("plain"),
    )
    world.send("test/answer", {"n": 1})
    assert step_id("plain") in run.steps
    assert step_id("odd") not in run.steps


def test_a_timeout_above_a_year_fails_the_run() -> None:
    world, run = started()
    world.answer(run, wait(timeout="400d"))
    message = output_of(world.entries_of(run))["error"]["message"]
    assert message == (
        'The wait-for-event timeout "400d" expires more than one year in the future; '
        "timeouts may last at most one year."
    )


# Invoking.


def invoke(target: str, **opts: Any) -> dict[str, Any]:
    payload = {"data": {"n": 1}}
    return opcode("InvokeFunction", "call", opts={"function_id": target, "payload": payload} | opts)


def parent_and_child() -> tuple[CoreWorld, RunState, RunState]:
    world = CoreWorld(function("app-parent", GO), function("app-child", retries=0))
    (parent,) = world.send("test/go")
    world.answer(parent, invoke("app-child"))
    child = world.runs[world.new_runs[-1].id]
    return world, parent, child


def test_an_invoked_function_receives_the_payload() -> None:
    world, parent, child = parent_and_child()
    event = msgspec.json.decode(child.events[0])
    assert event["name"] == "inngest/function.invoked"
    assert event["data"]["n"] == 1
    assert event["data"]["_inngest"]["correlation_id"] == f"{parent.new.id}.{step_id('call')}"
    (invoking,) = (e for e in world.entries_of(parent) if isinstance(e, StepInvoking))
    assert invoking.run_id == child.new.id


def test_the_result_of_the_child_is_the_steps_result() -> None:
    world, parent, child = parent_and_child()
    world.reply(child, 200, b'{"sum":3}')
    world.resume()
    assert parent.steps[step_id("call")] == b'{"data":{"sum":3}}'
    assert len(parent.items) == 1, "the timeout is gone"
    finished = world.event("inngest/function.finished")["data"]
    assert finished["correlation_id"] == f"{parent.new.id}.{step_id('call')}"


def test_the_error_of_the_child_is_the_steps_error() -> None:
    world, parent, child = parent_and_child()
    world.reply(child, 500, b'{"name":"E","message":"no"}')
    world.resume()
    memo = msgspec.json.decode(parent.steps[step_id("call")])
    assert memo == {"error": {"error": "invalid status code: 500", "message": "no", "name": "E"}}


def test_a_cancelled_child_is_an_error_for_the_caller() -> None:
    world, parent, child = parent_and_child()
    world.cancel(child)
    world.resume()
    memo = msgspec.json.decode(parent.steps[step_id("call")])
    assert memo["error"]["name"] == "InvokedFunctionCancelled"


def test_an_invocation_times_out_with_an_error_and_the_child_goes_on() -> None:
    world, parent, child = parent_and_child()
    world.fire(parent)
    memo = msgspec.json.decode(parent.steps[step_id("call")])
    assert memo == {
        "error": {
            "error": "InngestInvokeTimeoutError: "
            "Timed out waiting for invoked function to complete",
            "message": "Timed out waiting for invoked function to complete",
            "name": "InngestInvokeTimeoutError",
        }
    }
    assert not child.is_ended

    world.reply(child, 200, b"1")
    world.resume()
    assert msgspec.json.decode(parent.steps[step_id("call")]) == memo


def test_an_unknown_function_is_an_error_of_the_step() -> None:
    world, run = started()
    world.answer(run, invoke("app-missing"))
    memo = msgspec.json.decode(run.steps[step_id("call")])
    assert memo["error"]["message"] == "could not find function with ID: app-missing"
    assert world.call_of(run).kind is ItemKind.DISCOVER


def test_an_invocation_without_payload_is_an_empty_one() -> None:
    world = CoreWorld(function("app-parent", GO), function("app-child"))
    (parent,) = world.send("test/go")
    world.answer(parent, opcode("InvokeFunction", "call", opts={"function_id": "app-child"}))
    child = world.runs[world.new_runs[-1].id]
    assert set(msgspec.json.decode(child.events[0])["data"]) == {"_inngest"}


# Cancelling.


def test_cancelling_ends_the_run_and_leaves_nothing_behind() -> None:
    world, run = started()
    world.answer(run, wait())
    world.cancel(run)

    assert run.status is RunStatus.CANCELLED
    assert not world.items
    assert not world.waits
    ended = world.entries_of(run)[-1]
    assert isinstance(ended, RunEnded)
    assert (ended.cause, bytes(ended.output)) == ("api", b"")
    names = world.event_names()
    assert names[-2:] == ["inngest/function.finished", "inngest/function.cancelled"]
    data = world.event("inngest/function.cancelled")["data"]
    assert "result" not in data
    assert data["_inngest"] == {"status": "Cancelled"}
    assert world.event("inngest/function.cancelled")["id"] == run.new.id


def cancel_on(condition: str | None = None, timeout: str | None = None) -> tuple[CancelOn, ...]:
    return (CancelOn(event="test/stop", condition=condition, timeout=timeout),)


def test_a_matching_event_cancels_the_run() -> None:
    world, run = started(cancel=cancel_on("event.data.id == async.data.id"))
    world.send("test/stop", {"id": "8"})
    assert not run.is_ended
    world.send("test/stop", {"id": "7"})
    assert run.status is RunStatus.CANCELLED
    ended = world.entries_of(run)[-1]
    assert isinstance(ended, RunEnded)
    assert ended.cause == "event"
    assert ended.event_id


def test_an_event_after_the_time_limit_does_not_cancel() -> None:
    world, run = started(cancel=cancel_on(timeout="1h"))
    world.now_ms += 3_600_000
    world.send("test/stop")
    assert not run.is_ended


def test_the_event_that_started_a_run_does_not_cancel_it() -> None:
    stop = EventTrigger(event="test/stop")
    world = CoreWorld(function("app-f", stop, cancel=cancel_on()))
    (first,) = world.send("test/stop")
    (second,) = world.send("test/stop")
    assert first.status is RunStatus.CANCELLED
    assert not second.is_ended


def test_the_answer_of_a_cancelled_run_starts_nothing() -> None:
    world, run = started()
    world.cancel(run)
    assert run.items == {}
    assert not world.items
