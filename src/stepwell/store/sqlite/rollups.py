"""Counts by function, for charts that look back."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

from stepwell.core.rollups import ROLLUP_COLUMNS, rollups_of
from stepwell.core.transition import Transition
from stepwell.store.sqlite.bulk import BulkStatement

__all__ = ["write_rollups"]

_KEY: Final = ("function_id", "span", "start_ms")
_SUMS: Final = ", ".join(f"{name} = {name} + excluded.{name}" for name in ROLLUP_COLUMNS)
# One statement per batch as a rule: each function has a row for the minute, the hour and ever.
_ADD: Final = BulkStatement(
    f"INSERT INTO rollups ({', '.join((*_KEY, *ROLLUP_COLUMNS))}) VALUES {{rows}}"  # noqa: S608 - ours
    f" ON CONFLICT ({', '.join(_KEY)}) DO UPDATE SET {_SUMS}",
    columns=len(_KEY) + len(ROLLUP_COLUMNS),
)


def write_rollups(connection: sqlite3.Connection, batch: Sequence[Transition]) -> None:
    """Add to each row what the batch brings."""
    values: list[Any] = []
    for (function_id, span, start_ms), numbers in rollups_of(batch).items():
        values += (function_id, int(span), start_ms)
        values += numbers
    _ADD.run(connection, values)
