"""What the reference's own web page asks, answered as it was before. Source: GraphQL, 11.

One fixed scenario; see `graphql_golden` for how to write the files anew.
"""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from tests.compat.graphql_dashboard import OPERATIONS
from tests.compat.graphql_go import GoClient
from tests.compat.graphql_golden import compare_or_write, masked, recorded_names
from tests.compat.graphql_raw_app import FunctionSpec, RawApp, Steps
from tests.compat.graphql_stage import now_text
from tests.compat.harness import Server, free_port, wait_until

_APP: Final = "shop"

Answers = dict[str, Mapping[str, Any]]


def _pay(steps: Steps) -> dict[str, Any]:
    """One step of each kind, of which the first fails once."""

    def charge() -> dict[str, Any]:
        if steps.attempt == 0:
            raise ValueError("card reader is busy")
        return {"charged": 12.5}

    charged = steps.run("charge", charge)
    steps.sleep("cool down", "1s")
    condition = "async.data.order == event.data.order"
    steps.wait("approved", f"{_APP}/approved", "1h", condition)
    steps.wait("reviewed", f"{_APP}/reviewed", "1s")
    return {"charged": charged, "receipt": steps.invoke("receipt", f"{_APP}-receipt")}


def _refuse(_steps: Steps) -> None:
    raise ValueError("no <such> thing")


_OPTIONS: Final[Mapping[str, Any]] = {
    "concurrency": [
        {"limit": 5},
        {"limit": 2, "key": "event.data.customer", "scope": "env"},
    ],
    "throttle": {"limit": 3, "period": "30m", "burst": 2, "key": "event.data.customer"},
    "rateLimit": {"limit": 7, "period": "2h", "key": "event.data.customer"},
    "debounce": {"period": "5s", "key": "event.data.customer"},
    "priority": {"run": "event.data.vip ? 10 : 0"},
    "cancel": [{"event": "shop/closed", "if": "async.data.id == event.data.id", "timeout": "1h"}],
    "singleton": {"mode": "skip", "key": "event.data.customer"},
}

_FUNCTIONS: Final[Mapping[str, FunctionSpec]] = {
    "pay": FunctionSpec(_pay, retries=4),
    "receipt": FunctionSpec(lambda _steps: "receipt 1", triggers=[]),
    "refuse": FunctionSpec(_refuse),
    "refuse-failure": FunctionSpec(
        lambda _steps: "noted",
        triggers=[
            {
                "event": "inngest/function.failed",
                "expression": f"event.data.function_id == '{_APP}-refuse'",
            }
        ],
    ),
    "configured": FunctionSpec(
        lambda _steps: None,
        retries=7,
        triggers=[
            {"event": "shop/never", "expression": "event.data.total > 100"},
            {"cron": "TZ=Europe/Berlin 0 4 29 2 *"},
        ],
        options=_OPTIONS,
    ),
    "batched": FunctionSpec(
        lambda steps: len(steps.events),
        options={"batchEvents": {"maxSize": 2, "timeout": "20s", "key": "event.data.customer"}},
    ),
}

#: In the order in which they are asked; what changes something comes last.
_CASES: Final = (
    "GetFunctions",
    "GetFunction",
    "GetFunction-with-handler",
    "GetFunction-unknown",
    "GetApps",
    "GetApp",
    "GetApp-unknown",
    "GetEvent",
    "GetEvent-unknown",
    "GetEventsV2",
    "GetEventV2",
    "GetEventV2Payload",
    "GetEventV2Runs",
    "GetRuns",
    "GetRuns-by-end-without-preview",
    "CountRuns",
    "GetRun-pay",
    "GetRun-pay-classic",
    "GetRun-refuse",
    "GetRun-refuse-classic",
    "GetRun-batch",
    "GetRun-unknown",
    "GetRunTrace",
    "GetRunLinkage",
    "GetTraceResult-of-run",
    "GetTraceResult-of-failed-run",
    "GetTraceResult-of-step",
    "GetTraceResult-of-failed-attempt",
    "GetTrigger",
    "GetTrigger-of-batch",
    "GetWorkerConnections",
    "CountWorkerConnections",
    "GetDebugRun",
    "GetDebugSession",
    "CreateDebugSession",
    "CancelRun-ended",
    "InvokeFunction",
    "Rerun",
    "CreateApp-unreachable",
    "UpdateApp",
    "DeleteApp",
)


