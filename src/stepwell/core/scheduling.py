"""A run comes into being."""

from typing import Final

import msgspec

from stepwell.core.expressions import ExpressionInvalid, bind_trigger
from stepwell.core.function import Function
from stepwell.core.identity import EventId, FunctionId, ItemId, RunId, StepId, WaitId
from stepwell.core.moment import Moment
from stepwell.core.queue import IMMEDIATE, ItemKind, QueueItem
from stepwell.core.transition import Claim, NewRun, Skip, Transition
from stepwell.core.waits import Wait, WaitKind
from stepwell.wire.events import AcceptedEvent, expression_value

__all__ = ["CLAIM_MS", "NO_ORIGIN", "Origin", "schedule"]

#: How long a repetition of an event or a cron tick is recognised. Source: semantics, 2.2.
CLAIM_MS: Final = 24 * 3_600_000


class Origin(msgspec.Struct, frozen=True):
    """Where a run comes from, apart from its event.

    Attributes:
        parent_run_id: The run that invoked it.
        parent_function_id: That run's function.
        parent_step: The step of that run which waits for the result.
        cron: The cron expression whose tick it is.
        claim_key: Key under which a repetition is recognised; "" when none can occur.
    """

    parent_run_id: RunId = RunId("")
    parent_function_id: FunctionId = FunctionId("")
    parent_step: str = ""
    cron: str = ""
    claim_key: str = ""


NO_ORIGIN: Final = Origin()


def schedule(
    transition: Transition,
    function: Function,
    accepted: AcceptedEvent,
    origin: Origin,
    *,
    at: Moment,
) -> NewRun:
    """Create a run of the function for the event, and queue its first call.

    The call is due at once, or at the event's `ts` if that lies in the future. Waits for the
    events that may cancel the run are stored with it. Source: execution semantics, 2.3 and 1.7.
    """
    now_ms = at.now_ms
    due_ms = accepted.event.ts if accepted.event.ts > now_ms else IMMEDIATE
    run = NewRun(
        RunId(at.ids.ulid(now_ms)),
        function.environment_id,
        function.app_id,
        function.id,
        function.version,
        now_ms,
        due_ms or now_ms,
        EventId(accepted.internal_id),
        accepted.event.name,
        cron=origin.cron,
        parent_run_id=origin.parent_run_id,
        parent_function_id=origin.parent_function_id,
        parent_step=origin.parent_step,
    )
    transition.runs.append(run)
    transition.put.append(
        QueueItem(
            ItemId(at.ids.number()),
            ItemKind.START,
            function.id,
            run.id,
            due_ms=due_ms,
            queued_ms=now_ms,
        )
    )
    if origin.claim_key:
        claim = Claim(function.id, origin.claim_key, run.id, now_ms + CLAIM_MS)
        transition.claims.append(claim)
    if function.config.cancel:
        _add_cancel_waits(transition, function, run, accepted, at=at)
    return run


def _add_cancel_waits(
    transition: Transition,
    function: Function,
    run: NewRun,
    accepted: AcceptedEvent,
    *,
    at: Moment,
) -> None:
    """One wait per `cancelOn` entry that can ever be satisfied.

    A condition that does not compile, which was accepted by an earlier version, cancels nothing and
    is recorded. Source: execution semantics, 4.5, 7.5 and 7.7.
    """
    event = expression_value(accepted.payload)
    for cancel_on in function.config.cancel:
        source = cancel_on.condition or ""
        try:
            condition = bind_trigger(source, event)
        except ExpressionInvalid as invalid:
            detail = f"{source}: {invalid}"
            transition.skips.append(
                Skip(run.event_id, function.id, "cancel_condition_invalid", detail, at.now_ms)
            )
            continue
        if condition.never:
            continue
        transition.waits.append(
            Wait(
                WaitId(at.ids.number()),
                WaitKind.CANCEL,
                run.environment_id,
                cancel_on.event,
                condition.match_path,
                condition.match_value,
                condition.source,
                condition.bindings,
                run.id,
                run.function_id,
                StepId(""),
                at.now_ms,
                cancel_on.expires_ms(at.now_ms),
                run.event_id,
            )
        )
