"""The classic tree: names, order, statuses and attempts that the SDKs' suites look at by position.

Trees are drawn one node per line: name, status, kind, attempt, and a star if there is an output.
"""

import msgspec
import pytest

from stepwell.core.queue import ItemKind
from stepwell.core.status import RunStatus
from stepwell.core.steps.requested import RequestFailed, RequestReply
from stepwell.core.trace.classic import classic_tree
from stepwell.core.trace.span import (
    InvokeInfo,
    RunInfo,
    SignalInfo,
    SleepInfo,
    SpanStatus,
    WaitInfo,
)
from stepwell.core.trace_ids import root_span_id, trace_id
from stepwell.wire.response import output_too_large
from tests.unit.core.core_world import START_MS, function, opcode, step_id
from tests.unit.core.trace.trace_world import (
    ERROR,
    SLUG,
    TICK_MS,
    begun,
    brought,
    child_of,
    classic,
    drawn,
    history,
    walk,
)

NAP = opcode("Sleep", "nap", opts={"duration": "2s"})
WAIT = opcode("WaitForEvent", "wait", opts={"event": "t/answer", "timeout": "1m"})
SIGNAL = opcode("WaitForSignal", "sig", opts={"signal": "s", "timeout": "1m"})
CALL = opcode("InvokeFunction", "call", opts={"function_id": "app-child", "timeout": "1m"})
INFER = opcode("AIGateway", "ask", opts={"url": "https://ai.test/v1", "format": "openai"})
FAIL = opcode("StepError", "a", error=ERROR)
RAN = opcode("StepRun", "a", data="x")


# The root.


def test_there_is_no_tree_before_the_first_call() -> None:
    world, run = begun()
    assert classic_tree(history(world, run)) is None


def test_the_root_stands_for_the_run() -> None:
    world, run = begun()
    world.answer(run, RAN)
    root = classic(world, run)

    assert (root.name, root.status, root.attempt, root.is_root) == (SLUG, "RUNNING", 0, True)
    assert (root.span_id, root.trace_id) == (root_span_id(run.new.id), trace_id(run.new.id))
    assert (root.parent_span_id, root.step_op, root.output_id) == (None, None, None)
    assert (root.queued_ms, root.started_ms, root.ended_ms) == (START_MS, START_MS + TICK_MS, None)


def test_a_run_that_was_cancelled_before_its_start_has_a_root_that_started() -> None:
    """Suites that look for timeouts demand a tree, and a start, of every cancelled run."""
    world, run = begun()
    world.cancel(run)
    root = classic(world, run)

    assert (root.status, root.children) == (SpanStatus.CANCELLED, ())
    assert root.started_ms == root.ended_ms == START_MS + TICK_MS


@pytest.mark.parametrize("status", [200, 500])
def test_the_root_ends_with_the_run_and_has_its_last_output(status: int) -> None:
    world, run = begun(retries=0)
    world.answer(run, RAN)
    world.reply(run, status, b'{"message":"m"}')
    root = classic(world, run)

    assert root.status is (SpanStatus.COMPLETED if status == 200 else SpanStatus.FAILED)
    assert root.duration_ms == 2 * TICK_MS
    assert root.ended_ms == world.now_ms
    assert root.output_id == root.children[-1].output_id


def test_every_node_below_the_root_names_it_as_its_parent() -> None:
    world, run = begun()
    world.answer(run, FAIL)
    world.answer(run, RAN)
    root, *others = walk(classic(world, run))

    assert len(others) == 4
    assert {node.parent_span_id for node in others} == {root.span_id}


# Nodes of the function itself.


def test_a_first_call_under_way_is_an_execution() -> None:
    world, run = begun()
    world.answer(run, RAN)
    calling = [world.call_of(run)]

    assert drawn(classic(world, run, calling=calling)) == [
        "a COMPLETED RUN 0 *",
        "execute RUNNING - 0",
        "  Attempt 0 RUNNING - 0",
    ]


def test_after_a_step_the_next_call_is_queued() -> None:
    world, run = begun()
    world.answer(run, RAN)
    assert drawn(classic(world, run)) == ["a COMPLETED RUN 0 *", "Queued step QUEUED - 0"]


def test_a_result_is_a_success() -> None:
    world, run = begun()
    world.reply(run, 200, b"1")
    assert drawn(classic(world, run)) == ["function success COMPLETED - 0 *"]


