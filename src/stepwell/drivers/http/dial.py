"""Opening connections: names, addresses of both families, TLS."""

import asyncio
import os
import socket
import ssl
from collections.abc import Callable
from itertools import chain, zip_longest
from typing import Any, TypeAlias, TypeVar

from stepwell.drivers.http.message import FailureKind, HttpFailure
from stepwell.drivers.http.url import Origin

CONNECT_TIMEOUT_S = 10.0
"""Name, connection and TLS handshake together."""

# RFC 8305, section 5: a second address is tried when the first has not answered by then.
_NEXT_ADDRESS_AFTER_S = 0.25
# A name with more addresses than this is not more reachable.
_ADDRESSES_MAX = 8
_TLS_SHUTDOWN_S = 1.0

_Address: TypeAlias = tuple[socket.AddressFamily, tuple[str, int]]
_P = TypeVar("_P", bound=asyncio.Protocol)


async def dial(
    origin: Origin, protocol: Callable[[], _P], *, tls: ssl.SSLContext | None
) -> _P | HttpFailure:
    """Connect to an origin; the caller bounds the time by cancelling.

    "localhost" means 127.0.0.1 and ::1 without asking a resolver; addresses of other names are
    tried in the resolver's order, families in turn, the next one after 250 ms or as soon as the
    previous one has failed.

    Args:
        origin: Where to.
        protocol: Makes the protocol of the connection.
        tls: Context for https; ignored for http.
    """
    try:
        addresses = await _addresses(origin.host, origin.port)
        connected = await _first_to_connect(addresses)
    except socket.gaierror as error:
        detail = f"cannot resolve {origin.host}: {error.strerror}"
        return HttpFailure(FailureKind.UNREACHABLE, detail)
    except (OSError, UnicodeError) as error:
        detail = f"cannot connect to {origin.authority}: {_reason(error)}"
        return HttpFailure(FailureKind.UNREACHABLE, detail)

    loop = asyncio.get_running_loop()
    if not origin.is_tls:
        _, made = await loop.create_connection(protocol, sock=connected)
        return made
    assert tls is not None
    try:
        _, made = await loop.create_connection(
            protocol,
            sock=connected,
            ssl=tls,
            server_hostname=origin.host,
            ssl_shutdown_timeout=_TLS_SHUTDOWN_S,
        )
    except (OSError, ValueError) as error:
        # SSLError is an OSError, and so is a peer that hangs up in the handshake; a name that TLS
        # cannot write is a ValueError.
        detail = f"TLS handshake with {origin.authority} failed: {_reason(error)}"
        return HttpFailure(FailureKind.TLS, detail)
    return made


async def _addresses(host: str, port: int) -> list[_Address]:
    for family in (socket.AF_INET, socket.AF_INET6):
        try:
            socket.inet_pton(family, host)
        except OSError:
            continue
        return [(family, (host, port))]
    if host == "localhost" or host.endswith(".localhost"):  # RFC 6761, 6.3
        return [(socket.AF_INET, ("127.0.0.1", port)), (socket.AF_INET6, ("::1", port))]

    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    by_family: dict[socket.AddressFamily, list[_Address]] = {}
    for family, _, _, _, address in found:
        if family in (socket.AF_INET, socket.AF_INET6):
            by_family.setdefault(family, []).append((family, (str(address[0]), int(address[1]))))
    in_turn = chain.from_iterable(zip_longest(*by_family.values()))
    return [address for address in in_turn if address is not None][:_ADDRESSES_MAX]


async def _first_to_connect(addresses: list[_Address]) -> socket.socket:
    """A socket connected to one of the addresses.

    Raises:
        OSError: None of them could be connected to; the first address's reason.
    """
    if not addresses:
        raise OSError("the name has no address")
    if len(addresses) == 1:
        return await connected_to(*addresses[0])

    attempts: list[asyncio.Task[socket.socket]] = []
    running: set[asyncio.Task[socket.socket]] = set()
    waiting = list(reversed(addresses))
    winner: socket.socket | None = None
    try:
        while winner is None and (waiting or running):
            if waiting:
                attempt = asyncio.create_task(connected_to(*waiting.pop()))
                attempts.append(attempt)
                running.add(attempt)
            ended, running = await asyncio.wait(
                running,
                timeout=_NEXT_ADDRESS_AFTER_S if waiting else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            winner = next((task.result() for task in ended if task.exception() is None), None)
    finally:
        await _discard(attempts, but=winner)
    if winner is None:
        first_error = attempts[0].exception()
        assert first_error is not None
        raise first_error
    return winner


async def _discard(
    attempts: list[asyncio.Task[socket.socket]], *, but: socket.socket | None
) -> None:
    for task in attempts:
        task.cancel()
    for result in await asyncio.gather(*attempts, return_exceptions=True):
        if isinstance(result, socket.socket) and result is not but:
            result.close()


async def connected_to(
    family: socket.AddressFamily, host_and_port: tuple[Any, ...]
) -> socket.socket:
    """A socket connected to an address.

    Raises:
        OSError: It could not be connected to.
    """
    connecting = socket.socket(family, socket.SOCK_STREAM)
    try:
        connecting.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connecting, host_and_port)
    except BaseException:
        connecting.close()
        raise
    return connecting


def _reason(error: Exception) -> str:
    match error:
        case ssl.SSLCertVerificationError():
            return error.verify_message
        case ssl.SSLError(reason=str(reason)):
            return reason.replace("_", " ").lower()
        case OSError(errno=int(number)):  # the event loops word it differently
            return os.strerror(number)
        case _:
            return str(error) or type(error).__name__
