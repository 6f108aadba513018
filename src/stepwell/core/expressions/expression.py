"""Conditions and key expressions: compiled once, evaluated for every event.

Source: execution semantics, 7.1.
"""

from collections.abc import Mapping
from typing import Any

from stepwell.core.expressions.compilation import Compiler, UnknownName
from stepwell.core.expressions.compiled_cache import keep_compiled
from stepwell.core.expressions.evaluation import COST_MAX, Evaluator, Frame
from stepwell.core.expressions.failures import ExpressionFailed, ExpressionInvalid
from stepwell.core.expressions.language import type_error
from stepwell.core.expressions.syntax import Node, read_tree
from stepwell.core.expressions.values import type_name

TRIGGER: frozenset[str] = frozenset({"event"})
"""The variables of triggers, keys, priorities and batch conditions."""

WAIT: frozenset[str] = frozenset({"event", "async"})
"""The variables of waits and cancellations: the trigger event and the incoming one."""


class Expression:
    """A compiled expression. Immutable; safe to share and to keep.

    Attributes:
        source: The text it was compiled from.
    """

    __slots__ = ("_evaluator", "_variables", "source")

    source: str

    def __init__(self, source: str, evaluator: Evaluator, *, slot_count: int) -> None:
        self.source = source
        self._evaluator = evaluator
        self._variables = [None] * slot_count

    def __repr__(self) -> str:
        return f"Expression({self.source!r})"

    def matches(
        self,
        event: Mapping[str, Any],
        async_event: Mapping[str, Any] | None = None,
        *,
        now_ms: int = 0,
    ) -> bool:
        """Whether the condition holds for the events.

        Args:
            event: Decoded JSON with the keys `name`, `data`, `user`, `id`, `ts` …; numbers may be
                ints or floats, expressions see doubles.
            async_event: The incoming event, where the expression knows `async`.
            now_ms: The time for `now()`, `now_plus()` and `now_minus()`.

        Raises:
            ExpressionFailed: The result is neither true nor false, or there is none. The caller
                treats the condition as not met.
        """
        result = self.value(event, async_event, now_ms=now_ms)
        if result is True or result is False:
            return bool(result)
        raise ExpressionFailed(f"the condition gives a {type_name(result)} value, not a bool")

    def value(
        self,
        event: Mapping[str, Any],
        async_event: Mapping[str, Any] | None = None,
        *,
        now_ms: int = 0,
    ) -> Any:
        """What the expression gives: a value as in the table of `values`, or MISSING.

        Raises:
            ExpressionFailed: There is none: wrong operand types, or too expensive.
        """
        frame: Frame = [event, async_event, now_ms, COST_MAX, *self._variables]
        try:
            return self._evaluator(frame)
        except RecursionError as error:
            raise ExpressionFailed("the event is nested too deeply") from error


def compile_condition(source: str, *, variables: frozenset[str] = TRIGGER) -> Expression:
    """Compile an expression. Names are checked, types are not: `check_condition` does that.

    Args:
        source: CEL, at most `SOURCE_BYTES_MAX` bytes.
        variables: `TRIGGER` or `WAIT`. Missing fields are MISSING in both; for the null of
            interpolated waits use `bind_trigger` and `wait_matches`.

    Raises:
        ExpressionInvalid: It does not parse, or uses an unknown variable or function.
    """
    return _compile(source, variables)


@keep_compiled
def _compile(source: str, variables: frozenset[str]) -> Expression:
    return compile_tree(source, read_tree(source), variables=variables, interpolates=False)


def compile_tree(
    source: str, tree: Node, *, variables: frozenset[str], interpolates: bool
) -> Expression:
    """Compile a part of a parsed expression.

    Args:
        source: The whole text, for error messages.
        tree: The part.
        variables: As in `compile_condition`.
        interpolates: Whether missing fields of `event` are null (reference 7.5).

    Raises:
        ExpressionInvalid: An unknown variable or function, in the words of the type checker.
    """
    compiler = Compiler(variables, interpolates=interpolates)
    try:
        evaluator = compiler.compile(tree)
    except UnknownName as error:
        raise ExpressionInvalid(source, type_error(source, variables) or str(error)) from error
    return Expression(source, evaluator, slot_count=compiler.slot_count)


def check_condition(source: str, variables: frozenset[str] = TRIGGER) -> str | None:
    """Why a condition must be refused at registration, or None: syntax, names and types.

    The type of the result is not checked, since fields of events have none.

    Source: execution semantics, 7.1 and 7.7.
    """
    try:
        compile_condition(source, variables=variables)
    except ExpressionInvalid as error:
        return error.reason
    return type_error(source, variables)


def check_value(source: str) -> str | None:
    """Why a key or priority expression must be refused at registration, or None."""
    return check_condition(source, TRIGGER)
