"""The WebSocket of a real server: upgrades, what is refused, and the end."""

import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from tests.e2e.processes import START_LIMIT_S, ServerProcess, Servers, running_servers

OPERATOR_TOKEN = "0123456789abcdef" * 2
KEYS = (
    *("--signing-key", "abcdef123456", "--event-key", "first-key"),
    *("--operator-token", OPERATOR_TOKEN),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """One for all tests that leave it running."""
    directory: Path = tmp_path_factory.mktemp("server")
    for servers in running_servers(directory):
        yield servers.dev("--no-persist", "--base-path", "/tools/stepwell")


@contextmanager
def watching(server: ServerProcess, path: str = "/v0/changes", **headers: str) -> Iterator[Any]:
    """A socket, after its first message."""
    url = server.url.replace("http", "ws") + path
    with connect(url, proxy=None, additional_headers=headers, open_timeout=START_LIMIT_S) as opened:
        assert told(opened) == {"type": "hello"}
        yield opened


def told(opened: ClientConnection) -> Any:
    return json.loads(opened.recv(START_LIMIT_S))


def close_code(opened: ClientConnection) -> int:
    """With which the server hangs up; messages before that do not matter."""
    with pytest.raises(ConnectionClosed) as closed:
        _read_on(opened)
    assert closed.value.rcvd is not None
    return int(closed.value.rcvd.code)


def _read_on(opened: ClientConnection) -> None:
    while True:
        opened.recv(START_LIMIT_S)


def status_of(server: ServerProcess, path: str = "/v0/changes", **headers: str) -> int:
    """With which a handshake is refused."""
    with pytest.raises(InvalidStatus) as refused, watching(server, path, **headers):
        pass
    status: int = refused.value.response.status_code
    return status


def exchanged(server: ServerProcess, request: bytes) -> bytes:
    """What comes back for these bytes until the server hangs up."""
    with socket.create_connection(("127.0.0.1", server.port), START_LIMIT_S) as connection:
        connection.sendall(request)
        answer = b""
        while part := connection.recv(65_536):
            answer += part
        return answer


def upgrade(first: bytes, *more: bytes) -> bytes:
    head = (first, b"host: localhost", b"connection: upgrade", b"upgrade: websocket", *more)
    return b"\r\n".join((*head, b"", b""))


@pytest.mark.parametrize("path", ["/v0/changes", "/tools/stepwell/v0/changes"])
def test_a_socket_tells_of_an_event(server: ServerProcess, path: str) -> None:
    with watching(server, path, Origin=server.url) as opened:
        event_id = server.send("a/b")
        message = told(opened)

    assert (message["type"], message["events"]) == ("changes", [event_id])


def test_who_is_refused_is_told_why_and_not_logged_as_an_error(server: ServerProcess) -> None:
    # The server is shared, and other tests make it warn.
    logged_before = len(server.entries)
    assert status_of(server, Origin="http://evil.example") == 403
    assert status_of(server, "/v0/changes?run=x") == 400
    assert status_of(server, "/v0/nothing") == 404
    assert status_of(server, Cookie="x" * 20_000) == 431
    logged = server.entries[logged_before:]
    assert [entry for entry in logged if entry["level"] in {"error", "warn"}] == []


def test_who_says_too_much_is_hung_up_on(server: ServerProcess) -> None:
    with watching(server) as opened:
        opened.send("x" * 1024)
        server.send("a/b")
        assert told(opened)["type"] == "changes"

        opened.send("x" * 1025)
        assert close_code(opened) == 1009


@pytest.mark.parametrize(
    ("request_bytes", "answer"),
    [
        (upgrade(b"GET /v0/changes HTTP/1.1"), b"HTTP/1.1 400 "),
        (upgrade(b"GET /v0/changes HTTP/1.1", b"sec-websocket-key: x"), b"HTTP/1.1 400 "),
        (upgrade(b"GET /v0/changes HTTP/1.1", b"x: " + b"y" * 10_000), b"HTTP/1.1 431 "),
        (upgrade(b"GET /v0/changes HTTP/1.1", *[b"x: y"] * 200), b"HTTP/1.1 431 "),
        (upgrade(b"GET /" + b"x" * 9_000 + b" HTTP/1.1"), b"HTTP/1.1 414 "),
        (upgrade(b"GET /v0/changes HTTP/1.0"), b""),
    ],
)
def test_a_handshake_that_makes_no_sense_ends_the_connection(
    server: ServerProcess, request_bytes: bytes, answer: bytes
) -> None:
    """Nothing stays behind of it, and the server goes on."""
    assert exchanged(server, request_bytes).startswith(answer)
    assert server.get("/health").status == 200


def test_other_methods_are_no_handshakes(server: ServerProcess) -> None:
    """They are answered as if nobody had mentioned a socket."""
    lines = (b"content-length: 14", b"connection: close, upgrade")
    request = upgrade(b"POST /e/test HTTP/1.1", *lines) + b'{"name":"a/b"}'

    assert exchanged(server, request).startswith(b"HTTP/1.1 200 ")


def test_stopping_closes_sockets_that_listen(servers: Servers) -> None:
    server = servers.dev("--no-persist")
    with watching(server) as idle, watching(server) as busy:
        server.send("a/b")
        assert told(busy)["type"] == "changes"
        assert server.stop() == 0
        assert [close_code(opened) for opened in (idle, busy)] == [1001, 1001]
    assert [entry for entry in server.entries if entry["level"] in {"error", "warn"}] == []


def test_in_production_a_socket_needs_a_session(servers: Servers) -> None:
    server = servers("start", "--host", "127.0.0.1", *KEYS).wait_until_healthy()
    assert status_of(server, Origin=server.url) == 401

    answer = server.post("/v0/session", {"token": OPERATOR_TOKEN}, headers={"Origin": server.url})
    cookie = answer.headers["set-cookie"].partition(";")[0]
    with watching(server, Origin=server.url, Cookie=cookie):
        pass
    assert status_of(server, Origin="http://localhost:1", Cookie=cookie) == 401
    assert server.get("/v0/gql?query=%7B__typename%7D", headers={"Cookie": cookie}).status == 200
    sdk_route = "/v0/runs/01ARZ3NDEKTSV4RRFFQ69G5FAV/batch"
    assert server.get(sdk_route, headers={"Cookie": cookie}).status == 401
