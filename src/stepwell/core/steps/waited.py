"""`WaitForEvent`: the step is resolved by the first matching event, or by the timeout with null."""

from stepwell.core.draft import RunDraft
from stepwell.core.expressions import (
    ExpressionInvalid,
    bind_trigger,
    compile_condition,
)
from stepwell.core.identity import StepId
from stepwell.core.item_bodies import WAIT_TIMEOUT
from stepwell.core.journal import StepWaiting
from stepwell.core.queue import ItemKind
from stepwell.core.steps.naming import step_name
from stepwell.core.steps.slept import SUSPEND_MS_MAX
from stepwell.core.waits import Wait, WaitKind
from stepwell.wire.durations import DurationInvalid, deadline_ms
from stepwell.wire.events import expression_value
from stepwell.wire.opcode_options import (
    OpcodeInvalid,
    WaitForEventOptions,
    parse_wait_for_event_options,
)
from stepwell.wire.opcodes import Opcode
from stepwell.wire.run_error import RunError, run_error

__all__ = ["report"]

_BOTH = frozenset({"event", "async"})


def report(draft: RunDraft, op: Opcode) -> RunError | None:
    """Store the wait and its timeout.

    A condition that does not compile and a timeout above 366 days end the run at once: repeating
    could not help. Only events accepted from now on count. Source: execution semantics, 4.2.
    """
    step, now_ms = StepId(op.id), draft.at.now_ms
    if draft.is_resolved(step) or draft.is_open(step):
        return None
    try:
        options = parse_wait_for_event_options(op)
        expires_ms = deadline_ms(options.timeout, now_ms)
    except (OpcodeInvalid, DurationInvalid) as invalid:
        return run_error("InvalidWait", f"The wait {op.shown_name!r} is not valid: {invalid}")
    if expires_ms is None:
        expires_ms = now_ms
    if expires_ms - now_ms > SUSPEND_MS_MAX:
        return run_error(
            "InngestErrTimeoutTooLong",
            f'The wait-for-event timeout "{options.timeout}" expires more than one year in the '
            "future; timeouts may last at most one year.",
        )
    if options.expression:
        try:
            compile_condition(options.expression, variables=_BOTH)
        except ExpressionInvalid as invalid:
            return run_error(
                "InvalidExpression",
                "Wait for event If expression failed to compile",
                stack=invalid.reason,
            )
    draft.append(
        StepWaiting(
            now_ms,
            step,
            step_name(op),
            options.event,
            expires_ms,
            condition=options.expression or "",
            call=draft.cited_call(),
        )
    )
    draft.open_step(ItemKind.TIMEOUT, step, due_ms=max(expires_ms, 1), body=WAIT_TIMEOUT)
    if expires_ms > now_ms:
        _store_wait(draft, step, options, expires_ms)
    return None


def _store_wait(
    draft: RunDraft, step: StepId, options: WaitForEventOptions, expires_ms: int
) -> None:
    run = draft.run.new
    condition = bind_trigger(options.expression or "", expression_value(draft.run.events[0]))
    if condition.never:
        return
    draft.add_wait(
        Wait(
            draft.new_wait_id(),
            WaitKind.EVENT,
            run.environment_id,
            options.event,
            condition.match_path,
            condition.match_value,
            condition.source,
            condition.bindings,
            run.id,
            run.function_id,
            step,
            draft.at.now_ms,
            expires_ms,
            run.event_id,
        )
    )
