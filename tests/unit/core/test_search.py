"""Queries over runs: what they mean, and what is said about those that mean nothing."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.core.expressions import MISSING
from stepwell.core.identity import EventId, RunId
from stepwell.core.search import (
    COMPARISONS_MAX,
    PATTERN_TEXT_CHARS_MAX,
    PATTERNS_MAX,
    QUERY_CHARS_MAX,
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    EventFacts,
    Field,
    Membership,
    Not,
    Operator,
    Part,
    QueryInvalid,
    RunFacts,
    RunsCursor,
    SearchQuery,
    TextTest,
    decode_cursor,
    encode_cursor,
    matches,
    parse_query,
)

_DATA = {
    "a": 1,
    "b": None,
    "c": "text",
    "d": 1.5,
    "big": 9_007_199_254_740_993,
    "yes": True,
    "list": [{"x": "deep"}, 7],
    "a b": {"c": 2},
    "empty": "",
    "longest": "x" * PATTERN_TEXT_CHARS_MAX,
    "too_long": "x" * (PATTERN_TEXT_CHARS_MAX + 1),
}


def _event(data: Any = None, *, name: str = "shop/order", event_id: str = "01EVENT") -> EventFacts:
    payload = {"name": name, "data": _DATA if data is None else data, "v": "2024-01-01"}
    return EventFacts(EventId(event_id), f"sent-{event_id}", name, 1_700_000_000_000, payload)


_RUN = RunFacts(
    (_event(),),
    output={"total": 12, "ok": True, "tags": ["x"]},
    error={"name": "Error", "message": "card declined: 402", "stack": "at charge"},
)


def _condition(text: str) -> Condition:
    query = parse_query(text)
    assert isinstance(query, SearchQuery), query
    assert query.condition is not None
    return query.condition


def _matches(text: str, run: RunFacts = _RUN) -> bool:
    return matches(_condition(text), run)


@pytest.mark.parametrize(
    "text",
    [
        'event.id == "01EVENT"',
        'event.id == "sent-01EVENT"',
        'event.id != "other"',
        'event.id in ["x", "sent-01EVENT"]',
        'event.id.startsWith("sent-")',
        'event.name == "shop/order"',
        '"shop/order" == event.name',
        'event["name"] == "shop/order"',
        'event.name.startsWith("shop/") && event.name.endsWith("order")',
        'event.v == "2024-01-01"',
        "event.ts == 1700000000000",
        "event.ts > 1699999999999 && 1700000000001 > event.ts",
        "event.data.a == 1",
        "event.data.a == 1.0",
        "event.data.a == 1u",
        "event.data.a != 2",
        "event.data.a >= 1 && event.data.a <= 1 && event.data.a < 2 && event.data.a > -1",
        "event.data.d == 1.5",
        "event.data.big == 9007199254740993",
        "event.data.big != 9007199254740992",
        'event.data.c == "text"',
        'event.data.c != "other"',
        "event.data.yes == true",
        "event.data.yes != false",
        "event.data.b == null",
        "event.data.a != null",
        'event.data.a != "1"',
        "event.data.yes != 1",
        'event.data.list[0].x == "deep"',
        "event.data.list[1] == 7",
        'event.data["a b"].c == 2',
        'event.data.a in [0, 1, "x"]',
        "event.data.b in [null]",
        'event.data.c.contains("ex")',
        'event.data.c.matches("^t.+t$")',
        'event.data.empty.contains("")',
        "output.total == 12",
        "output.ok == true",
        'output.tags[0] == "x"',
        "output != null",
        'error.name == "Error"',
        'error.message.matches("[0-9]{3}$")',
        'event.data.a == 1 && output.total > 10 && error.name != "TypeError"',
        "event.data.a == 2 || event.data.a == 1",
        "!(event.data.a == 2)",
        "!(event.data.a == 2 || event.data.a == 3)",
        '!event.data.c.startsWith("x")',
        "!(!(event.data.a == 1))",
        "event.data.nothing == 1 || event.data.a == 1",
        '\n\n  \nevent.data.a == 1\r\n\nevent.name == "shop/order"\n',
    ],
)
def test_a_run_satisfies(text: str) -> None:
    assert _matches(text)


@pytest.mark.parametrize(
    "text",
    [
        'event.id == "other"',
        'event.id != "01EVENT"',
        'event.id != "sent-01EVENT"',
        '!event.id.startsWith("sent-")',
        'event.name == "shop"',
        "event.data.a == 2",
        'event.data.a == "1"',
        "event.data.yes == 1",
        "event.data.a == true",
        "event.data.c > 1",
        "!(event.data.c > 1)",
        "event.data.b != null",
        "event.data.b == 0",
        "event.data.list[2] == 7",
        "event.data.list.x == 7",
        "event.data.c[0] == 1",
        "event.data.a in []",
        'event.data.a.contains("1")',
        '!event.data.a.contains("1")',
        'event.data.c.matches("^ext")',
        'output.total.startsWith("1")',
        "event.data.a == 1 && event.data.nothing == 1",
        'event.name == "shop/order"\nevent.data.a == 2',
    ],
)
def test_a_run_does_not_satisfy(text: str) -> None:
    assert not _matches(text)


@pytest.mark.parametrize("path", ["event.data.nothing", "event.data.c.d", "output.x", "error.x.y"])
@pytest.mark.parametrize(
    "form",
    ["{} == null", "{} != null", "{} == 1", "{} != 1", "{} > 1", '{} in ["x"]', '{}.contains("")'],
)
def test_a_missing_path_matches_no_comparison_and_no_negated_one(path: str, form: str) -> None:
    """Source: GraphQL API, 6 (null comparison)."""
    assert not _matches(form.format(path))
    assert not _matches(f"!({form.format(path)})")


@pytest.mark.parametrize("text", ["output == null", "output != null", "error == null"])
def test_a_run_without_outcome_has_neither_output_nor_error(text: str) -> None:
    assert not _matches(text, RunFacts((_event(),)))


def test_an_output_of_null_is_null() -> None:
    assert _matches("output == null", RunFacts((_event(),), output=None))


@pytest.mark.parametrize(("text", "holds"), [("output == 1", True), ('event.name != "x"', False)])
def test_a_run_whose_events_are_gone_is_found_by_its_outcome(text: str, *, holds: bool) -> None:
    """Retention may delete events before runs."""
    assert _matches(text, RunFacts((None,), output=1)) is holds


def test_one_event_of_a_batch_has_to_satisfy_the_whole_query() -> None:
    run = RunFacts((_event({"n": 1, "m": 1}), _event({"n": 2, "m": 2})), output={"ok": True})

    assert _matches("event.data.n == 2 && event.data.m == 2 && output.ok == true", run)
    assert _matches("event.data.n == 1\noutput.ok == true", run)
    assert not _matches("event.data.n == 1 && event.data.m == 2", run)
    assert not _matches("event.data.n == 2 && output.ok == false", run)


def test_a_text_that_is_too_long_for_a_pattern_does_not_match() -> None:
    """What a pattern costs grows with the text, so there is a limit."""
    assert _matches('event.data.longest.matches("x")')
    assert not _matches('event.data.too_long.matches("x")')
    assert not _matches('!event.data.too_long.matches("x")')
    assert _matches('event.data.too_long.contains("xx")')


@pytest.mark.parametrize("pattern", ["(x+x+)+y", "(x|x|x)*$", "(x?){50}x{50}"])
def test_no_pattern_takes_exponential_time(pattern: str) -> None:
    """These stall engines that go back; RE2 does not."""
    run = RunFacts((_event({"s": "x" * (PATTERN_TEXT_CHARS_MAX - 1) + "z"}),))

    _matches(f'event.data.s.matches("{pattern}")', run)


@pytest.mark.parametrize(
    "text", ["", "\n \n", "user.x == 1", "event.user.id == 1", 'event == "x"', "event.name.x == 1"]
)
def test_what_runs_do_not_have_restricts_nothing(text: str) -> None:
    query = parse_query(text)

    assert isinstance(query, SearchQuery)
    assert query.condition is None
    assert bool(query.ignored) is bool(text.strip())


def test_what_restricts_nothing_is_as_if_it_were_not_written() -> None:
    ignored = 'user.name == "x"'

    assert _condition(f"{ignored} && event.data.a == 1") == _condition("event.data.a == 1")
    assert _condition(f"{ignored} || event.data.a == 1") == _condition("event.data.a == 1")
    assert _condition(f"!({ignored})\nevent.data.a == 1") == _condition("event.data.a == 1")


@pytest.mark.parametrize(
    ("text", "message", "line", "column"),
    [
        (
            "event.ts == 1 and true",
            "Syntax error: mismatched input 'and' expecting <EOF>\n | event.ts == 1 and true",
            1,
            15,
        ),
        (
            'event.name == "a"\n\n  event..data == 3',
            "Syntax error: no viable alternative at input '..'\n |   event..data == 3",
            3,
            9,
        ),
        ("has(event.data.x)", "macros are currently not supported", 1, 1),
        (
            "event.ts == 1 && event.data.x.exists(y, y == 1)",
            "macros are currently not supported",
            1,
            31,
        ),
        ("event.data.x.map(y, y) == [1]", "macros are currently not supported", 1, 14),
        ("event.data.x.filter(y, y > 1) == 1", "macros are currently not supported", 1, 14),
        ('event.name.startWith("x")', "invalid syntax detected", 1, 12),
        ('"x".startsWith(event.name)', "invalid syntax detected", 1, 5),
        ("event.data.flag", "invalid syntax detected", 1, 1),
        ("  !event.data.flag", "invalid syntax detected", 1, 4),
        ("true", "invalid syntax detected", 1, 1),
        ("1 == 1", "invalid syntax detected", 1, 3),
        ("event.data.a == event.data.b", "invalid syntax detected", 1, 14),
        ("event.data.a + 1 == 2", "invalid syntax detected", 1, 18),
        ("event.data.a == 1 ? true : false", "invalid syntax detected", 1, 19),
        ('event.data.a == b"x"', "invalid syntax detected", 1, 14),
        ('"x" in event.data.list', "invalid syntax detected", 1, 5),
        ("event.data.a in [event.ts]", "invalid syntax detected", 1, 14),
        ("user.a in [1]", "invalid syntax detected", 1, 1),
        ('user.a.contains("x")', "invalid syntax detected", 1, 1),
        ('event.ts.contains("x")', "invalid syntax detected", 1, 10),
        ("event.name.contains(1)", "invalid syntax detected", 1, 21),
        ("event.data.a[event.ts] == 1", "invalid syntax detected", 1, 24),
        ("event.name == 3", "expects 'event.name' to be a string: 3", 1, 15),
        ("event.id == null", "expects 'event.id' to be a string: null", 1, 13),
        ("true == event.v", "expects 'event.v' to be a string: true", 1, 1),
        ('event.name in ["a", 1.5]', "expects 'event.name' to be a string: 1.5", 1, 21),
        ('event.ts == "now"', "expects 'event.ts' to be an integer: now", 1, 13),
        ("event.ts > 1.5", "expects 'event.ts' to be an integer: 1.5", 1, 12),
        ('event.name > "a"', "unsupported string operator: >", 1, 12),
        ('event.data.x <= "a"', "unsupported string operator: <=", 1, 14),
        (
            "event.data.x >= null",
            "unsupported null operator: >= (only == and != are supported for null)",
            1,
            14,
        ),
        ("event.data.x < true", "unsupported boolean operator: <", 1, 14),
        ('event.name.matches("(")', "invalid regular expression: missing ): (", 1, 20),
        ('event.name == "a\0" || x', "the query has a NUL character", 1, 17),
        ("(" * 40 + "event.ts == 1" + ")" * 40, "Expression recursion limit exceeded", 1, 1),
        ("x" * (QUERY_CHARS_MAX + 1), "the query has 4097 characters; 4096 are allowed", 1, 1),
    ],
)
def test_a_query_that_is_none_says_what_is_wrong_and_where(
    text: str, message: str, line: int, column: int
) -> None:
    """Source: GraphQL API, 6 (validation)."""
    invalid = parse_query(text)

    assert isinstance(invalid, QueryInvalid)
    assert invalid.message.startswith(message)
    assert (invalid.line, invalid.column) == (line, column)
    assert invalid.reason


def test_a_lone_surrogate_is_no_query() -> None:
    assert isinstance(parse_query('event.name == "\ud800"'), QueryInvalid)


def test_a_query_compares_with_a_bounded_number_of_literals() -> None:
    within = f"event.data.a in {list(range(COMPARISONS_MAX))}"
    beyond = f"{within}\nevent.data.b == 1"

    assert isinstance(parse_query(within), SearchQuery)
    invalid = parse_query(beyond)
    assert isinstance(invalid, QueryInvalid)
    assert invalid.line == 2


def test_a_query_has_a_bounded_number_of_patterns() -> None:
    within = "\n".join(['error.message.matches("x")'] * PATTERNS_MAX)

    assert isinstance(parse_query(within), SearchQuery)
    invalid = parse_query(f'{within}\nerror.name.matches("x")')
    assert isinstance(invalid, QueryInvalid)
    assert invalid.line == PATTERNS_MAX + 1


def test_a_query_of_the_greatest_length_is_read() -> None:
    text = "event.ts == 1"

    assert isinstance(parse_query(text + " " * (QUERY_CHARS_MAX - len(text))), SearchQuery)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ('event.name == "a"', {"a"}),
        ('event.name in ["a", "b"] && event.data.x == 1', {"a", "b"}),
        ('event.name == "a"\nevent.name in ["a", "b"]', {"a"}),
        ('event.name == "a" && event.name == "b"', {"a"}),
        ('event.name == "a" || event.data.x == 1', None),
        ('!(event.name == "a")', None),
        ('event.name != "a"', None),
        ("event.data.x == 1", None),
    ],
)
def test_the_names_that_events_must_have_are_known(text: str, names: set[str] | None) -> None:
    """So that the events of most runs need not be read."""
    query = parse_query(text)

    assert isinstance(query, SearchQuery)
    assert query.event_names == names


@pytest.mark.parametrize(
    ("text", "ids"),
    [
        ('event.id == "a"', {"a"}),
        ('event.id in ["a", "b"] && event.name == "x"', {"a", "b"}),
        ('event.id in ["a", "b"] && event.id == "c"', {"c"}),
        ('event.id == "a" || event.data.x == 1', None),
        ('event.id != "a"', None),
    ],
)
def test_the_ids_that_events_must_have_are_known(text: str, ids: set[str] | None) -> None:
    """So that runs of such events are looked up instead of looked for."""
    query = parse_query(text)

    assert isinstance(query, SearchQuery)
    assert query.event_ids == ids


def test_the_parts_that_must_be_read_are_known() -> None:
    query = parse_query('event.name == "a" && (output.x == 1 || error.y != 2)')

    assert isinstance(query, SearchQuery)
    assert query.parts == {Part.EVENT_NAME, Part.OUTPUT, Part.ERROR}


_FIELDS = [
    "event.id",
    "event.name",
    "event.ts",
    "event.data.a",
    "event.data.b[0]",
    "output",
    "output.a",
    "error.a",
]
_SCALARS = st.sampled_from([None, True, False, 0, 1, 2, 1.5, "", "a", "ab"])
_DOCUMENTS = st.one_of(
    st.just(MISSING),
    _SCALARS,
    st.fixed_dictionaries({}, optional={"a": _SCALARS, "b": st.lists(_SCALARS, max_size=2)}),
)


def _literal(value: object) -> str:
    return json.dumps(value)


@st.composite
def _atoms(draw: st.DrawFn) -> str:
    field = draw(st.sampled_from(_FIELDS))
    values: st.SearchStrategy[Any] = _SCALARS
    operators = ["==", "!="]
    if field in {"event.id", "event.name"}:
        values = st.sampled_from(["a", "ab", "b"])
    if field == "event.ts":
        values = st.integers(0, 2)
    match draw(st.integers(0, 2)):
        case 0 if field != "event.ts":
            function = draw(st.sampled_from(["startsWith", "endsWith", "contains", "matches"]))
            return f'{field}.{function}("a")'
        case 1:
            listed = ", ".join(map(_literal, draw(st.lists(values, max_size=3))))
            return f"{field} in [{listed}]"
    value = draw(values)
    if type(value) in (int, float):
        operators += ["<", "<=", ">", ">="]
    parts = [field, draw(st.sampled_from(operators)), _literal(value)]
    if draw(st.booleans()):
        flipped = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
        parts = [parts[2], flipped.get(parts[1], parts[1]), field]
    return " ".join(parts)


_QUERIES = st.recursive(
    _atoms(),
    lambda inner: st.one_of(
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) && ({two[1]})"),
        st.tuples(inner, inner).map(lambda two: f"({two[0]}) || ({two[1]})"),
        inner.map(lambda one: f"!({one})"),
    ),
    max_leaves=8,
)


def _naive_values(field: Field, event: EventFacts, run: RunFacts) -> list[Any]:
    parts: dict[str, list[Any]] = {
        "event.id": [event.id, event.external_id],
        "event.name": [event.name],
        "event.ts": [event.ts_ms],
        "event.v": [event.payload.get("v", MISSING)],
        "event.data": [event.payload.get("data", MISSING)],
        "output": [run.output],
        "error": [run.error],
    }
    whole = parts[field.part.value]
    for key in field.keys:
        try:
            whole = [whole[0][key]]
        except (KeyError, IndexError, TypeError):
            return []
    return [value for value in whole if value is not MISSING]


def _naively(condition: Condition, event: EventFacts, run: RunFacts, *, wanted: bool) -> bool:
    """Whether the condition is certainly true, or with `wanted=False` certainly false.

    Negation is pushed down to the comparisons, as the reference describes it.
    """
    match condition:
        case Not(condition=inner):
            return _naively(inner, event, run, wanted=not wanted)
        case AllOf(conditions=conditions) | AnyOf(conditions=conditions):
            combine = all if isinstance(condition, AllOf) is wanted else any
            return combine(_naively(inner, event, run, wanted=wanted) for inner in conditions)
    values = _naive_values(condition.field, event, run)
    match condition:
        case Comparison(operator=Operator.EQUAL, value=literal):
            found = [json.dumps(value) for value in map(_number, values)]
            return bool(values) and (json.dumps(_number(literal)) in found) is wanted
        case Comparison(operator=Operator.UNEQUAL, field=field, value=literal):
            equal = Comparison(field, Operator.EQUAL, literal)
            return _naively(equal, event, run, wanted=not wanted)
        case Comparison(operator=operator, value=literal):
            numbers = [value for value in values if type(value) in (int, float)]
            return any(eval(f"{n} {operator.value} {literal}") is wanted for n in numbers)
        case Membership(field=field, values=literals):
            equals = [Comparison(field, Operator.EQUAL, literal) for literal in literals]
            any_equal = any(_naively(equal, event, run, wanted=True) for equal in equals)
            return bool(values) and any_equal is wanted
        case TextTest(function=function):
            texts = [value for value in values if isinstance(value, str)]
            found_any = any(
                text.endswith("a")
                if function == "endsWith"
                else text.startswith("a")
                if function == "startsWith"
                else "a" in text
                for text in texts
            )
            return bool(texts) and found_any is wanted


def _number(value: Any) -> Any:
    return float(value) if type(value) is int else value


@given(_QUERIES, st.lists(_DOCUMENTS, min_size=1, max_size=2), _DOCUMENTS, _DOCUMENTS)
def test_evaluation_agrees_with_the_definition(
    text: str, data: list[Any], output: Any, error: Any
) -> None:
    """Negation pushed down and three-valued logic are two ways to the same runs."""
    events = tuple(
        EventFacts(
            EventId(f"a{number}"), "ab", "ab", number, {} if value is MISSING else {"data": value}
        )
        for number, value in enumerate(data)
    )
    run = RunFacts(events, output, error)
    condition = _condition(text)

    expected = any(_naively(condition, event, run, wanted=True) for event in events)
    assert matches(condition, run) is expected


@given(st.text(max_size=60))
def test_any_text_is_a_query_or_an_error_with_a_place(text: str) -> None:
    found = parse_query(text)

    if isinstance(found, QueryInvalid):
        lines = text.split("\n")
        assert 1 <= found.line <= len(lines)
        assert 1 <= found.column <= len(lines[found.line - 1]) + 1


_ULIDS = st.text("0123456789ABCDEFGHJKMNPQRSTVWXYZ", min_size=26, max_size=26)


@given(st.integers(0, 2**48 - 1), _ULIDS)
def test_a_cursor_survives_the_way_to_the_client(at_ms: int, run_id: str) -> None:
    cursor = RunsCursor(at_ms, RunId(run_id))

    assert decode_cursor(encode_cursor(cursor)) == cursor


def _encoded(value: object) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "x",
        "é",
        "====",
        _encoded([]),
        _encoded({}),
        _encoded({"v": 1}),
        _encoded({"v": "1", "id": "0" * 26}),
        _encoded({"v": -1, "id": "0" * 26}),
        _encoded({"v": 2**48, "id": "0" * 26}),
        _encoded({"v": 1, "id": "short"}),
        _encoded({"v": 1, "id": "0" * 26, "x": "y" * 200}),
        _encoded({"v": 1, "id": "0" * 26})[:-4],
    ],
)
def test_what_is_no_cursor_stands_for_the_first_page(text: str) -> None:
    """Source: GraphQL API, 3.4 (cursor)."""
    assert decode_cursor(text) is None
