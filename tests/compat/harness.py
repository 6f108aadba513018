"""Real processes under test, and what a test may ask of them over HTTP."""

import os
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

import httpx

ROOT = Path(__file__).parents[2]
TYPESCRIPT = Path(__file__).parent / "typescript"

_ENDED = {"Completed", "Failed", "Cancelled", "Skipped"}
_STOP_LIMIT_S = 15
_NPM_LIMIT_S = 300
_PAUSE_MIN_S, _PAUSE_MAX_S = 0.02, 0.2
_PAUSE_GROWTH = 1.2

# A proxy of the machine must not see what is said on its own loopback, in any spelling.
_NO_PROXY = {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}

#: For clients of ours, all of which talk to this machine in plain: reading the certificates that
#: nobody shows would take each of them 40 ms.
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

T = TypeVar("T")


def wait_until(condition: Callable[[], T], *, what: str, limit_s: float = 30) -> T:
    """The first true value of `condition`.

    These are real processes on real time, so there is nothing to signal us; the condition itself is
    asked again at intervals until the limit; they grow, because asking takes time from what is
    waited for.

    Raises:
        AssertionError: The condition did not become true in time; the message names `what`.
    """
    deadline = time.monotonic() + limit_s
    pause = threading.Event()
    pause_s = _PAUSE_MIN_S
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit_s} s: {what}; last seen: {value!r}")
        pause.wait(pause_s)
        pause_s = min(pause_s * _PAUSE_GROWTH, _PAUSE_MAX_S)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


