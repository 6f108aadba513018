"""Finds the waits that accepted events satisfy, one event after the other.

The order matters: of two events that satisfy the same wait, the one accepted first decides.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from stepwell.core.expressions import index_values
from stepwell.core.identity import EventId
from stepwell.core.item_bodies import MatchBody
from stepwell.core.matching import match_waits
from stepwell.core.moment import Moment
from stepwell.core.queue import QueueItem
from stepwell.core.transition import StoredEvent, Transition
from stepwell.engine.awaited import AwaitedEvents
from stepwell.engine.store import Store
from stepwell.wire.events import expression_value

__all__ = ["Matcher"]

# Candidate waits looked at in one go; between two pages other work gets its turn.
_PAGE: Final = 100
# Events kept in memory until they are matched; others are read again.
_EVENTS_MAX: Final = 1_000


class Matcher:
    """Works off MATCH items in order.

    Args:
        store: Where waits and events are.
        awaited: Which waits exist.
        moment: Gives clock and ids for a decision.
        decided: Called with each item and the transition that answers it.
    """

    def __init__(
        self,
        store: Store,
        awaited: AwaitedEvents,
        *,
        moment: Callable[[], Moment],
        decided: Callable[[QueueItem, Transition], None],
    ) -> None:
        self._store = store
        self._awaited = awaited
        self._moment = moment
        self._decided = decided
        self._items: deque[QueueItem] = deque()
        self._events: dict[EventId, StoredEvent] = {}
        self._wake = asyncio.Event()

    def expect(self, transition: Transition) -> None:
        """Keep the events of a transition that will be matched once it is durable."""
        if transition.put and transition.events and len(self._events) < _EVENTS_MAX:
            for event in transition.events:
                if event.name in self._awaited:
                    self._events[event.id] = event

    def add(self, item: QueueItem) -> None:
        """An item's turn has come."""
        self._items.append(item)
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._items:
                item = self._items.popleft()
                self._decided(item, await self._match(item))

    async def _match(self, item: QueueItem) -> Transition:
        body = MatchBody.decode(item.body)
        event = self._events.pop(body.event_id, None) or await self._store.event(body.event_id)
        if event is None or event.name not in self._awaited:
            return Transition(done=[item.id])
        values = index_values(expression_value(event.payload), self._awaited.paths(event.name))
        waits = await self._store.waits_for(
            event.environment_id,
            event.name,
            values,
            created_until_ms=event.received_ms,
            after=body.after,
            limit=_PAGE,
        )
        more = len(waits) == _PAGE
        if more:
            self._events[event.id] = event
        return match_waits(event, item, waits, more=more, at=self._moment())
