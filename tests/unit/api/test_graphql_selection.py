"""Runs and events that are named: shown anew, cancelled and run again, each for itself."""

from collections.abc import Iterator
from typing import Any

import pytest

from stepwell.api.graphql.selection import ACTIONS_MAX, NAMED_MAX
from tests.unit.api.graphql_world import GraphqlWorld, graphql_world, opcode

UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
INTERNAL = "internal system error"
SLEEP = (206, [opcode("Sleep", "rest", opts={"duration": "1h"})])
RUNS = "query ($ids: [ULID!]!) { runsByID(runIDs: $ids) { id status } }"
EVENTS = "query ($ids: [ULID!]!) { eventsByID(eventIDs: $ids) { id name runs { id } } }"
RESULT = "{ runID newRunID ok code message }"
CANCEL = f"mutation ($ids: [ULID!]!) {{ cancelRuns(runIDs: $ids) {RESULT} }}"
RERUN = f"mutation ($ids: [ULID!]!) {{ rerunRuns(runIDs: $ids) {RESULT} }}"


@pytest.fixture(scope="module")
def world() -> Iterator[GraphqlWorld]:
    with graphql_world("ok") as world:
        yield world


@pytest.fixture(scope="module")
def ended(world: GraphqlWorld) -> list[str]:
    """Three runs that have ended, the oldest first."""
    return [world.ran("ok", (200, n), data={"n": n}) for n in range(3)]


def sleeping(world: GraphqlWorld) -> str:
    """A run that will not end by itself."""
    world.app.answers["shop-ok"] = [SLEEP]
    event_id = world.server.send()
    while True:
        (run,) = world.ask(EVENTS, ids=[event_id])["eventsByID"][0]["runs"] or [None]
        if run is not None:
            run_id: str = run["id"]
            return run_id


def event_of(world: GraphqlWorld, run_id: str) -> str:
    found = world.ask("query ($id: String!) { runTrigger(runID: $id) { IDs } }", id=run_id)
    event_id: str = found["runTrigger"]["IDs"][0]
    return event_id


class TestShown:
    def test_runs_come_in_the_order_of_their_ids(
        self, world: GraphqlWorld, ended: list[str]
    ) -> None:
        asked = [ended[2], UNKNOWN, ended[0], ended[1].lower(), ended[2]]
        found = world.ask(RUNS, ids=asked)["runsByID"]
        assert [run["id"] for run in found] == [ended[2], ended[0], ended[1]]

    def test_a_run_comes_with_its_trace(self, world: GraphqlWorld, ended: list[str]) -> None:
        query = "query ($ids: [ULID!]!) { runsByID(runIDs: $ids) { status trace { status } } }"
        (run,) = world.ask(query, ids=ended[:1])["runsByID"]
        assert run == {"status": "COMPLETED", "trace": {"status": "COMPLETED"}}

    def test_events_come_in_the_order_of_their_ids(
        self, world: GraphqlWorld, ended: list[str]
    ) -> None:
        ids = [event_of(world, run_id) for run_id in reversed(ended)]
        found = world.ask(EVENTS, ids=[*ids, UNKNOWN])["eventsByID"]
        assert [event["id"] for event in found] == ids
        # Other tests may have run them again since.
        assert [event["runs"][0]["id"] for event in found] == ended[::-1]

    @pytest.mark.parametrize("query", [RUNS, EVENTS])
    def test_nothing_is_asked_for(self, world: GraphqlWorld, query: str) -> None:
        assert list(world.ask(query, ids=[]).values()) == [[]]

    @pytest.mark.parametrize(
        ("query", "name"), [(RUNS, "runIDs"), (EVENTS, "eventIDs")], ids=["runs", "events"]
    )
    def test_there_may_be_so_many(self, world: GraphqlWorld, query: str, name: str) -> None:
        assert list(world.ask(query, ids=[UNKNOWN] * NAMED_MAX).values()) == [[]]
        (error,) = world.errors(query, ids=[UNKNOWN] * (NAMED_MAX + 1))
        assert error["message"] == f"{name} may have at most {NAMED_MAX} ids"

    @pytest.mark.parametrize("query", [RUNS, EVENTS], ids=["runs", "events"])
    @pytest.mark.parametrize("bad", ["", "x", 7, {"a": 1}, UNKNOWN + "0", "é" * 26])
    def test_what_is_no_id_is_an_error(self, world: GraphqlWorld, query: str, bad: Any) -> None:
        (error,) = world.errors(query, ids=[bad])
        assert error["message"] != INTERNAL


