"""Key expressions, and what they say in Python: an evaluation that knows nothing of CEL."""

from collections.abc import Callable, Mapping
from typing import Any

__all__ = [
    "BIG",
    "KEY",
    "NONSENSE",
    "NUMBER",
    "SMALL",
    "Event",
    "has_value",
    "optional_value",
    "shared_value",
]

Event = Mapping[str, Any]

KEY = "event.data.key"
NUMBER = "event.data.n"
BIG = "event.data.n > 5"
SMALL = "event.data.n <= 5"
#: Numbers have no size.
NONSENSE = "size(event.data.n)"

_MISSING = object()
_FAILED = object()


def _compared(compare: Callable[[Any], bool]) -> Callable[[Event], Any]:
    def value(event: Event) -> Any:
        number = event["data"].get("n", _MISSING)
        return number if number is _MISSING else compare(number)

    return value


_VALUES: Mapping[str, Callable[[Event], Any]] = {
    KEY: lambda event: event["data"].get("key", _MISSING),
    NUMBER: lambda event: event["data"].get("n", _MISSING),
    BIG: _compared(lambda number: number > 5),
    SMALL: _compared(lambda number: number <= 5),
    NONSENSE: lambda _event: _FAILED,
}


def shared_value(expression: str | None, event: Event) -> str:
    """The value under which the event shares a concurrency limit, throttle, debounce or batch."""
    if not expression:
        return ""
    value = _VALUES[expression](event)
    if value is _FAILED:
        return "(failed)"
    return "false" if value is _MISSING or value is False else str(value)


def optional_value(expression: str | None, event: Event) -> str | None:
    """The value for rate limits, idempotency and singletons; None when they do not apply."""
    if not expression:
        return ""
    value = _VALUES[expression](event)
    is_nothing = value is _MISSING or value is _FAILED or value is False
    return None if is_nothing else str(value)


def has_value(expression: str | None, event: Event) -> bool:
    """Whether a condition is true."""
    return not expression or _VALUES[expression](event) is True
