"""What leaves the scheduler's memory when another node is to decide about functions."""

import pytest

from stepwell.core.identity import LOCAL_PARTITION, FunctionId
from stepwell.core.queue import ItemKind
from stepwell.engine.limits import LimitSettings
from tests.unit.engine.scheduler_world import SchedulerWorld, function
from tests.unit.engine.test_scheduler_limits import one

F, G = FunctionId("f"), FunctionId("g")
KINDS = [ItemKind.START, ItemKind.STEP, ItemKind.SLEEP]


def world() -> SchedulerWorld:
    return SchedulerWorld(function("f"), function("g"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_function_that_is_held_has_no_turns_and_others_have(kind: ItemKind) -> None:
    w = world()
    w.put_many(3, "f", kind=kind)
    w.scheduler.hold([F])
    w.put_many(3, "f", kind=kind)
    w.put_many(2, "g", kind=kind)
    w.settle()
    assert [item.function_id for item in w.taken()] == [G, G]


@pytest.mark.parametrize("kind", KINDS)
def test_a_function_that_stays_after_all_goes_on_in_order(kind: ItemKind) -> None:
    w = world()
    items = w.put_many(3, "f", kind=kind)
    w.scheduler.hold([F])
    items += w.put_many(3, "f", kind=kind)
    w.settle()
    w.scheduler.resume([F])
    w.settle()
    assert w.taken() == items


@pytest.mark.parametrize("kind", KINDS)
def test_what_has_left_is_not_dispatched_and_may_come_again(kind: ItemKind) -> None:
    w = world()
    items = w.put_many(3, "f", kind=kind)
    w.scheduler.hold([F])
    w.settle()
    w.scheduler.evict([F])
    assert not any(w.scheduler.memory.knows(item.id) for item in items)
    w.settle()
    assert w.taken() == []

    w.scheduler.memory.read_all(LOCAL_PARTITION, [F])
    w.settle()
    assert w.taken() == items


def test_timers_of_what_has_left_do_not_ring() -> None:
    w = world()
    w.put_many(3, "f", kind=ItemKind.SLEEP, due_ms=w.now_ms + 10)
    w.scheduler.hold([F])
    w.scheduler.evict([F])
    assert w.scheduler.next_due_ms() is None
    w.now_ms += 20
    w.scheduler.wake_timers(w.now_ms)
    w.settle()
    assert w.taken() == []


def test_what_was_being_read_is_dropped() -> None:
    w = world()
    w.store(*(w.item("f", kind=ItemKind.SLEEP) for _ in range(3)))
    w.scheduler.memory.read_all(LOCAL_PARTITION, [F])
    w.begin_reads()
    w.scheduler.hold([F])
    w.scheduler.evict([F])
    w.settle()
    assert w.taken() == []


def test_requests_under_way_are_known_until_they_end() -> None:
    w = world()
    (item, *_) = w.put_many(2, "f", kind=ItemKind.STEP)
    w.settle()
    assert len(w.scheduler.requests_of({F})) == 2
    assert w.scheduler.requests_of({G}) == []
    w.end(item)
    assert len(w.scheduler.requests_of({F})) == 1


def test_who_waits_for_room_that_a_function_had_gets_it_when_that_has_left() -> None:
    shared = one(1, source="k", scope="account")
    w = SchedulerWorld(function("f", concurrency=shared), function("g", concurrency=shared))
    w.put_many(1, "f", kind=ItemKind.STEP)
    w.scheduler.hold([F])
    w.put_many(1, "g", kind=ItemKind.STEP)
    w.scheduler.evict([F])
    w.settle()
    assert [item.function_id for item in w.taken()] == [G]


def test_nodes_divide_the_limits_of_the_installation() -> None:
    w = SchedulerWorld(function("f"), limits=LimitSettings(account=7))
    w.scheduler.divide(3)
    w.put_many(9, "f", kind=ItemKind.STEP)
    w.settle()
    assert len(w.taken()) == 2
    w.scheduler.divide(1)
    w.settle()
    assert len(w.taken()) == 5


def test_every_node_may_make_one_request() -> None:
    w = SchedulerWorld(function("f"), limits=LimitSettings(account=2))
    w.scheduler.divide(5)
    w.put_many(3, "f", kind=ItemKind.STEP)
    w.settle()
    assert len(w.taken()) == 1
