"""The HTTP client that calls apps."""

import asyncio
import ssl

from stepwell.drivers.http.call import Call
from stepwell.drivers.http.message import (
    Done,
    FailureKind,
    HttpFailure,
    HttpRequest,
    HttpResult,
)
from stepwell.drivers.http.pool import ConnectionPool, PoolLimits
from stepwell.drivers.http.redirects import Hop
from stepwell.drivers.http.request_head import InvalidHeaderError, header_lines, is_method
from stepwell.drivers.http.url import InvalidUrl, parse_url


class HttpClient:
    """HTTP/1.1 with kept connections, made for many small calls at little cost.

    No task and no timer is made for a call over a kept connection. Everything that can go wrong is
    an `HttpFailure`; nothing is raised.

    A call can reach the app twice: when a kept connection turns out to have been closed by the peer
    before a byte of the answer came, the request is sent once more on a fresh connection. From here
    that cannot be told from an app that died while it worked on the request. It is one of the
    reasons why step bodies run at least once.

    Must be made, used and closed inside one running event loop.
    """

    def __init__(
        self, *, limits: PoolLimits | None = None, tls: ssl.SSLContext | None = None
    ) -> None:
        """Make a client without connections.

        Args:
            limits: What is kept between calls; a sensible default.
            tls: How certificates are checked; the system's authorities by default.
        """
        self._loop = asyncio.get_running_loop()
        self._pool = ConnectionPool(limits or PoolLimits(), tls=tls, loop=self._loop)
        self._is_closed = False

    @property
    def idle_count(self) -> int:
        """Connections that wait for a request."""
        return self._pool.idle_count

    @property
    def connection_count(self) -> int:
        """Open connections, in use or not."""
        return self._pool.connection_count

    def send(self, request: HttpRequest, done: Done) -> Call:
        """Send a request and call `done` with its result.

        `done` is called exactly once, from the event loop, never before `send` has returned, and
        not at all after `Call.cancel`. It should be short and must not raise.
        """
        call = Call(request, done, pool=self._pool, loop=self._loop)
        hop = self._first_hop(request)
        if isinstance(hop, HttpFailure):
            call.fail_soon(hop)
        else:
            call.begin(hop)
        return call

    async def fetch(self, request: HttpRequest) -> HttpResult:
        """Send a request and wait for its result. Cancelling the waiting task cancels the call."""
        result: asyncio.Future[HttpResult] = self._loop.create_future()

        def done(value: HttpResult) -> None:
            if not result.done():
                result.set_result(value)

        call = self.send(request, done)
        try:
            return await result
        finally:
            call.cancel()

    async def close(self, *, grace_s: float = 0.0) -> None:
        """Refuse new calls, let those in flight finish for `grace_s`, cut the rest (`CLOSED`).

        Returns when every connection is closed. May be called twice, also to cut the grace short.
        """
        self._is_closed = True
        await self._pool.close(grace_s=grace_s)

    def _first_hop(self, request: HttpRequest) -> Hop | HttpFailure:
        if self._is_closed:
            return HttpFailure(FailureKind.CLOSED, "the client is closed")
        url = request.url
        if isinstance(url, str):
            parsed = parse_url(url)
            if isinstance(parsed, InvalidUrl):
                return HttpFailure(FailureKind.INVALID_REQUEST, parsed.reason)
            url = parsed
        headers = request.headers
        if not isinstance(headers, bytes):
            try:
                headers = header_lines(headers)
            except InvalidHeaderError as error:
                return HttpFailure(FailureKind.INVALID_REQUEST, str(error))
        method = request.method
        if method != "POST" and not is_method(method):
            return HttpFailure(FailureKind.INVALID_REQUEST, f"{method!r} requests cannot be sent")
        return Hop(method, url, headers)
