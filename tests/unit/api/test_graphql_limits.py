"""How much a query may ask for."""

from typing import Any

import pytest
from graphql import (
    DocumentNode,
    GraphQLSchema,
    OperationDefinitionNode,
    get_introspection_query,
    get_operation_ast,
    parse,
    validate,
)

from stepwell.api.graphql.limits import COST_MAX, DEPTH_MAX, FIELDS_MAX, excess
from stepwell.api.graphql.schema import create_schema

SCHEMA: GraphQLSchema = create_schema()
#: What the dashboard of the compatible system asks for on the page of a run.
SPAN = """
  name status attempts queuedAt scheduledAt startedAt endedAt isRoot isUserland outputID groupID
  spanID stepID stepOp stepType userlandSpan { spanName spanKind serviceName }
  metadata { scope kind values updatedAt } response { statusCode headers }
  stepInfo { __typename ... on RunStepInfo { type } ... on SleepStepInfo { sleepUntil } }
"""


def too_much(query: str, **variables: Any) -> str | None:
    document: DocumentNode = parse(query)
    assert not validate(SCHEMA, document)
    operation = get_operation_ast(document)
    assert isinstance(operation, OperationDefinitionNode)
    return excess(SCHEMA, document, operation, variables)


def nested(levels: int, inside: str = "id") -> str:
    """`levels` fields inside each other, of which the last has no selection."""
    pairs, rest = divmod(levels - 2, 2)
    assert not rest
    return "{ apps {" + "functions { app {" * pairs + inside + "} }" * pairs + "} }"


def test_what_dashboards_and_tools_ask_for_is_allowed() -> None:
    spans = SPAN + ("childrenSpans { " + SPAN) * 4 + "}" * 4
    trace = "trace(preview: true) { " + spans + " }"
    run = "query ($id: String!) { run(runID: $id) { status " + trace + " } }"
    assert too_much(run, id="x") is None
    assert too_much(get_introspection_query()) is None


@pytest.mark.parametrize(("levels", "is_allowed"), [(DEPTH_MAX, True), (DEPTH_MAX + 1, False)])
def test_a_query_may_have_so_many_levels(levels: int, is_allowed: bool) -> None:
    parents = levels - 3
    query = (
        '{ run(runID: "x") { trace { ' + "parentSpan { " * parents + "name" + " }" * (parents + 3)
    )
    problem = None if is_allowed else f"The query is deeper than {DEPTH_MAX} levels"
    assert too_much(query) == problem


def test_levels_in_fragments_count() -> None:
    fragments = "".join(
        f"fragment F{n} on RunTraceSpan {{ parentSpan {{ ...F{n + 1} }} }} "
        for n in range(DEPTH_MAX)
    )
    last = f"fragment F{DEPTH_MAX} on RunTraceSpan {{ name }}"
    query = '{ run(runID: "x") { trace { ...F0 } } }' + fragments + last
    assert too_much(query) == f"The query is deeper than {DEPTH_MAX} levels"


def test_fragments_that_double_are_counted_each_time() -> None:
    """A short query could ask for billions of fields otherwise, and counting them takes as long."""
    doubling = "".join(
        f"fragment F{n} on App {{ ...F{n + 1} a{n}: functionCount ...F{n + 1} }} "
        for n in range(40)
    )
    query = "{ apps { ...F0 } }" + doubling + "fragment F40 on App { name }"
    assert too_much(query) == f"The query has more than {FIELDS_MAX} fields"


def test_lists_multiply() -> None:
    problem = f"The query asks for more than {COST_MAX} values; select less of it"
    assert too_much(nested(DEPTH_MAX - 4)) == problem


@pytest.mark.parametrize(
    ("first", "is_allowed"), [(1, True), (100, True), (2**31, False), ("x", False), (None, False)]
)
def test_pages_count_with_the_length_that_is_asked_for(first: Any, is_allowed: bool) -> None:
    spans = "childrenSpans { " * 4 + SPAN + "}" * 4
    query = (
        'query ($first: Int!) { runs(first: $first, orderBy: [], filter: {from: "x"}) {'
        " edges { node { trace { " + spans + " } } } } }"
    )
    assert (too_much(query, first=first) is None) is is_allowed


@pytest.mark.parametrize(
    "query",
    [
        "query ($ids: [ULID!]!) { runsByID(runIDs: $ids) { SPANS } }",
        "query ($ids: [ULID!]!) { eventsByID(eventIDs: $ids) { runs { SPANS } } }",
    ],
)
def test_things_that_are_named_count_each(query: str) -> None:
    spans = "trace { childrenSpans { childrenSpans { childrenSpans { childrenSpans { name } } } } }"
    inner = " ".join(f"a{n}: {spans}" for n in range(200))
    assert too_much(query.replace("SPANS", inner), ids=["x"]) is None
    assert too_much(query.replace("SPANS", inner), ids=["x"] * 200) is not None
