"""Running again what ran before: a new run for the events of an earlier one.

The new run is one of its own, with today's function and the events as they were; the two have
nothing in common but the link to the first of the chain. Limits that concern events (rate limit,
debounce, batching, duplicates) do not apply to it; singleton and pause do.

It may begin at a step of the earlier run: what had started before that step is taken over with its
results, and the step itself may be given other arguments.

Source: execution semantics, 8; flow control, 2.1 and 6.5.
"""

import enum
from collections.abc import Mapping, Sequence
from typing import Final, assert_never

import msgspec

from stepwell.core.function import Function
from stepwell.core.identity import OperationId, RunId, StepId
from stepwell.core.journal import (
    CallFacts,
    CallFailed,
    Entry,
    GroupOpened,
    InputGiven,
    Invoked,
    RunEnded,
    RunStarted,
    StepAttemptFailed,
    StepInvoking,
    StepName,
    StepPlanned,
    StepRequesting,
    StepResolved,
    StepSignalling,
    StepSleeping,
    StepWaiting,
    VersionPinned,
)
from stepwell.core.moment import Moment
from stepwell.core.queue import NO_STEP, ItemKind
from stepwell.core.scheduling import Origin, schedule, skip_if_hindered
from stepwell.core.singleton import NO_SEAT, Seat
from stepwell.core.transition import JournalRow, NewRun, StoredEvent, Transition
from stepwell.core.trigger import TriggerEvent
from stepwell.wire.canonical import canonical_json
from stepwell.wire.events import EVENT_LEVELS_MAX
from stepwell.wire.json_shape import is_deeper_than
from stepwell.wire.opcode import OpName
from stepwell.wire.opcode_options import STEP_BYTES_MAX

__all__ = [
    "PastRun",
    "RerunPlan",
    "RerunRefused",
    "StepChoice",
    "plan_rerun",
    "start_rerun",
]

#: Opcodes of steps whose body the app runs: only these can be called for.
_RUN_BY_APP: Final = frozenset(
    {OpName.STEP, OpName.STEP_RUN, OpName.STEP_PLANNED, OpName.STEP_ERROR, OpName.STEP_FAILED}
)
#: SDKs that would mistake an edited input for the step's result. Source: SDK protocol, 6.4.
_MISTAKING_INPUTS: Final = frozenset({"py", "go"})
_NS_PER_MS: Final = 1_000_000
_NO_REPLAY: Final = OperationId("")


class RerunRefused(enum.StrEnum):
    """Why a run cannot be run again like that; the texts are shown."""

    FUNCTION_GONE = "the run's function is not registered any more"
    EVENT_GONE = "the event that started the run is older than events are kept"
    JOURNAL_GONE = "the run's steps are older than steps are kept; it can be run again as a whole"
    ENDPOINT = "a durable endpoint is started by its client and cannot be run again"
    STEP_NOT_FOUND = "rerun step not found"
    STEP_AMBIGUOUS = "rerun step name is ambiguous"
    INPUT_INVALID = "input is not a valid JSON array"
    INPUT_TOO_LARGE = f"input is larger than {STEP_BYTES_MAX} bytes"
    INPUT_NOT_TAKEN = "the app's SDK does not take edited inputs; only the TypeScript SDK does"


class PastRun(msgspec.Struct, frozen=True):
    """A run, live or ended, as far as it matters for running it again.

    Attributes:
        events: What started it, in order; empty if that is not kept any more.
        journal: What has happened; only needed to begin at a step.
        is_whole: Whether the journal is still as it was.
    """

    new: NewRun
    events: Sequence[StoredEvent]
    journal: Sequence[Entry] = ()
    is_whole: bool = True


class StepChoice(msgspec.Struct, frozen=True):
    """Where to begin.

    Attributes:
        step: The step's hashed id, or its name as in the code if there is one of that name.
        input: JSON array of other arguments for it; None to leave them to the code.
    """

    step: str
    input: bytes | None = None


class _Kept(msgspec.Struct, frozen=True):
    """A step that is taken over."""

    step: StepId
    name: StepName
    memo: msgspec.Raw
    failed: bool


