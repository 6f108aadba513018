"""An app that speaks the SDK protocol by itself, and notes everything it did and was told.

    python raw_app.py --server http://127.0.0.1:8288

registers at the server, writes its own URL to standard output and serves until it is ended. Every
execution of a step body gives another value, so a result that is lost, recorded twice or changed
cannot look like the right one.
"""

import argparse
import asyncio
import contextlib
import hashlib
import http.client
import itertools
import sys
import urllib.request
from collections.abc import Callable, Sequence
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import msgspec

APP = "raw"
EVENT = "raw/go"
ANSWER_EVENT = "raw/answer"
PATH = "/api/inngest"

_SDK = "py:v0.5.18"
_REQUEST_TIMEOUT_S = 20.0
# A generation is the node that makes the call, and the number of the call.
_CALL_BITS = 32


class Step(msgspec.Struct, frozen=True):
    """A step whose body runs in this process."""

    has_body: ClassVar[bool] = True
    name: str


class Asks(Step, frozen=True):
    """A step whose body sends the event that the run waits for."""


class Sleeps(Step, frozen=True):
    """A step that takes a moment."""

    has_body: ClassVar[bool] = False


class Waits(Step, frozen=True):
    """A step that waits for the event of `Asks`."""

    has_body: ClassVar[bool] = False


class Invokes(Step, frozen=True):
    """A step that is the result of another function."""

    has_body: ClassVar[bool] = False
    function: str = ""


# Of each function its stages; the steps of one stage run side by side. The wait is reported together
# with the step that asks: that step is called only when the wait is recorded.
Program = Sequence[Sequence[Step]]
PROGRAMS: dict[str, Program] = {
    "steps": [[Step("one")], [Step("two")], [Step("three")], [Step("four")], [Step("five")]],
    "parallel": [[Step("left"), Step("middle"), Step("right")], [Step("joined")]],
    "sleepy": [[Sleeps("nap")], [Step("awake")]],
    "waiter": [[Waits("answer"), Asks("ask")]],
    "parent": [[Invokes("child", "child")], [Step("after")]],
    "child": [[Step("work")]],
}
#: Functions that an event starts; the others are invoked.
STARTED = frozenset(PROGRAMS) - {"child"}
_NAP = "200ms"
# More than any clock is set forward by: no wait may end without its event.
_PATIENCE = "7d"


class RunRecord(msgspec.Struct):
    """What this app knows of a run.

    Attributes:
        key: Of the event that started it.
        produced: Of each step every value its body has given, in order.
        memos: Of each step the memo that came with a call.
        outputs: Every result the function has given, in order.
    """

    function: str
    key: str
    produced: dict[str, list[Any]] = {}
    memos: dict[str, Any] = {}
    outputs: list[Any] = []


class Record(msgspec.Struct):
    """What this app has done and was told.

    Attributes:
        calls: Execution requests that have come.
        ended: Runs whose function has given a result.
        violations: Promises that the server has broken, as sentences.
        late: What calls did not know that an earlier one knew, as sentences by the node that made
            them.
    """

    calls: int = 0
    ended: int = 0
    runs: dict[str, RunRecord] = {}
    violations: list[str] = []
    late: dict[int, list[str]] = {}


class _Event(msgspec.Struct):
    data: dict[str, Any]


class _Context(msgspec.Struct):
    run_id: str
    disable_immediate_execution: bool
    generation_id: int


class Call(msgspec.Struct):
    """An execution request."""

    event: _Event
    events: list[_Event]
    ctx: _Context
    steps: dict[str, Any]


class NoAnswerError(Exception):
    """The step body failed; the connection is closed without an answer."""


