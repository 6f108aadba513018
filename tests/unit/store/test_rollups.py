"""What happened, by function and time: written with what it counts, read for charts."""

import asyncio
import sqlite3
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepwell.core.charts import CHARTED_MAX, ChartRange, chart_range
from stepwell.core.counted import HOUR_MS, MINUTE_MS, WIDTH, Counted, Histogram
from stepwell.core.identity import FunctionId, ItemId
from stepwell.core.transition import AnsweredCall, Skip, SkipReason, Transition
from stepwell.engine.store import Ownership, OwnershipLost, StoreUnavailable, join_alone
from stepwell.store.reading import ReadModels
from stepwell.store.sql.rollups import TALLIED_MAX
from stepwell.store.sqlite import SqliteStore
from tests.postgres.fixtures import PostgresPlace
from tests.unit.store.builders import (
    FUNCTION,
    OTHER_FUNCTION,
    event_id,
)
from tests.unit.store.conftest import OpenedStore, Place

pytestmark = pytest.mark.anyio

DAY_MS = 24 * HOUR_MS
NOW_MS = 1_795_252_035_250
SCHEDULED, LIMITED = Counted.RUNS_SCHEDULED.value, Counted.EVENTS_RATE_LIMITED.value
ALL = range(WIDTH)


def limited(at_ms: int, *functions: FunctionId) -> Transition:
    """An event that the rate limits of some functions turned away."""
    skips = [
        Skip(event_id(1), function_id, SkipReason.RATE_LIMITED, "", at_ms)
        for function_id in functions or (FUNCTION,)
    ]
    return Transition(skips=skips)


def hour(at_ms: int = NOW_MS) -> ChartRange:
    found = chart_range(at_ms - HOUR_MS, at_ms, now_ms=NOW_MS)
    assert isinstance(found, ChartRange)
    return found


