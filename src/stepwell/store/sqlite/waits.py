"""Looking up waits and claims: who waits for an event, and what it has started before."""

# ruff: noqa: S608 - what is put into the SQL are our own constants

import sqlite3
from collections.abc import Collection, Sequence
from typing import Final

from stepwell.core.identity import EnvironmentId, FunctionId, RunId
from stepwell.core.waits import Wait
from stepwell.engine.store import WaitQuery, WaitShape
from stepwell.store.sqlite import rows
from stepwell.store.sqlite.connections import snapshot

__all__ = ["claims", "wait_shapes", "waits_for"]

# A range of index waits_match (environment_id, event_name, match_path, match_value, wait_id).
_WAITS_FOR: Final = f"""
SELECT {rows.WAIT_COLUMNS} FROM waits
 WHERE environment_id = ? AND event_name = ? AND match_path = ? AND match_value = ?
   AND wait_id > ? AND created_ms <= ?
 ORDER BY wait_id LIMIT ?
"""

# Reads index waits_match alone.
_WAIT_SHAPES: Final = """
SELECT event_name, match_path, count(*) FROM waits
 WHERE environment_id = ? GROUP BY event_name, match_path
"""

_CLAIM: Final = "SELECT run_id FROM claims WHERE function_id = ? AND key = ? AND expires_ms > ?"

_UNINDEXED: Final = ("", "")


def waits_for(connection: sqlite3.Connection, queries: Sequence[WaitQuery]) -> list[list[Wait]]:
    """A page of waits for each query, all of one moment."""
    with snapshot(connection):
        return [_page(connection, query) for query in queries]


def _page(connection: sqlite3.Connection, query: WaitQuery) -> list[Wait]:
    """The first waits for the event, by id.

    One range read per value, each already in order and limited: a page costs the same, however
    many waits there are.
    """
    found: list[Wait] = []
    name = (query.environment_id, query.event_name)
    bounds = (query.after, query.created_until_ms, query.limit)
    for path, value in {*query.values, _UNINDEXED}:
        key = (*name, path, value, *bounds)
        found += [rows.wait(row) for row in connection.execute(_WAITS_FOR, key)]
    found.sort(key=lambda wait: wait.id)
    return found[: query.limit]


def wait_shapes(connection: sqlite3.Connection, environment_id: EnvironmentId) -> list[WaitShape]:
    """Which waits the environment has, counted by event name and path."""
    found = connection.execute(_WAIT_SHAPES, (environment_id,))
    return [WaitShape(*row) for row in found]


def claims(
    connection: sqlite3.Connection, keys: Collection[tuple[FunctionId, str]], now_ms: int
) -> dict[tuple[FunctionId, str], RunId]:
    """Those of the keys that are claimed at `now_ms`, with the run that holds them."""
    held: dict[tuple[FunctionId, str], RunId] = {}
    with snapshot(connection):
        for function_id, key in keys:
            row = connection.execute(_CLAIM, (function_id, key, now_ms)).fetchone()
            if row is not None:
                held[function_id, key] = RunId(row[0])
    return held
