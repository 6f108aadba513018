"""`StepError` and `StepFailed`: the step raised.

While attempts remain, the same call is made again later and nothing is memoised. After the last
one the error is memoised and the function is called at attempt 0, so that its code can catch it.
Source: execution semantics, 3.10.
"""

import msgspec

from stepwell.core.draft import RunDraft
from stepwell.core.identity import StepId
from stepwell.core.journal import ABSENT, StepAttemptFailed
from stepwell.core.steps.naming import step_name
from stepwell.core.steps.step_call import step_call
from stepwell.wire.opcodes import Opcode, OpName
from stepwell.wire.response import OpcodesReported
from stepwell.wire.run_error import RunError

__all__ = ["report"]


def report(draft: RunDraft, op: Opcode, answer: OpcodesReported) -> RunError | None:
    """Repeat the attempt, or let its error become the step's result."""
    item = draft.item
    assert item is not None
    assert op.error is not None, "the parser refuses a step error without one"

    is_final = (
        op.op is OpName.STEP_FAILED
        or answer.no_retry
        or item.attempt + 1 >= draft.function.attempts_max
    )
    step = StepId(op.id)
    metadata = op.metadata if op.metadata is not None else ABSENT
    # Whether it may be retried is decided by the response header alone, not by the opcode.
    memo = op.error.memo(no_retry=answer.no_retry)
    if is_final:
        draft.resolve(
            step,
            memo,
            name=None if draft.is_introduced(step) else step_name(op),
            failed=True,
            call=step_call(draft, op),
            metadata=metadata,
        )
        return None
    if draft.is_resolved(step):
        return None

    retry_at_ms = answer.retry_at_ms
    if retry_at_ms is None:
        at = draft.at
        retry_at_ms = at.now_ms + draft.world.retries.delay_ms(item.attempt, jitter=at.ids.jitter())
    draft.append(
        StepAttemptFailed(
            draft.at.now_ms,
            step,
            step_name(op, with_options=not draft.is_introduced(step)),
            item.attempt,
            retry_at_ms,
            msgspec.Raw(memo),
            call=step_call(draft, op),
            metadata=metadata,
        )
    )
    draft.repeat_call(retry_at_ms)
    return None
