"""Processor time that a server may use: what a machine of its own would give it, and no more."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["Budget", "NoBudgetsError", "budget"]

_V1: Final = Path("/sys/fs/cgroup/cpu")
_V2: Final = Path("/sys/fs/cgroup")
#: Short, so that who has used up its time does not stand still for long.
_PERIOD_US: Final = 10_000
_EMPTY_LIMIT_S: Final = 10.0


class NoBudgetsError(Exception):
    """This machine does not let us limit processor time; the message says what is missing."""


class Budget:
    """A control group in which processes share so many cores."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def add(self, process_id: int) -> None:
        """Let a process, and those it will start, have no more than what is left of it."""
        (self._folder / "cgroup.procs").write_text(str(process_id))


@contextlib.contextmanager
def budget(cores: float) -> Iterator[Budget]:
    """So many cores, for as long as this lasts; all processes in it must have ended before.

    Raises:
        NoBudgetsError: Control groups are not there, or we may not make any.
    """
    quota_us = round(cores * _PERIOD_US)
    name = f"stepwell-bench-{os.getpid()}-{time.monotonic_ns()}"
    try:
        if (_V1 / "cpu.cfs_quota_us").exists():
            folder = _V1 / name
            folder.mkdir()
            (folder / "cpu.cfs_period_us").write_text(str(_PERIOD_US))
            (folder / "cpu.cfs_quota_us").write_text(str(quota_us))
        else:
            folder = _V2 / name
            (_V2 / "cgroup.subtree_control").write_text("+cpu")
            folder.mkdir()
            (folder / "cpu.max").write_text(f"{quota_us} {_PERIOD_US}")
    except OSError as error:
        raise NoBudgetsError(f"processor time cannot be limited here: {error}") from error
    try:
        yield Budget(folder)
    finally:
        _remove(folder)


def _remove(folder: Path) -> None:
    end_s = time.monotonic() + _EMPTY_LIMIT_S
    while True:
        try:
            folder.rmdir()
        except OSError:
            # The last process has ended, and has not left it yet.
            if time.monotonic() > end_s:
                raise
            time.sleep(0.01)
        else:
            return
