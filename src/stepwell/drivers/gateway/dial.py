"""Opening a connection to an address that has been checked.

A name is looked up once, all its addresses are checked, and the connection is opened to one of
these very addresses: a second look-up could give others.
"""

import asyncio
import os
import socket
import ssl
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

from stepwell.drivers.gateway.failure import RequestStoppedError
from stepwell.drivers.http import Origin
from stepwell.drivers.http.dial import connected_to

__all__ = ["Address", "Resolver", "Streams", "connect", "resolve"]

# Family, and what `socket.connect` takes: host and port, for IPv6 with flow and zone.
Address: TypeAlias = tuple[socket.AddressFamily, tuple[Any, ...]]
Resolver: TypeAlias = Callable[[str, int], Awaitable[list[Address]]]
Streams: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]

# A name with more addresses than this is not more reachable.
_TRIED_MAX: Final = 4
# One that does not answer must not use up the time of the others, nor be given up too early.
_ADDRESS_S_MIN: Final = 2.0


async def resolve(host: str, port: int) -> list[Address]:
    """The system's addresses of a name, in its order; those of "localhost" without asking.

    Raises:
        OSError, UnicodeError: There are none.
    """
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761, 6.3
        return [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port))]
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    families = (socket.AF_INET, socket.AF_INET6)
    return [(family, address) for family, _, _, _, address in found if family in families]


async def connect(
    origin: Origin,
    *,
    resolver: Resolver,
    is_allowed: Callable[[str], bool],
    tls: ssl.SSLContext | None,
    timeout_s: float,
) -> Streams:
    """Connect to an origin, with TLS for https.

    Args:
        origin: Where to.
        resolver: Looks up names; asked once.
        is_allowed: Whether an address may be connected to; one that may not is enough to refuse
            the name.
        tls: Context for https.
        timeout_s: For look-up, connection and handshake together.

    Raises:
        RequestStoppedError: There is no connection.
    """
    loop = asyncio.get_running_loop()
    due_s = loop.time() + timeout_s
    try:
        async with asyncio.timeout_at(due_s):
            addresses = await _allowed(origin, resolver, is_allowed)
            connected = await _first_to_connect(origin, addresses[:_TRIED_MAX], due_s=due_s)
            return await _opened(origin, connected, tls)
    except TimeoutError:
        message = f"no connection to {origin.authority} within {timeout_s:g} s"
        raise RequestStoppedError(message) from None


async def _allowed(
    origin: Origin, resolver: Resolver, is_allowed: Callable[[str], bool]
) -> list[Address]:
    try:
        addresses = await resolver(origin.host, origin.port)
    except (OSError, UnicodeError):
        addresses = []
    if not addresses:
        raise RequestStoppedError(f"cannot resolve {origin.host}")
    if not all(is_allowed(address[0]) for _, address in addresses):
        # Which address it is would tell something about the network.
        message = f"{origin.host} is not a public address, and this server only sends to those"
        raise RequestStoppedError(message, retryable=False)
    return addresses


async def _first_to_connect(
    origin: Origin, addresses: list[Address], *, due_s: float
) -> socket.socket:
    """A socket connected to the first of the addresses that answers."""
    loop = asyncio.get_running_loop()
    reason = ""
    for number, address in enumerate(addresses):
        left_s = due_s - loop.time()
        share_s = max(left_s / (len(addresses) - number), _ADDRESS_S_MIN)
        try:
            async with asyncio.timeout(share_s):
                return await connected_to(*address)
        except OSError as error:  # TimeoutError is one
            reason = reason or _reason(error)
    raise RequestStoppedError(f"cannot connect to {origin.authority}: {reason}")


async def _opened(origin: Origin, connected: socket.socket, tls: ssl.SSLContext | None) -> Streams:
    if not origin.is_tls:
        return await asyncio.open_connection(sock=connected)
    assert tls is not None
    try:
        return await asyncio.open_connection(
            sock=connected, ssl=tls, server_hostname=origin.host, ssl_shutdown_timeout=1.0
        )
    except (OSError, ValueError) as error:
        # SSLError is an OSError, and so is a peer that hangs up in the handshake; a name that TLS
        # cannot write is a ValueError.
        message = f"TLS handshake with {origin.authority} failed: {_reason(error)}"
        raise RequestStoppedError(message) from None


def _reason(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return error.verify_message
        case ssl.SSLError(reason=str(reason)):
            return reason.replace("_", " ").lower()
        case TimeoutError():
            return "no answer"
        case OSError(errno=int(number)):  # the event loops word it differently
            return os.strerror(number)
        case _:
            return type(error).__name__
