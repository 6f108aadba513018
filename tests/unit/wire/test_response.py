"""Every answer of an app has one meaning, whatever proxy, platform or SDK wrote it."""

import msgspec
import pytest

from stepwell.wire import response
from stepwell.wire.opcodes import OpName
from stepwell.wire.response import (
    HEADER_BYTES_MAX,
    REPLY_LEVELS_MAX,
    CallFailed,
    FailureCode,
    FunctionReturned,
    OpcodesReported,
    Outcome,
    RunError,
    SdkReply,
    read_reply,
)

NOW_MS = 1_762_160_000_000
SDK = {"x-inngest-sdk": "inngest-js:v4.18.1", "x-inngest-req-version": "2"}
STEP = b'[{"op":"StepRun","id":"a","data":1}]'
ERROR = b'{"name":"TypeError","message":"no","stack":"at f"}'


def answer(status: int, body: bytes, **headers: str) -> Outcome:
    """What an SDK's answer means; underscores in header names stand for dashes."""
    extra = {name.replace("_", "-"): value for name, value in headers.items()}
    return read_reply(SdkReply(status, SDK | extra, body), now_ms=NOW_MS)


def foreign(status: int, body: bytes, **headers: str) -> CallFailed:
    extra = {name.replace("_", "-"): value for name, value in headers.items()}
    failed = read_reply(SdkReply(status, extra, body), now_ms=NOW_MS)
    assert isinstance(failed, CallFailed)
    return failed


def failure(status: int, body: bytes, **headers: str) -> CallFailed:
    failed = answer(status, body, **headers)
    assert isinstance(failed, CallFailed)
    return failed


def output(status: int, body: bytes) -> bytes:
    returned = answer(status, body)
    assert isinstance(returned, FunctionReturned)
    return returned.output


class TestOpcodes:
    def test_steps_are_reported_with_206(self) -> None:
        reported = answer(206, STEP)
        assert isinstance(reported, OpcodesReported)
        assert [(op.op, op.id, op.data) for op in reported.ops] == [(OpName.STEP_RUN, "a", b"1")]
        assert (reported.no_retry, reported.retry_at_ms) == (False, None)
        assert reported.request_version == 2

    def test_nothing_may_be_reported(self) -> None:
        reported = answer(206, b"[]")
        assert isinstance(reported, OpcodesReported)
        assert reported.ops == []

    @pytest.mark.parametrize(
        ("value", "no_retry"), [("true", True), ("false", False), ("TRUE", False), ("", False)]
    )
    def test_the_header_alone_forbids_a_retry(self, value: str, no_retry: bool) -> None:
        reported = answer(206, STEP, x_inngest_no_retry=value)
        assert isinstance(reported, OpcodesReported)
        assert reported.no_retry is no_retry

    def test_retry_after_holds_for_the_steps(self) -> None:
        """Unlike elsewhere it does not make the answer an error."""
        reported = answer(206, STEP, retry_after="3")
        assert isinstance(reported, OpcodesReported)
        assert reported.retry_at_ms == NOW_MS + 3000

    @pytest.mark.parametrize(
        ("value", "version"),
        [
            ("0", 0),
            ("1", 1),
            ("2", 2),
            ("", None),
            ("-1", None),
            ("two", None),
            ("²", None),
            ("9" * 5000, None),
        ],
    )
    def test_the_request_version_is_a_number_or_unknown(
        self, value: str, version: int | None
    ) -> None:
        reported = answer(206, STEP, x_inngest_req_version=value)
        assert isinstance(reported, OpcodesReported)
        assert reported.request_version == version

    def test_unreadable_opcodes_fail_the_call_but_not_for_ever(self) -> None:
        failed = failure(206, b'[{"op":"StepNotFound","id":"x"}]', x_inngest_no_retry="true")
        text = 'error reading generator opcode response: unknown opcode "StepNotFound"'
        assert failed.error == RunError(error=text, name="Error", message=text)
        assert msgspec.json.decode(failed.output) == {
            "error": {"error": text, "name": "Error", "message": text}
        }
        assert failed.retryable
        assert failed.code == "opcodes_unreadable"


