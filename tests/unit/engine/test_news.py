"""What nodes tell each other while somebody watches, on virtual time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager

import pytest

from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, EventId, FunctionId, RunId
from stepwell.core.journal import RunStarted
from stepwell.core.status import RunStatus
from stepwell.core.transition import JournalRow, RunEnd, StoredEvent, Transition
from stepwell.engine.changes import ChangeFeed, Changes
from stepwell.engine.news import News
from stepwell.engine.nodes import Wake
from stepwell.engine.run_ends import RunEnds
from stepwell.engine.store import StoreUnavailable
from stepwell.store.sql.wakes import NEWS_BYTES_MAX
from tests.simulation.virtual_loop import VirtualLoop, pause

A, B = RunId("A"), RunId("B")
EVERYTHING = Changes({}, [], apps=True, is_cut=True)


class Channel:
    """What all nodes of a store hear.

    Attributes:
        told: Every text, with the time of telling.
        fails: Whether the store does not answer.
        loses: Whether nobody hears anything.
    """

    def __init__(self) -> None:
        self.told: list[tuple[float, str]] = []
        self.fails = False
        self.loses = False
        self._wakes: list[Callable[[Wake], None]] = []

    async def tell(self, news: Sequence[str]) -> None:
        if self.fails:
            raise StoreUnavailable("tell", "no answer")
        loop = asyncio.get_running_loop()
        for text in news:
            assert len(text.encode()) <= NEWS_BYTES_MAX
            self.told.append((loop.time(), text))
            if not self.loses:
                self.say(Wake(news=text))

    def on_wake(self, wake: Callable[[Wake], None]) -> None:
        self._wakes.append(wake)

    def say(self, wake: Wake) -> None:
        for each in self._wakes:
            asyncio.get_running_loop().call_soon(each, wake)


class Node:
    """One that commits, and on which people may watch."""

    def __init__(self, channel: Channel, name: str, ended: set[RunId]) -> None:
        self.feed, self.ends = ChangeFeed(), RunEnds()
        self._ended = ended
        self.questions = 0
        self.news = News(channel, self.feed, self.ends, ended_among=self._ended_among, origin=name)

    def commit(self, transition: Transition) -> None:
        self._ended.update(end.run_id for end in transition.ended)
        self.ends.observe(None, transition)
        self.feed.observe(None, transition)

    async def _ended_among(self, run_ids: Sequence[RunId]) -> list[RunId]:
        self.questions += 1
        return [run_id for run_id in run_ids if run_id in self._ended]


class Two:
    """Two nodes: one on which people watch, and one that does something."""

    def __init__(self) -> None:
        ended: set[RunId] = set()
        self.channel = Channel()
        self.here = Node(self.channel, "here", ended)
        self.there = Node(self.channel, "there", ended)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        tasks = [asyncio.create_task(node.news.run()) for node in (self.here, self.there)]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()


def on_virtual_time(test: Callable[[Two], Awaitable[None]]) -> None:
    async def work() -> None:
        two = Two()
        with two.at_work():
            await test(two)

    with VirtualLoop() as loop:
        loop.run_until_complete(work())


def grown(run_id: RunId) -> Transition:
    return Transition(journal=[JournalRow(run_id, 1, RunStarted(1))])


def ended(run_id: RunId) -> Transition:
    return Transition(ended=[RunEnd(run_id, RunStatus.COMPLETED, 1, 2, ended_seq=3)])


def now_s() -> float:
    return asyncio.get_running_loop().time()


def test_nothing_is_told_while_nobody_watches() -> None:
    async def test(two: Two) -> None:
        two.there.commit(grown(A))
        await pause(1000)
        assert two.channel.told == []

    on_virtual_time(test)


def test_whoever_watches_is_told_what_other_nodes_commit() -> None:
    async def test(two: Two) -> None:
        with two.here.feed.subscribe() as subscription:
            await subscription.changed()
            assert subscription.take() == EVERYTHING, "what was committed before was not told"
            two.there.commit(grown(A))
            await subscription.changed()
            assert subscription.take() == Changes({A: FunctionId("")}, [], False, False)

    on_virtual_time(test)


def test_a_node_is_not_told_its_own_commits_again() -> None:
    async def test(two: Two) -> None:
        with two.here.feed.subscribe() as subscription, two.there.feed.subscribe():
            await pause(1)
            subscription.take()
            two.here.commit(grown(A))
            assert subscription.take().runs == {A: FunctionId("")}
            await pause(1)
            assert subscription.take().runs == {}

    on_virtual_time(test)


def test_a_busy_node_tells_a_few_times_a_second() -> None:
    async def test(two: Two) -> None:
        with two.here.feed.subscribe():
            await pause(1)
            before = len(two.channel.told)
            for _ in range(1000):
                two.there.commit(grown(A))
                await pause(0.001)
            # Each time that there was something, and what was gathered for it.
            assert len(two.channel.told) - before <= 2 * 6

    on_virtual_time(test)


def test_as_much_as_can_be_gathered_fits() -> None:
    async def test(two: Two) -> None:
        with two.here.feed.subscribe() as subscription:
            await pause(1)
            subscription.take()
            runs = [RunId(f"{number:026}") for number in range(1000)]
            events = [EventId(f"{number:026}") for number in range(1000)]
            for run_id in runs:
                two.there.commit(grown(run_id))
            two.there.commit(Transition(events=[_event(event_id) for event_id in events]))
            await pause(1)
            changes = subscription.take()
            assert (list(changes.runs), changes.events, changes.is_cut) == (runs, events, False)

    on_virtual_time(test)


def test_nodes_stop_telling_when_nobody_watches_any_more() -> None:
    async def test(two: Two) -> None:
        with two.here.feed.subscribe():
            await pause(60)
        await pause(60)
        before = len(two.channel.told)
        two.there.commit(grown(A))
        await pause(60)
        assert len(two.channel.told) == before

    on_virtual_time(test)


def test_whoever_watches_for_long_is_told_all_the_time() -> None:
    async def test(two: Two) -> None:
        with two.here.feed.subscribe() as subscription:
            await pause(3600)
            subscription.take()
            two.there.commit(grown(A))
            await subscription.changed()
            assert subscription.take().runs == {A: FunctionId("")}

    on_virtual_time(test)


@pytest.mark.parametrize("is_lost", [True, False])
def test_what_could_not_be_told_is_looked_at_again(is_lost: bool) -> None:
    async def test(two: Two) -> None:
        with two.here.feed.subscribe() as subscription:
            await pause(1)
            subscription.take()
            if is_lost:
                two.channel.loses = True
            else:
                two.channel.fails = True
            two.there.commit(grown(A))
            await pause(3)
            assert subscription.take() == Changes({}, [], apps=False, is_cut=False)
            two.channel.fails = two.channel.loses = False
            if is_lost:
                two.channel.say(Wake(everybody=True))
            await pause(2)
            assert subscription.take() == EVERYTHING

    on_virtual_time(test)


def test_the_end_of_a_run_of_another_node_is_told_soon() -> None:
    async def test(two: Two) -> None:
        with two.here.ends.watch(A) as end, two.here.ends.watch(B) as other:
            await pause(1)
            began_s = now_s()
            two.there.commit(ended(A))
            two.there.commit(grown(A))
            await end
            assert now_s() - began_s < 1
            assert not other.done()

    on_virtual_time(test)


def test_the_end_of_a_run_is_found_out_though_nobody_tells_it() -> None:
    async def test(two: Two) -> None:
        with two.here.ends.watch(A) as end:
            await pause(1)
            two.channel.loses = True
            began_s = now_s()
            two.there.commit(ended(A))
            await end
            assert now_s() - began_s <= 6

    on_virtual_time(test)


def test_nobody_asks_for_ends_that_nobody_waits_for() -> None:
    async def test(two: Two) -> None:
        with two.here.feed.subscribe():
            two.there.commit(ended(A))
            await pause(60)
        assert two.here.questions == two.there.questions == 0

    on_virtual_time(test)


def test_what_only_another_version_understands_is_ignored() -> None:
    async def test(two: Two) -> None:
        with two.here.feed.subscribe() as subscription:
            await pause(1)
            subscription.take()
            for text in ("", "{}", "[1]", '{"origin":1}'):
                two.channel.say(Wake(news=text))
            await pause(1)
            assert subscription.take() == Changes({}, [], apps=False, is_cut=False)

    on_virtual_time(test)


def _event(event_id: EventId) -> StoredEvent:
    return StoredEvent(
        id=event_id,
        number=0,
        environment_id=DEFAULT_ENVIRONMENT_ID,
        name="a/b",
        external_id="",
        ts_ms=1,
        received_ms=1,
        payload=b"{}",
    )
