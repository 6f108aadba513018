"""What simulations of several servers once found, as stories that anybody can follow."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from random import Random
from typing import Any

import msgspec
import pytest

from stepwell.core.pause import NewRuns, RunningRuns
from stepwell.core.transition import Transition
from stepwell.engine.control import Control
from stepwell.engine.engine import Engine
from stepwell.engine.nodes import Ownership, Places
from stepwell.wire.config import ConcurrencyLimit, ConcurrencyScope, Throttle
from tests.simulation.checkers import check_finished
from tests.simulation.disturbances import settle
from tests.simulation.faults import Faults
from tests.simulation.operators import pause_function, resume_function
from tests.simulation.programs import Program, Run, SimulatedFunction, Sleep, Trigger, Wait
from tests.simulation.scenarios import function, outcomes
from tests.simulation.virtual_loop import pause
from tests.simulation.world import World

_SHARED = ConcurrencyLimit(limit=9, key="event.data.key", scope=ConcurrencyScope.ACCOUNT)


def _world(*functions: SimulatedFunction, nodes: int = 2, partitions: int = 2) -> World:
    return World(list(functions), nodes=nodes, partitions=partitions)


def _reach(world: World, *, owner: bool) -> None:
    """Let clients reach the server that owns the function `main`, or another one."""
    world.fleet.reached = next(
        number
        for number, server in world.fleet.servers.items()
        if server is not None and world.owns(server, "sim-main") is owner
    )


async def _joined(world: World) -> None:
    """Until every server has its share."""
    await world.until(
        "SELECT count(DISTINCT node_id) AS owners FROM partitions HAVING owners = ?",
        min(len(world.fleet.places), len(world.rows("SELECT id FROM partitions"))),
    )


def test_a_server_that_owns_nothing_has_events_matched() -> None:
    """It has just joined, and knows of no wait; those who wait are runs of others."""
    world = _world(function(Wait(id="w", event="sim/signal", timeout="10s")), partitions=1)

    async def story() -> None:
        await _joined(world)
        await world.send("sim/go", {"key": "k"})
        await world.until("SELECT 1 FROM waits")
        _reach(world, owner=False)
        await world.send("sim/signal", {"key": "k"})
        await world.quiet(limit_s=600.0)

    world.run(story())
    assert outcomes(world) == [("main", "COMPLETED", {"w": "(event)"})]
    world.close()


def test_runs_are_cancelled_whoever_is_told_to_pause_their_function() -> None:
    """The server that is told creates an operation, which the function's owner has to carry out."""
    world = _world(function(Sleep(id="s", duration="1h")))

    async def story() -> None:
        await _joined(world)
        await world.send("sim/go", {"key": "k"})
        await world.until("SELECT 1 FROM queue WHERE kind = 3")
        _reach(world, owner=False)
        await pause_function(world, "main", new_runs=NewRuns.SKIP, running=RunningRuns.CANCEL)
        await pause(10.0)
        assert outcomes(world) == [("main", "CANCELLED", None)]
        await resume_function(world, "main")
        await world.quiet(limit_s=600.0)
        await settle(world)

    world.run(story())
    assert check_finished(world) == []
    world.close()


def test_registering_a_function_does_not_undo_its_pause() -> None:
    """It is paused by another server, while the first one waits until all of them know."""
    main = function(Run(id="a"))
    world = _world(main, nodes=3, partitions=3)

    async def story() -> None:
        await _joined(world)
        world.later(0.0, lambda: world.fleet.suspend(2, 3.0))
        world.fleet.reached = 0
        world.later(0.1, lambda: world.sync(msgspec.structs.replace(main, retries=7)))
        await pause(1.0)
        world.fleet.reached = 1
        await pause_function(world, "main", new_runs=NewRuns.SKIP, running=RunningRuns.FINISH)
        await pause(10.0)
        known = [server.registry.function("sim-main") for server in world.fleet.running]
        assert len(known) == 3
        assert all(each is not None and each.pause and each.config.retries == 7 for each in known)

    world.run(story())
    world.close()


class _InTurn:
    """Has a change written when all servers have decided on one, and those before have theirs."""

    def __init__(self, engine: Engine, decided: asyncio.Barrier, before: asyncio.Event) -> None:
        self._engine = engine
        self._decided = decided
        self._before = before
        self._is_again = False
        self.is_written = asyncio.Event()

    async def commit(self, transition: Transition) -> None:
        if not self._is_again:
            self._is_again = True
            await self._decided.wait()
            await self._before.wait()
        try:
            await self._engine.commit(transition)
        finally:
            self.is_written.set()


