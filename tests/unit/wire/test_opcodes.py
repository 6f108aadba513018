"""Opcodes: what SDKs send is understood, what nobody can understand is refused with a clear text."""

import msgspec
import pytest

from stepwell.wire.opcodes import Opcode, OpcodesUnreadable, OpName, StepErrorBody, parse_opcodes

STEP_ID = "98bf98df193bcce7c33e6bc50927cf2ac21206cb"
LIMIT_BYTES = 4 * 1024 * 1024


def parse_one(**fields: object) -> Opcode:
    (opcode,) = parse_opcodes(msgspec.json.encode([{"op": "StepRun", "id": STEP_ID, **fields}]))
    return opcode


def problem(body: bytes) -> str:
    with pytest.raises(OpcodesUnreadable) as caught:
        parse_opcodes(body)
    return str(caught.value)


def test_the_documented_example_is_read_completely() -> None:
    body = b"""[{
        "op": "StepRun", "id": "98bf98df193bcce7c33e6bc50927cf2ac21206cb",
        "name": "first step", "displayName": "First step",
        "userland": {"id": "first step", "index": 2},
        "opts": {"type": "step.run"}, "data": {"total": 12},
        "timing": {"a": 1762160000123000000, "b": 51000000},
        "metadata": [{"kind": "k"}]
    }]"""
    assert parse_opcodes(body) == [
        Opcode(
            op=OpName.STEP_RUN,
            id=STEP_ID,
            name="first step",
            display_name="First step",
            opts=msgspec.Raw(b'{"type": "step.run"}'),
            data=b'{"total": 12}',
            timing=(1762160000123000000, 51000000),
            userland=("first step", 2),
            metadata=msgspec.Raw(b'[{"kind": "k"}]'),
        )
    ]


def test_null_is_the_same_as_absent() -> None:
    """TypeScript and Python send null where they have nothing to say."""
    absent = parse_one()
    optional = ("name", "displayName", "opts", "data", "error", "timing", "userland", "metadata")
    assert parse_one(**dict.fromkeys(optional)) == absent
    assert absent == Opcode(op=OpName.STEP_RUN, id=STEP_ID)
    assert absent.data == b"null"


def test_unknown_keys_are_ignored() -> None:
    """TypeScript sends `mode` along."""
    assert parse_one(mode="sync", whatever={"deep": [1]}) == parse_one()


@pytest.mark.parametrize(
    ("userland", "expected"),
    [
        ({"id": "a", "index": None}, ("a", 0)),
        ({"id": "a"}, ("a", 0)),
        ({}, ("", 0)),
        ({"id": "a", "index": 3}, ("a", 3)),
        ({"id": "a", "index": -1}, ("a", 0)),
    ],
)
def test_the_users_own_step_id_may_be_incomplete(
    userland: dict[str, object], expected: tuple[str, int]
) -> None:
    assert parse_one(userland=userland).userland == expected


@pytest.mark.parametrize(
    ("timing", "expected"),
    [
        ({"a": 5, "b": 7}, (5, 7)),
        ({"a": 5.0, "b": 7.9}, (5, 7)),
        ({"a": 5}, (5, 0)),
        ({"a": 5, "b": -7}, (5, 0)),
        ({"a": -5, "b": 7}, None),
        ({"a": 1e300, "b": 7}, None),
        ({"a": 5, "b": 2**63}, None),
    ],
)
def test_timing_that_cannot_be_true_is_dropped(
    timing: dict[str, float], expected: tuple[int, int] | None
) -> None:
    assert parse_one(timing=timing).timing == expected


@pytest.mark.parametrize("name", list(OpName))
def test_opcodes_are_recognised_in_any_case(name: OpName) -> None:
    assert OpName(name.value.swapcase()) is name
    (opcode,) = parse_opcodes(
        msgspec.json.encode([{"op": name.value.upper(), "id": "x", "error": {}}])
    )
    assert opcode.op is name


def test_one_bare_opcode_counts_as_a_list_of_one() -> None:
    """A durable endpoint in TypeScript answers without the array."""
    (opcode,) = parse_opcodes(b' \n{"op":"RunComplete","id":"x","data":{"status":200}}')
    assert (opcode.op, opcode.data) == (OpName.RUN_COMPLETE, b'{"status":200}')


def test_an_empty_array_reports_nothing() -> None:
    assert parse_opcodes(b" [ ] ") == []


