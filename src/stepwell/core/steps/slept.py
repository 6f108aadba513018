"""`Sleep`: the function goes on at a later time; its memo will be null."""

from typing import Final

from stepwell.core.draft import RunDraft
from stepwell.core.identity import StepId
from stepwell.core.journal import StepSleeping
from stepwell.core.queue import ItemKind
from stepwell.core.steps.naming import step_name
from stepwell.wire.durations import DurationInvalid, sleep_until_ms
from stepwell.wire.opcode_options import OpcodeInvalid, parse_sleep_options
from stepwell.wire.opcodes import Opcode
from stepwell.wire.run_error import RunError, run_error

__all__ = ["SUSPEND_MS_MAX", "report"]

#: A year and a day. Source: execution semantics, 3.11.
SUSPEND_MS_MAX: Final = 366 * 24 * 3_600_000


def report(draft: RunDraft, op: Opcode) -> RunError | None:
    """Queue the end of the sleep. More than 366 days end the run with an error."""
    step, now_ms = StepId(op.id), draft.at.now_ms
    if draft.is_resolved(step) or draft.is_open(step):
        return None
    try:
        text = parse_sleep_options(op).until_text
        until_ms = sleep_until_ms(text, now_ms)
    except (OpcodeInvalid, DurationInvalid) as invalid:
        return run_error("InvalidSleep", f"The sleep {op.shown_name!r} is not valid: {invalid}")
    if until_ms - now_ms > SUSPEND_MS_MAX:
        return run_error(
            "InngestErrTimeoutTooLong",
            f'The sleep "{text}" ends more than one year in the future; '
            "sleeps may last at most one year.",
        )
    draft.append(StepSleeping(now_ms, step, step_name(op), until_ms, call=draft.cited_call()))
    draft.open_step(ItemKind.SLEEP, step, due_ms=until_ms)
    return None
