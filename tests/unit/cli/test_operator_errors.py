"""Servers that are not there, are something else, or are of another version; and their addresses."""

import json
from collections.abc import Callable

import httpx
import pytest
from click.testing import Result

from stepwell import __version__
from stepwell.cli.outside import Outside
from stepwell.cli.target import Target, TargetInvalid
from tests.unit.cli.operator_world import run

SECRET = "stepwell_op_5ec2e7"
OURS = {"x-inngest-server-kind": "dev"}


def _asked(
    answer: Callable[[httpx.Request], httpx.Response], *arguments: str, **environ: str
) -> Result:
    outside = Outside(transport=httpx.MockTransport(answer), pause=lambda _: None)
    return run(outside, *(arguments or ("runs", "list")), **environ)


def _raising(error: Exception) -> Callable[[httpx.Request], httpx.Response]:
    def answer(_: httpx.Request) -> httpx.Response:
        raise error

    return answer


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            httpx.ConnectError("refused"),
            "http://localhost:8288 cannot be reached: refused. Start a",
        ),
        (httpx.ConnectTimeout(""), "did not answer within 30 s (--timeout)"),
        (httpx.ReadTimeout(""), "did not answer within 30 s (--timeout)"),
        (httpx.RemoteProtocolError("gone"), "broke the connection off (RemoteProtocolError)"),
    ],
)
def test_a_server_that_does_not_answer_is_one_error_with_advice(
    error: Exception, message: str
) -> None:
    result = _asked(_raising(error))

    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr
    assert "--server or STEPWELL_SERVER" in result.stderr
    assert "SW2040: https://" in result.stderr


@pytest.mark.parametrize(
    ("response", "message", "code"),
    [
        (httpx.Response(200, text="<html>"), "is no Stepwell server", "SW2041"),
        (httpx.Response(502, text="Bad Gateway"), "is no Stepwell server", "SW2041"),
        (httpx.Response(301, headers={"location": "https://x"}), "redirects", "SW2041"),
        (httpx.Response(404, text="404", headers=OURS), "was started with --no-ui", "SW2041"),
        (httpx.Response(401, text="no", headers=OURS), "asks for the operator token", "SW1010"),
        (httpx.Response(500, json={"error": "a defect"}, headers=OURS), "500: a defect", "SW1012"),
        (httpx.Response(503, json={"error": "busy"}, headers=OURS), "moment: busy", "SW2040"),
        (httpx.Response(200, json={"data": None}, headers=OURS), "status 200", "SW1012"),
    ],
)
def test_an_answer_that_is_not_what_was_asked_for_is_explained(
    response: httpx.Response, message: str, code: str
) -> None:
    result = _asked(lambda _: response)

    assert (result.exit_code, result.stdout) == (1, "")
    assert message in result.stderr
    assert f"{code}: https://" in result.stderr
    assert "Traceback" not in result.output


def test_a_server_of_another_version_is_told_with_both_versions() -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        if b"version" in request.content:
            return httpx.Response(200, json={"data": {"server": {"version": "9.9.9"}}})
        error = {"message": "no field", "extensions": {"code": "GRAPHQL_VALIDATION_FAILED"}}
        return httpx.Response(200, json={"errors": [error], "data": None})

    result = _asked(answer)

    assert result.exit_code == 1
    assert f"(server 9.9.9, this program {__version__})" in result.stderr


def test_an_error_of_a_query_is_told_in_the_servers_words() -> None:
    refusal = {"errors": [{"message": "not today"}], "data": None}

    result = _asked(lambda _: httpx.Response(200, json=refusal, headers=OURS))

    assert result.stderr.splitlines()[0] == "Error: not today"


def test_an_answer_without_end_is_given_up() -> None:
    class Endless(httpx.SyncByteStream):
        def __iter__(self):  # type: ignore[no-untyped-def]
            while True:
                yield b" " * 1024 * 1024

    result = _asked(lambda _: httpx.Response(200, stream=Endless()))

    assert "answers with more than 64 MiB" in result.stderr