def test_an_error_without_retries_is_a_function_error_with_one_attempt() -> None:
    world, run = begun(retries=0)
    world.reply(run, 500, msgspec.json.encode(ERROR))
    assert drawn(classic(world, run)) == [
        "function error FAILED - 0 *",
        "  Attempt 0 FAILED - 0 *",
    ]


def test_an_oversized_response_shows_its_code_in_the_stack() -> None:
    """A suite looks for the quoted code in the stack of the only attempt."""
    world, run = begun(retries=0)
    world.fails(run, output_too_large())
    (node,) = classic(world, run).children
    (attempt,) = node.children

    error = brought(world, run, attempt).error
    assert error is not None
    assert error.message == ""
    assert '"output_too_large"' in (error.stack or "")


def test_an_error_is_retried_until_the_attempts_are_used_up() -> None:
    world, run = begun(retries=1)
    world.reply(run, 500, msgspec.json.encode(ERROR))
    tree = classic(world, run)
    assert drawn(tree) == [
        "execute RUNNING - 0",
        "  Attempt 0 FAILED - 0 *",
        "  Attempt 1 QUEUED - 1",
    ]
    assert tree.children[0].span_id.startswith("exec-")
    assert tree.children[0].children[1].span_id == "queued"

    assert drawn(classic(world, run, calling=[world.call_of(run)])) == [
        "execute RUNNING - 1",
        "  Attempt 0 FAILED - 0 *",
        "  Attempt 1 RUNNING - 1",
    ]
    world.reply(run, 500, msgspec.json.encode(ERROR))
    assert drawn(classic(world, run)) == [
        "execute FAILED - 2 *",
        "  Attempt 0 FAILED - 0 *",
        "  Attempt 1 FAILED - 1 *",
    ]


def test_a_success_after_an_error_shows_both_attempts() -> None:
    world, run = begun()
    world.reply(run, 500, msgspec.json.encode(ERROR))
    world.reply(run, 200, b"1")
    assert drawn(classic(world, run)) == [
        "function success COMPLETED - 1 *",
        "  Attempt 0 FAILED - 0 *",
        "  Attempt 1 COMPLETED - 1",
    ]


def test_an_answer_that_ends_the_run_at_once_is_a_function_error() -> None:
    world, run = begun()
    world.answer(run, opcode("Sleep", "nap", opts={"duration": "400d"}))
    assert drawn(classic(world, run)) == [
        "function error FAILED - 0 *",
        "  Attempt 0 FAILED - 0 *",
    ]


def test_what_ends_a_run_between_two_calls_is_a_function_error() -> None:
    world, run = begun()
    world.answer(run, SIGNAL)
    world.break_off(run, "sig")
    assert drawn(classic(world, run))[1:] == [
        "function error FAILED - 0 *",
        "  Attempt 0 FAILED - 0 *",
    ]


# Steps that the app runs.


def test_a_step_is_a_leaf() -> None:
    world, run = begun()
    world.answer(run, opcode("StepRun", "a", data="x", opts={"type": "step.sendEvent"}))
    (node, _) = classic(world, run).children

    assert (node.name, node.status, node.step_op, node.attempt) == ("a", "COMPLETED", "RUN", 0)
    assert (node.step, node.step_info) == (step_id("a"), RunInfo("step.sendEvent"))
    assert (node.step_type, node.scheduled_ms, node.group_id) == ("", None, None)
    assert brought(world, run, node).data == b'"x"'


def test_a_step_without_a_kind_has_no_info() -> None:
    world, run = begun()
    world.answer(run, RAN)
    assert classic(world, run).children[0].step_info is None


def test_a_failed_step_is_running_until_its_attempts_are_used_up() -> None:
    world, run = begun(retries=1)
    world.answer(run, FAIL)
    tree = classic(world, run)
    assert drawn(tree) == [
        "a RUNNING RUN 0",
        "  Attempt 0 FAILED RUN 0 *",
        "  Attempt 1 QUEUED - 1",
    ]
    assert tree.children[0].span_id.startswith("steprun-")

    assert drawn(classic(world, run, calling=[world.call_of(run)])) == [
        "a RUNNING RUN 1",
        "  Attempt 0 FAILED RUN 0 *",
        "  Attempt 1 RUNNING RUN 1",
    ]
    world.answer(run, FAIL)
    assert drawn(classic(world, run)) == [
        "a FAILED RUN 2 *",
        "  Attempt 0 FAILED RUN 0 *",
        "  Attempt 1 FAILED RUN 1 *",
        "Queued step QUEUED - 0",
    ]


