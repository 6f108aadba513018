"""When things happen, to the millisecond of a virtual clock."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from stepwell.core.retry import RetryPolicy
from stepwell.wire.config import CronTrigger
from tests.simulation.checkers import check_finished
from tests.simulation.programs import (
    Invoke,
    Node,
    Program,
    Run,
    SimulatedFunction,
    Sleep,
    SleepUntil,
    Trigger,
    Wait,
)
from tests.simulation.scenarios import outcomes
from tests.simulation.virtual_loop import pause
from tests.simulation.world import BASE_MS, World

# What network and database take in a world without faults, and what rounding may add.
_SOON_MS = 50

_TABLE_S = [15, 30, 60, 120, 300, 600, 1_200, 2_400, 3_600, 7_200, 7_200, 7_200]


def _function(*nodes: Node, **more: Any) -> SimulatedFunction:
    options: dict[str, Any] = {"triggers": (Trigger(event="sim/go"),), "retries": 12}
    return SimulatedFunction(name="main", program=Program(nodes=nodes), **(options | more))


async def _go(world: World) -> None:
    await world.send("sim/go", {"key": "k"})


def _calls_ms(
    function: SimulatedFunction,
    story: Callable[[World], Awaitable[None]] = _go,
    *,
    callees: tuple[SimulatedFunction, ...] = (),
    **more: Any,
) -> list[int]:
    """When the function was called, in ms since the first call."""
    world = World([function, *callees], **more)

    async def told() -> None:
        await story(world)
        await world.quiet(limit_s=400 * 86_400.0, step_s=600.0)

    world.run(told())
    assert check_finished(world) == []
    times = [call.at_ms for call in world.app.calls if call.function == function.name]
    world.close()
    return [at_ms - times[0] for at_ms in times]


def _between(before_s: float, at_ms: int, after_ms: int = _SOON_MS) -> bool:
    return before_s * 1_000 <= at_ms <= before_s * 1_000 + after_ms


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [("1s", 1), ("90s", 90), ("1h30m", 5_400), ("7d", 604_800), ("30d", 2_592_000)],
)
def test_a_sleep_ends_when_it_should(duration: str, seconds: int) -> None:
    _, after = _calls_ms(_function(Sleep(id="s", duration=duration)))

    assert _between(seconds, after)


def test_a_sleep_goes_on_while_the_server_is_down() -> None:
    async def story(world: World) -> None:
        await _go(world)
        await pause(100.0)
        await world.crash(down_s=1_000.0)

    _, after = _calls_ms(_function(Sleep(id="s", duration="1h")), story)

    assert _between(3_600, after)


def test_a_sleep_that_ended_while_the_server_was_down_ends_when_it_is_up() -> None:
    async def story(world: World) -> None:
        await _go(world)
        await pause(100.0)
        await world.crash(down_s=5_000.0)

    _, after = _calls_ms(_function(Sleep(id="s", duration="1h")), story)

    assert _between(5_100, after, 1_000)


def test_sleeping_until_a_time_in_the_past_takes_no_time() -> None:
    _, after = _calls_ms(_function(SleepUntil(id="u", after_s=-3_600)))

    assert _between(0, after)


def test_sleeping_until_a_time_ends_at_it_to_the_second() -> None:
    _, after = _calls_ms(_function(SleepUntil(id="u", after_s=3_600)))

    assert 3_599_000 <= after <= 3_601_000


def test_a_wait_times_out_when_it_should() -> None:
    _, after = _calls_ms(_function(Wait(id="w", event="sim/signal", timeout="10m")))

    assert _between(600, after)


def test_a_satisfied_wait_does_not_last_until_its_timeout() -> None:
    async def story(world: World) -> None:
        await _go(world)
        await pause(100.0)
        await world.send("sim/signal", {"key": "k"})

    _, after = _calls_ms(_function(Wait(id="w", event="sim/signal", timeout="10m")), story)

    assert _between(100, after, 100)


def test_an_event_that_was_accepted_in_time_satisfies_a_wait_that_expired_meanwhile() -> None:
    """The server was down when the wait expired; the event had been acknowledged before."""
    world = World([_function(Wait(id="w", event="sim/signal", timeout="10m"))])

    async def story() -> None:
        await _go(world)
        await world.until("SELECT 1 FROM waits")
        # Killed at the commit after the one of the event, so nobody has looked for waits yet.
        await pause(500.0)
        commits = world.commits
        world._is_crash = lambda commit, moment: (commit, moment) == (commits + 1, "after")
        world.down_s = 300.0
        world.later(0.0, lambda: world.send("sim/signal", {"key": "k"}))
        await world.quiet(limit_s=86_400.0)

    world.run(story())
    assert check_finished(world) == []
    assert outcomes(world) == [("main", "COMPLETED", {"w": "(event)"})]
    assert world.crashes == 1
    world.close()


def test_an_invocation_times_out_when_it_should() -> None:
    callee = SimulatedFunction(name="slow", program=Program(nodes=(Sleep(id="s", duration="1h"),)))

    _, after = _calls_ms(
        _function(Invoke(id="i", function="sim-slow", timeout="5m")), callees=(callee,)
    )

    assert _between(300, after)


def test_failed_attempts_are_repeated_after_growing_delays() -> None:
    """Each delay is the documented one and up to thirty seconds of jitter."""
    times = _calls_ms(_function(Run(id="a", fails=12)))

    delays_ms = [later - earlier for earlier, later in pairwise(times)]
    for delay_ms, expected_s in zip(delays_ms, _TABLE_S, strict=False):
        assert expected_s * 1_000 <= delay_ms <= (expected_s + 30) * 1_000 + _SOON_MS
    # And the call after the step's result, at once.
    assert delays_ms[len(_TABLE_S)] <= _SOON_MS
    assert len({delay_ms - delay_ms // 1_000 * 1_000 for delay_ms in delays_ms}) > 3


def test_an_app_may_say_when_to_try_again() -> None:
    times = _calls_ms(_function(Run(id="a", fails=2, retry_after_s=7)))

    assert _between(7, times[1])
    assert _between(14, times[2], 2 * _SOON_MS)


def test_a_fixed_retry_interval_has_no_jitter() -> None:
    times = _calls_ms(_function(Run(id="a", fails=3)), retries=RetryPolicy(interval_ms=1_000))

    assert [round(at_ms, -2) for at_ms in times] == [0, 1_000, 2_000, 3_000, 3_000]


def test_an_event_with_a_future_time_starts_its_run_then() -> None:
    world = World([_function(Run(id="a"))])

    async def story() -> None:
        await world.send("sim/go", {"key": "k"}, ts_ms=BASE_MS + 3_600_000)
        await world.quiet(limit_s=86_400.0)

    world.run(story())
    ((queued_ms, scheduled_ms, started_ms),) = world.rows(
        "SELECT queued_ms, scheduled_ms, started_ms FROM runs"
    )
    world.close()
    assert queued_ms < BASE_MS + 5_000
    assert scheduled_ms == BASE_MS + 3_600_000
    assert _between(3_600, started_ms - BASE_MS)


def _ticks(
    cron: CronTrigger, *, base: datetime, hours: float, down: tuple[float, float] = (0, 0)
) -> list[tuple[str, str]]:
    """Ticks and when their runs were created, both as UTC text; down from and for so long, in h."""
    function = SimulatedFunction(name="tick", program=Program(nodes=(Run(id="a"),)), crons=(cron,))
    world = World([function], base_ms=int(base.timestamp() * 1_000))

    async def story() -> None:
        if down[1]:
            await pause(down[0] * 3_600)
            await world.crash(down_s=down[1] * 3_600)
        while world.loop.time() < hours * 3_600:
            await pause(60.0)
        await world.quiet(limit_s=3_600.0)

    world.run(story())
    assert check_finished(world) == []
    rows = world.rows(
        "SELECT e.external_id, r.queued_ms FROM runs r JOIN events e ON e.id = r.event_id"
        " ORDER BY r.queued_ms, e.external_id"
    )
    world.close()
    return [
        (tick, f"{datetime.fromtimestamp(at_ms // 1_000, UTC):%Y-%m-%dT%H:%M:%SZ}")
        for tick, at_ms in rows
    ]


_BEFORE_SPRING = datetime(2026, 3, 28, 12, 0, tzinfo=UTC)
_BEFORE_AUTUMN = datetime(2026, 10, 24, 12, 0, tzinfo=UTC)


def test_a_tick_is_on_time() -> None:
    ticks = _ticks(CronTrigger(cron="*/20 * * * *"), base=_BEFORE_SPRING, hours=1.1)

    assert [tick for tick, _ in ticks] == [
        "2026-03-28T12:20:00Z",
        "2026-03-28T12:40:00Z",
        "2026-03-28T13:00:00Z",
    ]
    assert all(tick == at for tick, at in ticks)


def test_jitter_delays_a_tick_within_its_bounds() -> None:
    ticks = _ticks(CronTrigger(cron="*/20 * * * *", jitter="2m"), base=_BEFORE_SPRING, hours=4)

    delays_s = [
        (datetime.fromisoformat(at) - datetime.fromisoformat(tick)).total_seconds()
        for tick, at in ticks
    ]
    assert len(delays_s) >= 11
    assert all(1 <= delay_s <= 120 for delay_s in delays_s)
    assert len(set(delays_s)) > 5


@pytest.mark.parametrize("down", [(0.0, 0.0), (12.5, 2.0)], ids=["up", "down over the change"])
def test_a_tick_in_the_hour_that_is_skipped_does_not_happen(down: tuple[float, float]) -> None:
    """In Berlin 02:30 does not exist on 29 March 2026; the next day's is the next tick."""
    ticks = _ticks(
        CronTrigger(cron="TZ=Europe/Berlin 30 2 * * *"), base=_BEFORE_SPRING, hours=48, down=down
    )

    assert [tick for tick, _ in ticks] == ["2026-03-30T00:30:00Z"]


@pytest.mark.parametrize("down", [(0.0, 0.0), (12.2, 2.0)], ids=["up", "down over the change"])
def test_a_tick_in_the_hour_that_comes_twice_happens_twice(down: tuple[float, float]) -> None:
    """In Berlin 02:30 comes at 00:30 and at 01:30 UTC on 25 October 2026."""
    ticks = _ticks(
        CronTrigger(cron="TZ=Europe/Berlin 30 2 * * *"), base=_BEFORE_AUTUMN, hours=24, down=down
    )

    assert [tick for tick, _ in ticks] == ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]


def test_missed_ticks_are_made_up_for_when_the_server_is_back() -> None:
    ticks = _ticks(CronTrigger(cron="0 * * * *"), base=_BEFORE_SPRING, hours=7, down=(2.5, 3.2))

    assert [tick[11:16] for tick, _ in ticks] == [
        "13:00", "14:00", "15:00", "16:00", "17:00", "18:00", "19:00",
    ]  # fmt: skip
    assert [at[11:16] for _, at in ticks] == [
        "13:00", "14:00", "17:42", "17:42", "17:42", "18:00", "19:00",
    ]  # fmt: skip