class RerunPlan(msgspec.Struct, frozen=True):
    """A rerun that is possible.

    Attributes:
        stored: The events that start it.
        kept: Steps that have their results from the start.
        step: The step its first call is for; "" for a call from the top.
        given: The step with an edited input, and that input.
    """

    function: Function
    new: NewRun
    stored: Sequence[StoredEvent]
    kept: Sequence[_Kept] = ()
    step: StepId = NO_STEP
    given: tuple[StepId, bytes] | None = None
    replay_id: OperationId = _NO_REPLAY

    @property
    def origin_run_id(self) -> RunId:
        """The first run of the chain."""
        return self.new.origin_run_id or self.new.id

    @property
    def events(self) -> Sequence[TriggerEvent]:
        """The events that start it, as a function is started with them."""
        return tuple(map(TriggerEvent.stored, self.stored))


def plan_rerun(
    past: PastRun,
    function: Function | None,
    from_step: StepChoice | None = None,
    *,
    sdk_language: str = "",
    replay_id: OperationId = _NO_REPLAY,
) -> RerunPlan | RerunRefused:
    """Find out what a rerun would begin with, whatever the earlier run has come to.

    Args:
        past: The earlier run.
        function: The function it was of, as registered now; None if it is unknown.
        from_step: The step to begin at; None to begin at the beginning.
        sdk_language: Of the app's SDK, as far as it is known.
        replay_id: The replay it is part of.
    """
    if function is None or function.archived:
        return RerunRefused.FUNCTION_GONE
    if function.endpoint_method:
        return RerunRefused.ENDPOINT
    if not past.events:
        return RerunRefused.EVENT_GONE
    plan = RerunPlan(function, past.new, tuple(past.events), replay_id=replay_id)
    if from_step is None:
        return plan
    if not past.is_whole:
        return RerunRefused.JOURNAL_GONE
    return _begin_at(plan, past.journal, from_step, sdk_language)


def start_rerun(
    transition: Transition, plan: RerunPlan, *, seat: Seat = NO_SEAT, at: Moment
) -> RunId:
    """Create the run, or record that it is skipped; nobody waits for its result.

    A batch is a batch again, with all its events. Keys and priority are evaluated anew.

    Args:
        transition: What it is added to.
        plan: What it begins with.
        seat: What the function's singleton has to say.
        at: Clock and ids for this decision.
    """
    function, events = plan.function, plan.events
    origin = Origin(
        cron=plan.new.cron,
        singleton=seat.key,
        batch_id=at.ids.ulid(at.now_ms) if plan.new.batch_id else "",
        origin_run_id=plan.origin_run_id,
        replay_id=plan.replay_id,
    )
    skipped = skip_if_hindered(transition, function, events, origin, holder=seat.holder, at=at)
    if skipped is not None:
        return skipped.id
    run_id = schedule(transition, function, events, origin, at=at).id
    # They may have been old, and nothing has needed them since they were read.
    transition.events_again += plan.stored
    head = _head(plan, at.now_ms)
    transition.journal += [JournalRow(run_id, seq, entry) for seq, entry in enumerate(head)]
    if plan.step:
        _aim(transition, run_id, plan.step)
    return run_id


def _head(plan: RerunPlan, now_ms: int) -> list[Entry]:
    """What the new run's journal begins with: results, and the input that was edited."""
    head: list[Entry] = [
        StepResolved(now_ms, kept.step, kept.memo, name=kept.name, failed=kept.failed)
        for kept in plan.kept
    ]
    if plan.given is not None:
        step, given = plan.given
        head.append(InputGiven(now_ms, step, msgspec.Raw(given)))
    return head


def _aim(transition: Transition, run_id: RunId, step: StepId) -> None:
    """Let the run's first call be for the step. It stays a start, which limits may hold up."""
    transition.put = [
        msgspec.structs.replace(item, step=step)
        if item.run_id == run_id and item.kind is ItemKind.START
        else item
        for item in transition.put
    ]


# Beginning at a step.


class _PastStep(msgspec.Struct):
    """What a journal tells about a step.

    Attributes:
        started: When its last attempt started, in ns, and the place of its first entry.
        result: None without one.
    """

    name: StepName
    started: tuple[int, int]
    result: StepResolved | None = None


