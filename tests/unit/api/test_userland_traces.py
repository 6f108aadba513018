"""`POST /v1/traces/userland`: both encodings, what is kept, and errors that exporters understand."""

import gzip
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from stepwell.api.errors import ErrorAnswers
from stepwell.api.routing import router
from stepwell.api.userland_traces import EXPORT_BYTES_MAX, UserlandTraces
from stepwell.core.user_span import UserSpan
from stepwell.engine.annotations import SpansAttached
from stepwell.engine.store import StoreUnavailable
from tests.unit.api.api_server import Answer, Api
from tests.unit.core.test_user_span import TIED
from tests.unit.wire.test_otlp import a_span, attribute, encoded, request

PATH = "/v1/traces/userland"
TYPES = {True: "application/json", False: "application/x-protobuf"}
ENCODINGS = pytest.mark.parametrize("is_json", [True, False], ids=["json", "protobuf"])


class Traces(Api):
    """The endpoint alone; remembers the spans."""

    def __init__(self) -> None:
        super().__init__()
        self.app = ErrorAnswers(router([UserlandTraces(self).routes()]))
        self.spans: list[UserSpan] = []
        self.result = SpansAttached()
        self.failure: Exception | None = None

    async def add_spans(self, spans: Sequence[UserSpan]) -> SpansAttached:
        if self.failure is not None:
            raise self.failure
        self.spans += spans
        return self.result

    def export(self, body: bytes, *, is_json: bool, **headers: str) -> Answer:
        return self.post(PATH, body, content_type=TYPES[is_json], **headers)


@pytest.fixture
def api() -> Traces:
    return Traces()


def spans(*, is_json: bool, tied: int = 1, others: int = 0) -> bytes:
    made = []
    for number in range(tied + others):
        span = a_span(span_id=(number + 1).to_bytes(8, "big"))
        if number < tied:
            span.attributes.extend(attribute(k, string_value=v) for k, v in TIED.items())
        made.append(span)
    return encoded(request(*made), is_json=is_json)


def rejected(answer: Answer, *, is_json: bool) -> int:
    if is_json:
        return int(answer.json.get("partialSuccess", {}).get("rejectedSpans", 0))
    message = ExportTraceServiceResponse()
    message.ParseFromString(answer.body)
    return message.partial_success.rejected_spans


@ENCODINGS
def test_spans_are_kept_and_answered_in_the_same_encoding(api: Traces, is_json: bool) -> None:
    answer = api.export(spans(is_json=is_json, tied=2), is_json=is_json)

    assert (answer.status, answer.headers["content-type"]) == (200, TYPES[is_json])
    assert answer.body == (b"{}" if is_json else b"")
    assert [span.run_id for span in api.spans] == [TIED["sdk.run.id"]] * 2


@ENCODINGS
def test_spans_without_a_run_are_counted_with_those_the_engine_refuses(
    api: Traces, is_json: bool
) -> None:
    api.result = SpansAttached(1, "a span belongs to a run that does not exist")

    answer = api.export(spans(is_json=is_json, tied=2, others=3), is_json=is_json)

    assert answer.status == 200
    assert rejected(answer, is_json=is_json) == 4


def test_protobuf_is_what_is_sent_without_a_type(api: Traces) -> None:
    answer = api.post(PATH, spans(is_json=False))

    assert (answer.status, answer.headers["content-type"]) == (200, TYPES[False])


@pytest.mark.parametrize("content_type", ["application/json; charset=utf-8", "Application/JSON"])
def test_json_is_known_by_its_type(api: Traces, content_type: str) -> None:
    assert api.post(PATH, spans(is_json=True), content_type=content_type).status == 200
    assert len(api.spans) == 1


@ENCODINGS
def test_a_compressed_request_is_taken(api: Traces, is_json: bool) -> None:
    body = gzip.compress(spans(is_json=is_json))

    assert api.export(body, is_json=is_json, content_encoding="gzip").status == 200
    assert len(api.spans) == 1


