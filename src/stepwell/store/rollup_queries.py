"""Counts by function and time, as questions in SQL; see `stepwell.core.charts`.

What a server counts is added to the rollups only now and then. What has not been added yet is read
as well, so that an answer has everything that was committed before.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import BigInteger, Connection, Select, cast, func, literal_column, select

from stepwell.core.charts import CHARTED_MAX, Chart, ChartRange, Numbers
from stepwell.core.counted import HOUR_MS, ROLLUP_COLUMNS, WIDTH, Span
from stepwell.core.identity import FunctionId
from stepwell.core.rollups import Tally, decode_tally, merged
from stepwell.store.schema import rollups, tallies

__all__ = ["RollupQueries"]

_TOGETHER: Final = FunctionId("")
_DAY_MS: Final = 24 * HOUR_MS
#: Functions asked about in one statement; databases bound the number of parameters.
_FUNCTIONS_AT_ONCE: Final = 10_000
# The year 10000: the clock of an app has no say in when something is counted.
_END_OF_TIME_MS: Final = 253_402_300_800_000


class RollupQueries:
    """The questions, asked on one connection. Each is a range of the primary key per function."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def chart(
        self, functions: Sequence[FunctionId], asked: ChartRange, places: Sequence[int]
    ) -> Chart:
        """What was counted of the functions together."""
        reading = _Reading(self._connection, functions, places, is_summed=True)
        return _charts(reading, [_TOGETHER], asked)[_TOGETHER]

    def charts(
        self, functions: Sequence[FunctionId], asked: ChartRange, places: Sequence[int]
    ) -> dict[FunctionId, Chart]:
        """What was counted of each of up to `CHARTED_MAX` functions."""
        assert len(functions) <= CHARTED_MAX
        return _charts(_Reading(self._connection, functions, places), functions, asked)

    def counts(
        self, functions: Sequence[FunctionId], asked: ChartRange, places: Sequence[int]
    ) -> dict[FunctionId, Numbers]:
        """What was counted of each of the functions in the whole range."""
        reading = _Reading(self._connection, functions, places)
        return reading.totals(functions, asked.span, asked.from_ms, asked.until_ms)

    def lifetime_counts(
        self, functions: Sequence[FunctionId], places: Sequence[int]
    ) -> dict[FunctionId, Numbers]:
        """What has been counted of each of the functions altogether."""
        reading = _Reading(self._connection, functions, places)
        return reading.totals(functions, Span.EVER, 0, 1)

    def daily_counts(
        self,
        functions: Sequence[FunctionId],
        places: Sequence[int],
        *,
        from_ms: int,
        until_ms: int,
    ) -> dict[tuple[FunctionId, int], Numbers]:
        """What was counted on each day on which something was, by function and start of the day.

        Days are those of UTC.
        """
        return _Reading(self._connection, functions, places).by_bucket(from_ms, until_ms, _DAY_MS)

    def hourly_counts(
        self,
        functions: Sequence[FunctionId],
        places: Sequence[int],
        *,
        from_ms: int,
        until_ms: int,
    ) -> dict[tuple[FunctionId, int], Numbers]:
        """What was counted in each hour in which something was, by function and its start."""
        return _Reading(self._connection, functions, places).by_bucket(from_ms, until_ms, HOUR_MS)


