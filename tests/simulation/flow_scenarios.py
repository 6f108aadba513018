"""Short stories about limits, merged events, signals, requests and operations."""

from typing import Any

from stepwell.core.pause import NewRuns, RunningRuns
from stepwell.wire.config import (
    Batch,
    ConcurrencyLimit,
    Debounce,
    RateLimit,
    RunConcurrency,
    Singleton,
    SingletonMode,
    Throttle,
    Timeouts,
)
from tests.simulation.key_values import BIG, KEY, SMALL
from tests.simulation.operators import (
    bulk_cancel,
    pause_function,
    replay,
    rerun,
    resume_function,
    send_signal,
)
from tests.simulation.programs import (
    Fetch,
    Infer,
    Invoke,
    Parallel,
    Run,
    Signal,
    Sleep,
    Wait,
)
from tests.simulation.scenarios import Scenario, function
from tests.simulation.virtual_loop import pause
from tests.simulation.world import World

__all__ = ["FLOW_SCENARIOS"]

_A = {"a": "a#"}
# An event is acknowledged before its runs exist if another server decides about its function.
_ENDED = "SELECT count(*) FROM runs WHERE ended_ms > 0 HAVING count(*) >= ?"


async def _go(world: World, *keys: str, **more: Any) -> None:
    for key in keys or ("k",):
        await world.send("sim/go", {"key": key, "n": 1}, **more)


async def _three(world: World) -> None:
    await _go(world, "k", "k", "k")


async def _two_keys(world: World) -> None:
    await _go(world, "k", "k", "other", "other")


async def _repeat_one(world: World) -> None:
    await _go(world, "k", event_id="once")
    await _go(world, "k", event_id="once")
    await _go(world, "k", "other")


async def _out_of_order(world: World) -> None:
    now_ms = world.clock.now_ms()
    await _go(world, ts_ms=now_ms - 1_000)
    await _go(world, ts_ms=now_ms - 500)
    await _go(world, ts_ms=now_ms - 2_000)


async def _five_and_one_apart(world: World) -> None:
    await _three(world)
    await _go(world)
    await _go(world)
    await world.send("sim/go", {"key": "k", "n": 9})


async def _one_while_another_lives(world: World) -> None:
    await _go(world)
    await world.until("SELECT 1 FROM queue WHERE kind = 3")
    await _go(world)
    await world.until("SELECT count(*) FROM runs HAVING count(*) >= 2")


async def _signal_it(world: World) -> None:
    """Send the signal as often as it takes to know that it has arrived."""
    await world.until("SELECT 1 FROM signals")
    while world.rows("SELECT 1 FROM signals"):
        await send_signal(world, "approve/k")
        await pause(0.5)


async def _signal_one(world: World) -> None:
    await _go(world)
    await _signal_it(world)
    assert await send_signal(world, "approve/k") is None


async def _signal_one_of_two(world: World) -> None:
    await _go(world)
    await world.until("SELECT 1 FROM signals")
    await _go(world)
    # The second one fails, or takes the place of the first.
    await world.until(
        "SELECT 1 FROM runs WHERE status = 2 UNION SELECT 1 FROM signals"
        " WHERE run_id = (SELECT max(id) FROM runs HAVING count(*) >= 2)"
    )
    await _signal_it(world)


async def _crash_while_requested(world: World) -> None:
    await _go(world)
    while not world.outside.requests:
        await pause(0.01)
    await world.crash()


async def _pause_and_cancel(world: World) -> None:
    await _go(world)
    await world.until("SELECT 1 FROM queue WHERE kind = 3")
    await pause_function(world, "main", new_runs=NewRuns.SKIP, running=RunningRuns.CANCEL)
    await _go(world)
    await world.until(_ENDED, 2)
    await resume_function(world, "main")
    await _go(world)


async def _pause_and_hold(world: World) -> None:
    await _go(world)
    await world.until("SELECT 1 FROM queue WHERE kind = 3")
    await pause_function(world, "main", new_runs=NewRuns.WAIT, running=RunningRuns.HOLD)
    await _go(world)
    await pause(300.0)
    await resume_function(world, "main")


