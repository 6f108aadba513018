"""One process per database: a lock that the operating system lets go of when the process ends."""

import fcntl
import os
from pathlib import Path

from stepwell.store.errors import StoreInUse

__all__ = ["FileLock", "lock_holder"]


def lock_holder(path: Path) -> str | None:
    """The process that holds the lock of a database ("" if unknown); None if nobody does."""
    try:
        file = os.open(path.with_name(f"{path.name}.lock"), os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        # Shared, so that those who only look are not in each other's way.
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(file, 32, 0).decode(errors="replace").strip()
    except OSError:
        return None
    finally:
        os.close(file)
    return None


class FileLock:
    """Held from construction to `release`, on a file beside the database that stays behind.

    Raises:
        StoreInUse: Another process, or this one, holds it.
        OSError: The file cannot be created.
    """

    def __init__(self, path: Path) -> None:
        lock_path = path.with_name(f"{path.name}.lock")
        self._file: int | None = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.pread(self._file, 32, 0).decode(errors="replace").strip()
            self.release()
            if isinstance(error, BlockingIOError):
                raise StoreInUse(path, holder) from error
            raise
        # Read by whoever is refused.
        os.ftruncate(self._file, 0)
        os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)

    def release(self) -> None:
        """Let the next one have it. May be called twice."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
