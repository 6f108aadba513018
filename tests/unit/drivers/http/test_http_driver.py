"""From a call the engine wants made to its outcome."""

import gzip
import socket
from collections.abc import AsyncIterator

import msgspec
import pytest

from stepwell import __version__
from stepwell.drivers.http import HttpClient, HttpDriver, PoolLimits
from stepwell.engine.driver import SdkCall
from stepwell.wire.response import (
    CallFailed,
    FailureCode,
    FunctionReturned,
    OpcodesReported,
    Outcome,
    connection_reset,
    output_too_large,
    request_failed,
    timed_out,
    too_many_redirects,
    unreachable,
    unsupported_encoding,
)
from stepwell.wire.signing import SigningKey, verify_signature
from tests.unit.drivers.http.scripted_app import Peer, Talk, always, answer, serving, until

pytestmark = pytest.mark.anyio

_KEY = SigningKey.parse("signkey-test-0123456789abcdef")
_NOW_MS = 1_790_000_000_123
_SDK = "x-inngest-sdk: inngest-py:v0.5.18\n"
_STEP = "98bf98df193bcce7c33e6bc50927cf2ac21206cb"


@pytest.fixture
async def driver(client: HttpClient) -> AsyncIterator[HttpDriver]:
    driver = HttpDriver(client, now_ms=lambda: _NOW_MS)
    yield driver
    await driver.close()


def _call(url: str, *, step_id: str = "step", generation: int = 0) -> SdkCall:
    return SdkCall(
        url=url,
        body=b'{"ctx":{}}',
        run_id="01K0RUN0000000000000000000",
        step_id=step_id,
        request_id="01K0REQ0000000000000000000",
        job_id="job",
        generation=generation,
        request_version=-1,
        attempt=0,
    )


async def _outcome(driver: HttpDriver, call: SdkCall) -> Outcome:
    outcomes: list[Outcome] = []
    driver.call(call, outcomes.append)
    assert outcomes == []
    await until(lambda: bool(outcomes))
    (outcome,) = outcomes
    return outcome


async def test_an_app_gets_the_headers_of_the_protocol(driver: HttpDriver) -> None:
    async with serving(always(answer(headers=_SDK))) as app:
        await _outcome(driver, _call(f"{app.origin}/api/inngest?fnId=a-f&stepId=step"))

    (request,) = app.requests
    assert (request.method, request.target) == ("POST", "/api/inngest?fnId=a-f&stepId=step")
    assert request.body == b'{"ctx":{}}'
    assert {tuple(line.split(": ", 1)) for line in request.header_lines} == {
        ("Host", app.origin.removeprefix("http://")),
        ("Accept-Encoding", "gzip"),
        ("Content-Length", "10"),
        ("Content-Type", "application/json"),
        ("User-Agent", f"stepwell/{__version__}"),
        ("account-id", "00000000-0000-4000-a000-000000000000"),
        ("x-run-id", "01K0RUN0000000000000000000"),
        ("x-inngest-step-id", "step"),
        ("x-inngest-req-version", "-1"),
        ("x-request-id", "01K0REQ0000000000000000000"),
        ("x-inngest-job-id", "job"),
    }


@pytest.mark.parametrize(
    ("path", "step_id", "target"),
    [
        ("/a?fnId=f&stepId=step", _STEP, f"/a?fnId=f&stepId={_STEP}"),
        ("/a?stepId=x&fnId=f&step%49d=y", "step", "/a?fnId=f&stepId=step"),
        ("/a", "step", "/a?stepId=step"),
        ("/a?fnId=f", "a&b=ü", "/a?fnId=f&stepId=a%26b%3D%C3%BC"),
    ],
)
async def test_the_step_id_is_set_on_the_registered_url(
    path: str, step_id: str, target: str, driver: HttpDriver
) -> None:
    async with serving(always(answer(headers=_SDK))) as app:
        await _outcome(driver, _call(app.origin + path, step_id=step_id))

    assert app.requests[0].target == target
    assert app.requests[0].header("x-inngest-step-id") == step_id


