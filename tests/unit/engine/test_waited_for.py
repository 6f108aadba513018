"""Which requests are said to have waited for a limit: those that the limit has held up."""

from typing import Any

import msgspec
import pytest

from stepwell.core.lanes import KeyKind
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.transition import WaitedFor
from stepwell.engine.limits import LimitSettings
from stepwell.wire.config import ConcurrencyLimit, RunConcurrency, Throttle
from tests.unit.engine.scheduler_world import Key, SchedulerWorld, function

START, STEP = ItemKind.START, ItemKind.STEP
NOTHING, THROTTLE, CONCURRENCY = WaitedFor.NOTHING, WaitedFor.THROTTLE, WaitedFor.CONCURRENCY
THROTTLED: Key = (KeyKind.THROTTLE, "k", "a")


def put(world: SchedulerWorld, count: int, *keys: Key, kind: ItemKind = START) -> list[QueueItem]:
    """Requests that come up now."""
    items = [
        msgspec.structs.replace(world.item("f", *keys, kind=kind), queued_ms=world.now_ms)
        for _ in range(count)
    ]
    world.put(*items)
    return items


def waited(world: SchedulerWorld, *items: QueueItem) -> list[WaitedFor]:
    return [world.scheduler.waited_for(item.id) for item in items]


def test_what_is_sent_at_once_has_waited_for_nothing() -> None:
    world = SchedulerWorld(function("f", concurrency=(ConcurrencyLimit(limit=3),)))
    items = put(world, 2)
    world.settle()
    assert waited(world, *items) == [NOTHING, NOTHING]


def test_a_request_that_found_a_limit_full_has_waited_for_it() -> None:
    """Until it has been answered; then nobody asks any more."""
    world = SchedulerWorld(function("f", concurrency=(ConcurrencyLimit(limit=1),)))
    first, second = put(world, 2)
    world.settle()
    world.wait(1_000)
    world.end(first)
    world.settle()
    assert waited(world, first, second) == [NOTHING, CONCURRENCY]
    world.end(second)
    assert waited(world, second) == [NOTHING]


def test_a_request_that_came_while_others_were_held_up_has_waited_as_well() -> None:
    world = SchedulerWorld(function("f", concurrency=(ConcurrencyLimit(limit=1),)))
    first, second = put(world, 2)
    world.settle()
    world.wait(1_000)
    (third,) = put(world, 1)
    world.settle()
    world.wait(1_000)
    for item in (first, second):
        world.end(item)
        world.settle()
    assert waited(world, third) == [CONCURRENCY]


def test_a_request_that_comes_after_the_limit_had_room_again_has_not_waited() -> None:
    world = SchedulerWorld(function("f", concurrency=(ConcurrencyLimit(limit=1),)))
    first, second = put(world, 2)
    world.settle()
    world.wait(1_000)
    world.end(first)
    world.settle()
    world.end(second)
    world.wait(1_000)
    (third,) = put(world, 1)
    world.settle()
    world.wait(1_000)
    assert waited(world, third) == [NOTHING]


def test_starts_wait_for_the_throttle_and_other_calls_do_not() -> None:
    world = SchedulerWorld(function("f", throttle=Throttle(limit=1, period="1s", key="k")))
    first, second = put(world, 2, THROTTLED)
    world.settle()
    world.wait(100)
    (step,) = put(world, 1, THROTTLED, kind=STEP)
    world.settle()
    world.wait(2_000)
    assert waited(world, first, step, second) == [NOTHING, NOTHING, THROTTLE]


def test_starts_wait_for_the_limit_on_unfinished_runs() -> None:
    keys: Key = (KeyKind.RUN_CONCURRENCY, "k", "a")
    world = SchedulerWorld(function("f", run_concurrency=RunConcurrency(limit=1, key="k")))
    first, second = put(world, 2, keys)
    world.settle()
    world.wait(1_000)
    world.end(first, run_ended=True)
    world.settle()
    assert waited(world, second) == [CONCURRENCY]


@pytest.mark.parametrize("options", [{}, {"limits": LimitSettings(account=5)}])
def test_waiting_for_one_of_all_slots_does_not_count(options: dict[str, Any]) -> None:
    world = SchedulerWorld(function("f"), calls_max=1, **options)
    first, second = put(world, 2)
    world.settle()
    world.wait(1_000)
    world.end(first)
    world.settle()
    assert second.id in world.under_way
    assert waited(world, second) == [NOTHING]
