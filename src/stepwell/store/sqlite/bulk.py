"""Statements that take many rows at once.

`executemany` lets go of Python's global lock once per row and has to get it back each time, from an
event loop that is busy whenever there is much to write: a hundred rows then take half a second. A
statement with many rows gives the lock away once.
"""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

__all__ = ["BulkStatement"]

#: Rows per statement. Powers of two: any number of rows takes few statements, and the statements
#: are few enough to stay prepared.
_SIZES: Final = (64, 32, 16, 8, 4, 2, 1)


class BulkStatement:
    """A statement for any number of rows.

    Args:
        sql: With `{rows}` where the parenthesised rows go.
        columns: Values per row.
    """

    def __init__(self, sql: str, *, columns: int) -> None:
        assert "{rows}" in sql
        row = f"({','.join('?' * columns)})"
        self._sql = {size: sql.replace("{rows}", ",".join([row] * size)) for size in _SIZES}
        self._columns = columns

    def run(self, connection: sqlite3.Connection, values: Sequence[Any]) -> int:
        """Run it for the rows whose values stand one after the other; the number of rows hit."""
        if not values:
            return 0
        rows, remainder = divmod(len(values), self._columns)
        assert remainder == 0
        hit = 0
        start = 0
        for size in _SIZES:
            while rows >= size:
                end = start + size * self._columns
                hit += connection.execute(self._sql[size], values[start:end]).rowcount
                start = end
                rows -= size
        return hit
