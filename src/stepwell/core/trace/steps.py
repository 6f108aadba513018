"""The steps of a run: every attempt at them, what they wait for, and what they came to."""

from typing import Final

import msgspec

from stepwell.core.identity import StepId
from stepwell.core.journal import (
    CallFacts,
    StepAttemptFailed,
    StepInvoking,
    StepName,
    StepPlanned,
    StepRequesting,
    StepResolved,
    StepSignalling,
    StepSleeping,
    StepWaiting,
)
from stepwell.core.trace.calls import NO_SEQ, Call, JobGroup
from stepwell.core.trace.span import StepOp
from stepwell.wire.opcode import OpName

__all__ = ["Begun", "OpenAttempt", "StepAttempt", "StepBook", "StepHistory"]

#: Entries with which a step begins that the app does not run.
Begun = StepSleeping | StepWaiting | StepInvoking | StepSignalling

_NS_PER_MS: Final = 1_000_000
#: Kinds of steps are short words of SDKs.
_KIND_CHARS_MAX: Final = 256
_UNKNOWN: Final = "Unknown step"
_OPS: Final = {
    OpName.SLEEP.value: StepOp.SLEEP,
    OpName.WAIT_FOR_EVENT.value: StepOp.WAIT_FOR_EVENT,
    OpName.WAIT_FOR_SIGNAL.value: StepOp.WAIT_FOR_SIGNAL,
    OpName.INVOKE_FUNCTION.value: StepOp.INVOKE,
    OpName.AI_GATEWAY.value: StepOp.AI_GATEWAY,
    OpName.GATEWAY.value: StepOp.AI_GATEWAY,
}
_BEGUN_OPS: Final[dict[type[Begun], StepOp]] = {
    StepSleeping: StepOp.SLEEP,
    StepWaiting: StepOp.WAIT_FOR_EVENT,
    StepSignalling: StepOp.WAIT_FOR_SIGNAL,
    StepInvoking: StepOp.INVOKE,
}


class StepAttempt(msgspec.Struct, gc=False):
    """An attempt that has ended.

    Attributes:
        number: From 0; each is larger than the one before.
        seq: The entry with its result or its error.
        call: None where nobody was called: a sleep has ended, or an earlier run had the result.
    """

    number: int
    seq: int
    failed: bool
    queued_ms: int
    scheduled_ms: int
    started_ms: int
    ended_ms: int
    call: Call | None = None
    group: JobGroup | None = None


class OpenAttempt(msgspec.Struct, gc=False):
    """An attempt that has not ended; `started_ms` is None while it is queued."""

    number: int
    queued_ms: int
    scheduled_ms: int
    started_ms: int | None
    group: JobGroup | None = None


class StepHistory(msgspec.Struct, gc=False):
    """One step.

    Attributes:
        name: As a person reads it.
        kind: The SDK's own word for it; empty if it has none.
        first_seq: Its first entry.
        first_ms: When it was first heard of.
        input_seq: The entry with its arguments; `NO_SEQ` if they are not known.
        begun: What it waits or waited for; None for a step that is run.
        begun_by: The call that reported that.
        requested: The server makes a request for it.
        attempts: Those that have ended, in order.
        open: The one that is queued or under way.
        result: What it came to; None while it has come to nothing.
        conflicted: It ended the run, because another step waits for its signal.
    """

    id: StepId
    name: str
    op: StepOp
    kind: str
    first_seq: int
    first_ms: int
    input_seq: int = NO_SEQ
    begun: Begun | None = None
    begun_by: Call | None = None
    begun_group: JobGroup | None = None
    requested: bool = False
    attempts: list[StepAttempt] = []
    open: OpenAttempt | None = None
    result: StepResolved | None = None
    result_seq: int = NO_SEQ
    conflicted: bool = False


class _Options(msgspec.Struct):
    type: str | None = None
    input: msgspec.Raw = msgspec.Raw(b"")


_OPTIONS: Final = msgspec.json.Decoder(_Options)