class RawApp:
    """The functions, and the record of what happened to them.

    Attributes:
        name: The app's id.
        programs: Its functions.
    """

    name = APP
    programs = PROGRAMS

    def __init__(self, server_url: str) -> None:
        self.record = Record()
        self._server_url = server_url
        self._values = itertools.count()
        self._changed = asyncio.Condition()

    async def answer(self, function: str, step_id: str, body: bytes) -> tuple[int, Any]:
        """Status and body of the answer to an execution request."""
        call = msgspec.json.decode(body, type=Call)
        self.record.calls += 1
        await self._notify()
        return await self._called(function, step_id, call)

    async def other(self, path: str, query: dict[str, str]) -> tuple[int, Any]:
        """Status and body of the answer to what is no execution request."""
        if path == "/wait":
            await self._wait(calls=int(query["calls"]), ended=int(query["ended"]))
            return 200, {"calls": self.record.calls, "ended": self.record.ended}
        assert path == "/record"
        return 200, self.record

    def registration(self, url: str) -> dict[str, Any]:
        """What an SDK would send, where the app is called at `url`."""
        return registration(url)

    async def _called(self, function: str, step_id: str, call: Call) -> tuple[int, Any]:
        run, program = self._run(function, call), self.programs[function]
        self._note_memos(run, call, is_discovery=step_id == "step")
        if step_id != "step":
            step = next(s for stage in program for s in stage if hashed(s) == step_id)
            return 206, [await self._executed(run, step)]
        for stage in program:
            missing = [step for step in stage if hashed(step) not in call.steps]
            if not missing:
                continue
            is_alone = len(missing) == 1 and not call.ctx.disable_immediate_execution
            if is_alone and missing[0].has_body:
                return 206, [await self._executed(run, missing[0])]
            return 206, [self._reported(run, step) for step in missing]
        output = [run.memos[hashed(step)] for stage in program for step in stage]
        if not run.outputs:
            self.record.ended += 1
        run.outputs.append(output)
        await self._notify()
        return 200, output

    async def _wait(self, *, calls: int, ended: int) -> None:
        """Until so many calls have come and so many runs have given a result."""
        record = self.record
        async with self._changed:
            await self._changed.wait_for(lambda: record.calls >= calls and record.ended >= ended)

    async def _notify(self) -> None:
        async with self._changed:
            self._changed.notify_all()

    def _run(self, function: str, call: Call) -> RunRecord:
        run_id, key = call.ctx.run_id, call.event.data["key"]
        run = self.record.runs.get(run_id)
        if run is None:
            run = self.record.runs[run_id] = RunRecord(function, key, {}, {}, [])
        if (run.function, run.key) != (function, key):
            self._violated(run_id, f"was {run.function} of {run.key}, is {function} of {key}")
        return run

    def _note_memos(self, run: RunRecord, call: Call, *, is_discovery: bool) -> None:
        run_id = call.ctx.run_id
        for step_id, memo in call.steps.items():
            known = run.memos.setdefault(step_id, memo)
            if known != memo:
                self._violated(run_id, f"memo of {step_id} was {known}, is {memo}")
        # Calls of steps may overtake each other; discoveries follow one another.
        if is_discovery and (forgotten := run.memos.keys() - call.steps.keys()):
            node = call.ctx.generation_id >> _CALL_BITS
            sentence = f"run {run_id}: forgot {sorted(forgotten)}"
            self.record.late.setdefault(node, []).append(sentence)

    def _violated(self, run_id: str, sentence: str) -> None:
        self.record.violations.append(f"run {run_id}: {sentence}")

    async def _executed(self, run: RunRecord, step: Step) -> dict[str, Any]:
        value = f"{run.function}.{step.name} {next(self._values)}"
        run.produced.setdefault(hashed(step), []).append(value)
        if isinstance(step, Asks):
            await self._ask(run, value)
        return {**opcode("StepRun", step), "data": value}

    def _reported(self, run: RunRecord, step: Step) -> dict[str, Any]:
        """The opcode for a step that is not run now."""
        match step:
            case Sleeps():
                return {**opcode("Sleep", step), "name": _NAP}
            case Waits():
                condition = "event.data.key == async.data.key"
                options = {"event": ANSWER_EVENT, "timeout": _PATIENCE, "if": condition}
                return {**opcode("WaitForEvent", step), "name": ANSWER_EVENT, "opts": options}
            case Invokes():
                payload = {"data": {"key": run.key}}
                target = f"{self.name}-{step.function}"
                opts = {"function_id": target, "payload": payload}
                return {**opcode("InvokeFunction", step), "opts": opts}
            case _:
                return opcode("StepPlanned", step)

    async def _ask(self, run: RunRecord, value: str) -> None:
        event = {"name": ANSWER_EVENT, "id": run.key, "data": {"key": run.key, "value": value}}
        run.produced.setdefault(hashed(Waits("answer")), []).append(value)
        try:
            await asyncio.to_thread(post, f"{self._server_url}/e/raw", event)
        except (OSError, http.client.HTTPException) as error:
            raise NoAnswerError from error


