"""Objects that are put together at once are what the library would make of them."""

from typing import Any

import pytest
from graphql import execute, parse
from graphql.execution.executor import Executor

from stepwell.api.graphql.binding import snake_case
from stepwell.api.graphql.plain import PlainExecutor
from stepwell.api.graphql.schema import create_schema
from stepwell.api.graphql.traces import Span
from stepwell.core.identity import EventId, RunId, StepId
from stepwell.core.trace.span import (
    InvokeInfo,
    RunInfo,
    SpanMetadata,
    SpanReply,
    SpanStatus,
    StepOp,
    TraceSpan,
    WaitInfo,
)
from tests.unit.api.api_server import NOW_MS, run_view, ulid

RUN_ID = RunId(ulid(1))
QUERY = """
  query ($deep: Boolean = true) {
    runTrace(runID: "x") {
      ...Facts
      again: name
      childrenSpans { ...Facts childrenSpans @include(if: $deep) { name __typename } }
    }
  }
  fragment Facts on RunTraceSpan {
    __typename name status attempts duration outputID queuedAt endedAt isRoot stepOp stepID
    metadata { scope kind values updatedAt }
    response { statusCode headers }
    userlandSpan { spanName }
    stepInfo {
      __typename
      ... on InvokeStepInfo { triggeringEventID timeout returnEventID timedOut }
      ... on WaitForEventStepInfo { eventName expression timeout }
      ... on RunStepInfo { type }
    }
  }
"""


def span(name: str, *children: TraceSpan, **more: Any) -> TraceSpan:
    return TraceSpan(
        run_id=RUN_ID,
        span_id="00f1",
        trace_id="00",
        name=name,
        status=SpanStatus.COMPLETED,
        queued_ms=NOW_MS,
        children=children,
        **more,
    )


TREE = span(
    "Run",
    span(
        "step",
        span("Attempt 0", step_info=RunInfo("step.ai.wrap")),
        attempt=0,
        ended_ms=NOW_MS + 1,
        duration_ms=2**40,
        step=StepId("a"),
        step_op=StepOp.RUN,
        step_info=RunInfo(),
        metadata=(SpanMetadata("step", "userland.a", b'{"b":1}', NOW_MS),),
        reply=SpanReply(206, b'{"x":"y"}'),
    ),
    span("wait", step_info=WaitInfo("a/b", None, NOW_MS)),
    span("call", step_info=InvokeInfo(EventId(ulid(2)), "f", NOW_MS, timed_out=False)),
    is_root=True,
    output_id="x",
)


def executed(query: str, executor: type[Executor[Any]], **variables: Any) -> Any:
    schema = create_schema()
    assert schema.query_type is not None
    root = Span(TREE, run_view())
    schema.query_type.fields["runTrace"].resolve = lambda *_args, **_named: root
    result = execute(schema, parse(query), variable_values=variables, executor_class=executor)
    assert not hasattr(result, "__await__")
    return result


@pytest.mark.parametrize("deep", [True, False])
def test_the_answer_is_the_library_s(deep: bool) -> None:
    """Fragments, aliases, unions, directives and nulls included, in the same order."""
    plain = executed(QUERY, PlainExecutor, deep=deep)
    library = executed(QUERY, Executor, deep=deep)
    assert plain.errors is None
    assert library.errors is None
    assert repr_of(plain.data) == repr_of(library.data)
    assert plain.data["runTrace"]["childrenSpans"][0]["duration"] == 2**40


def test_a_selection_with_a_resolver_is_left_to_the_library() -> None:
    result = executed('{ runTrace(runID: "x") { name run { id } } }', PlainExecutor)
    assert result.data is None
    (error,) = result.errors
    assert error.path == ["runTrace", "run"]


@pytest.mark.parametrize(
    ("name", "snake"),
    [
        ("runID", "run_id"),
        ("hasAI", "has_ai"),
        ("triggerIDs", "trigger_ids"),
        ("IDs", "ids"),
        ("from", "from_"),
        ("functionIDs", "function_ids"),
        ("durationMS", "duration_ms"),
        ("url", "url"),
        ("sdkURL", "sdk_url"),
        ("isAIStep", "is_ai_step"),
    ],
)
def test_names_are_matched(name: str, snake: str) -> None:
    assert snake_case(name) == snake


def repr_of(value: Any) -> Any:
    """Raw JSON compares by identity; its text is what counts."""
    if isinstance(value, dict):
        return [(key, repr_of(member)) for key, member in value.items()]
    if isinstance(value, list):
        return [repr_of(each) for each in value]
    return bytes(value) if type(value).__name__ == "Raw" else value