class _Scenario:
    """A shop where one order has been paid, one refused, and two came in a batch."""

    def __init__(self, server: Server, app: RawApp, client: GoClient) -> None:
        self._client = client
        self._app = app
        self._server = server
        self._begun = now_text()
        self._paid = app.send("pay", {"order": "o-1", "text": "zwölf <☃>"}, id="order-1")
        (self._pay,) = client.runs_of(self._paid)
        wait_until(self._is_waiting, what="the wait for the approval")
        app.send("approved", {"order": "o-1"})
        client.ended_with(self._pay, "COMPLETED")
        (self._refuse,) = client.runs_of(app.send("refuse", {"order": "o-2"}))
        client.ended_with(self._refuse, "FAILED")
        self._wait_for_handler()
        orders = [{"name": app.event("batched"), "data": {"customer": "c"}} for _ in range(2)]
        (self._batch,) = client.runs_of(server.send_all(orders)[0])
        client.ended_with(self._batch, "COMPLETED")

    def answers(self) -> Answers:
        """Of each case the whole answer, asked in their order."""
        answers: Answers = {}
        for case in _CASES:
            variables = self._variables(case)
            operation = case.partition("-")[0]
            answers[case] = self._client.answer(
                OPERATIONS[operation], variables, operation=operation
            )
        return answers

    def _is_waiting(self) -> bool:
        trace = self._client.traced(self._pay)["trace"]
        nodes = [] if trace is None else trace["childrenSpans"]
        return any((node["name"], node["status"]) == ("approved", "WAITING") for node in nodes)

    def _wait_for_handler(self) -> None:
        """Until the handler of the failed run has ended, so that every list has all runs."""

        def ended() -> bool:
            page = self._client.runs(
                order="", startTime=self._begun, endTime=now_text(), status=["COMPLETED"]
            )
            return bool(page["totalCount"] == 3)

        wait_until(ended, what="the end of the handler")

    def _variables(self, case: str) -> dict[str, Any]:
        """As the page sends them: too many for some, null where nothing was chosen."""
        runs = {
            "appIDs": None,
            "startTime": self._begun,
            "endTime": None,
            "status": None,
            "timeField": "QUEUED_AT",
            "functionRunCursor": None,
            "celQuery": None,
            "preview": True,
            "isDeferred": None,
        }
        workers = {"appID": self._app_id(), "startTime": self._begun, "status": None}
        unknown = "01JBC12345678901234567890A"
        variables: dict[str, dict[str, Any]] = {
            "GetFunctions": {},
            "GetFunction": {"functionSlug": f"{_APP}-configured"},
            "GetFunction-with-handler": {"functionSlug": f"{_APP}-refuse"},
            "GetFunction-unknown": {"functionSlug": f"{_APP}-nobody"},
            "GetApps": {},
            "GetApp": {"id": self._app_id()},
            "GetApp-unknown": {"id": "00000000-0000-4000-8000-000000000001"},
            "GetEvent": {"id": self._paid},
            "GetEvent-unknown": {"id": unknown},
            "GetEventsV2": {
                "cursor": None,
                "startTime": self._begun,
                "endTime": None,
                "celQuery": None,
                "eventNames": None,
                "includeInternalEvents": False,
            },
            "GetRuns": runs,
            "GetRuns-by-end-without-preview": {**runs, "timeField": "ENDED_AT", "preview": False},
            "CountRuns": runs,
            "GetRun-pay": {"runID": self._pay, "preview": True},
            "GetRun-pay-classic": {"runID": self._pay, "preview": False},
            "GetRun-refuse": {"runID": self._refuse, "preview": True},
            "GetRun-refuse-classic": {"runID": self._refuse, "preview": None},
            "GetRun-batch": {"runID": self._batch, "preview": True},
            "GetRun-unknown": {"runID": unknown, "preview": True},
            "GetTrigger-of-batch": {"runID": self._batch},
            "GetWorkerConnections": {
                **workers,
                "timeField": "CONNECTED_AT",
                "cursor": None,
                "orderBy": [],
                "first": 20,
            },
            "CountWorkerConnections": workers,
            "GetDebugRun": {"query": {"functionSlug": f"{_APP}-pay", "runID": self._pay}},
            "GetDebugSession": {"query": {"functionSlug": f"{_APP}-pay", "runID": self._pay}},
            "CreateDebugSession": {"input": {"functionSlug": f"{_APP}-pay", "runID": self._pay}},
            "CancelRun-ended": {"runID": self._pay},
            "InvokeFunction": {
                "functionSlug": f"{_APP}-receipt",
                "data": {"by": "hand"},
                "user": None,
                "debugSessionID": None,
                "debugRunID": None,
            },
            "Rerun": {"runID": self._refuse, "debugRunID": None, "debugSessionID": None},
            "CreateApp-unreachable": {"input": {"url": f"localhost:{free_port()}/api/inngest"}},
            "UpdateApp": {"input": {"id": self._app_id(), "url": "http://localhost:1/moved"}},
            "DeleteApp": {"id": self._app_id()},
        }
        if case.startswith("GetEventV2"):
            return {"eventID": self._paid}
        if case.startswith("GetTraceResult"):
            return {"traceID": self._output_id(case), "preview": True}
        return variables.get(case, {"runID": self._pay})

    def _app_id(self) -> str:
        (app,) = (
            app
            for app in self._client.data("{ apps { id externalID } }")["apps"]
            if app["externalID"] == _APP
        )
        app_id: str = app["id"]
        return app_id

    def _output_id(self, case: str) -> str:
        """The id that the page found in the tree it shows."""
        run_id = self._refuse if case.endswith("failed-run") else self._pay
        root = self._client.traced(run_id, preview=True)["trace"]
        nodes: dict[Any, Any] = {
            "run": root,
            **{(node["name"], node["status"]): node for node in root["childrenSpans"]},
        }
        wanted: Any = "run"
        if case.endswith("of-step"):
            wanted = ("charge", "COMPLETED")
        elif case.endswith("failed-attempt"):
            wanted = ("charge", "FAILED")
        output_id: str = nodes[wanted]["outputID"]
        return output_id


