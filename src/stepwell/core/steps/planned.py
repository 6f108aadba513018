"""`StepPlanned`: the SDK wants the step run by a call of its own."""

from stepwell.core.draft import RunDraft
from stepwell.core.identity import StepId
from stepwell.core.journal import StepPlanned
from stepwell.core.queue import ItemKind
from stepwell.core.steps.naming import step_name
from stepwell.wire.opcodes import Opcode
from stepwell.wire.run_error import RunError

__all__ = ["report"]


def report(draft: RunDraft, op: Opcode) -> RunError | None:
    """Queue the call. Planning a step again that is planned or done changes nothing."""
    step = StepId(op.id)
    if draft.is_resolved(step) or draft.is_open(step):
        return None
    draft.append(StepPlanned(draft.at.now_ms, step, step_name(op), call=draft.cited_call()))
    draft.open_step(ItemKind.STEP, step)
    return None