class TestActions:
    def test_runs_are_cancelled_each_for_itself(
        self, world: GraphqlWorld, ended: list[str]
    ) -> None:
        live = sleeping(world)
        results = world.ask(CANCEL, ids=[live, ended[0], UNKNOWN, "nonsense", live])["cancelRuns"]
        assert [(each["runID"], each["ok"], each["code"]) for each in results] == [
            (live, True, None),
            (ended[0], False, "ended"),
            (UNKNOWN, False, "not_found"),
            ("nonsense", False, "invalid_id"),
        ]
        assert [bool(each["message"]) for each in results] == [False, True, True, True]
        assert world.ask(RUNS, ids=[live])["runsByID"] == [{"id": live, "status": "CANCELLED"}]
        again = world.ask(CANCEL, ids=[live])["cancelRuns"]
        assert [each["ok"] for each in again] == [True]

    def test_runs_are_run_again_each_for_itself_and_once(
        self, world: GraphqlWorld, ended: list[str]
    ) -> None:
        world.app.answers["shop-ok"] = [(200, "again")]
        asked = [ended[0], UNKNOWN, "nonsense", ended[1], ended[0], ended[0].lower()]
        results = world.ask(RERUN, ids=asked)["rerunRuns"]
        found = [(each["runID"].upper(), each["ok"], each["code"]) for each in results]
        assert found == [
            (ended[0], True, None),
            (UNKNOWN, False, "not_found"),
            ("NONSENSE", False, "invalid_id"),
            (ended[1], True, None),
        ]
        new_ids = [each["newRunID"] for each in results if each["ok"]]
        assert len({*new_ids, *ended}) == len(ended) + 2
        origins = world.ask(
            "query ($ids: [ULID!]!) { runsByID(runIDs: $ids) { originRunID } }", ids=new_ids
        )["runsByID"]
        assert [each["originRunID"] for each in origins] == ended[:2]

    @pytest.mark.parametrize(
        ("query", "field"), [(CANCEL, "cancelRuns"), (RERUN, "rerunRuns")], ids=["cancel", "rerun"]
    )
    def test_there_may_be_so_many(self, world: GraphqlWorld, query: str, field: str) -> None:
        (result,) = world.ask(query, ids=[UNKNOWN] * ACTIONS_MAX)[field]
        assert result["code"] == "not_found"
        (error,) = world.errors(query, ids=[UNKNOWN] * (ACTIONS_MAX + 1))
        assert error["message"] == f"runIDs may have at most {ACTIONS_MAX} ids"

    @pytest.mark.parametrize("query", [CANCEL, RERUN], ids=["cancel", "rerun"])
    def test_ids_are_texts(self, world: GraphqlWorld, query: str) -> None:
        (error,) = world.errors(query, ids=[UNKNOWN, 7])
        assert error["message"] == "runIDs must be texts"

    def test_a_run_of_a_function_that_is_gone_is_refused(self, world: GraphqlWorld) -> None:
        world.server.register("ok", "leaving", url=world.app.url)
        run_id = world.ran("leaving", (200, "done"))
        world.app.answers["shop-ok"] = [(200, "done")]
        world.server.register("ok", url=world.app.url)
        (result,) = world.ask(RERUN, ids=[run_id])["rerunRuns"]
        assert (result["ok"], result["code"]) == (False, "refused")
        assert "not registered" in result["message"]
