"""The current tree: every attempt of every step below the root, once, and how the function ended.

Whoever reads it finds steps by their hashed id and attempt, and the answers of the function itself
by the job that they are attempts at. `Finalization` sums up the job with which the function ended,
or is about to.

Source: GraphQL, 9.4 to 9.6; the table "Emit under root" says which nodes there are.
"""

from collections.abc import Iterator
from typing import Final

from stepwell.core.identity import ItemId, StepId
from stepwell.core.journal import RunEnded
from stepwell.core.status import RunStatus
from stepwell.core.trace.attachments import Attachments, with_timing
from stepwell.core.trace.calls import NO_SEQ, Call, JobGroup, group_id
from stepwell.core.trace.current_steps import StepNodes
from stepwell.core.trace.history import RunHistory
from stepwell.core.trace.nodes import RUN_STATUSES, call_status, reply_of
from stepwell.core.trace.outputs import OutputRef, Tree, output_id
from stepwell.core.trace.span import SpanReply, SpanStatus, TraceSpan
from stepwell.core.trace.user_spans import UserSpans
from stepwell.core.trace_ids import call_span_id, root_span_id, step_span_id, trace_id

__all__ = ["NO_PARENT", "current_tree"]

#: The parent of the root.
NO_PARENT: Final = "0" * 16

_ROOT: Final = "Run"
_BARE_ROOT: Final = "executor.run"
_NONSTEP: Final = "executor.nonstep"
_FINALIZATION: Final = "Finalization"
_FINALIZATION_TYPE: Final = "FINALIZATION"
_EXECUTION: Final = "Execution"
_OPCODES_STATUS: Final = 206
_NO_ITEM: Final = ItemId(0)
#: Sorts after all entries.
_LAST: Final = 1 << 62

_SKIP_REASONS: Final = {
    "singleton": "Singleton",
    "paused": "FunctionPaused",
    "drained": "FunctionDrained",
}

# A node with its place: when it started, the entry that brought it, and which goes first.
_Placed = tuple[int, int, int, TraceSpan]


def current_tree(history: RunHistory) -> TraceSpan:
    """The current tree of a run, whatever it has come to."""
    return _Current(history).tree()


