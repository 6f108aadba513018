"""Telling a service manager such as systemd how the server is.

Source: sd_notify(3).
"""

import asyncio
import os
import socket
from collections.abc import Mapping
from typing import Final

import structlog

__all__ = ["ServiceManager", "watchdog_s"]

_log = structlog.get_logger("stepwell.server")

_US: Final = 1_000_000


def watchdog_s(environ: Mapping[str, str]) -> float:
    """After so long without a sign of life a process is taken for dead; 0 if nobody looks."""
    text = environ.get("WATCHDOG_USEC", "")
    return int(text) / _US if text.isdecimal() else 0.0


class ServiceManager:
    """Sends states to the socket that the environment names; does nothing if it names none."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        address = environ.get("NOTIFY_SOCKET", "")
        # A leading @ stands for the zero byte of an abstract address.
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watchdog_s = watchdog_s(environ)

    def ready(self) -> None:
        """The server serves."""
        self._send("READY=1")

    def stopping(self) -> None:
        """The server has begun to stop."""
        self._send("STOPPING=1")

    async def watch(self) -> None:
        """Show again and again that the event loop is alive, if somebody asked for that."""
        if not self._address or not self._watchdog_s:
            return
        while True:
            self._send("WATCHDOG=1")
            await asyncio.sleep(self._watchdog_s / 2)

    def _send(self, state: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.sendto(state.encode(), self._address)
        except OSError as error:
            _log.warning("service_manager.not_told", state=state, reason=str(error))
