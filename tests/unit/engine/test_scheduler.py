"""Whose turn it is: order, fairness, what is in memory, and what happens to single items."""

import asyncio
from typing import Any

import msgspec
import pytest

from stepwell.core.identity import LOCAL_PARTITION, FunctionId, ItemId, RunId
from stepwell.core.lanes import KeyKind
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.engine.memory import LANES_MAX
from stepwell.engine.scheduler import Charge
from stepwell.engine.store import Lane, LaneQuery
from stepwell.engine.windows import WindowSizes
from stepwell.wire.config import ConcurrencyLimit
from tests.unit.engine.scheduler_world import (
    START_MS,
    Key,
    Rows,
    SchedulerWorld,
    function,
    ids,
)

START, SLEEP = ItemKind.START, ItemKind.SLEEP
ONE_PER_KEY = (ConcurrencyLimit(limit=1, key="k"),)


def key(value: str) -> Key:
    return (KeyKind.CONCURRENCY, "k", value)


def test_a_lane_goes_by_score_and_then_by_id() -> None:
    world = SchedulerWorld(function("f"))
    world.put(*(world.item("f", score=score) for score in (5, 3, 5, 4)))
    world.settle()
    assert ids(world.taken()) == [2, 4, 1, 3]


def test_steps_of_older_runs_go_before_newer_starts() -> None:
    world = SchedulerWorld(function("f"), calls_max=1)
    start = world.item("f", kind=START, score=10)
    older, newer = world.item("f", score=5), world.item("f", score=20)
    world.put(newer, start, older)
    for expected in (older, start, newer):
        world.settle()
        assert world.taken() == [expected]
        world.end(expected)


def test_functions_and_keys_take_turns() -> None:
    """Each has one item per round, however much the others have."""
    world = SchedulerWorld(function("f"), function("g"), calls_max=1)
    for value in "abc":
        world.put_many(20, "f", key(value))
    world.put_many(20, "g")
    seen = []
    for _ in range(12):
        world.settle()
        (item,) = world.taken()
        seen.append((item.function_id, item.lane))
        world.end(item)
    of_f = [lane for function_id, lane in seen if function_id == "f"]
    assert [function_id for function_id, _ in seen] == ["f", "g"] * 6
    assert of_f[:3] == of_f[3:6]
    assert len(set(of_f)) == 3


def test_decisions_need_no_slot_and_do_not_keep_requests_waiting() -> None:
    world = SchedulerWorld(function("f"), calls_max=1)
    world.put_many(3, "f", kind=SLEEP)
    world.put_many(2, "f")
    world.settle()
    assert [item.kind for item in world.taken()] == [SLEEP, ItemKind.DISCOVER, SLEEP, SLEEP]


def test_nothing_is_dispatched_without_room_or_after_the_pause() -> None:
    world = SchedulerWorld(function("f"))
    world.put_many(2, "f")
    world.has_room = False
    world.settle()
    assert world.taken() == []
    world.has_room = True
    world.scheduler.pause()
    world.settle()
    assert world.taken() == []


def test_a_timer_goes_when_it_is_due() -> None:
    world = SchedulerWorld(function("f"))
    item = world.item("f", kind=SLEEP, due_ms=START_MS + 500)
    world.put(item)
    world.wait(499)
    assert world.taken() == []
    assert world.reasons.why(item).starts_ms == START_MS + 500
    world.wait(1)
    assert world.taken() == [item]


def test_due_items_that_are_held_up_do_not_keep_others_from_their_time() -> None:
    sizes = WindowSizes(lane_max=3, timers_max=10, due_max=10)
    world = SchedulerWorld(function("f", concurrency=ONE_PER_KEY), sizes=sizes)
    (running,) = world.put_many(1, "f", key("busy"))
    world.put_many(100, "f", key("busy"), due_ms=START_MS + 500)
    quiet = world.item("f", key("quiet"), due_ms=START_MS + 600)
    sleep = world.item("f", kind=SLEEP, due_ms=START_MS + 600)
    world.put(quiet, sleep)

    world.wait(600)

    assert set(ids(world.taken())) == {running.id, quiet.id, sleep.id}
    assert len(world.scheduler.memory._in_memory) < 20
    for _ in range(100):
        world.end(next(item for item in world.under_way.values() if item.lane == running.lane))
        world.settle()
    assert len(world.taken()) == 100


