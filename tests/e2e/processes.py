"""Real server processes, and an app that answers when it is told to."""

import json
import os
import queue
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from signal import SIGTERM, Signals
from typing import Any, Self, TypeVar

START_LIMIT_S = 30.0
STOP_LIMIT_S = 20.0

T = TypeVar("T")


def wait_until(condition: Callable[[], T], *, what: str, limit_s: float = START_LIMIT_S) -> T:
    """The first true value of `condition`, which is asked again at short intervals.

    Raises:
        AssertionError: It did not become true in time; the message names `what`.
    """
    deadline_s = time.monotonic() + limit_s
    pause = threading.Event()
    while not (value := condition()):
        assert time.monotonic() < deadline_s, f"not within {limit_s} s: {what}; got {value!r}"
        pause.wait(0.02)
    return value


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


@dataclass(frozen=True)
class Answer:
    """What came back over HTTP."""

    status: int
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)

    def json(self) -> Any:
        return json.loads(self.body)


class ServerProcess:
    """One `python -m stepwell` in a directory of its own.

    Args:
        arguments: The command and its flags, without `--port`.
        directory: Its working directory, where it keeps its database.
        port: Chosen if not given.
        environ: Variables besides those of the tests; nobody's settings reach the server.
        python: Flags of the interpreter.
    """

    def __init__(
        self,
        *arguments: str,
        directory: Path,
        port: int | None = None,
        environ: Mapping[str, str] | None = None,
        python: tuple[str, ...] = (),
    ) -> None:
        self.port = free_port() if port is None else port
        self.url = f"http://127.0.0.1:{self.port}"
        self.directory = directory
        self._log = directory / "server.log"
        self._log_start = self._log.stat().st_size if self._log.exists() else 0
        foreign = ("INNGEST_", "STEPWELL_", "LOG_")
        inherited = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        command = [sys.executable, *python, "-m", "stepwell", *arguments, "--port", str(self.port)]
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                command,
                cwd=directory,
                env={**inherited, **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        """What this process has written so far."""
        with self._log.open("rb") as log:
            log.seek(self._log_start)
            return log.read().decode()

    @property
    def entries(self) -> list[dict[str, Any]]:
        """The log, one object per entry."""
        return [json.loads(line) for line in self.output.split("\n") if line.startswith("{")]

    def entry(self, message: str) -> dict[str, Any]:
        """The first log entry with that message, as soon as there is one."""

        def find() -> dict[str, Any] | None:
            found = next((each for each in self.entries if each["msg"] == message), None)
            assert found or self.process.poll() is None, self.output
            return found

        found = wait_until(find, what=f"log entry {message}")
        assert found is not None
        return found

    def wait_until_healthy(self) -> Self:
        def is_healthy() -> bool:
            assert self.process.poll() is None, self.output
            try:
                return self.get("/health").status == 200
            except OSError:
                return False

        wait_until(is_healthy, what=f"health of {self.url}")
        return self

    def get(self, path: str, *, headers: Mapping[str, str] | None = None) -> Answer:
        return get(self.url + path, headers=headers)

    def post(self, path: str, value: object, *, headers: Mapping[str, str] | None = None) -> Answer:
        return post(self.url + path, value, headers=headers)

    def delete(self, path: str) -> Answer:
        return _request(urllib.request.Request(self.url + path, method="DELETE"))

    def send(self, name: str, data: Mapping[str, Any] | None = None) -> str:
        """Send an event; its internal id."""
        answer = self.post("/e/test", {"name": name, "data": data or {}})
        assert answer.status == 200, answer
        (event_id,) = answer.json()["ids"]
        assert isinstance(event_id, str)
        return event_id

    def runs_of(self, event_id: str) -> list[dict[str, Any]]:
        answer = self.get(f"/v1/events/{event_id}/runs")
        assert answer.status == 200, answer
        runs: list[dict[str, Any]] = answer.json()["data"]
        return runs

    def signal(self, number: Signals) -> None:
        self.process.send_signal(number)

    def wait(self) -> int:
        """The exit code, once the process has ended by itself."""
        return self.process.wait(STOP_LIMIT_S)

    def stop(self, number: Signals = SIGTERM) -> int:
        """Send a signal and wait for the end; the exit code."""
        self.signal(number)
        return self.wait()

    def kill(self) -> None:
        """End it the hard way, if it has not ended yet."""
        self.process.kill()
        self.process.wait(STOP_LIMIT_S)


def get(url: str, *, headers: Mapping[str, str] | None = None) -> Answer:
    """The answer to a GET, whatever its status."""
    return _request(urllib.request.Request(url, headers=dict(headers or {})))


def post(url: str, value: object, *, headers: Mapping[str, str] | None = None) -> Answer:
    """The answer to a POST of JSON, whatever its status; `bytes` are sent as they are."""
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    sent = {"Content-Type": "application/json", **(headers or {})}
    return _request(urllib.request.Request(url, body, sent, method="POST"))


def _request(request: urllib.request.Request) -> Answer:
    # A proxy of the machine must not see what is said on its own loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as response:
            return Answer(response.status, response.read(), _lower(response.headers.items()))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read(), _lower(error.headers.items()))


