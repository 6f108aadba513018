"""History by the week on PostgreSQL: made ahead of time, and dropped when nothing is kept of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import msgspec
import psycopg
import pytest
from psycopg import AsyncConnection

from stepwell.core.identity import EventId, ItemId, RunId
from stepwell.core.item_bodies import MatchBody
from stepwell.core.journal import RunEnded
from stepwell.core.lanes import DECISIONS
from stepwell.core.operation import OperationKind
from stepwell.core.queue import ItemKind
from stepwell.core.status import RunStatus
from stepwell.core.transition import JournalRow, NewRun, StoredEvent, Transition
from stepwell.engine.store import Ownership, OwnershipLost, join_alone
from stepwell.store.postgres import PostgresStore
from stepwell.store.postgres.weeks import (
    OF_EVENTS,
    OF_RUNS,
    WEEK_MS,
    Week,
    keep_weeks,
    make_week,
    weeks_of,
)
from stepwell.wire.ulid import ulid_from
from tests.postgres.fixtures import PostgresBench, PostgresPlace
from tests.unit.store.builders import (
    a_buffer,
    a_buffered_event,
    a_run,
    a_skip,
    an_event,
    an_item,
    an_operation,
    buffer_ref,
    ended,
)

pytestmark = pytest.mark.anyio

OLD = Week.of(1_600_000_000_000)
BEFORE_MS = OLD.end_ms + WEEK_MS
AT_MS = OLD.start_ms + 1_000
TABLES = (*OF_EVENTS, *OF_RUNS)


def ulid(number: int, at_ms: int = AT_MS) -> str:
    return ulid_from(at_ms, number.to_bytes(10))


def old_event(number: int, at_ms: int = AT_MS) -> StoredEvent:
    event = an_event(number, received_ms=at_ms)
    return msgspec.structs.replace(event, id=EventId(ulid(number, at_ms)))


def old_run(number: int, *, event: int | None = None, at_ms: int = AT_MS) -> NewRun:
    event_id = EventId(ulid(number if event is None else event))
    return msgspec.structs.replace(
        a_run(number), id=RunId(ulid(number, at_ms)), event_id=event_id, queued_ms=at_ms
    )


def old_end(number: int, *, ended_ms: int = AT_MS + 5) -> Transition:
    run_id = RunId(ulid(number))
    end = msgspec.structs.replace(ended(number, seq=0), run_id=run_id, ended_ms=ended_ms)
    outcome = RunEnded(at_ms=ended_ms, status=RunStatus.COMPLETED)
    return Transition(ended=[end], journal=[JournalRow(run_id, 0, outcome)])


@pytest.fixture
def place(postgres_newest_bench: PostgresBench) -> Iterator[PostgresPlace]:
    """A database of its own: these tests change its tables."""
    found = postgres_newest_bench.migrated()
    yield found
    postgres_newest_bench.drop(found)


@asynccontextmanager
async def connection_to(place: PostgresPlace) -> AsyncIterator[AsyncConnection[object]]:
    async with await AsyncConnection.connect(place.uri, autocommit=True) as connection:
        yield connection


@pytest.fixture
async def store(place: PostgresPlace) -> AsyncIterator[PostgresStore]:
    """A store with an old week."""
    opened = await place.open()
    async with connection_to(place) as connection:
        for table in TABLES:
            await make_week(connection, table, OLD)
    yield opened
    await opened.close()


@pytest.fixture
async def owner(store: PostgresStore) -> Ownership:
    return await join_alone(store)


async def drop(store: PostgresStore, owner: Ownership, before_ms: int = BEFORE_MS) -> list[str]:
    return list(await store.drop_weeks(owner, events_before_ms=before_ms, runs_before_ms=before_ms))


def partitions(*tables: str) -> list[str]:
    return [OLD.partition(table) for table in tables]


async def test_an_opened_store_has_partitions_for_this_week_and_those_around_it(
    place: PostgresPlace,
) -> None:
    store = await place.open()
    ((now_ms,),) = place.execute("SELECT CAST(extract(epoch FROM now()) * 1000 AS bigint)")
    async with connection_to(place) as connection:
        found = {table: await weeks_of(connection, table) for table in TABLES}
        again = await keep_weeks(connection)
    await store.close()

    this = Week.of(now_ms)
    around = [Week(this.start_ms + number * WEEK_MS) for number in (-1, 0, 1, 2)]
    assert found == dict.fromkeys(TABLES, around)
    assert again == []


async def test_nodes_that_start_together_make_each_partition_once(place: PostgresPlace) -> None:
    stores = await asyncio.gather(*(place.open() for _ in range(3)))

    assert len(place.execute("SELECT 1 FROM pg_inherits WHERE inhparent = 'runs'::regclass")) == 5
    for store in stores:
        await store.close()


async def test_rows_lie_in_the_week_of_their_ids(
    place: PostgresPlace, store: PostgresStore, owner: Ownership
) -> None:
    """The first and the last moment of a week belong to it, the moments around it do not."""
    moments = [OLD.start_ms - 1, OLD.start_ms, OLD.end_ms - 1, OLD.end_ms]
    events = [old_event(number, at_ms) for number, at_ms in enumerate(moments)]
    await store.commit(owner, [Transition(events=events)])

    within = place.execute(f"SELECT id FROM {OLD.partition('events')} ORDER BY id")
    assert [event_id for (event_id,) in within] == [event.id for event in events[1:3]]
    assert place.execute("SELECT count(*) FROM events_default") == [(2,)]


async def test_rows_that_came_before_their_partition_move_there(
    place: PostgresPlace,
) -> None:
    store = await place.open()
    owner = await join_alone(store)
    await store.commit(owner, [Transition(events=[old_event(1)], runs=[old_run(1)])])
    async with connection_to(place) as connection:
        await make_week(connection, "events", OLD)

    assert place.execute(f"SELECT id FROM {OLD.partition('events')}") == [(ulid(1),)]
    assert place.execute("SELECT count(*) FROM events_default") == [(0,)]
    assert await store.event(EventId(ulid(1))) == old_event(1)
    await store.close()


async def test_a_week_of_which_nothing_is_needed_is_dropped(
    place: PostgresPlace, store: PostgresStore, owner: Ownership
) -> None:
    recent = an_event(9)
    skip = msgspec.structs.replace(a_skip(1), event_id=EventId(ulid(1)))
    born = Transition(events=[old_event(1), recent], runs=[old_run(1)], skips=[skip])
    await store.commit(owner, [born])
    await store.commit(owner, [old_end(1)])

    assert await drop(store, owner) == partitions(*OF_RUNS, *OF_EVENTS)
    assert await drop(store, owner) == []
    assert await store.history(RunId(ulid(1))) is None
    assert await store.event(EventId(ulid(1))) is None
    assert await store.event(recent.id) == recent
    assert place.execute("SELECT count(*) FROM skips") == [(0,)]


async def test_a_week_that_has_not_been_over_for_long_enough_is_kept(
    store: PostgresStore, owner: Ownership
) -> None:
    assert await drop(store, owner, OLD.end_ms - 1) == []
    assert await drop(store, owner, OLD.end_ms) == partitions(*OF_RUNS, *OF_EVENTS)


async def test_a_live_run_keeps_its_week_and_that_of_its_event(
    store: PostgresStore, owner: Ownership
) -> None:
    await store.commit(owner, [Transition(events=[old_event(1)], runs=[old_run(1)])])

    assert await drop(store, owner) == []
    assert set(await store.load_runs([RunId(ulid(1))])) == {ulid(1)}


async def test_a_run_that_ended_lately_keeps_its_week_but_not_that_of_its_event(
    store: PostgresStore, owner: Ownership
) -> None:
    await store.commit(owner, [Transition(events=[old_event(1)], runs=[old_run(1)])])
    await store.commit(owner, [old_end(1, ended_ms=BEFORE_MS)])

    assert await drop(store, owner) == partitions(*OF_EVENTS)
    history = await store.history(RunId(ulid(1)))
    assert history is not None
    assert (history.events, len(history.journal)) == ([], 1)


async def test_a_new_run_of_an_old_event_keeps_the_week_of_the_event(
    store: PostgresStore, owner: Ownership
) -> None:
    rerun = msgspec.structs.replace(a_run(5), event_id=EventId(ulid(1)))
    await store.commit(owner, [Transition(events=[old_event(1)], runs=[rerun])])

    assert await drop(store, owner) == partitions(*OF_RUNS)


async def test_an_event_that_is_held_back_keeps_its_week(
    store: PostgresStore, owner: Ownership
) -> None:
    held = msgspec.structs.replace(
        a_buffered_event("buffer", 0, event=1), event_id=EventId(ulid(1))
    )
    buffer = a_buffer(buffer_ref("k"), "buffer")
    await store.commit(
        owner, [Transition(events=[old_event(1)], buffers=[buffer], buffered=[held])]
    )

    assert await drop(store, owner) == partitions(*OF_RUNS)


async def test_an_event_that_is_still_to_be_matched_keeps_its_week(
    store: PostgresStore, owner: Ownership
) -> None:
    body = MatchBody(EventId(ulid(1))).encode()
    item = an_item(1, kind=ItemKind.MATCH, body=body, lane=DECISIONS)
    await store.commit(owner, [Transition(events=[old_event(1)], put=[item])])
    assert await drop(store, owner) == partitions(*OF_RUNS)

    await store.commit(owner, [Transition(done=[ItemId(1)])])
    assert await drop(store, owner) == partitions(*OF_EVENTS)


async def test_nothing_is_dropped_while_a_replay_may_need_it(
    store: PostgresStore, owner: Ownership
) -> None:
    replay = msgspec.structs.replace(an_operation(1, kind=OperationKind.REPLAY), ended_ms=0)
    await store.commit(owner, [Transition(operations=[replay])])
    assert await drop(store, owner) == []

    await store.commit(owner, [Transition(operations_done=[replay.id])])
    assert await drop(store, owner) == partitions(*OF_RUNS, *OF_EVENTS)


async def test_the_batches_of_runs_that_are_dropped_are_forgotten(
    place: PostgresPlace, store: PostgresStore, owner: Ownership
) -> None:
    """The later events of a batch may be of a week that is kept."""
    recent = an_event(9)
    run = msgspec.structs.replace(old_run(1), event_ids=(EventId(ulid(1)), recent.id))
    await store.commit(owner, [Transition(events=[old_event(1), recent], runs=[run])])
    await store.commit(owner, [old_end(1)])
    reading = store.read_models()
    assert len(await reading.runs_of_event(recent.id)) == 1

    await drop(store, owner)

    assert (await reading.runs_of_events([recent.id])).get(recent.id, []) == []
    assert place.execute("SELECT count(*) FROM batch_events") == [(0,)]
    await reading.close()


async def test_who_lost_the_partition_drops_nothing(store: PostgresStore, owner: Ownership) -> None:
    await join_alone(store)

    with pytest.raises(OwnershipLost):
        await drop(store, owner)
    assert await store.event(EventId(ulid(1))) is None


async def test_a_drop_gives_up_while_somebody_reads(
    place: PostgresPlace, store: PostgresStore, owner: Ownership
) -> None:
    """Commits that come meanwhile would otherwise wait for a question, however long it takes."""
    with psycopg.connect(place.uri) as reader:
        reader.execute("SELECT count(*) FROM journal")
        assert await drop(store, owner) == partitions(*OF_EVENTS)
        reader.rollback()

    assert await drop(store, owner) == partitions(*OF_RUNS)
