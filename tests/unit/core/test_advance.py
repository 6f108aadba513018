"""What answers to calls mean for a run."""

import msgspec
import pytest

from stepwell.core.journal import (
    CallFailed,
    GroupOpened,
    RunEnded,
    RunStarted,
    StepAttemptFailed,
    StepPlanned,
    StepResolved,
    StepSleeping,
    decode_entry,
    encode_entry,
)
from stepwell.core.queue import IMMEDIATE, ItemKind
from stepwell.core.retry import RetryPolicy
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.wire.config import EventTrigger
from stepwell.wire.response import SdkReply, read_reply, unreachable
from tests.unit.core.core_world import (
    SDK_HEADERS,
    START_MS,
    CoreWorld,
    function,
    opcode,
    output_of,
    step_id,
)

GO = EventTrigger(event="test/go")


def started(retries: int | None = None) -> tuple[CoreWorld, RunState]:
    world = CoreWorld(function("app-f", GO, retries=retries))
    (run,) = world.send("test/go", {"n": 1})
    return world, run


def test_a_new_run_waits_for_its_first_call() -> None:
    world, run = started()
    item = world.call_of(run)
    assert (item.kind, item.attempt, item.due_ms) == (ItemKind.START, 0, IMMEDIATE)
    assert run.status is RunStatus.SCHEDULED


def test_a_step_result_is_memoised_and_the_function_called_again() -> None:
    world, run = started()
    transition = world.answer(run, opcode("StepRun", "a", data={"x": 1}))

    assert run.steps == {step_id("a"): b'{"data":{"x":1}}'}
    assert run.status is RunStatus.RUNNING
    item = world.call_of(run)
    assert (item.kind, item.step, item.attempt) == (ItemKind.DISCOVER, step_id("a"), 0)
    assert transition.renew_due == [item], "the row of the answered item is used again"
    assert not transition.put
    assert not transition.done


def test_a_step_without_data_is_memoised_as_null() -> None:
    world, run = started()
    world.answer(run, opcode("StepRun", "a"))
    assert run.steps[step_id("a")] == b'{"data":null}'


def test_the_legacy_opcode_is_memoised_as_it_came() -> None:
    world, run = started()
    world.answer(run, opcode("Step", "a", data={"data": 5}))
    assert run.steps[step_id("a")] == b'{"data":5}'


def test_a_result_ends_the_run() -> None:
    world, run = started()
    world.reply(run, 200, b'{"ok":true}')

    entries = world.entries_of(run)
    assert [type(entry) for entry in entries] == [RunStarted, RunEnded]
    assert output_of(entries) == {"ok": True}
    assert run.status is RunStatus.COMPLETED
    assert not world.items


def test_run_complete_ends_the_run_with_its_data() -> None:
    world, run = started()
    world.answer(
        run, opcode("StepRun", "a", data=1), {"op": "RunComplete", "id": "x", "data": [1, 2]}
    )
    assert run.status is RunStatus.COMPLETED
    assert output_of(world.entries_of(run)) == [1, 2]
    assert not world.items


def test_a_second_result_of_a_step_changes_nothing() -> None:
    """The first result of a step stands, whatever an SDK reports later."""
    world, run = started()
    world.answer(run, opcode("StepRun", "a", data="first"))
    world.answer(run, opcode("StepRun", "a", data="second"))

    assert run.steps == {step_id("a"): b'{"data":"first"}'}
    resolved = [e for e in world.entries_of(run) if isinstance(e, StepResolved)]
    assert len(resolved) == 1
    # Nothing new came, so the call counts as failed; at once again could go on for ever.
    assert world.call_of(run).attempt == 1


# Retries.


@pytest.mark.parametrize(
    ("attempt", "base_s"), [(0, 15), (1, 30), (2, 60), (3, 120), (9, 7200), (15, 7200)]
)
def test_delays_grow_as_documented(attempt: int, base_s: int) -> None:
    policy = RetryPolicy()
    assert policy.delay_ms(attempt, jitter=0) == base_s * 1000
    assert policy.delay_ms(attempt, jitter=0.99999) < base_s * 1000 + 30_000


def test_a_fixed_interval_replaces_the_table() -> None:
    assert RetryPolicy(interval_ms=1000).delay_ms(7, jitter=0.9) == 1000


def test_a_failed_attempt_of_a_step_is_repeated() -> None:
    world, run = started()
    error = {"name": "Error", "message": "boom"}
    transition = world.answer(run, opcode("StepError", "a", error=error))

    item = world.call_of(run)
    assert (item.attempt, item.due_ms) == (1, START_MS + 15_000 + 15_000)
    assert transition.renew_due == [item]
    assert not run.steps
    (failed,) = (e for e in world.entries_of(run) if isinstance(e, StepAttemptFailed))
    assert (failed.attempt, failed.retry_at_ms) == (0, item.due_ms)


