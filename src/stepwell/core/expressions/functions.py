"""The functions and methods an expression may call.

Every entry takes the frame and the arguments (the target of a method first). A missing argument is
handled here, once: predicates are false, `size` is 0, everything else stays missing.

Source: execution semantics, 7.1 and 7.2.
"""

import base64
import binascii
import datetime as dt
import re
from collections.abc import Callable
from typing import Any

import msgspec

from stepwell.core.expressions import dates
from stepwell.core.expressions.arithmetic import INT_MAX, INT_MIN, UINT_MAX
from stepwell.core.expressions.evaluation import (
    LIBRARY_CALL_COST,
    NOW_MS,
    Frame,
    charge,
    charge_text,
)
from stepwell.core.expressions.failures import ExpressionFailed
from stepwell.core.expressions.language import matches_regex
from stepwell.core.expressions.values import (
    MISSING,
    TypeName,
    UnsignedInt,
    is_list,
    is_map,
    no_such_overload,
    text_of,
    type_name,
)

Function = Callable[..., Any]

_WHOLE_NUMBER = re.compile(r"[+-]?[0-9]+")
_DECIMAL_NUMBER = re.compile(
    r"[+-]?(?:(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|inf(?:inity)?|nan)", re.IGNORECASE
)
_NUMBER_CHARS_MAX = 400
_BOOLEANS = {
    **dict.fromkeys(("1", "t", "T", "true", "True", "TRUE"), True),
    **dict.fromkeys(("0", "f", "F", "false", "False", "FALSE"), False),
}


class Overload(msgspec.Struct, frozen=True):
    """One way to call a function: how many arguments, and what a missing argument gives."""

    function: Function
    arguments_min: int
    arguments_max: int
    when_missing: Any


def find(name: str, *, is_method: bool, argument_count: int) -> Overload | None:
    """The function of that name and form, or None. A method's target counts as an argument."""
    overload = (_METHODS if is_method else _GLOBALS).get(name)
    if overload is None:
        return None
    fits = overload.arguments_min <= argument_count <= overload.arguments_max
    return overload if fits else None


def _size(_: Frame, value: Any) -> int:
    if isinstance(value, (str, bytes)) or is_list(value) or is_map(value):
        return len(value)
    raise no_such_overload("size", value)


def _contains(frame: Frame, text: Any, part: Any) -> bool:
    _check_texts(frame, "contains", text, part)
    return part in text


def _starts_with(frame: Frame, text: Any, part: Any) -> bool:
    _check_texts(frame, "startsWith", text, part)
    return bool(text.startswith(part))


def _ends_with(frame: Frame, text: Any, part: Any) -> bool:
    _check_texts(frame, "endsWith", text, part)
    return bool(text.endswith(part))


def _matches(frame: Frame, text: Any, pattern: Any) -> bool:
    _check_texts(frame, "matches", text, pattern)
    # The worst patterns need over a microsecond per character.
    charge(frame, LIBRARY_CALL_COST + len(text))
    return matches_regex(text, pattern)


def _lowercase(frame: Frame, text: Any) -> str:
    _check_texts(frame, "lowercase", text)
    return str(text.lower())


def _uppercase(frame: Frame, text: Any) -> str:
    _check_texts(frame, "uppercase", text)
    return str(text.upper())


def _b64decode(frame: Frame, text: Any) -> str:
    _check_texts(frame, "b64decode", text)
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, ValueError) as error:
        raise ExpressionFailed("b64decode: not the base64 of a UTF-8 text") from error


def _json_parse(frame: Frame, text: Any) -> Any:
    _check_texts(frame, "json_parse", text)
    charge(frame, len(text) >> 5)
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeEncodeError) as error:
        raise ExpressionFailed("json_parse: not the text of a JSON object") from error


def _int(_: Frame, value: Any) -> int:
    match value:
        case bool():
            raise no_such_overload("int", value)
        case int():
            number = int(value)
        case float() if INT_MIN <= value < INT_MAX:
            number = int(value)
        case str() if len(value) <= _NUMBER_CHARS_MAX and _WHOLE_NUMBER.fullmatch(value):
            number = int(value)
        case float() | str():
            raise ExpressionFailed(f"int: {_excerpt(value)} is not a 64-bit integer")
        case dt.datetime():
            number = (value - dates.now(0)) // dt.timedelta(seconds=1)
        case _:
            raise no_such_overload("int", value)
    if not INT_MIN <= number <= INT_MAX:
        raise ExpressionFailed("int: out of range")
    return number


