"""What a call to an app came to: opcodes, the function's result, or a failure.

The HTTP driver hands in what it received, or calls one of the constructors below when it received
nothing usable. Either way the rest of the program sees one `Outcome` and no HTTP.
"""

import enum
import re
from collections.abc import Mapping
from typing import Final

import msgspec

from stepwell.wire import headers as header_names
from stepwell.wire.durations import retry_after_ms
from stepwell.wire.json_shape import is_deeper_than
from stepwell.wire.opcodes import Opcode, OpcodesUnreadable, parse_opcodes
from stepwell.wire.run_error import RunError, reported_error, run_error
from stepwell.wire.unicode_repair import with_unicode_repaired

__all__ = [
    "CallFailed",
    "FailureCode",
    "FunctionReturned",
    "OpcodesReported",
    "Outcome",
    "ReplyFacts",
    "RunError",
    "SdkReply",
    "connection_reset",
    "invalid_redirect",
    "missing_signing_key",
    "output_too_large",
    "read_reply",
    "request_failed",
    "run_error",
    "timed_out",
    "too_many_redirects",
    "unreachable",
    "unsupported_encoding",
]

#: So much of a body that no SDK wrote is shown. Source: SDK protocol, 7.9.
FOREIGN_BODY_BYTES_MAX: Final = 8192

#: Results are read again inside other JSON, so they must stay well below what decoders can nest.
REPLY_LEVELS_MAX: Final = 512

_WHITE_SPACE: Final = b" \t\r\n"
#: So much of an answer's headers is kept; it is stored for every call.
HEADER_BYTES_MAX: Final = 4096

_REDACTED: Final = "[REDACTED]"
_SECRET_HEADERS: Final = frozenset(
    {
        "authorization",
        "cookie",
        "proxy-authenticate",
        "proxy-authorization",
        "set-cookie",
        "www-authenticate",
        "x-api-key",
        "x-auth-token",
    }
)
# What the SDK says about itself and the call.
_SDK_HEADERS: Final = (
    "content-type",
    "server-timing",
    header_names.ENV,
    header_names.FRAMEWORK,
    header_names.NO_RETRY,
    header_names.PLATFORM,
    header_names.REQ_VERSION,
    header_names.RETRY_AFTER,
    header_names.SDK,
)
# TypeScript SDKs up to these did not send x-inngest-no-retry and expect no retry of a 4xx.
_LEGACY_SDK: Final = re.compile(r"inngest-js:v(\d{1,4})\.(\d{1,4})\.(\d{1,4})")


