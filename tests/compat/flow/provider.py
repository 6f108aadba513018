"""Somebody else's HTTP server, as `step.fetch` and AI inference call it."""

import functools
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

__all__ = ["Provider", "Received", "serving_provider"]

BROKEN = {"error": {"message": "the model is on holiday"}}


@dataclass(frozen=True)
class Received:
    """One request as it arrived; names of headers in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Provider:
    """Where it listens, and what it received."""

    url: str
    received: list[Received] = field(default_factory=list)

    def of(self, path: str) -> list[Received]:
        """The requests for this path."""
        return [request for request in self.received if request.path == path]

    def asked(self, model: str) -> list[Received]:
        """The requests to this model."""
        return [
            request
            for request in self.of("/v1/chat/completions")
            if request.json()["model"] == model
        ]


def completion(model: str) -> dict[str, Any]:
    """What the model answers."""
    message = {"role": "assistant", "content": f"I am {model}, and fine."}
    return {"id": "c-1", "object": "chat.completion", "choices": [{"message": message}]}


@contextmanager
def serving_provider() -> Iterator[Provider]:
    """A provider on a port of this machine, in threads of this process."""
    server = _Server(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    @functools.cached_property
    def provider(self) -> Provider:
        return Provider(f"http://127.0.0.1:{self.server_port}")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._receive()
        if self.path == "/busy":
            self._answer(503, b"busy")
        else:
            self._answer(200, b'{"hello": "w\xc3\xb6rld"}')

    def do_POST(self) -> None:
        received = self._receive()
        if self.path != "/v1/chat/completions":
            self._answer(201, received.body)
            return
        model = received.json()["model"]
        is_first = len(self._provider.asked(model)) == 1
        if model.startswith("broken") or (model.startswith("flaky") and is_first):
            self._answer(500, json.dumps(BROKEN).encode())
        else:
            self._answer(200, json.dumps(completion(model)).encode())

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class calls it so
        """Says nothing: what arrived is kept for the tests."""

    @property
    def _provider(self) -> Provider:
        assert isinstance(self.server, _Server)
        return self.server.provider

    def _receive(self) -> Received:
        length = int(self.headers.get("content-length") or 0)
        headers = {name.lower(): value for name, value in self.headers.items()}
        received = Received(self.command, self.path, headers, self.rfile.read(length))
        self._provider.received.append(received)
        return received

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Provider", "local")
        self.end_headers()
        self.wfile.write(body)
