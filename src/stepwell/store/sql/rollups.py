"""Counts by function, for charts that look back.

A commit appends one small row with all it has counted. Only when many have come together are they
added to the rollups, which have several long rows for each function, each on another page. Who reads
adds what has not been added yet.
"""

from collections.abc import Sequence
from typing import Any, Final

from stepwell.core.counted import ROLLUP_COLUMNS, WIDTH
from stepwell.core.identity import PartitionId
from stepwell.core.rollups import decode_tally, encode_tally, merged, rollups_of, tally
from stepwell.core.transition import Transition
from stepwell.store.sql.statements import BulkStatement, Query, Question, Statement, Target

__all__ = ["TALLIED_MAX", "add_up", "append_tally", "tallied"]

#: So many pairs of function and minute are counted before they are added to the rollups; then a
#: commit takes 15 ms longer at the very worst, and whoever reads has a millisecond more to do.
TALLIED_MAX: Final = 512

#: Each partition has numbers of its own, so that owners do not meet.
_NUMBERS_PER_PARTITION: Final = 2**40

_INSERT: Final = """
INSERT INTO tallies (number, body)
VALUES ((SELECT coalesce(max(number), ?1) FROM tallies WHERE number >= ?1 AND number < ?2) + ?3, ?4)
"""
# The number tells how many pairs of function and minute there are up to that row. SQLite knows it
# without being asked.
_APPEND: Final = Statement(_INSERT, postgres=f"{_INSERT} RETURNING number")
_ALL: Final = Statement("SELECT body FROM tallies WHERE number >= ?1 AND number < ?2")
_CLEAR: Final = Statement("DELETE FROM tallies WHERE number >= ?1 AND number < ?2")

_KEY: Final = ("function_id", "span", "start_ms")
_SUMS: Final = ", ".join(f"{name} = rollups.{name} + excluded.{name}" for name in ROLLUP_COLUMNS)
_ADD: Final = BulkStatement(
    f"INSERT INTO rollups ({', '.join((*_KEY, *ROLLUP_COLUMNS))}) VALUES {{rows}}"  # noqa: S608 - ours
    f" ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET {_SUMS}",
    columns="tii" + "i" * WIDTH,
)


def append_tally(partition: PartitionId, batch: Sequence[Transition]) -> Query | None:
    """Writes what the batch counts, and gives the row's number; None if it counts nothing."""
    counts = tally(batch)
    if not counts:
        return None
    return Query(_APPEND, (*_numbers(partition), len(counts), encode_tally(counts)))


def tallied(partition: PartitionId, number: int) -> int:
    """How many pairs wait to be added to the rollups, by the number of the last row."""
    first, end = _numbers(partition)
    assert first < number < end
    return number - first


def add_up(into: Target, partition: PartitionId) -> Question[None]:
    """Add to the rollups what the partition's owner has counted."""
    numbers = _numbers(partition)
    (found,) = yield [Query(_ALL, numbers)]
    counts = merged(decode_tally(body) for (body,) in found.rows)
    values: list[Any] = []
    # In order, so that two owners who add to the same rows do not wait for each other in a circle.
    for (function_id, span, start_ms), sums in sorted(rollups_of(counts).items()):
        values += (function_id, int(span), start_ms)
        values += [sums.get(place, 0) for place in range(WIDTH)]
    into.rows(_ADD, values)
    into.run(_CLEAR, numbers)


def _numbers(partition: PartitionId) -> tuple[int, int]:
    first = partition * _NUMBERS_PER_PARTITION
    return first, first + _NUMBERS_PER_PARTITION
