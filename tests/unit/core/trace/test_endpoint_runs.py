"""Runs that an endpoint of the app drives itself, and reports."""

from stepwell.core.run import RunState
from stepwell.core.trace.classic import classic_tree
from stepwell.core.trace.current import current_tree
from stepwell.core.trace.history import RunHistory, run_history
from tests.unit.core.core_world import CoreWorld, opcode
from tests.unit.core.test_endpoint import begun, complete, report
from tests.unit.core.trace.trace_world import drawn, traced


def known(world: CoreWorld, run: RunState) -> RunHistory:
    entries = world.entries_of(run)
    return run_history(traced(run, entries), entries, items=run.items.values())


def both(world: CoreWorld, run: RunState) -> tuple[list[str], list[str]]:
    classic = classic_tree(known(world, run))
    assert classic is not None
    return drawn(classic), drawn(current_tree(known(world, run)))


def test_its_steps_are_shown_as_they_are_reported() -> None:
    world, run = begun(opcode("StepRun", "a", data=1))
    world.now_ms += 5
    report(world, run, opcode("StepRun", "b", data=2))
    classic, current = both(world, run)

    assert classic == ["a COMPLETED RUN 0 *", "b COMPLETED RUN 0 *", "Queued step QUEUED - 0"]
    assert current == ["a COMPLETED RUN 0 *", "b COMPLETED RUN 0 *"]


def test_its_result_has_no_finalization() -> None:
    world, run = begun(opcode("StepRun", "a", data=1))
    world.now_ms += 5
    report(world, run, complete())
    classic, current = both(world, run)

    assert classic == ["a COMPLETED RUN 0 *", "function success COMPLETED - 0 *"]
    assert current == ["a COMPLETED RUN 0 *", "executor.nonstep COMPLETED - 0 *"]


def test_what_it_leaves_to_the_server_goes_on_as_in_any_run() -> None:
    world, run = begun(opcode("StepRun", "a", data=1))
    world.now_ms += 5
    report(world, run, opcode("StepError", "b", error={"name": "E", "message": "m"}))
    world.now_ms += 60_000
    world.answer(run, opcode("StepRun", "b", data=2))
    classic, current = both(world, run)

    assert classic == [
        "a COMPLETED RUN 0 *",
        "b COMPLETED RUN 1 *",
        "  Attempt 0 FAILED RUN 0 *",
        "  Attempt 1 COMPLETED RUN 1 *",
        "Queued step QUEUED - 0",
    ]
    assert current == ["a COMPLETED RUN 0 *", "b FAILED RUN 0 *", "b COMPLETED RUN 1 *"]
