"""Handing one request to a collector, over HTTP or gRPC, and what came of it.

Source: OpenTelemetry protocol 1.10, "OTLP/HTTP Response" and "Failures" (what may be sent again).
"""

import asyncio
from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final, Protocol
from urllib.parse import urlsplit

import msgspec

from stepwell.drivers.http import HttpClient, HttpReply, HttpRequest

__all__ = [
    "GrpcSender",
    "HttpSender",
    "Refused",
    "Sender",
    "Sent",
    "TryAgain",
]

_ANSWER_BYTES_MAX: Final = 64 * 1024
_RETRY_AFTER_DIGITS_MAX: Final = 6
_REPEATABLE: Final = frozenset({429, 502, 503, 504})
_GRPC_PATH: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_GRPC_PORT: Final = 4317
_GRPC_REPEATABLE: Final = frozenset(
    {
        "CANCELLED",
        "DEADLINE_EXCEEDED",
        "RESOURCE_EXHAUSTED",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNAVAILABLE",
        "DATA_LOSS",
    }
)

HeaderPairs = Sequence[tuple[str, str]]


class Sent(msgspec.Struct, frozen=True):
    """The collector has it; `answer` is its message."""

    answer: bytes = b""


class TryAgain(msgspec.Struct, frozen=True):
    """It may be sent again, but not before `after_s` seconds have passed."""

    reason: str
    after_s: float = 0.0


class Refused(msgspec.Struct, frozen=True):
    """Sending it again would not help."""

    reason: str


class Sender(Protocol):
    """Hands requests to a collector. Nothing is raised; reasons hold no secrets."""

    async def send(self, request: bytes) -> Sent | TryAgain | Refused:
        """Hand over an encoded `ExportTraceServiceRequest`."""
        ...

    async def close(self) -> None:
        """Give up what is under way. May be called twice."""
        ...


class HttpSender:
    """Posts protobuf.

    Args:
        client: Makes the requests; it is somebody else's to close.
        url: Where traces go, such as http://localhost:4318/v1/traces.
        headers: Sent with every request; they may be secret.
        timeout_s: For one request.
    """

    def __init__(
        self, client: HttpClient, url: str, headers: HeaderPairs, *, timeout_s: float
    ) -> None:
        self._client = client
        self._url = url
        self._headers = (("Content-Type", "application/x-protobuf"), *headers)
        self._timeout_s = timeout_s

    async def send(self, request: bytes) -> Sent | TryAgain | Refused:
        """Hand over an encoded `ExportTraceServiceRequest`."""
        result = await self._client.fetch(
            HttpRequest(
                "POST",
                self._url,
                self._headers,
                request,
                self._timeout_s,
                response_bytes_max=_ANSWER_BYTES_MAX,
            )
        )
        if not isinstance(result, HttpReply):
            return TryAgain(result.kind.value)
        if 200 <= result.status < 300:
            return Sent(result.body)
        if result.status in _REPEATABLE:
            return TryAgain(f"HTTP status {result.status}", _after_s(result))
        return Refused(f"HTTP status {result.status}")

    async def close(self) -> None:
        """Give up what is under way. May be called twice."""


def _after_s(reply: HttpReply) -> float:
    text = reply.headers.get("retry-after", "")
    is_number = text.isascii() and text.isdecimal() and len(text) <= _RETRY_AFTER_DIGITS_MAX
    return float(text) if is_number else 0.0


class GrpcSender:
    """Calls the collector's `TraceService`, with a package that only those who want it install.

    Args:
        url: Such as http://localhost:4317; https is TLS with the system's authorities.
        headers: Sent as metadata with every request; they may be secret.
        timeout_s: For one request.
    """

    def __init__(self, url: str, headers: HeaderPairs, *, timeout_s: float) -> None:
        self._grpc: Any = import_module("grpc")
        parts = urlsplit(url)
        target = f"{parts.hostname}:{parts.port or _GRPC_PORT}"
        if parts.scheme == "https":
            credentials = self._grpc.ssl_channel_credentials()
            self._channel = self._grpc.secure_channel(target, credentials)
        else:
            self._channel = self._grpc.insecure_channel(target)
        # Without serialisers, messages are bytes.
        self._export = self._channel.unary_unary(_GRPC_PATH)
        self._metadata = tuple((name.lower(), value) for name, value in headers)
        self._timeout_s = timeout_s

    async def send(self, request: bytes) -> Sent | TryAgain | Refused:
        """Hand over an encoded `ExportTraceServiceRequest`."""
        # In a thread: the loop of gRPC's own asyncio support is not ours.
        return await asyncio.to_thread(self._call, request)

    async def close(self) -> None:
        """Give up what is under way. May be called twice."""
        self._channel.close()

    def _call(self, request: bytes) -> Sent | TryAgain | Refused:
        try:
            answer = self._export(request, timeout=self._timeout_s, metadata=self._metadata)
        except ValueError:
            return Refused("the channel is closed")
        except self._grpc.RpcError as error:
            name = error.code().name
            reason = f"gRPC status {name}"
            return TryAgain(reason) if name in _GRPC_REPEATABLE else Refused(reason)
        return Sent(answer)
