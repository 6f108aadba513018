"""What Google's CEL library decides for us: syntax, types, regular expressions, dates.

`cel-expr-python` is the authority on what is CEL. It lexes, parses, expands macros, resolves
names, checks types and words the compiler errors. It also runs the parts of the standard library
where a second implementation would be a risk: regular expressions (RE2: linear time, so a pattern
cannot stall the server) and the texts of timestamps and durations.

It does not evaluate conditions. Its evaluation is strict CEL: a missing field is an error, `null`
has no order, `&&` wants bools. The dialect we must speak (reference 7.2 to 7.5) decides otherwise
in nearly every operator, so a syntax tree is decoded from the library's serialised form (`syntax`)
and compiled to closures (`compilation`). That is the only evaluator, so fast and slow answers
cannot differ; tests compare it with the library's own evaluation where the dialect agrees with CEL.

Source: execution semantics, 7.1.
"""

import datetime as dt
import functools

from cel_expr_python import cel

from stepwell.core.expressions.failures import ExpressionFailed, ExpressionInvalid

SOURCE_BYTES_MAX = 8 * 1024
"""Longest expression. Real ones are below 500 bytes; compiling 8 KiB takes up to 40 ms, once."""

NESTING_MAX = 32
"""Deepest nesting of operators, calls and parentheses: the limit built into the library's parser.

Chains of `&&` and `||` are balanced by the parser and do not count.
"""

REGEX_CHARS_MAX = 1024
"""Longest regular expression; RE2 also bounds the size of the compiled program."""

REGEX_SUBJECT_CHARS_MAX = 32 * 1024
"""Longest text given to a regular expression. RE2 needs up to 1.5 µs per character."""

_ERROR_PREFIXES = ("INVALID_ARGUMENT: ", "CANCELLED: ", "UNKNOWN: ", "OUT_OF_RANGE: ")
_SCALARS = ("INT", "UINT", "DOUBLE", "BOOL", "STRING")

# `+` is declared anew below: the dialect joins operands of different types as text.
_CONFIG = """
name: stepwell
stdlib:
  exclude_functions:
    - name: "_+_"
"""


def parse(source: str) -> bytes:
    """The serialised syntax tree (a `cel.expr.ParsedExpr` in an `Any`) of an expression.

    Raises:
        ExpressionInvalid: Not CEL, too long (`SOURCE_BYTES_MAX`) or too deep (`NESTING_MAX`).
    """
    source_bytes = len(source.encode("utf-8", "replace"))
    if source_bytes > SOURCE_BYTES_MAX:
        reason = f"the expression is {source_bytes} bytes long; {SOURCE_BYTES_MAX} are allowed"
        raise ExpressionInvalid(source, reason)
    try:
        expression = _environment(frozenset()).compile(source, disable_check=True)
    except (RuntimeError, TypeError) as error:  # TypeError: the text has lone surrogates
        raise ExpressionInvalid(source, _reason(error)) from error
    serialized: bytes = expression.serialize()
    return serialized


def type_error(source: str, variables: frozenset[str]) -> str | None:
    """What the type checker objects to, or None. The expression must be parsed already.

    Source: execution semantics, 7.1.
    """
    try:
        _environment(variables).compile(source)
    except (RuntimeError, TypeError) as error:
        return _reason(error)
    return None


def matches_regex(text: str, pattern: str) -> bool:
    """Whether the RE2 pattern occurs anywhere in the text.

    Raises:
        ExpressionFailed: The pattern is not RE2, or a text is too long or has a NUL character.
    """
    if len(pattern) > REGEX_CHARS_MAX:
        raise ExpressionFailed(f"regular expression longer than {REGEX_CHARS_MAX} characters")
    if len(text) > REGEX_SUBJECT_CHARS_MAX:
        raise ExpressionFailed(f"matches() on more than {REGEX_SUBJECT_CHARS_MAX} characters")
    found = _standard_function("text.matches(pattern)", {"text": text, "pattern": pattern})
    assert isinstance(found, bool)
    return found


