"""The dialect of conditions: every row of the reference's tables 7.1 to 7.4 and 7.6."""

from typing import Any

import msgspec
import pytest

from stepwell.core.expressions import (
    MISSING,
    TRIGGER,
    WAIT,
    ExpressionFailed,
    ExpressionInvalid,
    check_condition,
    check_restricted,
    check_value,
    compile_condition,
    key_text,
)

FAILED = "failed"
_NOW_MS = 1_704_164_645_500  # 2024-01-02T03:04:05.5Z

_EVENT: dict[str, Any] = {
    "name": "app/x",
    "id": "01H",
    "ts": 1_704_164_645_000.0,
    "user": {},
    "data": {
        "n": 1.0,
        "half": 1.5,
        "zero": 0.0,
        "s": "abc",
        "empty": "",
        "b": True,
        "no": False,
        "nul": None,
        "l": ["a", "b"],
        "numbers": [1.0, 2.0, 3.0],
        "items": [{"id": "a", "n": 1.0}, {"id": "b"}],
        "o": {"k": {"deep": 1.0}, "a b": "spaced"},
        "date": "2024-01-02T03:04:05Z",
        "b64": "aGVsbG8=",
        "json": '{"k": {"n": 7}}',
    },
}


def _outcome(source: str, event: dict[str, Any] = _EVENT) -> bool | str:
    try:
        return compile_condition(source).matches(event, now_ms=_NOW_MS)
    except ExpressionFailed:
        return FAILED


def _value(source: str) -> Any:
    return compile_condition(source).value(_EVENT, now_ms=_NOW_MS)


# 7.2, one row of the table per line; event.data.m and event.data.m2 do not exist.
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("event.data.m == null", True),
        ("event.data.m == 'x'", False),
        ("event.data.m == 1", False),
        ("event.data.m == false", False),
        ("event.data.m == ''", False),
        ("event.data.m == {}", False),
        ("null == event.data.m", True),
        ("'x' == event.data.m", False),
        ("event.data.m != null", False),
        ("event.data.m != 'x'", True),
        ("event.data.m != 1", True),
        ("event.data.m != event.data.s", True),
        ("event.data.m == event.data.m2", False),
        ("event.data.m != event.data.m2", True),
        ("event.data.m < 1", True),
        ("event.data.m <= 1", True),
        ("event.data.m < 'a'", True),
        ("event.data.m < event.data.n", True),
        ("event.data.m > 1", False),
        ("event.data.m >= 1", False),
        ("event.data.m > -1", False),
        ("event.data.n > event.data.m", True),
        ("event.data.n >= event.data.m", True),
        ("1 > event.data.m", True),
        ("event.data.n < event.data.m", False),
        ("event.data.n <= event.data.m", False),
        ("event.data.m + 'd' == 'd'", True),
        ("'d' + event.data.m == 'd'", True),
        ("event.data.m + 2.0 == 2.0", True),
        ("event.data.m + event.data.m2 == null", True),
        ("size(event.data.m) == 0", True),
        ("event.data.m.size() == 0", True),
        ("event.data.m in ['a']", False),
        ("'x' in event.data.m", False),
        ("event.data.m.contains('a')", False),
        ("event.data.s.contains(event.data.m)", False),
        ("event.data.m.startsWith('a')", False),
        ("event.data.m.endsWith('a')", False),
        ("event.data.m.matches('a')", False),
        ("lowercase(event.data.m) == ''", False),
        ("string(event.data.m) == ''", False),
        ("!event.data.m", False),
        ("has(event.data.m)", False),
        ("has(event.data.m.deeper)", False),
        ("event.data.m", FAILED),
        ("event.data.m ? false : true", True),
        ("event.data.m || true", True),
        ("event.data.m || false", False),
        ("event.data.m.deeper.still == null", True),
        ("event.nothing.at.all != 1", True),
        ("event.data.l[2] == null", True),
        ("event.data.l[2].x == null", True),
        ("event.data.s.field == null", True),
        ("event.data.nul.field == null", True),
        ("event.data['m'] == null", True),
        ("event.data[event.data.s] == null", True),
        ("event.data.m.exists(x, true)", FAILED),
        ("event.data.m.exists(x, true) || true", True),
    ],
)
def test_a_missing_field_is_unknown_and_never_an_error(source: str, expected: bool | str) -> None:
    assert _outcome(source) == expected