class TestFunctionResults:
    @pytest.mark.parametrize(
        ("body", "result"),
        [
            (b"", b"null"),
            (b" \n", b"null"),
            (b"null", b"null"),
            (b'{"ok":true}', b'{"ok":true}'),
            (b' {"ok": true}\n', b'{"ok": true}'),
            (b'"{\\"ok\\":true}"', b'{"ok":true}'),
            (b'"[1]"', b'"[1]"'),
            (b'"{not json}"', b'"{not json}"'),
            (b"[1,2]", b"[1,2]"),
            (b"0", b"0"),
            (b"1.50", b"1.50"),
            (b'""', b'""'),
            (b"plain text", b'"plain text"'),
            (b" NaN", b'" NaN"'),
            (b'{"ok":', b'"{\\"ok\\":"'),
            (b"caf\xc3\xa9", '"café"'.encode()),
            (b"caf\xe9", '"caf\ufffd"'.encode()),
            (b'"\xff"', '"\ufffd"'.encode()),
            (rb'{"cut":"\ud83d"}', rb'{"cut":"\ufffd"}'),
            (rb'"{\"cut\":\"\\ud83d\"}"', rb'{"cut":"\ufffd"}'),
        ],
    )
    def test_a_result_becomes_valid_json(self, body: bytes, result: bytes) -> None:
        assert output(200, body) == result

    @pytest.mark.parametrize("status", [200, 202, 204, 299])
    def test_every_other_success_is_a_result(self, status: int) -> None:
        assert output(status, b"1") == b"1"

    def test_json_too_deep_to_be_read_is_kept_as_text(self) -> None:
        body = b"[" * 100_000 + b"]" * 100_000
        assert output(200, body) == b'"' + body + b'"'

    def test_a_result_tells_its_version_and_facts(self) -> None:
        returned = answer(200, b"{}", server_timing="function;dur=3", set_cookie="secret")
        assert isinstance(returned, FunctionReturned)
        assert returned.request_version == 2
        assert (returned.facts.status, returned.facts.body_bytes) == (200, 2)
        assert msgspec.json.decode(returned.facts.shown_headers()) == SDK | {
            "server-timing": "function;dur=3",
            "set-cookie": "[REDACTED]",
        }

    def test_of_very_many_headers_those_of_the_sdk_are_kept(self) -> None:
        """Headers are stored with every call, so an app cannot fill the disk with them."""
        padding = "x" * (HEADER_BYTES_MAX - len(msgspec.json.encode(SDK | {"padding": ""})))
        fits = answer(200, b"{}", padding=padding)
        too_large = answer(200, b"{}", padding=padding + "x")
        assert len(fits.facts.shown_headers()) == HEADER_BYTES_MAX
        assert msgspec.json.decode(too_large.facts.shown_headers()) == SDK


