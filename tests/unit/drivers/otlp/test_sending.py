"""Handing spans to real collectors, over HTTP and gRPC."""

from collections.abc import AsyncIterator

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from stepwell.drivers.http import HttpClient
from stepwell.drivers.otlp import GrpcSender, HttpSender, Refused, Sent, TryAgain
from stepwell.drivers.otlp.encoding import encode_spans, rejected_spans
from tests.unit.drivers.http.scripted_app import always, answer, serving
from tests.unit.drivers.otlp.collectors import a_span, grpc_collector, partial

pytestmark = pytest.mark.anyio

REQUEST = encode_spans([a_span()], {"service.name": "shop"}, version="1.2")
HEADERS = (("X-Api-Key", "s3cr3t"),)


@pytest.fixture
async def client(anyio_backend: object) -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


def check(request: ExportTraceServiceRequest) -> None:
    """The collector understands what `REQUEST` says."""
    (of_resource,) = request.resource_spans
    (service,) = of_resource.resource.attributes
    assert (service.key, service.value.string_value) == ("service.name", "shop")
    (of_scope,) = of_resource.scope_spans
    assert (of_scope.scope.name, of_scope.scope.version) == ("stepwell", "1.2")
    (span,) = of_scope.spans
    assert span.trace_id.hex() == "4bf92f3577b34da6a3ce929d0e0e4736"
    assert (span.span_id.hex(), span.parent_span_id.hex()) == (f"{1:016x}", "b7ad6b7169203331")
    assert (span.name, span.kind) == ("pay", Span.SPAN_KIND_CLIENT)
    assert (span.status.code, span.status.message) == (Status.STATUS_CODE_ERROR, "refused")
    assert span.end_time_unix_nano - span.start_time_unix_nano == 5
    text, number, truth = span.attributes
    assert (text.value.string_value, number.value.int_value) == ("a", 7)
    assert truth.value.bool_value is True
    (link,) = span.links
    assert link.trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert link.span_id.hex() == "00f067aa0ba902b7"


class TestHttp:
    async def test_a_collector_understands_what_it_gets(self, client: HttpClient) -> None:
        async with serving(always(answer(b""))) as collector:
            sender = HttpSender(client, f"{collector.origin}/v1/traces", HEADERS, timeout_s=5)
            assert await sender.send(REQUEST) == Sent(b"")

        (received,) = collector.requests
        assert (received.method, received.target) == ("POST", "/v1/traces")
        assert received.header("content-type") == "application/x-protobuf"
        assert received.header("x-api-key") == "s3cr3t"
        check(ExportTraceServiceRequest.FromString(received.body))

    @pytest.mark.parametrize(
        ("status", "headers", "result"),
        [
            (429, "Retry-After: 7\n", TryAgain("HTTP status 429", 7.0)),
            (502, "", TryAgain("HTTP status 502")),
            (503, "Retry-After: soon\n", TryAgain("HTTP status 503")),
            (504, "Retry-After: 99999999\n", TryAgain("HTTP status 504")),
            (400, "", Refused("HTTP status 400")),
            (401, "", Refused("HTTP status 401")),
            (500, "", Refused("HTTP status 500")),
        ],
    )
    async def test_the_status_says_what_may_be_sent_again(
        self, client: HttpClient, status: int, headers: str, result: object
    ) -> None:
        async with serving(always(answer(status=status, headers=headers))) as collector:
            sender = HttpSender(client, collector.origin, HEADERS, timeout_s=5)
            assert await sender.send(REQUEST) == result

    async def test_a_collector_that_is_not_there_may_come(self, client: HttpClient) -> None:
        sender = HttpSender(client, "http://127.0.0.1:1/v1/traces", HEADERS, timeout_s=5)

        assert await sender.send(REQUEST) == TryAgain("unreachable")


class TestGrpc:
    async def test_a_collector_understands_what_it_gets(self) -> None:
        with grpc_collector() as collector:
            sender = GrpcSender(collector.url, HEADERS, timeout_s=5)
            assert await sender.send(REQUEST) == Sent(b"")
            await sender.close()

        check(collector.requests[0])
        assert collector.metadata[0]["x-api-key"] == "s3cr3t"

    @pytest.mark.parametrize(
        ("code", "result"),
        [
            (grpc.StatusCode.UNAVAILABLE, TryAgain("gRPC status UNAVAILABLE")),
            (grpc.StatusCode.RESOURCE_EXHAUSTED, TryAgain("gRPC status RESOURCE_EXHAUSTED")),
            (grpc.StatusCode.UNAUTHENTICATED, Refused("gRPC status UNAUTHENTICATED")),
        ],
    )
    async def test_the_code_says_what_may_be_sent_again(
        self, code: grpc.StatusCode, result: object
    ) -> None:
        with grpc_collector() as collector:
            collector.failure = code
            sender = GrpcSender(collector.url, HEADERS, timeout_s=5)
            assert await sender.send(REQUEST) == result
            await sender.close()

    async def test_nothing_is_sent_by_a_closed_sender(self) -> None:
        sender = GrpcSender("http://127.0.0.1:1", HEADERS, timeout_s=5)
        await sender.close()
        await sender.close()

        assert await sender.send(REQUEST) == Refused("the channel is closed")


def test_a_collector_may_take_only_some_spans() -> None:
    assert rejected_spans(partial(3, "too old")) == (3, "too old")
    assert rejected_spans(b"") == (0, "")
