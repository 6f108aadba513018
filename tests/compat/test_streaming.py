"""Apps that stream: they answer 201 at once, and the real answer follows when it is there."""

from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from tests.compat.harness import PLAIN, App, Server, start_python_app, start_typescript_app

# The first test of a session may have to install the TypeScript SDK.
pytestmark = pytest.mark.timeout(420)


@pytest.fixture(scope="module")
def streaming_server(logs: Path) -> Iterator[Server]:
    """A server of its own, on which no app that does not stream listens to the same events."""
    options = ["--no-discovery", "--no-poll", "--no-persist", "--retry-interval=1"]
    server = Server(["dev", *options], log=logs / "streaming-server.log")
    try:
        yield server.wait_until_healthy()
    finally:
        server.stop()


@pytest.fixture(params=["python", "typescript"], scope="module")
def app(request: pytest.FixtureRequest, streaming_server: Server, logs: Path) -> Iterator[App]:
    start: Callable[..., App] = start_python_app
    if request.param == "typescript":
        request.getfixturevalue("typescript_packages")
        start = start_typescript_app
    app = start(
        streaming_server,
        log=logs / f"streaming-{request.param}.log",
        environ={
            "INNGEST_DEV": streaming_server.url,
            "INNGEST_STREAMING": "force" if request.param == "python" else "true",
        },
    )
    try:
        assert app.sync().status_code == 200
        yield app
    finally:
        app.stop()


def test_the_app_really_streams(app: App) -> None:
    """Without this the tests below could pass with apps that answer as usual."""
    response = httpx.post(
        app.url,
        params={"fnId": f"{app.id}-returns", "stepId": "step"},
        json={
            "ctx": {
                "attempt": 0,
                "disable_immediate_execution": False,
                "run_id": "01K0000000000000000000000A",
                "stack": {"stack": [], "current": 0},
            },
            "event": {"id": "1", "name": app.event("returns"), "data": {"value": 7}, "ts": 1},
            "events": [{"id": "1", "name": app.event("returns"), "data": {"value": 7}, "ts": 1}],
            "steps": {},
            "use_api": False,
            "version": -1,
        },
        trust_env=False,
        verify=PLAIN,
    )

    assert response.status_code == 201
    assert response.json()["status"] == 200


def test_steps_run_one_after_the_other(app: App) -> None:
    run = app.completed("chain", {"order": "7"})

    assert run.output["event"] == {"order": "7"}
    assert app.bodies_of(run.id) == ["first", "second", "third"]


def test_steps_run_in_parallel(app: App) -> None:
    run = app.completed("parallel")

    assert run.output == {"squares": [1, 4, 9], "total": 14}
    bodies = ["square 1", "square 2", "square 3", "total"]
    assert sorted(app.bodies_of(run.id)) == bodies


def test_a_failed_step_is_retried(app: App) -> None:
    assert app.completed("step.retried").output == ["steady", "worked at attempt 1"]


def test_a_failing_handler_fails_the_run(app: App) -> None:
    run = app.run("handler.failed")

    assert run.status == "Failed"
    assert run.output["message"] == "never ready"


def test_a_non_retriable_error_is_not_retried(app: App) -> None:
    run = app.run("non.retriable", {"card": "1"})

    assert run.status == "Failed"
    assert len(app.calls_of(run.id, "handler")) == 1


def test_retry_after_is_honoured(app: App) -> None:
    run = app.completed("retry.after")

    first, second = app.calls_of(run.id, "handler")
    assert 2_500 <= second["at_ms"] - first["at_ms"] <= 10_000


def test_a_large_output_is_handed_back_whole(app: App) -> None:
    assert app.completed("large.output").output == {"length": 1024 * 1024}
