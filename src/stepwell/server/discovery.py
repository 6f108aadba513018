"""Finding apps on this machine, for a developer who has told the server nothing.

Source: SDK protocol, 4.10.
"""

import asyncio
import socket
from collections.abc import Collection, Iterable
from typing import Final

import structlog

from stepwell.core.sync_history import SyncCause
from stepwell.drivers.http import FailureKind, HttpClient, HttpFailure, HttpRequest
from stepwell.engine.registry import Registry
from stepwell.server.sync import Sleep, Sync
from stepwell.wire import headers
from stepwell.wire.errors import OperationalError
from stepwell.wire.sdk_url import normalise_url

__all__ = ["DISCOVERY_PATHS", "DISCOVERY_PORTS", "Discovery"]

_log = structlog.get_logger("stepwell.server")

#: Where web frameworks listen.
DISCOVERY_PORTS: Final = (
    *(80, 443),
    *range(3000, 3011),
    *(4321, 5000, 5173, 8000, 8080, 8081, 8787, 8888),
    *range(8910, 8916),
)
#: Where SDKs are mounted.
DISCOVERY_PATHS: Final = (
    "/api/inngest",
    "/x/inngest",
    "/.netlify/functions/inngest",
    "/.redwood/functions/inngest",
)
_TIMEOUT_S: Final = 2.0
#: What describes an SDK endpoint is short; other pages are not read further than this.
_ANSWER_BYTES_MAX: Final = 64 * 1024

# Some development servers listen on one of them only.
_LOOPBACK: Final = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))
# With an answer of another kind there is a web server, which may have the SDK at another path.
_NO_WEB_SERVER: Final = frozenset(
    {FailureKind.UNREACHABLE, FailureKind.TLS, FailureKind.BAD_RESPONSE, FailureKind.CLOSED}
)


class Discovery:
    """Looks for SDK endpoints at the usual ports and paths of this machine."""

    def __init__(
        self,
        client: HttpClient,
        sync: Sync,
        registry: Registry,
        *,
        own_ports: Collection[int],
        ports: Iterable[int] = DISCOVERY_PORTS,
    ) -> None:
        """Prepare to look; nothing is sent yet.

        Args:
            client: Sends the requests.
            sync: Asks what is found to register.
            registry: Says when the first app has registered.
            own_ports: Where this server listens; left out.
            ports: Where to look.
        """
        self._client = client
        self._sync = sync
        self._registry = registry
        self._ports = tuple(dict.fromkeys(port for port in ports if port not in own_ports))

    async def run(self, *, interval_s: float, sleep: Sleep) -> None:
        """Look now and then after each interval; returns when the first app has registered.

        Args:
            interval_s: From the end of one search to the beginning of the next.
            sleep: Waits for that many seconds.
        """
        while not self._registry.has_apps:
            try:
                await self.search()
            except OperationalError as error:
                _log.warning("discovery.not_noted", reason=str(error))
            await sleep(interval_s)

    async def search(self) -> None:
        """Look at all ports once, and have what is new there register.

        What looks like an app but cannot be made to register becomes a placeholder with the
        reason, so that a person sees it.
        """
        async with asyncio.TaskGroup() as searches:
            found = [searches.create_task(self._find(port)) for port in self._ports]
        for task in found:
            url = task.result()
            if url is None or self._registry.apps_at(url):
                continue
            _log.info("discovery.found", url=url)
            self._sync.note_discovered(url)
            error = await self._sync.ping(url, cause=SyncCause.POLL)
            if error:
                await self._registry.add_placeholder(url, error)

    async def _find(self, port: int) -> str | None:
        """The URL of the SDK endpoint at a port."""
        if not await _is_open(port):
            return None
        scheme = "https" if port == 443 else "http"
        for path in DISCOVERY_PATHS:
            url = normalise_url(f"{scheme}://localhost:{port}{path}")
            request = HttpRequest(
                "GET", url, timeout_s=_TIMEOUT_S, response_bytes_max=_ANSWER_BYTES_MAX
            )
            result = await self._client.fetch(request)
            if isinstance(result, HttpFailure):
                if result.kind in _NO_WEB_SERVER:
                    return None
            elif headers.SDK in result.headers:
                return url
        return None


async def _is_open(port: int) -> bool:
    """Whether something listens there; asked first, because most ports are closed."""
    for family, host in _LOOPBACK:
        try:
            async with asyncio.timeout(_TIMEOUT_S):
                if await _connects(family, host, port):
                    return True
        except TimeoutError:
            continue
    return False


async def _connects(family: socket.AddressFamily, host: str, port: int) -> bool:
    try:
        connecting = socket.socket(family, socket.SOCK_STREAM)
    except OSError:  # a machine without IPv6
        return False
    with connecting:
        connecting.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(connecting, (host, port))
        except OSError:
            return False
    return True