async def test_what_was_committed_is_in_the_chart_at_once(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    await store.commit(owner, [limited(NOW_MS), limited(NOW_MS - 5 * MINUTE_MS)])
    await store.commit(owner, [limited(NOW_MS), limited(NOW_MS - 2 * HOUR_MS)])

    chart = await reading.chart([FUNCTION], hour(), [LIMITED, SCHEDULED])

    zeros = [0] * len(hour().starts_ms)
    assert chart.buckets[SCHEDULED] == zeros
    expected = zeros.copy()
    expected[-1], expected[-6] = 2, 1
    assert chart.buckets[LIMITED] == expected
    assert (chart.total(LIMITED), chart.ever[LIMITED], chart.after[LIMITED]) == (3, 4, 0)


@pytest.mark.parametrize(
    ("pairs", "left"), [(TALLIED_MAX - 1, 4), (TALLIED_MAX, 0), (TALLIED_MAX + 1, 1)]
)
async def test_it_makes_no_difference_whether_counts_were_added_up(
    place: Place,
    store: OpenedStore,
    owner: Ownership,
    reading: ReadModels,
    pairs: int,
    left: int,
) -> None:
    """Pairs of function and minute are counted, and added up from so many on."""
    others = [FunctionId(f"f{number}") for number in range(pairs - 3)]
    await store.commit(owner, [limited(NOW_MS, *others)])
    for minutes in range(3):
        await store.commit(owner, [limited(NOW_MS - minutes * MINUTE_MS)])

    chart = await reading.chart([FUNCTION, *others], hour(), [LIMITED])
    lifetime = await reading.lifetime_counts([FUNCTION, others[0]], [LIMITED])

    assert chart.buckets[LIMITED][-3:] == [1, 1, pairs - 2]
    assert lifetime == {FUNCTION: {LIMITED: 3}, others[0]: {LIMITED: 1}}
    assert place.execute("SELECT count(*) FROM tallies") == [(left,)]


async def test_a_batch_that_is_not_committed_is_not_counted(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    await store.commit(owner, [limited(NOW_MS)])
    await join_alone(store)
    with pytest.raises(OwnershipLost):
        await store.commit(owner, [limited(NOW_MS)])

    assert await reading.counts([FUNCTION], hour(), [LIMITED]) == {FUNCTION: {LIMITED: 1}}


async def test_a_batch_that_fails_while_counts_are_added_up_changes_nothing(
    memory: sqlite3.Connection,
) -> None:
    """SQLite adds up in the transaction of the batch."""
    store = SqliteStore.in_memory(connection=memory)
    owner, reading = await join_alone(store), store.read_models()
    others = [FunctionId(f"f{number}") for number in range(TALLIED_MAX - 1)]
    await store.commit(owner, [limited(NOW_MS, *others)])
    memory.execute("ALTER TABLE rollups RENAME TO lost")
    with pytest.raises(StoreUnavailable):
        await store.commit(owner, [limited(NOW_MS)])
    memory.execute("ALTER TABLE lost RENAME TO rollups")
    await store.commit(owner, [limited(NOW_MS)])

    lifetime = await reading.lifetime_counts([FUNCTION, *others], [LIMITED])
    assert lifetime == {each: {LIMITED: 1} for each in (FUNCTION, *others)}


async def test_counts_that_cannot_be_added_up_wait_for_the_next_commit(
    postgres_newest: PostgresPlace,
) -> None:
    """PostgreSQL adds up afterwards: the batch is durable, whatever comes of that."""
    store = await postgres_newest.open()
    owner, reading = await join_alone(store), store.read_models()
    others = [FunctionId(f"f{number}") for number in range(TALLIED_MAX)]
    postgres_newest.execute("ALTER TABLE rollups RENAME TO lost")
    await store.commit(owner, [limited(NOW_MS, *others)])
    postgres_newest.execute("ALTER TABLE lost RENAME TO rollups")
    waiting = await reading.lifetime_counts(others, [LIMITED])
    await store.commit(owner, [limited(NOW_MS)])

    lifetime = await reading.lifetime_counts([FUNCTION, *others], [LIMITED])
    assert waiting == {each: {LIMITED: 1} for each in others}
    assert lifetime == {each: {LIMITED: 1} for each in (FUNCTION, *others)}
    assert postgres_newest.execute("SELECT count(*) FROM tallies") == [(0,)]
    await reading.close()
    await store.close()


async def test_what_a_node_that_is_gone_has_counted_is_added_up_by_others(
    store: OpenedStore, place: Place
) -> None:
    reading = store.read_models()
    gone, there, last = [await store.join(name, "") for name in ("gone", "there", "last")]
    for owner in (gone, there, last):
        await store.commit(owner, [limited(NOW_MS)])
    await store.leave(gone)
    others = [FunctionId(f"f{number}") for number in range(TALLIED_MAX - 1)]

    await store.commit(last, [limited(NOW_MS, *others)])

    # Only what the one counted that is still there.
    assert place.execute("SELECT count(*) FROM tallies") == [(1,)]
    lifetime = await reading.lifetime_counts([FUNCTION, others[0]], [LIMITED])
    assert lifetime == {FUNCTION: {LIMITED: 3}, others[0]: {LIMITED: 1}}
    await reading.close()


async def test_owners_count_apart(postgres_newest: PostgresPlace) -> None:
    """Nobody waits for, or writes over, what another node counts at the same time."""
    one, other = await postgres_newest.open(), await postgres_newest.open()
    owner, second = await join_alone(one), await other.join("other", "")
    reading = one.read_models()
    others = [FunctionId(f"f{number}") for number in range(TALLIED_MAX)]
    for _ in range(2):
        await asyncio.gather(
            one.commit(owner, [limited(NOW_MS, *others)]),
            other.commit(second, [limited(NOW_MS, *others[::-1])]),
        )

    lifetime = await reading.lifetime_counts(others, [LIMITED])
    assert lifetime == {each: {LIMITED: 4} for each in others}
    for store in (reading, one, other):
        await store.close()


async def test_functions_are_counted_apart_and_together(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    both = [FUNCTION, OTHER_FUNCTION]
    await store.commit(owner, [limited(NOW_MS, *both), limited(NOW_MS)])

    together = await reading.chart(both, hour(), [LIMITED])
    apart = await reading.charts(both, hour(), [LIMITED])
    nobody = await reading.chart([], hour(), [LIMITED])

    assert together.total(LIMITED) == together.ever[LIMITED] == 3
    assert [apart[each].total(LIMITED) for each in both] == [2, 1]
    assert [apart[each].ever[LIMITED] for each in both] == [2, 1]
    assert nobody.total(LIMITED) == 0


async def test_so_many_functions_have_charts_of_their_own_and_no_more(
    reading: ReadModels,
) -> None:
    functions = [FunctionId(f"f{number}") for number in range(CHARTED_MAX + 1)]
    assert len(await reading.charts(functions[1:], hour(), [LIMITED])) == CHARTED_MAX
    with pytest.raises(AssertionError):
        await reading.charts(functions, hour(), [LIMITED])


async def test_what_came_after_the_range_is_known_to_the_minute(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    """From it follows what there was at the end of the range."""
    until_ms = NOW_MS - NOW_MS % HOUR_MS - 10 * MINUTE_MS
    times_ms = [until_ms - 1, until_ms, until_ms + 10 * MINUTE_MS, NOW_MS]
    await store.commit(owner, [limited(at_ms) for at_ms in times_ms])

    chart = await reading.chart([FUNCTION], hour(until_ms), [LIMITED])

    assert chart.range.until_ms == until_ms
    assert (chart.total(LIMITED), chart.after[LIMITED]) == (1, 3)


async def test_days_are_those_of_utc(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    day_ms = NOW_MS - NOW_MS % DAY_MS
    times_ms = [day_ms - 1, day_ms, NOW_MS, day_ms - 2 * DAY_MS]
    await store.commit(owner, [limited(at_ms) for at_ms in times_ms])

    days = await reading.daily_counts(
        [FUNCTION], [LIMITED], from_ms=day_ms - DAY_MS, until_ms=day_ms + DAY_MS
    )

    assert days == {
        (FUNCTION, day_ms - DAY_MS): {LIMITED: 1},
        (FUNCTION, day_ms): {LIMITED: 2},
    }


async def test_hours_are_told_apart_and_by_function(
    store: OpenedStore, owner: Ownership, reading: ReadModels
) -> None:
    hour_ms = NOW_MS - NOW_MS % HOUR_MS
    await store.commit(owner, [limited(hour_ms - 1), limited(hour_ms, FUNCTION, OTHER_FUNCTION)])
    await store.commit(owner, [limited(NOW_MS), limited(hour_ms - HOUR_MS - 1)])

    hours = await reading.hourly_counts(
        [FUNCTION, OTHER_FUNCTION], [LIMITED], from_ms=hour_ms - HOUR_MS, until_ms=hour_ms + HOUR_MS
    )

    assert hours == {
        (FUNCTION, hour_ms - HOUR_MS): {LIMITED: 1},
        (FUNCTION, hour_ms): {LIMITED: 2},
        (OTHER_FUNCTION, hour_ms): {LIMITED: 1},
    }


calls = st.builds(
    AnsweredCall,
    st.just(ItemId(1)),
    ready_ms=st.integers(NOW_MS - 9 * DAY_MS, NOW_MS),
    sent_ms=st.integers(NOW_MS - 9 * DAY_MS, NOW_MS),
    ended_ms=st.integers(NOW_MS - 9 * DAY_MS, NOW_MS),
    end=st.sampled_from(["success", "errored", "failed"]),
)


@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    commits=st.lists(st.lists(st.tuples(calls, st.booleans()), min_size=1), max_size=8),
    range_ms=st.integers(HOUR_MS, 60 * DAY_MS),
)
def test_the_buckets_of_a_chart_add_up_to_what_was_counted(
    commits: Sequence[Sequence[tuple[AnsweredCall, bool]]], range_ms: int
) -> None:
    """In every range, of one function and of all, together with what came before and after."""

    async def story() -> None:
        store = SqliteStore.in_memory()
        owner, reading = await join_alone(store), store.read_models()
        for batch in commits:
            transitions = [
                Transition(answered=[call], function_id=OTHER_FUNCTION if is_other else FUNCTION)
                for call, is_other in batch
            ]
            await store.commit(owner, transitions)
        asked = chart_range(NOW_MS - range_ms, NOW_MS + 1, now_ms=NOW_MS)
        assert isinstance(asked, ChartRange)
        both = [FUNCTION, OTHER_FUNCTION]
        together = await reading.chart(both, asked, ALL)
        apart = await reading.charts(both, asked, ALL)
        counted = await reading.counts(both, asked, ALL)
        lifetime = await reading.lifetime_counts(both, ALL)
        for place in ALL:
            assert together.total(place) == sum(apart[each].total(place) for each in both)
            assert together.ever[place] == sum(lifetime[each][place] for each in both)
            for each in both:
                assert apart[each].total(place) == counted[each][place]
        ended = [call for batch in commits for call, _ in batch]
        in_range = [call for call in ended if call.ended_ms >= asked.from_ms]
        endings = [Counted.CALLS_SUCCEEDED, Counted.CALLS_ERRORED, Counted.CALLS_FAILED]
        assert sum(together.total(place) for place in endings) == len(in_range)
        assert together.ever[Counted.CALLS_STARTED] == len(ended)
        buckets = range(Histogram.DELAY, Histogram.CALL)
        assert sum(together.ever[place] for place in buckets) == len(ended)
        await store.close()

    asyncio.run(story())


async def test_charts_read_ranges_of_the_key(memory: sqlite3.Connection) -> None:
    """However many functions there are and however old they are; the rest is bounded."""
    store = SqliteStore.in_memory(connection=memory)
    reading = store.read_models()
    asked: list[str] = []
    memory.set_trace_callback(asked.append)
    both = [FUNCTION, OTHER_FUNCTION]
    await reading.chart(both, hour(), ALL)
    await reading.charts(both, hour(), [LIMITED])
    await reading.counts(both, hour(), [LIMITED])
    await reading.lifetime_counts(both, [LIMITED])
    await reading.daily_counts(both, [LIMITED], from_ms=0, until_ms=NOW_MS)
    memory.set_trace_callback(None)

    questions = [sql for sql in asked if sql.startswith("SELECT") and "tallies" not in sql]
    assert len(questions) == 11
    for sql in questions:
        plan = [step for *_, step in memory.execute(f"EXPLAIN QUERY PLAN {sql}")]
        assert plan[0].startswith("SEARCH rollups USING PRIMARY KEY (function_id=? AND span=? AND")
