"""Connections over a network that fails, and to a database that has none left."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from typing import Protocol, TypeVar
from urllib.parse import urlsplit

import psycopg
import pytest

from stepwell.engine.store import StoreUnavailable
from stepwell.store.postgres.address import Address
from stepwell.store.postgres.connections import (
    READING,
    WRITING,
    Breaks,
    Connections,
    PoolTimes,
    connect,
)
from stepwell.store.postgres.halves import end_halves
from stepwell.store.postgres.patience import PatientReader
from stepwell.store.postgres.pipeline import Prepared
from stepwell.store.sql.statements import Query, Statement
from tests.postgres.fixtures import PostgresPlace
from tests.postgres.proxy import Proxy

pytestmark = pytest.mark.anyio

_ONE = Query(Statement("SELECT 1"))
_PID = Query(Statement("SELECT pg_backend_pid()"))
_FEW = "few"


@pytest.fixture
def place(postgres_newest: PostgresPlace) -> PostgresPlace:
    return postgres_newest


@pytest.fixture
def proxy(place: PostgresPlace) -> Iterator[Proxy]:
    port = urlsplit(place.uri).port
    assert port is not None
    with closing(Proxy(port)) as network:
        yield network


def through(place: PostgresPlace, proxy: Proxy) -> Address:
    return Address.parse(place.uri.replace(f":{urlsplit(place.uri).port}/", f":{proxy.port}/"))


@pytest.fixture
def few(place: PostgresPlace) -> Iterator[Address]:
    """The database for a user who may have one connection."""
    parts = urlsplit(place.uri)
    with closing(place.connect()) as connection:
        connection.execute(
            f"CREATE ROLE {_FEW} LOGIN PASSWORD '{parts.password}' CONNECTION LIMIT 1".encode()
        )
        yield Address.parse(place.uri.replace("//stepwell:", f"//{_FEW}:"))
        connection.execute(f"DROP ROLE {_FEW}".encode())


class _Closable(Protocol):
    async def close(self) -> None: ...


C = TypeVar("C", bound=_Closable)


@asynccontextmanager
async def opened(what: C) -> AsyncIterator[C]:
    try:
        yield what
    finally:
        await what.close()


async def pid_of(connections: Connections) -> int:
    (found,) = await connections.run("test", [_PID])
    pid: int = found.rows[0][0]
    return pid


async def has_room(connections: Connections) -> None:
    """Until the database has noticed the end of a connection that was closed."""
    while True:
        try:
            await connections.run("test", [_ONE])
        except StoreUnavailable:
            continue
        return


async def test_a_connection_that_the_database_closed_is_not_used_again(
    place: PostgresPlace,
) -> None:
    """Nobody was told when it happened, because nobody used it; so nobody has to fail."""
    async with opened(Connections(Address.parse(place.uri), WRITING, connections_max=1)) as pool:
        before = await pid_of(pool)
        with closing(place.connect()) as another:
            # Returns when it has ended, and its end has been sent.
            another.execute("SELECT pg_terminate_backend(%s, 10000)", [before])
        for _ in range(3):
            await asyncio.sleep(0)  # it has arrived: the loop only has to look

        assert await pid_of(pool) != before


class TestSilence:
    async def test_a_connection_that_says_nothing_is_given_up(
        self, place: PostgresPlace, proxy: Proxy
    ) -> None:
        """A database that hangs says nothing, and its connections stay open."""
        pool = Connections(through(place, proxy), WRITING, connections_max=1, answer_limit_s=0.0)
        async with opened(pool):
            async with pool.use("test"):
                proxy.lose()
            with pytest.raises(StoreUnavailable, match="no answer within"):
                await pool.run("test", [_ONE])

    async def test_so_is_one_of_the_drivers_own(self, place: PostgresPlace, proxy: Proxy) -> None:
        async with await connect(through(place, proxy), {}) as connection:
            connection.answer_limit_s = 0.0
            proxy.lose()
            with pytest.raises(psycopg.OperationalError, match="no answer within"):
                await connection.execute("SELECT 1")
            assert connection.closed

    def test_so_is_one_of_a_thread(self, place: PostgresPlace, proxy: Proxy) -> None:
        with PatientReader.connect(through(place, proxy).conninfo, autocommit=True) as connection:
            connection.answer_limit_s = 0.0
            proxy.lose()
            with pytest.raises(psycopg.OperationalError, match="no answer within"):
                connection.execute("SELECT 1")
            assert connection.closed

    async def test_those_that_were_idle_then_are_not_used_again(
        self, place: PostgresPlace, proxy: Proxy
    ) -> None:
        """They would say nothing either, each for seconds; in other pools as well."""
        breaks = Breaks()
        address = through(place, proxy)
        writing = Connections(
            address, WRITING, connections_max=1, answer_limit_s=0.0, breaks=breaks
        )
        async with (
            opened(writing),
            opened(Connections(address, READING, connections_max=2, breaks=breaks)) as reading,
        ):
            before = await pid_of(reading)
            async with writing.use("test"):
                proxy.lose()
            with pytest.raises(StoreUnavailable):
                await writing.run("test", [_ONE])
            proxy.heal()

            assert await pid_of(reading) != before


class TestNoneLeft:
    async def test_when_no_more_can_be_had_those_that_there_are_go_round(
        self, few: Address
    ) -> None:
        async with opened(Connections(few, WRITING, connections_max=4)) as pool:
            pids = await asyncio.gather(*(pid_of(pool) for _ in range(12)))

        assert len(set(pids)) == 1

    async def test_without_any_it_is_an_error(self, few: Address) -> None:
        async with (
            opened(Connections(few, WRITING, connections_max=1)) as others,
            opened(Connections(few, WRITING, connections_max=1)) as pool,
            others.use("test"),
        ):
            with pytest.raises(StoreUnavailable, match="too many connections"):
                await pool.run("test", [_ONE])

    async def test_who_waits_for_one_that_breaks_is_told(self, few: Address) -> None:
        async with opened(Connections(few, WRITING, connections_max=2)) as pool:
            async with pool.use("test") as connection:
                waiting = asyncio.create_task(pool.run("test", [_ONE]))
                while not pool.is_wanted:
                    await asyncio.sleep(0)
                await connection.close()
            with pytest.raises(StoreUnavailable):
                await waiting

            await has_room(pool)

    async def test_who_gives_up_waiting_takes_nothing_along(self, few: Address) -> None:
        """Not even if it was handed over at that very moment."""
        async with opened(Connections(few, WRITING, connections_max=2)) as pool:
            for turns in range(4):
                async with pool.use("test"):
                    waiting = asyncio.create_task(pool.run("test", [_ONE]))
                    while not pool.is_wanted:
                        await asyncio.sleep(0)
                for _ in range(turns):
                    await asyncio.sleep(0)
                waiting.cancel()
                await asyncio.wait([waiting])
                await has_room(pool)

    async def test_one_that_is_due_is_replaced_only_if_there_is_another(self, few: Address) -> None:
        times = PoolTimes(idle_s=0.0, lifetime_s=0.0)
        async with opened(Connections(few, WRITING, connections_max=2, times=times)) as pool:
            before = await pid_of(pool)

            assert await pid_of(pool) == before


class TestHalves:
    @pytest.mark.parametrize("version", ["newest", "oldest"])
    async def test_a_commit_of_which_only_half_arrived_is_ended(
        self, version: str, request: pytest.FixtureRequest
    ) -> None:
        """One that is complete and waits, or is idle, is left alone."""
        place: PostgresPlace = request.getfixturevalue(f"postgres_{version}")
        pool = Connections(Address.parse(place.uri), WRITING, connections_max=2)
        half = await connect(Address.parse(place.uri), {})
        async with opened(pool), opened(half):
            half.pgconn.enter_pipeline_mode()
            half.pgconn.send_query_params(b"SELECT $1::int", [b"1"])
            half.pgconn.send_flush_request()
            while half.pgconn.flush():
                await asyncio.sleep(0)
            await pool.run("test", [_ONE])
            assert await end_halves(pool, limit_s=60.0) == 0

            while not await end_halves(pool, limit_s=0.0):
                """It takes a moment to arrive."""

            async with pool.use("test") as connection:
                assert await connection.run([Prepared("SELECT 1")])
