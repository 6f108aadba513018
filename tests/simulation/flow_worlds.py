"""Worlds drawn from a seed whose functions declare everything that a function can declare."""

from collections.abc import Awaitable, Callable
from functools import partial
from random import Random
from typing import Any

from stepwell.core.pause import NewRuns, RunningRuns
from stepwell.core.retry import RetryPolicy
from stepwell.core.status import RunStatus
from stepwell.engine.limits import LimitSettings
from stepwell.wire.config import (
    Batch,
    CancelOn,
    ConcurrencyLimit,
    ConcurrencyScope,
    Debounce,
    RateLimit,
    RunConcurrency,
    Singleton,
    SingletonMode,
    Throttle,
    Timeouts,
)
from stepwell.wire.durations import duration_ms
from tests.simulation.authors import Author
from tests.simulation.checkers import check_now
from tests.simulation.disturbances import disturb, settle
from tests.simulation.drawn_worlds import drawn_world, lived_through
from tests.simulation.faults import Faults
from tests.simulation.key_values import BIG, KEY, NONSENSE, NUMBER, SMALL
from tests.simulation.operators import (
    bulk_cancel,
    drain_for,
    pause_function,
    replay,
    rerun,
    resume_function,
    send_signal,
)
from tests.simulation.programs import (
    Run,
    Signal,
    SimulatedFunction,
    Sleep,
    SleepUntil,
    Trigger,
    Wait,
    nodes_of,
)
from tests.simulation.virtual_loop import pause
from tests.simulation.world import World

__all__ = ["flow_world", "live_and_check"]

_KEYS = ["k1", "k2", "k3"]
_HORIZON_S = 600.0
_RETRIES = RetryPolicy(interval_ms=5_000)
_RETRY_S = 10.0

_TRIGGERS = [
    Trigger(event="sim/go"),
    Trigger(event="sim/go"),
    Trigger(event="sim/go", expression=BIG, matches=lambda event: event["data"]["n"] > 5),
]


# Functions.


def _concurrency(random: Random) -> tuple[ConcurrencyLimit, ...]:
    limits = [
        ConcurrencyLimit(limit=random.randint(1, 3)),
        ConcurrencyLimit(limit=random.randint(1, 2), key=random.choice([KEY, NONSENSE])),
        ConcurrencyLimit(limit=random.randint(1, 3), key=KEY, scope=ConcurrencyScope.ENVIRONMENT),
        ConcurrencyLimit(limit=random.randint(1, 3), key=NUMBER, scope=ConcurrencyScope.ACCOUNT),
    ]
    return tuple(random.sample(limits, random.choice([1, 1, 2])))


def _throttle(random: Random) -> Throttle:
    return Throttle(
        limit=random.randint(1, 3),
        period=random.choice(["1s", "10s", "60s", "5m"]),
        burst=random.randint(0, 2),
        key=random.choice([None, KEY, NONSENSE]),
    )


def _rate_limit(random: Random) -> RateLimit:
    return RateLimit(
        limit=random.choice([1, 1, 2, 7, 20]),
        period=random.choice(["10s", "60s", "10m"]),
        key=random.choice([None, KEY, BIG, NONSENSE]),
    )


def _debounce(random: Random) -> Debounce:
    return Debounce(
        period=random.choice(["1s", "10s", "60s"]),
        key=random.choice([None, KEY]),
        timeout=random.choice([None, "30s", "120s"]),
    )


def _batch(random: Random) -> Batch:
    return Batch(
        size_max=random.randint(2, 5),
        timeout=random.choice(["1s", "10s", "60s"]),
        key=random.choice([None, KEY]),
        condition=random.choice([None, None, SMALL]),
    )


def _singleton(random: Random) -> Singleton:
    return Singleton(
        mode=random.choice(list(SingletonMode)), key=random.choice([None, KEY, BIG, NONSENSE])
    )


def _timeouts(random: Random) -> Timeouts:
    return Timeouts(
        start=random.choice([None, "5s", "60s", "10m"]),
        finish=random.choice([None, "10s", "2m", "20m"]),
    )


