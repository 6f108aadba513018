"""A store in memory: without threads, and able to outlive a simulated crash."""

import sqlite3
import threading

import pytest

from stepwell.core.identity import ItemId, WaitId
from stepwell.core.transition import Transition
from stepwell.engine.store import WaitQuery
from stepwell.store.sqlite import SqliteStore
from tests.unit.store.builders import ENVIRONMENT, FUNCTION, PARTITION, an_event, event_id


def test_every_method_is_done_without_waiting() -> None:
    """A simulation needs no event loop for it, and no thread decides the order of anything."""
    threads = threading.active_count()
    store = SqliteStore.in_memory()
    taking = store.take(PARTITION)
    with pytest.raises(StopIteration) as taken:
        taking.send(None)
    committing = store.commit(taken.value.value, [Transition(events=[an_event(1)])])
    with pytest.raises(StopIteration):
        committing.send(None)
    finding = store.event(event_id(1))
    with pytest.raises(StopIteration) as found:
        finding.send(None)

    assert found.value.value == an_event(1)
    assert threading.active_count() == threads
    with pytest.raises(StopIteration):
        store.close().send(None)


@pytest.mark.anyio
async def test_a_store_on_the_same_connection_continues_after_a_crash(
    memory: sqlite3.Connection,
) -> None:
    """The first store is dropped in the middle of a transaction and never closed."""
    crashed = SqliteStore.in_memory(connection=memory)
    owner = await crashed.take(PARTITION)
    await crashed.commit(owner, [Transition(events=[an_event(1)])])
    memory.execute("BEGIN IMMEDIATE")
    memory.execute("DELETE FROM events")

    store = SqliteStore.in_memory(connection=memory)

    assert await store.event(event_id(1)) == an_event(1)
    assert (await store.take(PARTITION)).epoch == owner.epoch + 1


@pytest.mark.anyio
async def test_a_borrowed_connection_is_left_open(memory: sqlite3.Connection) -> None:
    await SqliteStore.in_memory(connection=memory).close()

    assert memory.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.anyio
async def test_stores_without_a_connection_share_nothing() -> None:
    first, second = SqliteStore.in_memory(), SqliteStore.in_memory()
    await first.commit(await first.take(PARTITION), [Transition(events=[an_event(1)])])

    assert await second.event(event_id(1)) is None
    await first.close()
    await second.close()


@pytest.mark.anyio
async def test_what_the_engine_asks_costs_the_same_however_much_is_stored(
    memory: sqlite3.Connection,
) -> None:
    """Ranges of indexes: no table is read as a whole, and no page is sorted out of all rows."""
    store = SqliteStore.in_memory(connection=memory)
    owner = await store.take(PARTITION)
    asked: list[str] = []
    memory.set_trace_callback(asked.append)
    await store.ready(PARTITION, FUNCTION, after=ItemId(0), limit=9)
    await store.timers(PARTITION, FUNCTION, after=(0, ItemId(0)), until_ms=9, limit=9)
    await store.queued_functions(PARTITION)
    await store.event(event_id(1))
    await store.claims([(FUNCTION, "k")], now_ms=0)
    await store.expire_claims(owner, now_ms=0, limit=9)
    await store.largest_number()
    query = WaitQuery(
        environment_id=ENVIRONMENT,
        event_name="shop/paid",
        values=[("a", "b")],
        created_until_ms=9,
        after=WaitId(0),
        limit=9,
    )
    await store.waits_for([query])
    memory.set_trace_callback(None)

    questions = [sql for sql in asked if not sql.startswith(("BEGIN", "COMMIT", "ROLLBACK"))]
    assert len(questions) == 10
    for sql in questions:
        steps = [row[-1] for row in memory.execute(f"EXPLAIN QUERY PLAN {sql}")]
        stored = ("queue", "events", "waits", "claims")
        scans = [step for step in steps if step in {f"SCAN {table}" for table in stored}]
        assert not scans, (sql, steps)
        assert not [step for step in steps if "TEMP B-TREE" in step], (sql, steps)
    await store.close()
