"""Durable queue items on their way into memory, and the runs that are kept there for them."""

from collections.abc import Callable
from functools import partial
from typing import Protocol

import msgspec

from stepwell.core.identity import ItemId
from stepwell.core.queue import IMMEDIATE, ItemKind, QueueItem
from stepwell.core.run import RunState
from stepwell.core.transition import Transition
from stepwell.engine.calls import Calls
from stepwell.engine.live_runs import Absent, LiveRuns
from stepwell.engine.memory import QueueMemory
from stepwell.engine.places import OwnedPlaces

__all__ = ["Arrivals"]


class _Deciding(Protocol):
    """Who has decisions written."""

    def submit(self, transition: Transition) -> None:
        """Write a transition that concerns no existing run."""
        ...

    def submit_for(
        self, run: RunState, transition: Transition, *, committed: Callable[[], None]
    ) -> None:
        """Write a transition of a run that is held."""
        ...


class Arrivals:
    """Takes items in whose rows are durable.

    Args:
        deciding: Has decisions written.
        memory: Where the items go.
        live: Where the runs are.
        calls: Calls under way.
        places: Tells which items are this node's.
    """

    def __init__(
        self,
        deciding: _Deciding,
        memory: QueueMemory,
        live: LiveRuns,
        calls: Calls,
        places: OwnedPlaces,
    ) -> None:
        self._deciding = deciding
        self._memory = memory
        self._live = live
        self._calls = calls
        self._places = places
        # Items whose runs are held for them.
        self._held: set[ItemId] = set()

    def take_in(self, item: QueueItem, transition: Transition, now_ms: int) -> None:
        """The item is durable; `transition` has brought it, as far as is known."""
        if item.kind.is_call and self._calls.is_out(item):
            # A checkpoint has renewed what is being answered.
            return
        if not self._places.owns(item.function_id):
            # Its owner is told of it.
            return
        is_taken_in = self._memory.add(item, now_ms)
        if item.kind is ItemKind.RESUME:
            self._live.tell(item)
        if not is_taken_in or item.due_ms > now_ms or not item.run_id:
            return
        if item.kind is ItemKind.START:
            self._take_new_run(item, transition)
        elif (run := self._live.hold(item.run_id)) is not None:
            self._held.add(item.id)
            if item.kind is ItemKind.CANCEL and not run.is_ended:
                run.items[item.id] = item

    def take_hold(self, item: QueueItem) -> bool:
        """Whether the item's run is held for it; who asks has to let go of it."""
        if item.id not in self._held:
            return False
        self._held.discard(item.id)
        return True

    def left(self, item: QueueItem) -> None:
        """The item has left memory without having had a turn; it will come again."""
        if self.take_hold(item):
            self._live.release(item.run_id)

    def make_ready(self, item: QueueItem) -> None:
        """Have the item's row say that it is due at once, unless it is another one by now."""
        self._live.want(item.run_id, partial(self._ready, item))

    def _take_new_run(self, item: QueueItem, transition: Transition) -> None:
        """Keep a run that starts at once, which saves reading it again."""
        if self._live.hold(item.run_id) is not None:
            # Somebody has read it before the commit that brought it was reported.
            self._held.add(item.id)
            return
        for new in transition.runs:
            if new.id == item.run_id:
                events = [e.payload for e in transition.events if e.id == new.event_id]
                if events and not new.event_ids:
                    run = RunState(new, events)
                    run.apply(transition)
                    self._live.add(run)
                    self._held.add(item.id)
                return

    def _ready(self, item: QueueItem, run: RunState | Absent) -> None:
        made_ready = partial(self._memory.made_ready, item)
        if isinstance(run, RunState) and not run.is_ended and run.items.get(item.id) == item:

            def committed() -> None:
                self._live.release(item.run_id)
                made_ready()

            due_at_once = msgspec.structs.replace(item, due_ms=IMMEDIATE)
            self._deciding.submit_for(run, Transition(renew_due=[due_at_once]), committed=committed)
            return
        if isinstance(run, RunState):
            self._live.release(item.run_id)
        elif run is Absent.GONE:
            self._deciding.submit(Transition(done=[item.id]))
        made_ready()
