"""A span of an app, whatever encoding it came in, and what of it is kept.

What a span may hold is bounded here, because attributes are whatever a library thought of.

Source: OpenTelemetry protocol 1.10 (opentelemetry.io/docs/specs/otlp).
"""

import math
from collections.abc import Mapping
from typing import Any, Final

import msgspec

__all__ = [
    "ATTRIBUTES_MAX",
    "EVENTS_MAX",
    "GROUPS_MAX",
    "NAME_CHARS_MAX",
    "NS_MAX",
    "VALUE_CHARS_MAX",
    "VALUE_ITEMS_MAX",
    "VALUE_LEVELS_MAX",
    "Attributes",
    "OtlpInvalid",
    "SentSpan",
    "SpanEvent",
    "SpanInvalid",
    "SpanOrigin",
    "check_groups",
    "checked_span",
    "cut",
    "finite",
    "service_of",
]

#: Resources and scopes in one request: each has spans of its own.
GROUPS_MAX: Final = 10_000
#: Attributes of a span or of an event, and events of a span, that are kept: the first ones.
ATTRIBUTES_MAX: Final = 128
EVENTS_MAX: Final = 128
#: Longer names, of spans and of keys, are cut.
NAME_CHARS_MAX: Final = 256
#: Longer texts among the attributes are cut.
VALUE_CHARS_MAX: Final = 8 * 1024
#: Deeper values become null.
VALUE_LEVELS_MAX: Final = 8
#: Elements of a list or map that are kept.
VALUE_ITEMS_MAX: Final = 128

#: Times are kept as signed 64-bit numbers: until the year 2262.
NS_MAX: Final = 2**63 - 1

_KINDS: Final = 6
_STATUSES: Final = 3
_TRACE_CHARS: Final = 32
_SPAN_CHARS: Final = 16

Attributes = dict[str, Any]


class OtlpInvalid(Exception):
    """The body is no OTLP request; the message says why, for the client."""


class SpanInvalid(Exception):
    """One span cannot be used; the message says why."""


class SpanEvent(msgspec.Struct, frozen=True, gc=False):
    """Something that happened during a span."""

    name: str
    at_ns: int
    attributes: Attributes


class SentSpan(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A span as its app sent it, within the bounds of this module.

    Attributes:
        trace_id: 32 lower-case hexadecimal digits, not all zero.
        span_id: 16 of them.
        parent_span_id: As `span_id`, or empty.
        kind: 0 unspecified, 1 internal, 2 server, 3 client, 4 producer, 5 consumer.
        status: 0 unset, 1 ok, 2 error.
        service: The resource's `service.name`.
        attributes: JSON values by key.
    """

    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    kind: int
    status: int
    status_message: str
    started_ns: int
    ended_ns: int
    service: str
    scope: str
    scope_version: str
    attributes: Attributes
    events: tuple[SpanEvent, ...]


class SpanOrigin(msgspec.Struct, frozen=True):
    """What spans sent together have in common."""

    service: str
    scope: str
    scope_version: str


def check_groups(groups: int) -> None:
    """Refuse a request that consists of ever more resources and scopes.

    Raises:
        OtlpInvalid: There are too many.
    """
    if groups > GROUPS_MAX:
        raise OtlpInvalid(f"more than {GROUPS_MAX} resources and scopes in one request")


def checked_span(span: SentSpan) -> SentSpan:
    """The span with what only some senders write made alike.

    Raises:
        SpanInvalid: Its ids or times cannot be used.
    """
    if not _is_id(span.trace_id, _TRACE_CHARS) or not _is_id(span.span_id, _SPAN_CHARS):
        raise SpanInvalid("a span has no valid trace id or span id")
    if not 0 < span.started_ns <= NS_MAX or not 0 <= span.ended_ns <= NS_MAX:
        raise SpanInvalid("a span has no valid times")
    if span.parent_span_id and not _is_id(span.parent_span_id, _SPAN_CHARS):
        # Zeros stand for "none".
        span = msgspec.structs.replace(span, parent_span_id="")
    if not 0 <= span.kind < _KINDS or not 0 <= span.status < _STATUSES:
        span = msgspec.structs.replace(span, kind=0, status=0)
    return span


def _is_id(text: str, chars: int) -> bool:
    return len(text) == chars and not text.strip("0123456789abcdef") and bool(text.strip("0"))


def service_of(attributes: Mapping[str, Any]) -> str:
    """The name of the service, from the attributes of a resource."""
    name = attributes.get("service.name")
    return cut(name) if isinstance(name, str) else ""


def cut(text: str) -> str:
    """A name within its bound."""
    return text[:NAME_CHARS_MAX]


def finite(value: float) -> float | str:
    """The number; JSON knows neither NaN nor infinities, so these are texts."""
    return value if math.isfinite(value) else str(value)
