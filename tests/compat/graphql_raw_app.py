"""An app in the test's own process whose functions answer as the Go SDK does.

There is no Go here, and what the Go suite asserts by position depends on what that SDK answers: one
step a call, its own opcodes, errors without a name. Bodies are plain functions that call the tools
of `Steps`; a tool that has no memo yet ends the call with the opcode it stands for.
"""

import hashlib
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit

import msgspec

from tests.compat.harness import Server

__all__ = ["AnswerError", "FunctionSpec", "Gates", "RawApp", "Steps", "hashed"]

_PATH = "/api/inngest"
_SDK = "go:v0.15.0"
#: A test that died must not keep the process from ending.
_GATE_LIMIT_S = 30.0

Json = Any
Body = Callable[["Steps"], Json]


@dataclass(frozen=True)
class FunctionSpec:
    """One function of the app.

    Attributes:
        body: What it does; what it returns is its output.
        retries: Attempts after the first one.
        triggers: As registered; by default the event `<app>/<name>`.
        options: Other members of the function's registration.
    """

    body: Body
    retries: int = 0
    triggers: Sequence[Mapping[str, Json]] | None = None
    options: Mapping[str, Json] = field(default_factory=dict)


class AnswerError(Exception):
    """Ends a call with this answer.

    Attributes:
        is_sdk: Whether the headers say that an SDK wrote it.
    """

    def __init__(
        self,
        status: int,
        body: bytes,
        *,
        is_sdk: bool = True,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.is_sdk = is_sdk
        self.headers = dict(headers or {})

    @classmethod
    def error(cls, message: str, *, name: str = "Error", **headers: str) -> Self:
        """A function that failed; headers in snake case."""
        body = msgspec.json.encode({"name": name, "message": message})
        return cls(500, body, headers={key.replace("_", "-"): headers[key] for key in headers})


class StepError(Exception):
    """A step that failed for good, as its function sees it."""


class Gates:
    """Where bodies stand until a test lets them go on."""

    def __init__(self) -> None:
        self._gates: dict[str, threading.Event] = {}
        self._lock = threading.Lock()
        self.is_closed = False

    def passed(self, name: str) -> None:
        if not self.is_closed:
            assert self._gate(name).wait(_GATE_LIMIT_S), f"nobody opened gate {name}"

    def open(self, name: str) -> None:
        self._gate(name).set()

    def close(self) -> None:
        """Let everybody go, now and later."""
        self.is_closed = True
        with self._lock:
            for gate in self._gates.values():
                gate.set()

    def _gate(self, name: str) -> threading.Event:
        with self._lock:
            return self._gates.setdefault(name, threading.Event())


class Steps:
    """The tools a body has, and what it may know of its call.

    Attributes:
        data: Of the event that started the run.
        attempt: Of this call, from 0.
        gates: Shared by all calls.
    """

    def __init__(self, call: Mapping[str, Json], step_id: str, gates: Gates) -> None:
        self.data: Mapping[str, Json] = call["event"].get("data") or {}
        self.events: Sequence[Json] = call["events"]
        self.attempt: int = call["ctx"]["attempt"]
        self.run_id: str = call["ctx"]["run_id"]
        self.gates = gates
        self._memos: Mapping[str, Json] = call["steps"]
        self._step_id = step_id
        self._max_attempts: int = call["ctx"]["max_attempts"]
        self._must_plan: bool = call["ctx"]["disable_immediate_execution"]

    def has(self, name: str) -> bool:
        """Whether the step has a result."""
        return hashed(name) in self._memos

    def run(
        self, name: str, body: Callable[[], Json], headers: Mapping[str, str] | None = None
    ) -> Json:
        """The result of a step that runs code; if it runs now, these headers go with the answer."""
        if hashed(name) in self._memos:
            return self._result(name)
        if self._step_id not in {"step", hashed(name)} or (
            self._step_id == "step" and self._must_plan
        ):
            raise _reported([_opcode("StepPlanned", name)])
        raise self._executed(name, body, headers)

    def parallel(self, bodies: Mapping[str, Callable[[], Json]]) -> list[Json]:
        """The results of several steps; the server is told of all that are missing at once."""
        for name, body in bodies.items():
            if self._step_id == hashed(name):
                raise self._executed(name, body)
        missing = [name for name in bodies if hashed(name) not in self._memos]
        if missing:
            raise _reported([_opcode("StepPlanned", name) for name in missing])
        return [self._result(name) for name in bodies]

    def sleep(self, name: str, duration: str) -> None:
        self._awaited(name, {**_opcode("Sleep", name), "name": duration})

    def wait(self, name: str, event: str, timeout: str, condition: str | None = None) -> Json:
        """The event, or None if there was none in time."""
        options = {"event": event, "timeout": timeout}
        if condition is not None:
            options["if"] = condition
        return self._awaited(
            name, {**_opcode("WaitForEvent", name), "name": event, "opts": options}
        )

    def invoke(self, name: str, function: str, timeout: str | None = None) -> Json:
        """What another function returns."""
        options: dict[str, Json] = {"function_id": function, "payload": {"data": {"by": name}}}
        if timeout is not None:
            options["timeout"] = timeout
        return self._awaited(name, {**_opcode("InvokeFunction", name), "opts": options})

    def _awaited(self, name: str, opcode: Json) -> Json:
        if hashed(name) not in self._memos:
            raise _reported([opcode])
        return self._result(name)

    def _executed(
        self, name: str, body: Callable[[], Json], headers: Mapping[str, str] | None = None
    ) -> AnswerError:
        try:
            return _reported([{**_opcode("StepRun", name), "data": body()}], headers)
        except ValueError as error:
            is_last = self.attempt + 1 >= self._max_attempts
            opcode = _opcode("StepFailed" if is_last else "StepError", name)
            stack = f"Error: {error}\n\tat step {name}"
            told = {"name": "Error", "message": str(error), "stack": stack}
            return _reported([{**opcode, "error": told}], headers)

    def _result(self, name: str) -> Json:
        memo = self._memos[hashed(name)]
        if isinstance(memo, dict) and "error" in memo:
            raise StepError(memo["error"]["message"])
        return memo["data"] if isinstance(memo, dict) and set(memo) == {"data"} else memo


def hashed(name: str) -> str:
    """The step's id. Source: SDK protocol, 7.7."""
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


def _opcode(op: str, name: str) -> dict[str, Json]:
    return {"op": op, "id": hashed(name), "name": name, "displayName": name, "opts": {}}


def _reported(opcodes: Sequence[Json], headers: Mapping[str, str] | None = None) -> AnswerError:
    return AnswerError(206, msgspec.json.encode(opcodes), headers=headers)


class RawApp:
    """Serves functions on a port of its own, in threads.

    Attributes:
        id: The app's id, and what its events begin with.
        gates: Where its bodies may stand.
    """

    def __init__(self, server: Server, app_id: str, functions: Mapping[str, FunctionSpec]) -> None:
        self.id = app_id
        self.server = server
        self.gates = Gates()
        self._functions = functions
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,))
        self._thread.start()

    def stop(self) -> None:
        self.gates.close()
        self._http.shutdown()
        self._thread.join()
        self._http.server_close()

    def slug(self, name: str) -> str:
        return f"{self.id}-{name}"

    def event(self, name: str) -> str:
        return f"{self.id}/{name}"

    def send(self, name: str, data: Mapping[str, Json] | None = None, **fields: Json) -> str:
        """Send the event `<app>/<name>`; its internal id."""
        return self.server.send(self.event(name), data, **fields)

    def register(self) -> Self:
        """Tell the server of all functions, as the SDK does when it starts."""
        port: int = self._http.server_address[1]
        url = f"http://127.0.0.1:{port}{_PATH}"
        body = {
            "v": "0.1",
            "deployType": "ping",
            "url": url,
            "sdk": _SDK,
            "framework": "none",
            "appName": self.id,
            "functions": [self._registered(name, url) for name in self._functions],
        }
        response = self.server.http.post("/fn/register", json=body)
        assert response.status_code == 200, response.text
        return self

    def _registered(self, name: str, url: str) -> dict[str, Json]:
        spec, slug = self._functions[name], self.slug(name)
        triggers = [{"event": self.event(name)}] if spec.triggers is None else spec.triggers
        step = {
            "id": "step",
            "name": "step",
            "runtime": {"type": "http", "url": f"{url}?fnId={slug}&step=step"},
            "retries": {"attempts": spec.retries},
        }
        return {
            "id": slug,
            "name": name,
            "triggers": list(triggers),
            "steps": {"step": step},
            **spec.options,
        }

    def answer(self, target: str, body: bytes) -> AnswerError:
        """What is answered to a call."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        spec = self._functions[query["fnId"].removeprefix(f"{self.id}-")]
        steps = Steps(msgspec.json.decode(body), query["stepId"], self.gates)
        try:
            return AnswerError(200, msgspec.json.encode(spec.body(steps)))
        except AnswerError as answer:
            return answer
        except (StepError, ValueError) as error:
            return AnswerError.error(str(error))

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        app = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            # What is shown of answers must not depend on the version of Python.
            server_version = "raw"
            sys_version = ""
            # Small answers must not wait for the acknowledgement of their headers.
            disable_nagle_algorithm = True

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                answer = app.answer(self.path, body)
                try:
                    self._send(answer)
                except OSError:
                    # The server has given up this call, or has been stopped.
                    self.close_connection = True

            def _send(self, answer: AnswerError) -> None:
                self.send_response(answer.status)
                headers = {"content-type": "application/json", **answer.headers}
                if answer.is_sdk:
                    headers |= {"x-inngest-sdk": f"inngest-{_SDK}", "x-inngest-req-version": "1"}
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(answer.body)))
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Nothing: the server under test has the log that matters."""

        return Handler
