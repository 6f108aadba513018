"""Servers whose network to PostgreSQL is slow, loses what is said, or ends in the middle of it."""

import random
import secrets
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from functools import partial

import pytest

from tests.e2e.checkers import read
from tests.e2e.postgres_faults import (
    FLAGS,
    Work,
    assert_refuses_to_accept,
    is_ready,
    locked,
    through,
    wait_until_ready,
    work_on,
)
from tests.e2e.processes import Answer, ServerProcess, Servers, on_postgres, wait_until
from tests.e2e.raw_app import EVENT
from tests.postgres.proxy import Proxy, Way
from tests.postgres.server import PostgresServer

#: A database as far away as another continent.
_FAR_S = 0.03
_CUTS = 5
_ONCE = ("/e/test", {"name": EVENT, "id": "once", "data": {"key": "once"}})
_SEED = {"x-inngest-event-id-seed": "1750000000000,AAAAAAAAAAAAAQ=="}
_STORED = f"SELECT id FROM events WHERE external_id = 'once' AND name = '{EVENT}'"
_WAITING = """
SELECT 1 FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock'
"""
_BYTES_MAX = {Way.REQUESTS: 30_000, Way.ANSWERS: 2_000}


@pytest.fixture
def proxy(crowded_postgres: PostgresServer) -> Iterator[Proxy]:
    with closing(Proxy(crowded_postgres.port)) as network:
        yield network


@pytest.fixture
def server(servers: Servers, proxy: Proxy, database_uri: str) -> ServerProcess:
    """A server that reaches its database through the proxy."""
    return servers.dev(*FLAGS, environ=on_postgres(through(database_uri, proxy.port)))


def test_a_network_that_loses_everything_is_noticed_and_given_up(
    server: ServerProcess, proxy: Proxy, database_uri: str
) -> None:
    """Connections stay, and nobody says anything: clients must not wait for that to end."""

    def lose(work: Work) -> None:
        proxy.lose()
        work.begin()
        refusal = work.load.wait_for_refusal()
        assert refusal.json()["code"] == "SW2001"
        assert_refuses_to_accept(server)
        assert server.get("/health").status == 200
        assert not is_ready(server)
        # What was asked before is given up, too.
        assert "no answer" in server.entry("partition.lost")["reason"]
        proxy.heal()
        wait_until_ready(server)

    work_on(server, database_uri, lose)


def test_what_a_network_held_back_comes_too_late(
    server: ServerProcess, proxy: Proxy, database_uri: str
) -> None:
    """A commit that was given up arrives when the server has taken its partition again."""

    def hold(work: Work) -> None:
        proxy.hold(Way.REQUESTS)
        work.begin()
        work.load.wait_for_refusal()
        server.entry("partition.lost")
        proxy.heal()
        wait_until_ready(server)

    work_on(server, database_uri, hold)


def test_a_network_that_is_slow_and_ends_in_the_middle_of_a_message_does_no_harm(
    server: ServerProcess, proxy: Proxy, database_uri: str
) -> None:
    """Of a commit or of its answer, after any number of bytes."""
    seed = secrets.randbits(32)
    sys.stdout.write(f"seed {seed}\n")
    draws = random.Random(seed)

    def cut(work: Work) -> None:
        proxy.delay(_FAR_S)
        work.go_on()
        work.settle()
        proxy.heal()
        for number in range(_CUTS):
            way = draws.choice(list(Way))
            proxy.cut_after(draws.randint(1, _BYTES_MAX[way]), way)
            work.begin()
            wait_until(partial(proxy.has_cut, number + 1), what="a cut")

    work_on(server, database_uri, cut)


def test_an_event_whose_commit_was_not_confirmed_can_be_sent_again(
    server: ServerProcess, proxy: Proxy, database_uri: str
) -> None:
    """The connection ends after the commit and before its answer: stored, and not acknowledged."""
    answers: list[Answer] = []

    def send() -> None:
        answers.append(server.post(*_ONCE, headers=_SEED))

    with closing(Work(server, database_uri)) as work:
        work.go_on()
        work.settle()
        with locked(database_uri, "events"):
            asking = threading.Thread(target=send)
            asking.start()
            wait_until(lambda: read(database_uri, _WAITING), what="a commit that waits")
            proxy.hold(Way.ANSWERS)
        wait_until(lambda: read(database_uri, _STORED), what="the event")
        proxy.cut()
        asking.join()
        proxy.heal()
        (refused,) = answers
        assert (refused.status, refused.json()["code"]) == (503, "SW2001")
        wait_until_ready(server)

        repeated = server.post(*_ONCE, headers=_SEED)

        assert repeated.status == 200
        # Stored as often as it was sent, under one id.
        assert {id_ for (id_,) in read(database_uri, _STORED)} == set(repeated.json()["ids"])
        work.finish(also=1)


def test_a_server_that_cannot_reach_its_database_can_be_stopped(
    server: ServerProcess, proxy: Proxy
) -> None:
    """Whoever stops it does not wait for a network that says nothing."""
    proxy.lose()
    assert_refuses_to_accept(server)
    assert server.stop(signal.SIGTERM) == 0
