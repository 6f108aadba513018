"""What the TypeScript SDK does while a call is open: it reports steps, and runs whole endpoints.

One app is served twice, once as the SDK is by default and once with `checkpointing: false`. What
comes out must be the same; what it took is counted by the app.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.compat.flow.stage import (
    FlowApp,
    eventually,
    now_ms,
    start_checkpointing_app,
    start_flow_server,
)
from tests.compat.flow.together import together
from tests.compat.harness import Run

# The first test of a session may have to install the SDK.
pytestmark = pytest.mark.timeout(420)

MIB = 1024 * 1024
#: Notes of the app about its calls, not of its bodies.
_CALLS = {"request", "aborted"}


@dataclass(frozen=True)
class Outcome:
    """What a run came to, the bodies that ran for it, and the calls it took."""

    status: str
    output: Any
    bodies: list[str]
    requests: int


@pytest.fixture(scope="module")
def app(logs: Path, typescript_packages: None) -> Iterator[FlowApp]:
    """The app of `typescript/checkpointing/` with checkpointing; its twin has none."""
    with ExitStack() as stack:
        server = start_flow_server(logs / "checkpointing-server.log")
        stack.callback(server.stop)
        server.wait_until_healthy()
        apps = {}
        for checkpointing in ("on", "off"):
            log = logs / f"checkpointing-{checkpointing}.log"
            app = start_checkpointing_app(server, log=log, checkpointing=checkpointing)
            stack.callback(app.stop)
            apps[checkpointing] = app
        apps["on"].twin = apps["off"]
        yield apps["on"]


def outcome(app: FlowApp, event_id: str) -> Outcome:
    """What became of the event's one run."""
    (run,) = app.ended(event_id)
    requests = len(app.calls_of(run.id, "request"))
    return Outcome(run.status, run.output, bodies_of(app, run.id), requests)


def bodies_of(app: FlowApp, run_id: str) -> list[str]:
    return [call["name"] for call in app.calls_of(run_id) if call["name"] not in _CALLS]


def both(app: FlowApp, name: str, data: Mapping[str, Any] | None = None) -> tuple[Outcome, Outcome]:
    """The same event for both apps: what it came to with checkpointing, and without."""
    apps = (app, app.twin)
    events = [one.send(name, data) for one in apps]
    with_it, without = (outcome(one, event) for one, event in zip(apps, events, strict=True))
    assert (with_it.status, with_it.output) == (without.status, without.output)
    return with_it, without


