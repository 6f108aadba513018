"""Every option of a function, declared with the official Python SDK, and what SDKs never send."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.compat.flow.arrivals import ArrivalScenarios
from tests.compat.flow.control import ControlScenarios
from tests.compat.flow.declared import DeclaredScenarios
from tests.compat.flow.limits import LimitScenarios
from tests.compat.flow.provider import serving_provider
from tests.compat.flow.stage import (
    FlowApp,
    start_flow_server,
    start_python_flow_app,
)
from tests.compat.flow.together import together

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def app(logs: Path) -> Iterator[FlowApp]:
    """The app of `flow_app_python/`, on a server of its own."""
    with ExitStack() as stack:
        provider = stack.enter_context(serving_provider())
        server = start_flow_server(logs / "flow-py-server.log")
        stack.callback(server.stop)
        server.wait_until_healthy()
        app = start_python_flow_app(server, log=logs / "flow-py-app.log")
        stack.callback(app.stop)
        app.provider = provider
        yield app


@together
class TestFlowControl(LimitScenarios, ArrivalScenarios, ControlScenarios, DeclaredScenarios):
    # The SDK always sends a burst, 1 unless told otherwise, and the largest unit that divides.
    default_burst = 1
    spelled = {  # noqa: RUF012 - nobody changes it
        "throttled": {"throttle": {"limit": 1, "period": "1s", "burst": 1}},
        "throttled-keyed": {"throttle": {"limit": 1, "period": "1m", "key": "event.data.customer"}},
        "rate-limited": {"rateLimit": {"limit": 1, "period": "1d", "key": "event.data.customer"}},
    }

    def test_headers_of_a_model_are_sent_to_it(self, app: FlowApp) -> None:
        model = f"fine-with-headers-{app.id}"

        self._infer(app, model)

        (asked,) = app.provider.asked(model)
        assert asked.headers["x-team"] == "seven"


#: What an app may not declare: the options, and field and code of each problem.
REFUSED: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
    (
        {"concurrency": [{"limit": 1}, {"limit": 2}, {"limit": 3}]},
        [("concurrency", "concurrency_limit_invalid")],
    ),
    (
        {"concurrency": [{"limit": -1}, {"limit": 1, "scope": "account"}]},
        [
            ("concurrency[0].limit", "concurrency_limit_invalid"),
            ("concurrency[1].key", "concurrency_limit_invalid"),
        ],
    ),
    (
        {"concurrency": {"limit": 1, "key": "event.data."}},
        [("concurrency[0].key", "config_invalid")],
    ),
    ({"throttle": {"limit": 1, "period": "500ms"}}, [("throttle.period", "config_invalid")]),
    (
        {"rateLimit": {"limit": 0, "period": "25h"}},
        [("rateLimit.limit", "config_invalid"), ("rateLimit.period", "config_invalid")],
    ),
    ({"debounce": {"period": "8d"}}, [("debounce.period", "config_invalid")]),
    (
        {"batchEvents": {"maxSize": 1, "timeout": "10ms"}},
        [
            ("batchEvents.maxSize", "batch_size_invalid"),
            ("batchEvents.timeout", "batch_timeout_invalid"),
        ],
    ),
    (
        {"batchEvents": {"maxSize": 2, "timeout": "1s"}, "singleton": {"mode": "skip"}},
        [("singleton", "combo_unsupported")],
    ),
    ({"timeouts": {"finish": "soon"}}, [("timeouts.finish", "config_invalid")]),
    (
        {"cancel": [{"event": f"raw/cancel.{n}"} for n in range(6)]},
        [("cancel", "config_invalid")],
    ),
]


class TestRefusedOptions:
    """A registration that no SDK sends is refused as a whole, with a list of what is wrong."""

    @pytest.mark.parametrize(
        ("options", "problems"), REFUSED, ids=["+".join(options) for options, _ in REFUSED]
    )
    def test_a_bad_option_is_named(
        self, app: FlowApp, options: dict[str, Any], problems: list[tuple[str, str]]
    ) -> None:
        response = self._register(app, options)

        assert response.status_code == 400
        answer = response.json()
        assert answer["error"] == "At least one function is invalid"
        assert answer["status"] == 400
        named = answer["data"]["problems"]
        assert [(one["field"], one["code"]) for one in named] == problems
        assert {one["function"] for one in named} == {"raw-fn"}
        assert all(one["message"] for one in named)
        assert app.server.functions("raw") == {}

    def test_an_unknown_mode_is_named_with_the_modes_that_exist(self, app: FlowApp) -> None:
        response = self._register(app, {"singleton": {"mode": "queue"}})

        assert response.status_code == 400
        assert response.json()["error"].startswith("Invalid request: ")
        assert "'queue' is no SingletonMode (skip, cancel)" in response.json()["error"]

    def _register(self, app: FlowApp, options: dict[str, Any]) -> Any:
        url = "http://127.0.0.1:9/api/inngest"
        runtime = {"type": "http", "url": f"{url}?fnId=raw-fn&stepId=step"}
        function = {
            "id": "raw-fn",
            "name": "raw",
            "triggers": [{"event": "raw/event"}],
            "steps": {"step": {"id": "step", "name": "step", "runtime": runtime}},
            **options,
        }
        request = {
            "url": url,
            "deployType": "ping",
            "framework": "none",
            "appName": "raw",
            "sdk": "none:v0.0.1",
            "v": "0.1",
            "functions": [function],
        }
        return app.server.http.post("/fn/register", json=request)
