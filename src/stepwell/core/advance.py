"""A call was answered: what the answer means for the run.

Source: execution semantics, 3.6 to 3.13; SDK protocol, 7.
"""

from collections.abc import Callable, Mapping
from typing import Final, assert_never

import msgspec

from stepwell.core.draft import RunDraft, World
from stepwell.core.ending import end_run, fail_run, state_overflow
from stepwell.core.identity import StepId
from stepwell.core.journal import CallFacts, GroupOpened
from stepwell.core.journal import CallFailed as CallFailedEntry
from stepwell.core.moment import Moment
from stepwell.core.queue import QueueItem
from stepwell.core.run import VERSION_COALESCED, VERSION_UNKNOWN, RunState
from stepwell.core.status import RunStatus
from stepwell.core.steps import (
    completed,
    errored,
    invoked,
    planned,
    ran,
    requested,
    signalled,
    slept,
    waited,
)
from stepwell.core.transition import AnsweredCall, CallEnd, Transition, WaitedFor
from stepwell.wire.opcodes import Opcode, OpName
from stepwell.wire.response import (
    CallFailed,
    FailureCode,
    FunctionReturned,
    OpcodesReported,
    Outcome,
)
from stepwell.wire.run_error import RunError, run_error

__all__ = [
    "OPCODES_MAX",
    "advance",
    "broken",
    "call_end",
    "conclude",
    "overflow_steps",
    "started",
]

#: More in one answer end the run, unless it may have more steps. Source: SDK protocol, 7.6.
OPCODES_MAX: Final = 1000

_REPORTS: Final[Mapping[OpName, Callable[[RunDraft, Opcode], RunError | None]]] = {
    OpName.STEP: ran.report,
    OpName.STEP_RUN: ran.report,
    OpName.STEP_PLANNED: planned.report,
    OpName.SLEEP: slept.report,
    OpName.WAIT_FOR_EVENT: waited.report,
    OpName.WAIT_FOR_SIGNAL: signalled.report,
    OpName.INVOKE_FUNCTION: invoked.report,
    OpName.GATEWAY: requested.report,
    OpName.AI_GATEWAY: requested.report,
    OpName.RUN_COMPLETE: completed.report,
    OpName.SYNC_RUN_COMPLETE: completed.report,
}

# Opcodes that make several of one answer a group whose members are awaited together.
_GROUPING: Final = frozenset(
    {
        OpName.STEP_PLANNED,
        OpName.SLEEP,
        OpName.WAIT_FOR_EVENT,
        OpName.WAIT_FOR_SIGNAL,
        OpName.INVOKE_FUNCTION,
        OpName.GATEWAY,
        OpName.AI_GATEWAY,
    }
)
# Opcodes of steps that will have a result.
_AWAITABLE: Final = frozenset(_REPORTS) - {OpName.RUN_COMPLETE, OpName.SYNC_RUN_COMPLETE} | {
    OpName.STEP_ERROR,
    OpName.STEP_FAILED,
}
_IDLE: Final = frozenset({OpName.NONE})


def advance(
    run: RunState,
    item: QueueItem,
    outcome: Outcome,
    *,
    call: CallFacts,
    world: World,
    at: Moment,
    steps_sent: int | None = None,
    waited_for: WaitedFor = WaitedFor.NOTHING,
) -> Transition:
    """Decide what a call's outcome changes.

    Args:
        run: State before the answer; not ended.
        item: The call that was answered; one of the run's items.
        outcome: The answer, or why there is none.
        call: When it was queued and sent, and how it was answered.
        world: Functions, waits and settings.
        at: Clock and ids for this decision.
        steps_sent: How many results the run had when the call was made; None if it had as many as
            it has now.
        waited_for: Limits that the call had to wait for.
    """
    draft = conclude(run, item, outcome, call=call, world=world, at=at, steps_sent=steps_sent)
    draft.transition.answered.append(
        AnsweredCall(
            item.id,
            max(call.queued_ms, item.due_ms) if item.due_ms else call.queued_ms,
            call.sent_ms,
            at.now_ms,
            call_end(outcome),
            waited_for,
        )
    )
    return draft.finish()


def conclude(
    run: RunState,
    item: QueueItem,
    outcome: Outcome,
    *,
    call: CallFacts,
    world: World,
    at: Moment,
    steps_sent: int | None = None,
) -> RunDraft:
    """As `advance`, for what is as if a call had been answered with it; complete but for its end."""
    assert item.kind.is_call
    assert item.id in run.items, "an item is answered once"
    draft = RunDraft(run, item, world=world, at=at, call=call)
    match outcome:
        case OpcodesReported():
            if draft.version == VERSION_UNKNOWN and not draft.started_ms:
                draft.pin_version(outcome.request_version)
            draft.start(call.sent_ms)
            has_grown = steps_sent is not None and len(run.steps) > steps_sent
            error = _report(draft, outcome, has_grown=has_grown)
            if error is not None:
                draft = RunDraft(run, item, world=world, at=at, call=call)
                draft.start(call.sent_ms)
                fail_run(draft, error)
        case FunctionReturned():
            draft.start(call.sent_ms)
            end_run(draft, RunStatus.COMPLETED, output=outcome.output)
        case CallFailed():
            draft.start(call.sent_ms)
            _fail_call(draft, outcome)
        case _:
            assert_never(outcome)
    return draft


