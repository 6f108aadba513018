"""`POST /v1/traces/userland`: OTLP spans of apps, to be seen within the traces of their runs.

Source: HTTP APIs, 10; OpenTelemetry protocol 1.10, "OTLP/HTTP".
"""

import asyncio
import gzip
from collections.abc import Sequence
from typing import Final, Protocol

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.body import Headers, header, headers_of, read_body
from stepwell.api.errors import ClientGone, failure_of
from stepwell.api.openapi import Answer, Body, Declaration, DeclarationTable, Tag, text_of
from stepwell.api.responses import Header, send_answer
from stepwell.api.services import RouteTable
from stepwell.core.user_span import SpanRefused, UserSpan, bind_span
from stepwell.engine.annotations import SpansAttached
from stepwell.wire.otlp import OtlpInvalid, encode_accepted, encode_status, parse_export
from stepwell.wire.unicode_repair import with_unicode_repaired

__all__ = ["DECLARATIONS", "EXPORT_BYTES_MAX", "SpanIntake", "UserlandTraces"]

#: Of the body, before and after decompression. Source: HTTP APIs, 10.
EXPORT_BYTES_MAX: Final = 8 * 1024 * 1024

# Of empty spans, 8 MiB hold four million, which take almost a gigabyte while they are taken apart;
# so bodies are taken apart one after the other.
_AT_ONCE: Final = 1

_PROTOBUF: Final = "application/x-protobuf"
_TYPES: Final[dict[bool, Header]] = {
    True: (b"content-type", b"application/json"),
    False: (b"content-type", _PROTOBUF.encode()),
}
_GZIP: Final[Header] = (b"content-encoding", b"gzip")

#: gRPC's numbers for what went wrong, by HTTP status. Source: google.rpc.Code.
_CODES: Final = {400: 3, 413: 8, 415: 12, 503: 14}
_INTERNAL: Final = 13


class SpanIntake(Protocol):
    """Where spans go."""

    async def add_spans(self, spans: Sequence[UserSpan]) -> SpansAttached:
        """Keep spans whose runs exist; returns when they are durable.

        Raises:
            StoreUnavailable: It is not certain whether they were.
        """
        ...


class RpcStatus(msgspec.Struct, frozen=True):
    """A `google.rpc.Status`."""

    code: int
    message: str


_REFUSALS: Final = tuple(
    answer
    for status, text in (
        (400, "The body is not OTLP, or not what its headers say."),
        (413, "The body is larger than 8 MiB."),
        (415, "The body is compressed in a way the server does not know."),
        (503, "The store does not answer; the request may be repeated."),
    )
    # In the encoding of the request.
    for answer in (Answer(status, (text,), RpcStatus), text_of(_PROTOBUF, status=status))
)

DECLARATIONS: Final[DeclarationTable] = {
    "/v1/traces/userland": {
        "POST": Declaration(
            "exportSpans",
            "Take OpenTelemetry spans of an app",
            Tag.SDK,
            text="OTLP/HTTP in protobuf or, with a content type that says so, in JSON.",
            answers=(
                text_of(_PROTOBUF, "All spans that belong to runs are stored."),
                *_REFUSALS,
            ),
            body=Body(None, "An ExportTraceServiceRequest.", media_type=_PROTOBUF),
            refusal=RpcStatus,
        ),
    },
}


class UserlandTraces:
    """Answers 200 when the spans are durable; those that belong to no run are counted.

    Errors have the form that exporters understand, in the encoding of the request. Attributes are
    the app's own business and are never logged.
    """

    def __init__(self, intake: SpanIntake) -> None:
        self._intake = intake
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {"/v1/traces/userland": {"POST": self.export}}

    async def export(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Take the spans of one request."""
        headers = headers_of(scope)
        is_json = "json" in (header(headers, b"content-type") or "").lower()
        added: tuple[Header, ...] = ()
        try:
            body = await read_body(headers, receive, bytes_max=EXPORT_BYTES_MAX)
            status, answer = 200, await self._take(body, is_json=is_json)
        except ClientGone:
            raise
        except OtlpInvalid as invalid:
            status = 400
            answer = encode_status(_CODES[status], str(invalid), is_json=is_json)
        except Exception as error:  # noqa: BLE001 - exporters understand no other form
            failure = failure_of(error)
            status, added = failure.status, failure.headers
            code = _CODES.get(status, _INTERNAL)
            answer = encode_status(code, failure.message, is_json=is_json)
        added = (_TYPES[is_json], *added)
        if _takes_gzip(headers):
            answer, added = gzip.compress(answer, mtime=0), (*added, _GZIP)
        await send_answer(send, status, answer, headers=added)

    async def _take(self, body: bytes, *, is_json: bool) -> bytes:
        # In a thread, because some megabytes take a while.
        async with self._turns:
            spans, rejected, reason = await asyncio.to_thread(_spans_in, body, is_json=is_json)
        if spans:
            attached = await self._intake.add_spans(spans)
            rejected += attached.rejected
            reason = reason or attached.reason
        return encode_accepted(rejected, reason, is_json=is_json)


def _spans_in(body: bytes, *, is_json: bool) -> tuple[list[UserSpan], int, str]:
    """The spans that name a run; how many others there are, and what is wrong with the first."""
    export = parse_export(with_unicode_repaired(body) if is_json else body, is_json=is_json)
    rejected, reason = export.rejected, export.reason
    spans = []
    for sent in export.spans:
        bound = bind_span(sent)
        if isinstance(bound, SpanRefused):
            rejected += 1
            reason = reason or bound.reason
        else:
            spans.append(bound)
    return spans, rejected, reason


def _takes_gzip(headers: Headers) -> bool:
    accepted = (header(headers, b"accept-encoding") or "").lower().replace(" ", "").split(",")
    return any(part.partition(";")[0] == "gzip" and not part.endswith(";q=0") for part in accepted)
