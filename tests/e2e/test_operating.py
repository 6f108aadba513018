"""Running a server in production: its tokens, whether it is ready, and how it ends."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from signal import SIGTERM

import pytest

from tests.e2e.processes import HeldApp, ServerProcess, Servers, wait_until

KEYS = ("--signing-key", "abcd", "--event-key", "test")
OTHER_TOKEN = "0123456789abcdef" * 2


def start(servers: Servers, *flags: str) -> ServerProcess:
    return servers("start", *KEYS, *flags).wait_until_healthy()


def shown_tokens(server: ServerProcess) -> list[str]:
    return re.findall(r"^Operator token: (\S+)$", server.output, re.MULTILINE)


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def status_with(server: ServerProcess, token: str, path: str = "/v1/retention") -> int:
    return server.get(path, headers=bearer(token)).status


def command(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    foreign = ("INNGEST_", "STEPWELL_", "LOG_")
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
    return subprocess.run(
        [sys.executable, "-m", "stepwell", *arguments],
        env={**inherited, **environ},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


class TestOperatorToken:
    def test_it_is_shown_by_the_first_start_only_and_never_logged(
        self, servers: Servers, tmp_path: Path
    ) -> None:
        first = start(servers)
        (token,) = shown_tokens(first)
        assert status_with(first, token) == 200
        assert first.stop() == 0

        second = start(servers, "--log-level", "debug")
        assert shown_tokens(second) == []
        assert status_with(second, token) == 200
        assert second.stop() == 0

        assert token not in json.dumps(first.entries + second.entries)
        assert "operator_token.created" in [entry["msg"] for entry in first.entries]
        for path in (tmp_path / ".stepwell").iterdir():
            assert token.encode() not in path.read_bytes(), "only a hash is stored"

    def test_each_kind_of_proof_opens_its_own(self, servers: Servers) -> None:
        metrics = OTHER_TOKEN[::-1]
        server = start(servers, "--operator-token", OTHER_TOKEN, "--metrics-token", metrics)

        assert shown_tokens(server) == []
        opened = {
            proof: [status_with(server, proof, path) for path in ("/metrics", "/v1/events", "/v0/")]
            for proof in ("abcd", OTHER_TOKEN, metrics, "wrong")
        }
        assert opened == {
            "abcd": [403, 200, 403],
            OTHER_TOKEN: [200, 200, 200],
            metrics: [200, 401, 401],
            "wrong": [401, 401, 401],
        }
        for path in ("/v0/gql", "/v0/changes", "/metrics", "/mcp", "/v1/prom/default"):
            assert server.get(path).status == 401, "nothing is open because we are on this machine"

    def test_a_running_server_is_asked_for_another_one(self, servers: Servers) -> None:
        server = start(servers)
        (old,) = shown_tokens(server)

        done = command("token", "replace", STEPWELL_SERVER=server.url, STEPWELL_TOKEN=old)

        new = done.stdout.strip()
        assert done.returncode == 0, done.stderr
        assert (status_with(server, old), status_with(server, new)) == (401, 200)
        assert server.stop() == 0
        assert status_with(start(servers), new) == 200

    def test_one_that_is_lost_is_replaced_in_the_database_of_a_stopped_server(
        self, servers: Servers, tmp_path: Path
    ) -> None:
        folder = str(tmp_path / ".stepwell")
        server = start(servers)
        (old,) = shown_tokens(server)
        refused = command("db", "replace-token", "--sqlite-dir", folder)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "SW2003: " in refused.stderr
        assert server.stop() == 0

        new = command("db", "replace-token", "--sqlite-dir", folder).stdout.strip()

        again = start(servers)
        assert (status_with(again, old), status_with(again, new)) == (401, 200)

    def test_one_that_nobody_could_see_does_not_lock_the_operator_out(
        self, servers: Servers, tmp_path: Path
    ) -> None:
        reader, writer = os.pipe()
        os.close(reader)
        blind = subprocess.run(
            [sys.executable, "-m", "stepwell", "start", *KEYS, "--port", "0"],
            cwd=tmp_path,
            stdout=writer,
            stderr=subprocess.PIPE,
            timeout=60,
            check=False,
        )
        os.close(writer)
        assert blind.returncode == 1
        assert b"SW2017: https://" in blind.stderr
        assert b"stepwell_op_" not in blind.stderr

        server = start(servers)
        (token,) = shown_tokens(server)
        assert status_with(server, token) == 200


class TestRefusing:
    @pytest.mark.parametrize(
        ("flags", "code"),
        [
            (("--operator-token", "5ecret"), "SW2010"),
            (("--metrics-token", "5ecret"), "SW2010"),
            (("--postgres-uri", "postgresql://me:5ecret@localhost:1/db"), "SW2006"),
            (("--postgres-uri", "mysql://me:5ecret@localhost/db"), "SW2010"),
            (("--shutdown-grace", "soon"), "SW2010"),
        ],
    )
    def test_what_is_unsafe_or_cannot_be_had_is_refused_and_leaves_nothing(
        self, servers: Servers, tmp_path: Path, flags: tuple[str, ...], code: str
    ) -> None:
        server = servers("start", *KEYS, *flags)

        assert server.wait() == 1
        assert f"{code}: https://" in server.output
        assert "5ecret" not in server.output
        assert "Traceback" not in server.output
        assert not (tmp_path / ".stepwell").exists()


class TestReadiness:
    def test_a_server_that_runs_is_ready_and_says_so_without_keys(self, servers: Servers) -> None:
        server = start(servers)
        wait_until(lambda: server.get("/health/ready").status == 200, what="readiness")

        done = command("health", "--ready", "--port", str(server.port))

        assert (done.returncode, done.stdout) == (0, "ready\n")

    def test_while_it_stops_it_is_not_ready_but_goes_on_to_serve(
        self, servers: Servers, held_app: HeldApp
    ) -> None:
        """Load balancers send requests elsewhere; those that come all the same are not lost."""
        first = servers.dev("--shutdown-grace", "60")
        held_app.register_with(first)
        first.send(held_app.event)
        call = held_app.next_call()

        first.signal(SIGTERM)
        first.entry("server.stopping")
        answer = wait_until(
            lambda: (found := first.get("/health/ready")).status == 503 and found,
            what="an answer that the server is not ready",
        )
        assert answer
        assert (answer.json()["reason"], answer.headers["retry-after"]) == ("stopping", "1")
        told = command("health", "--ready", "--port", str(first.port))
        assert told.returncode == 1
        assert "status 503: not ready: the server is stopping" in told.stderr
        assert first.get("/health").status == 200
        event_id = first.send(held_app.event)
        call.answer("done")
        assert first.wait() == 0

        second = servers.dev()
        held_app.next_call().answer("later")
        wait_until(
            lambda: [run["output"] for run in second.runs_of(event_id)] == ["later"],
            what="the run of the event that came while the server stopped",
        )

    def test_without_grace_calls_under_way_are_left_to_the_next_start(
        self, servers: Servers, held_app: HeldApp
    ) -> None:
        first = servers.dev("--shutdown-grace", "0")
        held_app.register_with(first)
        event_id = first.send(held_app.event)
        held_app.next_call()
        assert first.stop() == 0
        assert first.entry("drain.calls_given_up")["calls"] == 1

        second = servers.dev()
        held_app.next_call().answer("again")
        wait_until(
            lambda: [run["output"] for run in second.runs_of(event_id)] == ["again"],
            what="end of the run",
        )
