"""A wait was satisfied or an invoked run has ended: the step gets its result."""

from stepwell.core.draft import RunDraft, World
from stepwell.core.ending import fail_run, state_overflow
from stepwell.core.item_bodies import ResumeBody
from stepwell.core.moment import Moment
from stepwell.core.queue import QueueItem
from stepwell.core.run import RunState
from stepwell.core.transition import Transition

__all__ = ["answer", "resume"]


def resume(run: RunState, item: QueueItem, *, world: World, at: Moment) -> Transition:
    """Resolve the step unless it is resolved already: the first answer decides.

    Source: execution semantics, 4.1 (consuming) and 4.4 (invoke).
    """
    if run.open_item(item.step) is None:
        return RunDraft(run, item, world=world, at=at).finish()
    return answer(run, item, ResumeBody.decode(item.body), world=world, at=at)


def answer(
    run: RunState, item: QueueItem, body: ResumeBody, *, world: World, at: Moment
) -> Transition:
    """Give the item's step the result, or end the run if that makes its state too large."""
    draft = RunDraft(run, item, world=world, at=at)
    draft.resolve(item.step, bytes(body.memo), failed=body.failed, event_id=body.event_id)
    error = state_overflow(draft)
    if error is not None:
        draft = RunDraft(run, item, world=world, at=at)
        fail_run(draft, error)
    return draft.finish()
