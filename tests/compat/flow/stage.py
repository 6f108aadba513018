"""Apps whose functions use every option, and what a test asks of them while many tests run at once.

Many threads ask one server and one app at the same time here. So they ask seldom, over connections
that stay open, and share what the app has recorded.
"""

import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import httpx

from tests.compat.flow.provider import Provider
from tests.compat.harness import PLAIN, TYPESCRIPT, App, Process, Run, Server, free_port, node

_PAUSE_S = 0.1

T = TypeVar("T")

Call = Mapping[str, Any]


def now_ms() -> int:
    """The time of this machine, which apps and server share, in ms since 1970."""
    return time.time_ns() // 1_000_000


def eventually(condition: Callable[[], T], *, what: str, limit_s: float = 30) -> T:
    """The first true value of `condition`, asked ten times a second.

    Raises:
        AssertionError: The condition did not become true in time; the message names `what`.
    """
    deadline = time.monotonic() + limit_s
    pause = threading.Event()
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {limit_s} s: {what}; last seen: {value!r}")
        pause.wait(_PAUSE_S)


@dataclass(frozen=True)
class Span:
    """One piece of work that an app began and ended; times are the app's, in ms since 1970."""

    run_id: str
    begin_ms: int
    end_ms: int
    data: Mapping[str, Any]


def overlap(spans: Iterable[Span]) -> int:
    """How many of these were under way at the same time, at the most.

    What ends in the millisecond in which another begins is not counted with it.
    """
    changes = sorted(change for span in spans for change in ((span.begin_ms, 1), (span.end_ms, -1)))
    most = now = 0
    for _, change in changes:
        now += change
        most = max(most, now)
    return most


class FlowApp(App):
    """An app of these tests; every method may be called from several threads at once.

    Attributes:
        provider: Whom its functions have the server ask.
        twin: The same app without checkpointing.
    """

    provider: Provider
    twin: "FlowApp"

    def __init__(
        self, process: Process, *, port: int, app_id: str, prefix: str, server: Server
    ) -> None:
        super().__init__(process, port=port, app_id=app_id, prefix=prefix, server=server)
        self.http = httpx.Client(base_url=self.origin, timeout=60, trust_env=False, verify=PLAIN)
        self._calls: list[dict[str, Any]] = []
        self._lock = threading.Lock()

    def stop(self) -> int:
        self.http.close()
        return super().stop()

    def slug(self, function: str) -> str:
        return f"{self.id}-{function}"

    def send(self, name: str, data: Mapping[str, Any] | None = None, **fields: Any) -> str:
        """Send the event `<prefix>/<name>`; its internal id."""
        return self.server.send(self.event(name), data, **fields)

    def send_many(self, name: str, data: Iterable[Mapping[str, Any]]) -> list[str]:
        """Send several events in one request, in this order."""
        return self.server.send_all([{"name": self.event(name), "data": one} for one in data])

    def open_gate(self, name: str) -> None:
        """Let the bodies go on which stand at this gate, now and later."""
        response = self.http.post(f"/gates/{name}")
        assert response.status_code == 200, response.text

    def calls(self) -> list[dict[str, Any]]:
        """Everything the app recorded so far."""
        with self._lock:
            response = self.http.get("/record", params={"since": len(self._calls)})
            assert response.status_code == 200, response.text
            self._calls += response.json()
            return list(self._calls)

    def notes(self, function: str, name: str, **data: Any) -> list[dict[str, Any]]:
        """What a function's bodies recorded under a name, with at least these data."""
        wanted = {"of": function, **data}.items()
        return [
            call
            for call in self.calls()
            if call["name"] == name and wanted <= self._comparable(call["data"]).items()
        ]

    def noted(
        self, function: str, name: str, *, count: int = 1, limit_s: float = 30, **data: Any
    ) -> list[dict[str, Any]]:
        """The notes as soon as there are `count` of them; more must not be there."""

        def enough() -> list[dict[str, Any]] | None:
            self.process.assert_running()
            notes = self.notes(function, name, **data)
            return notes if len(notes) >= count else None

        notes = eventually(enough, what=f"{count} times {name} of {function}", limit_s=limit_s)
        assert notes is not None
        assert len(notes) == count
        return notes

    def spans(self, function: str, *, count: int) -> list[Span]:
        """The function's `count` pieces of work, once all of them have ended."""
        ends = self.noted(function, "end", count=count)
        begins = self.notes(function, "begin")
        assert len(begins) == count
        return [
            Span(begin["run_id"], begin["at_ms"], self._end_of(begin, ends), begin["data"])
            for begin in begins
        ]

    def runs(self, event_id: str) -> list[Run]:
        return self.server.runs_of(event_id)

    def one_run(self, event_id: str) -> Run:
        """The event's one run, as soon as it exists."""
        runs = eventually(lambda: self.runs(event_id), what=f"a run of {event_id}")
        (run,) = runs
        return run

    def ended(self, event_id: str, *, count: int = 1, limit_s: float = 30) -> list[Run]:
        """The runs of an event once all of them have ended; there must be exactly `count`."""

        def all_ended() -> list[Run] | None:
            self.process.assert_running()
            runs = self.runs(event_id)
            return runs if len(runs) >= count and all(run.is_ended for run in runs) else None

        try:
            runs = eventually(all_ended, what=f"end of {count} runs of {event_id}", limit_s=limit_s)
        except AssertionError as error:
            raise AssertionError(f"{error}; runs: {self.runs(event_id)}") from None
        assert runs is not None
        assert len(runs) == count, runs
        return runs

    def ended_run(self, run_id: str) -> Run:
        """The run once it has ended."""

        def ended() -> Run | None:
            run = self.server.run(run_id)
            return run if run.is_ended else None

        run = eventually(ended, what=f"end of {run_id}")
        assert run is not None
        return run

    def ended_each(self, event_ids: Iterable[str]) -> list[Run]:
        """The one run of each of these events, once it has ended."""
        return [self.ended(event_id)[0] for event_id in event_ids]

    def run(self, name: str, data: Mapping[str, Any] | None = None, *, limit_s: float = 30) -> Run:
        (run,) = self.ended(self.send(name, data), limit_s=limit_s)
        return run

    def parked(self, event_id: str, kind: str) -> Run:
        """The run of an event as soon as a queued item of this kind (`sleep`, `pause`) exists."""

        def parked() -> Run | None:
            return next((run for run in self.runs(event_id) if kind in self._jobs(run.id)), None)

        run = eventually(parked, what=f"a queued {kind} of the run of {event_id}")
        assert run is not None
        return run

    def pass_marker(self) -> None:
        """Come back when the server has run a function that it was asked for just now.

        What would have happened at once by then has happened.
        """
        (run,) = self.ended(self.send("marker"))
        assert run.output == "here"

    def _jobs(self, run_id: str) -> list[str]:
        response = self.server.http.get(f"/v1/runs/{run_id}/jobs")
        assert response.status_code == 200, response.text
        return [job["kind"] for job in response.json()["data"]]

    def _end_of(self, begin: Call, ends: Iterable[Call]) -> int:
        (end_ms,) = (
            end["at_ms"]
            for end in ends
            if end["run_id"] == begin["run_id"]
            and end["data"].get("step") == begin["data"].get("step")
        )
        ms: int = end_ms
        return ms

    def _comparable(self, data: Any) -> dict[str, Any]:
        """The data without lists and objects, which cannot be members of a set."""
        if not isinstance(data, dict):
            return {}
        return {name: value for name, value in data.items() if not isinstance(value, list | dict)}


