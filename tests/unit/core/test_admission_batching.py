"""Batches: what joins them, when they run, and with what."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.core import batching
from stepwell.core.identity import EventId, FunctionId, RunId, StepId
from stepwell.core.journal import Caller
from stepwell.core.pause import Pause
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.transition import SkipReason
from stepwell.wire.config import Batch, RunConcurrency, Timeouts
from tests.unit.core.admission_world import AdmissionWorld, limited
from tests.unit.core.core_world import START_MS
from tests.unit.core.test_admission import answers, invoke, refusals


def batched(size_max: int = 3, timeout: str = "5s", **options: object) -> AdmissionWorld:
    batch = Batch(size_max=size_max, timeout=timeout, **options)  # type: ignore[arg-type]
    return AdmissionWorld(limited(batch=batch))


def timers(world: AdmissionWorld) -> list[QueueItem]:
    return [item for item in world.items.values() if item.kind is ItemKind.BATCH]


def test_a_batch_runs_the_moment_it_is_full() -> None:
    world = batched()
    events = [world.arrive() for _ in range(2)]
    assert world.batches() == []
    world.pass_ms(2_000)
    events.append(world.arrive())
    assert world.batches() == [events]
    (run,) = world.new_runs
    assert run.event_id == events[0]
    assert run.queued_ms == START_MS + 2_000
    assert not timers(world)
    assert not world.buffers
    assert not world.buffered


def test_the_batch_id_says_when_the_batch_was_opened() -> None:
    world = batched()
    world.arrive()
    (buffer,) = world.buffers.values()
    world.now_ms += 100
    world.arrive()
    world.arrive()
    (run,) = world.new_runs
    assert run.batch_id == buffer.id
    assert buffer.opened_ms == START_MS


def test_a_batch_that_is_not_full_runs_when_its_time_is_up() -> None:
    world = batched()
    events = [world.arrive()]
    world.pass_ms(4_000)
    events.append(world.arrive())
    world.pass_ms(999)
    assert world.batches() == []
    world.pass_ms(1)
    assert world.batches() == [events]


def test_a_batch_that_a_tick_has_opened_is_a_run_of_its_cron() -> None:
    world = batched()
    world.tick("0 * * * *")
    world.arrive()
    world.pass_ms(5_000)
    assert [run.cron for run in world.new_runs] == ["0 * * * *"]


def test_a_batch_of_one_event_is_a_batch() -> None:
    world = batched()
    event = world.arrive()
    world.pass_ms(5_000)
    (run,) = world.new_runs
    assert world.batches() == [[event]]
    assert run.batch_id
    assert run.event_ids == ()


def test_more_events_than_fit_open_the_next_batch() -> None:
    world = batched(5)
    events = [world.post() for _ in range(8)]
    world.decide()
    assert world.batches() == [events[:5]]
    world.pass_ms(5_000)
    assert world.batches() == [events[:5], events[5:]]


def test_a_batch_runs_when_its_payloads_have_reached_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The edge itself is full; one byte less is not."""
    world = batched(1_000)
    world.arrive({"x": "1234567890"})
    (buffer,) = world.buffers.values()
    monkeypatch.setattr(batching, "BATCH_BYTES_MAX", 3 * buffer.bytes)
    world.arrive({"x": "123456789"})
    world.arrive({"x": "1234567890"})
    assert world.batches() == []
    world.arrive({})
    assert [len(batch) for batch in world.batches()] == [4]
    for _ in range(3):
        world.arrive({"x": "1234567890"})
    assert [len(batch) for batch in world.batches()] == [4, 3]


def test_each_value_of_the_key_has_a_batch_of_its_own() -> None:
    world = batched(2, key="event.data.id")
    sent = [world.arrive({"id": key}) for key in "abacb"]
    assert world.batches() == [[sent[0], sent[2]], [sent[1], sent[4]]]
    world.pass_ms(5_000)
    assert world.batches()[2:] == [[sent[3]]]


def test_events_without_the_key_share_a_batch() -> None:
    world = batched(2, key="event.data.id")
    events = [world.arrive({}) for _ in range(2)]
    assert world.batches() == [events]


@pytest.mark.parametrize("data", [{}, {"ok": False}, {"ok": "yes"}, {"ok": 1}])
def test_only_true_lets_an_event_join(data: object) -> None:
    world = batched(condition="event.data.ok")
    alone = world.arrive(data)
    assert world.batches() == [[alone]]
    assert not world.new_runs[0].batch_id
    together = [world.arrive({"ok": True}) for _ in range(3)]
    assert world.batches() == [[alone], together]


def test_the_run_stands_where_its_first_event_says_and_ignores_future_times() -> None:
    batch = Batch(size_max=2, timeout="5s")
    world = AdmissionWorld(
        limited(
            batch=batch,
            run_concurrency=RunConcurrency(limit=1, key="event.data.id"),
            timeouts=Timeouts(start="3s"),
        )
    )
    world.arrive({"id": "a"}, ts=START_MS + 60_000)
    world.arrive({"id": "b"})
    (start,) = world.items.values()
    assert start.due_ms == 0
    assert '"a"' in start.lane
    assert '"b"' not in start.lane


