"""Whether steps that wait for signals or have the server make requests end as they should."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

import msgspec

from stepwell.core.journal import StepRequesting, StepResolved, StepSignalling
from stepwell.core.status import RunStatus
from tests.simulation.ended_runs import EndedRun, begun_entry
from tests.simulation.programs import Fetch, Infer, Signal, nodes_of
from tests.simulation.world import World

__all__ = ["check_signals", "is_signal_conflict", "step_problems"]

_CONFLICT = b"Signal conflict"


def is_signal_conflict(run: EndedRun) -> bool:
    """Whether the run failed because another one waited for the signal that it wanted."""
    waits = any(not step.replaces for step in _signal_steps(run).values())
    return run.status is RunStatus.FAILED and waits and _CONFLICT in bytes(run.end.error)


def check_signals(world: World, runs: list[EndedRun]) -> Iterator[str]:
    """Each signal resolves one step at most, and the one that its sender was told."""
    had: dict[str, list[EndedRun]] = defaultdict(list)
    for run in runs:
        signals = _signal_steps(run).keys() - run.kept
        for step in signals & run.memos.keys():
            memo = run.memos[step]
            if memo is not None:
                had[memo["data"]["data"]].append(run)
    by_id = {run.id: run for run in runs}
    for sent in world.signals:
        took = had[sent.value]
        if len(took) > 1:
            yield f"{sent.value} resolved {len(took)} steps"
        if sent.run_id is None or took:
            continue
        run = by_id[sent.run_id]
        # The run may end between the signal and what it does to its step.
        if run.ended_ms > sent.answered_ms + world.decision_ms and not is_signal_conflict(run):
            yield f"{sent.value} was taken by run {run.id}, but no step has it"


def _signal_steps(run: EndedRun) -> dict[str, Signal]:
    nodes = nodes_of(run.function.program.nodes)
    return {key: step for key, step in nodes.items() if isinstance(step, Signal)}


def step_problems(
    world: World, run: EndedRun, step: Signal | Fetch | Infer, entry: StepResolved, memo: Any
) -> Iterator[str]:
    """Whether the step could come to that result."""
    if isinstance(step, Signal):
        yield from _signal_problems(world, run, step, entry, memo)
        return
    if begun_entry(run, step, StepRequesting) is None:
        yield f"{step.id} never was requested"
    if entry.failed:
        lossy = run.function.is_robust and world.is_faulty
        if not step.fails and not lossy:
            yield f"{step.id} failed without a reason: {memo}"
        return
    text = memo["data"]["text"] if isinstance(step, Infer) else None
    if isinstance(step, Fetch):
        if memo["data"]["status_code"] != 200:
            yield f"{step.id} is {memo}"
        text = msgspec.json.decode(memo["data"]["body"])["text"]
    if text not in world.outside.answers[run.id, step.id]:
        yield f"{step.id} is {memo}, which no site answered"


def _signal_problems(
    world: World, run: EndedRun, step: Signal, entry: StepResolved, memo: Any
) -> Iterator[str]:
    begun = begun_entry(run, step, StepSignalling)
    if begun is None:
        yield f"{step.id} never began to wait for a signal"
    elif memo is None:
        if entry.at_ms < begun.expires_ms:
            yield f"{step.id} timed out at {entry.at_ms}, too early"
    else:
        got = memo["data"]
        values = {sent.value: sent for sent in world.signals}
        sent = values.get(got["data"])
        if sent is None or sent.name != got["signal"] or got["signal"] != begun.signal:
            yield f"{step.id} is {memo}, which nobody has sent"
        elif sent.answered_ms and sent.run_id != run.id:
            yield f"{step.id} has {got['data']}, which run {sent.run_id} was said to have"
