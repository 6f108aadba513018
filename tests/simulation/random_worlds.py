"""Worlds drawn from a seed: random functions, random clients, random faults."""

from functools import partial
from random import Random
from typing import Any

from stepwell.wire.config import CancelOn, CronTrigger
from tests.simulation.authors import Author
from tests.simulation.checkers import check_now
from tests.simulation.disturbances import disturb, settle
from tests.simulation.drawn_worlds import drawn_world, lived_through
from tests.simulation.faults import Faults
from tests.simulation.programs import Program, Run, SimulatedFunction, Trigger
from tests.simulation.virtual_loop import pause
from tests.simulation.world import World

__all__ = ["live_and_check", "random_world"]

_KEYS = ["k1", "k2", "k3"]
_HORIZON_S = 1_200.0
_SETTLED_WITHIN_S = 40 * 86_400.0

_TRIGGERS = [
    Trigger(event="sim/go"),
    Trigger(event="sim/go", expression="event.data.n > 5", matches=lambda e: e["data"]["n"] > 5),
    Trigger(
        event="sim/go",
        expression="event.data.key == 'k1'",
        matches=lambda e: bool(e["data"]["key"] == "k1"),
    ),
    # A missing field fails the comparison, which must not hinder the other functions.
    Trigger(event="sim/go", expression="event.data.missing.deeper > 1", matches=lambda _e: False),
    Trigger(
        event="sim/*", expression="event.data.n == 1", matches=lambda e: e["data"].get("n") == 1
    ),
]


_MORE = (Trigger(event="sim/go.more"),)


def _functions(random: Random) -> list[SimulatedFunction]:
    functions: list[SimulatedFunction] = []
    callees = ["sim-unknown"]
    for number in range(random.randint(2, 5)):
        name = f"f{number}"
        retries = random.choice([20, 20, 20, 3])
        # Only functions written before are called, and what listens to the events of others neither
        # calls nor sends any, so that no two of them start each other for ever.
        is_more = random.random() < 0.2
        author = Author(
            random,
            [] if is_more or random.random() < 0.5 else list(callees),
            ["sim/signal"] if is_more else ["sim/signal", "sim/go.more"],
        )
        program = author.program(retries=retries)
        is_called = random.random() < 0.4
        cancel: tuple[CancelOn, ...] = ()
        if random.random() < 0.3:
            condition = random.choice([None, "event.data.key == async.data.key"])
            cancel = (CancelOn(event="sim/cancel", condition=condition),)
        functions.append(
            SimulatedFunction(
                name=name,
                program=program,
                triggers=() if is_called else (random.choice(_TRIGGERS), *_MORE[:is_more]),
                cancel=cancel,
                retries=retries,
                version=random.choice([1, 2, 2]),
            )
        )
        callees.append(functions[-1].slug)
        if random.random() < 0.3:
            handler = Program(nodes=(Run(id="handled"),))
            functions.append(
                SimulatedFunction(name=f"{name}-failure", program=handler, on_failure_of=name)
            )
    if random.random() < 0.3:
        cron = CronTrigger(cron="*/5 * * * *", jitter=random.choice([None, "90s"]))
        functions.append(
            SimulatedFunction(name="tick", program=Program(nodes=(Run(id="t"),)), crons=(cron,))
        )
    return functions


def random_world(seed: int, *, of_many: bool = False) -> World:
    """Everything about this world, whether it has one server or many, follows from the seed."""
    random = Random(seed)
    functions = _functions(random)
    faults = Faults.of_a_swarm(Random(random.getrandbits(64)))
    return drawn_world(random, functions, seed=seed, of_many=of_many, faults=faults)


async def _story(world: World) -> None:
    random = Random(world.random.getrandbits(64))
    for _ in range(random.randint(1, 8)):
        data: dict[str, Any] = {"n": random.randint(0, 10), "key": random.choice(_KEYS)}
        event_id = random.choice(["", "", "same", f"id-{random.randint(0, 3)}"])
        ts_ms = world.clock.now_ms() + random.choice([0, 0, 0, 700_000])
        world.later(
            random.random() * _HORIZON_S * 0.6,
            partial(world.send, "sim/go", data, event_id=event_id, ts_ms=ts_ms),
        )
    for _ in range(random.randint(0, 6)):
        name = random.choice(["sim/signal", "sim/signal", "sim/cancel"])
        data = {"key": random.choice(_KEYS)}
        world.later(random.random() * _HORIZON_S, partial(world.send, name, data))
    if random.random() < 0.3:
        world.later(random.random() * _HORIZON_S, lambda: _cancel_one(world, random))
    if random.random() < 0.2:
        world.later(random.random() * _HORIZON_S, world.stop)
    if not world.fleet.is_one:
        disturb(world, random, _HORIZON_S)
    while world.loop.time() < _HORIZON_S:
        await pause(100.0)
        problems = check_now(world)
        assert not problems, problems
    world.faults.stop()
    await world.fleet.calm()
    await world.quiet(limit_s=_SETTLED_WITHIN_S, step_s=30.0)
    await settle(world)


async def _cancel_one(world: World, random: Random) -> None:
    live = world.rows("SELECT id FROM runs WHERE status IN (0, 5) ORDER BY id")
    if live:
        await world.cancel_run(random.choice(live)[0])


def live_and_check(seed: int, *, of_many: bool = False) -> World:
    """Live through a world; fails if it breaks a promise. The caller closes it."""
    return lived_through(random_world(seed, of_many=of_many), _story)
