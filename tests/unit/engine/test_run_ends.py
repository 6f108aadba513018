"""Waiting for the end of a run."""

import asyncio

import pytest

from stepwell.core.identity import RunId
from stepwell.core.status import RunStatus
from stepwell.core.transition import RunEnd, Transition
from stepwell.engine import run_ends
from stepwell.engine.run_ends import RunEnds
from stepwell.engine.store import StoreUnavailable

pytestmark = pytest.mark.anyio

A, B = RunId("A"), RunId("B")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def end_of(run_id: RunId) -> Transition:
    return Transition(ended=[RunEnd(run_id, RunStatus.COMPLETED, 1, 2, ended_seq=3)])


async def test_everybody_who_waits_for_a_run_is_told_of_its_end() -> None:
    ends = RunEnds()
    with ends.watch(A) as first, ends.watch(A) as second, ends.watch(B) as other:
        ends.observe(None, end_of(A))

        await first
        await second
        assert not other.done()


async def test_other_transitions_tell_nobody() -> None:
    ends = RunEnds()
    with ends.watch(A) as ended:
        ends.observe(None, Transition())
        ends.observe(None, end_of(B))
        assert not ended.done()


async def test_who_has_gone_is_forgotten() -> None:
    ends = RunEnds()
    with ends.watch(A) as first:
        with ends.watch(A):
            pass
        ends.observe(None, end_of(A))
        assert first.done()
    ends.observe(None, end_of(A))


async def test_a_server_that_stops_lets_nobody_wait() -> None:
    ends = RunEnds()
    with ends.watch(A) as ended:
        ends.close()
        with pytest.raises(StoreUnavailable):
            await ended
    with pytest.raises(StoreUnavailable), ends.watch(A):
        pass


async def test_nobody_has_to_look_at_the_end() -> None:
    """An exception that nobody retrieves would be reported when it is collected."""
    ends = RunEnds()
    with ends.watch(A):
        ends.close()


async def test_only_so_many_may_wait() -> None:
    ends = RunEnds()
    waiting = [ends.watch(A) for _ in range(run_ends.WAITING_MAX)]
    for each in waiting:
        each.__enter__()

    with pytest.raises(StoreUnavailable), ends.watch(B):
        pass
    waiting.pop().__exit__(None, None, None)
    with ends.watch(B) as ended:
        ends.observe(None, end_of(B))
        await asyncio.wait_for(ended, 1)
    for each in waiting:
        each.__exit__(None, None, None)
