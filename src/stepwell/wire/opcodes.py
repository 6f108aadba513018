"""Opcodes: what an SDK reports about the steps of a run.

`parse_opcodes` reads a body as far as every opcode goes; `data` and `opts` stay raw JSON. This is
on the path of every step. What the options of one kind of opcode mean is read by the
`parse_…_options` functions when the opcode is acted upon.
"""

from collections.abc import Iterable
from typing import Final, TypeVar

import msgspec

from stepwell.wire.opcode import Opcode, OpName, StepErrorBody
from stepwell.wire.opcode_options import (
    STEP_BYTES_MAX,
    AIGatewayOptions,
    DeferAbortOptions,
    DeferAddOptions,
    GatewayOptions,
    InvokeOptions,
    OpcodeInvalid,
    Publish,
    SignalConflict,
    SignalOptions,
    SleepOptions,
    StepRunOptions,
    WaitForEventOptions,
    parse_ai_gateway_options,
    parse_defer_abort_options,
    parse_defer_add_options,
    parse_gateway_options,
    parse_invoke_options,
    parse_signal_options,
    parse_sleep_options,
    parse_step_run_options,
    parse_wait_for_event_options,
)
from stepwell.wire.unicode_repair import with_unicode_repaired

__all__ = [
    "AIGatewayOptions",
    "DeferAbortOptions",
    "DeferAddOptions",
    "GatewayOptions",
    "InvokeOptions",
    "OpName",
    "Opcode",
    "OpcodeInvalid",
    "OpcodeTooLarge",
    "OpcodesUnreadable",
    "Publish",
    "SignalConflict",
    "SignalOptions",
    "SleepOptions",
    "StepErrorBody",
    "StepRunOptions",
    "WaitForEventOptions",
    "encode_opcodes",
    "parse_ai_gateway_options",
    "parse_defer_abort_options",
    "parse_defer_add_options",
    "parse_gateway_options",
    "parse_invoke_options",
    "parse_opcodes",
    "parse_signal_options",
    "parse_sleep_options",
    "parse_step_run_options",
    "parse_wait_for_event_options",
]

_T = TypeVar("_T")
_WHITE_SPACE: Final = b" \t\r\n"
_NULL: Final = msgspec.Raw(b"null")
# What is only shown must not fail a call, but it must fit where numbers are stored.
_INT_MAX: Final = 2**63 - 1
_OPS: Final = {op.value: op for op in OpName}
_WITHOUT_ID: Final = frozenset(
    {OpName.NONE, OpName.RUN_COMPLETE, OpName.SYNC_RUN_COMPLETE, OpName.DISCOVERY_REQUEST}
)
_WITH_ERROR: Final = frozenset({OpName.STEP_ERROR, OpName.STEP_FAILED})


class OpcodesUnreadable(ValueError):
    """The body of a 206 is not a list of opcodes. The text is what users are shown."""


class OpcodeTooLarge(OpcodesUnreadable):
    """The input or the output of a step is over 4 MiB."""


class _WireTiming(msgspec.Struct):
    a: int | float | None = None
    b: int | float | None = None


class _WireUserland(msgspec.Struct):
    id: str | None = None
    index: int | None = None


class _WireError(msgspec.Struct):
    name: str | None = None
    message: str | None = None
    stack: str | None = None
    data: msgspec.Raw = _NULL
    cause: msgspec.Raw = _NULL


class _WireOpcode(msgspec.Struct, gc=False):
    # SDKs send null for almost anything they have no value for.
    op: str
    id: str | None = None
    name: str | None = None
    displayName: str | None = None  # noqa: N815
    opts: msgspec.Raw = _NULL
    data: msgspec.Raw = _NULL
    error: _WireError | None = None
    timing: _WireTiming | None = None
    userland: _WireUserland | None = None
    metadata: msgspec.Raw = _NULL


_ONE: Final = msgspec.json.Decoder(_WireOpcode)
_SEVERAL: Final = msgspec.json.Decoder(list[_WireOpcode])
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


def parse_opcodes(body: bytes) -> list[Opcode]:
    """Read the body of a 206: an array of opcodes, or one opcode.

    An empty array gives an empty list: the SDK has nothing to report. Unknown keys are ignored,
    `null` counts as absent. Half a surrogate pair and bytes which are not UTF-8 become U+FFFD.

    Raises:
        OpcodesUnreadable: The body is empty or no such JSON, an opcode is unknown or lacks its id
            or error, or an input or output is over 4 MiB. The call counts as failed as a whole.

    Source: SDK protocol, 7.4 and 7.5.
    """
    # msgspec checks the bytes of strings it decodes, but not those of raw JSON.
    body = with_unicode_repaired(body).lstrip(_WHITE_SPACE)
    first = body[:1]
    if first == b"[":
        wire_opcodes = _decode(_SEVERAL, body)
    elif first == b"{":
        wire_opcodes = [_decode(_ONE, body)]
    elif not body:
        raise _unreadable("no response data")
    else:
        raise _unreadable("the body is neither an array nor an object")
    opcodes = [_opcode(wire) for wire in wire_opcodes]
    # Nothing inside can be over the limit when everything together is not.
    if len(body) > STEP_BYTES_MAX:
        for opcode in opcodes:
            _check_size(opcode)
    return opcodes


