"""The OpenAPI document: it says what is mounted, and only that."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stepwell import __version__
from stepwell.api.openapi import (
    Answer,
    Declaration,
    Parameter,
    Refusal,
    Tag,
    Unlisted,
    data,
    refused,
)
from stepwell.api.openapi.document import document, listed
from stepwell.api.openapi.surface import TABLES, declared_routes
from stepwell.server.options import Mode
from tests.unit.api.api_server import CLOUD, DEV, SIGNING_KEY, Api
from tests.unit.api.whole_server import WholeServer, whole_server


@pytest.fixture(scope="module")
def server() -> Iterator[WholeServer]:
    with whole_server(Mode.DEV) as server:
        yield server


def test_every_mounted_route_is_declared_and_every_declared_one_mounted(
    server: WholeServer,
) -> None:
    declared: dict[str, set[str]] = {}
    for table in TABLES:
        for path, methods in table.items():
            assert path not in declared, "each path stands in one table"
            declared[path] = set(methods)

    assert declared == server.methods


def test_a_route_that_is_left_out_says_why() -> None:
    unlisted = [
        declaration
        for table in TABLES
        for methods in table.values()
        for declaration in methods.values()
        if isinstance(declaration, Unlisted)
    ]

    assert unlisted
    assert all(declaration.reason for declaration in unlisted)


def _document(**changes: Any) -> dict[str, Any]:
    return document(declared_routes(), version="1.2.3", **changes)


def _operations(shown: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for methods in shown["paths"].values() for operation in methods.values()]


def test_the_document_has_what_openapi_asks_for() -> None:
    shown = _document()

    assert shown["openapi"] == "3.1.0"
    assert shown["info"]["version"] == "1.2.3"
    operations = _operations(shown)
    assert len({operation["operationId"] for operation in operations}) == len(operations)
    assert {tag for operation in operations for tag in operation["tags"]} == set(Tag)
    assert all(
        response["description"] for op in operations for response in op["responses"].values()
    )


def test_every_reference_in_the_document_leads_somewhere() -> None:
    shown = _document()
    references = set(re.findall(r"'\$ref': '#/components/schemas/(\w+)'", str(shown)))

    assert references
    assert references <= set(shown["components"]["schemas"])


def test_parameters_of_the_path_are_those_in_the_path() -> None:
    for path, methods in _document()["paths"].items():
        for operation in methods.values():
            parameters = operation.get("parameters", [])
            in_path = [each["name"] for each in parameters if each["in"] == "path"]
            assert in_path == re.findall(r"\{(\w+)\}", path)
            assert all(each["required"] for each in parameters if each["in"] == "path")


def test_every_shape_says_what_it_is() -> None:
    """Docstrings become descriptions; a word in an enumeration needs none."""
    schemas = _document()["components"]["schemas"]

    assert [name for name, schema in schemas.items() if not schema.get("description")] == []
    assert "Attributes:" not in str(schemas)
    assert schemas["Refusal"]["properties"]["status"]["description"] == "The HTTP status."


@pytest.mark.parametrize(
    ("path", "method", "ways"),
    [
        ("/v1/events", "get", {"signingKey", "operatorToken"}),
        ("/v1/retention", "put", {"operatorToken"}),
        ("/fn/register", "post", {"signingKey"}),
        ("/v1/prom/{env}", "get", {"signingKey", "operatorToken", "metricsToken"}),
        ("/metrics", "get", {"operatorToken", "metricsToken"}),
        ("/v1/http/runs/{run_id}/output", "get", set()),
        ("/e/{key}", "post", set()),
        ("/health/ready", "get", set()),
    ],
)
def test_a_route_names_every_way_to_prove_oneself(path: str, method: str, ways: set[str]) -> None:
    shown = _document()
    operation = shown["paths"][path][method]

    assert {name for way in operation["security"] for name in way} == ways
    assert ways <= set(shown["components"]["securitySchemes"])
    media = operation["responses"].get("401", {}).get("content", {})
    assert ("text/plain" in media) is bool(ways)
    assert ("403" in operation["responses"]) is (bool(ways) and "signingKey" not in ways)


def test_a_server_without_keys_declares_none() -> None:
    shown = _document(is_protected=False)

    assert not any(operation["security"] for operation in _operations(shown))
    assert "securitySchemes" not in shown["components"]


def test_the_document_is_served() -> None:
    shown = Api(DEV).get("/v1/openapi.json").json

    assert shown["info"]["version"] == DEV.version
    assert "/v1/openapi.json" in shown["paths"]


def test_in_production_the_document_needs_a_key() -> None:
    api = Api(CLOUD)

    assert api.get("/v1/openapi.json").status == 401
    shown = api.get("/v1/openapi.json", authorization=f"Bearer {SIGNING_KEY}").json
    assert "securitySchemes" in shown["components"]


def test_the_version_of_the_server_is_that_of_the_package(server: WholeServer) -> None:
    assert server.get("/v1/openapi.json").json["info"]["version"] == __version__


#: As the documentation calls them.
_WAYS = {"signing key": "signingKey", "operator": "operatorToken", "metrics": "metricsToken"}
_ROW = re.compile(r"^\| (?:\[)?`([A-Z]+) (/[^`]*)`[^|]*\| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)


def test_the_documentation_names_every_route_and_no_other() -> None:
    """Each has a row in the first table: method and path, what it does, and which key it needs."""
    page = (Path(__file__).parents[3] / "docs" / "http-api.md").read_text()
    table = page.partition("## For all routes")[0]
    rows = {(method, path): (what, key) for method, path, what, key in _ROW.findall(table)}

    shown = _document()["paths"]
    documented = {
        (method.upper(), path): operation["summary"]
        for path, methods in shown.items()
        for method, operation in methods.items()
    }
    assert {place: what for place, (what, _) in rows.items()} == documented
    for (method, path), (_, keys) in rows.items():
        ways = {name for way in shown[path][method.lower()]["security"] for name in way}
        assert {_WAYS[key] for key in keys.split(", ") if key in _WAYS} == ways, (method, path)


def test_links_of_the_documentation_lead_to_its_sections() -> None:
    page = (Path(__file__).parents[3] / "docs" / "http-api.md").read_text()
    titles = re.findall(r"^#+ (.*)$", page, re.MULTILINE)
    sections = {re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-") for title in titles}

    assert set(re.findall(r"\]\(#([^)]*)\)", page)) <= sections


def _shown(declaration: Declaration, path: str = "/v1/things") -> dict[str, Any]:
    paths = document(listed([{path: {"GET": declaration}}]), version="1")["paths"]
    shown: dict[str, Any] = paths[path]["get"]
    return shown


def _things(*answers: Answer, **changes: Any) -> Declaration:
    return Declaration("getThings", "Read things", Tag.SERVER, answers=answers, **changes)


def test_answers_of_one_status_are_shown_as_one() -> None:
    shown = _shown(_things(data(int), refused(404, "no thing"), refused(404, "no such thing")))

    assert shown["responses"]["404"]["description"] == "no thing; no such thing"
    assert shown["responses"]["404"]["content"] == {
        "application/json": {"schema": {"$ref": "#/components/schemas/Refusal"}}
    }
    assert shown["responses"]["200"]["content"]["application/json"]["schema"]["required"] == [
        "data",
        "metadata",
    ]


def test_two_routes_of_one_name_are_a_mistake() -> None:
    twice = listed([{"/a": {"GET": _things(data(int))}, "/b": {"GET": _things(data(int))}}])

    with pytest.raises(AssertionError, match="getThings"):
        document(twice, version="1")


def test_a_parameter_in_a_path_must_be_explained() -> None:
    with pytest.raises(AssertionError, match="nothing says what"):
        _shown(_things(data(int)), "/v1/things/{thing}")

    thing = Parameter("thing", str, place="path", is_required=True)
    document(
        listed([{"/{thing}": {"GET": _things(data(Refusal), parameters=(thing,))}}]), version="1"
    )
