"""What a call reports while it is still under way."""

from typing import Any

import msgspec
import pytest

from stepwell.core.advance import advance
from stepwell.core.call import call_body, job_reference, referenced_item
from stepwell.core.checkpointing import CheckpointRefused, checkpoint
from stepwell.core.identity import ItemId
from stepwell.core.journal import CallFacts, RunEnded, RunStarted, StepPlanned, StepResolved
from stepwell.core.queue import ItemKind
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.core.transition import Transition
from stepwell.wire.config import EventTrigger
from stepwell.wire.opcodes import parse_opcodes
from stepwell.wire.response import SdkReply, read_reply
from tests.unit.core.core_world import SDK_HEADERS, CoreWorld, function, opcode, step_id

GO = EventTrigger(event="test/go")


def started(**options: Any) -> tuple[CoreWorld, RunState]:
    world = CoreWorld(function("app-f", GO, **options))
    (run,) = world.send("test/go")
    return world, run


def report(world: CoreWorld, run: RunState, *ops: dict[str, Any]) -> Transition | CheckpointRefused:
    """The run's call, still under way, checkpoints."""
    item = world.call_of(run)
    decision = checkpoint(
        run,
        item,
        parse_opcodes(msgspec.json.encode(ops)),
        call=CallFacts(item.queued_ms, world.now_ms),
        world=world.world(),
        at=world.moment(),
    )
    return world.absorb(decision, run) if isinstance(decision, Transition) else decision


def answer(world: CoreWorld, run: RunState, *ops: dict[str, Any], steps_sent: int) -> None:
    """The call is answered, which was made when the run had so many results."""
    item = world.call_of(run)
    reply = SdkReply(206, SDK_HEADERS, msgspec.json.encode(ops))
    transition = advance(
        run,
        item,
        read_reply(reply, now_ms=world.now_ms),
        call=CallFacts(item.queued_ms, world.now_ms),
        world=world.world(),
        at=world.moment(),
        steps_sent=steps_sent,
    )
    world.absorb(transition, run)


def test_a_checkpointed_result_is_recorded_and_the_call_goes_on() -> None:
    world, run = started()
    item = world.call_of(run)

    decision = report(world, run, opcode("StepRun", "a", data=1), opcode("Step", "b", data=[2]))

    assert isinstance(decision, Transition)
    assert run.steps == {step_id("a"): b'{"data":1}', step_id("b"): b"[2]"}
    assert [type(entry) for entry in world.entries_of(run)] == [
        RunStarted,
        StepResolved,
        StepResolved,
    ]
    assert run.status is RunStatus.RUNNING
    assert world.call_of(run) == item
    assert (decision.put, decision.renew, decision.renew_due, decision.done) == ([], [], [], [])


def test_the_first_result_stands_and_a_repetition_is_no_error() -> None:
    world, run = started()
    report(world, run, opcode("StepRun", "a", data=1))

    decision = report(world, run, opcode("StepRun", "a", data=2), opcode("StepRun", "b", data=3))

    assert isinstance(decision, Transition)
    assert len(decision.journal) == 1
    assert run.steps == {step_id("a"): b'{"data":1}', step_id("b"): b'{"data":3}'}
    nothing = Transition(function_id=run.new.function_id, at_ms=world.now_ms)
    assert report(world, run, opcode("StepRun", "a", data=2)) == nothing


def test_progress_takes_back_the_attempts_made_before() -> None:
    world, run = started()
    world.reply(run, 500, b"{}")
    assert world.call_of(run).attempt == 1
    failed = world.call_of(run)

    decision = report(world, run, opcode("StepRun", "a", data=1))

    assert isinstance(decision, Transition)
    assert decision.renew == [msgspec.structs.replace(failed, attempt=0)]
    assert world.call_of(run) == decision.renew[0]


def test_a_repetition_is_no_progress() -> None:
    world, run = started()
    report(world, run, opcode("StepRun", "a", data=1))
    world.reply(run, 500, b"{}")

    report(world, run, opcode("StepRun", "a", data=1))

    assert world.call_of(run).attempt == 1


def test_a_plan_is_only_shown() -> None:
    world, run = started()
    report(world, run, opcode("StepPlanned", "a"), opcode("StepPlanned", "a"))
    report(world, run, opcode("StepPlanned", "a"))

    assert {type(entry) for entry in world.entries_of(run)} == {RunStarted, StepPlanned}
    assert [item.kind for item in run.items.values()] == [ItemKind.START]
    report(world, run, opcode("StepRun", "a", data=1))
    assert run.steps == {step_id("a"): b'{"data":1}'}


@pytest.mark.parametrize("op", ["DeferAdd", "DeferAbort"])
def test_a_defer_is_accepted(op: str) -> None:
    world, run = started()
    decision = report(world, run, opcode(op, "d", opts={}), opcode("StepRun", "a", data=1))

    assert isinstance(decision, Transition)
    assert list(run.steps) == [step_id("a")]


@pytest.mark.parametrize(
    ("op", "reason"),
    [
        ("Sleep", "cannot checkpoint async steps"),
        ("WaitForEvent", "cannot checkpoint async steps"),
        ("WaitForSignal", "cannot checkpoint async steps"),
        ("InvokeFunction", "cannot checkpoint async steps"),
        ("Gateway", "cannot checkpoint async steps"),
        ("AIGateway", "cannot checkpoint async steps"),
        ("DiscoveryRequest", "cannot checkpoint async steps"),
        ("None", "cannot checkpoint async steps"),
        ("StepError", "cannot checkpoint async steps"),
        ("StepFailed", "cannot checkpoint opcode: StepFailed"),
        ("RunComplete", "cannot checkpoint opcode: RunComplete"),
        ("SyncRunComplete", "cannot checkpoint opcode: SyncRunComplete"),
    ],
)
def test_what_has_to_come_in_the_answer_is_refused_with_everything_beside_it(
    op: str, reason: str
) -> None:
    world, run = started()
    other = opcode(op, "x", error={"name": "E"})

    assert report(world, run, opcode("StepRun", "a", data=1), other) == CheckpointRefused(reason)
    assert not run.steps


