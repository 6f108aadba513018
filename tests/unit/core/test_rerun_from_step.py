"""Running again from a step: what is kept, what is sent, and that the run goes on to its end."""

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from stepwell.core.call import sent_steps, target_step
from stepwell.core.journal import (
    CallFacts,
    Entry,
    InputGiven,
    RunEnded,
    StepAttemptFailed,
    StepName,
    StepPlanned,
    StepRequesting,
    StepResolved,
    StepSleeping,
    StepWaiting,
)
from stepwell.core.queue import ItemKind
from stepwell.core.rerun import (
    RerunPlan,
    RerunRefused,
    StepChoice,
    plan_rerun,
)
from stepwell.core.status import RunStatus
from stepwell.wire.opcode_options import STEP_BYTES_MAX
from tests.unit.core.core_world import function, opcode, output_of, step_id
from tests.unit.core.rerun_world import (
    ERROR,
    GO,
    assert_restores,
    finished_three_steps,
    past_of,
    planned,
    ran,
    rerun,
    sent,
    sleeps,
    started,
)

# From a step.


def test_a_run_that_begins_at_a_step_keeps_what_started_before_and_calls_for_the_step() -> None:
    world, run = finished_three_steps()
    again = rerun(world, run, StepChoice(step_id("b")))
    body = sent(world, again)

    assert list(again.steps) == [step_id("a")]
    assert world.call_of(again).kind is ItemKind.START
    assert world.call_of(again).lane == "s"
    assert target_step(world.call_of(again)) == step_id("b")
    assert body["steps"] == {step_id("a"): {"data": "a"}}
    assert body["ctx"]["stack"] == {"stack": [step_id("a")], "current": 0}
    assert body["version"] == -1
    assert not body["ctx"]["disable_immediate_execution"]


def test_a_run_that_began_at_a_step_goes_on_to_its_end() -> None:
    world, run = finished_three_steps()
    again = rerun(world, run, StepChoice(step_id("b")))
    world.answer(again, ran("b", "B"))
    assert world.call_of(again).kind is ItemKind.DISCOVER
    assert target_step(world.call_of(again)) == "step"
    world.answer(again, ran("c", "C"))
    assert sent(world, again)["steps"] == {
        step_id("a"): {"data": "a"},
        step_id("b"): {"data": "B"},
        step_id("c"): {"data": "C"},
    }
    world.reply(again, 200, b'"done again"')
    assert output_of(world.entries_of(again)) == "done again"
    assert_restores(world, again)


def test_the_first_step_can_be_begun_at() -> None:
    world, run = finished_three_steps()
    again = rerun(world, run, StepChoice(step_id("a")))

    assert not again.steps
    assert target_step(world.call_of(again)) == step_id("a")


def test_a_step_that_fails_after_a_rerun_is_called_for_again_until_its_error_is_final() -> None:
    world, run = finished_three_steps()
    world.functions = type(world.functions)([function("app-f", GO, retries=1)])
    again = rerun(world, run, StepChoice(step_id("b")))
    world.answer(again, opcode("StepError", "b", error=ERROR))
    call = world.call_of(again)
    assert (call.kind, call.attempt, target_step(call)) == (ItemKind.START, 1, step_id("b"))

    world.answer(again, opcode("StepError", "b", error=ERROR))
    assert world.call_of(again).kind is ItemKind.DISCOVER
    assert msgspec.json.decode(again.steps[step_id("b")])["error"]["message"] == "m"


def test_an_answer_that_plans_the_step_leads_to_a_call_of_its_own() -> None:
    world, run = finished_three_steps()
    again = rerun(world, run, StepChoice(step_id("b")))
    world.answer(again, opcode("StepPlanned", "b"))
    assert world.call_of(again).kind is ItemKind.STEP
    world.answer(again, ran("b"))
    assert world.call_of(again).kind is ItemKind.DISCOVER


def test_a_run_whose_code_does_not_know_the_step_any_more_goes_on_with_what_there_is() -> None:
    world, run = finished_three_steps()
    again = rerun(world, run, StepChoice(step_id("b")))
    world.answer(again, ran("new"))
    assert world.call_of(again).kind is ItemKind.DISCOVER
    world.reply(again, 200, b"1")
    assert again.status is RunStatus.COMPLETED


