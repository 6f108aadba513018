"""Windows hold the beginning of a lane or of the timers, whatever is committed while they read."""

import msgspec

from stepwell.core.identity import FunctionId, ItemId, RunId
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.engine.windows import LaneWindow, TimerWindow, WindowSizes


def ready(item_id: int, score: int = 0) -> QueueItem:
    return QueueItem(
        ItemId(item_id), ItemKind.STEP, FunctionId("f"), RunId("r"), lane="c", score=score
    )


def timer(item_id: int, due_ms: int) -> QueueItem:
    return msgspec.structs.replace(ready(item_id), due_ms=due_ms)


def lane(*items: QueueItem, is_unread: bool = False) -> LaneWindow:
    window = LaneWindow("c", None, is_unread=is_unread)
    for item in items:
        window.push(item)
    return window


def timers(*, is_reading: bool = True, timers_max: int = 10) -> TimerWindow:
    window = TimerWindow(FunctionId("f"), WindowSizes(timers_max=timers_max))
    window.start_unread()
    assert not is_reading or window.begin_reading()
    return window


def test_items_stand_in_order_of_score_and_id() -> None:
    window = lane(ready(3, 5), ready(1, 7), ready(2, 5), ready(4, 1))
    assert [item.id for item in window.items()] == [4, 2, 3, 1]
    assert window.count_before((5, ItemId(3))) == 2


def test_a_full_window_takes_only_what_stands_before_its_last_item() -> None:
    window = lane(ready(3, 5), ready(6, 7))
    assert window.takes(ready(8, 6), is_full=True)
    assert not window.takes(ready(9, 7), is_full=True)
    assert window.edge == (7, 8)
    assert window.takes(ready(5, 7), is_full=True)
    assert not window.takes(ready(10, 7), is_full=False)


def test_what_comes_out_of_the_timers_always_belongs_into_memory() -> None:
    assert lane(is_unread=True).takes(timer(1, due_ms=5), is_full=True)


def test_reading_less_than_was_asked_for_is_the_end() -> None:
    window = lane(is_unread=True)
    window.read_from()
    assert window.refilled([ready(1)], limit=2) == [ready(1)]
    assert window.edge is None


def test_an_item_that_comes_while_items_are_read_is_read_next() -> None:
    """It may be missing in what is read, and must not be overtaken by what comes after it."""
    window = lane(is_unread=True)
    window.read_from()
    assert not window.takes(ready(5), is_full=False)

    assert window.refilled([ready(1), ready(8)], limit=2) == [ready(1)]

    assert window.edge == (0, 4)
    assert window.read_from() == (0, 4)


def test_what_was_left_in_the_store_before_reading_began_is_read() -> None:
    window = lane(is_unread=True)
    assert not window.takes(ready(5), is_full=False)
    window.read_from()
    window.refilled([ready(5)], limit=2)
    assert window.edge is None


def test_a_window_that_shrinks_leaves_the_end_to_the_store() -> None:
    window = lane(ready(1), ready(2), ready(3), timer(4, due_ms=9), ready(5))
    assert window.shrink(2) == [ready(3), ready(5)]
    assert [item.id for item in window.items()] == [1, 2, 4]
    assert window.edge == (0, 2)


def test_a_timer_that_comes_while_timers_are_read_is_read_next() -> None:
    """It may be due before some that were read, and yet be missing among them."""
    window = timers()
    assert not window.takes(timer(9, due_ms=500))

    found = window.refilled([timer(1, due_ms=100), timer(2, due_ms=900)], limit=10)

    assert found == [timer(1, due_ms=100)]
    assert window.edge == (500, 8)
    assert window.begin_reading()


def many_timers(window: TimerWindow) -> TimerWindow:
    window.timers = {ItemId(n): timer(n, due_ms=n) for n in range(1, 100)}
    return window


def test_too_many_timers_are_left_to_the_store() -> None:
    window = many_timers(timers(is_reading=False, timers_max=20))
    assert window.is_too_large
    window.shrink()
    assert len(window.timers) == 20
    assert window.edge == (20, 20)


def test_timers_do_not_shrink_while_they_are_read() -> None:
    """What was dropped would lie before what is being read, and never be read again."""
    window = many_timers(timers(timers_max=20))
    assert not window.is_too_large


def test_timers_wait_in_the_store_while_too_many_have_ended() -> None:
    window = TimerWindow(FunctionId("f"), WindowSizes(due_max=3))
    window.start_unread()
    window.due_count = 4
    assert not window.begin_reading()
    window.due_count = 3
    assert window.begin_reading()
