"""The TypeScript suite's queries about runs of the TypeScript SDK, with and without checkpointing.

Source: GraphQL, 9.4, 9.5, 9.7 and 10.3.
"""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.compat.graphql_client import Node, depth_first
from tests.compat.graphql_typescript import TypescriptClient
from tests.compat.harness import PLAIN, App, Server, wait_until

# The first test of a session may have to install the SDK.
pytestmark = pytest.mark.timeout(420)

#: Started together, because some of them wait: for a retry, for a timeout.
_STARTED = (
    "values",
    "stepless",
    "caught",
    "throwing",
    "refusing",
    "invoking",
    "invoking-failed",
    "invoking-nobody",
    "sleeping",
    "waiting-in-vain",
    "parallel",
    "sending",
    "wrapped",
    "modelled",
    "scored",
)

_WHOLE = "name stepID spanID parentSpanID groupID stepType stepOp attempts status outputID duration"
_ATTEMPT = f"""
{_WHOLE} isRoot startedAt endedAt queuedAt
stepInfo {{
  __typename
  ... on SleepStepInfo {{ sleepUntil }}
  ... on WaitForEventStepInfo {{ eventName expression foundEventID timedOut }}
  ... on InvokeStepInfo {{ triggeringEventID functionID returnEventID runID timedOut }}
  ... on WaitForSignalStepInfo {{ signal timedOut }}
  ... on RunStepInfo {{ type }}
}}
response {{ statusCode headers }}
"""
_TREE = f"""
query ($runID: String!, $preview: Boolean) {{
  run(runID: $runID) {{
    status
    trace(preview: $preview) {{
      {_ATTEMPT}
      childrenSpans {{
        {_ATTEMPT}
        childrenSpans {{ {_WHOLE} isRoot startedAt endedAt queuedAt }}
      }}
    }}
  }}
}}
"""


class Client(TypescriptClient):
    """The suite's operations, and one that asks for all of a tree."""

    def tree(self, run_id: str, *, preview: bool) -> Node:
        variables = {"runID": run_id, "preview": preview}
        root: Node = self.data(_TREE, variables)["run"]["trace"]
        return root


class Started:
    """One of the two apps, and the runs of its functions that were started first."""

    def __init__(self, app: App, client: Client, *, checkpointing: bool) -> None:
        self.app = app
        self.client = client
        self.checkpointing = checkpointing
        ids = app.server.send_all([{"name": app.event(name), "data": {}} for name in _STARTED])
        self._events = dict(zip(_STARTED, ids, strict=True))

    def run_id(self, name: str) -> str:
        """The run of a function that was started first."""
        return self.client.run_of(self._events[name], name)

    def start(self, name: str, **data: Any) -> str:
        """The run of a function that is started now."""
        return self.client.run_of(self.app.server.send(self.app.event(name), data), name)


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[Client]:
    client = Client(server.url)
    yield client
    client.close()


@pytest.fixture(scope="module")
def both(client: Client, typescript_graphql_app: tuple[App, App]) -> dict[str, Started]:
    with_it, without = typescript_graphql_app
    return {
        "checkpointing": Started(with_it, client, checkpointing=True),
        "plain": Started(without, client, checkpointing=False),
    }


@pytest.fixture(params=["checkpointing", "plain"])
def started(request: pytest.FixtureRequest, both: dict[str, Started]) -> Started:
    one: Started = both[request.param]
    return one


