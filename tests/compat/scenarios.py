"""What must hold for every official SDK: the same promises, asked of equivalent apps.

The test modules of the single SDKs inherit these classes and provide the fixture `app`.
"""

from typing import Any

import pytest

from tests.compat.harness import App, wait_until

MIB = 1024 * 1024

VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    -7,
    2**53 - 1,
    0.1,
    1e-7,
    "",
    "plain text",
    'zwölf ☃ \U0001f600 \u2028 \x00 \\ "',
    "[1, 2]",
    [],
    [1, [2, [3]], None],
    {},
    {"data": {"data": 1}, "error": None},
    {"nested": {"list": [{"a": 1}], "null": None}, "ключ": "значение"},
]


class StepScenarios:
    """Steps that run code, one after the other and side by side."""

    #: One call per step, and one more in which the function returns.
    chain_calls = 4
    #: Plan, three planned steps, one discovery that runs `total`, one that returns.
    parallel_calls = 6
    #: Whether a text that a function returns is shown as the JSON it holds.
    returns_are_decoded = True

    def test_a_chain_of_steps_runs_each_body_once_and_hands_on_the_results(self, app: App) -> None:
        run = app.completed("chain", {"order": "7"})

        third = {"total": 11, "text": "zwölf ☃", "nothing": None}
        assert run.output == {"steps": [1, 11, third], "event": {"order": "7"}}
        assert app.bodies_of(run.id) == ["first", "second", "third"]
        assert len(app.calls_of(run.id, "handler")) == self.chain_calls

    def test_fifty_steps_in_a_row_each_run_once(self, app: App) -> None:
        run = app.completed("many.steps")

        assert run.output == sum(range(50))
        assert len(app.calls_of(run.id, "body")) == 50

    def test_a_step_id_used_three_times_names_three_steps(self, app: App) -> None:
        run = app.completed("repeated.ids")

        assert run.output == [0, 1, 2]
        assert app.bodies_of(run.id) == ["body 0", "body 1", "body 2"]

    def test_parallel_steps_each_run_once_and_are_followed_by_one_discovery(self, app: App) -> None:
        run = app.completed("parallel")

        assert run.output == {"squares": [1, 4, 9], "total": 14}
        bodies = app.bodies_of(run.id)
        assert sorted(bodies[:3]) == ["square 1", "square 2", "square 3"]
        assert bodies[3:] == ["total"]
        assert len(app.calls_of(run.id, "handler")) == self.parallel_calls

    def test_a_parallel_group_may_mix_every_kind_of_step(self, app: App) -> None:
        run = app.completed("parallel.mixed")

        invoked = {"event": "inngest/function.invoked", "data": {"n": 1}}
        assert run.output == {"group": ["body", None, None, invoked], "after": "after"}
        assert app.bodies_of(run.id) == ["body", "after"]

    def test_an_output_of_one_mebibyte_is_handed_back_whole(self, app: App) -> None:
        assert app.completed("large.output").output == {"length": MIB}

    def test_state_above_the_request_limit_is_fetched_by_the_sdk(self, app: App) -> None:
        """From the fifth MiB on the request carries no steps and the SDK asks the API for them."""
        run = app.completed("large.state")

        assert run.output == {
            "lengths": [MIB] * 6,
            "starts": "012345",
            "events": [app.event("large.state")],
        }
        assert app.bodies_of(run.id) == [f"body {index}" for index in range(6)]

    def test_events_sent_by_a_step_start_their_functions_once(self, app: App) -> None:
        run = app.completed("send.events")

        assert len(run.output) == 2
        received = [app.server.ended_runs(event_id)[0] for event_id in run.output]
        assert [child.output for child in received] == [0, 1]
        assert {child.status for child in received} == {"Completed"}

    @pytest.mark.parametrize("value", VALUES, ids=repr)
    def test_a_returned_value_is_the_output_of_the_run(self, app: App, value: Any) -> None:
        assert app.completed("returns", {"value": value}).output == value

    @pytest.mark.parametrize("value", VALUES, ids=repr)
    def test_a_step_result_survives_the_way_through_the_server(self, app: App, value: Any) -> None:
        assert app.completed("returns.step", {"value": value}).output == {"value": value}

    def test_text_that_holds_a_json_object_is_memoised_as_text(self, app: App) -> None:
        """An SDK that answers with 200 may encode twice, so its output is shown as the object."""
        text = '{"looks": "like JSON"}'

        assert app.completed("returns.step", {"value": text}).output == {"value": text}
        shown = {"looks": "like JSON"} if self.returns_are_decoded else text
        assert app.completed("returns", {"value": text}).output == shown


