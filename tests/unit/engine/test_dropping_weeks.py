"""Weeks of history are given back when every environment has done with them."""

from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest

from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, LOCAL_PARTITION, EnvironmentId
from stepwell.core.retention import FOREVER, Retention, RetentionOverrides
from stepwell.engine.old_events import OldEvents
from stepwell.engine.places import OwnedPlaces
from stepwell.engine.retention import RetentionWork
from stepwell.engine.retention_setup import RetentionSetup
from stepwell.engine.store import RetentionState
from tests.unit.core.core_world import function

pytestmark = pytest.mark.anyio

DAY_MS = 86_400_000
NOW_MS = 1_795_240_800_000
OTHER = EnvironmentId("other")


class World:
    """All that retention sees when it has weeks dropped."""

    def __init__(self, *, owns: bool = True) -> None:
        self.now_ms = NOW_MS
        self.asked: list[tuple[int, int]] = []
        places = OwnedPlaces(lambda: cast("Any", None), [LOCAL_PARTITION], is_alone=True)
        if owns:
            places.add([LOCAL_PARTITION])
        other = function("ship")
        other = cast("Any", SimpleNamespace(id=other.id, environment_id=OTHER))
        around = SimpleNamespace(
            store=None,
            environment_id=DEFAULT_ENVIRONMENT_ID,
            registry=SimpleNamespace(functions=[other]),
            clock=SimpleNamespace(now_ms=lambda: self.now_ms),
        )
        workers = SimpleNamespace(operations=None, old_events=OldEvents())
        self.work = RetentionWork(
            RetentionSetup(
                server=Retention(runs=20 * DAY_MS, events=10 * DAY_MS), deleted=Counter()
            ),
            cast("Any", around),
            cast("Any", workers),
            cast("Any", self),
            places,
        )

    async def commit(self, _: object) -> None:
        raise AssertionError("nothing is deleted row by row here")

    async def drop_weeks(self, *, events_before_ms: int, runs_before_ms: int) -> list[str]:
        self.asked.append((events_before_ms, runs_before_ms))
        return ["events_1"]


async def test_what_one_environment_keeps_is_kept() -> None:
    world = World()
    own = RetentionOverrides(events=30 * DAY_MS)
    await world.work._drop_weeks({OTHER: RetentionState(own)})
    assert world.asked == [(NOW_MS - 30 * DAY_MS, NOW_MS - 20 * DAY_MS)]


async def test_nothing_is_old_that_somebody_keeps_for_ever() -> None:
    world = World()
    await world.work._drop_weeks({OTHER: RetentionState(RetentionOverrides(events=FOREVER))})
    assert world.asked == [(0, NOW_MS - 20 * DAY_MS)]


async def test_weeks_are_looked_at_once_a_day() -> None:
    world = World()
    for _ in range(5):
        await world.work._drop_weeks({})
        world.now_ms += DAY_MS // 2
    assert len(world.asked) == 3


async def test_only_the_owner_of_the_first_partition_has_them_dropped() -> None:
    world = World(owns=False)
    await world.work._drop_weeks({})
    assert world.asked == []
