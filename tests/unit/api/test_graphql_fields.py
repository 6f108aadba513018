"""What the fields answer, on a server with an app and runs that have ended."""

import base64
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from graphql import (
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLUnionType,
    get_named_type,
    is_leaf_type,
)

from stepwell.api.dates import date_text
from stepwell.api.graphql.schema import create_schema
from tests.unit.api.graphql_world import EVENT, GraphqlWorld, graphql_world, opcode, step_id

LONG_AGO = "0001-01-01T00:00:00Z"
STEP = (206, [opcode("StepRun", "charge", data={"paid": True})])
FAILED = (400, {"name": "TypeError", "message": "no", "stack": "at f"})
UNKNOWN = "01ARZ3NDEKTSV4RRFFQ69G5FAV"
INTERNAL = "internal system error"


@pytest.fixture(scope="module")
def world() -> Iterator[GraphqlWorld]:
    with graphql_world("ok", "bad", "other") as world:
        yield world


@pytest.fixture(scope="module")
def run_id(world: GraphqlWorld) -> str:
    """A run with one step that has completed."""
    return world.ran("ok", STEP, (200, {"shipped": 1}), data={"n": 7})


@pytest.fixture(scope="module")
def failed_id(world: GraphqlWorld) -> str:
    """A run that has caught the error of a step, and failed."""
    declined = opcode("StepFailed", "charge", error={"name": "E", "message": "declined"})
    return world.ran("bad", (206, [declined]), FAILED)


class TestEveryField:
    """A field that no source has would be an internal error, and only for those who ask for it."""

    #: Fields that are an error by design.
    ERRORS = frozenset({"RunTraceSpan.run", "FunctionRun.historyItemOutput"})
    LEVELS = 5

    def selection(self, kind: Any, levels: int) -> str:
        named = get_named_type(kind)
        if is_leaf_type(named):
            return ""
        if isinstance(named, GraphQLUnionType):
            parts = [f"... on {m.name} {self.selection(m, levels)}" for m in named.types]
            return (
                "{ __typename "
                + " ".join(self.aliased(part, i) for i, part in enumerate(parts))
                + " }"
            )
        assert isinstance(named, GraphQLObjectType)
        selected = ["__typename"]
        for name, field in named.fields.items():
            needed = [a for a in field.args.values() if isinstance(a.type, GraphQLNonNull)]
            if f"{named.name}.{name}" in self.ERRORS or needed:
                continue
            if is_leaf_type(get_named_type(field.type)):
                selected.append(name)
            elif levels:
                selected.append(f"{name} {self.selection(field.type, levels - 1)}")
        return "{ " + " ".join(selected) + " }"

    def aliased(self, part: str, number: int) -> str:
        """Members of a union have fields of the same name and of other types."""
        head, _, fields = part.partition("{ ")
        names = fields.removesuffix(" }").split(" ")
        return head + "{ " + " ".join(f"m{number}_{n}: {n}" for n in names) + " }"

    @pytest.mark.parametrize(
        "root",
        [
            "apps",
            "functions",
            'run(runID: "RUN")',
            'run(runID: "FAILED")',
            'functionRun(query: {functionRunId: "RUN"})',
            'eventV2(id: "EVENT")',
            'event(query: {eventId: "EVENT"})',
            "events(query: {})",
            "stream(query: {limit: 999})",
            'runTrace(runID: "RUN")',
            'runTrigger(runID: "RUN")',
            'runs(orderBy: [], filter: {from: "2020-01-01T00:00:00Z"})',
            'eventsV2(filter: {from: "0001-01-01T00:00:00Z"})',
            'functionBySlug(query: {functionSlug: "shop-ok"})',
            "workerConnections(orderBy: [], filter: {})",
            'debugRun(query: {functionSlug: "shop-ok"})',
            'charts(filter: {from: "NOW"})',
            "server",
            "environments",
            "retention",
            "functionList",
            "replays",
            "cancellations",
            "eventTypes",
            'runWaiting(runID: "RUN")',
            'functionQueue(functionSlug: "shop-ok")',
            'eventOutcomes(eventID: "EVENT")',
            'checkSearch(query: "x")',
            'quickSearch(text: "shop")',
            'runsByID(runIDs: ["RUN"])',
            'eventsByID(eventIDs: ["EVENT"])',
        ],
    )
    def test_can_be_selected(
        self, world: GraphqlWorld, run_id: str, failed_id: str, root: str
    ) -> None:
        schema = create_schema()
        assert schema.query_type is not None
        field = schema.query_type.fields[root.partition("(")[0]]
        event_id = world.ask("query ($id: String!) { runTrigger(runID: $id) { IDs } }", id=run_id)
        filled = root.replace("RUN", run_id).replace("FAILED", failed_id)
        filled = filled.replace("EVENT", event_id["runTrigger"]["IDs"][0])
        filled = filled.replace("NOW", date_text(int(time.time() * 1000) - 60_000))
        levels = self.LEVELS
        while True:
            answer = world.post(f"{{ {filled} {self.selection(field.type, levels)} }}")
            if answer.status == 200:
                break
            # Deeper than the server allows; the fields of each type are reached with fewer levels.
            assert answer.status == 422
            assert "errors" in answer.json
            levels -= 1
        messages = [error["message"] for error in answer.json.get("errors", [])]
        assert INTERNAL not in messages, answer.body[:2000]


