"""One call from `send` to its result, over as many connections as redirects make necessary."""

import asyncio
from collections.abc import Mapping
from typing import Final

from stepwell.drivers.http.connection import Connection
from stepwell.drivers.http.message import (
    Done,
    FailureKind,
    HttpFailure,
    HttpReply,
    HttpRequest,
    HttpResult,
)
from stepwell.drivers.http.pool import ConnectionPool
from stepwell.drivers.http.redirects import REDIRECT_STATUSES, Hop, next_hop
from stepwell.drivers.http.request_head import request_head

#: Between two looks whether a request may be sent by now.
_HOLD_S: Final = 0.1


class Call:
    """A request in flight. `cancel` is for its owner, everything else for the client."""

    __slots__ = (
        "_connection",
        "_deadline_s",
        "_dial",
        "_done",
        "_hop",
        "_is_resent",
        "_loop",
        "_pool",
        "_request",
        "_url",
    )

    def __init__(
        self,
        request: HttpRequest,
        done: Done,
        *,
        pool: ConnectionPool,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self._request = request
        self._done: Done | None = done
        self._pool = pool
        self._loop = loop
        self._connection: Connection | None = None
        self._dial: asyncio.Task[None] | None = None
        self._is_resent = False

    def cancel(self) -> None:
        """Stop waiting: `done` is not called any more. Does nothing when it has been called.

        The app is not told; its connection is closed.
        """
        self._done = None
        if self._dial is not None:
            self._dial.cancel()
            self._dial = None
        if self._connection is not None:
            self._connection.cancel()
            self._connection = None

    def begin(self, hop: Hop) -> None:
        """Send the first request."""
        self._url = hop.url
        self._hop = hop
        now_s = self._loop.time()
        self._deadline_s = now_s + self._request.timeout_s
        self._send(self._pool.take(hop.url.origin.text, now_s=now_s))

    def fail_soon(self, failure: HttpFailure) -> None:
        """End without sending anything, but not before `send` has returned."""
        self._loop.call_soon(self._end, failure)

    def answered(self, *, status: int, headers: Mapping[str, str], body: bytes) -> None:
        """The connection has a complete answer: the result, or where to go next."""
        self._connection = None
        if status in REDIRECT_STATUSES and "location" in headers:
            self._redirect(status, headers["location"])
        elif (done := self._done) is not None:
            self._done = None
            done(HttpReply(status, headers, body, self._hop.url))

    def failed(self, failure: HttpFailure, *, is_stale: bool) -> None:
        """The connection has no answer; one that was closed idle is replaced once."""
        self._connection = None
        if is_stale and not self._is_resent:
            self._is_resent = True
            self._send(None)  # other kept connections are probably as dead as this one
        else:
            self._end(failure)

    def _redirect(self, status: int, location: str) -> None:
        hop = next_hop(self._hop, self._url, status=status, location=location)
        if isinstance(hop, HttpFailure):
            self._end(hop)
            return
        self._hop = hop
        self._send(self._pool.take(hop.url.origin.text, now_s=self._loop.time()))

    def _send(self, connection: Connection | None) -> None:
        if connection is None:
            origin = self._hop.url.origin
            self._dial = self._pool.open(origin, self._opened, due_s=self._deadline_s)
            return
        self._connection = connection
        hop, request = self._hop, self._request
        body = request.body
        connection.start(
            self,
            request_head(hop.method, hop.url, hop.headers, body_bytes=len(body)),
            body,
            deadline_s=self._deadline_s,
            bytes_max=request.response_bytes_max,
        )

    def _opened(self, result: Connection | HttpFailure) -> None:
        self._dial = None
        if isinstance(result, HttpFailure):
            self._end(result)
        elif self._done is None:
            self._pool.released(result)
        elif (may_send := self._request.may_send) is not None and not may_send():
            # Opening it may have taken long, or the process was suspended meanwhile.
            self._pool.released(result)
            self._loop.call_later(_HOLD_S, self._open_again)
        elif result.is_usable:
            self._send(result)
        else:
            self._end(
                HttpFailure(FailureKind.UNREACHABLE, "the connection was closed when it was opened")
            )

    def _open_again(self) -> None:
        if self._done is not None:
            self._send(None)

    def _end(self, result: HttpResult) -> None:
        done, self._done = self._done, None
        if done is not None:
            done(result)
