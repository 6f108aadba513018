"""How what is old is cut into bites: so many rows, and so many bytes, to a transaction."""

from collections.abc import Iterator, Sequence
from typing import Final

from stepwell.core.identity import EventId, RunId
from stepwell.engine.store import OldEvent, OldRun

__all__ = [
    "BITE_BYTES_MAX",
    "BITE_ROWS_MAX",
    "ROWS_PER_EVENT",
    "events_to_go",
    "journals_to_go",
    "runs_to_go",
]

#: Rows deleted in one transaction: some milliseconds, which is what a commit takes anyway.
BITE_ROWS_MAX: Final = 250
#: Their size. Large values lie on pages of their own, each of which has to be read to be freed.
BITE_BYTES_MAX: Final = 1024 * 1024

#: An event costs as much as two other rows: whether it is needed is looked for in many places.
ROWS_PER_EVENT: Final = 2

#: The entries of a run's journal below a number.
Piece = tuple[RunId, int]


class _Bite:
    """How much is in a bite; whatever comes first fits, however large it is."""

    def __init__(self) -> None:
        self._rows = 0
        self._bytes = 0

    def takes(self, rows: int, size_bytes: int) -> bool:
        """Whether so much is added; if not, it begins the next bite."""
        fits = self._rows + rows <= BITE_ROWS_MAX and self._bytes + size_bytes <= BITE_BYTES_MAX
        if fits or not self._rows:
            self._rows += rows
            self._bytes += size_bytes
            return True
        self._rows, self._bytes = rows, size_bytes
        return False


def events_to_go(page: Sequence[OldEvent]) -> Iterator[list[EventId]]:
    """The free events of a page, by bites."""
    bite, ids = _Bite(), list[EventId]()
    for event in page:
        if not event.is_free:
            continue
        if not bite.takes(ROWS_PER_EVENT, event.bytes):
            yield ids
            ids = []
        ids.append(event.id)
    if ids:
        yield ids


def journals_to_go(page: Sequence[OldRun]) -> Iterator[list[Piece]]:
    """What there is in the journals of a page's runs besides outcomes, by bites."""
    bite, pieces = _Bite(), list[Piece]()
    for run in page:
        if run.entries <= 1:
            continue
        for below, rows, size_bytes in _pieces(run):
            if not bite.takes(rows, size_bytes):
                yield pieces
                pieces = []
            pieces.append((run.id, below))
    if pieces:
        yield pieces


def runs_to_go(page: Sequence[OldRun]) -> Iterator[tuple[list[OldRun], list[Piece]]]:
    """The runs of a page, by bites, each after the pieces that have to go in bites before it."""
    bite, runs = _Bite(), list[OldRun]()
    for run in page:
        *before, last = _pieces(run)
        if before:
            yield [run], [(run.id, below) for below, _, _ in before]
            continue
        _, rows, size_bytes = last
        if not bite.takes(rows + run.attached + 1, size_bytes):
            yield runs, []
            runs = []
        runs.append(run)
    if runs:
        yield runs, []


def _pieces(run: OldRun) -> list[tuple[int, int, int]]:
    """A journal in pieces of about one size: up to which number, how many entries, how large."""
    count = max(_ceiling(run.entries, BITE_ROWS_MAX), _ceiling(run.bytes, BITE_BYTES_MAX), 1)
    step = _ceiling(max(run.entries, 1), count)
    return [
        (run.first_seq + end, min(step, run.entries), run.bytes // count)
        for end in range(step, step * count + 1, step)
    ]


def _ceiling(value: int, of: int) -> int:
    return -(-value // of)
