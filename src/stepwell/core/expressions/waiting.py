"""Conditions of waits and `cancelOn`: the trigger event is bound when the wait is made.

The reference inserts the trigger event's values as literals into the text. We keep the condition as
it is and store beside it the part of the trigger event that it reads. The result is the same (a
field that was missing then is null), equal conditions of many runs share one compiled expression,
and an `event.…` inside a macro, which the reference cannot insert, simply works.

Source: execution semantics, 4.1, 4.2, 4.5 and 7.5.
"""

import functools
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from stepwell.core.expressions.compiled_cache import keep_compiled
from stepwell.core.expressions.equality_index import joined_index, path_text, value_text
from stepwell.core.expressions.expression import (
    WAIT,
    Expression,
    compile_tree,
)
from stepwell.core.expressions.failures import ExpressionFailed
from stepwell.core.expressions.paths import Key, path_of, paths_read
from stepwell.core.expressions.syntax import Call, Node, children, conjuncts, read_tree
from stepwell.core.expressions.values import MISSING, is_truthy

_CLOCK_FUNCTIONS = frozenset({"now", "now_plus", "now_minus"})


class WaitCondition(msgspec.Struct, frozen=True):
    """A condition bound to its trigger event; what a wait stores.

    Attributes:
        source: The condition as written.
        bindings: JSON of the part of the trigger event that the condition reads. Fields that were
            missing are left out and count as null.
        match_path: Paths in the incoming event that must have one value each, such as
            "data.userId" or "data.kind&data.userId"; "" when there is none.
        match_value: Those values as canonical text; see `equality_index`. "" without a path.
        never: The condition cannot hold for any incoming event.
    """

    source: str
    bindings: bytes
    match_path: str
    match_value: str
    never: bool


class _Equality(msgspec.Struct, frozen=True):
    """A conjunct `async.<path> == <value the trigger event decides>`."""

    path: str
    value: Expression


class _Compiled(msgspec.Struct, frozen=True):
    """What is known about a condition before any event is.

    Attributes:
        whole: The condition.
        is_decided: Whether the trigger event alone decides it.
        decided: Its conjuncts that the trigger event alone decides.
        equalities: Its conjuncts the index can use.
        event_paths: What it reads of the trigger event.
    """

    whole: Expression
    is_decided: bool
    decided: tuple[Expression, ...]
    equalities: tuple[_Equality, ...]
    event_paths: tuple[tuple[Key, ...], ...]


def bind_trigger(source: str, event: Mapping[str, Any]) -> WaitCondition:
    """Bind a condition over `event` and `async` to the trigger event.

    Without a condition (`""`) every incoming event matches.

    Raises:
        ExpressionInvalid: The condition does not compile.
    """
    if not source:
        return WaitCondition(source, b"{}", "", "", never=False)
    compiled = _compile(source, WAIT)
    indexed = _index_entries(compiled.equalities, event)
    match_path, match_value = joined_index(indexed or ())
    return WaitCondition(
        source=source,
        bindings=msgspec.json.encode(_part_read(event, compiled.event_paths)),
        match_path=match_path,
        match_value=match_value,
        never=indexed is None or not _can_hold(compiled, event),
    )


def wait_matches(
    condition_source: str, bindings: bytes, async_event: Mapping[str, Any], *, now_ms: int = 0
) -> bool:
    """Whether an incoming event satisfies a bound condition.

    Raises:
        ExpressionInvalid: The condition does not compile; `bind_trigger` has said so before.
        ExpressionFailed: It has no bool result for this event. The caller skips the wait.
    """
    if not condition_source:
        return True
    whole = _compile(condition_source, WAIT).whole
    return whole.matches(msgspec.json.decode(bindings), async_event, now_ms=now_ms)


@keep_compiled
def _compile(source: str, variables: frozenset[str]) -> _Compiled:
    compile_part = functools.partial(compile_tree, source, variables=variables, interpolates=True)
    tree = read_tree(source)
    parts = tuple(conjuncts(tree))
    decided = tuple(part for part in parts if _is_decided(part))
    equalities = (_equality_of(compile_part, part) for part in parts)
    event_paths = (path.keys for path in paths_read(tree) if path.root == "event")
    return _Compiled(
        whole=compile_part(tree),
        is_decided=len(decided) == len(parts),
        decided=tuple(map(compile_part, decided)),
        equalities=tuple(equality for equality in equalities if equality is not None),
        event_paths=tuple(dict.fromkeys(event_paths)),
    )


def _is_decided(node: Node) -> bool:
    """Whether neither the incoming event nor the time can change the value."""
    return not _reads_clock(node) and all(path.root != "async" for path in paths_read(node))


def _reads_clock(node: Node) -> bool:
    if isinstance(node, Call) and node.function in _CLOCK_FUNCTIONS:
        return True
    return any(map(_reads_clock, children(node)))


def _equality_of(compile_part: Callable[[Node], Expression], node: Node) -> _Equality | None:
    if not isinstance(node, Call) or node.function != "_==_":
        return None
    for one, other in (node.arguments, node.arguments[::-1]):
        path = path_of(one)
        if path is not None and path.root == "async" and _is_decided(other):
            text = path_text(path)
            return None if text is None else _Equality(text, compile_part(other))
    return None


def _can_hold(compiled: _Compiled, event: Mapping[str, Any]) -> bool:
    """False if the trigger event already rules the condition out."""
    try:
        if compiled.is_decided:
            return compiled.whole.value(event) is True
        return all(is_truthy(part.value(event)) for part in compiled.decided)
    except ExpressionFailed:
        # A conjunct that always fails never lets the whole be true.
        return False


def _index_entries(
    equalities: tuple[_Equality, ...], event: Mapping[str, Any]
) -> list[tuple[str, str]] | None:
    """The usable (path, value) pairs, or None if one of the values always fails."""
    entries = []
    for equality in equalities:
        try:
            value = equality.value.value(event)
        except ExpressionFailed:
            return None
        text = None if value is MISSING else value_text(value)
        if text is not None:
            entries.append((equality.path, text))
    return entries


def _part_read(event: Mapping[str, Any], paths: tuple[tuple[Key, ...], ...]) -> dict[str, Any]:
    """A copy of the event with nothing but what the paths lead to; lists stay whole."""
    part: dict[str, Any] = {}
    for keys in paths:
        if not keys:
            return dict(event)
        _copy_path(event, part, keys)
    return part


def _copy_path(source: Mapping[str, Any], target: dict[str, Any], keys: tuple[Key, ...]) -> None:
    for key, is_last in zip(keys, (*[False] * (len(keys) - 1), True), strict=True):
        if not isinstance(key, str) or key not in source:
            return
        value = source[key]
        if is_last or not isinstance(value, Mapping):
            target[key] = value
            return
        inner = target.setdefault(key, {})
        if inner is value:  # A shorter path has copied all of it.
            return
        source, target = value, inner
