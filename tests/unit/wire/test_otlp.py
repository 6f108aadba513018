"""OTLP in both encodings: what is read, what is bounded, and what is refused."""

from contextlib import suppress
from typing import Any

import msgspec
import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from stepwell.wire import otlp
from stepwell.wire.otlp import (
    Export,
    OtlpInvalid,
    encode_accepted,
    encode_status,
    parse_export,
)
from stepwell.wire.otlp_span import (
    ATTRIBUTES_MAX,
    EVENTS_MAX,
    GROUPS_MAX,
    NAME_CHARS_MAX,
    VALUE_CHARS_MAX,
    VALUE_ITEMS_MAX,
    VALUE_LEVELS_MAX,
    SentSpan,
    SpanEvent,
)

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SPAN = "00f067aa0ba902b7"
PARENT = "b7ad6b7169203331"
START_NS = 1_790_000_000_000_000_001

ENCODINGS = pytest.mark.parametrize("is_json", [True, False], ids=["json", "protobuf"])


def request(*spans: Span, service: str = "shop") -> ExportTraceServiceRequest:
    message = ExportTraceServiceRequest()
    resource_spans = message.resource_spans.add()
    name = resource_spans.resource.attributes.add(key="service.name")
    name.value.string_value = service
    scope_spans = resource_spans.scope_spans.add()
    scope_spans.scope.name, scope_spans.scope.version = "http", "1.2"
    scope_spans.spans.extend(spans)
    return message


def a_span(**more: Any) -> Span:
    fields: dict[str, Any] = {
        "trace_id": bytes.fromhex(TRACE),
        "span_id": bytes.fromhex(SPAN),
        "name": "GET /",
        "kind": 3,
        "start_time_unix_nano": START_NS,
        "end_time_unix_nano": START_NS + 5,
    }
    return Span(**(fields | more))


def encoded(message: ExportTraceServiceRequest, *, is_json: bool) -> bytes:
    """As exporters send it: in JSON, ids are hexadecimal and kinds are numbers."""
    if not is_json:
        return message.SerializeToString()
    value = MessageToDict(message, use_integers_for_enums=True)
    spans = value["resourceSpans"][0]["scopeSpans"][0].get("spans", [])
    sent = message.resource_spans[0].scope_spans[0].spans
    for span, original in zip(spans, sent, strict=True):
        span["traceId"] = original.trace_id.hex()
        span["spanId"] = original.span_id.hex()
        if original.parent_span_id:
            span["parentSpanId"] = original.parent_span_id.hex()
    return msgspec.json.encode(value)


def parse(message: ExportTraceServiceRequest, *, is_json: bool) -> Export:
    return parse_export(encoded(message, is_json=is_json), is_json=is_json)


def attribute(key: str, **value: Any) -> KeyValue:
    return KeyValue(key=key, value=AnyValue(**value))


@ENCODINGS
def test_a_span_is_read_whole(is_json: bool) -> None:
    span = a_span(parent_span_id=bytes.fromhex(PARENT))
    span.status.CopyFrom(Status(code=Status.STATUS_CODE_ERROR, message="refused"))
    span.attributes.append(attribute("http.method", string_value="GET"))
    event = span.events.add(name="exception", time_unix_nano=START_NS + 1)
    event.attributes.append(attribute("exception.type", string_value="ValueError"))

    export = parse(request(span), is_json=is_json)

    assert export == Export(
        [
            SentSpan(
                trace_id=TRACE,
                span_id=SPAN,
                parent_span_id=PARENT,
                name="GET /",
                kind=3,
                status=2,
                status_message="refused",
                started_ns=START_NS,
                ended_ns=START_NS + 5,
                service="shop",
                scope="http",
                scope_version="1.2",
                attributes={"http.method": "GET"},
                events=(SpanEvent("exception", START_NS + 1, {"exception.type": "ValueError"}),),
            )
        ]
    )