def test_two_missing_operands_of_plus_stay_missing() -> None:
    assert _value("event.data.m + event.data.m2") is MISSING
    assert _value("event.data.m") is MISSING


# 7.3
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("null == null", True),
        ("event.data.nul == null", True),
        ("event.data.nul == event.data.m", True),
        ("event.data.nul == 1", False),
        ("event.data.nul == ''", False),
        ("event.data.nul == false", False),
        ("event.data.nul != 1", True),
        ("event.data.nul != null", False),
        ("event.data.nul < 1", True),
        ("event.data.nul <= 0", True),
        ("event.data.nul < 'a'", True),
        ("event.data.nul > 1", False),
        ("event.data.nul >= 0", True),
        ("event.data.nul >= 0.5", False),
        ("1 > event.data.nul", True),
        ("event.data.s > event.data.nul", True),
        ("event.data.nul < event.data.nul", False),
        ("event.data.nul <= event.data.nul", True),
        ("event.data.nul < [1]", FAILED),
        ("event.data.n == 1", True),
        ("event.data.n == 1.0", True),
        ("1 == event.data.n", True),
        ("event.data.n == 1u", True),
        ("event.data.n != 2", True),
        ("event.data.half > 1", True),
        ("event.data.half < 2u", True),
        ("double(9007199254740993) == 9007199254740992.0", True),
        ("9007199254740993 == 9007199254740992.0", True),
        ("9007199254740993 <= 9007199254740992.0", True),
        ("event.data.n == '1'", False),
        ("1 == '1'", False),
        ("event.data.b == 'true'", False),
        ("event.data.b == 1", False),
        ("event.data.no == 0", False),
        ("true == 1.0", False),
        ("event.data.n == event.data.b", False),
        ("event.data.s < 1", FAILED),
        ("event.data.s > 1", FAILED),
        ("1 < event.data.s", FAILED),
        ("event.data.b < 1", FAILED),
        ("event.data.s < 'abd'", True),
        ("event.data.no < event.data.b", True),
        ("'abc' + 1.0 == 'abc1'", True),
        ("'abc' + 1.5 == 'abc1.5'", True),
        ("'abc' + true == 'abctrue'", True),
        ("'abc' + event.data.n == 'abc1'", True),
        ("event.data.b + 'x' == 'truex'", True),
        ("'l: ' + event.data.l == 'l: [a b]'", True),
        ("'l: ' + event.data.numbers == 'l: [1 2 3]'", True),
        ("'n: ' + 1000000.0 == 'n: 1e+06'", True),
        ("event.data.n + 1.0 == 2.0", True),
        ("event.data.n - 1.0 == 0.0", True),
        ("event.data.n * 4.0 == 4", True),
        ("event.data.n / 4.0 == 0.25", True),
        ("event.data.n + event.data.half == 2.5", True),
        ("event.data.n + 1 == '11'", True),
        ("event.data.n + 1 == 2", False),
        ("1 + event.data.n == '11'", True),
        ("event.data.n - 1 == 0", FAILED),
        ("event.data.n * 2 == 2", FAILED),
        ("event.data.n / 2 == 0", FAILED),
        ("event.data.n % 2 == 1", FAILED),
        ("int(event.data.n) + 1 == 2", True),
        ("int(event.data.n) % 2 == 1", True),
        ("-event.data.n == -1", True),
        ("event.data.l == ['a', 'b']", True),
        ("event.data.l == ['b', 'a']", False),
        ("event.data.l != ['a']", True),
        ("event.data.numbers == [1, 2, 3]", True),
        ("event.data.o.k == {'deep': 1}", True),
        ("event.data.o.k == {'deep': 2}", False),
        ("event.data.o.k == {'other': 1}", False),
        ("event.data == {}", False),
        ("event.user == {}", True),
        ("event.data == event.data", True),
        ("event.data.l == {}", False),
        ("[null] == [event.data.nul]", True),
    ],
)
def test_null_and_mixed_types_follow_the_reference(source: str, expected: bool | str) -> None:
    assert _outcome(source) == expected


