"""How long a request may look for runs that satisfy a query.

A query cannot be looked up in an index: runs are read in order until there are enough. That is done
in short pieces, between which others get the thread and the database its log back, and ends when
the request's budget is used up.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec

from stepwell.store.views import RunsPage, ScannedRuns

__all__ = ["SCAN_ROWS_MAX", "SCAN_S_MAX", "scan_within_budget"]

#: Runs one request looks at.
SCAN_ROWS_MAX: Final = 50_000

#: Seconds after which it begins no further piece.
SCAN_S_MAX: Final = 2.0

_Look = Callable[[RunsPage, int], Awaitable[ScannedRuns]]


async def scan_within_budget(
    look: _Look,
    page: RunsPage,
    *,
    turn: asyncio.Lock,
    now_s: Callable[[], float] = time.monotonic,
) -> tuple[ScannedRuns, bool]:
    """Look for the page's runs piece by piece.

    Args:
        look: Looks through one piece from the page's cursor on, of so many runs at most.
        page: What is looked for; its query has a condition.
        turn: Held while a piece is looked through. Requests that share it take turns, so that
            however many there are, other questions have a thread left.
        now_s: A clock in seconds.

    Returns:
        What was found, and whether that is all that was asked for. If not, the budget is used up.
    """
    end_s = now_s() + SCAN_S_MAX
    found = ScannedRuns([], page.after, 0, is_exhausted=False)
    while True:
        limit = page.limit - len(found.run_ids)
        rest = msgspec.structs.replace(page, after=found.end, limit=limit)
        async with turn:
            piece = await look(rest, SCAN_ROWS_MAX - found.looked_at)
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
