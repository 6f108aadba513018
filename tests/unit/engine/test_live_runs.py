"""Runs in memory: held while something is done for them, read together, isolated from each other."""

import asyncio
from collections.abc import Callable, Sequence

import pytest

from stepwell.core.identity import (
    DEFAULT_ENVIRONMENT_ID,
    AppId,
    EventId,
    FunctionId,
    RunId,
)
from stepwell.core.run import RunState
from stepwell.core.transition import NewRun
from stepwell.engine.live_runs import Absent, LiveRuns
from stepwell.engine.store import StoreUnavailable

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def run_state(run_id: str) -> RunState:
    new = NewRun(
        RunId(run_id),
        DEFAULT_ENVIRONMENT_ID,
        AppId("a"),
        FunctionId("f"),
        1,
        0,
        0,
        EventId("e"),
        "t/go",
    )
    return RunState(new, [b"{}"])


class Stored:
    """What is stored: the given runs, of which some cannot be read."""

    def __init__(self, *run_ids: str, unreadable: Sequence[str] = ()) -> None:
        self._run_ids = run_ids
        self._unreadable = unreadable
        self.reads: list[list[str]] = []

    async def load(self, run_ids: Sequence[RunId]) -> dict[RunId, RunState]:
        self.reads.append(list(run_ids))
        if any(run_id in self._unreadable for run_id in run_ids):
            raise ValueError("cannot be decoded")
        return {run_id: run_state(run_id) for run_id in run_ids if run_id in self._run_ids}


async def wanted(live: LiveRuns, *run_ids: str) -> list[RunState | Absent]:
    """What is delivered for the runs, wanted at the same time."""
    found: list[asyncio.Future[RunState | Absent]] = []
    for run_id in run_ids:
        future: asyncio.Future[RunState | Absent] = asyncio.get_running_loop().create_future()
        live.want(RunId(run_id), future.set_result)
        found.append(future)
    reading = asyncio.create_task(live.run())
    results = await asyncio.gather(*found)
    reading.cancel()
    return results


async def test_runs_wanted_together_are_read_together() -> None:
    stored = Stored("a", "b")
    live = LiveRuns(stored.load)
    first, second, again = await wanted(live, "a", "b", "a")
    assert stored.reads == [["a", "b"]]
    assert isinstance(first, RunState)
    assert isinstance(second, RunState)
    assert again is first


async def test_a_run_leaves_the_memory_with_its_last_hold() -> None:
    live = LiveRuns(Stored("a").load)
    await wanted(live, "a", "a")
    live.release(RunId("a"))
    assert live.get(RunId("a")) is not None
    live.release(RunId("a"))
    assert live.get(RunId("a")) is None
    assert len(live) == 0


async def test_a_missing_run_is_gone() -> None:
    assert await wanted(LiveRuns(Stored("a").load), "b") == [Absent.GONE]


async def test_an_unreadable_run_does_not_keep_others_from_being_read() -> None:
    live = LiveRuns(Stored("a", "b", "c", unreadable=["b"]).load)
    first, second, third = await wanted(live, "a", "b", "c")
    assert isinstance(first, RunState)
    assert second is Absent.UNREADABLE
    assert isinstance(third, RunState)


async def test_a_store_that_does_not_answer_ends_the_reading() -> None:
    """It says nothing about the runs, so nobody is told anything about them."""

    async def load(_run_ids: Sequence[RunId]) -> dict[RunId, RunState]:
        raise StoreUnavailable("load_runs", "disk I/O error")

    live = LiveRuns(load)
    told: list[RunState | Absent] = []
    tell: Callable[[RunState | Absent], None] = told.append
    live.want(RunId("a"), tell)
    with pytest.raises(StoreUnavailable):
        await live.run()
    assert not told