class TestSteps:
    """Steps that run code."""

    def test_the_result_of_a_run_is_what_its_root_brought(self, started: Started) -> None:
        assert started.client.result(started.run_id("values")) == (
            "COMPLETED",
            {"foo": {"bar": 1}},
        )
        assert started.client.result(started.run_id("stepless")) == (
            "COMPLETED",
            "function output",
        )

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("text", "hello"),
            ("number", 1),
            ("nothing", None),
            ("has data", {"data": {"deep": True}}),
        ],
    )
    def test_the_output_of_a_step_is_its_bare_value(
        self, started: Started, name: str, value: object
    ) -> None:
        """`undefined` is the text `null`."""
        run_id = started.run_id("values")
        started.client.result(run_id)

        wanted = {"stepType": "RUN", "status": "COMPLETED", "name": name}
        output = started.client.node_output(run_id, **wanted)

        assert output == {"data": value, "error": None}

    def test_each_step_is_shown_once(self, started: Started) -> None:
        run_id = started.run_id("values")
        started.client.result(run_id)

        nodes = started.client.tree(run_id, preview=True)["childrenSpans"]

        steps = [node for node in nodes if node["stepID"] is not None]
        names = [node["name"] for node in steps]
        assert names == ["text", "number", "nothing", "has data"]
        for node in steps:
            assert (node["stepOp"], node["stepType"], node["attempts"]) == ("RUN", "RUN", 0)
            assert node["stepInfo"] == {"__typename": "RunStepInfo", "type": None}
            assert node["duration"] is not None
            assert node["endedAt"] is not None

    def test_the_classic_tree_has_the_same_steps_by_position(self, started: Started) -> None:
        """Steps that were reported while the call went on are leaves like any other."""
        run_id = started.run_id("values")
        started.client.result(run_id)

        root = started.client.tree(run_id, preview=False)

        shown = [(node["name"], node["stepOp"], node["status"]) for node in root["childrenSpans"]]
        assert shown == [
            ("text", "RUN", "COMPLETED"),
            ("number", "RUN", "COMPLETED"),
            ("nothing", "RUN", "COMPLETED"),
            ("has data", "RUN", "COMPLETED"),
            ("function success", None, "COMPLETED"),
        ]
        assert all(node["outputID"] for node in root["childrenSpans"])

    def test_the_end_of_a_function_is_a_node_with_the_output(self, started: Started) -> None:
        """What the SDK drives itself has no finalization beside it."""
        run_id = started.run_id("values")
        started.client.result(run_id)
        root = started.client.tree(run_id, preview=True)

        (end,) = [node for node in root["childrenSpans"] if node["name"] == "executor.nonstep"]
        assert (end["stepID"], end["stepOp"], end["stepType"]) == (None, None, "")
        assert (end["status"], end["outputID"] is not None) == ("COMPLETED", True)
        assert end["groupID"] is not None
        final = [node for node in root["childrenSpans"] if node["stepType"] == "FINALIZATION"]
        if started.checkpointing:
            assert final == []
        else:
            (shown,) = final
            assert (shown["name"], shown["status"]) == ("Finalization", "COMPLETED")
            assert (shown["outputID"], shown["stepID"]) == (None, None)

    def test_a_root_knows_when_it_ended_and_what_was_answered(self, started: Started) -> None:
        run_id = started.run_id("stepless")
        started.client.result(run_id)
        root = started.client.tree(run_id, preview=True)

        assert root["isRoot"] is True
        assert root["parentSpanID"] == "0000000000000000"
        assert (root["attempts"], root["status"]) == (0, "COMPLETED")
        assert root["endedAt"] is not None
        assert root["duration"] >= 0
        assert root["response"]["statusCode"] in {200, 206}
        assert "content-type" in {name.lower() for name in root["response"]["headers"]}

    def test_parallel_steps_are_all_there(self, started: Started) -> None:
        run_id = started.run_id("parallel")

        assert started.client.result(run_id) == ("COMPLETED", [1, 4, 9])
        for n in (1, 2, 3):
            wanted = {"name": f"square {n}", "stepType": "RUN", "status": "COMPLETED"}
            assert started.client.node_output(run_id, **wanted)["data"] == n * n
            assert len(list(started.client.nodes(run_id, **wanted))) == 1

    def test_events_that_a_step_sends_are_named(self, started: Started) -> None:
        run_id = started.run_id("sending")
        _, ids = started.client.result(run_id)

        node = started.client.node(run_id, name="send", stepType="step.sendEvent")
        assert node["status"] == "COMPLETED"
        event = started.client.event(ids[0])
        assert event["name"] == started.app.event("sent")
        assert event["raw"]["data"]["n"] == 1

    def test_a_step_of_ai_says_so(self, started: Started) -> None:
        run_id = started.run_id("wrapped")
        assert started.client.result(run_id) == ("COMPLETED", {"answer": 9})

        wanted = {"name": "my-step", "stepType": "step.ai.wrap", "status": "COMPLETED"}
        assert started.client.node_output(run_id, **wanted)["data"] == {"answer": 9}


