"""Servers whose PostgreSQL has no room left: for connections, for rows or for its log."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.e2e.disks import full, small_disk
from tests.e2e.postgres_faults import (
    FLAGS,
    Work,
    assert_refuses_to_accept,
    is_ready,
    wait_until_ready,
    work_on,
)
from tests.e2e.processes import Servers, on_postgres, wait_until
from tests.postgres.packages import NEWEST
from tests.postgres.server import PostgresServer, other_user

_DISK_MIB = 64
_CONNECTIONS_MAX = 100
#: The log of so small a database.
_LOG = {"min_wal_size": "2MB", "max_wal_size": "8MB"}

_OURS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'stepwell'"
_END_OURS = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'stepwell'"
)
_LOG_ON = (
    "CREATE TABLE IF NOT EXISTS more (n int); INSERT INTO more VALUES (1); SELECT pg_switch_wal()"
)


def write_log(uri: str) -> None:
    """Write more log than there is room for."""
    with closing(psycopg.connect(uri, autocommit=True)) as connection:
        for _ in range(_DISK_MIB + 1):
            connection.execute(_LOG_ON.encode())


@pytest.fixture
def folder() -> Iterator[Path]:
    """An empty folder that PostgreSQL can reach, which may run as another user."""
    with tempfile.TemporaryDirectory(prefix="stepwell-room-") as name:
        path = Path(name)
        path.chmod(0o755)
        (path / "disk").mkdir()
        yield path / "disk"


@contextmanager
def a_server(wal: Path | None = None, **settings: str) -> Iterator[PostgresServer]:
    server = PostgresServer(NEWEST, settings=settings, wal=wal)
    try:
        yield server
    finally:
        server.stop()


class Others:
    """Other programs, which take all connections that there are."""

    def __init__(self, uri: str) -> None:
        self._uri = f"{uri}?application_name=others"
        self._connections: list[psycopg.Connection[Any]] = []
        self.take_all()

    def take_all(self) -> None:
        """Connect until the database refuses."""
        with pytest.raises(psycopg.OperationalError, match="too many clients"):
            self._take(_CONNECTIONS_MAX)

    def _take(self, count: int) -> None:
        for _ in range(count):
            self._connections.append(psycopg.connect(self._uri, autocommit=True))

    def take_theirs(self) -> bool:
        """Take the place of our server's connections; whether it has none by now."""
        first = self._connections[0]
        first.execute(_END_OURS)
        self.take_all()
        return first.execute(_OURS).fetchone() == (0,)

    def close(self) -> None:
        while self._connections:
            self._connections.pop().close()


def test_a_server_works_with_the_connections_it_has_and_waits_for_those_it_needs(
    servers: Servers, database_uri: str
) -> None:
    """While other programs take all that are left, and then its own."""
    server = servers.dev(*FLAGS, environ=on_postgres(database_uri))

    def crowd(work: Work) -> None:
        with closing(Others(database_uri)) as others:
            work.go_on()
            wait_until(others.take_theirs, what="a server without connections")
            work.begin()
            work.load.wait_for_refusal()
            assert_refuses_to_accept(server)
            assert server.get("/health").status == 200
            assert not is_ready(server)
            wait_until(
                lambda: any(
                    "too many clients" in entry.get("reason", "") for entry in server.entries
                ),
                what="the reason in the log",
            )
        wait_until_ready(server)

    work_on(server, database_uri, crowd)


def test_a_server_that_gets_no_connection_says_so_and_does_not_start(
    servers: Servers, database_uri: str
) -> None:
    with closing(Others(database_uri)):
        server = servers("dev", "--no-discovery", environ=on_postgres(database_uri))
        assert server.wait() != 0

    assert "SW2006" in server.output
    assert "too many clients" in server.output


def test_a_full_disk_of_the_database_accepts_nothing_loses_nothing_and_goes_on(
    servers: Servers, crowded_postgres: PostgresServer, folder: Path
) -> None:
    user = other_user()
    with ExitStack() as rest:
        disk = rest.enter_context(
            small_disk(folder, _DISK_MIB, owner=None if user is None else user.pw_uid)
        )
        (disk / "space").mkdir()
        uri = crowded_postgres.uri(crowded_postgres.create_database_in(disk / "space"))
        rest.callback(crowded_postgres.drop_database, uri.rpartition("/")[2])
        server = servers.dev(*FLAGS, environ=on_postgres(uri))

        def fill(work: Work) -> None:
            with full(disk):
                work.begin()
                work.load.wait_for_refusal()
                assert "No space left" in server.entry("partition.lost")["reason"]
                assert server.get("/health").status == 200
            wait_until_ready(server)

        work_on(server, uri, fill)


def test_a_database_that_ends_because_its_log_has_no_room_goes_on_where_it_was(
    servers: Servers, folder: Path
) -> None:
    """It crashes, and comes back by itself, or by its operator if it had no room for that, too."""
    user = other_user()
    with ExitStack() as rest:
        disk = rest.enter_context(
            small_disk(folder, _DISK_MIB, owner=None if user is None else user.pw_uid)
        )
        postgres = rest.enter_context(a_server(disk / "log", **_LOG))
        uri = postgres.uri(postgres.create_database())
        server = servers.dev(*FLAGS, environ=on_postgres(uri))

        def fill(work: Work) -> None:
            with full(disk):
                with pytest.raises(psycopg.OperationalError):
                    write_log(postgres.uri())
                work.begin()
                work.load.wait_for_refusal()
                assert_refuses_to_accept(server)
            if not postgres.is_running:
                postgres.halt()
                postgres.start()
            wait_until_ready(server)

        work_on(server, uri, fill)
