"""The error of a run is found wherever the app has put it."""

import msgspec
import pytest

from stepwell.wire.run_error import RunError, reported_error, run_error

FALLBACK = "invalid status code: 500"


def found(body: object) -> RunError:
    return reported_error(msgspec.json.encode(body), fallback=FALLBACK)


def test_the_error_of_an_sdk_is_read_completely() -> None:
    body = {
        "name": "TypeError",
        "message": "no",
        "stack": "at f",
        "cause": {"name": "Inner", "message": "why"},
        "code": "X",
        "__serialized": True,
    }
    assert found(body) == RunError(
        error=FALLBACK,
        name="TypeError",
        message="no",
        stack="at f",
        cause=msgspec.Raw(b'{"name":"Inner","message":"why"}'),
    )


INNER = {"name": "E", "message": "m", "stack": "s"}
QUOTED = msgspec.json.encode(INNER).decode()


@pytest.mark.parametrize(
    "body",
    [
        {"error": INNER},
        {"body": INNER},
        {"error": QUOTED},
        {"statusCode": 500, "body": QUOTED},
        {"error": msgspec.json.encode(QUOTED).decode()},
        {"error": None, "body": " " + QUOTED + "\n"},
        {"error": {"unrelated": 1}, "body": INNER},
    ],
)
def test_the_error_may_be_one_level_down_and_quoted(body: object) -> None:
    """Serverless platforms wrap what the SDK answered."""
    assert found(body) == RunError(error=FALLBACK, name="E", message="m", stack="s")


def test_the_object_itself_comes_before_what_is_in_it() -> None:
    body = {"message": "outer", "error": INNER}
    assert found(body) == RunError(error=FALLBACK, name="Error", message="outer")


def test_a_text_under_error_is_what_happened() -> None:
    """TypeScript answers this way when it cannot find a step."""
    body = {"error": 'Could not find step "x"', "requestedStep": "x", "foundSteps": []}
    text = 'Could not find step "x"'
    assert found(body) == RunError(error=text, name="Error", message=text)


def test_a_nested_text_under_error_is_found_too() -> None:
    body = {"body": {"error": "boom", "status": 500}}
    assert found(body) == RunError(error="boom", name="Error", message="boom")


def test_a_plain_text_is_the_message() -> None:
    assert found("boom") == RunError(error=FALLBACK, name="Error", message="boom")


@pytest.mark.parametrize(
    "body", [None, 7, [INNER], {}, {"name": 3, "message": {}}, {"name": "", "message": ""}]
)
def test_without_anything_usable_the_fallback_is_told(body: object) -> None:
    assert found(body) == RunError(error=FALLBACK, name="Error", message=FALLBACK)


def test_a_name_without_message_gets_the_fallback_as_message() -> None:
    assert found({"name": "E"}) == RunError(error=FALLBACK, name="E", message=FALLBACK)


def test_a_quoted_error_is_looked_into_up_to_its_limit() -> None:
    def quoted(size: int) -> object:
        frame = '{"message":"m","x":""}'
        text = frame[:-2] + "x" * (size - len(frame) - 10) + frame[-2:]
        return {"error": text}

    limit = 32 * 1024
    small, large = quoted(limit), quoted(limit + 1)
    # Quoting adds two quotes and the backslashes before eight quotes.
    assert len(msgspec.json.encode(small)) - len('{"error":}') == limit
    assert found(small).message == "m"
    assert found(large).message != "m"


def test_broken_or_deep_nesting_is_no_error_of_ours() -> None:
    deep = b'{"error":{"name":' + b"[" * 100_000 + b"]" * 100_000 + b"}}"
    assert reported_error(deep, fallback=FALLBACK).message == FALLBACK
    assert found({"error": '{"message":'}).message == '{"message":'


def test_an_error_is_written_with_sorted_keys() -> None:
    error = RunError(
        error="e", name="N", message="m", stack="s", cause=msgspec.Raw(b'{"message":"c"}')
    )
    assert error.encode() == (
        b'{"cause":{"message":"c"},"error":"e","message":"m","name":"N","stack":"s"}'
    )
    assert RunError(error="e", name="N", message="m").encode() == (
        b'{"error":"e","message":"m","name":"N"}'
    )


def test_an_error_of_the_server_tells_name_and_message_together() -> None:
    error = run_error("InngestErrStateOverflowed", "too much")
    assert error.error == "InngestErrStateOverflowed: too much"
    assert error.server_output() == (
        b'{"error":{"error":"InngestErrStateOverflowed: too much",'
        b'"message":"too much","name":"InngestErrStateOverflowed"}}'
    )


def test_an_error_of_the_server_may_have_a_text_of_its_own() -> None:
    error = run_error("Name", "message", "stack", error="function has too many steps")
    assert error == RunError(
        error="function has too many steps", name="Name", message="message", stack="stack"
    )
