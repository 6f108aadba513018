"""A run may start: what its start costs is recorded with it.

A start that costs a token of a throttle or a place among the function's unfinished runs is written
before the app is called. The first call stands in the lane of the run's other calls from then on,
which is how it is known, also after a crash, that the start has been paid for.

Source: flow control, 3.5 and 4.
"""

from collections.abc import Sequence

import msgspec

from stepwell.core.lanes import is_start_lane
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.run import RunState
from stepwell.core.transition import LimitState, Transition

__all__ = ["let_in"]


def let_in(run: RunState, item: QueueItem, limits: Sequence[LimitState]) -> Transition:
    """Move the run's first call to its call lane, and write what the start has used up."""
    assert item.kind is ItemKind.START
    assert is_start_lane(item.lane), "a start is paid for once"
    moved = msgspec.structs.replace(item, lane=run.new.lane)
    return Transition(renew_due=[moved], limits=list(limits))
