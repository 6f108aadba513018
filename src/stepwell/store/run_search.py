"""Lists of runs in order, filtered, from any place on, without reading what is not listed.

Runs of one function and status lie together in three indexes, each sorted by one of the times that
lists are sorted by; the time at which a run was queued is in its id. A list is a merge of such
ranges. One statement finds the first time in each range (a loose index scan); then ranges are
opened in the order of these times, and only as far as the list is read. So a page costs two or
three short reads per function and status that is on it, however many runs there are.

Ids are merged and compared as text, byte by byte, as ULIDs are meant to be.
"""

import heapq
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    ScalarSelect,
    Select,
    bindparam,
    func,
    literal,
    literal_column,
    select,
    union,
)

from stepwell.core.identity import RunId
from stepwell.core.search import RunsCursor
from stepwell.core.status import RunStatus
from stepwell.store.schema import batch_events, events, functions, runs
from stepwell.store.views import Direction, RunsCount, RunsPage, TimeField
from stepwell.wire.ulid import ulid_from, ulid_ms

__all__ = ["COUNTED_MAX", "EVENT_RUNS_MAX", "count", "places", "places_of_events"]

#: Runs counted at most: takes some 10 ms, and nobody reads a larger number digit by digit.
COUNTED_MAX: Final = 100_000

#: Events, and runs started by them, that are looked up by id.
EVENT_RUNS_MAX: Final = 5_000

#: Rows a range is asked for at first, and at most.
_ROWS_MIN: Final = 8
_ROWS_MAX: Final = 256

_MS_END: Final = 2**48
_TIME_CHARS: Final = 10

# Written out as in the partial index events_external.
_HAS_EXTERNAL_ID: Final = events.c.external_id != events.c.id

_NOT_SKIPPED: Final = tuple(status for status in RunStatus if status is not RunStatus.SKIPPED)


class _Range(NamedTuple):
    """The runs of one function in one status."""

    function_id: str
    status: int


class _Order:
    """One of the times that lists are sorted by, and the statements that read by it.

    In the statements, `low` and `high` are what `bound` makes of the first time that is wanted and
    of the first one that is not any more.
    """

    def __init__(self, column: ColumnElement[Any], *, is_known: ColumnElement[bool] | None) -> None:
        self.column = column
        in_range = [column >= bindparam("low"), column < bindparam("high")]
        # Written out as in the partial index: a database does not look into parameters.
        self.is_listed = in_range if is_known is None else [*in_range, is_known]
        chosen = select(column, runs.c.id).where(
            runs.c.function_id == bindparam("function_id"),
            runs.c.status == bindparam("status"),
            *self.is_listed,
        )
        rows: BindParameter[int] = bindparam("rows")
        by = [column] if column is runs.c.id else [column, runs.c.id]
        self.ascending = chosen.order_by(*by).limit(rows)
        self.descending = chosen.order_by(*(each.desc() for each in by)).limit(rows)
        # The runs of one moment, so that they come by id in both directions.
        self.moment = chosen.where(runs.c.id > bindparam("after")).order_by(*by).limit(rows)

    def bound(self, at_ms: int) -> Any:
        """The smallest value of the column at or after that time."""
        return at_ms

    def time_of(self, value: Any) -> int:
        """The time, in ms, of a value of the column."""
        return int(value)

    def head(self, status: RunStatus, direction: Direction) -> ScalarSelect[Any]:
        """The first value in a function's range; null if the range is empty."""
        column = self.column
        by = column if direction is Direction.ASC else column.desc()
        is_in = (runs.c.function_id == functions.c.id, runs.c.status == literal(int(status)))
        first = select(column).where(*is_in, *self.is_listed).order_by(by).limit(1)
        return first.correlate(functions).scalar_subquery()


class _OrderById(_Order):
    def __init__(self) -> None:
        super().__init__(runs.c.id, is_known=None)

    def bound(self, at_ms: int) -> Any:
        # No ULID begins with a character above "7".
        return "8" if at_ms >= _MS_END else ulid_from(at_ms, bytes(10))[:_TIME_CHARS]

    def time_of(self, value: Any) -> int:
        return ulid_ms(value)


_NEVER: Final[ColumnElement[int]] = literal_column("0")
_ORDERS: Final = {
    TimeField.QUEUED_AT: _OrderById(),
    TimeField.STARTED_AT: _Order(runs.c.started_ms, is_known=runs.c.started_ms > _NEVER),
    TimeField.ENDED_AT: _Order(runs.c.ended_ms, is_known=runs.c.ended_ms > _NEVER),
}


