"""Registration over HTTP, in the words that SDKs and test suites expect."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from stepwell.api.errors import ErrorAnswers
from stepwell.api.registration import REGISTER_BYTES_MAX, RegistrationApi
from stepwell.api.routing import router
from stepwell.api.services import ServerKind
from stepwell.core.function import STATE_BYTES_MAX, STEPS_MAX, Function
from stepwell.core.transition import Transition
from stepwell.engine.registry import Registry
from stepwell.engine.store import StoreUnavailable, join_alone
from stepwell.server.ids import RandomIds
from stepwell.store.sqlite import SqliteStore

pytestmark = pytest.mark.anyio

DATA = Path(__file__).parents[1] / "wire" / "data"
REGISTRATIONS = sorted(path.name for path in DATA.glob("register_*.json"))
URL = "http://localhost:8000/api/inngest"


class Clock:
    def now_ms(self) -> int:
        return 1_795_252_230_000


class Commits:
    def __init__(self, store: SqliteStore) -> None:
        self._store = store
        self.is_failing = False

    async def commit(self, transition: Transition) -> None:
        if self.is_failing:
            raise StoreUnavailable("commit", "the disk is full", retry_after_s=3)
        await self._store.commit(await join_alone(self._store), [transition])


class Api:
    """The endpoints on a store in memory."""

    def __init__(self, store: SqliteStore) -> None:
        clock = Clock()
        self.commits = Commits(store)
        self.registry = Registry(clock, RandomIds(clock))
        self.registry.commit_with(self.commits)

    async def request(
        self, method: str, target: str, *, kind: ServerKind = "dev", **how: Any
    ) -> httpx.Response:
        app = ErrorAnswers(router([RegistrationApi(self.registry, kind).routes()]))
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
            return await client.request(method, target, **how)

    async def register(self, body: bytes | dict[str, Any], **how: Any) -> httpx.Response:
        content = body if isinstance(body, bytes) else msgspec.json.encode(body)
        return await self.request("POST", "/fn/register", content=content, **how)

    @property
    def function(self) -> Function:
        (function,) = self.registry.functions
        return function


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def api(anyio_backend: object) -> AsyncIterator[Api]:
    store = SqliteStore.in_memory()
    yield Api(store)
    await store.close()


def shop(**changes: Any) -> dict[str, Any]:
    step = {"name": "step", "runtime": {"url": f"{URL}?fnId=my-app-pay&stepId=step"}}
    function = {"id": "my-app-pay", "name": "Pay", "steps": {"step": step}} | changes
    return {"appName": "my-app", "url": URL, "sdk": "py:v0.5.18", "functions": [function]}


async def test_a_registration_is_answered_with_the_id_of_the_app(api: Api) -> None:
    first = await api.register(shop())
    again = await api.register(shop())

    assert first.status_code == 200
    answer = first.json()
    assert answer == {
        "ok": True,
        "modified": True,
        "sync_id": answer["sync_id"],
        "app_id": "6314abb5-b9cc-5d32-8ac3-51e26170f039",
    }
    assert len(answer["sync_id"]) == 36
    assert again.json()["modified"] is False


@pytest.mark.parametrize("name", REGISTRATIONS)
async def test_official_sdks_can_register(name: str, api: Api) -> None:
    response = await api.register((DATA / name).read_bytes())

    assert response.status_code == 200
    assert api.registry.has_apps


async def test_the_platform_is_told_by_a_header(api: Api) -> None:
    await api.register(shop(), headers={"x-inngest-platform": "render"})

    assert [app.platform for app in api.registry.apps.values()] == ["render"]


@pytest.mark.parametrize(("kind", "expected"), [("dev", "cloud"), ("cloud", "dev")])
async def test_an_sdk_in_another_mode_is_refused(kind: ServerKind, expected: str, api: Api) -> None:
    headers = {"x-inngest-expected-server-kind": expected}
    response = await api.register(shop(), kind=kind, headers=headers)

    assert response.status_code == 400
    assert response.json() == {"error": f"Expected server kind {kind}, got {expected}"}
    assert dict(api.registry.apps) == {}


async def test_an_sdk_in_the_same_mode_is_not(api: Api) -> None:
    headers = {"x-inngest-expected-server-kind": "dev"}

    assert (await api.register(shop(), headers=headers)).status_code == 200


async def test_what_cannot_be_read_is_refused_without_a_status_in_the_body(api: Api) -> None:
    response = await api.register(b'{"appName": 1}')

    assert response.status_code == 400
    assert response.json() == {"error": "Invalid request: appName: expected string"}
    assert response.text.endswith("\n")


async def test_an_app_needs_a_name(api: Api) -> None:
    response = await api.register({"url": URL})

    assert response.status_code == 400
    assert response.json() == {"error": "App ID required", "data": None, "status": 400}


async def test_a_denied_sdk_is_told_by_a_code(api: Api) -> None:
    response = await api.register(shop() | {"sdk": "js:v3.22.0"})

    answer = response.json()
    assert response.status_code == 400
    assert list(answer) == ["code", "error", "data", "status"]
    assert answer["code"] == "sdk_version_denied"
    assert answer["error"].startswith("App sync was blocked")


async def test_an_invalid_function_is_explained_to_programs(api: Api) -> None:
    response = await api.register(shop(triggers=[{"cron": "@daily"}]))

    assert response.status_code == 400
    assert response.json() == {
        "error": "At least one function is invalid",
        "data": {
            "problems": [
                {
                    "function": "my-app-pay",
                    "field": "triggers[0].cron",
                    "code": "schedule_invalid",
                    "message": (
                        "'@daily' isn't a valid cron schedule: write five fields instead of @daily"
                    ),
                }
            ]
        },
        "status": 400,
    }


async def test_an_app_without_functions_is_well(api: Api) -> None:
    response = await api.register({"appName": "my-app", "url": URL, "functions": []})

    assert response.status_code == 200
    assert response.json()["ok"] is True


async def test_a_registration_that_cannot_be_stored_is_not_acknowledged(api: Api) -> None:
    api.commits.is_failing = True

    response = await api.register(shop())

    assert response.status_code == 503
    assert response.json()["status"] == 503
    assert response.headers["retry-after"] == "3"


async def test_a_registration_of_any_size_is_not_read(api: Api) -> None:
    assert (await api.register(b" " * (REGISTER_BYTES_MAX + 1))).status_code == 413


async def test_an_app_is_removed_by_its_url(api: Api) -> None:
    await api.register(shop())

    response = await api.request(
        "DELETE", "/fn/remove", params={"url": "http://127.0.0.1:8000/api/inngest"}
    )

    assert (response.status_code, response.content) == (200, b"")
    assert api.function.archived


@pytest.mark.parametrize("query", [{"url": "http://nowhere/"}, {"url": ""}, {}])
async def test_an_unknown_app_cannot_be_removed(query: dict[str, str], api: Api) -> None:
    response = await api.request("DELETE", "/fn/remove", params=query)

    url = query.get("url", "")
    assert response.status_code == 404
    assert response.json() == {"error": f"App not found: {url}", "data": None, "status": 404}


@pytest.mark.parametrize("place", ["params", "data"])
async def test_limits_are_set_and_taken_back(place: str, api: Api) -> None:
    """Suites put the parameters into the query or send a form."""
    await api.register(shop())
    function_id = api.function.id

    for path, limit in (("/fn/step-limit", 7), ("/fn/state-size-limit", 1_000)):
        sent: dict[str, Any] = {place: {"functionId": function_id, "limit": str(limit)}}
        response = await api.request("POST", path, **sent)
        assert (response.status_code, response.content) == (200, b"")
    assert (api.function.steps_max, api.function.state_bytes_max) == (7, 1_000)

    for path in ("/fn/step-limit", "/fn/state-size-limit"):
        taken_back: dict[str, Any] = {place: {"functionId": function_id}}
        response = await api.request("DELETE", path, **taken_back)
        assert (response.status_code, response.content) == (200, b"")
    assert (api.function.steps_max, api.function.state_bytes_max) == (STEPS_MAX, STATE_BYTES_MAX)


@pytest.mark.parametrize("limit", ["", "0", "-1", "many", "1.5", "٣", "9" * 30])
async def test_a_limit_is_a_positive_number(limit: str, api: Api) -> None:
    await api.register(shop())
    query = {"functionId": api.function.id, "limit": limit}

    response = await api.request("POST", "/fn/step-limit", params=query)

    assert response.status_code == 400
    assert response.json()["error"] == f"Invalid limit: {limit}"
    assert api.function.steps_max == STEPS_MAX


async def test_of_several_parameters_of_one_name_the_first_counts(api: Api) -> None:
    await api.register(shop())
    query = {"functionId": [api.function.id, "nobody"], "limit": ["3", "x"]}

    assert (await api.request("POST", "/fn/step-limit", params=query)).status_code == 200
    assert api.function.steps_max == 3


async def test_an_unknown_function_has_no_limits(api: Api) -> None:
    query = {"functionId": "nobody", "limit": "3"}

    assert (await api.request("POST", "/fn/step-limit", params=query)).status_code == 404


@pytest.mark.parametrize(
    ("path", "name"),
    [("/fn/step-limit", "step limit"), ("/fn/state-size-limit", "state size limit")],
)
async def test_a_limit_that_is_not_set_cannot_be_taken_back(path: str, name: str, api: Api) -> None:
    await api.register(shop())
    function_id = api.function.id

    response = await api.request("DELETE", path, params={"functionId": function_id})

    assert response.status_code == 404
    assert response.json()["error"] == f"No {name} set for function: {function_id}"


async def test_a_query_with_too_many_fields_names_none(api: Api) -> None:
    query = "&".join(["url=a"] * 101)

    response = await api.request("DELETE", f"/fn/remove?{query}")

    assert response.json()["error"] == "App not found: "