async def _cancel_some(world: World) -> None:
    await _go(world)
    await world.send("sim/go", {"key": "k", "n": 9})
    await world.send("sim/go", {"key": "k", "n": 8})
    await world.until("SELECT count(*) FROM queue WHERE kind = 3 HAVING count(*) = 3")
    before_ms = world.clock.now_ms() + 1
    await bulk_cancel(world, "main", before_ms=before_ms, condition=BIG)


async def _replay_all(world: World) -> None:
    await _go(world, "k", "other")
    await world.until(_ENDED, 2)
    await replay(world, "main", before_ms=world.clock.now_ms(), rate_per_s=1)


async def _rerun_from_b(world: World) -> None:
    await _go(world)
    await world.until(_ENDED, 1)
    ((run_id,),) = world.rows("SELECT id FROM runs")
    while not world.rows("SELECT 1 FROM runs WHERE origin_run_id <> ''"):
        await rerun(world, run_id, "b")


def _throttled(limit: int, period: str, burst: int = 0) -> Throttle:
    return Throttle(limit=limit, period=period, burst=burst, key=KEY)


_SLOW = Run(id="a", takes_s=2.0)
_NAP = Sleep(id="s", duration="2m")
_NAPPED = {"s": None}
_SIGNALLED = {"s": {"signal": "approve/k", "data": "signal#"}, "a": "a#"}
_WAITS = (Signal(id="s", name="approve", timeout="10m"), Run(id="a"))
_CONFLICT = "Signal conflict; signal wait already exists for another run"
_COLLECTS = Batch(size_max=2, timeout="30s", key=KEY)