async def _at_once(world: World, *requests: Callable[[Engine], Awaitable[Any]]) -> None:
    """Ask a server each. They decide on what they know at the same time, and write in this order."""
    servers = world.fleet.running
    decided, before = asyncio.Barrier(len(servers)), asyncio.Event()
    before.set()
    for server in servers:
        in_turn = _InTurn(server.engine, decided, before)
        server.registry.commit_with(in_turn, catch_up=server.engine.catch_up)
        before = in_turn.is_written
    asked = [
        server.spawn(number, ask)
        for number, (server, ask) in enumerate(zip(servers, requests, strict=True))
    ]
    await asyncio.gather(*asked)


def _pause_main(engine: Engine) -> Awaitable[Any]:
    return Control(engine.registry).pause_function(
        "sim-main", new_runs=NewRuns.SKIP, running=RunningRuns.FINISH
    )


def test_of_two_servers_that_change_a_function_at_once_none_undoes_the_other() -> None:
    """It is paused at one, while an app registers it in another configuration at the other."""
    main = function(Run(id="a"))
    world = _world(main)

    async def story() -> None:
        await _joined(world)
        changed = world.registration(msgspec.structs.replace(main, retries=7))
        await _at_once(world, lambda engine: engine.registry.register(changed), _pause_main)
        for server in world.fleet.running:
            known = server.registry.function("sim-main")
            assert known is not None
            assert known.config.retries == 7
            assert known.pause is not None

    world.run(story())
    world.close()


def test_a_function_that_moves_is_not_left_behind_by_who_pauses_it_at_once() -> None:
    """Who pauses it has decided on where it lay; its items are elsewhere by then."""
    main = function(Sleep(id="s", duration="1h"))
    world = _world(main)

    async def story() -> None:
        await _joined(world)
        assert world.rows("SELECT partition_id FROM functions") == [(1,)]
        await world.send("sim/go", {"key": "k"})
        await world.until("SELECT 1 FROM queue WHERE kind = 3")
        moved = world.registration(msgspec.structs.replace(main, concurrency=(_SHARED,)))
        await _at_once(world, lambda engine: engine.registry.register(moved), _pause_main)
        ((partition, pause),) = world.rows("SELECT partition_id, pause FROM functions")
        assert (partition, pause != "") == (0, True)
        await resume_function(world, "main")
        await world.quiet(limit_s=7_200.0)

    world.run(story())
    assert outcomes(world) == [("main", "COMPLETED", {"s": None})]
    world.close()


def test_a_function_that_moves_brings_what_its_throttle_has_let_in() -> None:
    """Its new owner begins with what the old one has written, not with an unused throttle."""
    throttled = SimulatedFunction(
        name="main",
        program=Program(nodes=(Run(id="a"),)),
        triggers=(Trigger(event="sim/go"),),
        throttle=Throttle(limit=1, period="5m", burst=0),
    )
    world = _world(throttled, nodes=2, partitions=2)

    async def story() -> None:
        await _joined(world)
        for _ in range(3):
            await world.send("sim/go", {"key": "k"})
        await world.until("SELECT 1 FROM runs WHERE status = 1")
        assert world.rows("SELECT partition_id FROM functions") != [(0,)]
        await world.sync(msgspec.structs.replace(throttled, concurrency=(_SHARED,)))
        assert world.rows("SELECT partition_id FROM functions") == [(0,)]
        await world.quiet(limit_s=3_600.0)
        await settle(world)

    world.run(story())
    assert check_finished(world) == []
    world.close()


def test_an_event_is_handled_though_the_wake_up_of_its_owner_was_lost() -> None:
    """Nothing else happens that could make the owner look what there is for it."""
    world = World(
        [function(Run(id="a"))],
        faults=Faults(Random(1), {"wake_lost": 1.0}),
        nodes=2,
        partitions=2,
    )

    async def story() -> None:
        await _joined(world)
        _reach(world, owner=False)
        await world.send("sim/go", {"key": "k"})
        await world.quiet(limit_s=60.0)

    world.run(story())
    assert outcomes(world) == [("main", "COMPLETED", {"a": "a#"})]
    world.close()