@together
class TestCheckpointing:
    """Functions: steps are reported while the call goes on."""

    def test_twenty_steps_take_one_call(self, app: FlowApp) -> None:
        run, without = both(app, "twenty", {"order": "7"})

        assert run.status == "Completed"
        assert run.output == {"total": 190, "event": {"order": "7"}}
        assert run.bodies == without.bodies == [f"step {index}" for index in range(20)]
        assert (run.requests, without.requests) == (1, 21)

    def test_steps_reported_seven_at_a_time_each_run_once(self, app: FlowApp) -> None:
        run = outcome(app, app.send("buffered", {}))

        assert (run.status, run.output) == ("Completed", {"total": 190, "event": {}})
        assert run.bodies == [f"step {index}" for index in range(20)]
        assert run.requests == 1

    def test_a_call_that_takes_too_long_is_continued_by_another(self, app: FlowApp) -> None:
        """Eight steps of 0.3 s, of which a call may do what it can in 1 s."""
        run = outcome(app, app.send("slow", {}))

        assert (run.status, run.output) == ("Completed", "slow but steady")
        assert run.bodies == [f"step {index}" for index in range(8)]
        assert 2 <= run.requests <= 9

    def test_parallel_steps_are_planned_and_what_follows_is_not(self, app: FlowApp) -> None:
        run, without = both(app, "parallel")

        assert run.output == [1, 4, 9, 16, 10, 20]
        for one in (run, without):
            assert one.bodies[0] == "before"
            assert sorted(one.bodies[1:4]) == ["square 2", "square 3", "square 4"]
            assert one.bodies[4:] == ["first after", "second after"]
        # One that plans, one for each planned step, and one that does all the rest.
        assert (run.requests, without.requests) == (5, 8)

    def test_a_sleep_divides_the_steps_in_two_calls(self, app: FlowApp) -> None:
        run, without = both(app, "sleeping")

        assert run.output == run.bodies == without.bodies == ["a", "b", "c", "d"]
        assert (run.requests, without.requests) == (2, 6)

    def test_steps_before_a_wait_are_kept(self, app: FlowApp) -> None:
        apps = (app, app.twin)
        events = [one.send("waiting", {"order": "o-1"}) for one in apps]
        for one, event_id in zip(apps, events, strict=True):
            one.parked(event_id, "pause")
            one.send("paid", {"order": "another", "total": 1})
            one.send("paid", {"order": "o-1", "total": 20})

        run, without = (outcome(one, event_id) for one, event_id in zip(apps, events, strict=True))

        assert run.output == without.output == "o-1: 20"
        assert run.bodies == without.bodies == ["order", "sum"]
        assert (run.requests, without.requests) == (2, 4)

    def test_a_function_that_invokes_another_takes_two_calls(self, app: FlowApp) -> None:
        run, without = both(app, "invoking")

        assert run.output == 41
        assert run.bodies == without.bodies == ["n", "answer"]
        assert (run.requests, without.requests) == (2, 4)

    def test_a_step_that_fails_is_retried_and_can_be_caught(self, app: FlowApp) -> None:
        run, without = both(app, "retried")

        assert run.status == "Completed"
        assert run.output == ["steady", "flaky at last", "RangeError: never", "end"]
        bodies = ["steady", "flaky", "flaky", "broken", "broken", "end"]
        assert run.bodies == without.bodies == bodies
        assert run.requests < without.requests

    def test_progress_gives_each_step_all_its_attempts(self, app: FlowApp) -> None:
        run, without = both(app, "stumbling")

        assert (run.status, run.output) == ("Completed", ["a", "b", "c"])
        assert run.bodies == without.bodies == ["a", "a", "b", "b", "c", "c"]

    def test_an_error_of_the_function_is_retried_without_its_steps(self, app: FlowApp) -> None:
        run, without = both(app, "failing")

        assert run.status == "Failed"
        assert run.output["message"] == "nothing to be done"
        assert run.bodies == without.bodies == ["a", "b", "handler", "handler"]
        assert (run.requests, without.requests) == (2, 4)

    def test_a_final_error_of_the_function_is_not_retried(self, app: FlowApp) -> None:
        run, without = both(app, "refusing")

        assert run.status == "Failed"
        assert run.output["message"] == "card expired"
        assert run.bodies == without.bodies == ["a", "handler"]
        assert (run.requests, without.requests) == (1, 2)

    def test_reported_results_beyond_the_size_of_a_call_are_fetched(self, app: FlowApp) -> None:
        run, without = both(app, "large")

        assert run.output == [[str(index), MIB] for index in range(6)]
        assert run.bodies == without.bodies == [f"text {index}" for index in range(6)]
        assert run.requests == 2

    def test_only_the_call_that_is_open_may_report(self, app: FlowApp) -> None:
        gate = f"{app.id} stale"
        event_id = app.send("standing", {"gate": gate})
        run, names = self._standing(app, event_id)
        result = {"op": "StepRun", "id": hashlib.sha1(b"last").hexdigest(), "data": "forged"}

        stale = self._report(
            app, run, {**names, "generation_id": names["generation_id"] + 1}, [result]
        )

        assert stale.status_code == 409, stale.text
        assert stale.json()["status"] == 409
        assert stale.json()["data"] == {"run_id": run.id}
        app.open_gate(gate)
        assert outcome(app, event_id) == Outcome("Completed", "stood", _STOOD, 1)
        assert self._report(app, run, names, [result]).is_client_error

    def test_what_is_known_or_not_allowed_changes_nothing(self, app: FlowApp) -> None:
        gate = f"{app.id} known"
        event_id = app.send("standing", {"gate": gate})
        run, names = self._standing(app, event_id)
        known = {"op": "StepRun", "id": hashlib.sha1(b"first").hexdigest(), "data": "forged"}
        sleep = {"op": "Sleep", "id": hashlib.sha1(b"nap").hexdigest(), "name": "1h"}

        again = self._report(app, run, names, [known])
        refused = self._report(app, run, names, [sleep])

        assert (again.status_code, again.content) == (200, b"")
        assert refused.status_code == 400
        assert "cannot checkpoint async steps" in refused.json()["error"]
        app.open_gate(gate)
        assert outcome(app, event_id) == Outcome("Completed", "stood", _STOOD, 1)

    def test_a_cancelled_run_goes_no_further_than_its_step(self, app: FlowApp) -> None:
        gate = f"{app.id} cancelled"
        event_id = app.send("standing", {"gate": gate})
        run, _ = self._standing(app, event_id)

        app.server.http.delete(f"/v1/runs/{run.id}")
        app.open_gate(gate)

        # Another run does all of it meanwhile, report by report.
        assert outcome(app, app.send("standing", {"gate": gate})).output == "stood"
        assert bodies_of(app, run.id) == ["first", "stand"]
        assert app.server.run(run.id).status == "Cancelled"

    def _standing(self, app: FlowApp, event_id: str) -> tuple[Run, dict[str, Any]]:
        """The run in its second step, and what names the open call."""
        run = app.one_run(event_id)
        (stand,) = eventually(lambda: app.calls_of(run.id, "stand"), what="the second step")
        return run, stand["data"]

    def _report(
        self, app: FlowApp, run: Run, names: Mapping[str, Any], steps: list[dict[str, Any]]
    ) -> httpx.Response:
        """Report steps as the SDK does, for a call that seems to have been open for a while."""
        body = {
            **names,
            "run_id": run.id,
            "request_started_at": now_ms() - 60_000,
            "steps": steps,
            "ts": now_ms(),
        }
        return app.server.http.post(f"/v1/checkpoint/{run.id}/async", json=body)


_STOOD = ["first", "stand", "last"]