class TestFailures:
    """Steps and functions that fail."""

    def test_a_step_that_failed_twice_has_its_error(self, started: Started) -> None:
        run_id = started.run_id("caught")
        assert started.client.result(run_id) == ("COMPLETED", ["Oh no!", "Oh no!"])

        wanted = {"stepType": "RUN", "status": "FAILED", "attempts": 1}
        deep = started.client.node_output(run_id, name="with cause", **wanted)
        flat = started.client.node_output(run_id, name="without cause", **wanted)

        for output in (deep, flat):
            assert output["data"] is None
            assert set(output["error"]) == {"name", "message", "stack", "cause"}
            assert (output["error"]["name"], output["error"]["message"]) == ("Error", "Oh no!")
            assert isinstance(output["error"]["stack"], str)
        assert deep["error"]["cause"]["name"] == "TypeError"
        assert deep["error"]["cause"]["message"] == "deeper"
        assert flat["error"]["cause"] is None

    def test_each_attempt_of_a_step_has_its_own_output(self, started: Started) -> None:
        run_id = started.run_id("caught")
        started.client.result(run_id)

        nodes = list(started.client.nodes(run_id, name="with cause"))

        assert [(node["attempts"], node["status"]) for node in nodes] == [
            (0, "FAILED"),
            (1, "FAILED"),
        ]
        assert len({node["outputID"] for node in nodes}) == 2

    def test_a_function_that_throws_has_a_failed_end(self, started: Started) -> None:
        run_id = started.run_id("throwing")
        status, error = started.client.result(run_id)

        assert (status, error["name"], error["message"]) == ("FAILED", "Error", "no way")
        assert started.client.node(run_id, stepType="FINALIZATION", status="FAILED")
        assert list(started.client.nodes(run_id, name="never reached")) == []
        ends = list(started.client.nodes(run_id, name="executor.nonstep"))
        assert [(node["attempts"], node["status"]) for node in ends] == [
            (0, "FAILED"),
            (1, "FAILED"),
        ]

    def test_a_failed_end_is_there_between_retries(self, started: Started) -> None:
        run_id = started.start("throwing")

        node = started.client.node(run_id, stepType="FINALIZATION", status="FAILED")

        assert node["outputID"] is None
        assert started.client.result(run_id)[0] == "FAILED"

    def test_an_error_that_is_not_retried_ends_the_run(self, started: Started) -> None:
        run_id = started.run_id("refusing")
        status, error = started.client.result(run_id)

        assert (status, error["message"]) == ("FAILED", "not again")
        assert error["name"] == "NonRetriableError"
        assert len(list(started.client.nodes(run_id, name="executor.nonstep"))) == 1


