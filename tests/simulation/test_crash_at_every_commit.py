"""The server is killed before and after every single commit of each scenario, one at a time.

Nothing is left to chance here: whatever the moment of the crash, the story ends the same.
"""

from collections.abc import Awaitable
from random import Random
from typing import Any

import pytest

from tests.simulation.checkers import check_finished
from tests.simulation.disturbances import settle
from tests.simulation.faults import Faults
from tests.simulation.faulty_store import CrashOnce, CrashPlan, never
from tests.simulation.flow_scenarios import FLOW_SCENARIOS
from tests.simulation.scenarios import SCENARIOS, Outcome, Scenario, outcomes
from tests.simulation.world import World

_ALL = [*SCENARIOS, *FLOW_SCENARIOS]
_BY_NAME = pytest.mark.parametrize("scenario", _ALL, ids=lambda each: each.name)


#: A slow disk lets much happen between a decision and its commit.
_DISKS = {"fast": {}, "slow": {"commit_slow": 1.0, "read_slow": 0.5}}


def _live(scenario: Scenario, is_crash: CrashPlan, *, disk: str = "fast", nodes: int = 1) -> World:
    faults = Faults(Random(1), _DISKS[disk])
    world = World(
        scenario.functions,
        seed=1,
        is_crash=is_crash,
        faults=faults,
        nodes=nodes,
        partitions=2 * nodes - 1,
    )

    async def story() -> None:
        told: Awaitable[Any] = scenario.story(world)
        await told
        if not isinstance(is_crash, CrashOnce) or is_crash.happened:
            # Nothing goes wrong any more in the hours to come.
            await world.fleet.calm()
        await world.quiet(limit_s=5 * 86_400.0)
        await world.fleet.calm()
        await settle(world)

    world.run(story())
    return world


def _check(world: World, scenario: Scenario) -> None:
    assert check_finished(world) == []
    assert _comparable(outcomes(world)) == _comparable(scenario.ends)


def _comparable(ends: list[Outcome]) -> list[Outcome]:
    """In an order of their own, because runs that come into being in one millisecond have none.

    Of those that were skipped only one: a client that repeats its request has one more recorded.
    """
    skipped = [end for end in ends if end[1] == "SKIPPED"]
    others = [end for end in ends if end[1] != "SKIPPED"]
    return sorted([*others, *skipped[:1]], key=str)


@_BY_NAME
def test_it_ends_as_it_should(scenario: Scenario) -> None:
    world = _live(scenario, never)

    _check(world, scenario)
    world.close()


@pytest.mark.parametrize(
    ("moment", "disk"), [("before", "fast"), ("after", "fast"), ("before", "slow")]
)
@_BY_NAME
def test_it_ends_the_same_whenever_the_server_is_killed(
    scenario: Scenario, moment: str, disk: str
) -> None:
    """A crash at any commit loses nothing, repeats no recorded result and needs no repair."""
    undisturbed = _live(scenario, never, disk=disk)
    commits = undisturbed.commits
    undisturbed.close()
    assert commits > 3

    for commit in range(1, commits + 1):
        crash = CrashOnce(commit, moment)
        world = _live(scenario, crash, disk=disk)
        try:
            _check(world, scenario)
            assert crash.happened
        except AssertionError as error:
            error.add_note(f"killed {moment} commit {commit} of {commits}")
            raise
        finally:
            world.close()


#: Of all commits of a scenario with two servers, those at which one of them is killed: each takes
#: longer than with one server.
_EVERY = 7


@pytest.mark.parametrize("moment", ["before", "after"])
@_BY_NAME
def test_it_ends_the_same_whichever_of_two_servers_is_killed(
    scenario: Scenario, moment: str
) -> None:
    """What the dead one had is gone on with by the other one, or by itself."""
    undisturbed = _live(scenario, never, nodes=2)
    commits = undisturbed.commits
    _check(undisturbed, scenario)
    undisturbed.close()

    # Another phase for each scenario, so that together they meet all kinds of commits.
    first = 1 + len(scenario.name) % _EVERY
    for commit in range(first, commits + 1, _EVERY):
        world = _live(scenario, CrashOnce(commit, moment), nodes=2)
        try:
            _check(world, scenario)
        except AssertionError as error:
            error.add_note(f"killed {moment} commit {commit} of {commits}")
            raise
        finally:
            world.close()
