"""Counts by function, for charts that look back.

A commit appends one small row with all it has counted. Only when many have come together are they
added to the rollups, which have several long rows for each function, each on another page. Who reads
adds what has not been added yet.
"""

from collections.abc import Sequence
from typing import Any, Final

from stepwell.core.counted import ROLLUP_COLUMNS, WIDTH
from stepwell.core.rollups import decode_tally, encode_tally, merged, rollups_of, tally
from stepwell.core.transition import Transition
from stepwell.store.sql.statements import BulkStatement, Query, Question, Statement, Target

__all__ = ["TALLIED_MAX", "add_up", "append_tally", "tallied"]

#: So many pairs of function and minute are counted before they are added to the rollups; then a
#: commit takes 15 ms longer at the very worst, and whoever reads has a millisecond more to do.
TALLIED_MAX: Final = 512

#: Each node has numbers of its own, so that they do not meet.
_NUMBERS_PER_NODE: Final = 2**40
#: Nodes that are gone and whose counts are added up along with one's own, at most.
_GONE_MAX: Final = 8

_INSERT: Final = """
INSERT INTO tallies (number, body)
VALUES ((SELECT coalesce(max(number), ?1) FROM tallies WHERE number >= ?1 AND number < ?2) + ?3, ?4)
"""
# The number tells how many pairs of function and minute there are up to that row. SQLite knows it
# without being asked.
_APPEND: Final = Statement(_INSERT, postgres=f"{_INSERT} RETURNING number")
# Whoever deletes a row adds it, so none is added twice.
_TAKE_ALL: Final = Statement("""
DELETE FROM tallies WHERE number >= ?1 AND number < ?2 RETURNING body
""")
# Steps from node to node, however much each has counted.
_GONE: Final = Statement(f"""
WITH RECURSIVE found (node) AS (
    SELECT min(number) / {_NUMBERS_PER_NODE} FROM tallies
    UNION ALL
    SELECT (SELECT min(number) / {_NUMBERS_PER_NODE} FROM tallies
             WHERE number >= (found.node + 1) * {_NUMBERS_PER_NODE})
      FROM found WHERE found.node IS NOT NULL)
SELECT node FROM found
 WHERE node IS NOT NULL AND node <> ?1 AND node NOT IN (SELECT nodes.number FROM nodes)
 LIMIT {_GONE_MAX}
""")  # noqa: S608 - ours

_KEY: Final = ("function_id", "span", "start_ms")
_SUMS: Final = ", ".join(f"{name} = rollups.{name} + excluded.{name}" for name in ROLLUP_COLUMNS)
_ADD: Final = BulkStatement(
    f"INSERT INTO rollups ({', '.join((*_KEY, *ROLLUP_COLUMNS))}) VALUES {{rows}}"  # noqa: S608 - ours
    f" ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET {_SUMS}",
    columns="tii" + "i" * WIDTH,
)


def append_tally(node_number: int, batch: Sequence[Transition]) -> Query | None:
    """Writes what the batch counts, and gives the row's number; None if it counts nothing."""
    counts = tally(batch)
    if not counts:
        return None
    return Query(_APPEND, (*_numbers(node_number), len(counts), encode_tally(counts)))


def tallied(node_number: int, number: int) -> int:
    """How many pairs wait to be added to the rollups, by the number of the last row."""
    first, end = _numbers(node_number)
    assert first < number < end
    return number - first


def add_up(into: Target, node_number: int) -> Question[None]:
    """Add to the rollups what the node has counted, and nodes that are gone, in one transaction."""
    (gone,) = yield [Query(_GONE, (node_number,))]
    # In order, so that two nodes that take the same rows do not wait for each other in a circle.
    nodes = sorted({node_number, *(node for (node,) in gone.rows)})
    taken = yield [Query(_TAKE_ALL, _numbers(node)) for node in nodes]
    counts = merged(decode_tally(body) for found in taken for (body,) in found.rows)
    values: list[Any] = []
    # Likewise.
    for (function_id, span, start_ms), sums in sorted(rollups_of(counts).items()):
        values += (function_id, int(span), start_ms)
        values += [sums.get(place, 0) for place in range(WIDTH)]
    into.rows(_ADD, values)


def _numbers(node_number: int) -> tuple[int, int]:
    first = node_number * _NUMBERS_PER_NODE
    return first, first + _NUMBERS_PER_NODE
