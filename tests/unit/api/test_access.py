"""Who may use which route of a server in production."""

from pathlib import Path

import pytest

from stepwell.api.access import Access, access_of
from stepwell.api.openapi.surface import declared_routes
from stepwell.core.access_token import TokenHash
from tests.unit.api.api_server import (
    CLOUD,
    METRICS_TOKEN,
    OPERATOR_TOKEN,
    SIGNING_KEY,
    Api,
    ulid,
)
from tests.unit.api.dashboard_build import built_into, with_dashboard

SDK = Access.SIGNING_KEY
SHARED = Access.SIGNING_KEY | Access.OPERATOR
OPERATOR = Access.OPERATOR

#: Every route that is not for operators alone.
LISTED = {
    "/": Access.OPEN,
    "/e/{key:path}": Access.OPEN,
    "/health": Access.OPEN,
    "/health/ready": Access.OPEN,
    "/v0/session": Access.OPEN,
    "/v1/http/runs/{run_id}/output": Access.OPEN,
    "/metrics": Access.OPERATOR | Access.METRICS,
    "/v1/prom/{env}": SHARED | Access.METRICS,
    "/fn/register": SDK,
    "/fn/remove": SDK,
    "/fn/step-limit": SDK,
    "/fn/state-size-limit": SDK,
    "/v0/connect/start": SDK,
    "/v0/runs/{run_id}/actions": SDK,
    "/v0/runs/{run_id}/batch": SDK,
    "/v1/checkpoint": SDK,
    "/v1/checkpoint/{run_id}/steps": SDK,
    "/v1/checkpoint/{run_id}/async": SDK,
    "/v1/traces/userland": SDK,
    "/dev": SHARED,
    "/invoke/{slug:path}": SHARED,
    "/v0/runs/{run_id}": SHARED,
    "/v0/telemetry": SHARED,
    "/v1/apps/{app_id:path}/functions": SHARED,
    "/v1/cancellations": SHARED,
    "/v1/cancellations/{cancellation_id}": SHARED,
    "/v1/events": SHARED,
    "/v1/events/{event_id}": SHARED,
    "/v1/events/{event_id}/runs": SHARED,
    "/v1/openapi.json": SHARED,
    "/v1/runs/{run_id}": SHARED,
    "/v1/runs/{run_id}/jobs": SHARED,
    "/v1/runs/{run_id}/metadata": SHARED,
    "/v1/signals": SHARED,
}


def test_whatever_is_not_listed_is_for_operators_alone() -> None:
    """A route that is added is closed until somebody decides otherwise, here and there."""
    declared = {each.path: access_of(each.path) for each in declared_routes()}

    assert {path: access for path, access in declared.items() if access != OPERATOR} == LISTED


@pytest.mark.parametrize(
    ("path", "access"),
    [
        ("/v1/functions/shop-ship/pause", OPERATOR),
        ("/v1/functions/a/b/functions", OPERATOR),
        ("/v1/apps/shop", OPERATOR),
        ("/v1/apps/shop/drain", OPERATOR),
        ("/v1/apps/with/slash/functions", SHARED),
        ("/v1/events/x/outcomes", OPERATOR),
        ("/v1/runs/x/rerun", OPERATOR),
        ("/v1/operator-token", OPERATOR),
        ("/v0/gql", OPERATOR),
        ("/v0/changes", OPERATOR),
        ("/v0/", OPERATOR),
        ("/v0", OPERATOR),
        ("/v1", OPERATOR),
        ("/mcp", OPERATOR),
        ("/mcp/x", OPERATOR),
        ("/mcp/setup", Access.OPEN),
        ("/debug/pprof/profile", OPERATOR),
        ("/metrics/", OPERATOR),
        ("/v1/traces", SDK),
        ("/v1/tracesx", OPERATOR),
        ("/v1/realtime/publish", SDK),
        ("/v0/connect/flush", SDK),
        ("/v2/health", SHARED),
        ("/api/v2/apps/x", SHARED),
        ("/api/v3", OPERATOR),
        ("/v1/checkpoint/x/output", Access.OPEN),
        ("/v1/checkpoint/x/output/y", SDK),
        ("/v0/session/", OPERATOR),
        ("/runs/x", Access.OPEN),
        ("/assets/x.js", Access.OPEN),
        ("/fn/\n", SDK),
        ("/v1/checkpoint/x\ny/steps", SDK),
        ("/v1/apps/x\ny/functions", SHARED),
    ],
)
def test_a_path_is_open_to_those_who_need_it(path: str, access: Access) -> None:
    assert access_of(path) == access


ROUTES = [
    ("GET", "/v1/events", {SIGNING_KEY, OPERATOR_TOKEN}),
    ("GET", "/v1/retention", {OPERATOR_TOKEN}),
    ("POST", "/v0/gql", {OPERATOR_TOKEN}),
    ("GET", f"/v0/runs/{ulid(1)}/batch", {SIGNING_KEY}),
    ("GET", "/metrics", {OPERATOR_TOKEN, METRICS_TOKEN}),
    ("GET", "/v1/prom/default", {SIGNING_KEY, OPERATOR_TOKEN, METRICS_TOKEN}),
    ("GET", "/mcp", {OPERATOR_TOKEN}),
]


@pytest.mark.parametrize(("method", "path", "opening"), ROUTES)
def test_each_key_and_token_opens_what_is_its_own(
    method: str, path: str, opening: set[str]
) -> None:
    api = Api(CLOUD)

    for proof in (SIGNING_KEY, OPERATOR_TOKEN, METRICS_TOKEN):
        answer = api.request(method, path, authorization=f"Bearer {proof}")
        assert (answer.status not in {401, 403}) is (proof in opening), proof


@pytest.mark.parametrize(("method", "path", "opening"), ROUTES)
@pytest.mark.parametrize(
    "authorization",
    [
        *("", "Bearer", "Bearer ", "Bearer first-key", f"Basic {OPERATOR_TOKEN}", OPERATOR_TOKEN),
        *(
            f"Bearer {OPERATOR_TOKEN}0",
            f"Bearer  {OPERATOR_TOKEN}",
            f"Bearer {OPERATOR_TOKEN[:-1]}",
        ),
        *(f"Bearer {TokenHash.of(OPERATOR_TOKEN).digest.hex()}", "Bearer \xff", "Bearer undefined"),
    ],
)
def test_nothing_else_opens_anything(
    method: str, path: str, opening: set[str], authorization: str
) -> None:
    answer = Api(CLOUD).request(method, path, authorization=authorization)

    assert opening
    assert (answer.status, answer.text) == (401, "Authentication failed\n")


def test_an_app_that_asks_for_what_operators_may_is_told_so() -> None:
    answer = Api(CLOUD).get("/v1/retention", authorization=f"Bearer {SIGNING_KEY}")

    assert (answer.status, answer.json["code"]) == (403, "SW1023")
    assert "operator token" in answer.json["error"]


def test_the_scheme_is_read_whatever_its_case() -> None:
    answer = Api(CLOUD).get("/mcp", authorization=f"bEARER {OPERATOR_TOKEN}")

    assert answer.status == 404


def test_without_a_token_of_their_own_numbers_are_for_operators(tmp_path: Path) -> None:
    api = Api(with_dashboard(built_into(tmp_path), CLOUD, metrics_token=None))

    for proof in ("", METRICS_TOKEN, SIGNING_KEY):
        assert api.get("/metrics", authorization=f"Bearer {proof}").status in {401, 403}
    assert api.get("/metrics", authorization=f"Bearer {OPERATOR_TOKEN}").status == 404
