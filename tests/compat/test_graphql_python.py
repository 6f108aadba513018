"""The Python suite's queries about runs of the Python SDK. Source: GraphQL, 8.1 and 10.2."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.compat.graphql_python import PythonClient
from tests.compat.harness import App, Server, wait_until

#: Started together, because some of them wait: for a retry, for a timeout.
_STARTED = (
    "values",
    "repeated",
    "sync",
    "caught",
    "flaky",
    "refusing",
    "failing",
    "silent",
    "mixed",
)


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[PythonClient]:
    client = PythonClient(server.url)
    yield client
    client.close()


@pytest.fixture(scope="module")
def events(python_app: App) -> dict[str, str]:
    """Of each function started here the event that started its run."""
    ids = python_app.server.send_all([{"name": f"py/shown.{name}"} for name in _STARTED])
    return dict(zip(_STARTED, ids, strict=True))


def test_step_data_is_the_bare_value(client: PythonClient, events: dict[str, str]) -> None:
    """An object with a member `data` keeps it: one wrapper is taken off, never two."""
    run_id, output = client.ended(events["values"])

    assert output == {"foo": {"bar": 1}}
    found = {name: client.step_data(run_id, name) for name in ("zero", "one", "list", "text")}
    assert found == {"zero": 0, "one": 1, "list": [1, 2], "text": "zwölf ☃"}
    assert client.step_data(run_id, "none") is None
    envelope = {"data": "gAAAAA", "__ENCRYPTED__": True}
    assert client.step_data(run_id, "envelope") == envelope


def test_steps_of_one_name_are_told_apart_by_position(
    client: PythonClient, events: dict[str, str]
) -> None:
    run_id, output = client.ended(events["repeated"])

    assert output == [0, 1]
    assert [client.step_data(run_id, "foo", index=index) for index in (0, 1)] == [0, 1]


def test_steps_of_functions_without_async_are_found(
    client: PythonClient, events: dict[str, str]
) -> None:
    run_id, output = client.ended(events["sync"])

    assert output == client.step_data(run_id, "foo") == "from a thread"


def test_a_step_that_failed_and_was_caught_has_an_error_and_no_data(
    client: PythonClient, events: dict[str, str]
) -> None:
    run_id, output = client.ended(events["caught"])

    found = client.step(run_id, "broken")
    assert found["data"] is None
    assert found["error"]["message"] == output == "oh no"
    assert found["error"]["name"] == "ValueError"


def test_a_step_that_worked_after_a_retry_has_data(
    client: PythonClient, events: dict[str, str]
) -> None:
    run_id, output = client.ended(events["flaky"])

    assert client.step_data(run_id, "flaky") == output == "at last"


def test_steps_that_are_no_code_are_found_by_name(
    client: PythonClient, events: dict[str, str]
) -> None:
    run_id, output = client.ended(events["mixed"])

    assert output == [1, "child of inngest/function.invoked", ["l", "r"], None]
    assert [client.step_data(run_id, name) for name in ("left", "right")] == ["l", "r"]
    # Of an invoked function the classic tree has what is stored.
    assert client.step_data(run_id, "ask") == {"data": "child of inngest/function.invoked"}


def test_a_function_that_returns_nothing_has_the_output_null(
    client: PythonClient, events: dict[str, str]
) -> None:
    _, output = client.ended(events["silent"])

    assert output is None


def test_an_error_that_is_not_retried_is_the_output(
    client: PythonClient, events: dict[str, str]
) -> None:
    """Keys and values are those the SDK sent, none more."""
    _, output = client.ended(events["refusing"], "FAILED")

    assert _without_stack(output) == {
        "code": "non_retriable_error",
        "message": "foo",
        "name": "NonRetriableError",
    }


def test_any_other_error_is_the_output(client: PythonClient, events: dict[str, str]) -> None:
    _, output = client.ended(events["failing"], "FAILED")

    assert _without_stack(output) == {
        "code": "unknown",
        "message": "broken <for> good & all",
        "name": "ValueError",
    }


def test_each_event_of_a_batch_leads_to_the_one_run(client: PythonClient, python_app: App) -> None:
    """The older query knows the run by its first event; the payloads are those of all."""
    first, _ = python_app.server.send_all(
        [{"name": "py/shown.batch", "data": {"n": n}} for n in (1, 2)]
    )

    run_id, output = client.ended(first)

    assert output == 2
    trigger = client.data(
        "query ($id: String!) { runTrigger(runID: $id) { payloads isBatch } }", {"id": run_id}
    )["runTrigger"]
    assert trigger["isBatch"] is True
    assert len(trigger["payloads"]) == 2


def test_an_unknown_run_is_an_error_without_data(client: PythonClient, server: Server) -> None:
    """Polling relies on it: data without errors would count as an answer."""
    query = (
        "query ($id: String!) { run(runID: $id) { status } runTrigger(runID: $id) { payloads } }"
    )
    answer = client.answer(query, {"id": "01JBC12345678901234567890A"})

    assert answer["data"] is None
    assert answer["errors"]


def test_an_unknown_event_is_an_error(client: PythonClient, server: Server) -> None:
    query = "query ($id: ID!) { event(query: { eventId: $id }) { functionRuns { id } } }"
    answer = client.answer(query, {"id": "01JBC12345678901234567890A"})

    assert answer["data"] == {"event": None}
    assert answer["errors"][0]["message"] == "sql: no rows in result set"


def test_an_event_without_a_function_has_no_runs(client: PythonClient, server: Server) -> None:
    event_id = server.send("py/shown.nobody.listens")

    assert client.run_ids(event_id, count=0) == []


def test_a_run_is_cancelled_for_its_reader_too(client: PythonClient, python_app: App) -> None:
    event_id = python_app.server.send("py/cancelled", {"order": "graphql"})
    (run_id,) = client.run_ids(event_id)
    wait_until(lambda: python_app.calls_of(run_id, "reached"), what="the first step of the run")
    python_app.server.send("py/cancel", {"order": "graphql"})

    run = client.wait_for_run_status(run_id, "CANCELLED")

    assert run["output"] is None
    assert client.step_data(run_id, "reached") is None


def _without_stack(output: Any) -> dict[str, Any]:
    """The error with its stack taken out, which has to be text."""
    error: dict[str, Any] = dict(output)
    assert isinstance(error.pop("stack"), str)
    return error
