"""Rules of the execution semantics that ordinary runs rarely meet."""

from typing import Any

import msgspec
import pytest

from stepwell.core.call import call_body
from stepwell.core.function import Function
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, ItemId, WaitId
from stepwell.core.item_bodies import MatchBody
from stepwell.core.journal import (
    RunEnded,
    StepAttemptFailed,
    StepInvoking,
    StepPlanned,
    StepResolved,
    StepWaiting,
)
from stepwell.core.matching import match_waits
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.routing import candidates, route
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.core.transition import StoredEvent
from stepwell.core.waits import Wait, WaitKind
from stepwell.wire.config import CancelOn, EventTrigger
from stepwell.wire.events import AcceptedEvent, invocation_event, parse_events
from stepwell.wire.response import SdkReply, read_reply
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
ERROR = {"name": "E", "message": "m"}
NO_RETRY = {"x-inngest-no-retry": "true"}


def started(data: Any = None, **options: Any) -> tuple[CoreWorld, RunState]:
    world = CoreWorld(function("app-f", GO, **options))
    (run,) = world.send("test/go", data)
    return world, run


def plan(name: str, **opts: Any) -> dict[str, Any]:
    return opcode("StepPlanned", name, opts=opts)


def racing(*names: str) -> list[dict[str, Any]]:
    return [plan(name, parallelMode="race") for name in names]


def wait(name: str = "w", **opts: Any) -> dict[str, Any]:
    return opcode("WaitForEvent", name, opts={"event": "test/answer", "timeout": "1h"} | opts)


def invoke(name: str, target: str, **opts: Any) -> dict[str, Any]:
    return opcode("InvokeFunction", name, opts={"function_id": target} | opts)


def ran(name: str, data: Any = 1) -> dict[str, Any]:
    return opcode("StepRun", name, data=data)


def answer_item(world: CoreWorld, item: QueueItem, *ops: dict[str, Any]) -> None:
    reply = SdkReply(206, SDK_HEADERS, msgspec.json.encode(ops))
    world.outcome(item, read_reply(reply, now_ms=world.now_ms))


def discovery(world: CoreWorld, run: RunState) -> QueueItem:
    (item,) = (i for i in world.calls_of(run) if i.kind is ItemKind.DISCOVER)
    return item


def sent_context(world: CoreWorld, run: RunState, item: QueueItem) -> dict[str, Any]:
    known = world.functions.get(run.new.function_id)
    assert known is not None
    body = msgspec.json.decode(call_body(run, known, item, request_id="r"))
    context: dict[str, Any] = body["ctx"]
    return context


def is_only_planning(world: CoreWorld, run: RunState, item: QueueItem) -> bool:
    only_plan: bool = sent_context(world, run, item)["disable_immediate_execution"]
    return only_plan


# Parallel groups. Source: execution semantics, 3.13.


def test_in_a_race_the_function_only_plans_while_members_are_being_run() -> None:
    """Else a discovery that finds one open member would run its body a second time."""
    world, run = started()
    world.answer(run, *racing("a", "b"))
    world.answer_step(run, "a", ran("a"))
    assert is_only_planning(world, run, discovery(world, run))

    answer_item(world, discovery(world, run), *racing("b"))
    world.answer_step(run, "b", ran("b"))
    assert not is_only_planning(world, run, discovery(world, run)), "the race is over"


def test_a_group_within_a_pending_group_is_awaited_as_well() -> None:
    world, run = started()
    world.answer(run, plan("a"), plan("b"))
    world.answer_step(run, "a", ran("a"), plan("c"))
    assert {item.step for item in world.calls_of(run)} == {step_id("b"), step_id("c")}
    world.answer_step(run, "c", ran("c"))
    world.answer_step(run, "b", ran("b"))
    assert world.call_of(run).kind is ItemKind.DISCOVER


def test_a_group_after_a_race_is_awaited_though_the_race_goes_on() -> None:
    world, run = started()
    world.answer(run, *racing("a", "b"))
    world.answer_step(run, "a", ran("a"))
    answer_item(world, discovery(world, run), plan("c"), plan("d"))
    world.answer_step(run, "c", ran("c"))
    assert {item.step for item in world.calls_of(run)} == {step_id("b"), step_id("d")}
    world.answer_step(run, "b", ran("b"))
    assert discovery(world, run).step == step_id("b"), "the race still answers at once"
    answer_item(world, discovery(world, run), plan("d"))
    world.answer_step(run, "d", ran("d"))
    assert world.call_of(run).step == step_id("d")