def test_keys_stay_out_of_errors_and_urls() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        raise httpx.ReadError(f"reading {request.url} failed")

    listed = _asked(answer, "runs", "list", STEPWELL_TOKEN=SECRET)
    sent = _asked(answer, "events", "send", "a", "--event-key", "secret-event-key")

    assert "5ec2e7" not in listed.output + seen[0]
    assert "secret-event-key" not in sent.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("runs", "list", "--token", SECRET),
        ("events", "send", "a", "--event-key", "secret"),
        ("events", "send", "a"),
    ],
)
def test_no_key_goes_unencrypted_to_another_machine(arguments: tuple[str, ...]) -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise AssertionError("nothing may be sent")

    result = _asked(answer, *arguments, "--server", "http://stepwell.example:8288")

    assert result.exit_code == 1
    assert "was not sent: http://stepwell.example:8288 is another machine" in result.stderr
    assert "SW1011: " in result.stderr
    assert "5ec2e7" not in result.output


@pytest.mark.parametrize(
    "flags",
    [
        ("--server", "http://stepwell.example", "--insecure"),
        ("--server", "https://stepwell.example"),
        ("--server", "http://127.0.0.9:1"),
        ("--server", "[::1]:8288"),
    ],
)
def test_keys_are_sent_where_they_may_be(flags: tuple[str, ...]) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"data": {"apps": []}})

    result = _asked(answer, "apps", "list", "--token", SECRET, *flags)

    assert result.exit_code == 0
    assert seen[0].headers["authorization"].startswith("Bearer ")


@pytest.mark.parametrize("place", ["group", "command", "variable", "program"])
def test_options_of_a_group_may_stand_in_several_places(place: str) -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return httpx.Response(200, json={"data": {"apps": [{"error": None}]}})

    shared = ("--server", "one.localhost", "--json")
    arguments, environ = {
        "group": (("apps", *shared, "list"), {}),
        "command": (("apps", "--server", "two.localhost", "list", *shared), {}),
        "variable": (("apps", "list", "--json"), {"STEPWELL_SERVER": "one.localhost"}),
        "program": (("--json", "apps", "list", "--server", "one.localhost"), {}),
    }[place]

    result = _asked(answer, *arguments, **environ)

    assert (result.exit_code, seen) == (0, ["one.localhost"])
    assert json.loads(result.stdout) == {"error": None}


@pytest.mark.parametrize(
    ("typed", "url", "is_loopback"),
    [
        ("http://localhost:8288", "http://localhost:8288", True),
        ("localhost:8288/", "http://localhost:8288", True),
        ("127.0.0.1", "http://127.0.0.1", True),
        ("https://stepwell.example/behind/", "https://stepwell.example/behind", False),
        ("localhost.example", "http://localhost.example", False),
    ],
)
def test_a_server_is_named_by_its_address(typed: str, url: str, *, is_loopback: bool) -> None:
    target = Target.parse(typed, "", timeout_s=1)

    assert (target.url, target.is_loopback) == (url, is_loopback)


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "ftp://host",
        "http://",
        "http://host:port",
        "http://host:0",
        "http://[::1",
        "http://user:password@host",
        "http://host?a=b",
    ],
)
def test_what_is_no_address_is_refused_without_repeating_a_password(typed: str) -> None:
    with pytest.raises(TargetInvalid) as refused:
        Target.parse(typed, "", timeout_s=1)

    assert "password@" not in str(refused.value)


@pytest.mark.parametrize("token", ["two words", "tokén", "token\n2", "5ec2e7" * 100])
def test_what_can_be_no_token_is_refused_and_not_shown(token: str) -> None:
    result = _asked(_raising(AssertionError()), "apps", "list", "--token", token)

    assert result.exit_code == 2
    assert "the token has characters that no token has, or too many" in result.stderr
    assert token not in result.output


def test_a_target_does_not_show_its_key() -> None:
    assert SECRET not in repr(Target.parse("localhost", SECRET, timeout_s=1))


@pytest.mark.parametrize(
    ("flags", "printed"),
    [((), "stepwell_op_new\n"), (("--json",), '{\n  "token": "stepwell_op_new"\n}\n')],
)
def test_a_replaced_token_is_printed_and_nothing_else(flags: tuple[str, ...], printed: str) -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return httpx.Response(200, json={"token": "stepwell_op_new"}, headers=OURS)

    result = _asked(answer, "token", "replace", "--token", SECRET, *flags)

    assert (result.exit_code, result.stdout) == (0, printed)
    assert (seen[0].method, seen[0].url.path) == ("POST", "/v1/operator-token")
    assert seen[0].headers["authorization"] == f"Bearer {SECRET}"


def test_a_server_without_operators_says_so() -> None:
    answer = httpx.Response(404, text="404 page not found", headers=OURS)

    result = _asked(lambda _: answer, "token", "replace")

    assert (result.exit_code, result.stdout) == (1, "")