def test_a_result_that_makes_the_state_too_large_is_refused() -> None:
    known = msgspec.structs.replace(function("app-f", GO), state_bytes_max=200)
    world = CoreWorld(known)
    (run,) = world.send("test/go")

    refused = report(world, run, opcode("StepRun", "a", data="x" * 200))

    assert isinstance(refused, CheckpointRefused)
    assert refused.is_too_large
    assert refused.reason == "The function run exceeded the state size limit of 200 bytes."
    assert not run.steps


def test_a_run_gets_as_many_steps_as_it_may_have_and_no_more() -> None:
    known = msgspec.structs.replace(function("app-f", GO), steps_max=2)
    world = CoreWorld(known)
    (run,) = world.send("test/go")

    report(world, run, opcode("StepRun", "a", data=1), opcode("StepRun", "b", data=1))
    assert isinstance(report(world, run, opcode("StepRun", "a", data=1)), Transition)
    refused = report(world, run, opcode("StepRun", "c", data=1))

    assert refused == CheckpointRefused(
        "The function run exceeded the step limit of 2 steps.", is_too_large=True
    )


def test_no_more_plans_are_recorded_than_a_run_may_have_steps() -> None:
    """They are only shown; without a bound, an app could fill the journal with them."""
    known = msgspec.structs.replace(function("app-f", GO), steps_max=3)
    world = CoreWorld(known)
    (run,) = world.send("test/go")

    for number in range(5):
        plans = [opcode("StepPlanned", f"{number}-{letter}") for letter in "ab"]
        assert isinstance(report(world, run, *plans), Transition)

    assert len(run.introduced) == 3
    assert isinstance(report(world, run, opcode("StepRun", "0-a", data=1)), Transition)
    assert run.steps == {step_id("0-a"): b'{"data":1}'}


def test_the_answer_may_end_a_run_that_has_grown() -> None:
    world, run = started()
    report(world, run, opcode("StepRun", "a", data=1))

    complete = opcode("RunComplete", "complete", data={"ok": True})
    answer(world, run, opcode("StepRun", "a", data=2), complete, steps_sent=0)

    assert run.status is RunStatus.COMPLETED
    assert run.steps == {step_id("a"): b'{"data":1}'}
    assert isinstance(world.entries_of(run)[-1], RunEnded)


def test_an_answer_that_only_repeats_checkpoints_makes_the_next_call_at_once() -> None:
    """The SDK was not told that its checkpoint arrived, and gave the steps back."""
    world, run = started()
    report(world, run, opcode("StepRun", "a", data=1))

    answer(world, run, opcode("StepRun", "a", data=1), steps_sent=0)

    item = world.call_of(run)
    assert (item.kind, item.attempt, item.due_ms) == (ItemKind.DISCOVER, 0, 0)


def test_an_answer_that_repeats_what_it_was_sent_is_a_failed_attempt() -> None:
    world, run = started()
    world.answer(run, opcode("StepRun", "a", data=1))

    answer(world, run, opcode("StepRun", "a", data=1), steps_sent=1)

    assert world.call_of(run).attempt == 1


def test_the_answer_may_go_on_from_what_was_checkpointed() -> None:
    world, run = started()
    report(world, run, opcode("StepRun", "a", data=1))
    answer(world, run, opcode("Sleep", "z", opts={"duration": "1h"}), steps_sent=0)

    assert [item.kind for item in run.items.values()] == [ItemKind.SLEEP]
    world.fire(run)
    assert list(run.steps) == [step_id("a"), step_id("z")]


def test_a_call_that_fails_after_a_checkpoint_is_repeated_with_its_results() -> None:
    world, run = started()
    report(world, run, opcode("StepRun", "a", data=1))
    world.reply(run, 500, b"{}")

    item = world.call_of(run)
    body = msgspec.json.decode(
        call_body(run, function("app-f", GO), item, request_id="r", generation=5)
    )
    assert item.attempt == 1
    assert list(body["steps"]) == [step_id("a")]


def test_a_checkpoint_survives_a_crash() -> None:
    world, run = started()
    world.reply(run, 500, b"{}")
    report(world, run, opcode("StepPlanned", "b"), opcode("StepRun", "a", data=1))

    restored = world.restored(run)
    for name in RunState.__slots__:
        assert getattr(restored, name) == getattr(run, name), name


def test_a_call_tells_the_app_what_it_needs_for_checkpoints() -> None:
    world, run = started()
    item = world.call_of(run)
    known = function("app-f", GO)
    ctx = msgspec.json.decode(call_body(run, known, item, request_id="r", generation=2**53 - 1))[
        "ctx"
    ]

    assert (ctx["fn_id"], ctx["generation_id"]) == (known.id, 2**53 - 1)
    assert referenced_item(ctx["qi_id"]) == item.id
    assert referenced_item(job_reference(item)) == item.id


@pytest.mark.parametrize(
    "reference", ["", "x", "====", "MQ==x", "ä", "LTE6OmRlZmF1bHQ=", "A" * 80, "MQ" * 30]
)
def test_any_other_text_refers_to_no_item(reference: str) -> None:
    assert referenced_item(reference) is None


def test_a_reference_is_read_whatever_stands_behind_the_number() -> None:
    assert referenced_item("MTI6OmVsc2V3aGVyZQ==") == ItemId(12)