def test_a_step_that_succeeds_after_failures_keeps_them() -> None:
    world, run = begun()
    world.answer(run, FAIL)
    world.answer(run, FAIL)
    world.answer(run, RAN)
    world.reply(run, 500, b"{}")
    world.reply(run, 200, b"1")
    assert drawn(classic(world, run)) == [
        "a COMPLETED RUN 2 *",
        "  Attempt 0 FAILED RUN 0 *",
        "  Attempt 1 FAILED RUN 1 *",
        "  Attempt 2 COMPLETED RUN 2 *",
        "function success COMPLETED - 1 *",
        "  Attempt 0 FAILED - 0 *",
        "  Attempt 1 COMPLETED - 1",
    ]


def test_a_step_that_may_not_be_retried_has_failed() -> None:
    """In the reference it looks like one that will be retried."""
    world, run = begun()
    world.answer(run, opcode("StepFailed", "a", error=ERROR))
    assert drawn(classic(world, run))[:2] == ["a FAILED RUN 1 *", "  Attempt 0 FAILED RUN 0 *"]


def test_parallel_steps_are_shown_once_they_run() -> None:
    world, run = begun()
    world.answer(run, opcode("StepPlanned", "a"), opcode("StepPlanned", "b"))
    assert drawn(classic(world, run)) == ["Queued step QUEUED - 0"]

    calls = world.calls_of(run)
    assert drawn(classic(world, run, calling=calls)) == [
        "a RUNNING RUN 0",
        "  Attempt 0 RUNNING RUN 0",
        "b RUNNING RUN 0",
        "  Attempt 0 RUNNING RUN 0",
    ]
    world.answer_step(run, "b", opcode("StepRun", "b", data=2))
    world.answer_step(run, "a", opcode("StepRun", "a", data=1))
    world.answer(run, opcode("StepRun", "c", data=3))
    world.reply(run, 200, b"1")
    assert drawn(classic(world, run)) == [
        "b COMPLETED RUN 0 *",
        "a COMPLETED RUN 0 *",
        "c COMPLETED RUN 0 *",
        "function success COMPLETED - 0 *",
    ]


def test_checkpointed_steps_are_leaves_before_the_result() -> None:
    """The reference does not show them at all."""
    world, run = begun()
    for name in "ab":
        world.checkpoint(run, opcode("StepRun", name, data=name))
    assert drawn(classic(world, run, calling=[world.call_of(run)])) == [
        "a COMPLETED RUN 0 *",
        "b COMPLETED RUN 0 *",
        "execute RUNNING - 0",
        "  Attempt 0 RUNNING - 0",
    ]

    world.reply(run, 200, b"1")
    assert drawn(classic(world, run)) == [
        "a COMPLETED RUN 0 *",
        "b COMPLETED RUN 0 *",
        "function success COMPLETED - 0 *",
    ]


def test_results_that_come_together_are_leaves() -> None:
    world, run = begun()
    world.answer(
        run, RAN, opcode("StepRun", "b", data=2), {"op": "RunComplete", "id": "x", "data": 3}
    )
    assert drawn(classic(world, run)) == [
        "a COMPLETED RUN 0 *",
        "b COMPLETED RUN 0 *",
        "function success COMPLETED - 0 *",
    ]


# Steps that wait.


def test_a_sleep_runs_and_is_over() -> None:
    world, run = begun()
    world.answer(run, NAP)
    tree = classic(world, run)
    assert drawn(tree) == ["nap RUNNING SLEEP 0", "  Attempt 0 RUNNING SLEEP 0"]
    assert tree.children[0].duration_ms == 2_000
    assert tree.children[0].step_info == SleepInfo(world.now_ms + 2_000)

    until_ms = world.now_ms + 2_000
    world.fire(run)
    node = classic(world, run).children[0]
    assert (node.status, node.output_id, node.children) == (SpanStatus.COMPLETED, None, ())
    assert (node.duration_ms, node.ended_ms) == (2_000, until_ms)


