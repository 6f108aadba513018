"""What holds for all routes: headers, origins, unknown paths and methods, keys, errors."""

import asyncio

import pytest
from starlette.types import Message, Receive, Scope, Send

from stepwell.api import ApiSettings
from stepwell.api.errors import BodyTooLarge
from stepwell.api.operators import GivenToken
from stepwell.core.access_token import TokenHash
from stepwell.core.function import FunctionIndex
from stepwell.core.identity import NodeId
from stepwell.engine.store import OwnershipLost, StoreUnavailable
from stepwell.wire.signing import SigningKey, bearer_digest
from tests.unit.api.api_server import CLOUD, DEV, SIGNING_KEY, Answer, Api, function, ulid

PROTECTED = [
    ("POST", "/fn/register"),
    ("DELETE", "/fn/remove"),
    ("POST", "/fn/step-limit"),
    ("DELETE", "/fn/state-size-limit"),
    ("POST", "/v1/signals"),
    ("GET", "/v1/events"),
    ("GET", f"/v1/events/{ulid(1)}"),
    ("GET", f"/v1/events/{ulid(1)}/runs"),
    ("GET", f"/v1/runs/{ulid(1)}"),
    ("DELETE", f"/v1/runs/{ulid(1)}"),
    ("GET", f"/v1/runs/{ulid(1)}/jobs"),
    ("GET", "/v1/apps/shop/functions"),
    ("POST", "/v1/cancellations"),
    ("GET", "/v1/prom/production"),
    ("POST", "/v1/traces/userland"),
    ("DELETE", f"/v0/runs/{ulid(1)}"),
    ("GET", f"/v0/runs/{ulid(1)}/batch"),
    ("GET", f"/v0/runs/{ulid(1)}/actions"),
    ("POST", "/v0/telemetry"),
    ("POST", "/v0/connect/start"),
    ("POST", "/invoke/shop-ship"),
    ("GET", "/dev"),
    ("GET", "/v2/health"),
]


@pytest.mark.parametrize(("method", "path"), PROTECTED)
def test_in_production_what_the_reference_protects_opens_to_the_signing_key(
    method: str, path: str
) -> None:
    api = Api(CLOUD)

    refused = api.request(method, path)

    assert (refused.status, refused.text) == (401, "Authentication failed\n")
    assert refused.headers["content-type"] == "text/plain; charset=utf-8"
    assert refused.headers["x-inngest-server-kind"] == "cloud"
    assert api.request(method, path, authorization=f"Bearer {SIGNING_KEY}").status != 401


@pytest.mark.parametrize(
    ("authorization", "is_valid"),
    [
        ("Bearer abc123def456", True),
        (f"bearer {bearer_digest(SigningKey.parse(SIGNING_KEY))}", True),
        (f"Bearer signkey-prod-{bearer_digest(SigningKey.parse(SIGNING_KEY))}", True),
        ("", False),
        ("Bearer ", False),
        ("Bearer", False),
        ("Bearer signkey-test-", False),
        ("Bearer undefined", False),
        ("Basic abc123def456", False),
        ("abc123def456", False),
        ("Bearer abc123def45", False),
        ("Bearer \xff\xfe", False),
        ("Bearer first-key", False),
    ],
)
def test_only_the_signing_key_or_its_digest_is_accepted(
    authorization: str, *, is_valid: bool
) -> None:
    answer = Api(CLOUD).get("/v1/events", authorization=authorization)

    assert answer.status == (200 if is_valid else 401)


@pytest.mark.parametrize("path", ["/", "/health"])
def test_in_production_some_pages_are_open(path: str) -> None:
    assert Api(CLOUD).get(path).status == 200


def test_a_development_server_lets_everything_pass() -> None:
    assert Api().get("/v1/events").status == 200
    assert Api().get("/v1/events", authorization="Bearer ").status == 200


def test_a_production_server_without_signing_key_does_not_start() -> None:
    with pytest.raises(AssertionError):
        Api(ApiSettings(server_kind="cloud", version="1"))


