"""What SDKs report while a call or a durable endpoint goes on, and the results of endpoints.

`parse_…` read the bodies of the checkpoint API; an `ApiResult` is what an endpoint answered its
caller, as its run's output.

Source: HTTP APIs, 8; SDK protocol, 9 and 10.
"""

import re
from typing import Final, TypeVar

import msgspec

from stepwell.wire.canonical import canonical_json
from stepwell.wire.events import EVENT_LEVELS_MAX, Event, internal_event
from stepwell.wire.json_shape import is_deeper_than
from stepwell.wire.opcode import Opcode
from stepwell.wire.opcodes import OpcodesUnreadable, OpcodeTooLarge, parse_opcodes
from stepwell.wire.response import REPLY_LEVELS_MAX
from stepwell.wire.ulid import is_ulid
from stepwell.wire.unicode_repair import with_unicode_repaired

__all__ = [
    "CALL_ERROR_STEP",
    "HTTP_REQUEST",
    "START_BYTES_MAX",
    "ApiResult",
    "AsyncCheckpoint",
    "CheckpointInvalid",
    "CheckpointTooLarge",
    "EndpointRequest",
    "EndpointStart",
    "StepsCheckpoint",
    "endpoint_request",
    "parse_api_result",
    "parse_async_checkpoint",
    "parse_endpoint_start",
    "parse_steps_checkpoint",
    "signed_form",
]

#: Name of the event that stands for a request to a durable endpoint.
HTTP_REQUEST: Final = "inngest/http.request"
#: Largest body with which a run can be started. Source: HTTP APIs, 8.2.
START_BYTES_MAX: Final = 4 * 1024 * 1024
#: SHA-1 of "complete": the id of a step error that is the function's own. Source: SDK protocol, 7.6.
CALL_ERROR_STEP: Final = "0737c22d3bfae812339732d14d8c7dbd6dc4e09c"

_T = TypeVar("_T")
_NULL: Final = msgspec.Raw(b"null")
_NAME_CHARS_MAX: Final = 1024
_METHOD: Final = re.compile(r"[A-Za-z]{1,32}")
_ORIGIN: Final = re.compile(r"https?://[^/?#@\s]+", re.IGNORECASE)
_STATUS_MIN: Final = 200
_STATUS_MAX: Final = 599
# As far as clients can tell apart what was sent when: 1980 and 2100.
_TS_MIN_MS: Final = 315_532_800_000
_TS_MAX_MS: Final = 4_102_444_800_000
# TypeScript signs bodies of these methods only; of the others, the empty text.
_SIGNED_METHODS: Final = frozenset({"POST", "PUT"})


class CheckpointInvalid(ValueError):
    """A body of the checkpoint API cannot be used. The text says why."""


class CheckpointTooLarge(CheckpointInvalid):
    """A step's output or input is over its limit.

    Attributes:
        run_id: Of the run it was reported for.
    """

    def __init__(self, run_id: str, problem: str) -> None:
        super().__init__(problem)
        self.run_id = run_id


class EndpointRequest(msgspec.Struct, frozen=True):
    """The request that a durable endpoint was called with: `data` of an `inngest/http.request`.

    Attributes:
        domain: Scheme, host and port.
        path: As in the URL, without query.
        query_params: The query, without "?".
        body: The body as text; "" for none.
        content_type: As sent; "" for none.
        fn: The id that the endpoint's author gave it, or "".
    """

    domain: str
    method: str
    path: str
    query_params: str = ""
    body: str = ""
    content_type: str = ""
    fn: str = ""

    @property
    def url(self) -> str:
        """Where the request went to."""
        query = f"?{self.query_params}" if self.query_params else ""
        return f"{self.domain}{self.path}{query}"

    @property
    def name(self) -> str:
        """What tells the endpoint from the others of its domain. Source: HTTP APIs, 8.2."""
        return self.fn or f"{self.method} {self.path}"


class EndpointStart(msgspec.Struct, frozen=True):
    """A durable endpoint has begun to run.

    Attributes:
        run_id: Chosen by the SDK.
        name: Of the event that stands for the request.
        event_id: Chosen by the SDK; "" for none.
        data: Of the event, raw JSON.
        ts_ms: Of the event; 0 if the SDK gave none.
        v: Of the event; "" for none.
        request: What `data` says.
        ops: What the run has reported so far.
        request_version: Version of hashing and parallelism; 0 if the SDK told none.
        retries: How often a failed attempt is repeated; None for the default.
    """

    run_id: str
    name: str
    event_id: str
    data: msgspec.Raw
    ts_ms: int
    v: str
    request: EndpointRequest
    ops: list[Opcode]
    request_version: int
    retries: int | None

    def event(self, *, internal_id: str, received_ms: int) -> Event:
        """The event that stands for the request."""
        event = internal_event(
            name=self.name,
            data=bytes(self.data),
            event_id=self.event_id or internal_id,
            ts=self.ts_ms or received_ms,
        )
        return msgspec.structs.replace(event, v=self.v) if self.v else event