def test_retry_after_decides_the_next_attempt() -> None:
    world, run = started()
    error = {"name": "Error", "message": "boom"}
    world.answer(run, opcode("StepError", "a", error=error), headers={"retry-after": "3"})
    assert world.call_of(run).due_ms == START_MS + 3_000


def test_the_last_attempt_makes_the_error_the_result() -> None:
    """After the last attempt the error is memoised and the function called at attempt 0."""
    world, run = started(retries=1)
    error = opcode("StepError", "a", error={"name": "Error", "message": "boom"})
    world.answer(run, error)
    world.answer(run, error)

    assert msgspec.json.decode(run.steps[step_id("a")]) == {
        "error": {"name": "Error", "message": "boom"}
    }
    assert (world.call_of(run).kind, world.call_of(run).attempt) == (ItemKind.DISCOVER, 0)


def test_no_retry_makes_the_first_error_the_result() -> None:
    world, run = started()
    world.answer(
        run,
        opcode("StepError", "a", error={"name": "E", "message": "m"}),
        headers={"x-inngest-no-retry": "true"},
    )
    memo = msgspec.json.decode(run.steps[step_id("a")])
    assert memo["error"]["noRetry"] is True


def test_the_opcode_itself_cannot_forbid_a_retry() -> None:
    """`noRetry` inside the error is ignored; only the header counts."""
    world, run = started()
    error = {"name": "E", "message": "m", "noRetry": True}
    world.answer(run, opcode("StepError", "a", error=error))
    assert world.call_of(run).attempt == 1


def test_step_failed_is_final() -> None:
    world, run = started()
    world.answer(run, opcode("StepFailed", "a", error={"name": "E", "message": "m"}))
    assert step_id("a") in run.steps
    assert world.call_of(run).attempt == 0


def test_attempts_are_counted_per_item() -> None:
    """A step's retries do not use up those of what comes after it."""
    world, run = started(retries=1)
    error = opcode("StepError", "a", error={"name": "E", "message": "m"})
    world.answer(run, error)
    world.answer(run, opcode("StepRun", "a", data=1))
    world.answer(run, opcode("StepError", "b", error={"name": "E", "message": "m"}))
    assert world.call_of(run).attempt == 1


def test_a_function_error_is_repeated_then_fails_the_run() -> None:
    world, run = started(retries=1)
    body = b'{"name":"TypeError","message":"oops","stack":"at x"}'
    world.reply(run, 500, body)
    (failed,) = (e for e in world.entries_of(run) if isinstance(e, CallFailed))
    assert failed.attempt == 0

    world.reply(run, 500, body)
    assert run.status is RunStatus.FAILED
    assert output_of(world.entries_of(run))["message"] == "oops"
    data = world.event("inngest/function.failed")["data"]
    assert data["error"] == {
        "error": "invalid status code: 500",
        "message": "oops",
        "name": "TypeError",
        "stack": "at x",
    }
    assert data["function_id"] == "app-f"
    assert data["run_id"] == run.new.id
    assert data["event"]["data"] == {"n": 1}


def test_an_unreachable_app_is_tried_again() -> None:
    world, run = started(retries=1)
    world.fails(run, unreachable())
    world.fails(run, unreachable())
    assert run.status is RunStatus.FAILED
    assert output_of(world.entries_of(run))["error"]["message"] == "Unable to reach SDK URL"


def test_nothing_to_do_is_a_failed_attempt() -> None:
    """An SDK that answers [] for ever uses up its attempts instead of being called without end."""
    world, run = started(retries=1)
    world.answer(run)
    assert world.call_of(run).attempt == 1
    world.answer(run)
    assert run.status is RunStatus.FAILED


# Parallel steps.


def plan(*names: str, **more: object) -> list[dict[str, object]]:
    return [opcode("StepPlanned", name, **more) for name in names]


def test_planned_steps_are_called_one_by_one_and_the_function_once_at_the_end() -> None:
    world, run = started()
    world.answer(run, *plan("a", "b"))

    assert {item.step for item in world.calls_of(run)} == {step_id("a"), step_id("b")}
    assert run.only_plan
    world.answer_step(run, "a", opcode("StepRun", "a", data=1))
    assert {item.step for item in world.calls_of(run)} == {step_id("b")}
    world.answer_step(run, "b", opcode("StepRun", "b", data=2))
    item = world.call_of(run)
    assert (item.kind, item.step) == (ItemKind.DISCOVER, step_id("b"))
    assert not run.only_plan, "the section has ended"


def test_in_a_race_every_completion_calls_the_function() -> None:
    world, run = started()
    world.answer(run, *plan("a", "b", "c", opts={"parallelMode": "race"}))
    world.answer_step(run, "b", opcode("StepRun", "b", data=1))
    kinds = sorted(item.kind for item in world.calls_of(run))
    assert kinds == [ItemKind.DISCOVER, ItemKind.STEP, ItemKind.STEP]


