"""What the server tells of itself and of the last day, and what came of registrations."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stepwell import __version__
from stepwell.api.graphql import execution
from stepwell.core.sync_failures import FAILURES
from tests.unit.api.graphql_world import GraphqlWorld, graphql_world, opcode

FAILED = (400, {"name": "E", "message": "no"})


@pytest.fixture(scope="module")
def world() -> Iterator[GraphqlWorld]:
    with graphql_world("ok", "bad", "parent") as world:
        world.app.answers["shop-bad"] = [FAILED]
        yield world


@contextmanager
def silent(world: GraphqlWorld) -> Iterator[str]:
    """The URL of an app that takes calls and answers none."""
    ended = asyncio.Event()

    async def hold(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await ended.wait()
        writer.close()

    loop = world.server.loop
    listening = asyncio.start_server(hold, "127.0.0.1", 0)
    serving = asyncio.run_coroutine_threadsafe(listening, loop).result(20)
    try:
        yield f"http://127.0.0.1:{serving.sockets[0].getsockname()[1]}/api/inngest"
    finally:
        loop.call_soon_threadsafe(ended.set)
        loop.call_soon_threadsafe(serving.close)


class TestServer:
    def test_it_tells_what_it_owns_and_how_commits_are_doing(self, world: GraphqlWorld) -> None:
        world.ran("ok", (200, 1))
        server = world.ask(
            """{ server {
              databasePath walBytes callsUnderWay callsMax subscribers slowestCalls { runID }
              nodes { id name version state leaseUntil isDraining isThis partitions }
              partitions { id nodeID owner isThis }
              commits { count p50Ms p99Ms transitionsPerCommit }
            } }"""
        )["server"]
        commits = server.pop("commits")
        (partition,) = server.pop("partitions")
        (node,) = server.pop("nodes")
        assert server == {
            "databasePath": None,
            "walBytes": None,
            "callsUnderWay": 0,
            "callsMax": 1000,
            "subscribers": 0,
            "slowestCalls": [],
        }
        host, _, process_id = node["name"].rpartition(":")
        assert host
        assert process_id.isdigit()
        assert partition == {"id": 0, "nodeID": 1, "owner": node["name"], "isThis": True}
        assert node == {
            "id": 1,
            "name": node["name"],
            "version": __version__,
            "state": "LIVE",
            "leaseUntil": None,
            "isDraining": False,
            "isThis": True,
            "partitions": [0],
        }
        assert commits["count"] > 0
        assert 0 < commits["p50Ms"] <= commits["p99Ms"]
        assert commits["transitionsPerCommit"] >= 1

    def test_calls_under_way_are_told_with_what_they_are_for(self) -> None:
        with graphql_world("slow") as world, silent(world) as url:
            world.server.register("slow", url=url)
            event_id = world.server.send()
            query = """{ server { callsUnderWay
              slowestCalls { runID functionSlug functionName stepID attempt since } } }"""
            while not (server := world.ask(query)["server"])["callsUnderWay"]:
                pass
            runs = "query ($id: ULID!) { eventV2(id: $id) { runs { id } } }"
            (run,) = world.ask(runs, id=event_id)["eventV2"]["runs"]
        (call,) = server["slowestCalls"]
        assert call.pop("since").endswith("Z")
        assert call == {
            "runID": run["id"],
            "functionSlug": "shop-slow",
            "functionName": "slow",
            "stepID": None,
            "attempt": 0,
        }

    def test_questions_that_take_long_are_named_without_what_they_ask(
        self, world: GraphqlWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(execution, "SLOW_QUESTION_S", 0.0)
        world.ask('query Palette { quickSearch(text: "secret") { id } }')
        world.ask('{ found: quickSearch(text: "secret") { id } }')
        world.ask('mutation { deleteAppByName(name: "nobody") }')
        monkeypatch.undo()
        slow = world.ask("{ server { slowWork { kind what at durationMs } } }")["server"]
        questions = {each["what"] for each in slow["slowWork"] if each["kind"] == "question"}
        # On a slow machine, questions of other tests took long as well.
        assert {"Palette", "quickSearch"} <= questions
        assert "deleteAppByName" not in questions
        assert "secret" not in str(slow)


class TestRecent:
    def test_numbers_of_a_function_are_those_of_its_runs(self, world: GraphqlWorld) -> None:
        world.ran("bad", FAILED)
        query = '{ functionBySlug(query: {functionSlug: "shop-bad"}) { recent { %s } } }'
        fields = "ended failed endedTotal failedTotal"
        recent = world.ask(query % fields)["functionBySlug"]["recent"]
        runs = world.runs(functionIDs=[function_id(world, "shop-bad")])["totalCount"]
        assert len(recent["ended"]) == len(recent["failed"]) == 24
        assert recent["endedTotal"] == recent["failedTotal"] == sum(recent["ended"]) == runs > 0

    def test_the_volume_of_a_name_is_that_of_its_events(self, world: GraphqlWorld) -> None:
        world.server.send()
        types = world.ask("{ eventTypes { name volume } }")["eventTypes"]
        volumes = {each["name"]: each["volume"] for each in types}
        count = world.ask(
            """{ eventsV2(filter: {from: "2020-01-01T00:00:00Z",
                 eventNames: ["shop/order.placed"]}) { totalCount } }"""
        )["eventsV2"]["totalCount"]
        assert len(volumes["shop/order.placed"]) == 24
        assert sum(volumes["shop/order.placed"]) == count


class TestChildren:
    def test_the_runs_that_a_run_invoked_are_named(self, world: GraphqlWorld) -> None:
        invoke = opcode(
            "InvokeFunction", "call", opts={"function_id": "shop-ok", "payload": {"data": {}}}
        )
        world.app.answers["shop-ok"] = [(200, "child")]
        parent = world.ran("parent", (206, [invoke]), (200, "done"))
        run = world.ask(
            "query ($id: String!) { run(runID: $id) { childRuns { id parentRunID function { slug } } } }",
            id=parent,
        )["run"]
        (child,) = run["childRuns"]
        assert (child["parentRunID"], child["function"]["slug"]) == (parent, "shop-ok")
        none = world.ask(
            "query ($id: String!) { run(runID: $id) { childRuns(first: 1000) { id } } }",
            id=child["id"],
        )["run"]
        assert none["childRuns"] == []


class TestSyncs:
    FIELDS = """syncs { id at status url sdkLanguage sdkVersion framework appVersion error message
                functionsAdded functionsChanged functionsRemoved }"""

    def test_registrations_and_failures_are_told_newest_first(self) -> None:
        with graphql_world("b", "a") as world:
            world.server.register("b", "a", url=world.app.url)
            world.server.register("b", "c", url=world.app.url)
            (app,) = world.ask("{ apps { id } }")["apps"]
            world.ask(
                'mutation ($id: String!) { updateApp(input: {id: $id, url: "127.0.0.1:9"}) { id } }',
                id=app["id"],
            )
            for _ in range(2):
                world.errors("mutation ($id: String!) { syncApp(id: $id) { id } }", id=app["id"])
            (app,) = world.ask(f"{{ apps {{ error {self.FIELDS} }} }}")["apps"]

        failed, changed, same, first = app["syncs"]
        assert app["error"] == failed["error"] == "unreachable"
        assert failed["message"] == FAILURES["unreachable"]
        assert failed["sdkLanguage"] is failed["sdkVersion"] is None
        assert [each["status"] for each in (failed, changed, same, first)] == [
            "ERROR",
            "SUCCESS",
            "DUPLICATE",
            "SUCCESS",
        ]
        assert (changed["functionsAdded"], changed["functionsRemoved"]) == (["shop-c"], ["shop-a"])
        assert (first["functionsAdded"], first["sdkLanguage"]) == (["shop-a", "shop-b"], "js")
        assert first["error"] is first["message"] is None
        assert first["at"].endswith("Z")


def function_id(world: GraphqlWorld, slug: str) -> str:
    found = world.ask(
        "query ($slug: String!) { functionBySlug(query: {functionSlug: $slug}) { id } }", slug=slug
    )
    found_id: str = found["functionBySlug"]["id"]
    return found_id