def test_an_edited_input_is_sent_until_the_step_has_its_result() -> None:
    world, run = finished_three_steps()
    again = rerun(world, run, StepChoice(step_id("b"), b' [ {"z": 1, "a": "\xc3\xa9"} ] '))
    edited = {"input": [{"a": "é", "z": 1}]}

    assert sent(world, again)["steps"] == {
        step_id("a"): {"data": "a"},
        step_id("b"): edited,
    }
    assert sent(world, again)["ctx"]["stack"]["stack"] == [step_id("a")]
    entries = world.entries_of(again)
    assert isinstance(entries[-1], InputGiven)
    assert entries[-1].input == msgspec.Raw(b'[{"a":"\xc3\xa9","z":1}]'), "canonical"
    size = again.state_bytes

    world.answer(again, ran("b", "B"))
    assert again.state_bytes == size - len(entries[-1].input) + len(b'{"data":"B"}')
    assert sent(world, again)["steps"][step_id("b")] == {"data": "B"}
    assert_restores(world, again)


def test_the_input_stays_while_the_step_is_retried() -> None:
    world, run = finished_three_steps()
    world.functions = type(world.functions)([function("app-f", GO, retries=1)])
    again = rerun(world, run, StepChoice(step_id("b"), b"[2]"))
    world.answer(again, opcode("StepError", "b", error=ERROR))

    assert sent(world, again)["steps"][step_id("b")] == {"input": [2]}


def test_a_run_without_edited_inputs_sends_its_results_as_they_are() -> None:
    _, run = started()

    assert sent_steps(run) is run.steps


def test_a_sleep_is_not_called_for_but_found_again() -> None:
    world, run = started()
    world.answer(run, ran("a"))
    world.now_ms += 1000
    world.answer(run, sleeps("s"))
    world.fire(run)
    again = rerun(world, run, StepChoice(step_id("s")))

    assert list(again.steps) == [step_id("a")]
    assert target_step(world.call_of(again)) == "step"
    world.answer(again, sleeps("s"))
    world.fire(again)
    assert again.steps[step_id("s")] == b"null"


def test_sleeps_and_errors_before_the_step_are_kept() -> None:
    world, run = started(retries=0)
    world.answer(run, sleeps("s"))
    world.fire(run)
    world.answer(run, opcode("StepError", "e", error=ERROR))
    world.now_ms += 1000
    world.answer(run, ran("b"))
    again = rerun(world, run, StepChoice(step_id("b")))

    assert list(again.steps) == [step_id("s"), step_id("e")]
    assert again.steps[step_id("s")] == b"null"
    assert b'"error"' in again.steps[step_id("e")]
    kept = world.entries_of(again)[1]
    assert isinstance(kept, StepResolved)
    assert kept.failed
    assert kept.name == StepName("e", "StepError")


def test_a_rerun_of_a_run_that_began_at_a_step_knows_what_that_one_kept() -> None:
    world, run = finished_three_steps()
    again = rerun(world, run, StepChoice(step_id("c")))
    world.now_ms += 1000
    world.answer(again, ran("c"))
    third = rerun(world, again, StepChoice(step_id("c")))
    second = rerun(world, again, StepChoice(step_id("b")))

    assert list(third.steps) == [step_id("a"), step_id("b")]
    assert list(second.steps) == [step_id("a")]
    assert second.new.origin_run_id == run.new.id


# Which steps had started before; journals as they might be.


def name(step: str, op: str = "StepRun", **more: Any) -> StepName:
    return StepName(step, op, **more)


def resolved(step: str, at_ms: int, sent_ms: int, started_ns: int = 0, **more: Any) -> StepResolved:
    call = CallFacts(sent_ms, sent_ms, started_ns)
    more.setdefault("name", name(step))
    return StepResolved(at_ms, step_id(step), msgspec.Raw(b'{"data":1}'), call=call, **more)


def woken(step: str, at_ms: int) -> StepResolved:
    return StepResolved(at_ms, step_id(step), msgspec.Raw(b"null"))


def sleeping(step: str, at_ms: int) -> StepSleeping:
    return StepSleeping(at_ms, step_id(step), name(step, "Sleep"), at_ms + 1000)


