"""`StepRun` and `Step`: the SDK ran the step; its result is recorded once."""

from typing import Final

from stepwell.core.draft import RunDraft
from stepwell.core.identity import StepId
from stepwell.core.journal import ABSENT
from stepwell.core.steps.naming import step_name
from stepwell.core.steps.step_call import step_call
from stepwell.wire.opcodes import Opcode, OpName
from stepwell.wire.run_error import RunError

__all__ = ["memo_of", "report"]

_STEP: Final = OpName.STEP


def report(draft: RunDraft, op: Opcode) -> RunError | None:
    """Memoise the result."""
    step = StepId(op.id)
    draft.resolve(
        step,
        memo_of(op),
        name=None if draft.is_introduced(step) else step_name(op),
        call=step_call(draft, op),
        metadata=op.metadata if op.metadata is not None else ABSENT,
    )
    return None


def memo_of(op: Opcode) -> bytes:
    """What later calls receive: the result as `{"data": …}`; old SDKs (`Step`) wrap it themselves.

    Source: SDK protocol, 6.4 and 7.5.
    """
    return op.data if op.op is _STEP else b'{"data":%b}' % op.data
