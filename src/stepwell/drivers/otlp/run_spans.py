"""From what was decided about runs to spans: one per run, per call, and per attempt of a step.

The tree is run, then calls, then the steps a call brought; sleeps, waits and invocations stand
under the run. Ids are those of `core.trace_ids`, so that spans which an instrumented app exports
itself, as children of the call it received, find their parents.
"""

from collections.abc import Callable
from typing import Any, Final

import msgspec

from stepwell.core.function import FunctionIndex
from stepwell.core.identity import RunId, StepId
from stepwell.core.journal import (
    CallFacts,
    CallFailed,
    Entry,
    RunEnded,
    StepAttemptFailed,
    StepName,
    StepResolved,
)
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.core.trace_ids import call_span_id, root_span_id, step_span_id, trace_id
from stepwell.core.transition import AnsweredCall, Transition
from stepwell.core.user_span import SpanKind, SpanOutcome

__all__ = ["OPEN_RUNS_MAX", "ExportedSpan", "RunSpans"]

#: Runs whose unfinished steps are remembered. Of others, a step that ends has no name and start.
OPEN_RUNS_MAX: Final = 10_000

_TEXT_CHARS_MAX: Final = 256
_ERROR_CHARS_MAX: Final = 1000
_NS: Final = 1_000_000
#: Steps that the server runs itself: what brought their result is no call to the app.
_REQUESTED: Final = frozenset({"Gateway", "AIGateway"})

Attributes = dict[str, str | int | bool]


