"""A process of a server as its supervisor sees it, from its start to its end."""

import asyncio
import os
import signal
import socket
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, Self

import msgspec
import structlog

from stepwell.core.identity import NodeId
from stepwell.server.child import DIED, GO, JOINED, READY, STOPPING, VARIABLE, Child
from stepwell.server.service_manager import watchdog_s

__all__ = ["Ended", "Worker"]

_log = structlog.get_logger("stepwell.server")

#: A program that it has started may hold its end of the pair of sockets.
_LAST_WORDS_S: Final = 1.0
#: As shells do for who was ended by a signal.
_SIGNAL_STATUS: Final = 128


class Ended(msgspec.Struct, frozen=True):
    """How a process ended.

    Attributes:
        code: As the system says: below 0 for a signal.
        lived_s: How long after its start.
        had_begun: Whether it had been let begin.
        node: What it was among the nodes of the database, as far as it has said so.
    """

    pid: int
    code: int
    lived_s: float
    had_begun: bool = True
    node: NodeId | None = None

    @property
    def status(self) -> int:
        """What the supervisor ends with because of it."""
        return self.code if self.code >= 0 else _SIGNAL_STATUS - self.code

    @property
    def reason(self) -> str:
        """The same for people."""
        if self.code >= 0:
            return f"status {self.code}"
        try:
            return signal.Signals(-self.code).name
        except ValueError:
            return f"signal {-self.code}"


class Worker:
    """A process that runs, and our end of the pair of sockets.

    Args:
        process: Has been started.
        channel: What it says comes from here; when it is closed, the process stops.
        silence_s: A process that says nothing for so long while it serves is killed; 0 is never.
    """

    def __init__(self, process: Process, channel: socket.socket, silence_s: float) -> None:
        self._process = process
        self._channel: socket.socket | None = channel
        self._silence_s = silence_s or None
        self._has_begun = False
        self._node: NodeId | None = None
        self._started_s = asyncio.get_running_loop().time()

    @classmethod
    async def start(cls, command: Sequence[str], child: Child) -> Self:
        """Start a process that will know that it is this child.

        Args:
            command: Program and arguments.
            child: All but the channel, which is made here.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            ours.setblocking(False)
            told = msgspec.structs.replace(child, channel=theirs.fileno()).told()
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=DEVNULL,
                env={**os.environ, VARIABLE: told},
                pass_fds=(theirs.fileno(),),
                # Ctrl-C is for the supervisor, which stops the processes in its turn.
                process_group=0,
            )
        return cls(process, ours, watchdog_s(os.environ))

    async def run(self, ready: Callable[[], None]) -> Ended:
        """Listen to the process until it ends.

        Args:
            ready: Called when it serves.
        """
        listening = asyncio.create_task(self._listen(ready))
        try:
            code = await self._process.wait()
            # What it has said last may not have been read.
            await asyncio.wait([listening], timeout=_LAST_WORDS_S)
        finally:
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening
            self.stop()
        lived_s = asyncio.get_running_loop().time() - self._started_s
        return Ended(self._process.pid, code, lived_s, self._has_begun, self._node)

    def go(self) -> None:
        """Let it begin; until then it only loads what it will need."""
        self._has_begun = True
        self._tell(GO)

    def tell_of_death(self, node: NodeId) -> None:
        """Another process has ended, which was that node."""
        if self._has_begun:
            self._tell(DIED + b"%d\n" % node)

    def stop(self) -> None:
        """Have it finish what it does, and end. May be called twice."""
        if not self._has_begun:
            self.kill()
        if self._channel is not None:
            with suppress(OSError):
                # Whoever reads here has not to be disturbed.
                self._channel.shutdown(socket.SHUT_WR)

    def kill(self) -> None:
        """End it at once."""
        with suppress(ProcessLookupError):
            self._process.kill()

    def _tell(self, word: bytes) -> None:
        if self._channel is not None:
            # If it has ended already, that is what is heard of it next.
            with suppress(OSError):
                self._channel.send(word)

    async def _listen(self, ready: Callable[[], None]) -> None:
        assert self._channel is not None
        reader, writer = await asyncio.open_connection(sock=self._channel)
        silence_s = None
        try:
            while True:
                async with asyncio.timeout(silence_s):
                    word = await reader.readline()
                if not word:
                    return
                if word == READY:
                    ready()
                    silence_s = self._silence_s
                elif word == STOPPING:
                    silence_s = None
                elif word.startswith(JOINED):
                    self._node = NodeId(int(word.removeprefix(JOINED)))
        except TimeoutError:
            _log.error("process.silent", pid=self._process.pid, silence_s=silence_s)
            self.kill()
        except ConnectionError:
            return
        finally:
            self._channel = None
            writer.close()
