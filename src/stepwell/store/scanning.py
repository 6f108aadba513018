"""How long a request may look for runs that satisfy a query.

A query cannot be looked up in an index: runs are read in order until there are enough. That is cut
into short pieces, between which others get the thread and the database their log back, and ends
when the request's budget is used up.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from stepwell.store.views import RunsPage, ScannedRuns

__all__ = ["SCAN_ROWS_MAX", "SCAN_S_MAX", "scan_within_budget"]

#: Runs one request looks at.
SCAN_ROWS_MAX: Final = 50_000

#: Seconds after which it begins no further piece; one piece takes some ms.
SCAN_S_MAX: Final = 2.0

#: Runs in the first piece, in the smallest and in the largest. Finding where a piece begins costs as
#: much as looking at some 150 runs, so smaller ones would do little else.
_PIECE_ROWS_FIRST: Final = 400
_PIECE_ROWS_MIN: Final = 200
_PIECE_ROWS_MAX: Final = 4_000

#: Seconds a piece should take: longer ones hold up others, shorter ones do nothing but begin.
_PIECE_S: Final = 0.05

_Look = Callable[[RunsPage, int], Awaitable[ScannedRuns]]


async def scan_within_budget(
    look: _Look, page: RunsPage, *, turn: asyncio.Lock
) -> tuple[ScannedRuns, bool]:
    """Look for the page's runs piece by piece.

    Args:
        look: Looks through so many runs from the page's cursor on.
        page: What is looked for; its query has a condition.
        turn: Held while a piece is looked through. Requests that share it take turns, so that
            however many there are, other questions have a thread left.

    Returns:
        What was found, and whether that is all that was asked for. If not, the budget is used up.
    """
    now_s = asyncio.get_running_loop().time
    end_s = now_s() + SCAN_S_MAX
    found = ScannedRuns([], page.after, 0, is_exhausted=False)
    rows = _PIECE_ROWS_FIRST
    while True:
        limit = page.limit - len(found.run_ids)
        rest = msgspec.structs.replace(page, after=found.end, limit=limit)
        async with turn:
            begun_s = now_s()
            piece = await look(rest, min(rows, SCAN_ROWS_MAX - found.looked_at))
            took_s = now_s() - begun_s
        # A database in memory is read inside this coroutine; others shall have their turn.
        await asyncio.sleep(0)
        found = ScannedRuns(
            [*found.run_ids, *piece.run_ids],
            piece.end or found.end,
            found.looked_at + piece.looked_at,
            is_exhausted=piece.is_exhausted,
        )
        if piece.is_exhausted or len(found.run_ids) == page.limit:
            return found, True
        if found.looked_at >= SCAN_ROWS_MAX or now_s() >= end_s:
            return found, False
        rows = _next_rows(rows, took_s)


def _next_rows(rows: int, took_s: float) -> int:
    """How many rows probably take `_PIECE_S`; at most twice as many as before."""
    fitting = int(rows * min(2.0, _PIECE_S / max(took_s, 1e-6)))
    return max(_PIECE_ROWS_MIN, min(fitting, _PIECE_ROWS_MAX))