class FailureScenarios:
    """Errors in steps and outside of them, caught and not."""

    #: How the SDK names the error that the apps raise in a broken step.
    step_error_name: str

    def test_a_failed_step_is_retried_without_repeating_its_predecessor(self, app: App) -> None:
        run = app.completed("step.retried")

        assert run.output == ["steady", "worked at attempt 1"]
        assert app.bodies_of(run.id) == ["steady", "flaky", "flaky"]
        assert [call["attempt"] for call in app.calls_of(run.id, "flaky")] == [0, 1]

    def test_the_function_can_catch_a_step_that_failed_for_good(self, app: App) -> None:
        run = app.completed("step.error.caught")

        assert run.output["name"] == self.step_error_name
        assert run.output["message"] == "out of stock"
        assert run.output["has_stack"] is True
        assert run.output["fallback"] == "sold something else"
        assert app.bodies_of(run.id) == ["broken", "broken", "fallback"]

    def test_an_uncaught_step_error_fails_the_run_and_calls_on_failure(self, app: App) -> None:
        run = app.run("step.error.uncaught", {"customer": "42"})

        assert run.status == "Failed"
        assert run.output["message"] == "no such customer"
        assert app.bodies_of(run.id) == ["broken", "broken"]
        told = self._told(app, run.id)
        assert told["function_id"] == f"{app.id}-step-error-uncaught"
        assert told["event"] == "inngest/function.failed"
        assert told["original"] == {"customer": "42"}
        assert told["message"] == "no such customer"

    def test_one_failed_parallel_step_leaves_the_results_of_its_siblings(self, app: App) -> None:
        run = app.completed("parallel.error")

        assert run.output == {"group": ["works", "caught broken branch"]}
        assert sorted(app.bodies_of(run.id)) == ["broken", "works"]

    def test_a_failing_handler_is_retried_with_its_memoised_steps(self, app: App) -> None:
        run = app.completed("handler.retried")

        assert run.output == {"before": "before", "attempt": 2}
        assert app.bodies_of(run.id) == ["before", "after", "after", "after"]

    def test_a_handler_that_always_fails_fails_the_run(self, app: App) -> None:
        run = app.run("handler.failed")

        assert run.status == "Failed"
        assert run.output["message"] == "never ready"
        assert [call["attempt"] for call in app.calls_of(run.id, "handler")] == [0, 1]

    def test_a_non_retriable_error_ends_the_run_at_the_first_attempt(self, app: App) -> None:
        run = app.run("non.retriable", {"card": "1"})

        assert run.status == "Failed"
        assert run.output["message"] == "card expired"
        assert len(app.calls_of(run.id, "handler")) == 1
        told = self._told(app, run.id)
        assert told["function_id"] == f"{app.id}-non-retriable"
        assert told["message"] == "card expired"
        assert told["original"] == {"card": "1"}

    def test_retry_after_decides_when_the_next_attempt_comes(self, app: App) -> None:
        run = app.completed("retry.after")

        assert run.output == 1
        first, second = app.calls_of(run.id, "handler")
        # Three seconds were asked for; without them the server would wait for one.
        assert 2_500 <= second["at_ms"] - first["at_ms"] <= 10_000

    def test_retry_after_inside_a_step_decides_when_it_comes_again(self, app: App) -> None:
        run = app.completed("retry.after.step")

        assert run.output == 1
        first, second = app.calls_of(run.id, "body")
        assert 2_500 <= second["at_ms"] - first["at_ms"] <= 10_000

    def _told(self, app: App, failed_run_id: str) -> dict[str, Any]:
        """What the failure handler recorded about a run; it must have run exactly once."""

        def told() -> list[dict[str, Any]]:
            return [
                call["data"]
                for call in app.calls()
                if call["name"] == "on failure" and call["data"]["failed_run_id"] == failed_run_id
            ]

        (data,) = wait_until(told, what=f"the failure handler of {failed_run_id}")
        return data


