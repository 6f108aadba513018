"""The commands of operators as processes, against a server process with an app of the official SDK."""

import json
import os
import subprocess
import sys
from pathlib import Path
from signal import SIGINT
from typing import Any

import pytest

from tests.e2e.processes import STOP_LIMIT_S, ServerProcess, Servers, wait_until


@pytest.fixture
def server(servers: Servers) -> ServerProcess:
    """A development server with the demo, whose first run sleeps for 20 seconds."""
    return servers.dev("--demo")


def _command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "stepwell", *arguments]


def _environ(server: ServerProcess) -> dict[str, str]:
    foreign = ("INNGEST_", "STEPWELL_", "LOG_")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    return {**inherited, "STEPWELL_SERVER": server.url}


def _done(server: ServerProcess, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        _command(*arguments),
        env=_environ(server),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def _told(server: ServerProcess, *arguments: str) -> str:
    done = _done(server, *arguments)
    assert done.returncode == 0, done
    return done.stdout


def _sleeping(server: ServerProcess) -> dict[str, Any]:
    """The demo's run, once it sleeps."""

    def find() -> dict[str, Any] | None:
        listed = _told(server, "runs", "list", "--function", "award-points", "--json")
        for line in listed.splitlines():
            run: dict[str, Any] = json.loads(
                _told(server, "runs", "get", json.loads(line)["id"], "--json")
            )
            if [each["kind"] for each in run["waiting"]] == ["sleep"]:
                return run
        return None

    wait_until(lambda: "demo" in _told(server, "functions", "list"), what="the demo's functions")
    found = wait_until(find, what="a sleeping run")
    assert found is not None
    return found


def test_an_operator_finds_a_run_cancels_it_and_runs_it_again(server: ServerProcess) -> None:
    run = _sleeping(server)

    text = _told(server, "runs", "get", run["id"])
    cancelled = _told(server, "runs", "cancel", run["id"])
    again = _told(server, "runs", "rerun", run["id"]).strip()

    assert "Sleeps until " in text
    assert "calculate" in text
    assert cancelled == f"{run['id']}  CANCELLED\n"
    (found, *_) = _told(server, "runs", "list", "--json").splitlines()
    assert json.loads(found)["id"] == again
    assert "CANCELLED" in _told(server, "runs", "list", "--status", "cancelled")


def test_an_operator_invokes_a_function_and_gets_its_output(server: ServerProcess) -> None:
    wait_until(lambda: "demo" in _told(server, "functions", "list"), what="the demo's functions")

    output = _told(
        server, "functions", "invoke", "thank-customer", "--data", '{"customer":"Bo"}', "--wait"
    )

    assert json.loads(output) == "Dear Bo, enjoy your points!"


def test_tail_follows_the_server_and_ends_well_with_ctrl_c(
    server: ServerProcess, tmp_path: Path
) -> None:
    wait_until(lambda: "demo" in _told(server, "functions", "list"), what="the demo's functions")
    path = tmp_path / "tail.log"
    with path.open("wb") as log:
        tail = subprocess.Popen(
            _command("runs", "tail", "--json", "--function", "thank-customer"),
            env=_environ(server),
            stdout=log,
            stdin=subprocess.DEVNULL,
        )
    try:

        def statuses() -> list[str]:
            # What happens before it is connected is not shown, so it takes more than one run.
            _told(server, "functions", "invoke", "thank-customer", "--wait")
            return [json.loads(line)["status"] for line in path.read_text().splitlines()]

        wait_until(lambda: "COMPLETED" in statuses(), what="a run in the tail")
        tail.send_signal(SIGINT)
        assert tail.wait(STOP_LIMIT_S) == 0
    finally:
        tail.kill()
        tail.wait()