def places(connection: Connection, page: RunsPage, *, wanted: int) -> Iterator[RunsCursor]:
    """The places of all runs that the page's filters admit, in order, from its cursor on.

    The query and the limit of the page are left to the caller, who will take about `wanted`. What
    is not taken is not read, apart from a few rows of each range.
    """
    low_ms, high_ms = _window(page)
    if low_ms >= high_ms:
        return
    sign = -1 if page.direction is Direction.DESC else 1
    # Entries are (time in order, id, number, stream); what has not been opened has no id yet, and
    # so comes before everything of its time.
    waiting: list[tuple[int, str, int, Iterator[RunsCursor] | None]] = []
    ranges = list(_heads(connection, page, low_ms, high_ms))
    for number, (_, head_ms) in enumerate(ranges):
        waiting.append((sign * head_ms, "", number, None))
    heapq.heapify(waiting)
    rows = max(_ROWS_MIN, min(_ROWS_MAX, 2 * wanted // max(1, len(ranges))))
    while waiting:
        at, run_id, number, stream = waiting[0]
        if stream is None:
            stream = _Stream(connection, page, ranges[number][0], rows).places()
        else:
            yield RunsCursor(sign * at, run_id)  # type: ignore[arg-type]
        following = next(stream, None)
        if following is None:
            heapq.heappop(waiting)
        else:
            entry = (sign * following.at_ms, following.run_id, number, stream)
            heapq.heapreplace(waiting, entry)


def places_of_events(
    connection: Connection, page: RunsPage, event_ids: frozenset[str]
) -> list[RunsCursor] | None:
    """As `places`, but only of runs that were started by events with these ids.

    Returns:
        All of the places, or None if more than `EVENT_RUNS_MAX` events or runs were to be read.
    """
    asked = union(
        select(events.c.id).where(events.c.id.in_(event_ids)),
        select(events.c.id).where(events.c.external_id.in_(event_ids), _HAS_EXTERNAL_ID),
    )
    known = list(connection.execute(asked.limit(EVENT_RUNS_MAX + 1)).scalars())
    started = union(
        select(runs.c.id).where(runs.c.event_id.in_(known)),
        select(batch_events.c.run_id).where(batch_events.c.event_id.in_(known)),
    )
    run_ids = list(connection.execute(started.limit(EVENT_RUNS_MAX + 1)).scalars())
    if max(len(known), len(run_ids)) > EVENT_RUNS_MAX:
        return None
    found = _listed(connection, page, run_ids)
    sign = -1 if page.direction is Direction.DESC else 1
    ordered = sorted((sign * place.at_ms, place.run_id, place) for place in found)
    after = page.after
    begin = None if after is None else (sign * after.at_ms, after.run_id)
    return [place for at, run_id, place in ordered if begin is None or (at, run_id) > begin]


def _listed(connection: Connection, page: RunsPage, run_ids: list[RunId]) -> Iterator[RunsCursor]:
    """Those of the runs that the page's filters admit."""
    order = _ORDERS[page.time_field]
    low_ms, high_ms = _window(page)
    admitted = set(connection.execute(_functions(select(functions.c.id), page)).scalars())
    statuses = _statuses(page)
    asked = select(order.column, runs.c.id, runs.c.function_id, runs.c.status).where(
        runs.c.id.in_(run_ids), *order.is_listed
    )
    bounds = {"low": order.bound(low_ms), "high": order.bound(high_ms)}
    for value, run_id, function_id, status in connection.execute(asked, bounds):
        if function_id in admitted and status in statuses:
            yield RunsCursor(order.time_of(value), run_id)


def count(connection: Connection, page: RunsPage) -> RunsCount:
    """How many runs the page's filters admit, wherever its cursor is, up to `COUNTED_MAX`."""
    order = _ORDERS[page.time_field]
    low_ms, high_ms = _window(page)
    if low_ms >= high_ms:
        return RunsCount(0, is_exact=True)
    chosen: Select[Any] = (
        select(literal_column("1"))
        .select_from(runs)
        .where(
            runs.c.function_id.in_(_functions(select(functions.c.id), page)),
            runs.c.status.in_([int(status) for status in _statuses(page)]),
            *order.is_listed,
        )
        .limit(COUNTED_MAX + 1)
    )
    bounds = {"low": order.bound(low_ms), "high": order.bound(high_ms)}
    counted = connection.execute(
        select(func.count()).select_from(chosen.subquery()), bounds
    ).scalar_one()
    return RunsCount(min(counted, COUNTED_MAX), is_exact=counted <= COUNTED_MAX)


class _Stream:
    """The runs of one range, in the order of the page."""

    def __init__(self, connection: Connection, page: RunsPage, of: _Range, rows: int) -> None:
        self._connection = connection
        self._page = page
        self._order = _ORDERS[page.time_field]
        self._range = of._asdict()
        self._rows = rows

    def places(self) -> Iterator[RunsCursor]:
        low_ms, high_ms = _window(self._page)
        after = self._page.after
        if after is not None and low_ms <= after.at_ms < high_ms:
            yield from self._moment(after.at_ms, after.run_id)
        low_ms, high_ms = _beyond(self._page, low_ms, high_ms, after)
        while low_ms < high_ms:
            found = self._read(low_ms, high_ms)
            if len(found) < self._rows:
                yield from found
                return
            # More runs of the last moment may follow, with smaller ids: it is read by itself.
            last = found[-1]
            yield from (place for place in found if place.at_ms != last.at_ms)
            yield from self._moment(last.at_ms, "")
            low_ms, high_ms = _beyond(self._page, low_ms, high_ms, last)
            self._rows = min(2 * self._rows, _ROWS_MAX)

    def _read(self, low_ms: int, high_ms: int) -> list[RunsCursor]:
        order = self._order
        is_ascending = self._page.direction is Direction.ASC
        asked = order.ascending if is_ascending else order.descending
        found = self._execute(asked, low_ms, high_ms)
        if not is_ascending:
            found.sort(key=lambda place: (-place.at_ms, place.run_id))
        return found

    def _moment(self, at_ms: int, after: str) -> Iterator[RunsCursor]:
        while True:
            found = self._execute(self._order.moment, at_ms, at_ms + 1, after=after)
            yield from found
            if len(found) < self._rows:
                return
            after = found[-1].run_id

    def _execute(
        self, asked: Select[Any], low_ms: int, high_ms: int, **more: str
    ) -> list[RunsCursor]:
        order = self._order
        bounds = {"low": order.bound(low_ms), "high": order.bound(high_ms), "rows": self._rows}
        found = self._connection.execute(asked, {**self._range, **bounds, **more})
        return [RunsCursor(order.time_of(value), run_id) for value, run_id in found]


def _heads(
    connection: Connection, page: RunsPage, low_ms: int, high_ms: int
) -> Iterator[tuple[_Range, int]]:
    """The ranges that have runs, each with the first time in it."""
    if page.after is not None:
        # Runs of the cursor's own moment count, too: those with larger ids are still to come.
        if page.direction is Direction.DESC:
            high_ms = min(high_ms, page.after.at_ms + 1)
        else:
            low_ms = max(low_ms, page.after.at_ms)
    order = _ORDERS[page.time_field]
    statuses = _statuses(page)
    heads = [order.head(status, page.direction) for status in statuses]
    asked = _functions(select(functions.c.id, *heads), page)
    bounds = {"low": order.bound(low_ms), "high": order.bound(high_ms)}
    for function_id, *values in connection.execute(asked, bounds):
        for status, value in zip(statuses, values, strict=True):
            if value is not None:
                yield _Range(function_id, int(status)), order.time_of(value)


def _functions(asked: Select[Any], page: RunsPage) -> Select[Any]:
    asked = asked.where(functions.c.environment_id == page.environment_id)
    if page.function_ids:
        asked = asked.where(functions.c.id.in_(page.function_ids))
    if page.app_ids:
        asked = asked.where(functions.c.app_id.in_(page.app_ids))
    return asked


def _statuses(page: RunsPage) -> tuple[RunStatus, ...]:
    """The statuses to list, each once. Source: GraphQL API, 3.4 (skipped runs)."""
    asked = tuple(sorted(set(page.statuses)))
    if page.include_skipped:
        return asked or tuple(RunStatus)
    return tuple(status for status in asked if status is not RunStatus.SKIPPED) or _NOT_SKIPPED


def _window(page: RunsPage) -> tuple[int, int]:
    """The first time that is listed, and the first one after it that is not."""
    low_ms = 0 if page.from_ms is None else max(0, page.from_ms)
    high_ms = _MS_END if page.until_ms is None else min(_MS_END, page.until_ms + 1)
    return low_ms, high_ms


def _beyond(page: RunsPage, low_ms: int, high_ms: int, place: RunsCursor | None) -> tuple[int, int]:
    """What is left of the times when everything up to the place's moment has been read."""
    if place is None:
        return low_ms, high_ms
    if page.direction is Direction.DESC:
        return low_ms, min(high_ms, place.at_ms)
    return max(low_ms, place.at_ms + 1), high_ms