class StepBook:
    """Collects what the entries say about steps.

    Attributes:
        steps: In the order in which they were first heard of.
    """

    def __init__(self) -> None:
        self.steps: dict[StepId, StepHistory] = {}
        self._inputs: dict[StepId, int] = {}

    def is_requested(self, step: StepId) -> bool:
        """Whether the server makes a request for the step."""
        known = self.steps.get(step)
        return known is not None and known.requested and known.result is None

    def give_input(self, seq: int, step: StepId) -> None:
        """A rerun has given the step other arguments, which count instead of those of the code."""
        self._inputs[step] = seq

    def plan(self, seq: int, entry: StepPlanned, call: Call | None, group: JobGroup | None) -> None:
        """The step will be run, in a call of its own or in the one that told."""
        step = self._named(seq, entry.step, entry.name, entry.at_ms)
        step.begun_by, step.begun_group = call, group

    def begin(self, seq: int, entry: Begun, call: Call | None, group: JobGroup | None) -> None:
        """The step waits for something."""
        step = self._named(seq, entry.step, entry.name, entry.at_ms)
        step.begun, step.begun_by, step.begun_group = entry, call, group
        step.op = _BEGUN_OPS[type(entry)]

    def request(
        self, seq: int, entry: StepRequesting, call: Call | None, group: JobGroup | None
    ) -> None:
        """The server makes a request for the step."""
        step = self._named(seq, entry.step, entry.name, entry.at_ms)
        step.begun_by, step.begun_group = call, group
        step.op, step.requested = StepOp.AI_GATEWAY, True

    def fail_attempt(
        self, seq: int, entry: StepAttemptFailed, call: Call, group: JobGroup, facts: CallFacts
    ) -> None:
        """An attempt has failed and will be repeated."""
        step = self._named(seq, entry.step, entry.name, entry.at_ms)
        step.attempts.append(_attempt(step, seq, entry, call, group, facts))

    def resolve(
        self,
        seq: int,
        entry: StepResolved,
        call: Call | None,
        group: JobGroup | None,
        facts: CallFacts | None,
    ) -> None:
        """The step has its result."""
        name = entry.name or StepName(_UNKNOWN, OpName.STEP_RUN)
        step = self._named(seq, entry.step, name, entry.at_ms)
        step.result, step.result_seq = entry, seq
        if step.begun is None:
            step.attempts.append(_attempt(step, seq, entry, call, group, facts))

    def _named(self, seq: int, step_id: StepId, name: StepName, at_ms: int) -> StepHistory:
        """The step, with what only its first entry says about it."""
        step = self.steps.get(step_id)
        if step is None:
            op = _OPS.get(name.op, StepOp.RUN)
            step = StepHistory(step_id, name.shown, op, "", seq, at_ms)
            step.input_seq = self._inputs.get(step_id, NO_SEQ)
            self.steps[step_id] = step
        if name.opts:
            self._read_options(seq, step, name.opts)
        return step

    def _read_options(self, seq: int, step: StepHistory, opts: msgspec.Raw) -> None:
        try:
            options = _OPTIONS.decode(opts)
        except (msgspec.DecodeError, RecursionError):
            return
        step.kind = step.kind or (options.type or "")[:_KIND_CHARS_MAX]
        if step.input_seq == NO_SEQ and bytes(options.input).startswith(b"["):
            step.input_seq = seq


def _attempt(
    step: StepHistory,
    seq: int,
    entry: StepAttemptFailed | StepResolved,
    call: Call | None,
    group: JobGroup | None,
    facts: CallFacts | None,
) -> StepAttempt:
    number = entry.attempt
    if step.attempts:
        # Another call than the one that repeats the attempt may report the step, and begin anew.
        number = max(number, step.attempts[-1].number + 1)
    failed = isinstance(entry, StepAttemptFailed) or entry.failed
    if call is None or facts is None:
        at_ms = entry.at_ms
        return StepAttempt(number, seq, failed, at_ms, at_ms, at_ms, at_ms)
    started_ms, ended_ms = _times(entry.at_ms, call, facts)
    queued_ms, scheduled_ms = call.queued_ms, call.scheduled_ms
    if not call.answered_ms or call.has_checkpointed:
        # The call was at other steps before; nothing of it was queued for this one.
        queued_ms = scheduled_ms = started_ms
    return StepAttempt(
        number,
        seq,
        failed,
        min(queued_ms, started_ms),
        min(scheduled_ms, started_ms),
        started_ms,
        ended_ms,
        call,
        group,
    )


def _times(at_ms: int, call: Call, facts: CallFacts) -> tuple[int, int]:
    """When the attempt started and ended: as the SDK says, but neither before its call nor later.

    The app's clock may differ from ours, by which all other entries are ordered.
    """
    first_ms = call.sent_ms
    at_ms = max(at_ms, first_ms)
    if not facts.step_started_ns:
        return first_ms, at_ms
    started_ms = min(max(facts.step_started_ns // _NS_PER_MS, first_ms), at_ms)
    return started_ms, min(started_ms + facts.step_ns // _NS_PER_MS, at_ms)
