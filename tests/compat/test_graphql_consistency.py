"""Whoever sees that a run has ended sees everything else of it as well. Source: GraphQL, 10.

Clients ask for the rest once, right after. So under load, on many quick runs at the same time, the
first answer with a final status is followed by one question each for all there is to read.
"""

import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.compat.graphql_client import Node
from tests.compat.graphql_go import GoClient
from tests.compat.graphql_raw_app import RawApp
from tests.compat.harness import Server, wait_until

_RUNS = 40
_READERS = 4
_ENDED = {"COMPLETED", "FAILED", "CANCELLED"}

_CHECKED = """
query ($runID: String!) {
  run(runID: $runID) {
    status
    endedAt
    output
    classic: trace { status endedAt outputID childrenSpans { name status endedAt outputID } }
    current: trace(preview: true) {
      status
      endedAt
      outputID
      childrenSpans { name status endedAt outputID }
    }
  }
  runTrigger(runID: $runID) { IDs payloads }
}
"""


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[GoClient]:
    client = GoClient(server.url)
    yield client
    client.close()


def test_all_of_a_run_is_final_when_its_status_is(go_app: RawApp, client: GoClient) -> None:
    """GraphQL's status is the first to be seen; nothing may be behind it."""
    _each_run(go_app, "quick", lambda event_id, n: _check_after_graphql(client, event_id, n))


def test_all_of_a_run_is_final_when_rest_says_so(go_app: RawApp, client: GoClient) -> None:
    """REST's status is the first to be seen; GraphQL may not be behind it."""
    _each_run(go_app, "quick", lambda event_id, n: _check_after_rest(client, go_app, event_id, n))


def test_an_answer_does_not_contradict_itself(go_app: RawApp, client: GoClient) -> None:
    """Status and tree of one answer are of the same moment, also before the end."""
    _each_run(go_app, "quick", lambda event_id, _n: _check_each_answer(client, event_id))


def _each_run(app: RawApp, name: str, check: Callable[[str, int], None]) -> None:
    """Start many runs and check each, several at the same time, while they go on."""
    events = [{"name": app.event(name), "data": {"n": n}} for n in range(_RUNS)]
    with ThreadPoolExecutor(_READERS) as readers:
        ids = app.server.send_all(events)
        for checked in [readers.submit(check, event_id, n) for n, event_id in enumerate(ids)]:
            checked.result()


def _check_after_graphql(client: GoClient, event_id: str, n: int) -> None:
    (run_id,) = client.runs_of(event_id)
    wait_until(lambda: client.status(run_id) in _ENDED, what=f"end of {run_id}")
    _assert_final(client, run_id, event_id, n)
    rest = client.rest(f"/v1/runs/{run_id}")["data"]
    _assert_rest(rest["status"], rest["output"], n)


def _check_after_rest(client: GoClient, app: RawApp, event_id: str, n: int) -> None:
    (run,) = app.server.ended_runs(event_id)
    _assert_rest(run.status, run.output, n)
    assert client.status(run.id) in _ENDED
    _assert_final(client, run.id, event_id, n)


def _check_each_answer(client: GoClient, event_id: str) -> None:
    (run_id,) = client.runs_of(event_id)

    def is_ended() -> bool:
        run = client.data(_CHECKED, {"runID": run_id})["run"]
        has_ended = run["status"] in _ENDED
        assert (run["endedAt"] is not None) is has_ended, run
        for tree in (run["classic"], run["current"]):
            if tree is not None:
                assert (tree["status"] in _ENDED) is has_ended, run
                assert (tree["endedAt"] is not None) is has_ended, run
        return has_ended

    wait_until(is_ended, what=f"end of {run_id}")


def _assert_final(client: GoClient, run_id: str, event_id: str, n: int) -> None:
    """Everything there is to read, each asked for once."""
    data = client.data(_CHECKED, {"runID": run_id})
    run = data["run"]
    is_failed = _fails(n)
    status = "FAILED" if is_failed else "COMPLETED"
    assert run["status"] == status
    assert data["runTrigger"]["IDs"] == [event_id]
    assert json.loads(data["runTrigger"]["payloads"][0])["data"] == {"n": n}
    for tree in (run["classic"], run["current"]):
        assert tree["status"] == status, run
        assert tree["endedAt"] == run["endedAt"] is not None, run
        _assert_nodes(tree["childrenSpans"])
        output = client.output(tree)
        assert (output["error"] is not None) is is_failed
        if not is_failed:
            assert json.loads(output["data"]) == {"n": n}
    names = [node["name"] for node in run["classic"]["childrenSpans"]]
    assert names == ["one", "two", "function error" if is_failed else "function success"]
    for node, value in zip(run["classic"]["childrenSpans"], (n, n + 1), strict=False):
        assert json.loads(client.output(node)["data"]) == value


def _assert_nodes(nodes: Sequence[Node]) -> None:
    for node in nodes:
        assert node["status"] in _ENDED, nodes
        assert node["endedAt"] is not None, nodes


def _fails(n: int) -> bool:
    return n % 4 == 3


def _assert_rest(status: str, output: Any, n: int) -> None:
    if not _fails(n):
        assert (status, output) == ("Completed", {"n": n})
        return
    assert status == "Failed"
    assert (output["name"], output["message"]) == ("Error", f"run {n} fails")