def test_a_server_has_both_a_signing_key_and_operators_or_neither() -> None:
    """With one of them missing, a part of it would be open to everybody."""
    with pytest.raises(AssertionError):
        Api(DEV, operator=GivenToken(TokenHash.of("x")))


def test_settings_do_not_show_their_keys_when_printed() -> None:
    assert "first-key" not in repr(CLOUD)
    assert "abc123" not in repr(CLOUD)


def test_health_answers() -> None:
    assert Api().get("/health").json == {"status": 200, "message": "OK"}


def test_the_start_page_says_what_this_is() -> None:
    answer = Api().get("/")

    assert answer.status == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert "Stepwell" in answer.text
    assert "1.2.3" in answer.text


@pytest.mark.parametrize(
    "path",
    ["/v1", "/v1/", "/v1/nothing", "/nothing", "/e/../x", "//", "//v1/events", "/v1/events/", "/%",
     "/v1/runs/", "/v0/", "/favicon.ico", "", "/e\x00", "/v1/runs/a/b/c", "/🦊"],
)  # fmt: skip
def test_an_unknown_path_is_not_found(path: str) -> None:
    answer = Api().get(path)

    if path.startswith("/e/"):
        assert answer.status == 405
        return
    assert (answer.status, answer.text) == (404, "404 page not found\n")
    assert answer.headers["x-inngest-server-kind"] == "dev"


def test_an_unknown_path_of_version_two_is_not_found_in_its_own_form() -> None:
    answer = Api().get("/v2/nothing")

    assert answer.status == 404
    assert answer.json == {"errors": [{"code": "api_error", "message": "Not Found"}]}


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("GET", "/e/key", "POST"),
        ("PUT", "/e/key", "POST"),
        ("GET", "/e", "POST"),
        ("OPTIONS", "/e/key", "POST"),
        ("POST", "/health", "GET"),
        ("POST", "/v1/events", "GET"),
        ("PATCH", f"/v1/runs/{ulid(1)}", "DELETE, GET"),
        ("GET", "/invoke/x", "POST"),
        ("BREW", "/dev", "GET"),
    ],
)
def test_a_wrong_method_is_told_the_right_ones(method: str, path: str, allow: str) -> None:
    answer = Api().request(method, path)

    assert (answer.status, answer.headers["allow"], answer.body) == (405, allow, b"")


def test_heads_of_pages_can_be_asked_for() -> None:
    assert Api().request("HEAD", "/health").status == 200


def test_every_origin_may_read_answers() -> None:
    headers = Api().get("/v1/events", origin="https://a.example").headers

    assert headers["access-control-allow-origin"] == "https://a.example"
    assert headers["access-control-expose-headers"] == "Link, Mcp-Session-Id"
    assert headers["vary"] == "Origin"
    assert "access-control-allow-credentials" not in headers


@pytest.mark.parametrize("path", ["/e/key", "/v1/events", "/nothing"])
def test_a_preflight_is_granted_what_it_asks_for_without_a_key(path: str) -> None:
    answer = Api(CLOUD).request(
        "OPTIONS",
        path,
        origin="https://a.example",
        access_control_request_method="POST",
        access_control_request_headers="content-type, x-inngest-sdk",
    )

    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers == {
        "vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
        "access-control-allow-origin": "https://a.example",
        "access-control-allow-methods": "POST",
        "access-control-allow-headers": "content-type, x-inngest-sdk",
        "access-control-max-age": "3600",
        "content-length": "0",
    }


def test_a_preflight_for_a_method_no_route_has_is_granted_nothing() -> None:
    answer = Api().request(
        "OPTIONS", "/v1/events", origin="https://a.example", access_control_request_method="BREW"
    )

    assert answer.status == 200
    assert "access-control-allow-origin" not in answer.headers


async def _too_large(scope: Scope, receive: Receive, send: Send) -> None:
    raise BodyTooLarge(10)


async def _breaks_off(scope: Scope, receive: Receive, send: Send) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    raise RuntimeError("half way")


