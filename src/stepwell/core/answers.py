"""What a run, or a decision about it, tells the steps of other runs that wait for it."""

from stepwell.core.identity import ItemId
from stepwell.core.item_bodies import ResumeBody
from stepwell.core.journal import Caller
from stepwell.core.moment import Moment
from stepwell.core.queue import ItemKind, QueueItem

__all__ = ["answer_item"]


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