class WaitScenarios:
    """Sleeping, waiting for events, invoking, and being cancelled."""

    def test_a_sleep_ends_after_its_duration(self, app: App) -> None:
        seconds = app.completed("sleep").output

        assert 0.9 <= self._in_seconds(app, seconds) <= 10

    def test_sleep_until_a_past_time_ends_at_once_and_until_a_future_one_then(
        self, app: App
    ) -> None:
        output = app.completed("sleep.until").output

        late_s = self._in_seconds(app, output["woke"] - output["until"])
        # The protocol allows the server to round the length of a sleep to whole seconds.
        assert -0.6 <= late_s <= 10

    def test_a_wait_ends_with_the_first_event_that_matches(self, app: App) -> None:
        order = "o-1"
        event_id = app.server.send(app.event("wait.match"), {"order": order})
        app.server.wait_until_parked(event_id, "pause")
        app.server.send(app.event("paid"), {"order": "another", "total": 50})
        (waiting,) = app.server.runs_of(event_id)
        assert waiting.status == "Running"

        paid_id = app.server.send(app.event("paid"), {"order": order, "total": 20}, id="paid-o-1")

        (run,) = app.server.ended_runs(event_id)
        assert paid_id != "paid-o-1"
        assert run.status == "Completed"
        assert run.output == {
            "name": app.event("paid"),
            "id": "paid-o-1",
            "data": {"order": order, "total": 20},
            "has_ts": True,
        }
        assert app.bodies_of(run.id) == ["reached"]

    def test_a_wait_that_nothing_matches_ends_with_nothing(self, app: App) -> None:
        assert app.completed("wait.timeout").output is True

    def test_a_wait_whose_condition_does_not_compile_fails_the_run_at_once(self, app: App) -> None:
        run = app.run("wait.invalid")

        assert run.status == "Failed"
        assert run.output["name"] == "InvalidExpression"
        assert len(app.calls_of(run.id, "handler")) == 1

    def test_an_invoked_function_that_fails_raises_in_the_caller(self, app: App) -> None:
        assert app.completed("invoke.failing").output["message"] == "child is broken"

    def test_invoking_an_unknown_function_raises_in_the_caller(self, app: App) -> None:
        output = app.completed("invoke.unknown").output

        expected = f"could not find function with ID: {app.id}-does-not-exist"
        assert output["message"] == expected

    def test_an_invoke_that_takes_too_long_raises_in_the_caller(self, app: App) -> None:
        assert app.completed("invoke.timeout").output == {
            "name": "InngestInvokeTimeoutError",
            "message": "Timed out waiting for invoked function to complete",
        }

    def test_an_event_that_matches_cancel_on_cancels_the_run(self, app: App) -> None:
        order = "c-1"
        event_id = app.server.send(app.event("cancelled"), {"order": order})
        app.server.wait_until_parked(event_id, "sleep")
        app.server.send(app.event("cancel"), {"order": "another"})
        (sleeping,) = app.server.runs_of(event_id)
        assert sleeping.status == "Running"

        app.server.send(app.event("cancel"), {"order": order})

        (run,) = app.server.ended_runs(event_id)
        assert run.status == "Cancelled"
        assert app.bodies_of(run.id) == ["reached"]

    def test_a_run_can_be_cancelled_over_the_api(self, app: App) -> None:
        event_id = app.server.send(app.event("cancelled"), {"order": "c-2"})
        sleeping = app.server.wait_until_parked(event_id, "sleep")

        response = app.server.http.delete(f"/v1/runs/{sleeping.id}")

        assert response.status_code == 200
        assert app.server.run(sleeping.id).status == "Cancelled"
        assert app.bodies_of(sleeping.id) == ["reached"]

    def test_a_run_that_nobody_cancels_goes_on_after_its_sleep(self, app: App) -> None:
        run = app.completed("cancelled", {"order": "c-3", "sleep_s": 1})

        assert run.output == "slept"
        assert app.bodies_of(run.id) == ["reached", "after"]

    def _in_seconds(self, app: App, duration: float) -> float:
        return duration / 1000 if app.prefix == "ts" else duration


