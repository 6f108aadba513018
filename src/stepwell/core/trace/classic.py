"""The classic tree: one node for each job of a run, in the order in which they were done.

Its names and its order are what test suites of the SDKs look at by position. A node stands for a
step if the last answer of its job was about one, otherwise for the function itself; several
attempts at a job are its children. Calls that only planned show nothing.

Source: GraphQL, 9.2 and 9.3.
"""

from typing import Final

import msgspec

from stepwell.core.identity import StepId
from stepwell.core.journal import RunEnded
from stepwell.core.status import RunStatus
from stepwell.core.trace.calls import NO_SEQ, Call, JobGroup
from stepwell.core.trace.classic_attempts import QUEUED, WAITING, Attempt, Attempts
from stepwell.core.trace.history import RunHistory
from stepwell.core.trace.nodes import (
    RUN_STATUSES,
    result_id,
    shown_name,
    step_info,
    suspended_status,
)
from stepwell.core.trace.outputs import OutputRef, Tree, output_id
from stepwell.core.trace.span import SpanStatus, StepOp, TraceSpan
from stepwell.core.trace.steps import StepHistory
from stepwell.core.trace_ids import call_span_id, root_span_id, step_span_id, trace_id

__all__ = ["classic_tree"]

_SUCCESS: Final = "function success"
_ERROR: Final = "function error"
_EXECUTE: Final = "execute"
_QUEUED_STEP: Final = "Queued step"
#: Sorts after all entries.
_LAST: Final = 1 << 62


class _Node(msgspec.Struct, gc=False):
    """A child of the root in the making; `order` puts nodes of one millisecond into order."""

    name: str
    status: SpanStatus
    tries: list[Attempt]
    order: int
    queued_ms: int
    started_ms: int
    span_id: str
    attempt: int = 0
    ended_ms: int | None = None
    duration_ms: int | None = None
    output_id: str | None = None
    step: StepHistory | None = None
    shows_tries: bool = False


def classic_tree(history: RunHistory) -> TraceSpan | None:
    """The classic tree of a run; None before its first call, unless it has ended without any."""
    run = history.run
    if not run.started_ms and not run.status.is_ended:
        return None
    return _Classic(history).tree()


