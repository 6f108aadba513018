"""What the key expressions of a function's limits give for an event.

Keys are evaluated once, when a run is created or an event is let in, and kept with the run. A
result that is no text counts as its text. No key can fail an event: what a missing attribute and
an error mean is said for each kind of limit.

Source: flow control, 1.5 and 8.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from stepwell.core.expressions import (
    MISSING,
    ExpressionFailed,
    ExpressionInvalid,
    compile_condition,
    key_text,
)
from stepwell.core.lanes import KeyKind, LaneKey, expression_hash, short_value
from stepwell.wire.config import FunctionConfig
from stepwell.wire.events import expression_value

__all__ = [
    "PRIORITY_S_MAX",
    "EventValue",
    "condition_holds",
    "event_value",
    "has_run_keys",
    "limit_key",
    "optional_key",
    "priority_ms",
    "run_keys",
    "shared_key",
]

#: The event as expressions see it, decoded when it is first asked for.
EventValue = Callable[[], Mapping[str, Any]]

#: Twelve hours. Source: flow control, 8.
PRIORITY_S_MAX: Final = 43_200

#: The key that all events share whose own key cannot be evaluated.
_INVALID: Final = "<invalid>"
#: The key that all events share which lack the attribute.
_FALSE: Final = "false"


def event_value(payload: bytes) -> EventValue:
    """The event for expressions, decoded when the first of them asks for it."""
    decoded: dict[str, Any] = {}

    def value() -> dict[str, Any]:
        if not decoded:
            decoded.update(expression_value(payload))
        return decoded

    return value


def shared_key(source: str | None, event: EventValue, *, now_ms: int) -> str:
    """The key of concurrency, throttles, debounces and batches.

    "" without an expression. Events without the attribute share the key "false", and those for
    which the expression fails share another one.
    """
    if not source:
        return ""
    try:
        value = compile_condition(source).value(event(), now_ms=now_ms)
        return _FALSE if value is MISSING else short_value(key_text(value))
    except (ExpressionFailed, ExpressionInvalid):
        return _INVALID


def optional_key(source: str | None, event: EventValue, *, now_ms: int) -> str | None:
    """The key of rate limits, idempotency and singletons: None when they do not apply.

    That is so for events without the attribute, for the value false, and when the expression fails.
    """
    if not source:
        return ""
    try:
        value = compile_condition(source).value(event(), now_ms=now_ms)
        return None if value is MISSING or value is False else short_value(key_text(value))
    except (ExpressionFailed, ExpressionInvalid):
        return None


def limit_key(source: str | None, value: str) -> str:
    """How the state of a limit is found: by the text of its expression and the value.

    After a change of the expression, the state of the old one is not taken for that of the new.
    """
    return f"{expression_hash(source)}:{value}" if source else ""


def condition_holds(source: str | None, event: EventValue, *, now_ms: int) -> bool:
    """Whether an event may join a batch: only true does; without a condition every event may."""
    if not source:
        return True
    try:
        return compile_condition(source).value(event(), now_ms=now_ms) is True
    except (ExpressionFailed, ExpressionInvalid):
        return False


def priority_ms(source: str | None, event: EventValue, *, now_ms: int) -> int:
    """By how many ms a run is treated as if it had been queued earlier; negative: later.

    0 for what is no whole number of seconds; at most twelve hours.
    """
    if not source:
        return 0
    try:
        value = compile_condition(source).value(event(), now_ms=now_ms)
    except (ExpressionFailed, ExpressionInvalid):
        return 0
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        return 0
    return 1000 * int(max(-PRIORITY_S_MAX, min(PRIORITY_S_MAX, value)))


def has_run_keys(config: FunctionConfig) -> bool:
    """Whether runs of the function stand in lanes of their own, by the values of keys."""
    return bool(
        any(limit.key for limit in config.concurrency)
        or (config.throttle is not None and config.throttle.key)
        or (config.run_concurrency is not None and config.run_concurrency.key)
    )


def run_keys(config: FunctionConfig, event: EventValue, *, now_ms: int) -> tuple[LaneKey, ...]:
    """The values of the keys that hold up requests and starts."""
    sources = [(KeyKind.CONCURRENCY, limit.key) for limit in config.concurrency]
    if config.run_concurrency is not None:
        sources.append((KeyKind.RUN_CONCURRENCY, config.run_concurrency.key))
    if config.throttle is not None:
        sources.append((KeyKind.THROTTLE, config.throttle.key))
    return tuple(
        LaneKey(kind, expression_hash(source), shared_key(source, event, now_ms=now_ms))
        for kind, source in sources
        if source
    )
