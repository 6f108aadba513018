"""Options of opcodes, as each SDK writes them."""

from collections.abc import Callable

import msgspec
import pytest

from stepwell.wire.opcodes import (
    AIGatewayOptions,
    DeferAbortOptions,
    DeferAddOptions,
    GatewayOptions,
    InvokeOptions,
    Opcode,
    OpcodeInvalid,
    OpName,
    Publish,
    SignalConflict,
    SignalOptions,
    SleepOptions,
    StepRunOptions,
    WaitForEventOptions,
    parse_ai_gateway_options,
    parse_defer_abort_options,
    parse_defer_add_options,
    parse_gateway_options,
    parse_invoke_options,
    parse_signal_options,
    parse_sleep_options,
    parse_step_run_options,
    parse_wait_for_event_options,
)

Parse = Callable[[Opcode], object]


def opcode(op: OpName, opts: object = None, name: str = "") -> Opcode:
    raw = None if opts is None else msgspec.Raw(msgspec.json.encode(opts))
    return Opcode(op=op, id="1d", name=name, opts=raw)


def raw(value: object) -> msgspec.Raw:
    return msgspec.Raw(msgspec.json.encode(value))


def problem(parse: Parse, invalid: Opcode) -> str:
    with pytest.raises(OpcodeInvalid) as caught:
        parse(invalid)
    assert caught.value.opcode is invalid
    return str(caught.value)


@pytest.mark.parametrize(
    ("opts", "expected"),
    [
        (None, StepRunOptions()),
        ({}, StepRunOptions(type="step.run")),
        ({"type": None, "input": None}, StepRunOptions()),
        (
            {"type": "step.ai.wrap", "input": [1, {"a": 2}], "stackLine": "x.ts:3"},
            StepRunOptions(type="step.ai.wrap", input=raw([1, {"a": 2}])),
        ),
    ],
)
def test_a_run_step_has_a_type_and_arguments(opts: object, expected: StepRunOptions) -> None:
    assert parse_step_run_options(opcode(OpName.STEP_RUN, opts)) == expected


def test_arguments_of_a_step_must_be_an_array() -> None:
    invalid = opcode(OpName.STEP_RUN, {"input": {"a": 1}}, name="charge")
    assert problem(parse_step_run_options, invalid) == (
        'StepRun "charge": opts.input must be an array'
    )


@pytest.mark.parametrize(
    ("opts", "name", "until"),
    [
        (None, "1d12h", "1d12h"),
        ({}, "2026-11-21T06:00:00.000Z", "2026-11-21T06:00:00.000Z"),
        ({"duration": "5s"}, "nap", "5s"),
        ({"duration": None}, "5s", "5s"),
        ({"duration": ""}, "", ""),
    ],
)
def test_a_sleep_is_found_in_duration_or_name(opts: object, name: str, until: str) -> None:
    """Go sends `opts.duration`, TypeScript and Python the name."""
    sleep = parse_sleep_options(opcode(OpName.SLEEP, opts, name))
    assert sleep == SleepOptions(until_text=until)


@pytest.mark.parametrize(
    ("opts", "name", "expected"),
    [
        (
            {"timeout": "1h", "if": "event.data.a == async.data.a"},
            "shop/paid",
            WaitForEventOptions(
                event="shop/paid", timeout="1h", expression="event.data.a == async.data.a"
            ),
        ),
        (
            {"event": "shop/paid", "timeout": "1h", "if": None},
            "shown",
            WaitForEventOptions(event="shop/paid", timeout="1h"),
        ),
        ({"timeout": ""}, "shop/paid", WaitForEventOptions(event="shop/paid")),
        ({"if": ""}, "shop/paid", WaitForEventOptions(event="shop/paid")),
        (None, "shop/paid", WaitForEventOptions(event="shop/paid")),
    ],
)
def test_a_wait_is_read_from_each_sdk(
    opts: object, name: str, expected: WaitForEventOptions
) -> None:
    assert parse_wait_for_event_options(opcode(OpName.WAIT_FOR_EVENT, opts, name)) == expected


def test_a_wait_must_name_its_event() -> None:
    assert problem(parse_wait_for_event_options, opcode(OpName.WAIT_FOR_EVENT, {})) == (
        'WaitForEvent "1d": the name of the event is missing'
    )


def test_an_invocation_carries_parts_of_an_event() -> None:
    opts = {
        "function_id": "shop-charge",
        "payload": {"data": {"z": 1, "a": 2}, "user": {"id": 7}, "v": "3", "meta": {"s": {}}},
        "timeout": "5m",
    }
    assert parse_invoke_options(opcode(OpName.INVOKE_FUNCTION, opts)) == InvokeOptions(
        function_id="shop-charge",
        data=raw({"z": 1, "a": 2}),
        user=raw({"id": 7}),
        v="3",
        meta=raw({"s": {}}),
        timeout="5m",
    )