class TestFunctionErrors:
    @pytest.mark.parametrize("status", [400, 401, 404, 410, 429, 500, 503, 304])
    def test_any_other_status_is_an_error_worth_a_retry(self, status: int) -> None:
        failed = failure(status, ERROR)
        assert failed.error == RunError(
            error=f"invalid status code: {status}", name="TypeError", message="no", stack="at f"
        )
        assert failed.output == ERROR
        assert (failed.retryable, failed.retry_at_ms) == (True, None)
        assert (failed.code, failed.request_version) == ("function_error", 2)

    def test_an_error_not_to_be_retried_says_so(self) -> None:
        body = b'{"name":"NonRetriableError","message":"stop"}'
        failed = failure(400, body, x_inngest_no_retry="true")
        assert failed.error == RunError(
            error="NonRetriableError", name="NonRetriableError", message="stop"
        )
        assert not failed.retryable

    def test_any_other_value_of_the_header_allows_a_retry(self) -> None:
        failed = failure(400, ERROR, x_inngest_no_retry="false")
        assert failed.retryable
        assert failed.error.error == "invalid status code: 400"

    def test_even_a_success_is_an_error_when_it_forbids_a_retry(self) -> None:
        failed = failure(200, b'{"ok":true}', x_inngest_no_retry="true")
        assert failed.error == RunError(
            error="NonRetriableError", name="Error", message="NonRetriableError"
        )
        assert failed.output == b'{"ok":true}'
        assert not failed.retryable

    def test_even_a_success_is_an_error_when_it_asks_for_a_retry(self) -> None:
        failed = failure(200, b'{"ok":true}', retry_after="60")
        assert failed.retryable
        assert failed.retry_at_ms == NOW_MS + 60_000

    def test_an_unreadable_retry_after_is_ignored(self) -> None:
        assert isinstance(answer(200, b"1", retry_after="soon"), FunctionReturned)
        assert failure(500, ERROR, retry_after="soon").retry_at_ms is None

    def test_an_error_may_say_when_to_try_again(self) -> None:
        failed = failure(500, ERROR, retry_after="2025-11-03T08:53:30.000Z")
        assert failed.retry_at_ms == NOW_MS + 10_000

    def test_an_error_that_is_plain_text_is_the_message(self) -> None:
        failed = failure(500, b"error calling function: boom")
        assert failed.error.message == "error calling function: boom"
        assert failed.output == b'"error calling function: boom"'

    def test_an_error_without_body_still_has_an_output(self) -> None:
        failed = failure(500, b"")
        assert msgspec.json.decode(failed.output) == {
            "error": {
                "error": "invalid status code: 500",
                "name": "Error",
                "message": "invalid status code: 500",
            }
        }

    def test_a_double_encoded_error_is_decoded(self) -> None:
        failed = failure(500, msgspec.json.encode(ERROR.decode()))
        assert (failed.output, failed.error.message) == (ERROR, "no")

    @pytest.mark.parametrize(
        ("sdk", "status", "retryable"),
        [
            ("inngest-js:v1.10.0", 400, False),
            ("inngest-js:v1.10.1", 400, True),
            ("inngest-js:v2.4.0", 404, False),
            ("inngest-js:v2.4.1", 404, True),
            ("inngest-js:v1.10.0", 500, True),
            ("inngest-js:v3.0.0", 400, True),
            ("inngest-py:v0.5.18", 400, True),
            ("go:v0.15.1", 400, True),
        ],
    )
    def test_old_sdks_expect_no_retry_of_a_client_error(
        self, sdk: str, status: int, retryable: bool
    ) -> None:
        """They did not know the header yet."""
        assert failure(status, ERROR, x_inngest_sdk=sdk).retryable is retryable
        told = failure(status, ERROR, x_inngest_sdk=sdk, x_inngest_no_retry="false")
        assert told.retryable


class TestForeignAnswers:
    @pytest.mark.parametrize("status", [200, 202, 206])
    def test_a_success_that_no_sdk_wrote_fails_the_call(self, status: int) -> None:
        failed = foreign(status, b"<html>hi</html>", content_type="text/html")
        text = "The response did not come from an Inngest SDK"
        assert failed.error == RunError(error=text, name="Error", message=text)
        assert failed.output == b'"<html>hi</html>"'
        assert (failed.code, failed.retryable) == ("not_sdk", True)

    @pytest.mark.parametrize("status", [301, 401, 404, 429, 500, 502])
    def test_an_error_that_no_sdk_wrote_shows_what_was_received(self, status: int) -> None:
        failed = foreign(status, b"<h1>Bad gateway</h1>", content_type="text/html")
        message = f"Your server returned HTTP {status} before the SDK responded."
        assert failed.error.error == failed.error.message == message
        assert failed.error.name == "Server returned a fatal error"
        assert failed.error.stack is not None
        assert failed.error.stack.endswith("Content-Type: text/html\n\n<h1>Bad gateway</h1>")
        assert msgspec.json.decode(failed.output) == {
            "error": message,
            "message": message,
            "name": "Server returned a fatal error",
            "stack": failed.error.stack,
        }
        assert (failed.code, failed.retryable) == ("http_not_ok", True)

    def test_a_long_body_is_cut(self) -> None:
        whole = foreign(502, b"x" * 8192).error.stack
        cut = foreign(502, b"x" * 8193).error.stack
        assert whole is not None
        assert whole.endswith("\n\n" + "x" * 8192)
        assert cut == whole + "… (truncated)"

    def test_a_proxy_may_say_when_to_try_again(self) -> None:
        failed = foreign(503, b"", retry_after="120")
        assert failed.retry_at_ms == NOW_MS + 120_000

    def test_bytes_of_any_kind_can_be_shown(self) -> None:
        failed = foreign(500, b"\x00\xff\xfe")
        assert msgspec.json.decode(failed.output)["stack"].endswith("\n\n\x00\ufffd\ufffd")


