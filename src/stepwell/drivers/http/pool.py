"""The connections of a client: which are free, which are being opened, and who waits for them."""

import asyncio
import ssl
from collections.abc import Callable

from msgspec import Struct

from stepwell.drivers.http.connection import Connection
from stepwell.drivers.http.dial import CONNECT_TIMEOUT_S, dial
from stepwell.drivers.http.message import FailureKind, HttpFailure
from stepwell.drivers.http.url import Origin

_CLOSED = HttpFailure(FailureKind.CLOSED, "the client was closed before the answer came")


class PoolLimits(Struct, frozen=True):
    """How many unused connections are kept, and how long.

    There is no limit on connections in use: how many calls run at a time is decided by the caller.

    Attributes:
        idle_s: Node and uvicorn close after 5 s without a request; staying below that avoids
            sending into a connection that is being closed.
        idle_per_origin_max: Further connections are closed when their answer is complete.
        idle_max: The same over all origins.
        connect_timeout_s: For name, connection and TLS handshake together.
    """

    idle_s: float = 4.0
    idle_per_origin_max: int = 256
    idle_max: int = 512
    connect_timeout_s: float = CONNECT_TIMEOUT_S


class ConnectionPool:
    """Keep-alive connections by origin; the one used last is used next.

    That order lets the others grow old and be closed when less is going on. A timer runs only while
    a connection is idle.
    """

    def __init__(
        self,
        limits: PoolLimits,
        *,
        tls: ssl.SSLContext | None = None,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._limits = limits
        self._tls = tls
        self._loop = loop
        # Insertion order is the order of becoming idle, so the oldest is always the first.
        self._idle: dict[str, dict[Connection, None]] = {}
        self._idle_count = 0
        self._connections: set[Connection] = set()
        self._dials: set[asyncio.Task[None]] = set()
        self._sweep_timer: asyncio.TimerHandle | None = None
        self._is_closing = False
        self._is_cut = False
        self._empty = asyncio.Event()
        self._empty.set()

    @property
    def idle_count(self) -> int:
        """Connections that wait for a request."""
        return self._idle_count

    @property
    def connection_count(self) -> int:
        """Connections that are open, in use or not."""
        return len(self._connections)

    def take(self, origin_text: str, *, now_s: float) -> Connection | None:
        """An idle connection that looks alive, or None."""
        idle = self._idle.get(origin_text)
        if idle is None:
            return None
        oldest_s = now_s - self._limits.idle_s
        while idle:
            connection, _ = idle.popitem()
            self._idle_count -= 1
            if connection.is_usable and connection.idle_since_s > oldest_s:
                return connection
            connection.close()
        return None

    def open(
        self, origin: Origin, opened: Callable[[Connection | HttpFailure], None], *, due_s: float
    ) -> asyncio.Task[None]:
        """Open a connection and hand it over; cancelling the task is the way to give up.

        Args:
            origin: Where to.
            opened: Gets the connection, or why there is none. Not called after cancelling.
            due_s: Loop time at which opening is given up, if the connect timeout is not earlier.
        """
        task = self._loop.create_task(self._open(origin, opened, due_s))
        self._dials.add(task)
        self._empty.clear()
        task.add_done_callback(self._dialled)
        return task

    def opened(self, connection: Connection) -> None:
        """A connection exists from now on."""
        self._connections.add(connection)
        self._empty.clear()
        if self._is_cut:
            connection.cut()

    def released(self, connection: Connection) -> None:
        """A connection can carry another request."""
        idle = self._idle.get(connection.origin_text)
        if idle is None:
            idle = self._idle[connection.origin_text] = {}
        limits = self._limits
        if (
            self._is_closing
            or self._idle_count >= limits.idle_max
            or len(idle) >= limits.idle_per_origin_max
        ):
            connection.close()
            return
        connection.idle_since_s = self._loop.time()
        idle[connection] = None
        self._idle_count += 1
        if self._sweep_timer is None:
            self._sweep_timer = self._loop.call_later(limits.idle_s, self._sweep)

    def lost(self, connection: Connection) -> None:
        """A connection exists no longer."""
        self._connections.discard(connection)
        idle = self._idle.get(connection.origin_text)
        if idle is not None and connection in idle:
            del idle[connection]
            self._idle_count -= 1
        self._note_if_empty()

    async def close(self, *, grace_s: float) -> None:
        """Close idle connections now, the others when their answer is complete or time is up."""
        self._is_closing = True
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
            self._sweep_timer = None
        for idle in self._idle.values():
            for connection in idle:
                connection.close()
        self._idle.clear()
        self._idle_count = 0
        try:
            async with asyncio.timeout(grace_s):
                await self._empty.wait()
        except TimeoutError:
            self._cut()
            await self._empty.wait()

    def _cut(self) -> None:
        self._is_cut = True
        for task in self._dials:
            task.cancel()
        for connection in tuple(self._connections):
            connection.cut()

    async def _open(
        self, origin: Origin, opened: Callable[[Connection | HttpFailure], None], due_s: float
    ) -> None:
        result = _CLOSED if self._is_cut else await self._connect(origin, due_s)
        # Not called from here: what the receiver does next must not end in this task's result.
        self._loop.call_soon(opened, result)

    async def _connect(self, origin: Origin, due_s: float) -> Connection | HttpFailure:
        connect_due_s = self._loop.time() + self._limits.connect_timeout_s
        try:
            async with asyncio.timeout_at(min(connect_due_s, due_s)):
                if origin.is_tls and self._tls is None:
                    self._tls = await asyncio.to_thread(_tls_context)
                return await self._dial(origin)
        except TimeoutError:
            return _not_connected(origin, is_call_over=due_s <= connect_due_s)
        except OSError as error:  # of the system's certificates; `dial` reports its own as values
            return HttpFailure(FailureKind.TLS, f"TLS cannot be used: {error}")
        except asyncio.CancelledError:
            if self._is_cut:
                return _CLOSED
            raise

    async def _dial(self, origin: Origin) -> Connection | HttpFailure:
        connection = Connection(origin.text, loop=self._loop, owner=self)
        try:
            return await dial(origin, lambda: connection, tls=self._tls)
        except asyncio.CancelledError:
            # uvloop closes what was made in vain without telling the connection that it is lost.
            self.lost(connection)
            raise

    def _dialled(self, task: asyncio.Task[None]) -> None:
        self._dials.discard(task)
        self._note_if_empty()

    def _sweep(self) -> None:
        """Close what has been idle for too long; look again when the next one will be."""
        self._sweep_timer = None
        now_s = self._loop.time()
        oldest_s = now_s - self._limits.idle_s
        next_s: float | None = None
        for origin_text, idle in tuple(self._idle.items()):
            while idle:
                connection = next(iter(idle))
                if connection.idle_since_s > oldest_s:
                    due_s = connection.idle_since_s + self._limits.idle_s
                    next_s = due_s if next_s is None else min(next_s, due_s)
                    break
                del idle[connection]
                self._idle_count -= 1
                connection.close()
            if not idle:
                del self._idle[origin_text]
        if next_s is not None:
            self._sweep_timer = self._loop.call_at(next_s, self._sweep)

    def _note_if_empty(self) -> None:
        if not self._connections and not self._dials:
            self._empty.set()


def _not_connected(origin: Origin, *, is_call_over: bool) -> HttpFailure:
    kind = FailureKind.TIMEOUT if is_call_over else FailureKind.UNREACHABLE
    return HttpFailure(kind, f"no connection to {origin.authority} within the time allowed")


def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