class _Classic:
    def __init__(self, history: RunHistory) -> None:
        self.history = history
        self.run_id = history.run.id
        self.trace_id = trace_id(self.run_id)
        self.root_id = root_span_id(self.run_id)
        self.attempts = Attempts(history)

    def tree(self) -> TraceSpan:
        """The root with everything below it."""
        run = self.history.run
        is_skipped = run.status is RunStatus.SKIPPED
        nodes = self._nodes() if run.started_ms or self._has_failed_unstarted() else []
        children = [self._child(node) for node in nodes]
        if not run.status.is_ended and (not children or children[-1].ended_ms is not None):
            children.append(self._queued_step(children))
        # A run that ended without a call counts as started when it ended.
        started_ms = run.started_ms or run.ended_ms
        ended_ms = run.ended_ms if run.status.is_ended and not is_skipped else None
        return TraceSpan(
            run_id=self.run_id,
            span_id=self.root_id,
            trace_id=self.trace_id,
            name=run.function_slug,
            status=SpanStatus.RUNNING if is_skipped else RUN_STATUSES[run.status],
            queued_ms=run.queued_ms,
            attempt=0,
            duration_ms=_duration_ms(started_ms, ended_ms),
            output_id=self._root_output_id(nodes),
            started_ms=started_ms,
            ended_ms=ended_ms,
            is_root=True,
            children=tuple(children),
        )

    def _has_failed_unstarted(self) -> bool:
        return self.history.run.status is RunStatus.FAILED

    def _nodes(self) -> list[_Node]:
        """The children of the root, in order."""
        history = self.history
        nodes: list[_Node] = []
        owned: dict[StepId, list[JobGroup]] = {}
        for group in history.groups:
            last = group.calls[-1]
            step = history.steps.get(last.step) if last.outcome is None else None
            if step is not None:
                owned.setdefault(step.id, []).append(group)
            elif (node := self._function_node(group)) is not None:
                nodes.append(node)
        for step in history.steps.values():
            groups = owned.get(step.id, [])
            tries = self.attempts.of_step(step, groups)
            if step.begun is not None:
                nodes.append(self._suspended_node(step, tries, groups))
            elif tries:
                nodes.append(self._step_node(step, tries, groups))
        end = history.end
        if end is not None and end.call is None and end.status is RunStatus.FAILED:
            nodes.append(self._server_node(end))
        nodes.sort(key=lambda node: (node.started_ms, node.order))
        return nodes

    def _root_output_id(self, nodes: list[_Node]) -> str | None:
        if not self.history.run.status.is_ended:
            return None
        for node in reversed(nodes):
            if node.order == self.history.end_seq:
                return node.output_id
        return nodes[-1].output_id if nodes else None

    # Nodes.

    def _function_node(self, group: JobGroup) -> _Node | None:
        """The node of a job whose last answer was about the function, or about nothing yet."""
        last, count = group.calls[-1], len(group.calls)
        is_planning = last.outcome is None and not last.failed and not last.is_under_way
        if is_planning and (count == 1 or not last.answered_ms):
            return None
        tries = [self.attempts.of_call(call) for call in group.calls]
        first = tries[0]
        assert first.started_ms is not None
        node = _Node(
            _EXECUTE,
            SpanStatus.RUNNING,
            tries,
            last.outcome_seq if last.outcome is not None else _LAST,
            first.queued_ms,
            first.started_ms,
            f"exec-{group.id}",
            attempt=count - 1,
            shows_tries=True,
        )
        if is_planning:
            node.status, node.ended_ms = SpanStatus.COMPLETED, last.answered_ms
        elif isinstance(last.outcome, RunEnded):
            self._end_node(node, last)
        elif group.pending is not None:
            tries.append(Attempt(SpanStatus.QUEUED, group.pending.queued_ms, None))
        return node

    def _end_node(self, node: _Node, last: Call) -> None:
        """Complete the node of the job with which the run ended."""
        count = len(node.tries)
        node.ended_ms, node.output_id = last.answered_ms, self._output_id(last.outcome_seq)
        node.span_id = self._call_id(last) if count == 1 else node.span_id
        if last.has_succeeded:
            node.name, node.status, node.shows_tries = _SUCCESS, SpanStatus.COMPLETED, count > 1
            # The result is the node's; only attempts that failed have something of their own.
            node.tries[-1].seq = NO_SEQ
        else:
            node.status = SpanStatus.FAILED
            node.name, node.attempt = (_ERROR, 0) if count == 1 else (_EXECUTE, count)

    def _server_node(self, end: RunEnded) -> _Node:
        """What made the server end the run between two calls."""
        seq = self.history.end_seq
        span_id = step_span_id(self.run_id, StepId(_ERROR), 0)
        only = Attempt(SpanStatus.FAILED, end.at_ms, end.at_ms, end.at_ms, seq=seq, span_id=span_id)
        return _Node(
            _ERROR,
            SpanStatus.FAILED,
            [only],
            seq,
            end.at_ms,
            end.at_ms,
            span_id,
            ended_ms=end.at_ms,
            output_id=self._output_id(seq),
            shows_tries=True,
        )

    def _step_node(self, step: StepHistory, tries: list[Attempt], groups: list[JobGroup]) -> _Node:
        """The node of a step that the app runs, or for which the server makes requests."""
        count = sum(not each.is_queued for each in tries)
        first, last = tries[0], tries[-1]
        result = step.result
        status = SpanStatus.RUNNING
        if result is not None:
            status = SpanStatus.FAILED if result.failed else SpanStatus.COMPLETED
        started_ms = first.started_ms if first.started_ms is not None else first.queued_ms
        is_leaf = status is SpanStatus.COMPLETED and count == 1
        node = _Node(
            shown_name(step),
            status,
            tries,
            step.first_seq,
            first.queued_ms,
            started_ms,
            last.span_id if is_leaf or not groups else f"steprun-{groups[-1].id}",
            # As many as there were if all of them failed, else the index of the last one.
            attempt=count if status is SpanStatus.FAILED else max(count - 1, 0),
            step=step,
            shows_tries=not is_leaf,
        )
        if result is not None:
            node.ended_ms, node.output_id = last.ended_ms, self._output_id(step.result_seq)
        return node

    def _suspended_node(
        self, step: StepHistory, tries: list[Attempt], groups: list[JobGroup]
    ) -> _Node:
        """The node of a step that waits; it is always at its first attempt."""
        begun, result = step.begun, step.result
        assert begun is not None
        status = suspended_status(step, WAITING[step.op])
        sleep_ms = None
        ended_ms = result.at_ms if result is not None else None
        if step.conflicted and self.history.end is not None:
            ended_ms = self.history.end.at_ms
        is_sleep = step.op is StepOp.SLEEP
        if is_sleep and (until_ms := getattr(begun, "until_ms", None)) is not None:
            sleep_ms = max(until_ms - begun.at_ms, 0)
            ended_ms = None if ended_ms is None else begun.at_ms + sleep_ms
        has_failed_before = len(tries) > 1
        queued_ms, started_ms = begun.at_ms, begun.at_ms
        if has_failed_before and tries[0].started_ms is not None:
            queued_ms, started_ms = tries[0].queued_ms, min(tries[0].started_ms, started_ms)
        span_id = step_span_id(self.run_id, step.id, 0)
        return _Node(
            shown_name(step),
            status,
            tries,
            step.first_seq,
            queued_ms,
            started_ms,
            f"exec-{groups[-1].id}" if has_failed_before and groups else span_id,
            ended_ms=ended_ms,
            duration_ms=sleep_ms,
            output_id=result_id(self.history, step, Tree.CLASSIC),
            step=step,
            shows_tries=has_failed_before or (is_sleep and not status.is_ended),
        )

    # Spans.

    def _child(self, node: _Node) -> TraceSpan:
        step = node.step
        tries = node.tries if node.shows_tries else []
        duration_ms = node.duration_ms
        if duration_ms is None:
            duration_ms = _duration_ms(node.started_ms, node.ended_ms)
        return TraceSpan(
            run_id=self.run_id,
            span_id=node.span_id,
            trace_id=self.trace_id,
            name=node.name,
            status=node.status,
            queued_ms=node.queued_ms,
            parent_span_id=self.root_id,
            attempt=node.attempt,
            duration_ms=duration_ms,
            output_id=node.output_id,
            started_ms=node.started_ms,
            ended_ms=node.ended_ms,
            step_op=None if step is None else step.op,
            step=None if step is None else step.id,
            step_info=(
                None if step is None else step_info(step, self.history.children, Tree.CLASSIC)
            ),
            children=tuple(self._grandchild(number, each) for number, each in enumerate(tries)),
        )

    def _grandchild(self, number: int, each: Attempt) -> TraceSpan:
        return TraceSpan(
            run_id=self.run_id,
            span_id=each.span_id,
            trace_id=self.trace_id,
            name=f"Attempt {number}",
            status=each.status,
            queued_ms=each.queued_ms,
            parent_span_id=self.root_id,
            attempt=number,
            duration_ms=_duration_ms(each.started_ms, each.ended_ms),
            output_id=None if each.seq == NO_SEQ else self._output_id(each.seq),
            started_ms=each.started_ms,
            ended_ms=each.ended_ms,
            step_op=each.op,
            step=each.step,
        )

    def _queued_step(self, children: list[TraceSpan]) -> TraceSpan:
        queued_ms = children[-1].ended_ms if children else self.history.run.started_ms
        assert queued_ms is not None
        return TraceSpan(
            run_id=self.run_id,
            span_id=QUEUED,
            trace_id=self.trace_id,
            name=_QUEUED_STEP,
            status=SpanStatus.QUEUED,
            queued_ms=queued_ms,
            parent_span_id=self.root_id,
            attempt=0,
            duration_ms=0,
        )

    def _output_id(self, seq: int) -> str:
        return output_id(OutputRef(self.run_id, Tree.CLASSIC, seq))

    def _call_id(self, call: Call) -> str:
        return call_span_id(call.item, call.queued_ms, call.attempt)


def _duration_ms(started_ms: int | None, ended_ms: int | None) -> int:
    """How long it took; 0 while it is not known, because clients ask for a number."""
    if started_ms is None or ended_ms is None:
        return 0
    return max(ended_ms - started_ms, 0)