def test_a_result_within_a_group_does_not_call_the_function_yet() -> None:
    world, run = started()
    world.answer(run, ran("a"), plan("b"))
    assert world.call_of(run).kind is ItemKind.STEP
    world.answer_step(run, "b", ran("b"))
    assert (world.call_of(run).kind, world.call_of(run).step) == (ItemKind.DISCOVER, step_id("b"))


def test_several_results_in_one_answer_call_the_function_once() -> None:
    world, run = started()
    world.answer(run, ran("a"), ran("b"))
    assert list(run.steps) == [step_id("a"), step_id("b")]
    assert world.call_of(run).kind is ItemKind.DISCOVER
    assert not run.only_plan


def test_a_failed_attempt_within_a_group_is_repeated_and_awaited() -> None:
    world, run = started()
    world.answer(run, opcode("StepError", "a", error=ERROR), plan("b"))
    repeated = next(i for i in world.calls_of(run) if i.kind is ItemKind.START)
    assert repeated.attempt == 1
    world.answer_step(run, "b", ran("b"))
    assert world.calls_of(run) == [repeated], "the repeated call is the discovery"


def test_a_step_that_is_never_reported_again_does_not_hold_up_its_group_for_ever() -> None:
    """The attempt of `a` failed; by the time of its repetition the code has changed."""
    world, run = started()
    world.answer(run, opcode("StepError", "a", error=ERROR), plan("b"))
    world.answer_step(run, "b", ran("b"))
    world.answer(run, plan("c"), plan("d"))
    world.answer_step(run, "c", ran("c"))
    world.answer_step(run, "d", ran("d"))
    assert (world.call_of(run).kind, world.call_of(run).step) == (ItemKind.DISCOVER, step_id("d"))


def test_a_step_resolved_in_the_answer_that_plans_it_leaves_no_item() -> None:
    world, run = started()
    world.answer(run, plan("a"), ran("a"), wait("w"), ran("w"))
    assert [item.kind for item in run.items.values()] == [ItemKind.DISCOVER]
    assert not world.waits
    assert len(world.items) == 1


def test_the_result_of_a_finished_run_drops_what_was_planned_with_it() -> None:
    world, run = started()
    done = {"op": "RunComplete", "id": "x", "data": 5}
    world.answer(run, plan("a"), wait(), opcode("Sleep", "s") | {"name": "1h"}, done)
    assert output_of(world.entries_of(run)) == 5
    assert (world.items, world.waits, run.items, run.waits) == ({}, {}, {}, {})


def test_a_discovery_request_calls_the_function_again() -> None:
    world, run = started()
    world.answer(run, {"op": "DiscoveryRequest", "id": "x"})
    assert (world.call_of(run).kind, world.call_of(run).attempt) == (ItemKind.DISCOVER, 0)


def test_a_lone_none_is_a_failed_attempt() -> None:
    world, run = started()
    world.answer(run, {"op": "None"})
    assert world.call_of(run).attempt == 1


def test_nothing_to_report_is_fine_while_other_work_is_under_way() -> None:
    world, run = started()
    world.answer(run, *racing("a", "b"))
    world.answer_step(run, "a", ran("a"))
    answer_item(world, discovery(world, run), {"op": "None"})
    assert [item.step for item in world.calls_of(run)] == [step_id("b")]


def test_an_answer_for_a_resolved_step_is_no_work_under_way() -> None:
    """A wait was resolved otherwise; a queued answer to it must not be what the run waits for."""
    world, run = started(retries=0)
    world.answer(run, wait())
    item = QueueItem(ItemId(10**6), ItemKind.RESUME, run.new.function_id, run.new.id, step_id("w"))
    world.fire(run)
    run.items[item.id] = item
    world.answer(run)
    assert run.status is RunStatus.FAILED


# The stack. Source: SDK protocol, 6.2.