class StepsCheckpoint(msgspec.Struct, frozen=True):
    """A durable endpoint reports steps."""

    run_id: str
    ops: list[Opcode]


class AsyncCheckpoint(msgspec.Struct, frozen=True):
    """A call that is under way reports finished steps.

    Attributes:
        qi_id: Reference to the call's queue item, or "".
        generation: Number of the call; 0 if the SDK does not tell it.
    """

    run_id: str
    ops: list[Opcode]
    qi_id: str = ""
    generation: int = 0


class ApiResult(msgspec.Struct, frozen=True):
    """What a durable endpoint answered: the output of its run."""

    status: int
    headers: dict[str, str] = {}
    body: str = ""


class _WireEvent(msgspec.Struct):
    id: str | None = None
    name: str | None = None
    data: msgspec.Raw = _NULL
    ts: int | None = None
    v: str | None = None


class _WireRequest(msgspec.Struct):
    domain: str | None = None
    method: str | None = None
    path: str | None = None
    query_params: str | None = None
    body: str | None = None
    content_type: str | None = None
    fn: str | None = None


class _WireStart(msgspec.Struct):
    event: _WireEvent
    run_id: str | None = None
    steps: msgspec.Raw = _NULL
    request_version: int | None = None
    retries: int | None = None


class _WireSteps(msgspec.Struct):
    run_id: str | None = None
    steps: msgspec.Raw = _NULL
    qi_id: str | None = None
    generation_id: int | None = None


class _WireResult(msgspec.Struct):
    status: int = 0
    headers: dict[str, str | list[str]] | None = None
    body: str | None = None


_REQUEST: Final = msgspec.json.Decoder(_WireRequest)
_START: Final = msgspec.json.Decoder(_WireStart)
_STEPS: Final = msgspec.json.Decoder(_WireSteps)
_RESULT: Final = msgspec.json.Decoder(_WireResult)
_TEXT: Final = msgspec.json.Decoder(str)
_EVENT_DATA: Final = msgspec.json.Decoder(_WireEvent)


def parse_endpoint_start(body: bytes) -> EndpointStart:
    """Read the body of `POST /v1/checkpoint`.

    Departs from the reference in that a run id is required, and in that the request's body may be
    any text and not base64 only, because TypeScript sends plain text.

    Raises:
        CheckpointInvalid: It is no JSON, or a field is missing, has the wrong type or makes no
            sense. `CheckpointTooLarge` if a step is too large.

    Source: HTTP APIs, 8.2.
    """
    wire = _decoded(_START, body)
    event = wire.event
    if not bytes(event.data).startswith(b"{"):
        raise CheckpointInvalid("event.data must be an object")
    if is_deeper_than(EVENT_LEVELS_MAX, bytes(event.data)):
        raise CheckpointInvalid(f"event.data is nested deeper than {EVENT_LEVELS_MAX} levels")
    if event.ts and not _TS_MIN_MS <= event.ts <= _TS_MAX_MS:
        raise CheckpointInvalid("event.ts is not between 1980 and 2100")
    run_id = _run_id(wire.run_id)
    version = wire.request_version or 0
    retries = wire.retries
    return EndpointStart(
        run_id=run_id,
        name=_short(event.name or HTTP_REQUEST, "event.name"),
        event_id=_short(event.id or "", "event.id"),
        data=event.data,
        ts_ms=event.ts or 0,
        v=_short(event.v or "", "event.v"),
        request=_request(event.data),
        ops=_ops(wire.steps, run_id),
        request_version=version if 0 < version < 2**31 else 0,
        retries=None if retries is None or retries < 0 else retries,
    )


def parse_steps_checkpoint(body: bytes, *, path_run_id: str) -> StepsCheckpoint:
    """Read the body of `POST /v1/checkpoint/{runID}/steps`; its run id goes before the path's.

    Raises:
        CheckpointInvalid: As `parse_endpoint_start`.

    Source: HTTP APIs, 8.3.
    """
    wire = _decoded(_STEPS, body)
    run_id = _run_id(wire.run_id or path_run_id)
    return StepsCheckpoint(run_id, _ops(wire.steps, run_id))


