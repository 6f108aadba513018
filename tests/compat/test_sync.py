"""Registering an app, and registering it again after it has changed, moved or gone."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import httpx
import pytest

from tests.compat.harness import (
    PLAIN,
    App,
    Server,
    free_port,
    start_python_app,
    start_typescript_app,
    wait_until,
)

# The first test of a session may have to install the TypeScript SDK.
pytestmark = pytest.mark.timeout(420)

INVALID = "At least one function is invalid"


class StartApp(Protocol):
    """Either of the two functions that start an app."""

    def __call__(
        self,
        server: Server,
        *,
        log: Path,
        app_id: str,
        version: str,
        port: int | None = None,
    ) -> App: ...


@dataclass(frozen=True)
class Sdk:
    """What differs between the SDKs in these tests."""

    name: str
    start: StartApp
    version_header: str


SDKS = [
    Sdk("python", start_python_app, "inngest-py:v"),
    Sdk("typescript", start_typescript_app, "inngest-js:v"),
]


@pytest.fixture(params=SDKS, ids=lambda sdk: sdk.name, scope="module")
def sdk(request: pytest.FixtureRequest) -> Sdk:
    if request.param.name == "typescript":
        request.getfixturevalue("typescript_packages")
    chosen: Sdk = request.param
    return chosen


@pytest.fixture(scope="module")
def running_app(server: Server, logs: Path, sdk: Sdk) -> Iterator[App]:
    log = logs / f"changing-{sdk.name}.log"
    app = sdk.start(server, log=log, app_id=f"changing-{sdk.name}", version="before")
    try:
        yield app
    finally:
        app.stop()


@pytest.fixture
def app(running_app: App) -> App:
    """An app that has just registered the functions `stays` and `goes`."""
    running_app.toggle("before")
    assert running_app.sync().status_code == 200
    return running_app


def slugs(app: App) -> set[str]:
    return {slug.removeprefix(f"{app.id}-") for slug in app.server.functions(app.id)}


def triggers(function: dict[str, Any]) -> list[str]:
    return [trigger["event"] for trigger in function["triggers"]]


class TestSync:
    def test_the_sdk_introduces_itself_to_discovery(self, app: App, sdk: Sdk) -> None:
        response = httpx.get(app.url, trust_env=False, verify=PLAIN)

        assert response.status_code == 200
        assert response.headers["x-inngest-sdk"].startswith(sdk.version_header)

    def test_registered_functions_are_listed_with_their_configuration(self, app: App) -> None:
        functions = app.server.functions(app.id)

        assert slugs(app) == {"stays", "goes"}
        stays = functions[f"{app.id}-stays"]
        assert stays["name"] == "stays"
        assert triggers(stays) == [app.event("stays")]
        (step,) = stays["steps"]
        uri = httpx.URL(step["uri"])
        assert uri.port == httpx.URL(app.url).port
        assert uri.path == "/api/inngest"
        assert dict(uri.params) == {"fnId": f"{app.id}-stays", "stepId": "step"}

    def test_an_unchanged_sync_modifies_nothing(self, app: App) -> None:
        before = app.server.functions(app.id)

        response = app.sync()

        assert response.status_code == 200
        assert response.json()["modified"] is False
        assert app.server.functions(app.id) == before

    def test_a_changed_app_loses_gains_and_updates_functions(self, app: App) -> None:
        before = app.server.functions(app.id)[f"{app.id}-stays"]
        app.toggle("after")

        response = app.sync()

        assert response.status_code == 200
        assert response.json()["modified"] is True
        assert slugs(app) == {"stays", "comes"}
        stays = app.server.functions(app.id)[f"{app.id}-stays"]
        assert stays["id"] == before["id"]
        assert triggers(stays) == [app.event("stays.v2")]
        assert stays["steps"][0]["retries"] == 7

    def test_only_what_is_registered_now_is_triggered(self, app: App) -> None:
        app.toggle("after")
        app.sync()

        removed = app.server.send(app.event("goes"))
        renamed = app.server.send(app.event("stays"))

        assert app.run("comes").output == app.event("comes")
        assert app.run("stays.v2").status == "Completed"
        assert app.server.runs_of(removed) == []
        assert app.server.runs_of(renamed) == []

    def test_a_function_that_returns_is_the_one_it_was(self, app: App) -> None:
        before = app.server.functions(app.id)[f"{app.id}-goes"]["id"]
        app.toggle("after")
        app.sync()
        app.toggle("before")

        assert app.sync().json()["modified"] is True

        assert slugs(app) == {"stays", "goes"}
        assert app.server.functions(app.id)[f"{app.id}-goes"]["id"] == before
        assert app.run("goes").status == "Completed"

    def test_one_invalid_function_rejects_the_whole_sync(self, app: App) -> None:
        app.toggle("invalid")

        response = app.sync()

        assert INVALID in response.text
        assert slugs(app) == {"stays", "goes"}
        assert app.run("stays").status == "Completed"

    def test_an_app_that_moved_keeps_its_functions_and_is_called_at_its_new_place(
        self, app: App, sdk: Sdk, logs: Path
    ) -> None:
        before = {slug: function["id"] for slug, function in self._functions(app).items()}
        log = logs / f"moved-{sdk.name}.log"
        moved = sdk.start(app.server, log=log, app_id=app.id, version="before")
        try:
            assert moved.sync().json()["modified"] is True

            after = self._functions(moved)
            assert {slug: function["id"] for slug, function in after.items()} == before
            ports = {httpx.URL(function["steps"][0]["uri"]).port for function in after.values()}
            assert ports == {httpx.URL(moved.url).port}
            assert moved.run("stays").status == "Completed"
        finally:
            moved.stop()

    def test_a_removed_app_is_no_longer_triggered_until_it_registers_again(self, app: App) -> None:
        remove = app.server.http.delete("/fn/remove", params={"url": app.url})

        assert remove.status_code == 200
        assert slugs(app) == set()
        assert app.server.runs_of(app.server.send(app.event("goes"))) == []
        assert app.server.http.delete("/fn/remove", params={"url": app.url}).status_code == 404
        app.sync()
        assert slugs(app) == {"stays", "goes"}

    def _functions(self, app: App) -> dict[str, dict[str, Any]]:
        return app.server.functions(app.id)


@pytest.fixture
def polling(logs: Path) -> Iterator[App]:
    """An app that its server was told of before it ran, without a scheme, and that it polls."""
    port = free_port()
    url = f"127.0.0.1:{port}/api/inngest"
    options = ["--no-discovery", "--no-persist", "--poll-interval=1"]
    with ExitStack() as stack:
        server = Server(["dev", *options, "-u", url], log=logs / "polling-server.log")
        stack.callback(server.stop)
        server.wait_until_healthy()
        log = logs / "polled-app.log"
        app = start_python_app(server, log=log, app_id="polled", version="before", port=port)
        stack.callback(app.stop)
        yield app.wait_until_registered()


class TestPolling:
    def test_a_polled_app_is_registered_and_followed_when_it_changes(self, polling: App) -> None:
        assert slugs(polling) == {"stays", "goes"}

        polling.toggle("after")

        wait_until(lambda: slugs(polling) == {"stays", "comes"}, what="the changed functions")

    def test_a_stopped_app_stays_listed_and_is_called_when_it_is_back(
        self, polling: App, logs: Path
    ) -> None:
        polling.stop()
        assert slugs(polling) == {"stays", "goes"}

        port = httpx.URL(polling.url).port
        log = logs / "polled-app.log"
        back = start_python_app(
            polling.server, log=log, app_id="polled", version="after", port=port
        )
        try:
            wait_until(lambda: slugs(back) == {"stays", "comes"}, what="the changed functions")
            assert back.run("comes").status == "Completed"
        finally:
            back.stop()


class TestDiscovery:
    def test_an_app_on_a_scanned_port_is_found(self, logs: Path) -> None:
        """The port that `PORT` names is scanned beside the well-known ones."""
        port = free_port()
        with ExitStack() as stack:
            server = Server(
                ["dev", "--no-persist", "--poll-interval=1"],
                log=logs / "discovering-server.log",
                environ={"PORT": str(port)},
            )
            stack.callback(server.stop)
            server.wait_until_healthy()
            log = logs / "discovered-app.log"
            app = start_python_app(server, log=log, app_id="found", version="before", port=port)
            stack.callback(app.stop)
            app.wait_until_registered()
            assert app.run("goes").status == "Completed"
