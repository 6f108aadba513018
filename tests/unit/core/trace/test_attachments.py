"""Metadata and the app's own spans stand where they belong."""

from typing import Any

import msgspec
import pytest

from stepwell.core.identity import StepId
from stepwell.core.metadata import (
    LAST_ATTEMPT,
    Metadata,
    MetadataOwner,
    MetadataScope,
    metadata_of,
)
from stepwell.core.run import RunState
from stepwell.core.trace.span import SpanMetadata, SpanStatus, TraceSpan, UserSpanInfo
from stepwell.core.trace.user_spans import USER_LEVELS_MAX
from stepwell.core.trace_ids import call_span_id
from stepwell.core.user_span import ATTEMPT_UNKNOWN, SpanKind, SpanOutcome, UserSpan
from tests.unit.core.core_world import START_MS, opcode, step_id
from tests.unit.core.trace.trace_world import ERROR, TICK_MS, TraceWorld, begun, current, walk

RUN_OWNER = MetadataOwner(MetadataScope.RUN)
STEP_OWNER = MetadataOwner(MetadataScope.STEP, step_id("a"))


def one(owner: MetadataOwner, kind: str, values: bytes = b'{"k":1}') -> Metadata:
    return Metadata(owner, kind, values, START_MS)


def kinds(node: TraceSpan) -> list[tuple[str, str]]:
    """Scope and kind of what is attached, but for what the server knows of each call."""
    return [(m.scope, m.kind) for m in node.metadata if m.kind != "inngest.timing"]


def retried() -> tuple[TraceWorld, RunState]:
    """A run whose step succeeded at its second attempt."""
    world, run = begun()
    world.answer(run, opcode("StepError", "a", error=ERROR))
    world.answer(run, opcode("StepRun", "a", data=1))
    return world, run


# Metadata.


def test_metadata_of_a_run_is_at_the_root_with_what_all_of_it_takes() -> None:
    world, run = retried()
    metadata = {
        RUN_OWNER: [one(RUN_OWNER, "userland.b"), one(RUN_OWNER, "inngest.score")],
        STEP_OWNER: [one(STEP_OWNER, "userland.a", b'{"long":"text"}')],
    }
    root = current(world, run, metadata=metadata)
    assert kinds(root) == [
        ("run", "inngest.score"),
        ("run", "inngest.usage"),
        ("run", "userland.b"),
    ]
    (usage,) = (m for m in root.metadata if m.kind == "inngest.usage")
    assert usage == SpanMetadata("run", "inngest.usage", b'{"metadata_bytes":14}', START_MS)


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        (
            b'{"request_model":"gpt-4o","input_tokens":1000,"output_tokens":0}',
            (
                b'{"request_model":"gpt-4o","input_tokens":1000,"output_tokens":0,'
                b'"estimated_cost":0.0025}'
            ),
        ),
        # The model that answered counts, if that is another one.
        (
            b'{"request_model":"auto","response_model":"gpt-4o","output_tokens":1000}',
            (
                b'{"request_model":"auto","response_model":"gpt-4o","output_tokens":1000,'
                b'"estimated_cost":0.01}'
            ),
        ),
        # What the app says itself stays, and nothing is made up.
        (b'{"request_model":"gpt-4o","input_tokens":1,"estimated_cost":7}', None),
        (b'{"request_model":"mine","input_tokens":1000}', None),
        (b'{"request_model":"gpt-4o"}', None),
        (b'{"request_model":3,"input_tokens":1000}', None),
        (b'{"request_model":"gpt-4o","input_tokens":"many"}', None),
    ],
)
def test_calls_of_models_are_shown_with_what_they_probably_cost(
    values: bytes, shown: bytes | None
) -> None:
    world, run = retried()
    metadata = {STEP_OWNER: [one(STEP_OWNER, "inngest.ai", values)]}
    root = current(world, run, metadata=metadata)
    found = [m.values for node in walk(root) for m in node.metadata if m.kind == "inngest.ai"]
    assert found == [values if shown is None else shown]


