"""Opening a database: its lock, its connections, its schema, and what can be wrong with it."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from stepwell.core.identity import PartitionId
from stepwell.store.errors import StoreCorrupt, StoreNewer, StoreUnusable
from stepwell.store.migrations import HEAD, REVISIONS
from stepwell.store.sql.nodes import PARTITIONS
from stepwell.store.sqlite.connections import ThreadedConnections, transaction
from stepwell.store.sqlite.functions import SqlFunctions, wall_clock_ms
from stepwell.store.sqlite.lock import FileLock
from stepwell.store.sqlite.writer import Writer

__all__ = [
    "Database",
    "beside",
    "bytes_of",
    "connect_onlooker",
    "connect_reader",
    "connect_writer",
    "partitions_of",
    "prepare_in_memory",
]

#: The oldest SQLite with STRICT tables.
_SQLITE_MIN: Final = (3, 37, 0)

#: Two are enough for a slow read not to hold up the others.
_READERS: Final = 2

#: How long a connection waits for another one of this process, which happens while SQLite recovers
#: its log after a crash.
_BUSY_TIMEOUT_S: Final = 5.0

_WRITER_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    # A commit is on the disk when it returns, also if the power fails.
    "PRAGMA synchronous = FULL",
    # 16 MiB: the live end of every table. More would only repeat what the system caches.
    "PRAGMA cache_size = -16384",
    # In pages, so 16 MiB: rarer checkpoints write a page once that was changed many times.
    "PRAGMA wal_autocheckpoint = 4000",
    # A log that a long read let grow is cut back afterwards.
    "PRAGMA journal_size_limit = 67108864",
    *(_MEMORY_PRAGMAS := ("PRAGMA temp_store = MEMORY", "PRAGMA secure_delete = OFF")),
)
_READER_PRAGMAS: Final = (
    "PRAGMA query_only = ON",
    "PRAGMA cache_size = -2048",
    "PRAGMA temp_store = MEMORY",
)

_TABLES: Final = "SELECT count(*) FROM sqlite_schema WHERE type = 'table'"
_IS_VERSIONED: Final = "SELECT count(*) FROM sqlite_schema WHERE name = 'alembic_version'"
_REVISION: Final = "SELECT version_num FROM alembic_version"

#: What all migrations together make of an empty database, so that a new one needs none of them.
_SCHEMA: Final = Path(__file__).with_name("schema.sql")


class Database:
    """A database file, opened for this process alone.

    Attributes:
        path: The file.
        writer: The one connection that writes.
        readers: Connections that read, and never wait for the writer.
        functions: What statements of the writer can call.
        partitions: All there are.
    """

    def __init__(self, path: Path, now_ms: Callable[[], int] = wall_clock_ms) -> None:
        """Open it. Blocks for as long as the disk needs."""
        self.path = path
        _check_library(path)
        with _refusals(path):
            _create_missing(path)
            self._lock = FileLock(path)
        try:
            with _refusals(path):
                writer = connect_writer(path)
                _bring_up_to_date(path, writer)
                readers = [connect_reader(path) for _ in range(_READERS)]
                self.partitions = partitions_of(writer)
        except BaseException:
            self._lock.release()
            raise
        self.functions = SqlFunctions(writer, now_ms)
        self.writer = Writer(writer)
        self.readers = ThreadedConnections("stepwell-store-reader", readers)

    @classmethod
    async def open(cls, path: Path, now_ms: Callable[[], int] = wall_clock_ms) -> "Database":
        """Open it without holding up the loop; see `SqliteStore.open` for what can be wrong."""
        return await asyncio.to_thread(cls, path, now_ms)

    async def close(self) -> None:
        """Finish what was begun and let go of the file. May be called twice."""
        await self.readers.close()
        await self.writer.close()
        self._lock.release()


def beside(path: Path, suffix: str) -> Path:
    """A file that SQLite or we keep next to the database."""
    return path.with_name(path.name + suffix)


def bytes_of(path: Path) -> int:
    """How large the file is; 0 if there is none."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def connect_writer(path: Path) -> sqlite3.Connection:
    """A connection to the file that writes durably."""
    return _connect(path, _WRITER_PRAGMAS)


