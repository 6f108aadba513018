"""Counts by function, for charts that look back.

A commit appends one small row with all it has counted. Only when many have come together are they
added to the rollups, which have several long rows for each function, each on another page. Who reads
adds what has not been added yet.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from stepwell.core.counted import ROLLUP_COLUMNS, WIDTH
from stepwell.core.rollups import decode_tally, encode_tally, merged, rollups_of, tally
from stepwell.core.transition import Transition
from stepwell.store.sqlite.bulk import BulkStatement

__all__ = ["TALLIED_MAX", "write_rollups"]

#: So many pairs of function and minute are counted before they are added to the rollups; then a
#: commit takes 15 ms longer at the very worst, and whoever reads has a millisecond more to do.
TALLIED_MAX: Final = 512

# The number tells how many pairs of function and minute there are up to that row.
_APPEND: Final = """
INSERT INTO tallies (number, body) VALUES ((SELECT ifnull(max(number), 0) FROM tallies) + ?, ?)
"""
_ALL: Final = "SELECT body FROM tallies"
_CLEAR: Final = "DELETE FROM tallies"

_KEY: Final = ("function_id", "span", "start_ms")
_SUMS: Final = ", ".join(f"{name} = {name} + excluded.{name}" for name in ROLLUP_COLUMNS)
_ADD: Final = BulkStatement(
    f"INSERT INTO rollups ({', '.join((*_KEY, *ROLLUP_COLUMNS))}) VALUES {{rows}}"  # noqa: S608 - ours
    f" ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET {_SUMS}",
    columns=len(_KEY) + WIDTH,
)


def write_rollups(connection: sqlite3.Connection, batch: Sequence[Transition]) -> None:
    """Count what the batch brings."""
    counts = tally(batch)
    if counts:
        row = connection.execute(_APPEND, (len(counts), encode_tally(counts)))
        assert row.lastrowid is not None
        if row.lastrowid >= TALLIED_MAX:
            _add_up(connection)


def _add_up(connection: sqlite3.Connection) -> None:
    counts = merged(decode_tally(body) for (body,) in connection.execute(_ALL))
    values: list[Any] = []
    for (function_id, span, start_ms), numbers in rollups_of(counts).items():
        values += (function_id, int(span), start_ms)
        values += [numbers.get(place, 0) for place in range(WIDTH)]
    _ADD.run(connection, values)
    connection.execute(_CLEAR)
