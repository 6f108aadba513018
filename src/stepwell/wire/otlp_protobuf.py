"""OTLP traces in protobuf.

Importing what is generated for protobuf takes as long as a whole start, so this module is imported
when somebody sends protobuf.

Source: OpenTelemetry protocol 1.10; opentelemetry-proto, `trace/v1/trace.proto`.
"""

import base64
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

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
    SpanOrigin,
    check_groups,
    checked_span,
    cut,
    finite,
    service_of,
)

__all__ = ["read_protobuf"]


def read_protobuf(body: bytes) -> tuple[int, Iterator[Callable[[], SentSpan]]]:
    """How many spans there are, and calls that read one each and may raise `SpanInvalid`.

    Raises:
        OtlpInvalid: The body cannot be decoded, or has too many groups.
    """
    request = ExportTraceServiceRequest()
    try:
        request.ParseFromString(body)
    except DecodeError:
        raise OtlpInvalid("the body is not an ExportTraceServiceRequest in protobuf") from None
    check_groups(len(request.resource_spans))
    count, groups = 0, len(request.resource_spans)
    for resource_spans in request.resource_spans:
        groups += len(resource_spans.scope_spans)
        check_groups(groups)
        count += sum(len(scope_spans.spans) for scope_spans in resource_spans.scope_spans)
    return count, _readers(request)


def _readers(request: ExportTraceServiceRequest) -> Iterator[Callable[[], SentSpan]]:
    for resource_spans in request.resource_spans:
        service = service_of(_protobuf_attributes(resource_spans.resource.attributes))
        for scope_spans in resource_spans.scope_spans:
            scope = scope_spans.scope
            origin = SpanOrigin(service, cut(scope.name), cut(scope.version))
            for span in scope_spans.spans:
                yield partial(_protobuf_span, span, origin)


def _protobuf_span(span: Span, origin: SpanOrigin) -> SentSpan:
    sent = SentSpan(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex(),
        name=cut(span.name),
        kind=span.kind,
        status=span.status.code,
        status_message=span.status.message[:VALUE_CHARS_MAX],
        started_ns=span.start_time_unix_nano,
        ended_ns=span.end_time_unix_nano,
        service=origin.service,
        scope=origin.scope,
        scope_version=origin.scope_version,
        attributes=_protobuf_attributes(span.attributes),
        events=tuple(
            SpanEvent(
                cut(event.name),
                min(event.time_unix_nano, NS_MAX),
                _protobuf_attributes(event.attributes),
            )
            for event in span.events[:EVENTS_MAX]
        ),
    )
    return checked_span(sent)


def _protobuf_attributes(attributes: Iterable[KeyValue]) -> Attributes:
    found: Attributes = {}
    for attribute in attributes:
        if len(found) >= ATTRIBUTES_MAX:
            break
        found[cut(attribute.key)] = _protobuf_value(attribute.value, VALUE_LEVELS_MAX)
    return found


def _protobuf_value(value: AnyValue, levels: int) -> Any:
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value[:VALUE_CHARS_MAX]
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "double_value":
            return finite(value.double_value)
        case "bytes_value":
            return base64.b64encode(value.bytes_value[:VALUE_CHARS_MAX]).decode()
        case "array_value" if levels:
            items = value.array_value.values[:VALUE_ITEMS_MAX]
            return [_protobuf_value(item, levels - 1) for item in items]
        case "kvlist_value" if levels:
            pairs = value.kvlist_value.values[:VALUE_ITEMS_MAX]
            return {cut(pair.key): _protobuf_value(pair.value, levels - 1) for pair in pairs}
        case _:
            return None
