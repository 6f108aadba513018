"""Reading the queue: what is ready, and what will be due."""

# ruff: noqa: S608 - what is put into the SQL are our own constants

import sqlite3
from collections.abc import Sequence
from typing import Final

from stepwell.core.identity import FunctionId, ItemId
from stepwell.core.queue import IMMEDIATE, QueueItem
from stepwell.engine.store import Lane, LaneQuery
from stepwell.store.sqlite import rows
from stepwell.store.sqlite.connections import snapshot

__all__ = [
    "largest_number",
    "queued_functions",
    "ready",
    "ready_functions",
    "ready_lanes",
    "timers",
]

_NUMBER_MAX: Final = 2**63 - 1

# As the two indexes of the queue say it; without these words SQLite would not use them.
_IS_READY: Final = f"due_ms = {IMMEDIATE}"
_IS_TIMER: Final = f"due_ms > {IMMEDIATE}"


def _stepping(condition: str) -> str:
    """SQL that steps from function to function along an index, however many items each has."""
    return f"""
WITH RECURSIVE found (function_id) AS (
    SELECT min(function_id) FROM queue WHERE partition_id = :partition AND {condition}
    UNION ALL
    SELECT (SELECT min(q.function_id) FROM queue AS q
             WHERE q.partition_id = :partition AND q.{condition}
               AND q.function_id > found.function_id)
      FROM found WHERE found.function_id IS NOT NULL)
SELECT function_id FROM found WHERE function_id IS NOT NULL
"""


# Steps likewise from lane to lane: to the next one of the function, else to the next function's
# first. Compared as a pair, function and lane would not be found by the index.
_READY_LANES: Final = f"""
WITH RECURSIVE found (item_id, function_id, lane) AS (
    SELECT * FROM ({{start}})
    UNION ALL
    SELECT q.item_id, q.function_id, q.lane FROM found JOIN queue AS q ON q.item_id = coalesce(
        (SELECT n.item_id FROM queue AS n
          WHERE n.partition_id = :partition AND n.{_IS_READY}
            AND n.function_id = found.function_id AND n.lane > found.lane
          ORDER BY n.lane LIMIT 1),
        (SELECT n.item_id FROM queue AS n
          WHERE n.partition_id = :partition AND n.{_IS_READY}
            AND n.function_id > found.function_id
          ORDER BY n.function_id, n.lane LIMIT 1))
     LIMIT :limit)
SELECT function_id, lane FROM found
"""
_FIRST_LANES: Final = _READY_LANES.format(
    start=f"""
        SELECT item_id, function_id, lane FROM queue
         WHERE partition_id = :partition AND {_IS_READY}
         ORDER BY function_id, lane LIMIT 1"""
)
_NEXT_LANES: Final = _READY_LANES.format(start="SELECT 0, :function_id, :lane")


def _page(conditions: str, order: str, *, until: str) -> str:
    """SQL for the first items above (:{order}, :item_id) with {order} up to {until}, in order.

    Two ranges of an index, without a sort. They are apart because SQLite would read all items with
    the same value up to the right id.
    """
    return f"""
SELECT * FROM (
    SELECT {rows.ITEM_COLUMNS} FROM queue
     WHERE {conditions} AND {order} = :{order} AND item_id > :item_id AND :{order} <= {until}
     ORDER BY item_id LIMIT :limit)
UNION ALL
SELECT * FROM (
    SELECT {rows.ITEM_COLUMNS} FROM queue
     WHERE {conditions} AND {order} > :{order} AND {order} <= {until}
     ORDER BY {order}, item_id LIMIT :limit)
 LIMIT :limit
"""


_READY_FUNCTIONS: Final = _stepping(_IS_READY)
_QUEUED_FUNCTIONS: Final = (_READY_FUNCTIONS, _stepping(_IS_TIMER))
_READY: Final = _page(
    f"partition_id = :partition AND function_id = :function_id AND lane = :lane AND {_IS_READY}",
    "score",
    until=str(_NUMBER_MAX),
)
_TIMERS: Final = _page(
    f"partition_id = :partition AND function_id = :function_id AND {_IS_TIMER}",
    "due_ms",
    until=":until_ms",
)

# Three ends of indexes; events with a number are the rare repeated ones.
_LARGEST_NUMBER: Final = """
SELECT max(coalesce((SELECT max(item_id) FROM queue), 0),
           coalesce((SELECT max(wait_id) FROM waits), 0),
           coalesce((SELECT max(number) FROM events WHERE number > 0), 0))
"""


def queued_functions(connection: sqlite3.Connection, partition: int) -> list[FunctionId]:
    """The functions that have items in the partition's queue."""
    found: dict[FunctionId, None] = {}
    with snapshot(connection):
        for sql in _QUEUED_FUNCTIONS:
            for (function_id,) in connection.execute(sql, {"partition": partition}):
                found[FunctionId(function_id)] = None
    return list(found)


def ready_functions(connection: sqlite3.Connection, partition: int) -> list[FunctionId]:
    """The functions that have items due at once, inside the transaction that is open."""
    found = connection.execute(_READY_FUNCTIONS, {"partition": partition})
    return [FunctionId(function_id) for (function_id,) in found]


def ready_lanes(
    connection: sqlite3.Connection, partition: int, *, after: Lane | None, limit: int
) -> list[Lane]:
    """The first lanes above `after` that have items due at once."""
    assert limit > 0
    bounds: dict[str, object] = {"partition": partition, "limit": limit}
    if after is None:
        return [Lane(*row) for row in connection.execute(_FIRST_LANES, bounds)]
    bounds |= {"function_id": after.function_id, "lane": after.lane, "limit": limit + 1}
    _, *found = connection.execute(_NEXT_LANES, bounds)
    return [Lane(*row) for row in found]


def ready(
    connection: sqlite3.Connection, partition: int, queries: Sequence[LaneQuery]
) -> list[list[QueueItem]]:
    """A page of items due at once for each query, all of one moment."""
    with snapshot(connection):
        return [_ready(connection, partition, query) for query in queries]


def _ready(connection: sqlite3.Connection, partition: int, query: LaneQuery) -> list[QueueItem]:
    score, item_id = query.after
    bounds = {
        "partition": partition,
        "function_id": query.function_id,
        "lane": query.lane,
        "score": score,
        "item_id": item_id,
        "limit": query.limit,
    }
    return [rows.item(row) for row in connection.execute(_READY, bounds)]


def timers(
    connection: sqlite3.Connection,
    partition: int,
    function_id: FunctionId,
    *,
    after: tuple[int, ItemId],
    until_ms: int,
    limit: int,
) -> list[QueueItem]:
    """The function's items due later, by due time and id."""
    due_ms, item_id = max(after, (IMMEDIATE, ItemId(_NUMBER_MAX)))
    bounds = {
        "partition": partition,
        "function_id": function_id,
        "due_ms": due_ms,
        "item_id": item_id,
        "until_ms": until_ms,
        "limit": limit,
    }
    return [rows.item(row) for row in connection.execute(_TIMERS, bounds)]


def largest_number(connection: sqlite3.Connection) -> int:
    """The largest item, wait or event number in use; 0 when there is none."""
    (number,) = connection.execute(_LARGEST_NUMBER).fetchone()
    assert isinstance(number, int)
    return number
