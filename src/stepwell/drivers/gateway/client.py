"""The HTTP client that makes the requests steps ask for."""

import asyncio
import ssl
import traceback
from collections.abc import Callable

import structlog
from msgspec import Struct

from stepwell.core.steps.requested import RequestFailed, RequestReply, RequestResult
from stepwell.drivers.gateway.dial import Resolver, Streams, connect, resolve
from stepwell.drivers.gateway.failure import RequestStoppedError
from stepwell.drivers.gateway.hops import REDIRECTS_MAX, Hop, first_hop, next_hop
from stepwell.drivers.gateway.public_addresses import is_public
from stepwell.drivers.gateway.reply_reader import ReplyReader
from stepwell.drivers.http.redirects import REDIRECT_STATUSES
from stepwell.engine.driver import CallHandle
from stepwell.engine.gateways import GatewayRequest
from stepwell.wire.opcode_options import STEP_BYTES_MAX

__all__ = ["GatewayLimits", "HttpGateway"]

_log = structlog.get_logger("stepwell.gateway")

_READ_BYTES = 64 * 1024


class GatewayLimits(Struct, frozen=True):
    """How long a request may take and how much may come back.

    Attributes:
        connect_timeout_s: Name, connection and TLS handshake together, once per redirect.
        timeout_s: Everything, over all redirects. Models may think for minutes.
        response_bytes_max: Decoded bytes of the answer: as much as a step may have as its result.
    """

    connect_timeout_s: float = 10.0
    timeout_s: float = 300.0
    response_bytes_max: int = STEP_BYTES_MAX


class HttpGateway:
    """Makes HTTP/1.1 requests to addresses that the apps choose, one connection for each.

    Only http and https, up to 5 redirects, certificates verified, no proxies from the environment.
    Every address is checked before it is connected to, those of redirects too. A connection is
    never shared, so that no app can find what another one left on it.

    Must be made, used and closed inside one running event loop.
    """

    def __init__(
        self,
        *,
        allow_private: bool,
        limits: GatewayLimits | None = None,
        tls: ssl.SSLContext | None = None,
        resolver: Resolver = resolve,
        is_public: Callable[[str], bool] = is_public,
    ) -> None:
        """Make a client.

        Args:
            allow_private: Whether requests may go to addresses that are not public.
            limits: A sensible default.
            tls: How certificates are checked; the system's authorities by default.
            resolver: Looks up names; the system's by default.
            is_public: Says of an address whether it is; by IANA's registries by default.
        """
        self._loop = asyncio.get_running_loop()
        self._is_allowed = _is_anything if allow_private else is_public
        self._limits = limits or GatewayLimits()
        self._tls = tls
        self._resolver = resolver
        self._tasks: set[asyncio.Task[RequestResult]] = set()
        self._is_closed = False

    def send(self, request: GatewayRequest, done: Callable[[RequestResult], None]) -> CallHandle:
        """Make a request and call `done` with its result.

        `done` is called once, from the event loop, never before this returns; not at all after
        `CallHandle.cancel`, nor for a request that `close` has cut.
        """
        sent = _Sent(done)
        if not self._is_closed:
            task = self._loop.create_task(self._result(request))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            sent.begin(task)
        return sent

    async def close(self) -> None:
        """Cut what is under way, unreported, and begin nothing more. May be called twice."""
        self._is_closed = True
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _result(self, request: GatewayRequest) -> RequestResult:
        limits = self._limits
        try:
            async with asyncio.timeout(limits.timeout_s):
                return await self._follow(first_hop(request))
        except RequestStoppedError as stopped:
            return stopped.failure
        except TimeoutError:
            return RequestFailed(f"no complete answer within {limits.timeout_s:g} s")
        except Exception as error:  # noqa: BLE001 - a defect must not leave the step without result
            # Not the text: nobody knows what is in it.
            frame = traceback.extract_tb(error.__traceback__)[-1]
            where = f"{frame.filename}:{frame.lineno}"
            _log.error("request.defect", error=type(error).__name__, where=where)
            return RequestFailed("Stepwell could not make the request because of a defect")

    async def _follow(self, hop: Hop) -> RequestReply:
        for _ in range(REDIRECTS_MAX + 1):
            reader = await self._exchange(hop)
            headers = reader.headers
            if reader.status not in REDIRECT_STATUSES or "location" not in headers:
                return RequestReply(reader.status, headers, reader.body, hop.shown_url)
            hop = next_hop(hop, status=reader.status, location=headers["location"])
        raise RequestStoppedError(f"stopped after {REDIRECTS_MAX} redirects", retryable=False)

    async def _exchange(self, hop: Hop) -> ReplyReader:
        """One request and its complete response.

        Raises:
            RequestStoppedError: There is none.
        """
        head = hop.head()
        origin = hop.url.origin
        if origin.is_tls and self._tls is None:
            self._tls = await asyncio.to_thread(_tls_context)
        streams = await connect(
            origin,
            resolver=self._resolver,
            is_allowed=self._is_allowed,
            tls=self._tls,
            timeout_s=self._limits.connect_timeout_s,
        )
        reader = ReplyReader(method=hop.method, body_bytes_max=self._limits.response_bytes_max)
        try:
            await _talk(streams, head, hop.body, reader)
        finally:
            streams[1].transport.abort()
        if reader.failure is not None:
            raise RequestStoppedError(reader.failure, retryable=not reader.is_too_large)
        return reader


class _Sent:
    """A request under way."""

    def __init__(self, done: Callable[[RequestResult], None]) -> None:
        self._done: Callable[[RequestResult], None] | None = done
        self._task: asyncio.Task[RequestResult] | None = None

    def begin(self, task: asyncio.Task[RequestResult]) -> None:
        """Report what the task returns, unless it is cancelled."""
        self._task = task
        task.add_done_callback(self._ended)

    def cancel(self) -> None:
        """Give up; the connection is closed."""
        self._done = None
        if self._task is not None:
            self._task.cancel()

    def _ended(self, task: asyncio.Task[RequestResult]) -> None:
        done, self._done = self._done, None
        if done is not None and not task.cancelled():
            done(task.result())


async def _talk(streams: Streams, head: bytes, body: bytes, reader: ReplyReader) -> None:
    """Send everything and read until the response is complete or cannot be used."""
    incoming, outgoing = streams
    outgoing.write(head)
    if body:
        outgoing.write(body)
    while not reader.is_complete and reader.failure is None:
        try:
            data = await incoming.read(_READ_BYTES)
        except OSError:  # reset by the peer, or broken TLS
            reader.cut_off()
            return
        if data:
            reader.feed(data)
        else:
            reader.feed_eof()


def _is_anything(_address: str) -> bool:
    return True


def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
