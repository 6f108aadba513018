"""Requests that the server makes for steps: what is kept, what is memoised, what is repeated.

The opcodes are those which the TypeScript SDK 4.24 and the Python SDK 0.5.19 send.
"""

from typing import Any

import msgspec
import pytest

from stepwell.core.journal import (
    ABSENT,
    CallFacts,
    GroupOpened,
    StepAttemptFailed,
    StepRequesting,
    StepResolved,
    encode_entry,
)
from stepwell.core.queue import IMMEDIATE, ItemKind, QueueItem
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.core.steps.requested import (
    RequestFailed,
    RequestReply,
    RequestResult,
    answered,
    lost,
)
from stepwell.core.transition import Transition
from stepwell.wire.config import EventTrigger
from stepwell.wire.response import Outcome, SdkReply, read_reply
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
NAME = "step.fetch: user.test"
FETCH = opcode(
    "Gateway",
    NAME,
    opts={
        "url": "https://me:pw@user.test/path?q=secret#part",
        "method": "POST",
        "headers": {"x-token": "s3cret"},
        "body": "h1dden",
    },
    userland={"id": NAME},
    data=None,
)
INFER = opcode(
    "AIGateway",
    "ask",
    opts={
        "type": "step.ai.infer",
        "url": "https://ai.test/v1beta/models/m:generateContent?key=AIzaKEY",
        "headers": {},
        "auth_key": "AIzaKEY",
        "format": "gemini",
        "body": {"contents": ["h1dden"]},
    },
    userland={"id": "ask"},
    data=None,
)
REPLY = RequestReply(200, {"content-type": "text/plain"}, b"hi", "https://user.test/path")
UNREACHABLE = RequestFailed("cannot resolve user.test")


def started(*ops: dict[str, Any], retries: int | None = None) -> tuple[CoreWorld, RunState]:
    """A run whose first call was answered with these opcodes."""
    world = CoreWorld(function("app-f", GO, retries=retries))
    (run,) = world.send("test/go", {"n": 1})
    world.answer(run, *ops)
    return world, run


def requests(run: RunState) -> list[QueueItem]:
    return [item for item in run.items.values() if item.kind is ItemKind.GATEWAY]


def give(
    world: CoreWorld, run: RunState, result: RequestResult, *, name: str | None = None
) -> Transition:
    """The run's request (of the step with that name) comes to `result`."""
    steps = {step_id(name)} if name else {item.step for item in requests(run)}
    (item,) = (item for item in requests(run) if item.step in steps)
    call = CallFacts(item.queued_ms, world.now_ms)
    transition = answered(run, item, result, call=call, world=world.world(), at=world.moment())
    return world.absorb(transition, run)


def memo(run: RunState, name: str) -> Any:
    return msgspec.json.decode(run.steps[step_id(name)])


def wait_for_retry(world: CoreWorld, run: RunState) -> QueueItem:
    """Let the time pass until the run's next call."""
    item = min(world.calls_of(run), key=lambda call: call.due_ms)
    world.now_ms = max(world.now_ms, item.due_ms)
    return item


def reported(ops: list[dict[str, Any]]) -> Outcome:
    return read_reply(SdkReply(206, SDK_HEADERS, msgspec.json.encode(ops)), now_ms=START_MS)


# Reports.


def test_a_fetch_is_queued_as_a_request_in_the_lane_of_the_runs_calls() -> None:
    world, run = started(FETCH)
    (item,) = requests(run)
    assert (item.step, item.attempt, item.due_ms) == (step_id(NAME), 0, IMMEDIATE)
    assert (item.lane, item.score) == (run.new.lane, run.new.score)
    assert not world.calls_of(run)


@pytest.mark.parametrize(
    ("op", "name", "method", "url"),
    [
        (FETCH, NAME, "POST", "https://user.test/path"),
        (INFER, "ask", "POST", "https://ai.test/v1beta/models/m:generateContent"),
        (opcode("Gateway", "a", opts={"url": "http://u.test:81"}), "a", "POST", "http://u.test:81"),
        (
            opcode("Gateway", "a", opts={"url": "http://[::1]:81/x", "method": "get"}),
            "a",
            "GET",
            "http://[::1]:81/x",
        ),
        (opcode("Gateway", "a", opts={"url": "http://user:pw/x@u.test"}), "a", "POST", ""),
        (opcode("Gateway", "a", opts={"url": "secret"}), "a", "POST", ""),
        (opcode("Gateway", "a", opts={"url": "ftp://u.test/x"}), "a", "POST", ""),
    ],
)
def test_the_journal_says_where_the_request_goes(
    op: dict[str, Any], name: str, method: str, url: str
) -> None:
    world, run = started(op)
    entry = world.entries_of(run)[-1]
    assert isinstance(entry, StepRequesting)
    assert (entry.step, entry.method, entry.url, entry.attempt) == (step_id(name), method, url, 0)
    assert (entry.name.shown, entry.name.op) == (name, op["op"])


