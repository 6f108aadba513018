"""Where the dialect agrees with CEL, Google's library is the oracle."""

from typing import Any

from cel_expr_python import cel
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from stepwell.core.expressions import ExpressionFailed, compile_condition

_ENVIRONMENT = cel.NewEnv(variables={"event": cel.Type.Map(cel.Type.STRING, cel.Type.DYN)})

# Every field exists and has one type; an expression never mixes types where the dialect differs.
_NUMBERS = st.one_of(st.integers(-3, 3).map(float), st.floats(allow_nan=False, width=32))
# Without NUL, at which the library's binding cuts texts.
_CHARACTERS = st.characters(codec="utf-8", exclude_characters="\0")
_TEXTS = st.one_of(st.sampled_from(["", "a", "ab", "b"]), st.text(_CHARACTERS, max_size=4))
_EVENTS = st.fixed_dictionaries(
    {
        "n": _NUMBERS,
        "k": _NUMBERS,
        "s": _TEXTS,
        "t": _TEXTS,
        "b": st.booleans(),
        "l": st.lists(_TEXTS, max_size=3),
        "f": st.lists(_NUMBERS, max_size=3),
        "o": st.fixed_dictionaries({"a": _TEXTS, "n": _NUMBERS}),
    }
)

_number = st.recursive(
    st.sampled_from(
        ["event.n", "event.k", "event.o.n", "1.0", "2.5", "-3.0", "double(size(event.l))"]
    ),
    lambda inner: st.one_of(
        st.builds("({} {} {})".format, inner, st.sampled_from("+-*/"), inner),
        st.builds("-({})".format, inner),
    ),
    max_leaves=3,
)
_integer = st.recursive(
    st.sampled_from(["1", "-7", "3", "size(event.s)", "size(event.l)", "event.f.size()"]),
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from("+-*/%"), inner),
    max_leaves=4,
)
_text = st.recursive(
    st.sampled_from(
        ["event.s", "event.t", "event.o.a", "event['o']['a']", "'a'", "''", '"ab"', "r'\\n'"]
    ),
    lambda inner: st.builds("({} + {})".format, inner, inner),
    max_leaves=3,
)
_order = st.sampled_from(["==", "!=", "<", "<=", ">", ">="])
_comparison = st.one_of(
    st.builds("{} {} {}".format, _number, _order, _number),
    st.builds("{} {} {}".format, _integer, _order, _integer),
    st.builds("{} {} {}".format, _text, _order, _text),
    st.builds("dyn({}) {} {}".format, _number, _order, _integer),
    st.builds("{} in event.l".format, _text),
    st.builds("{} in event.f".format, _number),
    st.builds("{} in event.o".format, _text),
    st.builds(
        "{}.{}({})".format, _text, st.sampled_from(["contains", "startsWith", "endsWith"]), _text
    ),
    st.builds("has(event.{})".format, st.sampled_from(["n", "s", "nothing"])),
    st.builds("event.l == event.l.map(x, {})".format, _text),
    st.builds("string({0}) == string({0})".format, _integer),
    st.builds("type({}) == double".format, _number),
    st.sampled_from(["event.b", "!event.b", "event.l == event.l", "event.o == event.o", "true"]),
)
_predicate = st.one_of(
    st.builds("x {} {}".format, _order, _text),
    st.builds("x.startsWith({})".format, _text),
    st.just("x in event.l.filter(y, y != x)"),
)
_macro = st.builds(
    "event.l.{}(x, {})".format, st.sampled_from(["all", "exists", "exists_one"]), _predicate
)
_conditions = st.recursive(
    st.one_of(_comparison, _macro),
    lambda inner: st.one_of(
        st.builds("({} && {})".format, inner, inner),
        st.builds("({} || {})".format, inner, inner),
        st.builds("!({})".format, inner),
        st.builds("({} ? {} : {})".format, inner, inner, inner),
    ),
    max_leaves=4,
)


@settings(deadline=None)
@given(_conditions, _EVENTS)
def test_ordinary_conditions_give_what_the_cel_library_gives(
    source: str, event: dict[str, Any]
) -> None:
    expected = _ENVIRONMENT.compile(source, disable_check=True).eval(data={"event": event})
    try:
        actual: bool | str = compile_condition(source).matches(event)
    except ExpressionFailed:
        actual = "failed"
    if expected.type() == cel.Type.ERROR:
        assert actual == "failed", expected.value()
    else:
        assert actual == expected.value()


@settings(deadline=None)
@given(st.text(max_size=12), st.text(max_size=12))
def test_any_text_literal_means_the_text(one: str, other: str) -> None:
    assume("'" not in one and "\\" not in one and "\n" not in one and "\r" not in one)
    condition = compile_condition(f"event.s == '{one}'")
    assert condition.matches({"s": one})
    assert condition.matches({"s": other}) is (one == other)
