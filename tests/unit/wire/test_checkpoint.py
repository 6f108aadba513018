"""Bodies of the checkpoint API as SDKs send them, and as they must not be."""

from typing import Any

import msgspec
import pytest

from stepwell.wire.checkpoint import (
    HTTP_REQUEST,
    ApiResult,
    CheckpointInvalid,
    CheckpointTooLarge,
    EndpointRequest,
    endpoint_request,
    parse_api_result,
    parse_async_checkpoint,
    parse_endpoint_start,
    parse_steps_checkpoint,
    signed_form,
)
from stepwell.wire.opcodes import OpName

RUN = "01M7Z0AM8HADHGCE3RKMGSJWR2"
OTHER_RUN = "01M7Z0AMBFYNXE8ACNVRXSB9WZ"
STEP = "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8"

#: What TypeScript 4.24 sends for a finished step of an endpoint: its own book-keeping included.
TYPESCRIPT_STEP = {
    "id": STEP,
    "mode": "sync",
    "op": "StepRun",
    "name": "a",
    "displayName": "a",
    "userland": {"id": "a"},
    "opts": {},
    "rawArgs": ["a", None],
    "hashedId": STEP,
    "promise": {},
    "fulfilled": True,
    "hasStepState": True,
    "handled": True,
    "middleware": {"stepInfo": {"hashedId": STEP, "memoized": False, "stepType": "run"}},
    "memoizationDeferred": {"promise": {}},
    "transformedResultPromise": {},
    "data": {"x": 1},
    "timing": {"a": 1795263123739000000, "b": 0},
}
TYPESCRIPT_DATA = {
    "content_type": "application/json",
    "domain": "http://127.0.0.1:3000",
    "ip": "",
    "method": "POST",
    "path": "/plain",
    "query_params": "a=b&c=d",
    "body": '{"b": 1, "a": 2}',
    "fn": "",
}


def body(**fields: Any) -> bytes:
    return msgspec.json.encode(fields)


def start_body(data: dict[str, Any] | None = None, **changes: Any) -> bytes:
    fields = {
        "run_id": RUN,
        "event": {"name": HTTP_REQUEST, "data": TYPESCRIPT_DATA | (data or {})},
        "steps": [TYPESCRIPT_STEP],
        "ts": 1795263123741,
        "request_version": 2,
        "retries": 3,
    }
    return body(**(fields | changes))


def test_the_start_of_an_endpoint_is_read_as_typescript_sends_it() -> None:
    start = parse_endpoint_start(start_body())

    assert start.run_id == RUN
    assert (start.name, start.event_id, start.ts_ms) == (HTTP_REQUEST, "", 0)
    assert (start.request_version, start.retries) == (2, 3)
    assert start.request == EndpointRequest(
        domain="http://127.0.0.1:3000",
        method="POST",
        path="/plain",
        query_params="a=b&c=d",
        body='{"b": 1, "a": 2}',
        content_type="application/json",
    )
    assert start.request.url == "http://127.0.0.1:3000/plain?a=b&c=d"
    assert start.request.name == "POST /plain"
    (op,) = start.ops
    assert (op.op, op.id, op.data) == (OpName.STEP_RUN, STEP, b'{"x":1}')


def test_the_event_keeps_what_was_sent_and_gets_what_was_not() -> None:
    event = parse_endpoint_start(start_body()).event(internal_id=OTHER_RUN, received_ms=5)
    payload = msgspec.json.decode(event.payload())

    assert payload == {
        "data": TYPESCRIPT_DATA,
        "id": OTHER_RUN,
        "name": HTTP_REQUEST,
        "ts": 5,
        "user": {},
    }
    assert endpoint_request(event.payload()) == parse_endpoint_start(start_body()).request


def test_an_event_may_have_its_own_name_id_time_and_version() -> None:
    sent = {
        "name": "shop/asked",
        "id": "mine",
        "ts": 1_790_000_000_000,
        "v": "2",
        "data": TYPESCRIPT_DATA,
    }
    event = parse_endpoint_start(start_body(event=sent)).event(internal_id="x", received_ms=5)

    assert (event.name, event.id, event.ts, event.v) == ("shop/asked", "mine", sent["ts"], "2")


