"""`&&`, `||`, `!` and `? :` as in JavaScript, with CEL's tolerance of errors.

Source: execution semantics, 7.2 and 7.4.
"""

from typing import Any

from stepwell.core.expressions.evaluation import Evaluator, Frame
from stepwell.core.expressions.failures import ExpressionFailed
from stepwell.core.expressions.values import MISSING, is_truthy, no_such_overload


def logical_and(left: Evaluator, right: Evaluator) -> Evaluator:
    """The first falsy operand, or the right one. A failing operand is hidden by a falsy one."""

    def evaluate(frame: Frame) -> Any:
        try:
            value = left(frame)
        except ExpressionFailed:
            other = right(frame)
            if is_truthy(other):
                raise
            return other
        if value is True:
            return right(frame)
        return right(frame) if value is not False and is_truthy(value) else value

    return evaluate


def logical_or(left: Evaluator, right: Evaluator) -> Evaluator:
    """The first truthy operand, or the right one. A failing operand is hidden by a truthy one."""

    def evaluate(frame: Frame) -> Any:
        try:
            value = left(frame)
        except ExpressionFailed:
            other = right(frame)
            if not is_truthy(other):
                raise
            return other
        if value is False:
            return right(frame)
        return value if value is True or is_truthy(value) else right(frame)

    return evaluate


def logical_not(operand: Evaluator) -> Evaluator:
    """The opposite of a bool; false for a missing field; a failure for anything else."""

    def evaluate(frame: Frame) -> bool:
        value = operand(frame)
        if value is True or value is False:
            return not value
        if value is MISSING:
            return False
        raise no_such_overload("!", value)

    return evaluate


def conditional(condition: Evaluator, then: Evaluator, otherwise: Evaluator) -> Evaluator:
    """`condition ? then : otherwise`; a missing condition counts as false."""

    def evaluate(frame: Frame) -> Any:
        value = condition(frame)
        if value is True:
            return then(frame)
        if value is False or value is MISSING:
            return otherwise(frame)
        raise no_such_overload("? :", value)

    return evaluate