def hashed(step: Step) -> str:
    """The step's id. Source: SDK protocol, 7.7."""
    return hashlib.sha1(step.name.encode(), usedforsecurity=False).hexdigest()


def value_of(step: Step, memo: Any) -> Any:
    """What the step gave, taken out of its memo. Source: SDK protocol, 6.4."""
    if isinstance(step, Sleeps):
        return memo
    return memo["data"]["value"] if isinstance(step, Waits) else memo["data"]


def post(url: str, value: object) -> None:
    """Send JSON; raises OSError unless the answer is 2xx."""
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, msgspec.json.encode(value), headers, method="POST")
    # A proxy of the machine must not see what is said on its own loopback.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(request, timeout=_REQUEST_TIMEOUT_S) as response:
        response.read()


def registration(url: str) -> dict[str, Any]:
    """What an SDK would send. Source: SDK protocol, 4.3."""
    functions = [
        {
            "id": f"{APP}-{name}",
            "name": name,
            "triggers": [{"event": EVENT}] if name in STARTED else [],
            "steps": {
                "step": {
                    "id": "step",
                    "name": "step",
                    "runtime": {"type": "http", "url": f"{url}?fnId={APP}-{name}&stepId=step"},
                    # Attempts that end with the server do not count, those that it fails do.
                    "retries": {"attempts": 20},
                }
            },
        }
        for name in PROGRAMS
    ]
    return {
        "v": "0.1",
        "deployType": "ping",
        "url": url,
        "sdk": _SDK,
        "framework": "none",
        "appName": APP,
        "functions": functions,
    }


def opcode(op: str, step: Step) -> dict[str, Any]:
    """What every opcode has. Source: SDK protocol, 7.4."""
    return {"op": op, "id": hashed(step), "name": step.name, "displayName": step.name, "opts": {}}


class _Endpoint:
    """HTTP for the server that calls and for the test that asks."""

    def __init__(self, app: RawApp) -> None:
        self._app = app

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer requests on one connection until it ends, whichever way it does."""
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, NoAnswerError):
            while True:
                target, body = await _request(reader)
                status, answer = await self._answer(target, body)
                writer.write(_response(status, msgspec.json.encode(answer)))
                await writer.drain()
        writer.close()

    async def _answer(self, target: str, body: bytes) -> tuple[int, Any]:
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        if url.path == PATH:
            function = query["fnId"].removeprefix(f"{self._app.name}-")
            return await self._app.answer(function, query["stepId"], body)
        return await self._app.other(url.path, query)


async def _request(reader: asyncio.StreamReader) -> tuple[str, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return head[0].split(" ")[1], body


def _response(status: int, body: bytes) -> bytes:
    head = (
        f"HTTP/1.1 {status} -\r\ncontent-type: application/json\r\nx-inngest-sdk: inngest-{_SDK}\r\n"
        f"x-inngest-req-version: 2\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _serve(app: RawApp, server_url: str) -> None:
    endpoint = _Endpoint(app)
    listener = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0)
    port = listener.sockets[0].getsockname()[1]
    # The server writes localhost for 127.0.0.1, which may mean ::1.
    with contextlib.suppress(OSError):
        await asyncio.start_server(endpoint.serve, "::1", port)
    functions = app.registration(f"http://127.0.0.1:{port}{PATH}")
    await asyncio.to_thread(post, f"{server_url}/fn/register", functions)
    sys.stdout.write(f"http://127.0.0.1:{port}\n")
    sys.stdout.flush()
    await listener.serve_forever()


def main(make_app: Callable[[str], RawApp] = RawApp) -> None:
    """Serve the app that is made for the server's URL until the process is ended."""
    parser = argparse.ArgumentParser(description="An app that notes everything.")
    parser.add_argument("--server", required=True, help="where to register and to send events")
    server_url = parser.parse_args().server
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(make_app(server_url), server_url))


if __name__ == "__main__":
    main()
