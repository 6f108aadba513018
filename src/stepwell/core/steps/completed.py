"""`RunComplete`: the function returned, reported as an opcode instead of a plain answer."""

from stepwell.core.draft import RunDraft
from stepwell.core.ending import end_run
from stepwell.core.status import RunStatus
from stepwell.wire.opcodes import Opcode
from stepwell.wire.run_error import RunError

__all__ = ["report"]


def report(draft: RunDraft, op: Opcode) -> RunError | None:
    """End the run with the opcode's data as its output."""
    end_run(draft, RunStatus.COMPLETED, output=op.data)
    return None
