"""A server with something in it to ask for, and the names of that."""

import json
from collections.abc import Mapping
from typing import Any, Final

from tests.e2e.processes import Answer, ServerProcess

APP: Final = "shop"
EVENT: Final = "shop/order.placed"
#: Nobody listens there, so calls fail at once and runs wait for their next attempt.
URL: Final = "http://127.0.0.1:9/api/inngest"
SLUGS: Final = ("shop-pay", "shop-ship", "shop-bill")

Names = dict[str, list[str]]


class Stock:
    """Fills a server over its API."""

    def __init__(
        self, server: ServerProcess, *, event_key: str, headers: Mapping[str, str]
    ) -> None:
        self._server = server
        self._event_key = event_key
        self._headers = headers

    def fill(self) -> Names:
        """Register functions, start runs and end one of them.

        Returns:
            By parameter of a path, what it can be.
        """
        functions = [_function(slug) for slug in SLUGS]
        app = {"url": URL, "appname": APP, "functions": functions, "v": "0.1", "sdk": "js:v4.0.0"}
        app_id = self._post("/fn/register", app)["app_id"]
        event = {"name": EVENT, "data": {"order": 1}}
        events = self._post(f"/e/{self._event_key}", [event] * 3)["ids"]
        runs = [run["run_id"] for event_id in events for run in self._runs_of(event_id)]
        ids = [function["internal_id"] for function in self._get(f"/v1/apps/{APP}/functions")]
        return {
            "key": [self._event_key],
            "event_id": events,
            "run_id": [*runs, self._ended_run()],
            "slug": [*SLUGS, *ids],
            "app": [APP, app_id],
            "app_id": [APP],
            "functionId": ids,
            "url": [URL],
        }

    def _runs_of(self, event_id: str) -> list[dict[str, Any]]:
        runs: list[dict[str, Any]] = self._get(f"/v1/events/{event_id}/runs")["data"]
        return runs

    def _ended_run(self) -> str:
        """A run that is completed: that of a durable endpoint, which needs no app to be called."""
        run_id = "01KAJF97FK0000000000000002"
        request = {"domain": "http://shop.example", "method": "GET", "path": "/", "body": ""}
        self._post("/v1/checkpoint", {"run_id": run_id, "event": {"data": request}})
        result = {"status": 200, "headers": {}, "body": "done", "duration": 1}
        done = {"op": "RunComplete", "id": "0", "data": result}
        self._post(f"/v1/checkpoint/{run_id}/steps", {"run_id": run_id, "steps": [done]})
        return run_id

    def _get(self, path: str) -> Any:
        return _taken(self._server.get(path, headers=self._headers))

    def _post(self, path: str, value: object) -> Any:
        return _taken(self._server.post(path, value, headers=self._headers))


def _taken(answer: Answer) -> Any:
    assert answer.status == 200, answer
    return json.loads(answer.body) if answer.body else None


def _function(slug: str) -> dict[str, Any]:
    runtime = {"type": "http", "url": f"{URL}?fnId={slug}&stepId=step"}
    return {
        "id": slug,
        "name": slug,
        "triggers": [{"event": EVENT}],
        "steps": {"step": {"id": "step", "name": "step", "runtime": runtime}},
    }
