"""Brings what other nodes have left for this one.

Queue items are rows of this node's partitions already when they are announced; here they are only
taken into memory. An announcement is heard once, and a second time does no harm.
"""

import asyncio
from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import Final, Protocol

from stepwell.core.identity import ItemId
from stepwell.core.transition import Transition
from stepwell.engine.handover import Handover
from stepwell.engine.nodes import Cluster, Mail, Wake
from stepwell.engine.places import OwnedPlaces
from stepwell.engine.questions import Desk
from stepwell.engine.store import Ownership

__all__ = ["SCAN_S", "Hearing", "Mailbox"]

#: Between two looks, if nobody says that there is mail: a wake-up may have been lost.
SCAN_S: Final = 5.0

# With so many announcements there may be others that did not fit into one reading.
_MANY: Final = 100


class Hearing(Protocol):
    """Who is told what has come.

    Attributes:
        handover: Told of items.
    """

    handover: Handover

    def submit(
        self, transition: Transition, *, committed: Callable[[], None] | None = None
    ) -> None:
        """Write a transition that concerns no existing run."""
        ...


class Mailbox:
    """Reads mail when there may be some.

    Args:
        cluster: Where it lies.
        owner: Whose it is.
        places: Which partitions that node owns.
        hearing: Told of items.
        desk: Given questions and replies.
    """

    def __init__(
        self,
        cluster: Cluster,
        owner: Ownership,
        places: OwnedPlaces,
        hearing: Hearing,
        desk: Desk,
    ) -> None:
        self._cluster = cluster
        self._owner = owner
        self._places = places
        self._hearing = hearing
        self._desk = desk
        self._wake = asyncio.Event()
        self._alone = asyncio.Lock()
        # Announcements that were heard, until that is durable.
        self._heard: set[ItemId] = set()
        # What was answered while mail is being read may still be in it.
        self._answered: set[ItemId] | None = None

    def wake(self, wake: Wake) -> None:
        """Somebody says that there may be mail."""
        if (
            wake.everybody
            or self._owner.node in wake.nodes
            or not wake.partitions.isdisjoint(self._places.owned)
        ):
            self._wake.set()

    def look(self) -> None:
        """Read soon, though nobody has said anything."""
        self._wake.set()

    def answered(self, item_ids: Collection[ItemId]) -> None:
        """These items are done; that is durable."""
        if self._answered is not None:
            self._answered.update(item_ids)

    async def run(self) -> None:
        """Read mail whenever there may be some, and now and then, until cancelled."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(SCAN_S):
                    await self._wake.wait()
            self._wake.clear()
            await self.read()

    async def read(self) -> None:
        """Read what lies ready now; returns when it is in memory."""
        async with self._alone:
            self._answered = set()
            try:
                mail = await self._cluster.mail(self._owner, self._places.owned)
                answered = self._answered
            finally:
                self._answered = None
            self._hear(mail, answered)

    def _hear(self, mail: Mail, answered: Collection[ItemId]) -> None:
        items = [
            item for item in mail.items if item.id not in self._heard and item.id not in answered
        ]
        letters = [item_id for item_id in mail.letters if item_id not in self._heard]
        if letters:
            self._heard.update(letters)
            heard = partial(self._are_heard, letters)
            self._hearing.submit(Transition(received=letters), committed=heard)
        if items:
            self._hearing.handover.arrived(items)
        for reply in mail.replies:
            self._desk.replied(reply)
        for question in mail.questions:
            self._desk.answer(question)

    def _are_heard(self, letters: Collection[ItemId]) -> None:
        self._heard.difference_update(letters)
        if len(letters) >= _MANY:
            self._wake.set()
