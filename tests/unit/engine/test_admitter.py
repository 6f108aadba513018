"""The admitter: one row of decisions, durable one batch after the other, whatever goes wrong."""

import asyncio
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepwell.core.function import FunctionIndex
from stepwell.core.identity import EventId, FunctionId, ItemId, RunId
from stepwell.core.item_bodies import AdmitBody
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.scheduling import Origin, schedule
from stepwell.core.transition import Transition
from stepwell.core.trigger import TriggerEvent
from stepwell.engine.store import StoreUnavailable
from stepwell.wire.config import (
    Batch,
    Debounce,
    EventTrigger,
    RateLimit,
    Singleton,
    SingletonMode,
)
from tests.unit.core.admission_world import EVENT, limited
from tests.unit.core.core_world import START_MS, function
from tests.unit.engine.admission_desk import Desk, desk

pytestmark = pytest.mark.anyio

F = FunctionId("id-of-f")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def single(mode: SingletonMode = SingletonMode.CANCEL) -> Any:
    return limited(singleton=Singleton(mode=mode))


async def test_an_event_is_decided_about_and_its_item_is_gone() -> None:
    async with desk(limited(rate_limit=RateLimit(limit=1, period="1m"))) as d:
        d.post()
        d.post()
        await d.settle()
        assert d.outcomes() == {"Scheduled": 1, "rate_limited": 1}
        assert d.queued(ItemKind.ADMIT) == 0
        assert d.queued(ItemKind.START) == 1


async def test_events_that_were_just_accepted_are_not_read_again() -> None:
    async with desk(limited(debounce=Debounce(period="1s"))) as d:
        for _ in range(10):
            d.post()
        await d.settle()
        assert d.event_reads == 0
        await d.pass_ms(1_000)
        assert d.outcomes() == {"Scheduled": 1, "debounced": 9}
        assert d.event_reads == 1


async def test_what_was_used_up_is_used_up_after_a_restart() -> None:
    async with desk(limited(rate_limit=RateLimit(limit=1, period="1m"))) as d:
        d.post()
        await d.settle()
        await d.crash()
        d.now += 59_999
        d.post()
        await d.settle()
        d.now += 1
        d.post()
        await d.settle()
        assert d.outcomes() == {"Scheduled": 2, "rate_limited": 1}


async def test_a_debounce_and_a_batch_go_on_after_a_restart() -> None:
    together = function("b", EVENT, batch=Batch(size_max=3, timeout="9s"))
    async with desk(limited(debounce=Debounce(period="5s")), together) as d:
        events = [d.post(), d.post()]
        await d.settle()
        await d.crash()
        await d.pass_ms(5_000)
        assert [events for _, _, events in d.runs()] == [[events[1]]]
        await d.crash()
        await d.pass_ms(4_000)
        assert [events for _, _, events in d.runs("id-of-b")] == [events]
        assert not d.rows("SELECT * FROM buffers")
        assert not d.rows("SELECT * FROM buffered_events")


async def test_more_events_than_are_decided_about_together_stay_in_order() -> None:
    async with desk(limited(batch=Batch(size_max=7, timeout="5s"))) as d:
        events = [d.post() for _ in range(450)]
        await d.settle()
        await d.pass_ms(5_000)
        assert [event for _, _, events in d.runs() for event in events] == events
        assert {len(events) for _, _, events in d.runs()} == {7, 450 % 7}


async def test_the_holder_is_cancelled_before_the_new_run_is_there() -> None:
    async with desk(single()) as d:
        d.post()
        await d.settle()
        (holder,) = d.live()
        for _ in range(50):
            d.post()
        await d.settle()
        assert d.cancelled == [holder]
        assert d.outcomes() == {"Scheduled": 1, "Cancelled": 50}
        (winner,) = d.live()
        assert winner == d.runs()[-1][0]


async def test_a_holder_that_has_ended_meanwhile_is_no_obstacle() -> None:
    async with desk(single(SingletonMode.SKIP)) as d:
        d.post()
        await d.settle()
        await d.end(d.live()[0])
        d.post()
        await d.settle()
        assert d.outcomes() == {"Scheduled": 1, "Cancelled": 1}


async def test_a_run_that_cannot_be_cancelled_stays_and_new_ones_are_skipped() -> None:
    async with desk(single()) as d:
        d.post()
        await d.settle()
        (stuck,) = d.live()
        d.unmovable.add(stuck)
        for _ in range(3):
            d.post()
        await d.settle()
        assert d.live() == [stuck]
        assert d.outcomes() == {"Scheduled": 1, "Skipped": 3}


async def test_a_defect_costs_one_event_and_is_recorded() -> None:
    """A period that does not parse stands for whatever a decision may stumble over."""
    broken = limited(rate_limit=RateLimit(limit=1, period="nonsense"))
    other = function("g", EVENT, rate_limit=RateLimit(limit=1, period="1m"))
    async with desk(broken, other) as d:
        d.post()
        await d.settle()
        assert d.outcomes() == {"defect": 1}
        assert d.outcomes("id-of-g") == {"Scheduled": 1}
        assert d.queued(ItemKind.ADMIT) == 0