def test_the_stack_grows_in_order_of_completion_and_names_the_cause_of_a_call() -> None:
    world, run = started()
    assert sent_context(world, run, world.call_of(run))["stack"] == {"stack": [], "current": 0}
    world.answer(run, *racing("a", "b", "c"))
    world.answer_step(run, "b", ran("b"))
    after_b = discovery(world, run)
    world.answer_step(run, "a", ran("a"))
    after_a = next(i for i in world.calls_of(run) if i.step == step_id("a"))
    stack = [step_id("b"), step_id("a")]
    assert sent_context(world, run, after_b)["stack"] == {"stack": stack, "current": 1}
    assert sent_context(world, run, after_a)["stack"] == {"stack": stack, "current": 2}
    step_c = next(i for i in world.calls_of(run) if i.kind is ItemKind.STEP)
    assert sent_context(world, run, step_c)["stack"] == {"stack": stack, "current": 0}


# Errors. Source: execution semantics, 3.9, 3.10 and 5.5.


def test_a_function_error_after_a_failed_step_fails_the_run_when_it_is_final() -> None:
    """TypeScript answers an uncaught step error with 400 and forbids a retry."""
    world, run = started(retries=0)
    world.answer(run, opcode("StepError", "a", error=ERROR))
    body = b'{"name":"E","message":"m","stack":"at f"}'
    world.reply(run, 400, body, NO_RETRY)
    entries = world.entries_of(run)
    assert output_of(entries) == {"name": "E", "message": "m", "stack": "at f"}
    error = world.event("inngest/function.failed")["data"]["error"]
    assert error == {"error": "NonRetriableError", "message": "m", "name": "E", "stack": "at f"}


def test_a_function_error_after_a_failed_step_has_attempts_of_its_own() -> None:
    world, run = started(retries=1)
    world.answer(run, opcode("StepFailed", "a", error=ERROR))
    world.reply(run, 500, b'{"name":"E","message":"m"}')
    assert (world.call_of(run).attempt, run.status) == (1, RunStatus.RUNNING)


def test_a_function_error_of_a_planned_steps_call_fails_the_run_with_its_siblings() -> None:
    """Python answers step_unexpected to the call for a step it cannot find."""
    world, run = started(retries=0)
    world.answer(run, plan("a"), plan("b"))
    item = next(i for i in world.calls_of(run) if i.step == step_id("a"))
    body = b'{"code":"step_unexpected","message":"not found","name":"UnexpectedStepError"}'
    world.outcome(item, read_reply(SdkReply(500, SDK_HEADERS, body), now_ms=world.now_ms))
    assert run.status is RunStatus.FAILED
    assert not world.items


def test_the_memo_of_a_failed_step_keeps_cause_and_data() -> None:
    world, run = started()
    error = ERROR | {"stack": "s", "data": {"go": 1}, "cause": {"name": "C"}, "code": "x"}
    world.answer(run, opcode("StepFailed", "a", error=error), headers=NO_RETRY)
    assert msgspec.json.decode(run.steps[step_id("a")]) == {
        "error": ERROR | {"stack": "s", "data": {"go": 1}, "cause": {"name": "C"}, "noRetry": True}
    }


def test_a_run_failed_by_the_server_publishes_its_error_as_result_too() -> None:
    world, run = started()
    world.answer(run, opcode("Sleep", "s") | {"name": "400d"})
    data = world.event("inngest/function.failed")["data"]
    assert data["result"] == {"error": data["error"]}
    assert data["error"]["name"] == "InngestErrTimeoutTooLong"
    assert data["_inngest"] == {"status": "Failed"}


def test_an_empty_result_is_null() -> None:
    world, run = started()
    world.reply(run, 200, b"")
    assert output_of(world.entries_of(run)) is None
    assert world.event("inngest/function.finished")["data"]["result"] is None


# Internal events. Source: execution semantics, 5.2.


def test_events_about_the_end_of_a_run_say_what_the_reference_says() -> None:
    world, run = started({"n": 1})
    world.reply(run, 200, b'{"ok":true}')
    event = world.event("inngest/function.finished")
    trigger = msgspec.json.decode(run.events[0])
    assert event["data"] == {
        "_inngest": {"status": "Completed"},
        "event": trigger,
        "events": [trigger],
        "function_id": "app-f",
        "result": {"ok": True},
        "run_id": run.new.id,
    }
    assert trigger["user"] == {}
    assert (event["ts"], event["user"]) == (START_MS, {})
    assert event["id"] != world.events[-1].id, "its id is not its internal id"