@ENCODINGS
def test_values_of_every_kind_become_json(is_json: bool) -> None:
    span = a_span()
    span.attributes.extend(
        [
            attribute("text", string_value="a"),
            attribute("truth", bool_value=False),
            attribute("number", int_value=-(2**63) + 1),
            attribute("double", double_value=0.5),
            attribute("nan", double_value=float("nan")),
            attribute("bytes", bytes_value=b"\x00\xff"),
            attribute("list", array_value={"values": [AnyValue(int_value=1), AnyValue()]}),
            attribute("map", kvlist_value={"values": [attribute("k", string_value="v")]}),
        ]
    )
    span.attributes.add(key="nothing")

    (read,) = parse(request(span), is_json=is_json).spans

    nan = read.attributes.pop("nan")
    assert str(nan).lower() == "nan"
    assert read.attributes == {
        "text": "a",
        "truth": False,
        "number": -(2**63) + 1,
        "double": 0.5,
        "bytes": "AP8=",
        "list": [1, None],
        "map": {"k": "v"},
        "nothing": None,
    }


@ENCODINGS
def test_what_a_span_may_hold_is_bounded(is_json: bool) -> None:
    span = a_span(name="n" * (NAME_CHARS_MAX + 1))
    span.attributes.append(attribute("text", string_value="t" * (VALUE_CHARS_MAX + 1)))
    many = [AnyValue(int_value=n) for n in range(VALUE_ITEMS_MAX + 1)]
    span.attributes.append(attribute("list", array_value={"values": many}))
    span.attributes.extend(attribute(f"k{n}", int_value=n) for n in range(ATTRIBUTES_MAX))
    for _ in range(EVENTS_MAX + 1):
        span.events.add(name="e" * (NAME_CHARS_MAX + 1), time_unix_nano=1)

    (read,) = parse(request(span), is_json=is_json).spans

    assert len(read.name) == NAME_CHARS_MAX
    assert len(read.attributes["text"]) == VALUE_CHARS_MAX
    assert len(read.attributes["list"]) == VALUE_ITEMS_MAX
    assert len(read.attributes) == ATTRIBUTES_MAX
    assert len(read.events) == EVENTS_MAX
    assert len(read.events[0].name) == NAME_CHARS_MAX


@ENCODINGS
@pytest.mark.parametrize(("levels", "is_kept"), [(VALUE_LEVELS_MAX, True), (40, False)])
def test_deep_values_end_in_null(is_json: bool, levels: int, is_kept: bool) -> None:
    value = AnyValue(string_value="bottom")
    for _ in range(levels):
        value = AnyValue(array_value=ArrayValue(values=[value]))
    span = a_span()
    span.attributes.append(KeyValue(key="deep", value=value))

    (read,) = parse(request(span), is_json=is_json).spans

    assert (b"bottom" in msgspec.json.encode(read.attributes)) is is_kept


@ENCODINGS
@pytest.mark.parametrize(
    "wrong",
    [
        {"trace_id": b""},
        {"trace_id": bytes(16)},
        {"trace_id": bytes(range(15))},
        {"span_id": bytes(8)},
        {"span_id": b"\x01"},
        {"start_time_unix_nano": 0},
        {"end_time_unix_nano": 2**63},
    ],
)
def test_a_span_that_cannot_be_used_is_counted_and_the_others_are_read(
    is_json: bool, wrong: dict[str, Any]
) -> None:
    export = parse(request(a_span(**wrong), a_span()), is_json=is_json)

    assert (len(export.spans), export.rejected) == (1, 1)
    assert export.reason


@ENCODINGS
def test_spans_beyond_the_bound_are_rejected(is_json: bool) -> None:
    spans = [a_span() for _ in range(otlp.SPANS_MAX + 1)]

    export = parse(request(*spans), is_json=is_json)

    assert (len(export.spans), export.rejected) == (otlp.SPANS_MAX, 1)
    assert export.reason == "more than 10000 spans in one request"


@ENCODINGS
@pytest.mark.parametrize(("groups", "is_taken"), [(GROUPS_MAX, True), (GROUPS_MAX + 1, False)])
def test_a_request_may_have_so_many_groups(is_json: bool, groups: int, is_taken: bool) -> None:
    body = b'{"resourceSpans":[%b]}' % b",".join([b"{}"] * groups) if is_json else b"\n\0" * groups

    if is_taken:
        assert parse_export(body, is_json=is_json) == Export([])
        return
    with pytest.raises(OtlpInvalid, match="more than 10000 resources and scopes"):
        parse_export(body, is_json=is_json)


