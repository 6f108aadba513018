"""The sockets the server listens on.

Processes that share a port have a socket each, among which the system chooses by the address of who
connects. With one socket for all, the first to wake up would take most of what comes at once: half
of the pools of 64 connections that were tried went to one process almost entirely.
"""

import errno
import socket
from typing import Final

from stepwell.server.errors import AddressUnavailable

__all__ = ["BACKLOG", "bind_shared", "listen", "listen_nearby"]

#: Connections that wait to be accepted; the system may allow fewer.
BACKLOG: Final = 2048
#: Ports tried from the wanted one on. Whoever has more servers running should choose.
_PORTS_TRIED_MAX: Final = 50
_PORT_MAX: Final = 65_535
_TAKEN: Final = frozenset({errno.EADDRINUSE, errno.EACCES})


def listen(host: str, port: int) -> list[socket.socket]:
    """Listen on every address that `host` stands for.

    Connections are taken from now on, and wait until somebody serves them.

    Args:
        host: An address or a name; 0.0.0.0 is every IPv4 address of this machine.
        port: 0 lets the system choose one.

    Raises:
        AddressUnavailable: The port is in use or reserved, or the address is not of this machine.
    """
    try:
        return _listen(host, port)
    except OSError as error:
        raise AddressUnavailable(host, port, error.strerror or str(error)) from error


def listen_nearby(host: str, port: int) -> list[socket.socket]:
    """As `listen`, on the first port from the wanted one on that is free.

    Raises:
        AddressUnavailable: None is, or the address is not of this machine.
    """
    for candidate in range(port, min(port + _PORTS_TRIED_MAX, _PORT_MAX + 1)):
        try:
            return _listen(host, candidate)
        except OSError as error:
            failure = error
            if error.errno not in _TAKEN:
                break
    raise AddressUnavailable(host, port, failure.strerror or str(failure)) from failure


def bind_shared(host: str, port: int) -> list[socket.socket]:
    """Have a part in a port that other processes of the server have parts in.

    Nobody is sent to a socket that does not listen yet.

    Raises:
        AddressUnavailable: Somebody else has the port, or the address is not of this machine.
    """
    try:
        return _bind(host, port, is_shared=True)
    except OSError as error:
        raise AddressUnavailable(host, port, error.strerror or str(error)) from error


def _listen(host: str, port: int) -> list[socket.socket]:
    listeners = _bind(host, port)
    try:
        for listener in listeners:
            # Only a listening socket keeps others away from the port.
            listener.listen(BACKLOG)
    except OSError:
        for listener in listeners:
            listener.close()
        raise
    return listeners


def _bind(host: str, port: int, *, is_shared: bool = False) -> list[socket.socket]:
    found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    listeners: list[socket.socket] = []
    try:
        for family, _, _, _, (address, _port, *rest) in dict.fromkeys(found):
            listener = socket.socket(family, socket.SOCK_STREAM)
            listeners.append(listener)
            # Otherwise a restart would have to wait until old connections are forgotten.
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if is_shared:
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((address, port, *rest))
            # If the system has chosen a port for the first address, the others follow.
            port = listener.getsockname()[1]
            listener.setblocking(False)
    except OSError:
        for listener in listeners:
            listener.close()
        raise
    return listeners
