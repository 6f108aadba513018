"""uvicorn as a part of our process: no signals, no threads, no polling while nothing happens."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator
from typing import Final

import uvicorn
from starlette.types import ASGIApp

from stepwell.server.joined_writes import JoiningHttpProtocol
from stepwell.server.listening import BACKLOG

__all__ = ["HttpServer"]

#: Senders of events come back after seconds; a new connection costs more than a kept one.
_KEEP_ALIVE_S: Final = 75


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
            http=JoiningHttpProtocol,
            ws="none",
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