def test_a_timer_that_is_put_off_again_and_again_leaves_nothing_behind() -> None:
    world = SchedulerWorld(function("f"))
    first = world.item("f", kind=SLEEP, due_ms=START_MS + 1_000)
    item = world.item("f", kind=SLEEP, due_ms=START_MS + 3_600_000)
    world.put(first)
    for _ in range(30_000):
        item = msgspec.structs.replace(item, due_ms=item.due_ms + 1)
        world.put(item)
        assert world.scheduler.next_due_ms() == first.due_ms
    assert len(world.scheduler.memory._timers) <= 10_001
    world.wait(1_000)
    assert world.scheduler.next_due_ms() == item.due_ms


def test_a_defect_in_a_dispatch_is_not_the_end_of_all_dispatches() -> None:
    world = SchedulerWorld(function("f"))

    def fail(item: QueueItem, charge: Charge | None) -> None:
        raise ZeroDivisionError(item, charge)

    world.on_dispatch = fail
    world.put_many(1, "f")
    with pytest.raises(ZeroDivisionError):
        world.scheduler.pump()
    world.on_dispatch = world.dispatch
    (second,) = world.put_many(1, "f")
    world.scheduler.pump()
    assert world.taken() == [second]


def test_a_forgotten_item_has_no_turn() -> None:
    world = SchedulerWorld(function("f"), calls_max=1)
    first, second, third = world.put_many(3, "f")
    world.settle()
    world.scheduler.memory.forget(second.id, FunctionId("f"))
    world.end(first)
    world.settle()
    assert world.taken() == [first, third]
    assert world.left == [second]


def test_a_newer_version_of_an_item_takes_the_place_of_the_older_one() -> None:
    world = SchedulerWorld(function("f"), calls_max=1)
    first, second = world.put_many(2, "f")
    world.settle()
    newer = msgspec.structs.replace(second, attempt=1)
    world.put(newer)
    world.end(first)
    world.settle()
    assert world.taken() == [first, newer]


def test_a_newer_version_of_a_request_under_way_goes_after_it() -> None:
    world = SchedulerWorld(function("f"))
    (item,) = world.put_many(1, "f")
    world.settle()
    newer = msgspec.structs.replace(item, attempt=1)
    world.scheduler.memory.again(newer)
    world.scheduler.memory.again(newer)
    world.settle()
    assert world.taken() == [item]
    world.scheduler.request_ended(item.id)
    del world.under_way[item.id]
    world.settle()
    assert world.taken() == [newer]


def test_a_request_that_ends_twice_frees_one_slot() -> None:
    world = SchedulerWorld(function("f"), calls_max=2)
    first, _, _, _ = world.put_many(4, "f")
    world.settle()
    world.end(first)
    world.scheduler.request_ended(first.id)
    world.settle()
    assert len(world.under_way) == 2
    assert asyncio.run(world.reasons.of_queue(FunctionId("f"))).running == 2


def test_what_does_not_fit_into_memory_is_read_in_order() -> None:
    world = SchedulerWorld(function("f"), calls_max=3, sizes=WindowSizes(lane_max=4))
    items = world.put_many(50, "f")
    seen: list[QueueItem] = []
    while world.rows.items:
        world.settle()
        seen += world.taken()
        for item in list(world.under_way.values()):
            world.end(item)
    assert seen == items


def test_a_new_owner_begins_with_what_is_stored() -> None:
    world = SchedulerWorld(function("f"), function("g"))
    stored = [
        world.item("f"),
        world.item("g", key("a"), kind=START),
        world.item("f", kind=SLEEP),
        world.item("g", due_ms=START_MS + 5),
    ]
    world.store(*stored)
    world.restart()
    world.scheduler.memory.read_all(LOCAL_PARTITION, [FunctionId("f"), FunctionId("g")])
    world.settle()
    assert sorted(ids(world.taken())) == [1, 2, 3]
    world.wait(5)
    assert world.taken() == stored[3:]


