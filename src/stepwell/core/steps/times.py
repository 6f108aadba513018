"""When a step ran, as far as call and SDK tell."""

from stepwell.core.draft import RunDraft
from stepwell.core.journal import CallTimes
from stepwell.wire.opcodes import Opcode

__all__ = ["step_times"]


def step_times(draft: RunDraft, op: Opcode) -> CallTimes | None:
    """The times of the call, completed by the step's own if the SDK measured it."""
    times = draft.times
    if times is None or op.timing is None:
        return times
    started_ns, duration_ns = op.timing
    return CallTimes(times.queued_ms, times.sent_ms, started_ns, duration_ns)
