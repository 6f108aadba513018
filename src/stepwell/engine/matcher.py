"""Finds the waits that accepted events satisfy.

Events are looked up many at a time and decided one after the other. The order matters: of two
events that satisfy the same wait, the one accepted first decides.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

import msgspec

from stepwell.core.expressions import index_values
from stepwell.core.identity import EventId, ItemId
from stepwell.core.item_bodies import MatchBody
from stepwell.core.matching import match_waits
from stepwell.core.moment import Moment
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.transition import StoredEvent, Transition
from stepwell.engine.awaited import AwaitedEvents
from stepwell.engine.store import Store, WaitQuery
from stepwell.wire.events import expression_value

__all__ = ["Matcher"]

# Candidate waits of one event looked at in one go; between two pages other work gets its turn.
_PAGE: Final = 100
# Events looked up together.
_EVENTS_AT_ONCE: Final = 64
# Events kept in memory until they are matched; others are read again.
_EVENTS_MAX: Final = 1_000


class _Question(msgspec.Struct):
    """An event that may satisfy waits, and how to find them."""

    item: QueueItem
    event: StoredEvent
    query: WaitQuery


class Matcher:
    """Works off MATCH items in order.

    Args:
        store: Where waits and events are.
        awaited: Which waits exist, if that is known here; otherwise the store is asked.
        moment: Gives clock and ids for a decision.
        decided: Called with each item and the transition that answers it.
    """

    def __init__(
        self,
        store: Store,
        awaited: Callable[[], AwaitedEvents | None],
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
        self._unmatched: dict[ItemId, None] = {}
        self._wake = asyncio.Event()

    def expect(self, transition: Transition) -> None:
        """Keep the events of a transition that will be matched once it is durable."""
        if not transition.put or not transition.events:
            return
        for item in transition.put:
            if item.kind is ItemKind.MATCH:
                self._unmatched[item.id] = None
        awaited = self._awaited()
        if awaited is not None and len(self._events) < _EVENTS_MAX:
            for event in transition.events:
                if event.name in awaited:
                    self._events[event.id] = event

    def add(self, item: QueueItem) -> None:
        """An item's turn has come."""
        self._unmatched[item.id] = None
        self._items.append(item)
        self._wake.set()

    def matched(self, item: QueueItem) -> None:
        """All that follows from the item's event is durable."""
        del self._unmatched[item.id]

    def is_behind(self, item_id: ItemId) -> bool:
        """Whether events with smaller item ids, as far as they are known, are not matched yet."""
        return any(unmatched < item_id for unmatched in self._unmatched)

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._items:
                count = min(len(self._items), _EVENTS_AT_ONCE)
                await self._match([self._items.popleft() for _ in range(count)])

    async def _match(self, items: Sequence[QueueItem]) -> None:
        questions = []
        for item in items:
            question = await self._question(item)
            if question is None:
                self._decided(item, Transition(done=[item.id]))
            else:
                questions.append(question)
        if not questions:
            return
        pages = await self._store.waits_for([question.query for question in questions])
        for question, waits in zip(questions, pages, strict=True):
            more = len(waits) == _PAGE
            if more:
                self._events[question.event.id] = question.event
            transition = match_waits(
                question.event, question.item, waits, more=more, at=self._moment()
            )
            self._decided(question.item, transition)

    async def _question(self, item: QueueItem) -> _Question | None:
        """None when nobody waits for the event any more."""
        body = MatchBody.decode(item.body)
        event = self._events.pop(body.event_id, None) or await self._store.event(body.event_id)
        if event is None:
            return None
        paths = await self._paths(event)
        if paths is None:
            return None
        values = index_values(expression_value(event.payload), paths)
        query = WaitQuery(
            environment_id=event.environment_id,
            event_name=event.name,
            values=values,
            created_until_ms=event.received_ms,
            after=body.after,
            limit=_PAGE,
        )
        return _Question(item, event, query)

    async def _paths(self, event: StoredEvent) -> Sequence[str] | None:
        """The paths by which waits for the event can be found; None if there are none."""
        awaited = self._awaited()
        if awaited is None:
            return await self._store.wait_paths(event.environment_id, event.name)
        return awaited.paths(event.name) if event.name in awaited else None
