"""What nodes tell each other of changes, while somebody watches on any of them.

A node knows of its own commits only. So a node on which somebody watches says so to all others, and
again as long as somebody does. Those gather what they commit and tell it, a few times a second
however much it is; while nobody watches anywhere, nothing is told.

Nothing depends on it: what is told is only that there is something to look at, and who may have
missed something is told to look again at everything. Waiting for the end of a run is part of it:
whoever waits asks the store when news may be about the run, and now and then in any case.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from collections.abc import Set as AbstractSet
from contextlib import suppress
from itertools import islice
from typing import Final, Protocol

import msgspec

from stepwell.core.identity import EventId, FunctionId, RunId
from stepwell.engine.changes import LOOK_AGAIN, ChangeFeed, Changes, Subscription
from stepwell.engine.nodes import Wake
from stepwell.engine.run_ends import RunEnds
from stepwell.engine.store import StoreUnavailable

__all__ = ["News", "Tells", "told_in"]

#: Between two times that a node says that somebody watches.
_ASK_AGAIN_S: Final = 5.0
#: For so long after that, others tell what they commit; two times may get lost.
_WANTED_S: Final = 16.0
#: How long changes are gathered before they are told.
_GATHERED_S: Final = 0.2
#: Between two looks whether runs have ended whose ends nobody has told.
_LOOK_S: Final = 5.0
#: Runs that are looked at with one question.
_RUNS_PER_LOOK: Final = 200
#: Between two tries while the store does not answer.
_RETRY_S: Final = 1.0

# Of what is named in one telling, which has to fit into one text of the store: a run takes up to 70
# bytes, with its function, and an event 30.
_RUNS_MAX: Final = 100
_EVENTS_MAX: Final = 200


class Tells(Protocol):
    """A store through which nodes tell each other things."""

    async def tell(self, news: Sequence[str]) -> None:
        """Have all nodes that listen now hear each of these, this one included.

        Raises:
            StoreUnavailable: Perhaps nobody has.
        """
        ...

    def on_wake(self, wake: Callable[[Wake], None]) -> None:
        """Have `wake` called, on the event loop, for whatever is heard."""
        ...


class _Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is told at once.

    Attributes:
        origin: Who tells it.
        is_wanted: Somebody watches there, so others should tell what they commit.
    """

    origin: str
    is_wanted: bool = False
    runs: dict[RunId, FunctionId] = {}
    events: list[EventId] = []
    apps: bool = False
    is_cut: bool = False


_DECODER: Final = msgspec.json.Decoder(_Told)