# 7.4
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("event.data.s && event.data.b", True),
        ("event.data.b && event.data.s", FAILED),
        ("event.data.nul && true", FAILED),
        ("event.data.empty && true", FAILED),
        ("event.data.zero && true", FAILED),
        ("event.data.n && true", True),
        ("event.data.l && true", True),
        ("event.data.no && event.data.s", False),
        ("event.data.nul || true", True),
        ("event.data.nul || false", False),
        ("event.data.zero || event.data.b", True),
        ("event.data.empty || event.data.no", False),
        ("event.data.s || true", FAILED),
        ("!event.data.b", False),
        ("!event.data.no", True),
        ("!event.data.s", FAILED),
        ("!event.data.nul", FAILED),
        ("true || event.data.s < 1", True),
        ("event.data.s < 1 || true", True),
        ("event.data.s < 1 || false", FAILED),
        ("false && event.data.s < 1", False),
        ("event.data.s < 1 && false", False),
        ("event.data.s < 1 && true", FAILED),
        ("event.data.s < 1 && event.data.m", FAILED),
        ("true && true && true && false", False),
        ("false || false || true", True),
    ],
)
def test_logical_operators_give_an_operand_as_in_javascript(
    source: str, expected: bool | str
) -> None:
    assert _outcome(source) == expected


def test_the_operand_itself_is_the_result_of_and_and_or() -> None:
    assert _value("event.data.s && event.data.n") == 1.0
    assert _value("event.data.m || event.data.s") == "abc"
    assert _value("event.data.zero && true") == 0.0


