"""Reading all of a SQLite file that nobody uses, without changing a byte of it."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Final

from stepwell.core.function import Function
from stepwell.core.identity import LOCAL_PARTITION
from stepwell.core.placing import placed
from stepwell.store.errors import StoreCorrupt, StoreUnusable
from stepwell.store.moving.tables import MovedTable
from stepwell.store.sql import catalog
from stepwell.store.sqlite.asking import answer
from stepwell.store.sqlite.connections import snapshot
from stepwell.store.sqlite.database import connect_onlooker
from stepwell.store.sqlite.lock import FileLock
from stepwell.store.sqlite.maintenance import check_exists, check_revision, refused_as

__all__ = ["Source", "open_source"]

_PARTITION_OF: Final = "stepwell_partition_of"
_LAST_NODE: Final = "SELECT number FROM counters WHERE name = 'nodes'"
# Unlike the thorough check it does not compare indexes, of which none is moved.
_CHECK: Final = "PRAGMA quick_check(3)"


class Source:
    """A database file, held like a server holds it."""

    def __init__(
        self, path: Path, connection: sqlite3.Connection, functions: Sequence[Function]
    ) -> None:
        self._path = path
        self._connection = connection
        self._functions = functions

    def check(self) -> None:
        """Read every page.

        Raises:
            StoreCorrupt: Not everything that was stored can be read.
        """
        found = [text.decode(errors="replace") for (text,) in self._connection.execute(_CHECK)]
        if found != ["ok"]:
            raise StoreCorrupt(self._path, "; ".join(found))

    def count(self, table: MovedTable) -> int:
        """How many rows the table has."""
        sql = f"SELECT count(*) FROM {table.name}"  # noqa: S608 - ours
        return int(self._connection.execute(sql).fetchone()[0])

    def has_between(self, table: str, key: str, bounds: tuple[str, str]) -> bool:
        """Whether a table has rows with a key at or above the first bound and below the second."""
        sql = f"SELECT EXISTS (SELECT 1 FROM {table} WHERE {key} >= ? AND {key} < ?)"  # noqa: S608 - ours
        return bool(self._connection.execute(sql, bounds).fetchone()[0])

    def rows(self, table: MovedTable) -> Iterator[tuple[Any, ...]]:
        """All rows in the order of their key, one after the other; text as UTF-8."""
        values = (
            f"{_PARTITION_OF}({function})" if function else column
            for column, function in zip(table.columns, table.functions, strict=True)
        )
        sql = f"SELECT {', '.join(values)} FROM {table.name}"  # noqa: S608 - ours
        yield from self._connection.execute(sql)

    def last_node(self) -> int:
        """The number of the last server that has joined."""
        return int(self._connection.execute(_LAST_NODE).fetchone()[0])

    def spread(self, partitions: int) -> None:
        """Let functions, and what is queued of them, lie in so many partitions from now on."""
        places = {
            function.id: placed(function, None, partitions).partition
            for function in self._functions
        }
        self._connection.create_function(
            _PARTITION_OF, 1, lambda function: places.get(function, LOCAL_PARTITION)
        )


@contextmanager
def open_source(path: Path) -> Iterator[Source]:
    """The database as it is, kept from servers until the end.

    Raises:
        StoreMissing, StoreInUse, StoreCorrupt, StoreUnusable, StoreNewer, StoreOutdated: It cannot
            be moved, or cannot be read any more.
    """
    check_exists(path)
    path = path.absolute()
    with _locked(path), refused_as(path), closing(connect_onlooker(path)) as connection:
        check_revision(connection, path)
        with snapshot(connection):
            functions = answer(connection, catalog.functions())
            # Nothing is decoded only to be encoded again.
            connection.text_factory = bytes
            yield Source(path, connection, functions)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    # A link has another name than the file, and a server may use either.
    with ExitStack() as locks:
        for name in sorted({path, path.resolve()}):
            try:
                lock = FileLock(name)
            except OSError as error:
                raise StoreUnusable(name, error.strerror or str(error)) from error
            locks.callback(lock.release)
        yield
