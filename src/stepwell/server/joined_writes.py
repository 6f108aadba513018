"""Sends the head and the body of an answer with one system call.

uvicorn writes them one after the other, and each write is a system call of its own, which is the
most expensive part of a small answer.
"""

import asyncio
from typing import Any

from stepwell.server.bounded_heads import BoundedHeadProtocol

__all__ = ["JoiningHttpProtocol"]


class JoiningHttpProtocol(BoundedHeadProtocol):
    """uvicorn's protocol on a transport that joins what is written at once."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(_JoiningTransport(transport, self.loop))


class _JoiningTransport(asyncio.Transport):
    """Holds the first write back until the second, but no longer than to the loop's next turn."""

    def __init__(self, transport: Any, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held: bytes | None = None

    def write(self, data: bytes | bytearray | memoryview) -> None:
        held = self._held
        if held is None:
            self._held = bytes(data)
            self._loop.call_soon(self._flush)
        else:
            self._held = None
            self._transport.write(held + data)

    def _flush(self) -> None:
        held = self._held
        if held is not None:
            self._held = None
            self._transport.write(held)

    def close(self) -> None:
        self._flush()
        self._transport.close()

    def abort(self) -> None:
        self._held = None
        self._transport.abort()

    def is_closing(self) -> bool:
        closing: bool = self._transport.is_closing()
        return closing

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self._transport.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        self._transport.set_protocol(protocol)

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        self._transport.resume_reading()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        self._transport.set_write_buffer_limits(high, low)

    def get_write_buffer_size(self) -> int:
        size: int = self._transport.get_write_buffer_size()
        return size + len(self._held or b"")
