"""The current tree: each attempt of each step once, and how the function ended.

Trees are drawn one node per line: name, status, kind, attempt, and a star if there is an output.
"""

import msgspec
import pytest

from stepwell.core.identity import RunId
from stepwell.core.steps.requested import RequestFailed, RequestReply
from stepwell.core.trace.current import NO_PARENT, current_tree
from stepwell.core.trace.span import (
    InvokeInfo,
    RunInfo,
    SleepInfo,
    SpanStatus,
    StepOp,
    WaitInfo,
)
from stepwell.core.trace_ids import root_span_id, step_span_id
from tests.unit.core.core_world import START_MS, function, opcode, step_id
from tests.unit.core.trace.trace_world import (
    ERROR,
    TICK_MS,
    begun,
    brought,
    child_of,
    current,
    drawn,
    history,
)

NAP = opcode("Sleep", "nap", opts={"duration": "2s"})
WAIT = opcode("WaitForEvent", "wait", opts={"event": "t/answer", "timeout": "1m", "if": "1 == 1"})
SIGNAL = opcode("WaitForSignal", "sig", opts={"signal": "s", "timeout": "1m"})
CALL = opcode("InvokeFunction", "call", opts={"function_id": "app-child", "timeout": "1m"})
FAIL = opcode("StepError", "a", error=ERROR)
RAN = opcode("StepRun", "a", data="x")


def test_a_queued_run_is_a_bare_root_with_its_events_as_input() -> None:
    """Its output can be asked for from the start, and is empty until there is one."""
    world, run = begun()
    root = current(world, run, calling=[world.call_of(run)])

    assert (root.name, root.status, root.children) == ("executor.run", SpanStatus.QUEUED, ())
    assert (root.started_ms, root.ended_ms, root.duration_ms) == (None, None, None)
    assert (root.parent_span_id, root.span_id) == (NO_PARENT, root_span_id(run.new.id))
    output = brought(world, run, root)
    assert (output.input, output.data, output.error) == (b"[%b]" % run.events[0], b"", None)


def test_a_function_without_steps_has_a_finalization_and_its_result() -> None:
    world, run = begun()
    world.reply(run, 200, b'{"ok":1}')
    root = current(world, run)

    assert (root.name, root.status) == ("Run", SpanStatus.COMPLETED)
    assert (root.queued_ms, root.started_ms) == (START_MS, START_MS + TICK_MS)
    assert (root.ended_ms, root.duration_ms) == (world.now_ms, TICK_MS)
    assert drawn(root) == [
        "Finalization COMPLETED FINALIZATION 0",
        "executor.nonstep COMPLETED - 0 *",
    ]
    assert {node.step for node in root.children} == {None}
    assert len({node.group_id for node in root.children}) == 1
    assert brought(world, run, root).data == b'{"ok":1}'
    assert brought(world, run, root.children[1]).data == b'{"ok":1}'


def test_the_root_has_the_last_answer_of_the_app() -> None:
    world, run = begun()
    world.answer(run, RAN)
    world.reply(run, 200, b"1", {"x-last": "yes"})
    reply = current(world, run).reply
    assert reply is not None
    assert reply.status == 200
    assert msgspec.json.decode(reply.headers)["x-last"] == "yes"


def test_a_step_is_shown_once_with_all_there_is_to_say() -> None:
    world, run = begun()
    timing = {"a": (START_MS + 12) * 1_000_000, "b": 3_000_000}
    world.answer(
        run, opcode("StepRun", "a", data={"data": 1}, opts={"input": [1, 2]}, timing=timing)
    )
    (node,) = current(world, run).children

    assert (node.name, node.status, node.step_op) == ("a", SpanStatus.COMPLETED, StepOp.RUN)
    assert (node.step, node.attempt, node.step_info) == (step_id("a"), 0, RunInfo())
    assert (node.step_type, node.is_root) == ("RUN", False)
    assert node.span_id == step_span_id(run.new.id, step_id("a"), 0)
    assert node.parent_span_id == root_span_id(run.new.id)
    assert node.group_id is not None
    assert node.reply is not None
    assert node.queued_ms == node.scheduled_ms == START_MS
    assert (node.started_ms, node.ended_ms) == (START_MS + 12, START_MS + 15)
    output = brought(world, run, node)
    assert (output.input, output.data) == (b"[1,2]", b'{"data":1}')