def test_a_sleep_after_a_failed_call_has_both_as_attempts() -> None:
    world, run = begun()
    world.reply(run, 500, b"{}")
    world.answer(run, NAP)
    world.fire(run)
    world.reply(run, 200, b"1")
    tree = classic(world, run)
    assert drawn(tree) == [
        "nap COMPLETED SLEEP 0",
        "  Attempt 0 FAILED - 0 *",
        "  Attempt 1 COMPLETED SLEEP 1",
        "function success COMPLETED - 0 *",
    ]


def test_a_wait_is_waiting() -> None:
    world, run = begun()
    world.answer(run, WAIT)
    (node,) = classic(world, run).children
    assert (node.status, node.attempt, node.ended_ms) == (SpanStatus.WAITING, 0, None)
    assert (node.output_id, node.children) == (None, ())
    assert node.step_info == WaitInfo("t/answer", None, world.now_ms + 60_000)


def test_a_matched_wait_brings_the_event() -> None:
    world, run = begun()
    world.answer(run, WAIT)
    world.now_ms += TICK_MS
    world.send("t/answer", {"ok": 1})
    node = classic(world, run).children[0]
    event = [event for event in world.events if event.name == "t/answer"][-1]

    assert node.status is SpanStatus.COMPLETED
    assert isinstance(node.step_info, WaitInfo)
    assert (node.step_info.found_event_id, node.step_info.timed_out) == (event.id, False)
    assert brought(world, run, node).data == event.payload


def test_a_wait_that_times_out_has_completed_without_output() -> None:
    world, run = begun()
    world.answer(run, WAIT)
    world.fire(run)
    node = classic(world, run).children[0]
    assert (node.status, node.output_id) == (SpanStatus.COMPLETED, None)
    assert isinstance(node.step_info, WaitInfo)
    assert (node.step_info.found_event_id, node.step_info.timed_out) == (None, True)


def test_a_wait_after_a_failed_call_is_the_only_child() -> None:
    """A suite finds the wait among the attempts of the only node while it waits."""
    world, run = begun()
    world.reply(run, 500, b"{}")
    assert drawn(classic(world, run)) == [
        "execute RUNNING - 0",
        "  Attempt 0 FAILED - 0 *",
        "  Attempt 1 QUEUED - 1",
    ]
    world.answer(run, WAIT)
    assert drawn(classic(world, run)) == [
        "wait WAITING WAIT_FOR_EVENT 0",
        "  Attempt 0 FAILED - 0 *",
        "  Attempt 1 WAITING WAIT_FOR_EVENT 1",
    ]
    world.now_ms += TICK_MS
    world.send("t/answer")
    assert drawn(classic(world, run))[:3] == [
        "wait COMPLETED WAIT_FOR_EVENT 0 *",
        "  Attempt 0 FAILED - 0 *",
        "  Attempt 1 COMPLETED WAIT_FOR_EVENT 1",
    ]


@pytest.mark.parametrize("status", [200, 500])
def test_an_invocation_ends_as_the_run_it_started(status: int) -> None:
    world, run = begun(function("app-child", retries=0))
    world.answer(run, CALL)
    (node,) = classic(world, run).children
    assert (node.status, node.output_id, node.children) == (SpanStatus.RUNNING, None, ())

    child = child_of(world, run, "call")
    world.reply(child, status, b'{"message":"m"}')
    world.resume()
    node = classic(world, run).children[0]
    (finished,) = (e for e in world.events if e.name == "inngest/function.finished")
    assert node.status is (SpanStatus.COMPLETED if status == 200 else SpanStatus.FAILED)
    assert isinstance(node.step_info, InvokeInfo)
    assert node.step_info.function_id == "app-child"
    assert node.step_info.run_id == child.new.id
    assert node.step_info.return_event_id == finished.id
    assert node.step_info.timed_out is False
    output = brought(world, run, node)
    if status == 200:
        assert output.data == b'{"data":{"message":"m"}}'
    else:
        assert output.error is not None
        assert output.error.message == "m"


def test_an_invocation_that_times_out_has_failed() -> None:
    world, run = begun(function("app-child"))
    world.answer(run, CALL)
    world.fire(run)
    node = classic(world, run).children[0]

    assert node.status is SpanStatus.FAILED
    assert isinstance(node.step_info, InvokeInfo)
    assert (node.step_info.return_event_id, node.step_info.run_id) == (None, None)
    assert node.step_info.timed_out is True
    error = brought(world, run, node).error
    assert error is not None
    assert error.name == "InngestInvokeTimeoutError"
    assert "Timed out waiting for invoked function to complete" in error.message