async def test_a_later_generation_is_named_and_calls_are_signed(client: HttpClient) -> None:
    driver = HttpDriver(client, now_ms=lambda: _NOW_MS, signing_key=_KEY)
    async with serving(always(answer(headers=_SDK))) as app:
        await _outcome(driver, _call(app.origin, generation=2))

    (request,) = app.requests
    assert request.header("x-inngest-generation-id") == "2"
    signature = request.header("x-inngest-signature")
    assert verify_signature(signature, request.body, _KEY, now_s=_NOW_MS // 1000)


async def test_answers_are_read(driver: HttpDriver) -> None:
    opcodes = b'[{"id":"%b","op":"StepRun","name":"a","data":1}]' % _STEP.encode()
    returned = answer(b'"done"', headers=_SDK)
    reported = answer(opcodes, status=206, headers=f"{_SDK}x-inngest-req-version: 2")
    async with serving(always(returned, reported)) as app:
        outcomes = [await _outcome(driver, _call(app.origin)) for _ in range(2)]

    assert isinstance(outcomes[0], FunctionReturned)
    assert outcomes[0].output == b'"done"'
    assert isinstance(outcomes[1], OpcodesReported)
    assert outcomes[1].request_version == 2
    assert app.connections == 1


async def test_retry_times_count_from_the_injected_clock(driver: HttpDriver) -> None:
    response = answer(status=500, headers=f"{_SDK}retry-after: 30")
    async with serving(always(response)) as app:
        outcome = await _outcome(driver, _call(app.origin))

    assert isinstance(outcome, CallFailed)
    assert outcome.retry_at_ms == _NOW_MS + 30_000


async def _hangs_up(peer: Peer) -> None:
    await peer.request()


async def _is_cut_off(peer: Peer) -> None:
    await peer.request()
    await peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n123")


@pytest.mark.parametrize(
    ("talk", "outcome"),
    [
        (_hangs_up, unreachable("the connection was closed without an answer")),
        (
            _is_cut_off,
            connection_reset("the connection ended in the middle of the answer"),
        ),
        (always(answer(headers="Content-Encoding: br")), unsupported_encoding("br")),
        (
            always(answer(gzip.compress(bytes(8 * 1024 * 1024 + 1)), headers="Content-Encoding: gzip")),
            output_too_large(),
        ),
        (always(answer(status=302, headers="Location: /")), too_many_redirects(60)),
        (
            always(b"SSH-2.0-OpenSSH_9.6\r\n"),
            request_failed("not an HTTP response: Expected HTTP/, RTSP/ or ICE/"),
        ),
    ],
    ids=["hangs up", "cut off", "br", "too large", "redirects", "garbage"],
)  # fmt: skip
async def test_what_is_not_an_answer_becomes_a_failure(
    talk: Talk, outcome: CallFailed, driver: HttpDriver
) -> None:
    async with serving(talk) as app:
        assert await _outcome(driver, _call(app.origin)) == outcome


async def test_a_redirect_to_nowhere_is_a_failure(driver: HttpDriver) -> None:
    async with serving(always(answer(status=302, headers="Location: mailto:a@b"))) as app:
        outcome = await _outcome(driver, _call(app.origin))

    assert isinstance(outcome, CallFailed)
    assert 'invalid redirect location "mailto:a@b"' in outcome.error.message


async def test_a_refused_connection_is_a_failure(driver: HttpDriver) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        outcome = await _outcome(driver, _call(f"http://127.0.0.1:{port}/"))

    assert outcome == unreachable(f"cannot connect to 127.0.0.1:{port}: Connection refused")


async def test_a_timeout_is_a_failure(client: HttpClient) -> None:
    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.closed()

    driver = HttpDriver(client, now_ms=lambda: _NOW_MS, timeout_s=0.05)
    async with serving(talk) as app:
        assert await _outcome(driver, _call(app.origin)) == timed_out(0.05)


@pytest.mark.parametrize(
    ("url", "step_id"),
    [
        ("ftp://localhost/", "step"),
        ("http://127.0.0.1:1/", "step\r\nX-Injected: 1"),
    ],
)
async def test_what_cannot_be_sent_is_a_failure(url: str, step_id: str, driver: HttpDriver) -> None:
    outcome = await _outcome(driver, _call(url, step_id=step_id))

    assert isinstance(outcome, CallFailed)
    assert outcome.code == FailureCode.HTTP_UNREACHABLE


async def test_a_call_that_cannot_be_sent_can_be_cancelled(driver: HttpDriver) -> None:
    outcomes: list[Outcome] = []
    driver.call(_call("ftp://localhost/"), outcomes.append).cancel()
    later = await _outcome(driver, _call("ftp://localhost/"))

    assert isinstance(later, CallFailed)
    assert outcomes == []


async def test_calls_cut_by_closing_are_not_reported(anyio_backend: object) -> None:
    """Their queue items are still there; counting an attempt would punish the app for our restart."""
    client = HttpClient(limits=PoolLimits())
    driver = HttpDriver(client, now_ms=lambda: _NOW_MS)
    outcomes: list[Outcome] = []

    async def talk(peer: Peer) -> None:
        await peer.request()
        await peer.closed()

    async with serving(talk) as app:
        driver.call(_call(app.origin), outcomes.append)
        await until(lambda: len(app.requests) == 1)
        await driver.close()
        driver.call(_call(app.origin), outcomes.append)

    assert outcomes == []
    assert client.connection_count == 0


async def test_an_app_is_told_the_span_of_the_call(driver: HttpDriver) -> None:
    """SDKs copy both headers to the spans of what happens during the call."""
    async with serving(always(answer(headers=_SDK))) as app:
        call = _call(f"{app.origin}/a")
        await _outcome(
            driver, msgspec.structs.replace(call, traceparent="00-ab-cd-01", tracestate="a=b,c=d")
        )

    assert app.requests[0].header("traceparent") == "00-ab-cd-01"
    assert app.requests[0].header("tracestate") == "a=b,c=d"