class ExportedSpan(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A span as a collector gets it.

    Attributes:
        parent_span_id: Empty for the root of a trace.
        error: Why it failed; with the status `ERROR`.
        links: Spans of other traces that it has to do with: trace id and span id.
    """

    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    kind: SpanKind
    status: SpanOutcome
    started_ns: int
    ended_ns: int
    attributes: Attributes
    error: str = ""
    links: tuple[tuple[str, str], ...] = ()


class _OpenStep(msgspec.Struct, frozen=True, gc=False):
    name: StepName
    at_ms: int
    links: tuple[tuple[str, str], ...] = ()


class RunSpans:
    """Makes spans of transitions, in their order.

    Args:
        functions: Gives the functions as they are registered now.
        open_runs_max: Runs whose unfinished steps are remembered.
    """

    def __init__(
        self, functions: Callable[[], FunctionIndex], *, open_runs_max: int = OPEN_RUNS_MAX
    ) -> None:
        self._functions = functions
        self._open_runs_max = open_runs_max
        self._open: dict[RunId, dict[StepId, _OpenStep]] = {}

    def of(self, run: RunState | None, transition: Transition) -> list[ExportedSpan]:
        """The spans that end with the transition, which is durable; quick, and never raises."""
        if run is None:
            return []
        run_id = run.new.id
        spans: list[ExportedSpan] = []
        for row in transition.journal:
            if row.run_id == run_id:
                self._add(spans, row.entry, run, transition)
        calls = (_call_span(run, transition, answered) for answered in transition.answered)
        spans.extend(call for call in calls if call is not None)
        return spans

    def _add(
        self, spans: list[ExportedSpan], entry: Entry, run: RunState, transition: Transition
    ) -> None:
        run_id = run.new.id
        match entry:
            case StepAttemptFailed():
                opened = self._remember(run_id, entry.step, _OpenStep(entry.name, entry.at_ms))
                spans.append(_step_span(run_id, entry, opened))
            case StepResolved():
                known = self._open.get(run_id, {}).pop(entry.step, None)
                if known is None:
                    known = _OpenStep(entry.name or StepName("", ""), 0)
                spans.append(_step_span(run_id, entry, known))
            case RunEnded():
                self._open.pop(run_id, None)
                spans.append(self._run_span(entry, run, transition))
            case _:
                name: Any = getattr(entry, "name", None)
                if isinstance(name, StepName):
                    opened = _OpenStep(name, entry.at_ms, _invoked(entry))
                    self._remember(run_id, _step_of(entry), opened)

    def _remember(self, run_id: RunId, step: StepId, opened: _OpenStep) -> _OpenStep:
        """What was first said about an unfinished step, with what is said now."""
        steps = self._open.get(run_id)
        if steps is None:
            if len(self._open) >= self._open_runs_max:
                del self._open[next(iter(self._open))]
            steps = self._open[run_id] = {}
        known = steps.setdefault(step, opened)
        if opened.links:
            known = steps[step] = msgspec.structs.replace(known, links=opened.links)
        return known

    def _run_span(self, entry: RunEnded, run: RunState, transition: Transition) -> ExportedSpan:
        new = run.new
        function = self._functions().get(new.function_id)
        slug = function.slug if function is not None else new.function_id
        started_ms = run.started_ms or new.queued_ms
        for end in transition.ended:
            if end.run_id == new.id and end.started_ms:
                started_ms = end.started_ms
        attributes: Attributes = {
            "stepwell.run.id": new.id,
            "stepwell.run.status": entry.status.wire_name,
            "stepwell.run.queued_ms": new.queued_ms,
            "stepwell.run.steps": len(run.steps),
            "stepwell.run.attempt": entry.attempt,
            "stepwell.function.slug": slug,
            "stepwell.function.version": new.function_version,
            "stepwell.event.id": new.event_id,
            "stepwell.event.name": new.event_name[:_TEXT_CHARS_MAX],
        }
        if function is not None:
            attributes["stepwell.app.name"] = function.app_name
        if new.cron:
            attributes["stepwell.run.cron"] = new.cron
        if entry.cause:
            attributes["stepwell.run.cause"] = entry.cause
        is_failed = entry.status is RunStatus.FAILED
        status = SpanOutcome.OK if entry.status is RunStatus.COMPLETED else SpanOutcome.UNSET
        return ExportedSpan(
            trace_id=trace_id(new.id),
            span_id=root_span_id(new.id),
            parent_span_id="",
            name=slug,
            kind=SpanKind.CONSUMER,
            status=SpanOutcome.ERROR if is_failed else status,
            started_ns=started_ms * _NS,
            ended_ns=max(entry.at_ms, started_ms) * _NS,
            attributes=attributes,
            error=_error_text(entry.error) if is_failed else "",
            links=_related(run),
        )


def _step_span(
    run_id: RunId, entry: StepResolved | StepAttemptFailed, opened: _OpenStep
) -> ExportedSpan:
    call, name = entry.call, opened.name
    is_failed = isinstance(entry, StepAttemptFailed) or entry.failed
    raw = entry.error if isinstance(entry, StepAttemptFailed) else entry.memo
    started_ns, ended_ns = _times(entry, call, opened)
    attributes: Attributes = {
        "stepwell.run.id": run_id,
        "stepwell.step.id": (name.id or name.shown)[:_TEXT_CHARS_MAX],
        "stepwell.step.hash": entry.step[:_TEXT_CHARS_MAX],
        "stepwell.step.op": name.op,
        "stepwell.step.attempt": entry.attempt,
    }
    if isinstance(entry, StepResolved) and entry.timed_out:
        attributes["stepwell.step.timed_out"] = True
    is_of_call = call is not None and call.item and name.op not in _REQUESTED
    return ExportedSpan(
        trace_id=trace_id(run_id),
        span_id=step_span_id(run_id, entry.step, entry.attempt),
        parent_span_id=_call_id(call) if call and is_of_call else root_span_id(run_id),
        name=(name.shown or entry.step)[:_TEXT_CHARS_MAX],
        kind=SpanKind.INTERNAL,
        status=SpanOutcome.ERROR if is_failed else SpanOutcome.OK,
        started_ns=started_ns,
        ended_ns=ended_ns,
        attributes=attributes,
        error=_error_text(raw) if is_failed else "",
        links=opened.links,
    )


def _times(
    entry: StepResolved | StepAttemptFailed, call: CallFacts | None, opened: _OpenStep
) -> tuple[int, int]:
    """When the attempt began and ended: by the app's own clock, if the SDK measured it."""
    if call is not None and call.step_started_ns > 0:
        return call.step_started_ns, call.step_started_ns + max(call.step_ns, 0)
    started_ms = call.sent_ms if call is not None else opened.at_ms
    return min(started_ms or entry.at_ms, entry.at_ms) * _NS, entry.at_ms * _NS


def _call_span(
    run: RunState, transition: Transition, answered: AnsweredCall
) -> ExportedSpan | None:
    """The span of a call; None where nothing in the journal tells which one it was."""
    run_id = run.new.id
    for row in transition.journal:
        call: CallFacts | None = getattr(row.entry, "call", None)
        if call is None or row.run_id != run_id or call.item != answered.item_id:
            continue
        failed = row.entry if isinstance(row.entry, CallFailed) else None
        attributes: Attributes = {"stepwell.run.id": run_id, "stepwell.call.attempt": call.attempt}
        if call.status:
            attributes["http.response.status_code"] = call.status
        is_good = answered.end == "success"
        return ExportedSpan(
            trace_id=trace_id(run_id),
            span_id=_call_id(call),
            parent_span_id=root_span_id(run_id),
            name="call",
            kind=SpanKind.CLIENT,
            status=SpanOutcome.OK if is_good else SpanOutcome.ERROR,
            started_ns=answered.sent_ms * _NS,
            ended_ns=max(answered.ended_ms, answered.sent_ms) * _NS,
            attributes=attributes,
            error=_error_text(failed.error) if failed is not None else "",
        )
    return None


def _call_id(call: CallFacts) -> str:
    return call_span_id(call.item, call.queued_ms, call.attempt)


def _related(run: RunState) -> tuple[tuple[str, str], ...]:
    """The step that invoked the run, and the run that it repeats."""
    new = run.new
    links = []
    if new.parent_run_id:
        step = step_span_id(new.parent_run_id, StepId(new.parent_step), 0)
        links.append((trace_id(new.parent_run_id), step))
    if new.origin_run_id and new.origin_run_id != new.id:
        links.append((trace_id(new.origin_run_id), root_span_id(new.origin_run_id)))
    return tuple(links)


def _invoked(entry: Any) -> tuple[tuple[str, str], ...]:
    run_id: RunId = getattr(entry, "run_id", RunId(""))
    return ((trace_id(run_id), root_span_id(run_id)),) if run_id else ()


def _step_of(entry: Any) -> StepId:
    step: StepId = entry.step
    return step


class _Error(msgspec.Struct, frozen=True):
    name: str = ""
    message: str = ""


class _Memo(msgspec.Struct, frozen=True):
    """What a failed step left behind has its error inside; that of calls and runs stands alone."""

    error: _Error | str | None = None
    name: str = ""
    message: str = ""


_MEMO: Final = msgspec.json.Decoder(_Memo)


def _error_text(raw: msgspec.Raw) -> str:
    """The error in an error object, or in what a step left behind, in short."""
    if not raw:
        return ""
    try:
        memo = _MEMO.decode(raw)
    except (msgspec.MsgspecError, RecursionError):
        return ""
    error = memo.error if isinstance(memo.error, _Error) else _Error(memo.name, memo.message)
    text = f"{error.name}: {error.message}" if error.name else error.message
    return text[:_ERROR_CHARS_MAX]
