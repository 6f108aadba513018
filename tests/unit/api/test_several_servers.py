"""Several servers on one store: whichever is asked tells the same."""

import asyncio
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from stepwell.engine.asked import CallsSent, WhatWaits, WhyWait
from tests.unit.api.graphql_world import GraphqlWorld, ScriptedApp
from tests.unit.api.whole_server import WholeServer, crowd

_NODES = """{ server {
  nodes { id name version joinedAt leaseUntil state isDraining isThis partitions }
  partitions { id nodeID owner isThis }
} }"""
_WAITING = (
    """query ($id: String!) { runWaiting(runID: $id) { underWay constraint limit message } }"""
)
_QUEUE = """query ($slug: String!) { functionQueue(functionSlug: $slug) {
  runs requests running waiting { constraint items }
} }"""
_TRACE = """query ($id: String!) { run(runID: $id) { trace(preview: true) {
  childrenSpans { status startedAt }
} } }"""

_STATUS = """query ($id: String!) { run(runID: $id) { status } }"""
_PAUSE = """mutation {
  pauseFunction(functionSlug: "shop-a", newRuns: WAIT, running: FINISH) { function { slug } }
}"""

# A server that has all partitions, knows everything, and never says anything.
_SILENT = """
INSERT INTO nodes (id, number, name, version, joined_ms, lease_until_ms, catalogue, is_draining,
                   probe)
VALUES (900, 500, 'gone:1', '0.9', 1000, 99999999999999, 99999, 1, x'')
"""
_ENDED = _SILENT.replace("900, 500", "901, 501").replace("99999999999999", "2000")


class Crowd:
    """Servers that know of each other, and an app that takes calls and answers none."""

    def __init__(self, servers: list[WholeServer], url: str) -> None:
        self.servers = servers
        self.url = url
        self.asked = [GraphqlWorld(server, ScriptedApp()) for server in servers]

    def settled(self) -> None:
        """Return when every server has its share."""
        while len({len(node["partitions"]) for node in self.nodes(0)}) > 1:
            pass

    def nodes(self, server: int) -> list[dict[str, Any]]:
        """The servers as one of them sees them."""
        nodes: list[dict[str, Any]] = self.asked[server].ask(_NODES)["server"]["nodes"]
        return nodes

    def everywhere(self, query: str, **variables: Any) -> list[Any]:
        """What each server answers."""
        found = []
        for server in self.asked:
            (answer,) = server.ask(query, **variables).values()
            found.append(answer)
        return found

    def runs(self, event_id: str) -> list[str]:
        """The runs of an event."""
        query = "query ($id: ULID!) { eventV2(id: $id) { runs { id } } }"
        runs = self.asked[0].ask(query, id=event_id)["eventV2"]["runs"]
        return [run["id"] for run in runs]

    def under_way(self, *names: str) -> list[tuple[str, str]]:
        """Functions of which each has a call under way, with its run, and another run waits."""
        self.servers[0].register(*names, url=self.url, concurrency=[{"limit": 1}])
        for server in self.servers:
            server.send()
        found: list[tuple[str, str]] = []
        while len(found) < len(names):
            found = [
                (slug, run["runID"])
                for server in self.asked
                for run in server.ask("{ server { slowestCalls { runID functionSlug } } }")[
                    "server"
                ]["slowestCalls"]
                for slug in [run["functionSlug"]]
            ]
        return found


@contextmanager
def _crowd(count: int = 2, *, connection: sqlite3.Connection | None = None) -> Iterator[Crowd]:
    with crowd(count, partitions=4, connection=connection) as servers:
        loop, ended = servers[0].loop, asyncio.Event()

        async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await ended.wait()
            writer.close()

        listening = asyncio.start_server(hold, "127.0.0.1", 0)
        serving = asyncio.run_coroutine_threadsafe(listening, loop).result(20)
        try:
            port = serving.sockets[0].getsockname()[1]
            yield Crowd(servers, f"http://127.0.0.1:{port}/api/inngest")
        finally:
            loop.call_soon_threadsafe(ended.set)
            loop.call_soon_threadsafe(serving.close)


@pytest.fixture(scope="module")
def both() -> Iterator[tuple[Crowd, list[tuple[str, str]]]]:
    """Two servers, and what is under way: functions of both of them."""
    with _crowd() as both:
        both.settled()
        yield both, both.under_way("a", "b", "c", "d", "e", "f", "g", "h")


def test_servers_see_each_other_and_themselves(both: tuple[Crowd, Any]) -> None:
    crowd, _ = both
    first, second = crowd.everywhere(_NODES)

    for seen in (first, second):
        assert [node["state"] for node in seen["nodes"]] == ["LIVE", "LIVE"]
        assert all(node["leaseUntil"] > node["joinedAt"] for node in seen["nodes"])
        assert sorted(p for node in seen["nodes"] for p in node["partitions"]) == [0, 1, 2, 3]
        assert [p["nodeID"] for p in seen["partitions"]] == [
            node["id"] for p in range(4) for node in seen["nodes"] if p in node["partitions"]
        ]
        assert all(p["owner"] == seen["nodes"][0]["name"] for p in seen["partitions"])
    assert [node["isThis"] for node in first["nodes"]] == [True, False]
    assert [node["isThis"] for node in second["nodes"]] == [False, True]
    assert [p["isThis"] for p in first["partitions"]] == [
        not p["isThis"] for p in second["partitions"]
    ]