@pytest.mark.parametrize(
    "payload", [{}, {"payload": None}, {"payload": {}}, {"payload": {"data": None, "v": None}}]
)
def test_a_missing_payload_is_an_empty_one(payload: dict[str, object]) -> None:
    """Python sends `data: null` and `timeout: null`; nothing at all must not fail either."""
    opts = {"function_id": "f", "timeout": None, **payload}
    expected = InvokeOptions(function_id="f")
    assert parse_invoke_options(opcode(OpName.INVOKE_FUNCTION, opts)) == expected


@pytest.mark.parametrize(
    ("opts", "text"),
    [
        (None, "opts.function_id is missing"),
        ({"function_id": ""}, "opts.function_id is missing"),
        ({"function_id": "f", "payload": []}, "opts.payload must be an object"),
        ({"function_id": "f", "payload": {"v": 3}}, "opts.v must be a string"),
        ({"function_id": "f", "timeout": 60}, "opts.timeout must be a string"),
        ([], "opts must be an object"),
        ("x", "opts must be an object"),
    ],
)
def test_a_bad_invocation_says_what_is_wrong(opts: object, text: str) -> None:
    invalid = opcode(OpName.INVOKE_FUNCTION, opts)
    assert problem(parse_invoke_options, invalid) == f'InvokeFunction "1d": {text}'


@pytest.mark.parametrize(
    ("opts", "expected"),
    [
        ({"signal": "s"}, SignalOptions(signal="s", conflict=SignalConflict.FAIL)),
        ({"signal": "s", "conflict": None, "timeout": None}, SignalOptions(signal="s")),
        (
            {"signal": "s", "conflict": "replace", "timeout": "1h"},
            SignalOptions(signal="s", timeout="1h", conflict=SignalConflict.REPLACE),
        ),
    ],
)
def test_a_signal_wait_fails_on_conflict_unless_told_otherwise(
    opts: object, expected: SignalOptions
) -> None:
    assert parse_signal_options(opcode(OpName.WAIT_FOR_SIGNAL, opts)) == expected


@pytest.mark.parametrize(
    ("opts", "text"),
    [
        ({}, "opts.signal is missing"),
        ({"signal": ""}, "opts.signal is missing"),
        ({"signal": 5}, "opts.signal must be a string"),
        ({"signal": "s", "timeout": 60}, "opts.timeout must be a string"),
        ({"signal": "s", "conflict": True}, 'opts.conflict must be "fail" or "replace"'),
        ({"signal": "s", "conflict": "FAIL"}, 'opts.conflict must be "fail" or "replace"'),
        ({"signal": "s", "conflict": "wait"}, 'opts.conflict must be "fail" or "replace"'),
    ],
)
def test_a_bad_signal_wait_says_what_is_wrong(opts: object, text: str) -> None:
    invalid = opcode(OpName.WAIT_FOR_SIGNAL, opts)
    assert problem(parse_signal_options, invalid) == f'WaitForSignal "1d": {text}'


def test_a_request_is_a_post_unless_told_otherwise() -> None:
    """TypeScript sends null for a request without body."""
    opts = {"url": "https://example.test/", "body": None, "headers": None}
    assert parse_gateway_options(opcode(OpName.GATEWAY, opts)) == GatewayOptions(
        url="https://example.test/", method="POST", headers={}, body=""
    )


def test_a_request_is_read_completely() -> None:
    opts = {
        "url": "https://example.test/",
        "method": "get",
        "headers": {"accept": "text/plain"},
        "body": "x",
        "publish": {"channel": "c", "topic": "t"},
    }
    assert parse_gateway_options(opcode(OpName.GATEWAY, opts)) == GatewayOptions(
        url="https://example.test/",
        method="GET",
        headers={"accept": "text/plain"},
        body="x",
        publish=Publish(channel="c", topic="t"),
    )