async def test_an_item_that_cannot_be_understood_stays_and_holds_up_nothing() -> None:
    async with desk(limited(rate_limit=RateLimit(limit=1, period="1m"))) as d:
        strange = QueueItem(ItemId(d.ids.number()), ItemKind.ADMIT, F, body=b'{"x":1}')
        d.post()
        await d.put(Transition(put=[strange]))
        d.post()
        await d.settle()
        assert d.outcomes() == {"Scheduled": 1, "rate_limited": 1}
        assert d.queued(ItemKind.ADMIT) == 1


async def test_stored_rows_that_cannot_be_read_cost_only_their_own_items() -> None:
    async with desk(limited(debounce=Debounce(period="1s", key="event.data.key"))) as d:
        d.post({"key": "a"})
        await d.settle()
        d.connection.execute("DELETE FROM buffered_events")
        d.post({"key": "b"})
        await d.settle()
        await d.pass_ms(1_000)
        assert d.outcomes() == {"Scheduled": 1}
        assert d.queued(ItemKind.DEBOUNCE) == 1


async def test_an_event_that_is_not_stored_is_forgotten() -> None:
    async with desk(limited(rate_limit=RateLimit(limit=1, period="1m"))) as d:
        body = AdmitBody(EventId("unknown")).encode()
        item = QueueItem(ItemId(d.ids.number()), ItemKind.ADMIT, F, body=body)
        await d.put(Transition(put=[item]))
        await d.settle()
        assert d.queued(ItemKind.ADMIT) == 0
        assert d.outcomes() == {}


async def test_nobody_looks_for_a_claim_while_it_is_decided_about() -> None:
    async with desk(limited(rate_limit=RateLimit(limit=1, period="1m"))) as d:
        d.post(id="same")
        await d.steps(4)
        claimed = await d.claims.reserve([(F, "same")])
        assert d.live() == [claimed[F, "same"]]
        d.claims.release([(F, "same")])


async def test_claims_are_let_go_of_when_the_work_is_given_up() -> None:
    async with desk(limited(rate_limit=RateLimit(limit=1, period="1m"))) as d:
        claims = d.claims
        d.post(id="same")
        await d.steps(1)
        await d.crash()
        async with asyncio.timeout(5):
            await claims.reserve([(F, "same")])


# Starts without an event of their own.


def starter(d: Desk, seen: list[RunId | None]) -> Any:
    """What decides about a start: a run, whoever holds the key."""
    event = TriggerEvent(EventId("event"), "t/go", START_MS, b'{"name":"t/go","data":{},"ts":1}')

    def decide(holder: RunId | None) -> tuple[Transition, RunId]:
        seen.append(holder)
        transition = Transition()
        if holder is not None:
            return transition, holder
        configured = d.functions.get(F)
        assert configured is not None
        origin = Origin(singleton="*")
        run = schedule(transition, configured, [event], origin, at=d.moment())
        return transition, run.id

    return decide


async def test_a_start_sees_who_holds_the_key() -> None:
    async with desk(single(SingletonMode.SKIP)) as d:
        seen: list[RunId | None] = []
        first = await d.admitter.start(F, "*", starter(d, seen))
        second = await d.admitter.start(F, "*", starter(d, seen))
        assert d.live() == [first]
        assert second == first
        assert seen == [None, first]
        assert d.cancelled == []


async def test_a_start_comes_after_the_holder_was_cancelled() -> None:
    async with desk(single()) as d:
        d.connection.execute(
            "INSERT INTO events (id, number, environment_id, name, external_id, ts_ms,"
            " received_ms, payload) VALUES"
            """ ('event', 0, '', 't/go', '', 0, 0, x'7b226e616d65223a22742f676f227d')"""
        )
        seen: list[RunId | None] = []
        first = await d.admitter.start(F, "*", starter(d, seen))
        second = await d.admitter.start(F, "*", starter(d, seen))
        assert d.cancelled == [first]
        assert d.live() == [second]
        assert seen == [None, None]


async def test_starts_with_one_key_at_the_same_time_go_one_after_the_other() -> None:
    async with desk(single(SingletonMode.SKIP)) as d:
        seen: list[RunId | None] = []
        starts = [d.admitter.start(F, "*", starter(d, seen)) for _ in range(5)]
        assert set(await asyncio.gather(*starts)) == set(d.live())
        assert len(d.live()) == 1


async def test_a_start_that_fails_fails_for_the_one_who_asked() -> None:
    def fails(_: RunId | None) -> tuple[Transition, RunId]:
        raise ValueError("no")

    async with desk(single()) as d:
        with pytest.raises(ValueError, match="no"):
            await d.admitter.start(F, "*", fails)
        d.post()
        await d.settle()
        assert len(d.live()) == 1


async def test_a_start_whose_holder_cannot_be_cancelled_fails() -> None:
    async with desk(single()) as d:
        d.post()
        await d.settle()
        d.unmovable.update(d.live())
        with pytest.raises(ValueError, match="a defect"):
            await d.admitter.start(F, "*", starter(d, []))
        assert len(d.live()) == 1


