"""How far something is that takes long, in one line that is written over."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

__all__ = ["progress_on"]

#: Often enough to be seen to move.
_PAUSE_S: Final = 0.2
_MIB: Final = 1024 * 1024


@contextmanager
def progress_on(stream: TextIO, verb: str) -> Iterator[Callable[[int, int], None]]:
    """Shows bytes done and bytes in all, if somebody watches; writes nothing into files."""
    if not stream.isatty():
        yield lambda _done, _total: None
        return
    last_s = 0.0

    def show(done: int, total: int) -> None:
        nonlocal last_s
        now_s = time.monotonic()
        if now_s - last_s >= _PAUSE_S:
            last_s = now_s
            share = 100 * done // total if total else 100
            stream.write(f"\r{verb} {share:3} %, {done // _MIB:,} of {total // _MIB:,} MiB ")
            stream.flush()

    try:
        yield show
    finally:
        if last_s:
            stream.write("\r\x1b[K")
            stream.flush()
