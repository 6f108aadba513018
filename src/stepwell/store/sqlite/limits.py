"""States of throttles and rate limits."""

import sqlite3
from collections.abc import Collection, Sequence
from typing import Any, Final

from stepwell.core.identity import FunctionId
from stepwell.core.transition import LimitKind, LimitState, Transition
from stepwell.store.sqlite.bulk import BulkStatement
from stepwell.store.sqlite.connections import snapshot

__all__ = ["expire_limits", "rate_limits", "throttles", "write_limits"]

_PUT: Final = BulkStatement(
    "INSERT OR REPLACE INTO limits (function_id, kind, key, tat_ns, expires_ms) VALUES {rows}",
    columns=5,
)
# A range of index limits_expires.
_UNEXPIRED: Final = """
SELECT function_id, key, tat_ns, expires_ms FROM limits WHERE kind = ? AND expires_ms > ?
"""
_ONE: Final = """
SELECT tat_ns, expires_ms FROM limits WHERE function_id = ? AND kind = ? AND key = ?
"""
_EXPIRE: Final = """
DELETE FROM limits WHERE (function_id, kind, key) IN (
    SELECT function_id, kind, key FROM limits WHERE expires_ms <= ? ORDER BY expires_ms LIMIT ?)
"""


def write_limits(connection: sqlite3.Connection, batch: Sequence[Transition]) -> None:
    """Write the states; of one limit's, the last."""
    states = {
        (state.function_id, state.kind, state.key): state
        for transition in batch
        for state in transition.limits
    }
    values: list[Any] = []
    for state in states.values():
        values += (state.function_id, int(state.kind), state.key, state.tat_ns, state.expires_ms)
    _PUT.run(connection, values)


def throttles(connection: sqlite3.Connection, now_ms: int) -> list[LimitState]:
    """All throttle states that have not expired."""
    kind = LimitKind.THROTTLE
    found = connection.execute(_UNEXPIRED, (int(kind), now_ms))
    return [LimitState(function_id, kind, *rest) for function_id, *rest in found]


def rate_limits(
    connection: sqlite3.Connection, keys: Collection[tuple[FunctionId, str]]
) -> dict[tuple[FunctionId, str], LimitState]:
    """Those of the rate limits that have a state, all of one moment."""
    kind = LimitKind.RATE_LIMIT
    states: dict[tuple[FunctionId, str], LimitState] = {}
    with snapshot(connection):
        for function_id, key in keys:
            row = connection.execute(_ONE, (function_id, int(kind), key)).fetchone()
            if row is not None:
                states[function_id, key] = LimitState(function_id, kind, key, *row)
    return states


def expire_limits(connection: sqlite3.Connection, now_ms: int, limit: int) -> int:
    """Delete up to `limit` expired states; the number deleted."""
    return connection.execute(_EXPIRE, (now_ms, limit)).rowcount