def test_a_run_without_metadata_has_none() -> None:
    world, run = retried()
    assert current(world, run).metadata == ()


def test_metadata_of_a_step_is_at_its_last_attempt() -> None:
    world, run = retried()
    first = MetadataOwner(MetadataScope.STEP_ATTEMPT, step_id("a"), 0)
    unknown = MetadataOwner(MetadataScope.STEP_ATTEMPT, step_id("a"), 9)
    elsewhere = MetadataOwner(MetadataScope.STEP, StepId("other"))
    metadata = {
        owner: [one(owner, kind)]
        for owner, kind in [
            (STEP_OWNER, "userland.step"),
            (first, "userland.first"),
            (unknown, "userland.unknown"),
            (elsewhere, "userland.else"),
        ]
    }
    nodes = current(world, run, metadata=metadata).children
    assert [kinds(node) for node in nodes] == [
        [("step_attempt", "userland.first")],
        [("step", "userland.step"), ("step_attempt", "userland.unknown")],
    ]


def test_what_a_failed_attempt_brought_is_at_that_attempt() -> None:
    world, run = begun()
    brought = [{"kind": "userland.x", "scope": "step", "op": "merge", "values": {"n": 1}}]
    world.answer(run, opcode("StepError", "a", error=ERROR, metadata=brought))
    world.answer(run, opcode("StepRun", "a", data=1))
    metadata = metadata_of(world.entries_of(run), [])
    assert STEP_OWNER.attempt == LAST_ATTEMPT
    nodes = current(world, run, metadata=metadata).children
    assert [kinds(node) for node in nodes] == [[("step", "userland.x")], []]


def test_each_answered_call_tells_how_long_it_was_queued() -> None:
    """From when it could be sent: the delay before a retry is not the queue's."""
    world, run = begun()
    world.answer(run, opcode("StepError", "a", error=ERROR))
    world.now_ms += 1_000 + 7
    world.answer(run, opcode("StepRun", "a", data=1))
    first, second = current(world, run).children
    (timing,) = second.metadata
    assert timing == SpanMetadata(
        "request",
        "inngest.timing",
        b'{"queue_delay_ms":7,"system_latency_ms":0,"total_inngest_ms":7}',
        world.now_ms,
    )
    assert msgspec.json.decode(first.metadata[0].values)["queue_delay_ms"] == TICK_MS
    assert second.scheduled_ms == START_MS + 2 * TICK_MS + 1_000


# Spans of the app.


def span(run: RunState, span_id: str, **fields: Any) -> UserSpan:
    number = int(span_id, 16) if len(span_id) < 5 else 0
    known: dict[str, Any] = {
        "parent_span_id": "",
        "trace_id": "t" * 32,
        "step": StepId(""),
        "attempt": ATTEMPT_UNKNOWN,
        "call_span_id": "",
        "name": f"span {span_id}",
        "kind": SpanKind.INTERNAL,
        "status": SpanOutcome.OK,
        "status_message": "",
        "service": "shop",
        "scope": "lib",
        "scope_version": "1",
        "started_ns": (START_MS + number) * 1_000_000,
        "ended_ns": (START_MS + number + 5) * 1_000_000,
        "attributes": b'{"a":1,"_inngest.secret":2}',
        "events": b"[]",
    }
    return UserSpan(run_id=run.new.id, span_id=span_id, **known | fields)


def names(node: TraceSpan) -> list[Any]:
    return [[child.name, *names(child)] for child in node.children]