class _Current:
    def __init__(self, history: RunHistory) -> None:
        self.history = history
        self.run_id = history.run.id
        self.trace_id = trace_id(self.run_id)
        self.root_id = root_span_id(self.run_id)
        self.attachments = Attachments(history.metadata)
        self.user_spans = UserSpans(self.run_id, self.trace_id, history.spans, self.attachments)

    def tree(self) -> TraceSpan:
        """The root with everything below it."""
        run = self.history.run
        has_failed = run.status is RunStatus.FAILED
        placed = list(self._placed()) if run.started_ms or has_failed else []
        placed.sort(key=lambda each: each[:3])
        children = tuple(each[3] for each in placed)
        started_ms = run.started_ms or None
        ended_ms = run.ended_ms if run.status.is_ended else None
        is_skipped = run.status is RunStatus.SKIPPED
        return TraceSpan(
            run_id=self.run_id,
            span_id=self.root_id,
            trace_id=self.trace_id,
            name=_ROOT if children else _BARE_ROOT,
            status=RUN_STATUSES[run.status],
            queued_ms=run.queued_ms,
            parent_span_id=NO_PARENT,
            attempt=0,
            duration_ms=_duration_ms(started_ms, ended_ms),
            output_id=output_id(OutputRef(self.run_id, Tree.CURRENT, is_root=True)),
            scheduled_ms=max(run.queued_ms, run.scheduled_ms),
            started_ms=started_ms,
            ended_ms=ended_ms,
            is_root=True,
            skip_reason=_SKIP_REASONS.get(run.cause) if is_skipped else None,
            skip_existing_run_id=(run.existing_run_id or None) if is_skipped else None,
            metadata=self.attachments.of_run(),
            reply=self._last_reply(),
            children=children,
        )

    def _placed(self) -> Iterator[_Placed]:
        steps = StepNodes(self.history, self.root_id, self.trace_id)
        for step in self.history.steps.values():
            for node in steps.nodes(step, self.attachments, self.user_spans):
                yield _start_ms(node), step.first_seq, node.attempt or 0, node
        final: JobGroup | None = None
        for group in self.history.groups:
            recorded = [call for call in group.calls if not call.is_under_way]
            for number, call in enumerate(group.calls):
                if call.outcome is not None:
                    yield call.began_ms, call.outcome_seq, 1, self._nonstep(group, number, call)
            if recorded and recorded[-1].outcome is not None:
                final = group
            last = group.calls[-1]
            if last.is_under_way and last.step not in self.history.steps:
                yield last.began_ms, _LAST, 0, self._execution(group, last)
        end = self.history.end
        if end is not None and end.call is None and end.status is RunStatus.FAILED:
            yield from self._server_end(end)
        elif final is not None and not _is_reported_end(final.calls[-1]):
            outcomes = [call for call in final.calls if call.outcome is not None]
            node = self._finalization(final, outcomes)
            yield outcomes[0].began_ms, outcomes[0].outcome_seq, 0, node

    def _last_reply(self) -> SpanReply | None:
        """The newest answer of the app."""
        newest: Call | None = None
        for group in self.history.groups:
            for call in group.calls:
                is_newer = newest is None or call.answered_ms >= newest.answered_ms
                if is_newer and call.status:
                    newest = call
        return reply_of(newest)

    # Nodes of the function itself.

    def _nonstep(self, group: JobGroup, number: int, call: Call) -> TraceSpan:
        """One answer that was about the function."""
        span_id = step_span_id(self.run_id, StepId(f"{_NONSTEP}/{group.id}"), number)
        # What the call was at before were steps, which have their own times.
        is_later = call.has_checkpointed
        ended_ms = max(call.answered_ms, call.began_ms)
        return TraceSpan(
            run_id=self.run_id,
            span_id=span_id,
            trace_id=self.trace_id,
            name=_NONSTEP,
            status=call_status(call),
            queued_ms=call.began_ms if is_later else call.queued_ms,
            parent_span_id=self.root_id,
            group_id=group.id,
            attempt=number,
            duration_ms=_duration_ms(call.began_ms, ended_ms),
            output_id=self._output_id(call.outcome_seq),
            scheduled_ms=call.began_ms if is_later else call.scheduled_ms,
            started_ms=call.began_ms,
            ended_ms=ended_ms,
            metadata=with_timing((), call),
            reply=reply_of(call),
        )

    def _finalization(self, group: JobGroup, outcomes: list[Call]) -> TraceSpan:
        """What the function came to, with its attempts unless the first one did it."""
        first, last = outcomes[0], outcomes[-1]
        span_id = step_span_id(self.run_id, StepId(_FINALIZATION), 0)
        is_plain = len(outcomes) == 1 and last.has_succeeded
        children: list[TraceSpan] = []
        queued_ms = first.began_ms if first.has_checkpointed else first.queued_ms
        if not is_plain:
            before_ms = queued_ms
            for number, call in enumerate(outcomes):
                children.append(self._attempt(group, number, call, span_id, before_ms))
                before_ms = max(call.answered_ms, call.began_ms)
        ended_ms = max(last.answered_ms, last.began_ms)
        call_id = call_span_id(last.item, last.queued_ms, last.attempt)
        return TraceSpan(
            run_id=self.run_id,
            span_id=span_id,
            trace_id=self.trace_id,
            name=_FINALIZATION,
            status=call_status(last),
            queued_ms=queued_ms,
            parent_span_id=self.root_id,
            group_id=group.id,
            attempt=len(outcomes) - 1,
            duration_ms=_duration_ms(first.began_ms, ended_ms),
            scheduled_ms=first.scheduled_ms,
            started_ms=first.began_ms,
            ended_ms=ended_ms,
            step_type=_FINALIZATION_TYPE,
            reply=reply_of(last) if is_plain else None,
            children=(
                self.user_spans.below_call(call_id, span_id) if is_plain else tuple(children)
            ),
        )

    def _attempt(
        self, group: JobGroup, number: int, call: Call, parent_id: str, queued_ms: int
    ) -> TraceSpan:
        span_id = call_span_id(call.item, call.queued_ms, call.attempt)
        ended_ms = max(call.answered_ms, call.began_ms)
        return TraceSpan(
            run_id=self.run_id,
            span_id=span_id,
            trace_id=self.trace_id,
            name=f"Attempt {number}",
            status=call_status(call),
            queued_ms=queued_ms,
            parent_span_id=parent_id,
            group_id=group.id,
            attempt=number,
            duration_ms=_duration_ms(call.began_ms, ended_ms),
            output_id=self._output_id(call.outcome_seq),
            scheduled_ms=call.scheduled_ms,
            started_ms=call.began_ms,
            ended_ms=ended_ms,
            reply=reply_of(call),
            children=self.user_spans.below_call(span_id, span_id),
        )

    def _execution(self, group: JobGroup, call: Call) -> TraceSpan:
        """A call of the function that is under way."""
        return TraceSpan(
            run_id=self.run_id,
            span_id=call_span_id(call.item, call.queued_ms, call.attempt),
            trace_id=self.trace_id,
            name=_EXECUTION,
            status=SpanStatus.RUNNING,
            queued_ms=call.queued_ms,
            parent_span_id=self.root_id,
            group_id=group.id,
            attempt=len(group.calls) - 1,
            scheduled_ms=call.scheduled_ms,
            started_ms=call.began_ms,
        )

    def _server_end(self, end: RunEnded) -> Iterator[_Placed]:
        """What made the server end the run between two calls, as an answer of its own."""
        seq, at_ms = self.history.end_seq, end.at_ms
        call = Call(_NO_ITEM, 0, at_ms, at_ms, at_ms, at_ms, at_ms)
        call.outcome, call.outcome_seq = end, seq
        group = JobGroup(group_id(self.run_id, _NONSTEP, seq), [call])
        yield at_ms, seq, 0, self._finalization(group, [call])
        yield at_ms, seq, 1, self._nonstep(group, 0, call)

    def _output_id(self, seq: int) -> str | None:
        if seq == NO_SEQ:
            return None
        return output_id(OutputRef(self.run_id, Tree.CURRENT, seq))


def _is_reported_end(call: Call) -> bool:
    """Whether the function's result came as an opcode, which has no `Finalization`."""
    return call.has_succeeded and bool(call.item) and call.status in {0, _OPCODES_STATUS}


def _start_ms(node: TraceSpan) -> int:
    return node.queued_ms if node.started_ms is None else node.started_ms


def _duration_ms(started_ms: int | None, ended_ms: int | None) -> int | None:
    """How long it took; None while it goes on."""
    if started_ms is None or ended_ms is None:
        return None
    return max(ended_ms - started_ms, 0)