def plans(step: str, at_ms: int) -> StepPlanned:
    return StepPlanned(at_ms, step_id(step), name(step, "StepPlanned"))


def failed(step: str, at_ms: int, sent_ms: int, **more: Any) -> StepAttemptFailed:
    call = CallFacts(sent_ms, sent_ms)
    more.setdefault("name", name(step))
    return StepAttemptFailed(
        at_ms,
        step_id(step),
        attempt=0,
        retry_at_ms=0,
        error=msgspec.Raw(b"{}"),
        call=call,
        **more,
    )


WAITING = StepWaiting(15, step_id("w"), name("w", "WaitForEvent"), "test/x", 20)
NS = 1_000_000

# fmt: off
JOURNALS: list[tuple[str, Sequence[Entry], str, list[str]]] = [
    (
        "in the order they started, not in that of their results",
        [plans("a", 10), plans("b", 10), resolved("b", 30, 12, name=None),
         resolved("a", 40, 11, name=None), resolved("c", 60, 50)],
        "c",
        ["a", "b"],
    ),
    (
        "a step that ended before the target but started after it is not kept",
        [plans("a", 10), plans("b", 10), resolved("b", 30, 12, name=None),
         resolved("a", 40, 11, name=None)],
        "a",
        [],
    ),
    (
        "a step that ended after the target but started before it is kept",
        [sleeping("s", 10), plans("a", 10), resolved("a", 40, 11, name=None), woken("s", 1010)],
        "a",
        ["s"],
    ),
    (
        "the last attempt of a step counts",
        [failed("a", 20, 10), plans("b", 25), resolved("b", 40, 30, name=None),
         resolved("a", 60, 50, name=None)],
        "a",
        ["b"],
    ),
    (
        "a step that failed and was to be tried again can be the target",
        [resolved("a", 20, 10), failed("b", 40, 30), RunEnded(50, RunStatus.CANCELLED)],
        "b",
        ["a"],
    ),
    (
        "steps without a result are not kept",
        [WAITING, resolved("a", 30, 20), resolved("b", 50, 40)],
        "b",
        ["a"],
    ),
    (
        "what timed out is null",
        [WAITING, StepResolved(20, step_id("w"), msgspec.Raw(b"null"), timed_out=True),
         resolved("b", 50, 40)],
        "b",
        ["w"],
    ),
    (
        "of one call, the SDK's own times decide",
        [resolved("b", 50, 10, 30 * NS), resolved("a", 50, 10, 20 * NS)],
        "b",
        ["a"],
    ),
    (
        "an app's clock that goes wrong does not: a step runs between its call and the answer",
        [resolved("a", 20, 10, 99_000 * NS), resolved("b", 40, 30, 1 * NS)],
        "b",
        ["a"],
    ),
    (
        "of what started at the same time, the one that was told of first",
        [sleeping("s", 10), sleeping("t", 10), woken("t", 50), woken("s", 50)],
        "t",
        ["s"],
    ),
    (
        "a request that the server makes starts with its last attempt",
        [StepRequesting(10, step_id("g"), name("g", "Gateway"), "GET", "http://x"),
         resolved("a", 30, 20),
         StepRequesting(40, step_id("g"), name("g", "Gateway"), "GET", "http://x", attempt=1),
         woken("g", 50)],
        "g",
        ["a"],
    ),
]
# fmt: on


@pytest.mark.parametrize(
    ("journal", "target", "kept"),
    [pytest.param(*case, id=promise) for promise, *case in JOURNALS],
)
def test_what_started_before_the_step_is_kept(
    journal: Sequence[Entry], target: str, kept: list[str]
) -> None:
    world, run = started()
    past = msgspec.structs.replace(past_of(world, run), journal=journal)
    today = world.functions.get(run.new.function_id)
    made = plan_rerun(past, today, StepChoice(step_id(target)))

    assert isinstance(made, RerunPlan)
    assert [step.step for step in made.kept] == [step_id(step) for step in kept]


