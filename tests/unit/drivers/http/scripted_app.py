"""A raw server whose every byte the test decides, and what the tests of the client share."""

import asyncio
import socket
import ssl
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

CERTIFICATE = Path(__file__).with_name("localhost.pem")


@dataclass(frozen=True)
class Received:
    """A request as the app saw it."""

    method: str
    target: str
    header_lines: tuple[str, ...]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of the only header of this name."""
        prefix = f"{name.lower()}: "
        values = [line for line in self.header_lines if line.lower().startswith(prefix)]
        assert len(values) < 2
        return values[0][len(prefix) :] if values else None


class Peer:
    """The app's end of one connection."""

    def __init__(
        self, number: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, app: "App"
    ) -> None:
        self.number = number  # counted from 1
        self._reader = reader
        self._writer = writer
        self._app = app

    async def head(self) -> Received:
        """Read a request up to its body."""
        lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")[:-2]
        method, target, version = lines[0].split(" ")
        assert version == "HTTP/1.1"
        return Received(method, target, tuple(lines[1:]), b"")

    async def request(self) -> Received:
        """Read a whole request and note it in `App.requests`."""
        head = await self.head()
        body = await self._reader.readexactly(int(head.header("content-length") or "0"))
        request = Received(head.method, head.target, head.header_lines, body)
        self._app.requests.append(request)
        return request

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def closed(self) -> None:
        """Wait until the client has closed."""
        with suppress(ConnectionError):
            while await self._reader.read(65_536):
                pass

    def end(self) -> None:
        """Send no more, but go on reading."""
        self._writer.write_eof()

    def close(self) -> None:
        self._writer.close()

    def reset(self) -> None:
        """Throw the connection away with a TCP reset, as a dying machine does."""
        transport = self._writer.transport
        # To linger for 0 s means to send a reset instead of an orderly end.
        linger = struct.pack("ii", 1, 0)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        transport.abort()


Talk: TypeAlias = Callable[[Peer], Awaitable[None]]


@dataclass
class App:
    """A running app.

    Attributes:
        origin: Such as "http://127.0.0.1:5000".
        requests: All requests that were read completely.
        connections: How many were accepted.
    """

    origin: str = ""
    requests: list[Received] = field(default_factory=list)
    connections: int = 0


@asynccontextmanager
async def serving(
    talk: Talk, *, host: str = "127.0.0.1", tls: ssl.SSLContext | None = None
) -> AsyncIterator[App]:
    """Run an app that talks like this on every connection, which ends when `talk` returns."""
    app = App()
    talks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        app.connections += 1
        try:
            await talk(Peer(app.connections, reader, writer, app))
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            writer.transport.abort()
        finally:
            talks.discard(task)
            writer.close()
            with suppress(ConnectionError, ssl.SSLError):
                await writer.wait_closed()

    server = await asyncio.start_server(accept, host, 0, ssl=tls)
    port = server.sockets[0].getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    app.origin = f"{'https' if tls else 'http'}://{shown}:{port}"
    try:
        yield app
    finally:
        server.close()
        running = list(talks)
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        await server.wait_closed()


def answer(body: bytes = b"{}", *, status: int = 200, headers: str = "") -> bytes:
    """A response with a length; `headers` are further lines, each ended by a line break."""
    lines = "".join(f"{line}\r\n" for line in headers.splitlines())
    head = f"HTTP/1.1 {status} Whatever\r\n{lines}Content-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def always(*responses: bytes) -> Talk:
    """An app that answers with these in turn, on each connection, and keeps it open."""

    async def talk(peer: Peer) -> None:
        for response in responses * 1000:
            await peer.request()
            await peer.send(response)

    return talk


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until something it will do has happened."""
    while not condition():
        await asyncio.sleep(0)


def server_tls() -> ssl.SSLContext:
    """The certificate of "localhost" and 127.0.0.1, signed by itself."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATE)
    return context


def client_tls() -> ssl.SSLContext:
    """Trusts the certificate of `server_tls`."""
    return ssl.create_default_context(cafile=str(CERTIFICATE))
