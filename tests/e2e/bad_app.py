"""Functions whose endpoint answers in ways that no SDK would."""

import socketserver
import threading
from collections.abc import Callable
from typing import Any

from tests.e2e.processes import START_LIMIT_S, free_port

APP = "bad"
GARBAGE = bytes(range(256)) * 4
PAGE = b"<html><body>Hello, this is not an app</body></html>"

_SDK = "py:v0.5.18"


class Connection:
    """The app's end of a connection that has brought a whole request."""

    def __init__(self, handler: socketserver.StreamRequestHandler, app: "BadApp") -> None:
        self._handler = handler
        self.app = app

    def send(self, data: bytes) -> None:
        self._handler.wfile.write(data)

    def answer(
        self, status: str, body: bytes, *, kind: str = "application/json", sdk: str = _SDK
    ) -> None:
        """Send a whole answer; without `sdk`, nothing tells that an SDK has made it."""
        self.send(self.head(status, len(body), kind=kind, sdk=sdk) + body)

    def head(
        self, status: str, length: int, *, kind: str = "application/json", sdk: str = _SDK
    ) -> bytes:
        lines = [f"HTTP/1.1 {status}", f"content-type: {kind}", f"content-length: {length}"]
        if sdk:
            lines += [f"x-inngest-sdk: inngest-{sdk}", "x-inngest-req-version: 2"]
        return "\r\n".join([*lines, "", ""]).encode()

    def wait_for_end(self) -> None:
        """Until the other side hangs up."""
        self._handler.rfile.read()


def _hang(connection: Connection) -> None:
    connection.app.hanging.release()
    connection.wait_for_end()


def _cut_body(connection: Connection) -> None:
    connection.send(connection.head("200 OK", 1000) + b'{"half":')


def _cut_head(connection: Connection) -> None:
    connection.send(b"HTTP/1.1 200 OK\r\ncontent-ty")


def _stream(connection: Connection) -> None:
    """A streaming answer that goes on when the test has seen the run running."""
    connection.send(
        f"HTTP/1.1 201 Created\r\ntransfer-encoding: chunked\r\nx-inngest-sdk: inngest-{_SDK}\r\n\r\n"
        "1\r\n \r\n".encode()
    )
    connection.app.streaming.set()
    for chunk in (b" ", b'{"status":200,"headers":{"x-inngest-req-version":"2"},', b'"body":"7"}'):
        assert connection.app.going_on.wait(START_LIMIT_S)
        connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))
    connection.send(b"0\r\n\r\n")


#: How the app answers, by the name of the function.
BEHAVIOURS: dict[str, Callable[[Connection], None]] = {
    "hangs": _hang,
    "page": lambda c: c.answer("200 OK", PAGE, kind="text/html", sdk=""),
    "page-404": lambda c: c.answer("404 Not Found", PAGE, kind="text/html", sdk=""),
    "page-large": lambda c: c.answer("502 Bad Gateway", b"x" * 10_000, kind="text/plain", sdk=""),
    "garbage": lambda c: c.send(GARBAGE),
    "too-large": lambda c: c.answer("200 OK", b'"' + b"x" * (9 * 1024 * 1024) + b'"'),
    "unknown-op": lambda c: c.answer("206 Partial Content", b'[{"op":"Teleport","id":"a"}]'),
    "no-ops": lambda c: c.answer("206 Partial Content", b"[]"),
    "not-ops": lambda c: c.answer("206 Partial Content", b"<html>"),
    "empty-206": lambda c: c.answer("206 Partial Content", b""),
    "cut-body": _cut_body,
    "cut-head": _cut_head,
    "closes": lambda c: None,
    "streams": _stream,
    "streams-garbage": lambda c: c.answer("201 Created", b"   not an envelope"),
    "foreign-206": lambda c: c.answer("206 Partial Content", b"[]", sdk=""),
    "sdk-500": lambda c: c.answer("500 Oops", b'{"name":"ValueError","message":"it broke"}'),
    "well": lambda c: c.answer("200 OK", b'"well"'),
}
UNREACHABLE = "unreachable"


class BadApp:
    """One endpoint, or none, for each function; each is started by the event `bad/<function>`.

    Attributes:
        hanging: Released once for each call that will not be answered.
        streaming: Set when a streaming answer has begun.
        going_on: To be set when it may be finished.
    """

    def __init__(self) -> None:
        self.hanging = threading.Semaphore(0)
        self.streaming = threading.Event()
        self.going_on = threading.Event()
        app = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                target = self.rfile.readline().split(b" ")[1].decode()
                length = 0
                while (line := self.rfile.readline().strip().lower()) != b"":
                    if line.startswith(b"content-length:"):
                        length = int(line.partition(b":")[2])
                self.rfile.read(length)
                BEHAVIOURS[target.partition("?")[0].strip("/")](Connection(self, app))

            def finish(self) -> None:
                # Nobody may be left to read what is still to be sent.
                try:
                    super().finish()
                except OSError:
                    return

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            block_on_close = False
            request_queue_size = 64

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that hangs up early is what some tests are about."""

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def registration(self) -> dict[str, Any]:
        """What is registered: every function with one attempt."""
        urls = {name: f"{self.url}/{name}" for name in BEHAVIOURS}
        urls[UNREACHABLE] = f"http://127.0.0.1:{free_port()}/{UNREACHABLE}"
        functions = [
            {
                "id": f"{APP}-{name}",
                "name": name,
                "triggers": [{"event": f"{APP}/{name}"}],
                "steps": {
                    "step": {
                        "id": "step",
                        "name": "step",
                        "runtime": {"type": "http", "url": f"{url}?fnId={name}&stepId=step"},
                        "retries": {"attempts": 0},
                    }
                },
            }
            for name, url in urls.items()
        ]
        return {"v": "0.1", "url": self.url, "appName": APP, "sdk": _SDK, "functions": functions}

    def close(self) -> None:
        self.going_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
