"""What happens to servers that share a database, at random moments."""

from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import Any

import msgspec

from stepwell.wire.config import ConcurrencyLimit, ConcurrencyScope
from tests.simulation.virtual_loop import pause
from tests.simulation.world import World

__all__ = ["disturb", "settle"]

# Shorter than a lease, about as long, and longer.
_TIMES_S = (0.5, 3.0, 5.0, 6.0, 8.0, 30.0)
_SHARED = ConcurrencyLimit(limit=500, key="event.data.key", scope=ConcurrencyScope.ACCOUNT)
_LIMITS_MAX = 2
#: Longer than questions are kept whose node has gone, and than it takes until somebody looks.
_FORGOTTEN_S = 2_000.0


def disturb(world: World, random: Random, horizon_s: float) -> None:
    """Plan what goes wrong with servers, and who joins and leaves."""
    fleet = world.fleet
    deeds: list[Callable[[int, float], Awaitable[Any]]] = [
        fleet.suspend,
        fleet.suspend,
        fleet.cut_off,
        fleet.cut_off,
        fleet.crash,
        lambda number, seconds: world.stop(seconds, number=number),
        lambda number, seconds: world.stop(10 * seconds, number=number),
    ]
    for _ in range(random.choice([0, 2, 6, 12])):
        number = random.randrange(len(fleet.places))
        deed = partial(random.choice(deeds), number, random.choice(_TIMES_S))
        world.later(random.random() * horizon_s, deed)
    for _ in range(random.choice([0, 0, 1, 3])):
        slug = random.choice(list(world.app.functions))
        world.later(random.random() * horizon_s, partial(_begin_to_share, world, slug))


async def _begin_to_share(world: World, slug: str) -> None:
    """Register a function with a limit that others could share, so that it moves.

    The limit is never reached: whoever counts for it changes while it moves.
    """
    function = world.app.functions[slug]
    if _SHARED not in function.concurrency and len(function.concurrency) < _LIMITS_MAX:
        concurrency = (*function.concurrency, _SHARED)
        await world.sync(msgspec.structs.replace(function, concurrency=concurrency))


async def settle(world: World) -> None:
    """Wait until servers have nothing left for each other."""
    if not world.fleet.is_one:
        await pause(_FORGOTTEN_S)
