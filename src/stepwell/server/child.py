"""One of several processes of a server, as it sees itself: what it was told, and whom it tells.

Between it and the supervisor is a pair of sockets. The process writes a word per line, and hears
one byte, that it may begin, and then a word per line, which other ones have died; when the other
end is closed it stops, so that nobody is left behind without a supervisor, however that ended.
"""

import asyncio
import os
import socket
from collections.abc import Callable, Mapping, MutableMapping
from typing import Final, Self

import msgspec

from stepwell.core.identity import NodeId
from stepwell.server.service_manager import watchdog_s

__all__ = ["ALIVE", "DIED", "GO", "JOINED", "READY", "STOPPING", "VARIABLE", "Child", "Superior"]

#: The variable that tells a process what it is. It is no setting, and only the supervisor sets it.
VARIABLE: Final = "_STEPWELL_PROCESS"

#: What the process hears; behind the second one stands the node that another process was.
GO: Final = b"!"
DIED: Final = b"died "

#: What it says; behind the first one stands which node it has become.
JOINED: Final = b"joined "
READY: Final = b"ready\n"
ALIVE: Final = b"alive\n"
STOPPING: Final = b"stopping\n"

# More than is ever said at once.
_WORDS_BYTES: Final = 4_096


class Child(msgspec.Struct, frozen=True):
    """What a process is among those of its server.

    Attributes:
        number: From 1 on. Who takes the place of another one has its number.
        port: Which all of them listen on.
        channel: The descriptor of its end of the pair of sockets.
        greets: Whether it tells a person where everything is.
    """

    number: int
    port: int
    channel: int
    greets: bool = False

    @classmethod
    def take(cls, environ: MutableMapping[str, str] = os.environ) -> Self | None:
        """What this process is; None if it is no part of several. The variable is removed."""
        text = environ.pop(VARIABLE, None)
        return None if text is None else msgspec.json.decode(text, type=cls)

    def told(self) -> str:
        """The value of the variable."""
        return msgspec.json.encode(self).decode()


class Superior:
    """Tells the supervisor how the process is; the counterpart of `ServiceManager`.

    Must be made inside the event loop.

    Args:
        child: What the process is.
        stop: Called when the supervisor wants the process to stop, or is gone.
        environ: Says how often a sign of life is wanted.
    """

    def __init__(
        self,
        child: Child,
        stop: Callable[[], None],
        environ: Mapping[str, str] = os.environ,
    ) -> None:
        self._channel = socket.socket(fileno=child.channel)
        self._channel.setblocking(False)
        self._stop = stop
        self._watchdog_s = watchdog_s(environ)
        self._has_heard = asyncio.Event()
        self._is_gone = False
        self._words = b""
        self._deaths: asyncio.Queue[NodeId] = asyncio.Queue()
        asyncio.get_running_loop().add_reader(self._channel, self._heard)

    async def may_begin(self) -> bool:
        """Wait for the supervisor's word; False if it wants the process to end instead."""
        await self._has_heard.wait()
        return not self._is_gone

    async def death(self) -> NodeId:
        """Wait for the end of another process of the server; says which node it was."""
        return await self._deaths.get()

    def joined(self, node: NodeId) -> None:
        """The process has become a node."""
        self._send(JOINED + b"%d\n" % node)

    def ready(self) -> None:
        """The process serves."""
        self._send(READY)

    def stopping(self) -> None:
        """The process has begun to stop, and gives no more signs of life."""
        self._send(STOPPING)

    async def watch(self) -> None:
        """Show again and again that the event loop is alive, if somebody asked for that."""
        if not self._watchdog_s:
            return
        while True:
            self._send(ALIVE)
            await asyncio.sleep(self._watchdog_s / 2)

    def _heard(self) -> None:
        try:
            heard = self._channel.recv(_WORDS_BYTES)
        except BlockingIOError:
            return
        except OSError:
            heard = b""
        self._is_gone = not heard
        self._has_heard.set()
        if self._is_gone:
            asyncio.get_running_loop().remove_reader(self._channel)
            self._stop()
        *words, self._words = (self._words + heard).split(b"\n")
        for word in words:
            _, died, node = word.partition(DIED)
            if died:
                self._deaths.put_nowait(NodeId(int(node)))

    def _send(self, word: bytes) -> None:
        try:
            self._channel.send(word)
        except OSError:
            # It is gone, which reading shows, or suspended, and has unread words enough.
            return