class TestWaiting:
    """Steps that are no code."""

    def test_an_invoked_function_brings_its_value(self, started: Started) -> None:
        run_id = started.run_id("invoking")
        assert started.client.result(run_id) == ("COMPLETED", {"asked": "why"})

        wanted = {"name": "ask child", "stepType": "INVOKE", "status": "COMPLETED"}
        assert started.client.node_output(run_id, **wanted)["data"] == {"asked": "why"}
        (node,) = _nodes(started.client.tree(run_id, preview=True), "ask child")
        assert node["stepInfo"]["functionID"] == f"{started.app.id}-child"
        assert node["stepInfo"]["timedOut"] is False
        assert node["stepInfo"]["runID"] is not None

    def test_an_invoked_function_that_fails_brings_its_error(self, started: Started) -> None:
        run_id = started.run_id("invoking-failed")
        assert started.client.result(run_id) == ("COMPLETED", "child is broken")

        wanted = {"name": "ask child", "stepType": "INVOKE", "status": "FAILED"}
        error = started.client.node_output(run_id, **wanted)["error"]
        assert error["message"] == "child is broken"

    def test_nobody_can_be_invoked_who_does_not_exist(self, started: Started) -> None:
        run_id = started.run_id("invoking-nobody")
        status, _ = started.client.result(run_id)

        wanted = {"name": "invoke-non-existent-fn", "stepType": "INVOKE", "status": "FAILED"}
        error = started.client.node_output(run_id, **wanted)["error"]
        assert status == "FAILED"
        assert error["name"] == "Error"
        assert "could not find function" in error["message"]

    def test_a_sleep_has_its_end_and_no_output(self, started: Started) -> None:
        run_id = started.run_id("sleeping")
        assert started.client.result(run_id) == ("COMPLETED", "rested")

        (node,) = _nodes(started.client.tree(run_id, preview=True), "nap")
        assert (node["stepOp"], node["stepType"]) == ("SLEEP", "SLEEP")
        assert (node["status"], node["outputID"]) == ("COMPLETED", None)
        assert node["stepInfo"]["sleepUntil"] is not None

    def test_a_wait_shows_what_it_waits_for_and_then_what_came(self, started: Started) -> None:
        run_id = started.start("waiting", order="o-1")

        def waits() -> Node | None:
            nodes = _nodes(started.client.tree(run_id, preview=True), "paid")
            return nodes[0] if nodes else None

        node = wait_until(waits, what="the wait")
        assert node is not None
        assert (node["stepOp"], node["status"]) == ("WAIT_FOR_EVENT", "WAITING")
        assert (node["endedAt"], node["duration"], node["outputID"]) == (None, None, None)
        assert (node["stepInfo"]["timedOut"], node["stepInfo"]["foundEventID"]) == (None, None)
        paid = started.app.server.send(started.app.event("paid"), {"order": "o-1", "total": 5})
        assert started.client.result(run_id) == ("COMPLETED", {"order": "o-1", "total": 5})
        (node,) = _nodes(started.client.tree(run_id, preview=True), "paid")
        assert node["status"] == "COMPLETED"
        assert node["stepInfo"]["eventName"] == started.app.event("paid")
        assert (node["stepInfo"]["timedOut"], node["stepInfo"]["foundEventID"]) == (False, paid)
        # The whole event: it is known by its name, data and time.
        found = started.client.node_output(run_id, name="paid", status="COMPLETED")["data"]
        assert found["name"] == started.app.event("paid")
        assert found["data"] == {"order": "o-1", "total": 5}

    def test_a_wait_in_vain_is_completed(self, started: Started) -> None:
        run_id = started.run_id("waiting-in-vain")
        assert started.client.result(run_id) == ("COMPLETED", None)

        (node,) = _nodes(started.client.tree(run_id, preview=True), "never")
        assert (node["status"], node["outputID"]) == ("COMPLETED", None)
        assert (node["stepInfo"]["timedOut"], node["stepInfo"]["foundEventID"]) == (True, None)

    def test_a_signal_brings_its_data(self, started: Started) -> None:
        signal = f"{started.app.id}-go"
        run_id = started.start("signalled", signal=signal)

        def waits() -> Node | None:
            nodes = _nodes(started.client.tree(run_id, preview=True), "go")
            return nodes[0] if nodes else None

        node = wait_until(waits, what="the wait for the signal")
        assert node is not None
        assert (node["stepOp"], node["status"]) == ("WAIT_FOR_SIGNAL", "WAITING")
        assert node["stepInfo"] == {
            "__typename": "WaitForSignalStepInfo",
            "signal": signal,
            "timedOut": None,
        }
        response = started.app.server.http.post(
            "/v1/signals", json={"signal": signal, "data": {"n": 7}}
        )
        assert response.status_code == 200, response.text
        assert started.client.result(run_id) == ("COMPLETED", {"n": 7})
        (node,) = _nodes(started.client.tree(run_id, preview=True), "go")
        assert (node["status"], node["stepInfo"]["timedOut"]) == ("COMPLETED", False)

    def test_a_cancelled_run_keeps_its_steps(self, started: Started) -> None:
        run_id = started.start("cancelled", order="o-2")
        started.client.node(run_id, name="nap", status="WAITING")
        started.app.server.send(started.app.event("stop"), {"order": "o-2"})

        def cancelled() -> Node | None:
            root = started.client.tree(run_id, preview=True)
            return root if root["status"] == "CANCELLED" else None

        root = wait_until(cancelled, what="the end of the run")
        assert root is not None
        assert root["endedAt"] is not None
        shown = [(node["name"], node["status"]) for node in root["childrenSpans"]]
        assert ("first", "COMPLETED") in shown
        assert ("nap", "WAITING") in shown

    def test_a_run_that_goes_on_shows_where_it_is(self, started: Started) -> None:
        gate = f"{started.app.id} stands"
        run_id = started.start("standing", gate=gate)
        try:
            wait_until(lambda: started.app.calls_of(run_id, "stand"), what="the second step")
            root = started.client.tree(run_id, preview=True)
            assert (root["status"], root["endedAt"], root["duration"]) == ("RUNNING", None, None)
            assert root["startedAt"] is not None
            query = "query ($id: String!) { runTraceSpanOutputByID(outputID: $id) { input data } }"
            given = started.client.data(query, {"id": root["outputID"]})["runTraceSpanOutputByID"]
            assert given["data"] == ""
            (event,) = json.loads(given["input"])
            assert event["data"]["gate"] == gate
        finally:
            httpx.post(
                f"{started.app.origin}/gates/{gate}", timeout=30, trust_env=False, verify=PLAIN
            )
        assert started.client.result(run_id) == ("COMPLETED", "stood")


