"""Copies of a database: made while a server writes, and put in its place while none runs."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Final

import msgspec

from stepwell.store.errors import FileExists, FileNotWritten, StoreMissing
from stepwell.store.sqlite.database import connect_writer
from stepwell.store.sqlite.lock import FileLock
from stepwell.store.sqlite.maintenance import (
    Progress,
    check,
    fsync_directory,
    open_readable,
    vacuum_into,
)

__all__ = ["BackedUp", "Restored", "back_up", "restore"]

_PAGES_AT_ONCE: Final = 4_000


class BackedUp(msgspec.Struct, frozen=True):
    """A copy that was made and checked."""

    path: str
    bytes: int
    revision: str


class Restored(msgspec.Struct, frozen=True):
    """A database that was put in place.

    Attributes:
        kept: Where the one before is; None if there was none.
    """

    path: str
    bytes: int
    revision: str
    kept: str | None


def back_up(path: Path, target: Path, progress: Progress) -> BackedUp:
    """Copy a database as it is at this moment, whether or not a server writes to it.

    The copy is read through before it gets its name, so what has the name is whole.

    Raises:
        StoreMissing, StoreCorrupt, StoreUnusable: There is nothing to be copied.
        FileExists: The target exists.
        FileNotWritten: The copy cannot be written.
    """
    if target.exists():
        raise FileExists(target, "choose another name, or move it away")
    unfinished = target.with_name(f"{target.name}.part")
    with open_readable(path) as connection, _unfinished(unfinished):
        vacuum_into(connection, unfinished, progress)
        revision = check(unfinished)
        _give_name(unfinished, target)
    return BackedUp(str(target), target.stat().st_size, revision)


def restore(backup: Path, path: Path, progress: Progress, *, replace: bool) -> Restored:
    """Put a copy of a backup in the place of a database, which is kept under another name.

    Until the last step the database is as it was; that step is done at once or not at all.

    Args:
        backup: A database of this or an older version; it is only read.
        path: The database, which may be missing.
        progress: Told how far the copy is.
        replace: Whether there may be a database already.

    Raises:
        StoreInUse: A server has the database open.
        StoreMissing, StoreCorrupt, StoreNewer, StoreUnusable: The backup cannot be used.
        FileExists: There is a database, and it is not to be replaced.
        FileNotWritten: There is no room for the copy.
    """
    if not backup.is_file():
        raise StoreMissing(backup)
    with _written(path):
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        if path.exists() and not replace:
            raise FileExists(path, "use --force to replace it; it is kept under another name")
        copy = path.with_name(f"{path.name}.restoring")
        with _unfinished(copy):
            _copy(backup, copy, progress)
            revision = check(copy)
            kept = _keep(path)
            copy.replace(path)
            fsync_directory(path.parent)
    finally:
        lock.release()
    return Restored(str(path), path.stat().st_size, revision, str(kept) if kept else None)


def _copy(backup: Path, copy: Path, progress: Progress) -> None:
    """Copy page by page, with what the backup's own log holds, if it has one."""
    with _written(copy):
        copy.unlink(missing_ok=True)
        os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with open_readable(backup) as source, closing(sqlite3.connect(copy)) as target:
        (page_bytes,) = source.execute("PRAGMA page_size").fetchone()

        def copied(_status: int, left: int, total: int) -> None:
            progress((total - left) * page_bytes, total * page_bytes)

        with _written(copy):
            source.backup(target, pages=_PAGES_AT_ONCE, progress=copied)
            target.execute("PRAGMA synchronous = FULL")
    with _written(copy), copy.open("rb") as file:
        os.fsync(file.fileno())


def _keep(path: Path) -> Path | None:
    """Give the database a second name, under which it stays; None if there is none."""
    _empty_log(path)
    if not path.exists():
        return None
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    kept = path.with_name(f"{path.name}.before-{stamp}")
    with _written(kept):
        if kept.exists():
            raise FileExists(kept, "try again in a second")
        os.link(path, kept)
    return kept


def _empty_log(path: Path) -> None:
    """Have everything in the file itself: another database must not find the old one's log."""
    if path.exists():
        with suppress(sqlite3.DatabaseError), closing(connect_writer(path)) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for suffix in ("-wal", "-shm"):
        # Still there only if the old database cannot be opened.
        beside = path.with_name(path.name + suffix)
        if beside.exists():
            beside.replace(path.with_name(f"{path.name}.damaged{suffix}"))


def _give_name(unfinished: Path, target: Path) -> None:
    """Unlike a rename, this overwrites nothing that has come meanwhile."""
    try:
        os.link(unfinished, target)
    except FileExistsError:
        raise FileExists(target, "choose another name, or move it away") from None
    except OSError as error:
        raise FileNotWritten(target, error.strerror or str(error)) from error
    fsync_directory(target.parent)


@contextmanager
def _unfinished(path: Path) -> Iterator[None]:
    """Leave nothing that is not whole."""
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


@contextmanager
def _written(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise FileNotWritten(path, error.strerror or str(error)) from error
    except sqlite3.OperationalError as error:
        raise FileNotWritten(path, str(error)) from error