def stream(**envelope: object) -> bytes:
    return b"   " + msgspec.json.encode(envelope)


class TestStreams:
    def test_the_answer_inside_counts(self) -> None:
        """TypeScript's outer headers lack the version, which comes inside."""
        body = stream(
            status=206, body=STEP.decode(), headers={"X-Inngest-Req-Version": "1"}, version=2
        )
        reply = SdkReply(201, {"x-inngest-sdk": "inngest-js:v4.18.1"}, body)
        reported = read_reply(reply, now_ms=NOW_MS)
        assert isinstance(reported, OpcodesReported)
        assert [op.data for op in reported.ops] == [b"1"]
        assert reported.request_version == 1
        assert (reported.facts.status, reported.facts.body_bytes) == (206, len(STEP))

    @pytest.mark.parametrize(
        ("body", "result"),
        [
            ('{"ok":true}', b'{"ok":true}'),
            ({"ok": True}, b'{"ok":true}'),
            ("null", b"null"),
            (None, b"null"),
            ('"text"', b'"text"'),
            ("plain", b'"plain"'),
            (7, b"7"),
            ("", b"null"),
        ],
    )
    def test_a_body_may_be_quoted_or_not(self, body: object, result: bytes) -> None:
        returned = answer(201, stream(status=200, body=body))
        assert isinstance(returned, FunctionReturned)
        assert returned.output == result

    def test_a_missing_body_is_no_result(self) -> None:
        returned = answer(201, stream(status=200))
        assert isinstance(returned, FunctionReturned)
        assert returned.output == b"null"

    def test_headers_inside_win_and_decide(self) -> None:
        body = stream(
            status=400, body=ERROR.decode(), headers={"x-inngest-no-retry": "true", "x-null": None}
        )
        failed = failure(201, body, x_inngest_no_retry="false")
        assert (failed.error.error, failed.error.name) == ("NonRetriableError", "TypeError")
        assert not failed.retryable

    def test_an_sdk_may_name_itself_inside(self) -> None:
        body = stream(status=200, body="1", headers={"X-Inngest-SDK": "inngest-py:v0.5.18"})
        assert isinstance(read_reply(SdkReply(201, {}, body), now_ms=NOW_MS), FunctionReturned)

    def test_a_stream_that_no_sdk_wrote_fails_the_call(self) -> None:
        failed = foreign(201, stream(status=200, body="1"))
        assert failed.code == "not_sdk"

    def test_an_error_beside_the_body_fails_the_call(self) -> None:
        body = stream(status=500, body="", error="boom", noRetry=True, headers={"retry-after": "5"})
        failed = failure(201, body)
        assert failed.error == RunError(error="boom", name="Error", message="boom")
        assert failed.output == b'{"error":{"error":"boom","message":"boom","name":"Error"}}'
        assert (failed.retryable, failed.retry_at_ms) == (True, NOW_MS + 5000)

    def test_the_header_decides_about_a_retry_there_too(self) -> None:
        body = stream(status=500, error="boom", headers={"x-inngest-no-retry": "true"})
        assert not failure(201, body).retryable

    @pytest.mark.parametrize(
        "body", [b"", b"   ", b"<html>", b"[]", b'{"body":"1"}', b'{"status":"200"}', b'{"status":']
    )
    def test_a_broken_stream_fails_the_call(self, body: bytes) -> None:
        failed = failure(201, body)
        assert failed.error.error.startswith("error parsing stream: ")
        assert failed.error.message == failed.error.error
        assert (failed.code, failed.retryable) == ("stream_unreadable", True)


