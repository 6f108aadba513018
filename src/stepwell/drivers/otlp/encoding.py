"""Spans as the message that collectors take.

Importing what is generated for protobuf takes as long as a whole start, so this module is imported
when there is something to send. Source: OpenTelemetry protocol 1.10.
"""

from collections.abc import Mapping, Sequence

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from stepwell.drivers.otlp.run_spans import ExportedSpan

__all__ = ["encode_spans", "rejected_spans"]

_SCOPE = "stepwell"


def encode_spans(
    spans: Sequence[ExportedSpan], resource: Mapping[str, str], *, version: str
) -> bytes:
    """An `ExportTraceServiceRequest` with these spans, made by a server with these attributes."""
    request = ExportTraceServiceRequest()
    resource_spans = request.resource_spans.add()
    resource_spans.resource.attributes.extend(_attributes(resource))
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name, scope_spans.scope.version = _SCOPE, version
    scope_spans.spans.extend(_span(span) for span in spans)
    return request.SerializeToString()


def rejected_spans(answer: bytes) -> tuple[int, str]:
    """How many spans a collector did not take, and why; some answer with something else."""
    response = ExportTraceServiceResponse()
    try:
        response.ParseFromString(answer)
    except DecodeError:
        return 0, ""
    partial = response.partial_success
    return partial.rejected_spans, partial.error_message


def _span(span: ExportedSpan) -> Span:
    return Span(
        trace_id=bytes.fromhex(span.trace_id),
        span_id=bytes.fromhex(span.span_id),
        parent_span_id=bytes.fromhex(span.parent_span_id),
        name=span.name,
        kind=Span.SpanKind.ValueType(span.kind),
        start_time_unix_nano=span.started_ns,
        end_time_unix_nano=span.ended_ns,
        attributes=_attributes(span.attributes),
        status=Status(code=Status.StatusCode.ValueType(span.status), message=span.error),
        links=[
            Span.Link(trace_id=bytes.fromhex(trace_id), span_id=bytes.fromhex(span_id))
            for trace_id, span_id in span.links
        ],
    )


def _attributes(attributes: Mapping[str, str | int | bool]) -> list[KeyValue]:
    return [KeyValue(key=key, value=_value(value)) for key, value in attributes.items()]


def _value(value: str | int | bool) -> AnyValue:
    if isinstance(value, bool):
        return AnyValue(bool_value=value)
    if isinstance(value, int):
        return AnyValue(int_value=value)
    return AnyValue(string_value=value)
