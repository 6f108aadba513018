"""Conditions of waits and cancelOn: interpolation (7.5) and the equality index (4.1)."""

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.core.expressions import (
    WAIT,
    ExpressionFailed,
    ExpressionInvalid,
    WaitCondition,
    bind_trigger,
    compile_condition,
    index_values,
    wait_matches,
)

Data = dict[str, Any]


def _event(data: Data) -> Data:
    return {"name": "app/x", "id": "1", "ts": 5.0, "user": {}, "data": data}


def _bind(source: str, data: Data) -> WaitCondition:
    return bind_trigger(source, _event(data))


def _outcome(condition: WaitCondition, data: Data) -> bool | str:
    try:
        return wait_matches(condition.source, condition.bindings, _event(data))
    except ExpressionFailed:
        return "failed"


# 7.5, one row of the table per line: condition, trigger's data, incoming data, result.
@pytest.mark.parametrize(
    ("source", "trigger", "incoming", "expected"),
    [
        ("event.data.id == async.data.id", {}, {}, True),
        ("event.data.id == async.data.id", {"id": "a"}, {"id": "a"}, True),
        ("event.data.id == async.data.id", {"id": "a"}, {"id": "b"}, False),
        ("event.data.id == async.data.id", {"id": "a"}, {}, False),
        ("event.data.id == async.data.id", {}, {"id": "a"}, False),
        ("async.data.id == event.data.id", {"id": 7.0}, {"id": 7}, True),
        ("event.data.z == null", {}, {}, True),
        ("event.data.nul == async.data.z", {"nul": None}, {}, True),
        ("event.data.z == async.data.nul", {}, {"nul": None}, True),
        ("async.data.id != event.data.z", {}, {"id": "a"}, True),
        ("event.data.id == 7", {"id": 7.0}, {}, True),
        ("event.data.id == 7", {"id": 8.0}, {}, False),
        ("event.data.id in async.data.l", {"id": "a"}, {"l": ["b", "a"]}, True),
        ("event.data.id in async.data.l", {"id": "a"}, {"l": ["b"]}, False),
        ("async.ts >= event.ts", {}, {}, True),
        ("async.ts > event.ts", {}, {}, False),
        (
            "event.data.o.k.id == async.data.o.k.id",
            {"o": {"k": {"id": "a"}}},
            {"o": {"k": {"id": "a"}}},
            True,
        ),
        ("event.data.o == async.data.o", {"o": {"k": [1.0]}}, {"o": {"k": [1]}}, True),
        ("event.data.arr[0] == async.data.x", {"arr": ["a", "b"]}, {"x": "a"}, True),
        ("event.data.arr[2] == async.data.x", {"arr": ["a", "b"]}, {}, True),
        ("async.data.l.exists(x, x == event.data.n)", {"n": 1.0}, {"l": [2.0, 1.0]}, True),
        ("async.data.l.exists(x, x == event.data.n)", {"n": 3.0}, {"l": [2.0, 1.0]}, False),
        ("event.data.l.exists(x, x.id == async.data.id)", {"l": [{"id": "a"}]}, {"id": "a"}, True),
        ("event.data[async.data.k] == 'v'", {"a": "v"}, {"k": "a"}, True),
        ("event.data[async.data.k] == null", {"a": "v"}, {"k": "b"}, True),
        ("has(event.data.x)", {"x": None}, {}, True),
        ("has(event.data.x)", {}, {}, False),
        ("event.data.z < async.data.n", {}, {"n": 1.0}, True),
        ("event.data.z >= async.data.n", {}, {"n": 0.0}, True),
        ("lowercase(event.data.z) == 'a'", {}, {}, "failed"),
        ("event == async", {"a": 1.0}, {"a": 1.0}, True),
        ("async.data.n", {}, {"n": 1.0}, "failed"),
        ("", {}, {}, True),
    ],
)
def test_the_trigger_event_is_inserted_when_the_wait_is_made(
    source: str, trigger: Data, incoming: Data, expected: bool | str
) -> None:
    assert _outcome(_bind(source, trigger), incoming) == expected


