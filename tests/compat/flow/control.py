"""What must hold for every SDK: timeouts, cancelling, running again, replaying and pausing."""

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from tests.compat.flow.provider import completion
from tests.compat.flow.stage import FlowApp, eventually

__all__ = ["ControlScenarios"]


def now_text() -> str:
    return datetime.now(UTC).isoformat()


def post(app: FlowApp, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """What the server answers under `data`; the request must succeed."""
    response = app.server.http.post(path, json=body or {})
    assert response.is_success, response.text
    data: dict[str, Any] = response.json()["data"]
    return data


def control(app: FlowApp, function: str, action: str, **body: str) -> None:
    """Pause or resume a function."""
    response = app.server.http.post(f"/v1/functions/{app.slug(function)}/{action}", json=body)
    assert response.is_success, response.text


class ControlScenarios:
    """What ends a run or a function from outside, and what begins a run anew."""

    def test_runs_that_do_not_start_in_time_are_cancelled(self, app: FlowApp) -> None:
        gate = {"gate": f"{app.id} start timeout"}
        first = app.send("start.timeout", gate)
        app.noted("start-timeout", "begin")

        late = app.ended_each(app.send_many("start.timeout", [gate, gate]))

        assert [run.status for run in late] == ["Cancelled", "Cancelled"]
        app.open_gate(gate["gate"])
        assert app.ended(first)[0].status == "Completed"
        assert len(app.notes("start-timeout", "begin")) == 1

    def test_waiting_for_a_throttle_counts_for_the_start_timeout(self, app: FlowApp) -> None:
        runs = app.ended_each(
            app.send_many("start.timeout.throttled", [{"n": n} for n in range(4)])
        )

        assert Counter(run.status for run in runs) == {"Completed": 1, "Cancelled": 3}
        assert len(app.notes("start-timeout-throttled", "begin")) == 1

    def test_runs_that_do_not_finish_in_time_are_cancelled(self, app: FlowApp) -> None:
        """Steps a, b and c take 1.2 s each, and the run may take 2 s."""
        events = app.send_many("finish.timeout", [{"n": n} for n in range(3)])

        runs = app.ended_each(events)

        assert {run.status for run in runs} == {"Cancelled"}
        app.noted("finish-timeout", "end", count=3, step="b")
        app.pass_marker()
        begun = Counter(call["data"]["step"] for call in app.notes("finish-timeout", "begin"))
        assert begun == {"a": 3, "b": 3}
        assert {app.server.run(run.id).status for run in runs} == {"Cancelled"}

    def test_a_finish_timeout_wakes_sleeping_runs_to_cancel_them(self, app: FlowApp) -> None:
        events = app.send_many("finish.timeout.asleep", [{"n": n} for n in range(5)])

        assert {run.status for run in app.ended_each(events)} == {"Cancelled"}

    def test_cancel_on_cancels_within_its_timeout(self, app: FlowApp) -> None:
        event_id = app.send("cancel.within", {"order": "in time"})
        app.parked(event_id, "sleep")

        app.send("cancel.within.now", {"order": "in time"})

        assert app.ended(event_id)[0].status == "Cancelled"
        assert app.notes("cancel-within", "slept", order="in time") == []

    def test_cancel_on_does_not_cancel_after_its_timeout(self, app: FlowApp) -> None:
        """The run sleeps for 4 s, one more than an event can cancel it."""
        event_id = app.send("cancel.within", {"order": "too late"})
        app.noted("cancel-within", "slept", order="too late")
        app.parked(event_id, "pause")

        app.send("cancel.within.now", {"order": "too late"})
        app.send("cancel.within.go", {"order": "too late"})

        (run,) = app.ended(event_id)
        assert (run.status, run.output) == ("Completed", "not cancelled")

    def test_a_run_whose_step_is_under_way_can_be_cancelled(self, app: FlowApp) -> None:
        data = {"gate": f"{app.id} in flight", "case": "cancelled"}
        event_id = app.send("in.flight", data)
        app.noted("in-flight", "begin", case="cancelled")
        run = app.one_run(event_id)

        response = app.server.http.delete(f"/v1/runs/{run.id}")

        assert response.status_code == 200, response.text
        assert app.server.run(run.id).status == "Cancelled"
        app.open_gate(data["gate"])
        app.noted("in-flight", "end", case="cancelled")
        app.pass_marker()
        assert app.server.run(run.id).status == "Cancelled"
        assert app.notes("in-flight", "after", case="cancelled") == []

    def test_runs_are_cancelled_in_bulk_by_condition_and_by_time(self, app: FlowApp) -> None:
        groups = ["a", "a", "a", "b", "b"]
        events = app.send_many("bulk", [{"group": group} for group in groups])
        for event_id in events:
            app.parked(event_id, "sleep")
        chosen = {"app_id": app.id, "function_id": "bulk", "started_before": now_text()}

        cancellation = post(app, "/v1/cancellations", {**chosen, "if": "event.data.group == 'a'"})

        assert {run.status for run in app.ended_each(events[:3])} == {"Cancelled"}
        assert {app.one_run(event_id).status for event_id in events[3:]} == {"Running"}
        listed = app.server.http.get("/v1/cancellations").json()["data"]
        assert cancellation["id"] in {one["id"] for one in listed}
        later = app.send("bulk", {"group": "later"})
        app.parked(later, "sleep")
        post(app, "/v1/cancellations", chosen)
        assert {run.status for run in app.ended_each(events[3:])} == {"Cancelled"}
        assert app.one_run(later).status == "Running"

    def test_a_bulk_cancellation_of_an_unknown_function_is_refused(self, app: FlowApp) -> None:
        body = {"app_id": app.id, "function_id": "unknown", "started_before": now_text()}

        response = app.server.http.post("/v1/cancellations", json=body)

        assert response.status_code == 404
        assert response.json()["error"] == "function not found"

    def test_a_bulk_cancellation_says_all_that_is_missing(self, app: FlowApp) -> None:
        response = app.server.http.post("/v1/cancellations", json={})

        assert response.status_code == 400
        for field in ("app_id", "function_id", "started_before"):
            assert f"{field} is required" in response.json()["error"]

    def test_a_rerun_is_a_new_run_of_the_same_event(self, app: FlowApp) -> None:
        original = app.run("rerun", {"n": 4})

        new_id = post(app, f"/v1/runs/{original.id}/rerun")["id"]

        rerun = app.ended_run(new_id)
        assert new_id != original.id
        assert (rerun.status, rerun.event_id) == ("Completed", original.event_id)
        assert rerun.output == {"run_id": new_id, "doubled": 8}
        assert self._bodies(app, new_id) == ["read", "double"]
        assert {run.id for run in app.runs(original.event_id)} == {original.id, new_id}
        shown = app.server.http.get(f"/v1/runs/{new_id}").json()["data"]
        assert shown["original_run_id"] == original.id

    def test_a_rerun_from_a_step_keeps_what_was_before_it(self, app: FlowApp) -> None:
        original = app.run("rerun", {"n": 5})

        body = {"from_step": {"step_id": "double"}}
        new_id = post(app, f"/v1/runs/{original.id}/rerun", body)["id"]

        rerun = app.ended_run(new_id)
        assert rerun.output == {"run_id": new_id, "doubled": 10}
        assert self._bodies(app, new_id) == ["double"]

    def test_a_rerun_from_an_unknown_step_is_refused(self, app: FlowApp) -> None:
        original = app.run("rerun", {"n": 6})

        response = app.server.http.post(
            f"/v1/runs/{original.id}/rerun", json={"from_step": {"step_id": "nowhere"}}
        )

        assert response.is_client_error
        assert "rerun step not found" in response.json()["error"]
        assert len(app.runs(original.event_id)) == 1

    def test_failed_runs_of_a_time_are_replayed(self, app: FlowApp) -> None:
        begun = now_text()
        gate, open_gate = f"{app.id} repaired", f"{app.id} never broken"
        app.open_gate(open_gate)
        sound = app.send("replayed", {"gate": open_gate})
        broken = app.send_many("replayed", [{"gate": gate}] * 3)
        assert {run.status for run in app.ended_each(broken)} == {"Failed"}
        assert app.ended(sound)[0].status == "Completed"
        app.open_gate(gate)

        path = f"/v1/functions/{app.slug('replayed')}/replays"
        chosen = {"from": begun, "until": now_text(), "statuses": ["Failed"]}
        replay = post(app, path, chosen)

        for event_id in broken:
            runs = app.ended(event_id, count=2)
            assert {run.status for run in runs} == {"Failed", "Completed"}
        eventually(
            lambda: app.server.http.get(f"/v1/replays/{replay['id']}").json()["data"]["ended_at"],
            what="end of the replay",
        )
        assert len(app.runs(sound)) == 1

    def test_events_of_a_paused_function_are_skipped(self, app: FlowApp) -> None:
        control(app, "paused-skip", "pause")
        skipped = app.run("paused.skip", {"n": 1})

        control(app, "paused-skip", "resume")

        assert skipped.status == "Skipped"
        run = app.run("paused.skip", {"n": 2})
        assert (run.status, run.output) == ("Completed", 2)

    def test_events_of_a_paused_function_can_wait(self, app: FlowApp) -> None:
        control(app, "paused-wait", "pause", new_runs="wait")
        event_id = app.send("paused.wait", {"n": 1})
        app.one_run(event_id)
        app.pass_marker()
        assert app.one_run(event_id).status == "Scheduled"

        control(app, "paused-wait", "resume")

        (run,) = app.ended(event_id)
        assert (run.status, run.output) == ("Completed", 1)

    def test_runs_of_a_paused_function_can_be_held(self, app: FlowApp) -> None:
        """Both functions sleep for 2 s; the one that is not paused has gone on meanwhile."""
        held = app.send("paused.hold")
        app.noted("paused-hold", "first")
        control(app, "paused-hold", "pause", running="hold")
        twin = app.run("paused.twin")

        assert twin.output == "both"
        assert app.one_run(held).status == "Running"
        assert app.notes("paused-hold", "second") == []
        control(app, "paused-hold", "resume")
        (run,) = app.ended(held)
        assert (run.status, run.output) == ("Completed", "both")
        app.noted("paused-hold", "second")

    def test_runs_of_a_paused_function_can_be_cancelled(self, app: FlowApp) -> None:
        event_id = app.send("paused.cancel")
        app.parked(event_id, "sleep")

        control(app, "paused-cancel", "pause", running="cancel")

        assert app.ended(event_id)[0].status == "Cancelled"

    def test_pausing_an_unknown_function_is_refused(self, app: FlowApp) -> None:
        response = app.server.http.post(f"/v1/functions/{app.slug('unknown')}/pause", json={})

        assert response.status_code == 404

    def test_the_server_asks_a_model_for_the_function(self, app: FlowApp) -> None:
        model = f"fine-{app.id}"

        run = self._infer(app, model)

        assert run == {"answer": completion(model)}
        (asked,) = app.provider.asked(model)
        assert asked.headers["authorization"] == f"Bearer secret-of-{app.id}"
        assert asked.headers["content-type"].startswith("application/json")
        assert asked.json() == {
            "model": model,
            "messages": [{"role": "user", "content": "How are you?"}],
        }

    def test_a_model_that_fails_once_is_asked_again(self, app: FlowApp) -> None:
        model = f"flaky-{app.id}"

        assert self._infer(app, model) == {"answer": completion(model)}
        assert len(app.provider.asked(model)) == 2

    def test_a_model_that_keeps_failing_fails_the_step(self, app: FlowApp) -> None:
        model = f"broken-{app.id}"

        assert self._infer(app, model) == {
            "name": "AIGatewayError",
            "message": "Error making AI request: unsuccessful status code: 500",
        }
        assert len(app.provider.asked(model)) == 2

    def _infer(self, app: FlowApp, model: str) -> Any:
        data = {"model": model, "key": f"secret-of-{app.id}", "url": f"{app.provider.url}/v1"}
        run = app.run("infer", data)
        assert run.status == "Completed", run
        return run.output

    def _bodies(self, app: FlowApp, run_id: str) -> list[str]:
        return [
            call["name"]
            for call in app.calls()
            if call["run_id"] == run_id and call["name"] in {"read", "double"}
        ]
