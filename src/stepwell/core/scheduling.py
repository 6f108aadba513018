"""A run comes into being."""

from collections.abc import Sequence
from typing import Final

import msgspec

from stepwell.core.answers import answer_item
from stepwell.core.expressions import ExpressionInvalid, bind_trigger
from stepwell.core.function import Function
from stepwell.core.identity import FunctionId, ItemId, OperationId, RunId, StepId, WaitId
from stepwell.core.item_bodies import ResumeBody
from stepwell.core.journal import ABSENT, Caller, Invoked, RunEnded
from stepwell.core.keys import EventValue, event_value, has_run_keys, priority_ms, run_keys
from stepwell.core.lanes import CALLS, STARTS, call_lane, start_lane
from stepwell.core.moment import Moment
from stepwell.core.queue import IMMEDIATE, ItemKind, QueueItem
from stepwell.core.status import RunStatus
from stepwell.core.transition import (
    Claim,
    JournalRow,
    NewRun,
    RunEnd,
    Skip,
    SkipReason,
    Transition,
)
from stepwell.core.trigger import TriggerEvent
from stepwell.core.waits import Wait, WaitKind
from stepwell.wire.run_error import run_error

__all__ = [
    "CLAIM_MS",
    "NO_ORIGIN",
    "Origin",
    "Placement",
    "place",
    "refuse_callers",
    "schedule",
    "skip_if_hindered",
]

#: How long a repetition of an event or a cron tick is recognised. Source: semantics, 2.2.
CLAIM_MS: Final = 24 * 3_600_000
_NO_RUN: Final = RunId("")


class Origin(msgspec.Struct, frozen=True):
    """Where a run comes from, apart from its event.

    Attributes:
        parent_run_id: The run that invoked it.
        parent_function_id: That run's function.
        parent_step: The step of that run which waits for the result.
        cron: The cron expression whose tick it is.
        claim_key: Key under which a repetition is recognised; "" when none can occur.
        singleton: Key under which it is to be the function's only live run; "" without one.
        batch_id: The batch it is for.
        callers: All steps that wait for the result of a batch.
        origin_run_id: The first run of the chain of reruns it continues.
        replay_id: The replay that starts it.
    """

    parent_run_id: RunId = RunId("")
    parent_function_id: FunctionId = FunctionId("")
    parent_step: str = ""
    cron: str = ""
    claim_key: str = ""
    singleton: str = ""
    batch_id: str = ""
    callers: tuple[Caller, ...] = ()
    origin_run_id: RunId = RunId("")
    replay_id: OperationId = OperationId("")

    @property
    def all_callers(self) -> tuple[Caller, ...]:
        """The steps of other runs that wait for the result."""
        if not self.parent_run_id:
            return self.callers
        step = StepId(self.parent_step)
        return (Caller(self.parent_run_id, self.parent_function_id, step), *self.callers)


NO_ORIGIN: Final = Origin()


class Placement(msgspec.Struct, frozen=True, gc=False):
    """Where a run's items stand in the queue: lanes and score."""

    start_lane: str
    call_lane: str
    score: int


def place(function: Function, event: EventValue, *, now_ms: int) -> Placement:
    """Evaluate the function's keys and priority for an event. Source: flow control, 1.5 and 8."""
    config = function.config
    if not config.priority and not has_run_keys(config):
        return Placement(STARTS, CALLS, now_ms)
    keys = run_keys(config, event, now_ms=now_ms)
    ahead_ms = priority_ms(config.priority, event, now_ms=now_ms)
    return Placement(start_lane(keys), call_lane(keys), now_ms - ahead_ms)


def schedule(
    transition: Transition,
    function: Function,
    events: Sequence[TriggerEvent],
    origin: Origin,
    *,
    at: Moment,
) -> NewRun:
    """Create a run of the function for the event or the batch, and queue its first call.

    The call is due at once, or at a single event's `ts` if that lies in the future. Waits for the
    events that may cancel the run, and the time by which it has to start, are stored with it.
    Source: execution semantics, 2.3 and 1.7; flow control, 2.1.
    """
    now_ms = at.now_ms
    first = events[0]
    is_batch = bool(origin.batch_id)
    due_ms = first.ts_ms if first.ts_ms > now_ms and not is_batch else IMMEDIATE
    value = event_value(first.payload)
    placement = place(function, value, now_ms=now_ms)
    run = _new_run(function, events, origin, placement, now_ms=now_ms, due_ms=due_ms, at=at)
    transition.runs.append(run)
    transition.put.append(
        QueueItem(
            ItemId(at.ids.number()),
            ItemKind.START,
            function.id,
            run.id,
            due_ms=due_ms,
            queued_ms=now_ms,
            lane=placement.start_lane,
            score=placement.score,
        )
    )
    if origin.callers:
        transition.journal.append(JournalRow(run.id, 0, Invoked(now_ms, origin.callers)))
    if origin.claim_key:
        claim = Claim(function.id, origin.claim_key, run.id, now_ms + CLAIM_MS)
        transition.claims.append(claim)
    if not is_batch:
        if function.config.cancel:
            _add_cancel_waits(transition, function, run, value, at=at)
        _add_start_timeout(transition, function, run, at=at)
    return run


