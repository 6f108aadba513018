"""Managing functions and apps over HTTP."""

from typing import Any

import msgspec
import pytest

from stepwell.api.control import ControlApi
from stepwell.api.errors import ErrorAnswers
from stepwell.api.routing import router
from stepwell.core.app import App
from stepwell.core.function import Function
from stepwell.core.identity import (
    DEFAULT_ENVIRONMENT_ID,
    AppId,
    FunctionId,
    OperationId,
)
from stepwell.core.operation import Operation, OperationKind
from stepwell.core.pause import NewRuns, Pause, RunningRuns
from stepwell.core.pausing import ControlRefusal
from stepwell.engine.control import Controlled
from tests.unit.api.api_server import NOW, NOW_MS, Answer, Api, Clock, function, ulid

OPERATION = Operation(
    OperationId(ulid(5)),
    OperationKind.CANCEL,
    DEFAULT_ENVIRONMENT_ID,
    AppId("id-of-shop"),
    FunctionId("id-of-pay"),
    NOW_MS,
    NOW_MS + 1,
)
SHOP = App(AppId("id-of-shop"), DEFAULT_ENVIRONMENT_ID, "shop/eu", "http://app")


class ManagedApi(Api):
    """The management endpoints alone; remembers what was told to whom."""

    def __init__(self) -> None:
        super().__init__()
        self.app = ErrorAnswers(router([ControlApi(self, Clock()).routes()]))
        self.told: list[tuple[str, ...]] = []
        self.result: Controlled | ControlRefusal = Controlled(function("pay"))
        self.told_app: App | ControlRefusal = SHOP

    def function(self, reference: str) -> Function | None:
        self.told.append(("function", reference))
        return self.result.function if isinstance(self.result, Controlled) else None

    async def pause_function(
        self, reference: str, *, new_runs: NewRuns, running: RunningRuns
    ) -> Controlled | ControlRefusal:
        return self._tell("pause", reference, new_runs, running)

    async def resume_function(self, reference: str) -> Controlled | ControlRefusal:
        return self._tell("resume", reference)

    async def archive_function(self, reference: str) -> Controlled | ControlRefusal:
        return self._tell("archive", reference)

    async def remove_function(self, reference: str) -> Controlled | ControlRefusal:
        return self._tell("remove", reference)

    async def drain_app(self, reference: str) -> App | ControlRefusal:
        self.told.append(("drain", reference))
        return self.told_app

    async def resume_app(self, reference: str) -> App | ControlRefusal:
        self.told.append(("resume app", reference))
        return self.told_app

    def _tell(self, *told: str) -> Controlled | ControlRefusal:
        self.told.append(told)
        return self.result


@pytest.fixture
def api() -> ManagedApi:
    return ManagedApi()


def shown(answer: Answer) -> dict[str, Any]:
    """The data of a good answer."""
    assert answer.status == 200
    assert answer.json["metadata"] == {"fetched_at": NOW}
    data: dict[str, Any] = answer.json["data"]
    return data


def test_a_function_is_shown_as_it_stands(api: ManagedApi) -> None:
    pause = Pause(NOW_MS, NewRuns.WAIT, RunningRuns.HOLD)
    api.result = Controlled(function("pay", pause=pause))

    assert shown(api.get("/v1/functions/shop-pay")) == {
        "id": "id-of-pay",
        "slug": "shop-pay",
        "name": "Pay",
        "app_id": "shop",
        "version": 2,
        "archived": False,
        "pause": {"since": NOW, "new_runs": "wait", "running": "hold", "is_drain": False},
        "cancellation_id": None,
    }


def test_a_function_that_is_not_paused_has_no_pause(api: ManagedApi) -> None:
    assert shown(api.get("/v1/functions/shop-pay"))["pause"] is None


@pytest.mark.parametrize("slug", ["shop-pay", "shop/eu-pay", "id-of-pay", "a/pause/b"])
def test_slugs_may_contain_slashes(api: ManagedApi, slug: str) -> None:
    api.get(f"/v1/functions/{slug}")
    api.delete(f"/v1/functions/{slug}")
    api.post(f"/v1/functions/{slug}/pause")
    api.post(f"/v1/functions/{slug}/resume")
    api.post(f"/v1/functions/{slug}/archive")

    assert api.told == [
        ("function", slug),
        ("remove", slug),
        ("pause", slug, "skip", "finish"),
        ("resume", slug),
        ("archive", slug),
    ]