class TriggerScenarios:
    """Which events start which functions."""

    def test_the_function_sees_the_event_as_it_was_sent(self, app: App) -> None:
        data = {"list": [1, 2.5, None], "text": "ü"}
        name = app.event("echo.event")
        (event_id,) = app.server.send_all(
            [{"name": name, "data": data, "ts": 1_700_000_000_123, "id": f"echo-{app.id}"}]
        )

        (run,) = app.server.ended_runs(event_id)
        assert run.output == {
            "id": f"echo-{app.id}",
            "name": name,
            "ts": 1_700_000_000_123,
            "data": data,
            "events": 1,
            "run_id": run.id,
            "attempt": 0,
        }

    def test_an_event_without_id_gets_its_internal_one(self, app: App) -> None:
        run = app.completed("echo.event")

        assert run.output["id"] == run.event_id

    def test_two_events_with_one_id_start_one_run(self, app: App) -> None:
        event = {"name": app.event("echo.event"), "data": {}, "id": f"twice-{app.id}"}

        first, second = app.server.send_all([event, event])

        assert first != second
        (run,) = app.server.ended_runs(first)
        assert run.status == "Completed"
        assert app.server.runs_of(second) == []

    def test_wildcards_match_at_a_slash_and_at_a_dot(self, app: App) -> None:
        name = app.event("wild/user.created.v2")

        runs = app.server.ended_runs(app.server.send(name), count=2)

        slugs = {app.server.slug_of(run, app.id) for run in runs}
        assert slugs == {f"{app.id}-wildcard", f"{app.id}-dot-wildcard"}
        assert [run.output for run in runs] == [name, name]

    def test_a_wildcard_does_not_match_in_the_middle_of_a_word(self, app: App) -> None:
        (run,) = app.server.ended_runs(app.server.send(app.event("wild/users.created")))

        assert app.server.slug_of(run, app.id) == f"{app.id}-wildcard"

    def test_a_filtered_trigger_runs_only_for_events_that_satisfy_it(self, app: App) -> None:
        name = app.event("filtered")
        rejected = [
            {"total": 100, "country": "DE"},
            {"total": 101, "country": "FR"},
            {"total": "101", "country": "DE"},
            {"country": "DE"},
            {},
        ]
        ids = app.server.send_all([{"name": name, "data": data} for data in rejected])

        accepted = app.completed("filtered", {"total": 101, "country": "AT"})

        assert accepted.output == 101
        # Runs exist before the events are acknowledged, so none can still be on its way.
        assert [app.server.runs_of(event_id) for event_id in ids] == [[]] * len(rejected)

    def test_each_of_several_triggers_starts_the_function(self, app: App) -> None:
        assert app.completed("several.a").output == app.event("several.a")
        assert app.completed("several.b", {"wanted": True}).output == app.event("several.b")
        unwanted = app.server.send(app.event("several.b"), {"wanted": False})
        assert app.server.runs_of(unwanted) == []

    def test_a_thousand_events_in_one_request_start_a_thousand_runs(self, app: App) -> None:
        events = [{"name": app.event("returns"), "data": {"value": n}} for n in range(1000)]

        ids = app.server.send_all(events)

        outputs = [app.server.ended_runs(event_id, limit_s=60)[0].output for event_id in ids]
        assert outputs == list(range(1000))

    def test_cron_triggers_are_registered(self, app: App) -> None:
        functions = app.server.functions(app.id)

        (cron,) = functions[f"{app.id}-cron"]["triggers"]
        assert cron["cron"] == "0 4 29 2 *"
        assert {"cron": "TZ=Europe/Berlin 30 3 1 1 *"} in [
            {"cron": trigger.get("cron")}
            for trigger in functions[f"{app.id}-several-triggers"]["triggers"]
        ]
