"""A store in memory: without threads, and able to outlive a simulated crash."""

import sqlite3
import threading
from collections.abc import Awaitable, Sequence

import pytest

from stepwell.core.identity import ItemId, RunId, WaitId
from stepwell.core.status import RunStatus
from stepwell.core.transition import Transition
from stepwell.engine.nodes import Standing
from stepwell.engine.store import Lane, RunsQuery, WaitQuery, join_alone
from stepwell.store.schema import metadata
from stepwell.store.sql.nodes import LEASE_MS
from stepwell.store.sqlite import SqliteStore
from tests.unit.store.builders import (
    ENVIRONMENT,
    FUNCTION,
    PARTITION,
    a_run,
    an_event,
    an_item,
    buffer_ref,
    event_id,
    lane_query,
    run_id,
)


def test_every_method_is_done_without_waiting() -> None:
    """A simulation needs no event loop for it, and no thread decides the order of anything."""
    threads = threading.active_count()
    store = SqliteStore.in_memory()
    taking = join_alone(store)
    with pytest.raises(StopIteration) as taken:
        taking.send(None)
    committing = store.commit(taken.value.value, [Transition(events=[an_event(1)])])
    with pytest.raises(StopIteration):
        next(committing.__await__())
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
    owner = await join_alone(crashed)
    await crashed.commit(owner, [Transition(events=[an_event(1)])])
    memory.execute("BEGIN IMMEDIATE")
    memory.execute("DELETE FROM events")

    store = SqliteStore.in_memory(connection=memory)

    assert await store.event(event_id(1)) == an_event(1)
    assert (await join_alone(store)).node == owner.node + 1


@pytest.mark.anyio
async def test_a_borrowed_connection_is_left_open(memory: sqlite3.Connection) -> None:
    await SqliteStore.in_memory(connection=memory).close()

    assert memory.execute("SELECT 1").fetchone() == (1,)


@pytest.mark.anyio
async def test_stores_without_a_connection_share_nothing() -> None:
    first, second = SqliteStore.in_memory(), SqliteStore.in_memory()
    await first.commit(await join_alone(first), [Transition(events=[an_event(1)])])

    assert await second.event(event_id(1)) is None
    await first.close()
    await second.close()


@pytest.mark.anyio
async def test_leases_end_by_the_clock_that_is_given(memory: sqlite3.Connection) -> None:
    """So a simulation says what time it is, and how long somebody stood still."""
    now_ms = [1_000]
    store = SqliteStore.in_memory(connection=memory, partitions=3, now_ms=lambda: now_ms[0])
    late, other = await store.join("late", ""), await store.join("other", "")
    assert store.partitions == [0, 1, 2]
    await store.take(late, store.partitions)

    now_ms[0] += LEASE_MS - 1
    glance = await store.glance(other, Standing())
    assert [node.lease_until_ms for node in glance.nodes] == [6_000, 10_999]
    assert await store.take(other, store.partitions) == frozenset()
    now_ms[0] += 1
    assert await store.take(other, store.partitions) == {0, 1, 2}


@pytest.mark.anyio
async def test_a_lease_that_has_hardly_begun_is_not_written_again(
    memory: sqlite3.Connection,
) -> None:
    now_ms = [1_000]
    store = SqliteStore.in_memory(connection=memory, now_ms=lambda: now_ms[0])
    owner = await store.join("node", "")
    until_ms = []
    for later_ms, standing in ((625, Standing()), (1, Standing()), (1, Standing(catalogue=1))):
        now_ms[0] += later_ms
        (node,) = (await store.glance(owner, standing)).nodes
        until_ms.append(node.lease_until_ms)

    assert until_ms == [6_000, 6_626, 6_627]


_TABLES = {*metadata.tables, "q", "n", "r"}
_ALL_RUNS = RunsQuery(
    function_id=FUNCTION,
    statuses=tuple(RunStatus),
    queued_from_ms=0,
    queued_before_ms=9,
    after=RunId(""),
    limit=9,
)


@pytest.mark.anyio
async def test_what_the_engine_asks_costs_the_same_however_much_is_stored(
    memory: sqlite3.Connection,
) -> None:
    """Ranges of indexes: no table is read as a whole, and no page is sorted out of all rows."""
    store = SqliteStore.in_memory(connection=memory)
    owner = await join_alone(store)
    await store.commit(owner, [Transition(events=[an_event(1)], runs=[a_run(1)])])
    asked: list[str] = []
    memory.set_trace_callback(asked.append)
    await store.ready([lane_query("c")])
    await store.ready_lanes(PARTITION, after=None, limit=9)
    await store.ready_lanes(PARTITION, after=Lane(FUNCTION, "c"), limit=9)
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
    await store.admitted_runs(FUNCTION)
    await store.singletons([(FUNCTION, "k")])
    await store.throttles(now_ms=0)
    await store.rate_limits([(FUNCTION, "k")])
    await store.expire_limits(owner, now_ms=0, limit=9)
    await store.buffers([buffer_ref("k")])
    await store.buffered_events(["b"])
    await store.signal(ENVIRONMENT, "s")
    await store.history(run_id(1))
    await store.runs_of(_ALL_RUNS)
    await store.events([event_id(1)])
    memory.set_trace_callback(None)

    questions = [sql for sql in asked if not sql.startswith(("BEGIN", "COMMIT", "ROLLBACK"))]
    assert len(questions) == 34
    for sql in questions:
        steps = [row[-1] for row in memory.execute(f"EXPLAIN QUERY PLAN {sql}")]
        scans = [step for step in steps if step.startswith("SCAN ")]
        assert not [step for step in scans if step.split()[1] in _TABLES], (sql, steps)
        assert not [step for step in steps if "TEMP B-TREE" in step], (sql, steps)
    await store.close()


@pytest.mark.anyio
async def test_reading_the_queue_takes_as_long_however_deep_it_is(
    memory: sqlite3.Connection,
) -> None:
    """Counts what SQLite does: a backlog costs nothing, nor do thousands of equal scores."""
    store = SqliteStore.in_memory(connection=memory)
    owner = await join_alone(store)
    steps = 0

    def count() -> int:
        nonlocal steps
        steps += 1
        return 0

    async def cost(work: Awaitable[Sequence[object]], found: int) -> int:
        nonlocal steps
        steps = 0
        memory.set_progress_handler(count, 1)
        assert len(await work) == found
        memory.set_progress_handler(None, 0)
        return steps

    async def costs(deep: ItemId) -> list[int]:
        place = (990, deep)
        query = lane_query("c", after=place, limit=5)
        timers = store.timers(PARTITION, FUNCTION, after=place, until_ms=990, limit=5)
        return [
            await cost(store.ready_lanes(PARTITION, after=None, limit=9), 2),
            await cost(store.ready([query]), 1),
            await cost(store.queued_functions(PARTITION), 1),
            await cost(timers, 5),
        ]

    def rows(numbers: range) -> list[Transition]:
        lanes = ("c", "s", "t")
        items = [an_item(n, lane=lanes[n % 3], due_ms=990 * (n % 3 == 2)) for n in numbers]
        return [Transition(put=items)]

    await store.commit(owner, rows(range(100)))
    shallow = await costs(ItemId(50))
    await store.commit(owner, rows(range(100, 5_000)))
    deep = await costs(ItemId(4_900))

    assert deep == shallow
    await store.close()
