"""The nodes of steps in the current tree: one for each attempt, once it is known of.

Source: GraphQL, 9.4 and 9.5.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from stepwell.core.trace.attachments import Attachments, with_timing
from stepwell.core.trace.calls import NO_SEQ, Call, JobGroup
from stepwell.core.trace.history import RunHistory
from stepwell.core.trace.model_answers import AI_KIND, model_metadata
from stepwell.core.trace.nodes import (
    reply_of,
    result_id,
    shown_name,
    step_info,
    suspended_status,
)
from stepwell.core.trace.outputs import OutputRef, Tree, output_id
from stepwell.core.trace.span import SpanMetadata, SpanStatus, StepOp, TraceSpan
from stepwell.core.trace.steps import StepHistory
from stepwell.core.trace.user_spans import UserSpans
from stepwell.core.trace_ids import call_span_id, step_span_id

__all__ = ["StepNodes"]

#: What an SDK may call a step of no particular kind.
_PLAIN_KIND: Final = "step.run"
_WAITING: Final = {
    StepOp.SLEEP: SpanStatus.WAITING,
    StepOp.WAIT_FOR_EVENT: SpanStatus.WAITING,
    StepOp.WAIT_FOR_SIGNAL: SpanStatus.WAITING,
    StepOp.INVOKE: SpanStatus.RUNNING,
}


class _Shown(msgspec.Struct, gc=False):
    """One attempt as it will be shown."""

    number: int
    status: SpanStatus
    queued_ms: int
    scheduled_ms: int
    started_ms: int | None
    ended_ms: int | None = None
    seq: int = NO_SEQ
    call: Call | None = None
    group: JobGroup | None = None
    #: Whether the call was made for this attempt, and not for others as well.
    is_own_call: bool = False


class StepNodes:
    """Makes the nodes of the steps of a run."""

    def __init__(self, history: RunHistory, root_id: str, trace_id: str) -> None:
        self._history = history
        self._root_id = root_id
        self._trace_id = trace_id

    def nodes(
        self, step: StepHistory, attachments: Attachments, user_spans: UserSpans
    ) -> list[TraceSpan]:
        """The step's nodes, in the order of the attempts."""
        attempts = _attempts(step, self._history)
        run_id = self._history.run.id
        ids = [(each.number, step_span_id(run_id, step.id, each.number)) for each in attempts]
        metadata = attachments.of_attempts(step.id, [each.number for each in attempts])
        metadata[-1] += _model_metadata(step, metadata[-1])
        children = user_spans.below_attempts(step.id, ids)
        nodes = []
        for each, (_, node_id), known, below in zip(attempts, ids, metadata, children, strict=True):
            call = each.call if each.is_own_call else None
            children_of_call: tuple[TraceSpan, ...] = ()
            if call is not None and self._history.spans:
                # What was made during the call, but in none of its steps.
                call_id = call_span_id(call.item, call.queued_ms, call.attempt)
                children_of_call = user_spans.below_call(call_id, node_id)
            nodes.append(
                self._node(
                    step, each, node_id, with_timing(known, call), (*below, *children_of_call)
                )
            )
        return nodes

    def _node(
        self,
        step: StepHistory,
        each: _Shown,
        node_id: str,
        metadata: tuple[SpanMetadata, ...],
        children: tuple[TraceSpan, ...],
    ) -> TraceSpan:
        return TraceSpan(
            run_id=self._history.run.id,
            span_id=node_id,
            trace_id=self._trace_id,
            name=shown_name(step),
            status=each.status,
            queued_ms=each.queued_ms,
            parent_span_id=self._root_id,
            group_id=None if each.group is None else each.group.id,
            attempt=each.number,
            duration_ms=_duration_ms(each),
            output_id=self._output_id(step, each),
            scheduled_ms=each.scheduled_ms,
            started_ms=each.started_ms,
            ended_ms=each.ended_ms,
            step_op=step.op,
            step=step.id,
            step_info=step_info(step, self._history.children, Tree.CURRENT),
            step_type=_step_type(step),
            metadata=metadata,
            reply=reply_of(each.call),
            children=children,
        )

    def _output_id(self, step: StepHistory, each: _Shown) -> str | None:
        if step.begun is not None and each.seq == NO_SEQ:
            return result_id(self._history, step, Tree.CURRENT)
        if each.seq == NO_SEQ and step.input_seq == NO_SEQ:
            return None
        run_id = self._history.run.id
        return output_id(OutputRef(run_id, Tree.CURRENT, each.seq, step.input_seq))


def _model_metadata(step: StepHistory, known: Sequence[SpanMetadata]) -> list[SpanMetadata]:
    """What the model took that the server has asked for the step, unless the app has said that."""
    result = step.result
    if not step.requested or result is None or result.failed:
        return []
    if any(entry.kind == AI_KIND for entry in known):
        return []
    found = model_metadata(bytes(result.memo), result.at_ms)
    return [] if found is None else [found]


def _attempts(step: StepHistory, history: RunHistory) -> Sequence[_Shown]:
    """All attempts that have ended, and the one that has not."""
    shown = [
        _Shown(
            attempt.number,
            SpanStatus.FAILED if attempt.failed else SpanStatus.COMPLETED,
            attempt.queued_ms,
            attempt.scheduled_ms,
            attempt.started_ms,
            attempt.ended_ms,
            attempt.seq,
            attempt.call,
            attempt.group,
            attempt.call is not None and attempt.call.step == step.id,
        )
        for attempt in step.attempts
    ]
    number = shown[-1].number + 1 if shown else 0
    if step.begun is not None:
        shown.append(_suspended(step, number, history))
    elif step.open is not None:
        waiting = step.open
        is_running = waiting.started_ms is not None
        shown.append(
            _Shown(
                waiting.number,
                SpanStatus.RUNNING if is_running else SpanStatus.QUEUED,
                waiting.queued_ms,
                waiting.scheduled_ms,
                waiting.started_ms,
                group=waiting.group,
            )
        )
    elif not shown:
        # The run has ended before it came to that; the step stays as it was.
        at_ms, is_requested = step.first_ms, step.requested
        status = SpanStatus.RUNNING if is_requested else SpanStatus.QUEUED
        started_ms = at_ms if is_requested else None
        shown.append(_Shown(0, status, at_ms, at_ms, started_ms, group=step.begun_group))
    return shown


def _suspended(step: StepHistory, number: int, history: RunHistory) -> _Shown:
    assert step.begun is not None
    at_ms, result = step.begun.at_ms, step.result
    ended_ms = max(result.at_ms, at_ms) if result is not None else None
    if step.conflicted and history.end is not None:
        ended_ms = history.end.at_ms
    return _Shown(
        number,
        suspended_status(step, _WAITING[step.op]),
        at_ms,
        at_ms,
        at_ms,
        ended_ms,
        call=step.begun_by,
        group=step.begun_group,
    )


def _step_type(step: StepHistory) -> str:
    return step.kind if step.kind and step.kind != _PLAIN_KIND else step.op.value


def _duration_ms(each: _Shown) -> int | None:
    if each.started_ms is None or each.ended_ms is None:
        return None
    return max(each.ended_ms - each.started_ms, 0)
