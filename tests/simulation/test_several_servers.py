"""Worlds with several servers: the same programs, people and faults, and servers that come and go.

Servers are killed, stopped, paused for longer than their lease and cut off from the database, their
clocks differ, and wake-ups get lost. `STEPWELL_SIM_SEED` and `STEPWELL_SIM_SECONDS` work as for
random programs.
"""

import os
import time
from typing import Protocol

import pytest

from tests.simulation import flow_worlds, random_worlds
from tests.simulation.world import World

# Chosen because something happens in them that once went wrong, or that few worlds have.
_RANDOM_SEEDS = [0, 2, 3, 203]
_FLOW_SEEDS = [33, 44, 116, 219, 301]


class _Live(Protocol):
    def __call__(self, seed: int, *, of_many: bool) -> World: ...


def _seeds(chosen: list[int]) -> list[int]:
    seed = os.environ.get("STEPWELL_SIM_SEED")
    return chosen if seed is None else [int(seed)]


def _live_random(seed: int) -> list[str]:
    return _lived(seed, random_worlds.live_and_check)


def _live_flow(seed: int) -> list[str]:
    return _lived(seed, flow_worlds.live_and_check)


def _lived(seed: int, live: "_Live") -> list[str]:
    try:
        world = live(seed, of_many=True)
    except BaseException as error:
        error.add_note(f"seed {seed}: repeat it with STEPWELL_SIM_SEED={seed}")
        raise
    world.close()
    return world.trace


@pytest.mark.parametrize("seed", _seeds(_RANDOM_SEEDS))
def test_every_promise_holds_with_random_programs(seed: int) -> None:
    """One server decides about each run, whatever happens to the others, and nothing is left over."""
    _live_random(seed)


@pytest.mark.parametrize("seed", _seeds(_FLOW_SEEDS))
def test_every_promise_holds_with_random_options(seed: int) -> None:
    """Limits hold over all servers, and each event has exactly one outcome for each function."""
    _live_flow(seed)


def test_a_seed_decides_about_everything() -> None:
    """A failure that is found once can be looked at as often as need be."""
    assert _live_flow(1) == _live_flow(1)


if "STEPWELL_SIM_SECONDS" in os.environ:

    @pytest.mark.timeout(0)
    def test_a_long_search_finds_nothing() -> None:
        end_s = time.monotonic() + float(os.environ["STEPWELL_SIM_SECONDS"])
        seed = int(time.time()) * 1_000
        while time.monotonic() < end_s:
            _live_random(seed)
            _live_flow(seed)
            seed += 1
