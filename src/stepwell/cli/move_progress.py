"""How far a move is: in one line that is written over, or in lines where nobody watches."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TextIO

if TYPE_CHECKING:
    from stepwell.store.moving import Work

__all__ = ["move_progress_on"]

#: Often enough to be seen to move.
_PAUSE_S: Final = 0.2
#: A table with more rows has more lines than one.
_ROWS_PER_LINE: Final = 1_000_000

_WORDS: Final = {
    "CHECK": ("Checking", "checked"),
    "COPY": ("Copying", "copied"),
    "COMPARE": ("Comparing", "compared"),
}
_WIPE: Final = "\r\x1b[K"


@contextmanager
def move_progress_on(stream: TextIO) -> "Iterator[Callable[[Work], None]]":
    """Shows what is told, and wipes it away at the end if it was one line."""
    if not stream.isatty():
        yield lambda work: _print(stream, work)
        return
    shown_s = 0.0

    def show(work: "Work") -> None:
        nonlocal shown_s
        now_s = time.monotonic()
        if not shown_s or now_s - shown_s >= _PAUSE_S:
            shown_s = now_s
            stream.write(f"{_WIPE}{_sentence(work)} ")
            stream.flush()

    try:
        yield show
    finally:
        if shown_s:
            stream.write(_WIPE)
            stream.flush()


def _sentence(work: "Work") -> str:
    doing, _ = _WORDS[work.kind.name]
    if not work.table:
        return f"{doing} the file"
    share = 100 * work.rows_all // work.rows_max if work.rows_max else 100
    return f"{doing} {work.table} {share:3} %, {work.rows_all:,} of {work.rows_max:,} rows"


def _print(stream: TextIO, work: "Work") -> None:
    _, done = _WORDS[work.kind.name]
    if work.is_done:
        stream.write(f"{done} {work.table or 'the file'}: {work.rows:,} rows\n")
        stream.flush()
    elif work.rows and work.rows % _ROWS_PER_LINE == 0:
        stream.write(f"{done} {work.rows:,} rows of {work.table}\n")
        stream.flush()
