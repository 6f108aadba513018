"""The execution request: complete, canonical, and within the size an app accepts."""

import hashlib

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from stepwell.wire.canonical import canonical_json
from stepwell.wire.request import CallContext, CallStack, SentSteps, execution_body

LIMIT_BYTES = 4 * 1024 * 1024
RUN_ID = "01K0RUN0000000000000000000"
EVENT = b'{"data":{"id":7},"id":"01K0EV","name":"shop/paid","ts":1762160000000,"user":{}}'
FIRST = CallContext(run_id=RUN_ID, attempt=0, max_attempts=4, stack=CallStack(0, []), qi_id="cWk=")


def body_of(
    context: CallContext = FIRST,
    *,
    events: tuple[bytes, ...] = (EVENT,),
    steps: dict[str, bytes] | None = None,
    defers: dict[str, bool] | None = None,
    state_bytes: int = 0,
    version: int = -1,
) -> bytes:
    return execution_body(
        context,
        events=events,
        steps=SentSteps.of(steps or {}),
        defers=defers or {},
        state_bytes=state_bytes,
        version=version,
    )


def decoded(body: bytes) -> dict[str, object]:
    return msgspec.json.decode(body, type=dict[str, object])


def test_the_first_call_of_a_run_is_exactly_this() -> None:
    assert body_of() == (
        b'{"ctx":{"attempt":0,"disable_immediate_execution":false,"env":"","max_attempts":4,'
        b'"qi_id":"cWk=","run_id":"01K0RUN0000000000000000000",'
        b'"stack":{"current":0,"stack":[]},"step_id":"step","use_api":false},'
        b'"defers":{},"event":' + EVENT + b',"events":[' + EVENT + b'],"steps":{},'
        b'"use_api":false,"version":-1}'
    )


def test_a_later_call_carries_everything_known() -> None:
    context = CallContext(
        run_id=RUN_ID,
        attempt=1,
        max_attempts=5,
        stack=CallStack(2, ["b", "a"]),
        qi_id="cWk=",
        request_id="01K0REQ",
        job_id="job",
        generation_id=3,
        disable_immediate_execution=True,
        fn_id="0d2bd9bb-6f0e-5b1c-8a3f-3a4a2e1f8a10",
    )
    second = EVENT.replace(b"01K0EV", b"01K0EW")
    body = body_of(
        context,
        events=(EVENT, second),
        steps={"b": b'{"data":1}', "a": b"null"},
        defers={"e": False, "d": True},
        version=2,
    )
    assert decoded(body) == {
        "ctx": {
            "attempt": 1,
            "disable_immediate_execution": True,
            "env": "",
            "fn_id": "0d2bd9bb-6f0e-5b1c-8a3f-3a4a2e1f8a10",
            "generation_id": 3,
            "job_id": "job",
            "max_attempts": 5,
            "qi_id": "cWk=",
            "request_id": "01K0REQ",
            "run_id": RUN_ID,
            "stack": {"current": 2, "stack": ["b", "a"]},
            "step_id": "step",
            "use_api": False,
        },
        "defers": {"d": {"abortable": True}, "e": {"abortable": False}},
        "event": msgspec.json.decode(EVENT),
        "events": [msgspec.json.decode(EVENT), msgspec.json.decode(second)],
        "steps": {"a": None, "b": {"data": 1}},
        "use_api": False,
        "version": 2,
    }
    assert body == canonical_json(body)


def test_memos_are_copied_byte_by_byte() -> None:
    memo = b'{"data":{"b":1.0,"a":12345678901234567890}}'
    assert b'"steps":{"x":' + memo + b"}" in body_of(steps={"x": memo})


def test_the_stack_keeps_the_order_of_completion() -> None:
    """TypeScript resolves concurrent steps in this order."""
    context = msgspec.structs.replace(FIRST, stack=CallStack(3, ("z", "a", "m")))
    body = body_of(context, steps={"z": b"1", "a": b"2", "m": b"3"})
    assert b'"stack":["z","a","m"]' in body
    assert b'"steps":{"a":2,"m":3,"z":1}' in body


ids = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)
canonical_memos = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ids,
    lambda values: st.lists(values, max_size=3) | st.dictionaries(ids, values, max_size=3),
    max_leaves=5,
).map(lambda value: canonical_json(msgspec.json.encode(value)))


@given(
    steps=st.dictionaries(ids, canonical_memos, max_size=6),
    defers=st.dictionaries(ids, st.booleans(), max_size=3),
    stack=st.lists(ids, max_size=3),
    qi_id=ids,
)
def test_the_body_is_canonical_when_its_parts_are(
    steps: dict[str, bytes], defers: dict[str, bool], stack: list[str], qi_id: str
) -> None:
    """It is signed as it is; the app canonicalises it again and must come to the same bytes."""
    context = msgspec.structs.replace(FIRST, stack=CallStack(0, stack), qi_id=qi_id, job_id=qi_id)
    body = body_of(context, steps=steps, defers=defers)
    assert canonical_json(body) == body


def test_ids_are_sorted_as_javascript_sorts_them() -> None:
    """By UTF-16 code units: an emoji comes before U+FFFD, which UTF-8 has the other way round."""
    body = body_of(steps={"\ufffd": b"1", "\U0001f600": b"2"}, defers={"\ufffd": True, "é": True})
    assert '"steps":{"\U0001f600":2,"\ufffd":1}'.encode() in body
    assert body == canonical_json(body)


def without_state(body: bytes) -> tuple[object, object, object, object, object]:
    content = decoded(body)
    context = content["ctx"]
    assert isinstance(context, dict)
    return (
        context["use_api"],
        content["use_api"],
        content["steps"],
        content["events"],
        content["event"],
    )


def test_large_state_is_left_for_the_app_to_fetch() -> None:
    event = msgspec.json.decode(EVENT)
    steps = {"x": b'{"data":1}'}
    at_limit = body_of(steps=steps, state_bytes=LIMIT_BYTES - 1024)
    assert without_state(at_limit) == (False, False, {"x": {"data": 1}}, [event], event)
    over_limit = body_of(steps=steps, state_bytes=LIMIT_BYTES - 1023)
    assert without_state(over_limit) == (True, True, {}, [event], event)


def padded_event(size: int) -> bytes:
    frame = b'{"data":{"x":"%b"},"id":"e","name":"n","ts":1,"user":{}}'
    return frame % (b"x" * (size - len(frame % b"")))


def test_a_body_over_the_limit_is_sent_without_events() -> None:
    """`event` and `events` count, so one event of half the limit is already too much."""
    frame_bytes = len(body_of(events=(EVENT,))) - 2 * len(EVENT)
    event = padded_event((LIMIT_BYTES - frame_bytes) // 2)
    fits = body_of(events=(event,))
    assert LIMIT_BYTES - 2 < len(fits) <= LIMIT_BYTES
    assert without_state(fits)[:2] == (False, False)

    event = padded_event((LIMIT_BYTES - frame_bytes) // 2 + 1)
    too_large = body_of(events=(event,), steps={"x": b"1"})
    assert without_state(too_large) == (True, True, {}, [], msgspec.json.decode(event))
    assert too_large == canonical_json(too_large)


def test_a_run_of_a_thousand_steps_is_sent_whole() -> None:
    steps = {hashlib.sha1(b"%d" % n).hexdigest(): b'{"data":%d}' % n for n in range(1000)}
    context = msgspec.structs.replace(FIRST, stack=CallStack(1000, list(steps)))
    body = body_of(context, steps=steps)
    assert decoded(body)["steps"] == {key: msgspec.json.decode(memo) for key, memo in steps.items()}
    assert body == canonical_json(body)
