"""The Go suite's lists of events and runs: pages, orders, filters. Source: GraphQL, 3.3, 3.4, 6, 10.1."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from tests.compat.graphql_client import FieldErrors, Node
from tests.compat.graphql_go import ZERO_TIME, GoClient
from tests.compat.graphql_go_functions import APP
from tests.compat.graphql_raw_app import RawApp
from tests.compat.graphql_stage import leave_millisecond, ms_of, now_text
from tests.compat.harness import Server, wait_until

_EVENTS = 50
_PAGE = 40
_RUNS = 6
_FAILED_RUNS = 2
_TIMES = {"QUEUED_AT": "queuedAt", "STARTED_AT": "startedAt", "ENDED_AT": "endedAt"}


@pytest.fixture(scope="module")
def client(server: Server) -> Iterator[GoClient]:
    client = GoClient(server.url)
    yield client
    client.close()


@dataclass(frozen=True)
class Sent:
    """Events of one name, in the order in which they were received, and when that began."""

    name: str
    ids: Sequence[str]
    begun: str


@dataclass(frozen=True)
class Listed:
    """Ended runs of two functions, one of which always fails."""

    function_ids: Sequence[str]
    completed: Sequence[str]
    failed: Sequence[str]
    begun: str

    @property
    def all(self) -> Sequence[str]:
        return [*self.completed, *self.failed]


@pytest.fixture(scope="module")
def sent(server: Server) -> Sent:
    begun = now_text()
    name = f"{APP}/listed.event"
    ids: list[str] = []
    for n in range(_EVENTS):
        leave_millisecond()
        ids.append(server.send(name, {"n": n, "text": "zwölf <☃>"}))
    return Sent(name, ids, begun)


@pytest.fixture(scope="module")
def listed(go_app: RawApp, client: GoClient) -> Listed:
    begun = now_text()
    completed = [go_app.send("lists", {"n": n}) for n in range(_RUNS)]
    failed = [go_app.send("fails-listed", {"n": n}) for n in range(_FAILED_RUNS)]
    completed_ids, failed_ids = (
        [client.runs_of(event_id)[0] for event_id in events] for events in (completed, failed)
    )
    for run_id in completed_ids:
        client.ended_with(run_id, "COMPLETED")
    for run_id in failed_ids:
        client.ended_with(run_id, "FAILED")
    function_ids = [client.function_id(APP, name) for name in ("lists", "fails-listed")]
    return Listed(function_ids, completed_ids, failed_ids, begun)


class TestEvents:
    """Fifty events of one name."""

    def test_pages_go_from_the_newest_to_the_oldest(self, client: GoClient, sent: Sent) -> None:
        first = client.events(start=sent.begun, page_size=_PAGE, eventNames=[sent.name])
        second = client.events(
            start=sent.begun,
            page_size=_PAGE,
            cursor=first["pageInfo"]["endCursor"],
            eventNames=[sent.name],
        )

        assert [len(page["edges"]) for page in (first, second)] == [40, 10]
        assert [page["totalCount"] for page in (first, second)] == [50, 50]
        infos = [page["pageInfo"] for page in (first, second)]
        assert [info["hasNextPage"] for info in infos] == [True, False]
        assert [info["hasPreviousPage"] for info in infos] == [False, True]
        ids = [edge["node"]["id"] for page in (first, second) for edge in page["edges"]]
        assert ids == list(reversed(sent.ids))

    def test_a_full_last_page_says_that_there_is_more(self, client: GoClient, sent: Sent) -> None:
        page = client.events(start=sent.begun, page_size=_EVENTS, eventNames=[sent.name])

        assert (len(page["edges"]), page["pageInfo"]["hasNextPage"]) == (50, True)

    def test_until_leaves_out_what_came_later(self, client: GoClient, sent: Sent) -> None:
        page = client.events(
            start=sent.begun, page_size=_PAGE, eventNames=[sent.name], endTime=sent.begun
        )

        assert (page["edges"], page["totalCount"]) == ([], 0)
        info = page["pageInfo"]
        assert (info["hasNextPage"], info["startCursor"], info["endCursor"]) == (False, None, None)

    def test_the_whole_event_is_the_same_byte_for_byte(self, client: GoClient, sent: Sent) -> None:
        event = client.event(sent.ids[7])

        ts = ms_of(event["occurredAt"])
        assert event["raw"] == (
            '{"data":{"n":7,"text":"zwölf <☃>"},'
            f'"id":"{sent.ids[7]}","name":"{sent.name}","ts":{ts},"v":null}}'
        )
        assert (event["idempotencyKey"], event["version"]) == (sent.ids[7], "")
        assert abs(ms_of(event["receivedAt"]) - ts) < 1000

    def test_what_the_sender_named_is_in_the_whole_event(
        self, client: GoClient, server: Server
    ) -> None:
        event_id = server.send(
            f"{APP}/named", {"a": {}, "b": 1}, id="own", v="2026-01-01", ts=1_700_000_000_123
        )

        event = client.event(event_id)

        assert event["raw"] == (
            '{"data":{"a":{},"b":1},"id":"own",'
            f'"name":"{APP}/named","ts":1700000000123,"v":"2026-01-01"}}'
        )
        assert (event["idempotencyKey"], event["version"]) == ("own", "2026-01-01")
        assert event["occurredAt"] == "2023-11-14T22:13:20.123Z"

    def test_internal_events_are_listed_if_asked_for(
        self, client: GoClient, go_app: RawApp
    ) -> None:
        run_id = client.runs_of(go_app.send("fails"))[0]
        client.ended_with(run_id, "FAILED")
        names = ["inngest/function.failed"]

        hidden = client.events(start=ZERO_TIME, eventNames=names)
        shown = client.events(start=ZERO_TIME, eventNames=names, includeInternalEvents=True)

        assert (hidden["edges"], hidden["totalCount"]) == ([], 0)
        assert {edge["node"]["name"] for edge in shown["edges"]} == set(names)

    def test_events_show_their_runs(self, client: GoClient, listed: Listed) -> None:
        page = client.events(start=listed.begun, eventNames=[f"{APP}/fails-listed"])

        runs = [run for edge in page["edges"] for run in edge["node"]["runs"]]
        assert sorted(run["id"] for run in runs) == sorted(listed.failed)
        for run in runs:
            assert run["status"] == "FAILED"
            assert run["function"] == {"name": "fails-listed", "slug": f"{APP}-fails-listed"}
            assert ms_of(run["startedAt"]) <= ms_of(run["endedAt"])

    def test_cursors_that_are_none_are_told(self, client: GoClient) -> None:
        with pytest.raises(FieldErrors, match="error decoding eventsv2 cursor: "):
            client.events(start=ZERO_TIME, cursor="?")

    def test_an_unknown_event_takes_all_data_with_it(self, client: GoClient) -> None:
        unknown = "01JBC12345678901234567890A"
        with pytest.raises(FieldErrors) as caught:
            client.event(unknown)

        assert caught.value.messages == [f"event not found: {unknown}"]
        assert caught.value.data is None


class TestRuns:
    """Runs of two functions."""

    @pytest.mark.parametrize("direction", ["ASC", "DESC"])
    @pytest.mark.parametrize("field", list(_TIMES))
    def test_runs_are_sorted_by_each_time(
        self, client: GoClient, listed: Listed, field: str, direction: str
    ) -> None:
        page = client.runs(
            order=f"{{ field: {field}, direction: {direction} }}",
            timeField=field,
            **_window(listed),
        )

        nodes = [edge["node"] for edge in page["edges"]]
        assert sorted(node["id"] for node in nodes) == sorted(listed.all)
        keys = [(ms_of(node[_TIMES[field]]), node["id"]) for node in nodes]
        sign = 1 if direction == "ASC" else -1
        assert keys == sorted(keys, key=lambda key: (sign * key[0], key[1]))
        for node in nodes:
            assert len(node["traceID"]) == 32
            assert ms_of(node["queuedAt"]) <= ms_of(node["startedAt"]) <= ms_of(node["endedAt"])

    @pytest.mark.parametrize("field", list(_TIMES))
    def test_pages_neither_repeat_nor_skip_a_run(
        self, client: GoClient, listed: Listed, field: str
    ) -> None:
        order = f"{{ field: {field}, direction: DESC }}"
        window = _window(listed)
        found: list[str] = []
        cursor: str | None = None
        for rows, has_next in ((3, True), (3, True), (2, False)):
            page = client.runs(order=order, cursor=cursor, timeField=field, first=3, **window)
            assert (len(page["edges"]), page["totalCount"]) == (rows, 8)
            assert page["pageInfo"]["hasNextPage"] is has_next
            assert page["pageInfo"]["startCursor"] == page["edges"][0]["cursor"]
            assert page["pageInfo"]["endCursor"] == page["edges"][-1]["cursor"]
            cursor = page["pageInfo"]["endCursor"]
            found += [edge["node"]["id"] for edge in page["edges"]]

        assert sorted(found) == sorted(listed.all)

    def test_each_edge_has_a_cursor_to_go_on_from(self, client: GoClient, listed: Listed) -> None:
        order = "{ field: QUEUED_AT, direction: ASC }"
        window = _window(listed)
        whole = client.runs(order=order, **window)["edges"]

        rest = client.runs(order=order, cursor=whole[4]["cursor"], **window)["edges"]

        assert [edge["node"]["id"] for edge in rest] == [edge["node"]["id"] for edge in whole[5:]]

    @pytest.mark.parametrize(
        ("status", "count"),
        [
            (["COMPLETED"], 6),
            (["FAILED"], 2),
            (["FAILED", "COMPLETED"], 8),
            (["RUNNING", "QUEUED", "CANCELLED"], 0),
            # It filters nothing: skipped runs are never listed.
            (["SKIPPED"], 8),
            (None, 8),
            ([], 8),
        ],
    )
    def test_runs_are_found_by_status(
        self, client: GoClient, listed: Listed, status: list[str] | None, count: int
    ) -> None:
        page = client.runs(order="", status=status, **_window(listed))

        assert (len(page["edges"]), page["totalCount"]) == (count, count)

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("event.data.n >= 2", 4),
            ("event.data.n == 1", 2),
            (f"event.name == '{APP}/lists'", 6),
            (f"event.name != '{APP}/lists'", 2),
            ("output.n > 3", 2),
            ("event.data.n > 0\noutput.n < 3", 2),
            ("event.data.n > 0\n\noutput.n < 3", 2),
            ("error.message == 'nope!'", 2),
            ("event.data.missing != null", 0),
            ("event.ts > 1000 && !(event.data.n == 5)", 7),
            ("", 8),
            (None, 8),
        ],
    )
    def test_runs_are_found_by_expressions(
        self, client: GoClient, listed: Listed, query: str | None, count: int
    ) -> None:
        page = client.runs(order="", query=query, **_window(listed))

        assert (len(page["edges"]), page["totalCount"]) == (count, count)

    def test_a_page_of_three_of_four_says_that_there_are_four(
        self, client: GoClient, listed: Listed
    ) -> None:
        order = "{ field: QUEUED_AT, direction: DESC }"
        window = _window(listed)
        query = "event.data.n >= 2"
        page = client.runs(order=order, query=query, first=3, **window)
        rest = client.runs(
            order=order, query=query, first=3, cursor=page["pageInfo"]["endCursor"], **window
        )

        assert (len(page["edges"]), page["totalCount"]) == (3, 4)
        assert page["pageInfo"]["hasNextPage"] is True
        assert (len(rest["edges"]), rest["totalCount"]) == (1, 4)
        assert rest["pageInfo"]["hasNextPage"] is False

    def test_a_batch_is_found_once_by_any_of_its_events(
        self, client: GoClient, go_app: RawApp
    ) -> None:
        begun = now_text()
        events = go_app.server.send_all(
            [{"name": go_app.event("batch"), "data": {"n": 100 + n}} for n in range(3)]
        )
        run_id = client.runs_of(events[0])[0]
        client.ended_with(run_id, "COMPLETED")
        window: dict[str, Any] = {
            "startTime": begun,
            "endTime": now_text(),
            "ids": [client.function_id(APP, "batch")],
        }

        for query in ("event.data.n >= 100", "event.data.n == 102"):
            page = client.runs(order="", query=query, **window)
            assert [edge["node"]["id"] for edge in page["edges"]] == [run_id]
            assert page["totalCount"] == 1

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ("event.data.l.filter(x, x > 1)", "macros are currently not supported"),
            ("event.name", "invalid syntax detected"),
            ("event.name == 3", "expects 'event.name' to be a string: 3"),
        ],
    )
    def test_expressions_that_are_none_are_told(
        self, client: GoClient, listed: Listed, query: str, message: str
    ) -> None:
        with pytest.raises(FieldErrors) as caught:
            client.runs(order="", query=query, **_window(listed))

        assert f"error retrieving runs: {message}" in caught.value.messages[0]
        assert caught.value.data is None

    def test_what_began_later_is_not_in_the_window(self, client: GoClient, listed: Listed) -> None:
        page = client.runs(
            order="", startTime=now_text(), endTime=now_text(), ids=list(listed.function_ids)
        )

        assert (page["edges"], page["totalCount"]) == ([], 0)

    def test_lists_have_what_the_suites_do_not_ask_for(
        self, client: GoClient, listed: Listed
    ) -> None:
        """Defects of the reference that no client needs are not copied."""
        query = """
          query ($from: Time!, $ids: [UUID!]) {
            runs(filter: { from: $from, functionIDs: $ids, timeField: null }, orderBy: []) {
              edges { node { eventName output isBatch cronSchedule triggerIDs hasAI isDeferred } }
            }
          }
        """
        variables = {"from": listed.begun, "ids": [listed.function_ids[0]]}

        nodes = [edge["node"] for edge in client.data(query, variables)["runs"]["edges"]]

        assert sorted(json.loads(node["output"])["n"] for node in nodes) == list(range(_RUNS))
        for node in nodes:
            assert (node["eventName"], node["isBatch"]) == (f"{APP}/lists", False)
            assert (node["cronSchedule"], node["hasAI"], node["isDeferred"]) == (None, False, False)
            assert len(node["triggerIDs"]) == 1

    def test_a_run_that_goes_on_has_not_ended_in_lists(
        self, client: GoClient, go_app: RawApp
    ) -> None:
        begun = now_text()
        gate = "listed"
        try:
            run_id = client.runs_of(go_app.send("stands", {"gate": gate}))[0]
            wait_until(lambda: client.status(run_id) == "RUNNING", what="the start of the run")
            (edge,) = client.runs(
                order="",
                startTime=begun,
                endTime=now_text(),
                ids=[client.function_id(APP, "stands")],
            )["edges"]
        finally:
            go_app.gates.open(gate)

        node: Node = edge["node"]
        assert (node["id"], node["status"], node["endedAt"]) == (run_id, "RUNNING", None)


def _window(listed: Listed) -> dict[str, Any]:
    """The variables that choose these runs, and no others."""
    return {
        "startTime": listed.begun,
        "endTime": now_text(),
        "ids": list(listed.function_ids),
    }