class Process:
    """A child process whose output goes to a file that failing tests show."""

    def __init__(
        self, command: Iterable[str], *, log: Path, environ: Mapping[str, str], cwd: Path = ROOT
    ) -> None:
        # Settings of the person who runs the tests must not reach server or SDKs.
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("INNGEST_", "STEPWELL_"))
        }
        self.log = log
        with log.open("ab") as output:
            self._popen = subprocess.Popen(
                list(command),
                cwd=cwd,
                env={**inherited, **_NO_PROXY, **environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    def assert_running(self) -> None:
        code = self._popen.poll()
        assert code is None, f"ended with {code}:\n{self.log.read_text()[-4000:]}"

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        """End the process, by force if it does not follow the signal in time; its exit code."""
        if self._popen.poll() is None:
            self._popen.send_signal(with_signal)
        try:
            return self._popen.wait(_STOP_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._popen.kill()
            return self._popen.wait()


@dataclass(frozen=True)
class Run:
    """A run as REST v1 shows it."""

    id: str
    function_id: str
    event_id: str
    status: str
    output: Any

    @classmethod
    def from_json(cls, run: Mapping[str, Any]) -> Self:
        return cls(
            id=run["run_id"],
            function_id=run["function_id"],
            event_id=run["event_id"],
            status=run["status"],
            output=run.get("output"),
        )

    @property
    def is_ended(self) -> bool:
        return self.status in _ENDED


class Server:
    """One `stepwell` process and its HTTP APIs."""

    def __init__(
        self,
        arguments: Iterable[str],
        *,
        log: Path,
        event_key: str = "test",
        signing_key: str | None = None,
        port: int | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.event_key = event_key
        self._process = Process(
            [sys.executable, "-m", "stepwell", *arguments, "--port", str(self.port)],
            log=log,
            environ=environ or {},
        )
        headers = {"Authorization": f"Bearer {signing_key}"} if signing_key else {}
        self.http = httpx.Client(
            base_url=self.url, headers=headers, timeout=30, trust_env=False, verify=PLAIN
        )

    def wait_until_healthy(self) -> Self:
        def is_healthy() -> bool:
            self._process.assert_running()
            return answers(f"{self.url}/health")

        wait_until(is_healthy, what=f"health of {self.url}")
        return self

    def stop(self, with_signal: signal.Signals = signal.SIGTERM) -> int:
        self.http.close()
        return self._process.stop(with_signal)

    def send(self, name: str, data: Mapping[str, Any] | None = None, **fields: Any) -> str:
        """Send one event; its internal id."""
        (event_id,) = self.send_all([{"name": name, "data": data or {}, **fields}])
        return event_id

    def send_all(self, events: list[dict[str, Any]]) -> list[str]:
        response = self.http.post(f"/e/{self.event_key}", json=events)
        assert response.status_code == 200, response.text
        ids: list[str] = response.json()["ids"]
        assert len(ids) == len(events)
        return ids

    def runs_of(self, event_id: str) -> list[Run]:
        response = self.http.get(f"/v1/events/{event_id}/runs")
        assert response.status_code == 200, response.text
        return [Run.from_json(run) for run in response.json()["data"]]

    def run(self, run_id: str) -> Run:
        response = self.http.get(f"/v1/runs/{run_id}")
        assert response.status_code == 200, response.text
        return Run.from_json(response.json()["data"])

    def ended_runs(self, event_id: str, *, count: int = 1, limit_s: float = 30) -> list[Run]:
        """The runs of an event once all of them have ended; there must be exactly `count`."""

        def ended() -> list[Run] | None:
            self._process.assert_running()
            runs = self.runs_of(event_id)
            return runs if len(runs) >= count and all(run.is_ended for run in runs) else None

        try:
            runs = wait_until(ended, what=f"end of the runs of {event_id}", limit_s=limit_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; runs: {self.runs_of(event_id)}") from None
        assert runs is not None
        assert len(runs) == count
        return runs

    def wait_until_parked(self, event_id: str, kind: str) -> Run:
        """The run of an event as soon as a queued item of this kind (`sleep`, `pause`) exists."""

        def parked() -> Run | None:
            for run in self.runs_of(event_id):
                response = self.http.get(f"/v1/runs/{run.id}/jobs")
                assert response.status_code == 200, response.text
                if any(job["kind"] == kind for job in response.json()["data"]):
                    return run
            return None

        run = wait_until(parked, what=f"a queued {kind} of the run of {event_id}")
        assert run is not None
        return run

    def functions(self, app_id: str) -> dict[str, dict[str, Any]]:
        """The app's registered functions by slug, as `GET /dev` shows them."""
        response = self.http.get("/dev")
        assert response.status_code == 200, response.text
        return {
            function["slug"]: function
            for function in response.json()["functions"]
            if function["slug"].startswith(f"{app_id}-")
        }

    def slug_of(self, run: Run, app_id: str) -> str:
        """The slug of the function that a run belongs to."""
        (slug,) = (
            slug
            for slug, function in self.functions(app_id).items()
            if function["id"] == run.function_id
        )
        return slug


class App:
    """One process of an app written with an official SDK."""

    def __init__(
        self, process: Process, *, port: int, app_id: str, prefix: str, server: Server
    ) -> None:
        self.process = process
        self.id = app_id
        self.prefix = prefix
        self.server = server
        self.origin = f"http://127.0.0.1:{port}"
        self.url = f"{self.origin}/api/inngest"

    def wait_until_serving(self) -> Self:
        def is_serving() -> bool:
            self.process.assert_running()
            return answers(f"{self.origin}/record")

        wait_until(is_serving, what=f"an answer of {self.origin}")
        return self

    def wait_until_registered(self) -> Self:
        wait_until(lambda: self.server.functions(self.id), what=f"functions of {self.id}")
        return self

    def stop(self) -> int:
        return self.process.stop()

    def sync(self) -> httpx.Response:
        """Ask the app to register itself, as one does with curl."""
        return httpx.put(self.url, timeout=30, trust_env=False, verify=PLAIN)

    def toggle(self, version: str) -> None:
        """Serve another set of functions from now on; the server does not know yet."""
        response = httpx.post(
            f"{self.origin}/toggle",
            params={"version": version},
            timeout=30,
            trust_env=False,
            verify=PLAIN,
        )
        assert response.status_code == 200, response.text

    def event(self, name: str) -> str:
        return f"{self.prefix}/{name}"

    def run(self, name: str, data: Mapping[str, Any] | None = None, *, limit_s: float = 30) -> Run:
        """Send the event `<prefix>/<name>` and wait for the end of the one run it starts."""
        event_id = self.server.send(self.event(name), data)
        (run,) = self.server.ended_runs(event_id, limit_s=limit_s)
        return run

    def completed(self, name: str, data: Mapping[str, Any] | None = None) -> Run:
        """Like `run`, for a run that must succeed."""
        run = self.run(name, data)
        assert run.status == "Completed", run
        return run

    def calls(self) -> list[dict[str, Any]]:
        """Everything the app's bodies recorded since its start."""
        response = httpx.get(f"{self.origin}/record", timeout=30, trust_env=False, verify=PLAIN)
        calls: list[dict[str, Any]] = response.json()
        return calls

    def calls_of(self, run_id: str, name: str | None = None) -> list[dict[str, Any]]:
        return [
            call
            for call in self.calls()
            if call["run_id"] == run_id and name in {None, call["name"]}
        ]

    def bodies_of(self, run_id: str) -> list[str]:
        """The names of the step bodies that ran, in order, without the handler itself."""
        return [call["name"] for call in self.calls_of(run_id) if call["name"] != "handler"]


def start_python_app(
    server: Server,
    *,
    log: Path,
    app_id: str = "compat-py",
    version: str = "all",
    port: int | None = None,
    environ: Mapping[str, str] | None = None,
) -> App:
    """The app of `python_app/`; in dev mode unless `environ` says otherwise."""
    port = port or free_port()
    process = Process(
        [sys.executable, "-m", "tests.compat.python_app", str(port), version],
        log=log,
        environ={"COMPAT_APP_ID": app_id, **(environ or {"INNGEST_DEV": server.url})},
    )
    return _serving(App(process, port=port, app_id=app_id, prefix="py", server=server))


def start_typescript_app(
    server: Server,
    *,
    log: Path,
    app_id: str = "compat-ts",
    version: str = "all",
    port: int | None = None,
    environ: Mapping[str, str] | None = None,
) -> App:
    """The app of `typescript/`; in dev mode unless `environ` says otherwise."""
    port = port or free_port()
    process = Process(
        [node(), "app/main.js", str(port), version],
        log=log,
        environ={"COMPAT_APP_ID": app_id, **(environ or {"INNGEST_DEV": server.url})},
        cwd=TYPESCRIPT,
    )
    return _serving(App(process, port=port, app_id=app_id, prefix="ts", server=server))


def start_typescript_graphql_app(server: Server, *, log: Path) -> tuple[App, App]:
    """The app of `typescript/graphql/`, registered: with checkpointing, and without.

    Both are one process, which ends with the first.
    """
    port, app_id = free_port(), "graphql-ts"
    process = Process(
        [node(), "graphql/main.js", str(port)],
        log=log,
        environ={"COMPAT_APP_ID": app_id, "INNGEST_DEV": server.url},
        cwd=TYPESCRIPT,
    )
    with_it, without = (
        App(process, port=port, app_id=name, prefix=name, server=server)
        for name in (app_id, f"{app_id}-plain")
    )
    without.url = f"{without.origin}/api/plain"
    _serving(with_it)
    for app in (with_it, without):
        response = app.sync()
        assert response.status_code == 200, response.text
        app.wait_until_registered()
    return with_it, without


def _serving(app: App) -> App:
    try:
        return app.wait_until_serving()
    except BaseException:
        app.stop()
        raise


def answers(url: str) -> bool:
    """Whether something answers this URL with 200."""
    try:
        return httpx.get(url, timeout=5, trust_env=False, verify=PLAIN).status_code == 200
    except httpx.TransportError:
        return False


def node() -> str:
    """The path of Node.js, without which the TypeScript SDK cannot be tested."""
    path = shutil.which("node")
    assert path is not None, "these tests run the TypeScript SDK: install Node.js 20 or newer"
    return path


def install_packages(folder: Path) -> None:
    """Run `npm ci` in a folder, unless what is installed is as new as its lock file."""
    installed = folder / "node_modules" / ".package-lock.json"
    lock = folder / "package-lock.json"
    if installed.exists() and installed.stat().st_mtime >= lock.stat().st_mtime:
        return
    npm = shutil.which("npm")
    assert npm is not None, "these tests run the TypeScript SDK: install npm"
    done = subprocess.run(
        [npm, "ci"], cwd=folder, capture_output=True, text=True, timeout=_NPM_LIMIT_S, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
