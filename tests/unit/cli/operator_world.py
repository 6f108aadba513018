"""Commands of operators against a whole server in this process, with an app that answers."""

import asyncio
import json
import queue
import re
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx
from click.testing import CliRunner, Result

from stepwell.cli.outside import Outside
from stepwell.cli.program import program
from stepwell.server.options import Mode
from tests.unit.api.api_server import SIGNING_KEY
from tests.unit.api.whole_server import WholeServer, whole_server

_LIMIT_S: Final = 20.0
ULID: Final = re.compile(r"[0-9A-HJKMNP-TV-Z]{26}")
UNKNOWN_ID: Final = "01ARZ3NDEKTSV4RRFFQ69G5FAV"

#: What the functions of the app answer, by whether a step has been done.
_CHARGE: Final = {
    "id": "hash-of-charge",
    "op": "StepRun",
    "name": "charge",
    "displayName": "charge",
    "data": {"data": 12.50},
}
_NAP: Final = {
    "id": "hash-of-nap",
    "op": "Sleep",
    "name": "2h",
    "displayName": "nap",
}
_REFUSAL: Final = {"name": "CardError", "message": "no such card \x1b[31m", "stack": "at charge"}


class _App(BaseHTTPRequestHandler):
    """`ship` runs a step and ends, `refuse` fails for good, `nap` sleeps."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        call = json.loads(self.rfile.read(int(self.headers["content-length"])))
        (slug,) = parse_qs(urlsplit(self.path).query)["fnId"]
        if slug == "shop-refuse":
            self._answer(400, _REFUSAL, no_retry="true")
        elif slug == "shop-nap":
            self._answer(206, [_NAP])
        elif call["steps"]:
            self._answer(200, {"shipped": call["event"]["data"].get("order")})
        else:
            self._answer(206, [_CHARGE])

    def _answer(self, status: int, value: object, *, no_retry: str = "false") -> None:
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("x-inngest-sdk", "js:v4.0.0")
        self.send_header("x-inngest-no-retry", no_retry)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class _Body(httpx.SyncByteStream):
    def __init__(self, parts: Iterator[bytes], close: Callable[[], None]) -> None:
        self._parts = parts
        self._close = close

    def __iter__(self) -> Iterator[bytes]:
        return self._parts

    def close(self) -> None:
        self._close()


class InProcess(httpx.BaseTransport):
    """Hands requests to the server's application, streams included.

    Attributes:
        requests: All that were made.
    """

    def __init__(self, server: WholeServer) -> None:
        self._app = server._whole
        self._loop = server.loop
        self.requests: list[httpx.Request] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        sent: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        gone = asyncio.Event()
        coming = [{"type": "http.request", "body": request.read(), "more_body": False}]

        async def receive() -> dict[str, Any]:
            if coming:
                return coming.pop()
            await gone.wait()
            return {"type": "http.disconnect"}

        async def send(message: dict[str, Any]) -> None:
            sent.put(message)

        async def answer() -> None:
            try:
                await self._app(_scope(request), receive, send)  # type: ignore[arg-type]
            finally:
                sent.put(None)

        done: Future[None] = asyncio.run_coroutine_threadsafe(answer(), self._loop)

        def close() -> None:
            self._loop.call_soon_threadsafe(gone.set)
            done.result(_LIMIT_S)

        start = sent.get(timeout=_LIMIT_S)
        assert start is not None
        return httpx.Response(
            start["status"], headers=list(start["headers"]), stream=_Body(_parts(sent), close)
        )


def _parts(sent: "queue.SimpleQueue[dict[str, Any] | None]") -> Iterator[bytes]:
    while (message := sent.get(timeout=_LIMIT_S)) is not None:
        yield message.get("body", b"")


def _scope(request: httpx.Request) -> dict[str, Any]:
    return {
        "type": "http",
        "method": request.method,
        "path": request.url.path,
        "query_string": request.url.query,
        "headers": [(name.lower(), value) for name, value in request.headers.raw],
    }


class Scripted(httpx.BaseTransport):
    """Answers requests for changes from a script, and hands on all others.

    Args:
        inner: Takes the others.
        streams: The changes of each connection; a connection ends after its last one. One that is
            an exception cannot be made.
    """

    def __init__(
        self, inner: httpx.BaseTransport, streams: list[list[dict[str, Any]] | Exception]
    ) -> None:
        self._inner = inner
        self._streams = streams

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        if request.url.path != "/v0/changes":
            return self._inner.handle_request(request)
        changes = self._streams.pop(0)
        if isinstance(changes, Exception):
            raise changes
        text = "retry: 1000\nevent: hello\ndata: {}\n\n: alive\n\n" + "".join(
            f"event: changes\ndata: {json.dumps(change)}\n\n" for change in changes
        )
        return httpx.Response(200, text=text, headers={"x-inngest-server-kind": "dev"})


class Operator:
    """Runs commands against a server.

    Attributes:
        outside: What the commands find around them.
    """

    def __init__(self, server: WholeServer) -> None:
        self.server = server
        self.transport = InProcess(server)
        self.outside = Outside(transport=self.transport)

    def run(self, *arguments: str, stdin: str | None = None, **environ: str) -> Result:
        """The result of a command, whatever its status."""
        return run(self.outside, *arguments, stdin=stdin, **environ)

    def told(self, *arguments: str, stdin: str | None = None) -> str:
        """What a command that does its work prints to standard output."""
        result = self.run(*arguments, stdin=stdin)
        assert result.exit_code == 0, result.output
        return result.stdout

    def json(self, *arguments: str) -> Any:
        """What a command prints for programs."""
        return json.loads(self.told(*arguments, "--json"))

    def lines(self, *arguments: str) -> list[Any]:
        """What a list prints for programs."""
        return [json.loads(line) for line in self.told(*arguments, "--json").splitlines()]

    def invoked(self, function: str, data: object = None) -> dict[str, Any]:
        """The ended run of a function that was invoked."""
        result = self.run(
            "functions", "invoke", function, "--data", json.dumps(data or {}), "--wait", "--json"
        )
        run: dict[str, Any] = json.loads(result.stdout)
        return run

    def napping(self) -> str:
        """The id of a run that sleeps."""
        invocation = self.json("functions", "invoke", "nap")
        assert isinstance(invocation["runID"], str)
        return invocation["runID"]


def run(outside: Outside, *arguments: str, stdin: str | None = None, **environ: str) -> Result:
    """The result of a command. Settings of whoever runs the tests do not reach it."""
    foreign = {"STEPWELL_SERVER": None, "STEPWELL_TOKEN": None, "INNGEST_EVENT_KEY": None}
    return CliRunner().invoke(
        program,
        arguments,
        obj=outside,
        input=stdin,
        env={**foreign, "NO_COLOR": None, **environ},
        prog_name="stepwell",
        catch_exceptions=False,
    )


@contextmanager
def operating(mode: Mode = Mode.DEV) -> Iterator[Operator]:
    """An operator before a server that knows an app with three functions."""
    app = ThreadingHTTPServer(("127.0.0.1", 0), _App)
    app.daemon_threads = True
    app.block_on_close = False
    thread = threading.Thread(target=app.serve_forever, args=(0.01,))
    thread.start()
    try:
        with whole_server(mode) as server:
            _register(server, f"http://127.0.0.1:{app.server_port}/api/inngest")
            yield Operator(server)
    finally:
        app.shutdown()
        app.server_close()
        thread.join()


def _register(server: WholeServer, url: str) -> None:
    functions = [
        {
            "id": f"shop-{name}",
            "name": name.title(),
            "triggers": [{"event": f"shop/{name}"}],
            "steps": {
                "step": {
                    "id": "step",
                    "name": "step",
                    "runtime": {"type": "http", "url": f"{url}?fnId=shop-{name}&stepId=step"},
                }
            },
        }
        for name in ("ship", "refuse", "nap")
    ]
    request = {"url": url, "appname": "shop", "functions": functions, "v": "0.1", "sdk": "js:v4"}
    server.post_json("/fn/register", request, authorization=f"Bearer {SIGNING_KEY}")
