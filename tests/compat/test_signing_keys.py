"""A server with keys, and apps in cloud mode: every call is signed, every request authorised."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from itertools import count
from pathlib import Path

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

SIGNING_KEY = "0123456789abcdef" * 4
OTHER_KEY = "fedcba9876543210" * 4
EVENT_KEY = "local-event-key"

_numbers = count(1)


@pytest.fixture(scope="module")
def app_port() -> int:
    """The port of the app that the server is told of at its start."""
    return free_port()


@pytest.fixture(scope="module")
def locked_server(
    logs: Path, tmp_path_factory: pytest.TempPathFactory, app_port: int
) -> Iterator[Server]:
    """`stepwell start`, which refuses whoever does not know the signing key."""
    keys = ["--signing-key", SIGNING_KEY, "--event-key", EVENT_KEY]
    options = ["--retry-interval=1", "--sqlite-dir", str(tmp_path_factory.mktemp("locked"))]
    server = Server(
        ["start", *keys, *options, "-u", f"http://127.0.0.1:{app_port}/api/inngest"],
        log=logs / "locked-server.log",
        event_key=EVENT_KEY,
        signing_key=SIGNING_KEY,
    )
    try:
        yield server.wait_until_healthy()
    finally:
        server.stop()


@dataclass(frozen=True)
class Starter:
    """Starts apps of one SDK in cloud mode and stops them at the end of the test."""

    sdk: str
    server: Server
    log: Path
    started: list[App]

    def __call__(
        self, *, keys: Mapping[str, str], app_id: str | None = None, port: int | None = None
    ) -> App:
        start: Callable[..., App] = (
            start_python_app if self.sdk == "python" else start_typescript_app
        )
        app = start(
            self.server,
            log=self.log,
            app_id=app_id or f"locked-{self.sdk}-{next(_numbers)}",
            port=port,
            environ={
                "INNGEST_BASE_URL": self.server.url,
                "INNGEST_EVENT_KEY": EVENT_KEY,
                **keys,
            },
        )
        self.started.append(app)
        return app


@pytest.fixture(params=["python", "typescript"])
def start(request: pytest.FixtureRequest, locked_server: Server, logs: Path) -> Iterator[Starter]:
    if request.param == "typescript":
        request.getfixturevalue("typescript_packages")
    starter = Starter(request.param, locked_server, logs / f"locked-{request.param}.log", [])
    try:
        yield starter
    finally:
        for app in starter.started:
            app.server.http.delete("/fn/remove", params={"url": app.url})
            app.stop()


class TestSignedApps:
    def test_an_app_with_the_key_registers_is_called_and_sends_events(self, start: Starter) -> None:
        """Registration, calls, events and fetched state each use a key in their own way."""
        app = start(keys={"INNGEST_SIGNING_KEY": SIGNING_KEY})

        response = app.sync()

        assert response.status_code == 200
        assert response.json()["modified"] is True
        assert app.completed("parallel").output == {"squares": [1, 4, 9], "total": 14}
        sent = app.completed("send.events").output
        assert [app.server.ended_runs(event_id)[0].output for event_id in sent] == [0, 1]
        assert app.completed("large.state").output["starts"] == "012345"

    def test_the_key_may_carry_the_prefix_of_an_environment(self, start: Starter) -> None:
        app = start(keys={"INNGEST_SIGNING_KEY": f"signkey-test-{SIGNING_KEY}"})

        assert app.sync().json()["modified"] is True
        assert app.completed("chain").output["steps"][0] == 1

    def test_the_fallback_key_works_while_keys_are_rotated(self, start: Starter) -> None:
        app = start(
            keys={
                "INNGEST_SIGNING_KEY": OTHER_KEY,
                "INNGEST_SIGNING_KEY_FALLBACK": SIGNING_KEY,
            }
        )

        assert app.sync().json()["modified"] is True
        assert app.completed("large.state").output["starts"] == "012345"

    def test_an_app_with_another_key_cannot_register(self, start: Starter) -> None:
        app = start(keys={"INNGEST_SIGNING_KEY": OTHER_KEY})

        response = app.sync()

        assert response.json().get("modified") is not True
        assert app.server.runs_of(app.server.send(app.event("chain"))) == []

    def test_an_app_whose_key_was_changed_refuses_the_calls_and_its_runs_fail(
        self, start: Starter
    ) -> None:
        port = free_port()
        app = start(keys={"INNGEST_SIGNING_KEY": SIGNING_KEY}, port=port)
        app.sync()
        app.stop()
        changed = start(keys={"INNGEST_SIGNING_KEY": OTHER_KEY}, app_id=app.id, port=port)

        run = changed.run("parallel.error")

        assert run.status == "Failed"
        assert "401" in run.output["message"]
        assert changed.calls() == []

    def test_an_app_in_cloud_mode_refuses_unsigned_calls(self, start: Starter) -> None:
        """Without this the tests above could pass with signatures that nobody checks."""
        app = start(keys={"INNGEST_SIGNING_KEY": SIGNING_KEY})

        response = httpx.post(
            app.url,
            params={"fnId": f"{app.id}-chain", "stepId": "step"},
            json={},
            trust_env=False,
            verify=PLAIN,
        )

        assert response.status_code == 401
        assert app.calls() == []


class TestAppsToldOfAtStart:
    def test_the_server_pings_the_apps_it_was_told_of_until_they_answer(
        self, locked_server: Server, logs: Path, app_port: int
    ) -> None:
        keys = {
            "INNGEST_BASE_URL": locked_server.url,
            "INNGEST_EVENT_KEY": EVENT_KEY,
            "INNGEST_SIGNING_KEY": SIGNING_KEY,
            # Now the app also insists that the ping itself is signed.
            "INNGEST_ENABLE_UNAUTHED_SYNC": "false",
        }
        log = logs / "told-of.log"
        app = start_python_app(
            locked_server, log=log, app_id="told-of", version="before", port=app_port, environ=keys
        )
        try:
            runs = wait_until(
                lambda: locked_server.runs_of(locked_server.send(app.event("goes"))),
                what="a registration of the app",
            )
            (run,) = locked_server.ended_runs(runs[0].event_id)
            assert run.status == "Completed"
        finally:
            locked_server.http.delete("/fn/remove", params={"url": app.url})
            app.stop()


class TestKeysOverHttp:
    def test_an_unknown_event_key_is_refused(self, locked_server: Server) -> None:
        response = locked_server.http.post("/e/wrong", json={"name": "py/x", "data": {}})

        assert response.status_code == 401
        assert response.json()["error"] == "Event key not found"

    @pytest.mark.parametrize(
        "path", ["/v1/events", "/v1/runs/01K0000000000000000000000", "/v0/runs/x/actions"]
    )
    def test_the_api_refuses_who_does_not_know_the_signing_key(
        self, locked_server: Server, path: str
    ) -> None:
        for headers in (
            {"Authorization": ""},
            {"Authorization": "Bearer"},
            {"Authorization": f"Bearer {OTHER_KEY}"},
            {"Authorization": f"Bearer {EVENT_KEY}"},
        ):
            response = locked_server.http.get(path, headers=headers)
            assert response.status_code == 401, headers
            assert response.text == "Authentication failed\n"

    def test_registration_is_refused_without_the_signing_key(self, locked_server: Server) -> None:
        response = locked_server.http.post(
            "/fn/register", json={"appName": "intruder"}, headers={"Authorization": ""}
        )

        assert response.status_code == 401

    def test_the_signing_key_is_accepted_plain_and_hashed(self, locked_server: Server) -> None:
        hashed = sha256(bytes.fromhex(SIGNING_KEY)).hexdigest()

        for token in (
            SIGNING_KEY,
            f"signkey-prod-{SIGNING_KEY}",
            hashed,
            f"signkey-prod-{hashed}",
        ):
            response = locked_server.http.get(
                "/v1/events", headers={"Authorization": f"Bearer {token}"}
            )
            assert response.status_code == 200, token

    def test_the_server_says_that_it_is_not_a_development_server(
        self, locked_server: Server
    ) -> None:
        response = locked_server.http.get("/dev")

        assert response.status_code == 404
        assert response.headers["x-inngest-server-kind"] == "cloud"