@pytest.mark.parametrize(
    ("op", "is_called_for"),
    [
        ("StepRun", True),
        ("Step", True),
        ("StepPlanned", True),
        ("StepError", True),
        ("StepFailed", True),
        ("Sleep", False),
        ("WaitForEvent", False),
        ("WaitForSignal", False),
        ("InvokeFunction", False),
        ("AIGateway", False),
        ("Gateway", False),
    ],
)
def test_only_steps_that_the_app_runs_are_called_for(op: str, is_called_for: bool) -> None:
    world, run = started()
    journal = [resolved("a", 20, 10, name=name("a", op))]
    past = msgspec.structs.replace(past_of(world, run), journal=journal)
    made = plan_rerun(past, world.functions.get(run.new.function_id), StepChoice(step_id("a")))

    assert isinstance(made, RerunPlan)
    assert made.step == (step_id("a") if is_called_for else "")


# Which step is meant.


def chosen(wanted: str, *steps: tuple[str, StepName]) -> str:
    """The name of the step that is meant, or why there is none."""
    world, run = started()
    journal: list[Entry] = [resolved(hashed, 20, 10, name=shown) for hashed, shown in steps]
    past = msgspec.structs.replace(past_of(world, run), journal=journal)
    choice = StepChoice(wanted, b"[]")
    made = plan_rerun(past, world.functions.get(run.new.function_id), choice)
    if isinstance(made, RerunRefused):
        return made.value
    assert made.given is not None
    return next(hashed for hashed, _ in steps if step_id(hashed) == made.given[0])


def test_a_step_is_found_by_its_id_in_the_code_or_by_the_name_it_shows() -> None:
    steps = ("1", name("Charge the card", id="charge")), ("2", name("plain"))

    assert chosen("charge", *steps) == "1"
    assert chosen("Charge the card", *steps) == "1"
    assert chosen("plain", *steps) == "2"
    assert chosen(step_id("2"), *steps) == "2"


def test_a_hashed_id_goes_before_a_name() -> None:
    assert chosen(step_id("1"), ("1", name("x")), ("2", name(step_id("1")))) == "1"


def test_an_id_in_the_code_goes_before_a_name_that_is_shown() -> None:
    assert chosen("x", ("1", name("x", id="y")), ("2", name("z", id="x"))) == "2"


def test_a_name_that_several_steps_have_is_ambiguous() -> None:
    loop = ("1", name("x", id="x")), ("2", name("x", id="x", index=1))

    assert chosen("x", *loop) == "rerun step name is ambiguous"
    assert chosen(step_id("2"), *loop) == "2"


@pytest.mark.parametrize("wanted", ["", "unknown", "X", step_id("unknown")])
def test_a_step_that_was_never_reported_is_not_found(wanted: str) -> None:
    assert chosen(wanted, ("1", name("x"))) == "rerun step not found"


# Edited inputs.


def with_input(raw: bytes, language: str = "js") -> RerunPlan | RerunRefused:
    world, run = finished_three_steps()
    return planned(world, run, StepChoice(step_id("b"), raw), language)


@pytest.mark.parametrize(
    "raw",
    [b"", b" ", b"{}", b"null", b'"[]"', b"1", b"[", b"[1", b"[1]]", b"[1] x", b"[\xff", b"[nan]"],
)
def test_an_input_that_is_no_json_array_is_refused(raw: bytes) -> None:
    assert with_input(raw) is RerunRefused.INPUT_INVALID


@pytest.mark.parametrize("levels", [257, 100_000])
def test_an_input_that_is_nested_too_deeply_is_refused(levels: int) -> None:
    assert isinstance(with_input(b"[" * 256 + b"]" * 256), RerunPlan)
    assert with_input(b"[" * levels + b"]" * levels) is RerunRefused.INPUT_INVALID


def test_an_input_may_be_as_large_as_a_step_s() -> None:
    fits = b'["%b"]' % (b"x" * (STEP_BYTES_MAX - 4))

    assert isinstance(with_input(fits), RerunPlan)
    assert with_input(fits + b" ") is RerunRefused.INPUT_TOO_LARGE


@pytest.mark.parametrize("language", ["py", "go"])
def test_sdks_that_would_take_the_input_for_the_result_are_spared(language: str) -> None:
    assert with_input(b"[]", language) is RerunRefused.INPUT_NOT_TAKEN


def test_a_text_of_an_unknown_sdk_is_sent() -> None:
    assert isinstance(with_input(b"[]", ""), RerunPlan)