def test_any_server_says_what_a_run_does(both: tuple[Crowd, list[tuple[str, str]]]) -> None:
    crowd, calls = both
    for _, run_id in calls:
        waiting = crowd.everywhere(_WAITING, id=run_id)
        assert waiting[0] == waiting[1]
        assert [item["underWay"] for item in waiting[0]] == [True]


def test_any_server_says_why_a_function_s_runs_wait(
    both: tuple[Crowd, list[tuple[str, str]]],
) -> None:
    crowd, calls = both
    held = {"constraint": "function_concurrency", "items": 1}
    for slug, _ in calls:
        queues = crowd.everywhere(_QUEUE, slug=slug)
        expected = {"runs": 1, "requests": 0, "running": 1, "waiting": [held]}
        assert queues == [expected, expected]


def test_any_server_shows_since_when_a_call_is_under_way(
    both: tuple[Crowd, list[tuple[str, str]]],
) -> None:
    crowd, calls = both
    for _, run_id in calls:
        # That it has started is written a moment later.
        while crowd.everywhere(_STATUS, id=run_id)[0]["status"] != "RUNNING":
            pass
        first, second = crowd.everywhere(_TRACE, id=run_id)
        assert first == second
        (span,) = first["trace"]["childrenSpans"]
        assert span["status"] == "RUNNING"
        assert span["startedAt"]


def test_any_server_counts_the_calls_of_all(both: tuple[Crowd, list[tuple[str, str]]]) -> None:
    crowd, calls = both
    for server in crowd.servers:
        lines = server.get("/v1/prom/default").text.splitlines()
        running = {line for line in lines if line.startswith("inngest_steps_running")}
        assert running == {f'inngest_steps_running{{fn="{slug}"}} 1' for slug, _ in calls}


def test_metrics_of_functions_come_from_one_server_each(
    both: tuple[Crowd, list[tuple[str, str]]],
) -> None:
    crowd, calls = both
    told: list[str] = []
    for server in crowd.servers:
        lines = server.get("/metrics").text.splitlines()
        told += [line for line in lines if line.startswith("stepwell_function_running_requests")]
        assert 'stepwell_nodes{status="live"} 2' in lines
        assert "stepwell_partitions_owned 2" in lines
        assert "stepwell_partitions_due 2" in lines
        assert "stepwell_partitions_free 0" in lines
    assert sorted(told) == sorted(
        f'stepwell_function_running_requests{{fn="{slug}"}} 1' for slug, _ in calls
    )


def test_without_its_owner_work_is_said_to_wait_for_a_server(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for asked in (WhyWait, WhatWaits, CallsSent):
        monkeypatch.setattr(asked, "patience_s", 0.01)
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    with _crowd(1, connection=connection) as first:
        first.servers[0].register("a", url=first.url)
        # What is called would be called again later, because its server stops.
        first.everywhere(_PAUSE)
        (run_id,) = first.runs(first.servers[0].send())
    connection.execute(_SILENT)
    connection.execute("UPDATE partitions SET node_id = 900")
    connection.commit()
    with _crowd(1, connection=connection) as one:
        (waiting,) = one.everywhere(_WAITING, id=run_id)
        (queue,) = one.everywhere(_QUEUE, slug="shop-a")
        (trace,) = one.everywhere(_TRACE, id=run_id)
        (seen,) = one.everywhere(_NODES)
    connection.close()
    assert [item["constraint"] for item in waiting] == ["no_owner"]
    assert queue["runs"] == 1
    assert queue["waiting"] == [{"constraint": "no_owner", "items": 1}]
    assert trace["trace"]["childrenSpans"] == []
    this, silent = seen["nodes"]
    assert (silent["name"], silent["state"]) == ("gone:1", "DRAINING")
    assert (this["isThis"], this["state"], this["partitions"]) == (True, "LIVE", [])
    assert silent["partitions"] == [0, 1, 2, 3]
    assert [(p["owner"], p["nodeID"], p["isThis"]) for p in seen["partitions"]] == [
        ("gone:1", 900, False)
    ] * 4


def test_a_server_that_is_not_heard_of_any_more_is_shown_until_others_have_what_it_had() -> None:
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    with _crowd(1, connection=connection) as one:
        one.settled()
        write = _write(connection, _ENDED)
        asyncio.run_coroutine_threadsafe(write, one.servers[0].loop).result(20)
        this, dead = one.nodes(0)
    assert (this["state"], this["partitions"]) == ("LIVE", [0, 1, 2, 3])
    assert dead == {
        "id": 901,
        "name": "gone:1",
        "version": "0.9",
        "joinedAt": "1970-01-01T00:00:01.000Z",
        "leaseUntil": "1970-01-01T00:00:02.000Z",
        "state": "DEAD",
        "isDraining": True,
        "isThis": False,
        "partitions": [],
    }
    connection.close()


async def _write(connection: sqlite3.Connection, sql: str) -> None:
    connection.execute(sql)
    connection.commit()
