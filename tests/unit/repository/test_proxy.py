"""The network that tests put between a server and its database."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress

import pytest

from tests.postgres.proxy import Proxy, Way

_LIMIT_S = 10.0


class _Ends:
    """Both ends of connections through a proxy."""

    def __init__(self, closing_all: ExitStack) -> None:
        self._closing_all = closing_all
        self.listener = self._kept(socket.create_server(("127.0.0.1", 0)))
        self.proxy = Proxy(self.listener.getsockname()[1])
        closing_all.callback(self.proxy.close)

    def connect(self) -> tuple[socket.socket, socket.socket]:
        """A new connection: the client's end and the server's."""
        client = self._kept(socket.create_connection(("127.0.0.1", self.proxy.port), _LIMIT_S))
        server = self._kept(self.listener.accept()[0])
        return client, server

    def _kept(self, end: socket.socket) -> socket.socket:
        end.settimeout(_LIMIT_S)
        return self._closing_all.enter_context(closing(end))


@pytest.fixture
def ends() -> Iterator[_Ends]:
    with ExitStack() as closing_all:
        yield _Ends(closing_all)


def pass_through(client: socket.socket, server: socket.socket) -> None:
    """Say something each way, and hear it."""
    for sender, receiver in ((client, server), (server, client)):
        sender.sendall(b"said")
        assert receiver.recv(100) == b"said"


def assert_has_heard_nothing(end: socket.socket) -> None:
    end.setblocking(False)
    with pytest.raises(BlockingIOError):
        end.recv(1)
    end.settimeout(_LIMIT_S)


def assert_is_over(end: socket.socket) -> None:
    with suppress(ConnectionResetError):
        assert end.recv(1) == b""


def test_what_is_said_arrives_both_ways_and_so_does_the_end(ends: _Ends) -> None:
    client, server = ends.connect()
    pass_through(client, server)

    client.shutdown(socket.SHUT_WR)

    assert server.recv(1) == b""
    server.sendall(b"last")
    assert client.recv(100) == b"last"


def test_what_is_delayed_arrives_in_order(ends: _Ends) -> None:
    client, server = ends.connect()
    ends.proxy.delay(0.001)

    for number in range(20):
        client.sendall(b"%02d" % number)

    heard = b""
    while len(heard) < 40:
        heard += server.recv(100)
    assert heard == b"".join(b"%02d" % number for number in range(20))


def test_what_was_lost_stays_lost_and_its_connection_silent(ends: _Ends) -> None:
    """Others, and later ones, are not concerned."""
    client, server = ends.connect()
    pass_through(client, server)

    ends.proxy.lose(Way.REQUESTS)
    client.sendall(b"lost")
    server.sendall(b"answer")
    assert client.recv(100) == b"answer"
    another = ends.connect()
    ends.proxy.heal()
    client.sendall(b"silent")

    pass_through(*another)
    pass_through(*ends.connect())
    assert_has_heard_nothing(server)


def test_what_is_held_arrives_when_the_network_is_well_again(ends: _Ends) -> None:
    client, server = ends.connect()
    ends.proxy.hold(Way.ANSWERS)
    server.sendall(b"held")
    client.sendall(b"not held")
    assert server.recv(100) == b"not held"
    assert_has_heard_nothing(client)

    ends.proxy.heal()

    assert client.recv(100) == b"held"


@pytest.mark.parametrize("way", Way)
def test_a_connection_is_cut_after_so_many_bytes(ends: _Ends, way: Way) -> None:
    """In the middle of what is said; both ends notice, and nobody else."""
    client, server = ends.connect()
    another = ends.connect()
    sender, receiver = (client, server) if way is Way.REQUESTS else (server, client)
    ends.proxy.cut_after(5, way)

    sender.sendall(b"abc")
    assert receiver.recv(100) == b"abc"
    sender.sendall(b"defg")

    assert receiver.recv(100) == b"de"
    assert_is_over(receiver)
    assert_is_over(sender)
    assert ends.proxy.has_cut(1)
    assert not ends.proxy.has_cut(2)
    pass_through(*another)


def test_all_connections_can_be_cut_at_once_and_new_ones_made(ends: _Ends) -> None:
    pairs = [ends.connect() for _ in range(3)]
    for pair in pairs:
        pass_through(*pair)

    ends.proxy.cut()

    for pair in pairs:
        for end in pair:
            assert_is_over(end)
    pass_through(*ends.connect())


def test_who_is_refused_can_connect_when_the_network_is_well_again(ends: _Ends) -> None:
    client, _ = ends.connect()
    ends.proxy.refuse()

    assert_is_over(client)
    with pytest.raises(ConnectionRefusedError):
        ends.connect()
    ends.proxy.heal()
    pass_through(*ends.connect())


def test_new_connections_can_be_passed_on_to_another_port(ends: _Ends) -> None:
    """As an address does that moves to another machine."""
    ends.connect()
    with closing(socket.create_server(("127.0.0.1", 0))) as elsewhere:
        elsewhere.settimeout(_LIMIT_S)
        ends.proxy.aim(elsewhere.getsockname()[1])

        with (
            closing(socket.create_connection(("127.0.0.1", ends.proxy.port), _LIMIT_S)) as client,
            closing(elsewhere.accept()[0]) as server,
        ):
            pass_through(client, server)


def test_who_cannot_be_passed_on_is_cut(ends: _Ends) -> None:
    ends.listener.close()

    with closing(socket.create_connection(("127.0.0.1", ends.proxy.port), _LIMIT_S)) as client:
        assert_is_over(client)


def test_it_can_be_closed_twice_whatever_is_under_way(ends: _Ends) -> None:
    client, server = ends.connect()
    ends.proxy.hold()
    client.sendall(b"held")

    ends.proxy.close()
    ends.proxy.close()

    assert_is_over(client)
    assert_is_over(server)
