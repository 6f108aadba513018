"""A wait was satisfied or an invoked run has ended: the step gets its result."""

from stepwell.core.draft import RunDraft, World
from stepwell.core.item_bodies import ResumeBody
from stepwell.core.moment import Moment
from stepwell.core.queue import QueueItem
from stepwell.core.run import RunState
from stepwell.core.transition import Transition

__all__ = ["resume"]


def resume(run: RunState, item: QueueItem, *, world: World, at: Moment) -> Transition:
    """Resolve the step unless it is resolved already: the first answer decides.

    Source: execution semantics, 4.1 (consuming) and 4.4 (invoke).
    """
    draft = RunDraft(run, item, world=world, at=at)
    if draft.is_open(item.step):
        body = ResumeBody.decode(item.body)
        draft.resolve(item.step, bytes(body.memo), failed=body.failed, event_id=body.event_id)
    return draft.finish()
