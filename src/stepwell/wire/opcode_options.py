"""The options of each kind of opcode, as the server needs them.

SDKs differ in what they leave out, send as `null` or put under `name`; those differences end here.
"""

import enum
from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec

from stepwell.wire.opcode import Opcode

__all__ = [
    "STEP_BYTES_MAX",
    "AIGatewayOptions",
    "DeferAbortOptions",
    "DeferAddOptions",
    "GatewayOptions",
    "InvokeOptions",
    "OpcodeInvalid",
    "Publish",
    "SignalConflict",
    "SignalOptions",
    "SleepOptions",
    "StepRunOptions",
    "WaitForEventOptions",
    "parse_ai_gateway_options",
    "parse_defer_abort_options",
    "parse_defer_add_options",
    "parse_gateway_options",
    "parse_invoke_options",
    "parse_signal_options",
    "parse_sleep_options",
    "parse_step_run_options",
    "parse_wait_for_event_options",
]

#: Largest output, and largest input, of one step. Source: SDK protocol, 7.4.
STEP_BYTES_MAX: Final = 4 * 1024 * 1024
#: Largest `meta` of a defer. Source: SDK protocol, 7.5.
DEFER_META_BYTES_MAX: Final = 32 * 1024

#: Longer than any method; the method is stored with the step.
_METHOD_CHARS_MAX: Final = 32

_T = TypeVar("_T")
_NULL: Final = msgspec.Raw(b"null")
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TEXT: Final = msgspec.json.Decoder(str)
_TEXTS: Final = msgspec.json.Decoder(dict[str, str])


class OpcodeInvalid(ValueError):
    """The options of one opcode cannot be used. The text says which and why.

    Attributes:
        opcode: The opcode in question.
        reason: For a defer, the code with which it is recorded as rejected: `invalid_opts`,
            `invalid_input`, `invalid_meta`, `per_defer_size` or `meta_size`.
    """

    def __init__(self, opcode: Opcode, problem: str, *, reason: str = "invalid_opts") -> None:
        super().__init__(f'{opcode.op} "{opcode.shown_name}": {problem}')
        self.opcode = opcode
        self.reason = reason


class StepRunOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a step that the app runs itself.

    Attributes:
        type: What kind of step, such as `step.sendEvent`. Older SDKs send none for `step.run`.
        input: Arguments of the step, a raw JSON array.
    """

    type: str = "step.run"
    input: msgspec.Raw | None = None


class SleepOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a sleep: a duration or a date, as text; empty means no time at all."""

    until_text: str


class WaitForEventOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a wait for an event.

    Attributes:
        event: Exact name of the event.
        timeout: Duration or date; empty means that the wait expires at once.
        expression: Condition over `event` and `async`.
    """

    event: str
    timeout: str = ""
    expression: str | None = None


class InvokeOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of an invocation.

    Attributes:
        function_id: `<app>-<function>` or the function's UUID.
        data: Data of the event that the invoked function receives, raw JSON.
        user: `user` of that event, raw JSON.
        v: `v` of that event.
        meta: `meta` of that event, raw JSON.
        timeout: Duration or date; empty means a year.
    """

    function_id: str
    data: msgspec.Raw | None = None
    user: msgspec.Raw | None = None
    v: str | None = None
    meta: msgspec.Raw | None = None
    timeout: str = ""


class SignalConflict(enum.StrEnum):
    """What happens when another run already waits for the signal."""

    FAIL = "fail"
    REPLACE = "replace"


class SignalOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Options of a wait for a signal; an empty `timeout` means a year."""

    signal: str
    timeout: str = ""
    conflict: SignalConflict = SignalConflict.FAIL


class Publish(msgspec.Struct, frozen=True, kw_only=True):
    """Where the server publishes what it fetched."""

    channel: str
    topic: str


class GatewayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """An HTTP request which the server makes on behalf of the app."""

    url: str
    method: str = "POST"
    headers: Mapping[str, str] = {}
    body: str = ""
    publish: Publish | None = None


class AIGatewayOptions(msgspec.Struct, frozen=True, kw_only=True):
    """A request to a model provider which the server makes on behalf of the app.

    Attributes:
        url: Where to POST.
        headers: Headers to send.
        auth_key: Credential; `format` decides how it is sent. Never to be shown.
        format: `openai-chat`, `anthropic`, `gemini` or `bedrock`; others are like the first.
        body: Request body, raw JSON.
        publish: Where to publish the answer.
        auto_tool_call: Whether the app asked for tool calls to be made at once.
    """

    url: str
    headers: Mapping[str, str] = {}
    auth_key: str = ""
    format: str = ""
    body: msgspec.Raw | None = None
    publish: Publish | None = None
    auto_tool_call: bool = False


class DeferAddOptions(msgspec.Struct, frozen=True, kw_only=True):
    """A function to be started when the run ends, with its input and event meta as raw JSON."""

    fn_slug: str
    input: msgspec.Raw
    meta: msgspec.Raw | None = None


class DeferAbortOptions(msgspec.Struct, frozen=True, kw_only=True):
    """The defer that is not to be started after all, by hashed id."""

    target_hashed_id: str


def parse_step_run_options(opcode: Opcode) -> StepRunOptions:
    """Options of `StepRun`, `StepPlanned`, `StepError` and `StepFailed`.

    Raises:
        OpcodeInvalid: `input` is not an array, or `type` not a string.

    Source: SDK protocol, 7.5, as for all functions below.
    """
    fields = _fields(opcode)
    step_input = _raw(fields, "input")
    if step_input is not None and not bytes(step_input).startswith(b"["):
        raise OpcodeInvalid(opcode, "opts.input must be an array")
    return StepRunOptions(type=_text(opcode, fields, "type") or "step.run", input=step_input)


def parse_sleep_options(opcode: Opcode) -> SleepOptions:
    """How long to sleep: the Go SDK says it in `opts.duration`, the others in `name`.

    Raises:
        OpcodeInvalid: `duration` is not a string.
    """
    return SleepOptions(until_text=_text(opcode, _fields(opcode), "duration") or opcode.name)


def parse_wait_for_event_options(opcode: Opcode) -> WaitForEventOptions:
    """What to wait for: the event is named in `opts.event` or in `name`.

    Raises:
        OpcodeInvalid: No event is named, or an option is not a string.
    """
    fields = _fields(opcode)
    event = _text(opcode, fields, "event") or opcode.name
    if not event:
        raise OpcodeInvalid(opcode, "the name of the event is missing")
    return WaitForEventOptions(
        event=event,
        timeout=_text(opcode, fields, "timeout"),
        expression=_text(opcode, fields, "if") or None,
    )


def parse_invoke_options(opcode: Opcode) -> InvokeOptions:
    """What to invoke, with what. A missing payload is an empty one.

    Raises:
        OpcodeInvalid: The function is not named, or something has the wrong type.
    """
    fields = _fields(opcode)
    payload = _decoded(opcode, fields, "payload", _FIELDS, "an object") or {}
    return InvokeOptions(
        function_id=_required_text(opcode, fields, "function_id"),
        data=_raw(payload, "data"),
        user=_raw(payload, "user"),
        v=_decoded(opcode, payload, "v", _TEXT, "a string") or None,
        meta=_raw(payload, "meta"),
        timeout=_text(opcode, fields, "timeout"),
    )


def parse_signal_options(opcode: Opcode) -> SignalOptions:
    """Which signal to wait for.

    Raises:
        OpcodeInvalid: The signal is not named, `conflict` is neither `fail` nor `replace`, or an
            option is not a string.
    """
    fields = _fields(opcode)
    try:
        conflict = SignalConflict(_text(opcode, fields, "conflict") or SignalConflict.FAIL)
    except ValueError:
        raise OpcodeInvalid(opcode, 'opts.conflict must be "fail" or "replace"') from None
    return SignalOptions(
        signal=_required_text(opcode, fields, "signal"),
        timeout=_text(opcode, fields, "timeout"),
        conflict=conflict,
    )


def parse_gateway_options(opcode: Opcode) -> GatewayOptions:
    """Which request to make.

    Raises:
        OpcodeInvalid: The URL is missing, the method is none, or something has the wrong type.
    """
    fields = _fields(opcode)
    method = _text(opcode, fields, "method").upper() or "POST"
    if len(method) > _METHOD_CHARS_MAX:
        raise OpcodeInvalid(opcode, "opts.method must be an HTTP method")
    return GatewayOptions(
        url=_required_text(opcode, fields, "url"),
        method=method,
        headers=_headers(opcode, fields),
        body=_text(opcode, fields, "body"),
        publish=_publish(opcode, fields),
    )


def parse_ai_gateway_options(opcode: Opcode) -> AIGatewayOptions:
    """Which request to make to a model provider.

    Raises:
        OpcodeInvalid: The URL is missing, or something has the wrong type.
    """
    fields = _fields(opcode)
    return AIGatewayOptions(
        url=_required_text(opcode, fields, "url"),
        headers=_headers(opcode, fields),
        auth_key=_text(opcode, fields, "auth_key"),
        format=_text(opcode, fields, "format"),
        body=_raw(fields, "body"),
        publish=_publish(opcode, fields),
        auto_tool_call=fields.get("auto_tool_call") == msgspec.Raw(b"true"),
    )


def parse_defer_add_options(opcode: Opcode) -> DeferAddOptions:
    """Which function to start when the run ends.

    Raises:
        OpcodeInvalid: The function is not named, `input` or `meta` is no object or too large. Its
            `reason` is the code with which the defer is recorded as rejected.

    Source: SDK protocol, 7.5; execution semantics, 5.6.
    """
    fields = _fields(opcode)
    fn_slug = _required_text(opcode, fields, "fn_slug")
    step_input = _raw(fields, "input") or _NULL
    if not bytes(step_input).startswith(b"{"):
        raise OpcodeInvalid(opcode, "opts.input must be an object", reason="invalid_input")
    if len(step_input) > STEP_BYTES_MAX:
        raise OpcodeInvalid(opcode, "opts.input is over 4 MiB", reason="per_defer_size")
    meta = _raw(fields, "meta")
    if meta is not None and not bytes(meta).startswith(b"{"):
        raise OpcodeInvalid(opcode, "opts.meta must be an object", reason="invalid_meta")
    if meta is not None and len(meta) > DEFER_META_BYTES_MAX:
        raise OpcodeInvalid(opcode, "opts.meta is over 32 KiB", reason="meta_size")
    return DeferAddOptions(fn_slug=fn_slug, input=step_input, meta=meta)


def parse_defer_abort_options(opcode: Opcode) -> DeferAbortOptions:
    """Which defer not to start.

    Raises:
        OpcodeInvalid: The defer is not named.
    """
    return DeferAbortOptions(
        target_hashed_id=_required_text(opcode, _fields(opcode), "target_hashed_id")
    )


def _fields(opcode: Opcode) -> dict[str, msgspec.Raw]:
    if opcode.opts is None:
        return {}
    try:
        return _FIELDS.decode(opcode.opts)
    except msgspec.DecodeError:
        raise OpcodeInvalid(opcode, "opts must be an object") from None


def _raw(fields: Mapping[str, msgspec.Raw], key: str) -> msgspec.Raw | None:
    value = fields.get(key)
    return None if value is None or value == _NULL else value


def _decoded(
    opcode: Opcode,
    fields: Mapping[str, msgspec.Raw],
    key: str,
    decoder: msgspec.json.Decoder[_T],
    wanted: str,
) -> _T | None:
    value = _raw(fields, key)
    if value is None:
        return None
    try:
        return decoder.decode(value)
    except msgspec.DecodeError:
        raise OpcodeInvalid(opcode, f"opts.{key} must be {wanted}") from None


def _text(opcode: Opcode, fields: Mapping[str, msgspec.Raw], key: str) -> str:
    return _decoded(opcode, fields, key, _TEXT, "a string") or ""


def _required_text(opcode: Opcode, fields: Mapping[str, msgspec.Raw], key: str) -> str:
    text = _text(opcode, fields, key)
    if not text:
        raise OpcodeInvalid(opcode, f"opts.{key} is missing")
    return text


def _headers(opcode: Opcode, fields: Mapping[str, msgspec.Raw]) -> Mapping[str, str]:
    headers = _decoded(opcode, fields, "headers", _TEXTS, "an object of strings")
    return headers or {}


def _publish(opcode: Opcode, fields: Mapping[str, msgspec.Raw]) -> Publish | None:
    publish = _decoded(opcode, fields, "publish", _FIELDS, "an object")
    if publish is None:
        return None
    return Publish(
        channel=_required_text(opcode, publish, "channel"),
        topic=_required_text(opcode, publish, "topic"),
    )