class TestRuns:
    def test_a_run_its_trace_and_its_output_agree(self, world: GraphqlWorld, run_id: str) -> None:
        run = world.ask(
            """
            query ($id: String!) {
              run(runID: $id) {
                status output startedAt endedAt isBatch cronSchedule eventName
                trace { name status childrenSpans { name outputID } }
                current: trace(preview: true) { status outputID response { statusCode headers } }
              }
            }
            """,
            id=run_id,
        )["run"]
        assert (run["status"], run["output"]) == ("COMPLETED", '{"shipped":1}')
        assert run["trace"]["status"] == run["current"]["status"] == "COMPLETED"
        names = [span["name"] for span in run["trace"]["childrenSpans"]]
        assert names == ["charge", "function success"]
        assert run["current"]["response"]["headers"]["x-inngest-sdk"] == "js:v4.24.0"
        output = world.ask(
            "query ($id: String!) { runTraceSpanOutputByID(outputID: $id) { data error { message } } }",
            id=run["trace"]["childrenSpans"][0]["outputID"],
        )
        assert output["runTraceSpanOutputByID"] == {"data": '{"paid":true}', "error": None}

    def test_filters_choose(self, world: GraphqlWorld, run_id: str, failed_id: str) -> None:
        assert run_id in ids_of(world.runs(status=["COMPLETED"]))
        assert run_id not in ids_of(world.runs(status=["CANCELLED", "QUEUED"]))
        assert run_id in ids_of(world.runs(query="event.data.n == 7"))
        assert run_id not in ids_of(world.runs(query="event.data.n == 8"))
        assert world.runs(until="2020-01-01T00:00:00Z")["totalCount"] == 0
        assert world.runs(isDeferred=True)["totalCount"] == 0
        assert failed_id in ids_of(world.runs(functionIDs=[function_id(world, "shop-bad")]))

    def test_explicit_nulls_count_as_absent(self, world: GraphqlWorld, run_id: str) -> None:
        found = world.runs(
            timeField=None, status=None, functionIDs=None, appIDs=None, isDeferred=None, query=None
        )
        assert run_id in ids_of(found)

    def test_pages_follow_each_other(self, world: GraphqlWorld, run_id: str) -> None:
        query = """
          query ($after: String) {
            runs(first: 1, after: $after, orderBy: [{field: QUEUED_AT, direction: ASC}],
                 filter: {from: "2020-01-01T00:00:00Z"}) {
              totalCount edges { cursor node { id queuedAt } } pageInfo { hasNextPage endCursor }
            }
          }
        """
        seen, after = [], None
        while True:
            page = world.ask(query, after=after)["runs"]
            seen += [edge["node"]["id"] for edge in page["edges"]]
            if not page["edges"]:
                break
            after = page["pageInfo"]["endCursor"]
        assert len(seen) == len(set(seen)) == page["totalCount"]
        assert run_id in seen

    @pytest.mark.parametrize("query", ['event.name = "a"', "has(event.data.a)", "event.ts == 'x'"])
    def test_a_query_that_is_wrong_says_where(self, world: GraphqlWorld, query: str) -> None:
        (error,) = world.errors(
            """
            query ($filter: RunsFilterV2!) { runs(orderBy: [], filter: $filter) { totalCount } }
            """,
            filter={"from": LONG_AGO, "query": query},
        )
        assert error["message"].startswith("error retrieving runs: ")
        assert error["path"] == ["runs"]
        assert error["extensions"]["line"] == 1
        assert error["extensions"]["column"] >= 1

    @pytest.mark.parametrize(
        ("query", "message"),
        [
            ('{ run(runID: "x") { id } }', "error parsing runID: "),
            ('{ run(runID: "UNKNOWN") { id } }', "error retrieving run: sql: no rows"),
            ('{ runTrace(runID: "UNKNOWN") { name } }', "error retrieving run: sql: no rows"),
            ('{ runTrigger(runID: "") { IDs } }', "error parsing runID: "),
            ('{ functionRun(query: {functionRunId: ""}) { id } }', "function run id is required"),
            ('{ functionRun(query: {functionRunId: "x"}) { id } }', "invalid run ID: x"),
            ('{ functionRun(query: {functionRunId: "UNKNOWN"}) { id } }', "not found"),
            ('{ event(query: {eventId: "x"}) { id } }', "sql: no rows in result set"),
            ('{ eventV2(id: "UNKNOWN") { id } }', f"event not found: {UNKNOWN}"),
            ('{ eventV2(id: "x") { id } }', "ulid: bad data size when unmarshaling"),
            ("{ eventV2(id: 7) { id } }", ""),
            ('{ app(id: "x") { id } }', "sql: no rows in result set"),
            ('{ functionBySlug(query: {functionSlug: "x"}) { id } }', "sql: no rows in result set"),
            ('{ runTraceSpanOutputByID(outputID: "x") { data } }', "error parsing span identifier"),
            (
                '{ eventsV2(after: "x", filter: {from: "2020-01-01T00:00:00Z"}) { totalCount } }',
                "error decoding eventsv2 cursor: ",
            ),
            ('{ eventsV2(filter: {from: "x"}) { totalCount } }', "parsing time 'x'"),
            (
                '{ debugSession(query: {functionSlug: "x"}) { debugRuns { status } } }',
                "debug session not found",
            ),
            ('mutation { cancelRun(runID: "UNKNOWN") { id } }', "not found"),
            ('mutation { rerun(runID: "UNKNOWN") }', "sql: no rows in result set"),
            ('mutation { updateApp(input: {id: "x", url: "y"}) { id } }', "invalid UUID: "),
            (
                'mutation { pauseFunction(functionSlug: "x") { function { id } } }',
                "function not found",
            ),
            ('mutation { invoke(functionSlug: "x") { eventID } }', "function not found"),
            ("mutation { sendEvents(events: [{data: 1}]) }", ""),
            ('mutation { sendSignal(signal: "") }', "the name of the signal is missing"),
            (
                'mutation { createReplay(input: {functionSlug: "shop-ok", from: "x", until: "y"}) { id } }',
                "from must be a time",
            ),
            ('mutation { setRetention(input: {runs: "1s"}) { kept { runs } } }', "runs must be"),
        ],
    )
    def test_what_is_not_there_or_wrong_is_an_error_of_the_field(
        self, world: GraphqlWorld, query: str, message: str
    ) -> None:
        (error,) = world.errors(query.replace("UNKNOWN", UNKNOWN))
        assert error["message"].startswith(message)
        assert error["message"] != INTERNAL
        assert error["path"]

    def test_errors_bubble_to_the_nearest_field_that_may_be_null(self, world: GraphqlWorld) -> None:
        """Clients that poll rely on it: `runTrigger` is never null. Source: GraphQL, 1.3."""
        answer = world.post(
            "query ($id: String!) { run(runID: $id) { id } runTrigger(runID: $id) { payloads } }",
            {"id": UNKNOWN},
        )
        assert answer.status == 200
        assert answer.json["data"] is None
        assert len(answer.json["errors"]) == 2
        alone = world.post("query ($id: String!) { run(runID: $id) { id } }", {"id": UNKNOWN})
        assert alone.json["data"] == {"run": None}

    def test_variables_that_are_not_declared_are_ignored(self, world: GraphqlWorld) -> None:
        assert world.ask("{ __typename }", preview=True, endTime=None) == {"__typename": "Query"}


