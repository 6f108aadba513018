"""Cancelling a run. Source: execution semantics, 4.7."""

from stepwell.core.draft import RunDraft, World
from stepwell.core.ending import end_run
from stepwell.core.item_bodies import CancelBody
from stepwell.core.moment import Moment
from stepwell.core.queue import QueueItem
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.core.transition import Transition

__all__ = ["cancel"]


def cancel(
    run: RunState, item: QueueItem | None, why: CancelBody, *, world: World, at: Moment
) -> Transition:
    """End the run as cancelled. Its children go on; a run that invoked it is told.

    A call that is under way is not waited for, and its answer changes nothing.
    """
    draft = RunDraft(run, item, world=world, at=at)
    end_run(draft, RunStatus.CANCELLED, cause=why.cause, event_id=why.event_id)
    return draft.finish()
