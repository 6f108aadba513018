"""What spans took and brought, and the ids under which clients ask for it."""

import base64

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.core.identity import RunId, StepId
from stepwell.core.journal import (
    CallFailed,
    Entry,
    InputGiven,
    RunEnded,
    RunStarted,
    StepAttemptFailed,
    StepName,
    StepPlanned,
    StepResolved,
)
from stepwell.core.status import RunStatus
from stepwell.core.trace.outputs import (
    OUTPUT_ID_CHARS_MAX,
    OutputRef,
    OutputUnavailable,
    SpanError,
    SpanOutput,
    Tree,
    legacy_run_output,
    output_id,
    parse_output_id,
    run_output,
    span_output,
)
from stepwell.wire.response import FailureCode, SdkReply, output_too_large, read_reply
from stepwell.wire.run_error import run_error

RUN = RunId("01M3250V000000000000000002")
STEP = StepId("s")
EVENTS = [b'{"name":"a"}', b'{"name":"b"}']


def raw(text: bytes) -> msgspec.Raw:
    return msgspec.Raw(text)


def shown(entry: Entry, tree: Tree = Tree.CURRENT, **ref: bool) -> SpanOutput | OutputUnavailable:
    """What a span with this entry brought."""
    return span_output(OutputRef(RUN, tree, 0, **ref), [entry], EVENTS)


def resolved(memo: bytes, *, failed: bool = False) -> StepResolved:
    return StepResolved(1, STEP, raw(memo), failed=failed)


# Ids.


@given(
    st.builds(
        OutputRef,
        st.just(RUN),
        st.sampled_from(Tree),
        st.integers(-1, 2**62),
        st.integers(-1, 2**62),
        st.booleans(),
        st.booleans(),
    )
)
def test_an_id_says_everything_itself(ref: OutputRef) -> None:
    text = output_id(ref)
    assert parse_output_id(text) == ref
    assert len(text) <= OUTPUT_ID_CHARS_MAX


@pytest.mark.parametrize(
    "text",
    [
        "",
        "!",
        "e30=",
        "bm8=",
        "é",
        "A" * (OUTPUT_ID_CHARS_MAX + 4),
        base64.b64encode(b'{"rid":"zzz","tree":"classic"}').decode(),
        base64.b64encode(b'{"rid":"01M3250V000000000000000002","tree":"odd"}').decode(),
        base64.b64encode(
            b'{"rid":"01M3250V000000000000000002","tree":"classic","seq":"1"}'
        ).decode(),
    ],
)
def test_a_bad_id_is_told_with_the_text_that_clients_know(text: str) -> None:
    refused = parse_output_id(text)
    assert isinstance(refused, OutputUnavailable)
    assert refused.message.startswith("error parsing span identifier: ")


@given(st.text(max_size=300) | st.binary(max_size=200).map(lambda b: base64.b64encode(b).decode()))
def test_any_text_is_an_id_or_is_refused(text: str) -> None:
    assert isinstance(parse_output_id(text), OutputRef | OutputUnavailable)


@pytest.mark.parametrize("seq", [-1, 1, 2**62])
def test_an_id_of_nothing_finds_nothing(seq: int) -> None:
    """An id may be made up, or older than what retention has left."""
    found = span_output(OutputRef(RUN, Tree.CLASSIC, seq), [RunStarted(1)], EVENTS)
    assert found == OutputUnavailable("no output found")


# Results.


@pytest.mark.parametrize(
    ("memo", "data"),
    [
        (b'{"data":0}', b"0"),
        (b'{"data":"hello"}', b'"hello"'),
        (b'{"data":null}', b"null"),
        (b'{"data":[1,2]}', b"[1,2]"),
        # An envelope of an encrypting middleware keeps a member of the same name.
        (b'{"data":{"__ENCRYPTED__":true,"data":"x"}}', b'{"__ENCRYPTED__":true,"data":"x"}'),
        (b'{"data":{"data":1}}', b'{"data":1}'),
        (b'{ "data" : 5 }', b"5"),
        # A matched event, and what an old SDK wrapped in its own way.
        (b'{"data":{},"name":"e","ts":1}', b'{"data":{},"name":"e","ts":1}'),
        (b"7", b"7"),
    ],
)
def test_one_level_is_unwrapped(memo: bytes, data: bytes) -> None:
    for tree in Tree:
        assert shown(resolved(memo), tree) == SpanOutput(data=data)


def test_the_classic_tree_shows_some_results_as_they_are_stored() -> None:
    assert shown(resolved(b'{"data":1}'), Tree.CLASSIC, is_wrapped=True) == SpanOutput(
        data=b'{"data":1}'
    )


def test_the_result_of_the_function_is_bare_already() -> None:
    entry = RunEnded(1, RunStatus.COMPLETED, raw(b'{"data":1}'))
    assert shown(entry) == SpanOutput(data=b'{"data":1}')
    assert shown(RunEnded(1, RunStatus.COMPLETED)) == SpanOutput(data=b"null")


ERROR = b'{"cause":{"name":"C"},"message":"m","name":"N","stack":"s"}'
PARSED = SpanError("m", "N", "s", b'{"name":"C"}')


