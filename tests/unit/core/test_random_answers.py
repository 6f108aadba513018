"""Whatever apps answer, a run keeps its promises."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.core.identity import StepId
from stepwell.core.journal import RunEnded, StepResolved
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.run import OPEN_STEP_KINDS, RunState
from stepwell.core.transition import Transition
from stepwell.wire.config import CancelOn, EventTrigger
from stepwell.wire.response import OpcodesReported, Outcome, SdkReply, read_reply
from tests.unit.core.core_world import SDK_HEADERS, CoreWorld, function, opcode, step_id

FOREIGN = {ItemKind.RESUME, ItemKind.CANCEL}
ERROR = {"name": "E", "message": "m"}

names = st.sampled_from("abcde")
modes = st.sampled_from([{}, {}, {"parallelMode": "race"}])


def _opcode(name: str, op: str, mode: dict[str, Any]) -> dict[str, Any]:
    match op:
        case "StepError" | "StepFailed":
            return opcode(op, name, error=ERROR, opts=mode)
        case "Sleep":
            return opcode(op, name, opts=mode | {"duration": "10s"})
        case "WaitForEvent":
            return opcode(op, name, opts=mode | {"event": "t/answer", "timeout": "1m"})
        case "InvokeFunction":
            target = "app-child" if name < "d" else "app-missing"
            return opcode(op, name, opts=mode | {"function_id": target, "timeout": "2m"})
    return opcode(op, name, data=1, opts=mode)


# Ends are rare, so that most runs live long enough to become complicated.
opcodes = st.builds(
    _opcode,
    names,
    st.sampled_from(
        ["StepRun", "StepPlanned", "StepPlanned", "Sleep", "WaitForEvent", "InvokeFunction"] * 4
        + ["StepError", "StepError", "StepFailed", "None", "DiscoveryRequest", "RunComplete"]
    ),
    modes,
)
versions = st.sampled_from(["2", "2", "1", ""])
answers = st.tuples(st.lists(opcodes, max_size=4), versions)
actions = st.sampled_from(
    ["answer"] * 8 + ["event", "timer", "timer", "resume", "resume", "fail", "return", "cancel"]
)


class SlowWorld(CoreWorld):
    """A world in which the answers to waits are queued until their turn comes."""

    def resume(self) -> None:
        pass

    def take_turns(self) -> None:
        super().resume()

    def absorb(self, transition: Transition, run: RunState | None = None) -> Transition:
        super().absorb(transition, run)
        for item in transition.put:
            if item.kind in FOREIGN:
                if self.runs[item.run_id].is_ended:
                    del self.items[item.id]
                else:
                    self.runs[item.run_id].items[item.id] = item
        return transition


def outcome_of(status: int, body: bytes) -> Outcome:
    return read_reply(SdkReply(status, SDK_HEADERS, body), now_ms=0)


def act(world: SlowWorld, action: str, data: st.DataObject) -> None:
    calls = [i for i in world.items.values() if i.kind.is_call and i.run_id]
    timers = [i for i in world.items.values() if i.kind in {ItemKind.SLEEP, ItemKind.TIMEOUT}]
    match action:
        case "event":
            world.send(data.draw(st.sampled_from(["t/answer", "t/stop"])))
        case "resume":
            world.take_turns()
            world.match()
        case "timer" if timers:
            item = data.draw(st.sampled_from(timers))
            world.fire(world.runs[item.run_id])
        case "cancel" if calls:
            world.cancel(world.runs[calls[0].run_id])
        case "answer" | "return" | "fail" if calls:
            item = data.draw(st.sampled_from(calls))
            if action == "return":
                world.outcome(item, outcome_of(200, b"1"))
            elif action == "fail":
                world.outcome(item, outcome_of(500, b"{}"))
            else:
                world.outcome(item, reported(item, data))


def reported(item: QueueItem, data: st.DataObject) -> Outcome:
    ops, version = data.draw(answers)
    if item.kind is ItemKind.STEP and data.draw(st.booleans()):
        # What a proper SDK answers when it is asked for one step.
        name = next(name for name in "abcde" if step_id(name) == item.step)
        ops = [opcode("StepRun", name, data=1)]
    body = msgspec.json.encode(ops)
    headers = SDK_HEADERS | {"x-inngest-req-version": version}
    outcome = read_reply(SdkReply(206, headers, body), now_ms=0)
    assert isinstance(outcome, OpcodesReported)
    return outcome


def check(world: SlowWorld, run: RunState) -> None:
    loaded = world.restored(run)
    for field in RunState.__slots__:
        assert getattr(loaded, field) == getattr(run, field), field
    entries = world.entries_of(run)
    resolved = [entry.step for entry in entries if isinstance(entry, StepResolved)]
    assert resolved == list(run.steps), "every result is recorded once, in order"
    if run.is_ended:
        assert (run.items, run.waits) == ({}, {})
        assert isinstance(entries[-1], RunEnded)
        return
    moving = [item for item in run.items.values() if item.kind is not ItemKind.RESUME]
    assert moving, "it would never go on"
    open_steps = [item.step for item in run.items.values() if item.kind in OPEN_STEP_KINDS]
    assert len(open_steps) == len(set(open_steps))
    assert not set(open_steps) & set(run.steps)
    waiting = {wait.step for wait in run.waits.values()} - {StepId("")}
    assert waiting <= set(open_steps)
    assert not run.awaited & set(run.steps)


@given(st.data())
@settings(max_examples=100, deadline=None)
def test_runs_keep_their_promises(data: st.DataObject) -> None:
    """No result is recorded twice, no run stands still, none leaves anything behind.

    And what is stored is always all that is known: a loaded run is the same as the live one.
    """
    cancel = (CancelOn(event="t/stop"),)
    world = SlowWorld(
        function("app-f", EventTrigger(event="t/go"), retries=1, cancel=cancel),
        function("app-child", retries=0),
    )
    world.send("t/go")
    for action in data.draw(st.lists(actions, min_size=5, max_size=30)):
        act(world, action, data)
        for run in world.runs.values():
            check(world, run)
