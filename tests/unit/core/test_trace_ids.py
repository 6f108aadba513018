"""Ids of traces and spans: what they are made of, and that none is made twice or is zero."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.core.identity import ItemId, RunId, StepId
from stepwell.core.trace_ids import (
    call_span_id,
    root_span_id,
    step_span_id,
    trace_headers,
    trace_id,
)
from stepwell.wire.ulid import ulid_from

RUN = RunId("01KAJ8Q4YB3M5W7Z9X1C2V4B6N")
TRACE = "019aa48b93cb1d0bc3fd3d0b05b22cd5"
ENTROPY = st.binary(min_size=10, max_size=10)


def test_a_trace_id_is_the_value_of_the_run_id() -> None:
    assert trace_id(RUN) == TRACE
    assert trace_id(RunId(RUN.lower())) == TRACE


def test_the_span_of_a_run_is_the_second_half_of_its_trace_id() -> None:
    assert root_span_id(RUN) == TRACE[16:]


def test_no_span_has_the_id_zero() -> None:
    assert root_span_id(RunId(ulid_from(1, bytes(10)))) == "0000000000000001"
    assert call_span_id(ItemId(0), 0, 0) == "0000000000000001"


@settings(deadline=None)
@given(ms=st.integers(min_value=1, max_value=2**48 - 1), entropy=ENTROPY)
def test_ids_are_lower_case_hexadecimal_of_the_length_w3c_wants(ms: int, entropy: bytes) -> None:
    run = RunId(ulid_from(ms, entropy))

    assert trace_id(run) == f"{ms:012x}{entropy.hex()}"
    assert len(bytes.fromhex(root_span_id(run))) == 8
    assert len(bytes.fromhex(step_span_id(run, StepId("any text"), 3))) == 8


def test_attempts_of_a_step_and_steps_of_a_run_have_spans_of_their_own() -> None:
    other = RunId(ulid_from(1, bytes(10)))
    spans = {
        step_span_id(run, StepId(step), attempt)
        for run in (RUN, other)
        for step in ("a", "b")
        for attempt in range(5)
    }

    assert len(spans) == 20


def test_calls_for_one_item_have_spans_of_their_own() -> None:
    """An item is renewed for the next call, and repeated as its next attempt."""
    spans = {
        call_span_id(ItemId(item), 1_790_000_000_000 + queued, attempt)
        for item in range(1000, 1040)
        for queued in range(40)
        for attempt in range(10)
    }

    assert len(spans) == 16_000


def test_headers_name_the_span_and_survive_being_taken_apart_by_an_sdk() -> None:
    """SDKs split `tracestate` at commas and equals signs, as is done here."""
    span = call_span_id(ItemId(7), 1_790_000_000_000, 0)
    parent, state = trace_headers(RUN, span, app_id="an-app", function_id="a-function")

    assert parent == f"00-{TRACE}-{span}-01"
    assert dict(member.split("=") for member in state.split(",")) == {
        "inngest@app": "an-app",
        "inngest@fn": "a-function",
        "inngest@traceref": f"%7B%22tp%22%3A%22{parent}%22%7D",
    }


@pytest.mark.parametrize("text", ["", "01KAJ8Q4YB3M5W7Z9X1C2V4B6!"])
def test_what_is_no_run_id_has_no_trace(text: str) -> None:
    with pytest.raises(ValueError, match="invalid literal"):
        trace_id(RunId(text))