@pytest.mark.parametrize("op", [FETCH, INFER])
def test_nothing_secret_is_written(op: dict[str, Any]) -> None:
    """Neither headers, nor body, nor query, nor credentials: not in journal, item or failure."""
    world, run = started(op)
    give(world, run, UNREACHABLE)
    wait_for_retry(world, run)
    world.answer(run, op)
    give(world, run, REPLY)
    written = b"".join(encode_entry(entry) for entry in world.entries_of(run))
    written += b"".join(item.body for item in world.items.values())
    for secret in (b"secret", b"s3cret", b"h1dden", b"AIzaKEY", b"pw", b"x-token"):
        assert secret not in written


def test_what_kind_of_step_it_is_stays_known() -> None:
    world, run = started(INFER)
    entry = world.entries_of(run)[-1]
    assert isinstance(entry, StepRequesting)
    shown = {"type": "step.ai.infer", "format": "gemini"}
    assert msgspec.json.decode(entry.name.opts) == shown


def test_a_kept_option_cannot_smuggle_anything_large_or_structured() -> None:
    world, run = started(
        opcode("Gateway", "a", opts={"url": "http://u", "type": ["x"], "format": "y" * 300})
    )
    entry = world.entries_of(run)[-1]
    assert isinstance(entry, StepRequesting)
    assert entry.name.opts is ABSENT


def test_options_that_cannot_be_used_are_an_error_the_function_can_catch() -> None:
    world, run = started(opcode("Gateway", "a", opts={"url": "http://u", "body": {"x": 1}}))
    assert memo(run, "a") == {
        "error": {"message": 'Gateway "a": opts.body must be a string', "name": "GatewayError"}
    }
    assert not requests(run)
    assert world.call_of(run).kind is ItemKind.DISCOVER


def test_a_step_that_is_requested_or_resolved_is_not_requested_again() -> None:
    world, run = started(FETCH, FETCH, INFER)
    assert len(requests(run)) == 2
    give(world, run, REPLY, name=NAME)
    give(world, run, REPLY, name="ask")
    world.answer(run, FETCH, opcode("StepRun", "next"))
    assert not requests(run)


# Results.


@pytest.mark.parametrize("status", [200, 404, 500])
def test_any_status_is_the_result_of_a_fetch(status: int) -> None:
    world, run = started(FETCH)
    headers = {"content-type": "text/plain", "set-cookie": "a=1,b=2", "etag": "x"}
    give(world, run, RequestReply(status, headers, "hé".encode(), "https://user.test/path"))
    assert run.steps[step_id(NAME)] == (
        b'{"data":{"url":"https://user.test/path","headers":{"Content-Type":"text/plain",'
        b'"Set-Cookie":"a=1,b=2","Etag":"x"},"body":"h\xc3\xa9","status_code":%d}}' % status
    )
    item = world.call_of(run)
    assert (item.kind, item.step, item.attempt) == (ItemKind.DISCOVER, step_id(NAME), 0)
    assert not requests(run)


def test_the_result_names_the_times_and_not_the_step_again() -> None:
    world, run = started(FETCH)
    world.now_ms += 5
    give(world, run, REPLY)
    entry = world.entries_of(run)[-1]
    assert isinstance(entry, StepResolved)
    assert (entry.name, entry.call) == (None, CallFacts(START_MS, START_MS + 5))


def test_a_body_that_is_not_text_becomes_text() -> None:
    world, run = started(FETCH)
    give(world, run, msgspec.structs.replace(REPLY, body=b"\xff\x00"))
    assert memo(run, NAME)["data"]["body"] == "\ufffd\x00"


@pytest.mark.parametrize(("status", "body"), [(204, None), (304, None), (200, "")])
def test_a_status_without_body_has_none(status: int, body: str | None) -> None:
    """JavaScript refuses `new Response("", {status: 204})`."""
    world, run = started(FETCH)
    give(world, run, RequestReply(status, {}, b"", "https://user.test/"))
    assert memo(run, NAME)["data"]["body"] == body


@pytest.mark.parametrize(
    ("body", "data"),
    [
        (b' {"choices":[1]}\n', b'{"choices":[1]}'),
        (b"", b"null"),
        (b"data: {}\n\n", rb'"data: {}\n\n"'),
        (b'"\\ud800"', b'"\\ufffd"'),
        (b"[" * 600 + b"]" * 600, b'"' + b"[" * 600 + b"]" * 600 + b'"'),
    ],
)
def test_the_answer_of_a_provider_is_the_result_of_an_inference(body: bytes, data: bytes) -> None:
    world, run = started(INFER)
    give(world, run, RequestReply(299, {}, body, "https://ai.test/"))
    assert run.steps[step_id("ask")] == b'{"data":%b}' % data


