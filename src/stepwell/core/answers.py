"""What a decision wants of other runs: each is told by an item, and decides in its own turn."""

from stepwell.core.identity import FunctionId, ItemId, RunId
from stepwell.core.item_bodies import CancelBody, ResumeBody
from stepwell.core.journal import Caller
from stepwell.core.moment import Moment
from stepwell.core.queue import ItemKind, QueueItem

__all__ = ["answer_item", "cancel_item"]


def answer_item(caller: Caller, body: ResumeBody, *, at: Moment) -> QueueItem:
    """The item that brings a waiting step its result."""
    return QueueItem(
        ItemId(at.ids.number()),
        ItemKind.RESUME,
        caller.function_id,
        caller.run_id,
        caller.step,
        queued_ms=at.now_ms,
        body=body.encode(),
    )


def cancel_item(
    function_id: FunctionId, run_id: RunId, why: CancelBody, *, at: Moment
) -> QueueItem:
    """The item that ends a run of the function."""
    return QueueItem(
        ItemId(at.ids.number()),
        ItemKind.CANCEL,
        function_id,
        run_id,
        queued_ms=at.now_ms,
        body=why.encode(),
    )
