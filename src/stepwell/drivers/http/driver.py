"""Calls to SDK apps over HTTP: from what the engine wants run to what came of it."""

import asyncio
from collections.abc import Callable
from functools import lru_cache, partial
from typing import TypeAlias, assert_never
from urllib.parse import quote, unquote_plus

from msgspec import Struct

from stepwell import __version__
from stepwell.drivers.http.client import HttpClient
from stepwell.drivers.http.message import (
    REQUEST_TIMEOUT_S,
    FailureKind,
    HttpFailure,
    HttpReply,
    HttpRequest,
    HttpResult,
)
from stepwell.drivers.http.redirects import REDIRECTS_MAX
from stepwell.drivers.http.request_head import (
    HeaderTemplate,
    InvalidHeaderError,
    header_lines,
)
from stepwell.drivers.http.url import InvalidUrl, Origin, Url, parse_url
from stepwell.engine.driver import CallHandle, EndpointCall, SdkCall
from stepwell.wire import headers as header_names
from stepwell.wire.canonical import canonical_json
from stepwell.wire.checkpoint import signed_form
from stepwell.wire.request import DISCOVERY
from stepwell.wire.response import (
    CallFailed,
    Outcome,
    SdkReply,
    connection_reset,
    invalid_redirect,
    output_too_large,
    read_reply,
    request_failed,
    timed_out,
    too_many_redirects,
    unreachable,
    unsupported_encoding,
)
from stepwell.wire.signing import SigningKey, sign

# The account of every self-hosted server. Source: SDK protocol, 2.1.
_ACCOUNT_ID = "00000000-0000-4000-a000-000000000000"

_ENDPOINT_HEADERS = (
    ("User-Agent", f"stepwell/{__version__}"),
    ("account-id", _ACCOUNT_ID),
)
_FIXED_HEADERS = (("Content-Type", "application/json"), *_ENDPOINT_HEADERS)
_CALL_HEADERS = (
    header_names.RUN_ID,
    header_names.STEP_ID,
    header_names.REQ_VERSION,
    header_names.REQUEST_ID,
    header_names.JOB_ID,
)
_HEADERS = HeaderTemplate(_FIXED_HEADERS, _CALL_HEADERS)
_TRACE_HEADERS = (
    header_names.GENERATION_ID,
    header_names.TRACEPARENT,
    header_names.TRACESTATE,
)
#: With all that a call may have, as nearly every one has.
_ALL_HEADERS = HeaderTemplate(_FIXED_HEADERS, (*_CALL_HEADERS, *_TRACE_HEADERS))
# One entry per function of every app.
_ENDPOINTS_MAX = 4096


OutcomeDone: TypeAlias = Callable[[Outcome], object]