def test_a_provider_that_refuses_is_asked_again_and_then_its_answer_is_the_error() -> None:
    world, run = started(INFER, retries=1)
    refusal = RequestReply(300, {}, b'{"error":{"message":"no"}}', "https://ai.test/")
    error = {
        "error": {
            "data": {"error": {"message": "no"}},
            "message": "Error making AI request: unsuccessful status code: 300",
            "name": "AIGatewayError",
            "stack": '{"error":{"message":"no"}}',
        }
    }
    give(world, run, refusal)
    entry = world.entries_of(run)[-1]
    assert isinstance(entry, StepAttemptFailed)
    assert msgspec.json.decode(entry.error) == error
    wait_for_retry(world, run)
    world.answer(run, INFER)
    give(world, run, refusal)
    assert memo(run, "ask") == error
    assert world.call_of(run).attempt == 0


def test_an_error_that_is_no_json_is_kept_as_text_up_to_a_bound() -> None:
    world, run = started(INFER, retries=0)
    give(world, run, RequestReply(502, {}, b"<p>" * 20_000, "https://ai.test/"))
    error = memo(run, "ask")["error"]
    assert error["data"] == error["stack"]
    assert error["stack"].startswith("<p><p>")
    assert error["stack"].endswith("… (truncated)")
    assert len(error["stack"]) == 32 * 1024 + len("… (truncated)")


def test_retry_after_says_when_a_provider_is_asked_again() -> None:
    world, run = started(INFER)
    give(world, run, RequestReply(429, {"retry-after": "7"}, b"", "https://ai.test/"))
    assert world.call_of(run).due_ms == START_MS + 7_000


def test_a_result_above_the_limit_of_a_step_is_an_error_at_once() -> None:
    world, run = started(FETCH)
    give(world, run, msgspec.structs.replace(REPLY, body=b"\xff" * (2 * 1024 * 1024)))
    assert memo(run, NAME)["error"]["name"] == "GatewayError"
    assert "4194304 bytes" in memo(run, NAME)["error"]["message"]


def test_results_count_towards_the_size_of_the_state() -> None:
    world = CoreWorld(msgspec.structs.replace(function("app-f", GO), state_bytes_max=400))
    (run,) = world.send("test/go")
    world.answer(run, FETCH)
    give(world, run, msgspec.structs.replace(REPLY, body=b"x" * 400))
    assert run.status is RunStatus.FAILED
    assert output_of(world.entries_of(run))["error"]["name"] == "InngestErrStateOverflowed"
    assert not world.items


# Attempts.


def test_a_failed_request_has_the_step_reported_again_as_the_next_attempt() -> None:
    world, run = started(FETCH)
    (item,) = requests(run)
    transition = give(world, run, UNREACHABLE)

    entry = world.entries_of(run)[-1]
    assert isinstance(entry, StepAttemptFailed)
    due_ms = START_MS + 15_000 + 15_000  # half of the jitter
    assert (entry.step, entry.attempt, entry.retry_at_ms) == (step_id(NAME), 0, due_ms)
    assert msgspec.json.decode(entry.error)["error"] == {
        "message": "Error making request: cannot resolve user.test",
        "name": "GatewayError",
    }
    call = world.call_of(run)
    assert transition.renew_due == [call]
    assert (call.id, call.kind, call.attempt, call.due_ms, call.body) == (
        item.id,
        ItemKind.DISCOVER,
        1,
        due_ms,
        b"",
    )
    wait_for_retry(world, run)
    world.answer(run, FETCH)
    (again,) = requests(run)
    assert again.attempt == 1
    entry = world.entries_of(run)[-1]
    assert isinstance(entry, StepRequesting)
    assert (entry.attempt, entry.name.opts) == (1, ABSENT)


def test_attempts_end_with_an_error_the_function_can_catch() -> None:
    world, run = started(FETCH, retries=2)
    for attempt in range(3):
        (item,) = requests(run)
        assert item.attempt == attempt
        give(world, run, UNREACHABLE)
        if attempt < 2:
            wait_for_retry(world, run)
            world.answer(run, FETCH)
    assert memo(run, NAME) == {
        "error": {
            "message": "Error making request: cannot resolve user.test",
            "name": "GatewayError",
        }
    }
    call = world.call_of(run)
    assert (call.kind, call.attempt, call.due_ms) == (ItemKind.DISCOVER, 0, IMMEDIATE)
    assert run.status is RunStatus.RUNNING