@pytest.mark.parametrize(
    ("failed", "text", "code"),
    [
        (response.unreachable("refused"), "Unable to reach SDK URL", "http_unreachable"),
        (
            response.request_failed("bad certificate"),
            "error performing request: bad certificate",
            "http_unreachable",
        ),
        (
            response.connection_reset(),
            (
                "Your server reset the connection while we were reading the reply: "
                "Unexpected ending response"
            ),
            "http_unreachable",
        ),
        (
            response.timed_out(7200),
            "error performing request: no complete response within 7200 s",
            "request_duration_too_long",
        ),
        (
            response.unsupported_encoding("zstd"),
            'unsupported content encoding: "zstd"',
            "encoding_unsupported",
        ),
        (
            response.missing_signing_key(),
            "server requires that a signing key is set to run functions",
            "config_invalid",
        ),
        (
            response.too_many_redirects(60),
            "error performing request: stopped after 60 redirects",
            "http_unreachable",
        ),
        (
            response.invalid_redirect("ftp://x"),
            'error performing request: invalid redirect location "ftp://x"',
            "http_unreachable",
        ),
    ],
)
def test_a_call_without_answer_is_retried_and_says_why(
    failed: CallFailed, text: str, code: str
) -> None:
    assert failed.error == RunError(error=text, name="Error", message=text)
    assert msgspec.json.decode(failed.output) == {
        "error": {"error": text, "name": "Error", "message": text}
    }
    assert failed.code == code
    assert (failed.retryable, failed.retry_at_ms) == (True, None)
    assert (failed.facts.status, failed.request_version) == (0, None)


def test_what_the_transport_said_is_kept_apart() -> None:
    assert response.unreachable("refused").detail == "refused"


def test_a_body_that_is_too_large_has_a_name_of_its_own() -> None:
    failed = response.output_too_large()
    message = "Your function's response body exceeds the maximum size limit"
    assert msgspec.json.decode(failed.output) == {
        "error": {
            "error": f"output_too_large: {message}",
            "name": "output_too_large",
            "message": message,
        }
    }
    assert (failed.code, failed.retryable) == ("output_too_large", True)


def test_opcodes_nested_too_deeply_are_a_failed_attempt() -> None:
    """They could be read here, but not again inside the journal."""

    def outcome_at(levels: int) -> Outcome:
        data = b"[" * (levels - 1) + b"]" * (levels - 1)
        body = b'{"op":"StepRun","id":"a","data":%b}' % data
        headers = {"x-inngest-sdk": "inngest-js:v4.24.0", "x-inngest-req-version": "2"}
        return read_reply(SdkReply(206, headers, body), now_ms=0)

    assert isinstance(outcome_at(REPLY_LEVELS_MAX), OpcodesReported)
    refused = outcome_at(REPLY_LEVELS_MAX + 1)
    assert isinstance(refused, CallFailed)
    assert (refused.code, refused.retryable) == (FailureCode.OUTPUT_TOO_DEEP, True)


def test_a_result_nested_too_deeply_is_kept_as_text() -> None:
    body = b"[" * (REPLY_LEVELS_MAX + 1) + b"]" * (REPLY_LEVELS_MAX + 1)
    assert output(200, body) == b'"' + body + b'"'
    assert output(200, body[1:-1]) == body[1:-1]