def test_a_trigger_without_data_has_empty_data_in_them() -> None:
    world, run = started(None)
    assert msgspec.json.decode(run.events[0])["data"] is None
    world.reply(run, 200, b"1")
    data = world.event("inngest/function.finished")["data"]
    assert (data["event"]["data"], data["events"][0]["data"]) == ({}, None)


def test_the_sessions_of_the_trigger_are_passed_on() -> None:
    world = CoreWorld(function("app-f", GO))
    (run,) = world.send("test/go", meta={"sessions": {"chat": "7"}})
    world.cancel(run)
    for name in ("inngest/function.finished", "inngest/function.cancelled"):
        assert world.event(name)["meta"] == {"sessions": {"chat": "7"}}


@pytest.mark.parametrize("name", ["inngest/function.finished", "inngest/function.failed"])
def test_runs_that_listen_to_the_end_of_runs_publish_nothing(name: str) -> None:
    world = CoreWorld(
        function("app-f", GO, retries=0), function("app-ear", EventTrigger(event=name))
    )
    (run,) = world.send("test/go")
    world.reply(run, 500, b"{}")
    (ear,) = (r for r in world.runs.values() if r.new.event_name == name)
    before = len(world.events)
    world.reply(ear, 200, b"1")
    assert len(world.events) == before


def test_runs_that_listen_to_cancellations_publish_their_end() -> None:
    name = "inngest/function.cancelled"
    world = CoreWorld(function("app-f", GO), function("app-ear", EventTrigger(event=name)))
    (run,) = world.send("test/go")
    world.cancel(run)
    (ear,) = (r for r in world.runs.values() if r.new.event_name == name)
    world.reply(ear, 200, b"1")
    assert world.event("inngest/function.finished")["data"]["run_id"] == ear.new.id


def test_a_run_can_wait_for_the_end_of_another() -> None:
    world = CoreWorld(function("app-f", GO), function("app-g", EventTrigger(event="test/g")))
    (run,) = world.send("test/go")
    (other,) = world.send("test/g")
    condition = f"async.data.run_id == '{other.new.id}'"
    world.answer(run, wait(event="inngest/function.finished", **{"if": condition}))
    world.reply(other, 200, b'"result"')
    world.match()
    memo = msgspec.json.decode(run.steps[step_id("w")])
    assert memo["data"]["result"] == "result"


def test_a_result_too_deep_for_an_event_is_left_out_of_it() -> None:
    """Whoever evaluates a condition on the event could not read it; the run keeps its output."""
    ear = EventTrigger(event="inngest/function.finished", expression="event.data.n == 1")
    world = CoreWorld(function("app-f", GO), function("app-ear", ear))
    (run,) = world.send("test/go")
    deep = b"[" * 500 + b"]" * 500
    world.reply(run, 200, deep)
    assert run.status is RunStatus.COMPLETED
    ended = world.entries_of(run)[-1]
    assert isinstance(ended, RunEnded)
    assert bytes(ended.output) == deep
    assert "result" not in world.event("inngest/function.finished")["data"]


def test_a_cause_too_deep_for_an_event_is_left_out_of_it() -> None:
    world, run = started(retries=0)
    cause = '{"cause":' * 300 + "1" + "}" * 300
    world.reply(run, 500, f'{{"name":"E","message":"m","cause":{cause}}}'.encode())
    data = world.event("inngest/function.failed")["data"]
    assert data["error"]["name"] == "E"
    assert "cause" not in data["error"]


# Invoking. Source: execution semantics, 4.4.


def parent(target: str, *functions: Function, **opts: Any) -> tuple[CoreWorld, RunState]:
    world = CoreWorld(function("app-parent", GO), *functions)
    (run,) = world.send("test/go")
    world.answer(run, invoke("call", target, **opts))
    return world, run


def test_a_function_can_be_invoked_by_its_id() -> None:
    world, run = parent("id-of-app-child", function("app-child"))
    (invoking,) = (e for e in world.entries_of(run) if isinstance(e, StepInvoking))
    assert (invoking.function, invoking.function_id) == ("id-of-app-child", "id-of-app-child")
    assert invoking.run_id == world.new_runs[-1].id


