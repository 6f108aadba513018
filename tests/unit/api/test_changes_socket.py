"""The WebSocket that tells what changes."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from starlette.types import ASGIApp, Message

from stepwell.api import ApiServices, ApiSettings, create_api
from stepwell.api.changes_socket import ChangesSocket
from stepwell.api.operators import GivenToken
from stepwell.api.services import DashboardSettings
from stepwell.api.sessions import Sessions
from stepwell.core.access_token import TokenHash
from stepwell.core.identity import AppId, RunId
from stepwell.core.journal import RunStarted
from stepwell.core.transition import JournalRow, Transition
from stepwell.engine.changes import SUBSCRIBERS_MAX, ChangeFeed
from stepwell.wire.signing import SigningKey
from tests.unit.api.api_server import (
    CLOUD,
    DEV,
    OPERATOR_TOKEN,
    SIGNING_KEY,
    Backend,
    Clock,
    Ulids,
    ulid,
)

pytestmark = pytest.mark.anyio

RUN = RunId(ulid(1))
OTHER = RunId(ulid(2))
OPERATOR = GivenToken(TokenHash.of(OPERATOR_TOKEN))
DENIAL: Final[dict[str, Any]] = {"websocket.http.response": {}}


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


def step_of(run_id: RunId) -> Transition:
    return Transition(journal=[JournalRow(run_id, 0, RunStarted(1))])


class Browser:
    """The other side of a socket."""

    def __init__(self) -> None:
        self.is_accepted = False
        self.status = 0
        self.refusal = b""
        self.close_code: int | None = None
        self._sent: asyncio.Queue[str | None] = asyncio.Queue()
        self._said: asyncio.Queue[Message] = asyncio.Queue()

    async def receive(self) -> Message:
        return await self._said.get()

    async def send(self, message: Message) -> None:
        match message["type"]:
            case "websocket.accept":
                self.is_accepted = True
            case "websocket.send":
                self._sent.put_nowait(message["text"])
            case "websocket.close":
                self.close_code = message.get("code", 1000)
                self._sent.put_nowait(None)
            case "websocket.http.response.start":
                self.status = message["status"]
            case "websocket.http.response.body":
                self.refusal = message["body"]

    def say(self, text: str) -> None:
        self._said.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self) -> None:
        self._said.put_nowait({"type": "websocket.disconnect", "code": 1005})

    async def told(self) -> Any:
        """The next message; None when the socket is closed."""
        text = await self._sent.get()
        return None if text is None else msgspec.json.decode(text)


def scope_of(query: str = "", headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    sent = {"host": "localhost:8288", **(headers or {})}
    return {
        "type": "websocket",
        "path": "/v0/changes",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode("latin-1")) for name, value in sent.items()],
        "extensions": DENIAL,
    }


@asynccontextmanager
async def watching(app: ASGIApp, scope: Any) -> AsyncIterator[Browser]:
    browser = Browser()
    browser._said.put_nowait({"type": "websocket.connect"})
    serving = asyncio.create_task(_served(app, scope, browser))
    assert await browser.told() == {"type": "hello"}
    assert browser.is_accepted
    try:
        yield browser
    finally:
        browser.leave()
        await serving


async def _served(app: ASGIApp, scope: Any, browser: Browser) -> None:
    await app(scope, browser.receive, browser.send)


async def refused(app: ASGIApp, scope: Any) -> Browser:
    """What a client is told that does not get a socket."""
    browser = Browser()
    browser._said.put_nowait({"type": "websocket.connect"})
    await app(scope, browser.receive, browser.send)
    assert not browser.is_accepted
    return browser


async def test_a_browser_is_told_what_changed() -> None:
    feed = ChangeFeed()
    async with watching(ChangesSocket(feed), scope_of()) as browser:
        feed.observe(None, step_of(RUN))
        assert await browser.told() == {
            "type": "changes",
            "runs": {RUN: ""},
            "events": [],
            "apps": False,
            "cut": False,
        }
        feed.observe(None, Transition(apps_removed=[AppId("app")]))
        feed.observe(None, step_of(OTHER))
        told = await browser.told()
        assert (told["runs"], told["apps"]) == ({OTHER: ""}, True), "both in one message"
    assert len(feed) == 0, "who has gone is forgotten"


async def test_only_the_runs_that_are_asked_for_are_told() -> None:
    feed = ChangeFeed()
    async with watching(ChangesSocket(feed), scope_of(f"run={RUN.lower()}")) as browser:
        feed.observe(None, step_of(OTHER))
        await asyncio.sleep(0)
        feed.observe(None, step_of(RUN))
        assert (await browser.told())["runs"] == {RUN: ""}


async def test_what_the_browser_says_is_ignored() -> None:
    feed = ChangeFeed()
    async with watching(ChangesSocket(feed), scope_of()) as browser:
        for text in ("", "{}", "\x00", '{"type":"hello"}'):
            browser.say(text)
        feed.observe(None, step_of(RUN))
        assert (await browser.told())["runs"] == {RUN: ""}


@pytest.mark.parametrize("is_told_something", [False, True])
async def test_when_the_server_stops_sockets_are_closed_at_once(*, is_told_something: bool) -> None:
    """Also while changes are being gathered."""
    feed = ChangeFeed()
    async with watching(ChangesSocket(feed), scope_of()) as browser:
        if is_told_something:
            feed.observe(None, step_of(RUN))
            await browser.told()
        feed.close()
        assert await browser.told() is None
        assert browser.close_code == 1001
    browser = await refused(ChangesSocket(feed), scope_of())
    assert browser.status == 503


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://evil.example"},
        {"origin": "http://localhost:3000"},
        {"origin": "https://localhost:8289"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://localhost:8288.evil.example"},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
    ],
)
async def test_pages_of_others_cannot_watch(headers: dict[str, str]) -> None:
    feed = ChangeFeed()
    browser = await refused(ChangesSocket(feed), scope_of(headers=headers))

    assert (browser.status, len(feed)) == (403, 0)


@pytest.mark.parametrize(
    "headers",
    [
        {"origin": "http://localhost:8288"},
        {"origin": "https://proxied.example", "sec-fetch-site": "same-origin"},
        {},
    ],
)
async def test_our_pages_and_programs_can(headers: dict[str, str]) -> None:
    async with watching(ChangesSocket(ChangeFeed()), scope_of(headers=headers)):
        pass


@pytest.mark.parametrize(
    "query", ["run=x", f"run={RUN}&run=y", "&".join(["run=" + RUN] * 101), "run=" + "0" * 9_000]
)
async def test_a_bad_request_is_refused(query: str) -> None:
    browser = await refused(ChangesSocket(ChangeFeed()), scope_of(query))

    assert browser.status == 400
    assert browser.refusal.endswith(b"\n")


async def test_there_may_be_so_many_sockets() -> None:
    feed = ChangeFeed()
    with ExitStack() as stack:
        for _ in range(SUBSCRIBERS_MAX):
            stack.enter_context(feed.subscribe())
        browser = await refused(ChangesSocket(feed), scope_of())
        assert (browser.status, browser.refusal[:8]) == (503, b"Too many")
    async with watching(ChangesSocket(feed), scope_of()):
        pass


def api(settings: ApiSettings, feed: ChangeFeed) -> ASGIApp:
    backend = Backend()
    services = ApiServices(
        intake=backend,
        runs=backend,
        catalogue=backend,
        readers=backend,
        ids=Ulids(),
        clock=Clock(),
        sockets=ChangesSocket(feed).sockets(),
        operator=None if settings.signing_key is None else OPERATOR,
    )
    return create_api(services, settings)


async def test_in_production_one_needs_the_operator_token_or_a_session() -> None:
    app = api(_with_sessions(), ChangeFeed())
    key = SigningKey.parse(SIGNING_KEY)
    sessions = Sessions(OPERATOR, key, lambda: Clock().now_ms() // 1000, base_path="")
    token = TokenHash.of(OPERATOR_TOKEN)
    cookie = sessions.begin(token, is_secure=False).partition(b";")[0].decode()
    ours = {"origin": "http://localhost:8288", "cookie": cookie}

    for allowed in ({"authorization": f"Bearer {OPERATOR_TOKEN}"}, ours, {"cookie": cookie}):
        async with watching(app, scope_of(headers=allowed)):
            pass
    for kept_out in (
        {},
        {"authorization": "Bearer abc"},
        {"cookie": "stepwell_session=1.2"},
        ours | {"origin": "http://evil.example"},
        ours | {"origin": "http://localhost:3000"},
    ):
        browser = await refused(app, scope_of(headers=kept_out))
        assert (browser.status, browser.refusal) == (401, b"Authentication failed\n")


async def test_an_app_is_told_that_its_key_does_not_do() -> None:
    headers = {"authorization": f"Bearer {SIGNING_KEY}"}

    browser = await refused(api(_with_sessions(), ChangeFeed()), scope_of(headers=headers))

    assert browser.status == 403
    assert b"needs the operator token" in browser.refusal


def _with_sessions() -> ApiSettings:
    return replace(CLOUD, dashboard=DashboardSettings(directory=Path("/nowhere")))


@pytest.mark.parametrize("path", ["/", "/v0/gql", "/v0/changes/", "/runs", "/e/key", "/assets/x"])
async def test_nothing_else_is_a_socket(path: str) -> None:
    browser = await refused(api(DEV, ChangeFeed()), {**scope_of(), "path": path})

    assert (browser.status, browser.refusal) == (404, b"404 page not found\n")


async def test_an_http_server_that_cannot_say_why_just_refuses() -> None:
    scope = {**scope_of(headers={"origin": "null"}), "extensions": {}}
    browser = await refused(ChangesSocket(ChangeFeed()), scope)

    assert (browser.close_code, browser.status) == (1000, 0)
