"""What has changed, for those who show it: told after the commit, gathered while nobody listens.

A subscriber is told which runs, events and apps changed since it was told last, not what they are
now; it asks for what it shows. So nothing is kept per change, and a slow reader costs a set of ids.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec

from stepwell.core.identity import EventId, FunctionId, RunId
from stepwell.core.run import RunState
from stepwell.core.transition import Transition

__all__ = [
    "CHANGES_MAX",
    "LOOK_AGAIN",
    "SUBSCRIBERS_MAX",
    "ChangeFeed",
    "Changes",
    "Subscription",
]

#: Streams that may be open at the same time; each holds a connection.
SUBSCRIBERS_MAX: Final = 200
#: Runs and events that are named; of more, only that there were.
CHANGES_MAX: Final = 1_000


class Changes(msgspec.Struct, frozen=True):
    """What changed since a subscriber was told last.

    Attributes:
        runs: Runs that came into being, went on, ended or had something attached, and their
            functions; a run whose function is not known from the change has none.
        events: Events that were accepted.
        apps: Whether apps or functions changed.
        is_cut: Whether there were more than are named.
    """

    runs: dict[RunId, FunctionId]
    events: list[EventId]
    apps: bool
    is_cut: bool


class Subscription:
    """Gathers changes until it is asked for them."""

    def __init__(self) -> None:
        self._runs: dict[RunId, FunctionId] = {}
        self._events: list[EventId] = []
        self._apps = False
        self._is_cut = False
        self._wake = asyncio.Event()
        self._end = asyncio.Event()

    async def changed(self) -> None:
        """Wait until there is something to `take`, or the feed is closed."""
        await self._wake.wait()

    async def ended(self) -> None:
        """Wait until the feed is closed."""
        await self._end.wait()

    @property
    def is_closed(self) -> bool:
        """Whether nothing more will come: the server stops."""
        return self._end.is_set()

    def take(self) -> Changes:
        """What has been gathered; gathering begins anew."""
        changes = Changes(self._runs, self._events, self._apps, self._is_cut)
        self._runs, self._events = {}, []
        self._apps = self._is_cut = False
        if not self.is_closed:
            self._wake.clear()
        return changes

    def add(self, run: RunState | None, transition: Transition) -> None:
        """Take in a durable transition."""
        if run is not None:
            self._add_run(run.new.id, run.new.function_id)
        for new in transition.runs:
            self._add_run(new.id, new.function_id)
        for told in (transition.journal, transition.metadata, transition.spans):
            for row in told:
                if row.run_id not in self._runs:
                    self._add_run(row.run_id, FunctionId(""))
        self._add_events([event.id for event in transition.events])
        if transition.apps or transition.apps_removed or transition.functions or transition.syncs:
            self._apps = True
        if self._runs or self._events or self._apps or self._is_cut:
            self._wake.set()

    def hear(self, told: Changes) -> None:
        """Take in what another node tells."""
        for run_id, function_id in told.runs.items():
            self._add_run(run_id, function_id)
        self._add_events(told.events)
        self._apps |= told.apps
        self._is_cut |= told.is_cut
        self._wake.set()

    def close(self) -> None:
        """Wake who waits, for the last time."""
        self._end.set()
        self._wake.set()

    def _add_events(self, event_ids: Sequence[EventId]) -> None:
        room = CHANGES_MAX - len(self._events)
        self._events += event_ids[:room]
        self._is_cut |= len(event_ids) > room

    def _add_run(self, run_id: RunId, function_id: FunctionId) -> None:
        if len(self._runs) < CHANGES_MAX or run_id in self._runs:
            self._runs[run_id] = function_id
        else:
            self._is_cut = True


#: What is told when nobody knows what has changed.
LOOK_AGAIN: Final = Changes({}, [], apps=True, is_cut=True)


class ChangeFeed:
    """Tells subscribers of durable transitions. Costs nothing while there are none."""

    def __init__(self) -> None:
        self._subscriptions: list[Subscription] = []
        # Those that gather for other nodes what this one decides.
        self._for_others: list[Subscription] = []
        self._when_watched: Callable[[], None] | None = None
        self._is_closed = False

    def __len__(self) -> int:
        return len(self._subscriptions)

    @property
    def has_room(self) -> bool:
        """Whether one more may subscribe."""
        return not self._is_closed and len(self._subscriptions) < SUBSCRIBERS_MAX

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """What changes from now on. For use in a `with` statement, and only if there is room."""
        assert self.has_room
        with _added(self._subscriptions) as subscription:
            if self._when_watched is not None:
                self._when_watched()
            yield subscription

    @contextmanager
    def gather_for_others(self) -> Iterator[Subscription]:
        """What changes here from now on, without what others tell. For use in a `with` statement."""
        with _added(self._for_others) as subscription:
            if self._is_closed:
                subscription.close()
            yield subscription

    def when_watched(self, call: Callable[[], None]) -> None:
        """Have `call` called whenever somebody subscribes."""
        self._when_watched = call

    def apps_changed(self) -> None:
        """Tell that apps or functions have changed, and that this node knows it."""
        self.hear(Changes({}, [], apps=True, is_cut=False))

    def hear(self, told: Changes) -> None:
        """Take in what another node tells."""
        for subscription in self._subscriptions:
            subscription.hear(told)

    def observe(self, run: RunState | None, transition: Transition) -> None:
        """Take in a durable transition; an `Observer` of the partition."""
        for subscription in self._subscriptions:
            subscription.add(run, transition)
        for subscription in self._for_others:
            subscription.add(run, transition)

    def close(self) -> None:
        """End all streams: the server stops."""
        self._is_closed = True
        for subscription in (*self._subscriptions, *self._for_others):
            subscription.close()


@contextmanager
def _added(to: list[Subscription]) -> Iterator[Subscription]:
    subscription = Subscription()
    to.append(subscription)
    try:
        yield subscription
    finally:
        to.remove(subscription)