@pytest.mark.parametrize(
    ("kind", "shown"),
    [("step.sendEvent", "step.sendEvent"), ("step.run", "RUN"), ("group.experiment",) * 2],
)
def test_the_kind_of_a_step_is_the_sdk_s_word_for_it(kind: str, shown: str) -> None:
    world, run = begun()
    world.answer(run, opcode("StepRun", "a", data=1, opts={"type": kind}))
    (node,) = current(world, run).children
    assert (node.step_type, node.step_info) == (shown, RunInfo(kind))


def test_a_name_is_cut() -> None:
    world, run = begun()
    world.answer(run, opcode("StepRun", "n" * 257, data=1))
    assert current(world, run).children[0].name == "n" * 256


def test_each_attempt_of_a_step_has_its_node_and_its_error() -> None:
    world, run = begun(retries=1)
    world.answer(run, FAIL)
    assert drawn(current(world, run)) == ["a FAILED RUN 0 *", "a QUEUED RUN 1"]
    calling = [world.call_of(run)]
    assert drawn(current(world, run, calling=calling)) == ["a FAILED RUN 0 *", "a RUNNING RUN 1"]

    world.answer(run, FAIL)
    root = current(world, run)
    assert drawn(root) == ["a FAILED RUN 0 *", "a FAILED RUN 1 *"]
    assert {node.step_op for node in root.children} == {StepOp.RUN}
    assert len({node.group_id for node in root.children}) == 1
    error = brought(world, run, root.children[1]).error
    assert error is not None
    assert (error.name, error.message, error.stack, error.cause) == ("E", "m", "at 1", None)


def test_a_cause_is_part_of_the_error() -> None:
    world, run = begun(retries=0)
    cause = {"name": "C", "message": "why"}
    world.answer(run, opcode("StepError", "a", error=ERROR | {"cause": cause}))
    error = brought(world, run, current(world, run).children[0]).error
    assert error is not None
    assert error.cause is not None
    assert msgspec.json.decode(error.cause) == cause


def test_an_error_of_the_function_is_there_between_retries() -> None:
    """Suites ask for the failed `Finalization`, the dashboard for the answers beside it."""
    world, run = begun(retries=1)
    world.reply(run, 500, msgspec.json.encode(ERROR))
    assert drawn(current(world, run)) == [
        "Finalization FAILED FINALIZATION 0",
        "  Attempt 0 FAILED - 0 *",
        "executor.nonstep FAILED - 0 *",
    ]
    world.reply(run, 500, msgspec.json.encode(ERROR))
    root = current(world, run)
    assert drawn(root) == [
        "Finalization FAILED FINALIZATION 1",
        "  Attempt 0 FAILED - 0 *",
        "  Attempt 1 FAILED - 1 *",
        "executor.nonstep FAILED - 0 *",
        "executor.nonstep FAILED - 1 *",
    ]
    first, second = root.children[0].children
    assert second.queued_ms == first.ended_ms


def test_a_call_of_the_function_under_way_is_an_execution() -> None:
    world, run = begun()
    world.answer(run, RAN)
    root = current(world, run, calling=[world.call_of(run)])
    assert drawn(root) == ["a COMPLETED RUN 0 *", "Execution RUNNING - 0"]


def test_a_failed_call_whose_repetition_brought_a_step_shares_its_group() -> None:
    """So the dashboard shows it as an attempt at that step."""
    world, run = begun()
    world.reply(run, 500, b"{}")
    world.answer(run, RAN)
    root = current(world, run)
    assert drawn(root) == ["executor.nonstep FAILED - 0 *", "a COMPLETED RUN 1 *"]
    assert root.children[0].group_id == root.children[1].group_id


def test_a_sleep_waits_and_has_no_output() -> None:
    world, run = begun()
    world.answer(run, NAP)
    (node,) = current(world, run).children
    assert (node.status, node.output_id, node.step_type) == (SpanStatus.WAITING, None, "SLEEP")
    assert node.step_info == SleepInfo(node.queued_ms + 2_000)

    world.fire(run)
    (node,) = current(world, run).children
    assert (node.status, node.output_id, node.duration_ms) == (SpanStatus.COMPLETED, None, 2_000)


