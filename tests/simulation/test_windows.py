"""Queues larger than the part of them that is kept in memory.

The windows are made small, so that reading on happens all the time.
"""

import asyncio
from functools import partial
from random import Random

import pytest

from stepwell.engine import partition
from stepwell.engine.scheduler import SchedulerSetup
from stepwell.engine.windows import WindowSizes
from tests.simulation.checkers import check_finished
from tests.simulation.faults import Faults
from tests.simulation.flow_worlds import live_and_check
from tests.simulation.programs import Program, Run, SimulatedFunction, Sleep, Trigger
from tests.simulation.virtual_loop import pause
from tests.simulation.world import World

_BUSY = SimulatedFunction(
    name="busy",
    program=Program(nodes=(Run(id="a", takes_s=0.2),)),
    triggers=(Trigger(event="sim/busy"),),
)
_SLEEPY = SimulatedFunction(
    name="sleepy",
    program=Program(nodes=(Sleep(id="s", duration="1h"), Run(id="a"))),
    triggers=(Trigger(event="sim/sleepy"),),
)
_PROMPT = SimulatedFunction(
    name="prompt",
    program=Program(nodes=(Run(id="a"),)),
    triggers=(Trigger(event="sim/prompt"),),
)


@pytest.fixture(autouse=True)
def _small_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    _make_small(monkeypatch, WindowSizes(lane_max=20, items_max=60, timers_max=20, due_max=200))


def _make_small(monkeypatch: pytest.MonkeyPatch, sizes: WindowSizes) -> None:
    monkeypatch.setattr(partition, "SchedulerSetup", partial(SchedulerSetup, sizes=sizes))


async def _send(world: World, name: str, count: int) -> None:
    for start in range(0, count, 100):
        await asyncio.gather(
            *(world.send(name, {"n": n}) for n in range(start, min(start + 100, count)))
        )


def _calls(world: World, name: str) -> list[tuple[str, int]]:
    return [(call.run_id, call.memos) for call in world.app.calls if call.function == name]


def test_no_queued_run_is_lost_or_doubled() -> None:
    """Two thousand runs of one function wait for a few slots, and then all have run once."""
    world = World([_BUSY], calls_max=100)

    async def story() -> None:
        await _send(world, "sim/busy", 2_000)
        await world.quiet(limit_s=3_600.0)

    world.run(story())
    assert check_finished(world) == []
    calls = _calls(world, "busy")
    assert len(calls) == 4_000
    assert len(set(calls)) == 4_000
    world.close()


def test_another_function_does_not_wait_behind_a_long_queue() -> None:
    world = World([_BUSY, _PROMPT], calls_max=10)

    async def story() -> int:
        await _send(world, "sim/busy", 500)
        sent_ms = world.clock.now_ms()
        await world.send("sim/prompt", {"n": 1})
        await world.quiet(limit_s=3_600.0)
        return min(call.at_ms for call in world.app.calls if call.function == "prompt") - sent_ms

    # One of the ten slots becomes free after 200 ms at the latest, and then it is its turn.
    assert world.run(story()) < 300
    assert check_finished(world) == []
    world.close()


def test_no_sleeping_run_is_lost_or_woken_early_or_twice() -> None:
    """A thousand runs sleep over a restart; each goes on once, and not before its time."""
    world = World([_SLEEPY, _PROMPT])

    async def story() -> None:
        await _send(world, "sim/sleepy", 500)
        await pause(600.0)
        await world.crash()
        await _send(world, "sim/sleepy", 500)
        await world.send("sim/prompt", {"n": 1})
        await pause(3_000.0)
        await world.crash()
        await world.quiet(limit_s=3 * 3_600.0)

    world.run(story())
    assert check_finished(world) == []
    assert len(_calls(world, "sleepy")) == len(set(_calls(world, "sleepy"))) == 3_000
    world.close()


@pytest.mark.parametrize("seed", range(12))
def test_windows_hold_what_they_should_whatever_happens(seed: int) -> None:
    """With slow reads, everything is committed while something is being read."""
    faults = Faults(
        Random(seed),
        {
            "read_slow": 0.3,
            "commit_slow": 0.1,
            "call_lost": 0.1,
            "crash_after_commit": 0.002,
            "commit_unconfirmed": 0.002,
        },
    )
    world = World([_BUSY, _SLEEPY], seed=seed, faults=faults, calls_max=20)

    async def story() -> None:
        for _ in range(4):
            await asyncio.gather(_send(world, "sim/busy", 50), _send(world, "sim/sleepy", 50))
            await pause(900.0)
        world.faults.stop()
        await world.quiet(limit_s=7 * 86_400.0, step_s=60.0)

    world.run(story())
    assert check_finished(world) == []
    world.close()


@pytest.mark.parametrize("seed", range(8))
def test_limits_hold_although_most_of_the_queue_is_not_in_memory(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in other random worlds, with room for a handful of items."""
    _make_small(monkeypatch, WindowSizes(lane_max=2, items_max=4, timers_max=3, due_max=4))

    live_and_check(seed).close()