def test_a_name_is_only_needed_for_other_events() -> None:
    assert parse_endpoint_start(start_body(event={"data": TYPESCRIPT_DATA})).name == HTTP_REQUEST


@pytest.mark.parametrize("text", ["aGVsbG8=", "not base64!", "{}", "", "ä\n🦊"])
def test_the_body_of_the_request_is_any_text(text: str) -> None:
    assert parse_endpoint_start(start_body({"body": text})).request.body == text


def test_the_body_of_the_request_may_be_missing() -> None:
    data = {key: value for key, value in TYPESCRIPT_DATA.items() if key != "body"}
    assert parse_endpoint_start(start_body(event={"data": data})).request.body == ""


@pytest.mark.parametrize(("sent", "read"), [(-1, None), (None, None), (0, 0), (7, 7)])
def test_retries_below_zero_are_the_default(sent: int | None, read: int | None) -> None:
    assert parse_endpoint_start(start_body(retries=sent)).retries == read


def test_steps_of_a_start_are_optional() -> None:
    assert parse_endpoint_start(start_body(steps=None)).ops == []
    assert parse_endpoint_start(start_body(steps=[])).ops == []


def test_an_endpoint_with_an_id_is_named_by_it() -> None:
    assert parse_endpoint_start(start_body({"fn": "checkout"})).request.name == "checkout"


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        b'"text"',
        body(run_id=RUN),
        start_body(event=None),
        start_body(event={"name": "x"}),
        start_body(event={"data": []}),
        start_body(event={"data": "text"}),
        start_body(event={"data": TYPESCRIPT_DATA, "name": 3}),
        start_body(event={"data": TYPESCRIPT_DATA, "name": "n" * 1025}),
        start_body(event={"data": TYPESCRIPT_DATA, "id": "i" * 1025}),
        start_body(event={"data": TYPESCRIPT_DATA, "ts": 1}),
        start_body(event={"data": TYPESCRIPT_DATA, "ts": -1}),
        start_body(event={"data": TYPESCRIPT_DATA, "ts": 10**15}),
        start_body(event={"data": TYPESCRIPT_DATA, "ts": "now"}),
        start_body(run_id=None),
        start_body(run_id=""),
        start_body(run_id="x" * 26),
        start_body(run_id=5),
        start_body(retries="many"),
        start_body(request_version="2"),
        start_body(steps={}),
        start_body(steps="x"),
        start_body(steps=[None]),
        start_body(steps=[{"op": "Dance", "id": "a"}]),
        start_body(steps=[{"op": "StepRun"}]),
        start_body(steps=[{"op": "StepError", "id": "a"}]),
        start_body({"domain": ""}),
        start_body({"domain": "example.com"}),
        start_body({"domain": "ftp://example.com"}),
        start_body({"domain": "http://user:secret@example.com"}),
        start_body({"domain": "http://example.com/path"}),
        start_body({"domain": "http://a b"}),
        start_body({"domain": "http://" + "a" * 2000}),
        start_body({"domain": 5}),
        start_body({"method": ""}),
        start_body({"method": "GET / HTTP/1.1\r\nx: y"}),
        start_body({"method": None}),
        start_body({"path": "plain"}),
        start_body({"path": "//" + "p" * 2000}),
        start_body({"body": {"b": 1}}),
        start_body({"query_params": {}}),
        start_body({"fn": "f" * 2000}),
    ],
)
def test_a_start_that_makes_no_sense_is_refused(bad: bytes) -> None:
    with pytest.raises(CheckpointInvalid) as refused:
        parse_endpoint_start(bad)
    assert not isinstance(refused.value, CheckpointTooLarge)


def test_data_nested_too_deeply_is_refused() -> None:
    deep: Any = 1
    for _ in range(300):
        deep = [deep]
    with pytest.raises(CheckpointInvalid, match="nested"):
        parse_endpoint_start(start_body({"extra": deep}))
    with pytest.raises(CheckpointInvalid, match="nested"):
        parse_endpoint_start(b'{"event":{"data":{"a":' + b"[" * 100_000)


