"""What holds for both trees of every run, whatever has happened in it."""

from collections.abc import Iterator, Sequence

from stepwell.core.journal import Entry, RunEnded, StepResolved
from stepwell.core.status import RunStatus
from stepwell.core.trace.classic import classic_tree
from stepwell.core.trace.current import current_tree
from stepwell.core.trace.history import RunHistory
from stepwell.core.trace.nodes import RUN_STATUSES
from stepwell.core.trace.outputs import (
    OutputRef,
    OutputUnavailable,
    SpanOutput,
    parse_output_id,
    span_output,
)
from stepwell.core.trace.span import SpanStatus, TraceSpan

__all__ = ["tree_problems"]


def tree_problems(
    history: RunHistory, entries: Sequence[Entry], events: Sequence[bytes]
) -> list[str]:
    """Sentences about what is wrong with the trees of the run."""
    problems = list(_current_problems(history, current_tree(history), entries, events))
    classic = classic_tree(history)
    if classic is not None:
        problems += _classic_problems(history, classic, entries, events)
    elif history.run.status is not RunStatus.SCHEDULED:
        problems.append("there is no classic tree, although the run has started")
    return problems


def _classic_problems(
    history: RunHistory, root: TraceSpan, entries: Sequence[Entry], events: Sequence[bytes]
) -> Iterator[str]:
    run = history.run
    expected = RUN_STATUSES[run.status]
    if run.status is RunStatus.SKIPPED:
        expected = SpanStatus.RUNNING
    if root.status is not expected:
        yield f"classic: the root is {root.status}, the run {run.status.name}"
    shown = [node for node in root.children if node.name != "Queued step"]
    yield from _order_problems(shown)
    if len(root.children) > len(shown) and run.status.is_ended:
        yield "classic: something is queued in a run that has ended"
    for node in _below(root):
        if node.parent_span_id != root.span_id:
            yield f"classic: {node.name} has the parent {node.parent_span_id}"
        if node.duration_ms is None:
            yield f"classic: {node.name} has no duration"
    steps = [node.step for node in root.children if node.step is not None]
    if len(steps) != len(set(steps)):
        yield "classic: a step has two nodes"
    yield from _step_problems(root, entries, "classic")
    yield from _node_problems(root, entries, events)
    end = entries[-1] if entries else None
    if isinstance(end, RunEnded) and end.status in {RunStatus.COMPLETED, RunStatus.FAILED}:
        yield from _result_problems(root, end, entries, events)


def _current_problems(
    history: RunHistory, root: TraceSpan, entries: Sequence[Entry], events: Sequence[bytes]
) -> Iterator[str]:
    run = history.run
    if root.status is not RUN_STATUSES[run.status]:
        yield f"current: the root is {root.status}, the run {run.status.name}"
    yield from _order_problems(root.children)
    for parent in (root, *_below(root)):
        for node in parent.children:
            if node.parent_span_id != parent.span_id:
                yield f"current: {node.name} has the parent {node.parent_span_id}"
    attempts = [(node.step, node.attempt) for node in root.children if node.step is not None]
    if len(attempts) != len(set(attempts)):
        yield "current: an attempt of a step is there twice"
    yield from _step_problems(root, entries, "current")
    yield from _node_problems(root, entries, events)
    end = entries[-1] if entries else None
    if isinstance(end, RunEnded) and end.status in {RunStatus.COMPLETED, RunStatus.FAILED}:
        yield from _result_problems(root, end, entries, events)
        finals = [node for node in root.children if node.step_type == "FINALIZATION"]
        if len(finals) > 1 or (end.status is RunStatus.FAILED and not finals):
            yield f"current: there are {len(finals)} finalizations"
        if "executor.nonstep" not in {node.name for node in root.children}:
            yield "current: the function's answer is missing"


def _below(node: TraceSpan) -> Iterator[TraceSpan]:
    for child in node.children:
        yield child
        yield from _below(child)


def _order_problems(nodes: Sequence[TraceSpan]) -> Iterator[str]:
    starts = [node.queued_ms if node.started_ms is None else node.started_ms for node in nodes]
    if starts != sorted(starts):
        yield f"the children start at {starts}"


def _step_problems(root: TraceSpan, entries: Sequence[Entry], tree: str) -> Iterator[str]:
    """Whatever has a result is shown as ended; nothing else is said to have completed."""
    resolved = {entry.step: entry for entry in entries if isinstance(entry, StepResolved)}
    started = root.started_ms is not None
    last = {node.step: node for node in root.children if node.step is not None}
    for step, entry in resolved.items():
        expected = SpanStatus.FAILED if entry.failed else SpanStatus.COMPLETED
        if started and root.status is not SpanStatus.CANCELLED and step not in last:
            yield f"{tree}: step {step} is missing"
        elif step in last and last[step].status is not expected:
            yield f"{tree}: step {step} is {last[step].status}, not {expected}"
    for step, node in last.items():
        if step not in resolved and node.status is SpanStatus.COMPLETED:
            yield f"{tree}: step {step} has completed without a result"


def _node_problems(
    root: TraceSpan, entries: Sequence[Entry], events: Sequence[bytes]
) -> Iterator[str]:
    if not root.is_root or any(node.is_root for node in _below(root)):
        yield "there is not one root"
    for node in (root, *_below(root)):
        if node.user_span is not None:
            continue
        if node.status.is_ended != (node.ended_ms is not None):
            yield f"{node.name} is {node.status}, but ended at {node.ended_ms}"
        if node.ended_ms is not None and node.ended_ms < (node.started_ms or 0):
            yield f"{node.name} ended at {node.ended_ms}, before its start at {node.started_ms}"
        if node.duration_ms is not None and node.duration_ms < 0:
            yield f"{node.name} took {node.duration_ms} ms"
        if node.output_id is not None:
            output = _output(node, entries, events)
            if isinstance(output, OutputUnavailable):
                yield f"the output of {node.name} is not found: {output.message}"
            elif output.error is not None and output.data is not None:
                yield f"{node.name} has both data and an error"
            elif node.status is SpanStatus.FAILED and output.error is None:
                yield f"{node.name} has failed without an error"


def _result_problems(
    root: TraceSpan, end: RunEnded, entries: Sequence[Entry], events: Sequence[bytes]
) -> Iterator[str]:
    if root.output_id is None:
        yield "the root has no output, although the run has"
        return
    output = _output(root, entries, events)
    assert isinstance(output, SpanOutput)
    if end.status is RunStatus.COMPLETED and output.data != bytes(end.output):
        yield f"the output of the root is {output.data!r}, that of the run {bytes(end.output)!r}"
    if end.status is RunStatus.FAILED and output.error is None:
        yield "the run has failed without an error"


def _output(
    node: TraceSpan, entries: Sequence[Entry], events: Sequence[bytes]
) -> SpanOutput | OutputUnavailable:
    assert node.output_id is not None
    ref = parse_output_id(node.output_id)
    assert isinstance(ref, OutputRef)
    return span_output(ref, entries, events)
