"""Short stories, one per thing that a function can do, and how each has to end."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec

from stepwell.core.status import RunStatus
from stepwell.wire.config import CancelOn, CronTrigger
from tests.simulation.annotators import describe, trace_span
from tests.simulation.programs import (
    Invoke,
    Parallel,
    Program,
    Run,
    SimulatedFunction,
    Sleep,
    SleepUntil,
    Trigger,
    Wait,
)
from tests.simulation.virtual_loop import pause
from tests.simulation.world import BASE_MS, World

__all__ = ["SCENARIOS", "Outcome", "Scenario", "function", "outcomes"]

#: Function, status, and output without what makes values unique.
Outcome = tuple[str, str, Any]

_GO = (Trigger(event="sim/go"),)
_RAISED = "raised"


class Scenario(msgspec.Struct, frozen=True):
    """A world in which only one thing happens.

    Attributes:
        ends: The outcomes of all runs, in alphabetical order of the functions.
    """

    name: str
    functions: list[SimulatedFunction]
    story: Callable[[World], Awaitable[Any]]
    ends: list[Outcome]


def outcomes(world: World) -> list[Outcome]:
    """How all runs of a world have ended."""
    found: list[Outcome] = []
    for name, status, body in world.rows(
        "SELECT f.name, r.status, j.body FROM runs r JOIN functions f ON f.id = r.function_id"
        " LEFT JOIN journal j ON j.run_id = r.id AND j.seq = r.ended_seq ORDER BY f.name, r.id"
    ):
        output = msgspec.json.decode(body or b"{}").get("output")
        text = re.sub(r"#\d+", "#", msgspec.json.encode(output).decode())
        output = _without_fetched(msgspec.json.decode(text))
        if isinstance(output, dict):
            # An event has an id of its own in each world.
            is_event = {key for key, value in output.items() if _is_event(value)}
            output |= dict.fromkeys(is_event, "(event)")
        found.append((name, RunStatus(status).name, output))
    return found


def _without_fetched(value: Any) -> Any:
    """What was fetched tells when and by which run."""
    if isinstance(value, list):
        return [_without_fetched(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "status_code" in value:
        return "(fetched)"
    return {key: _without_fetched(each) for key, each in value.items()}


def _is_event(value: Any) -> bool:
    return isinstance(value, dict) and value.keys() >= {"data", "id", "name", "ts"}


async def _go(world: World) -> None:
    await world.send("sim/go", {"key": "k", "n": 1})


def function(*nodes: Any, name: str = "main", **more: Any) -> SimulatedFunction:
    """A function that listens to `sim/go` and is retried three times, unless `more` says else."""
    options: dict[str, Any] = {"program": Program(nodes=nodes), "triggers": _GO, "retries": 3}
    return SimulatedFunction(name=name, **(options | more))


def _error(name: str, message: str) -> dict[str, str]:
    return {"name": name, "message": message, "stack": "at line 2"}


async def _signal_when_waiting(world: World) -> None:
    await _go(world)
    await world.until("SELECT 1 FROM waits WHERE kind = 0")
    await world.send("sim/signal", {"key": "other"})
    await world.send("sim/signal", {"key": "k"})


async def _cancel_when_asleep(world: World) -> None:
    await _go(world)
    await world.until("SELECT 1 FROM queue WHERE kind = 3")
    await world.send("sim/cancel", {"key": "other"})
    await world.send("sim/cancel", {"key": "k"})


async def _delete_when_asleep(world: World) -> None:
    await _go(world)
    await world.until("SELECT 1 FROM queue WHERE kind = 3")
    ((run_id,),) = world.rows("SELECT id FROM runs")
    await world.cancel_run(run_id)


async def _half_an_hour_of_ticks(world: World) -> None:
    await pause(400.0)
    await world.crash(down_s=700.0)
    while world.loop.time() < 1_530.0:
        await pause(10.0)
    # Whatever the world waits for after that, there are no more ticks.
    await world.sync(msgspec.structs.replace(world.app.functions["sim-tick"], crons=()))
    await world.until("SELECT 1 WHERE NOT EXISTS (SELECT 1 FROM queue)")


async def _send_in_advance(world: World) -> None:
    await world.send("sim/go", {"key": "k", "n": 1}, ts_ms=BASE_MS + 600_000)
    await world.until("SELECT 1 FROM runs WHERE started_ms > 0")
    assert world.clock.now_ms() >= BASE_MS + 600_000


async def _send_the_same_twice(world: World) -> None:
    await world.send("sim/go", {"key": "k", "n": 1}, event_id="once")
    await world.send("sim/go", {"key": "k", "n": 1}, event_id="once")
    await world.send("sim/other.thing", {"key": "k", "n": 9})


async def _tell_more(world: World) -> None:
    """While the run sleeps, by many at the same time, and after its end."""
    await _go(world)
    await world.until("SELECT 1 FROM queue WHERE kind = 3")
    ((run_id,),) = world.rows("SELECT id FROM runs")
    async with asyncio.TaskGroup() as clients:
        for number in range(5):
            clients.create_task(describe(world, run_id, f"k{number}", number))
            clients.create_task(trace_span(world, run_id, number, "begun"))
    await describe(world, run_id, "k0", "changed")
    await trace_span(world, run_id, 0, "ended")
    await world.until("SELECT 1 FROM runs WHERE ended_ms > 0")
    await describe(world, run_id, "score", 0.5)
    await trace_span(world, run_id, 9, "late")


_PARALLEL = Parallel(
    id="all",
    branches=((Run(id="a"),), (Run(id="b", fails=1), Run(id="c")), (Sleep(id="s", duration="5s"),)),
)
_PARALLEL_RESULT = {"all": [{"a": "a#"}, {"b": "b#", "c": "c#"}, {"s": None}], "end": "end#"}
_RACE = Parallel(
    id="race", race=True, branches=((Sleep(id="s", duration="1m"),), (Run(id="a"), Run(id="b")))
)

SCENARIOS = [
    Scenario(
        "steps one after the other",
        [function(Run(id="a"), Run(id="b", sends="sim/noticed"), Run(id="c"))],
        _go,
        [("main", "COMPLETED", {"a": "a#", "b": "b#", "c": "c#"})],
    ),
    Scenario(
        "steps and function that fail at first",
        [
            function(
                program=Program(nodes=(Run(id="a", fails=2), Run(id="b")), throws=1),
            )
        ],
        _go,
        [("main", "COMPLETED", {"a": "a#", "b": "b#"})],
    ),
    Scenario(
        "a failure that is caught",
        [function(Run(id="a", fails=Run.FOR_EVER, caught=True), Run(id="b"))],
        _go,
        [("main", "COMPLETED", {"a": {"caught": "a raised"}, "b": "b#"})],
    ),
    Scenario(
        "a failure and its handler",
        [
            function(Run(id="a"), Run(id="b", fails=Run.FOR_EVER, no_retry=True)),
            function(Run(id="h"), name="main-failure", triggers=(), on_failure_of="main"),
        ],
        _go,
        [
            ("main", "FAILED", _error("StepRaised", "b raised")),
            ("main-failure", "COMPLETED", {"h": "h#"}),
        ],
    ),
    Scenario(
        "parallel steps",
        [function(_PARALLEL, Run(id="end"))],
        _go,
        [("main", "COMPLETED", _PARALLEL_RESULT)],
    ),
    Scenario(
        "parallel steps of an older SDK",
        [function(_PARALLEL, Run(id="end"), version=1)],
        _go,
        [("main", "COMPLETED", _PARALLEL_RESULT)],
    ),
    Scenario(
        "a race",
        [function(_RACE, Run(id="end"))],
        _go,
        [
            (
                "main",
                "COMPLETED",
                {"race": {"winner": 1, "values": {"a": "a#", "b": "b#"}}, "end": "end#"},
            )
        ],
    ),
    Scenario(
        "sleeps",
        [function(Sleep(id="s", duration="1h"), SleepUntil(id="u", after_s=7200), Run(id="a"))],
        _go,
        [("main", "COMPLETED", {"s": None, "u": None, "a": "a#"})],
    ),
    Scenario(
        "metadata and spans",
        [function(Run(id="a"), Sleep(id="s", duration="10m"), Run(id="b"))],
        _tell_more,
        [("main", "COMPLETED", {"a": "a#", "s": None, "b": "b#"})],
    ),
    Scenario(
        "a wait that is satisfied",
        [function(Wait(id="w", event="sim/signal", timeout="10m"), Run(id="a"), name="waits")],
        _signal_when_waiting,
        [("waits", "COMPLETED", {"w": "(event)", "a": "a#"})],
    ),
    Scenario(
        "a wait that times out",
        [function(Wait(id="w", event="sim/signal", timeout="10m"), Run(id="a"))],
        _go,
        [("main", "COMPLETED", {"w": None, "a": "a#"})],
    ),
    Scenario(
        "invocations",
        [
            function(
                Invoke(id="good", function="sim-good"),
                Invoke(id="bad", function="sim-bad"),
                Invoke(id="slow", function="sim-slow", timeout="1m"),
                Invoke(id="none", function="sim-none"),
            ),
            function(Run(id="a"), name="good", triggers=()),
            function(
                name="bad", triggers=(), program=Program(nodes=(), throws=1_000, no_retry=True)
            ),
            function(Sleep(id="s", duration="1h"), name="slow", triggers=()),
        ],
        _go,
        [
            ("bad", "FAILED", _error("Error", "bad threw")),
            ("good", "COMPLETED", {"a": "a#"}),
            (
                "main",
                "COMPLETED",
                {
                    "good": {"a": "a#"},
                    "bad": {"caught": "bad threw"},
                    "slow": {"caught": "Timed out waiting for invoked function to complete"},
                    "none": {"caught": "could not find function with ID: sim-none"},
                },
            ),
            ("slow", "COMPLETED", {"s": None}),
        ],
    ),
    Scenario(
        "a run cancelled by an event",
        [
            function(
                Run(id="a"),
                Sleep(id="s", duration="1h"),
                cancel=(
                    CancelOn(event="sim/cancel", condition="event.data.key == async.data.key"),
                ),
            )
        ],
        _cancel_when_asleep,
        [("main", "CANCELLED", None)],
    ),
    Scenario(
        "a run cancelled by a person, and who invoked it",
        [
            function(Sleep(id="s", duration="1h"), name="child"),
            function(
                Run(id="h"),
                name="listener",
                triggers=(Trigger(event="inngest/function.cancelled"),),
            ),
        ],
        _delete_when_asleep,
        [("child", "CANCELLED", None), ("listener", "COMPLETED", {"h": "h#"})],
    ),
    Scenario(
        "ticks, some of them missed while the server was down",
        [
            function(
                Run(id="a"),
                name="tick",
                triggers=(),
                crons=(CronTrigger(cron="*/5 * * * *"), CronTrigger(cron="*/10 * * * *")),
            )
        ],
        _half_an_hour_of_ticks,
        [("tick", "COMPLETED", {"a": "a#"})] * 5,
    ),
    Scenario(
        "an event from the future",
        [function(Run(id="a"))],
        _send_in_advance,
        [("main", "COMPLETED", {"a": "a#"})],
    ),
    Scenario(
        "triggers of all kinds, and an event that is sent twice",
        [
            function(
                Run(id="a"),
                name="broken-trigger",
                triggers=(
                    Trigger(
                        event="sim/go",
                        expression="event.data.no.such > 1",
                        matches=lambda _e: False,
                    ),
                ),
            ),
            function(Run(id="a"), name="exact"),
            function(
                Run(id="a"),
                name="filtered",
                triggers=(
                    Trigger(
                        event="sim/*",
                        expression="event.data.n > 5",
                        matches=lambda event: event["data"].get("n", 0) > 5,
                    ),
                ),
            ),
            function(Run(id="a"), name="wildcard", triggers=(Trigger(event="sim/other.*"),)),
        ],
        _send_the_same_twice,
        [
            ("exact", "COMPLETED", {"a": "a#"}),
            ("filtered", "COMPLETED", {"a": "a#"}),
            ("wildcard", "COMPLETED", {"a": "a#"}),
        ],
    ),
]
