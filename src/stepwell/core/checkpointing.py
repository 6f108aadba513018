"""A call that is still under way has finished steps: their results are recorded at once.

The app goes on in the same call, so nothing is called and the call's queue item stays. Its answer
may come later, repeat what was checkpointed, or never come.

Source: execution semantics, 3.15; HTTP APIs, 8.4.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from stepwell.core.draft import RunDraft, World
from stepwell.core.ending import state_overflow
from stepwell.core.identity import StepId
from stepwell.core.journal import ABSENT, CallFacts, StepPlanned
from stepwell.core.moment import Moment
from stepwell.core.queue import QueueItem
from stepwell.core.run import RunState
from stepwell.core.steps.naming import step_name
from stepwell.core.steps.ran import memo_of
from stepwell.core.steps.step_call import step_call
from stepwell.core.transition import Transition
from stepwell.wire.opcodes import Opcode, OpName

__all__ = ["CheckpointRefused", "checkpoint", "record_steps"]

_SAVED: Final = frozenset({OpName.STEP, OpName.STEP_RUN})
# What needs no call of the function; of these, a call may checkpoint some.
_SYNC: Final = _SAVED | {
    OpName.STEP_PLANNED,
    OpName.STEP_FAILED,
    OpName.RUN_COMPLETE,
    OpName.SYNC_RUN_COMPLETE,
    OpName.DEFER_ADD,
    OpName.DEFER_ABORT,
}
_CHECKPOINTED: Final = _SAVED | {OpName.STEP_PLANNED, OpName.DEFER_ADD, OpName.DEFER_ABORT}


class CheckpointRefused(msgspec.Struct, frozen=True):
    """Why nothing of a checkpoint was recorded.

    Attributes:
        is_too_large: Whether the run would have more state or steps than it may have.
    """

    reason: str
    is_too_large: bool = False


def checkpoint(
    run: RunState,
    item: QueueItem,
    ops: Sequence[Opcode],
    *,
    call: CallFacts,
    world: World,
    at: Moment,
) -> Transition | CheckpointRefused:
    """Record the results of steps, while their call is under way.

    All or nothing is recorded. The first result of a step stands, so a checkpoint may be repeated.
    Progress was made, so the attempts of the call's item begin anew. A plan is only shown: it says
    that the app is about to run the step. Defers are accepted, but not carried out yet.

    Args:
        run: State before; not ended.
        item: The call's; one of the run's items.
        ops: What was reported.
        call: When the call was queued and sent.
        world: Functions and settings.
        at: Clock and ids for this decision.
    """
    assert item.kind.is_call
    assert item.id in run.items
    for op in ops:
        if op.op not in _SYNC:
            return CheckpointRefused("cannot checkpoint async steps")
    for op in ops:
        if op.op not in _CHECKPOINTED:
            return CheckpointRefused(f"cannot checkpoint opcode: {op.op.value}")
    draft = RunDraft(run, item, world=world, at=at, call=call)
    draft.start(call.sent_ms)
    recorded = record_steps(draft, ops)
    steps_max = draft.function.steps_max
    if recorded and len(run.steps) + recorded > steps_max:
        reason = f"The function run exceeded the step limit of {steps_max} steps."
        return CheckpointRefused(reason, is_too_large=True)
    overflow = state_overflow(draft)
    if overflow is not None:
        return CheckpointRefused(overflow.message, is_too_large=True)
    changed = msgspec.structs.replace(item, attempt=0) if recorded and item.attempt else item
    return draft.finish_unanswered(changed)


def record_steps(draft: RunDraft, ops: Sequence[Opcode]) -> int:
    """Record those of the reported results that are new; returns how many.

    Of plans, no more are recorded than the run may have steps.
    """
    recorded = 0
    plans_left = draft.function.steps_max - len(draft.run.introduced)
    for op in ops:
        step = StepId(op.id)
        if draft.is_resolved(step):
            continue
        if op.op in _SAVED:
            draft.record(
                step,
                memo_of(op),
                name=None if draft.is_introduced(step) else step_name(op),
                call=step_call(draft, op),
                metadata=op.metadata if op.metadata is not None else ABSENT,
            )
            recorded += 1
        elif op.op is OpName.STEP_PLANNED and plans_left > 0 and not draft.is_introduced(step):
            plans_left -= 1
            draft.append(StepPlanned(draft.at.now_ms, step, step_name(op), call=draft.cited_call()))
    return recorded
