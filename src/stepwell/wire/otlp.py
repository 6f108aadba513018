"""OTLP traces as apps send them, and the answers, each in protobuf or JSON.

A span that cannot be used does not spoil the others: it is counted, and the first reason told.

Source: OpenTelemetry protocol 1.10 (opentelemetry.io/docs/specs/otlp); HTTP APIs, 10.
"""

from itertools import islice
from typing import Final

import msgspec

from stepwell.wire.otlp_json import read_json
from stepwell.wire.otlp_span import OtlpInvalid, SentSpan, SpanInvalid

__all__ = [
    "SPANS_MAX",
    "Export",
    "OtlpInvalid",
    "encode_accepted",
    "encode_status",
    "parse_export",
]

#: Spans of one request that are read; the rest is rejected.
SPANS_MAX: Final = 10_000


class Export(msgspec.Struct, frozen=True):
    """What a request holds.

    Attributes:
        rejected: How many spans could not be used.
        reason: Why one of them could not; empty if there is none.
    """

    spans: list[SentSpan]
    rejected: int = 0
    reason: str = ""


def parse_export(body: bytes, *, is_json: bool) -> Export:
    """The spans of an export request.

    Raises:
        OtlpInvalid: It cannot be decoded at all.
    """
    if is_json:
        count, found = read_json(body)
    else:
        from stepwell.wire.otlp_protobuf import read_protobuf  # noqa: PLC0415

        count, found = read_protobuf(body)
    spans: list[SentSpan] = []
    reason = f"more than {SPANS_MAX} spans in one request" if count > SPANS_MAX else ""
    for read in islice(found, SPANS_MAX):
        try:
            spans.append(read())
        except SpanInvalid as invalid:
            reason = reason or str(invalid)
    return Export(spans, count - len(spans), reason)


def encode_accepted(rejected: int, reason: str, *, is_json: bool) -> bytes:
    """The answer to a request of which all spans but `rejected` were taken."""
    if not rejected:
        return b"{}" if is_json else b""
    if is_json:
        # 64-bit numbers are texts in protobuf's JSON.
        partial = {"rejectedSpans": str(rejected), "errorMessage": reason}
        return msgspec.json.encode({"partialSuccess": partial})
    return _text_field(1, _number_field(1, rejected) + _text_field(2, reason.encode()))


def encode_status(code: int, message: str, *, is_json: bool) -> bytes:
    """A `google.rpc.Status`: a number of gRPC's and a sentence."""
    if is_json:
        return msgspec.json.encode({"code": code, "message": message})
    return _number_field(1, code) + _text_field(2, message.encode())


# Two messages of two fields each: no reason to load what is generated for protobuf.


def _number_field(field: int, number: int) -> bytes:
    return bytes([field << 3]) + _varint(number)


def _text_field(field: int, text: bytes) -> bytes:
    return bytes([field << 3 | 2]) + _varint(len(text)) + text


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
