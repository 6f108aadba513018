"""A server as it is put together for users, but without sockets: store, engine and API in memory.

It lives in a thread of its own, because requests have to find the engine running.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from stepwell.api.operators import GivenToken
from stepwell.server.clock import StoreClock, SystemClock
from stepwell.server.composition import Circumstances, Parts, compose
from stepwell.server.options import Mode
from stepwell.server.settings import Given, resolve
from stepwell.store.sqlite import SqliteStore
from tests.unit.api.api_server import METRICS_TOKEN, OPERATOR_TOKEN, SIGNING_KEY, Api

KEYS: Final = {
    "signing-key": SIGNING_KEY,
    "event-key": ("first-key",),
    "operator-token": OPERATOR_TOKEN,
    "metrics-token": METRICS_TOKEN,
}
EVENT: Final = "shop/order.placed"
#: Nobody listens there, so the runs of its functions are never done.
_URL: Final = "http://127.0.0.1:9/api/inngest"
_START_LIMIT_S: Final = 20.0
#: Far more than any request may take.
_REQUEST_LIMIT_S: Final = 20.0


class WholeServer(Api):
    """A running server. Requests are made as with `Api`.

    Attributes:
        methods: What is mounted: methods by path.
        loop: Where it runs.
    """

    def __init__(self, parts: Parts, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self.methods = _methods(parts.app)
        self._whole = parts.app
        self.loop = loop
        self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def there() -> None:
            await asyncio.wait_for(self._whole(scope, receive, send), _REQUEST_LIMIT_S)

        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(there(), self.loop))

    def post_json(self, target: str, value: Any, **headers: str) -> Any:
        """What is answered to a request that is taken."""
        answer = self.post(target, msgspec.json.encode(value), **headers)
        assert answer.status == 200, answer
        return answer.json if answer.body else None

    def register(self, *names: str, url: str = _URL, **options: Any) -> None:
        """Register functions of the app `shop` that listen to `EVENT`."""
        functions = [_function(name, url) | options for name in names]
        app = {"url": url, "appname": "shop", "functions": functions, "v": "0.1", "sdk": "js:v4"}
        self.post_json("/fn/register", app, **_authorization())

    def send(self, data: Mapping[str, Any] | None = None) -> str:
        """Send an event; its internal id."""
        event = {"name": EVENT, "data": data or {}}
        (event_id,) = self.post_json("/e/first-key", event)["ids"]
        assert isinstance(event_id, str)
        return event_id


@contextmanager
def whole_server(mode: Mode = Mode.DEV) -> Iterator[WholeServer]:
    """A server that is ready, and stops at the end."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    life = asyncio.run_coroutine_threadsafe(_begun(mode), loop)
    try:
        parts, store, engine = life.result(_START_LIMIT_S)
        try:
            yield WholeServer(parts, loop)
        finally:
            ending = asyncio.run_coroutine_threadsafe(_ended(parts, store, engine), loop)
            ending.result(_START_LIMIT_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def crowd(
    count: int, *, partitions: int, connection: sqlite3.Connection | None = None
) -> Iterator[list[WholeServer]]:
    """Several servers on one store in memory, all of them ready; they stop at the end.

    Args:
        count: How many.
        partitions: How many partitions there are.
        connection: The database, if the test wants to look into it. It is used in the servers'
            thread, too.
    """
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()

    async def begun() -> tuple[SqliteStore, list[tuple[Parts, "asyncio.Task[None]"]]]:
        store = SqliteStore.in_memory(connection=connection, partitions=partitions)
        return store, [await _ready(store, Mode.DEV, StoreClock()) for _ in range(count)]

    async def ended() -> None:
        for parts, engine in servers:
            await _stopped(parts, engine)
        await store.close()

    try:
        store, servers = asyncio.run_coroutine_threadsafe(begun(), loop).result(_START_LIMIT_S)
        try:
            yield [WholeServer(parts, loop) for parts, _ in servers]
        finally:
            asyncio.run_coroutine_threadsafe(ended(), loop).result(_START_LIMIT_S)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _begun(mode: Mode) -> tuple[Parts, SqliteStore, "asyncio.Task[None]"]:
    store = SqliteStore.in_memory()
    parts, engine = await _ready(store, mode, SystemClock())
    return parts, store, engine


async def _ready(
    store: SqliteStore, mode: Mode, clock: SystemClock
) -> tuple[Parts, "asyncio.Task[None]"]:
    flags: dict[str, Any] = {"persist": False, "no-discovery": True, "no-poll": True}
    if mode is Mode.START:
        flags |= KEYS
    nowhere = Path("/nowhere")
    settings = resolve(mode, Given(flags=flags, environ={}, directory=nowhere, home=nowhere))
    given = settings.operator_token
    now = Circumstances(
        clock=clock,
        operator=None if given is None else GivenToken(given),
        port=8288,
        url="http://127.0.0.1:8288",
    )
    parts = compose(settings, store, now)
    engine = asyncio.create_task(parts.behind.engine.run())
    await parts.behind.engine.ready()
    return parts, engine


async def _ended(parts: Parts, store: SqliteStore, engine: "asyncio.Task[None]") -> None:
    await _stopped(parts, engine)
    await store.close()


async def _stopped(parts: Parts, engine: "asyncio.Task[None]") -> None:
    parts.behind.run_ends.close()
    await parts.behind.engine.stop(0)
    await engine
    await parts.close()


def _authorization() -> dict[str, str]:
    return {"authorization": f"Bearer {SIGNING_KEY}"}


def _function(name: str, url: str) -> dict[str, Any]:
    slug = f"shop-{name}"
    step = {
        "id": "step",
        "name": "step",
        "runtime": {"type": "http", "url": f"{url}?fnId={slug}&stepId=step"},
    }
    return {"id": slug, "name": name, "triggers": [{"event": EVENT}], "steps": {"step": step}}


def _methods(app: ASGIApp) -> dict[str, set[str]]:
    """What the router inside all middleware knows."""
    inner: Any = app
    while not isinstance(inner, Router):
        inner = inner._others if hasattr(inner, "_others") else inner._app
    endpoints: list[tuple[str, Any]] = [
        (route.path, route.endpoint) for route in inner.routes if isinstance(route, Route)
    ]
    return {path: set(endpoint._by_method) for path, endpoint in endpoints}