def test_a_wait_brings_the_whole_event() -> None:
    world, run = begun()
    world.answer(run, WAIT)
    (node,) = current(world, run).children
    assert node.status is SpanStatus.WAITING
    assert node.step_info == WaitInfo("t/answer", "1 == 1", world.now_ms + 60_000)

    world.now_ms += TICK_MS
    world.send("t/answer", {"ok": 1})
    (node,) = current(world, run).children
    assert node.status is SpanStatus.COMPLETED
    data = brought(world, run, node).data
    assert data is not None
    assert msgspec.json.decode(data)["data"] == {"ok": 1}


def test_a_wait_that_times_out_has_completed_without_output() -> None:
    world, run = begun()
    world.answer(run, WAIT)
    world.fire(run)
    (node,) = current(world, run).children
    assert (node.status, node.output_id) == (SpanStatus.COMPLETED, None)


def test_an_invocation_names_its_run_at_once() -> None:
    world, run = begun(function("app-child"))
    world.answer(run, CALL)
    (node,) = current(world, run).children
    child = child_of(world, run, "call")
    assert (node.status, node.step_type) == (SpanStatus.RUNNING, "INVOKE")
    assert isinstance(node.step_info, InvokeInfo)
    assert (node.step_info.run_id, node.step_info.timed_out) == (child.new.id, None)

    world.reply(child, 200, b"5")
    world.resume()
    (node,) = current(world, run).children
    assert isinstance(node.step_info, InvokeInfo)
    assert (node.status, node.step_info.timed_out) == (SpanStatus.COMPLETED, False)
    assert node.step_info.return_event_id is not None
    assert brought(world, run, node).data == b"5"


def test_an_invocation_whose_run_came_later_is_named_by_the_caller() -> None:
    world, run = begun(function("app-child"))
    world.answer(run, CALL)
    known = history(world, run, children={step_id("call"): RunId("later")})
    step = known.steps[step_id("call")]
    assert step.begun is not None
    step.begun = msgspec.structs.replace(step.begun, run_id=RunId(""))
    (node,) = current_tree(known).children
    assert isinstance(node.step_info, InvokeInfo)
    assert node.step_info.run_id == "later"


def test_an_invocation_that_fails_has_the_error() -> None:
    world, run = begun(function("app-child", retries=0))
    world.answer(run, CALL)
    world.reply(child_of(world, run, "call"), 500, b'{"name":"X","message":"no"}')
    world.resume()
    (node,) = current(world, run).children
    error = brought(world, run, node).error
    assert node.status is SpanStatus.FAILED
    assert error is not None
    assert (error.name, error.message) == ("X", "no")


def test_a_signal_conflict_is_the_failure_of_the_step_that_wanted_the_signal() -> None:
    world, run = begun()
    world.answer(run, SIGNAL, NAP)
    world.break_off(run, "sig")
    root = current(world, run)
    assert drawn(root) == [
        "sig FAILED WAIT_FOR_SIGNAL 0 *",
        "nap WAITING SLEEP 0",
        "Finalization FAILED FINALIZATION 0",
        "  Attempt 0 FAILED - 0 *",
        "executor.nonstep FAILED - 0 *",
    ]
    error = brought(world, run, root.children[0]).error
    assert error is not None
    assert error.message == "Conflict"


def test_parallel_steps_are_queued_run_and_end() -> None:
    world, run = begun()
    world.answer(run, opcode("StepPlanned", "a"), opcode("StepPlanned", "b"))
    assert drawn(current(world, run)) == ["a QUEUED RUN 0", "b QUEUED RUN 0"]
    first, _ = world.calls_of(run)
    assert drawn(current(world, run, calling=[first])) == ["a RUNNING RUN 0", "b QUEUED RUN 0"]

    world.answer_step(run, "b", opcode("StepRun", "b", data=2))
    world.answer_step(run, "a", opcode("StepRun", "a", data=1))
    root = current(world, run)
    assert drawn(root) == ["b COMPLETED RUN 0 *", "a COMPLETED RUN 0 *"]
    assert len({node.group_id for node in root.children}) == 2


