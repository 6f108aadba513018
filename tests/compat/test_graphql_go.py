"""The Go suite's queries about runs of an app that answers as the Go SDK does, by position.

Source: GraphQL, 8, 9.2, 9.3 and 10.1.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from stepwell.wire.ulid import ulid_ms
from tests.compat.graphql_client import Node
from tests.compat.graphql_go import ZERO_TIME, GoClient
from tests.compat.graphql_go_functions import APP
from tests.compat.graphql_raw_app import RawApp
from tests.compat.graphql_stage import (
    children_of,
    is_ulid_text,
    ms_of,
    now_text,
    open_at_end,
    shape,
)
from tests.compat.harness import Server, wait_until

#: Started together, because they sleep, retry or wait for a timeout.
_SLOW = (
    "wait-in-vain",
    "fails-twice",
    "retried",
    "exhausts-step",
    "sleeps-after-failure",
    "invokes-after-failure",
    "invokes-for-a-second",
)


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[GoClient]:
    client = GoClient(server.url)
    yield client
    client.close()


@pytest.fixture(scope="module")
def app(go_app: RawApp) -> RawApp:
    return go_app


@pytest.fixture(scope="module")
def slow(app: RawApp, client: GoClient) -> dict[str, str]:
    """Of each function that takes a while its run."""
    events = app.server.send_all(
        [
            *({"name": app.event(name)} for name in _SLOW),
            {"name": app.event("basic"), "data": {"order": "basic"}},
        ]
    )
    names = (*_SLOW, "basic")
    return {name: client.runs_of(event_id)[0] for name, event_id in zip(names, events, strict=True)}


def started(app: RawApp, client: GoClient, name: str, **data: Any) -> str:
    """The id of the run that is started now."""
    (run_id,) = client.runs_of(app.send(name, data))
    return run_id


@pytest.fixture(scope="module")
def basic(app: RawApp, client: GoClient, slow: dict[str, str]) -> str:
    """The run of `basic`, when its wait has been seen waiting and its event has been sent."""
    run_id = slow["basic"]

    def is_waiting() -> Node | None:
        trace = client.traced(run_id)["trace"]
        children = trace["childrenSpans"] if trace is not None else []
        return children[3] if len(children) > 3 else None

    node = wait_until(is_waiting, what="the wait of basic")
    assert node is not None
    assert shape([node], "name", "stepOp", "status") == [("wait1", "WAIT_FOR_EVENT", "WAITING")]
    assert node["childrenSpans"] == []
    assert (node["endedAt"], node["outputID"]) == (None, None)
    info = node["stepInfo"]
    assert info["eventName"] == f"{APP}/resume"
    assert (info["timedOut"], info["foundEventID"]) == (None, None)
    assert client.status(run_id) == "RUNNING"
    app.send("resume", {"order": "another"})
    app.send("resume", {"order": "basic"})
    return run_id


class TestBasicSteps:
    """A run of two steps, a sleep and a wait."""

    def test_children_are_in_the_order_of_execution(self, client: GoClient, basic: str) -> None:
        run = client.trace(basic, "COMPLETED", children=5)

        children = children_of(run)
        fields = ("name", "stepOp", "status", "attempts", "isRoot")
        assert shape(children, *fields) == [
            ("1", "RUN", "COMPLETED", 0, False),
            ("2", "RUN", "COMPLETED", 0, False),
            ("delay", "SLEEP", "COMPLETED", 0, False),
            ("wait1", "WAIT_FOR_EVENT", "COMPLETED", 0, False),
            ("function success", None, "COMPLETED", 0, False),
        ]
        root = run["trace"]
        assert root["name"] == f"{APP}-basic"
        assert (root["attempts"], root["parentSpanID"], root["stepOp"]) == (0, None, None)
        assert {node["parentSpanID"] for node in children} == {root["spanID"]}
        assert {node["runID"] for node in [root, *children]} == {basic}
        assert all(node["childrenSpans"] == [] for node in children)
        assert all(isinstance(node["duration"], int) for node in [root, *children])

    def test_each_child_has_what_it_brought(self, client: GoClient, basic: str) -> None:
        run = client.trace(basic, "COMPLETED", children=5)

        first, second, delay, wait, end = children_of(run)
        client.assert_data(first, "first")
        client.assert_data(second, "second")
        client.assert_data(wait, f"{APP}/resume")
        client.assert_data(end, "basic done")
        assert delay["outputID"] is None
        assert run["trace"]["outputID"] == end["outputID"]

    def test_the_sleep_has_its_length(self, client: GoClient, basic: str) -> None:
        delay = children_of(client.trace(basic, "COMPLETED", children=5))[2]

        assert abs(delay["duration"] - 2000) <= 200
        assert delay["stepInfo"]["__typename"] == "SleepStepInfo"
        assert ms_of(delay["endedAt"]) == ms_of(delay["stepInfo"]["sleepUntil"])

    def test_the_wait_names_the_event_it_found(self, client: GoClient, basic: str) -> None:
        wait = children_of(client.trace(basic, "COMPLETED", children=5))[3]

        info = wait["stepInfo"]
        assert info["timedOut"] is False
        event = client.event(info["foundEventID"])
        assert json.loads(event["raw"])["data"] == {"order": "basic"}
        # Values of the event that started the run stand in the condition itself.
        assert "event.data.order" not in info["expression"].replace("async.data.order", "")
        assert "basic" in info["expression"]

    def test_the_trigger_names_the_event(self, client: GoClient, basic: str) -> None:
        run = client.trace(basic, "COMPLETED", children=5)
        trigger = client.trigger(basic)

        assert trigger["eventName"] == f"{APP}/basic"
        assert len(trigger["IDs"]) == 1
        assert (trigger["isBatch"], trigger["batchID"], trigger["cron"]) == (False, None, None)
        assert ms_of(trigger["timestamp"]) < ulid_ms(basic)
        assert json.loads(trigger["payloads"][0])["data"] == {"order": "basic"}
        assert (run["isBatch"], run["batchCreatedAt"], run["cronSchedule"]) == (False, None, None)
        assert run["endedAt"] is not None
        assert len(run["traceID"]) == 32


class TestWait:
    """Waits that end in another way."""

    def test_one_that_timed_out_is_completed_without_output(
        self, client: GoClient, slow: dict[str, str]
    ) -> None:
        wait = children_of(client.trace(slow["wait-in-vain"], "COMPLETED", children=2))[0]

        assert shape([wait], "name", "stepOp", "status", "outputID") == [
            ("hold", "WAIT_FOR_EVENT", "COMPLETED", None)
        ]
        assert wait["stepInfo"]["timedOut"] is True
        assert wait["stepInfo"]["foundEventID"] is None
        assert wait["childrenSpans"] == []

    def test_one_after_a_failure_keeps_the_failed_attempt(
        self, app: RawApp, client: GoClient
    ) -> None:
        """The failed attempt and the wait are attempts of one node."""
        run_id = started(app, client, "wait-after-failure", order="retry")

        def waits() -> list[Node] | None:
            trace = client.traced(run_id)["trace"]
            children = [] if trace is None else trace["childrenSpans"]
            ops = [child["stepOp"] for node in children for child in node["childrenSpans"]]
            return children if "WAIT_FOR_EVENT" in ops else None

        children = wait_until(waits, what="the wait after the failure")
        assert children is not None
        assert len(children) == 1
        app.send("resume", {"order": "retry"})
        run = client.trace(run_id, "COMPLETED", children=2)
        hold, end = children_of(run)
        assert shape([hold], "name", "stepOp", "status", "attempts") == [
            ("hold", "WAIT_FOR_EVENT", "COMPLETED", 0)
        ]
        client.assert_data(hold, f"{APP}/resume")
        failed, waited = hold["childrenSpans"]
        assert shape([failed], "name", "status", "attempts") == [("Attempt 0", "FAILED", 0)]
        client.assert_error(failed, message="no wait yet")
        assert waited["stepOp"] == "WAIT_FOR_EVENT"
        assert (end["name"], end["status"]) == ("function success", "COMPLETED")


class TestFailure:
    """Functions and steps that fail."""

    def test_one_without_retries_has_one_attempt(self, app: RawApp, client: GoClient) -> None:
        run = client.trace(started(app, client, "fails"), "FAILED", children=1)

        (node,) = children_of(run)
        root_id = run["trace"]["spanID"]
        assert shape([node], "name", "status", "parentSpanID", "stepOp") == [
            ("function error", "FAILED", root_id, None)
        ]
        assert node["endedAt"] is not None
        client.assert_error(node, message="nope!")
        (attempt,) = node["childrenSpans"]
        assert shape([attempt], "name", "status", "parentSpanID") == [
            ("Attempt 0", "FAILED", root_id)
        ]
        client.assert_error(attempt, message="nope!")

    def test_one_that_will_be_retried_is_running(self, app: RawApp, client: GoClient) -> None:
        run_id = started(app, client, "fails-before-far-retry")
        run = _with_children(client, run_id)

        (node,) = children_of(run)
        fields = ("name", "status", "attempts", "outputID")
        assert shape([node], *fields) == [("execute", "RUNNING", 0, None)]
        failed, queued = node["childrenSpans"]
        assert shape([failed, queued], "name", "status", "attempts") == [
            ("Attempt 0", "FAILED", 0),
            ("Attempt 1", "QUEUED", 1),
        ]
        client.assert_error(failed, message="nope!")
        assert (queued["spanID"], queued["outputID"]) == ("queued", None)
        root = run["trace"]
        assert (root["status"], root["endedAt"], root["outputID"]) == ("RUNNING", None, None)

    def test_one_that_was_retried_has_an_attempt_for_each_try(
        self, client: GoClient, slow: dict[str, str]
    ) -> None:
        run = client.trace(slow["fails-twice"], "FAILED", children=1)

        (node,) = children_of(run)
        # Not an index: so many attempts were made.
        assert shape([node], "name", "status", "attempts") == [("execute", "FAILED", 2)]
        client.assert_error(node, message="nope!")
        fields = ("name", "status", "attempts", "parentSpanID")
        assert shape(node["childrenSpans"], *fields) == [
            ("Attempt 0", "FAILED", 0, run["trace"]["spanID"]),
            ("Attempt 1", "FAILED", 1, run["trace"]["spanID"]),
        ]

    def test_steps_and_functions_show_what_failed_before_they_worked(
        self, client: GoClient, slow: dict[str, str]
    ) -> None:
        run = client.trace(slow["retried"], "COMPLETED", children=2)

        step, end = children_of(run)
        assert shape([step], "name", "stepOp", "status", "attempts") == [
            ("flaky", "RUN", "COMPLETED", 2)
        ]
        fields = ("name", "status", "attempts", "stepOp")
        assert shape(step["childrenSpans"], *fields) == [
            ("Attempt 0", "FAILED", 0, "RUN"),
            ("Attempt 1", "FAILED", 1, "RUN"),
            ("Attempt 2", "COMPLETED", 2, "RUN"),
        ]
        for index in (0, 1):
            client.assert_error(step["childrenSpans"][index], message=f"broken {index}")
        client.assert_data(step, "at last")
        assert (end["name"], end["status"]) == ("function success", "COMPLETED")
        failed, succeeded = end["childrenSpans"]
        client.assert_error(failed, message="not at the end either")
        # Of the attempts only those that failed carry an output.
        assert (succeeded["status"], succeeded["outputID"]) == ("COMPLETED", None)
        client.assert_data(end, "at last")

    def test_a_step_that_will_be_retried_is_running(self, app: RawApp, client: GoClient) -> None:
        run = _with_children(client, started(app, client, "fails-step-before-far-retry"))

        (step,) = children_of(run)
        fields = ("name", "stepOp", "status", "attempts", "outputID")
        assert shape([step], *fields) == [("flaky", "RUN", "RUNNING", 0, None)]
        assert step["spanID"].startswith("steprun-")
        failed, queued = step["childrenSpans"]
        assert shape([failed, queued], "name", "status", "attempts") == [
            ("Attempt 0", "FAILED", 0),
            ("Attempt 1", "QUEUED", 1),
        ]
        client.assert_error(failed, message="broken")

    def test_a_step_that_failed_for_good_counts_its_attempts(
        self, client: GoClient, slow: dict[str, str]
    ) -> None:
        run = client.trace(slow["exhausts-step"], "COMPLETED", children=2)

        step, end = children_of(run)
        assert shape([step], "name", "status", "attempts") == [("doomed", "FAILED", 2)]
        assert shape(step["childrenSpans"], "name", "status") == [
            ("Attempt 0", "FAILED"),
            ("Attempt 1", "FAILED"),
        ]
        client.assert_error(step, message="broken for good")
        client.assert_data(end, "broken for good")

    def test_too_large_an_answer_is_named_in_the_stack(self, app: RawApp, client: GoClient) -> None:
        run = client.trace(started(app, client, "too-large"), "FAILED", children=1)

        (node,) = children_of(run)
        (attempt,) = node["childrenSpans"]
        assert shape([attempt], "name", "status") == [("Attempt 0", "FAILED")]
        client.assert_error(attempt, stack='"output_too_large"')

    def test_a_sleep_after_a_failure_keeps_the_failed_attempt(
        self, client: GoClient, slow: dict[str, str]
    ) -> None:
        run = client.trace(slow["sleeps-after-failure"], "COMPLETED", children=3)

        nap, after, end = children_of(run)
        assert shape([nap], "name", "stepOp", "status", "outputID") == [
            ("nap", "SLEEP", "COMPLETED", None)
        ]
        assert len(nap["childrenSpans"]) == 2
        failed, slept = nap["childrenSpans"]
        client.assert_error(failed, message="not tired")
        assert slept["stepOp"] == "SLEEP"
        assert ms_of(nap["stepInfo"]["sleepUntil"]) < ms_of(now_text())
        assert shape([after, end], "name", "status") == [
            ("after", "COMPLETED"),
            ("function success", "COMPLETED"),
        ]


def _with_children(client: GoClient, run_id: str) -> Node:
    """The run as soon as its first node has two attempts."""

    def found() -> Node | None:
        run = client.traced(run_id)
        children = [] if run["trace"] is None else children_of(run)
        return run if children and len(children[0]["childrenSpans"]) == 2 else None

    try:
        run = wait_until(found, what="two attempts", limit_s=10)
    except AssertionError as error:
        raise AssertionError(f"{error}; is {client.traced(run_id)}") from None
    assert run is not None
    return run


class TestInvoke:
    """One function that asks another."""

    def test_one_that_is_answered_names_run_and_event(self, app: RawApp, client: GoClient) -> None:
        run = client.trace(started(app, client, "invokes"), "COMPLETED", children=2)

        ask, end = children_of(run)
        fields = ("name", "stepOp", "status", "attempts", "childrenSpans")
        assert shape([ask], *fields) == [("ask", "INVOKE", "COMPLETED", 0, [])]
        info = ask["stepInfo"]
        assert info["functionID"] == f"{APP}-child"
        assert info["timedOut"] is False
        assert is_ulid_text(info["triggeringEventID"])
        assert is_ulid_text(info["returnEventID"])
        client.assert_data(ask, '{"data":')
        client.assert_data(end, '{"answer":42}')
        assert client.status(info["runID"]) == "COMPLETED"

    def test_one_whose_function_fails_is_failed(self, app: RawApp, client: GoClient) -> None:
        run = client.trace(started(app, client, "invokes-failing"), "FAILED", children=2)

        ask = children_of(run)[0]
        assert shape([ask], "stepOp", "status", "attempts") == [("INVOKE", "FAILED", 0)]
        client.assert_error(ask, message="nope!")
        info = ask["stepInfo"]
        assert (is_ulid_text(info["returnEventID"]), info["timedOut"]) == (True, False)
        assert client.status(info["runID"]) == "FAILED"

    def test_one_of_nobody_is_failed(self, app: RawApp, client: GoClient) -> None:
        run = client.trace(started(app, client, "invokes-nobody"), "FAILED", children=2)

        ask = children_of(run)[0]
        assert shape([ask], "stepOp", "status") == [("INVOKE", "FAILED")]
        client.assert_error(ask, message="could not find function")

    def test_one_that_took_too_long_is_failed(self, client: GoClient, slow: dict[str, str]) -> None:
        run = client.trace(slow["invokes-for-a-second"], "FAILED", children=2)

        ask = children_of(run)[0]
        assert shape([ask], "stepOp", "status") == [("INVOKE", "FAILED")]
        error = client.assert_error(
            ask, message="Timed out waiting for invoked function to complete"
        )
        assert error["name"] == "InngestInvokeTimeoutError"
        info = ask["stepInfo"]
        assert (info["timedOut"], info["returnEventID"], info["runID"]) == (True, None, None)

    def test_one_after_a_failure_keeps_the_failed_attempt(
        self, client: GoClient, slow: dict[str, str]
    ) -> None:
        run = client.trace(slow["invokes-after-failure"], "COMPLETED", children=2)

        ask = children_of(run)[0]
        assert shape([ask], "name", "stepOp", "status", "attempts") == [
            ("ask", "INVOKE", "COMPLETED", 0)
        ]
        failed, invoked = ask["childrenSpans"]
        assert shape([failed], "name", "status") == [("Attempt 0", "FAILED")]
        assert invoked["stepOp"] == "INVOKE"

    def test_the_run_that_was_asked_is_known_while_it_goes_on(
        self, app: RawApp, client: GoClient
    ) -> None:
        """The one test of the suite that reads the current tree."""
        run_id = started(app, client, "invokes-standing")
        # The child stands at the gate that its payload names.
        with open_at_end(app, "ask"):

            def asked() -> Node | None:
                trace = client.traced(run_id, preview=True)["trace"]
                nodes = [node for node in trace["childrenSpans"] if node["stepOp"] == "INVOKE"]
                return nodes[0] if nodes and nodes[0]["stepInfo"]["runID"] else None

            node = wait_until(asked, what="the run that was asked")
            assert node is not None
            assert node["status"] == "RUNNING"
            child_id = node["stepInfo"]["runID"]
            assert node["stepInfo"]["timedOut"] is None
            assert client.status(child_id) in {"QUEUED", "RUNNING"}
            (classic,) = children_of(client.traced(run_id))
            assert shape([classic], "name", "stepOp", "status") == [("ask", "INVOKE", "RUNNING")]
        run = client.trace(run_id, "COMPLETED", preview=True)
        (node,) = [node for node in children_of(run) if node["stepOp"] == "INVOKE"]
        assert node["stepInfo"]["runID"] == child_id
        client.assert_data(node, "stood")


class TestParallel:
    def test_steps_side_by_side_are_nodes_of_their_own(self, app: RawApp, client: GoClient) -> None:
        run_id = started(app, client, "parallel", gate="parallel")
        with open_at_end(app, "parallel"):
            running = client.trace(run_id, "RUNNING", children=3)
            assert sorted(shape(children_of(running), "name", "stepOp", "status")) == [
                ("a", "RUN", "RUNNING"),
                ("b", "RUN", "RUNNING"),
                ("c", "RUN", "RUNNING"),
            ]
            for node in children_of(running):
                assert shape(node["childrenSpans"], "name", "status") == [("Attempt 0", "RUNNING")]
        run = client.trace(run_id, "COMPLETED", children=4)
        *steps, end = children_of(run)
        assert sorted(shape(steps, "name", "stepOp", "status", "attempts")) == [
            ("a", "RUN", "COMPLETED", 0),
            ("b", "RUN", "COMPLETED", 0),
            ("c", "RUN", "COMPLETED", 0),
        ]
        for step in steps:
            client.assert_data(step, step["name"])
        assert end["name"] == "function success"


class TestCancel:
    """Runs that are cancelled."""

    def test_run_and_root_are_cancelled_and_children_stay(
        self, app: RawApp, client: GoClient
    ) -> None:
        run_id = started(app, client, "cancelled", order="stop")
        # A call under way is a child as well, until its answer has brought the sleep.
        wait_until(
            lambda: "nap" in [each["name"] for each in children_of(client.traced(run_id))],
            what="the sleep",
        )
        app.send("stop", {"order": "stop"})

        run = client.trace(run_id, "CANCELLED", children=2)

        assert shape(children_of(run), "name", "status") == [
            ("first", "COMPLETED"),
            ("nap", "RUNNING"),
        ]
        assert run["trace"]["endedAt"] is not None
        assert client.ended_with(run_id, "CANCELLED") == "{}"

    def test_runs_cancelled_before_their_start_have_a_trace(
        self, app: RawApp, client: GoClient
    ) -> None:
        """Found by their events, as the suite finds them, then asked for only once."""
        with open_at_end(app, "limited"):
            sent = app.server.send_all(
                [{"name": app.event("limited"), "data": {"gate": "limited"}}] * 3
            )

            def two_cancelled() -> list[Node] | None:
                runs = _runs_of_events(client, app.event("limited"), sent)
                return runs if [run["status"] for run in runs].count("CANCELLED") == 2 else None

            runs = wait_until(two_cancelled, what="two runs that did not start")
            assert runs is not None
            roots = [client.traced(run["id"])["trace"] for run in runs]
        assert sorted(shape(roots, "status", "isRoot")) == [
            ("CANCELLED", True),
            ("CANCELLED", True),
            ("RUNNING", True),
        ]
        for root in roots:
            assert root["startedAt"] is not None
            if root["status"] == "CANCELLED":
                assert root["childrenSpans"] == []


def _runs_of_events(client: GoClient, name: str, event_ids: list[str]) -> list[Node]:
    """The runs of some events of a name, newest first; "from" is not given."""
    page = client.events(start=ZERO_TIME, eventNames=[name])
    nodes = [edge["node"] for edge in page["edges"] if edge["node"]["id"] in event_ids]
    return [run for node in nodes for run in node["runs"]]


class TestStarts:
    """What starts runs, and what keeps them from starting."""

    def test_a_run_without_room_is_queued_and_has_no_classic_tree(
        self, app: RawApp, client: GoClient
    ) -> None:
        with open_at_end(app, "turn"):
            first, second = (started(app, client, "waits-its-turn", gate="turn") for _ in "ab")
            client.trace(first, "RUNNING")
            assert client.status(second) == "QUEUED"
            run = client.traced(second)
            assert (run["status"], run["trace"], run["endedAt"]) == ("QUEUED", None, None)
            root = client.traced(second, preview=True)["trace"]
            fields = ("status", "startedAt", "endedAt", "duration", "childrenSpans")
            assert shape([root], *fields) == [("QUEUED", None, None, None, [])]
            assert root["outputID"] is not None
        client.trace(second, "COMPLETED", children=1)

    def test_a_batch_is_one_run_of_all_events(self, app: RawApp, client: GoClient) -> None:
        sent = app.server.send_all(
            [{"name": app.event("batch"), "data": {"n": n}} for n in range(3)]
        )
        (run_id,) = client.runs_of(sent[0])
        run = client.trace(run_id, "COMPLETED", children=1)
        trigger = client.trigger(run_id)

        assert run["isBatch"] is True
        assert ms_of(run["batchCreatedAt"]) <= ms_of(run["trace"]["startedAt"])
        assert trigger["isBatch"] is True
        assert is_ulid_text(trigger["batchID"])
        assert trigger["IDs"] == sent
        assert [json.loads(payload)["data"]["n"] for payload in trigger["payloads"]] == [0, 1, 2]
        assert (trigger["eventName"], trigger["cron"]) == (app.event("batch"), None)
        for event_id in sent:
            assert [one["id"] for one in client.event(event_id)["runs"]] == [run_id]

    def test_an_event_sent_twice_starts_one_run(self, app: RawApp, client: GoClient) -> None:
        first, _second = (app.send("returns", id="order-7") for _ in "ab")
        (run_id,) = client.runs_of(first)
        run = client.trace(run_id, "COMPLETED", children=1)

        assert children_of(run)[0]["name"] == "function success"
        page = client.events(start=ZERO_TIME, eventNames=[app.event("returns")])
        of_id = [
            edge["node"]
            for edge in page["edges"]
            if json.loads(edge["node"]["raw"])["id"] == "order-7"
        ]
        assert [run["id"] for node in of_id for run in node["runs"]] == [run_id]

    def test_a_run_that_was_skipped_is_seen_at_its_event_only(
        self, app: RawApp, client: GoClient
    ) -> None:
        with open_at_end(app, "single"):
            first = started(app, client, "single", gate="single")
            client.trace(first, "RUNNING")
            event_id = app.send("single", {"gate": "single"})

            def skipped() -> list[Node] | None:
                runs: list[Node] = client.event(event_id)["runs"]
                return runs or None

            runs = wait_until(skipped, what="the run that was skipped")
            assert runs is not None
            (run,) = runs
            assert run["status"] == "SKIPPED"
            query = """
              query ($id: ULID!) {
                eventV2(id: $id) {
                  runs { triggerIDs eventName trace(preview: true) {
                    status skipReason skipExistingRunID childrenSpans { name }
                  } }
                }
              }
            """
            (shown,) = client.data(query, {"id": event_id})["eventV2"]["runs"]
            assert shown["triggerIDs"] == [event_id]
            assert shown["eventName"] == app.event("single")
            assert shown["trace"] == {
                "status": "SKIPPED",
                "skipReason": "Singleton",
                "skipExistingRunID": first,
                "childrenSpans": [],
            }
            listed = client.runs(
                order="{ field: QUEUED_AT, direction: DESC }",
                startTime=ZERO_TIME,
                endTime=now_text(),
                ids=[client.function_id(APP, "single")],
            )
            assert [edge["node"]["id"] for edge in listed["edges"]] == [first]
            assert listed["totalCount"] == 1


class TestOutputs:
    """`functionRun.output`, character by character."""

    def test_a_value_is_the_json_that_was_returned(self, app: RawApp, client: GoClient) -> None:
        run_id = started(app, client, "returns")

        assert client.ended_with(run_id, "COMPLETED") == '"function output"'

    def test_a_page_is_shown_as_it_came(self, app: RawApp, client: GoClient) -> None:
        """200 without an SDK's headers is a failure."""
        run_id = started(app, client, "html")

        assert client.ended_with(run_id, "FAILED") == "<html>hi</html>"

    def test_another_status_is_named_and_the_page_is_the_stack(
        self, app: RawApp, client: GoClient
    ) -> None:
        run_id = started(app, client, "not-found")

        output = json.loads(client.ended_with(run_id, "FAILED"))

        assert "HTTP 404" in output["message"]
        assert "<html>where?</html>" in output["stack"]

    def test_what_the_server_found_is_wrapped(self, app: RawApp, client: GoClient) -> None:
        run_id = started(app, client, "too-many-steps")

        output = client.ended_with(run_id, "FAILED")

        assert output == (
            '{"error":{"error":"function has too many steps",'
            '"name":"InngestErrFunctionOverflowed",'
            '"message":"The function run exceeded the step limit of 1000 steps."}}'
        )

    def test_an_expression_that_cannot_be_read_is_told(self, app: RawApp, client: GoClient) -> None:
        run_id = started(app, client, "bad-expression")

        output = client.ended_with(run_id, "FAILED")

        error = json.loads(output)["error"]
        assert list(error) == ["error", "name", "message", "stack"]
        message = "Wait for event If expression failed to compile"
        assert (error["name"], error["message"]) == ("InvalidExpression", message)
        assert error["error"] == f"InvalidExpression: {message}"

    def test_a_run_that_goes_on_has_none(self, app: RawApp, client: GoClient) -> None:
        with open_at_end(app, "no output"):
            run_id = started(app, client, "stands", gate="no output")
            query = (
                "query ($id: ID!) { functionRun(query: { functionRunId: $id }) { output status } }"
            )

            found = client.data(query, {"id": run_id})["functionRun"]

        assert found == {"output": None, "status": "RUNNING"}
