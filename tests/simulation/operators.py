"""What people do with functions and runs, as the APIs do it for them."""

from typing import Any

import msgspec

from stepwell.core.app import App
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, OperationId, RunId
from stepwell.core.operation import Operation, OperationKind
from stepwell.core.pause import NewRuns, RunningRuns
from stepwell.core.pausing import ControlRefusal
from stepwell.core.rerun import RerunRefused, StepChoice
from stepwell.core.status import RunStatus
from stepwell.engine.control import Control, Controlled
from stepwell.engine.engine import Engine
from stepwell.engine.reruns import Rerun
from stepwell.wire.errors import OperationalError
from tests.simulation.bounds import Standstill
from tests.simulation.programs import APP
from tests.simulation.virtual_loop import pause
from tests.simulation.world import Disconnected, SentSignal, World

__all__ = [
    "bulk_cancel",
    "drain_for",
    "pause_function",
    "replay",
    "rerun",
    "resume_function",
    "send_signal",
]


async def send_signal(world: World, name: str) -> str | None:
    """Send a signal once; returns the run whose step has it, as far as the client knows."""
    value = f"signal#{len(world.signals)}"
    sent = SentSignal(name, value, world.clock.now_ms())
    world.signals.append(sent)

    async def post(engine: Engine) -> RunId | None:
        data = msgspec.json.encode(value)
        return await engine.send_signal(DEFAULT_ENVIRONMENT_ID, name, data)

    try:
        sent.run_id = await world.request(post)
    except (Disconnected, OperationalError):
        return None
    sent.answered_ms = world.clock.now_ms()
    world.note(f"signal {name} {sent.run_id}")
    return sent.run_id


async def pause_function(
    world: World, name: str, *, new_runs: NewRuns, running: RunningRuns
) -> None:
    """Let a function stand still."""

    async def post(engine: Engine) -> Controlled | ControlRefusal:
        control = Control(engine.registry)
        return await control.pause_function(f"{APP}-{name}", new_runs=new_runs, running=running)

    world.paused.add(name)
    told = await world.insist(post)
    assert isinstance(told, Controlled)
    world.bounds.standstills.append(Standstill(name, running, world.clock.now_ms()))


async def drain_for(world: World, seconds: float) -> None:
    """Drain the app, and let it go on after a while; functions that were paused stay so."""

    async def drain(engine: Engine) -> App | ControlRefusal:
        return await Control(engine.registry).drain_app(APP)

    async def resume(engine: Engine) -> App | ControlRefusal:
        return await Control(engine.registry).resume_app(APP)

    world.paused |= {function.name for function in world.app.functions.values()}
    assert isinstance(await world.insist(drain), App)
    await pause(seconds)
    assert isinstance(await world.insist(resume), App)


async def resume_function(world: World, name: str) -> None:
    """Let it go on."""
    for still in world.bounds.standstills:
        if still.function == name and not still.until_ms:
            still.until_ms = world.clock.now_ms()

    async def post(engine: Engine) -> Controlled | ControlRefusal:
        return await Control(engine.registry).resume_function(f"{APP}-{name}")

    while not isinstance(await world.insist(post), Controlled):
        # Its app is drained.
        await pause(1.0)


async def bulk_cancel(
    world: World, name: str, *, after_ms: int = 0, before_ms: int, condition: str = ""
) -> str:
    """Cancel the function's runs that were queued in a time; returns the operation."""
    return await _operate(
        world,
        name,
        kind=OperationKind.CANCEL,
        started_after_ms=after_ms,
        started_before_ms=before_ms,
        condition=condition,
        cause="bulk",
    )


async def replay(
    world: World,
    name: str,
    *,
    after_ms: int = 0,
    before_ms: int,
    statuses: tuple[RunStatus, ...] = (),
    rate_per_s: int = 0,
) -> str:
    """Run the function's runs of a time again; returns the operation."""
    return await _operate(
        world,
        name,
        kind=OperationKind.REPLAY,
        started_after_ms=after_ms,
        started_before_ms=before_ms,
        statuses=statuses,
        rate_per_s=rate_per_s,
    )


async def rerun(world: World, run_id: str, step: str = "") -> str | None:
    """Run a run again, from a step if it is named; returns the new run."""
    choice = StepChoice(step) if step else None

    async def post(engine: Engine) -> Rerun | RerunRefused | None:
        return await engine.rerun(RunId(run_id), choice)

    try:
        told = await world.request(post)
    except (Disconnected, OperationalError):
        return None
    if not isinstance(told, Rerun):
        return None
    world.reruns[told.run_id] = told.origin_run_id
    return told.run_id


async def _operate(world: World, name: str, **what: Any) -> str:
    operation_id = OperationId(world.ulid())

    async def post(engine: Engine) -> None:
        function = engine.registry.function(f"{APP}-{name}")
        assert function is not None
        operation = Operation(
            operation_id,
            environment_id=function.environment_id,
            app_id=function.app_id,
            function_id=function.id,
            created_ms=world.clock.now_ms(),
            **what,
        )
        assert await engine.create_operation(operation)

    while not world.rows("SELECT 1 FROM operations WHERE id = ?", operation_id):
        try:
            await world.request(post)
        except (Disconnected, OperationalError):
            await pause(0.5 + world.random.random())
    return operation_id
