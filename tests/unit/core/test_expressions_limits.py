"""Nothing an expression or an event contains may stall the server: every bound, at its edge."""

import time
from typing import Any

import pytest

from stepwell.core.expressions import (
    COST_MAX,
    NESTING_MAX,
    REGEX_CHARS_MAX,
    REGEX_SUBJECT_CHARS_MAX,
    SOURCE_BYTES_MAX,
    ExpressionFailed,
    ExpressionInvalid,
    compile_condition,
    key_text,
)
from stepwell.core.expressions.compiled_cache import (
    COMPILED_MAX,
    LONG_COMPILED_MAX,
    LONG_SOURCE_CHARS,
    keep_compiled,
)

_TEN = "[0,1,2,3,4,5,6,7,8,9].all"
_NESTED = f"{_TEN}(a, {_TEN}(b, {_TEN}(c, {_TEN}(d, {_TEN}(e, true)))))"

# Far above what any of these takes, and far below what they would take without a bound.
_STALL_S = 2.0


def _matches(source: str, **data: Any) -> bool:
    return compile_condition(source).matches({"data": data})


def test_the_longest_expression_compiles_and_one_byte_more_does_not() -> None:
    longest = "'" + "é" * ((SOURCE_BYTES_MAX - 8) // 2) + "' == ''"
    longest = longest.ljust(SOURCE_BYTES_MAX - (len(longest.encode()) - len(longest)))
    assert len(longest.encode()) == SOURCE_BYTES_MAX
    assert not _matches(longest)
    with pytest.raises(ExpressionInvalid, match=f"{SOURCE_BYTES_MAX} are allowed"):
        compile_condition(longest + " ")


@pytest.mark.parametrize(
    ("open_", "close"), [("(", ")"), ("[", "]"), ("!(", ")"), ("size(", ")"), ("1 + (", ")")]
)
def test_deep_nesting_is_refused(open_: str, close: str) -> None:
    with pytest.raises(ExpressionInvalid, match=f"{NESTING_MAX}"):
        compile_condition(open_ * 200 + "1" + close * 200)


@pytest.mark.parametrize("chain", [" + 1" * 200, ".a" * 200, "[0]" * 200])
def test_long_chains_are_refused(chain: str) -> None:
    with pytest.raises(ExpressionInvalid, match=f"{NESTING_MAX}"):
        compile_condition("event" + chain)


@pytest.mark.parametrize("operator", ["&&", "||"])
def test_hundreds_of_conditions_may_be_joined(operator: str) -> None:
    source = f" {operator} ".join(f"event.data.n == {number}" for number in range(300))
    assert _matches(source, n=299) is (operator == "||")


def test_macros_visit_some_thousands_of_elements() -> None:
    assert _matches("event.data.l.exists(x, x.id == 'no') == false", l=[{"id": "a"}] * 10_000)
    assert _matches("event.data.l.all(x, x > 0)", l=[1.0] * 25_000)


@pytest.mark.parametrize(
    "source",
    [
        "event.data.l.exists(x, x.id == 'no')",
        "size(event.data.l.map(x, x)) > 0",
        "event.data.l.exists_one(x, true)",
        "event.data.l.exists(x, event.data.l.exists(y, x == y && false))",
        "event.data.l.all(x, event.data.l.map(y, y) == event.data.l)",
        "event.data.l == event.data.other",
        "1 in event.data.l",
        "event.data.text + event.data.l == ''",
        "event.data.l + event.data.l == []",
        " || ".join(["lowercase(event.data.text) == ''"] * 100),
        " || ".join(["event.data.text.contains('b')"] * 200),
        "event.data.l.exists(x, (event.data.text + event.data.text).contains('b'))",
        _NESTED,
        "event.data.l.all(x, duration('1s') == duration('1s'))",
        "event.data.l.all(x, 'a'.matches('a'))",
        "event.data.l.all(x, date('x') == now() || true)",
        "event.data.l.all(x, now().getHours('No/Where') == 1 || true)",
    ],
)
def test_too_much_work_fails_instead_of_stalling(source: str) -> None:
    big = [{"id": "a"}] * 100_000
    started_s = time.perf_counter()
    with pytest.raises(ExpressionFailed, match="too expensive"):
        _matches(source, l=big, other=list(big), text="a" * 1_000_000)
    assert time.perf_counter() - started_s < _STALL_S


def test_the_last_element_within_the_bound_is_visited() -> None:
    elements_max = COST_MAX // len(("element", "predicate"))
    assert _matches("event.data.l.all(x, true)", l=[1.0] * elements_max)
    with pytest.raises(ExpressionFailed, match="too expensive"):
        _matches("event.data.l.all(x, true)", l=[1.0] * (elements_max + 1))


def test_a_cheap_operand_still_decides_when_the_other_is_too_expensive() -> None:
    assert _matches("event.data.l.exists(x, false) || true", l=[1.0] * 1_000_000)


def test_a_regular_expression_cannot_backtrack_for_ever() -> None:
    started_s = time.perf_counter()
    assert not _matches("event.data.s.matches('^(a+)+$')", s="a" * 30_000 + "b")
    assert time.perf_counter() - started_s < _STALL_S


def test_texts_and_patterns_of_regular_expressions_are_bounded() -> None:
    assert _matches("event.data.s.matches('^a')", s="a" * REGEX_SUBJECT_CHARS_MAX)
    with pytest.raises(ExpressionFailed, match="32768 characters"):
        _matches("event.data.s.matches('^a')", s="a" * (REGEX_SUBJECT_CHARS_MAX + 1))
    assert _matches("'a'.matches(event.data.p)", p="a|" * (REGEX_CHARS_MAX // 2))
    with pytest.raises(ExpressionFailed, match="1024 characters"):
        _matches("'a'.matches(event.data.p)", p="a" * (REGEX_CHARS_MAX + 1))


def test_a_huge_program_of_a_small_pattern_is_refused() -> None:
    with pytest.raises(ExpressionFailed, match="invalid regular expression"):
        _matches("'a'.matches('((a{1000}){1000}){1000}')")


@pytest.mark.parametrize(
    "source",
    [
        "event.data.s.matches('^a$')",
        "'a'.matches(event.data.s)",
        "timestamp('2024-01-02T03:04:05Z' + event.data.s) == now()",
        "duration('1s' + event.data.s) == duration('1s')",
    ],
)
def test_text_after_a_nul_character_is_never_ignored(source: str) -> None:
    with pytest.raises(ExpressionFailed, match="NUL"):
        _matches(source, s="a\0b")


def test_nul_characters_are_ordinary_elsewhere() -> None:
    assert _matches("event.data.s == 'a\0b' && event.data.s.contains('b')", s="a\0b")


def test_text_no_encoder_takes_fails_only_its_own_expression() -> None:
    with pytest.raises(ExpressionFailed):
        _matches("event.data.s.matches('a')", s="\ud800")
    assert _matches("event.data.s != 'a' && bytes(event.data.s) == b'?'", s="\ud800")


def test_a_deeply_nested_event_fails_instead_of_crashing() -> None:
    one: Any = []
    other: Any = []
    for _ in range(50_000):
        one, other = [one], [other]
    with pytest.raises(ExpressionFailed, match="nested too deeply"):
        _matches("event.data.one == event.data.other", one=one, other=other)
    with pytest.raises(ExpressionFailed, match="nested too deeply"):
        key_text(one)


def test_as_many_compiled_expressions_are_kept_as_promised() -> None:
    compiled: list[str] = []
    keep = keep_compiled(lambda source, _variables: compiled.append(source))
    short = [f"{number}" for number in range(COMPILED_MAX)]
    long = [f"{number}".ljust(LONG_SOURCE_CHARS + 1) for number in range(LONG_COMPILED_MAX)]
    for source in [*short, *long, *short, *long]:
        keep(source, frozenset())
    assert compiled == [*short, *long]
    keep("one more", frozenset())
    keep(short[0], frozenset())
    assert compiled[-2:] == ["one more", short[0]]
    keep(long[0], frozenset())
    assert compiled[-1] == short[0]


def test_the_same_expression_is_compiled_once() -> None:
    assert compile_condition("event.data.once == 1") is compile_condition("event.data.once == 1")