@pytest.mark.parametrize(
    ("source", "trigger", "bindings"),
    [
        ("event.data.a == async.data.a", {"a": "x", "b": "y"}, {"data": {"a": "x"}}),
        ("event.data.a == async.data.a", {"b": "y"}, {"data": {}}),
        ("async.data.a == 1", {"a": "x"}, {}),
        (
            "event.data.a.b == async.data.b && event.data.a.c == 1 && event.ts > 1.0",
            {"a": {"b": 1, "c": 2, "d": 3}, "e": 4},
            {"data": {"a": {"b": 1, "c": 2}}, "ts": 5.0},
        ),
        ("event.data.l[1] == async.data.a", {"l": [1, 2], "m": 3}, {"data": {"l": [1, 2]}}),
        ("event.data[async.data.k] == 1", {"a": 1}, {"data": {"a": 1}}),
        ("async.data.l.exists(x, x == event.data.a)", {"a": 1, "b": 2}, {"data": {"a": 1}}),
        ("async.data.l.exists(event, event.data.b == 1)", {"a": 1, "b": 2}, {}),
        ("has(event.data.a)", {"a": None, "b": 2}, {"data": {"a": None}}),
        ("event.data.a == event.data", {"a": 1, "b": 2}, {"data": {"a": 1, "b": 2}}),
        ("event.data != {} && event.data.a == 1", {"a": 1, "b": 2}, {"data": {"a": 1, "b": 2}}),
    ],
)
def test_only_what_the_condition_reads_is_stored(
    source: str, trigger: Data, bindings: Data
) -> None:
    assert msgspec.json.decode(_bind(source, trigger).bindings) == bindings


def test_binding_leaves_the_event_as_it_was() -> None:
    data = {"a": {"b": 1, "c": 2}}
    _bind("event.data.a == 1 && event.data.a.b == 2 && event.data.a.c == 2", data)
    assert data == {"a": {"b": 1, "c": 2}}


@pytest.mark.parametrize(
    ("source", "trigger", "index"),
    [
        ("event.data.userId == async.data.userId", {"userId": "abc"}, ("data.userId", "s:abc")),
        ("async.data.userId == event.data.userId", {"userId": "abc"}, ("data.userId", "s:abc")),
        ("async.data.n == event.data.n", {"n": 7}, ("data.n", "n:7")),
        ("async.data.n == event.data.n", {"n": 7.0}, ("data.n", "n:7")),
        ("async.data.n == 7u", {}, ("data.n", "n:7")),
        ("async.data.n == -0.0", {}, ("data.n", "n:0")),
        ("async.data.n == 1.5", {}, ("data.n", "n:1.5")),
        ("async.data.b == true", {}, ("data.b", "b:true")),
        ("async.data.b == event.data.b", {"b": False}, ("data.b", "b:false")),
        ("async.data.x == event.data.x", {}, ("data.x", "null")),
        ("async.data.x == null", {}, ("data.x", "null")),
        ("async.name == 'app/y'", {}, ("name", "s:app/y")),
        ("async.data.o['k'].id == 'a'", {}, ("data.o.k.id", "s:a")),
        (
            "async.data.x == event.data.a + '-' + event.data.b",
            {"a": "1", "b": "2"},
            ("data.x", "s:1-2"),
        ),
        ("async.data.n > 3 && async.data.id == event.data.id", {"id": "a"}, ("data.id", "s:a")),
        (
            "async.data.a == null && async.data.b == true && async.data.c == 1",
            {},
            ("data.a&data.b&data.c", "null&b:true&n:1"),
        ),
        (
            "async.data.d == 'x' && async.data.c == 1 && async.data.d == 'y'",
            {},
            ("data.c&data.d", "n:1&s:x"),
        ),
        (
            " && ".join(f"async.data.{key} == '{key}'" for key in "edcba"),
            {},
            ("data.a&data.b&data.c&data.d", "s:a&s:b&s:c&s:d"),
        ),
        ("async.data.x == event.data.x", {"x": "v" * 200}, ("data.x", "s:" + "v" * 128)),
        ("async.data.x == event.data.x", {"x": "a\0b"}, ("data.x", "s:a\ufffdb")),
        ("async.data.id == event.data.id || async.data.n > 3", {"id": "a"}, ("", "")),
        ("async.data.id != event.data.id", {"id": "a"}, ("", "")),
        ("async.data.id == async.data.other", {}, ("", "")),
        ("async.data.x == event.data.x", {"x": [1]}, ("", "")),
        ("async.data.x == event.data.x", {"x": {}}, ("", "")),
        ("async.data.x == 0.0 / 0.0", {}, ("", "")),
        ("async.data.x == {'a': 1}.b", {}, ("", "")),
        ("async.data.l[0] == 'a'", {}, ("", "")),
        ("async.data['a.b'] == 'a'", {}, ("", "")),
        ("async == event", {}, ("", "")),
        ("async.data.t == string(now())", {}, ("", "")),
        ("", {}, ("", "")),
    ],
)
def test_an_equality_with_the_incoming_event_is_indexed(
    source: str, trigger: Data, index: tuple[str, str]
) -> None:
    condition = _bind(source, trigger)
    assert (condition.match_path, condition.match_value) == index


