"""The official TypeScript SDK, unmodified, in a process of its own."""

import pytest

from tests.compat.harness import App, Run
from tests.compat.scenarios import (
    FailureScenarios,
    StepScenarios,
    TriggerScenarios,
    WaitScenarios,
)

# The first test of a session may have to install the SDK.
pytestmark = pytest.mark.timeout(420)


@pytest.fixture
def app(typescript_app: App) -> App:
    return typescript_app


class TestSteps(StepScenarios):
    # The SDK goes on in the same call and reports results with checkpoints.
    chain_calls = 1
    parallel_calls = 5
    returns_are_decoded = False

    def test_parallelism_without_coalescing_runs_each_body_once(self, app: App) -> None:
        """`optimizeParallelism: false` speaks request version 1 and is called more often."""
        run = app.completed("parallel.unoptimized")

        assert run.output == {"squares": [1, 4, 9], "total": 14}
        bodies = app.bodies_of(run.id)
        assert sorted(bodies[:3]) == ["square 1", "square 2", "square 3"]
        assert bodies[3:] == ["total"]
        assert len(app.calls_of(run.id, "handler")) > 6

    def test_parallel_branches_of_several_steps_run_each_body_once(self, app: App) -> None:
        run = app.completed("parallel.branches")

        assert run.output == ["left 1, left 2", "right 1, right 2"]
        assert sorted(app.bodies_of(run.id)) == ["left 1", "left 2", "right 1", "right 2"]

    def test_promise_race_is_won_by_the_step_that_finished_first(self, app: App) -> None:
        """Without race mode the function learns of the winner when all of the group is done."""
        run = app.completed("promise.race")

        assert run.output == "quick won"
        assert app.bodies_of(run.id) == ["quick", "after"]
        assert self._ms_from_quick_to_after(app, run) >= 2_000

    def test_a_race_group_goes_on_before_its_slow_member_is_done(self, app: App) -> None:
        """The slow member sleeps for 5 s. The run itself ends with it: this SDK keeps reporting the
        unfinished sleep instead of returning."""
        run = app.completed("group.race")

        assert run.output == "quick won"
        assert app.bodies_of(run.id) == ["quick", "after"]
        assert self._ms_from_quick_to_after(app, run) <= 3_000

    def _ms_from_quick_to_after(self, app: App, run: Run) -> int:
        quick, after = app.calls_of(run.id)
        ms: int = after["at_ms"] - quick["at_ms"]
        return ms


class TestFailures(FailureScenarios):
    step_error_name = "TypeError"

    def test_the_cause_of_a_step_error_reaches_the_function(self, app: App) -> None:
        assert app.completed("step.error.caught").output["cause"] == "warehouse on fire"

    def test_a_non_retriable_error_inside_a_step_can_be_caught(self, app: App) -> None:
        run = app.completed("non.retriable.step")

        assert run.output == "caught card stolen"
        assert app.bodies_of(run.id) == ["body"]


class TestWaiting(WaitScenarios):
    def test_the_condition_of_a_wait_is_checked(self, app: App) -> None:
        event_id = app.server.send(app.event("wait.if"), {"order": "o-2"})
        app.server.wait_until_parked(event_id, "pause")
        app.server.send(app.event("paid"), {"order": "o-2", "total": 5})
        (waiting,) = app.server.runs_of(event_id)
        assert waiting.status == "Running"

        app.server.send(app.event("paid"), {"order": "o-2", "total": 10})

        (run,) = app.server.ended_runs(event_id)
        assert run.output == {"order": "o-2", "total": 10}

    def test_invoke_returns_what_the_other_function_returned(self, app: App) -> None:
        answer = {"event": "inngest/function.invoked", "data": {"question": "why?"}}

        output = app.completed("invoke", {"question": "why?"}).output

        assert output == {"answer": answer, "nothing": None}


class TestTriggers(TriggerScenarios):
    pass


class TestAcrossSdks:
    """Functions of different apps, written with different SDKs, on one server."""

    def test_typescript_invokes_python(self, typescript_app: App, python_app: App) -> None:
        run = typescript_app.completed("invoke.other.app", {"app": python_app.id})

        assert run.output == {
            "event": "inngest/function.invoked",
            "data": {"from": "typescript"},
        }

    def test_python_invokes_typescript(self, typescript_app: App, python_app: App) -> None:
        run = python_app.completed("invoke.other.app", {"app": typescript_app.id})

        assert run.output == {"event": "inngest/function.invoked", "data": {"from": "python"}}