class TestEvents:
    """What started the runs."""

    def test_an_event_is_found_by_name_and_by_id(self, started: Started) -> None:
        name = started.app.event("nobody.listens")
        event_id = started.app.server.send(name, {"n": 1}, id=f"{started.app.id}-own")

        assert started.client.event_named(name) == {
            "id": event_id,
            "name": name,
            "payload": {"n": 1},
        }
        event = started.client.event(event_id)
        assert event["idempotencyKey"] == f"{started.app.id}-own"
        assert event["raw"]["id"] == f"{started.app.id}-own"
        assert event["raw"]["data"] == {"n": 1}

    def test_an_event_without_an_id_has_its_internal_one(self, started: Started) -> None:
        event_id = started.app.server.send(started.app.event("nobody.listens"))

        assert started.client.event(event_id)["idempotencyKey"] == event_id

    def test_each_event_of_a_batch_shows_the_run(self, started: Started) -> None:
        name = started.app.event("batched")
        events = started.app.server.send_all([{"name": name, "data": {"n": n}} for n in (1, 2, 3)])
        run_id = started.client.run_of(events[0], "batched")

        assert started.client.result(run_id) == ("COMPLETED", [1, 2, 3])
        query = "query ($id: ULID!) { eventV2(id: $id) { runs { id isBatch triggerIDs } } }"
        for event_id in events:
            found = started.client.data(query, {"id": event_id})["eventV2"]["runs"]
            assert found == [{"id": run_id, "isBatch": True, "triggerIDs": events}]


