"""The official Python SDK reads what we write, and we read what it writes."""

import asyncio
import json
import warnings
from typing import Any

import pytest

with warnings.catch_warnings():
    # The SDK still uses a deprecated feature of pydantic.
    warnings.simplefilter("ignore", DeprecationWarning)
    import inngest
    from inngest._internal import comm_lib, server_lib

from stepwell.wire.opcodes import (
    OpName,
    parse_invoke_options,
    parse_sleep_options,
    parse_wait_for_event_options,
)
from stepwell.wire.request import CallContext, CallStack, SentSteps, execution_body
from stepwell.wire.response import (
    CallFailed,
    FunctionReturned,
    OpcodesReported,
    Outcome,
    SdkReply,
    read_reply,
)

EVENT = b'{"data":null,"id":"01K0EV","name":"shop/paid","ts":1762160000000,"user":{}}'
# SHA-1 of "first step".
FIRST_STEP = "98bf98df193bcce7c33e6bc50927cf2ac21206cb"


def body_of(steps: dict[str, bytes], *, attempt: int = 0, state_bytes: int = 0) -> bytes:
    context = CallContext(
        run_id="01K0RUN0000000000000000000",
        attempt=attempt,
        max_attempts=4,
        stack=CallStack(len(steps), list(steps)),
        qi_id="cWk=",
        request_id="01K0REQ",
        job_id="job",
    )
    return execution_body(
        context,
        events=[EVENT],
        steps=SentSteps.of(steps),
        defers={"d": True},
        state_bytes=state_bytes,
        version=2,
    )


def test_the_sdk_parses_the_request() -> None:
    request = server_lib.ServerRequest.from_raw(
        body_of({FIRST_STEP: b'{"data":"ok"}', "b": b"null"})
    )
    assert isinstance(request, server_lib.ServerRequest)
    assert request.ctx.run_id == "01K0RUN0000000000000000000"
    assert (request.ctx.attempt, request.ctx.max_attempts) == (0, 4)
    assert request.ctx.stack.stack == [FIRST_STEP, "b"]
    assert not request.ctx.disable_immediate_execution
    assert not request.use_api
    assert request.steps == {FIRST_STEP: {"data": "ok"}, "b": None}
    assert request.events == [request.event]
    assert (request.event.name, request.event.ts) == ("shop/paid", 1762160000000)


def test_the_sdk_learns_that_it_must_fetch_the_state() -> None:
    request = server_lib.ServerRequest.from_raw(body_of({"b": b"1"}, state_bytes=5 * 1024 * 1024))
    assert isinstance(request, server_lib.ServerRequest)
    assert request.use_api
    assert request.steps == {}


@pytest.fixture(scope="module")
def app() -> comm_lib.CommHandler:
    client = inngest.Inngest(app_id="shop", is_production=False)
    trigger = inngest.TriggerEvent(event="shop/paid")

    async def first() -> dict[str, Any]:
        return {"total": 12}

    async def broken() -> None:
        raise ValueError("out of stock")

    @client.create_function(fn_id="one", trigger=trigger)
    async def one(ctx: inngest.Context) -> object:
        return [await ctx.step.run("first step", first), ctx.event.data]

    @client.create_function(fn_id="error", trigger=trigger)
    async def error(ctx: inngest.Context) -> None:
        await ctx.step.run("first step", broken)

    @client.create_function(fn_id="final", trigger=trigger)
    async def final(ctx: inngest.Context) -> None:
        raise inngest.NonRetriableError("stop")

    @client.create_function(fn_id="later", trigger=trigger)
    async def later(ctx: inngest.Context) -> None:
        raise inngest.RetryAfterError("later", 90_000)

    @client.create_function(fn_id="sleep", trigger=trigger)
    async def sleep(ctx: inngest.Context) -> None:
        await ctx.step.sleep("nap", 90_000)

    @client.create_function(fn_id="wait", trigger=trigger)
    async def wait(ctx: inngest.Context) -> None:
        await ctx.step.wait_for_event("wait", event="shop/shipped", timeout=60_000)

    @client.create_function(fn_id="invoke", trigger=trigger)
    async def invoke(ctx: inngest.Context) -> None:
        await ctx.step.invoke("child", function=one, data={"a": 1})

    @client.create_function(fn_id="several", trigger=trigger)
    async def several(ctx: inngest.Context) -> None:
        await ctx.group.parallel(
            (lambda: ctx.step.run("first step", first), lambda: ctx.step.run("b", first))
        )

    functions: list[inngest.Function[Any]] = [
        one,
        error,
        final,
        later,
        sleep,
        wait,
        invoke,
        several,
    ]
    return comm_lib.CommHandler(
        client=client,
        enable_unauthed_sync=None,
        framework=server_lib.Framework.FAST_API,
        functions=functions,
        streaming=None,
    )