def _options(random: Random) -> dict[str, Any]:
    """Some options that go together."""
    writers: dict[str, Callable[[Random], Any]] = {
        "concurrency": _concurrency,
        "run_concurrency": lambda r: RunConcurrency(
            limit=r.randint(1, 2), key=r.choice([None, KEY])
        ),
        "throttle": _throttle,
        "rate_limit": _rate_limit,
        "idempotency": lambda r: r.choice([KEY, NUMBER]),
        "timeouts": _timeouts,
        "checkpoints": lambda _r: True,
    }
    if random.random() < 0.25:
        writers["batch"] = _batch
    else:
        writers |= {
            "debounce": _debounce,
            "priority": lambda r: r.choice(["event.data.n * 100.0", KEY, "-5000"]),
            "singleton": _singleton,
            "cancel": lambda _r: (CancelOn(event="sim/cancel"),),
        }
    chosen = random.sample(sorted(writers), random.randint(1, 4))
    if "batch" in writers and "batch" not in chosen:
        chosen.append("batch")
    return {name: writers[name](random) for name in chosen}


def _functions(random: Random) -> list[SimulatedFunction]:
    functions: list[SimulatedFunction] = []
    for number in range(random.randint(1, 4)):
        name = f"f{number}"
        retries = random.choice([20, 20, 3])
        callees = [each.slug for each in functions] if random.random() < 0.6 else []
        author = Author(random, callees, ["sim/signal"], asks=name)
        functions.append(
            SimulatedFunction(
                name=name,
                program=author.program(retries=retries),
                triggers=() if random.random() < 0.2 else (random.choice(_TRIGGERS),),
                retries=retries,
                version=random.choice([1, 2, 2]),
                **_options(random),
            )
        )
    return functions


def flow_world(seed: int, *, of_many: bool = False) -> World:
    """Everything about this world, whether it has one server or many, follows from the seed."""
    random = Random(seed)
    functions = _functions(random)
    faults = Faults.of_a_swarm(Random(random.getrandbits(64)))
    if random.random() < 0.2:
        faults.stop()
    limits = LimitSettings(
        account=random.choice([None, None, 4]), app_default=random.choice([None, None, 3])
    )
    return drawn_world(
        random,
        functions,
        seed=seed,
        of_many=of_many,
        faults=faults,
        retries=_RETRIES,
        limits=limits,
    )


# What happens.


async def _story(world: World) -> None:
    random = Random(world.random.getrandbits(64))
    _plan_events(world, random)
    for _ in range(random.randint(0, 5)):
        if random.random() < 0.5:
            _plan_signals(world, random)
        else:
            world.later(random.random() * _HORIZON_S, _deed(world, random))
    if not world.fleet.is_one:
        disturb(world, random, _HORIZON_S)
    while world.loop.time() < _HORIZON_S:
        await pause(100.0)
        problems = check_now(world)
        assert not problems, problems
    world.faults.stop()
    await world.fleet.calm()
    await world.quiet(limit_s=2 * _HORIZON_S, step_s=10.0, only_clients=True)
    for name in sorted(world.paused):
        await resume_function(world, name)
    await world.quiet(limit_s=longest_s(world), step_s=10.0)
    await settle(world)


def _plan_events(world: World, random: Random) -> None:
    """Events one by one and in bursts."""
    for _ in range(random.randint(1, 8)):
        at_s = random.random() * _HORIZON_S * 0.7
        for _ in range(random.choice([1, 1, 2, 6])):
            data: dict[str, Any] = {"n": random.randint(0, 10)}
            if random.random() < 0.85:
                data["key"] = random.choice(_KEYS)
            event_id = random.choice(["", "", "", "same", f"id-{random.randint(0, 3)}"])
            offset_ms = random.choice([0, 0, 0, -5_000, 3_000, 200_000])
            ts_ms = world.clock.now_ms() + int(at_s * 1000) + offset_ms
            at_s += random.choice([0.0, 0.0, 0.3, 4.0])
            send = partial(world.send, "sim/go", data, event_id=event_id, ts_ms=ts_ms)
            world.later(at_s, send)
    for _ in range(random.randint(0, 3)):
        name = random.choice(["sim/signal", "sim/cancel"])
        world.later(random.random() * _HORIZON_S, partial(world.send, name, {"key": "k1"}))


