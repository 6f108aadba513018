"""Function timeouts: a run has to start, and to end, within a time its function declares.

Each is watched twice: by a timer, and by a look before each request to the app, which also sees a
timeout that was declared or shortened after the run began. What holds here is the function's
configuration of the moment, not that of the run's beginning. Waiting of every kind counts, also for
a paused function to be resumed.

Source: execution semantics, 4.6; flow control, 11.
"""

from typing import Final

import msgspec

from stepwell.core.cancel import cancel
from stepwell.core.draft import World
from stepwell.core.function import Function
from stepwell.core.item_bodies import CancelBody
from stepwell.core.moment import Moment
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.run import RunState
from stepwell.core.transition import Transition

__all__ = ["FINISH_TIMEOUT", "START_TIMEOUT", "overdue", "time_out"]

#: Causes of a cancellation. Source: execution semantics, 4.7.
START_TIMEOUT: Final = "start_timeout"
FINISH_TIMEOUT: Final = "finish_timeout"


def overdue(run: RunState, function: Function, now_ms: int) -> str | None:
    """The timeout that the run has exceeded, as the cause of its cancellation; None if it has not.

    Asked before each request to the app. Batches, which have no timer for their start, are
    measured here alone.
    """
    if function.config.timeouts is None:
        return None
    due_ms = _start_due_ms(run, function)
    if due_ms is not None and due_ms <= now_ms:
        return START_TIMEOUT
    due_ms = _finish_due_ms(run, function)
    if due_ms is not None and due_ms <= now_ms:
        return FINISH_TIMEOUT
    return None


def time_out(run: RunState, item: QueueItem, *, world: World, at: Moment) -> Transition:
    """A timer of the run is due: cancel the run unless its function says otherwise by now.

    Nothing happens if the timeout is not declared any more or the run has started in time. If it
    is longer now, the timer is set again for the rest.

    Args:
        run: The run; not ended. That its first call is under way must have been recorded.
        item: The timer, START_TIMEOUT or FINISH_TIMEOUT.
        world: Functions and settings.
        at: Clock and ids for this decision.
    """
    assert item.kind in {ItemKind.START_TIMEOUT, ItemKind.FINISH_TIMEOUT}
    function = world.functions.get(run.new.function_id)
    assert function is not None, "functions are archived, never deleted, while runs refer to them"
    if item.kind is ItemKind.START_TIMEOUT:
        cause, due_ms = START_TIMEOUT, _start_due_ms(run, function)
    else:
        cause, due_ms = FINISH_TIMEOUT, _finish_due_ms(run, function)
    if due_ms is None:
        return Transition(done=[item.id])
    if due_ms > at.now_ms:
        return Transition(renew_due=[msgspec.structs.replace(item, due_ms=due_ms)])
    return cancel(run, item, CancelBody(cause), world=world, at=at)


def _start_due_ms(run: RunState, function: Function) -> int | None:
    """When the run has to have started; None if it has, or need not."""
    timeouts = function.config.timeouts
    if run.started_ms or timeouts is None or timeouts.start_ms is None:
        return None
    return run.new.queued_ms + timeouts.start_ms


def _finish_due_ms(run: RunState, function: Function) -> int | None:
    """When the run has to have ended; None if it has not started, or need not."""
    timeouts = function.config.timeouts
    if not run.started_ms or timeouts is None or timeouts.finish_ms is None:
        return None
    return run.started_ms + timeouts.finish_ms