class HttpDriver:
    """Calls apps over HTTP and says what came of it, whatever happens on the way.

    Step bodies run at least once: see `HttpClient` for when a request is sent twice.
    """

    def __init__(
        self,
        client: HttpClient,
        *,
        now_ms: Callable[[], int],
        signing_key: SigningKey | None = None,
        timeout_s: float = REQUEST_TIMEOUT_S,
        may_send: Callable[[], bool] | None = None,
    ) -> None:
        """Make a driver; it closes the client when it is closed.

        Args:
            client: Sends the requests.
            now_ms: The wall clock, ms since 1970: for signatures and relative retry times.
            signing_key: Signs every request if given; apps outside dev mode insist on it.
            timeout_s: For one call, over all redirects.
            may_send: Whether a call that had to wait for a connection may still be sent; it waits
                for longer while it may not.
        """
        self._client = client
        self._now_ms = now_ms
        self._signing_key = signing_key
        self._timeout_s = timeout_s
        self._may_send = may_send

    def call(self, call: SdkCall, done: OutcomeDone) -> CallHandle:
        """Call an app and report the outcome to `done`.

        `done` is called once, from the event loop and never before this returns; not at all after
        `CallHandle.cancel`, nor for a call that `close` has cut: its queue item is still there and
        will be dispatched again, without an attempt being counted.

        Source: SDK protocol, 2.1, 3.2 and 6.1.
        """
        if call.endpoint is not None:
            return self._call_endpoint(call, call.endpoint, done)
        endpoint = _endpoint(call.url)
        if isinstance(endpoint, InvalidUrl):
            return _report_soon(done, endpoint.reason)
        body = call.body
        if self._signing_key is not None:
            # SDKs bring what they receive into this form before they verify the signature.
            body = canonical_json(body)
        try:
            headers = self._headers(call, body)
        except InvalidHeaderError as error:
            return _report_soon(done, str(error))
        return self._send("POST", endpoint.url(call.step_id), headers, body, done)

    def _call_endpoint(
        self, call: SdkCall, endpoint: EndpointCall, done: OutcomeDone
    ) -> CallHandle:
        """Call the app's own route as its caller did; the SDK fetches events and steps itself.

        Source: SDK protocol, 10.
        """
        try:
            headers = self._endpoint_headers(call, endpoint)
        except InvalidHeaderError as error:
            return _report_soon(done, str(error))
        return self._send(endpoint.method, call.url, headers, call.body, done)

    def _send(
        self, method: str, url: Url | str, headers: bytes, body: bytes, done: OutcomeDone
    ) -> CallHandle:
        request = HttpRequest(method, url, headers, body, self._timeout_s, may_send=self._may_send)
        return self._client.send(request, partial(self._report, done))

    async def close(self, *, grace_s: float = 0.0) -> None:
        """Start no more calls, give those in flight `grace_s` to end, cut the rest unreported."""
        await self._client.close(grace_s=grace_s)

    def _headers(self, call: SdkCall, body: bytes) -> bytes:
        values = (
            call.run_id,
            call.step_id,
            str(call.request_version),
            call.request_id,
            call.job_id,
        )
        if call.generation > 0 and call.traceparent:
            lines = _ALL_HEADERS.fill(
                *values, str(call.generation), call.traceparent, call.tracestate
            )
        else:
            lines = _HEADERS.fill(*values) + _trace_headers(call)
        if self._signing_key is not None:
            signature = sign(body, self._signing_key, unix_s=self._now_ms() // 1000)
            lines += f"{header_names.SIGNATURE}: {signature}\r\n".encode()
        return lines

    def _endpoint_headers(self, call: SdkCall, endpoint: EndpointCall) -> bytes:
        signature = ""
        if self._signing_key is not None:
            signed = signed_form(endpoint.method, call.body)
            signature = sign(signed, self._signing_key, unix_s=self._now_ms() // 1000)
        headers = [
            ("Content-Type", endpoint.content_type or "application/json"),
            *_ENDPOINT_HEADERS,
            (header_names.RUN_ID, call.run_id),
            (header_names.REQ_VERSION, str(call.request_version)),
            (header_names.REQUEST_ID, call.request_id),
            (header_names.JOB_ID, call.job_id),
            # With the run id, it tells the SDK that the server calls; so it is there without a key.
            (header_names.SIGNATURE, signature),
        ]
        if call.generation > 0:
            headers.append((header_names.GENERATION_ID, str(call.generation)))
        if call.step_id != DISCOVERY:
            headers.append((header_names.STEP_ID, call.step_id))
        if call.traceparent:
            headers.append((header_names.TRACEPARENT, call.traceparent))
            headers.append((header_names.TRACESTATE, call.tracestate))
        if endpoint.is_planned:
            headers.append((header_names.FORCE_STEP_PLAN, "true"))
        return header_lines(tuple(headers))

    def _report(self, done: OutcomeDone, result: HttpResult) -> None:
        if isinstance(result, HttpReply):
            reply = SdkReply(result.status, result.headers, result.body)
            done(read_reply(reply, now_ms=self._now_ms()))
        elif result.kind is not FailureKind.CLOSED:
            done(self._failed(result))

    def _failed(self, failure: HttpFailure) -> CallFailed:
        match failure.kind:
            case FailureKind.UNREACHABLE:
                return unreachable(failure.detail)
            case FailureKind.RESET:
                return connection_reset(failure.detail)
            case FailureKind.TIMEOUT:
                return timed_out(self._timeout_s)
            case FailureKind.TOO_LARGE:
                return output_too_large()
            case FailureKind.UNSUPPORTED_ENCODING:
                return unsupported_encoding(failure.value)
            case FailureKind.TOO_MANY_REDIRECTS:
                return too_many_redirects(REDIRECTS_MAX)
            case FailureKind.INVALID_REDIRECT:
                return invalid_redirect(failure.value)
            case (
                FailureKind.INVALID_REQUEST
                | FailureKind.TLS
                | FailureKind.BAD_RESPONSE
                | FailureKind.CLOSED
            ):
                return request_failed(failure.detail)
            case _:
                assert_never(failure.kind)


def _trace_headers(call: SdkCall) -> bytes:
    generation = str(call.generation) if call.generation > 0 else ""
    values = (generation, call.traceparent, call.tracestate)
    return header_lines(tuple(pair for pair in zip(_TRACE_HEADERS, values, strict=True) if pair[1]))


class _Endpoint(Struct, frozen=True):
    """A registered URL, ready for a step id at its end.

    Attributes:
        discovery: The URL of calls for no particular step.
    """

    origin: Origin
    target: str
    discovery: Url

    def url(self, step_id: str) -> Url:
        if step_id == DISCOVERY:
            return self.discovery
        is_plain = step_id.isalnum() and step_id.isascii()  # hashes are
        return Url(self.origin, self.target + (step_id if is_plain else quote(step_id, safe="")))


@lru_cache(maxsize=_ENDPOINTS_MAX)
def _endpoint(text: str) -> _Endpoint | InvalidUrl:
    url = parse_url(text)
    if isinstance(url, InvalidUrl):
        return url
    path, _, query = url.target.partition("?")
    kept = [
        parameter
        for parameter in query.split("&")
        if parameter and unquote_plus(parameter.partition("=")[0]) != "stepId"
    ]
    target = f"{path}?{'&'.join([*kept, 'stepId='])}"
    return _Endpoint(url.origin, target, Url(url.origin, target + DISCOVERY))


def _report_soon(done: OutcomeDone, reason: str) -> CallHandle:
    return asyncio.get_running_loop().call_soon(done, request_failed(reason))
