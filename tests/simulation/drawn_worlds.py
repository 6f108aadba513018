"""What worlds that follow from a seed have in common: their servers, and how they are looked at."""

from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

from tests.simulation.checkers import check_finished
from tests.simulation.faults import Faults
from tests.simulation.programs import SimulatedFunction
from tests.simulation.world import World

__all__ = ["drawn_world", "lived_through"]


def drawn_world(
    random: Random,
    functions: list[SimulatedFunction],
    *,
    seed: int,
    of_many: bool,
    faults: Faults,
    **options: Any,
) -> World:
    """A world of which is drawn how much its servers do at a time, and how long they are down.

    Where there are many of them, also how many, and how wrong their clocks are.
    """
    calls_max = random.choice([1, 3, 50])
    down_s = random.choice([0.1, 3.0, 40.0])
    if of_many:
        options["nodes"] = random.choice([2, 3, 3, 4])
        options["partitions"] = random.choice([2, 4, 4, 7])
        options["skew_ms"] = random.choice([0, 0, 50, 2_000])
    world = World(functions, seed=seed, faults=faults, calls_max=calls_max, **options)
    world.down_s = down_s
    return world


def lived_through(world: World, story: Callable[[World], Awaitable[None]]) -> World:
    """Live through a world; fails if it breaks a promise. The caller closes it."""
    try:
        world.run(story(world))
        problems = check_finished(world)
        assert not problems, "\n".join(problems[:20])
    except BaseException:
        world.close()
        raise
    return world