# 7.1: macros and functions
@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("has(event.data.n)", True),
        ("has(event.data.nul)", True),
        ("event.data.l.all(x, x != 'c')", True),
        ("event.data.l.all(x, x == 'a')", False),
        ("event.data.l.exists(x, x == 'b')", True),
        ("event.data.l.exists(x, x == 'c')", False),
        ("event.data.l.exists_one(x, x == 'b')", True),
        ("event.data.l.exists_one(x, x != 'c')", False),
        ("event.data.l.map(x, x + '!') == ['a!', 'b!']", True),
        ("event.data.l.map(x, x == 'b', x + '!') == ['b!']", True),
        ("event.data.l.filter(x, x == 'b') == ['b']", True),
        ("size(event.data.numbers.filter(x, x > 1)) == 2", True),
        ("event.data.items.exists(x, x.n == 1)", True),
        ("event.data.items.all(x, x.n == 1)", False),
        ("event.data.items.map(x, x.n) == [1.0, null]", True),
        ("event.data.o.exists(k, k == 'k')", True),
        ("event.data.items.exists(x, event.data.l.all(y, y != x.n))", True),
        ("event.data.l.exists(event, event == 'a')", True),
        ("event.data.l.exists(x, ['z'].exists(x, x == 'z') && x == 'a')", True),
        ("event.data.l.exists(x, x < 1)", FAILED),
        ("[1, 'a'].exists(x, x < 'b')", True),
        ("[1, 2].map(x, x + 1) == [2, 3]", True),
        ("event.data.n.exists(x, true)", FAILED),
        ("size(event.data.s) == 3", True),
        ("size('hé') == 2 && size(b'hé') == 3", True),
        ("size(event.data.l) == 2 && event.data.o.size() == 2", True),
        ("size(event.data.n) == 1", FAILED),
        ("event.data.s.contains('b')", True),
        ("event.data.s.startsWith('ab')", True),
        ("event.data.s.endsWith('bc')", True),
        ("event.data.s.matches('^a.c$')", True),
        ("matches(event.data.s, 'b')", True),
        ("event.data.s.matches('(')", FAILED),
        ("event.data.n.contains('b')", FAILED),
        ("'a' in event.data.l", True),
        ("'k' in event.data.o", True),
        ("1 in event.data.numbers", True),
        ("true in event.data.numbers", False),
        ("event.data.s in ['abc', 'd']", True),
        ("null in [1, event.data.nul]", True),
        ("'a' in event.data.s", FAILED),
        ("int('12') == 12 && int(1.9) == 1 && int(-1.9) == -1", True),
        ("int(3u) == 3 && uint(3) == 3u && uint('7') == 7u", True),
        ("int('1_000') == 1000", FAILED),
        ("int('9223372036854775808') == 0", FAILED),
        ("int(1e30) == 0", FAILED),
        ("int(true) == 1", FAILED),
        ("uint(-1) == 0u", FAILED),
        ("double('1.5') == 1.5 && double(2) == 2.0", True),
        ("double('1_0') == 10.0", FAILED),
        ("string(1.0) == '1' && string(12) == '12' && string(true) == 'true'", True),
        ("string(b'x') == 'x' && bytes('x') == b'x'", True),
        ("string(event.data.l) == ''", FAILED),
        ("bool('true') && !bool('0')", True),
        ("type(event.data.n) == double && type(1) == int", True),
        ("type(event.data.s) == string && type(event.data.nul) == null_type", True),
        ("type(event.data.l) == list && type(event.data.o) == map", True),
        ("type(now()) == google.protobuf.Timestamp", True),
        ("type(type(1)) == type", True),
        ("dyn(event.data.s) == 'abc'", True),
        ("lowercase('ÀB') == 'àb' && uppercase('ab') == 'AB'", True),
        ("b64decode(event.data.b64) == 'hello'", True),
        ("b64decode('!') == ''", FAILED),
        ("json_parse(event.data.json).k.n == 7.0", True),
        ("json_parse('[1]') == {}", FAILED),
        ("json_parse('{') == {}", FAILED),
        ("event.data.b ? event.data.n == 1 : false", True),
        ("event.data.s ? true : false", FAILED),
        ("event.data.o['a b'] == 'spaced'", True),
        ("event.data['l'][0] == 'a' && event.data.l[1.0] == 'b'", True),
        ("event.data.l[-1] == null", True),
        ("{'a': {'b': 1}}.a.b + 1 == 2", True),
        ("{'a': 1, 'a': 2}.a == 2", FAILED),
        ("7 / -2 == -3 && -7 % 3 == -1 && 7 - 9 == -2", True),
        ("1 / 0 == 0", FAILED),
        ("1 % 0 == 0", FAILED),
        ("1.0 / 0.0 > 1e300", True),
        ("9223372036854775807 + 1 > 0", FAILED),
        ("1u - 2u == 0u", FAILED),
        ("'a' - 'b' == ''", FAILED),
        ("[1] + [2] == [1, 2]", True),
        ("b'a' + b'b' == b'ab'", True),
        ("event.name == 'app/x' && event.id == '01H'", True),
    ],
)
def test_macros_and_functions(source: str, expected: bool | str) -> None:
    assert _outcome(source) == expected


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("date(event.data.date) == timestamp('2024-01-02T03:04:05Z')", True),
        ("date('2024-01-02') == timestamp('2024-01-02T00:00:00Z')", True),
        ("date('2024-01-02 03:04:05') == date(event.data.date)", True),
        ("date('2024/01/02') == date('2 Jan 2024')", True),
        ("date('January 2, 2024') == date('01/02/2024')", True),
        ("date('Tue, 02 Jan 2024 05:04:05 +0200') == date(event.data.date)", True),
        ("date('2024-01-02 03:04:05.0') == date('2024-01-02T03:04:05')", True),
        ("date('2024-01-02 05:04:05+02:00') == date(event.data.date)", True),
        ("date('2024-01-01 22:04:05-05:00') == date(event.data.date)", True),
        ("date('2024-01-01 22:04:05 -0500') == date(event.data.date)", True),
        ("date('20240102') == date('Jan 2, 2024')", True),
        ("date('Tue Jan  2 03:04:05 2024') == date(event.data.date)", True),
        ("date('2024/01/02 03:04:05') == date('01/02/2024 03:04:05')", True),
        ("date(1704164645) == date(event.data.date)", True),
        ("date(int(event.ts)) == date(event.data.date)", True),
        ("date(1704164645000000000) == date(event.data.date)", True),
        ("date(946684800) == date('2000-01-01')", True),
        ("date(946684799) == date('2000-01-01')", FAILED),
        ("date(event.ts) == now()", FAILED),
        ("date('1704164645') == now()", FAILED),
        ("date('not a date') == now()", FAILED),
        ("now() == timestamp('2024-01-02T03:04:05.5Z')", True),
        ("now_plus('1h') - now() == duration('60m')", True),
        ("now_minus('90s') < now()", True),
        ("now_plus('x') == now()", FAILED),
        ("date(event.data.date) > now_minus('1m')", True),
        ("timestamp('2024-01-02T03:04:05+01:00').getHours() == 2", True),
        ("timestamp('2024-01-02T00:00:00Z').getHours('America/New_York') == 19", True),
        ("timestamp('2024-01-02T00:00:00Z').getDate('-05:00') == 1", True),
        ("timestamp('2024-01-02T00:00:00Z').getHours('No/Where') == 1", FAILED),
        ("timestamp('2024-02-03T00:00:00Z').getMonth() == 1", True),
        ("timestamp('2024-02-03T00:00:00Z').getDayOfMonth() == 2", True),
        ("timestamp('2024-02-03T00:00:00Z').getDayOfWeek() == 6", True),
        ("timestamp('2024-02-03T00:00:00Z').getDayOfYear() == 33", True),
        ("timestamp('2024-02-03T00:00:00Z').getFullYear() == 2024", True),
        ("timestamp('2024-02-03T01:02:03.456Z').getMinutes() == 2", True),
        ("timestamp('2024-02-03T01:02:03.456Z').getSeconds() == 3", True),
        ("timestamp('2024-02-03T01:02:03.456Z').getMilliseconds() == 456", True),
        ("duration('90m').getHours() == 1 && duration('90m').getMinutes() == 90", True),
        ("timestamp(5) == timestamp('1970-01-01T00:00:05Z')", True),
        ("int(timestamp('1970-01-01T00:00:05.9Z')) == 5", True),
        ("string(timestamp('2024-01-02T03:04:05.120Z')) == '2024-01-02T03:04:05.12Z'", True),
        ("string(duration('1h1.5s')) == '3601.5s'", True),
        ("duration('1s') + duration('1s') == duration('2s')", True),
        ("timestamp(5) + duration('1s') == timestamp(6)", True),
        ("duration('1s') + timestamp(5) == timestamp(6)", True),
        ("timestamp(5) - duration('1s') == timestamp(4)", True),
        ("timestamp('9999-12-31T23:59:59Z') + duration('1h') > now()", FAILED),
        ("timestamp(5) + timestamp(5) > now()", FAILED),
        ("timestamp('2024') == now()", FAILED),
        ("timestamp(1e3) == now()", FAILED),
        ("duration('1d') == duration('24h')", FAILED),
    ],
)
def test_timestamps_and_durations(source: str, expected: bool | str) -> None:
    assert _outcome(source) == expected


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0"),
        (1.0, "1"),
        (-2.5, "-2.5"),
        (0.0001, "0.0001"),
        (0.00001, "1e-05"),
        (999999.0, "999999"),
        (999999.5, "999999.5"),
        (1000000.0, "1e+06"),
        (1234567.0, "1.234567e+06"),
        (-1.5e300, "-1.5e+300"),
        (1704164645000.0, "1.704164645e+12"),
        (float("inf"), "+Inf"),
        (float("-inf"), "-Inf"),
        (float("nan"), "NaN"),
    ],
)
def test_numbers_are_written_as_go_writes_them(number: float, text: str) -> None:
    assert key_text(number) == text


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("event.data.s + '-' + event.data.n", "abc-1"),
        ("event.data.s + event.data.m", "abc"),
        ("event.data.nul + event.data.s", "abc"),
        ("event.data.n == 1", "true"),
        ("event.data.nul", "<nil>"),
        ("event.data.o.k", "map[deep:1]"),
        ("event.data.l", "[a b]"),
        ("'literal'", "literal"),
        ("{'b': 1, 'a': [null]}", "map[a:[<nil>] b:1]"),
    ],
)
def test_a_key_becomes_text(source: str, text: str) -> None:
    assert key_text(_value(source)) == text