class TestMetadata:
    """What is attached to runs and steps."""

    def test_scores_and_experiments_are_shown_where_they_belong(self, started: Started) -> None:
        """Exactly what was set, no fillers."""
        run_id = started.run_id("scored")
        started.client.result(run_id)

        root = _by_kind(started.client.metadata(run_id))
        assert root["inngest.score"]["scope"] == "run"
        assert root["inngest.score"]["values"] == {"rizz": {"value": 100}}
        assert root["userland.bill"]["values"] == {"cost": 3}
        step = _by_kind(started.client.metadata(run_id, "my-step"))
        assert (step["inngest.score"]["scope"], step["inngest.score"]["values"]) == (
            "step",
            {"taste": {"value": True}},
        )
        chosen = _by_kind(started.client.metadata(run_id, "checkout"))
        assert chosen["inngest.experiment"]["values"]["variant"] == "control"

    def test_what_is_attached_by_rest_is_there_when_it_is_answered(self, started: Started) -> None:
        run_id = started.run_id("values")
        started.client.result(run_id)
        node = started.client.node(run_id, name="text", stepType="RUN")
        assert node["outputID"]

        _attach(started.app.server, run_id, "inngest.experiment", {"name": "n", "variant": "v"})

        root = _by_kind(started.client.metadata(run_id))
        assert root["inngest.experiment"]["values"] == {"name": "n", "variant": "v"}
        assert root["inngest.usage"]["values"]["metadata_bytes"] > 0

    def test_what_the_sdk_saw_of_a_model_is_attached_to_its_step(self, started: Started) -> None:
        """The cost is the server's own estimate; everything else is the SDK's, key by key."""
        run_id = started.run_id("modelled")
        started.client.result(run_id)

        found = started.client.metadata(run_id, "my-step")

        (entry,) = [entry for entry in found if entry["kind"] == "inngest.ai"]
        assert entry["scope"] == "step"
        values = dict(entry["values"])
        assert isinstance(values.pop("latency_ms"), int | float)
        assert isinstance(values.pop("estimated_cost"), int | float)
        assert values == {
            "input_tokens": 12,
            "output_tokens": 3,
            "request_model": "gpt-4o",
            "response_model": "gpt-4o",
            "provider": "openai",
            "operation_name": "chat",
        }

    def test_what_a_model_took_is_attached_to_its_step_once(self, started: Started) -> None:
        """Whole numbers stay whole, and no key is added."""
        run_id = started.run_id("values")
        started.client.result(run_id)
        values = {
            "input_tokens": 12,
            "output_tokens": 3,
            "request_model": "m-1",
            "provider": "p",
            "operation_name": "chat",
            "latency_ms": 250,
            "estimated_cost": 0.25,
        }

        _attach(started.app.server, run_id, "inngest.ai", values, step="number")

        found = started.client.metadata(run_id, "number")
        (entry,) = [entry for entry in found if entry["kind"] == "inngest.ai"]
        assert (entry["scope"], entry["values"]) == ("step", values)
        assert entry["updatedAt"] is not None

    @pytest.mark.parametrize("preview", [None, False, True])
    def test_every_node_has_a_list(self, started: Started, preview: bool | None) -> None:
        run_id = started.run_id("scored")
        started.client.result(run_id)

        nodes = started.client.children(run_id, preview=preview)

        assert "my-step" in [node["name"] for node in nodes]
        if not preview:
            assert all(node["metadata"] == [] for node in nodes)


def test_a_route_that_is_a_run_itself_has_status_and_output(
    client: Client, typescript_graphql_app: tuple[App, App]
) -> None:
    """The SDK drives it; the server only keeps what it is told."""
    app = typescript_graphql_app[0]
    response = httpx.get(f"{app.origin}/endpoint", timeout=30, trust_env=False, verify=PLAIN)
    assert response.json() == {"greeting": "Hello, Ada"}
    (call,) = [call for call in app.calls() if call["name"] == "endpoint"]

    status, _ = client.result(call["run_id"])

    assert status == "COMPLETED"
    wanted = {"name": "name", "stepType": "RUN", "status": "COMPLETED"}
    assert client.node_output(call["run_id"], **wanted)["data"] == "Ada"


def _attach(
    server: Server, run_id: str, kind: str, values: dict[str, Any], step: str | None = None
) -> None:
    target = {"run_id": run_id} if step is None else {"run_id": run_id, "step_id": step}
    metadata = [{"kind": kind, "op": "set", "values": values}]
    response = server.http.post(
        f"/v1/runs/{run_id}/metadata", json={"target": target, "metadata": metadata}
    )
    assert response.status_code == 200, response.text


def _by_kind(metadata: list[Node]) -> dict[str, Node]:
    """The entries by kind, of which each must be there once."""
    found = {entry["kind"]: entry for entry in metadata}
    assert len(found) == len(metadata), metadata
    return found


def _nodes(root: Node, name: str) -> list[Node]:
    return [node for node in depth_first(root) if node["name"] == name]