@pytest.mark.parametrize(
    ("source", "trigger", "never"),
    [
        ("event.data.id == 7", {"id": 8.0}, True),
        ("event.data.id == 7", {"id": 7.0}, False),
        ("false", {}, True),
        ("true", {}, False),
        ("event.data.flag && async.data.x == 1", {"flag": False}, True),
        ("event.data.flag && async.data.x == 1", {"flag": True}, False),
        ("async.data.x == 1 && event.data.flag", {}, True),
        ("event.data.flag || async.data.x == 1", {}, False),
        ("event.data.text", {"text": "a"}, True),
        ("event.data.s < 1 && async.data.x == 1", {"s": "a"}, True),
        ("event.data.s < 1 || async.data.x == 1", {"s": "a"}, False),
        ("async.data.x == lowercase(event.data.s)", {}, True),
        ("async.data.x == lowercase(event.data.s)", {"s": "A"}, False),
        ("now() < timestamp('1960-01-01T00:00:00Z')", {}, False),
        ("async.data.x == 1", {}, False),
        ("", {}, False),
    ],
)
def test_a_condition_the_trigger_event_rules_out_is_known_never_to_hold(
    source: str, trigger: Data, never: bool
) -> None:
    assert _bind(source, trigger).never is never


def test_lookups_find_the_values_of_the_incoming_event() -> None:
    incoming = _event(
        {"s": "abc", "n": 7, "f": 7.5, "b": True, "nul": None, "l": [1], "o": {"k": 1}}
    )
    paths = ["data.s", "data.n", "data.f", "data.b", "data.nul", "data.m", "data.l", "data.o", ""]
    assert index_values(incoming, [*paths, "data.o.k", "data.s.x", "name"]) == [
        ("data.s", "s:abc"),
        ("data.n", "n:7"),
        ("data.f", "n:7.5"),
        ("data.b", "b:true"),
        ("data.nul", "null"),
        ("data.m", "null"),
        ("data.o.k", "n:1"),
        ("data.s.x", "null"),
        ("name", "s:app/x"),
    ]


def test_a_condition_that_does_not_compile_cannot_be_bound() -> None:
    with pytest.raises(ExpressionInvalid, match="undeclared reference to 'foo'"):
        bind_trigger("async.data.x == foo", _event({}))


def test_the_time_of_the_incoming_event_can_be_asked_for() -> None:
    condition = _bind("now() > timestamp('2024-01-01T00:00:00Z')", {})
    now_ms = 1_704_164_645_000
    assert wait_matches(condition.source, condition.bindings, _event({}), now_ms=now_ms)
    assert not wait_matches(condition.source, condition.bindings, _event({}), now_ms=0)