def test_a_priority_gives_an_int_and_a_field_a_double() -> None:
    assert _value("event.data.s == 'abc' ? 120 : 0") == 120
    assert isinstance(_value("event.data.s == 'abc' ? 120 : 0"), int)
    assert isinstance(_value("event.data.n"), float)


@pytest.mark.parametrize("source", ["event.data.n", "event.data.s", "event.data.l", "now()", "1"])
def test_a_condition_that_is_not_bool_is_an_error(source: str) -> None:
    with pytest.raises(ExpressionFailed, match="not a bool"):
        compile_condition(source).matches(_EVENT)


def test_whole_numbers_of_a_json_decoder_are_doubles_too() -> None:
    event = msgspec.json.decode(b'{"ts":5,"data":{"n":1,"l":[1,2],"o":{"n":3},"big":1}}')
    event["data"]["big"] = 10**400
    sources = [
        "event.data.n + 1 == '11'",
        "event.data.n + 1.0 == 2.0",
        "event.data.l[0] + 1 == '11'",
        "event.data.l.all(x, type(x) == double)",
        "event.data.o.n - 1.0 == 2.0",
        "event.data.l == [1.0, 2.0] && 2 in event.data.l",
        "type(event.ts) == double",
        "event.data.big > 1e308",
    ]
    assert [_outcome(source, event) for source in sources] == [True] * len(sources)


