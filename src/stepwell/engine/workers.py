"""Those who do the work that belongs to no single run, each a kind of queue item of its own."""

import asyncio
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Protocol

from stepwell.core.identity import ItemId
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.transition import Transition
from stepwell.engine.admitter import Admitter
from stepwell.engine.awaited import AwaitedEvents
from stepwell.engine.claims import Claims
from stepwell.engine.live_runs import LiveRuns
from stepwell.engine.matcher import Matcher
from stepwell.engine.operations import Operations
from stepwell.engine.places import OwnedPlaces
from stepwell.engine.requests import Deciding, Requests
from stepwell.engine.reruns import Reruns
from stepwell.engine.signals import Forward, Signals
from stepwell.engine.surroundings import Surroundings
from stepwell.engine.ticking import Ticking

__all__ = ["Hub", "Workers"]


class Hub(Deciding, Protocol):
    """The partition, as far as workers need it."""

    def decided(
        self,
        item: QueueItem,
        transition: Transition,
        committed: Callable[[], None] | None = None,
    ) -> None:
        """Write a transition that ends the turn of an item that belongs to no run."""
        ...

    def may_have_decisions_before(self, item_id: ItemId) -> bool:
        """Whether items of no function with smaller ids may not have had their turn."""
        ...

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside everything else, for as long as this ownership lasts."""
        ...


class Workers:
    """Makes the workers of one ownership and hands them their items.

    Attributes:
        claims: Repetitions of events.
        signals: Signals, also those that are sent from outside.
        reruns: Runs that are run again.
        operations: Bulk operations.
    """

    def __init__(
        self,
        hub: Hub,
        around: Surroundings,
        requests: Requests,
        live: LiveRuns,
        places: OwnedPlaces,
        *,
        awaited: AwaitedEvents,
        forward: Forward,
    ) -> None:
        self._hub = hub
        store, registry = around.store, around.registry
        moment, world, decided = hub.moment, hub.world, hub.decided
        self.claims = Claims(store, lambda: hub.moment().now_ms)
        self._matcher = Matcher(
            store,
            lambda: awaited if places.were_always_one else None,
            moment=moment,
            decided=self._matched,
        )
        self._ticking = Ticking(self.claims, registry, moment=moment, world=world, decided=decided)
        self._admitter = Admitter(
            store,
            self.claims,
            moment=moment,
            world=world,
            decided=decided,
            submit=lambda transition, then: hub.submit(transition, committed=then),
            cancel_run=requests.cancel_run,
        )
        self.signals = Signals(
            store,
            live,
            hub,
            is_behind=hub.may_have_decisions_before,
            decided=decided,
            places=places,
            forward=forward,
        )
        self.reruns = Reruns(
            store,
            registry,
            moment=moment,
            commit=requests.commit,
            start=self._admitter.start,
        )
        self.operations = Operations(
            store,
            registry,
            self.reruns,
            moment=moment,
            decided=decided,
            commit=requests.commit,
            is_alone=places.is_alone,
        )
        self._takers: dict[ItemKind, Callable[[QueueItem], None]] = {
            ItemKind.MATCH: self._matcher.add,
            ItemKind.CRON: self._tick,
            ItemKind.ADMIT: self._admitter.add,
            ItemKind.DEBOUNCE: self._admitter.add,
            ItemKind.BATCH: self._admitter.add,
            ItemKind.SIGNAL: self.signals.add,
            ItemKind.OPERATION: self.operations.add,
        }

    def begin(self, tasks: asyncio.TaskGroup) -> list["asyncio.Task[None]"]:
        """Let all of them work; they do so until the tasks are cancelled."""
        workers = (self._matcher, self._admitter, self.signals, self.operations)
        return [tasks.create_task(worker.run()) for worker in workers]

    def abort(self) -> None:
        """Tell everyone outside who waits for one of them that there will be no answer."""
        self.signals.abort()
        self._admitter.abort()

    def expect(self, transition: Transition) -> None:
        """Keep what is needed for items that the transition brings, once it is durable."""
        self._matcher.expect(transition)
        self._admitter.expect(transition)

    def take(self, item: QueueItem) -> bool:
        """Hand over an item whose turn has come; False if it belongs to a run."""
        taker = self._takers.get(item.kind)
        if taker is None:
            return False
        taker(item)
        return True

    def is_behind(self, item_id: ItemId) -> bool:
        """Whether events with smaller ids may not have been matched."""
        return self._matcher.is_behind(item_id) or self._hub.may_have_decisions_before(item_id)

    def _tick(self, item: QueueItem) -> None:
        self._hub.spawn(self._ticking.tick(item))

    def _matched(self, item: QueueItem, transition: Transition) -> None:
        is_last = bool(transition.done)
        self._hub.decided(
            item, transition, partial(self._matcher.matched, item) if is_last else None
        )