def test_an_invocation_of_nothing_has_failed() -> None:
    world, run = begun()
    world.answer(run, opcode("InvokeFunction", "call", opts={"function_id": "app-none"}))
    node = classic(world, run).children[0]
    error = brought(world, run, node).error

    assert (node.status, node.step_op, node.step_info) == (SpanStatus.FAILED, "INVOKE", None)
    assert error is not None
    assert "could not find function" in error.message


def test_a_wait_for_a_signal_waits_and_is_over() -> None:
    world, run = begun()
    world.answer(run, SIGNAL)
    assert drawn(classic(world, run)) == ["sig WAITING WAIT_FOR_SIGNAL 0"]
    world.fire(run)
    node = classic(world, run).children[0]
    assert (node.status, node.output_id) == (SpanStatus.COMPLETED, None)
    assert isinstance(node.step_info, SignalInfo)
    assert node.step_info.timed_out is True


def test_a_request_of_the_server_is_shown_as_a_step_with_attempts() -> None:
    world, run = begun()
    world.answer(run, INFER)
    assert drawn(classic(world, run)) == [
        "ask RUNNING AI_GATEWAY 0",
        "  Attempt 0 RUNNING AI_GATEWAY 0",
    ]
    world.request(run, RequestFailed("unreachable"))
    assert drawn(classic(world, run)) == [
        "ask RUNNING AI_GATEWAY 0",
        "  Attempt 0 FAILED AI_GATEWAY 0 *",
        "  Attempt 1 QUEUED AI_GATEWAY 1",
    ]
    world.answer(run, INFER)
    world.request(run, RequestReply(200, {}, b'{"said":1}', "https://ai.test/v1"))
    assert drawn(classic(world, run)) == [
        "ask COMPLETED AI_GATEWAY 1 *",
        "  Attempt 0 FAILED AI_GATEWAY 0 *",
        "  Attempt 1 COMPLETED AI_GATEWAY 1 *",
        "Queued step QUEUED - 0",
    ]


# Whole runs.


def test_the_children_of_a_run_stand_in_the_order_in_which_they_were_done() -> None:
    """The suite of the Go SDK looks at each of them by position."""
    world, run = begun()
    world.answer(run, opcode("StepRun", "1", data="one"))
    world.answer(run, opcode("StepRun", "2", data="two"))
    world.answer(run, NAP)
    world.fire(run)
    world.answer(run, WAIT)
    world.now_ms += TICK_MS
    world.send("t/answer")
    world.reply(run, 200, b'"done"')
    assert drawn(classic(world, run)) == [
        "1 COMPLETED RUN 0 *",
        "2 COMPLETED RUN 0 *",
        "nap COMPLETED SLEEP 0",
        "wait COMPLETED WAIT_FOR_EVENT 0 *",
        "function success COMPLETED - 0 *",
    ]


def test_a_cancelled_run_leaves_its_children_as_they_were() -> None:
    world, run = begun()
    world.answer(run, RAN)
    world.answer(run, NAP)
    world.cancel(run)
    root = classic(world, run)
    assert root.status is SpanStatus.CANCELLED
    assert drawn(root) == [
        "a COMPLETED RUN 0 *",
        "nap RUNNING SLEEP 0",
        "  Attempt 0 RUNNING SLEEP 0",
    ]


def test_a_skipped_run_seems_to_run() -> None:
    """So does the reference's; the current tree tells more."""
    world, run = begun()
    world.cancel(run)
    known = history(world, run)
    known.run = msgspec.structs.replace(known.run, status=RunStatus.SKIPPED)
    root = classic_tree(known)
    assert root is not None
    assert (root.status, root.children, root.ended_ms) == (SpanStatus.RUNNING, (), None)


def test_planning_after_a_failed_call_keeps_the_failure_visible() -> None:
    world, run = begun()
    world.reply(run, 500, b"{}")
    world.answer(run, opcode("StepPlanned", "a"), opcode("StepPlanned", "b"))
    assert [i.kind for i in world.calls_of(run)] == [ItemKind.STEP, ItemKind.STEP]
    assert drawn(classic(world, run))[:3] == [
        "execute COMPLETED - 1",
        "  Attempt 0 FAILED - 0 *",
        "  Attempt 1 COMPLETED - 1",
    ]
