"""Singletons: never two live runs with one key."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.core.admission_view import AdmissionView, Findings
from stepwell.core.ending import CANCELLED
from stepwell.core.identity import RunId
from stepwell.core.journal import RunEnded
from stepwell.core.pause import Pause
from stepwell.core.queue import ItemKind
from stepwell.core.run import RunState
from stepwell.core.singleton import find_seat, singleton_key
from stepwell.core.status import RunStatus
from stepwell.wire.config import CancelOn, EventTrigger, Singleton, SingletonMode, Timeouts
from tests.unit.core.admission_world import AdmissionWorld, limited
from tests.unit.core.core_world import function
from tests.unit.core.test_admission import invoke, refusals

SKIP, CANCEL = SingletonMode.SKIP, SingletonMode.CANCEL


def single(mode: SingletonMode, key: str | None = None, **options: object) -> AdmissionWorld:
    return AdmissionWorld(limited(singleton=Singleton(mode=mode, key=key), **options))


def ending_of(world: AdmissionWorld, run: RunState) -> RunEnded:
    entry = world.entries_of(run)[-1]
    assert isinstance(entry, RunEnded)
    return entry


def test_a_second_run_is_skipped_and_says_because_of_which() -> None:
    world = single(SKIP)
    world.arrive()
    (running,) = world.live()
    world.arrive()
    skipped = world.runs[world.new_runs[-1].id]
    assert world.live() == [running]
    ending = ending_of(world, skipped)
    assert (ending.status, ending.cause) == (RunStatus.SKIPPED, "singleton")
    assert ending.existing_run_id == running.new.id
    assert skipped.new.singleton == ""


def test_once_the_run_has_ended_there_can_be_another() -> None:
    world = single(SKIP)
    world.arrive()
    world.end_run(world.live()[0])
    world.arrive()
    assert world.outcomes() == {"Completed": 1, "Scheduled": 1}


def test_fifty_events_at_once_start_one_run_when_they_are_skipped() -> None:
    world = single(SKIP)
    for _ in range(50):
        world.post()
    world.decide()
    assert world.outcomes() == {"Scheduled": 1, "Skipped": 49}


def test_fifty_events_at_once_leave_one_run_when_older_ones_are_cancelled() -> None:
    world = single(CANCEL)
    events = [world.post() for _ in range(50)]
    world.decide()
    assert world.outcomes() == {"Scheduled": 1, "Cancelled": 49}
    (last,) = world.live()
    assert last.new.event_id == events[-1]
    world.end_run(last)
    assert world.outcomes() == {"Completed": 1, "Cancelled": 49}


def test_the_older_run_is_cancelled_for_the_newer_one() -> None:
    world = single(CANCEL)
    world.arrive()
    (older,) = world.live()
    world.arrive()
    (newer,) = world.live()
    assert newer is not older
    assert ending_of(world, older).cause == "singleton"
    assert world.event_names().count(CANCELLED) == 1


def test_a_run_that_is_superseded_at_once_leaves_nothing_behind() -> None:
    """No call, no timer and no wait of it is ever stored, but its end is told to all."""
    world = single(
        CANCEL,
        timeouts=Timeouts(start="5s"),
        cancel=(CancelOn(event="t/stop"),),
    )
    world.post(id="first")
    world.post(id="second")
    first, second = world.decide()
    (run,) = first.runs
    assert [event.name for event in first.events] == ["inngest/function.finished", CANCELLED]
    assert [(row.run_id, row.seq) for row in first.journal] == [(run.id, 0)]
    assert [end.status for end in first.ended] == [RunStatus.CANCELLED]
    assert [claim.run_id for claim in first.claims] == [run.id]
    assert not first.put
    assert not first.waits
    assert not first.waits_done
    assert {item.kind for item in second.put} == {ItemKind.START, ItemKind.START_TIMEOUT}
    assert len(first.done) == 1


def test_what_listens_to_cancelled_runs_is_started_by_superseded_ones_too() -> None:
    world = AdmissionWorld(
        limited(singleton=Singleton(mode=CANCEL)),
        function("cleanup", EventTrigger(event=CANCELLED)),
    )
    world.post()
    world.post()
    world.decide()
    assert [new.function_id for new in world.new_runs if new.event_name == CANCELLED] == [
        "id-of-cleanup"
    ]


@pytest.mark.parametrize(
    ("key", "first", "second", "runs"),
    [
        (None, {}, {}, 1),
        ("event.data.id", {"id": "a"}, {"id": "a"}, 1),
        ("event.data.id", {"id": "a"}, {"id": "b"}, 2),
        ("event.data.id", {"id": 1}, {"id": "1"}, 1),
        ("event.data.id", {"id": ""}, {"id": ""}, 1),
        ("event.data.id", {}, {}, 2),
        ("event.data.id", {"id": False}, {"id": False}, 2),
        ("1 / event.data.id > 0", {"id": 0}, {"id": 0}, 2),
    ],
)
def test_which_events_concern_the_same_singleton(
    key: str | None, first: object, second: object, runs: int
) -> None:
    world = single(SKIP, key)
    world.arrive(first)
    world.arrive(second)
    assert len(world.live()) == runs


def test_a_key_is_never_empty_when_the_singleton_applies() -> None:
    for key, data in [(None, {}), ("event.data.id", {"id": ""})]:
        configured = limited(singleton=Singleton(key=key))
        assert singleton_key(configured, lambda data=data: {"data": data}, now_ms=0)  # type: ignore[misc]
    assert singleton_key(limited(), dict, now_ms=0) == ""


def test_a_step_that_invokes_a_running_singleton_is_told_at_once() -> None:
    world = single(SKIP)
    world.arrive()
    invoke(world)
    assert refusals(world) == ["the invoked function's run was skipped (singleton)"]


def test_a_step_whose_run_is_superseded_is_told() -> None:
    world = single(CANCEL)
    invoke(world)
    world.arrive()
    assert len(refusals(world)) == 1


def test_a_pause_leaves_the_running_one_alone() -> None:
    world = single(CANCEL)
    world.arrive()
    (running,) = world.live()
    paused = msgspec.structs.replace(limited(singleton=Singleton(mode=CANCEL)), pause=Pause(0))
    world.post()
    world.change(paused)
    world.decide()
    assert world.live() == [running]
    assert world.outcomes() == {"Scheduled": 1, "Skipped": 1}


def test_a_run_that_cannot_be_cancelled_keeps_its_seat() -> None:
    configured = limited(singleton=Singleton(mode=CANCEL))
    stuck = RunId("stuck")
    findings = Findings(holders={(configured.id, "*"): stuck})
    movable = AdmissionView(findings)
    immovable = AdmissionView(findings, immovable={stuck})
    assert find_seat(configured, "*", movable).holder is None
    assert find_seat(configured, "*", immovable).holder == stuck


@given(
    sent=st.lists(st.tuples(st.sampled_from("ab"), st.booleans(), st.booleans()), max_size=30),
    mode=st.sampled_from(SingletonMode),
)
def test_never_are_two_runs_with_one_key_live(
    sent: list[tuple[str, bool, bool]], mode: SingletonMode
) -> None:
    world = single(mode, "event.data.key")
    for key, decides, ends in sent:
        world.post({"key": key})
        if decides:
            world.decide()
        keys = [run.new.singleton for run in world.live()]
        assert len(keys) == len(set(keys))
        if ends and world.live():
            world.end_run(world.live()[0])
    world.decide()
    keys = [run.new.singleton for run in world.live()]
    assert len(keys) == len(set(keys))
    world.check_each_event_once()
    assert len(world.new_runs) == len(sent)
