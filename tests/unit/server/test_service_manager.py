"""Telling systemd how the server is."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from stepwell.server.service_manager import ServiceManager


@pytest.fixture
def channel(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        listener.settimeout(5)
        yield listener


def test_states_are_sent_to_the_socket_of_the_environment(channel: socket.socket) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": channel.getsockname()})

    manager.ready()
    manager.stopping()

    assert [channel.recv(100), channel.recv(100)] == [b"READY=1", b"STOPPING=1"]


def test_an_abstract_socket_is_written_with_an_at_sign() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        # The system chooses an abstract address.
        listener.bind("")
        name: bytes = listener.getsockname()

        ServiceManager({"NOTIFY_SOCKET": "@" + name[1:].decode()}).ready()

        assert listener.recv(100) == b"READY=1"


def test_without_a_service_manager_nothing_happens() -> None:
    manager = ServiceManager({})

    manager.ready()
    asyncio.run(manager.watch())


def test_a_service_manager_that_is_gone_stops_nobody(tmp_path: Path) -> None:
    ServiceManager({"NOTIFY_SOCKET": str(tmp_path / "gone")}).ready()


def test_the_watchdog_is_told_that_the_loop_is_alive(channel: socket.socket) -> None:
    manager = ServiceManager({"NOTIFY_SOCKET": channel.getsockname(), "WATCHDOG_USEC": "2000000"})

    async def watch_for_a_moment() -> None:
        watching = asyncio.create_task(manager.watch())
        await asyncio.sleep(0)
        watching.cancel()

    asyncio.run(watch_for_a_moment())

    assert channel.recv(100) == b"WATCHDOG=1"
