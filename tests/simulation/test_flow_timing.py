"""When limits let something happen, to the millisecond of a virtual clock, and what never waits."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from fractions import Fraction
from functools import partial
from random import Random
from typing import Any

import msgspec
import pytest

from stepwell.wire.config import (
    Batch,
    ConcurrencyLimit,
    Debounce,
    RunConcurrency,
    Throttle,
    Timeouts,
)
from tests.simulation.checkers import check_finished
from tests.simulation.flow_models import LeakyBucket
from tests.simulation.key_values import KEY
from tests.simulation.programs import Run, SimulatedFunction, Sleep
from tests.simulation.scenarios import function
from tests.simulation.virtual_loop import pause
from tests.simulation.world import World

# What network and database take in a world without faults.
_SOON_MS = 50

_A = Run(id="a")


def _lived(functions: list[SimulatedFunction], story: Callable[[World], Awaitable[Any]]) -> World:
    """A world without faults, to its end; the caller closes it."""
    world = World(functions)

    async def told() -> None:
        await story(world)
        await world.quiet(limit_s=100_000.0)

    world.run(told())
    assert check_finished(world) == []
    return world


def _first_calls_ms(world: World) -> dict[str, int]:
    """When each run was called first."""
    first: dict[str, int] = {}
    for call in world.app.calls:
        first.setdefault(call.run_id, call.at_ms)
    return first


def _send_at(world: World, at_s: float, key: str, n: int = 1, **more: Any) -> None:
    world.later(at_s, partial(world.send, "sim/go", {"key": key, "n": n}, **more))


@pytest.mark.parametrize("seed", range(12))
def test_a_throttled_run_starts_as_soon_as_it_may(seed: int) -> None:
    """Neither earlier nor later than the definition says, for each key on its own."""
    random = Random(seed)
    limit, burst = random.randint(1, 4), random.randint(0, 3)
    period_s = random.choice([1, 7, 60])
    throttle = Throttle(limit=limit, period=f"{period_s}s", burst=burst, key=KEY)

    async def story(world: World) -> None:
        for _ in range(30):
            _send_at(world, random.random() * period_s * 12, random.choice("ab"))

    world = _lived([function(_A, throttle=throttle)], story)
    first = _first_calls_ms(world)
    arrivals: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for run_id, queued_ms, payload in world.rows(
        "SELECT r.id, queued_ms, payload FROM runs r JOIN events e ON e.id = r.event_id"
    ):
        key = msgspec.json.decode(payload)["data"]["key"]
        arrivals[key].append((queued_ms, run_id))
    world.close()
    for queued in arrivals.values():
        queued.sort()
        bucket = LeakyBucket.of_throttle(limit, period_s * 1_000, burst)
        started = sorted(first[run_id] for _, run_id in queued)
        for (queued_ms, _), started_ms in zip(queued, started, strict=True):
            expected_ms = bucket.fits_from_ms(Fraction(queued_ms))
            bucket.put(expected_ms)
            assert expected_ms <= started_ms <= expected_ms + _SOON_MS


def test_a_debounce_ends_a_period_after_the_last_event() -> None:
    async def story(world: World) -> None:
        for at_s in (0.0, 4.0, 8.0, 12.0):
            _send_at(world, at_s, "a")
        for at_s in (100.0, 108.0, 116.0, 124.0):
            _send_at(world, at_s, "a")

    debounce = Debounce(period="10s", timeout="25s")
    world = _lived([function(_A, debounce=debounce)], story)
    times = sorted(_first_calls_ms(world).values())
    opened = [row[0] for row in world.rows("SELECT received_ms FROM events WHERE name = 'sim/go'")]
    world.close()
    assert 22_000 <= times[0] - opened[0] <= 22_000 + _SOON_MS
    assert 25_000 <= times[1] - opened[4] <= 25_000 + _SOON_MS


def test_a_batch_runs_when_it_is_full_or_its_time_is_up() -> None:
    async def story(world: World) -> None:
        for at_s in (0.0, 5.0, 10.0, 15.0):
            _send_at(world, at_s, "a")

    world = _lived([function(_A, batch=Batch(size_max=3, timeout="20s"))], story)
    full_ms, late_ms = sorted(_first_calls_ms(world).values())
    times = [row[0] for row in world.rows("SELECT received_ms FROM events WHERE name = 'sim/go'")]
    world.close()
    assert times[2] <= full_ms <= times[2] + _SOON_MS
    assert times[3] + 20_000 <= late_ms <= times[3] + 20_000 + _SOON_MS


def test_timeouts_are_exact() -> None:
    async def story(world: World) -> None:
        await world.send("sim/go", {"key": "a", "n": 1})
        await world.send("sim/go", {"key": "a", "n": 1})

    nap = Sleep(id="s", duration="1h")
    limited = RunConcurrency(limit=1)
    timeouts = Timeouts(start="30s", finish="1m")
    world = _lived([function(nap, run_concurrency=limited, timeouts=timeouts)], story)
    rows = world.rows("SELECT queued_ms, started_ms, ended_ms FROM runs ORDER BY queued_ms")
    world.close()
    (_, started_ms, finished_ms), (queued_ms, never, given_up_ms) = rows
    assert 60_000 <= finished_ms - started_ms <= 60_000 + _SOON_MS
    assert never == 0
    assert 30_000 <= given_up_ms - queued_ms <= 30_000 + _SOON_MS


@pytest.mark.parametrize(
    "options",
    [
        {"concurrency": (ConcurrencyLimit(limit=1, key=KEY),)},
        {"run_concurrency": RunConcurrency(limit=1, key=KEY)},
        {"throttle": Throttle(limit=1, period="1h", key=KEY)},
    ],
)
def test_a_key_that_is_held_up_holds_up_no_other(options: dict[str, Any]) -> None:
    """However much waits for it, and however long."""

    async def story(world: World) -> None:
        for _ in range(20):
            await world.send("sim/go", {"key": "stuck", "n": 1})
        for number in range(10):
            await world.send("sim/go", {"key": f"k{number}", "n": 1})

    world = _lived([function(Run(id="a", stuck_with="stuck"), **options)], story)
    acknowledged_ms = max(event.acknowledged_ms for event in world.acknowledged)
    ended = world.rows(
        "SELECT ended_ms FROM runs r JOIN events e ON e.id = r.event_id"
        " WHERE instr(payload, '\"stuck\"') = 0"
    )
    world.close()
    assert len(ended) == 10
    assert max(ended_ms for (ended_ms,) in ended) <= acknowledged_ms + 5 * _SOON_MS


def test_those_who_wait_go_by_priority_and_then_by_age() -> None:
    async def story(world: World) -> None:
        for number in (0, 1, 9, 5, 9, 5):
            await world.send("sim/go", {"key": "a", "n": number})

    busy = function(
        Run(id="a", takes_s=60.0),
        run_concurrency=RunConcurrency(limit=1),
        priority="event.data.n",
    )
    world = _lived([busy], story)
    first = _first_calls_ms(world)
    numbers = {
        run_id: msgspec.json.decode(payload)["data"]["n"]
        for run_id, payload in world.rows(
            "SELECT r.id, payload FROM runs r JOIN events e ON e.id = r.event_id"
        )
    }
    world.close()
    order = sorted(first, key=lambda run_id: first[run_id])
    assert [numbers[run_id] for run_id in order] == [0, 9, 9, 5, 5, 1]
    nines = [run_id for run_id in order if numbers[run_id] == 9]
    assert nines == sorted(nines)


def test_a_limit_is_used_up_and_a_raised_one_at_once() -> None:
    """Room is never left empty while something waits, and a sync that makes room is heeded."""
    slow = Run(id="a", takes_s=60.0)
    bucket = ("fn", "main", "", "")
    most: list[int] = []

    async def story(world: World) -> None:
        for _ in range(12):
            await world.send("sim/go", {"key": "a", "n": 1})
        await pause(1.0)
        most.append(world.bounds.most[bucket])
        await world.sync(function(slow, concurrency=(ConcurrencyLimit(limit=5),)))
        await pause(1.0)
        most.append(world.bounds.most[bucket])

    world = _lived([function(slow, concurrency=(ConcurrencyLimit(limit=2),))], story)
    world.close()
    assert most == [2, 5]
