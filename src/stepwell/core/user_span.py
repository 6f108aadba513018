"""Spans of the app's own tracing, tied to runs.

The SDK copies to every span what the headers of the call said, and which step was running; that is
how a span finds its run and its place there.

Source: HTTP APIs, 10; GraphQL, 9.6.
"""

import enum
from hashlib import sha1
from typing import Any, Final

import msgspec

from stepwell.core.identity import FunctionId, RunId, StepId
from stepwell.wire.otlp_span import SentSpan
from stepwell.wire.ulid import is_ulid

__all__ = [
    "ATTEMPT_UNKNOWN",
    "SPANS_BYTES_MAX",
    "SPANS_MAX",
    "SPAN_BYTES_MAX",
    "SpanKind",
    "SpanOutcome",
    "SpanRefused",
    "UserSpan",
    "bind_span",
    "hashed_step",
]

#: Attributes and events of one span, as JSON.
SPAN_BYTES_MAX: Final = 64 * 1024
#: Spans of one run, and all of their attributes and events.
SPANS_MAX: Final = 10_000
SPANS_BYTES_MAX: Final = 16 * 1024 * 1024
#: The span does not say during which attempt of its step it was made.
ATTEMPT_UNKNOWN: Final = -1

_ATTEMPT_MAX: Final = 1_000_000
_ID_CHARS_MAX: Final = 256
_TRACEPARENT_CHARS: Final = 55


class SpanKind(enum.IntEnum):
    """OpenTelemetry's kinds. The numbers are stored; never renumber."""

    UNSPECIFIED = 0
    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


class SpanOutcome(enum.IntEnum):
    """OpenTelemetry's status of a span. The numbers are stored; never renumber."""

    UNSET = 0
    OK = 1
    ERROR = 2


class UserSpan(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A span of the app.

    Attributes:
        span_id: 16 hexadecimal digits, unique within the run.
        parent_span_id: The span it is part of, if the app said so; that need not be known here.
        trace_id: The app's own trace.
        function_id: As the span says; not stored, because the run knows it.
        step: Hashed id of the step that was running; empty for none.
        attempt: Which attempt of it, from 0, or `ATTEMPT_UNKNOWN`.
        call_span_id: Span of the call during which it was made, as `core.trace_ids.call_span_id`.
        scope: The library that made it.
        ended_ns: 0 if it has not ended.
        attributes: JSON object.
        events: JSON array of `{name, at_ns, attributes}`.
    """

    run_id: RunId
    span_id: str
    parent_span_id: str
    trace_id: str
    function_id: FunctionId = FunctionId("")
    step: StepId
    attempt: int
    call_span_id: str
    name: str
    kind: SpanKind
    status: SpanOutcome
    status_message: str
    service: str
    scope: str
    scope_version: str
    started_ns: int
    ended_ns: int
    attributes: bytes
    events: bytes

    @property
    def size(self) -> int:
        """The size that counts for limits."""
        return len(self.attributes) + len(self.events)


class SpanRefused(msgspec.Struct, frozen=True):
    """Why a span is not kept; for the sender."""

    reason: str


_ENCODE: Final = msgspec.json.Encoder().encode


def bind_span(sent: SentSpan) -> UserSpan | SpanRefused:
    """The span with the run and the step it belongs to, as its attributes say."""
    given = sent.attributes
    run_id = _text(given.get("sdk.run.id"))
    function_id = _text(given.get("sys.function.id"))
    if not given.get("inngest.traceref") or not function_id or not is_ulid(run_id):
        return SpanRefused("a span is not tied to a run by the attributes SDKs set")
    attributes, events = _ENCODE(given), _ENCODE(sent.events)
    if len(attributes) + len(events) > SPAN_BYTES_MAX:
        return SpanRefused(f"a span has more than {SPAN_BYTES_MAX} bytes of attributes and events")
    return UserSpan(
        run_id=RunId(run_id.upper()),
        span_id=sent.span_id,
        parent_span_id=sent.parent_span_id,
        trace_id=sent.trace_id,
        function_id=FunctionId(function_id.lower()),
        step=_step(given),
        attempt=_number(given.get("inngest.step.attempt"), ATTEMPT_UNKNOWN),
        call_span_id=_parent_of(_text(given.get("inngest.traceparent"))),
        name=sent.name,
        kind=SpanKind(sent.kind),
        status=SpanOutcome(sent.status),
        status_message=sent.status_message,
        service=sent.service,
        scope=sent.scope,
        scope_version=sent.scope_version,
        started_ns=sent.started_ns,
        ended_ns=sent.ended_ns,
        attributes=attributes,
        events=events,
    )


def hashed_step(step_id: str, index: int) -> StepId:
    """The id under which a step is known, from the one its author wrote and its repetition.

    Source: HTTP APIs, 7.4.
    """
    text = f"{step_id}:{index}" if index > 0 else step_id
    return StepId(sha1(text.encode(), usedforsecurity=False).hexdigest())


def _step(given: dict[str, Any]) -> StepId:
    if hashed := _text(given.get("inngest.step.hash")):
        return StepId(hashed)
    if step_id := _text(given.get("inngest.step.id")):
        return hashed_step(step_id, _number(given.get("inngest.step.index"), 0))
    return StepId("")


def _text(value: Any) -> str:
    return value[:_ID_CHARS_MAX] if isinstance(value, str) else ""


def _number(value: Any, otherwise: int) -> int:
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value <= _ATTEMPT_MAX else otherwise


def _parent_of(traceparent: str) -> str:
    """The span id in a W3C traceparent; empty if it is none."""
    parts = traceparent.split("-")
    if len(traceparent) != _TRACEPARENT_CHARS or len(parts) != 4 or len(parts[2]) != 16:
        return ""
    return parts[2].lower()