class _Reading:
    """Sums of some columns for some functions, all of one moment.

    Args:
        connection: Inside a transaction.
        functions: Which.
        places: What is counted.
        is_summed: Whether the functions are summed up; then they appear as `_TOGETHER`.
    """

    def __init__(
        self,
        connection: Connection,
        functions: Sequence[FunctionId],
        places: Sequence[int],
        *,
        is_summed: bool = False,
    ) -> None:
        assert all(0 <= place < WIDTH for place in places)
        self._connection = connection
        self._functions = list(functions)
        self.places = places
        self._is_summed = is_summed
        # PostgreSQL would give sums as decimals.
        self._sums = [
            cast(func.sum(rollups.c[ROLLUP_COLUMNS[place]]), BigInteger) for place in places
        ]
        self._not_added = self._read_tallies()

    def rows(
        self, span: Span, from_ms: int, until_ms: int, bucket_ms: int
    ) -> Iterator[tuple[FunctionId, int, Sequence[int]]]:
        """Function, start of the bucket, and numbers; a bucket may come more than once."""
        for first in range(0, len(self._functions), _FUNCTIONS_AT_ONCE):
            functions = self._functions[first : first + _FUNCTIONS_AT_ONCE]
            asked = self._question(functions, span, from_ms, until_ms, bucket_ms)
            for function_id, start_ms, *numbers in self._connection.execute(asked):
                yield function_id, start_ms, numbers
        for (function_id, minute_ms), counted in self._not_added.items():
            start_ms = span.start_ms(minute_ms)
            if from_ms <= start_ms < until_ms:
                shown = _TOGETHER if self._is_summed else function_id
                numbers = [counted.get(place, 0) for place in self.places]
                yield shown, start_ms - start_ms % bucket_ms, numbers

    def totals(
        self, keys: Iterable[FunctionId], span: Span, from_ms: int, until_ms: int
    ) -> dict[FunctionId, Numbers]:
        """The sums of all rows of a range."""
        found = {key: dict.fromkeys(self.places, 0) for key in keys}
        # One bucket that nothing is longer than.
        for key, _, numbers in self.rows(span, from_ms, until_ms, until_ms + 1):
            _add(found[key], self.places, numbers)
        return found

    def by_bucket(
        self, from_ms: int, until_ms: int, bucket_ms: int
    ) -> dict[tuple[FunctionId, int], Numbers]:
        """The sums by function and start of the bucket, of at least an hour, without empty ones."""
        found: dict[tuple[FunctionId, int], Numbers] = {}
        for function_id, start_ms, numbers in self.rows(Span.HOUR, from_ms, until_ms, bucket_ms):
            bucket = found.setdefault((function_id, start_ms), dict.fromkeys(self.places, 0))
            _add(bucket, self.places, numbers)
        return found

    def _question(
        self,
        functions: Sequence[FunctionId],
        span: Span,
        from_ms: int,
        until_ms: int,
        bucket_ms: int,
    ) -> Select[Any]:
        """A range of the primary key for each function."""
        start_ms = rollups.c.start_ms
        start = (start_ms - start_ms % bucket_ms).label("start")
        function_id: Any = literal_column("''") if self._is_summed else rollups.c.function_id
        asked = select(function_id, start, *self._sums).where(
            rollups.c.function_id.in_(functions),
            rollups.c.span == int(span),
            start_ms >= from_ms,
            start_ms < until_ms,
        )
        return asked.group_by(start) if self._is_summed else asked.group_by(function_id, start)

    def _read_tallies(self) -> Tally:
        stored = self._connection.execute(select(tallies.c.body))
        found = merged(decode_tally(body) for (body,) in stored)
        known = frozenset(self._functions)
        return {key: numbers for key, numbers in found.items() if key[0] in known}


def _charts(
    reading: _Reading, keys: Sequence[FunctionId], asked: ChartRange
) -> dict[FunctionId, Chart]:
    places = reading.places
    buckets = {key: {place: [0] * len(asked.starts_ms) for place in places} for key in keys}
    from_ms, until_ms = asked.from_ms, asked.until_ms
    for key, start_ms, numbers in reading.rows(asked.span, from_ms, until_ms, asked.bucket_ms):
        index = (start_ms - from_ms) // asked.bucket_ms
        for place, number in zip(places, numbers, strict=True):
            buckets[key][place][index] += number
    after = _after(reading, keys, until_ms)
    ever = reading.totals(keys, Span.EVER, 0, 1)
    return {key: Chart(asked, buckets[key], after[key], ever[key]) for key in keys}


def _after(
    reading: _Reading, keys: Sequence[FunctionId], until_ms: int
) -> dict[FunctionId, Numbers]:
    """What was counted from a time on: the rest of its hour by the minute, then by the hour."""
    hour_ms = until_ms + -until_ms % HOUR_MS
    found = reading.totals(keys, Span.HOUR, hour_ms, _END_OF_TIME_MS)
    if until_ms < hour_ms:
        for key, numbers in reading.totals(keys, Span.MINUTE, until_ms, hour_ms).items():
            _add(found[key], reading.places, [numbers[place] for place in reading.places])
    return found


def _add(into: Numbers, places: Sequence[int], numbers: Sequence[int]) -> None:
    for place, number in zip(places, numbers, strict=True):
        into[place] += number
