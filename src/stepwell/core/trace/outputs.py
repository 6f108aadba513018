"""What a span took and brought, found again by an id that says where to look.

The id is opaque to clients but holds all that is needed: the run and the places in its journal.
Journals only grow, so what an id of an ended run names never changes.

Source: GraphQL, 8.1 to 8.3.
"""

import base64
import binascii
import enum
from collections.abc import Sequence
from typing import Final

import msgspec

from stepwell.core.identity import RunId
from stepwell.core.journal import (
    CallFailed,
    Entry,
    InputGiven,
    RunEnded,
    StepAttemptFailed,
    StepName,
    StepResolved,
)
from stepwell.core.status import RunStatus
from stepwell.core.trace.calls import NO_SEQ
from stepwell.wire.response import FailureCode
from stepwell.wire.ulid import is_ulid

__all__ = [
    "OUTPUT_ID_CHARS_MAX",
    "OutputRef",
    "OutputUnavailable",
    "SpanError",
    "SpanOutput",
    "Tree",
    "legacy_run_output",
    "output_id",
    "parse_output_id",
    "run_output",
    "span_output",
]

#: No id that `output_id` makes is longer.
OUTPUT_ID_CHARS_MAX: Final = 256

_EMPTY_OBJECT: Final = "{}"
_NO_OUTPUT: Final = "no output found"
# With these, the app itself said what went wrong; everything else the server found.
_SAID_BY_APP: Final = frozenset(
    {FailureCode.FUNCTION_ERROR, FailureCode.HTTP_NOT_OK, FailureCode.NOT_SDK}
)
# How the reference writes text inside its own JSON, which its tests compare literally.
_ESCAPES: Final = str.maketrans(
    {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"}
)


class Tree(enum.StrEnum):
    """Which of the two trees a span belongs to; they show the same results differently."""

    CLASSIC = "classic"
    CURRENT = "current"


class OutputRef(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """Where to find what a span took and brought.

    Attributes:
        seq: Place of the journal entry with the result or the error; `NO_SEQ` if there is none.
        input_seq: Place of the entry with a step's arguments; `NO_SEQ` if they are not known.
        is_root: The run's own span: it took the events, and brought what the run came to.
        is_wrapped: The result is shown with what the server wraps results in.
    """

    run_id: RunId = msgspec.field(name="rid")
    tree: Tree
    seq: int = NO_SEQ
    input_seq: int = msgspec.field(default=NO_SEQ, name="in")
    is_root: bool = msgspec.field(default=False, name="root")
    is_wrapped: bool = msgspec.field(default=False, name="raw")


class OutputUnavailable(msgspec.Struct, frozen=True):
    """There is nothing to show; `message` is what clients are told."""

    message: str


class SpanError(msgspec.Struct, frozen=True):
    """An error as it is shown. `cause` is any JSON."""

    message: str
    name: str | None = None
    stack: str | None = None
    cause: bytes | None = None


class SpanOutput(msgspec.Struct, frozen=True):
    """What a span took and brought. `input` and `data` are JSON; data is empty before the end."""

    input: bytes | None = None
    data: bytes | None = None
    error: SpanError | None = None


class _Error(msgspec.Struct):
    name: msgspec.Raw = msgspec.Raw(b"null")
    message: msgspec.Raw = msgspec.Raw(b"null")
    stack: msgspec.Raw = msgspec.Raw(b"null")
    cause: msgspec.Raw = msgspec.Raw(b"null")


class _MadeByServer(msgspec.Struct, omit_defaults=True):
    """In the order in which the reference writes it."""

    error: str
    name: str
    message: str
    stack: str | None = None


class _ErrorOutput(msgspec.Struct):
    error: _MadeByServer


class _Options(msgspec.Struct):
    input: msgspec.Raw = msgspec.Raw(b"")


_ENCODE: Final = msgspec.json.Encoder().encode
_REF: Final = msgspec.json.Decoder(OutputRef)
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ERROR: Final = msgspec.json.Decoder(_Error)
_ERROR_OUTPUT: Final = msgspec.json.Decoder(_ErrorOutput)
_OPTIONS: Final = msgspec.json.Decoder(_Options)
_TEXT: Final = msgspec.json.Decoder(str)


def output_id(ref: OutputRef) -> str:
    """The id under which clients ask for it."""
    return base64.b64encode(_ENCODE(ref)).decode()


def parse_output_id(text: str) -> OutputRef | OutputUnavailable:
    """What an id names; a bad one is told with the text that clients know."""
    if len(text) > OUTPUT_ID_CHARS_MAX:
        return _unparsable(f"it is longer than {OUTPUT_ID_CHARS_MAX} characters")
    try:
        ref = _REF.decode(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError) as error:
        return _unparsable(str(error))
    if not is_ulid(ref.run_id):
        return _unparsable("it does not name a run")
    return ref


def _unparsable(reason: str) -> OutputUnavailable:
    return OutputUnavailable(f"error parsing span identifier: {reason}")


def span_output(
    ref: OutputRef, entries: Sequence[Entry], events: Sequence[bytes]
) -> SpanOutput | OutputUnavailable:
    """What the span took and brought.

    Args:
        ref: What `parse_output_id` found in the id.
        entries: The journal of the run it names.
        events: The payloads of the events that started it.

    Source: GraphQL, 8.2.
    """
    given = _input(ref, entries, events)
    entry = _told_by(ref, entries)
    match entry:
        case StepResolved(failed=False):
            memo = bytes(entry.memo)
            return SpanOutput(given, memo if ref.is_wrapped else _unwrapped(memo, "data"))
        case StepResolved():
            return SpanOutput(given, error=_error(_unwrapped(bytes(entry.memo), "error")))
        case StepAttemptFailed():
            return SpanOutput(given, error=_error(_unwrapped(bytes(entry.error), "error")))
        case CallFailed():
            return SpanOutput(given, error=_error(_failure(ref, entry)))
        case RunEnded(status=RunStatus.COMPLETED):
            return SpanOutput(given, bytes(entry.output) or b"null")
        case RunEnded(status=RunStatus.FAILED):
            output = bytes(entry.output)
            is_stored = ref.tree is Tree.CLASSIC and not entry.step
            return SpanOutput(
                given, error=_error(output if is_stored else _unwrapped(output, "error"))
            )
        case _:
            return OutputUnavailable(_NO_OUTPUT) if given is None else SpanOutput(given, b"")


def run_output(status: RunStatus, output: bytes, error: bytes) -> str | None:
    """The run's output as clients read it; None while there is none, and if it was cancelled.

    Args:
        status: What the run came to.
        output: As it is stored; JSON.
        error: Why it failed, as it is stored; JSON.

    Source: GraphQL, 8.1; execution semantics, 5.5.
    """
    if not output:
        return None
    if status is not RunStatus.FAILED:
        return output.decode()
    if output == b'{"error":%b}' % error:
        return _made_by_server(output)
    # What no SDK wrote is stored as a string, and shown as it was.
    return _text(msgspec.Raw(output)) or output.decode()


def legacy_run_output(status: RunStatus, output: bytes, error: bytes) -> str | None:
    """As `run_output`, for the older query, in which a cancelled run has an empty object."""
    if status is RunStatus.CANCELLED:
        return _EMPTY_OBJECT
    return run_output(status, output, error)


def _made_by_server(output: bytes) -> str:
    try:
        decoded = _ERROR_OUTPUT.decode(output)
    except msgspec.DecodeError:
        return output.decode()
    return _ENCODE(decoded).decode().translate(_ESCAPES)


def _told_by(ref: OutputRef, entries: Sequence[Entry]) -> Entry | None:
    """The entry with the result or the error; a root has none before the run has ended."""
    if ref.is_root:
        return next((entry for entry in reversed(entries) if isinstance(entry, RunEnded)), None)
    return entries[ref.seq] if 0 <= ref.seq < len(entries) else None


def _input(ref: OutputRef, entries: Sequence[Entry], events: Sequence[bytes]) -> bytes | None:
    if ref.is_root and ref.tree is Tree.CURRENT:
        return b"[%b]" % b",".join(events)
    if not 0 <= ref.input_seq < len(entries):
        return None
    entry = entries[ref.input_seq]
    if isinstance(entry, InputGiven):
        return bytes(entry.input)
    name = getattr(entry, "name", None)
    if not isinstance(name, StepName) or not name.opts:
        return None
    try:
        return bytes(_OPTIONS.decode(name.opts).input) or None
    except (msgspec.DecodeError, RecursionError):
        return None


def _failure(ref: OutputRef, entry: CallFailed) -> bytes:
    """The error of a failed call, as the run's would be if it had been the last."""
    is_plain = entry.code in _SAID_BY_APP or not entry.code
    if is_plain or ref.tree is Tree.CURRENT:
        return bytes(entry.error)
    return b'{"error":%b}' % entry.error


def _unwrapped(value: bytes, key: str) -> bytes:
    """What the only member `key` of an object holds; anything else as it is."""
    if not value.startswith(b"{"):
        return value
    try:
        fields = _FIELDS.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return value
    return bytes(fields[key]) if fields.keys() == {key} else value


def _error(raw: bytes) -> SpanError:
    """The error, or all of its text as the stack where it has no message."""
    if raw.startswith(b"{"):
        try:
            error = _ERROR.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            error = _Error()
        message = _text(error.message)
        if message:
            cause = bytes(error.cause)
            return SpanError(
                message,
                name=_text(error.name),
                stack=_text(error.stack),
                cause=None if cause == b"null" else cause,
            )
    return SpanError("", stack=_text(msgspec.Raw(raw)) or raw.decode())


def _text(raw: msgspec.Raw) -> str | None:
    try:
        return _TEXT.decode(raw) or None
    except msgspec.DecodeError:
        return None
