"""Weeks of history go when every environment has done with them, and rows wait for their week."""

from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest

from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, LOCAL_PARTITION, EnvironmentId
from stepwell.core.retention import FOREVER, Retention, RetentionOverrides
from stepwell.engine.places import OwnedPlaces
from stepwell.engine.retention import RetentionWork
from stepwell.engine.retention_setup import RetentionSetup
from stepwell.engine.store import OldEvent, OldEventsQuery, RetentionState
from tests.unit.core.core_world import function

pytestmark = pytest.mark.anyio

DAY_MS = 86_400_000
WEEK_MS = 7 * DAY_MS
NOW_MS = 1_795_240_800_000
OTHER = EnvironmentId("other")


class World:
    """All that retention sees when it has weeks dropped."""

    def __init__(self, *, owns: bool = True, week_ms: int = 0, kept_ms: int = 20 * DAY_MS) -> None:
        self.week_ms = week_ms
        self.now_ms = NOW_MS
        self.asked: list[tuple[int, int]] = []
        self.rows_before_ms: set[int] = set()
        places = OwnedPlaces(lambda: cast("Any", None), [LOCAL_PARTITION], is_alone=True)
        if owns:
            places.add([LOCAL_PARTITION])
        other = msgspec.structs.replace(function("ship"), environment_id=OTHER)
        around = SimpleNamespace(
            store=self,
            environment_id=DEFAULT_ENVIRONMENT_ID,
            registry=SimpleNamespace(functions=[other]),
            clock=SimpleNamespace(now_ms=lambda: self.now_ms),
        )
        operations = SimpleNamespace(all=list)
        workers = SimpleNamespace(operations=operations)
        self.work = RetentionWork(
            RetentionSetup(
                server=Retention(runs=kept_ms, events=kept_ms // 2, journals=kept_ms),
                deleted=Counter(),
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

    # What a pass asks the store.

    async def old_events(self, query: OldEventsQuery) -> list[OldEvent]:
        self.rows_before_ms.add(query.before_ms)
        return []

    async def with_old_runs(self, _: object, *, before_ms: int) -> list[Any]:
        self.rows_before_ms.add(before_ms)
        return []

    async def with_old_rollups(self, *_: object, **__: object) -> list[Any]:
        return []


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


async def test_rows_of_a_week_wait_until_it_can_go_as_a_whole() -> None:
    world = World(week_ms=WEEK_MS, kept_ms=80 * DAY_MS)
    await world.work._pass(DEFAULT_ENVIRONMENT_ID, {})
    assert {before_ms % WEEK_MS for before_ms in world.rows_before_ms} == {0}
    oldest_ms, newest_ms = sorted(world.rows_before_ms)
    # Two days of grace, and up to a week.
    assert 82 * DAY_MS <= NOW_MS - oldest_ms < 89 * DAY_MS
    assert 42 * DAY_MS <= NOW_MS - newest_ms < 49 * DAY_MS


async def test_what_is_kept_for_less_than_four_weeks_goes_when_its_time_has_come() -> None:
    world = World(week_ms=WEEK_MS, kept_ms=27 * DAY_MS)
    await world.work._pass(DEFAULT_ENVIRONMENT_ID, {})
    assert world.rows_before_ms == {NOW_MS - 27 * DAY_MS, NOW_MS - 27 * DAY_MS // 2}


async def test_where_there_are_no_weeks_rows_go_when_their_time_has_come() -> None:
    world = World(kept_ms=80 * DAY_MS)
    await world.work._pass(DEFAULT_ENVIRONMENT_ID, {})
    assert world.rows_before_ms == {NOW_MS - 80 * DAY_MS, NOW_MS - 40 * DAY_MS}