@together
class TestEndpoints:
    """Routes of the app that are runs."""

    def test_an_endpoint_that_need_not_wait_answers_itself(self, app: FlowApp) -> None:
        response = self._get(app, "inline", name="Ada")

        assert response.status_code == 201
        assert response.headers["x-greeted"] == "Ada"
        assert response.json() == {"text": "Hello, Ada!"}
        run = self._run(app, "inline")
        assert run.status == "Completed"
        assert bodies_of(app, run.id) == ["inline", "greeting", "name"]
        assert app.calls_of(run.id, "request") == []

    def test_an_endpoint_without_steps_is_a_run_too(self, app: FlowApp) -> None:
        response = self._get(app, "stepless")

        assert (response.status_code, response.json()) == (200, {"steps": 0})
        assert self._run(app, "stepless").status == "Completed"

    def test_an_endpoint_that_sleeps_sends_its_caller_to_the_result(self, app: FlowApp) -> None:
        redirect = self._get(app, "asleep", name="Ada")

        answer = self._follow(app, redirect)

        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith("application/json")
        assert answer.json() == {"before": "Ada", "after": "slept well"}
        run = self._run(app, "asleep")
        assert run.status == "Completed"
        url = f"{app.server.url}/v1/http/runs/{run.id}/output?token="
        assert redirect.headers["location"].startswith(url)
        steps = [name for name in bodies_of(app, run.id) if name != "asleep"]
        assert steps == ["before", "after"]
        requests = app.calls_of(run.id, "request")
        assert requests
        assert {call["data"]["path"] for call in requests} == {"/endpoints/asleep"}
        assert {call["data"]["signature"] for call in requests} == {""}
        assert self._follow(app, redirect).json() == answer.json()

    def test_a_result_needs_the_token_of_its_run(self, app: FlowApp) -> None:
        redirect = self._get(app, "parallel", case="tokens")
        url = httpx.URL(redirect.headers["location"])

        response = app.server.http.get(url.path, params={"token": "not.a.token"})

        assert response.status_code == 401
        assert response.json()["error"] == "Unable to find run with auth token"
        assert app.server.http.get(url.path).status_code == 401

    def test_steps_side_by_side_are_planned_by_the_server(self, app: FlowApp) -> None:
        answer = self._follow(app, self._get(app, "parallel"))

        # This SDK keeps the text of the `Response` and encodes it as JSON once more.
        assert json.loads(answer.json()) == {"squares": [4, 9], "last": "last"}
        run = self._run(app, "parallel")
        bodies = [name for name in bodies_of(app, run.id) if name != "parallel"]
        assert sorted(bodies[:2]) == ["square 2", "square 3"]
        assert bodies[2:] == ["last"]

    def test_a_step_that_fails_is_retried_by_the_server(self, app: FlowApp) -> None:
        answer = self._follow(app, self._get(app, "flaky"))

        assert answer.json() == {"steady": "steady", "shaky": "shaky at last"}
        run = self._run(app, "flaky")
        assert run.status == "Completed"
        bodies = [name for name in bodies_of(app, run.id) if name != "flaky"]
        assert bodies == ["steady", "shaky", "shaky"]

    def test_a_final_error_is_answered_by_the_endpoint_itself(self, app: FlowApp) -> None:
        """The SDK does not report it, so the server cannot know how the run ended."""
        response = self._get(app, "refusing")

        assert response.status_code == 400
        assert response.json()["message"] == "no such customer"
        assert response.headers["x-inngest-no-retry"] == "true"

    def test_a_run_id_is_used_once(self, app: FlowApp) -> None:
        self._get(app, "stepless", case="twice")
        run = self._run(app, "stepless", case="twice")
        request = {"domain": app.origin, "path": "/x", "method": "GET"}
        event = {"name": "inngest/http.request", "data": request}

        response = app.server.http.post("/v1/checkpoint", json={"run_id": run.id, "event": event})

        assert response.status_code == 409
        assert response.json()["error"] == "Run already exists"

    def test_a_run_without_an_id_is_refused(self, app: FlowApp) -> None:
        response = app.server.http.post("/v1/checkpoint", json={"event": {"data": {}}})

        assert response.status_code == 400
        assert response.json()["error"] == "Invalid request body: run_id must be a ULID"

    def _get(
        self, app: FlowApp, endpoint: str, /, *, case: str = "", **query: str
    ) -> httpx.Response:
        params = {"case": case or endpoint, **query}
        return app.http.get(f"/endpoints/{endpoint}", params=params)

    def _follow(self, app: FlowApp, redirect: httpx.Response) -> httpx.Response:
        """What the caller gets where it is sent to; the server answers when the run has ended."""
        assert redirect.status_code == 302, redirect.text
        return app.http.get(redirect.headers["location"])

    def _run(self, app: FlowApp, name: str, case: str = "") -> Run:
        """The run of a call of an endpoint, once it has ended."""

        def of_case() -> set[str]:
            return {
                call["run_id"]
                for call in app.calls()
                if call["name"] == name and call["data"] == {"case": case or name}
            }

        (run_id,) = eventually(of_case, what=f"the run of {name}")
        return app.ended_run(run_id)