class SdkReply(msgspec.Struct, frozen=True):
    """An HTTP answer of an app.

    Attributes:
        status: Status code.
        headers: Names in lower case; of repeated headers, one value.
        body: The whole body with its content encoding undone; at most 8 MiB.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class ReplyFacts(msgspec.Struct, frozen=True):
    """What traces tell about an answer.

    Attributes:
        status: Final status code; 0 when there was no answer.
        headers: All headers, names in lower case.
        body_bytes: Size of the body as received.
    """

    status: int = 0
    headers: Mapping[str, str] = {}
    body_bytes: int = 0

    def shown_headers(self) -> bytes:
        """The headers as a JSON object, secrets replaced; of very many, only those of the SDK.

        Source: GraphQL, 9.8.
        """
        headers = self.headers
        if not _SECRET_HEADERS.isdisjoint(headers):
            headers = {
                name: _REDACTED if name in _SECRET_HEADERS else value
                for name, value in headers.items()
            }
        shown = msgspec.json.encode(headers)
        if len(shown) <= HEADER_BYTES_MAX:
            return shown
        kept = {name: headers[name] for name in _SDK_HEADERS if name in headers}
        shown = msgspec.json.encode(kept)
        return shown if len(shown) <= HEADER_BYTES_MAX else b"{}"


_NO_REPLY: Final = ReplyFacts()


class FailureCode(enum.StrEnum):
    """Why a call failed, in one word.

    The first group is the reference's, the second is ours where it has none.
    """

    NOT_SDK = "not_sdk"
    OUTPUT_TOO_LARGE = "output_too_large"
    HTTP_UNREACHABLE = "http_unreachable"
    HTTP_NOT_OK = "http_not_ok"
    REQUEST_DURATION_TOO_LONG = "request_duration_too_long"
    CONFIG_INVALID = "config_invalid"

    FUNCTION_ERROR = "function_error"
    OPCODES_UNREADABLE = "opcodes_unreadable"
    STREAM_UNREADABLE = "stream_unreadable"
    ENCODING_UNSUPPORTED = "encoding_unsupported"
    NOTHING_REPORTED = "nothing_reported"
    OUTPUT_TOO_DEEP = "output_too_deep"


class OpcodesReported(msgspec.Struct, frozen=True, kw_only=True):
    """The app reported steps; none when it had nothing to report.

    Attributes:
        ops: The opcodes in the order they were sent.
        no_retry: Whether a `StepError` among them must not be retried.
        retry_at_ms: When a `StepError` among them is to be retried, if the app said so.
        request_version: Version of hashing and parallelism the app uses; None if it sent none.
        facts: For traces.
    """

    ops: list[Opcode]
    no_retry: bool = False
    retry_at_ms: int | None = None
    request_version: int | None = None
    facts: ReplyFacts = _NO_REPLY


class FunctionReturned(msgspec.Struct, frozen=True, kw_only=True):
    """The function ended with a result.

    Attributes:
        output: The result, raw JSON; `null` for an empty body.
        request_version: As in `OpcodesReported`.
        facts: For traces.
    """

    output: bytes
    request_version: int | None = None
    facts: ReplyFacts = _NO_REPLY


class CallFailed(msgspec.Struct, frozen=True, kw_only=True):
    """The call failed as a whole, in the function's code or on the way to it.

    Attributes:
        error: Error of the run, should this attempt be the last.
        output: Output of the run in that case, raw JSON.
        retryable: Whether another attempt may help.
        retry_at_ms: When to try again, if the app said so.
        code: Why, in one word; a `FailureCode` when this module found it.
        detail: What the transport said, for logs and traces; may be empty.
        request_version: As in `OpcodesReported`.
        facts: For traces.
    """

    error: RunError
    output: bytes
    retryable: bool = True
    retry_at_ms: int | None = None
    code: str
    detail: str = ""
    request_version: int | None = None
    facts: ReplyFacts = _NO_REPLY


Outcome = OpcodesReported | FunctionReturned | CallFailed


class _Envelope(msgspec.Struct):
    status: int
    body: msgspec.Raw = msgspec.Raw(b"")
    headers: dict[str, str | int | float | bool | None] | None = None
    error: str | None = None


_ENVELOPE: Final = msgspec.json.Decoder(_Envelope)
_ANY: Final = msgspec.json.Decoder(msgspec.Raw)
_TEXT: Final = msgspec.json.Decoder(str)


def read_reply(reply: SdkReply, *, now_ms: int) -> Outcome:
    """Say what an app's answer means.

    Never raises for what an app may send: an answer that cannot be read is a `CallFailed`.

    Args:
        reply: The answer.
        now_ms: The wall clock, to which `retry-after` may be relative.

    Source: SDK protocol, 7.1 to 7.3, 7.9 and 12.1.
    """
    if reply.status == 201:
        return _read_stream(reply, now_ms)
    return _read_final(reply, now_ms)


def _read_stream(reply: SdkReply, now_ms: int) -> Outcome:
    """Unwrap the answer that an SDK sent after it had kept the connection alive with blanks."""
    try:
        envelope = _ENVELOPE.decode(with_unicode_repaired(reply.body))
        body = bytes(envelope.body)
        if body.startswith(b'"'):
            body = _TEXT.decode(body).encode()
    except (msgspec.DecodeError, RecursionError) as error:
        return _failed(
            FailureCode.STREAM_UNREADABLE, f"error parsing stream: {error}", facts=_facts(reply)
        )
    # The headers inside are final: those outside were sent before anything was known.
    headers = dict(reply.headers)
    for name, value in (envelope.headers or {}).items():
        if value is not None:
            headers[name.lower()] = str(value)
    final = SdkReply(envelope.status, headers, body)
    if not envelope.error:
        return _read_final(final, now_ms)
    return _failed(
        FailureCode.FUNCTION_ERROR,
        envelope.error,
        retryable=not _is_retry_forbidden(headers),
        retry_at_ms=_retry_at_ms(headers, now_ms),
        facts=_facts(final),
    )


def _read_final(reply: SdkReply, now_ms: int) -> Outcome:
    headers = reply.headers
    is_ok = 200 <= reply.status < 300
    if is_ok and header_names.SDK not in headers:
        return _not_sdk(reply, _retry_at_ms(headers, now_ms))
    no_retry = _is_retry_forbidden(headers)
    retry_at_ms = _retry_at_ms(headers, now_ms)
    if reply.status == 206:
        return _opcodes(reply, no_retry, retry_at_ms)
    # With either header even a 200 is an error.
    if is_ok and not no_retry and retry_at_ms is None:
        return FunctionReturned(
            output=_output(reply.body),
            request_version=_request_version(headers),
            facts=_facts(reply),
        )
    if header_names.SDK in headers:
        return _function_error(reply, no_retry, retry_at_ms)
    return _foreign_error(reply, no_retry, retry_at_ms)


def _opcodes(reply: SdkReply, no_retry: bool, retry_at_ms: int | None) -> Outcome:
    if is_deeper_than(REPLY_LEVELS_MAX, reply.body):
        text = f"The response is nested in more than {REPLY_LEVELS_MAX} levels"
        return _failed(FailureCode.OUTPUT_TOO_DEEP, text, facts=_facts(reply))
    try:
        ops = parse_opcodes(reply.body)
    except OpcodesUnreadable as error:
        return _failed(FailureCode.OPCODES_UNREADABLE, str(error), facts=_facts(reply))
    return OpcodesReported(
        ops=ops,
        no_retry=no_retry,
        retry_at_ms=retry_at_ms,
        request_version=_request_version(reply.headers),
        facts=_facts(reply),
    )


def _not_sdk(reply: SdkReply, retry_at_ms: int | None) -> CallFailed:
    text = "The response did not come from an Inngest SDK"
    return CallFailed(
        error=run_error("Error", text, error=text),
        output=_output(reply.body),
        retry_at_ms=retry_at_ms,
        code=FailureCode.NOT_SDK,
        facts=_facts(reply),
    )


def _function_error(reply: SdkReply, no_retry: bool, retry_at_ms: int | None) -> CallFailed:
    text = "NonRetriableError" if no_retry else f"invalid status code: {reply.status}"
    output = _output(reply.body)
    error = reported_error(output, fallback=text)
    return CallFailed(
        error=error,
        output=error.server_output() if output == b"null" else output,
        retryable=not no_retry and not _is_final_for_legacy_sdk(reply),
        retry_at_ms=retry_at_ms,
        code=FailureCode.FUNCTION_ERROR,
        request_version=_request_version(reply.headers),
        facts=_facts(reply),
    )


def _foreign_error(reply: SdkReply, no_retry: bool, retry_at_ms: int | None) -> CallFailed:
    """A status that a proxy, a platform or the app's web framework chose."""
    message = f"Your server returned HTTP {reply.status} before the SDK responded."
    body = reply.body[:FOREIGN_BODY_BYTES_MAX].decode("utf-8", "replace")
    if len(reply.body) > FOREIGN_BODY_BYTES_MAX:
        body += "… (truncated)"
    error = run_error(
        "Server returned a fatal error",
        message,
        "No SDK wrote this response. It came from something in front of it, such as a proxy, the"
        " hosting platform or the web framework of the app.\n\n"
        f"Content-Type: {reply.headers.get('content-type', '(none)')}\n\n{body}",
        error=message,
    )
    return CallFailed(
        error=error,
        output=error.encode(),
        retryable=not no_retry,
        retry_at_ms=retry_at_ms,
        code=FailureCode.HTTP_NOT_OK,
        facts=_facts(reply),
    )


