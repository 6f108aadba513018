"""What nodes of both trees say alike: statuses, what a step is about, where its output is."""

from collections.abc import Mapping
from typing import Final, assert_never

from stepwell.core.identity import RunId, StepId
from stepwell.core.journal import (
    RunEnded,
    StepInvoking,
    StepSignalling,
    StepSleeping,
    StepWaiting,
)
from stepwell.core.status import RunStatus
from stepwell.core.trace.calls import Call
from stepwell.core.trace.history import RunHistory
from stepwell.core.trace.outputs import OutputRef, Tree, output_id
from stepwell.core.trace.span import (
    InvokeInfo,
    RunInfo,
    SignalInfo,
    SleepInfo,
    SpanReply,
    SpanStatus,
    StepInfo,
    StepOp,
    WaitInfo,
)
from stepwell.core.trace.steps import StepHistory

__all__ = [
    "NAME_CHARS_MAX",
    "RUN_STATUSES",
    "call_status",
    "reply_of",
    "result_id",
    "shown_name",
    "step_info",
    "suspended_status",
]

#: Longer names of steps are cut. Source: GraphQL, 9.4.
NAME_CHARS_MAX: Final = 256

#: Source: GraphQL, 7.
RUN_STATUSES: Final[Mapping[RunStatus, SpanStatus]] = {
    RunStatus.SCHEDULED: SpanStatus.QUEUED,
    RunStatus.RUNNING: SpanStatus.RUNNING,
    RunStatus.COMPLETED: SpanStatus.COMPLETED,
    RunStatus.FAILED: SpanStatus.FAILED,
    RunStatus.CANCELLED: SpanStatus.CANCELLED,
    RunStatus.SKIPPED: SpanStatus.SKIPPED,
}
# What is shown with what the server wraps results in, in the classic tree.
_WRAPPED: Final = frozenset({StepOp.INVOKE, StepOp.WAIT_FOR_SIGNAL})


def shown_name(step: StepHistory) -> str:
    """The name of the step's nodes."""
    return step.name[:NAME_CHARS_MAX]


def call_status(call: Call) -> SpanStatus:
    """How the call went, as a whole."""
    if not call.answered_ms:
        return SpanStatus.RUNNING
    has_failed = isinstance(call.outcome, RunEnded) and not call.has_succeeded
    return SpanStatus.FAILED if call.failed or has_failed else SpanStatus.COMPLETED


def suspended_status(step: StepHistory, waiting: SpanStatus) -> SpanStatus:
    """Where a step is that waits for something; `waiting` is what that is called.

    A wait that was not answered in time has completed, an invocation has failed.
    """
    if step.conflicted:
        return SpanStatus.FAILED
    if step.result is None:
        return waiting
    return SpanStatus.FAILED if step.result.failed else SpanStatus.COMPLETED


def result_id(history: RunHistory, step: StepHistory, tree: Tree) -> str | None:
    """The id of what a step that waited has come to; None if that is nothing."""
    result, seq = step.result, step.result_seq
    if step.conflicted:
        seq = history.end_seq
    elif result is None or step.op is StepOp.SLEEP or (result.timed_out and not result.failed):
        return None
    is_wrapped = tree is Tree.CLASSIC and step.op in _WRAPPED
    return output_id(OutputRef(history.run.id, tree, seq, is_wrapped=is_wrapped))


def reply_of(call: Call | None) -> SpanReply | None:
    """The app's HTTP answer, where it is known."""
    if call is None or not call.status or not call.headers:
        return None
    return SpanReply(call.status, call.headers)


def step_info(step: StepHistory, children: Mapping[StepId, RunId], tree: Tree) -> StepInfo | None:
    """What the step is about; None where that is not known.

    The classic tree says nothing of a step that the SDK has no word of its own for, and names the
    run that was invoked only when it has returned. `children` are as in `RunHistory`.
    """
    is_classic = tree is Tree.CLASSIC
    begun, result = step.begun, step.result
    match begun:
        case None:
            is_run = step.op is StepOp.RUN
            return RunInfo(step.kind or None) if is_run and (step.kind or not is_classic) else None
        case StepSleeping():
            return SleepInfo(begun.until_ms)
        case StepWaiting():
            return WaitInfo(
                begun.event,
                begun.condition or None,
                begun.expires_ms,
                (result.event_id or None) if result is not None else None,
                None if result is None else result.timed_out,
            )
        case StepSignalling():
            timed_out = None if result is None else result.timed_out
            return SignalInfo(begun.signal, begun.expires_ms, timed_out)
        case StepInvoking():
            has_returned = result is not None and not result.timed_out
            return InvokeInfo(
                begun.event_id,
                begun.function,
                begun.expires_ms,
                (result.event_id or None) if result is not None else None,
                None if is_classic and not has_returned else begun.run_id or children.get(step.id),
                None if result is None else result.timed_out,
            )
        case _:
            assert_never(begun)