@ENCODINGS
def test_an_empty_request_holds_nothing(is_json: bool) -> None:
    assert parse_export(b"{}" if is_json else b"", is_json=is_json) == Export([])


@ENCODINGS
@pytest.mark.parametrize("body", [b"\xff\xff\xff", b"[", b"[]", b"null", b'{"resourceSpans": 7}'])
def test_what_is_no_export_is_refused(is_json: bool, body: bytes) -> None:
    with pytest.raises(OtlpInvalid, match="not an ExportTraceServiceRequest"):
        parse_export(body, is_json=is_json)


def test_unknown_fields_and_nulls_in_json_do_no_harm() -> None:
    body = {
        "resourceSpans": [
            {"new": 1, "resource": None, "scopeSpans": None},
            {
                "scopeSpans": [
                    {
                        "scope": None,
                        "spans": [
                            {
                                "traceId": TRACE.upper(),
                                "spanId": SPAN,
                                "parentSpanId": "0" * 16,
                                "startTimeUnixNano": str(START_NS),
                                "kind": "SPAN_KIND_SERVER",
                                "status": {"code": "STATUS_CODE_OK", "new": []},
                                "attributes": [{"key": "k", "value": {"newValue": 1}}, {}],
                                "events": None,
                            }
                        ],
                    }
                ]
            },
        ]
    }

    (read,) = parse_export(msgspec.json.encode(body), is_json=True).spans

    assert (read.trace_id, read.parent_span_id, read.kind, read.status) == (TRACE, "", 2, 1)
    assert read.attributes == {"k": None, "": None}
    assert (read.started_ns, read.ended_ns) == (START_NS, 0)


@pytest.mark.parametrize("number", ["1e9", "0x10", "-", "٣", "9" * 30, 2**70, 1.5, True, [1], "-5"])
def test_times_in_json_that_are_no_whole_numbers_spoil_only_their_span(number: Any) -> None:
    span = {"traceId": TRACE, "spanId": SPAN, "startTimeUnixNano": number}
    body = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}

    export = parse_export(msgspec.json.encode(body), is_json=True)

    assert (export.spans, export.rejected) == ([], 1)


@ENCODINGS
@settings(deadline=None)
@given(st.binary(max_size=200))
def test_arbitrary_bytes_are_read_or_refused(is_json: bool, body: bytes) -> None:
    with suppress(OtlpInvalid):
        parse_export(body, is_json=is_json)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["traceId", "spanId", "attributes", "key", "value", "events", "arrayValue"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.lists(JSON, max_size=3))
def test_arbitrary_spans_in_json_are_read_or_counted(spans: list[Any]) -> None:
    body = {"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}

    export = parse_export(msgspec.json.encode(body), is_json=True)

    assert len(export.spans) + export.rejected == len(spans)


def test_the_answer_counts_what_was_rejected() -> None:
    answer = ExportTraceServiceResponse()
    answer.ParseFromString(encode_accepted(300, "why é", is_json=False))

    assert answer.partial_success.rejected_spans == 300
    assert answer.partial_success.error_message == "why é"
    assert msgspec.json.decode(encode_accepted(300, "why", is_json=True)) == {
        "partialSuccess": {"rejectedSpans": "300", "errorMessage": "why"}
    }


def test_the_answer_to_a_request_of_good_spans_is_empty() -> None:
    assert encode_accepted(0, "", is_json=False) == b""
    assert encode_accepted(0, "", is_json=True) == b"{}"


def test_errors_are_statuses_of_google_rpc() -> None:
    assert encode_status(8, "too large", is_json=True) == b'{"code":8,"message":"too large"}'
    assert encode_status(3, "bad", is_json=False) == b"\x08\x03\x12\x03bad"
    long = encode_status(3, "x" * 300, is_json=False)
    assert long == b"\x08\x03\x12\xac\x02" + b"x" * 300