def test_the_order_of_opcodes_is_kept() -> None:
    body = msgspec.json.encode([{"op": "StepPlanned", "id": str(n)} for n in range(20)])
    assert [opcode.id for opcode in parse_opcodes(body)] == [str(n) for n in range(20)]


@pytest.mark.parametrize("body", [b"", b"  \r\n\t"])
def test_an_empty_body_is_refused(body: bytes) -> None:
    assert problem(body) == "error reading generator opcode response: no response data"


@pytest.mark.parametrize(
    "body",
    [
        b'"[]"',
        b"12",
        b"null",
        b"<html>",
        b"[",
        b"[null]",
        b"[1]",
        b"[[]]",
        b'[{"id":"x"}]',
        b'[{"op":null,"id":"x"}]',
        b'[{"op":"StepRun","id":7}]',
        b'[{"op":"StepRun","id":"x","data":}]',
        b'[{"op":"StepRun","id":"x","data":NaN}]',
        b'[{"op":"StepRun","id":"x"}] trailing',
        b'[{"op":"StepError","id":"x","error":"text"}]',
        b'[{"op":"StepRun","id":"x","opts":{"a":[}}]',
    ],
)
def test_what_is_no_list_of_opcodes_is_refused(body: bytes) -> None:
    assert problem(body).startswith("error reading generator opcode response: ")


@pytest.mark.parametrize("name", ["StepNotFound", "", "Step Run"])
def test_an_unknown_opcode_is_refused_by_name(name: str) -> None:
    body = msgspec.json.encode([{"op": "StepRun", "id": "ok"}, {"op": name, "id": "x"}])
    assert problem(body) == f'error reading generator opcode response: unknown opcode "{name}"'


def test_json_too_deep_to_be_read_is_refused() -> None:
    body = b'[{"op":"StepRun","id":"x","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}]"
    assert problem(body).endswith("JSON is nested too deeply")


@pytest.mark.parametrize("op", ["StepRun", "Sleep", "WaitForEvent", "StepPlanned", "DeferAdd"])
@pytest.mark.parametrize("step_id", [None, ""])
def test_a_step_without_id_is_refused(op: str, step_id: str | None) -> None:
    body = msgspec.json.encode([{"op": op, "id": step_id}])
    assert problem(body) == f"error validating generator opcode : {op} needs an id"


@pytest.mark.parametrize("op", ["None", "RunComplete", "SyncRunComplete", "DiscoveryRequest"])
def test_what_is_not_about_a_step_needs_no_id(op: str) -> None:
    (opcode,) = parse_opcodes(msgspec.json.encode({"op": op}))
    assert opcode == Opcode(op=OpName(op), id="")


@pytest.mark.parametrize("op", ["StepError", "StepFailed"])
def test_a_failed_step_without_error_is_refused(op: str) -> None:
    body = msgspec.json.encode([{"op": op, "id": "x", "error": None}])
    assert problem(body) == f"error validating generator opcode x: {op} needs an error"


def test_half_a_surrogate_pair_is_replaced() -> None:
    r"""JSON.stringify and json.dumps both write "\ud83d" for an emoji that was cut in two."""
    body = rb'[{"op":"StepRun","id":"x","data":["\ud83d cut","\ud83d\ude00","\\ud83d"]}]'
    (opcode,) = parse_opcodes(body)
    assert opcode.data == rb'["\ufffd cut","\ud83d\ude00","\\ud83d"]'


def test_bytes_that_are_not_utf8_are_replaced() -> None:
    """Raw JSON goes into the next call; one bad byte there would make every later call fail."""
    (opcode,) = parse_opcodes(b'[{"op":"StepRun","id":"x","data":"a\xffb"}]')
    assert opcode.data == '"a\ufffdb"'.encode()


def opcode_of_size(key: str, text_bytes: int) -> bytes:
    opcode: dict[str, object] = {"op": "StepRun", "id": "x"}
    text = "a" * text_bytes
    if key == "data":
        opcode["data"] = text
    else:
        opcode["opts"] = {key: [text]}
    return msgspec.json.encode([opcode])


def test_an_output_may_have_four_mebibytes_and_no_more() -> None:
    (opcode,) = parse_opcodes(opcode_of_size("data", LIMIT_BYTES - 2))
    assert len(opcode.data) == LIMIT_BYTES
    assert problem(opcode_of_size("data", LIMIT_BYTES - 1)) == (
        "error validating generator opcode x: step output size is greater than the limit"
    )