def test_checkpointed_steps_have_the_times_of_the_sdk_and_no_finalization() -> None:
    world, run = begun()
    sent_ms = world.now_ms
    for number, name in enumerate("ab"):
        timing = {"a": (sent_ms + 2 + 10 * number) * 1_000_000, "b": 5_000_000}
        world.checkpoint(run, opcode("StepRun", name, data=name, timing=timing))
    world.answer(run, {"op": "RunComplete", "id": "x", "data": 1})
    root = current(world, run)

    assert drawn(root) == [
        "a COMPLETED RUN 0 *",
        "b COMPLETED RUN 0 *",
        "executor.nonstep COMPLETED - 0 *",
    ]
    first, second, result = root.children
    assert (first.queued_ms, first.started_ms, first.ended_ms) == (
        sent_ms + 2,
        sent_ms + 2,
        sent_ms + 7,
    )
    assert second.started_ms == sent_ms + 12
    assert result.queued_ms == sent_ms + 2 * TICK_MS, "rows are sorted by it"
    assert len({node.group_id for node in root.children}) == 1


def test_a_step_cannot_have_begun_before_its_call_or_ended_after_its_answer() -> None:
    """The app's clock may be wrong, and everything else is ordered by the server's."""
    world, run = begun()
    world.answer(run, opcode("StepRun", "a", data=1, timing={"a": 1_000_000, "b": 10**18}))
    (node,) = current(world, run).children
    assert (node.started_ms, node.ended_ms) == (START_MS + TICK_MS, START_MS + 2 * TICK_MS)


def test_a_plan_that_is_checkpointed_runs_in_the_call_that_told_of_it() -> None:
    world, run = begun()
    world.checkpoint(run, opcode("StepPlanned", "a"))
    root = current(world, run, calling=[world.call_of(run)])
    assert drawn(root) == ["Execution RUNNING - 0", "a RUNNING RUN 0"]


def test_a_request_of_the_server_runs_until_it_is_answered() -> None:
    ask = opcode("AIGateway", "ask", opts={"type": "step.ai.infer", "url": "https://ai.test/v1"})
    world, run = begun()
    world.answer(run, ask)
    assert drawn(current(world, run)) == ["ask RUNNING step.ai.infer 0"]
    world.request(run, RequestFailed("unreachable"))
    assert drawn(current(world, run)) == [
        "ask FAILED step.ai.infer 0 *",
        "ask QUEUED step.ai.infer 1",
    ]
    world.answer(run, ask)
    world.request(run, RequestReply(200, {}, b'{"said":1}', "https://ai.test/v1"))
    root = current(world, run)
    assert drawn(root) == ["ask FAILED step.ai.infer 0 *", "ask COMPLETED step.ai.infer 1 *"]
    assert {node.step_op for node in root.children} == {StepOp.AI_GATEWAY}
    assert brought(world, run, root.children[1]).data == b'{"said":1}'


def test_a_cancelled_run_leaves_its_steps_as_they_were() -> None:
    world, run = begun()
    world.answer(run, RAN, opcode("StepPlanned", "b"), WAIT, FAIL | {"id": "f", "name": "f"})
    world.cancel(run)
    root = current(world, run)
    assert root.status is SpanStatus.CANCELLED
    assert sorted(line.split()[1] for line in drawn(root)) == [
        "COMPLETED",
        "FAILED",
        "QUEUED",
        "WAITING",
    ]


@pytest.mark.parametrize(
    ("cause", "reason"),
    [("singleton", "Singleton"), ("paused", "FunctionPaused"), ("drained", "FunctionDrained")],
)
def test_a_skipped_run_says_why(cause: str, reason: str) -> None:
    world, run = begun()
    known = history(world, run)
    known.run = msgspec.structs.replace(
        known.run,
        status=known.run.status.SKIPPED,
        ended_ms=START_MS,
        cause=cause,
        existing_run_id=RunId("other"),
    )
    root = current_tree(known)
    assert (root.status, root.skip_reason, root.skip_existing_run_id) == (
        SpanStatus.SKIPPED,
        reason,
        "other",
    )
    assert root.children == ()


def test_a_start_in_the_future_is_when_the_run_is_scheduled() -> None:
    world, run = begun()
    known = history(world, run)
    known.run = msgspec.structs.replace(known.run, scheduled_ms=START_MS + 5_000)
    assert current_tree(known).scheduled_ms == START_MS + 5_000