def _uint(_: Frame, value: Any) -> UnsignedInt:
    match value:
        case bool():
            raise no_such_overload("uint", value)
        case int():
            number = int(value)
        case float() if -1 < value < UINT_MAX:
            number = int(value)
        case str() if len(value) <= _NUMBER_CHARS_MAX and _WHOLE_NUMBER.fullmatch(value):
            number = int(value)
        case float() | str():
            raise ExpressionFailed(f"uint: {_excerpt(value)} is not an unsigned 64-bit integer")
        case _:
            raise no_such_overload("uint", value)
    if not 0 <= number <= UINT_MAX:
        raise ExpressionFailed("uint: out of range")
    return UnsignedInt(number)


def _double(_: Frame, value: Any) -> float:
    if type(value) in {float, int, UnsignedInt}:
        return float(value)
    if isinstance(value, str):
        if len(value) <= _NUMBER_CHARS_MAX and _DECIMAL_NUMBER.fullmatch(value):
            return float(value)
        raise ExpressionFailed(f"double: {_excerpt(value)} is not a number")
    raise no_such_overload("double", value)


def _string(frame: Frame, value: Any) -> str:
    if isinstance(value, bytes):
        charge_text(frame, len(value))
        try:
            return value.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ExpressionFailed("string: bytes are not UTF-8") from error
    if value is None or isinstance(value, TypeName) or is_list(value) or is_map(value):
        raise no_such_overload("string", value)
    return text_of(frame, value)


def _bytes(frame: Frame, value: Any) -> bytes:
    if isinstance(value, bytes):
        return value
    _check_texts(frame, "bytes", value)
    return bytes(value.encode("utf-8", "replace"))


def _bool(_: Frame, value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if isinstance(value, str) and value in _BOOLEANS:
        return _BOOLEANS[value]
    raise no_such_overload("bool", value)


def _type(_: Frame, value: Any) -> TypeName:
    return TypeName(type_name(value))


def _dyn(_: Frame, value: Any) -> Any:
    return value


def _date(frame: Frame, value: Any) -> Any:
    charge(frame, 4 * LIBRARY_CALL_COST)
    return dates.read_date(value)


def _timestamp(frame: Frame, value: Any) -> Any:
    charge(frame, LIBRARY_CALL_COST)
    return dates.read_timestamp(value)


def _duration(frame: Frame, value: Any) -> Any:
    charge(frame, LIBRARY_CALL_COST)
    return dates.read_duration(value)


def _now(frame: Frame) -> Any:
    return dates.now(frame[NOW_MS])


def _now_plus(frame: Frame, span: Any) -> Any:
    charge(frame, LIBRARY_CALL_COST)
    return dates.move(dates.now(frame[NOW_MS]), span, sign=1)


def _now_minus(frame: Frame, span: Any) -> Any:
    charge(frame, LIBRARY_CALL_COST)
    return dates.move(dates.now(frame[NOW_MS]), span, sign=-1)


def _part(name: str) -> Overload:
    def part(frame: Frame, value: Any, zone: Any = None) -> int:
        if zone is not None:
            charge(frame, 4 * LIBRARY_CALL_COST)
        return dates.part_of(name, value, zone)

    return Overload(part, 1, 2, MISSING)


def _check_texts(frame: Frame, function: str, *texts: Any) -> None:
    for text in texts:
        if not isinstance(text, str):
            raise no_such_overload(function, *texts)
        charge_text(frame, len(text))


def _excerpt(value: Any) -> str:
    return repr(value)[:40]


_PREDICATES = {
    "contains": Overload(_contains, 2, 2, when_missing=False),
    "startsWith": Overload(_starts_with, 2, 2, when_missing=False),
    "endsWith": Overload(_ends_with, 2, 2, when_missing=False),
    "matches": Overload(_matches, 2, 2, when_missing=False),
}
_CONVERSIONS: dict[str, Function] = {
    "int": _int,
    "uint": _uint,
    "double": _double,
    "string": _string,
    "bytes": _bytes,
    "bool": _bool,
    "type": _type,
    "dyn": _dyn,
    "timestamp": _timestamp,
    "duration": _duration,
    "date": _date,
    "lowercase": _lowercase,
    "uppercase": _uppercase,
    "b64decode": _b64decode,
    "json_parse": _json_parse,
    "now_plus": _now_plus,
    "now_minus": _now_minus,
}
_SIZE = Overload(_size, 1, 1, when_missing=0)
_METHODS = {**_PREDICATES, "size": _SIZE, **{name: _part(name) for name in sorted(dates.PARTS)}}
_GLOBALS = {
    **{name: Overload(function, 1, 1, MISSING) for name, function in _CONVERSIONS.items()},
    "matches": _PREDICATES["matches"],
    "size": _SIZE,
    "now": Overload(_now, 0, 0, MISSING),
}
