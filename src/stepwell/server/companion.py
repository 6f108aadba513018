"""An app that the server runs in its own process, beside its API."""

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
import structlog
from starlette.types import ASGIApp, Receive, Scope, Send

from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID
from stepwell.core.sync_history import SyncCause
from stepwell.engine.clock import Clock
from stepwell.engine.engine import Engine
from stepwell.engine.ids import NumberedIds
from stepwell.server.sync import Sync
from stepwell.store.reading import ReadModels
from stepwell.store.views import EventsPage
from stepwell.wire.events import parse_events

__all__ = ["Companion", "Introduction", "WithCompanion"]

_log = structlog.get_logger("stepwell.server")


class Companion(msgspec.Struct, frozen=True):
    """What the server has to know about the app.

    Attributes:
        path: Below which it is served.
        sdk_path: Where its SDK endpoint is.
        create: Makes it, given the URL of the server.
        first_event: Sent when the app has registered, unless one of that name was ever accepted.
    """

    path: str
    sdk_path: str
    create: Callable[[str], ASGIApp]
    first_event: Mapping[str, Any]


class WithCompanion:
    """Serves an app below a path, and the API everywhere else."""

    def __init__(self, api: ASGIApp, companion: ASGIApp, path: str) -> None:
        self._api = api
        self._companion = companion
        self._path = path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if path == self._path or path.startswith(f"{self._path}/"):
            inner = {**scope, "root_path": scope.get("root_path", "") + self._path}
            await self._companion(inner, receive, send)
        else:
            await self._api(scope, receive, send)


class Introduction:
    """Has the companion register, and gives it something to do if it never had."""

    def __init__(self, engine: Engine, readers: ReadModels, sync: Sync) -> None:
        self._engine = engine
        self._readers = readers
        self._sync = sync

    async def make(
        self, companion: Companion, server_url: str, *, clock: Clock, ids: NumberedIds
    ) -> None:
        """Do so once; a second start finds the event of the first one.

        Raises:
            StoreUnavailable: The store does not answer; try again.
        """
        url = f"{server_url}{companion.sdk_path}"
        await self._engine.registry.add_placeholder(url)
        if error := await self._sync.ping(url, cause=SyncCause.POLL):
            _log.warning("companion.not_registered", url=url, error=error)
            return
        name: str = companion.first_event["name"]
        page = EventsPage(environment_id=DEFAULT_ENVIRONMENT_ID, limit=1, name=name)
        if await self._readers.events(page):
            return
        now_ms = clock.now_ms()
        parsed = parse_events(
            msgspec.json.encode(companion.first_event),
            content_type="application/json",
            received_ms=now_ms,
            internal_ids=lambda _position: ids.ulid(now_ms),
        )
        assert parsed.error is None, "the event is part of the program"
        await self._engine.accept(DEFAULT_ENVIRONMENT_ID, parsed.accepted, seeded=False)