def _lower(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    return {name.lower(): value for name, value in headers}


def on_postgres(uri: str) -> dict[str, str]:
    """The environment of a server that keeps everything in a PostgreSQL database.

    Not a flag: others see those of a process.
    """
    return {"STEPWELL_POSTGRES_URI": uri}


@dataclass
class HeldCall:
    """A call of the app's function that waits for its answer."""

    body: dict[str, Any]
    _answer: "queue.SimpleQueue[tuple[int, bytes]]" = field(default_factory=queue.SimpleQueue)

    def answer(self, output: object) -> None:
        """Let the function return `output`."""
        self._answer.put((200, json.dumps(output).encode()))

    def ask_for(self, opcode: Mapping[str, object]) -> None:
        """Let the function come to a step that the server carries out."""
        self._answer.put((206, json.dumps([opcode]).encode()))

    def answered(self) -> tuple[int, bytes]:
        return self._answer.get()


class HeldApp:
    """An app whose every call waits until the test answers it.

    Args:
        functions: How many it has; the event starts all of them.

    Attributes:
        calls: Calls that have come and that no test has looked at yet.
    """

    name = "held"
    event = "held/go"

    def __init__(self, functions: int = 1) -> None:
        self._functions = functions
        self.calls: queue.Queue[HeldCall] = queue.Queue()
        held_calls = self.calls

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                length = int(self.headers["content-length"])
                call = HeldCall(json.loads(self.rfile.read(length)))
                held_calls.put(call)
                status, answer = call.answered()
                self.send_response(status)
                self.send_header("x-inngest-sdk", "js:v4.0.0")
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Say nothing: what matters is in the calls."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        # A call that nobody answers must not keep the tests from ending.
        self._server.daemon_threads = True
        self._server.block_on_close = False
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def register_with(
        self, server: ServerProcess, *, headers: Mapping[str, str] | None = None
    ) -> None:
        """Tell the server of the functions, as an SDK would."""
        url = f"http://127.0.0.1:{self._server.server_port}/api/inngest"
        names = ["fn", *(f"fn-{number}" for number in range(2, self._functions + 1))]
        request = {
            "appname": self.name,
            "deploy_type": "ping",
            "framework": "none",
            "functions": [self._function(url, name) for name in names],
            "sdk": "js:v4.0.0",
            "url": url,
            "v": "0.1",
        }
        answer = server.post("/fn/register", request, headers=headers)
        assert answer.status == 200, answer

    def _function(self, url: str, name: str) -> dict[str, Any]:
        slug = f"{self.name}-{name}"
        step = {
            "id": "step",
            "name": "step",
            "runtime": {"type": "http", "url": f"{url}?fnId={slug}&stepId=step"},
        }
        return {
            "id": slug,
            "name": name,
            "triggers": [{"event": self.event}],
            "steps": {"step": step},
        }

    def next_call(self) -> HeldCall:
        return self.calls.get(timeout=START_LIMIT_S)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Servers:
    """Starts servers and ends what is left of them."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._started: list[ServerProcess] = []

    def __call__(
        self,
        *arguments: str,
        directory: Path | None = None,
        port: int | None = None,
        environ: Mapping[str, str] | None = None,
        python: tuple[str, ...] = (),
    ) -> ServerProcess:
        """Start one, by default all in the same directory; it need not be up when this returns."""
        server = ServerProcess(
            *arguments,
            directory=directory or self._directory,
            port=port,
            environ=environ,
            python=python,
        )
        self._started.append(server)
        return server

    def dev(
        self,
        *flags: str,
        directory: Path | None = None,
        port: int | None = None,
        environ: Mapping[str, str] | None = None,
    ) -> ServerProcess:
        """A healthy development server that looks for no apps."""
        command = ("dev", "--no-discovery", "--no-poll", *flags)
        server = self(*command, directory=directory, port=port, environ=environ)
        return server.wait_until_healthy()

    def end_all(self) -> None:
        for server in self._started:
            server.kill()


def running_servers(directory: Path) -> Iterator[Servers]:
    """For a fixture: a starter whose servers end with the test."""
    servers = Servers(directory)
    try:
        yield servers
    finally:
        servers.end_all()