def test_a_step_with_too_large_an_output_is_told_apart() -> None:
    step = {"op": "StepRun", "id": STEP, "data": "x" * (4 * 1024 * 1024)}

    with pytest.raises(CheckpointTooLarge, match="output size") as refused:
        parse_async_checkpoint(body(run_id=RUN, steps=[step]), path_run_id=RUN)
    assert refused.value.run_id == RUN


def test_a_checkpoint_of_a_call_is_read_as_typescript_4_sends_it() -> None:
    report = parse_async_checkpoint(
        body(
            run_id=RUN,
            fn_id="0d2bd9bb-6f0e-5b1c-8a3f-3a4a2e1f8a10",
            qi_id="MTo6ZGVmYXVsdA==",
            request_id="01K0REQ",
            generation_id=9_007_199_254_740_991,
            request_started_at=1762160000000,
            steps=[{"op": "StepRun", "id": STEP, "data": "ok", "opts": {}}],
            ts=1762160000123,
        ),
        path_run_id=OTHER_RUN,
    )

    assert report.run_id == RUN, "the body's run id counts"
    assert (report.qi_id, report.generation) == ("MTo6ZGVmYXVsdA==", 2**53 - 1)
    assert [op.op for op in report.ops] == [OpName.STEP_RUN]


def test_a_checkpoint_of_a_call_is_read_as_go_and_typescript_3_send_it() -> None:
    report = parse_async_checkpoint(
        body(run_id=RUN, fn_id="f", qi_id="MTo6ZGVmYXVsdA==", steps=[]), path_run_id=RUN
    )

    assert (report.generation, report.ops) == (0, [])


def test_without_a_run_id_in_the_body_the_path_s_counts() -> None:
    assert parse_steps_checkpoint(b"{}", path_run_id=RUN.lower()).run_id == RUN
    assert parse_async_checkpoint(b"{}", path_run_id=RUN).run_id == RUN


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"[1]",
        body(run_id="nonsense"),
        body(steps=5),
        body(steps=[{}]),
        body(generation_id="x"),
        body(qi_id=5),
    ],
)
def test_a_report_that_makes_no_sense_is_refused(bad: bytes) -> None:
    with pytest.raises(CheckpointInvalid):
        parse_async_checkpoint(bad, path_run_id=RUN)


def test_an_endpoint_s_answer_is_found_in_the_output_of_its_run() -> None:
    output = (
        b'{"headers":{"Content-Type":"text/html","x":["a","b"]},"status":201,"body":"hi","v":2}'
    )

    assert parse_api_result(output) == ApiResult(
        201, {"content-type": "text/html", "x": "a, b"}, "hi"
    )
    assert parse_api_result(b'{"status":204}') == ApiResult(204)


@pytest.mark.parametrize(
    "output",
    [
        b"null",
        b"5",
        b"[]",
        b"{}",
        b'{"status":0}',
        b'{"status":101}',
        b'{"status":600}',
        b'{"status":"200"}',
        b'{"status":200,"body":{}}',
        b'{"status":200,"headers":{"a":1}}',
        b"not json",
    ],
)
def test_any_other_output_is_no_answer(output: bytes) -> None:
    assert parse_api_result(output) is None


@pytest.mark.parametrize(
    ("method", "sent", "signed"),
    [
        ("POST", b'{"b": 1, "a": 2.0}', b'{"a":2,"b":1}'),
        ("put", b'"text"', b"text"),
        ("POST", b"", b""),
        ("POST", b"not json", b"not json"),
        ("PATCH", b'{"b": 1}', b""),
        ("DELETE", b"x", b""),
        ("GET", b"", b""),
    ],
)
def test_a_signature_covers_what_the_sdk_verifies(method: str, sent: bytes, signed: bytes) -> None:
    """Each case was checked against TypeScript 4.24 in production mode."""
    assert signed_form(method, sent) == signed


def test_an_event_that_is_no_request_is_none() -> None:
    assert endpoint_request(b'{"name":"a","data":{},"id":"1","ts":1,"user":{}}') is None
    assert endpoint_request(b'{"name":"a","data":null,"id":"1","ts":1,"user":{}}') is None
