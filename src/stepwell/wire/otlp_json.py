"""OTLP traces in JSON: protobuf's, except that ids are hexadecimal. The official SDKs send this.

Source: OpenTelemetry protocol 1.10, "JSON Protobuf Encoding".
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import msgspec

from stepwell.wire.otlp_span import (
    ATTRIBUTES_MAX,
    EVENTS_MAX,
    NS_MAX,
    VALUE_CHARS_MAX,
    VALUE_ITEMS_MAX,
    VALUE_LEVELS_MAX,
    Attributes,
    OtlpInvalid,
    SentSpan,
    SpanEvent,
    SpanInvalid,
    SpanOrigin,
    check_groups,
    checked_span,
    cut,
    finite,
    service_of,
)

__all__ = ["read_json"]


class _Camel(msgspec.Struct, frozen=True, rename="camel"):
    """OTLP's JSON: protobuf's, except that ids are hexadecimal. Null is as good as missing."""


class _JsonValue(_Camel, frozen=True):
    string_value: str | None = None
    bool_value: bool | None = None
    int_value: int | str | None = None
    double_value: float | str | None = None
    bytes_value: str | None = None
    array_value: "_JsonArray | None" = None
    kvlist_value: "_JsonMap | None" = None


class _JsonArray(_Camel, frozen=True):
    values: list[_JsonValue] | None = None


class _JsonPair(_Camel, frozen=True):
    key: str | None = None
    value: _JsonValue | None = None


class _JsonMap(_Camel, frozen=True):
    values: list[_JsonPair] | None = None


class _JsonStatus(_Camel, frozen=True):
    code: int | str | None = None
    message: str | None = None


class _JsonEvent(_Camel, frozen=True):
    name: str | None = None
    time_unix_nano: int | str | None = None
    attributes: list[_JsonPair] | None = None


class _JsonSpan(_Camel, frozen=True):
    trace_id: str | None = None
    span_id: str | None = None
    parent_span_id: str | None = None
    name: str | None = None
    kind: int | str | None = None
    start_time_unix_nano: int | str | None = None
    end_time_unix_nano: int | str | None = None
    attributes: list[_JsonPair] | None = None
    events: list[_JsonEvent] | None = None
    status: _JsonStatus | None = None


class _JsonScope(_Camel, frozen=True):
    name: str | None = None
    version: str | None = None


class _JsonScopeSpans(_Camel, frozen=True):
    scope: _JsonScope | None = None
    spans: list[msgspec.Raw] | None = None


class _JsonResource(_Camel, frozen=True):
    attributes: list[_JsonPair] | None = None


class _JsonResourceSpans(_Camel, frozen=True):
    resource: _JsonResource | None = None
    scope_spans: list[_JsonScopeSpans] | None = None


class _JsonExport(_Camel, frozen=True):
    resource_spans: list[_JsonResourceSpans] | None = None


_JSON_EXPORT: Final = msgspec.json.Decoder(_JsonExport)
_JSON_SPAN: Final = msgspec.json.Decoder(_JsonSpan)
_KIND_NAMES: Final = ("UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_STATUS_NAMES: Final = ("UNSET", "OK", "ERROR")
_NUMBER_CHARS_MAX: Final = 20


def read_json(body: bytes) -> tuple[int, Iterator[Callable[[], SentSpan]]]:
    """How many spans there are, and calls that read one each and may raise `SpanInvalid`.

    Raises:
        OtlpInvalid: The body cannot be decoded, or has too many groups.
    """
    try:
        request = _JSON_EXPORT.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise OtlpInvalid("the body is not an ExportTraceServiceRequest in JSON") from None
    count = groups = 0
    for resource_spans in request.resource_spans or ():
        groups += 1
        for scope_spans in resource_spans.scope_spans or ():
            groups += 1
            count += len(scope_spans.spans or ())
        check_groups(groups)
    return count, _readers(request)


def _readers(request: _JsonExport) -> Iterator[Callable[[], SentSpan]]:
    for resource_spans in request.resource_spans or ():
        resource = resource_spans.resource or _JsonResource()
        service = service_of(_json_attributes(resource.attributes))
        for scope_spans in resource_spans.scope_spans or ():
            scope = scope_spans.scope or _JsonScope()
            origin = SpanOrigin(service, cut(scope.name or ""), cut(scope.version or ""))
            for raw in scope_spans.spans or ():
                yield partial(_json_span, raw, origin)


def _json_span(raw: msgspec.Raw, origin: SpanOrigin) -> SentSpan:
    try:
        span = _JSON_SPAN.decode(raw)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise SpanInvalid("a span is not of OTLP's shape") from None
    status = span.status or _JsonStatus()
    sent = SentSpan(
        trace_id=(span.trace_id or "").lower(),
        span_id=(span.span_id or "").lower(),
        parent_span_id=(span.parent_span_id or "").lower(),
        name=cut(span.name or ""),
        kind=_enum(span.kind, "SPAN_KIND_", _KIND_NAMES),
        status=_enum(status.code, "STATUS_CODE_", _STATUS_NAMES),
        status_message=(status.message or "")[:VALUE_CHARS_MAX],
        started_ns=_integer(span.start_time_unix_nano),
        ended_ns=_integer(span.end_time_unix_nano),
        service=origin.service,
        scope=origin.scope,
        scope_version=origin.scope_version,
        attributes=_json_attributes(span.attributes),
        events=tuple(
            SpanEvent(
                cut(event.name or ""),
                min(max(_integer(event.time_unix_nano), 0), NS_MAX),
                _json_attributes(event.attributes),
            )
            for event in (span.events or ())[:EVENTS_MAX]
        ),
    )
    return checked_span(sent)


def _json_attributes(pairs: list[_JsonPair] | None) -> Attributes:
    found: Attributes = {}
    for pair in pairs or ():
        if len(found) >= ATTRIBUTES_MAX:
            break
        found[cut(pair.key or "")] = _json_value(pair.value, VALUE_LEVELS_MAX)
    return found


def _json_value(value: _JsonValue | None, levels: int) -> Any:
    if value is None:
        return None
    if value.string_value is not None:
        return value.string_value[:VALUE_CHARS_MAX]
    if value.bool_value is not None:
        return value.bool_value
    if value.int_value is not None:
        return _int_value(value.int_value)
    if value.double_value is not None:
        return _double(value.double_value)
    if value.bytes_value is not None:
        return value.bytes_value[:VALUE_CHARS_MAX]
    if value.array_value is not None and levels:
        items = (value.array_value.values or [])[:VALUE_ITEMS_MAX]
        return [_json_value(item, levels - 1) for item in items]
    if value.kvlist_value is not None and levels:
        pairs = (value.kvlist_value.values or [])[:VALUE_ITEMS_MAX]
        return {cut(pair.key or ""): _json_value(pair.value, levels - 1) for pair in pairs}
    return None


def _int_value(value: int | str) -> int | None:
    try:
        return _integer(value)
    except SpanInvalid:
        return None


def _integer(value: int | str | None) -> int:
    if value is None or value == "":
        return 0
    if isinstance(value, str):
        digits = value.removeprefix("-")
        if len(value) > _NUMBER_CHARS_MAX or not (digits.isascii() and digits.isdecimal()):
            raise SpanInvalid("a span has a number that is none")
        value = int(value)
    if not -NS_MAX <= value <= 2 * NS_MAX:
        raise SpanInvalid("a span has a number of more than 64 bits")
    return value


def _enum(value: int | str | None, prefix: str, names: tuple[str, ...]) -> int:
    if isinstance(value, str):
        name = value.removeprefix(prefix)
        return names.index(name) if name in names else 0
    return value or 0


def _double(value: float | str) -> float | str:
    return value[:_NUMBER_CHARS_MAX] if isinstance(value, str) else finite(value)