def call_end(outcome: Outcome) -> CallEnd:
    """How the call ended, by what was answered alone; what the run makes of it is another matter.

    Source: flow control, 2.3.
    """
    match outcome:
        case OpcodesReported():
            for opcode in outcome.ops:
                if opcode.error is not None:
                    is_final = opcode.op is OpName.STEP_FAILED or outcome.no_retry
                    return "failed" if is_final else "errored"
            return "success"
        case CallFailed():
            return "errored" if outcome.retryable else "failed"
        case FunctionReturned():
            return "success"
        case _:
            assert_never(outcome)


def overflow_steps(run: RunState, item: QueueItem, *, world: World, at: Moment) -> Transition:
    """End a run that has as many steps as it may have, instead of calling it again."""
    draft = RunDraft(run, item, world=world, at=at)
    fail_run(draft, _steps_overflow(draft.function.steps_max))
    return draft.finish()


def started(run: RunState, sent_ms: int, *, world: World, at: Moment) -> Transition:
    """Record that the run's first call was sent, while its answer is still out."""
    draft = RunDraft(run, None, world=world, at=at)
    draft.start(sent_ms)
    return draft.finish()


def _report(
    draft: RunDraft, answer: OpcodesReported, *, has_grown: bool = False
) -> RunError | None:
    """Decide about each opcode; returns the error that ends the run at once, if one does."""
    ops = answer.ops
    if len(ops) > OPCODES_MAX and len(ops) > draft.function.steps_max:
        return _steps_overflow(max(OPCODES_MAX, draft.function.steps_max))
    if draft.version == VERSION_UNKNOWN or len(ops) > 1:
        draft.pin_version(answer.request_version)
    if len(ops) > 1:
        _open_group(draft, [op for op in ops if not op.is_lazy])
    for op in ops:
        error = _report_one(draft, op, answer)
        if error is not None:
            return error
        if draft.is_ended:
            return None
    error = state_overflow(draft)
    if error is not None:
        return error
    if has_grown and draft.leaves_nothing_to_do:
        # The answer repeats what the call has checkpointed: the SDK was not told that it arrived.
        draft.call_function()
    elif draft.leaves_nothing_to_do or draft.leaves_target_open:
        # Calling again at once could go on for ever, so it counts as a failed attempt.
        _fail_call(draft, _NOTHING_REPORTED)
    return None


def _steps_overflow(limit: int) -> RunError:
    return run_error(
        "InngestErrFunctionOverflowed",
        f"The function run exceeded the step limit of {limit} steps.",
        error="function has too many steps",
    )


def _report_one(draft: RunDraft, op: Opcode, answer: OpcodesReported) -> RunError | None:
    report = _REPORTS.get(op.op)
    if report is not None:
        return report(draft, op)
    if op.op in {OpName.STEP_ERROR, OpName.STEP_FAILED}:
        return errored.report(draft, op, answer)
    if op.op is OpName.DISCOVERY_REQUEST:
        draft.call_function()
        return None
    if op.op in _IDLE:
        return None
    return run_error(
        "OpcodeUnsupported",
        f"This version of Stepwell cannot run the step {op.shown_name!r}: "
        f"it does not support the opcode {op.op.value}.",
    )


def _open_group(draft: RunDraft, ops: list[Opcode]) -> None:
    """Several steps at once: the SDK must only plan until the group is done.

    Source: execution semantics, 3.13.
    """
    if len(ops) < 2:
        return
    awaited: tuple[StepId, ...] = ()
    coalesced = draft.version >= VERSION_COALESCED
    if coalesced and any(op.op in _GROUPING for op in ops) and not any(op.is_race for op in ops):
        steps = (StepId(op.id) for op in ops if op.op in _AWAITABLE)
        awaited = tuple(step for step in steps if not draft.is_resolved(step))
    draft.append(GroupOpened(draft.at.now_ms, awaited))
    draft.await_steps(awaited)


def _fail_call(draft: RunDraft, failed: CallFailed) -> None:
    """Make the call again later, or end the run with its error."""
    item, at = draft.item, draft.at
    assert item is not None
    if not failed.retryable or item.attempt + 1 >= draft.function.attempts_max:
        end_run(draft, RunStatus.FAILED, output=failed.output, error=failed.error)
        return
    retry_at_ms = failed.retry_at_ms
    if retry_at_ms is None:
        delay_ms = draft.world.retries.delay_ms(item.attempt, jitter=at.ids.jitter())
        retry_at_ms = at.now_ms + delay_ms
    draft.append(
        CallFailedEntry(
            at.now_ms,
            item.step,
            item.attempt,
            retry_at_ms,
            msgspec.Raw(failed.error.encode()),
            code=failed.code,
            call=draft.cited_call(),
        )
    )
    draft.repeat_call(retry_at_ms)


_NOTHING_ERROR: Final = run_error(
    "NothingReported", "The SDK reported nothing that takes the run any further."
)
_NOTHING_REPORTED: Final = CallFailed(
    error=_NOTHING_ERROR,
    output=_NOTHING_ERROR.server_output(),
    retryable=True,
    retry_at_ms=None,
    code=FailureCode.NOTHING_REPORTED,
)


def broken(run: RunState, item: QueueItem, *, world: World, at: Moment) -> Transition:
    """End a run about which a decision could not be made because of a defect in Stepwell."""
    draft = RunDraft(run, item, world=world, at=at)
    fail_run(draft, _DEFECT)
    return draft.finish()


_DEFECT: Final = run_error(
    "StepwellDefect",
    "Stepwell could not process this run because of a defect (SW9002). The server's log has "
    "the details; please report them.",
)
