"""A network between a server and its database that delays, loses, holds and cuts what is said.

It stands for what lies between them: it knows nothing of PostgreSQL, and both ends see nothing but
a connection. Faults are switched on and off while bytes flow.
"""

import asyncio
import enum
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Final, TypeVar

__all__ = ["Proxy", "Way"]

T = TypeVar("T")

_HOST: Final = "127.0.0.1"
_CHUNK_BYTES: Final = 64 * 1024
_COMMAND_LIMIT_S: Final = 10.0


class Way(enum.Enum):
    """Which of the two directions bytes go."""

    REQUESTS = enum.auto()
    ANSWERS = enum.auto()


_BOTH: Final = (Way.REQUESTS, Way.ANSWERS)


class Proxy:
    """Passes connections on to a port of this machine, from one of its own; runs in a thread.

    All methods may be called from any other thread, and have taken effect when they return.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, target: int) -> None:
        self.port = 0
        self._cuts = 0
        self._target = target
        self._delay_s = 0.0
        self._losing: frozenset[Way] = frozenset()
        self._holding: frozenset[Way] = frozenset()
        self._left: dict[Way, int] = {}
        self._pairs: set[_Pair] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._changed = asyncio.Event()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        self._thread.start()
        self._do(self._listen)

    def aim(self, target: int) -> None:
        """Pass new connections on to another port."""
        self._set(_target=target)

    def delay(self, delay_s: float) -> None:
        """Pass whatever comes on only after so long, each way."""
        self._set(_delay_s=delay_s)

    def lose(self, *ways: Way) -> None:
        """Let bytes vanish from now on, both ways if none is given; connections stay.

        A connection of which bytes were lost never says anything again, in that direction.
        """
        self._set(_losing=frozenset(ways or _BOTH))

    def hold(self, *ways: Way) -> None:
        """Keep bytes back from now on, both ways if none is given, until `heal`."""
        self._set(_holding=frozenset(ways or _BOTH))

    def cut_after(self, count: int, way: Way) -> None:
        """Pass so many more bytes that way, of all connections together; then end the connection
        that the last of them came over, whatever else it has to say.

        Args:
            count: At least one.
            way: The one in which bytes are counted.
        """
        assert count > 0
        self._set(_left={way: count})

    def has_cut(self, count: int) -> bool:
        """Whether `cut_after` has ended that many connections by now."""
        return self._cuts >= count

    def cut(self) -> None:
        """Reset all connections that there are."""

        async def reset() -> None:
            for pair in self._pairs:
                pair.reset()

        self._do(reset)

    def refuse(self) -> None:
        """Let nobody connect any more, and reset all connections."""

        async def stop() -> None:
            assert self._listener is not None
            self._listener.close()
            self._listener = None
            for pair in self._pairs:
                pair.reset()

        self._do(stop)

    def heal(self) -> None:
        """Be a good network again; what was held is passed on, what was lost stays so."""
        self._set(_delay_s=0.0, _losing=frozenset(), _holding=frozenset(), _left={})
        if self._listener is None:
            self._do(self._listen)

    def close(self) -> None:
        """End everything. May be called twice."""
        if self._loop.is_closed():
            return
        self._do(self._end)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def _set(self, **faults: Any) -> None:
        async def change() -> None:
            for name, value in faults.items():
                setattr(self, name, value)
            self._changed.set()
            self._changed = asyncio.Event()

        self._do(change)

    def _do(self, work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        return asyncio.run_coroutine_threadsafe(work(), self._loop).result(_COMMAND_LIMIT_S)

    async def _listen(self) -> None:
        self._listener = await asyncio.start_server(self._connected, _HOST, self.port)
        self.port = self._listener.sockets[0].getsockname()[1]

    async def _end(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for pair in self._pairs:
            pair.reset()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        pair = _Pair(writer)
        self._pairs.add(pair)
        try:
            server_reader, server_writer = await asyncio.open_connection(_HOST, self._target)
            pair.add(server_writer)
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(pair, Way.REQUESTS, reader, server_writer))
                pumps.create_task(self._pump(pair, Way.ANSWERS, server_reader, writer))
        except OSError:
            pass  # nobody listens there
        finally:
            pair.reset()
            self._pairs.discard(pair)

    async def _pump(
        self, pair: "_Pair", way: Way, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        with suppress(OSError):
            while chunk := await reader.read(_CHUNK_BYTES):
                if self._delay_s:
                    await self._later()
                while way in self._holding:
                    await self._changed.wait()
                if way in self._losing:
                    pair.lost.add(way)
                if way in pair.lost:
                    continue
                writer.write(chunk[: self._left.get(way, len(chunk))])
                await writer.drain()
                if self._is_cut(way, len(chunk)):
                    # Unlike a reset, this does not overtake the last bytes.
                    writer.close()
                    pair.reset(but=writer)
                    return
            # The end of what one side says; what is held or delayed came before it.
            if way not in pair.lost and way not in self._losing:
                writer.write_eof()

    async def _later(self) -> None:
        """As long as the way takes."""
        arrived = self._loop.create_future()
        self._loop.call_later(self._delay_s, arrived.set_result, None)
        await arrived

    def _is_cut(self, way: Way, count: int) -> bool:
        """Count what has come that way, and say whether the connection is to be cut for it."""
        if way not in self._left:
            return False
        self._left[way] -= count
        if self._left[way] > 0:
            return False
        del self._left[way]
        self._cuts += 1
        return True


class _Pair:
    """A connection from a client, and the one to the server that belongs to it.

    Attributes:
        lost: The ways in which bytes were lost, after which there is nothing sensible to say.
    """

    def __init__(self, client: asyncio.StreamWriter) -> None:
        self.lost: set[Way] = set()
        self._writers = [client]
        self._is_reset = False

    def add(self, server: asyncio.StreamWriter) -> None:
        """The connection to the server is there; by now, the pair may have been reset."""
        self._writers.append(server)
        if self._is_reset:
            self.reset()

    def reset(self, *, but: asyncio.StreamWriter | None = None) -> None:
        self._is_reset = True
        for writer in self._writers:
            if writer is not but:
                writer.transport.abort()