def _output(body: bytes) -> bytes:
    """A body as raw JSON: nothing is `null`, and what is no usable JSON is a string of it.

    Source: SDK protocol, 7.1.
    """
    body = with_unicode_repaired(body)
    value = body.strip(_WHITE_SPACE)
    if not value:
        return b"null"
    if not _is_json(value):
        return msgspec.json.encode(body.decode())
    if value.startswith(b'"'):
        inner = with_unicode_repaired(_TEXT.decode(value).encode()).strip(_WHITE_SPACE)
        if inner.startswith(b"{") and _is_json(inner):
            return inner
    return value


def _is_json(value: bytes) -> bool:
    """Whether it is JSON that can be read again inside other JSON."""
    try:
        _ANY.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return False
    return not is_deeper_than(REPLY_LEVELS_MAX, value)


def _facts(reply: SdkReply) -> ReplyFacts:
    return ReplyFacts(reply.status, reply.headers, len(reply.body))


def _is_retry_forbidden(headers: Mapping[str, str]) -> bool:
    return headers.get(header_names.NO_RETRY) == "true"


def _retry_at_ms(headers: Mapping[str, str], now_ms: int) -> int | None:
    value = headers.get(header_names.RETRY_AFTER)
    return None if value is None else retry_after_ms(value, now_ms)