def test_both_events_are_seen_where_both_exist() -> None:
    condition = compile_condition("event.data.id == async.data.id", variables=WAIT)
    assert condition.matches({"data": {"id": "a"}}, {"data": {"id": "a"}})
    assert not condition.matches({"data": {"id": "a"}}, {"data": {"id": "b"}})
    assert not condition.matches({"data": {}}, {"data": {}})


@pytest.mark.parametrize(
    "source",
    [
        "",
        "event.data.x ==",
        "event.data.x == 'a",
        "event..x",
        "event.data.in",
        "x == 1",
        "foo.bar == 1",
        "async.data.x == 1",
        "event.data.l.exists(x, y)",
        "event.data.s.lowerAscii() == 'a'",
        "event.data.s.split(',') == []",
        "event.data.s.replace('a', 'b') == ''",
        "event.data.s.substring(1) == ''",
        "event.data.s.charAt(0) == 'a'",
        "math.greatest(1, 2) == 2",
        "nosuch(1)",
        "lowercase()",
        "size('a', 'b') == 1",
        "event.data.lowercase()",
        "google.protobuf.Timestamp{seconds: 1} == now()",
        "\ud800",
    ],
)
def test_what_does_not_compile_is_refused_at_once(source: str) -> None:
    with pytest.raises(ExpressionInvalid) as caught:
        compile_condition(source)
    assert caught.value.source == source
    assert caught.value.reason
    assert check_condition(source) == caught.value.reason


