"""Cancelling a run. Source: execution semantics, 4.7."""

from stepwell.core.draft import RunDraft, World
from stepwell.core.ending import end_run, fail_run
from stepwell.core.item_bodies import CancelBody
from stepwell.core.moment import Moment
from stepwell.core.queue import QueueItem
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.core.transition import Transition
from stepwell.wire.run_error import run_error

__all__ = ["cancel"]


def cancel(
    run: RunState, item: QueueItem | None, why: CancelBody, *, world: World, at: Moment
) -> Transition:
    """End the run as cancelled, or as failed if there is an error.

    Its children go on; runs that invoked it are told.

    A call that is under way is not waited for, and its answer changes nothing.
    """
    draft = RunDraft(run, item, world=world, at=at)
    if why.error_name:
        fail_run(draft, run_error(why.error_name, why.error_message), step=why.step)
    else:
        end_run(draft, RunStatus.CANCELLED, cause=why.cause, event_id=why.event_id)
    return draft.finish()