def test_spans_are_below_the_attempt_in_which_they_were_made() -> None:
    world, run = retried()
    step = step_id("a")
    spans = [
        span(run, "3", step=step, attempt=1, parent_span_id="2"),
        span(run, "2", step=step, attempt=1, parent_span_id="gone"),
        span(run, "1", step=step, attempt=0),
        span(run, "4", step=step),
        span(run, "5", step=StepId("other")),
    ]
    nodes = current(world, run, spans=spans).children
    assert [names(node) for node in nodes] == [
        [["span 1"]],
        [["span 2", ["span 3"]], ["span 4"]],
    ]
    assert nodes[1].children[0].parent_span_id == nodes[1].span_id


def test_a_span_is_shown_as_the_app_described_it() -> None:
    world, run = retried()
    owner = MetadataOwner(MetadataScope.EXTENDED_TRACE, span_id="00000000000000ab")
    spans = [
        span(run, "00000000000000ab", step=step_id("a"), attempt=1),
        span(run, "2", step=step_id("a"), attempt=1, status=SpanOutcome.UNSET),
        span(run, "3", step=step_id("a"), attempt=1, status=SpanOutcome.ERROR, ended_ns=0),
    ]
    root = current(world, run, spans=spans, metadata={owner: [one(owner, "inngest.ai")]})
    done, unset, failed = root.children[1].children

    assert done.user_span == UserSpanInfo(
        "span 00000000000000ab", "SPAN_KIND_INTERNAL", "shop", "lib", "1", b'{"a":1}'
    )
    assert (done.status, done.duration_ms, done.attempt) == (SpanStatus.COMPLETED, 5, 1)
    assert (done.started_ms, done.ended_ms) == (START_MS, START_MS + 5)
    assert kinds(done) == [("extended_trace", "inngest.ai")]
    assert (unset.status, unset.duration_ms, unset.ended_ms) == (SpanStatus.RUNNING, 5, None)
    assert (failed.status, failed.duration_ms) == (SpanStatus.FAILED, None)


def test_spans_without_a_step_are_below_their_call_and_the_wrapper_is_not_shown() -> None:
    world, run = begun(retries=1)
    calls = []
    for status in (500, 200):
        item = world.call_of(run)
        calls.append(call_span_id(item.id, item.queued_ms, item.attempt))
        world.reply(run, status, b"{}")
    spans = [
        span(run, "1", call_span_id=calls[0], name="inngest.execution"),
        span(run, "2", call_span_id=calls[0], parent_span_id="1"),
        span(run, "3", call_span_id=calls[1], name="inngest.execution"),
        span(run, "4", call_span_id=calls[1]),
    ]
    final, *_ = current(world, run, spans=spans).children
    assert [names(attempt) for attempt in final.children] == [
        [["span 2"]],
        [["inngest.execution"], ["span 4"]],
    ]


def test_spans_of_the_call_that_brought_a_step_are_below_the_step() -> None:
    world, run = begun()
    item = world.call_of(run)
    call_id = call_span_id(item.id, item.queued_ms, item.attempt)
    world.answer(run, opcode("StepRun", "a", data=1))
    (node,) = current(world, run, spans=[span(run, "1", call_span_id=call_id)]).children
    assert names(node) == [["span 1"]]


def test_spans_that_are_parts_of_each_other_are_not_shown() -> None:
    world, run = retried()
    step = step_id("a")
    spans = [
        span(run, "1", step=step, parent_span_id="2"),
        span(run, "2", step=step, parent_span_id="1"),
        span(run, "3", step=step, parent_span_id="3"),
    ]
    assert [names(node) for node in current(world, run, spans=spans).children] == [[], []]


def test_what_is_nested_too_deep_is_shown_beside_its_parent() -> None:
    world, run = retried()
    step = step_id("a")
    spans = [
        span(run, f"{number:x}", step=step, parent_span_id=f"{number - 1:x}")
        for number in range(1, USER_LEVELS_MAX + 3)
    ]
    node = current(world, run, spans=spans).children[1]
    assert len(list(walk(node))) == 1 + len(spans), "nothing is lost"
    levels = 0
    while node.children:
        levels, node = levels + 1, node.children[0]
    assert levels == USER_LEVELS_MAX