def test_the_reason_names_the_place() -> None:
    assert check_condition("event.data.x == foo") == (
        "ERROR: <input>:1:17: undeclared reference to 'foo' (in container '')\n"
        " | event.data.x == foo\n"
        " | ................^"
    )
    reason = check_value("event.data.")
    assert reason is not None
    assert reason.startswith("ERROR: <input>:1:12: Syntax error")


@pytest.mark.parametrize(
    "source",
    ["event.data.x || 'd'", "1 == '1'", "'a' < 1", "!'a'", "size(1) == 1", "1.0 - 1 == 0.0"],
)
def test_registration_checks_types_and_evaluation_does_not(source: str) -> None:
    assert "no matching overload" in (check_condition(source) or "")
    compile_condition(source)


@pytest.mark.parametrize(
    "source",
    [
        "event.data.x == 'a'",
        "event.data.n + 1 == '11'",
        "'abc' + 1 == 'abc1'",
        "event.data.s + '-' + event.data.n == ''",
        "event.data.s && event.data.b",
        "event.data.l.exists(x, x.id == event.data.id)",
        "event.data.l.map(x, x + 1) == []",
        "timestamp(1) + duration('1s') < now_plus('1h')",
        "date(int(event.ts)) > date('2024-01-01')",
        "lowercase(event.data.s).contains('a')",
        "json_parse(event.data.json).k == 1",
        "has(event.data.x) ? event.data.x : true",
    ],
)
def test_registration_accepts_the_dialect(source: str) -> None:
    assert check_condition(source) is None


def test_only_the_variables_of_the_place_exist() -> None:
    assert check_condition("async.data.x == 1", TRIGGER) is not None
    assert check_condition("async.data.x == 1", WAIT) is None
    assert check_value("async.data.x") is not None
    assert check_value("event.data.customer") is None
    assert check_value("'openai'") is None


# 7.6
@pytest.mark.parametrize(
    "source",
    [
        "event.data.id == async.data.id && async.data.n > 3 || !event.data.b",
        "async.data.id in ['a', 'b']",
        "async.data.l[0] == event.data['k']",
        "event.data.b ? async.data.n <= 1 : async.data.n >= 2",
        "int(async.data.n) == 7 && uint(event.data.n) == 7u && double('1') == 1.0",
        "async.data.n == -1 && async.data.m != null",
    ],
)
def test_the_restricted_language_allows_comparisons(source: str) -> None:
    assert check_restricted(source) is None


@pytest.mark.parametrize(
    ("source", "word"),
    [
        ("async.data.l.exists(x, x == 1)", "macros"),
        ("async.data.l.all(x, x == 1)", "macros"),
        ("size(async.data.l.filter(x, true)) == 1", "'size'"),
        ("has(async.data.x)", "has()"),
        ("async.data.a + 'x' == 'ax'", "'+'"),
        ("async.data.n - 1.0 == 0.0", "'-'"),
        ("async.data.n * 1.0 == 0.0", "'*'"),
        ("async.data.n / 1.0 == 0.0", "'/'"),
        ("async.data.n % 1 == 0", "'%'"),
        ("-async.data.n == 0", "'-'"),
        ("async.data.s.contains('a')", "'contains'"),
        ("async.data.s.matches('a')", "'matches'"),
        ("string(async.data.s) == 'a'", "'string'"),
        ("date(async.data.d) > now()", "'date'"),
        ("timestamp(async.data.d) == null", "'timestamp'"),
        ("lowercase(async.data.s) == 'a'", "'lowercase'"),
        ("b64decode(async.data.s) == 'a'", "'b64decode'"),
        ("async.data.x ==", "Syntax error"),
        ("foo == 1", "undeclared reference"),
    ],
)
def test_the_restricted_language_refuses_everything_else(source: str, word: str) -> None:
    assert word in (check_restricted(source) or "")