def test_an_archived_function_cannot_be_invoked() -> None:
    archived = msgspec.structs.replace(function("app-child"), archived=True)
    for target in ("app-child", "id-of-app-child"):
        _, run = parent(target, archived)
        error = msgspec.json.decode(run.steps[step_id("call")])["error"]
        assert error["message"] == f"could not find function with ID: {target}"


def test_an_invocation_passes_on_version_user_and_sessions() -> None:
    payload = {
        "data": {"n": 1, "_inngest": "forged"},
        "v": "2",
        "user": {"u": 1},
        "meta": {"propagated_sessions": {"chat": "7"}},
    }
    world, run = parent("app-child", function("app-child"), payload=payload)
    event = msgspec.json.decode(world.runs[world.new_runs[-1].id].events[0])
    assert (event["v"], event["user"]) == ("2", {"u": 1})
    assert event["meta"] == {"sessions": {"chat": "7"}}
    metadata = event["data"].pop("_inngest")
    assert event["data"] == {"n": 1}
    assert metadata == {
        "correlation_id": f"{run.new.id}.{step_id('call')}",
        "expire": START_MS + 365 * 86_400_000,
        "fn_id": "app-child",
        "gid": "",
        "name": "call",
        "source_app_id": "app",
        "source_fn_id": "id-of-app-parent",
        "source_fn_v": 1,
    }


@pytest.mark.parametrize(
    "payload",
    [
        {"data": [1]},
        {"data": "text"},
        {"user": 7},
        {"meta": {"sessions": {"": "x"}}},
        {"meta": 5},
    ],
)
def test_an_invocation_that_makes_no_event_fails_the_run(payload: dict[str, Any]) -> None:
    world, run = parent("app-child", function("app-child"), payload=payload)
    assert output_of(world.entries_of(run))["error"]["name"] == "InvalidInvoke"
    assert len(world.new_runs) == 1


def test_an_invocation_with_data_too_deep_for_an_event_fails_the_run() -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    world, run = parent("app-child", function("app-child"), payload={"data": {"deep": deep}})
    assert output_of(world.entries_of(run))["error"]["name"] == "InvalidInvoke"


def test_null_data_and_user_are_absent() -> None:
    payload = {"data": None, "user": None, "v": None, "meta": None}
    world, _ = parent("app-child", function("app-child"), payload=payload)
    event = msgspec.json.decode(world.runs[world.new_runs[-1].id].events[0])
    assert set(event) == {"data", "id", "name", "ts", "user"}
    assert event["user"] == {}


def test_a_child_that_returns_nothing_is_null_for_its_caller() -> None:
    world, run = parent("app-child", function("app-child"))
    world.reply(world.runs[world.new_runs[-1].id], 200, b"")
    world.resume()
    assert run.steps[step_id("call")] == b'{"data":null}'


@pytest.mark.parametrize("timeout", ["-5m", "1970-01-01T00:00:00Z"])
def test_an_invocation_without_time_left_times_out_at_once(timeout: str) -> None:
    world, run = parent("app-child", function("app-child"), timeout=timeout)
    (item,) = run.items.values()
    assert 0 < item.due_ms <= START_MS
    world.fire(run)
    assert b"InngestInvokeTimeoutError" in run.steps[step_id("call")]


def test_an_invoked_function_that_listens_to_invocations_runs_once() -> None:
    child = function("app-child", EventTrigger(event="inngest/function.invoked"))
    ear = function("app-ear", EventTrigger(event="inngest/*"))
    world, _ = parent("app-child", child, ear)
    started = [new.function_id for new in world.new_runs[1:]]
    assert started == ["id-of-app-child", "id-of-app-ear"]
    assert world.new_runs[1].parent_step == step_id("call")
    assert world.new_runs[2].parent_run_id == ""


def test_a_repeated_invocation_starts_nothing() -> None:
    world = CoreWorld(function("app-child"), function("app-ear", EventTrigger(event="inngest/*")))
    event = invocation_event(
        b'{"id":"once"}', function_slug="app-child", received_ms=START_MS, internal_id="i"
    )
    accepted = AcceptedEvent("i", START_MS, event, event.payload())
    ids = {each.id for each in candidates(accepted, world.functions)}
    assert ids == {"id-of-app-child", "id-of-app-ear"}

    def sent(claimed: set[Any]) -> Any:
        return route(
            accepted,
            environment_id=DEFAULT_ENVIRONMENT_ID,
            world=world.world(),
            at=world.moment(),
            claim_key="once",
            claimed=claimed,
        )

    assert {claim.function_id for claim in sent(set()).claims} == ids
    again = sent(ids)
    assert not again.runs
    assert {(skip.function_id, skip.reason) for skip in again.skips} == {
        (each, "duplicate") for each in ids
    }