def _begin_at(
    plan: RerunPlan, journal: Sequence[Entry], choice: StepChoice, sdk_language: str
) -> RerunPlan | RerunRefused:
    steps = _past_steps(journal)
    target = _target(steps, choice.step)
    if isinstance(target, RerunRefused):
        return target
    given: bytes | RerunRefused | None = None
    if choice.input is not None:
        given = _checked_input(choice.input, sdk_language)
        if isinstance(given, RerunRefused):
            return given
    return msgspec.structs.replace(
        plan,
        kept=_kept(steps, before=steps[target].started),
        step=target if steps[target].name.op in _RUN_BY_APP else NO_STEP,
        given=(target, given) if given is not None else None,
    )


def _past_steps(journal: Sequence[Entry]) -> dict[StepId, _PastStep]:
    steps: dict[StepId, _PastStep] = {}
    for position, entry in enumerate(journal):
        match entry:
            case StepResolved():
                _note_result(steps, entry, position)
            case StepAttemptFailed():
                _note_start(steps, entry.step, entry.name, _start_ns(entry), position)
            case (
                StepPlanned()
                | StepSleeping()
                | StepWaiting()
                | StepInvoking()
                | StepSignalling()
                | StepRequesting()
            ):
                _note_start(steps, entry.step, entry.name, entry.at_ms * _NS_PER_MS, position)
            case (
                RunStarted()
                | VersionPinned()
                | GroupOpened()
                | InputGiven()
                | Invoked()
                | CallFailed()
                | RunEnded()
            ):
                pass  # says nothing about when a step started
            case _:
                assert_never(entry)
    return steps


def _note_start(
    steps: dict[StepId, _PastStep], step: StepId, name: StepName, start_ns: int, position: int
) -> None:
    """The last attempt counts, but the first entry is the one that names the step in full."""
    past = steps.get(step)
    if past is None:
        steps[step] = _PastStep(name, (start_ns, position))
    else:
        past.started = (start_ns, past.started[1])


def _note_result(steps: dict[StepId, _PastStep], entry: StepResolved, position: int) -> None:
    past = steps.get(entry.step)
    if past is None:
        assert entry.name is not None, "the first entry about a step names it"
        past = steps[entry.step] = _PastStep(entry.name, (_start_ns(entry), position))
    elif entry.call is not None:
        past.started = (_start_ns(entry), past.started[1])
    past.result = entry


def _start_ns(entry: StepResolved | StepAttemptFailed) -> int:
    """When the attempt started: as the SDK says, but neither before its call nor after its answer.

    The app's clock may differ from ours, by which all other entries are ordered.
    """
    at_ns = entry.at_ms * _NS_PER_MS
    call: CallFacts | None = entry.call
    if call is None:
        return at_ns
    sent_ns = call.sent_ms * _NS_PER_MS
    return min(max(call.step_started_ns, sent_ns), max(at_ns, sent_ns))


def _target(steps: Mapping[StepId, _PastStep], wanted: str) -> StepId | RerunRefused:
    """The step that is meant: by its hashed id, by its id in the code, by the name it shows."""
    if StepId(wanted) in steps:
        return StepId(wanted)
    ids = [step for step, past in steps.items() if past.name.id == wanted]
    named = ids or [step for step, past in steps.items() if past.name.shown == wanted]
    if not wanted or not named:
        return RerunRefused.STEP_NOT_FOUND
    return named[0] if len(named) == 1 else RerunRefused.STEP_AMBIGUOUS


def _checked_input(given: bytes, sdk_language: str) -> bytes | RerunRefused:
    """The input as it is stored, in canonical form."""
    if sdk_language in _MISTAKING_INPUTS:
        return RerunRefused.INPUT_NOT_TAKEN
    if len(given) > STEP_BYTES_MAX:
        return RerunRefused.INPUT_TOO_LARGE
    try:
        canonical = canonical_json(given)
    except msgspec.DecodeError:
        return RerunRefused.INPUT_INVALID
    if not canonical.startswith(b"[") or is_deeper_than(EVENT_LEVELS_MAX, canonical):
        return RerunRefused.INPUT_INVALID
    return canonical


def _kept(steps: Mapping[StepId, _PastStep], *, before: tuple[int, int]) -> tuple[_Kept, ...]:
    """The steps that had started before and have a result, in the order they started."""
    earlier = sorted((past.started, step) for step, past in steps.items() if past.started < before)
    kept = []
    for _, step in earlier:
        past = steps[step]
        if past.result is not None:
            kept.append(_Kept(step, past.name, past.result.memo, past.result.failed))
    return tuple(kept)
