"""What the server took long for: the slowest, and no more than can be read."""

import asyncio

import pytest

from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID
from stepwell.core.retention import Forgotten, ForgottenKind
from stepwell.core.transition import Transition
from stepwell.engine import committer
from stepwell.engine.committer import Committer
from stepwell.engine.distribution import LATEST_COMMITS_MAX, CommitCounts
from stepwell.engine.slow_work import SLOW_WORK_MAX, SlowestWork, SlowWork
from stepwell.engine.store import join_alone
from stepwell.store.sqlite import SqliteStore

NOW_MS = 1_795_252_230_000


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def slowest_work() -> SlowestWork:
    return SlowestWork(lambda: NOW_MS)


def test_the_slowest_come_first_and_the_quickest_are_forgotten() -> None:
    work = slowest_work()
    for tenths in range(1, SLOW_WORK_MAX + 3):
        work.add("commit", f"{tenths} transitions", tenths / 10)

    found = work.slowest()

    assert [each.duration_ms for each in found] == [
        tenths * 100 for tenths in range(SLOW_WORK_MAX + 2, 2, -1)
    ]


def test_work_is_noted_with_when_it_began() -> None:
    work = slowest_work()

    work.add("question", "runs", 0.5)

    assert work.slowest() == [SlowWork("question", "runs", NOW_MS - 500, 500)]


def test_quantiles_are_those_of_the_latest_commits() -> None:
    counts = CommitCounts()
    assert counts.quantile_s(0.5) is None
    for _ in range(10):
        counts.add(1, 60.0)
    for number in range(LATEST_COMMITS_MAX):
        counts.add(2, number / 1000)

    assert counts.quantile_s(0.5) == 0.499
    assert counts.quantile_s(0.99) == 0.989
    assert counts.quantile_s(1.0) == 0.999
    assert counts.count == LATEST_COMMITS_MAX + 10


@pytest.mark.parametrize(("is_slow", "kinds"), [(True, ["commit", "retention"]), (False, [])])
@pytest.mark.anyio
async def test_slow_commits_are_noted_for_what_they_are(
    monkeypatch: pytest.MonkeyPatch, is_slow: bool, kinds: list[str]
) -> None:
    monkeypatch.setattr(committer, "SLOW_COMMIT_S", 0.0 if is_slow else 3_600.0)
    work = slowest_work()
    counts = CommitCounts(work)
    store = SqliteStore.in_memory()
    owner = await join_alone(store)
    writing = Committer(store, owner, after_batch=lambda: None, counts=counts)
    running = asyncio.create_task(writing.run())
    old = Forgotten(ForgottenKind.OPERATIONS, DEFAULT_ENVIRONMENT_ID, 1, 1, ids=())
    for transition in (Transition(), Transition(forgotten=[old])):
        done: asyncio.Future[Transition] = asyncio.get_running_loop().create_future()
        writing.submit(transition, done.set_result)
        assert await done is transition
    writing.close()
    await running
    await store.close()

    assert counts.count == len(counts.latest_s) == 2
    assert sorted(each.kind for each in work.slowest()) == kinds
    assert {each.what for each in work.slowest()} <= {"1 transition"}
