"""Calls to durable endpoints: the app's own route, as its caller called it."""

import pytest

from stepwell.drivers.http import HttpClient, HttpDriver
from stepwell.engine.driver import EndpointCall, SdkCall
from stepwell.wire.opcodes import OpName
from stepwell.wire.response import CallFailed, OpcodesReported, Outcome
from stepwell.wire.signing import SigningKey, verify_signature
from tests.unit.drivers.http.scripted_app import Received, always, answer, serving, until

pytestmark = pytest.mark.anyio

_KEY = SigningKey.parse("signkey-test-0123456789abcdef")
_NOW_MS = 1_790_000_000_123
_SDK = "x-inngest-sdk: inngest-js:v4.24.0\nx-inngest-req-version: 2\n"
_STEP = "98bf98df193bcce7c33e6bc50927cf2ac21206cb"
_COMPLETE = b'{"id":"0737","op":"RunComplete","data":{"status":200,"headers":{},"body":"x"}}'


async def _called(
    client: HttpClient,
    endpoint: EndpointCall,
    *,
    body: bytes = b"",
    step_id: str = "step",
    key: SigningKey | None = None,
) -> tuple[Received, Outcome]:
    driver = HttpDriver(client, now_ms=lambda: _NOW_MS, signing_key=key)
    outcomes: list[Outcome] = []
    async with serving(always(answer(_COMPLETE, status=206, headers=_SDK))) as app:
        call = SdkCall(
            url=f"{app.origin}/buy?stepId=mine&a=1",
            body=body,
            run_id="01K0RUN0000000000000000000",
            step_id=step_id,
            request_id="01K0REQ0000000000000000000",
            job_id="job",
            generation=21_474_836_481,
            request_version=2,
            attempt=0,
            traceparent="00-ab-cd-01",
            tracestate="a=b",
            endpoint=endpoint,
        )
        driver.call(call, outcomes.append)
        await until(lambda: bool(outcomes))
    return app.requests[0], outcomes[0]


async def test_the_request_is_the_one_that_started_the_run(client: HttpClient) -> None:
    endpoint = EndpointCall(method="PUT", content_type="text/plain")
    request, _ = await _called(client, endpoint, body=b"as it came")

    assert (request.method, request.target) == ("PUT", "/buy?stepId=mine&a=1")
    assert request.body == b"as it came"
    assert request.header("content-type") == "text/plain"
    assert request.header("x-run-id") == "01K0RUN0000000000000000000"
    assert request.header("x-request-id") == "01K0REQ0000000000000000000"
    assert request.header("x-inngest-job-id") == "job"
    assert request.header("x-inngest-req-version") == "2"
    assert request.header("x-inngest-generation-id") == "21474836481"
    assert (request.header("traceparent"), request.header("tracestate")) == ("00-ab-cd-01", "a=b")
    assert request.header("x-inngest-step-id") is None
    assert request.header("x-inngest-force-step-plan") is None


async def test_without_a_key_the_signature_is_there_and_empty(client: HttpClient) -> None:
    """TypeScript recognises a call of the server by it."""
    request, _ = await _called(client, EndpointCall(method="GET"))

    assert request.header("x-inngest-signature") == ""
    assert request.header("content-type") == "application/json"


@pytest.mark.parametrize(
    ("method", "body", "signed"),
    [
        ("POST", b'{"b": 1, "a": 2}', b'{"a":2,"b":1}'),
        ("PATCH", b'{"b": 1}', b""),
        ("GET", b"", b""),
    ],
)
async def test_the_signature_is_the_one_that_the_sdk_computes(
    client: HttpClient, method: str, body: bytes, signed: bytes
) -> None:
    request, _ = await _called(client, EndpointCall(method=method), body=body, key=_KEY)

    assert request.body == body
    signature = request.header("x-inngest-signature")
    assert verify_signature(signature, signed, _KEY, now_s=_NOW_MS // 1000)


async def test_a_planned_step_is_named_and_planning_is_asked_for(client: HttpClient) -> None:
    endpoint = EndpointCall(method="POST", is_planned=True)
    request, _ = await _called(client, endpoint, step_id=_STEP)

    assert request.header("x-inngest-step-id") == _STEP
    assert request.header("x-inngest-force-step-plan") == "true"


async def test_one_bare_opcode_is_an_answer(client: HttpClient) -> None:
    _, outcome = await _called(client, EndpointCall(method="POST"))

    assert isinstance(outcome, OpcodesReported)
    (op,) = outcome.ops
    assert (op.op, op.data) == (OpName.RUN_COMPLETE, b'{"status":200,"headers":{},"body":"x"}')


@pytest.mark.parametrize(
    "endpoint",
    [
        EndpointCall(method="HEAD"),
        EndpointCall(method="CONNECT"),
        EndpointCall(method="GET / HTTP/1.1\r\nx: y"),
        EndpointCall(method="POST", content_type="a\r\nx: y"),
    ],
)
async def test_what_cannot_be_sent_is_a_failed_call(
    client: HttpClient, endpoint: EndpointCall
) -> None:
    driver = HttpDriver(client, now_ms=lambda: _NOW_MS)
    outcomes: list[Outcome] = []
    call = SdkCall(
        url="http://127.0.0.1:9/",
        body=b"",
        run_id="r",
        step_id="step",
        request_id="q",
        job_id="j",
        request_version=2,
        attempt=0,
        endpoint=endpoint,
    )
    driver.call(call, outcomes.append)
    await until(lambda: bool(outcomes))

    assert isinstance(outcomes[0], CallFailed)
