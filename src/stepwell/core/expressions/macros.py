"""`all`, `exists`, `exists_one`, `map` and `filter` over lists and the keys of maps.

A predicate that is missing or null does not hold; one that is neither bool nor those fails. Over a
missing field every macro is missing, which is no match. Each element costs the macro's size, so
that nested macros over long lists end early (`COST_MAX`).

Source: execution semantics, 7.1 and 7.2. What macros do with missing fields is our choice there.
"""

from collections.abc import Iterator
from typing import Any, Literal, assert_never

from stepwell.core.expressions.evaluation import Evaluator, Frame, charge
from stepwell.core.expressions.failures import ExpressionFailed
from stepwell.core.expressions.values import MISSING, elements, is_list, is_map, no_such_overload


def macro(
    kind: Literal["all", "exists", "exists_one", "collect"],
    over: Evaluator,
    *,
    slot: int,
    cost: int,
    bodies: tuple[Evaluator | None, Evaluator | None],
) -> Evaluator:
    """A closure that runs the macro.

    Args:
        kind: Which macro; `collect` is both `map` and `filter`.
        over: Gives the list or map.
        slot: Where the predicate finds the element.
        cost: What one element costs.
        bodies: Predicate and transformation; see `syntax.Macro`.
    """
    predicate, transform = bodies
    if kind == "collect":
        assert transform is not None
        return _collect(over, predicate, transform, slot=slot, cost=cost)
    assert predicate is not None
    match kind:
        case "all":
            return _quantifier(over, predicate, slot=slot, cost=cost, decides=False)
        case "exists":
            return _quantifier(over, predicate, slot=slot, cost=cost, decides=True)
        case "exists_one":
            return _exists_one(over, predicate, slot=slot, cost=cost)
        case _:
            assert_never(kind)


def _quantifier(
    over: Evaluator, predicate: Evaluator, *, slot: int, cost: int, decides: bool
) -> Evaluator:
    """`exists` (one true decides) and `all` (one false decides). That one hides failures."""

    def evaluate(frame: Frame) -> Any:
        container = over(frame)
        if container is MISSING:
            return MISSING
        failure: ExpressionFailed | None = None
        for element in _charged(frame, container, cost):
            frame[slot] = element
            try:
                if _holds(predicate(frame)) is decides:
                    return decides
            except ExpressionFailed as error:
                failure = error
        if failure is not None:
            raise failure
        return not decides

    return evaluate


def _exists_one(over: Evaluator, predicate: Evaluator, *, slot: int, cost: int) -> Evaluator:
    def evaluate(frame: Frame) -> Any:
        container = over(frame)
        if container is MISSING:
            return MISSING
        held_count = 0
        for element in _charged(frame, container, cost):
            frame[slot] = element
            held_count += _holds(predicate(frame))
        return held_count == 1

    return evaluate


def _collect(
    over: Evaluator, predicate: Evaluator | None, transform: Evaluator, *, slot: int, cost: int
) -> Evaluator:
    def evaluate(frame: Frame) -> Any:
        container = over(frame)
        if container is MISSING:
            return MISSING
        collected = []
        for element in _charged(frame, container, cost):
            frame[slot] = element
            if predicate is None or _holds(predicate(frame)):
                value = transform(frame)
                collected.append(None if value is MISSING else value)
        return tuple(collected)

    return evaluate


def _charged(frame: Frame, container: Any, cost: int) -> Iterator[Any]:
    if not is_list(container) and not is_map(container):
        raise no_such_overload("macro", container)
    for element in elements(container):
        charge(frame, cost)
        yield element


def _holds(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    if value is MISSING or value is None:
        return False
    raise no_such_overload("predicate of a macro", value)