async def test_whoever_waits_for_a_start_is_told_when_the_server_stops() -> None:
    async with desk(single()) as d:
        start = asyncio.ensure_future(d.admitter.start(F, "*", starter(d, [])))
        await d.steps(1)
        d.admitter.abort()
        with pytest.raises(StoreUnavailable):
            await start
        with pytest.raises(StoreUnavailable):
            await d.admitter.start(F, "*", starter(d, []))


# Everything at once.

_FUNCTIONS = (
    function("rate", EVENT, rate_limit=RateLimit(limit=20, period="1m", key="event.data.key")),
    function("debounce", EVENT, debounce=Debounce(period="3s", timeout="7s")),
    function("batch", EVENT, batch=Batch(size_max=3, timeout="4s", key="event.data.key")),
    function("skip", EVENT, singleton=Singleton(mode=SingletonMode.SKIP, key="event.data.key")),
    function("cancel", EVENT, singleton=Singleton(mode=SingletonMode.CANCEL, key="event.data.key")),
    function(
        "both",
        EVENT,
        debounce=Debounce(period="2s", key="event.data.key"),
        singleton=Singleton(mode=SingletonMode.CANCEL),
        rate_limit=RateLimit(limit=30, period="1m"),
    ),
    function("listener", EventTrigger(event="inngest/function.cancelled"), singleton=Singleton()),
)
_IDS = [f.id for f in _FUNCTIONS if f.slug != "listener"]


@settings(max_examples=40, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(
    script=st.lists(
        st.one_of(
            st.tuples(
                st.just("post"),
                st.sampled_from("ab"),
                st.integers(-2_000, 2_000),
                st.integers(0, 4),
            ),
            st.tuples(st.just("pass"), st.integers(0, 4_000)),
            st.tuples(st.just("crash"), st.integers(0, 8)),
            st.tuples(st.just("end"), st.integers(0, 10)),
        ),
        max_size=40,
    )
)
async def test_each_event_has_one_outcome_per_function_whatever_crashes(
    script: list[tuple[Any, ...]],
) -> None:
    async with desk(*_FUNCTIONS) as d:
        posted: list[EventId] = []
        for what, *details in script:
            if what == "post":
                key, ts, sender_id = details
                fields = {"id": f"sent-{sender_id}"} if sender_id else {}
                posted.append(d.post({"key": key}, ts=d.now + ts, **fields))
                await d.steps(ts % 3)
            elif what == "pass":
                await d.settle()
                await d.pass_ms(details[0])
            elif what == "crash":
                await d.steps(details[0])
                await d.crash()
                d.ring()
            else:
                await d.settle()
                for run_id in d.live("id-of-skip")[: details[0]]:
                    await d.end(run_id)
        await d.settle()
        await d.pass_ms(30_000)
        _check(d, posted)


def _check(d: Desk, posted: list[EventId]) -> None:
    stored = {event_id for (event_id,) in d.rows("SELECT id FROM events WHERE name = 't/go'")}
    # A crash may come before an event is durable; then nobody was told that it was accepted.
    assert stored <= set(posted)
    for function_id in _IDS:
        places = d.places(function_id)
        assert set(places) == stored
        assert set(places.values()) <= {1}, function_id
    assert d.queued(ItemKind.ADMIT, ItemKind.DEBOUNCE, ItemKind.BATCH) == 0
    assert not d.rows("SELECT * FROM buffers")
    assert not d.rows("SELECT * FROM buffered_events")
    for _, _, events in d.runs("id-of-batch"):
        assert events == sorted(events)
        assert len(events) <= 3
    _check_rate(d)


def _check_rate(d: Desk) -> None:
    """What was admitted is what an independent reading of the formula admits."""
    decided = d.rows(
        "SELECT e.id, json_extract(e.payload, '$.data.key'), r.queued_ms, s.at_ms, s.reason"
        " FROM events e"
        " LEFT JOIN runs r ON r.event_id = e.id AND r.function_id = 'id-of-rate'"
        " LEFT JOIN skips s ON s.event_id = e.id AND s.function_id = 'id-of-rate'"
        " WHERE e.name = 't/go' ORDER BY e.id"
    )
    full_at: dict[str, float] = {}
    for _, key, queued_ms, skipped_ms, reason in decided:
        if reason == "duplicate":
            continue
        at_ms = queued_ms if queued_ms is not None else skipped_ms
        backlog_ms = max(0.0, full_at.get(key, 0.0) - at_ms)
        fits = backlog_ms <= 2 * 3_000
        assert fits == (queued_ms is not None)
        if fits:
            full_at[key] = max(full_at.get(key, 0.0), at_ms) + 3_000


async def test_functions_may_be_replaced_while_their_events_wait() -> None:
    async with desk(limited(debounce=Debounce(period="1s"))) as d:
        d.post()
        await d.settle()
        d.functions = FunctionIndex([limited()])
        await d.pass_ms(1_000)
        assert d.outcomes() == {"Scheduled": 1}
