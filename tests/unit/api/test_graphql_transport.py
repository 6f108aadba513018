"""GraphQL over HTTP: what is a query, and what is said to everything else."""

import hashlib
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest

from stepwell.api.graphql.endpoint import BODY_BYTES_MAX
from stepwell.api.graphql.execution import TOKENS_MAX
from tests.unit.api.graphql_world import GraphqlWorld, graphql_world

JSON = "application/json"


@pytest.fixture(scope="module")
def world() -> Iterator[GraphqlWorld]:
    with graphql_world("a") as world:
        yield world


def test_an_answer_without_errors_has_no_key_for_them(world: GraphqlWorld) -> None:
    """Clients take any `errors` that is not null for a failure."""
    answer = world.post("{ __typename }")
    assert (answer.status, answer.body) == (200, b'{"data":{"__typename":"Query"}}')


def test_parameters_of_the_media_type_do_not_matter(world: GraphqlWorld) -> None:
    body = b'{"query":"{ __typename }"}'
    answer = world.server.post("/v0/gql", body, content_type="application/json; charset=utf-8")
    assert answer.status == 200


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "POST"])
def test_other_transports_are_refused(world: GraphqlWorld, method: str) -> None:
    answer = world.server.request(method, "/v0/gql", b"{}", content_type="text/plain")
    assert answer.status == 400
    assert answer.json == {"errors": [{"message": "transport not supported"}], "data": None}


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b'{"query":1}', b'{"query":"{a}","variables":[]}', b"\xff"]
)
def test_a_body_that_is_no_query_is_refused(world: GraphqlWorld, body: bytes) -> None:
    answer = world.server.post("/v0/gql", body, content_type=JSON)
    assert answer.status == 400
    (error,) = answer.json["errors"]
    assert error["message"].startswith("json request body could not be decoded: ")
    assert answer.json["data"] is None


def test_a_body_may_have_so_many_bytes(world: GraphqlWorld) -> None:
    padding = b" " * (BODY_BYTES_MAX - len(b'{"query":"{ __typename }"}'))
    fits = b'{"query":"{ __typename }"%b}' % padding
    assert world.server.post("/v0/gql", fits, content_type=JSON).status == 200
    assert world.server.post("/v0/gql", fits + b" ", content_type=JSON).status == 413


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("{", "GRAPHQL_PARSE_FAILED"),
        ("", "GRAPHQL_PARSE_FAILED"),
        ("{ nope }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($a: Nope) { __typename }", "GRAPHQL_VALIDATION_FAILED"),
        ("query ($a: ID!) { __typename }", "GRAPHQL_VALIDATION_FAILED"),
        ("fragment A on App { id }", "GRAPHQL_VALIDATION_FAILED"),
        ("{ runs(orderBy: []) { totalCount } }", "GRAPHQL_VALIDATION_FAILED"),
    ],
)
def test_a_query_that_cannot_be_carried_out_is_422(
    world: GraphqlWorld, query: str, code: str
) -> None:
    answer = world.post(query)
    assert answer.status == 422, answer.body
    assert answer.json["data"] is None
    assert {error["extensions"]["code"] for error in answer.json["errors"]} == {code}
    assert answer.body.startswith(b'{"errors":'), "errors are written first"


def test_an_unknown_operation_is_422_and_a_known_one_is_found(world: GraphqlWorld) -> None:
    query = "query A { __typename } query B { again: __typename }"
    assert world.post(query, operationName="B").json == {"data": {"again": "Query"}}
    assert world.post(query, operationName="C").status == 422
    assert world.post(query).status == 422


def test_a_query_has_a_bounded_number_of_words(world: GraphqlWorld) -> None:
    """Before anything else is made of it: so long a text is not even checked."""
    longest = "{ " + "__typename " * (TOKENS_MAX - 2) + "}"
    for query, code in (
        (longest, "GRAPHQL_VALIDATION_FAILED"),
        (longest + " #\n{ a }", "GRAPHQL_PARSE_FAILED"),
    ):
        answer = world.post(query)
        assert answer.status == 422
        assert answer.json["errors"][0]["extensions"]["code"] == code


class TestGet:
    def test_a_query_may_stand_in_the_url(self, world: GraphqlWorld) -> None:
        query = "query%20($n:String!){__type(name:$n){name}}"
        variables = "%7B%22n%22:%22App%22%7D"
        answer = world.server.get(f"/v0/gql?query={query}&variables={variables}")
        assert answer.json == {"data": {"__type": {"name": "App"}}}

    def test_a_link_changes_nothing(self, world: GraphqlWorld) -> None:
        query = 'mutation{deleteAppByName(name:"shop")}'
        answer = world.server.get(f"/v0/gql?query={query}")
        assert answer.status == 406
        message = "GET requests only allow query operations"
        assert answer.json == {"errors": [{"message": message}], "data": None}
        assert world.ask("{ apps { name } }") == {"apps": [{"name": "shop"}]}

    @pytest.mark.parametrize("name", ["variables", "extensions"])
    def test_what_is_no_object_is_refused(self, world: GraphqlWorld, name: str) -> None:
        answer = world.server.get(f"/v0/gql?query={{__typename}}&{name}=[1")
        assert answer.status == 400
        assert answer.json["errors"] == [{"message": f"{name} could not be decoded"}]

    def test_a_head_is_not_allowed(self, world: GraphqlWorld) -> None:
        answer = world.server.request("HEAD", "/v0/gql")
        assert (answer.status, answer.headers["allow"]) == (405, "OPTIONS, GET, POST")

    def test_options_say_what_is_allowed(self, world: GraphqlWorld) -> None:
        answer = world.server.request("OPTIONS", "/v0/gql")
        assert (answer.status, answer.headers["allow"]) == (200, "OPTIONS, GET, POST")

    def test_there_is_a_page_that_asks_nobody_else(self, world: GraphqlWorld) -> None:
        answer = world.server.get("/v0/")
        assert answer.status == 200
        assert answer.text.startswith("<!doctype html>")
        assert "http://" not in answer.text
        assert "https://" not in answer.text
        assert "default-src 'none'" in answer.headers["content-security-policy"]


class TestPersistedQueries:
    """Source: GraphQL, 1.5."""

    def extensions(self, text: str) -> dict[str, Any]:
        digest = hashlib.sha256(text.encode()).hexdigest()
        return {"persistedQuery": {"version": 1, "sha256Hash": digest}}

    def test_a_query_is_found_by_its_hash_once_it_was_sent(self, world: GraphqlWorld) -> None:
        text = "{ found: __typename }"
        extensions = self.extensions(text)
        missed = world.post("", extensions=extensions)
        assert missed.status == 200
        (error,) = missed.json["errors"]
        assert error["message"] == "PersistedQueryNotFound"
        assert error["extensions"] == {"code": "PERSISTED_QUERY_NOT_FOUND"}
        assert world.post(text, extensions=extensions).json == {"data": {"found": "Query"}}
        assert world.post("", extensions=extensions).json == {"data": {"found": "Query"}}

    def test_a_hash_of_something_else_is_refused(self, world: GraphqlWorld) -> None:
        answer = world.post("{ __typename }", extensions=self.extensions("{ a }"))
        assert answer.json["errors"] == [{"message": "provided APQ hash does not match query"}]

    @pytest.mark.parametrize("sent", [1, "x", {"sha256Hash": 1}, {}])
    def test_nonsense_in_the_extensions_harms_nobody(self, world: GraphqlWorld, sent: Any) -> None:
        answer = world.post("", extensions={"persistedQuery": sent})
        assert answer.status in {200, 422}
        assert msgspec.json.decode(answer.body)["data"] is None
