"""What expressions compute with, and how the dialect compares it.

| CEL | Python |
|---|---|
| null, bool, string, bytes | None, bool, str, bytes |
| double; every number of an event | float; an int inside an event is read as its float |
| int, uint | int, `UnsignedInt` |
| list, map | list and dict in events; tuple and `ComputedMap` when an expression made them |
| timestamp, duration | aware datetime in UTC, timedelta: microseconds, not nanoseconds |
| type | `TypeName` |
| a field that is not there | `MISSING` |

Source: execution semantics, 7.2 and 7.3.
"""

import datetime as dt
import decimal
import enum
import math
import operator
from collections.abc import Iterable, Mapping
from typing import Any, Final

import msgspec

from stepwell.core.expressions.evaluation import (
    COMPARED_ELEMENT_COST,
    COST_MAX,
    Frame,
    charge,
    charge_text,
)
from stepwell.core.expressions.failures import ExpressionFailed


class Missing(enum.Enum):
    """The type of `MISSING`."""

    MISSING = "missing"

    def __bool__(self) -> bool:
        return False


MISSING: Final = Missing.MISSING
"""The value of a field that does not exist; reading it is not an error."""


class UnsignedInt(int):
    """A CEL `uint`. Written `7u` or `uint(x)`; events have none."""


class ComputedMap(dict[Any, Any]):
    """A map an expression made, whose ints are ints. Maps of events are plain dicts."""


class TypeName(msgspec.Struct, frozen=True):
    """A type as a value: what `type(x)` gives and `int`, `string` … name."""

    name: str


_COMPARED_BY_PYTHON = frozenset((str, float, bool, int, UnsignedInt))
_NUMBERS = frozenset((float, int, UnsignedInt))
_COMPUTED_KEYS = _NUMBERS | {str}
_ORDERED = frozenset((str, float, bool, int, UnsignedInt, bytes, dt.datetime, dt.timedelta))
_ORDER = {"<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}
_ZEROS: dict[type, Any] = {str: "", float: 0.0, int: 0, UnsignedInt: UnsignedInt(0), bool: False}
_TYPE_NAMES: dict[type, str] = {
    type(None): "null_type",
    bool: "bool",
    str: "string",
    bytes: "bytes",
    float: "double",
    int: "int",
    UnsignedInt: "uint",
    dt.datetime: "google.protobuf.Timestamp",
    dt.timedelta: "google.protobuf.Duration",
    TypeName: "type",
}


def from_json(value: Any) -> Any:
    """A value read from an event: numbers are doubles, whatever the JSON decoder made of them."""
    return to_double(value) if type(value) is int else value


def to_double(number: float) -> float:
    """The nearest double; infinite where the number is too large."""
    try:
        return float(number)
    except OverflowError:
        return math.inf if number > 0 else -math.inf


def is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple))


def is_map(value: Any) -> bool:
    return isinstance(value, (dict, Mapping))


def elements(container: Any) -> Iterable[Any]:
    """The elements of a list, or the keys of a map."""
    return map(from_json, container) if type(container) is list else container


def lookup(container: Any, key: Any) -> Any:
    """`container[key]`, or MISSING when there is no such element or `container` is no container.

    Source: execution semantics, 7.2.
    """
    if type(container) is ComputedMap:
        return container.get(key, MISSING) if type(key) in _COMPUTED_KEYS else MISSING
    if is_map(container):
        return from_json(container.get(key, MISSING)) if type(key) is str else MISSING
    if not is_list(container) or type(key) not in _NUMBERS or not 0 <= key < len(container):
        return MISSING
    if key != int(key):
        return MISSING
    value = container[int(key)]
    return value if type(container) is tuple else from_json(value)


def is_truthy(value: Any) -> bool:
    """Whether `&&` and `||` take the operand for true: all but missing, null, false, "" and 0.

    Source: execution semantics, 7.4.
    """
    if type(value) in _COMPARED_BY_PYTHON:
        return bool(value)
    return value is not None and value is not MISSING


def equals(frame: Frame, left: Any, right: Any) -> bool:
    """`left == right`; `!=` is always the opposite.

    A missing field equals null and nothing else, not even another missing field. Values of
    different types are different, except numbers, which are compared as doubles.

    Source: execution semantics, 7.2 and 7.3.
    """
    left_type, right_type = type(left), type(right)
    if left_type is right_type and left_type in _COMPARED_BY_PYTHON:
        return bool(left == right)
    if left is MISSING or right is MISSING:
        return left is None or right is None
    if left_type in _NUMBERS and right_type in _NUMBERS:
        return to_double(left) == to_double(right)
    if is_list(left) and is_list(right):
        return _lists_equal(frame, left, right)
    if is_map(left) and is_map(right):
        return _maps_equal(frame, left, right)
    return left_type is right_type and bool(left == right)


def _lists_equal(frame: Frame, left: Any, right: Any) -> bool:
    if len(left) != len(right):
        return False
    for one, other in zip(elements(left), elements(right), strict=True):
        charge(frame, COMPARED_ELEMENT_COST)
        if not equals(frame, one, other):
            return False
    return True


