"""Whether a node may be taken for dead, and how it hears of others."""

import asyncio
from collections.abc import Awaitable, Callable, Collection

from stepwell.core.identity import ItemId

__all__ = ["Presence"]


class Presence:
    """One node among others, as far as its work has to know."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        # Until when nobody takes this node for dead; None if nobody could.
        self._lease_until_s: float | None = None
        self._hear: Callable[[], Awaitable[None]] | None = None
        self._tell_done: Callable[[Collection[ItemId]], None] | None = None

    @property
    def may_begin(self) -> bool:
        """Whether something may be begun now.

        Not by one that may be taken for dead, because it was paused or the store is far away: it
        could not commit what comes of it, and an app would be called with what it knew long ago.
        """
        until_s = self._lease_until_s
        return until_s is None or self._loop.time() < until_s

    def renewed(self, until_s: float) -> None:
        """Nobody takes this node for dead until then, by the clock of the loop."""
        self._lease_until_s = until_s

    def hear_with(
        self, hear: Callable[[], Awaitable[None]], done: Callable[[Collection[ItemId]], None]
    ) -> None:
        """Give it a way to hear of other nodes.

        Args:
            hear: Called before a decision that may depend on what other nodes have left.
            done: Told of items that are done.
        """
        self._hear = hear
        self._tell_done = done

    async def hear(self) -> None:
        """Take in what other nodes have left until now."""
        if self._hear is not None:
            await self._hear()

    def tell_done(self, item_ids: Collection[ItemId]) -> None:
        """These items are done; that is durable."""
        if self._tell_done is not None and item_ids:
            self._tell_done(item_ids)
