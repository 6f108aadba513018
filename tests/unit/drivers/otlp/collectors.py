"""Collectors over HTTP and gRPC, as far as exporters see them; each keeps what it was sent."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from stepwell.core.user_span import SpanKind, SpanOutcome
from stepwell.drivers.otlp import ExportedSpan

__all__ = ["GrpcCollector", "a_span", "grpc_collector", "partial"]


def a_span(number: int = 1) -> ExportedSpan:
    return ExportedSpan(
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        span_id=f"{number:016x}",
        parent_span_id="b7ad6b7169203331",
        name="pay",
        kind=SpanKind.CLIENT,
        status=SpanOutcome.ERROR,
        started_ns=1_790_000_000_000_000_000,
        ended_ns=1_790_000_000_000_000_005,
        attributes={"text": "a", "number": 7, "truth": True},
        error="refused",
        links=(("0af7651916cd43dd8448eb211c80319c", "00f067aa0ba902b7"),),
    )


def partial(rejected: int, reason: str = "why") -> bytes:
    """The answer of a collector that did not take all spans."""
    answer = ExportTraceServiceResponse()
    answer.partial_success.rejected_spans = rejected
    answer.partial_success.error_message = reason
    return answer.SerializeToString()


class GrpcCollector:
    """A `TraceService`."""

    def __init__(self) -> None:
        self.requests: list[ExportTraceServiceRequest] = []
        self.metadata: list[dict[str, str]] = []
        self.failure: grpc.StatusCode | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def export(self, request: ExportTraceServiceRequest, context: Any) -> Any:
        self.requests.append(request)
        self.metadata.append(dict(context.invocation_metadata()))
        if self.failure is not None:
            context.abort(self.failure, "as asked")
        return ExportTraceServiceResponse()


@contextmanager
def grpc_collector() -> Iterator[GrpcCollector]:
    """A collector that listens on a free port."""
    collector = GrpcCollector()
    handler = grpc.unary_unary_rpc_method_handler(
        collector.export,
        request_deserializer=ExportTraceServiceRequest.FromString,
        response_serializer=ExportTraceServiceResponse.SerializeToString,
    )
    service = "opentelemetry.proto.collector.trace.v1.TraceService"
    with ThreadPoolExecutor(2) as threads:
        server = grpc.server(threads)
        server.add_generic_rpc_handlers(
            (grpc.method_handlers_generic_handler(service, {"Export": handler}),)
        )
        collector.port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield collector
        finally:
            server.stop(None).wait()