def test_an_input_may_have_four_mebibytes_and_no_more() -> None:
    assert len(parse_opcodes(opcode_of_size("input", LIMIT_BYTES - 4))) == 1
    assert problem(opcode_of_size("input", LIMIT_BYTES - 3)) == (
        "error validating generator opcode x: step input size is greater than the limit"
    )


def test_the_body_of_an_ai_request_counts_as_input() -> None:
    body = opcode_of_size("body", LIMIT_BYTES)
    assert len(parse_opcodes(body)) == 1
    assert problem(body.replace(b"StepRun", b"aigateway")).endswith(
        "step input size is greater than the limit"
    )


def test_an_error_counts_as_output() -> None:
    error = {"name": "E", "message": "m", "stack": "s" * LIMIT_BYTES}
    body = msgspec.json.encode([{"op": "StepError", "id": "x", "error": error}])
    assert problem(body).endswith("step output size is greater than the limit")


def test_a_large_defer_does_not_fail_the_call() -> None:
    body = opcode_of_size("input", LIMIT_BYTES).replace(b"StepRun", b"DeferAdd")
    assert parse_opcodes(body)[0].is_lazy


def test_two_outputs_within_the_limit_may_exceed_it_together() -> None:
    half = {"op": "StepRun", "data": "a" * (LIMIT_BYTES // 2)}
    body = msgspec.json.encode([half | {"id": "x"}, half | {"id": "y"}])
    assert [opcode.id for opcode in parse_opcodes(body)] == ["x", "y"]


@pytest.mark.parametrize(
    ("opcode", "shown"),
    [
        (Opcode(op=OpName.SLEEP, id="i", name="1d", display_name="nap"), "nap"),
        (Opcode(op=OpName.SLEEP, id="i", name="1d"), "1d"),
        (Opcode(op=OpName.SLEEP, id="i"), "i"),
    ],
)
def test_a_step_is_shown_by_the_best_name_it_has(opcode: Opcode, shown: str) -> None:
    assert opcode.shown_name == shown


@pytest.mark.parametrize(
    ("opts", "is_race"),
    [
        (b'{"parallelMode":"race"}', True),
        (b'{"parallelMode":"Race"}', True),
        (b'{"type":"step.run","parallelMode": "RACE"}', True),
        (b'{"parallelMode":"wait"}', False),
        (b'{"parallelMode":null}', False),
        (b'{"parallelMode":1}', False),
        (b"{}", False),
        (b"[]", False),
        (None, False),
    ],
)
def test_race_mode_is_recognised_in_any_case(opts: bytes | None, is_race: bool) -> None:
    raw = None if opts is None else msgspec.Raw(opts)
    assert Opcode(op=OpName.STEP_PLANNED, id="x", opts=raw).is_race is is_race


def test_only_defers_are_lazy() -> None:
    lazy = {op for op in OpName if Opcode(op=op, id="x").is_lazy}
    assert lazy == {OpName.DEFER_ADD, OpName.DEFER_ABORT}


def test_a_memoised_error_has_sorted_known_keys_only() -> None:
    """TypeScript recognises its errors by other keys it sends; they must not come back."""
    opcode = parse_one(
        op="StepError",
        error={
            "__serialized": True,
            "code": "X",
            "name": "TypeError",
            "message": 'a "quoted" é\n',
            "stack": "at f",
            "noRetry": True,
            "data": {"b": 1, "a": 2},
            "cause": {"name": "Inner", "message": "why"},
        },
    )
    assert opcode.error is not None
    assert opcode.error.memo(no_retry=False) == (
        b'{"error":{"cause":{"name":"Inner","message":"why"},"data":{"b":1,"a":2},'
        b'"message":"a \\"quoted\\" \xc3\xa9\\n","name":"TypeError","stack":"at f"}}'
    )


def test_a_memoised_error_says_when_it_was_not_to_be_retried() -> None:
    error = StepErrorBody(name="E", message="m", stack="s")
    assert error.memo(no_retry=True) == (
        b'{"error":{"message":"m","name":"E","noRetry":true,"stack":"s"}}'
    )


def test_an_error_without_name_and_message_still_has_both() -> None:
    """The Python SDK needs both keys in a memo."""
    opcode = parse_one(op="StepFailed", error={"stack": "", "cause": None, "data": None})
    assert opcode.error == StepErrorBody(name="Error", message="")
    assert opcode.error.memo(no_retry=False) == b'{"error":{"message":"","name":"Error"}}'
