"""uvicorn as a part of our process: no signals, no threads, no polling while nothing happens."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Any, Final

import uvicorn
from starlette.types import ASGIApp
from uvicorn.server import ServerState

from stepwell.server.joined_writes import JoiningHttpProtocol
from stepwell.server.listening import BACKLOG

__all__ = ["HttpServer"]

#: Senders of events come back after seconds; a new connection costs more than a kept one.
_KEEP_ALIVE_S: Final = 75
#: Of what clients say on WebSockets, which they open to listen.
_SOCKET_MESSAGE_BYTES_MAX: Final = 1024
#: Between two pings. A client that does not answer for as long is gone.
_PING_S: Final = 20.0


class HttpServer:
    """Serves one ASGI application on sockets that listen already."""

    def __init__(self, app: ASGIApp, listeners: list[socket.socket], *, grace_s: int) -> None:
        """Prepare to serve.

        Args:
            app: The application.
            listeners: Closed when serving ends.
            grace_s: How long requests under way may take after `stop`.
        """
        config = uvicorn.Config(
            app,
            http=_HttpProtocol,
            ws=_socket_protocol,  # type: ignore[arg-type] # it is called, and nothing else
            ws_max_size=_SOCKET_MESSAGE_BYTES_MAX,
            ws_ping_interval=_PING_S,
            ws_ping_timeout=_PING_S,
            # It would take some 100 KiB for each socket, to shorten messages that are short.
            ws_per_message_deflate=False,
            lifespan="off",
            interface="asgi3",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            # It would have to be written anew every second, whether anybody asks or not.
            date_header=False,
            backlog=BACKLOG,
            timeout_keep_alive=_KEEP_ALIVE_S,
            timeout_graceful_shutdown=grace_s,
        )
        self._server = _QuietServer(config)
        self._listeners = listeners

    async def run(self) -> None:
        """Serve until `stop`; returns when the last request is answered or time is up."""
        await self._server.serve(self._listeners)

    def stop(self) -> None:
        """Take no more connections, and close those that are kept for later."""
        self._server.stop()


class _HttpProtocol(JoiningHttpProtocol):
    """Leaves requests as they are that ask for a WebSocket as nobody who wants one does."""

    def _should_upgrade(self) -> bool:
        return self.scope["method"] == "GET" and super()._should_upgrade()


def _socket_protocol(
    config: uvicorn.Config, server_state: ServerState, app_state: dict[str, Any]
) -> asyncio.Protocol:
    """For a connection that becomes a WebSocket. What it takes is loaded with the first of them."""
    from stepwell.server.web_sockets import SocketProtocol  # noqa: PLC0415

    return SocketProtocol(config, server_state, app_state)


class _QuietServer(uvicorn.Server):
    """uvicorn looks ten times a second whether it should stop; this one is told."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._stopped = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = True
        self._stopped.set()

    async def main_loop(self) -> None:
        # Once, for the headers that all answers have.
        await self.on_tick(0)
        await self._stopped.wait()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Signals are for the process as a whole, which stops this server in its turn."""
        yield