@pytest.mark.parametrize(
    "entry",
    [
        resolved(b'{"error":%b}' % ERROR, failed=True),
        StepAttemptFailed(1, STEP, StepName("s", "StepRun"), 0, 2, raw(b'{"error":%b}' % ERROR)),
        CallFailed(1, STEP, 0, 2, raw(ERROR), code=FailureCode.FUNCTION_ERROR),
        RunEnded(1, RunStatus.FAILED, raw(ERROR)),
    ],
)
def test_errors_are_parsed(entry: Entry) -> None:
    for tree in Tree:
        assert shown(entry, tree) == SpanOutput(error=PARSED)


@pytest.mark.parametrize(
    ("error", "parsed"),
    [
        (b'{"message":"m"}', SpanError("m")),
        (b'{"message":"m","stack":null,"cause":null}', SpanError("m")),
        (b'{"message":"","name":"N"}', SpanError("", stack='{"message":"","name":"N"}')),
        (b'{"message":5}', SpanError("", stack='{"message":5}')),
        (b"[1]", SpanError("", stack="[1]")),
        (b'"<html>hi</html>"', SpanError("", stack="<html>hi</html>")),
    ],
)
def test_an_error_without_a_message_is_all_stack(error: bytes, parsed: SpanError) -> None:
    assert shown(RunEnded(1, RunStatus.FAILED, raw(error))) == SpanOutput(error=parsed)


def test_what_the_server_found_is_stored_as_it_is_in_the_classic_tree() -> None:
    """A suite looks for the quoted code in the stack; the current tree tells it in plain words."""
    failed = output_too_large()
    end = RunEnded(1, RunStatus.FAILED, raw(failed.output))
    earlier = CallFailed(1, STEP, 0, 2, raw(failed.error.encode()), code=failed.code)
    for entry in (end, earlier):
        classic, current = shown(entry, Tree.CLASSIC), shown(entry, Tree.CURRENT)
        assert isinstance(classic, SpanOutput)
        assert isinstance(current, SpanOutput)
        assert classic.error == SpanError("", stack=failed.output.decode())
        assert current.error is not None
        assert current.error.name == "output_too_large"


# Inputs.


def test_the_input_of_a_run_is_its_events() -> None:
    entries = [RunStarted(1)]
    ref = OutputRef(RUN, Tree.CURRENT, is_root=True)
    assert span_output(ref, entries, EVENTS) == SpanOutput(b'[{"name":"a"},{"name":"b"}]', b"")
    assert span_output(ref, [], EVENTS) == SpanOutput(b'[{"name":"a"},{"name":"b"}]', b"")


def test_the_input_of_a_step_is_what_the_sdk_sent() -> None:
    name = StepName("s", "StepPlanned", opts=raw(b'{"type":"step.run","input":[1]}'))
    entries: list[Entry] = [StepPlanned(1, STEP, name), resolved(b'{"data":2}')]
    ref = OutputRef(RUN, Tree.CURRENT, 1, 0)
    assert span_output(ref, entries, EVENTS) == SpanOutput(b"[1]", b"2")


def test_the_input_that_a_rerun_gave_is_the_step_s() -> None:
    entries = [InputGiven(1, STEP, raw(b"[5]"))]
    assert span_output(OutputRef(RUN, Tree.CURRENT, -1, 0), entries, EVENTS) == SpanOutput(
        b"[5]", b""
    )


# Runs.


@pytest.mark.parametrize(
    ("status", "output", "text"),
    [
        (RunStatus.COMPLETED, b'"function output"', '"function output"'),
        (RunStatus.COMPLETED, b"null", "null"),
        (RunStatus.COMPLETED, b'{"a":"<b>"}', '{"a":"<b>"}'),
        (RunStatus.FAILED, b'{"name":"N","stack":null}', '{"name":"N","stack":null}'),
        (RunStatus.CANCELLED, b"", None),
        (RunStatus.RUNNING, b"", None),
    ],
)
def test_outputs_of_runs_are_as_the_app_sent_them(
    status: RunStatus, output: bytes, text: str | None
) -> None:
    assert run_output(status, output, b"") == text


def test_what_no_sdk_wrote_is_shown_as_it_was() -> None:
    failed = read_reply(SdkReply(200, {}, b"<html>hi</html>"), now_ms=0)
    output, error = getattr(failed, "output", b""), getattr(failed, "error", None)
    assert error is not None
    assert run_output(RunStatus.FAILED, output, error.encode()) == "<html>hi</html>"


def test_an_error_of_the_server_has_the_keys_in_the_order_that_suites_compare() -> None:
    error = run_error("Name", "a <b> & c", "at <d>")
    text = run_output(RunStatus.FAILED, error.server_output(), error.encode())
    assert text == (
        '{"error":{"error":"Name: a \\u003cb\\u003e \\u0026 c","name":"Name",'
        '"message":"a \\u003cb\\u003e \\u0026 c","stack":"at \\u003cd\\u003e"}}'
    )


def test_the_older_query_has_an_empty_object_for_a_cancelled_run() -> None:
    assert legacy_run_output(RunStatus.CANCELLED, b"", b"") == "{}"
    assert legacy_run_output(RunStatus.RUNNING, b"", b"") is None