def test_every_step_that_invoked_it_gets_the_result() -> None:
    world = batched(3)
    invoke(world)
    world.arrive()
    invoke(world)
    (run,) = world.live()
    assert run.callers == (_CALLER, _CALLER)
    assert run.new.parent_run_id == ""
    world.end_run(run)
    assert [item.run_id for item in answers(world)] == ["parent", "parent"]


_CALLER = Caller(RunId("parent"), FunctionId("parents"), StepId("call"))


def test_a_pending_batch_still_runs_as_one_if_batching_was_removed() -> None:
    world = batched()
    events = [world.arrive(), world.arrive()]
    world.change(limited())
    alone = world.arrive()
    assert world.batches() == [[alone]]
    world.pass_ms(5_000)
    assert world.batches() == [[alone], events]
    assert world.new_runs[1].batch_id


def test_a_pending_batch_is_turned_away_if_the_function_was_removed() -> None:
    world = batched()
    first = world.arrive()
    invoke(world)
    function = limited(batch=Batch(size_max=3, timeout="5s"))
    world.change(msgspec.structs.replace(function, archived=True))
    world.pass_ms(5_000)
    assert world.outcomes() == {"function_gone": 2}
    assert world.skip_of(first) == (SkipReason.FUNCTION_GONE, "")
    assert refusals(world) == ["invoked function is not registered any more"]
    assert [item.kind for item in world.items.values()] == [ItemKind.RESUME]


def test_a_pending_batch_of_a_paused_function_is_one_skipped_run() -> None:
    world = batched()
    events = [world.arrive(), world.arrive()]
    function = limited(batch=Batch(size_max=3, timeout="5s"))
    world.change(msgspec.structs.replace(function, pause=Pause(0)))
    world.pass_ms(5_000)
    assert world.outcomes() == {"Skipped": 1}
    assert world.batches() == [events]


def test_a_smaller_size_ends_a_batch_that_has_more() -> None:
    world = batched(10)
    events = [world.arrive() for _ in range(5)]
    world.change(limited(batch=Batch(size_max=3, timeout="5s")))
    following = [world.arrive() for _ in range(3)]
    assert world.batches() == [events, following]
    assert not timers(world)


def test_a_duplicate_does_not_join_while_the_batch_is_open_or_after() -> None:
    world = batched(2)
    first = world.arrive(id="same")
    assert world.skip_of(world.arrive(id="same")) == (SkipReason.DUPLICATE, "same")
    second = world.arrive(id="other")
    assert world.batches() == [[first, second]]
    (run,) = world.new_runs
    assert set(world.claimed.values()) == {run.id}
    assert world.skip_of(world.arrive(id="other")) == (SkipReason.DUPLICATE, "other")


def test_a_turn_of_a_batch_that_was_filled_is_dropped() -> None:
    world = batched(2)
    world.arrive()
    (old,) = timers(world)
    world.arrive()
    world.arrive()
    (transition,) = world.decide([old])
    assert transition == type(transition)(done=[old.id])


@given(
    sent=st.lists(
        st.tuples(st.integers(0, 3_000), st.sampled_from("ab"), st.integers(0, 60), st.booleans()),
        max_size=30,
    ),
    size_max=st.integers(2, 6),
)
def test_batches_partition_their_events_in_order(
    sent: list[tuple[int, str, int, bool]], size_max: int
) -> None:
    """Each event is in one batch, none is too large, and none waits longer than its time."""
    world = batched(size_max, key="event.data.key")
    keys: dict[EventId, tuple[str, int]] = {}
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(batching, "BATCH_BYTES_MAX", 400)
        for gap_ms, key, size, decides in sent:
            world.pass_ms(gap_ms)
            event = world.post({"key": key, "x": "x" * size})
            keys[event] = key, world.now_ms
            if decides:
                world.decide()
        world.decide()
        world.pass_ms(5_000)

    world.check_each_event_once()
    sizes = {event.id: len(event.payload) for event in world.events}
    for run, batch in zip(world.new_runs, world.batches(), strict=True):
        assert len(batch) <= size_max
        assert sum(sizes[event] for event in batch[:-1]) < 400
        assert len({keys[event][0] for event in batch}) == 1
        is_full = len(batch) == size_max or sum(sizes[event] for event in batch) >= 400
        waited_ms = run.queued_ms - keys[batch[0]][1]
        assert is_full or waited_ms >= 5_000
    for key in "ab":
        of_key = [event for batch in world.batches() for event in batch if keys[event][0] == key]
        assert of_key == [event for event, (of, _) in keys.items() if of == key]
    assert not world.buffers
    assert not timers(world)
