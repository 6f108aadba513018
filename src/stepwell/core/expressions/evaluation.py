"""One evaluation: the variables it reads and the work it may still do.

A frame is a plain list, because closures read it several times per expression: the two events, the
time, the remaining cost, then one slot per nested macro variable.
"""

from collections.abc import Callable
from typing import Any

from stepwell.core.expressions.failures import ExpressionFailed

Frame = list[Any]
Evaluator = Callable[[Frame], Any]

EVENT = 0
ASYNC = 1
NOW_MS = 2
COST = 3
VARIABLES = 4

COST_MAX = 100_000
"""Work one evaluation may do beyond reading each node once, in node evaluations of 0.1 to 0.3 µs.

Macros pay for their body per element, `in` and `==` per element, text functions per 256 characters,
library calls a flat sum. A predicate like `x > 0` can so visit 25,000 elements.
"""

COMPARED_ELEMENT_COST = 4
"""Comparing two elements of lists or maps takes about 0.8 µs."""

LIBRARY_CALL_COST = 50
"""A call into the CEL library takes about 9 µs, reading a date or a time zone a few times that."""


def charge(frame: Frame, cost: int) -> None:
    """Take `cost` from what the evaluation may still do.

    Raises:
        ExpressionFailed: Nothing is left. Every later charge of the same frame fails as well.
    """
    frame[COST] -= cost
    if frame[COST] < 0:
        raise ExpressionFailed("evaluation is too expensive: too many elements or too much text")


def charge_text(frame: Frame, chars: int) -> None:
    """Pay for reading or building a text."""
    if chars >= 256:
        charge(frame, chars >> 8)