def call(app: comm_lib.CommHandler, function_id: str, body: bytes) -> Outcome:
    request = comm_lib.CommRequest(
        body=body,
        headers={},
        public_path=None,
        query_params={"fnId": f"shop-{function_id}", "stepId": "step"},
        raw_request=None,
        request_url="http://localhost/api/inngest",
        serve_origin=None,
        serve_path=None,
    )

    async def post() -> comm_lib.CommResponse:
        return await app.post(request)

    reply = asyncio.run(post())
    content = reply.body_bytes()
    assert isinstance(content, bytes)
    headers = {name.lower(): value for name, value in reply.headers.items()}
    return read_reply(SdkReply(reply.status_code, headers, content), now_ms=0)


def reported(app: comm_lib.CommHandler, function_id: str, body: bytes) -> OpcodesReported:
    outcome = call(app, function_id, body)
    assert isinstance(outcome, OpcodesReported)
    assert outcome.request_version == 2
    return outcome


def test_a_step_runs_and_its_memo_is_understood(app: comm_lib.CommHandler) -> None:
    (ran,) = reported(app, "one", body_of({})).ops
    assert (ran.op, ran.id, ran.shown_name) == (OpName.STEP_RUN, FIRST_STEP, "first step")
    assert ran.userland == ("first step", 0)
    assert json.loads(ran.data) == {"total": 12}

    returned = call(app, "one", body_of({FIRST_STEP: b'{"data":%b}' % ran.data}))
    assert isinstance(returned, FunctionReturned)
    assert json.loads(returned.output) == [{"total": 12}, {}]


def test_a_step_error_is_retried_then_memoised_and_raised(app: comm_lib.CommHandler) -> None:
    (retry,) = reported(app, "error", body_of({})).ops
    assert retry.op is OpName.STEP_ERROR
    last = reported(app, "error", body_of({}, attempt=3))
    (failed,) = last.ops
    assert failed.op is OpName.STEP_FAILED
    assert failed.error is not None
    assert (failed.error.name, failed.error.message) == ("ValueError", "out of stock")

    memo = failed.error.memo(no_retry=last.no_retry)
    outcome = call(app, "error", body_of({FIRST_STEP: memo}))
    assert isinstance(outcome, CallFailed)
    assert outcome.error.message == "out of stock"


def test_errors_of_functions_say_whether_and_when_to_retry(app: comm_lib.CommHandler) -> None:
    final = call(app, "final", body_of({}))
    assert isinstance(final, CallFailed)
    assert (final.error.error, final.error.name) == ("NonRetriableError", "NonRetriableError")
    assert (final.error.message, final.retryable) == ("stop", False)

    later = call(app, "later", body_of({}))
    assert isinstance(later, CallFailed)
    assert later.error.error == "invalid status code: 500"
    assert later.retryable
    assert later.retry_at_ms is not None


def test_options_of_waiting_steps_are_understood(app: comm_lib.CommHandler) -> None:
    (sleep,) = reported(app, "sleep", body_of({})).ops
    assert parse_sleep_options(sleep).until_text.endswith("Z")

    (wait,) = reported(app, "wait", body_of({})).ops
    options = parse_wait_for_event_options(wait)
    assert (options.event, options.timeout, options.expression) == ("shop/shipped", "1m", None)

    (invoke,) = reported(app, "invoke", body_of({})).ops
    invocation = parse_invoke_options(invoke)
    assert (invocation.function_id, invocation.timeout) == ("shop-one", "")
    assert invocation.data is not None
    assert json.loads(bytes(invocation.data)) == {"a": 1}


def test_parallel_steps_are_planned(app: comm_lib.CommHandler) -> None:
    ops = reported(app, "several", body_of({})).ops
    assert [(op.op, op.shown_name) for op in ops] == [
        (OpName.STEP_PLANNED, "first step"),
        (OpName.STEP_PLANNED, "b"),
    ]
    assert not any(op.is_race for op in ops)


def test_an_unknown_function_is_an_error_of_the_sdk(app: comm_lib.CommHandler) -> None:
    failed = call(app, "missing", body_of({}))
    assert isinstance(failed, CallFailed)
    assert failed.error.name == "FunctionNotFoundError"
    assert failed.code == "function_error"