def parse_async_checkpoint(body: bytes, *, path_run_id: str) -> AsyncCheckpoint:
    """Read the body of `POST /v1/checkpoint/{runID}/async`; its run id goes before the path's.

    Raises:
        CheckpointInvalid: As `parse_endpoint_start`.

    Source: HTTP APIs, 8.4.
    """
    wire = _decoded(_STEPS, body)
    run_id = _run_id(wire.run_id or path_run_id)
    return AsyncCheckpoint(
        run_id,
        _ops(wire.steps, run_id),
        qi_id=wire.qi_id or "",
        generation=max(wire.generation_id or 0, 0),
    )


def endpoint_request(payload: bytes) -> EndpointRequest | None:
    """The request that an event stands for; None if the event stands for none.

    Args:
        payload: Of an event, as it is stored.
    """
    try:
        return _request(_EVENT_DATA.decode(payload).data)
    except (CheckpointInvalid, msgspec.DecodeError):
        return None


def parse_api_result(output: bytes) -> ApiResult | None:
    """What an endpoint answered, if that is what the output of a run says; otherwise None.

    Source: HTTP APIs, 8.5.
    """
    try:
        wire = _RESULT.decode(output)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not _STATUS_MIN <= wire.status <= _STATUS_MAX:
        return None
    headers = {
        name.lower(): value if isinstance(value, str) else ", ".join(value)
        for name, value in (wire.headers or {}).items()
    }
    return ApiResult(wire.status, headers, wire.body or "")


def signed_form(method: str, body: bytes) -> bytes:
    """What the signature of a call to a durable endpoint covers.

    The SDK verifies what it has decoded: a JSON text is canonicalised, a string that is all of it
    loses its quotes, and only the bodies of POST and PUT count. What is no JSON is taken as it is.

    Departs from the reference, which signs the raw body: TypeScript, the only SDK with durable
    endpoints, refuses that unless the body happens to be canonical.
    """
    if method.upper() not in _SIGNED_METHODS or not body:
        return b""
    try:
        if body.lstrip().startswith(b'"'):
            return _TEXT.decode(body).encode()
        return canonical_json(body)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return body


def _request(data: msgspec.Raw) -> EndpointRequest:
    wire = _decoded(_REQUEST, bytes(data))
    domain, method, path = wire.domain or "", wire.method or "", wire.path or "/"
    if _ORIGIN.fullmatch(domain) is None:
        raise CheckpointInvalid("event.data.domain must be the origin of an http or https URL")
    if _METHOD.fullmatch(method) is None:
        raise CheckpointInvalid("event.data.method must be an HTTP method")
    if not path.startswith("/"):
        raise CheckpointInvalid('event.data.path must start with "/"')
    return EndpointRequest(
        domain=_short(domain, "event.data.domain"),
        method=method.upper(),
        path=_short(path, "event.data.path"),
        query_params=wire.query_params or "",
        body=wire.body or "",
        content_type=wire.content_type or "",
        fn=_short(wire.fn or "", "event.data.fn"),
    )


def _decoded(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    try:
        return decoder.decode(with_unicode_repaired(body))
    except msgspec.DecodeError as error:
        raise CheckpointInvalid(str(error)) from None
    except RecursionError:
        raise CheckpointInvalid("JSON is nested too deeply") from None


def _ops(raw: msgspec.Raw, run_id: str) -> list[Opcode]:
    steps = bytes(raw)
    if steps == b"null":
        return []
    if not steps.startswith(b"["):
        raise CheckpointInvalid("steps must be an array")
    if is_deeper_than(REPLY_LEVELS_MAX, steps):
        raise CheckpointInvalid(f"steps are nested in more than {REPLY_LEVELS_MAX} levels")
    try:
        return parse_opcodes(steps)
    except OpcodeTooLarge as error:
        raise CheckpointTooLarge(run_id, str(error)) from None
    except OpcodesUnreadable as error:
        raise CheckpointInvalid(str(error)) from None


def _run_id(text: str | None) -> str:
    if text is None or not is_ulid(text):
        raise CheckpointInvalid("run_id must be a ULID")
    return text.upper()


def _short(text: str, field: str) -> str:
    if len(text) > _NAME_CHARS_MAX:
        raise CheckpointInvalid(f"{field} has more than {_NAME_CHARS_MAX} characters")
    return text