class TestEvents:
    def test_an_event_is_shown_to_the_letter(self, world: GraphqlWorld) -> None:
        event = {"name": "a/b", "data": {"z": 1, "a": "é"}, "id": "mine", "ts": 1_700_000_000_000}
        (event_id,) = world.ask(
            "mutation ($events: [Map!]!) { sendEvents(events: $events) }", events=[event]
        )["sendEvents"]
        shown = world.ask(
            "query ($id: ULID!) { eventV2(id: $id) { idempotencyKey raw occurredAt version } }",
            id=event_id,
        )["eventV2"]
        assert shown == {
            "idempotencyKey": "mine",
            "raw": '{"data":{"z":1,"a":"é"},"id":"mine","name":"a/b","ts":1700000000000,"v":null}',
            "occurredAt": "2023-11-14T22:13:20.000Z",
            "version": "",
        }

    def test_a_list_has_pages_and_an_exact_count(self, world: GraphqlWorld) -> None:
        names = [f"page/{n}" for n in range(5)]
        world.ask(
            "mutation ($events: [Map!]!) { sendEvents(events: $events) }",
            events=[{"name": name} for name in names],
        )
        query = """
          query ($after: String, $names: [String!]) {
            eventsV2(first: 2, after: $after, filter: {from: "0001-01-01T00:00:00Z", eventNames: $names}) {
              totalCount totalCountIsExact edges { cursor node { name } }
              pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
            }
          }
        """
        seen, after, pages = [], None, 0
        while after is not None or not pages:
            page = world.ask(query, after=after, names=names)["eventsV2"]
            assert (page["totalCount"], page["totalCountIsExact"]) == (5, True)
            assert page["pageInfo"]["hasPreviousPage"] is (after is not None)
            seen += [edge["node"]["name"] for edge in page["edges"]]
            after = page["pageInfo"]["endCursor"] if page["pageInfo"]["hasNextPage"] else None
            pages += 1
        assert sorted(seen) == names
        cursor = base64.b64decode(page["edges"][0]["cursor"])
        assert msgspec.json.decode(cursor).keys() == {"ID"}

    def test_events_of_the_server_are_shown_on_request(
        self, world: GraphqlWorld, run_id: str
    ) -> None:
        query = """
          query ($internal: Boolean = false) {
            eventsV2(first: 51, filter: {from: "0001-01-01T00:00:00Z", includeInternalEvents: $internal}) {
              edges { node { name } }
            }
          }
        """
        finished = {"node": {"name": "inngest/function.finished"}}
        assert finished not in world.ask(query)["eventsV2"]["edges"]
        assert finished in world.ask(query, internal=True)["eventsV2"]["edges"]

    def test_events_are_found_by_what_is_in_them(self, world: GraphqlWorld) -> None:
        world.ask(
            "mutation ($events: [Map!]!) { sendEvents(events: $events) }",
            events=[{"name": "find/me", "data": {"n": n}} for n in range(4)],
        )
        found = world.ask(
            """
            query ($search: String) {
              eventsV2(filter: {from: "0001-01-01T00:00:00Z", query: $search}) {
                totalCount edges { node { raw } }
              }
            }
            """,
            search='event.name == "find/me"\nevent.data.n >= 2',
        )["eventsV2"]
        assert (found["totalCount"], len(found["edges"])) == (2, 2)

    def test_types_of_events_are_the_newest_first(self, world: GraphqlWorld) -> None:
        for name in ("type/a", "type/b", "type/a"):
            world.ask(
                "mutation ($events: [Map!]!) { sendEvents(events: $events) }",
                events=[{"name": name}],
            )
        types = world.ask('{ eventTypes(search: "TYPE/") { name } }')["eventTypes"]
        assert types == [{"name": "type/a"}, {"name": "type/b"}]
        world.server.send()
        types = world.ask("{ eventTypes { name functions { slug } } }")["eventTypes"]
        (own,) = [each for each in types if each["name"] == EVENT]
        assert {"slug": "shop-ok"} in own["functions"]