def _plan_signals(world: World, random: Random) -> None:
    at_s = random.random() * _HORIZON_S
    for _ in range(random.choice([1, 3, 10])):
        name = f"{random.choice(['approve', 'ready'])}/{random.choice([*_KEYS, 'none'])}"
        world.later(at_s, partial(send_signal, world, name))
        at_s += random.choice([0.0, 1.0, 20.0])


def _deed(world: World, random: Random) -> Callable[[], Awaitable[Any]]:
    name = random.choice([function.name for function in world.app.functions.values()])
    deeds: list[Callable[[World, str, Random], Awaitable[Any]]] = [
        _pause_for_a_while,
        _cancel_many,
        _replay_many,
        _rerun_one,
        _cancel_one,
        lambda world, _name, _random: world.stop(),
        lambda world, _name, random: drain_for(world, random.random() * 200),
    ]
    return partial(random.choice(deeds), world, name, random)


async def _pause_for_a_while(world: World, name: str, random: Random) -> None:
    await pause_function(
        world,
        name,
        new_runs=random.choice(list(NewRuns)),
        running=random.choice(list(RunningRuns)),
    )
    await pause(random.random() * 200)
    await resume_function(world, name)


async def _cancel_many(world: World, name: str, random: Random) -> None:
    now_ms = world.clock.now_ms()
    after_ms = random.choice([0, now_ms - 100_000])
    condition = random.choice(["", BIG])
    await bulk_cancel(world, name, after_ms=after_ms, before_ms=now_ms, condition=condition)


async def _replay_many(world: World, name: str, random: Random) -> None:
    now_ms = world.clock.now_ms()
    statuses = random.choice([(), (RunStatus.COMPLETED,), (RunStatus.FAILED, RunStatus.SKIPPED)])
    after_ms = random.choice([0, now_ms - 100_000])
    rate_per_s = random.choice([0, 1, 30])
    await replay(
        world,
        name,
        after_ms=after_ms,
        before_ms=now_ms,
        statuses=statuses,
        rate_per_s=rate_per_s,
    )


async def _rerun_one(world: World, _name: str, random: Random) -> None:
    runs = world.rows("SELECT id FROM runs ORDER BY id")
    if not runs:
        return
    run_id = random.choice(runs)[0]
    steps = [
        step.id
        for name, run in world.rows(
            "SELECT f.name, r.id FROM runs r JOIN functions f ON f.id = r.function_id"
        )
        if run == run_id
        for step in nodes_of(_function(world, name).program.nodes).values()
    ]
    await rerun(world, run_id, random.choice(["", *steps]))


async def _cancel_one(world: World, _name: str, random: Random) -> None:
    live = world.rows("SELECT id FROM runs WHERE status IN (0, 5) ORDER BY id")
    if live:
        await world.cancel_run(random.choice(live)[0])


def _function(world: World, name: str) -> SimulatedFunction:
    return next(each for each in world.app.functions.values() if each.name == name)


# How long it may take.


def longest_s(world: World) -> float:
    """A bound for all that is left: as if all runs there are and may be went one by one.

    Replays, reruns and batches start no more runs than there have been events, each a few times.
    """
    functions = world.app.functions.values()
    events: int = world.rows("SELECT count(*) FROM events")[0][0]
    each_s = sum(map(_longest_run_s, functions))
    return 3_600.0 + events * 4 * each_s


def _longest_run_s(function: SimulatedFunction) -> float:
    total_s = 60.0
    for step in nodes_of(function.program.nodes).values():
        match step:
            case Sleep(duration=duration):
                total_s += duration_ms(duration) / 1000
            case SleepUntil(after_s=after_s):
                total_s += after_s + 300
            case Wait(timeout=timeout) | Signal(timeout=timeout):
                total_s += duration_ms(timeout) / 1000
            case Run():
                total_s += function.attempts_max * (step.takes_s + _RETRY_S)
            case _:
                total_s += function.attempts_max * _RETRY_S + 600
    if function.throttle is not None:
        total_s += function.throttle.period_ms / 1000 / function.throttle.limit
    if function.debounce is not None:
        total_s += function.debounce.period_ms / 1000
    return total_s


def live_and_check(seed: int, *, of_many: bool = False) -> World:
    """Live through a world; fails if it breaks a promise. The caller closes it."""
    return lived_through(flow_world(seed, of_many=of_many), _story)
