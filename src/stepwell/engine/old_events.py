"""Who starts runs from stored events, and who deletes such events, take turns."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

__all__ = ["OldEvents"]


class OldEvents:
    """Keeps an event that was read from being deleted before the run that it starts is submitted.

    The transaction that deletes looks whether a run needs the event, but it cannot see a run that
    is only being decided about. So nothing is deleted while somebody reads an event to start a run
    from it, and nobody begins to while something is being deleted.
    """

    def __init__(self) -> None:
        self._next = asyncio.Lock()
        self._users = 0
        self._is_unused = asyncio.Event()
        self._is_unused.set()

    @asynccontextmanager
    async def using(self) -> AsyncIterator[None]:
        """Events that are read inside stay until the end; runs have to be submitted by then."""
        async with self._next:
            self._users += 1
            self._is_unused.clear()
        try:
            yield
        finally:
            self._users -= 1
            if not self._users:
                self._is_unused.set()

    @asynccontextmanager
    async def deleting(self) -> AsyncIterator[None]:
        """Nobody uses an old event inside; to be left when the deletion is durable."""
        async with self._next:
            await self._is_unused.wait()
            yield
