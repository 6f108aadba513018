"""A server on a PostgreSQL that something happens to, and what must hold whatever it is."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import partial

import psycopg

from tests.e2e.checkers import (
    assert_agrees,
    assert_each_started_once,
    assert_sound,
    wait_until_nothing_is_queued,
)
from tests.e2e.load import Load
from tests.e2e.processes import Answer, ServerProcess, wait_until
from tests.e2e.raw_app import PROGRAMS
from tests.e2e.raw_app_process import RawAppProcess
from tests.e2e.series import FLAGS

__all__ = [
    "FLAGS",
    "Work",
    "assert_refuses_to_accept",
    "is_ready",
    "locked",
    "through",
    "wait_until_ready",
    "work_on",
]

_EVENTS = 4


def through(uri: str, port: int) -> str:
    """The same database at another port of this machine."""
    before, _, database = uri.rpartition("/")
    return f"{before.rpartition(':')[0]}:{port}/{database}"


def is_ready(server: ServerProcess) -> bool:
    return server.get("/health/ready").status == 200


def wait_until_ready(server: ServerProcess) -> None:
    wait_until(partial(is_ready, server), what="readiness")


def assert_refuses_to_accept(server: ServerProcess) -> Answer:
    """503 with a code and a hint when to repeat, and nothing accepted."""
    refused = server.post("/e/test", {"name": "raw/refused"})
    assert (refused.status, refused.json()["code"]) == (503, "SW2001"), refused
    assert int(refused.headers["retry-after"]) >= 1
    assert refused.json()["ids"] == []
    return refused


@contextmanager
def locked(uri: str, *tables: str) -> Iterator[None]:
    """While this lasts, somebody has the tables for himself."""
    with closing(psycopg.connect(uri)) as connection:
        for table in tables:
            connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE".encode())
        yield
        connection.rollback()


class Work:
    """Events that come in, an app that works on what they start, and the book of both."""

    def __init__(self, server: ServerProcess, uri: str) -> None:
        self.server = server
        self.app = RawAppProcess(server)
        self.load = Load(server.url)
        self._uri = uri
        self._sent = 0

    def go_on(self, events: int = _EVENTS) -> None:
        """Let more events come in, and wait for the first of them to be acknowledged."""
        self.begin(events)
        self.load.wait_for(len(self.load.acknowledged) + 1)

    def begin(self, events: int = _EVENTS) -> None:
        """Let more events come in, and be sent again until they are acknowledged."""
        self._sent += events
        self.load.allow(events)

    def settle(self, *, also: int = 0) -> None:
        """Let everything end that was begun.

        Args:
            also: How many events others have sent.
        """
        self.load.wait_for(self._sent)
        self.app.wait(ended=(self._sent + also) * len(PROGRAMS))
        wait_until_nothing_is_queued(self._uri)

    def finish(self, *, also: int = 0) -> None:
        """Let everything end, stop the server, and look at what is stored."""
        self.settle(also=also)
        record = self.app.record
        assert self.server.stop() == 0
        assert_sound(self._uri)
        assert_each_started_once(self._uri, self.load.acknowledged)
        assert_agrees(self._uri, record)

    def close(self) -> None:
        self.load.close()
        self.app.close()


def work_on(
    server: ServerProcess, uri: str, trouble: Callable[[Work], None], *, events: int = _EVENTS
) -> Work:
    """Events before, during and after a trouble, all of which must end well."""
    with closing(Work(server, uri)) as work:
        work.go_on(events)
        trouble(work)
        work.go_on(events)
        work.finish()
    return work
