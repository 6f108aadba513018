"""The attempts at one job or step, as the classic tree shows them below its node."""

from typing import Final

import msgspec

from stepwell.core.identity import StepId
from stepwell.core.trace.calls import NO_SEQ, Call, JobGroup
from stepwell.core.trace.history import RunHistory
from stepwell.core.trace.nodes import call_status, suspended_status
from stepwell.core.trace.span import SpanStatus, StepOp
from stepwell.core.trace.steps import StepAttempt, StepHistory
from stepwell.core.trace_ids import call_span_id, step_span_id

__all__ = ["QUEUED", "WAITING", "Attempt", "Attempts"]

#: Span id of what has not begun.
QUEUED: Final = "queued"
#: How a step is shown while it waits.
WAITING: Final = {
    StepOp.SLEEP: SpanStatus.RUNNING,
    StepOp.INVOKE: SpanStatus.RUNNING,
    StepOp.WAIT_FOR_EVENT: SpanStatus.WAITING,
    StepOp.WAIT_FOR_SIGNAL: SpanStatus.WAITING,
}


class Attempt(msgspec.Struct, gc=False):
    """One attempt.

    Attributes:
        started_ms: None if it has not begun.
        op: None if it was about the function itself.
        seq: The entry with its output; `NO_SEQ` if it has none.
    """

    status: SpanStatus
    queued_ms: int
    started_ms: int | None
    ended_ms: int | None = None
    op: StepOp | None = None
    step: StepId | None = None
    seq: int = NO_SEQ
    span_id: str = QUEUED

    @property
    def is_queued(self) -> bool:
        """Whether it has not begun."""
        return self.status is SpanStatus.QUEUED


class Attempts:
    """Finds the attempts of a run."""

    def __init__(self, history: RunHistory) -> None:
        self._history = history
        self._run_id = history.run.id

    def of_step(self, step: StepHistory, groups: list[JobGroup]) -> list[Attempt]:
        """The attempts at a step: the calls of its jobs, and those that brought more than it."""
        calls = [call for group in groups for call in group.calls if not call.has_requested]
        tries = [self.of_call(call, step) for call in calls]
        others = [each for each in step.attempts if not any(each.call is own for own in calls)]
        if others:
            tries += [self._ended(step, attempt) for attempt in others]
            tries.sort(key=lambda each: (each.started_ms or 0, each.seq))
        begun = step.begun
        if begun is not None:
            if not any(call is step.begun_by for call in calls):
                tries.append(self._begun(step, begun.at_ms, begun.at_ms))
        elif step.requested and step.open is not None:
            waiting = step.open
            status = SpanStatus.QUEUED if waiting.started_ms is None else SpanStatus.RUNNING
            if not calls or not calls[-1].is_under_way:
                tries.append(
                    Attempt(status, waiting.queued_ms, waiting.started_ms, op=step.op, step=step.id)
                )
        elif groups and groups[-1].pending is not None and step.result is None:
            tries.append(Attempt(SpanStatus.QUEUED, groups[-1].pending.queued_ms, None))
        return tries

    def of_call(self, call: Call, step: StepHistory | None = None) -> Attempt:
        """What one call came to."""
        if step is not None and step.begun is not None and step.begun_by is call:
            return self._begun(step, call.queued_ms, call.sent_ms)
        about = self._history.steps.get(call.step)
        if about is not None and call.outcome is None:
            for attempt in about.attempts:
                if attempt.call is call:
                    return self._ended(about, attempt)
        return Attempt(
            call_status(call),
            call.queued_ms,
            call.began_ms,
            max(call.answered_ms, call.began_ms) if call.answered_ms else None,
            None if about is None else about.op,
            None if about is None else about.id,
            call.outcome_seq,
            call_span_id(call.item, call.queued_ms, call.attempt),
        )

    def _ended(self, step: StepHistory, attempt: StepAttempt) -> Attempt:
        return Attempt(
            SpanStatus.FAILED if attempt.failed else SpanStatus.COMPLETED,
            attempt.queued_ms,
            attempt.started_ms,
            attempt.ended_ms,
            step.op,
            step.id,
            attempt.seq,
            step_span_id(self._run_id, step.id, attempt.number),
        )

    def _begun(self, step: StepHistory, queued_ms: int, started_ms: int) -> Attempt:
        """The attempt that reported a wait, which lasts as long as the wait."""
        result = step.result
        status = suspended_status(step, WAITING[step.op])
        ended_ms = max(result.at_ms, started_ms) if result is not None else None
        if ended_ms is None and status.is_ended and self._history.end is not None:
            ended_ms = self._history.end.at_ms
        span_id = step_span_id(self._run_id, step.id, 0)
        return Attempt(status, queued_ms, started_ms, ended_ms, step.op, step.id, NO_SEQ, span_id)
