"""Queue items: units of due work. The commit that answers an item replaces or deletes its row."""

import enum
from typing import Final

import msgspec

from stepwell.core.identity import FunctionId, ItemId, RunId, StepId

__all__ = ["IMMEDIATE", "NO_RUN", "NO_STEP", "ItemKind", "QueueItem"]

#: `due_ms` of work that may be done as soon as its turn comes.
IMMEDIATE: Final = 0
NO_RUN: Final = RunId("")
NO_STEP: Final = StepId("")


_LAST_CALL: Final = 2
_GATEWAY: Final = 15


class ItemKind(enum.IntEnum):
    """What has to be done when an item's turn comes. The numbers are stored; never renumber."""

    #: Call the function for the first time.
    START = 0
    #: Call the function from the top with what is memoised.
    DISCOVER = 1
    #: Call the function to run one planned step.
    STEP = 2
    #: A sleep has ended.
    SLEEP = 3
    #: A wait or an invocation was not answered in time.
    TIMEOUT = 4
    #: `body` is the result of a wait or an invocation.
    RESUME = 5
    #: Cancel the run; `body` tells why.
    CANCEL = 6
    #: Find the waits that an event satisfies; `body` names the event.
    MATCH = 7
    #: A cron trigger's next tick; `body` is its `CronChain`.
    CRON = 8
    #: Decide whether an event starts a function that limits, merges or skips events.
    ADMIT = 9
    #: No newer event came in time: the debounced one starts its run.
    DEBOUNCE = 10
    #: A batch is full or its time is up.
    BATCH = 11
    #: The run should have started by now.
    START_TIMEOUT = 12
    #: The run should have ended by now.
    FINISH_TIMEOUT = 13
    #: A run begins to wait for a signal.
    SIGNAL = 14
    #: Make the HTTP request that a step asked the server to make.
    GATEWAY = 15
    #: Go on with a bulk operation.
    OPERATION = 16

    #: Whether the item is answered by calling the app. An attribute and no property, because it is
    #: asked half a dozen times per call.
    is_call: bool
    #: Whether limits on concurrency hold for it: a request is made and its answer awaited.
    is_request: bool

    def __init__(self, number: int) -> None:
        self.is_call = number <= _LAST_CALL
        self.is_request = self.is_call or number == _GATEWAY


class QueueItem(msgspec.Struct, frozen=True, gc=False):
    """One unit of due work.

    Attributes:
        id: Larger than the ids of all items created before it.
        run_id: The run it belongs to; empty for work that belongs to no run.
        function_id: Whose turn it takes; empty for work that belongs to no function.
        step: The planned step (STEP), the step whose completion caused the call (DISCOVER), the
            step that ends (SLEEP, TIMEOUT, RESUME); otherwise empty.
        attempt: Attempts already made, so the first one is 0.
        due_ms: Not before this time; 0 is at once.
        queued_ms: When the work came up.
        body: What the kind says; JSON.
        lane: What may hold it up; items of one lane wait for the same things, one after the
            other. See `stepwell.core.lanes`.
        score: Its place in the lane: the time its run was queued, in ms, less what priority
            gives. The smallest goes first; items with the same score go by id.
    """

    id: ItemId
    kind: ItemKind
    function_id: FunctionId
    run_id: RunId = NO_RUN
    step: StepId = NO_STEP
    attempt: int = 0
    due_ms: int = IMMEDIATE
    queued_ms: int = 0
    body: bytes = b""
    lane: str = ""
    score: int = 0
