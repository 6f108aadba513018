"""Reading the queue: what is ready, and what will be due."""

# ruff: noqa: S608 - what is put into the SQL are our own constants

import sqlite3
from typing import Final

from stepwell.core.identity import FunctionId, ItemId
from stepwell.core.queue import IMMEDIATE, QueueItem
from stepwell.store.sqlite import rows

__all__ = ["largest_number", "queued_functions", "ready", "timers"]

_ITEM_ID_MAX: Final = ItemId(2**63 - 1)

# Steps from function to function along index queue_due, however many items each has.
_QUEUED_FUNCTIONS: Final = """
WITH RECURSIVE found (function_id) AS (
    SELECT min(function_id) FROM queue WHERE partition_id = :partition
    UNION ALL
    SELECT (SELECT min(q.function_id) FROM queue AS q
             WHERE q.partition_id = :partition AND q.function_id > found.function_id)
      FROM found WHERE found.function_id IS NOT NULL)
SELECT function_id FROM found WHERE function_id IS NOT NULL
"""

# A range of index queue_due (partition_id, function_id, due_ms, item_id): no sort.
_READY: Final = f"""
SELECT {rows.ITEM_COLUMNS} FROM queue
 WHERE partition_id = ? AND function_id = ? AND due_ms = {IMMEDIATE} AND item_id > ?
 ORDER BY item_id LIMIT ?
"""

# A range of the same index.
_TIMERS: Final = f"""
SELECT {rows.ITEM_COLUMNS} FROM queue
 WHERE partition_id = ? AND function_id = ? AND (due_ms, item_id) > (?, ?) AND due_ms <= ?
 ORDER BY due_ms, item_id LIMIT ?
"""

# Three ends of indexes; events with a number are the rare repeated ones.
_LARGEST_NUMBER: Final = """
SELECT max(coalesce((SELECT max(item_id) FROM queue), 0),
           coalesce((SELECT max(wait_id) FROM waits), 0),
           coalesce((SELECT max(number) FROM events WHERE number > 0), 0))
"""


def queued_functions(connection: sqlite3.Connection, partition: int) -> list[FunctionId]:
    """The functions that have items in the partition's queue."""
    found = connection.execute(_QUEUED_FUNCTIONS, {"partition": partition})
    return [FunctionId(function_id) for (function_id,) in found]


def ready(
    connection: sqlite3.Connection,
    partition: int,
    function_id: FunctionId,
    *,
    after: ItemId,
    limit: int,
) -> list[QueueItem]:
    """The function's items due at once, by id."""
    found = connection.execute(_READY, (partition, function_id, after, limit))
    return [rows.item(row) for row in found]


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
    due_ms, item_id = max(after, (IMMEDIATE, _ITEM_ID_MAX))
    found = connection.execute(_TIMERS, (partition, function_id, due_ms, item_id, until_ms, limit))
    return [rows.item(row) for row in found]


def largest_number(connection: sqlite3.Connection) -> int:
    """The largest item, wait or event number in use; 0 when there is none."""
    (number,) = connection.execute(_LARGEST_NUMBER).fetchone()
    assert isinstance(number, int)
    return number
