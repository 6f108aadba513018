"""Which run and step a span of an app belongs to."""

from typing import Any

import msgspec
import pytest

from stepwell.core.identity import FunctionId, RunId, StepId
from stepwell.core.user_span import (
    ATTEMPT_UNKNOWN,
    SPAN_BYTES_MAX,
    SpanKind,
    SpanOutcome,
    SpanRefused,
    UserSpan,
    bind_span,
    hashed_step,
)
from stepwell.wire.otlp_span import SentSpan, SpanEvent

RUN = "01KAJ8Q4YB3M5W7Z9X1C2V4B6N"
FUNCTION = "f0000000-0000-4000-8000-000000000001"
PARENT = "00-019aa48b93cb1d0bc3fd3d0b05b22cd5-65a2786b80185ca2-01"
TIED = {
    "inngest.traceref": "%7B%22tp%22%3A%22x%22%7D",
    "sdk.run.id": RUN,
    "sys.function.id": FUNCTION,
}


def sent(attributes: dict[str, Any], events: tuple[SpanEvent, ...] = ()) -> SentSpan:
    return SentSpan(
        trace_id="4bf92f3577b34da6a3ce929d0e0e4736",
        span_id="00f067aa0ba902b7",
        parent_span_id="",
        name="GET /",
        kind=3,
        status=1,
        status_message="",
        started_ns=10,
        ended_ns=20,
        service="shop",
        scope="http",
        scope_version="1",
        attributes=attributes,
        events=events,
    )


def bound(**more: Any) -> UserSpan:
    span = bind_span(sent(TIED | more))
    assert isinstance(span, UserSpan)
    return span


def test_a_span_knows_its_run_and_keeps_all_it_said() -> None:
    span = bind_span(sent(TIED | {"k": [1]}, (SpanEvent("e", 11, {"a": 1}),)))

    assert isinstance(span, UserSpan)
    assert (span.run_id, span.function_id) == (RunId(RUN), FunctionId(FUNCTION))
    assert (span.kind, span.status) == (SpanKind.CLIENT, SpanOutcome.OK)
    assert msgspec.json.decode(span.attributes) == TIED | {"k": [1]}
    assert span.events == b'[{"name":"e","at_ns":11,"attributes":{"a":1}}]'
    assert span.size == len(span.attributes) + len(span.events)


def test_a_span_outside_of_steps_has_none() -> None:
    span = bound()

    assert (span.step, span.attempt, span.call_span_id) == (StepId(""), ATTEMPT_UNKNOWN, "")


def test_a_span_knows_its_step_by_hash_and_the_call_it_was_made_in() -> None:
    span = bound(
        **{
            "inngest.step.hash": "abc",
            "inngest.step.id": "other",
            "inngest.step.attempt": 2,
            "inngest.traceparent": PARENT,
        }
    )

    assert (span.step, span.attempt, span.call_span_id) == (StepId("abc"), 2, "65a2786b80185ca2")


@pytest.mark.parametrize(("index", "step"), [(0, "a step"), (3, "a step:3"), ("x", "a step")])
def test_without_a_hash_the_step_is_known_by_its_id(index: Any, step: str) -> None:
    span = bound(**{"inngest.step.id": "a step", "inngest.step.index": index})

    assert span.step == hashed_step(step, 0)


def test_ids_are_known_whatever_their_letters() -> None:
    span = bound(**{"sdk.run.id": RUN.lower(), "sys.function.id": FUNCTION.upper()})

    assert (span.run_id, span.function_id) == (RunId(RUN), FunctionId(FUNCTION))


@pytest.mark.parametrize("missing", list(TIED))
@pytest.mark.parametrize("wrong", ["", None, 7, "01KAJ"])
def test_a_span_that_is_not_tied_to_a_run_is_refused(missing: str, wrong: Any) -> None:
    if wrong in (7, "01KAJ") and missing != "sdk.run.id":
        wrong = ""

    assert bind_span(sent(TIED | {missing: wrong})) == SpanRefused(
        "a span is not tied to a run by the attributes SDKs set"
    )


@pytest.mark.parametrize("attempt", [-1, True, "1", 1.5, 10**9])
def test_an_attempt_that_is_none_is_unknown(attempt: Any) -> None:
    assert bound(**{"inngest.step.attempt": attempt}).attempt == ATTEMPT_UNKNOWN


@pytest.mark.parametrize("parent", ["00-x-y-01", 7, "0" * 55, PARENT + "0"])
def test_a_traceparent_that_is_none_names_no_call(parent: Any) -> None:
    assert bound(**{"inngest.traceparent": parent}).call_span_id == ""


def test_a_span_may_have_so_much_and_no_more() -> None:
    room = SPAN_BYTES_MAX - bound(big="").size
    assert bound(big="x" * room).size == SPAN_BYTES_MAX

    refused = bind_span(sent(TIED | {"big": "x" * (room + 1)}))
    assert refused == SpanRefused("a span has more than 65536 bytes of attributes and events")