FLOW_SCENARIOS = [
    Scenario(
        "starts that are throttled",
        [function(Run(id="a"), throttle=_throttled(1, "10s", 1))],
        _three,
        [("main", "COMPLETED", _A)] * 3,
    ),
    Scenario(
        "a limit on calls for each key",
        [function(_SLOW, concurrency=(ConcurrencyLimit(limit=1, key=KEY),))],
        _two_keys,
        [("main", "COMPLETED", _A)] * 4,
    ),
    Scenario(
        "a limit on unfinished runs",
        [function(_NAP, run_concurrency=RunConcurrency(limit=1, key=KEY))],
        _two_keys,
        [("main", "COMPLETED", _NAPPED)] * 4,
    ),
    Scenario(
        "a rate limit, and an event that is sent twice",
        [function(Run(id="a"), rate_limit=RateLimit(limit=1, period="1h", key=KEY))],
        _repeat_one,
        [("main", "COMPLETED", _A)] * 2,
    ),
    Scenario(
        "an idempotency key",
        [function(Run(id="a"), idempotency=KEY)],
        _two_keys,
        [("main", "COMPLETED", _A)] * 2,
    ),
    Scenario(
        "a debounce, and events that come out of order",
        [function(Run(id="a"), debounce=Debounce(period="1m", key=KEY, timeout="1h"))],
        _out_of_order,
        [("main", "COMPLETED", _A)],
    ),
    Scenario(
        "batches that are full, one that is not, and an event that joins none",
        [
            function(
                Run(id="a"),
                batch=Batch(size_max=2, timeout="30s", key=KEY, condition=SMALL),
            )
        ],
        _five_and_one_apart,
        [("main", "COMPLETED", _A)] * 4,
    ),
    Scenario(
        "a batch of invocations",
        [
            function(
                Parallel(
                    id="all",
                    branches=tuple(
                        (Invoke(id=f"i{number}", function="sim-batch"),) for number in range(3)
                    ),
                )
            ),
            function(Run(id="a"), name="batch", triggers=(), batch=_COLLECTS),
        ],
        _go,
        [
            ("batch", "COMPLETED", _A),
            ("batch", "COMPLETED", _A),
            ("main", "COMPLETED", {"all": [{"i0": _A}, {"i1": _A}, {"i2": _A}]}),
        ],
    ),
    Scenario(
        "a singleton that skips",
        [function(_NAP, singleton=Singleton(key=KEY))],
        _one_while_another_lives,
        [("main", "COMPLETED", _NAPPED), ("main", "SKIPPED", None)],
    ),
    Scenario(
        "a singleton whose older run gives way",
        [function(_NAP, singleton=Singleton(key=KEY, mode=SingletonMode.CANCEL))],
        _one_while_another_lives,
        [("main", "CANCELLED", None), ("main", "COMPLETED", _NAPPED)],
    ),
    Scenario(
        "a run that does not start in time",
        [function(Run(id="a"), throttle=_throttled(1, "10m"), timeouts=Timeouts(start="30s"))],
        lambda world: _go(world, "k", "k"),
        [("main", "CANCELLED", None), ("main", "COMPLETED", _A)],
    ),
    Scenario(
        "a run that does not end in time",
        [function(Run(id="a"), _NAP, timeouts=Timeouts(start="30s", finish="1m"))],
        _go,
        [("main", "CANCELLED", None)],
    ),
    Scenario(
        "a signal",
        [function(*_WAITS)],
        _signal_one,
        [("main", "COMPLETED", _SIGNALLED)],
    ),
    Scenario(
        "a signal that does not come",
        [function(*_WAITS)],
        _go,
        [("main", "COMPLETED", {"s": None, "a": "a#"})],
    ),
    Scenario(
        "a signal that two runs want",
        [function(*_WAITS)],
        _signal_one_of_two,
        [
            ("main", "COMPLETED", _SIGNALLED),
            (
                "main",
                "FAILED",
                {"error": {"error": f"Error: {_CONFLICT}", "name": "Error", "message": _CONFLICT}},
            ),
        ],
    ),
    Scenario(
        "a signal that the second of two runs takes over",
        [function(Signal(id="s", name="approve", timeout="10m", replaces=True), Run(id="a"))],
        _signal_one_of_two,
        [("main", "COMPLETED", {"s": None, "a": "a#"}), ("main", "COMPLETED", _SIGNALLED)],
    ),
    Scenario(
        "requests, some of which fail at first",
        [
            function(
                Parallel(
                    id="both",
                    branches=((Fetch(id="f", fails=1),), (Infer(id="i", fails=1), Run(id="a"))),
                )
            )
        ],
        _go,
        [
            (
                "main",
                "COMPLETED",
                {"both": [{"f": "(fetched)"}, {"i": {"text": "i#"}, "a": "a#"}]},
            )
        ],
    ),
    Scenario(
        "a request that is out when the server dies",
        [function(Infer(id="i", takes_s=5.0), Run(id="a"))],
        _crash_while_requested,
        [("main", "COMPLETED", {"i": {"text": "i#"}, "a": "a#"})],
    ),
    Scenario(
        "steps that are reported while their call goes on",
        [
            function(
                Run(id="a"),
                Run(id="b", fails=1),
                Run(id="c"),
                Sleep(id="s", duration="5s"),
                Run(id="d"),
                Run(id="e"),
                checkpoints=True,
            )
        ],
        _go,
        [
            (
                "main",
                "COMPLETED",
                {"a": "a#", "b": "b#", "c": "c#", "s": None, "d": "d#", "e": "e#"},
            )
        ],
    ),
    Scenario(
        "a function that is paused, its runs cancelled, and that goes on",
        [function(_NAP)],
        _pause_and_cancel,
        [("main", "CANCELLED", None), ("main", "COMPLETED", _NAPPED), ("main", "SKIPPED", None)],
    ),
    Scenario(
        "a function whose runs are held",
        [function(_NAP, Run(id="a"))],
        _pause_and_hold,
        [("main", "COMPLETED", {"s": None, "a": "a#"})] * 2,
    ),
    Scenario(
        "some of many runs are cancelled",
        [function(_NAP)],
        _cancel_some,
        [("main", "CANCELLED", None)] * 2 + [("main", "COMPLETED", _NAPPED)],
    ),
    Scenario(
        "runs that are replayed",
        [function(Run(id="a"))],
        _replay_all,
        [("main", "COMPLETED", _A)] * 4,
    ),
    Scenario(
        "a run that is run again from its second step",
        [function(Run(id="a"), Run(id="b"), Wait(id="w", event="sim/x", timeout="1m"))],
        _rerun_from_b,
        [("main", "COMPLETED", {"a": "a#", "b": "b#", "w": None})] * 2,
    ),
]