def test_an_old_sdk_is_called_after_every_completion() -> None:
    world, run = started()
    world.answer(run, *plan("a", "b"), headers={"x-inngest-req-version": "1"})
    world.answer_step(run, "a", opcode("StepRun", "a", data=1))
    kinds = sorted(item.kind for item in world.calls_of(run))
    assert kinds == [ItemKind.DISCOVER, ItemKind.STEP]
    assert run.only_plan, "it stays on for the rest of the run"


def test_reporting_open_steps_again_changes_nothing() -> None:
    world, run = started()
    world.answer(run, *plan("a", "b", opts={"parallelMode": "race"}))
    world.answer_step(run, "a", opcode("StepRun", "a", data=1))
    discovery = next(i for i in world.calls_of(run) if i.kind is ItemKind.DISCOVER)
    before = len(world.entries_of(run))
    # The discovery finds b still open, and c new.
    body = msgspec.json.encode(plan("b", "c", opts={"parallelMode": "race"}))
    reply = SdkReply(206, SDK_HEADERS, body)
    world.outcome(discovery, read_reply(reply, now_ms=world.now_ms))

    new = world.entries_of(run)[before:]
    assert [type(entry) for entry in new] == [GroupOpened, StepPlanned]
    assert {item.step for item in world.calls_of(run)} == {step_id("b"), step_id("c")}


def test_a_planned_step_that_fails_is_retried_alone() -> None:
    world, run = started()
    world.answer(run, *plan("a", "b"))
    error = opcode("StepError", "a", error={"name": "E", "message": "m"})
    world.answer_step(run, "a", error)
    by_step = {item.step: item for item in world.calls_of(run)}
    assert by_step[step_id("a")].attempt == 1
    assert by_step[step_id("b")].attempt == 0


def test_a_sleep_in_a_group_is_awaited() -> None:
    world, run = started()
    world.answer(run, *plan("a"), opcode("Sleep", "s") | {"name": "10s"})
    world.answer_step(run, "a", opcode("StepRun", "a", data=1))
    assert world.calls_of(run) == []
    world.fire(run)
    assert world.call_of(run).kind is ItemKind.DISCOVER


# Limits.


def test_too_many_opcodes_fail_the_run() -> None:
    world, run = started()
    world.answer(run, *plan(*(f"s{n}" for n in range(1001))))
    assert run.status is RunStatus.FAILED
    assert output_of(world.entries_of(run))["error"]["name"] == "InngestErrFunctionOverflowed"
    assert not world.items


def test_exactly_the_allowed_number_of_opcodes_is_fine() -> None:
    world, run = started()
    world.answer(run, *plan(*(f"s{n}" for n in range(1000))))
    assert len(world.calls_of(run)) == 1000


def test_a_state_above_its_limit_fails_the_run() -> None:
    world = CoreWorld(msgspec.structs.replace(function("app-f", GO), state_bytes_max=200))
    (run,) = world.send("test/go")
    world.answer(run, opcode("StepRun", "a", data="x" * 300))
    assert run.status is RunStatus.FAILED
    assert output_of(world.entries_of(run))["error"]["name"] == "InngestErrStateOverflowed"


def test_an_opcode_without_support_fails_the_run_and_says_so() -> None:
    world, run = started()
    world.answer(run, opcode("DeferAdd", "d", opts={"fn_slug": "app-f", "input": {}}))
    assert run.status is RunStatus.FAILED
    assert "DeferAdd" in output_of(world.entries_of(run))["error"]["message"]


# Restoring.


def test_a_loaded_run_is_in_the_same_state_as_the_live_one() -> None:
    world, run = started()
    world.answer(run, *plan("a", "b", "c"))
    world.answer_step(run, "b", opcode("StepRun", "b", data=1))
    loaded = world.restored(run)
    for field in RunState.__slots__:
        assert getattr(loaded, field) == getattr(run, field), field


def test_entries_tell_which_call_brought_them_and_how_it_was_answered() -> None:
    """Headers are stored once per answer, whatever it reports."""
    world, run = started()
    item = world.call_of(run)
    world.now_ms += 5

    nap = opcode("Sleep", "nap") | {"name": "10s"}
    world.answer(run, nap, opcode("StepPlanned", "a"))

    _, _, sleeping, planned = world.entries_of(run)
    assert isinstance(sleeping, StepSleeping)
    assert isinstance(planned, StepPlanned)
    assert sleeping.call is not None
    assert (sleeping.call.item, sleeping.call.attempt) == (item.id, 0)
    assert (sleeping.call.queued_ms, sleeping.call.sent_ms) == (START_MS, START_MS + 5)
    assert sleeping.call.status == 206
    assert msgspec.json.decode(sleeping.call.headers) == SDK_HEADERS
    assert planned.call is not None
    assert (planned.call.item, planned.call.status) == (item.id, 0)
    assert decode_entry(encode_entry(planned)) == planned


def test_a_call_without_an_answer_has_no_status() -> None:
    world, run = started()
    world.fails(run, unreachable("refused"))
    (*_, failed) = world.entries_of(run)
    assert isinstance(failed, CallFailed)
    assert failed.call is not None
    assert failed.call.status == 0
