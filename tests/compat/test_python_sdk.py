"""The official Python SDK, unmodified, in a process of its own."""

import pytest

from tests.compat.harness import App
from tests.compat.scenarios import (
    FailureScenarios,
    StepScenarios,
    TriggerScenarios,
    WaitScenarios,
)


@pytest.fixture
def app(python_app: App) -> App:
    return python_app


class TestSteps(StepScenarios):
    def test_a_synchronous_function_runs_like_an_asynchronous_one(self, app: App) -> None:
        run = app.completed("chain.sync")

        assert run.output == [1, 2]
        assert app.bodies_of(run.id) == ["body 1", "body 2"]

    def test_a_synchronous_function_may_run_steps_in_parallel(self, app: App) -> None:
        run = app.completed("parallel.sync")

        assert run.output == ["left", "right", "after"]
        bodies = app.bodies_of(run.id)
        assert sorted(bodies[:2]) == ["left", "right"]
        assert bodies[2:] == ["after"]

    def test_branches_in_race_mode_go_on_independently(self, app: App) -> None:
        run = app.completed("parallel.race")

        assert run.output == ["left 1, left 2", "right 1, right 2"]
        assert sorted(app.bodies_of(run.id)) == ["left 1", "left 2", "right 1", "right 2"]


class TestFailures(FailureScenarios):
    step_error_name = "ValueError"

    def test_a_synchronous_function_can_catch_a_failed_step(self, app: App) -> None:
        run = app.completed("step.error.caught.sync")

        assert run.output == "ValueError: out of stock"
        assert app.bodies_of(run.id) == ["broken"]

    def test_a_non_retriable_error_inside_a_step_fails_the_run(self, app: App) -> None:
        """This SDK reports it as an error of the function, which cannot catch it."""
        run = app.run("non.retriable.step")

        assert run.status == "Failed"
        assert run.output["message"] == "card stolen"
        assert app.bodies_of(run.id) == ["body"]


class TestWaiting(WaitScenarios):
    def test_a_numeric_condition_of_a_wait_is_checked(self, app: App) -> None:
        event_id = app.server.send(app.event("wait.match"), {"order": "o-2"})
        app.server.wait_until_parked(event_id, "pause")
        app.server.send(app.event("paid"), {"order": "o-2", "total": 5})
        (waiting,) = app.server.runs_of(event_id)
        assert waiting.status == "Running"

        app.server.send(app.event("paid"), {"order": "o-2", "total": 10})

        (run,) = app.server.ended_runs(event_id)
        assert run.output["data"] == {"order": "o-2", "total": 10}

    def test_invoke_returns_what_the_other_function_returned(self, app: App) -> None:
        assert app.completed("invoke", {"question": "why?"}).output == {
            "event": "inngest/function.invoked",
            "data": {"question": "why?"},
        }

    def test_a_synchronous_function_can_invoke(self, app: App) -> None:
        assert app.completed("invoke.sync").output == {
            "event": "inngest/function.invoked",
            "data": {"from": "sync"},
        }


class TestTriggers(TriggerScenarios):
    def test_the_jitter_of_a_cron_trigger_is_kept(self, app: App) -> None:
        (cron,) = app.server.functions(app.id)[f"{app.id}-cron"]["triggers"]

        assert cron["jitter"] == "30s"
