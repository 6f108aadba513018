"""Reading the queue: what is ready, and what will be due."""

# ruff: noqa: S608 - what is put into the SQL are our own constants

from collections.abc import Sequence
from typing import Final

from stepwell.core.identity import FunctionId, ItemId, PartitionId
from stepwell.core.queue import IMMEDIATE, QueueItem
from stepwell.engine.store import Lane, LaneQuery
from stepwell.store.sql import rows
from stepwell.store.sql.statements import Query, Question, Statement

__all__ = [
    "IS_READY",
    "IS_TIMER",
    "READY_FUNCTIONS",
    "largest_number",
    "queued_functions",
    "ready",
    "ready_lanes",
    "timers",
]

_NUMBER_MAX: Final = 2**63 - 1

#: As the two indexes of the queue say it; without these words they would not be used.
IS_READY: Final = f"due_ms = {IMMEDIATE}"
IS_TIMER: Final = f"due_ms > {IMMEDIATE}"


def _stepping(condition: str) -> Statement:
    """SQL that steps from function to function along an index, however many items each has."""
    return Statement(f"""
WITH RECURSIVE found (function_id) AS (
    SELECT min(function_id) FROM queue WHERE partition_id = ?1 AND {condition}
    UNION ALL
    SELECT (SELECT min(q.function_id) FROM queue AS q
             WHERE q.partition_id = ?1 AND q.{condition}
               AND q.function_id > found.function_id)
      FROM found WHERE found.function_id IS NOT NULL)
SELECT function_id FROM found WHERE function_id IS NOT NULL
""")


def _lanes(start: str, *, postgres: str | None = None) -> Statement:
    """SQL that steps likewise from lane to lane.

    To the next one of the function, else to the next function's first. Compared as a pair, function
    and lane would not be found by the index.
    """
    sql = f"""
WITH RECURSIVE found (item_id, function_id, lane) AS (
    SELECT * FROM ({{start}}) AS start
    UNION ALL
    SELECT q.item_id, q.function_id, q.lane FROM found JOIN queue AS q ON q.item_id = coalesce(
        (SELECT n.item_id FROM queue AS n
          WHERE n.partition_id = ?1 AND n.{IS_READY}
            AND n.function_id = found.function_id AND n.lane > found.lane
          ORDER BY n.lane LIMIT 1),
        (SELECT n.item_id FROM queue AS n
          WHERE n.partition_id = ?1 AND n.{IS_READY}
            AND n.function_id > found.function_id
          ORDER BY n.function_id, n.lane LIMIT 1)){{inner}})
SELECT function_id, lane FROM found{{outer}}
"""
    # PostgreSQL has no limit within; it steps no further than it is asked for from outside.
    return Statement(
        sql.format(start=start, inner=" LIMIT ?2", outer=""),
        postgres=sql.format(start=postgres or start, inner="", outer=" LIMIT ?2"),
    )


_FIRST_LANES: Final = _lanes(f"""
        SELECT item_id, function_id, lane FROM queue
         WHERE partition_id = ?1 AND {IS_READY}
         ORDER BY function_id, lane LIMIT 1""")
# Parameters sort by the language of the database unless they are told not to.
_NEXT_LANES: Final = _lanes(
    "SELECT 0, ?3, ?4", postgres='SELECT CAST(0 AS bigint), ?3 COLLATE "C", ?4 COLLATE "C"'
)


def _page(conditions: str, order: str, *, place: str, until: str) -> Statement:
    """SQL for the first items above (place, ?4) with {order} up to {until}, in order; ?5 of them.

    Two ranges of an index, without a sort. They are apart because SQLite would read all items with
    the same value up to the right id.
    """
    return Statement(f"""
SELECT * FROM (
    SELECT {rows.ITEM_COLUMNS} FROM queue
     WHERE {conditions} AND {order} = {place} AND item_id > ?4 AND {place} <= {until}
     ORDER BY item_id LIMIT ?5) AS same
UNION ALL
SELECT * FROM (
    SELECT {rows.ITEM_COLUMNS} FROM queue
     WHERE {conditions} AND {order} > {place} AND {order} <= {until}
     ORDER BY {order}, item_id LIMIT ?5) AS later
 LIMIT ?5
""")


READY_FUNCTIONS: Final = _stepping(IS_READY)
_QUEUED_FUNCTIONS: Final = (READY_FUNCTIONS, _stepping(IS_TIMER))
_READY: Final = _page(
    f"partition_id = ?1 AND function_id = ?2 AND lane = ?6 AND {IS_READY}",
    "score",
    place="?3",
    until=str(_NUMBER_MAX),
)
_TIMERS: Final = _page(
    f"partition_id = ?1 AND function_id = ?2 AND {IS_TIMER}", "due_ms", place="?3", until="?6"
)

# Three ends of indexes; events with a number are the rare repeated ones.
_LARGEST_NUMBER: Final = Statement("""
SELECT coalesce(max(number), 0) FROM (
    SELECT max(item_id) AS number FROM queue
    UNION ALL SELECT max(wait_id) FROM waits
    UNION ALL SELECT max(number) FROM events WHERE number > 0) AS numbers
""")


def queued_functions(partition: PartitionId) -> Question[list[FunctionId]]:
    """The functions that have items in the partition's queue."""
    answers = yield [Query(statement, (partition,)) for statement in _QUEUED_FUNCTIONS]
    return list(
        dict.fromkeys(FunctionId(function_id) for found in answers for (function_id,) in found.rows)
    )


def ready_lanes(partition: PartitionId, *, after: Lane | None, limit: int) -> Question[list[Lane]]:
    """The first lanes above `after` that have items due at once."""
    assert limit > 0
    if after is None:
        (found,) = yield [Query(_FIRST_LANES, (partition, limit))]
        return [Lane(*row) for row in found.rows]
    place = (after.function_id, after.lane)
    (found,) = yield [Query(_NEXT_LANES, (partition, limit + 1, *place))]
    return [Lane(*row) for row in found.rows[1:]]


def ready(queries: Sequence[LaneQuery]) -> Question[list[list[QueueItem]]]:
    """A page of items due at once for each query."""
    answers = yield [
        Query(_READY, (query.partition, query.function_id, *query.after, query.limit, query.lane))
        for query in queries
    ]
    return [[rows.item(row) for row in found.rows] for found in answers]


def timers(
    partition: PartitionId,
    function_id: FunctionId,
    *,
    after: tuple[int, ItemId],
    until_ms: int,
    limit: int,
) -> Question[list[QueueItem]]:
    """The function's items due later, by due time and id."""
    place = max(after, (IMMEDIATE, ItemId(_NUMBER_MAX)))
    (found,) = yield [Query(_TIMERS, (partition, function_id, *place, limit, until_ms))]
    return [rows.item(row) for row in found.rows]


def largest_number() -> Question[int]:
    """The largest item, wait or event number in use; 0 when there is none."""
    (found,) = yield [Query(_LARGEST_NUMBER)]
    ((number,),) = found.rows
    assert isinstance(number, int)
    return number
