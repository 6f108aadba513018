"""Runs that are run again, on core alone."""

from typing import Any

import msgspec

from stepwell.core.call import call_body
from stepwell.core.identity import RunId
from stepwell.core.journal import (
    decode_entry,
    encode_entry,
)
from stepwell.core.rerun import (
    PastRun,
    RerunPlan,
    RerunRefused,
    StepChoice,
    plan_rerun,
    start_rerun,
)
from stepwell.core.run import RunState
from stepwell.core.singleton import NO_SEAT, Seat
from stepwell.core.status import RunStatus
from stepwell.core.transition import Transition
from stepwell.wire.config import (
    EventTrigger,
)
from tests.unit.core.core_world import CoreWorld, function, opcode

GO = EventTrigger(event="test/go")
ERROR = {"name": "E", "message": "m"}
ID = RunId("01HZZZZZZZZZZZZZZZZZZZZZZZ")


def started(data: Any = None, **options: Any) -> tuple[CoreWorld, RunState]:
    world = CoreWorld(function("app-f", GO, **options))
    (run,) = world.send("test/go", data)
    return world, run


def past_of(world: CoreWorld, run: RunState) -> PastRun:
    """The run as a store gives it."""
    events = {event.id: event for event in world.events}
    ids = run.new.event_ids or (run.new.event_id,)
    journal = [decode_entry(encode_entry(entry)) for entry in world.entries_of(run)]
    return PastRun(run.new, [events[event_id] for event_id in ids], journal)


def planned(
    world: CoreWorld, run: RunState, choice: StepChoice | None = None, language: str = "js"
) -> RerunPlan | RerunRefused:
    today = world.functions.get(run.new.function_id)
    return plan_rerun(past_of(world, run), today, choice, sdk_language=language)


def rerun(
    world: CoreWorld, run: RunState, choice: StepChoice | None = None, seat: Seat = NO_SEAT
) -> RunState:
    plan = planned(world, run, choice)
    assert isinstance(plan, RerunPlan), plan
    transition = Transition()
    run_id = start_rerun(transition, plan, seat=seat, at=world.moment())
    world.absorb(transition)
    again = world.runs[run_id]
    assert_restores(world, again)
    return again


def assert_restores(world: CoreWorld, run: RunState) -> None:
    restored = world.restored(run)
    for name in ("steps", "inputs", "items", "next_seq", "state_bytes", "status", "version"):
        assert getattr(restored, name) == getattr(run, name), name
    assert list(restored.steps) == list(run.steps)


def sent(world: CoreWorld, run: RunState) -> dict[str, Any]:
    """The body of the run's call."""
    today = world.functions.get(run.new.function_id)
    assert today is not None
    body: dict[str, Any] = msgspec.json.decode(
        call_body(run, today, world.call_of(run), request_id="r")
    )
    return body


def ran(name: str, data: Any = 1, **more: Any) -> dict[str, Any]:
    return opcode("StepRun", name, data=data, **more)


def sleeps(name: str) -> dict[str, Any]:
    return opcode("Sleep", name, opts={"duration": "10s"}) | {"name": "10s"}


def finished_three_steps() -> tuple[CoreWorld, RunState]:
    world, run = started()
    for name in ("a", "b", "c"):
        world.answer(run, ran(name, name))
        world.now_ms += 1000
    world.reply(run, 200, b'"done"')
    assert run.status is RunStatus.COMPLETED
    return world, run
