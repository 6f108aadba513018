"""Answers that say two things about one step."""

from typing import Any

import pytest

from stepwell.core.queue import ItemKind
from stepwell.wire.config import EventTrigger
from tests.unit.core.core_world import CoreWorld, function, opcode, step_id

ERROR = opcode("StepError", "a", error={"name": "E", "message": "no"})
OTHER_ERROR = opcode("StepError", "b", error={"name": "E", "message": "no"})
RESULT = opcode("StepRun", "a", data=1)


@pytest.mark.parametrize("ops", [[ERROR, RESULT], [RESULT, OTHER_ERROR]])
def test_a_step_that_has_its_result_is_not_called_for_again(ops: list[dict[str, Any]]) -> None:
    """The attempt is repeated all the same, from the top: something did fail."""
    world = CoreWorld(function("app-f", EventTrigger(event="test/go")))
    (run,) = world.send("test/go")
    world.answer(run, opcode("StepPlanned", "a"))

    world.answer_step(run, "a", *ops)

    assert run.steps == {step_id("a"): b'{"data":1}'}
    item = world.call_of(run)
    assert (item.kind, item.attempt) == (ItemKind.DISCOVER, 1)
    assert item.due_ms > world.now_ms