async def _alone(world: World, number: int) -> None:
    """Until this server owns everything; the other one comes back after half a minute."""
    world.later(0.0, lambda: world.fleet.crash(1 - number, 30.0))
    await world.until(
        "SELECT count(*) AS free FROM partitions WHERE node_id <> ? HAVING free = 0",
        getattr(world.fleet.servers[number], "node", None),
    )
    world.fleet.reached = number


def test_a_run_that_starts_while_its_function_moves_goes_on() -> None:
    """A call keeps the function from moving; the new run lies where the function is going to."""
    main = function(Run(id="a", takes_s=4.0))
    world = _world(main)

    async def story() -> None:
        await _joined(world)
        await _alone(world, 0)
        await world.send("sim/go", {"key": "k"})
        await world.until("SELECT 1 FROM runs")
        await pause(0.1)
        await world.sync(msgspec.structs.replace(main, concurrency=(_SHARED,)))
        await world.send("sim/go", {"key": "k"})
        await world.quiet(limit_s=25.0)

    world.run(story())
    assert outcomes(world) == [("main", "COMPLETED", {"a": "a#"})] * 2
    world.close()


def test_a_function_that_was_given_away_goes_on_when_it_moves_back() -> None:
    """The server remembered it as one of which nothing is to be begun any more."""
    main = function(Run(id="a"))
    world = _world(main)

    async def story() -> None:
        await _joined(world)
        await _alone(world, 0)
        await world.send("sim/go", {"key": "k"})
        await _joined(world)
        _reach(world, owner=False)
        await world.sync(msgspec.structs.replace(main, concurrency=(_SHARED,)))
        assert world.owns(world.fleet.any(), "sim-main")
        await world.send("sim/go", {"key": "k"})
        await world.quiet(limit_s=25.0)

    world.run(story())
    assert outcomes(world) == [("main", "COMPLETED", {"a": "a#"})] * 2
    world.close()


def test_calls_of_a_function_that_moves_while_its_partition_changes_hands_count() -> None:
    """It moves into a partition that is just being given away, and nothing of it is made twice."""
    main = function(Run(id="a", takes_s=6.0))
    brief = function(
        Run(id="a", takes_s=1.5),
        name="brief",
        concurrency=(_SHARED,),
        triggers=(Trigger(event="sim/brief"),),
    )
    world = _world(main, brief)

    async def story() -> None:
        await _joined(world)
        await _alone(world, 0)
        await pause(29.9 - world.loop.time())
        for name in ("go", "go", "brief"):
            await world.send(f"sim/{name}", {"key": "k"})
        await pause(0.5)
        await world.sync(msgspec.structs.replace(main, concurrency=(_SHARED,)))
        await world.quiet(limit_s=100.0)

    world.run(story())
    calls = Counter(line.partition(" call ")[2] for line in world.trace if " call " in line)
    assert set(calls.values()) == {1}
    world.close()


class _Telling:
    """Commits, and tells others that a start is paid for before who commits knows it."""

    def __init__(self, commit: Callable[..., Awaitable[None]], is_paid: asyncio.Event) -> None:
        self._commit = commit
        self._is_paid = is_paid

    async def __call__(self, owner: Ownership, batch: Sequence[Transition], places: Places) -> None:
        await self._commit(owner, batch, places)
        if any(transition.limits for transition in batch):
            self._is_paid.set()
            await pause(0.001)


def test_a_server_calls_no_app_with_what_it_learns_after_others_took_it_for_dead(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It was suspended while the commit before the call was made, and goes on where it was."""
    is_paid = asyncio.Event()
    throttled = function(Run(id="a"), Run(id="b"), throttle=Throttle(limit=1, period="1s", burst=0))
    world = _world(throttled)

    async def story() -> None:
        await _joined(world)
        owner = next(
            number
            for number, server in world.fleet.servers.items()
            if server is not None and world.owns(server, "sim-main")
        )
        server = world.fleet.servers[owner]
        assert server is not None
        monkeypatch.setattr(server.store, "commit", _Telling(server.store.commit, is_paid))
        await world.send("sim/go", {"key": "k"})
        await is_paid.wait()
        await world.fleet.suspend(owner, 30.0)
        await pause(5.0)
        await world.quiet(limit_s=600.0)

    world.run(story())
    assert outcomes(world) == [("main", "COMPLETED", {"a": "a#", "b": "b#"})]
    calls = Counter(line.partition(" call ")[2] for line in world.trace if " call " in line)
    assert set(calls.values()) == {1}
    world.close()