def start_flow_server(log: Path) -> Server:
    """A server of its own, so that no other test's load moves the times that are measured here."""
    options = ["--no-discovery", "--no-poll", "--no-persist", "--retry-interval=1"]
    return Server(["dev", *options], log=log)


def start_python_flow_app(server: Server, *, log: Path) -> FlowApp:
    """The app of `flow_app_python/`, registered."""
    command = [sys.executable, "-m", "tests.compat.flow_app_python"]
    return _start(server, command, log=log, app_id="flow-py", prefix="flow-py")


def start_typescript_flow_app(server: Server, *, log: Path) -> FlowApp:
    """The app of `typescript/flow/`, registered."""
    command = [node(), str(TYPESCRIPT / "flow" / "main.js")]
    return _start(server, command, log=log, app_id="flow-ts", prefix="flow-ts")


def start_checkpointing_app(server: Server, *, log: Path, checkpointing: str) -> FlowApp:
    """The app of `typescript/checkpointing/`, registered; `checkpointing` is "on" or "off"."""
    name = f"checkpointing-{checkpointing}"
    return _start(
        server,
        [node(), str(TYPESCRIPT / "checkpointing" / "main.js")],
        log=log,
        app_id=name,
        prefix=name,
        environ={"COMPAT_CHECKPOINTING": checkpointing, "COMPAT_EVENT_PREFIX": name},
    )


def _start(
    server: Server,
    command: list[str],
    *,
    log: Path,
    app_id: str,
    prefix: str,
    environ: Mapping[str, str] | None = None,
) -> FlowApp:
    port = free_port()
    process = Process(
        [*command, str(port)],
        log=log,
        environ={"COMPAT_APP_ID": app_id, "INNGEST_DEV": server.url, **(environ or {})},
    )
    app = FlowApp(process, port=port, app_id=app_id, prefix=prefix, server=server)
    try:
        app.wait_until_serving()
        response = app.sync()
        assert response.status_code == 200, response.text
        assert server.functions(app_id), response.text
    except BaseException:
        app.stop()
        raise
    return app