def connect_reader(path: Path) -> sqlite3.Connection:
    """A connection to the file that cannot write."""
    return _connect(path, _READER_PRAGMAS)


def partitions_of(connection: sqlite3.Connection) -> list[PartitionId]:
    """All partitions there are."""
    return [PartitionId(number) for (number,) in connection.execute(PARTITIONS.sqlite)]


def connect_onlooker(path: Path) -> sqlite3.Connection:
    """A connection that leaves file and log as they are, to the byte, also when it is closed.

    A reader would write a log back that a server has left behind when it was killed.
    """
    return _connect(f"{path.absolute().as_uri()}?mode=ro", _READER_PRAGMAS)


def prepare_in_memory(connection: sqlite3.Connection) -> None:
    """Make the connection ready for a store: our way of transactions, and the tables if missing."""
    if connection.in_transaction:
        connection.rollback()
    connection.isolation_level = None
    for pragma in _MEMORY_PRAGMAS:
        connection.execute(pragma)
    if not _count(connection, _TABLES):
        _create_tables(connection)


def _check_library(path: Path) -> None:
    if sqlite3.sqlite_version_info < _SQLITE_MIN:
        needed = ".".join(map(str, _SQLITE_MIN))
        raise StoreUnusable(
            path, f"Python has SQLite {sqlite3.sqlite_version}, but {needed} is needed"
        )


@contextmanager
def _refusals(path: Path) -> Iterator[None]:
    """Say what is wrong with the file in our words."""
    try:
        yield
    except OSError as error:
        raise StoreUnusable(path, error.strerror or str(error)) from error
    except sqlite3.OperationalError as error:
        raise StoreUnusable(path, str(error)) from error
    except sqlite3.DatabaseError as error:
        raise StoreCorrupt(path, str(error)) from error


def _create_missing(path: Path) -> None:
    """Create directory and file for their owner alone; what exists keeps its mode.

    SQLite gives its log the mode of the database.
    """
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))


def _connect(path: Path | str, pragmas: tuple[str, ...]) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path,
        uri=isinstance(path, str),
        timeout=_BUSY_TIMEOUT_S,
        # Transactions begin and end where we say so.
        isolation_level=None,
        # Opened here, used on a thread of its own.
        check_same_thread=False,
        # All bulk statements of all sizes stay prepared.
        cached_statements=256,
    )
    try:
        for pragma in pragmas:
            connection.execute(pragma)
    except BaseException:
        connection.close()
        raise
    return connection


def _bring_up_to_date(path: Path, writer: sqlite3.Connection) -> None:
    try:
        if not _count(writer, _TABLES):
            _create_tables(writer)
        elif _known_revision(path, writer) != HEAD:
            _migrate(path)
    except BaseException:
        writer.close()
        raise


def _known_revision(path: Path, writer: sqlite3.Connection) -> str:
    if not _count(writer, _IS_VERSIONED):
        raise StoreUnusable(path, "it is a database of another program")
    (revision,) = writer.execute(_REVISION).fetchone()
    if revision not in REVISIONS:
        raise StoreNewer(path, revision)
    assert isinstance(revision, str)
    return revision


def _migrate(path: Path) -> None:
    # Alembic and SQLAlchemy take a second to import and 50 MB to keep, for work that is needed once
    # per upgrade.
    from stepwell.store.migrations.upgrade import upgrade  # noqa: PLC0415

    upgrade(lambda: connect_writer(path))


def _create_tables(connection: sqlite3.Connection) -> None:
    with transaction(connection):
        for statement in _SCHEMA.read_text().split(";"):
            connection.execute(statement)


def _count(connection: sqlite3.Connection, sql: str) -> int:
    (count,) = connection.execute(sql).fetchone()
    assert isinstance(count, int)
    return count