def test_a_request_that_cannot_succeed_is_not_repeated() -> None:
    world, run = started(INFER)
    give(world, run, RequestFailed("not a public address", retryable=False))
    assert memo(run, "ask")["error"] == {
        "message": "Error making AI request: not a public address",
        "name": "AIGatewayError",
    }


def test_a_call_that_fails_while_a_step_is_to_be_repeated_uses_its_attempts() -> None:
    world, run = started(FETCH)
    give(world, run, UNREACHABLE)
    world.reply(run, 500, b"{}")
    assert world.call_of(run).attempt == 2
    world.answer(run, FETCH)
    assert requests(run)[0].attempt == 2


def test_a_new_step_begins_with_its_own_attempts() -> None:
    world, run = started(FETCH)
    give(world, run, UNREACHABLE)
    world.answer(run, INFER)
    assert [item.attempt for item in requests(run)] == [0]


def test_a_lost_request_is_reported_again_at_once_and_costs_no_attempt() -> None:
    world, run = started(FETCH)
    give(world, run, UNREACHABLE)
    wait_for_retry(world, run)
    world.answer(run, FETCH)
    (item,) = requests(run)
    transition = lost(run, item, world=world.world(), at=world.moment())
    world.absorb(transition, run)
    call = world.call_of(run)
    assert transition.renew == [call]
    assert (call.kind, call.attempt, call.due_ms) == (ItemKind.DISCOVER, 1, IMMEDIATE)
    world.answer(run, FETCH)
    assert requests(run)[0].attempt == 1


# Groups.


def test_requests_of_a_group_call_the_function_once_when_all_are_answered() -> None:
    world, run = started(FETCH, INFER)
    assert GroupOpened(START_MS, (step_id(NAME), step_id("ask"))) in world.entries_of(run)
    give(world, run, REPLY, name=NAME)
    assert not world.calls_of(run)
    give(world, run, RequestReply(200, {}, b"{}", "https://ai.test/"), name="ask")
    assert world.call_of(run).kind is ItemKind.DISCOVER
    assert not run.only_plan


def test_a_sibling_waits_for_the_step_that_is_repeated() -> None:
    world, run = started(FETCH, INFER)
    give(world, run, UNREACHABLE, name=NAME)
    give(world, run, RequestReply(200, {}, b"{}", "https://ai.test/"), name="ask")
    call = wait_for_retry(world, run)
    assert (call.step, call.attempt) == (step_id(NAME), 1)
    world.answer(run, FETCH)
    give(world, run, REPLY)
    assert world.call_of(run).due_ms == IMMEDIATE


def test_failed_siblings_do_not_start_each_other_over() -> None:
    """Each is repeated by its own call, so that no more requests are made than attempts allow."""
    world, run = started(FETCH, INFER, retries=3)
    made = 2
    while world.calls_of(run) or requests(run):
        for item in requests(run):
            request = CallFacts(item.queued_ms, world.now_ms)
            transition = answered(
                run, item, UNREACHABLE, call=request, world=world.world(), at=world.moment()
            )
            world.absorb(transition, run)
        if len(run.steps) == 2:
            break
        call = wait_for_retry(world, run)
        before = {item.id for item in requests(run)}
        ops = [op for op in (FETCH, INFER) if op["id"] not in run.steps]
        world.outcome(call, reported(ops))
        made += len({item.id for item in requests(run)} - before)
    assert made == 8
    assert all(b'"error"' in result for result in run.steps.values())


def test_in_a_race_the_repeated_step_is_left_to_its_own_call() -> None:
    first, second = (dict(op, opts={**op["opts"], "parallelMode": "race"}) for op in (FETCH, INFER))
    world, run = started(first, second)
    give(world, run, UNREACHABLE, name=NAME)
    give(world, run, RequestReply(200, {}, b"{}", "https://ai.test/"), name="ask")
    now, later = sorted(world.calls_of(run), key=lambda call: call.due_ms)
    world.outcome(now, reported([first]))
    assert world.call_of(run) == later
    assert not requests(run)


def test_a_run_that_ends_takes_its_requests_with_it() -> None:
    world, run = started(FETCH, INFER)
    world.cancel(run)
    assert run.is_ended
    assert not world.items


# Restoring.


def test_a_loaded_run_is_in_the_same_state_as_the_live_one() -> None:
    world, run = started(FETCH, INFER)
    give(world, run, UNREACHABLE, name=NAME)
    loaded = world.restored(run)
    for field in RunState.__slots__:
        assert getattr(loaded, field) == getattr(run, field), field