@pytest.fixture(scope="module")
def answers(logs: Path) -> Iterator[Answers]:
    """Every case's answer, from a server of its own."""
    with ExitStack() as stack:
        options = ["--no-discovery", "--no-poll", "--no-persist", "--retry-interval=1"]
        server = Server(["dev", *options], log=logs / "golden-server.log")
        stack.callback(server.stop)
        server.wait_until_healthy()
        app = RawApp(server, _APP, _FUNCTIONS)
        stack.callback(app.stop)
        app.register()
        client = GoClient(server.url)
        stack.callback(client.close)
        yield _Scenario(server, app, client).answers()


@pytest.mark.parametrize("case", _CASES)
def test_the_page_is_answered_as_recorded(answers: Answers, case: str) -> None:
    compare_or_write(case, answers[case])


def test_every_recorded_answer_belongs_to_a_case() -> None:
    assert recorded_names() == set(_CASES)


def test_masks_hide_what_changes_and_keep_which_is_which() -> None:
    """The same id has the same number; what is no id stays."""
    first, second = "01JBC12345678901234567890A", "01JBC12345678901234567890B"
    answer = {
        "ids": [first, second, first],
        "at": "2026-11-21T09:07:15.25Z",
        "raw": f'{{"id":"{first}","ts":1795252035250}}',
        "outputID": "eyJhIjoxfQ==",
        "duration_ms": 12,
        "attempts": 1,
        "parentSpanID": "0000000000000000",
        "spanID": "00f1a2b3c4d5e6f7",
    }

    assert masked(answer) == {
        "ids": ["<ulid 1>", "<ulid 2>", "<ulid 1>"],
        "at": "<time>",
        "raw": '{"id":"<ulid 1>","ts":<ms>}',
        "outputID": "<output 1>",
        "duration_ms": "<measured>",
        "attempts": 1,
        "parentSpanID": "0000000000000000",
        "spanID": "<span 1>",
    }