class TestMutations:
    def test_a_run_is_run_again_from_a_step(self, world: GraphqlWorld, run_id: str) -> None:
        again = world.ask(
            """
            mutation ($id: ULID!, $step: String!) {
              rerun(runID: $id, fromStep: {stepID: $step, input: "[{}]"})
            }
            """,
            id=run_id,
            step=step_id("charge"),
        )["rerun"]
        origin = world.ask("query ($id: String!) { run(runID: $id) { originRunID } }", id=again)
        assert origin == {"run": {"originRunID": run_id}}

    def test_an_input_must_be_an_array(self, world: GraphqlWorld, run_id: str) -> None:
        (error,) = world.errors(
            'mutation ($id: ULID!) { rerun(runID: $id, fromStep: {stepID: "a", input: "{}"}) }',
            id=run_id,
        )
        assert error["message"] == "input is not a valid JSON array"

    def test_a_run_that_has_ended_cannot_be_cancelled(
        self, world: GraphqlWorld, run_id: str
    ) -> None:
        (error,) = world.errors("mutation ($id: ULID!) { cancelRun(runID: $id) { id } }", id=run_id)
        assert error["message"] == "cannot cancel an ended run"

    def test_a_function_is_paused_and_goes_on(self, world: GraphqlWorld) -> None:
        fields = "{ function { pause { newRuns running isDrain } } cancellationID }"
        paused = world.ask(
            f'mutation {{ pauseFunction(functionSlug: "shop-other", newRuns: WAIT) {fields} }}'
        )["pauseFunction"]
        pause = {"newRuns": "WAIT", "running": "FINISH", "isDrain": False}
        assert paused == {"function": {"pause": pause}, "cancellationID": None}
        resumed = world.ask(f'mutation {{ resumeFunction(functionSlug: "shop-other") {fields} }}')
        assert resumed["resumeFunction"]["function"]["pause"] is None

    def test_an_invocation_names_its_run(self, world: GraphqlWorld) -> None:
        started = world.ask(
            'mutation { invoke(functionSlug: "shop-other", data: {a: 1}) { eventID runID } }'
        )["invoke"]
        run = world.ask("query ($id: String!) { run(runID: $id) { id } }", id=started["runID"])
        assert run["run"]["id"] == started["runID"]

    @pytest.mark.parametrize(
        ("meta", "message"),
        [
            ({"a": 1}, 'event meta "a" is not supported'),
            ({"sessions": 1}, "event meta sessions must be an object"),
            ({"sessions": {"k": True}}, 'session "k" must be a string or number'),
            ({"sessions": {"k": ""}}, "Invalid invocation event: invalid sessions: "),
        ],
    )
    def test_an_invocation_may_say_little_of_its_event(
        self, world: GraphqlWorld, meta: Any, message: str
    ) -> None:
        (error,) = world.errors(
            'mutation ($meta: Map) { invokeFunction(functionSlug: "x", meta: $meta) }', meta=meta
        )
        assert error["message"].startswith(message)

    def test_an_invocation_of_nothing_is_taken(self, world: GraphqlWorld) -> None:
        """As the compatible API does; `invoke` says that there is no such function."""
        assert world.ask('mutation { invokeFunction(functionSlug: "x") }') == {
            "invokeFunction": True
        }

    def test_an_app_that_cannot_be_reached_stays_as_a_placeholder(
        self, world: GraphqlWorld
    ) -> None:
        (error,) = world.errors('mutation { createApp(input: {url: "127.0.0.1:9/api"}) { id } }')
        assert error["message"] == "unreachable"
        apps = world.ask("{ apps { id name url error connected } }")["apps"]
        (placeholder,) = [app for app in apps if not app["name"]]
        assert placeholder["url"] == "http://localhost:9/api"
        assert (placeholder["error"], placeholder["connected"]) == ("unreachable", False)

        moved = world.ask(
            'mutation ($id: String!) { updateApp(input: {id: $id, url: "127.0.0.1:10"}) { url } }',
            id=placeholder["id"],
        )
        assert moved["updateApp"]["url"].startswith("http://localhost:10")
        gone = world.ask(
            'mutation ($id: String!) { deleteApp(id: $id) deleteAppByName(name: "nobody") }',
            id=placeholder["id"],
        )
        assert gone == {"deleteApp": placeholder["id"], "deleteAppByName": False}
        assert placeholder["id"] not in str(world.ask("{ apps { id } }"))

    def test_bulk_operations_are_begun_and_forgotten(self, world: GraphqlWorld) -> None:
        replay = world.ask(
            """
            mutation {
              createReplay(input: {functionSlug: "shop-ok", from: "2020-01-01T00:00:00Z",
                until: "2020-01-02T00:00:00Z", statuses: ["Failed"], name: "again"}) {
                id name functionSlug statuses from until condition
              }
            }
            """
        )["createReplay"]
        assert (replay["name"], replay["statuses"], replay["condition"]) == (
            "again",
            ["Failed"],
            None,
        )
        cancellation = world.ask(
            """
            mutation {
              createCancellation(input: {functionSlug: "shop-ok", if: "event.data.a == 1",
                startedBefore: "2020-01-02T00:00:00Z"}) { id condition cause startedAfter }
            }
            """
        )["createCancellation"]
        assert cancellation["condition"] == "event.data.a == 1"
        listed = world.ask('{ replays(functionSlug: "shop-ok") { id } cancellations { id } }')
        assert {"id": replay["id"]} in listed["replays"]
        assert {"id": cancellation["id"]} in listed["cancellations"]
        for name, bulk in (("deleteReplay", replay), ("deleteCancellation", cancellation)):
            mutation = f"mutation ($id: ULID!) {{ {name}(id: $id) }}"
            assert world.ask(mutation, id=bulk["id"]) == {name: True}
            assert world.ask(mutation, id=bulk["id"]) == {name: False}

    def test_retention_is_changed_and_given_back(self, world: GraphqlWorld) -> None:
        changed = world.ask(
            'mutation { setRetention(input: {runs: "3d"}) { kept { runs } own { runs events } } }'
        )["setRetention"]
        assert changed == {"kept": {"runs": "3d"}, "own": {"runs": "3d", "events": None}}
        back = world.ask("mutation { setRetention(input: {runs: null}) { own { runs } } }")
        assert back["setRetention"]["own"]["runs"] is None


