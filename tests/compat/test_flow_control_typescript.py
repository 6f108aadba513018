"""Every option of a function, declared with the official TypeScript SDK, and what it adds:
signals, and requests that the server makes."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.compat.flow.arrivals import ArrivalScenarios
from tests.compat.flow.control import ControlScenarios, post
from tests.compat.flow.declared import DeclaredScenarios
from tests.compat.flow.limits import LimitScenarios
from tests.compat.flow.provider import serving_provider
from tests.compat.flow.stage import (
    FlowApp,
    eventually,
    start_flow_server,
    start_typescript_flow_app,
)
from tests.compat.flow.together import together
from tests.compat.harness import Run, free_port

# The first test of a session may have to install the SDK.
pytestmark = pytest.mark.timeout(420)

CONFLICT = "Signal conflict; signal wait already exists for another run"


@pytest.fixture(scope="module")
def app(logs: Path, typescript_packages: None) -> Iterator[FlowApp]:
    """The app of `typescript/flow/`, on a server of its own."""
    with ExitStack() as stack:
        provider = stack.enter_context(serving_provider())
        server = start_flow_server(logs / "flow-ts-server.log")
        stack.callback(server.stop)
        server.wait_until_healthy()
        app = start_typescript_flow_app(server, log=logs / "flow-ts-app.log")
        stack.callback(app.stop)
        app.provider = provider
        yield app


class SignalScenarios:
    """`step.waitForSignal`, and the three ways to send a signal."""

    def test_a_signal_sent_over_the_api_ends_the_wait(self, app: FlowApp) -> None:
        waiting = self._waiting(app, "api")

        response = self._signal(app, "api", {"n": 1, "none": None})

        assert response.status_code == 200, response.text
        assert response.json()["data"] == {"run_id": waiting.id}
        run = app.ended_run(waiting.id)
        assert run.status == "Completed"
        assert run.output == {"signal": "api", "data": {"n": 1, "none": None}}

    def test_a_step_can_send_a_signal(self, app: FlowApp) -> None:
        waiting = self._waiting(app, "step")

        sender = app.run("signal.send", {"signal": "step"})

        assert sender.output == {"runId": waiting.id}
        assert app.ended_run(waiting.id).output == {"signal": "step", "data": {"from": "a step"}}

    def test_the_client_can_send_a_signal(self, app: FlowApp) -> None:
        waiting = self._waiting(app, "client")

        assert self._send_with_client(app, "client") == {"run_id": waiting.id}
        output = app.ended_run(waiting.id).output
        assert output == {"signal": "client", "data": {"from": "the client"}}

    def test_a_signal_that_nobody_waits_for_is_not_found(self, app: FlowApp) -> None:
        response = self._signal(app, "nobody", None)

        assert response.status_code == 404
        assert response.json() == {"error": "No signal found", "data": None, "status": 404}
        assert self._send_with_client(app, "nobody") == {"run_id": None}

    def test_a_signal_is_not_kept_for_a_later_wait(self, app: FlowApp) -> None:
        assert self._signal(app, "early", None).status_code == 404

        run = app.run("signal.wait", {"signal": "early", "timeout": "1s"})

        assert (run.status, run.output) == ("Completed", None)

    def test_a_signal_ends_one_wait_only_once(self, app: FlowApp) -> None:
        waiting = self._waiting(app, "once")

        assert self._signal(app, "once", 1).status_code == 200
        assert self._signal(app, "once", 2).status_code == 404
        assert app.ended_run(waiting.id).output == {"signal": "once", "data": 1}

    def test_a_second_wait_for_a_signal_fails_its_run(self, app: FlowApp) -> None:
        first = self._waiting(app, "taken")

        second = app.run("signal.wait", {"signal": "taken"})

        assert second.status == "Failed"
        assert second.output["message"] == CONFLICT
        assert self._signal(app, "taken", "for the first").json()["data"]["run_id"] == first.id
        assert app.ended_run(first.id).output == {"signal": "taken", "data": "for the first"}

    def test_a_replacing_wait_takes_the_signal_over(self, app: FlowApp) -> None:
        data = {"signal": "replaced", "timeout": "3s", "conflict": "replace"}
        first = app.parked(app.send("signal.wait", data), "pause")
        second = app.parked(app.send("signal.wait", data), "pause")

        response = self._signal(app, "replaced", "for the second")

        assert response.json()["data"] == {"run_id": second.id}
        assert app.ended_run(second.id).output["data"] == "for the second"
        replaced = app.ended_run(first.id)
        assert (replaced.status, replaced.output) == ("Completed", None)

    def test_a_bad_signal_is_refused(self, app: FlowApp) -> None:
        for body in (b"", b"{", b"[]", b'{"signal": ""}', b'{"signal": 1}'):
            response = app.server.http.post("/v1/signals", content=body)

            assert response.status_code == 400, body
            assert response.json()["status"] == 400

    def _waiting(self, app: FlowApp, signal: str) -> Run:
        return app.parked(app.send("signal.wait", {"signal": signal}), "pause")

    def _signal(self, app: FlowApp, signal: str, data: object) -> httpx.Response:
        return app.server.http.post("/v1/signals", json={"signal": signal, "data": data})

    def _send_with_client(self, app: FlowApp, signal: str) -> dict[str, str | None]:
        sent: dict[str, str | None] = app.http.post(
            "/send-signal", params={"signal": signal}
        ).json()
        return sent


class FetchScenarios:
    """`step.fetch`: the server makes the request."""

    def test_the_server_fetches_for_the_function(self, app: FlowApp) -> None:
        output = self._fetched(app, "/hello?q=1")

        body = '{"hello": "wörld"}'
        assert output == {"answer": {"status": 200, "provider": "local", "body": body}}
        (asked,) = app.provider.of("/hello?q=1")
        assert asked.method == "GET"

    def test_method_headers_and_body_are_those_of_the_function(self, app: FlowApp) -> None:
        options = {"method": "POST", "headers": {"X-Order": "7"}, "body": '{"total": 1.50}'}

        output = self._fetched(app, "/orders", options)

        assert output["answer"]["status"] == 201
        assert output["answer"]["body"] == '{"total": 1.50}'
        (asked,) = app.provider.of("/orders")
        assert asked.headers["x-order"] == "7"
        assert asked.body == b'{"total": 1.50}'

    def test_an_answer_that_is_no_success_is_an_answer(self, app: FlowApp) -> None:
        output = self._fetched(app, "/busy")

        assert output["answer"] == {"status": 503, "provider": "local", "body": "busy"}
        assert len(app.provider.of("/busy")) == 1

    def test_a_provider_that_cannot_be_reached_fails_the_step(self, app: FlowApp) -> None:
        url = f"http://127.0.0.1:{free_port()}/"

        run = app.run("fetching", {"url": url})

        assert run.status == "Completed"
        assert run.output["name"] == "GatewayError"
        assert run.output["message"]

    def _fetched(
        self, app: FlowApp, path: str, options: Mapping[str, object] | None = None
    ) -> dict[str, dict[str, object]]:
        data = {"url": f"{app.provider.url}{path}", "options": options or {}}
        run = app.run("fetching", data)
        assert run.status == "Completed", run
        output: dict[str, dict[str, object]] = run.output
        return output


@together
class TestFlowControl(
    LimitScenarios,
    ArrivalScenarios,
    ControlScenarios,
    DeclaredScenarios,
    SignalScenarios,
    FetchScenarios,
):
    # What an app leaves out this SDK leaves out; durations go as they are.
    default_burst = 0
    spelled = {  # noqa: RUF012 - nobody changes it
        "throttled": {"throttle": {"limit": 1, "period": "1s"}},
        "throttled-keyed": {"throttle": {"limit": 1, "period": "1m", "key": "event.data.customer"}},
        "rate-limited": {"rateLimit": {"limit": 1, "period": "24h", "key": "event.data.customer"}},
    }

    def test_the_call_of_a_cancelled_run_is_given_up(self, app: FlowApp) -> None:
        data = {"gate": f"{app.id} given up", "case": "given up"}
        run = app.one_run(app.send("in.flight", data))
        app.noted("in-flight", "begin", case="given up")

        app.server.http.delete(f"/v1/runs/{run.id}")

        eventually(
            lambda: [call for call in app.calls_of(run.id) if call["name"] == "aborted"],
            what="the end of the connection",
        )
        app.open_gate(data["gate"])

    def test_a_rerun_from_a_step_can_change_its_input(self, app: FlowApp) -> None:
        original = app.run("rerun", {"n": 7})
        assert original.output["doubled"] == 14

        body = {"from_step": {"step_id": "double", "input": [21]}}
        new_id = post(app, f"/v1/runs/{original.id}/rerun", body)["id"]

        rerun = app.ended_run(new_id)
        assert rerun.output == {"run_id": new_id, "doubled": 42}
        assert self._bodies(app, new_id) == ["double"]