def _request_version(headers: Mapping[str, str]) -> int | None:
    value = headers.get(header_names.REQ_VERSION, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 10 else None


def _is_final_for_legacy_sdk(reply: SdkReply) -> bool:
    if not 400 <= reply.status < 500 or header_names.NO_RETRY in reply.headers:
        return False
    match = _LEGACY_SDK.match(reply.headers.get(header_names.SDK, ""))
    if match is None:
        return False
    version = (int(match[1]), int(match[2]), int(match[3]))
    return version < (1, 10, 1) or (2, 0, 0) <= version < (2, 4, 1)


def unreachable(detail: str = "") -> CallFailed:
    """No connection to the app, or one that ended while the request was sent."""
    return _failed(FailureCode.HTTP_UNREACHABLE, "Unable to reach SDK URL", detail=detail)


def request_failed(detail: str) -> CallFailed:
    """The request could not be made for a reason worth telling, such as a bad certificate."""
    return _failed(FailureCode.HTTP_UNREACHABLE, f"error performing request: {detail}")


def connection_reset(detail: str = "") -> CallFailed:
    """The connection ended before the body did."""
    return _failed(
        FailureCode.HTTP_UNREACHABLE,
        "Your server reset the connection while we were reading the reply:"
        " Unexpected ending response",
        detail=detail,
    )


def timed_out(seconds: float) -> CallFailed:
    """The app did not answer in time."""
    return _failed(
        FailureCode.REQUEST_DURATION_TOO_LONG,
        f"error performing request: no complete response within {seconds:g} s",
    )


def too_many_redirects(redirects_max: int) -> CallFailed:
    """The app's URL led from one redirect to the next."""
    return request_failed(f"stopped after {redirects_max} redirects")


def invalid_redirect(location: str) -> CallFailed:
    """The app's URL redirects to something that cannot be called."""
    return request_failed(f'invalid redirect location "{location}"')


def output_too_large() -> CallFailed:
    """The decoded body is over 8 MiB."""
    error = run_error(
        "output_too_large", "Your function's response body exceeds the maximum size limit"
    )
    return CallFailed(error=error, output=error.server_output(), code=FailureCode.OUTPUT_TOO_LARGE)


def unsupported_encoding(encoding: str) -> CallFailed:
    """The body's content encoding is neither gzip nor br."""
    return _failed(FailureCode.ENCODING_UNSUPPORTED, f'unsupported content encoding: "{encoding}"')


def missing_signing_key() -> CallFailed:
    """The server must sign its calls and has nothing to sign with."""
    return _failed(
        FailureCode.CONFIG_INVALID, "server requires that a signing key is set to run functions"
    )


def _failed(
    code: FailureCode,
    text: str,
    *,
    retryable: bool = True,
    retry_at_ms: int | None = None,
    detail: str = "",
    facts: ReplyFacts = _NO_REPLY,
) -> CallFailed:
    error = run_error("Error", text, error=text)
    return CallFailed(
        error=error,
        output=error.server_output(),
        retryable=retryable,
        retry_at_ms=retry_at_ms,
        code=code,
        detail=detail,
        request_version=_request_version(facts.headers),
        facts=facts,
    )