def test_only_what_would_have_run_counts_as_a_duplicate() -> None:
    trigger = EventTrigger(event="t/x", expression="event.data.n == 1")
    world = CoreWorld(function("app-f", trigger))
    (accepted,) = parse_events(
        b'{"name":"t/x","id":"once","data":{"n":2}}',
        content_type="application/json",
        received_ms=START_MS,
        internal_ids=lambda _: world.ids.ulid(START_MS),
    ).accepted
    transition = route(
        accepted,
        environment_id=DEFAULT_ENVIRONMENT_ID,
        world=world.world(),
        at=world.moment(),
        claim_key="once",
        claimed={function("app-f").id},
    )
    assert (transition.runs, transition.skips) == ([], [])


# Waiting. Source: execution semantics, 4.1, 4.2 and 4.5.


def test_a_condition_on_the_trigger_alone_is_decided_when_the_wait_is_made() -> None:
    world, run = started({"n": 7})
    world.answer(
        run,
        wait("yes", **{"if": "event.data.n == 7"}),
        wait("no", **{"if": "event.data.n == 8"}),
    )
    assert [w.step for w in world.waits.values()] == [step_id("yes")]
    world.send("test/answer")
    assert list(run.steps) == [step_id("yes")]
    world.fire(run)
    assert run.steps[step_id("no")] == b"null", "a wait that cannot be satisfied times out"


def test_both_sides_missing_match() -> None:
    """As in the reference, where a missing field of the trigger event becomes null."""
    world, run = started()
    world.answer(run, wait(**{"if": "event.data.id == async.data.id"}))
    world.send("test/answer", {"id": "x"})
    assert not run.steps
    world.send("test/answer", {})
    assert step_id("w") in run.steps


def test_a_timeout_may_be_a_time() -> None:
    world, run = started()
    world.answer(run, wait(timeout="2026-09-21T15:33:20.500Z"))
    (waiting,) = (e for e in world.entries_of(run) if isinstance(e, StepWaiting))
    assert waiting.expires_ms == 1_790_004_800_500
    assert next(iter(run.items.values())).due_ms == waiting.expires_ms


@pytest.mark.parametrize("timeout", ["", "0s", "-10m", "2001-01-01T00:00:00Z"])
def test_a_wait_without_time_left_is_null_at_once(timeout: str) -> None:
    world, run = started()
    world.answer(run, wait(timeout=timeout))
    assert not world.waits
    assert next(iter(run.items.values())).due_ms <= START_MS
    world.fire(run)
    assert run.steps[step_id("w")] == b"null"


def cancel_wait(world: CoreWorld, number: int, condition: str = "") -> Wait:
    return Wait(
        WaitId(number),
        WaitKind.CANCEL,
        DEFAULT_ENVIRONMENT_ID,
        "test/stop",
        "",
        "",
        condition,
        b"{}",
        world.new_runs[0].id,
        world.new_runs[0].function_id,
        step_id(""),
        START_MS,
        START_MS + 1000,
        world.new_runs[0].event_id,
    )


def test_an_event_routed_before_a_wait_existed_does_not_satisfy_it() -> None:
    """Not even in the same millisecond: the numbers of items and waits have one order."""
    world, _ = started()
    world.send("test/stop")
    stop: StoredEvent = world.events[-1]
    item = QueueItem(ItemId(50), ItemKind.MATCH, function("").id, body=MatchBody(stop.id).encode())
    waits = [cancel_wait(world, number) for number in (49, 51)]
    transition = match_waits(stop, item, waits, more=True, at=world.moment())
    assert len(transition.put) == 1
    assert transition.done == [item.id], "all that follow are younger still"


def test_conditions_of_waits_know_what_time_it_is() -> None:
    world, _ = started()
    world.send("test/stop")
    stop = world.events[-1]
    item = QueueItem(ItemId(50), ItemKind.MATCH, function("").id)
    waits = [cancel_wait(world, 1, "now() > timestamp('2020-01-01T00:00:00Z')")]
    transition = match_waits(stop, item, waits, more=False, at=world.moment())
    assert len(transition.put) == 1


