"""Servers whose PostgreSQL stands still: it hangs, somebody has locked it, or it moves elsewhere."""

import signal
from contextlib import ExitStack, closing

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
from tests.e2e.processes import Servers, on_postgres, wait_until
from tests.postgres.packages import NEWEST
from tests.postgres.proxy import Proxy
from tests.postgres.server import PostgresServer

#: A commit is confirmed when the standby has it on its disk, too.
_SYNCHRONOUS = {"synchronous_standby_names": "*"}
_WAITING = "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'SyncRep'"


def test_a_database_that_hangs_or_is_locked_refuses_events_until_it_answers(
    servers: Servers, crowded_postgres: PostgresServer, database_uri: str
) -> None:
    """Its machine takes what is sent, so the network sees nothing wrong."""
    server = servers.dev(*FLAGS, environ=on_postgres(database_uri))

    def lock_and_hang(work: Work) -> None:
        with locked(database_uri, "events", "queue"):
            work.begin()
            refusal = work.load.wait_for_refusal()
            assert refusal.json()["code"] == "SW2001"
            assert "lock timeout" in server.entry("partition.lost")["reason"]
            assert server.get("/health").status == 200
        wait_until_ready(server)
        with crowded_postgres.hanging():
            assert_refuses_to_accept(server)
            assert server.get("/health").status == 200
            assert not is_ready(server)
        wait_until_ready(server)

    work_on(server, database_uri, lock_and_hang)


def test_nothing_acknowledged_is_lost_when_a_standby_takes_the_place_of_the_primary(
    servers: Servers,
) -> None:
    """It is reached where the primary was, and has every commit that was confirmed; what it does
    not confirm is not acknowledged, however long the primary waits."""
    with ExitStack() as rest:
        primary = PostgresServer(NEWEST, settings=_SYNCHRONOUS)
        rest.callback(primary.stop)
        primary.halt()
        standby = PostgresServer(NEWEST, primary=primary)
        rest.callback(standby.stop)
        primary.start()
        proxy = rest.enter_context(closing(Proxy(primary.port)))
        before = primary.uri(primary.create_database())
        after = through(before, standby.port)
        server = servers.dev(*FLAGS, environ=on_postgres(through(before, proxy.port)))

        def fail_over(work: Work) -> None:
            standby.halt()
            work.begin()
            work.load.wait_for_refusal()
            assert_refuses_to_accept(server)
            assert wait_until(lambda: read(before, _WAITING), what="a commit that waits")
            standby.start()
            wait_until_ready(server)
            work.go_on()
            work.begin()
            primary.halt(signal.SIGQUIT)
            proxy.cut()
            assert_refuses_to_accept(server)
            standby.promote()
            proxy.aim(standby.port)
            wait_until_ready(server)

        work_on(server, after, fail_over)
