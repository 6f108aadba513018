"""Clocks that are set while a server works: its own machine's, and its database's."""

from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.e2e.clocks import SetClock
from tests.e2e.postgres_faults import FLAGS, Work
from tests.e2e.processes import Servers, on_postgres

_HOUR_S = 3600

# Found before PostgreSQL's own function of that name.
_DATABASE_CLOCK = """
CREATE TABLE clock_wrong_by (seconds int);
INSERT INTO clock_wrong_by VALUES (0);
CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
    SELECT pg_catalog.clock_timestamp() + make_interval(secs => seconds) FROM public.clock_wrong_by
$$;
ALTER DATABASE {database} SET search_path = public, pg_catalog;
"""


@pytest.fixture
def uri(database_uri: str) -> str:
    """A database whose clock can be set."""
    execute(database_uri, _DATABASE_CLOCK.format(database=database_uri.rpartition("/")[2]))
    return database_uri


def execute(uri: str, sql: str) -> None:
    with closing(psycopg.connect(uri, autocommit=True)) as connection:
        connection.execute(sql.encode())


def test_clocks_that_jump_neither_stop_the_work_nor_change_it(
    servers: Servers, uri: str, tmp_path: Path
) -> None:
    """Sleeps end, events are taken, and nothing is done twice."""
    clock = SetClock(tmp_path)
    server = servers.dev(*FLAGS, environ={**on_postgres(uri), **clock.environ})

    def set_database(seconds: int) -> None:
        execute(uri, f"UPDATE clock_wrong_by SET seconds = {seconds}")

    with closing(Work(server, uri)) as work:
        for set_clock in (clock.set, set_database):
            for seconds in (_HOUR_S, -_HOUR_S, 0):
                work.go_on()
                set_clock(seconds)
                work.go_on()
                work.settle()
        work.finish()
