"""Finding a place to listen."""

import contextlib
import socket
from collections.abc import Iterator

import pytest

from stepwell.server.errors import AddressUnavailable
from stepwell.server.listening import bind_shared, listen, listen_nearby


@pytest.fixture
def taken() -> Iterator[int]:
    """A port that somebody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


def port_of(listeners: list[socket.socket]) -> int:
    port: int = listeners[0].getsockname()[1]
    for listener in listeners:
        assert listener.getsockname()[1] == port
        listener.close()
    return port


def test_connections_wait_before_anybody_serves_them() -> None:
    (listener,) = listen("127.0.0.1", 0)

    with contextlib.closing(listener), socket.create_connection(listener.getsockname(), 5):
        pass


def test_a_name_stands_for_all_its_addresses() -> None:
    assert port_of(listen("localhost", 0)) > 0


def test_a_port_in_use_is_refused(taken: int) -> None:
    with pytest.raises(AddressUnavailable, match=f"port {taken}") as raised:
        listen("127.0.0.1", taken)

    assert (raised.value.host, raised.value.port) == ("127.0.0.1", taken)


def test_an_address_of_another_machine_is_refused() -> None:
    # TEST-NET-1, which belongs to nobody.
    for attempt in (listen, listen_nearby):
        with pytest.raises(AddressUnavailable):
            attempt("192.0.2.1", 0)


def test_the_next_free_port_is_used(taken: int) -> None:
    assert port_of(listen_nearby("127.0.0.1", taken)) > taken


def test_a_free_port_is_used_as_it_is(taken: int) -> None:
    free = port_of(listen("127.0.0.1", 0))
    assert free != taken

    assert port_of(listen_nearby("127.0.0.1", free)) == free


def test_processes_have_parts_in_one_port_that_nobody_else_gets() -> None:
    (first,) = bind_shared("127.0.0.1", 0)
    port = first.getsockname()[1]
    (second,) = bind_shared("127.0.0.1", port)
    with contextlib.closing(first), contextlib.closing(second):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", port), 5)
        first.listen()
        second.listen()
        with socket.create_connection(("127.0.0.1", port), 5):
            pass
        with pytest.raises(AddressUnavailable):
            listen("127.0.0.1", port)


def test_no_part_is_had_in_the_port_of_somebody_else(taken: int) -> None:
    with pytest.raises(AddressUnavailable, match=f"port {taken}"):
        bind_shared("127.0.0.1", taken)
