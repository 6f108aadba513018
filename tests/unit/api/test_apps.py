"""Which apps there are."""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
import pytest

from stepwell.api.apps import APPS_MAX, AppsApi
from stepwell.api.routing import router
from stepwell.core.app import App
from stepwell.core.function import FunctionIndex
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, AppId
from tests.unit.api.api_server import NOW, NOW_MS, Api, Clock, function
from tests.unit.api.whole_server import WholeServer, whole_server

SHOP = App(
    AppId("id-of-shop"),
    DEFAULT_ENVIRONMENT_ID,
    "shop/eu",
    "http://app",
    sdk_language="js",
    sdk_version="4.0.0",
    created_ms=NOW_MS,
    synced_ms=NOW_MS,
)
UNREACHED = App(
    AppId("id-of-other"), DEFAULT_ENVIRONMENT_ID, "", "http://other", error="unreachable"
)
REMOVED = msgspec.structs.replace(SHOP, id=AppId("id-of-old"), name="old", archived_ms=NOW_MS)


class AppsOnly(Api):
    """The endpoint with these apps."""

    def __init__(self, *apps: App) -> None:
        super().__init__()
        old = msgspec.structs.replace(function("old"), archived=True)
        functions = FunctionIndex([function("pay"), function("ship"), old])
        known = Known({app.id: app for app in apps}, functions)
        self.app = router([AppsApi(known, Clock()).routes()])


class Known:
    """What has registered."""

    def __init__(self, apps: Mapping[AppId, App], functions: FunctionIndex) -> None:
        self.apps = apps
        self.functions = functions

    def app(self, reference: str) -> App | None:
        return next((a for a in self.apps.values() if reference in (a.id, a.name)), None)


SHOWN: dict[str, Any] = {
    "id": "shop/eu",
    "internal_id": "id-of-shop",
    "url": "http://app",
    "method": "serve",
    "sdk_language": "js",
    "sdk_version": "4.0.0",
    "framework": "",
    "platform": "",
    "app_version": "",
    "function_count": 2,
    "error": None,
    "error_detail": None,
    "created_at": NOW,
    "synced_at": NOW,
    "archived_at": None,
    "drained_at": None,
}


@pytest.mark.parametrize("reference", ["shop/eu", "id-of-shop"])
def test_an_app_is_found_by_its_own_id_and_by_that_of_the_server(reference: str) -> None:
    answer = AppsOnly(UNREACHED, SHOP).get(f"/v1/apps/{reference}")

    assert answer.status == 200
    assert answer.json == {"data": SHOWN, "metadata": {"fetched_at": NOW}}


def test_apps_are_listed_without_those_that_were_removed() -> None:
    api = AppsOnly(SHOP, REMOVED, UNREACHED)

    shown = api.get("/v1/apps").json["data"]
    assert [app["url"] for app in shown] == ["http://other", "http://app"]
    assert shown[1] == SHOWN
    assert (shown[0]["id"], shown[0]["error"], shown[0]["synced_at"]) == ("", "unreachable", None)


def test_a_removed_app_can_still_be_read() -> None:
    shown = AppsOnly(SHOP, REMOVED).get("/v1/apps/old").json["data"]

    assert (shown["archived_at"], shown["function_count"]) == (NOW, 0)


def test_an_unknown_app_is_not_found() -> None:
    answer = AppsOnly(SHOP).get("/v1/apps/nobody")

    assert (answer.status, answer.json["error"]) == (404, "App not found: nobody")


@pytest.mark.parametrize("count", [APPS_MAX, APPS_MAX + 1])
def test_a_list_has_an_end(count: int) -> None:
    apps = [
        msgspec.structs.replace(SHOP, id=AppId(f"{number:05}"), name=f"{number:05}")
        for number in range(count)
    ]

    shown = AppsOnly(*apps).get("/v1/apps").json["data"]
    assert [app["id"] for app in shown] == [app.name for app in apps[:APPS_MAX]]


@pytest.fixture(scope="module")
def server() -> Iterator[WholeServer]:
    with whole_server() as server:
        server.register("pay", "ship")
        yield server


def test_a_registered_app_is_shown_beside_its_functions(server: WholeServer) -> None:
    (app,) = server.get("/v1/apps").json["data"]

    assert (app["id"], app["function_count"], app["error"]) == ("shop", 2, None)
    assert server.get(f"/v1/apps/{app['internal_id']}").json["data"] == app
    assert len(server.get("/v1/apps/shop/functions").json) == 2


def test_a_drained_app_says_so(server: WholeServer) -> None:
    drained = server.post("/v1/apps/shop/drain").json["data"]["drained_at"]

    assert server.get("/v1/apps/shop").json["data"]["drained_at"] == drained
