"""Whether a run is what a query looks for."""

import operator
from collections.abc import Callable
from typing import Any, Final

import msgspec

from stepwell.core.expressions.failures import ExpressionFailed
from stepwell.core.expressions.language import matches_regex
from stepwell.core.expressions.values import MISSING
from stepwell.core.identity import EventId
from stepwell.core.search.conditions import (
    AllOf,
    AnyOf,
    Comparison,
    Condition,
    Field,
    Literals,
    Membership,
    Not,
    Operator,
    Part,
    TextTest,
)

__all__ = ["PATTERN_TEXT_CHARS_MAX", "EventFacts", "RunFacts", "matches", "matches_event"]

PATTERN_TEXT_CHARS_MAX: Final = 8_192
"""Longest text a pattern is applied to. It takes up to 12 ms, while other threads have to wait."""

Truth = bool | None
"""None is "unknown"."""


class EventFacts(msgspec.Struct, frozen=True, gc=False):
    """What a query may ask about one event of a run.

    Attributes:
        id: Its internal id.
        external_id: The sender's own id; either one answers to `event.id`.
        payload: The event as functions receive it, decoded.
    """

    id: EventId
    external_id: str
    name: str
    ts_ms: int
    payload: dict[str, Any]


class RunFacts(msgspec.Struct, frozen=True, gc=False):
    """What a query may ask about a run.

    Attributes:
        events: All events of a batch; several need not match together. None where they are gone.
        output: What a completed run returned, decoded; MISSING for others.
        error: The error object of a failed run, decoded; MISSING for others.
    """

    events: tuple[EventFacts | None, ...]
    output: Any = MISSING
    error: Any = MISSING


def matches(condition: Condition, run: RunFacts) -> bool:
    """Whether one event of the run satisfies the condition together with output and error.

    Source: GraphQL API, 6 (matching level).
    """
    return any(matches_event(condition, event, run.output, run.error) for event in run.events)


def matches_event(
    condition: Condition, event: EventFacts | None, output: object, error: object
) -> bool:
    """Whether the condition holds for this event, output and error."""
    return _truth(condition, _Facts(event, output, error)) is True


class _Facts(msgspec.Struct, frozen=True, gc=False):
    event: EventFacts | None
    output: Any
    error: Any


def _truth(condition: Condition, facts: _Facts) -> Truth:
    match condition:
        case Comparison(field=field, operator=comparing, value=value):
            return _compared(_values(field, facts), comparing, value)
        case Membership(field=field, values=values):
            return _among(_values(field, facts), values)
        case TextTest(field=field, function=function, argument=argument):
            return _tested(_values(field, facts), _TEXT_TESTS[function], argument)
        case AllOf(conditions=conditions):
            return _all(conditions, facts)
        case AnyOf(conditions=conditions):
            return _any(conditions, facts)
        case Not(condition=inner):
            truth = _truth(inner, facts)
            return None if truth is None else not truth


def _all(conditions: tuple[Condition, ...], facts: _Facts) -> Truth:
    result: Truth = True
    for condition in conditions:
        truth = _truth(condition, facts)
        if truth is False:
            return False
        if truth is None:
            result = None
    return result


def _any(conditions: tuple[Condition, ...], facts: _Facts) -> Truth:
    result: Truth = False
    for condition in conditions:
        truth = _truth(condition, facts)
        if truth is True:
            return True
        if truth is None:
            result = None
    return result


def _values(field: Field, facts: _Facts) -> tuple[Any, ...]:
    """What the field holds: nothing if it is missing, and both ids of an event."""
    value = _part(field.part, facts)
    if value is MISSING:
        return ()
    if field.part is Part.EVENT_ID:
        return (value.id, value.external_id)
    for key in field.keys:
        value = _inside(value, key)
        if value is MISSING:
            return ()
    return (value,)


def _part(part: Part, facts: _Facts) -> Any:
    if part is Part.OUTPUT:
        return facts.output
    if part is Part.ERROR:
        return facts.error
    event = facts.event
    if event is None:
        return MISSING
    match part:
        case Part.EVENT_ID:
            return event
        case Part.EVENT_NAME:
            return event.name
        case Part.EVENT_TS:
            return event.ts_ms
        case Part.EVENT_DATA:
            return event.payload.get("data", MISSING)
        case Part.EVENT_VERSION:
            return event.payload.get("v", MISSING)


def _inside(value: Any, key: str | int) -> Any:
    if type(value) is dict:
        return value.get(key, MISSING)
    if type(value) is list and type(key) is int and 0 <= key < len(value):
        return value[key]
    return MISSING


def _compared(values: tuple[Any, ...], comparing: Operator, literal: Literals) -> Truth:
    if not values:
        return None
    if comparing is Operator.EQUAL:
        return any(_is_equal(value, literal) for value in values)
    if comparing is Operator.UNEQUAL:
        return not any(_is_equal(value, literal) for value in values)
    (value,) = values
    return bool(_ORDER[comparing](value, literal)) if type(value) in _NUMBERS else None


def _among(values: tuple[Any, ...], literals: tuple[Literals, ...]) -> Truth:
    if not values:
        return None
    return any(_is_equal(value, literal) for value in values for literal in literals)


def _tested(values: tuple[Any, ...], test: Callable[[str, str], bool], argument: str) -> Truth:
    texts = [value for value in values if type(value) is str]
    if not texts:
        return None
    try:
        return any(test(text, argument) for text in texts)
    except ExpressionFailed:  # a text that no pattern can be applied to
        return None


def _is_equal(value: Any, literal: Literals) -> bool:
    """Equal in type and value; all numbers are of one type, and true is no number."""
    if type(value) is type(literal):
        return bool(value == literal)
    return type(value) in _NUMBERS and type(literal) in _NUMBERS and value == literal


def _matches_pattern(text: str, pattern: str) -> bool:
    if len(text) > PATTERN_TEXT_CHARS_MAX:
        raise ExpressionFailed(f"matches() on more than {PATTERN_TEXT_CHARS_MAX} characters")
    return matches_regex(text, pattern)


_NUMBERS: Final = frozenset((int, float))
_ORDER: Final[dict[Operator, Callable[[Any, Any], bool]]] = {
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
}
_TEXT_TESTS: Final[dict[str, Callable[[str, str], bool]]] = {
    "startsWith": str.startswith,
    "endsWith": str.endswith,
    "contains": str.__contains__,
    "matches": _matches_pattern,
}
