"""`WaitForSignal`: the step is resolved by the next signal of a name, or by the timeout with null.

Whether another step waits for the name already cannot be seen from the run, so it is decided in
turn by `stepwell.core.signals`.
"""

from typing import Final

from stepwell.core.draft import RunDraft
from stepwell.core.identity import FunctionId, ItemId, StepId
from stepwell.core.item_bodies import WAIT_TIMEOUT, SignalBody
from stepwell.core.journal import StepSignalling
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.signals import SIGNAL_NAME_BYTES_MAX
from stepwell.core.steps.naming import step_name
from stepwell.core.steps.slept import SUSPEND_MS_MAX
from stepwell.wire.durations import DurationInvalid, deadline_ms
from stepwell.wire.opcode_options import (
    OpcodeInvalid,
    SignalConflict,
    SignalOptions,
    parse_signal_options,
)
from stepwell.wire.opcodes import Opcode
from stepwell.wire.run_error import RunError, run_error

__all__ = ["SIGNAL_MS_MAX", "report"]

#: How long a step waits for a signal unless it says. Source: execution semantics, 3.12.
SIGNAL_MS_MAX: Final = 365 * 24 * 3_600_000


def report(draft: RunDraft, op: Opcode) -> RunError | None:
    """Queue the wait's timeout, and the question whether another step has the name.

    A timeout above 366 days ends the run at once: repeating could not help. Only signals sent from
    now on count. Source: execution semantics, 4.3.
    """
    step, now_ms = StepId(op.id), draft.at.now_ms
    if draft.is_resolved(step) or draft.is_open(step):
        return None
    try:
        options = _options(op)
        deadline = deadline_ms(options.timeout, now_ms)
    except (OpcodeInvalid, DurationInvalid) as invalid:
        return run_error("InvalidWait", f"The wait {op.shown_name!r} is not valid: {invalid}")
    expires_ms = now_ms + SIGNAL_MS_MAX if deadline is None else deadline
    if expires_ms - now_ms > SUSPEND_MS_MAX:
        return run_error(
            "InngestErrTimeoutTooLong",
            f'The wait-for-signal timeout "{options.timeout}" expires more than one year in the '
            "future; timeouts may last at most one year.",
        )
    name, call = step_name(op), draft.cited_call()
    draft.append(StepSignalling(now_ms, step, name, options.signal, expires_ms, call=call))
    draft.open_step(ItemKind.TIMEOUT, step, due_ms=max(expires_ms, 1), body=WAIT_TIMEOUT)
    if expires_ms > now_ms:
        draft.transition.put.append(_signal_item(draft, step, options, expires_ms))
    return None


def _options(op: Opcode) -> SignalOptions:
    options = parse_signal_options(op)
    if len(options.signal.encode()) > SIGNAL_NAME_BYTES_MAX:
        raise OpcodeInvalid(op, f"opts.signal is longer than {SIGNAL_NAME_BYTES_MAX} bytes")
    return options


def _signal_item(
    draft: RunDraft, step: StepId, options: SignalOptions, expires_ms: int
) -> QueueItem:
    """An item of no run, because it is decided in one line with those of all other runs."""
    run = draft.run.new
    body = SignalBody(
        run.environment_id,
        options.signal,
        run.id,
        step,
        expires_ms,
        replaces=options.conflict is SignalConflict.REPLACE,
    )
    return QueueItem(
        ItemId(draft.at.ids.number()),
        ItemKind.SIGNAL,
        FunctionId(""),
        queued_ms=draft.at.now_ms,
        body=body.encode(),
    )
