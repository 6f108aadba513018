"""One connection to an app, carrying one request at a time."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Protocol, cast

from stepwell.drivers.http.message import FailureKind, HttpFailure
from stepwell.drivers.http.response_reader import ResponseReader

STALE_CLOSE_S = 3.0
"""How long after a request the close of a reused connection still counts as "was closed idle".

The peer's close and our request crossed on the way, which shows after one round trip. A later close
means that the peer had the request, perhaps for hours; repeating it would run the step twice.
"""

# Below this, copying head and body together is cheaper than writing twice.
_ONE_WRITE_BYTES_MAX = 64 * 1024
# Timers may fire early by the resolution of the loop's clock.
_CLOCK_RESOLUTION_S = 0.002

_TIMED_OUT = HttpFailure(FailureKind.TIMEOUT, "no complete answer within the time allowed")
_CLOSED = HttpFailure(FailureKind.CLOSED, "the client was closed before the answer came")


class Exchange(Protocol):
    """Whoever waits for an answer on a connection. Told exactly once, unless it cancels."""

    def answered(self, *, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """The answer is complete; the connection is already free or closed."""
        ...

    def failed(self, failure: HttpFailure, *, is_stale: bool) -> None:
        """There will be no answer; the connection is closed.

        `is_stale`: the peer had closed the kept connection when the request was sent, as far as can
        be told from here. Sending it again on a fresh connection is reasonable.
        """
        ...


class ConnectionOwner(Protocol):
    """Whoever keeps the connections between requests."""

    def opened(self, connection: "Connection") -> None: ...

    def released(self, connection: "Connection") -> None: ...

    def lost(self, connection: "Connection") -> None: ...


class Connection(asyncio.Protocol):
    """One keep-alive connection.

    There is one timer per connection, not per request: it is left running when an answer arrives
    and looks, when it fires, at the deadline that counts by then. A request whose deadline is later
    than the running timer, which is nearly every one, costs no timer at all.

    Attributes:
        origin_text: `Origin.text` of the peer.
        idle_since_s: Loop time at which the last answer was complete.
    """

    __slots__ = (
        "_deadline_s",
        "_exchange",
        "_is_reused",
        "_loop",
        "_owner",
        "_reader",
        "_sent_s",
        "_timer",
        "_timer_due_s",
        "_transport",
        "idle_since_s",
        "origin_text",
    )

    def __init__(
        self, origin_text: str, *, loop: asyncio.AbstractEventLoop, owner: ConnectionOwner
    ) -> None:
        self.origin_text = origin_text
        self.idle_since_s = 0.0
        self._loop = loop
        self._owner = owner
        self._reader = ResponseReader()
        self._transport: asyncio.Transport | None = None
        self._exchange: Exchange | None = None
        self._is_reused = False
        self._sent_s = 0.0
        self._deadline_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._timer_due_s = 0.0

    @property
    def is_usable(self) -> bool:
        """Whether a request may be started: connected, and nothing in flight."""
        transport = self._transport
        return self._exchange is None and transport is not None and not transport.is_closing()

    def start(
        self, exchange: Exchange, head: bytes, body: bytes, *, deadline_s: float, bytes_max: int
    ) -> None:
        """Send a request and read its answer for `exchange`.

        Args:
            exchange: Told about the end.
            head: Request line and headers with the empty line.
            body: As stated in the head.
            deadline_s: Loop time at which waiting ends.
            bytes_max: Decoded bytes the answer may have.
        """
        transport = self._transport
        assert transport is not None
        assert self._exchange is None
        self._exchange = exchange
        self._reader.begin(body_bytes_max=bytes_max)
        self._sent_s = self._loop.time()
        self._deadline_s = deadline_s
        if self._timer is None or deadline_s < self._timer_due_s:
            self._set_timer(deadline_s)
        if len(body) <= _ONE_WRITE_BYTES_MAX:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)

    def cancel(self) -> None:
        """Forget the request in flight; the connection is of no use after that."""
        self._exchange = None
        self._abort()

    def close(self) -> None:
        """Close an idle connection."""
        assert self._exchange is None
        if self._transport is not None:
            self._transport.close()

    def cut(self) -> None:
        """Close at once, whatever is in flight."""
        if self._exchange is None:
            self._abort()
        else:
            self._fail(_CLOSED)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._owner.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._exchange is None:
            # Nobody asked: a late second answer, or "408 Request Timeout" before a close.
            self._abort()
            return
        reader = self._reader
        reader.feed(data)
        if reader.failure is not None:
            self._fail(reader.failure)
        elif reader.is_complete:
            self._answer()

    def eof_received(self) -> None:
        if self._exchange is not None:
            self._end(self._reader.feed_eof)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it
        if self._exchange is not None:
            self._end(self._reader.cut_off)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._owner.lost(self)

    def _end(self, tell_reader: Callable[[], None]) -> None:
        """The peer sends no more; what that means depends on how far the answer got."""
        reader = self._reader
        is_stale = (
            self._is_reused
            and not reader.has_begun
            and self._loop.time() - self._sent_s <= STALE_CLOSE_S
        )
        tell_reader()
        if reader.failure is None:
            self._answer()
        else:
            self._fail(reader.failure, is_stale=is_stale)

    def _answer(self) -> None:
        exchange, self._exchange = self._exchange, None
        transport, reader = self._transport, self._reader
        assert exchange is not None
        assert transport is not None
        self._is_reused = True
        if transport.get_write_buffer_size():
            # Answered before it had read everything: what follows would be read as our body.
            transport.abort()
        elif reader.is_reusable:
            self._owner.released(self)
        else:
            transport.close()
        exchange.answered(status=reader.status, headers=reader.headers, body=reader.body)

    def _fail(self, failure: HttpFailure, *, is_stale: bool = False) -> None:
        exchange, self._exchange = self._exchange, None
        assert exchange is not None
        self._abort()
        exchange.failed(failure, is_stale=is_stale)

    def _abort(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def _set_timer(self, due_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer_due_s = due_s
        self._timer = self._loop.call_at(due_s, self._timer_fired)

    def _timer_fired(self) -> None:
        self._timer = None
        if self._exchange is None:
            return
        if self._loop.time() + _CLOCK_RESOLUTION_S >= self._deadline_s:
            self._fail(_TIMED_OUT)
        else:
            self._set_timer(self._deadline_s)
