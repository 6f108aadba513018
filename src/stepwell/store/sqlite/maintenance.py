"""What an operator does with a database file: look at it, bring it up to date, make it smaller.

Whatever writes takes the server's lock, so it is refused while a server runs. Looking is not: it
needs a connection that reads, which never waits for one that writes and never holds it up.
"""

import asyncio
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from stepwell.store.errors import (
    FileNotWritten,
    StoreCorrupt,
    StoreMissing,
    StoreNewer,
    StoreOutdated,
    StoreUnusable,
)
from stepwell.store.migrations import HEAD, REVISIONS
from stepwell.store.sqlite.database import (
    Database,
    beside,
    bytes_of,
    connect_reader,
    connect_writer,
)
from stepwell.store.sqlite.lock import FileLock, lock_holder

__all__ = [
    "Migrated",
    "Progress",
    "Status",
    "TableRows",
    "Vacuumed",
    "check",
    "check_exists",
    "check_revision",
    "fsync_directory",
    "migrate",
    "open_current",
    "open_for_change",
    "open_readable",
    "refused_as",
    "revision_of",
    "status",
    "vacuum",
    "vacuum_into",
]

#: Told how many bytes are done, and of how many.
Progress = Callable[[int, int], None]

#: Tables with more rows are counted only as far as time allows.
_COUNTED_ROWS: Final = 100_000
_COUNTING_S: Final = 1.0
# SQLite's machine calls back after so many of its steps: some milliseconds.
_STEPS_PER_CALL: Final = 100_000

_IS_VERSIONED: Final = "SELECT count(*) FROM sqlite_schema WHERE name = 'alembic_version'"
_REVISION: Final = "SELECT version_num FROM alembic_version"
_TABLES: Final = """
SELECT name FROM sqlite_schema
 WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name <> 'alembic_version' ORDER BY name
"""
_SPARE: Final = 16 * 1024 * 1024


class TableRows(msgspec.Struct, frozen=True):
    """How many rows a table has.

    Attributes:
        is_exact: Whether it has no more.
    """

    table: str
    rows: int
    is_exact: bool


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """A database file as it is found.

    Attributes:
        wal_bytes: Size of the log beside it, which is part of the database.
        free_bytes: Of the file, what new rows can take before it grows.
        revision: Of its schema.
        newest_revision: What this version of Stepwell works with.
        holder: Process id of the server that has it open; "" if none has.
        oldest_event_ms: When the first event that is kept was received; None without events.
        oldest_run_ms: When the first run that is kept was queued; None without runs.
    """

    path: str
    bytes: int
    wal_bytes: int
    free_bytes: int
    revision: str
    newest_revision: str
    is_held: bool
    holder: str
    tables: tuple[TableRows, ...]
    oldest_event_ms: int | None
    newest_event_ms: int | None
    oldest_run_ms: int | None
    newest_run_ms: int | None


class Migrated(msgspec.Struct, frozen=True):
    """What became of the schema; the same twice if there was nothing to do."""

    before: str
    after: str


class Vacuumed(msgspec.Struct, frozen=True):
    """Sizes of the file, in bytes."""

    before: int
    after: int


def status(path: Path) -> Status:
    """Look at a database, whether or not a server has it open.

    Raises:
        StoreMissing, StoreCorrupt, StoreUnusable: There is nothing to be looked at.
    """
    with open_readable(path) as connection:
        revision = revision_of(connection, path)
        (page_bytes,) = connection.execute("PRAGMA page_size").fetchone()
        (free_pages,) = connection.execute("PRAGMA freelist_count").fetchone()
        tables = tuple(
            _rows(connection, table) for (table,) in connection.execute(_TABLES).fetchall()
        )
        holder = lock_holder(path)
        return Status(
            path=str(path),
            bytes=path.stat().st_size,
            wal_bytes=bytes_of(beside(path, "-wal")),
            free_bytes=page_bytes * free_pages,
            revision=revision,
            newest_revision=HEAD,
            is_held=holder is not None,
            holder=holder or "",
            tables=tables,
            oldest_event_ms=_end_of(connection, "events", "received_ms", "ASC"),
            newest_event_ms=_end_of(connection, "events", "received_ms", "DESC"),
            oldest_run_ms=_end_of(connection, "runs", "queued_ms", "ASC"),
            newest_run_ms=_end_of(connection, "runs", "queued_ms", "DESC"),
        )