def test_expired_waits_see_decisions_that_only_the_store_has() -> None:
    world = SchedulerWorld()
    world.store(world.item("", kind=ItemKind.MATCH))
    world.restart()
    world.scheduler.memory.read_all(LOCAL_PARTITION, [FunctionId("")])
    queue = world.scheduler.memory.queue(FunctionId(""))
    assert queue.has_decisions_before(ItemId(2))
    world.settle()
    assert not queue.has_decisions_before(ItemId(2))


def test_a_lane_without_items_is_not_kept() -> None:
    world = SchedulerWorld(function("f", concurrency=ONE_PER_KEY))
    for value in "abc":
        world.put_many(1, "f", key(value))
    world.settle()
    queue = world.scheduler.memory.queue(FunctionId("f"))
    assert queue.windows == {}
    for item in world.taken():
        world.end(item)
    assert queue.windows == {}


def test_the_more_lanes_there_are_the_less_is_held_of_each() -> None:
    sizes = WindowSizes(lane_max=100, items_max=200)
    world = SchedulerWorld(function("f", concurrency=ONE_PER_KEY), calls_max=1, sizes=sizes)
    for n in range(50):
        world.put_many(20, "f", key(str(n)))
    windows = world.scheduler.memory.queue(FunctionId("f")).windows.values()
    assert sum(len(window) for window in windows) <= 200 + len(windows)
    seen = 0
    while world.rows.items:
        world.settle()
        seen += len(world.taken())
        for item in list(world.under_way.values()):
            world.end(item)
    assert seen == 1_000


def test_an_item_left_out_when_a_lane_shrinks_is_reported_and_comes_again() -> None:
    world = SchedulerWorld(function("f"), calls_max=1, sizes=WindowSizes(lane_max=3))
    items = [world.item("f", score=-n) for n in range(8)]
    world.put(*items)
    assert world.left
    seen = []
    while world.rows.items:
        world.settle()
        seen += world.taken()
        for item in list(world.under_way.values()):
            world.end(item)
    assert sorted(ids(seen)) == ids(items)


class Backlog(Rows):
    """A million items of one key, made when they are read; other items are real."""

    count = 1_000_000

    def __init__(self, lane: str) -> None:
        super().__init__()
        self.lane = lane

    def lanes(self, after: Lane | None) -> list[Lane]:
        found = {*super().lanes(None), Lane(FunctionId("f"), self.lane)}
        return sorted(found, key=lambda lane: (lane.function_id, lane.lane))[:LANES_MAX]

    def ready(self, query: LaneQuery) -> list[QueueItem]:
        if query.lane != self.lane:
            return super().ready(query)
        self.lane_queries += 1
        first = max(1, query.after[1] + 1)
        return [
            QueueItem(ItemId(n), START, FunctionId("f"), RunId(f"r{n}"), lane=self.lane)
            for n in range(first, min(first + query.limit, self.count + 1))
        ]


def flooded(calls_max: int, **options: Any) -> tuple[SchedulerWorld, Backlog]:
    probe = SchedulerWorld()
    rows = Backlog(probe.item("f", key("flood"), kind=START).lane)
    world = SchedulerWorld(function("f", **options), calls_max=calls_max, rows=rows)
    world.number = Backlog.count
    world.scheduler.memory.read_all(LOCAL_PARTITION, [FunctionId("f")])
    world.settle()
    return world, rows


def test_a_million_items_of_one_key_delay_another_by_one_dispatch() -> None:
    world, rows = flooded(1)
    (running,) = world.taken()
    item = world.item("f", key("quiet"), kind=START)
    world.put(item)
    for _ in range(2):
        world.end(running)
        world.settle()
        (running,) = world.taken()
        if running == item:
            break
    assert running == item
    assert rows.lane_queries <= 2


def test_a_blocked_key_does_not_block_another_however_deep_its_queue() -> None:
    world, rows = flooded(100, concurrency=ONE_PER_KEY)
    assert len(world.taken()) == 1
    item = world.item("f", key("quiet"), kind=START)
    world.put(item)
    world.settle()
    assert world.taken() == [item]
    assert rows.lane_queries == 1
    assert world.reasons.why(item).ahead == 0
