"""Starting, refusing to start, stopping and being killed, with real processes."""

import contextlib
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.processes import HeldApp, ServerProcess, Servers, free_port, wait_until

KEYS = ("--signing-key", "abcd", "--event-key", "key")


def assert_refused(server: ServerProcess, code: str) -> None:
    """It has ended by itself, with the code and the page that explains it."""
    assert server.wait() == 1
    assert f"{code}: https://" in server.output
    assert "Traceback" not in server.output


class TestStarting:
    def test_a_started_server_is_healthy_and_has_created_its_database(
        self, servers: Servers, tmp_path: Path
    ) -> None:
        server = servers.dev()

        assert server.get("/health").json() == {"status": 200, "message": "OK"}
        assert (tmp_path / ".stepwell" / "main.db").exists()
        assert server.entry("server.started")["url"] == server.url

    def test_a_server_in_memory_leaves_no_file(self, servers: Servers, tmp_path: Path) -> None:
        server = servers.dev("--no-persist")

        assert server.stop() == 0
        assert [path.name for path in tmp_path.iterdir()] == ["server.log"]

    def test_the_database_is_where_it_was_asked_for(self, servers: Servers, tmp_path: Path) -> None:
        servers.dev("--sqlite-dir", "data")

        assert (tmp_path / "data" / "main.db").exists()

    @pytest.mark.parametrize(
        "flags",
        [
            ("--no-discovery", "--no-poll"),
            ("--no-discovery", "--no-poll", "--retry-interval", "1", "--tick", "10"),
            (
                *("--no-discovery", "--no-poll", "--retry-interval", "1", "--log-level", "trace"),
                *("--sdk-url", "http://localhost:1/api/inngest"),
            ),
        ],
        ids=["python", "typescript", "typescript integration"],
    )
    def test_the_command_lines_of_the_official_test_suites_work(
        self, servers: Servers, flags: tuple[str, ...]
    ) -> None:
        servers("dev", *flags).wait_until_healthy()

    def test_the_self_hosted_server_asks_for_the_signing_key(self, servers: Servers) -> None:
        server = servers("start", *KEYS).wait_until_healthy()

        assert server.get("/v1/events").status == 401
        assert server.post("/e/key", {"name": "test/a", "data": {}}).status == 200
        assert server.post("/e/other", {"name": "test/a", "data": {}}).status == 401

    def test_health_tells_a_container_how_the_server_is(self, servers: Servers) -> None:
        server = servers.dev()

        assert health(server.port) == (0, "healthy\n")
        assert server.stop() == 0
        assert health(server.port)[0] == 1


def health(port: int) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "stepwell", "health", "--port", str(port)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout


class TestRefusing:
    def test_a_development_server_moves_on_from_a_port_in_use(self, servers: Servers) -> None:
        with occupied_port() as port:
            server = servers("dev", "--no-discovery", port=port)
            moved = server.entry("port.taken")

        assert moved["wanted"] == port
        assert moved["using"] > port
        assert server.entry("server.started")["url"] == f"http://127.0.0.1:{moved['using']}"

    def test_a_self_hosted_server_does_not_start_on_a_port_in_use(self, servers: Servers) -> None:
        with occupied_port() as port:
            server = servers("start", *KEYS, port=port)

            assert_refused(server, "SW2012")
        assert f"port {port}" in server.output

    def test_a_second_server_on_the_same_database_does_not_start(self, servers: Servers) -> None:
        first = servers.dev()
        second = servers("dev", "--no-discovery")

        assert_refused(second, "SW2003")
        assert f"process {first.process.pid}" in second.output
        assert first.get("/health").status == 200

    def test_a_damaged_database_is_left_as_it_is(self, servers: Servers, tmp_path: Path) -> None:
        database = tmp_path / ".stepwell" / "main.db"
        database.parent.mkdir()
        database.write_bytes(b"no database at all\n" * 1000)
        before = database.read_bytes()

        assert_refused(servers("dev", "--no-discovery"), "SW2004")
        assert database.read_bytes() == before

    def test_a_database_of_a_newer_version_is_refused(
        self, servers: Servers, tmp_path: Path
    ) -> None:
        assert servers.dev().stop() == 0
        with contextlib.closing(sqlite3.connect(tmp_path / ".stepwell" / "main.db")) as database:
            database.execute("UPDATE alembic_version SET version_num = '9999'")
            database.commit()

        server = servers("dev", "--no-discovery")

        assert_refused(server, "SW2005")
        assert "9999" in server.output

    def test_disabled_assertions_are_refused(self, servers: Servers) -> None:
        assert_refused(servers("dev", python=("-O",)), "SW2013")

    def test_an_unreadable_configuration_file_is_refused(self, servers: Servers) -> None:
        assert_refused(servers("dev", "--config", "missing.yaml"), "SW2011")


@contextlib.contextmanager
def occupied_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


class TestStopping:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_a_signal_ends_an_idle_server_with_status_0(
        self, servers: Servers, number: signal.Signals
    ) -> None:
        server = servers.dev()

        assert server.stop(number) == 0
        assert [entry["msg"] for entry in server.entries][-2:] == [
            "server.stopping",
            "server.stopped",
        ]

    def test_an_answer_that_comes_while_the_server_stops_still_counts(
        self, servers: Servers, held_app: HeldApp
    ) -> None:
        first = servers.dev()
        held_app.register_with(first)
        event_id = first.send(held_app.event)
        call = held_app.next_call()

        first.signal(signal.SIGTERM)
        first.entry("server.stopping")
        call.answer("done")

        assert first.wait() == 0
        (run,) = servers.dev().runs_of(event_id)
        assert (run["status"], run["output"]) == ("Completed", "done")
        assert held_app.calls.empty()

    def test_a_call_that_takes_too_long_is_made_again_by_the_next_start(
        self, servers: Servers, held_app: HeldApp
    ) -> None:
        first = servers.dev()
        held_app.register_with(first)
        event_id = first.send(held_app.event)
        held_app.next_call()
        assert first.stop() == 0

        second = servers.dev()
        held_app.next_call().answer("done")

        wait_until(
            lambda: [run["status"] for run in second.runs_of(event_id)] == ["Completed"],
            what="end of the run",
        )

    def test_a_second_signal_ends_the_server_at_once(
        self, servers: Servers, held_app: HeldApp
    ) -> None:
        server = servers.dev()
        held_app.register_with(server)
        server.send(held_app.event)
        held_app.next_call()

        server.signal(signal.SIGINT)
        server.entry("server.stopping")
        server.signal(signal.SIGINT)

        assert server.wait() == 128 + signal.SIGINT


class TestKilling:
    def test_an_accepted_event_and_its_run_survive(
        self, servers: Servers, held_app: HeldApp
    ) -> None:
        first = servers.dev()
        held_app.register_with(first)
        event_id = first.send(held_app.event)
        (before,) = first.runs_of(event_id)
        first.kill()

        second = servers.dev()

        (after,) = second.runs_of(event_id)
        assert after["run_id"] == before["run_id"]

    def test_a_port_is_free_again_at_once(self, servers: Servers) -> None:
        port = free_port()
        first = servers("start", *KEYS, port=port).wait_until_healthy()
        first.kill()

        servers("start", *KEYS, port=port).wait_until_healthy()
