"""What a server that is told to stop still does."""

from random import Random

import pytest

from stepwell.wire.config import Throttle
from tests.simulation.faults import Faults
from tests.simulation.programs import Run
from tests.simulation.scenarios import function
from tests.simulation.world import World

_THROTTLE = Throttle(limit=10, period="1s", burst=0)


@pytest.mark.parametrize("seed", range(5))
def test_no_call_begins_once_the_server_is_told_to_stop(seed: int) -> None:
    """It would be given up at once and made again later: a step run twice for nothing."""
    slow_disk = Faults(Random(seed), {"commit_slow": 1.0})
    world = World([function(Run(id="a"), throttle=_THROTTLE)], seed=seed, faults=slow_disk)

    async def story() -> None:
        await world.send("sim/go", {"key": "k", "n": 1})
        # The start is written, but the server has not been told so.
        await world.until("SELECT 1 FROM limits")
        await world.stop()
        assert world.app.calls == []
        await world.quiet(limit_s=600.0)

    world.run(story())
    assert [len(values) for values in world.app.executions.values()] == [1]
    world.close()
