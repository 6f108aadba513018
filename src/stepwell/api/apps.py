"""`GET /v1/apps`: which apps there are, and how their last registration went.

The reference has neither route; shapes and errors follow its other v1 routes.
"""

from collections import Counter
from collections.abc import Mapping
from typing import Final, Protocol

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.dates import date_text
from stepwell.api.errors import send_error
from stepwell.api.openapi import (
    Declaration,
    DeclarationTable,
    Link,
    Tag,
    Timestamp,
    Uuid,
    data,
    refused,
)
from stepwell.api.responses import send_data
from stepwell.api.services import RouteTable
from stepwell.core.app import App
from stepwell.core.function import FunctionIndex
from stepwell.core.identity import AppId
from stepwell.engine.clock import Clock

__all__ = ["APPS_MAX", "DECLARATIONS", "AppObject", "AppsApi", "KnownApps"]

#: In one list; far more than anybody looks through.
APPS_MAX: Final = 1000


class KnownApps(Protocol):
    """What apps have registered."""

    @property
    def apps(self) -> Mapping[AppId, App]:
        """All apps, archived ones and those that are only known by their URL included."""
        ...

    @property
    def functions(self) -> FunctionIndex:
        """All functions, archived ones included."""
        ...

    def app(self, reference: str) -> App | None:
        """The app with that id or name, archived or not."""
        ...


class AppObject(msgspec.Struct, frozen=True, kw_only=True):
    """An app, as clients read it.

    Attributes:
        id: The app's own id; empty if it is only known by its URL.
        method: How it is called.
        sdk_language: Such as "js"; empty if it is not known, as all that follow.
        app_version: As the app tells it.
        function_count: Functions that are not archived.
        error: Why it could not be reached or registered last; null if all is well.
        error_detail: JSON list of what is wrong with its functions, if that is the error.
        synced_at: When it registered last.
        archived_at: When it was removed.
        drained_at: Since when its functions start no new runs.
    """

    id: str
    internal_id: Uuid
    url: str
    method: str
    sdk_language: str
    sdk_version: str
    framework: str
    platform: str
    app_version: str
    function_count: int
    error: str | None
    error_detail: str | None
    created_at: Timestamp | None
    synced_at: Timestamp | None
    archived_at: Timestamp | None
    drained_at: Timestamp | None


DECLARATIONS: Final[DeclarationTable] = {
    "/v1/apps": {
        "GET": Declaration(
            "listApps",
            "List apps",
            Tag.APPS,
            text=f"Those that are not archived, by id and URL, up to {APPS_MAX}.",
            answers=(data(list[AppObject]),),
            links=(
                Link("getApp", "app", "/data/0/internal_id"),
                Link("getFunctionsOfApp", "app_id", "/data/0/id"),
            ),
        )
    },
    "/v1/apps/{app:path}": {
        "GET": Declaration(
            "getApp",
            "Read an app",
            Tag.APPS,
            answers=(data(AppObject), refused(404, "App not found: …")),
        )
    },
}


class AppsApi:
    """Answers from memory, as of now."""

    def __init__(self, apps: KnownApps, clock: Clock) -> None:
        self._apps = apps
        self._clock = clock

    def routes(self) -> RouteTable:
        """Where it is mounted. The last route takes any path, so it has to stand last."""
        return {"/v1/apps": {"GET": self.all}, "/v1/apps/{app:path}": {"GET": self.one}}

    async def all(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """All apps that are not archived."""
        apps = [app for app in self._apps.apps.values() if not app.archived_ms]
        apps.sort(key=lambda app: (app.name, app.url, app.id))
        counts = Counter(
            function.app_id for function in self._apps.functions if not function.archived
        )
        shown = [_app_object(app, counts[app.id]) for app in apps[:APPS_MAX]]
        await send_data(send, shown, now_ms=self._clock.now_ms())

    async def one(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """One app, archived or not."""
        reference: str = scope["path_params"]["app"]
        app = self._apps.app(reference)
        if app is None:
            await send_error(send, 404, f"App not found: {reference}")
            return
        count = sum(
            function.app_id == app.id and not function.archived for function in self._apps.functions
        )
        await send_data(send, _app_object(app, count), now_ms=self._clock.now_ms())


def _app_object(app: App, function_count: int) -> AppObject:
    return AppObject(
        id=app.name,
        internal_id=app.id,
        url=app.url,
        method=app.method,
        sdk_language=app.sdk_language,
        sdk_version=app.sdk_version,
        framework=app.framework,
        platform=app.platform,
        app_version=app.app_version,
        function_count=function_count,
        error=app.error or None,
        error_detail=app.error_detail or None,
        created_at=_date(app.created_ms),
        synced_at=_date(app.synced_ms),
        archived_at=_date(app.archived_ms),
        drained_at=_date(app.drained_ms),
    )


def _date(ms: int) -> str | None:
    return date_text(ms) if ms else None
