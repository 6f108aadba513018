"""A timer of a run is due: a sleep has ended, or nobody answered in time."""

from typing import Final

from stepwell.core.draft import RunDraft, World
from stepwell.core.identity import StepId
from stepwell.core.item_bodies import INVOCATION_TIMEOUT, ResumeBody
from stepwell.core.moment import Moment
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.resume import answer
from stepwell.core.run import RunState
from stepwell.core.transition import Transition
from stepwell.wire.run_error import run_error

__all__ = ["fire"]

_NULL: Final = b"null"
_INVOKE_TIMED_OUT: Final = run_error(
    "InngestInvokeTimeoutError", "Timed out waiting for invoked function to complete"
)


def fire(run: RunState, item: QueueItem, *, world: World, at: Moment) -> Transition:
    """Resolve the step: null after a sleep and an expired wait, an error after an invocation.

    An answer that is queued already was in time and is the step's result: only its turn would have
    come later, perhaps because the server was down. Source: SDK protocol, 6.4.
    """
    assert item.kind in {ItemKind.SLEEP, ItemKind.TIMEOUT}
    if item.kind is ItemKind.TIMEOUT and (body := _queued_answer(run, item.step)) is not None:
        return answer(run, item, body, world=world, at=at)
    draft = RunDraft(run, item, world=world, at=at)
    if item.kind is ItemKind.SLEEP:
        draft.resolve(item.step, _NULL)
    elif item.body == INVOCATION_TIMEOUT:
        memo = _INVOKE_TIMED_OUT.server_output()
        draft.resolve(item.step, memo, failed=True, timed_out=True)
    else:
        draft.resolve(item.step, _NULL, timed_out=True)
    return draft.finish()


def _queued_answer(run: RunState, step: StepId) -> ResumeBody | None:
    for item in run.items.values():
        if item.kind is ItemKind.RESUME and item.step == step:
            return ResumeBody.decode(item.body)
    return None