class TestCharts:
    def test_every_series_has_the_same_buckets(self, world: GraphqlWorld, run_id: str) -> None:
        now_ms = int(time.time() * 1000)
        charts = world.ask(
            """
            query ($from: Time!) {
              charts(filter: {from: $from, functionSlugs: ["shop-ok"],
                              series: ["runs_completed", "running", "call_duration"]}) {
                bucketMs buckets latencyBoundsMs series { name kind values }
                histograms { name counts } worst { failed } busiest { ended function { slug } }
              }
            }
            """,
            **{"from": date_text(now_ms - 3_600_000)},
        )["charts"]
        completed, running = charts["series"]
        assert (completed["name"], completed["kind"]) == ("runs_completed", "counter")
        assert sum(completed["values"]) >= 1
        assert len(charts["buckets"]) == len(completed["values"]) == len(running["values"])
        (calls,) = charts["histograms"]
        assert len(calls["counts"][0]) == len(charts["latencyBoundsMs"]) + 1
        assert charts["worst"] == []
        (busiest,) = charts["busiest"]
        assert busiest["function"]["slug"] == "shop-ok"
        assert busiest["ended"] >= 1

    @pytest.mark.parametrize(
        ("asked", "message"),
        [
            ({"from": "1969-01-01T00:00:00Z", "until": "1960-01-01T00:00:00Z"}, "Invalid range: "),
            ({"from": "2020-01-01T00:00:00Z"}, "Invalid range: the range is longer"),
            ({"from": "2999-01-01T00:00:00Z"}, "Invalid range: the range begins in the future"),
            ({"from": "x"}, "parsing time 'x'"),
            ({"from": "2026-01-01T00:00:00Z", "series": ["nope"]}, "Unknown series: nope"),
        ],
    )
    def test_a_range_or_series_that_makes_no_sense_is_refused(
        self, world: GraphqlWorld, asked: Any, message: str
    ) -> None:
        (error,) = world.errors(
            "query ($filter: ChartsFilter!) { charts(filter: $filter) { bucketMs } }", filter=asked
        )
        assert error["message"].startswith(message)