def test_registration_is_mounted_behind_the_same_rules() -> None:
    answer = Api(registration={"/fn/register": {"POST": _too_large}}).post("/fn/register")

    assert (answer.status, answer.headers["connection"]) == (413, "close")
    assert answer.json["code"] == "SW1001"


def test_an_answer_that_breaks_off_cuts_the_connection() -> None:
    """A second answer would be read as the rest of the first one."""
    api = Api(registration={"/fn/register": {"POST": _breaks_off}})

    with pytest.raises(RuntimeError, match="half way"):
        api.post("/fn/register")


def _exchange(scope: Scope, *messages: Message) -> list[str]:
    coming = list(messages)
    sent: list[str] = []

    async def receive() -> Message:
        return coming.pop(0)

    async def send(message: Message) -> None:
        sent.append(message["type"])

    asyncio.run(Api(CLOUD).app(scope, receive, send))  # type: ignore[arg-type]
    return sent


def test_the_http_server_may_announce_start_and_stop() -> None:
    assert _exchange(
        {"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}
    ) == ["lifespan.startup.complete", "lifespan.shutdown.complete"]


def test_a_websocket_is_refused() -> None:
    scope: Scope = {"type": "websocket", "path": "/v1/realtime", "headers": []}

    assert _exchange(scope, {"type": "websocket.connect"}) == ["websocket.close"]


def _refused(answer: Answer) -> tuple[int, str, object]:
    return answer.status, answer.headers.get("retry-after", ""), answer.json


def test_while_the_store_is_away_clients_are_asked_to_come_back() -> None:
    api = Api()
    api.backend.failure = StoreUnavailable("read", "disk I/O error", retry_after_s=3)

    for answer in [
        api.get("/v1/events"),
        api.get(f"/v1/runs/{ulid(1)}"),
        api.delete(f"/v1/runs/{ulid(1)}"),
        api.get(f"/v0/runs/{ulid(1)}/actions"),
        api.post("/invoke/shop-ship", b"{}"),
    ]:
        assert _refused(answer) == (
            503,
            "3",
            {
                "code": "SW2001",
                "error": "store unavailable during read (disk I/O error); try again in 3 s",
                "data": None,
                "status": 503,
            },
        )
        assert answer.headers["x-inngest-server-kind"] == "dev"


def test_other_passing_troubles_ask_to_come_back_as_well() -> None:
    api = Api()
    api.backend.failure = OwnershipLost(NodeId(4))

    status, retry_after, body = _refused(api.get("/v1/events"))

    assert (status, retry_after) == (503, "1")
    assert isinstance(body, dict)
    assert body["code"] == "SW2002"


def test_a_defect_is_not_described_to_the_client() -> None:
    api = Api()
    api.backend.failure = RuntimeError("the password is swordfish")

    answer = api.get("/v1/events")

    assert answer.status == 500
    assert answer.json == {"error": "Internal server error", "data": None, "status": 500}


def test_dev_shows_what_is_registered() -> None:
    api = Api()
    api.backend.functions = FunctionIndex([function("ship"), function("old", archived=True)])

    info = api.get("/dev").json

    assert info["version"] == "1.2.3"
    assert info["functions"] == [
        {
            "id": "id-of-ship",
            "fv": 2,
            "name": "Ship",
            "slug": "shop-ship",
            "triggers": [{"event": "shop/order.placed"}],
            "steps": [
                {
                    "id": "step",
                    "name": "Ship",
                    "uri": "http://localhost:3000/api/inngest?fnId=shop-ship&stepId=step",
                    "retries": 2,
                }
            ],
        }
    ]
    assert info["handlers"] is None
    assert info["authed"] is info["isSingleNodeService"] is False
    assert info["isMissingSigningKey"] is info["isMissingEventKeys"] is True
    assert info["startOpts"]["dir"] == ""


def test_dev_is_not_there_in_production() -> None:
    answer = Api(CLOUD).get("/dev", authorization=f"Bearer {SIGNING_KEY}")

    assert (answer.status, answer.text) == (404, "404 page not found\n")