def _maps_equal(frame: Frame, left: Any, right: Any) -> bool:
    if len(left) != len(right):
        return False
    for key in left:
        charge(frame, COMPARED_ELEMENT_COST)
        other = lookup(right, key)
        if other is MISSING or not equals(frame, lookup(left, key), other):
            return False
    return True


def contains(frame: Frame, container: Any, value: Any) -> bool:
    """`value in container`; false when either is missing.

    Source: execution semantics, 7.2.
    """
    if container is MISSING or value is MISSING:
        return False
    if is_map(container):
        return lookup(container, value) is not MISSING
    if not is_list(container):
        raise no_such_overload("in", value, container)
    if type(value) is str:  # A text equals texts only, exactly as in Python: search in C.
        charge(frame, len(container) >> 3)
        return value in container
    for element in elements(container):
        charge(frame, COMPARED_ELEMENT_COST)
        if equals(frame, value, element):
            return True
    return False


def is_ordered(symbol: str, left: Any, right: Any) -> bool:
    """`left < right` and its relatives, by symbol.

    A missing field is smaller than everything known; two missing fields have no order. Null stands
    for the zero of the other operand's type.

    Raises:
        ExpressionFailed: The types have no common order, such as a string and a number.

    Source: execution semantics, 7.2 and 7.3.
    """
    if left is MISSING:
        return right is not MISSING and symbol in {"<", "<="}
    if right is MISSING:
        return symbol in {">", ">="}
    if left is None and right is None:
        return symbol in {"<=", ">="}
    one: Any = _ZEROS.get(type(right)) if left is None else left
    other: Any = _ZEROS.get(type(left)) if right is None else right
    if type(one) is not type(other) and type(one) in _NUMBERS and type(other) in _NUMBERS:
        one, other = to_double(one), to_double(other)
    if type(one) is not type(other) or type(one) not in _ORDERED:
        raise no_such_overload(symbol, left, right)
    return bool(_ORDER[symbol](one, other))


def type_name(value: Any) -> str:
    """The CEL name of a value's type."""
    known = _TYPE_NAMES.get(type(value))
    if known is not None:
        return known
    if value is MISSING:
        return "missing"
    return "list" if is_list(value) else "map"


def no_such_overload(function: str, *operands: Any) -> ExpressionFailed:
    """The failure of applying a function or operator to types it does not take."""
    types = ", ".join(map(type_name, operands))
    return ExpressionFailed(f"no such overload: {function} applied to ({types})")


def text_of(frame: Frame, value: Any) -> str:
    """A value as text, the way `+` joins it: Go's default formatting; missing is "".

    Source: execution semantics, 7.3.
    """
    match value:
        case str():
            charge_text(frame, len(value))
            return value
        case None:
            return "<nil>"
        case Missing.MISSING:
            return ""
        case bool():
            return "true" if value else "false"
        case int():
            return str(int(value))
        case float():
            return double_text(value)
        case bytes():
            return value.decode("utf-8", "replace")
        case dt.datetime():
            return timestamp_text(value)
        case dt.timedelta():
            return duration_text(value)
        case TypeName():
            return value.name
    charge(frame, len(value))
    if is_list(value):
        return "[" + " ".join(text_of(frame, element) for element in elements(value)) + "]"
    pairs = sorted((text_of(frame, key), text_of(frame, lookup(value, key))) for key in value)
    return "map[" + " ".join(f"{key}:{text}" for key, text in pairs) + "]"


def key_text(value: Any) -> str:
    """A result of a key expression as text: `text_of`, within a cost of its own.

    Raises:
        ExpressionFailed: A list or map with too many elements or levels.

    Source: flow control, 1.5.
    """
    try:
        return text_of([None, None, 0, COST_MAX], value)
    except RecursionError as error:
        raise ExpressionFailed("the value is nested too deeply") from error


def double_text(number: float) -> str:
    """A double as Go's `%g` writes it: shortest digits, exponent from 1e+06 and below 1e-04."""
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else f"{number:+}".replace("inf", "Inf")
    size = abs(number)
    if 1e-4 <= size < 1e6 or size == 0:
        return repr(number).removesuffix(".0")
    sign, digits, exponent = decimal.Decimal(repr(number)).normalize().as_tuple()
    assert isinstance(exponent, int)
    first, rest = str(digits[0]), "".join(map(str, digits[1:]))
    mantissa = f"{first}.{rest}" if rest else first
    return f"{'-' if sign else ''}{mantissa}e{exponent + len(rest):+03d}"


def timestamp_text(moment: dt.datetime) -> str:
    """A timestamp as RFC 3339 in UTC, with no more digits of a second than needed."""
    text = moment.strftime("%m-%dT%H:%M:%S")
    fraction = f".{moment.microsecond:06d}".rstrip("0").rstrip(".")
    return f"{moment.year:04d}-{text}{fraction}Z"


def duration_text(span: dt.timedelta) -> str:
    """A duration in seconds, such as `5400s` or `-0.0015s`."""
    microseconds = span // dt.timedelta(microseconds=1)
    seconds, fraction = divmod(abs(microseconds), 1_000_000)
    decimals = f".{fraction:06d}".rstrip("0").rstrip(".")
    return f"{'-' if microseconds < 0 else ''}{seconds}{decimals}s"
