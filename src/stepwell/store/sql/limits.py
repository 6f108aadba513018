"""States of throttles and rate limits."""

from collections.abc import Collection, Sequence
from typing import Any, Final

from stepwell.core.identity import FunctionId
from stepwell.core.transition import LimitKind, LimitState, Transition
from stepwell.store.sql.statements import (
    BulkStatement,
    Query,
    Question,
    Statement,
    Target,
    deleting_first,
)

__all__ = ["EXPIRE_LIMITS", "rate_limits", "throttles", "write_limits"]

_PUT: Final = BulkStatement(
    "INSERT INTO limits (function_id, kind, key, tat_ns, expires_ms) VALUES {rows}"
    " ON CONFLICT (function_id, kind, key) DO UPDATE"
    " SET tat_ns = excluded.tat_ns, expires_ms = excluded.expires_ms",
    columns="titii",
)
# A range of index limits_expires.
_UNEXPIRED: Final = Statement("""
SELECT function_id, key, tat_ns, expires_ms FROM limits WHERE kind = ?1 AND expires_ms > ?2
""")
_ONE: Final = Statement("""
SELECT tat_ns, expires_ms FROM limits WHERE function_id = ?1 AND kind = ?2 AND key = ?3
""")
#: Up to so many states that have expired at a time.
EXPIRE_LIMITS: Final = deleting_first(
    "limits", key="function_id, kind, key", where="expires_ms <= ?1", by="expires_ms"
)


def write_limits(into: Target, batch: Sequence[Transition]) -> None:
    """Write the states; of one limit's, the last."""
    states = {
        (state.function_id, state.kind, state.key): state
        for transition in batch
        for state in transition.limits
    }
    values: list[Any] = []
    for state in states.values():
        values += (state.function_id, int(state.kind), state.key, state.tat_ns, state.expires_ms)
    into.rows(_PUT, values)


def throttles(now_ms: int) -> Question[list[LimitState]]:
    """All throttle states that have not expired."""
    kind = LimitKind.THROTTLE
    (found,) = yield [Query(_UNEXPIRED, (int(kind), now_ms))]
    return [LimitState(function_id, kind, *rest) for function_id, *rest in found.rows]


def rate_limits(
    keys: Collection[tuple[FunctionId, str]],
) -> Question[dict[tuple[FunctionId, str], LimitState]]:
    """Those of the rate limits that have a state."""
    kind = LimitKind.RATE_LIMIT
    asked = list(keys)
    answers = yield [Query(_ONE, (function_id, int(kind), key)) for function_id, key in asked]
    return {
        (function_id, key): LimitState(function_id, kind, key, *row)
        for (function_id, key), found in zip(asked, answers, strict=True)
        for row in found.rows
    }
