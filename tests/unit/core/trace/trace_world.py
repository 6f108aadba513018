"""Runs that core drives, and what their journals show."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from stepwell.core.advance import advance
from stepwell.core.call import call_facts
from stepwell.core.cancel import cancel
from stepwell.core.checkpointing import checkpoint
from stepwell.core.function import Function
from stepwell.core.identity import ItemId, RunId, StepId
from stepwell.core.item_bodies import CancelBody
from stepwell.core.journal import CallFacts, Entry, RunEnded, RunStarted, StepInvoking
from stepwell.core.metadata import Metadata, MetadataOwner
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.retry import RetryPolicy
from stepwell.core.run import RunState
from stepwell.core.steps.requested import RequestResult, answered
from stepwell.core.trace.classic import classic_tree
from stepwell.core.trace.current import current_tree
from stepwell.core.trace.history import RunHistory, TracedRun, run_history
from stepwell.core.trace.outputs import (
    OutputRef,
    OutputUnavailable,
    SpanOutput,
    parse_output_id,
    span_output,
)
from stepwell.core.trace.span import TraceSpan
from stepwell.core.transition import Transition
from stepwell.core.user_span import UserSpan
from stepwell.wire.config import EventTrigger
from stepwell.wire.opcodes import parse_opcodes
from tests.unit.core.core_world import CoreWorld, function, step_id

GO = EventTrigger(event="test/go")
SLUG = "app-f"
ERROR = {"name": "E", "message": "m", "stack": "at 1"}
#: What a call, a decision and the way between them take.
TICK_MS = 10


class TraceWorld(CoreWorld):
    """A world in which time passes while calls are under way, so that nothing happens at once."""

    def __init__(self, *functions: Function, retries: RetryPolicy | None = None) -> None:
        super().__init__(*functions, retries=retries)
        #: When the calls under way were sent.
        self.sent_ms: dict[ItemId, int] = {}

    def outcome(self, item: QueueItem, outcome: Any) -> Transition:
        """An item's call comes to `outcome`, a tick after it was sent."""
        run = self.runs[item.run_id]
        call = call_facts(item, self.sent_ms.pop(item.id, self.now_ms), outcome)
        self.now_ms += TICK_MS
        transition = advance(run, item, outcome, call=call, world=self.world(), at=self.moment())
        return self.absorb(transition, run)

    def checkpoint(self, run: RunState, *ops: Mapping[str, Any]) -> None:
        """The run's call, still under way, reports steps."""
        item = self.call_of(run)
        call = call_facts(item, self.sent_ms.setdefault(item.id, self.now_ms))
        self.now_ms += TICK_MS
        decision = checkpoint(
            run,
            item,
            parse_opcodes(msgspec.json.encode(ops)),
            call=call,
            world=self.world(),
            at=self.moment(),
        )
        assert isinstance(decision, Transition)
        self.absorb(decision, run)

    def request(self, run: RunState, result: RequestResult) -> None:
        """The request that the server makes for a step comes to `result`."""
        (item,) = (item for item in run.items.values() if item.kind is ItemKind.GATEWAY)
        call = CallFacts(item.queued_ms, self.now_ms, item=item.id, attempt=item.attempt)
        self.now_ms += TICK_MS
        world, at = self.world(), self.moment()
        self.absorb(answered(run, item, result, call=call, world=world, at=at), run)

    def break_off(self, run: RunState, step: str) -> None:
        """Something outside the run makes it fail, because of one of its steps."""
        self.now_ms += TICK_MS
        why = CancelBody("x", error_name="Error", error_message="Conflict", step=step_id(step))
        self.absorb(cancel(run, None, why, world=self.world(), at=self.moment()), run)


def begun(
    *others: Function, retries: int | None = None, **options: Any
) -> tuple[TraceWorld, RunState]:
    """A run whose first call is due."""
    policy = RetryPolicy(interval_ms=1_000)
    world = TraceWorld(function(SLUG, GO, retries=retries, **options), *others, retries=policy)
    (run,) = world.send("test/go", {"n": 1})
    world.now_ms += TICK_MS
    return world, run


def traced(run: RunState, entries: Sequence[Entry]) -> TracedRun:
    """The run as its row tells after these entries."""
    new, status = run.new, run.new.status
    started_ms = ended_ms = 0
    cause, existing_run_id = "", RunId("")
    for entry in entries:
        if isinstance(entry, RunStarted):
            status, started_ms = status.RUNNING, entry.at_ms
        elif isinstance(entry, RunEnded):
            status, ended_ms = entry.status, entry.at_ms
            cause, existing_run_id = entry.cause, entry.existing_run_id
    return TracedRun(
        new.id,
        SLUG,
        status,
        new.queued_ms,
        new.scheduled_ms,
        started_ms,
        ended_ms,
        cause,
        existing_run_id,
    )


def history(
    world: TraceWorld,
    run: RunState,
    *,
    calling: Iterable[QueueItem] = (),
    metadata: Mapping[MetadataOwner, Sequence[Metadata]] | None = None,
    spans: Sequence[UserSpan] = (),
    children: Mapping[StepId, RunId] | None = None,
) -> RunHistory:
    """What is known of the run now; `calling` are the items whose call is under way."""
    entries = world.entries_of(run)
    in_flight: dict[ItemId, int] = {
        item.id: world.sent_ms.get(item.id, world.now_ms) for item in calling
    }
    return run_history(
        traced(run, entries),
        entries,
        items=run.items.values(),
        in_flight=in_flight,
        metadata=metadata,
        spans=spans,
        children=children,
    )


def classic(world: TraceWorld, run: RunState, **known: Any) -> TraceSpan:
    """The classic tree, which must be there."""
    tree = classic_tree(history(world, run, **known))
    assert tree is not None
    return tree


def current(world: TraceWorld, run: RunState, **known: Any) -> TraceSpan:
    return current_tree(history(world, run, **known))


def drawn(tree: TraceSpan) -> list[str]:
    """The nodes below the root: name, status, kind, attempt, and a star if there is an output."""
    return [line for child in tree.children for line in _lines(child, "")]


def _lines(node: TraceSpan, indent: str) -> Iterator[str]:
    words = [node.name, node.status.value, node.step_type or node.step_op or "-", str(node.attempt)]
    yield indent + " ".join(words) + (" *" if node.output_id else "")
    for child in node.children:
        yield from _lines(child, indent + "  ")


def walk(node: TraceSpan) -> Iterator[TraceSpan]:
    """The node and all below it, depth first."""
    yield node
    for child in node.children:
        yield from walk(child)


def brought(world: CoreWorld, run: RunState, node: TraceSpan) -> SpanOutput:
    """What the node's output id leads to."""
    assert node.output_id is not None
    ref = parse_output_id(node.output_id)
    assert isinstance(ref, OutputRef)
    assert ref.run_id == run.new.id
    found = span_output(ref, world.entries_of(run), run.events)
    assert not isinstance(found, OutputUnavailable)
    return found


def child_of(world: CoreWorld, run: RunState, name: str) -> RunState:
    """The run that the step has invoked."""
    for entry in world.entries_of(run):
        if isinstance(entry, StepInvoking) and entry.step == step_id(name):
            return world.runs[entry.run_id]
    raise AssertionError(f"{name} has invoked nothing")
