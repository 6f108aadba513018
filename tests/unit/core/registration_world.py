"""What is stored of apps, without a store: they register and fail, and what is written is taken over."""

from typing import Any

import msgspec

from stepwell.core.app import App
from stepwell.core.app_sync import AppSync, SyncMark
from stepwell.core.function import Function
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, AppId, FunctionId
from stepwell.core.moment import Moment
from stepwell.core.registration import (
    KnownApps,
    Registration,
    app_failed,
    placeholder,
    register,
    remove,
)
from stepwell.core.sync_history import SyncCause, remembered
from stepwell.core.transition import Transition
from stepwell.server.ids import RandomIds
from stepwell.wire.registration import RegisterRequest, parse_register

__all__ = ["NOW_MS", "URL", "World", "function", "request_of"]

# 2026-11-21T09:10:30Z, half a minute before a tick of most schedules.
NOW_MS = 1_795_252_230_000
URL = "http://localhost:8000/api/inngest"


class World:
    """What is stored, with a clock: registers, and takes over what would be written."""

    def __init__(self) -> None:
        self.apps: dict[AppId, App] = {}
        self.functions: dict[FunctionId, Function] = {}
        self.syncs: dict[AppId, list[SyncMark]] = {}
        self.told: list[AppSync] = []
        self.ms = NOW_MS
        self.ids = RandomIds(self)

    def now_ms(self) -> int:
        return self.ms

    @property
    def at(self) -> Moment:
        return Moment(self.ms, self.ids)

    @property
    def known(self) -> KnownApps:
        return KnownApps(self.apps, self.functions, self.syncs)

    @property
    def app(self) -> App:
        (app,) = self.apps.values()
        return app

    @property
    def function(self) -> Function:
        (function,) = self.functions.values()
        return function

    def register(
        self,
        request: RegisterRequest,
        platform: str = "",
        cause: SyncCause = SyncCause.POLL,
    ) -> Registration:
        registration = register(
            request,
            self.known,
            environment_id=DEFAULT_ENVIRONMENT_ID,
            at=self.at,
            platform=platform,
            cause=cause,
        )
        self.apply(registration.transition)
        return registration

    def apply(self, transition: Transition) -> None:
        self.apps.update((app.id, app) for app in transition.apps)
        for app_id in transition.apps_removed:
            del self.apps[app_id]
            self.syncs.pop(app_id, None)
        for app_id in {sync.app_id for sync in transition.syncs}:
            self.syncs[app_id] = remembered(self.syncs.get(app_id, []), app_id, transition)
        self.told += transition.syncs
        self.functions.update((function.id, function) for function in transition.functions)

    def fail(self, error: str, cause: SyncCause = SyncCause.POLL) -> None:
        apps = self.known.at(DEFAULT_ENVIRONMENT_ID, URL)
        self.apply(app_failed(apps, error, self.known, at=self.at, cause=cause))

    def place(self, url: str = URL) -> None:
        self.apply(
            placeholder(
                url,
                self.known,
                environment_id=DEFAULT_ENVIRONMENT_ID,
                at=self.at,
                error="unreachable",
            )
        )

    def remove(self) -> None:
        self.apply(remove([self.app], self.known, at=self.at))


def function(name: str = "charge", **changes: Any) -> dict[str, Any]:
    runtime = {"type": "http", "url": f"{URL}?fnId=my-app-{name}&stepId=step"}
    step = {"id": "step", "name": "step", "runtime": runtime}
    return {"id": f"my-app-{name}", "name": name, "steps": {"step": step}} | changes


def request_of(*functions: dict[str, Any], **changes: Any) -> RegisterRequest:
    body = {
        "appName": "my-app",
        "url": URL,
        "sdk": "py:v0.5.18",
        "framework": "fast_api",
        "functions": functions,
    }
    return parse_register(msgspec.json.encode(body | changes))