@pytest.mark.parametrize(
    ("accepted", "is_compressed"),
    [("gzip", True), ("br, GZIP;q=0.5", True), ("gzip;q=0", False), ("br", False), ("", False)],
)
def test_the_answer_is_compressed_if_that_is_accepted(
    api: Traces, accepted: str, is_compressed: bool
) -> None:
    answer = api.export(spans(is_json=True), is_json=True, accept_encoding=accepted)

    assert (answer.headers.get("content-encoding") == "gzip") is is_compressed
    assert (gzip.decompress(answer.body) if is_compressed else answer.body) == b"{}"


def status_of(answer: Answer, *, is_json: bool) -> tuple[int, str]:
    """Code and message of a `google.rpc.Status`; short ones have lengths of one byte."""
    assert answer.headers["content-type"] == TYPES[is_json]
    if is_json:
        return answer.json["code"], answer.json["message"]
    assert (answer.body[0], answer.body[2], answer.body[3]) == (8, 0x12, len(answer.body) - 4)
    return answer.body[1], answer.body[4:].decode()


@ENCODINGS
@pytest.mark.parametrize("is_packed", [True, False])
def test_a_body_that_is_too_large_is_refused(api: Traces, is_json: bool, is_packed: bool) -> None:
    body = b" " * (EXPORT_BYTES_MAX + 1)
    packing = {"content_encoding": "gzip"} if is_packed else {}

    answer = api.export(gzip.compress(body) if is_packed else body, is_json=is_json, **packing)

    assert answer.status == 413
    assert status_of(answer, is_json=is_json) == (
        8,
        "request body is larger than 8388608 bytes; send it in parts",
    )


@ENCODINGS
@pytest.mark.parametrize(
    ("body", "headers", "status", "code"),
    [
        (b"\xff\xff", {}, 400, 3),
        (b"\xff\xff", {"content_encoding": "gzip"}, 400, 3),
        (b"", {"content_encoding": "br"}, 415, 12),
    ],
)
def test_bad_requests_are_told_as_exporters_expect(
    api: Traces, is_json: bool, body: bytes, headers: dict[str, str], status: int, code: int
) -> None:
    answer = api.export(body, is_json=is_json, **headers)

    assert answer.status == status
    assert status_of(answer, is_json=is_json)[0] == code


def test_an_empty_body_is_a_message_without_spans_but_no_json(api: Traces) -> None:
    protobuf, json = api.export(b"", is_json=False), api.export(b"", is_json=True)

    assert (protobuf.status, protobuf.body, list(api.spans)) == (200, b"", [])
    assert json.status == 400
    assert status_of(json, is_json=True)[0] == 3


@ENCODINGS
def test_a_store_that_does_not_answer_is_told_with_when_to_try_again(
    api: Traces, is_json: bool
) -> None:
    api.failure = StoreUnavailable("commit", "full")

    answer = api.export(spans(is_json=is_json), is_json=is_json)

    assert (answer.status, answer.headers["retry-after"]) == (503, "1")
    assert status_of(answer, is_json=is_json)[0] == 14


@ENCODINGS
def test_defects_are_not_told_in_detail(api: Traces, is_json: bool) -> None:
    api.failure = ValueError("secret")

    answer = api.export(spans(is_json=is_json), is_json=is_json)

    assert answer.status == 500
    assert status_of(answer, is_json=is_json) == (13, "Internal server error")


def test_a_client_that_goes_away_gets_no_answer(api: Traces) -> None:
    assert api.post(PATH, [b"half"]).status == 0


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["resourceSpans", "scopeSpans", "spans", "resource", "attributes", "key"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@ENCODINGS
@settings(deadline=None)
@given(body=st.binary(max_size=200) | JSON.map(msgspec.json.encode))
def test_nonsense_is_taken_or_refused_in_the_documented_form(is_json: bool, body: Any) -> None:
    answer = Traces().export(body, is_json=is_json)

    assert answer.status in {200, 400}
    if answer.status == 400:
        assert status_of(answer, is_json=is_json)[0] == 3