def migrate(path: Path) -> Migrated:
    """Bring the schema up to date, in one transaction.

    Raises:
        StoreMissing, StoreInUse, StoreCorrupt, StoreNewer, StoreUnusable: Nothing was changed.
    """
    with open_readable(path) as connection:
        before = revision_of(connection, path)
    database = Database(path)
    asyncio.run(database.close())
    return Migrated(before, HEAD)


def vacuum(path: Path, progress: Progress) -> Vacuumed:
    """Write the database anew without its free pages, and put that in its place.

    Raises:
        StoreMissing, StoreInUse, StoreCorrupt, StoreUnusable: Nothing was changed.
        FileNotWritten: There is no room for the new file; nothing was changed.
    """
    check_exists(path)
    lock = FileLock(path)
    try:
        before = path.stat().st_size
        with refused_as(path), closing(connect_writer(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            revision_of(connection, path)
        compact = path.with_name(f"{path.name}.vacuum")
        compact.unlink(missing_ok=True)
        with open_readable(path) as connection:
            vacuum_into(connection, compact, progress)
        check(compact)
        # Nothing of the old file is only in its log, which went with the last connection.
        compact.replace(path)
        fsync_directory(path.parent)
        return Vacuumed(before, path.stat().st_size)
    finally:
        lock.release()


def vacuum_into(connection: sqlite3.Connection, target: Path, progress: Progress) -> None:
    """Write what the database holds at this moment into a new file, durably, for its owner alone.

    Others may read and write meanwhile; the log grows by what they write.

    Raises:
        FileNotWritten: It cannot be; what was written is removed.
    """
    total = _live_bytes(connection)
    _check_room(target, total)

    def called() -> int:
        progress(min(bytes_of(target), total), total)
        return 0

    try:
        os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
        connection.set_progress_handler(called, _STEPS_PER_CALL)
        # It writes nothing but the target, which SQLite does not tell apart.
        connection.execute("PRAGMA query_only = OFF")
        connection.execute("VACUUM INTO ?", (str(target),))
        _fsync(target)
        progress(total, total)
    except (OSError, sqlite3.OperationalError) as error:
        target.unlink(missing_ok=True)
        raise FileNotWritten(target, _reason(error)) from error
    except BaseException:
        target.unlink(missing_ok=True)
        raise
    finally:
        connection.set_progress_handler(None, 0)
        connection.execute("PRAGMA query_only = ON")


def check(path: Path) -> str:
    """Read every page of a database that nobody writes; returns its schema revision.

    Raises:
        StoreCorrupt, StoreNewer, StoreUnusable: It must not be used.
    """
    with open_readable(path) as connection:
        found = [text for (text,) in connection.execute("PRAGMA integrity_check(3)")]
        if found != ["ok"]:
            raise StoreCorrupt(path, "; ".join(found))
        revision = revision_of(connection, path)
    if revision not in REVISIONS:
        raise StoreNewer(path, revision)
    return revision


def revision_of(connection: sqlite3.Connection, path: Path) -> str:
    """The schema revision of a database, known or not.

    Raises:
        StoreUnusable: Another program has written it, or it is empty.
    """
    (is_versioned,) = connection.execute(_IS_VERSIONED).fetchone()
    if not is_versioned:
        raise StoreUnusable(path, "it is no database of Stepwell")
    (revision,) = connection.execute(_REVISION).fetchone()
    assert isinstance(revision, str)
    return revision


@contextmanager
def open_current(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that reads a database with today's schema, whether or not a server has it open.

    Raises:
        StoreMissing, StoreCorrupt, StoreUnusable, StoreNewer, StoreOutdated: It cannot be read.
    """
    with open_readable(path) as connection:
        check_revision(connection, path)
        yield connection


def check_revision(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a database that has not today's schema.

    Raises:
        StoreUnusable, StoreNewer, StoreOutdated: It has another one, or none of ours.
    """
    revision = revision_of(connection, path)
    if revision not in REVISIONS:
        raise StoreNewer(path, revision)
    if revision != HEAD:
        raise StoreOutdated(path, revision)


@contextmanager
def open_for_change(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that writes to a database with today's schema, which nobody else has open.

    Raises:
        StoreMissing, StoreInUse, StoreCorrupt, StoreUnusable, StoreNewer, StoreOutdated: It must
            not be changed.
    """
    check_exists(path)
    lock = FileLock(path)
    try:
        with open_current(path):
            pass
        with refused_as(path), closing(connect_writer(path)) as connection:
            yield connection
    finally:
        lock.release()


def fsync_directory(path: Path) -> None:
    """Make durable which files a directory has."""
    _fsync(path)


@contextmanager
def open_readable(path: Path) -> Iterator[sqlite3.Connection]:
    """A connection that reads a database, whether or not a server has it open.

    Raises:
        StoreMissing, StoreCorrupt, StoreUnusable: It cannot be read.
    """
    check_exists(path)
    with refused_as(path):
        connection = connect_reader(path)
        with closing(connection):
            yield connection


@contextmanager
def refused_as(path: Path) -> Iterator[None]:
    """Say what is wrong with a file in our words."""
    try:
        yield
    except sqlite3.OperationalError as error:
        raise StoreUnusable(path, str(error)) from error
    except sqlite3.DatabaseError as error:
        raise StoreCorrupt(path, str(error)) from error


def check_exists(path: Path) -> None:
    """Raise `StoreMissing` if there is no such file; SQLite would create it."""
    if not path.is_file():
        raise StoreMissing(path)


def _check_room(target: Path, needed_bytes: int) -> None:
    with suppress(OSError):
        free_bytes = shutil.disk_usage(target.parent).free
        if free_bytes < needed_bytes + _SPARE:
            missing = needed_bytes + _SPARE - free_bytes
            raise FileNotWritten(
                target, f"it needs {needed_bytes:,} bytes, and {missing:,} more have to be free"
            )


def _rows(connection: sqlite3.Connection, table: str) -> TableRows:
    some = f"SELECT count(*) FROM (SELECT 1 FROM {table} LIMIT {_COUNTED_ROWS + 1})"  # noqa: S608 - ours
    (count,) = connection.execute(some).fetchone()
    if count <= _COUNTED_ROWS:
        return TableRows(table, count, is_exact=True)
    deadline_s = time.monotonic() + _COUNTING_S
    connection.set_progress_handler(lambda: time.monotonic() > deadline_s, _STEPS_PER_CALL)
    try:
        (count,) = connection.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608 - ours
    except sqlite3.OperationalError:
        return TableRows(table, _COUNTED_ROWS, is_exact=False)
    finally:
        connection.set_progress_handler(None, 0)
    return TableRows(table, count, is_exact=True)


def _end_of(connection: sqlite3.Connection, table: str, column: str, order: str) -> int | None:
    """When the first or the last row by id is from: ids are ordered by time."""
    sql = f"SELECT {column} FROM {table} ORDER BY id {order} LIMIT 1"  # noqa: S608 - ours
    try:
        row = connection.execute(sql).fetchone()
    except sqlite3.OperationalError:  # a schema that has no such table any more, or not yet
        return None
    return None if row is None else row[0]


def _live_bytes(connection: sqlite3.Connection) -> int:
    """How large the database is without its free pages."""
    values = [
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    ]
    pages, free_pages, page_bytes = values
    return int((pages - free_pages) * page_bytes)


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
