"""Recognising repetitions: an event id or a cron tick starts a function once.

What is claimed stands in the store. Between looking there and committing a new claim nobody else
may look for the same key, or both would find it free; so looking reserves the key in memory.
"""

import asyncio
from collections.abc import Callable, Collection, Mapping

from stepwell.core.identity import FunctionId, RunId
from stepwell.engine.store import Store

__all__ = ["ClaimKey", "Claims"]

ClaimKey = tuple[FunctionId, str]


class Claims:
    """Reservations of claim keys."""

    def __init__(self, store: Store, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._now_ms = now_ms
        self._reserved: dict[ClaimKey, asyncio.Event] = {}

    async def reserve(self, keys: Collection[ClaimKey]) -> Mapping[ClaimKey, RunId]:
        """Reserve the keys for one decision; waits while another decision has one of them.

        Returns:
            The keys that are claimed already, with the run that holds each.
        """
        while taken := [self._reserved[key] for key in keys if key in self._reserved]:
            await taken[0].wait()
        released = asyncio.Event()
        self._reserved.update(dict.fromkeys(keys, released))
        try:
            return await self._store.claims(keys, now_ms=self._now_ms())
        except BaseException:
            self.release(keys)
            raise

    def release(self, keys: Collection[ClaimKey]) -> None:
        """The decision is durable, or failed: others may look."""
        for key in keys:
            released = self._reserved.pop(key, None)
            if released is not None:
                released.set()