class News:
    """Tells other nodes what this one commits, and those who watch here what others tell.

    Args:
        store: What nodes share.
        feed: Who watches here, and what is committed here.
        ends: Who waits for ends of runs here.
        ended_among: Says which of some runs have ended.
        origin: No other process has it.
    """

    def __init__(
        self,
        store: Tells,
        feed: ChangeFeed,
        ends: RunEnds,
        *,
        ended_among: Callable[[Sequence[RunId]], Awaitable[Collection[RunId]]],
        origin: str,
    ) -> None:
        self._store = store
        self._feed = feed
        self._ends = ends
        self._ended_among = ended_among
        self._origin = origin
        self._is_watched = asyncio.Event()
        self._is_wanted = asyncio.Event()
        self._wanted_until_s = 0.0
        # Runs to look at; None for all that somebody waits for.
        self._suspects: set[RunId] | None = set()
        self._look = asyncio.Event()
        feed.when_watched(self._is_watched.set)
        ends.when_watched(self._is_watched.set)

    async def run(self) -> None:
        """Tell and hear until cancelled."""
        self._store.on_wake(self.hear)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._ask_others())
            tasks.create_task(self._tell_others())
            tasks.create_task(self._look_at_ends())

    def hear(self, wake: Wake) -> None:
        """Take in what was heard."""
        if wake.everybody:
            # A node has gone that may have told nothing of its last commits, or news were lost.
            self._hear_changes(LOOK_AGAIN)
        if not wake.news:
            return
        told = told_in(wake.news)
        if told is None or told.origin == self._origin:
            return
        if told.is_wanted:
            self._wanted_until_s = asyncio.get_running_loop().time() + _WANTED_S
            self._is_wanted.set()
        else:
            self._hear_changes(Changes(told.runs, told.events, told.apps, told.is_cut))

    def _hear_changes(self, changes: Changes) -> None:
        self._feed.hear(changes)
        if not self._ends:
            return
        if changes.is_cut or self._suspects is None:
            self._suspects = None
        else:
            self._suspects |= changes.runs.keys()
        self._look.set()

    # While somebody watches here.

    async def _ask_others(self) -> None:
        wanted = _Told(self._origin, is_wanted=True)
        while True:
            await self._is_watched.wait()
            while self._feed or self._ends:
                is_asked = await self._tell([wanted])
                await asyncio.sleep(_ASK_AGAIN_S if is_asked else _RETRY_S)
            self._is_watched.clear()

    async def _look_at_ends(self) -> None:
        while True:
            await self._is_watched.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_S):
                    await self._look.wait()
            # Nothing was told of a run for so long: that may have been lost.
            suspects = self._suspects if self._look.is_set() else None
            self._suspects = set()
            self._look.clear()
            await self._look_at(suspects)
            await asyncio.sleep(_GATHERED_S)

    async def _look_at(self, suspects: AbstractSet[RunId] | None) -> None:
        watched = self._ends.watched
        run_ids = iter(watched if suspects is None else suspects & set(watched))
        while some := list(islice(run_ids, _RUNS_PER_LOOK)):
            try:
                self._ends.have_ended(await self._ended_among(some))
            except StoreUnavailable:
                return  # whoever still waits is looked at again

    # While somebody watches elsewhere.

    async def _tell_others(self) -> None:
        while True:
            await self._is_wanted.wait()
            with self._feed.gather_for_others() as gathered:
                await self._tell_while_wanted(gathered)
            self._is_wanted.clear()
            if gathered.is_closed:
                return

    async def _tell_while_wanted(self, gathered: Subscription) -> None:
        """Tell what is gathered; first, that what was committed until now was not told."""
        changes = LOOK_AGAIN
        while not gathered.is_closed:
            if await self._tell(list(_pages(self._origin, changes))):
                await asyncio.sleep(_GATHERED_S)
                if not await self._comes_in_time(gathered):
                    return
                changes = gathered.take()
            else:
                await asyncio.sleep(_RETRY_S)
                if not self._is_still_wanted:
                    return
                changes = LOOK_AGAIN

    async def _comes_in_time(self, gathered: Subscription) -> bool:
        """Whether anything changes while somebody wants to know."""
        while self._is_still_wanted:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._wanted_until_s):
                    await gathered.changed()
                    return True
        return False

    @property
    def _is_still_wanted(self) -> bool:
        return asyncio.get_running_loop().time() < self._wanted_until_s

    async def _tell(self, news: Sequence[_Told]) -> bool:
        """Whether it was told, as far as is known."""
        try:
            await self._store.tell([msgspec.json.encode(each).decode() for each in news])
        except StoreUnavailable:
            return False
        return True


def told_in(text: str) -> _Told | None:
    """What the text says; None if only another version understands it."""
    try:
        return _DECODER.decode(text)
    except msgspec.DecodeError:
        return None


def _pages(origin: str, changes: Changes) -> Iterator[_Told]:
    """The changes in as many pieces as it takes; at least one."""
    yield _Told(origin, apps=changes.apps, is_cut=changes.is_cut)
    runs = iter(changes.runs.items())
    while some := dict(islice(runs, _RUNS_MAX)):
        yield _Told(origin, runs=some)
    events = iter(changes.events)
    while named := list(islice(events, _EVENTS_MAX)):
        yield _Told(origin, events=named)