@pytest.mark.parametrize(
    ("sent", "modes"),
    [
        (b"", ("skip", "finish")),
        (b"{}", ("skip", "finish")),
        (b'{"new_runs":null,"running":null}', ("skip", "finish")),
        (b'{"new_runs":"wait"}', ("wait", "finish")),
        (b'{"running":"hold","because":"of you"}', ("skip", "hold")),
        (b'{"new_runs":"skip","running":"cancel"}', ("skip", "cancel")),
    ],
)
def test_a_pause_says_what_becomes_of_runs(
    api: ManagedApi, sent: bytes, modes: tuple[str, str]
) -> None:
    shown(api.post("/v1/functions/shop-pay/pause", sent))

    assert api.told == [("pause", "shop-pay", *modes)]


@pytest.mark.parametrize(
    ("sent", "error"),
    [
        (b'{"new_runs":"hold"}', 'new_runs must be "skip" or "wait"'),
        (b'{"new_runs":["skip"]}', 'new_runs must be "skip" or "wait"'),
        (b'{"running":"stop"}', 'running must be "finish", "hold" or "cancel"'),
        (b'{"running":1}', 'running must be "finish", "hold" or "cancel"'),
        (b"[]", "The body must be a JSON object"),
        (b"{", "The body must be a JSON object"),
        (b'{"running":"\xff"}', "The body must be a JSON object"),
    ],
)
def test_what_a_pause_cannot_be_is_refused(api: ManagedApi, sent: bytes, error: str) -> None:
    answer = api.post("/v1/functions/shop-pay/pause", sent)

    assert answer.status == 400
    assert answer.json == {"error": error, "data": None, "status": 400}
    assert api.told == []


def test_who_cancels_runs_is_told_where_to_look_for_progress(api: ManagedApi) -> None:
    api.result = Controlled(function("pay", archived=True), OPERATION)
    data = shown(api.delete("/v1/functions/shop-pay"))

    assert (data["archived"], data["cancellation_id"]) == (True, OPERATION.id)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", ""), ("DELETE", ""), ("POST", "/pause"), ("POST", "/resume"), ("POST", "/archive")],
)
def test_an_unknown_function_is_not_found(api: ManagedApi, method: str, path: str) -> None:
    api.result = ControlRefusal.UNKNOWN
    answer = api.request(method, f"/v1/functions/shop/no{path}")

    assert answer.status == 404
    assert answer.json["error"] == "Function not found: shop/no"


def test_a_function_of_a_drained_app_cannot_be_resumed(api: ManagedApi) -> None:
    api.result = ControlRefusal.DRAINED
    answer = api.post("/v1/functions/shop-pay/resume")

    assert answer.status == 409
    assert answer.json["error"] == "The function's app is drained; resume the app to let it go on"


def test_an_app_is_drained_and_resumed(api: ManagedApi) -> None:
    api.told_app = msgspec.structs.replace(SHOP, drained_ms=NOW_MS)
    assert shown(api.post("/v1/apps/shop/eu/drain")) == {
        "id": "shop/eu",
        "internal_id": "id-of-shop",
        "archived": False,
        "drained_at": NOW,
    }
    api.told_app = SHOP
    assert shown(api.post("/v1/apps/shop/eu/resume"))["drained_at"] is None
    assert api.told == [("drain", "shop/eu"), ("resume app", "shop/eu")]


@pytest.mark.parametrize("path", ["drain", "resume"])
def test_an_unknown_app_is_not_found(api: ManagedApi, path: str) -> None:
    api.told_app = ControlRefusal.UNKNOWN
    answer = api.post(f"/v1/apps/shop/{path}")

    assert (answer.status, answer.json["error"]) == (404, "App not found: shop")


def test_other_methods_are_not_allowed(api: ManagedApi) -> None:
    assert api.get("/v1/functions/shop-pay/pause").status == 405
    assert api.post("/v1/functions/shop-pay").headers["allow"] == "DELETE, GET"