def parse_timestamp(text: str) -> dt.datetime:
    """The moment written as RFC 3339, in UTC, cut to microseconds.

    Raises:
        ExpressionFailed: Another format, or outside the years 1 to 9999.
    """
    moment = _standard_function("timestamp(text)", {"text": text})
    assert isinstance(moment, dt.datetime)
    return moment


def parse_duration(text: str) -> dt.timedelta:
    """The span written like `1h30m` or `-1.5s`, cut to microseconds.

    Raises:
        ExpressionFailed: Another format; days and longer units do not exist.
    """
    span = _standard_function("duration(text)", {"text": text})
    assert isinstance(span, dt.timedelta)
    return span


def _standard_function(source: str, arguments: dict[str, str]) -> object:
    if any("\0" in text for text in arguments.values()):
        # The binding cuts arguments at NUL: without this the answer would be about another text.
        raise ExpressionFailed("text with a NUL character")
    try:
        result = _standard_program(source).eval(data=arguments)
        value: object = result.value()
    except RuntimeError as error:  # texts with lone surrogates, dates Python cannot hold
        raise ExpressionFailed(_reason(error)) from error
    except (OverflowError, ValueError) as error:
        raise ExpressionFailed(str(error)) from error
    if result.type() == cel.Type.ERROR:
        raise ExpressionFailed(str(value))
    return value


@functools.cache
def _standard_program(source: str) -> cel.Expression:
    variables = {"text": cel.Type.STRING, "pattern": cel.Type.STRING}
    return cel.NewEnv(variables=variables).compile(source)


@functools.lru_cache(maxsize=8)
def _environment(variables: frozenset[str]) -> cel.Env:
    text, moment = cel.Type.STRING, cel.Type.TIMESTAMP
    event_type = cel.Type.Map(text, cel.Type.DYN)
    return cel.NewEnv(
        config=cel.NewEnvConfigFromYaml(_CONFIG),
        variables=dict.fromkeys(sorted(variables), event_type),
        functions=[
            cel.FunctionDecl("_+_", _addition()),
            _function("lowercase", text, text),
            _function("uppercase", text, text),
            _function("b64decode", text, text),
            _function("json_parse", event_type, text),
            _function("date", moment, cel.Type.DYN),
            _function("now", moment),
            _function("now_plus", moment, text),
            _function("now_minus", moment, text),
        ],
    )


def _function(name: str, result: cel.Type, *parameters: cel.Type) -> cel.FunctionDecl:
    return cel.FunctionDecl(name, [_overload(f"stepwell_{name}", result, *parameters)])


def _overload(overload_id: str, result: cel.Type, *parameters: cel.Type) -> cel.Overload:
    return cel.Overload(overload_id, result, list(parameters), is_member=False)


def _addition() -> list[cel.Overload]:
    """`+` as in standard CEL, and text from operands of different types."""
    kind = cel.Type
    moment, span, items = kind.TIMESTAMP, kind.DURATION, kind.List(kind.DYN)
    overloads = [
        _overload(f"add_{one}".lower(), getattr(kind, one), getattr(kind, one), getattr(kind, one))
        for one in ("INT", "UINT", "DOUBLE", "STRING", "BYTES", "DURATION")
    ]
    overloads += [
        _overload("add_list", items, items, items),
        _overload("add_timestamp_duration", moment, moment, span),
        _overload("add_duration_timestamp", moment, span, moment),
        _overload("join_string_list", kind.STRING, kind.STRING, items),
        _overload("join_list_string", kind.STRING, items, kind.STRING),
    ]
    return overloads + [
        _overload(
            f"join_{one}_{other}".lower(), kind.STRING, getattr(kind, one), getattr(kind, other)
        )
        for one in _SCALARS
        for other in _SCALARS
        if one != other
    ]


def _reason(error: Exception) -> str:
    if isinstance(error, TypeError):
        return "the expression is not valid Unicode text"
    reason = str(error)
    for prefix in _ERROR_PREFIXES:
        reason = reason.removeprefix(prefix)
        reason = reason.removesuffix(f" [{prefix[:-2]}]")
    return reason
