"""Random functions, clients and faults; whatever happens, every promise holds in the end.

`STEPWELL_SIM_SEED` lives through one world only. `STEPWELL_SIM_SECONDS` goes on for so long, from a
seed that changes every second, which is how to look for what nobody has thought of.
"""

import os
import time
from functools import cache

import pytest

from tests.simulation.random_worlds import live_and_check

_SEEDS = 300
_PER_TEST = 10
# Worlds that are lived through twice, of which one life counts for the chunk they are in.
_REPEATED = [1, 2, 3, 4, 5]


def _chunks() -> list[range]:
    if (seed := os.environ.get("STEPWELL_SIM_SEED")) is not None:
        return [range(int(seed), int(seed) + 1)]
    return [range(start, start + _PER_TEST) for start in range(0, _SEEDS, _PER_TEST)]


def _live(seed: int) -> list[str]:
    try:
        world = live_and_check(seed)
    except BaseException as error:
        error.add_note(f"seed {seed}: repeat it with STEPWELL_SIM_SEED={seed}")
        raise
    world.close()
    return world.trace


_first_life = cache(_live)


@pytest.mark.parametrize("seeds", _chunks(), ids=str)
def test_every_promise_holds_in_every_world(seeds: range) -> None:
    """Accepted events are stored and start exactly the right runs, which end as they must.

    A recorded result never changes, nothing is left over, and when faults stop all is finished.
    """
    for seed in seeds:
        if seed in _REPEATED:
            _first_life(seed)
        else:
            _live(seed)


@pytest.mark.parametrize("seed", _REPEATED)
def test_a_seed_decides_about_everything(seed: int) -> None:
    """A failure that is found once can be looked at as often as need be."""
    assert _live(seed) == _first_life(seed)


if "STEPWELL_SIM_SECONDS" in os.environ:

    @pytest.mark.timeout(0)
    def test_a_long_search_finds_nothing() -> None:
        end_s = time.monotonic() + float(os.environ["STEPWELL_SIM_SECONDS"])
        seed = int(time.time()) * 1_000
        while time.monotonic() < end_s:
            _live(seed)
            seed += 1
