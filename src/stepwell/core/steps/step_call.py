"""The call that brought a step's result, and when the step ran in it."""

import msgspec

from stepwell.core.draft import RunDraft
from stepwell.core.journal import CallFacts
from stepwell.wire.opcodes import Opcode

__all__ = ["step_call"]


def step_call(draft: RunDraft, op: Opcode) -> CallFacts | None:
    """The facts of the call, completed by the step's own times if the SDK measured them."""
    call = draft.cited_call()
    if call is None or op.timing is None:
        return call
    started_ns, duration_ns = op.timing
    return msgspec.structs.replace(call, step_started_ns=started_ns, step_ns=duration_ns)