def skip_if_hindered(
    transition: Transition,
    function: Function,
    events: Sequence[TriggerEvent],
    origin: Origin,
    *,
    holder: RunId | None = None,
    at: Moment,
) -> NewRun | None:
    """Record a run that must not run, so that the event shows why; None if nothing is in its way.

    Steps that invoked it get an error at once; in the reference they wait for their timeout.
    Source: execution semantics, 2.3 and 2.4.

    Args:
        transition: What it is added to.
        function: What would run.
        events: What would start it.
        origin: Where it would come from.
        holder: The live run that keeps a singleton from running.
        at: Clock and ids for this decision.
    """
    pause = function.pause
    if pause is not None and function.skips_new_runs:
        cause = "drained" if pause.is_drain else "paused"
        return _skip_run(transition, function, events, origin, cause, at=at)
    if holder is not None:
        return _skip_run(transition, function, events, origin, "singleton", holder, at=at)
    return None


def _skip_run(
    transition: Transition,
    function: Function,
    events: Sequence[TriggerEvent],
    origin: Origin,
    cause: str,
    existing_run_id: RunId = _NO_RUN,
    *,
    at: Moment,
) -> NewRun:
    now_ms = at.now_ms
    placement = Placement(STARTS, CALLS, now_ms)
    callers = origin.all_callers
    origin = msgspec.structs.replace(origin, singleton="", callers=())
    run = _new_run(function, events, origin, placement, now_ms=now_ms, due_ms=IMMEDIATE, at=at)
    transition.runs.append(run)
    entry = RunEnded(
        now_ms,
        RunStatus.SKIPPED,
        output=ABSENT,
        error=ABSENT,
        cause=cause,
        existing_run_id=existing_run_id,
    )
    transition.journal.append(JournalRow(run.id, 0, entry))
    transition.ended.append(RunEnd(run.id, RunStatus.SKIPPED, 0, now_ms, ended_seq=0))
    refuse_callers(transition, callers, f"the invoked function's run was skipped ({cause})", at=at)
    return run


def refuse_callers(
    transition: Transition, callers: Sequence[Caller], reason: str, *, at: Moment
) -> None:
    """Give the steps that wait for a run that will not be an error as their result."""
    memo = msgspec.Raw(run_error("Error", reason).server_output())
    for caller in callers:
        body = ResumeBody(memo=memo, failed=True)
        transition.put.append(answer_item(caller, body, at=at))


def _new_run(
    function: Function,
    events: Sequence[TriggerEvent],
    origin: Origin,
    placement: Placement,
    *,
    now_ms: int,
    due_ms: int,
    at: Moment,
) -> NewRun:
    return NewRun(
        RunId(at.ids.ulid(now_ms)),
        function.environment_id,
        function.app_id,
        function.id,
        function.version,
        now_ms,
        due_ms or now_ms,
        events[0].id,
        events[0].name,
        event_ids=tuple(event.id for event in events) if len(events) > 1 else (),
        cron=origin.cron,
        parent_run_id=origin.parent_run_id,
        parent_function_id=origin.parent_function_id,
        parent_step=origin.parent_step,
        origin_run_id=origin.origin_run_id,
        lane=placement.call_lane,
        score=placement.score,
        singleton=origin.singleton,
        batch_id=origin.batch_id,
        replay_id=origin.replay_id,
    )


def _add_start_timeout(
    transition: Transition, function: Function, run: NewRun, *, at: Moment
) -> None:
    """Queue the moment by which the run must have started. Source: flow control, 11."""
    timeouts = function.config.timeouts
    start_ms = timeouts.start_ms if timeouts is not None else None
    if start_ms is not None:
        transition.put.append(
            QueueItem(
                ItemId(at.ids.number()),
                ItemKind.START_TIMEOUT,
                function.id,
                run.id,
                due_ms=run.queued_ms + start_ms,
                queued_ms=at.now_ms,
            )
        )


def _add_cancel_waits(
    transition: Transition,
    function: Function,
    run: NewRun,
    event: EventValue,
    *,
    at: Moment,
) -> None:
    """One wait per `cancelOn` entry that can ever be satisfied.

    A condition that does not compile, which was accepted by an earlier version, cancels nothing and
    is recorded. Source: execution semantics, 4.5, 7.5 and 7.7.
    """
    for cancel_on in function.config.cancel:
        source = cancel_on.condition or ""
        try:
            condition = bind_trigger(source, event())
        except ExpressionInvalid as invalid:
            detail = f"{source}: {invalid}"
            reason = SkipReason.CANCEL_CONDITION_INVALID
            transition.skips.append(Skip(run.event_id, function.id, reason, detail, at.now_ms))
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