_SCALARS = st.sampled_from(
    [None, True, False, 0, 1, 1.0, 7.5, -0.0, "", "1", "a", "a\0", "v" * 130]
)
_FIELDS = st.sampled_from(["a", "b", "c"])
_DATA = st.dictionaries(
    _FIELDS,
    st.one_of(_SCALARS, st.lists(_SCALARS, max_size=2), st.dictionaries(_FIELDS, _SCALARS)),
    max_size=3,
)
_TRIGGER_SIDE = st.one_of(
    st.builds("event.data.{}".format, _FIELDS),
    st.builds("event.data.{}.{}".format, _FIELDS, _FIELDS),
    st.builds("lowercase(event.data.{})".format, _FIELDS),
    st.builds("event.data.{0} + event.data.{1}".format, _FIELDS, _FIELDS),
    st.sampled_from(["null", "1", "1.0", "0u", "'a'", "true", "''", "[1]", "{'a': 1}.b", "-1"]),
)
_INCOMING_SIDE = st.one_of(
    st.builds("async.data.{}".format, _FIELDS),
    st.builds("async.data.{}.{}".format, _FIELDS, _FIELDS),
    st.builds("async.data[event.data.{}]".format, _FIELDS),
)
_COMPARISONS = st.one_of(
    st.builds(
        "{0} {1} {2}".format, _INCOMING_SIDE, st.sampled_from(["==", "!=", "<"]), _TRIGGER_SIDE
    ),
    st.builds("{0} == {1}".format, _TRIGGER_SIDE, _INCOMING_SIDE),
    st.builds("{0} == {1}".format, _TRIGGER_SIDE, _TRIGGER_SIDE),
    st.builds("has(event.data.{})".format, _FIELDS),
    st.builds("async.data.{}.exists(x, x == event.data.{})".format, _FIELDS, _FIELDS),
    _INCOMING_SIDE,
    _TRIGGER_SIDE,
)
_CONDITIONS = st.recursive(
    _COMPARISONS,
    lambda inner: st.builds(
        "({0}) {1} ({2})".format, inner, st.sampled_from(["&&", "&&", "||"]), inner
    ),
    max_leaves=5,
)


@settings(deadline=None)
@given(st.lists(st.tuples(_CONDITIONS, _DATA), min_size=1, max_size=4), _DATA)
def test_the_index_finds_exactly_the_waits_that_match(
    waits: list[tuple[str, Data]], incoming: Data
) -> None:
    """Lookup, then evaluation, gives what evaluating every wait gives."""
    conditions = [_bind(source, trigger) for source, trigger in waits]
    matching = [one for one in conditions if _outcome(one, incoming) is True]

    paths = {one.match_path for one in conditions}
    found = {("", ""), *index_values(_event(incoming), paths)}
    candidates = [
        one for one in conditions if not one.never and (one.match_path, one.match_value) in found
    ]
    assert [one for one in candidates if _outcome(one, incoming) is True] == matching


@settings(deadline=None)
@given(_CONDITIONS, _DATA, _DATA)
def test_bindings_lose_nothing(source: str, trigger: Data, incoming: Data) -> None:
    """The stored part of the trigger event decides as the whole event would."""
    condition = _bind(source, trigger)
    whole = msgspec.structs.replace(condition, bindings=msgspec.json.encode(_event(trigger)))
    assert _outcome(condition, incoming) == _outcome(whole, incoming)


@settings(deadline=None)
@given(_CONDITIONS, _DATA, _DATA)
def test_without_missing_fields_a_wait_decides_as_a_plain_condition(
    source: str, trigger: Data, incoming: Data
) -> None:
    trigger = {field: trigger.get(field) for field in "abc"}
    trigger = {
        field: dict.fromkeys("abc") | value if isinstance(value, dict) else value
        for field, value in trigger.items()
    }
    if any(f"event.data.{one}.{other}" in source for one in "abc" for other in "abc"):
        return
    condition = _bind(source, trigger)
    try:
        plain: bool | str = compile_condition(source, variables=WAIT).matches(
            _event(trigger), _event(incoming)
        )
    except ExpressionFailed:
        plain = "failed"
    assert _outcome(condition, incoming) == plain