def encode_opcodes(opcodes: Iterable[Opcode]) -> bytes:
    """The array from which `parse_opcodes` reads the same opcodes."""
    return msgspec.json.encode([_wire_opcode(opcode) for opcode in opcodes])


def _wire_opcode(opcode: Opcode) -> _WireOpcode:
    error, timing, userland = opcode.error, opcode.timing, opcode.userland
    return _WireOpcode(
        op=opcode.op,
        id=opcode.id,
        name=opcode.name,
        displayName=opcode.display_name,
        opts=opcode.opts or _NULL,
        data=msgspec.Raw(opcode.data),
        error=None if error is None else _wire_error(error),
        timing=None if timing is None else _WireTiming(*timing),
        userland=None if userland is None else _WireUserland(*userland),
        metadata=opcode.metadata or _NULL,
    )


def _wire_error(error: StepErrorBody) -> _WireError:
    return _WireError(
        error.name, error.message, error.stack, error.data or _NULL, error.cause or _NULL
    )


def _decode(decoder: msgspec.json.Decoder[_T], body: bytes) -> _T:
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise _unreadable(str(error)) from None
    except RecursionError:
        raise _unreadable("JSON is nested too deeply") from None


def _opcode(wire: _WireOpcode) -> Opcode:
    op = _OPS.get(wire.op) or _op_of_any_case(wire.op)
    if not wire.id and op not in _WITHOUT_ID:
        raise _invalid("", f"{op} needs an id")
    error = wire.error
    if error is None and op in _WITH_ERROR:
        raise _invalid(wire.id or "", f"{op} needs an error")
    return Opcode(
        op=op,
        id=wire.id or "",
        name=wire.name or "",
        display_name=wire.displayName or "",
        opts=_or_none(wire.opts),
        data=bytes(wire.data),
        error=None if error is None else _step_error(error),
        timing=None if wire.timing is None else _timing(wire.timing),
        userland=None if wire.userland is None else _userland(wire.userland),
        metadata=_or_none(wire.metadata),
    )


def _op_of_any_case(name: str) -> OpName:
    try:
        return OpName(name)
    except ValueError:
        raise _unreadable(f'unknown opcode "{name}"') from None


def _timing(wire: _WireTiming) -> tuple[int, int] | None:
    started_ns, duration_ns = int(wire.a or 0), int(wire.b or 0)
    if not 0 <= started_ns <= _INT_MAX or duration_ns > _INT_MAX:
        return None
    # The app's clock may have been set back while the step ran.
    return started_ns, max(duration_ns, 0)


def _userland(wire: _WireUserland) -> tuple[str, int]:
    index = wire.index or 0
    return wire.id or "", index if 0 <= index <= _INT_MAX else 0


def _step_error(wire: _WireError) -> StepErrorBody:
    return StepErrorBody(
        name=wire.name or "Error",
        message=wire.message or "",
        stack=wire.stack or None,
        data=_or_none(wire.data),
        cause=_or_none(wire.cause),
    )


def _check_size(opcode: Opcode) -> None:
    error_bytes = 0 if opcode.error is None else len(opcode.error.memo(no_retry=False))
    if max(len(opcode.data), error_bytes) > STEP_BYTES_MAX:
        raise _too_large(opcode.id, "step output size is greater than the limit")
    # A defer that is too large is recorded as rejected; it never fails the call.
    if opcode.opts is None or len(opcode.opts) <= STEP_BYTES_MAX or opcode.is_lazy:
        return
    try:
        fields = _FIELDS.decode(opcode.opts)
    except msgspec.DecodeError:
        return
    input_bytes = len(fields.get("input", b""))
    if opcode.op is OpName.AI_GATEWAY:
        input_bytes = max(input_bytes, len(fields.get("body", b"")))
    if input_bytes > STEP_BYTES_MAX:
        raise _too_large(opcode.id, "step input size is greater than the limit")


def _or_none(raw: msgspec.Raw) -> msgspec.Raw | None:
    return None if raw is _NULL or raw == _NULL else raw


def _unreadable(problem: str) -> OpcodesUnreadable:
    return OpcodesUnreadable(f"error reading generator opcode response: {problem}")


def _invalid(step_id: str, problem: str) -> OpcodesUnreadable:
    return OpcodesUnreadable(f"error validating generator opcode {step_id}: {problem}")


def _too_large(step_id: str, problem: str) -> OpcodeTooLarge:
    return OpcodeTooLarge(f"error validating generator opcode {step_id}: {problem}")