class TestOverview:
    def test_functions_are_listed_in_pages(self, world: GraphqlWorld) -> None:
        query = """
          query ($after: String) {
            functionList(first: 2, after: $after, search: "O") {
              nodes { slug } endCursor hasNextPage totalCount
            }
          }
        """
        first = world.ask(query)["functionList"]
        rest = world.ask(query, after=first["endCursor"])["functionList"]
        slugs = [node["slug"] for node in first["nodes"] + rest["nodes"]]
        assert slugs == ["shop-bad", "shop-ok", "shop-other"]
        assert (first["hasNextPage"], rest["hasNextPage"], first["totalCount"]) == (True, False, 3)

    def test_things_are_found_by_name_and_id(self, world: GraphqlWorld, run_id: str) -> None:
        query = "query ($text: String!) { quickSearch(text: $text) { kind id name } }"
        (run,) = world.ask(query, text=run_id.lower())["quickSearch"]
        assert run == {"kind": "RUN", "id": run_id, "name": "ok"}
        kinds = [hit["kind"] for hit in world.ask(query, text="SHOP")["quickSearch"]]
        assert kinds == ["FUNCTION"] * 3 + ["APP"]
        assert world.ask(query, text="  ") == {"quickSearch": []}

    def test_a_search_is_checked(self, world: GraphqlWorld) -> None:
        query = "query ($q: String!) { checkSearch(query: $q) { isValid message line column } }"
        good = world.ask(query, q='event.name == "a"')["checkSearch"]
        assert good == {"isValid": True, "message": None, "line": None, "column": None}
        bad = world.ask(query, q="event.name == 1")["checkSearch"]
        assert (bad["isValid"], bad["line"]) == (False, 1)

    def test_the_server_says_what_it_is(self, world: GraphqlWorld) -> None:
        server = world.ask("{ server { kind store databaseBytes functionCount appCount } }")
        assert server["server"]["functionCount"] == 3
        assert (server["server"]["kind"], server["server"]["store"]) == ("dev", "memory")
        assert server["server"]["databaseBytes"] is None


def ids_of(page: Any) -> list[str]:
    return [edge["node"]["id"] for edge in page["edges"]]


def function_id(world: GraphqlWorld, slug: str) -> str:
    found: str = world.ask(
        "query ($slug: String!) { functionBySlug(query: {functionSlug: $slug}) { id } }", slug=slug
    )["functionBySlug"]["id"]
    return found
