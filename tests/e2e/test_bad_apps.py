"""Apps that do not answer as an SDK would, and what is said about it."""

import json
import signal
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.bad_app import APP, BEHAVIOURS, PAGE, UNREACHABLE, BadApp
from tests.e2e.checkers import read
from tests.e2e.processes import START_LIMIT_S, ServerProcess, Servers, running_servers, wait_until

_FLAGS = ("--retry-interval", "1")
_HANGING = 20


@pytest.fixture(scope="module")
def app() -> Iterator[BadApp]:
    app = BadApp()
    try:
        yield app
    finally:
        app.close()


@pytest.fixture(scope="module")
def server(app: BadApp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One server for all of them: it has to survive each."""
    for servers in running_servers(tmp_path_factory.mktemp("bad")):
        yield registered(servers.dev(*_FLAGS), app)


def registered(server: ServerProcess, app: BadApp) -> ServerProcess:
    answer = server.post("/fn/register", app.registration())
    assert answer.status == 200, answer
    return server


def ended_run(server: ServerProcess, function: str) -> dict[str, Any]:
    """The only run of the function, once it has ended."""
    event_id = server.send(f"{APP}/{function}")
    (run_id,) = (run["run_id"] for run in server.runs_of(event_id))

    def find() -> dict[str, Any] | None:
        run: dict[str, Any] = server.get(f"/v1/runs/{run_id}").json()["data"]
        return run if run["ended_at"] else None

    found = wait_until(find, what=f"end of {function}")
    assert found is not None
    return found


def error(text: str, *, name: str = "Error", message: str = "", **more: str) -> dict[str, str]:
    return {"error": text, "name": name, "message": message or text, **more}


_RESET = (
    "Your server reset the connection while we were reading the reply: Unexpected ending response"
)
_UNREADABLE = "error reading generator opcode response"
_TOO_LARGE = "Your function's response body exceeds the maximum size limit"


@pytest.mark.parametrize(
    ("function", "output"),
    [
        (UNREACHABLE, error("Unable to reach SDK URL")),
        ("closes", error("Unable to reach SDK URL")),
        ("cut-head", error("error performing request: the connection ended in the headers")),
        ("cut-body", error(_RESET)),
        ("page", error("The response did not come from an Inngest SDK")),
        ("foreign-206", error("The response did not come from an Inngest SDK")),
        (
            "too-large",
            error(f"output_too_large: {_TOO_LARGE}", name="output_too_large", message=_TOO_LARGE),
        ),
        ("unknown-op", error(f'{_UNREADABLE}: unknown opcode "Teleport"')),
        ("not-ops", error(f"{_UNREADABLE}: the body is neither an array nor an object")),
        ("empty-206", error(f"{_UNREADABLE}: no response data")),
        (
            "no-ops",
            error(
                "NothingReported: The SDK reported nothing that takes the run any further.",
                name="NothingReported",
                message="The SDK reported nothing that takes the run any further.",
            ),
        ),
        ("sdk-500", error("invalid status code: 500", name="ValueError", message="it broke")),
    ],
)
def test_the_run_fails_with_the_documented_error(
    server: ServerProcess, function: str, output: dict[str, str]
) -> None:
    """Source: SDK protocol, 7.9; execution semantics, 3.6."""
    run = ended_run(server, function)

    assert (run["status"], run["output"]) == ("Failed", output)


@pytest.mark.parametrize(
    ("function", "begin"),
    [
        ("garbage", "error performing request: not an HTTP response"),
        ("streams-garbage", "error parsing stream: "),
    ],
)
def test_what_is_no_answer_at_all_fails_the_run_with_the_reason(
    server: ServerProcess, function: str, begin: str
) -> None:
    run = ended_run(server, function)

    assert run["status"] == "Failed"
    assert run["output"]["message"].startswith(begin)


@pytest.mark.parametrize(
    ("function", "status", "shown"),
    [
        ("page-404", 404, f"text/html\n\n{PAGE.decode()}"),
        ("page-large", 502, f"text/plain\n\n{'x' * 8192}… (truncated)"),
    ],
)
def test_an_error_page_is_shown_to_whoever_looks_for_the_reason(
    server: ServerProcess, function: str, status: int, shown: str
) -> None:
    """Source: SDK protocol, 7.9."""
    run = ended_run(server, function)

    message = f"Your server returned HTTP {status} before the SDK responded."
    assert run["status"] == "Failed"
    assert run["output"]["stack"].endswith(shown)
    expected = error(message, name="Server returned a fatal error", stack=run["output"]["stack"])
    assert run["output"] == expected


def test_the_page_that_came_instead_of_an_answer_is_kept(server: ServerProcess) -> None:
    """The body stays as the output of the run. Source: SDK protocol, 7.1."""
    run = ended_run(server, "page")

    entries = read(
        server.directory / ".stepwell" / "main.db",
        f"SELECT body FROM journal WHERE run_id = '{run['run_id']}' ORDER BY seq DESC LIMIT 1",
    )
    assert json.loads(entries[0][0])["output"] == PAGE.decode()


def test_a_slow_stream_is_waited_for(server: ServerProcess, app: BadApp) -> None:
    """An answer that comes bit by bit counts when it is complete, and not before."""
    event_id = server.send(f"{APP}/streams")
    assert app.streaming.wait(START_LIMIT_S)
    wait_until(
        lambda: [run["status"] for run in server.runs_of(event_id)] == ["Running"],
        what="a run that is shown as running",
    )
    app.going_on.set()

    wait_until(
        lambda: [run.get("output") for run in server.runs_of(event_id)] == [7],
        what="the result of the stream",
    )


def test_apps_that_hang_do_not_keep_others_waiting(servers: Servers, app: BadApp) -> None:
    """Many calls without an answer; the server serves on, and stops within its grace."""
    server = registered(servers.dev(*_FLAGS), app)
    for _ in range(_HANGING):
        server.send(f"{APP}/hangs")
    for _ in range(_HANGING):
        assert app.hanging.acquire(timeout=START_LIMIT_S)

    assert ended_run(server, "well")["output"] == "well"
    assert server.stop(signal.SIGINT) == 0
    assert server.entry("drain.calls_given_up")["calls"] == _HANGING


def test_a_bad_app_does_not_harm_the_server(server: ServerProcess) -> None:
    """Whatever came before this test, and once more all at once."""
    for function in BEHAVIOURS.keys() - {"hangs", "streams"}:
        server.send(f"{APP}/{function}")

    assert ended_run(server, "well")["output"] == "well"
    assert [entry for entry in server.entries if entry["level"] in {"warn", "error"}] == []
