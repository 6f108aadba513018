"""Commits that take too long, and who is told."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import cast

import pytest

from stepwell.core.identity import NodeId
from stepwell.core.transition import Transition
from stepwell.engine import committer as committing
from stepwell.engine.committer import CommitFailed, Committer
from stepwell.engine.distribution import CommitCounts
from stepwell.engine.live_runs import LiveRuns
from stepwell.engine.nodes import Places
from stepwell.engine.requests import Deciding, Requests
from stepwell.engine.store import Overtaken, Ownership, Store, StoreUnavailable
from stepwell.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio

_OWNER = Ownership(NodeId(1), 0)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(committing, "PATIENCE_S", 0.0)


class _Store:
    """A store whose commits end when the test says so."""

    def __init__(self) -> None:
        self.batches: list[list[Transition]] = []
        self.may_end = asyncio.Event()
        self.failure: StoreUnavailable | None = None
        self.catalogue = 0

    async def commit(self, _owner: Ownership, batch: Sequence[Transition], _places: Places) -> None:
        self.batches.append(list(batch))
        await self.may_end.wait()
        if self.failure is not None:
            raise self.failure
        if any(each.catalogue not in (None, self.catalogue) for each in batch):
            raise Overtaken


class _Deciding:
    """Has everything written as it is."""

    def __init__(self, committer: Committer) -> None:
        self._committer = committer

    def submit(
        self,
        transition: Transition,
        *,
        committed: Callable[[], None] | None = None,
        failed: Callable[[CommitFailed], None] | None = None,
    ) -> None:
        def done(_transition: Transition) -> None:
            if committed is not None:
                committed()

        self._committer.submit(transition, done, failed)


class _Desk:
    """A committer at work, and requests that go to it."""

    def __init__(self) -> None:
        self.store = _Store()
        self.counts = CommitCounts()
        self.settled = 0
        store = cast("Store", self.store)
        self.committer = Committer(store, _OWNER, after_batch=lambda: None, counts=self.counts)
        live = LiveRuns(SqliteStore.in_memory().load_runs)
        deciding = cast("Deciding", _Deciding(self.committer))
        self.requests = Requests(store, _OWNER, deciding, self.committer, live)

    async def accept(self) -> None:
        def settle() -> None:
            self.settled += 1

        await self.requests.accept_all([Transition()], settled=settle)


@pytest.fixture
async def desk() -> AsyncIterator[_Desk]:
    opened = _Desk()
    working = asyncio.create_task(opened.committer.run())
    yield opened
    opened.store.may_end.set()
    opened.committer.close()
    await asyncio.wait([working])
    working.exception()


async def test_who_waits_for_a_commit_that_takes_too_long_is_told(desk: _Desk) -> None:
    """It may succeed nevertheless; only then is it over."""
    with pytest.raises(StoreUnavailable, match="not been confirmed"):
        await desk.accept()
    assert (desk.settled, desk.counts.stalled) == (0, 1)

    desk.store.may_end.set()
    while desk.counts.stalled:
        await asyncio.sleep(0)

    assert (desk.settled, desk.counts.count) == (1, 1)
    assert desk.committer.failure is None


async def test_who_comes_while_a_commit_takes_too_long_is_refused_at_once(desk: _Desk) -> None:
    """And nothing is written of it, so that what cannot be written does not pile up."""
    with pytest.raises(StoreUnavailable):
        await desk.accept()

    with pytest.raises(StoreUnavailable):
        await desk.accept()

    assert desk.settled == 1, "of the second one nothing is left"
    desk.store.may_end.set()
    while desk.counts.stalled:
        await asyncio.sleep(0)
    assert len(desk.store.batches) == 1


async def test_when_the_commit_has_ended_events_are_accepted_again(
    desk: _Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(StoreUnavailable):
        await desk.accept()
    monkeypatch.undo()
    desk.store.may_end.set()
    while desk.counts.stalled:
        await asyncio.sleep(0)

    await desk.accept()

    assert desk.settled == 2


async def test_other_requests_wait_for_what_becomes_of_the_commit(desk: _Desk) -> None:
    """What they asked for is kept in memory, too, which has to agree with what is stored."""
    waiting = asyncio.create_task(desk.requests.commit(Transition()))
    with pytest.raises(StoreUnavailable):
        await desk.accept()
    assert not waiting.done()

    desk.store.failure = StoreUnavailable("commit", "the network is gone")
    desk.store.may_end.set()

    with pytest.raises(StoreUnavailable, match="the network is gone"):
        await waiting
    assert desk.counts.stalled == 0


async def test_a_change_that_was_overtaken_does_not_keep_others_from_being_written(
    desk: _Desk,
) -> None:
    """Only who decided on an older catalogue has to decide again."""
    desk.store.catalogue = 2
    desk.store.may_end.set()
    late, other = Transition(catalogue=1), Transition()
    tasks = [asyncio.create_task(desk.requests.commit(each)) for each in (late, other)]

    results = await asyncio.gather(*tasks, return_exceptions=True)

    assert [type(each) for each in results] == [Overtaken, type(None)]
    assert desk.store.batches == [[late, other], [other]]
    assert desk.committer.failure is None


async def test_a_commit_of_nothing_but_what_was_overtaken_is_none(desk: _Desk) -> None:
    desk.store.catalogue = 2
    desk.store.may_end.set()

    with pytest.raises(Overtaken):
        await desk.requests.commit(Transition(catalogue=1))
    await desk.requests.commit(Transition(catalogue=2))

    assert desk.counts.count == 1


async def test_the_next_commit_is_sent_before_anything_follows_from_the_last(
    desk: _Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that the disk has something to do meanwhile."""
    monkeypatch.undo()
    sent_when_followed: list[int] = []

    def follow(_transition: Transition) -> None:
        sent_when_followed.append(len(desk.store.batches))

    desk.committer.submit(Transition(), follow)
    while not desk.store.batches:
        await asyncio.sleep(0)
    desk.committer.submit(Transition(), follow)
    desk.store.may_end.set()
    await desk.accept()

    assert sent_when_followed[0] == 2


async def test_of_many_some_are_left_for_the_next_commit(
    desk: _Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise all that is under way would end up in one batch, and nothing go on meanwhile."""
    monkeypatch.undo()
    desk.store.may_end.set()
    transitions = [Transition(at_ms=number) for number in range(1_500)]
    for transition in transitions[1:]:
        desk.committer.submit(transition, lambda _: None)

    await desk.requests.commit(transitions[0])

    sizes = [len(batch) for batch in desk.store.batches]
    assert sizes == [500, 500, 250, 125, 62, 48, 15]
    assert [each for batch in desk.store.batches for each in batch] == [
        *transitions[1:],
        transitions[0],
    ]


async def test_what_is_durable_is_followed_even_if_the_next_commit_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Whoever waits for it must not wait for ever, nor be told that it was not written."""
    monkeypatch.undo()
    desk = _Desk()
    working = asyncio.create_task(desk.committer.run())
    followed: list[Transition] = []
    first, second = Transition(), Transition()
    desk.committer.submit(first, followed.append)
    while not desk.store.batches:
        await asyncio.sleep(0)
    desk.committer.submit(second, followed.append)
    desk.store.may_end.set()
    while desk.counts.count == 0:
        await asyncio.sleep(0)

    working.cancel()
    await asyncio.wait([working])

    assert followed == [first]
