"""What is particular to PostgreSQL: opening, fencing, and databases that fail."""

import asyncio
import signal
from collections.abc import AsyncIterator, Awaitable

import psycopg
import pytest

from stepwell.core.identity import EventId
from stepwell.core.transition import Transition
from stepwell.engine.store import OwnershipLost, StoreUnavailable, join_alone
from stepwell.store.errors import StoreNewer, StoreUnusable
from stepwell.store.migrations import HEAD
from stepwell.store.postgres import PostgresStore
from stepwell.store.postgres.address import Address
from stepwell.store.postgres.connections import WRITING, Connections
from stepwell.store.postgres.pipeline import Prepared
from stepwell.store.postgres.store import PoolSizes
from tests.postgres.fixtures import PostgresBench, PostgresPlace
from tests.unit.store.builders import (
    ENVIRONMENT,
    FUNCTION,
    a_claim,
    an_event,
    an_item,
    event_id,
)

pytestmark = pytest.mark.anyio

_TERMINATE = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
_WAITING = """
SELECT count(*) FROM pg_stat_activity
 WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


@pytest.fixture
def place(postgres_newest: PostgresPlace) -> PostgresPlace:
    return postgres_newest


@pytest.fixture
async def store(place: PostgresPlace) -> AsyncIterator[PostgresStore]:
    opened = await place.open()
    yield opened
    await opened.close()


async def waits_for_a_lock(place: PostgresPlace) -> None:
    """Until somebody does."""
    while place.execute(_WAITING) == [(0,)]:
        await asyncio.sleep(0)


class TestOpening:
    async def test_nodes_that_start_together_create_the_schema_once(
        self, postgres_newest_bench: PostgresBench
    ) -> None:
        place = postgres_newest_bench.blank()

        stores = await asyncio.gather(*(place.open() for _ in range(3)))

        assert place.execute("SELECT version_num FROM alembic_version") == [(HEAD,)]
        assert place.execute("SELECT name FROM environments") == [("default",)]
        for store in stores:
            await store.close()
        postgres_newest_bench.drop(place)

    async def test_a_database_of_a_newer_version_is_refused_and_left_alone(
        self, postgres_newest_bench: PostgresBench
    ) -> None:
        place = postgres_newest_bench.migrated()
        place.execute("UPDATE alembic_version SET version_num = '9999_from_the_future'")

        with pytest.raises(StoreNewer, match="9999_from_the_future") as refused:
            await place.open()

        assert "postgresql://127.0.0.1" in str(refused.value)
        assert place.execute("SELECT count(*) FROM pg_inherits WHERE inhparent = 'runs'::regclass")
        postgres_newest_bench.drop(place)

    async def test_a_database_that_cannot_hold_all_text_is_refused(
        self, postgres_newest_bench: PostgresBench
    ) -> None:
        server = postgres_newest_bench.server
        with psycopg.connect(server.uri(), autocommit=True) as connection:
            connection.execute(
                "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C'"
                " TEMPLATE template0"
            )

        with pytest.raises(StoreUnusable, match="LATIN1"):
            await PostgresStore.open(server.uri("latin"))
        server.drop_database("latin")

    @pytest.mark.parametrize(
        "change",
        [("/test_", "/nowhere_"), ("@127", "wrong@127"), ("?", "?nonsense=1&"), ("@", "@h p:x")],
    )
    async def test_who_cannot_connect_is_told_why_but_never_the_password(
        self, place: PostgresPlace, change: tuple[str, str]
    ) -> None:
        uri = f"{place.uri}?application_name=x".replace(*change)
        password = place.uri.split("stepwell:")[1].split("@")[0]

        with pytest.raises(StoreUnusable) as refused:
            await PostgresStore.open(uri)

        assert password not in str(refused.value)
        assert password not in repr(refused.value.__cause__)

    @pytest.mark.parametrize(
        ("uri", "shown"),
        [
            ("postgresql://u:secret@h:5432/d", "postgresql://h:5432/d"),
            ("postgres://u:secret@a,b:6000/d?sslmode=require", "postgresql://a,b:6000/d"),
            ("host=a,b port=1,2 dbname=d password=secret", "postgresql://a:1,b:2/d"),
            ("host=a,b port=1 dbname=d password=secret", "postgresql://a:1,b:1/d"),
            ("service=main password=secret", "postgresql service main"),
            ("dbname=d", "postgresql://localhost/d"),
        ],
    )
    def test_an_address_is_shown_without_its_secrets(self, uri: str, shown: str) -> None:
        address = Address.parse(uri)

        assert address.place == shown
        assert "secret" not in repr(address)
        assert ("secret" in address.conninfo) is ("secret" in uri)

    def test_what_an_address_says_goes_before_what_is_assumed(self) -> None:
        assert "connect_timeout=3" in Address.parse("postgresql://h/d?connect_timeout=3").conninfo
        assert "connect_timeout=5" in Address.parse("postgresql://h/d").conninfo


class TestFencing:
    async def test_who_comes_alone_waits_for_commits_under_way(
        self, place: PostgresPlace, store: PostgresStore
    ) -> None:
        """Whoever has taken everything sees all that was committed before."""
        owner = await join_alone(store)
        other = await place.open()
        with psycopg.connect(place.uri) as blocker:
            blocker.execute("LOCK TABLE queue IN ACCESS EXCLUSIVE MODE")
            commit = asyncio.ensure_future(store.commit(owner, [Transition(put=[an_item(1)])]))
            await waits_for_a_lock(place)
            joining = asyncio.create_task(join_alone(other))
            while place.execute(_WAITING) != [(2,)]:
                await asyncio.sleep(0)
            assert not joining.done()
            blocker.rollback()

        await commit
        assert (await joining).node == owner.node + 1
        with pytest.raises(OwnershipLost):
            await store.commit(owner, [Transition(put=[an_item(2)])])
        await other.close()

    async def test_nodes_of_one_store_commit_at_the_same_time(
        self, place: PostgresPlace, store: PostgresStore
    ) -> None:
        owners = [await store.join(f"node {number}", "") for number in range(5)]
        for batch in range(4):
            await asyncio.gather(
                *(
                    store.commit(owner, [Transition(put=[an_item(10 * batch + number)])])
                    for number, owner in enumerate(owners)
                )
            )

        assert place.execute("SELECT count(*) FROM queue") == [(20,)]

    async def test_a_commit_is_durable_whatever_the_database_says(
        self, place: PostgresPlace
    ) -> None:
        connections = Connections(
            Address.parse(f"{place.uri}?options=-csynchronous_commit%3Doff"),
            WRITING,
            connections_max=1,
        )
        async with connections.use("test") as connection:
            (found,) = await connection.run([Prepared("SHOW synchronous_commit")])
        await connections.close()

        assert found.rows == [("on",)]


class TestFailures:
    async def test_a_connection_that_was_ended_is_replaced_at_the_next_use(
        self, place: PostgresPlace, store: PostgresStore
    ) -> None:
        """One failure tells of all connections, whatever they are for."""
        owner = await join_alone(store)
        await store.commit(owner, [Transition(put=[an_item(1)])])
        await asyncio.gather(*(store.apps() for _ in range(4)))
        place.execute(_TERMINATE)

        with pytest.raises(StoreUnavailable):
            await store.commit(owner, [Transition(put=[an_item(2)])])

        await asyncio.gather(*(store.apps() for _ in range(4)))
        await store.commit(owner, [Transition(put=[an_item(3)])])
        assert await store.largest_number() == 3

    async def test_a_commit_that_was_cut_off_is_not_confirmed(
        self, place: PostgresPlace, store: PostgresStore
    ) -> None:
        owner = await join_alone(store)
        with psycopg.connect(place.uri) as blocker:
            blocker.execute("LOCK TABLE queue IN ACCESS EXCLUSIVE MODE")
            commit = asyncio.ensure_future(
                store.commit(owner, [Transition(events=[an_event(1)], put=[an_item(1)])])
            )
            await waits_for_a_lock(place)
            blocker.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE datname = current_database() AND wait_event_type = 'Lock'"
            )
            with pytest.raises(StoreUnavailable):
                await commit
            blocker.rollback()

        assert await store.event(event_id(1)) is None
        await store.commit(owner, [Transition(events=[an_event(1)], put=[an_item(1)])])

    async def test_what_was_confirmed_survives_a_crash_of_the_server(
        self, postgres_newest_bench: PostgresBench, place: PostgresPlace, store: PostgresStore
    ) -> None:
        server = postgres_newest_bench.server
        owner, reading = await join_alone(store), store.read_models()
        await store.commit(owner, [Transition(events=[an_event(1)])])
        assert await reading.event(ENVIRONMENT, event_id(1)) == an_event(1)
        server.halt(signal.SIGQUIT)
        try:
            with pytest.raises(StoreUnavailable):
                await store.commit(owner, [Transition(events=[an_event(2)])])
            with pytest.raises(StoreUnavailable):
                await store.event(event_id(1))
            for _ in ("broken", "refused"):
                with pytest.raises(StoreUnavailable):
                    await reading.event(ENVIRONMENT, event_id(1))
        finally:
            server.start()

        assert await reading.event(ENVIRONMENT, event_id(1)) == an_event(1)
        await reading.close()
        assert await store.event(event_id(1)) == an_event(1)
        await store.commit(owner, [Transition(events=[an_event(2)])])

    async def test_a_commit_is_finished_when_nobody_waits_for_it(
        self, place: PostgresPlace, store: PostgresStore
    ) -> None:
        owner = await join_alone(store)
        with psycopg.connect(place.uri) as blocker:
            blocker.execute("LOCK TABLE claims IN ACCESS EXCLUSIVE MODE")
            commit = asyncio.ensure_future(store.commit(owner, [Transition(claims=[a_claim("k")])]))
            await waits_for_a_lock(place)
            commit.cancel()
            blocker.rollback()
        await store.close()

        assert place.execute("SELECT key FROM claims") == [("k",)]

    async def test_a_question_that_is_cancelled_leaves_the_others_alone(
        self, place: PostgresPlace, store: PostgresStore
    ) -> None:
        key = (FUNCTION, "k")
        with psycopg.connect(place.uri) as blocker:
            blocker.execute("LOCK TABLE claims IN ACCESS EXCLUSIVE MODE")
            claims = asyncio.create_task(store.claims([key], now_ms=0))
            await waits_for_a_lock(place)
            claims.cancel()
            with pytest.raises(asyncio.CancelledError):
                await claims
            blocker.rollback()

        assert await store.claims([key], now_ms=0) == {}

    async def test_more_questions_than_connections_wait_for_their_turn(
        self, place: PostgresPlace
    ) -> None:
        store = await place.open(sizes=PoolSizes(writers=1, readers=2))
        owner = await join_alone(store)
        await store.commit(owner, [Transition(events=[an_event(n) for n in range(50)])])

        asked: list[Awaitable[object]] = [store.event(event_id(n)) for n in range(50)]
        found = await asyncio.gather(*asked)
        connections = place.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'stepwell'"
        )
        await store.close()

        assert found == [an_event(n) for n in range(50)]
        assert connections[0][0] <= 4

    async def test_a_batch_larger_than_what_a_socket_takes_is_sent_whole(
        self, store: PostgresStore
    ) -> None:
        """Sending goes on while answers come in."""
        owner = await join_alone(store)
        large = [an_event(n, name="x" * 200_000) for n in range(60)]
        await store.commit(owner, [Transition(events=large)])

        ids = [EventId(event.id) for event in large]
        assert await store.events(ids) == {event.id: event for event in large}