def test_a_stored_cancel_condition_that_does_not_compile_cancels_nothing() -> None:
    """An earlier version accepted it; the run starts, and why it cannot be cancelled is recorded."""
    cancel = (CancelOn(event="test/stop", condition="nonsense("), CancelOn(event="test/stop"))
    world, _ = started(cancel=cancel)
    assert len(world.waits) == 1
    (skip,) = world.skips
    assert (skip.reason, skip.event_id) == ("cancel_condition_invalid", world.events[0].id)
    assert skip.detail.startswith("nonsense(: ")


# Limits. Source: execution semantics, 3.11.


def test_a_run_whose_limit_is_higher_may_report_more_at_once() -> None:
    known = msgspec.structs.replace(function("app-f", GO), steps_max=1500)
    for count, status in ((1500, RunStatus.RUNNING), (1501, RunStatus.FAILED)):
        world = CoreWorld(known)
        (run,) = world.send("test/go")
        world.answer(run, *(plan(f"s{n}") for n in range(count)))
        assert run.status is status


def test_a_state_that_an_event_makes_too_large_fails_the_run() -> None:
    known = msgspec.structs.replace(function("app-f", GO), state_bytes_max=500)
    world = CoreWorld(known)
    (run,) = world.send("test/go")
    world.answer(run, wait())
    world.send("test/answer", {"text": "x" * 500})
    assert run.status is RunStatus.FAILED
    assert output_of(world.entries_of(run))["error"]["name"] == "InngestErrStateOverflowed"
    assert not any(isinstance(e, StepResolved) for e in world.entries_of(run))
    assert (world.items, world.waits) == ({}, {})


def test_state_counts_events_and_results() -> None:
    world, run = started({"n": 1})
    assert run.state_bytes == len(run.events[0])
    world.answer(run, ran("a", "x" * 10))
    assert run.state_bytes == len(run.events[0]) + len(b'{"data":"xxxxxxxxxx"}')


# What is kept of steps.


def test_the_input_of_a_step_is_kept_once_however_often_it_is_tried() -> None:
    world, run = started()
    failing = opcode("StepError", "a", error=ERROR, opts={"input": [1]})
    world.answer(run, failing)
    world.answer(run, failing)
    world.answer(run, opcode("StepRun", "a", data=1, opts={"input": [1]}))
    entries = [e for e in world.entries_of(run) if isinstance(e, StepAttemptFailed | StepResolved)]
    kept = [e.name is not None and bool(bytes(e.name.opts)) for e in entries]
    assert kept == [True, False, False]
    assert entries[1].name is not None
    assert entries[1].name.shown == "a"


def test_the_input_of_a_planned_step_is_kept_with_the_plan() -> None:
    world, run = started()
    world.answer(run, plan("a", input=[1]), plan("b"))
    world.answer_step(run, "a", opcode("StepError", "a", error=ERROR, opts={"input": [1]}))
    world.answer_step(run, "a", opcode("StepRun", "a", data=1, opts={"input": [1]}))
    planned, failed, resolved = (
        e
        for e in world.entries_of(run)
        if isinstance(e, StepPlanned | StepAttemptFailed | StepResolved) and e.step == step_id("a")
    )
    assert planned.name is not None
    assert bytes(planned.name.opts) == b'{"input":[1]}'
    assert failed.name is not None
    assert not bytes(failed.name.opts)
    assert resolved.name is None


def test_every_step_has_a_name_whoever_reports_it() -> None:
    world, run = started()
    world.answer(run, plan("a"), plan("b"))
    world.answer_step(run, "a", ran("a"), ran("extra"))
    by_step = {e.step: e for e in world.entries_of(run) if isinstance(e, StepResolved)}
    extra = by_step[step_id("extra")]
    assert extra.name is not None
    assert extra.name.shown == "extra"


def test_shown_names_are_cut() -> None:
    world, run = started()
    long = "n" * 300
    world.answer(run, opcode("StepRun", long, userland={"id": long, "index": 3}))
    (resolved,) = (e for e in world.entries_of(run) if isinstance(e, StepResolved))
    assert resolved.name is not None
    assert (len(resolved.name.shown), len(resolved.name.id), resolved.name.index) == (256, 256, 3)
