"""A server on a real PostgreSQL, of which either end may vanish at any time."""

import random
import secrets
import signal
import sys
from contextlib import closing
from functools import partial

import pytest

from tests.e2e.checkers import read
from tests.e2e.processes import ServerProcess, Servers, free_port, on_postgres, wait_until
from tests.e2e.series import FLAGS, Series
from tests.postgres.server import PostgresServer

_KILLS = 3
_END_ALL = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def _is_ready(server: ServerProcess) -> bool:
    return server.get("/health/ready").status == 200


@pytest.mark.timeout(120)
def test_nothing_acknowledged_is_lost_whatever_ends(
    servers: Servers, postgres: PostgresServer, uri: str
) -> None:
    """The server or the database is killed, or connections are, while events come in."""
    seed = secrets.randbits(32)
    draws = random.Random(seed)
    start = partial(servers.dev, *FLAGS, port=free_port(), environ=on_postgres(uri))

    def end_connections() -> None:
        read(uri, _END_ALL)

    def restart_database(how: signal.Signals) -> None:
        postgres.halt(how)
        postgres.start()

    with closing(Series(start, draws)) as lives:
        ends = [lives.kill] * _KILLS + [lives.terminate, lives.stop_and_continue]
        ends += [end_connections] * 3
        ends += [partial(restart_database, how) for how in (signal.SIGINT, signal.SIGQUIT)]
        lives.rounds.end_each_with(ends)
        lives.finish(uri)
        assert postgres.uri().rpartition("/")[0] not in lives.server.output

    sys.stdout.write(f"seed {seed}: {lives.rounds.check(uri)}\n")


def test_a_database_that_is_away_refuses_events_and_loses_none(
    servers: Servers, postgres: PostgresServer, blank_uri: str
) -> None:
    uri = blank_uri
    server = servers.dev(environ=on_postgres(uri))
    kept = server.send("a/b", {"n": 1})

    postgres.halt(signal.SIGQUIT)
    refused = server.post("/e/test", {"name": "a/b"})
    assert (refused.status, refused.json()["code"]) == (503, "SW2001")
    assert int(refused.headers["retry-after"]) >= 1
    assert server.get("/health").status == 200
    assert server.get("/health/ready").status == 503

    postgres.start()
    wait_until(partial(_is_ready, server), what="readiness")
    sent = server.send("a/b", {"n": 2})
    stored = read(uri, "SELECT id FROM events WHERE name = 'a/b' ORDER BY id")
    assert stored == [(kept,), (sent,)]
    assert server.stop() == 0


def test_a_database_that_cannot_be_used_is_refused_without_its_password(servers: Servers) -> None:
    uri = f"postgresql://someone:very-secret@127.0.0.1:{free_port()}/nothing"
    server = servers("dev", "--no-discovery", environ=on_postgres(uri))

    assert server.wait() != 0
    assert "SW2006" in server.output
    assert "very-secret" not in server.output
