"""Debounce: which event wins, and when its run starts."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.core.item_bodies import BufferBody
from stepwell.core.pause import Pause
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.transition import BufferKind, SkipReason
from stepwell.wire.config import Debounce
from tests.unit.core.admission_world import NAME, AdmissionWorld, limited
from tests.unit.core.core_world import START_MS
from tests.unit.core.test_admission import invoke, refusals

SECOND_MS = 1_000


def debounced(period: str = "5s", **options: object) -> AdmissionWorld:
    return AdmissionWorld(limited(debounce=Debounce(period=period, **options)))  # type: ignore[arg-type]


def timer(world: AdmissionWorld) -> QueueItem:
    """The only timer."""
    (item,) = (item for item in world.items.values() if item.kind is ItemKind.DEBOUNCE)
    return item


def test_an_event_starts_its_run_a_period_later_and_not_before() -> None:
    world = debounced()
    event = world.arrive()
    world.pass_ms(4_999)
    assert world.batches() == []
    world.pass_ms(1)
    assert world.batches() == [[event]]
    (run,) = world.new_runs
    assert run.queued_ms == START_MS + 5_000
    assert [item.kind for item in world.items.values()] == [ItemKind.START]
    assert not world.buffers
    assert not world.buffered


def test_a_tick_that_was_held_back_starts_a_run_of_its_cron() -> None:
    world = debounced()
    world.tick("0 * * * *")
    world.pass_ms(5_000)
    assert [run.cron for run in world.new_runs] == ["0 * * * *"]


def test_the_timer_says_which_buffer_it_ends() -> None:
    world = debounced(key="event.data.id")
    world.arrive({"id": "a"})
    (buffer,) = world.buffers.values()
    item = timer(world)
    assert (item.id, item.due_ms) == (buffer.item_id, START_MS + 5_000)
    assert BufferBody.decode(item.body) == BufferBody(
        BufferKind.DEBOUNCE, buffer.ref.key, buffer.id
    )


def test_a_newer_event_takes_the_place_of_the_one_before_and_puts_the_run_off() -> None:
    world = debounced()
    first = world.arrive()
    world.pass_ms(4_999)
    second = world.arrive()
    assert world.skip_of(first) == (SkipReason.DEBOUNCED, second)
    world.pass_ms(4_999)
    assert not world.new_runs
    world.pass_ms(1)
    assert world.batches() == [[second]]


def test_of_events_with_the_same_ts_the_last_one_wins() -> None:
    world = debounced()
    world.arrive(ts=START_MS)
    second = world.arrive(ts=START_MS)
    world.pass_ms(5_000)
    assert world.batches() == [[second]]


def test_an_older_event_changes_nothing_and_puts_nothing_off() -> None:
    world = debounced()
    newer = world.arrive(ts=START_MS)
    world.pass_ms(3_000)
    older = world.arrive(ts=START_MS - 1)
    assert world.skip_of(older) == (SkipReason.DEBOUNCED, newer)
    world.pass_ms(2_000)
    assert world.batches() == [[newer]]


def test_each_value_of_the_key_is_debounced_on_its_own() -> None:
    world = debounced(key="event.data.id")
    a, b, none, also_none = (world.arrive(d) for d in [{"id": "a"}, {"id": "b"}, {}, {}])
    world.pass_ms(5_000)
    assert world.batches() == [[a], [b], [also_none]]
    assert world.skip_of(none) == (SkipReason.DEBOUNCED, also_none)


def test_a_run_is_not_put_off_beyond_the_timeout() -> None:
    world = debounced(timeout="10s")
    events = []
    for _ in range(12):
        events.append(world.arrive())
        world.pass_ms(SECOND_MS)
    assert world.batches() == [[events[9]]]
    assert world.new_runs[0].queued_ms == START_MS + 10_000
    world.pass_ms(5_000)
    assert world.batches() == [[events[9]], [events[11]]]
    assert world.new_runs[1].queued_ms == START_MS + 16_000


def test_a_timeout_shorter_than_the_period_is_the_delay() -> None:
    world = debounced(timeout="2s")
    event = world.arrive()
    world.pass_ms(2_000)
    assert world.batches() == [[event]]


def test_an_event_at_the_very_end_opens_the_next_one() -> None:
    world = debounced()
    first = world.arrive()
    world.now_ms += 5_000
    second = world.arrive()
    assert world.batches() == [[first]]
    world.pass_ms(5_000)
    assert world.batches() == [[first], [second]]


def test_an_event_that_came_in_time_counts_although_it_is_decided_about_late() -> None:
    world = debounced()
    first = world.arrive()
    world.now_ms += 4_999
    second = world.post()
    world.now_ms += 100
    world.decide()
    assert world.skip_of(first) == (SkipReason.DEBOUNCED, second)
    assert timer(world).due_ms == world.now_ms + 5_000
    assert not world.new_runs


def test_a_turn_that_has_become_stale_changes_nothing() -> None:
    world = debounced()
    world.arrive()
    stale = timer(world)
    world.now_ms += 4_000
    second = world.arrive()
    (transition,) = world.decide([stale])
    assert transition == type(transition)()
    world.pass_ms(5_000)
    assert world.batches() == [[second]]


def test_a_turn_of_a_buffer_that_ended_is_dropped() -> None:
    world = debounced()
    world.arrive()
    old = timer(world)
    world.pass_ms(5_000)
    world.arrive()
    (transition,) = world.decide([old])
    assert transition == type(transition)(done=[old.id])
    assert len(world.buffers) == 1


def test_a_timer_whose_turn_comes_early_by_the_clock_still_ends_it() -> None:
    """Otherwise a clock that is set back would leave the event waiting for ever."""
    world = debounced()
    event = world.arrive()
    world.now_ms += 4_000
    world.decide([timer(world)])
    assert world.batches() == [[event]]


def test_the_present_configuration_says_how_long() -> None:
    world = debounced("5s")
    world.arrive()
    world.change(limited(debounce=Debounce(period="2s")))
    world.now_ms += 1_000
    world.arrive()
    assert timer(world).due_ms == START_MS + 3_000


def test_the_run_just_starts_if_the_option_was_removed() -> None:
    world = debounced()
    event = world.arrive()
    world.change(limited())
    world.pass_ms(5_000)
    assert world.batches() == [[event]]


def test_nothing_starts_if_the_function_was_removed() -> None:
    world = debounced()
    event = world.arrive()
    world.change(msgspec.structs.replace(limited(debounce=Debounce(period="5s")), archived=True))
    world.pass_ms(5_000)
    assert world.skip_of(event) == (SkipReason.FUNCTION_GONE, "")
    assert not world.items
    assert not world.buffers


def test_an_event_of_the_future_is_waited_for() -> None:
    world = debounced()
    world.arrive(ts=START_MS + 60_000)
    world.pass_ms(5_000)
    (start,) = world.items.values()
    assert (start.kind, start.due_ms) == (ItemKind.START, START_MS + 60_000)


def test_the_same_id_again_is_a_duplicate_once_it_has_run() -> None:
    """In the reference it runs again."""
    world = debounced()
    world.arrive(id="same")
    world.pass_ms(5_000)
    duplicate = world.arrive(id="same")
    assert world.skip_of(duplicate) == (SkipReason.DUPLICATE, "same")
    assert not world.buffers


def test_a_duplicate_is_found_when_the_time_is_up_too() -> None:
    world = debounced(key="event.data.n")
    world.arrive({"n": 1}, id="same")
    second = world.arrive({"n": 2}, id="same")
    world.pass_ms(5_000)
    assert world.skip_of(second) == (SkipReason.DUPLICATE, "same")
    assert len(world.new_runs) == 1


def test_a_step_whose_invocation_is_superseded_is_told_at_once() -> None:
    world = debounced()
    invoke(world)
    assert refusals(world) == []
    world.arrive()
    assert refusals(world) == ["invoked function is debounced; a newer event took this one's place"]


def test_the_step_whose_invocation_wins_gets_the_result_of_the_run() -> None:
    world = debounced()
    invoke(world)
    world.pass_ms(5_000)
    (run,) = world.live()
    assert (run.new.parent_run_id, run.new.parent_step) == ("parent", "call")
    assert [(c.run_id, c.step) for c in run.callers] == [("parent", "call")]


@pytest.mark.parametrize("by", ["pause", "duplicate"])
def test_a_step_is_told_when_its_event_is_turned_away_in_the_end(by: str) -> None:
    world = debounced()
    invoke(world)
    if by == "pause":
        function = limited(debounce=Debounce(period="5s"))
        world.change(msgspec.structs.replace(function, pause=Pause(0)))
    else:
        (held,) = world.buffered.values()
        held[0] = msgspec.structs.replace(held[0], claim_key="same")
        world.claimed[limited().id, "same"] = held[0].parent_run_id
    world.pass_ms(5_000)
    assert len(refusals(world)) == 1


@given(
    events=st.lists(
        st.tuples(
            st.integers(0, 7_000),  # ms since the one before
            st.integers(-3, 3),  # ts
            st.sampled_from("ab"),
        ),
        max_size=25,
    ),
    timeout_ms=st.none() | st.integers(1_000, 20_000),
)
def test_winners_and_times_are_those_of_a_simple_model(
    events: list[tuple[int, int, str]], timeout_ms: int | None
) -> None:
    timeout = None if timeout_ms is None else f"{timeout_ms}ms"
    world = debounced("5s", key="event.data.key", timeout=timeout)
    expected: list[tuple[int, str]] = []
    pending: dict[str, tuple[int, int, int | None, str]] = {}  # ts, due, deadline, event id

    def end(until_ms: int) -> None:
        for key, (_, due_ms, _, event_id) in sorted(pending.items()):
            if due_ms <= until_ms:
                expected.append((due_ms, event_id))
                del pending[key]

    for gap_ms, ts, key in events:
        world.pass_ms(gap_ms)
        now_ms = world.now_ms
        end(now_ms)
        event_id = world.arrive({"key": key}, ts=START_MS + ts)
        held = pending.get(key)
        if held is not None and ts < held[0]:
            continue
        deadline_ms = held[2] if held else (now_ms + timeout_ms if timeout_ms else None)
        due_ms = min(now_ms + 5_000, deadline_ms or now_ms + 5_000)
        pending[key] = (ts, due_ms, deadline_ms, event_id)
    world.pass_ms(5_000)
    end(world.now_ms)

    found = [(run.queued_ms, str(run.event_id)) for run in world.new_runs]
    assert sorted(found) == sorted(expected)
    assert not world.buffers
    world.check_each_event_once()
    assert len([e for e in world.events if e.name == NAME]) == len(events)
