"""The move itself: check, copy, compare, and only then make it last."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from stepwell.store.errors import StoreDefect
from stepwell.store.moving.checksums import Checksum
from stepwell.store.moving.source import Source, open_source
from stepwell.store.moving.tables import MovedTable, moved_tables
from stepwell.store.moving.target import HISTORY, Target, open_target
from stepwell.store.moving.work import Watch, Work, WorkKind
from stepwell.store.postgres.address import Address
from stepwell.store.postgres.copying import encode_row
from stepwell.store.postgres.weeks import WEEK_MS, Week

__all__ = ["WEEKS_MAX", "Moved", "MovedRows", "move"]

#: History gets partitions for so many weeks before the present one. That is more than is kept by
#: default; what is older lies in the default partitions, where it is deleted row by row. There is a
#: bound because senders choose the times in ids of events, and because each partition takes up to
#: nine locks until the end, of which PostgreSQL has some thousand if it is set up for few
#: connections.
WEEKS_MAX: Final = 13
_WEEKS_AHEAD: Final = 2

#: Whoever watches is told after so many rows.
_ROWS_PER_WORD: Final = 1_000


class MovedRows(msgspec.Struct, frozen=True):
    """What was moved of a table, and found there afterwards.

    Attributes:
        checksum: Of all rows; the same on both sides.
    """

    table: str
    rows: int
    checksum: str


class Moved(msgspec.Struct, frozen=True):
    """What was moved.

    Attributes:
        source: The file.
        target: Where the database is, without a password.
        rows: Of all tables.
    """

    source: str
    target: str
    rows: int
    tables: tuple[MovedRows, ...]


def move(path: Path, address: Address, watch: Watch) -> Moved:
    """Move everything from a file into an empty database; both are kept from servers meanwhile.

    The file is left as it is. The database has everything when this returns, durably, and nothing if
    an error is raised or the process ends before.

    Args:
        path: A SQLite database with the present schema.
        address: A PostgreSQL database with nothing in it.
        watch: Told how far it is.

    Raises:
        StoreMissing, StoreInUse, StoreCorrupt, StoreUnusable, StoreNewer, StoreOutdated: One of
            them cannot be used; the error says which.
        TargetInUse: A server works on the target.
        TargetNotEmpty: There is something in the target.
        StoreDefect: What the target has is not what was read.
    """
    with open_source(path) as source:
        watch(Work(WorkKind.CHECK, "", 0, 0, 0, is_done=False))
        source.check()
        counts = {table: source.count(table) for table in moved_tables()}
        rows = sum(counts.values())
        watch(Work(WorkKind.CHECK, "", rows, rows, rows, is_done=True))
        with open_target(address) as target:
            target.make_weeks(list(_weeks_of(source, target.now_ms())))
            source.spread(target.partitions())
            sums = _copy(source, target, _Tally(WorkKind.COPY, rows, watch))
            _compare(target, sums, counts, _Tally(WorkKind.COMPARE, rows, watch))
            target.keep_counting(source.last_node())
            target.analyze()
    moved = tuple(MovedRows(table.name, each.rows, each.text) for table, each in sums.items())
    return Moved(str(path), address.place, rows, moved)


class _Tally:
    """Counts the rows of a round and tells who watches."""

    def __init__(self, kind: WorkKind, rows_max: int, watch: Watch) -> None:
        self._kind = kind
        self._rows_max = rows_max
        self._watch = watch
        self._rows_before = 0

    def counted(
        self, table: MovedTable, checksum: Checksum, rows: Iterator[bytes]
    ) -> Iterator[bytes]:
        """The same rows, one by one, added to the checksum."""
        for row in rows:
            checksum.add(row)
            if checksum.rows % _ROWS_PER_WORD == 0:
                self._tell(table, checksum, is_done=False)
            yield row
        self._tell(table, checksum, is_done=True)
        self._rows_before += checksum.rows

    def _tell(self, table: MovedTable, checksum: Checksum, *, is_done: bool) -> None:
        rows = checksum.rows
        rows_all = self._rows_before + rows
        self._watch(Work(self._kind, table.name, rows, rows_all, self._rows_max, is_done=is_done))


def _weeks_of(source: Source, now_ms: int) -> Iterator[tuple[str, Week]]:
    """The weeks of history that there are rows of, and that get a partition."""
    for number in range(-WEEKS_MAX, _WEEKS_AHEAD + 1):
        week = Week.of(now_ms + number * WEEK_MS)
        for table, key in HISTORY.items():
            if source.has_between(table, key, week.ids):
                yield table, week


def _copy(source: Source, target: Target, tally: _Tally) -> dict[MovedTable, Checksum]:
    sums = {}
    for table in moved_tables():
        sums[table] = checksum = Checksum()
        rows = (encode_row(table.kinds, row) for row in source.rows(table))
        target.fill(table, tally.counted(table, checksum, rows))
    return sums


def _compare(
    target: Target, sums: dict[MovedTable, Checksum], counts: dict[MovedTable, int], tally: _Tally
) -> None:
    for table, sent in sums.items():
        found = Checksum()
        for _ in tally.counted(table, found, target.rows(table)):
            pass
        if not counts[table] == sent.rows == found.rows or sent.text != found.text:
            told = f"counted {counts[table]}, sent {sent.rows} ({sent.text})"
            reason = f"{table.name}: {told}, found {found.rows} ({found.text})"
            raise StoreDefect("move", reason)