@pytest.mark.parametrize(
    ("opts", "text"),
    [
        ({}, "opts.url is missing"),
        ({"url": None}, "opts.url is missing"),
        ({"url": ["u"]}, "opts.url must be a string"),
        ({"url": "u", "method": 5}, "opts.method must be a string"),
        ({"url": "u", "method": "G" * 33}, "opts.method must be an HTTP method"),
        ({"url": "u", "headers": []}, "opts.headers must be an object of strings"),
        ({"url": "u", "headers": {"a": 1}}, "opts.headers must be an object of strings"),
        ({"url": "u", "publish": "c"}, "opts.publish must be an object"),
        ({"url": "u", "headers": {"a": ["b"]}}, "opts.headers must be an object of strings"),
        ({"url": "u", "body": {}}, "opts.body must be a string"),
        ({"url": "u", "publish": {"channel": "c"}}, "opts.topic is missing"),
    ],
)
def test_a_bad_request_says_what_is_wrong(opts: object, text: str) -> None:
    invalid = opcode(OpName.GATEWAY, opts)
    assert problem(parse_gateway_options, invalid) == f'Gateway "1d": {text}'


def test_an_ai_request_is_read_completely() -> None:
    opts = {
        "type": "step.ai.infer",
        "url": "https://ai.test/v1",
        "headers": {"h": "1"},
        "auth_key": "secret",
        "format": "anthropic",
        "body": {"model": "m", "messages": []},
        "auto_tool_call": True,
    }
    assert parse_ai_gateway_options(opcode(OpName.AI_GATEWAY, opts)) == AIGatewayOptions(
        url="https://ai.test/v1",
        headers={"h": "1"},
        auth_key="secret",
        format="anthropic",
        body=raw({"model": "m", "messages": []}),
        auto_tool_call=True,
    )


@pytest.mark.parametrize(
    ("opts", "text"),
    [
        ({}, "opts.url is missing"),
        ({"url": 5}, "opts.url must be a string"),
        ({"url": "u", "headers": {"a": None}}, "opts.headers must be an object of strings"),
        ({"url": "u", "auth_key": ["secret"]}, "opts.auth_key must be a string"),
        ({"url": "u", "format": {}}, "opts.format must be a string"),
    ],
)
def test_a_bad_ai_request_says_what_is_wrong(opts: object, text: str) -> None:
    invalid = opcode(OpName.AI_GATEWAY, opts)
    assert problem(parse_ai_gateway_options, invalid) == f'AIGateway "1d": {text}'


def test_a_bad_ai_request_does_not_tell_its_key() -> None:
    invalid = opcode(OpName.AI_GATEWAY, {"url": None, "auth_key": "secret"})
    text = problem(parse_ai_gateway_options, invalid)
    assert text == 'AIGateway "1d": opts.url is missing'


def test_a_defer_names_a_function_and_its_input() -> None:
    opts = {"fn_slug": "shop-later", "input": {"a": 1}, "meta": {"sessions": {}}}
    assert parse_defer_add_options(opcode(OpName.DEFER_ADD, opts)) == DeferAddOptions(
        fn_slug="shop-later", input=raw({"a": 1}), meta=raw({"sessions": {}})
    )


@pytest.mark.parametrize(
    ("opts", "reason"),
    [
        (None, "invalid_opts"),
        ([], "invalid_opts"),
        ({"input": {}}, "invalid_opts"),
        ({"fn_slug": "f"}, "invalid_input"),
        ({"fn_slug": "f", "input": [1]}, "invalid_input"),
        ({"fn_slug": "f", "input": {}, "meta": "x"}, "invalid_meta"),
        ({"fn_slug": "f", "input": {}, "meta": {"a": "m" * 32 * 1024}}, "meta_size"),
        ({"fn_slug": "f", "input": {"a": "i" * 4 * 1024 * 1024}}, "per_defer_size"),
    ],
)
def test_a_bad_defer_carries_the_code_of_its_rejection(opts: object, reason: str) -> None:
    with pytest.raises(OpcodeInvalid) as caught:
        parse_defer_add_options(opcode(OpName.DEFER_ADD, opts))
    assert caught.value.reason == reason


def test_a_defer_may_be_as_large_as_its_limits() -> None:
    step_input = {"a": "i" * (4 * 1024 * 1024 - 8)}
    meta = {"a": "m" * (32 * 1024 - 8)}
    opts = {"fn_slug": "f", "input": step_input, "meta": meta}
    options = parse_defer_add_options(opcode(OpName.DEFER_ADD, opts))
    assert options.meta is not None
    assert (len(options.input), len(options.meta)) == (4 * 1024 * 1024, 32 * 1024)


def test_a_defer_is_aborted_by_its_id() -> None:
    opts = {"target_hashed_id": "abc", "fn_slug": "shop-later"}
    aborted = parse_defer_abort_options(opcode(OpName.DEFER_ABORT, opts))
    assert aborted == DeferAbortOptions(target_hashed_id="abc")
    assert "opts.target_hashed_id is missing" in problem(
        parse_defer_abort_options, opcode(OpName.DEFER_ABORT)
    )
