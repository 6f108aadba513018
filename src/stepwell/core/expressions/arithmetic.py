"""`+`, `-`, `*`, `/`, `%` and negation.

Numbers are only calculated with numbers of the same type: a number of an event is a double, a
literal without a point is an int. The reference joins such a pair as text with `+` and refuses it
elsewhere, and so do we; `event.data.n + 1.0` and `int(event.data.n) + 1` calculate.

Source: execution semantics, 7.2 and 7.3.
"""

import datetime as dt
import math
from collections.abc import Callable
from typing import Any

from stepwell.core.expressions.evaluation import Frame, charge, charge_text
from stepwell.core.expressions.failures import ExpressionFailed
from stepwell.core.expressions.values import (
    MISSING,
    UnsignedInt,
    elements,
    is_list,
    no_such_overload,
    text_of,
)

INT_MIN, INT_MAX, UINT_MAX = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1

_JOINED_AS_TEXT = (str, float, int, UnsignedInt, bool, list, tuple)


def add(frame: Frame, left: Any, right: Any) -> Any:
    """`left + right`: the sum, or both as text when their types differ.

    A missing or null operand adds nothing: the other one is the result.

    Raises:
        ExpressionFailed: Such values cannot be added, or the sum is too large.
    """
    if left is MISSING or left is None:
        return right if right is not None else left
    if right is MISSING or right is None:
        return left
    if type(left) is type(right) and isinstance(left, (float, int, str, bytes)):
        if not isinstance(left, bool):
            return _sum(frame, left, right)
    elif is_list(left) and is_list(right):
        charge(frame, len(left) + len(right))
        return (*elements(left), *elements(right))
    elif isinstance(left, _JOINED_AS_TEXT) and isinstance(right, _JOINED_AS_TEXT):
        return text_of(frame, left) + text_of(frame, right)
    elif isinstance(left, (dt.datetime, dt.timedelta)):
        return _move(left, right, forward=True)
    raise no_such_overload("+", left, right)


def subtract(left: Any, right: Any) -> Any:
    """`left - right`: of numbers, timestamps and durations."""
    if isinstance(left, (dt.datetime, dt.timedelta)) and right is not MISSING:
        return _move(left, right, forward=False)
    return _calculate("-", left, right, lambda one, other: one - other)


def multiply(left: Any, right: Any) -> Any:
    """`left * right`."""
    return _calculate("*", left, right, lambda one, other: one * other)


def divide(left: Any, right: Any) -> Any:
    """`left / right`: whole numbers are cut towards zero, doubles may become infinite."""
    return _calculate("/", left, right, _quotient)


def remainder(left: Any, right: Any) -> Any:
    """`left % right` of whole numbers; the sign is that of `left`."""
    if isinstance(left, float) and isinstance(right, float):
        raise no_such_overload("%", left, right)
    return _calculate("%", left, right, _remainder)


def negate(operand: Any) -> Any:
    """`-operand` of an int or a double."""
    if operand is MISSING:
        return MISSING
    if type(operand) is float:
        return -operand
    if type(operand) is int:
        return _bounded(-operand, int)
    raise no_such_overload("-", operand)


def _sum(frame: Frame, left: Any, right: Any) -> Any:
    if isinstance(left, (str, bytes)):
        charge_text(frame, len(left) + len(right))
        return left + right
    return _bounded(left + right, type(left))


def _move(left: Any, right: Any, *, forward: bool) -> Any:
    symbol = "+" if forward else "-"
    spans = isinstance(left, dt.timedelta), isinstance(right, dt.timedelta)
    if not forward and isinstance(left, dt.datetime) and isinstance(right, dt.datetime):
        return left - right
    is_moment = isinstance(right, dt.datetime)
    if not spans[1] and not (forward and spans[0] and is_moment):
        raise no_such_overload(symbol, left, right)
    try:
        return left + right if forward else left - right
    except OverflowError as error:
        raise ExpressionFailed("timestamp or duration out of range") from error


def _calculate(symbol: str, left: Any, right: Any, operation: Callable[[Any, Any], Any]) -> Any:
    if left is MISSING or right is MISSING:
        return MISSING
    if type(left) is not type(right) or type(left) not in {float, int, UnsignedInt}:
        raise no_such_overload(symbol, left, right)
    return _bounded(operation(left, right), type(left))


def _bounded(result: Any, result_type: type) -> Any:
    if result_type is float:
        return float(result)
    if result_type is int and INT_MIN <= result <= INT_MAX:
        return int(result)
    if result_type is UnsignedInt and 0 <= result <= UINT_MAX:
        return UnsignedInt(result)
    raise ExpressionFailed("integer overflow")


def _quotient(left: Any, right: Any) -> Any:
    if isinstance(left, float):
        if right == 0.0:
            sign = math.copysign(1.0, left) * math.copysign(1.0, right)
            return math.nan if left == 0.0 or math.isnan(left) else sign * math.inf
        return left / right
    if right == 0:
        raise ExpressionFailed("division by zero")
    size = abs(left) // abs(right)
    return size if (left < 0) == (right < 0) else -size


def _remainder(left: Any, right: Any) -> Any:
    if right == 0:
        raise ExpressionFailed("modulus by zero")
    size = abs(left) % abs(right)
    return size if left >= 0 else -size
