"""Apps and functions, from memory. Source: GraphQL, 3.2, 5.2 and 5.3."""

from collections.abc import Awaitable, Mapping
from typing import Any, Final

import msgspec

from stepwell.api.dates import date_text
from stepwell.api.function_view import function_view
from stepwell.api.graphql.answers import Refused
from stepwell.api.graphql.binding import Getter, Resolver
from stepwell.api.graphql.recent import RecentRuns
from stepwell.api.graphql.request import Request
from stepwell.api.graphql.values import time_text
from stepwell.core.app import App
from stepwell.core.app_sync import AppSync
from stepwell.core.function import Function
from stepwell.core.identity import AppId
from stepwell.wire.config import (
    RETRIES_DEFAULT,
    ConcurrencyScope,
    EventTrigger,
    FunctionConfig,
    Trigger,
)
from stepwell.wire.durations import go_duration_text
from stepwell.wire.ulid import ulid_ms

__all__ = ["GETTERS", "RESOLVERS", "active_functions", "app_of", "functions_of"]

#: What the compatible server says about something that is not there.
NO_ROWS: Final = "sql: no rows in result set"

_FAILURE_SUFFIX: Final = "-failure"
_SCOPES: Final = {
    ConcurrencyScope.FUNCTION: "FUNCTION",
    ConcurrencyScope.ENVIRONMENT: "ENVIRONMENT",
    ConcurrencyScope.ACCOUNT: "ACCOUNT",
}
_NO_LIMIT: Final = -1
_READY: Final = 1
_PROBLEMS: Final = msgspec.json.Decoder(list[dict[str, str]])


def active_functions(request: Request) -> list[Function]:
    """Functions that are not archived, of apps that are not."""
    apps = request.services.apps.apps
    return [
        function
        for function in request.services.base.catalogue.functions
        if not function.archived
        and function.app_id in apps
        and not apps[function.app_id].archived_ms
    ]


def functions_of(app: App, request: Request) -> list[Function]:
    """The app's functions that are not archived."""
    return [
        function
        for function in request.services.base.catalogue.functions
        if function.app_id == app.id and not function.archived
    ]


def app_of(app_id: str, request: Request) -> App:
    """The app, archived or not."""
    app = request.services.apps.apps.get(AppId(app_id))
    if app is None:
        raise Refused(NO_ROWS)
    return app


def _apps(_: Any, request: Request, *, filter: dict[str, Any] | None = None) -> list[App]:  # noqa: A002
    method = (filter or {}).get("method")
    return [
        app
        for app in sorted(request.services.apps.apps.values(), key=lambda app: app.id)
        if not app.archived_ms and method in (None, app.method.upper())
    ]


def _app(_: Any, request: Request, *, id: str) -> App:  # noqa: A002
    return app_of(id, request)


def _functions(_: Any, request: Request) -> list[Function]:
    return active_functions(request)


def _function_by_slug(_: Any, request: Request, *, query: dict[str, Any]) -> Function:
    slug = query["function_slug"]
    for function in active_functions(request):
        if function.slug == slug:
            return function
    raise Refused(NO_ROWS)


def _app_functions(app: App, request: Request) -> list[Function]:
    return functions_of(app, request)


def _function_count(app: App, request: Request) -> int:
    return len(functions_of(app, request))


def _syncs(app: App, request: Request) -> Awaitable[list[AppSync]]:
    return request.syncs.load(app.id)


def _autodiscovered(app: App, request: Request) -> bool:
    return request.services.sync.was_discovered(app.url)


def _failure_handler(function: Function, request: Request) -> Function | None:
    handler = request.services.apps.function(function.slug + _FAILURE_SUFFIX)
    return handler if handler is not None and not handler.archived else None


def _function_app(function: Function, request: Request) -> App:
    return app_of(function.app_id, request)


def _recent(function: Function, request: Request) -> Awaitable[RecentRuns]:
    return request.recent.load(function.id)


def _trigger(trigger: Trigger) -> dict[str, Any]:
    if isinstance(trigger, EventTrigger):
        return {"type": "EVENT", "value": trigger.event, "condition": trigger.expression}
    return {"type": "CRON", "value": trigger.cron, "condition": None}


def _first_limit(function: Function) -> int:
    for limit in function.config.concurrency:
        if limit.scope is ConcurrencyScope.FUNCTION and not limit.key:
            return limit.limit
    return 0


def _configuration(function: Function) -> dict[str, Any]:
    config = function.config
    batch, rate_limit, throttle = config.batch, config.rate_limit, config.throttle
    retries = config.attempts_max - 1
    return {
        "cancellations": [
            {"event": cancel.event, "timeout": cancel.timeout, "condition": cancel.condition}
            for cancel in config.cancel
        ],
        "retries": {"value": retries, "is_default": retries == RETRIES_DEFAULT},
        "priority": config.priority,
        "events_batch": batch
        and {"max_size": batch.size_max, "timeout": batch.timeout, "key": batch.key},
        "concurrency": _concurrency(config),
        "rate_limit": rate_limit
        and {"limit": rate_limit.limit, "period": rate_limit.period, "key": rate_limit.key},
        "debounce": config.debounce
        and {"period": config.debounce.period, "key": config.debounce.key},
        "throttle": throttle
        and {
            "burst": throttle.burst,
            "key": throttle.key,
            "limit": throttle.limit,
            "period": go_duration_text(throttle.period_ms),
        },
        "singleton": config.singleton
        and {"mode": config.singleton.mode.name, "key": config.singleton.key},
    }


def _concurrency(config: FunctionConfig) -> list[dict[str, Any]]:
    """The limits, or one that says that there is none: dashboards always show one."""
    if not config.concurrency:
        limit = {"value": _NO_LIMIT, "is_plan_limit": True}
        return [{"scope": "ACCOUNT", "limit": limit, "key": None}]
    return [
        {
            "scope": _SCOPES[limit.scope],
            "limit": {"value": limit.limit, "is_plan_limit": False},
            "key": limit.key,
        }
        for limit in config.concurrency
    ]


def _options(function: Function) -> dict[str, Any]:
    config = function.config
    runs, timeouts = config.run_concurrency, config.timeouts
    return {
        "idempotency": config.idempotency,
        "run_concurrency": runs and {"limit": runs.limit, "key": runs.key},
        "start_timeout": timeouts and timeouts.start,
        "finish_timeout": timeouts and timeouts.finish,
        "batch_condition": config.batch and config.batch.condition,
        "debounce_timeout": config.debounce and config.debounce.timeout,
        "steps_max": function.steps_max,
        "state_bytes_max": function.state_bytes_max,
    }


def _pause(function: Function) -> dict[str, Any] | None:
    pause = function.pause
    return (
        None
        if pause is None
        else {
            "since": time_text(pause.since_ms),
            "new_runs": pause.new_runs.name,
            "running": pause.running.name,
            "is_drain": pause.is_drain,
        }
    )


class _Observation(msgspec.Struct):
    readiness_reason: int | None = None


class _Observations(msgspec.Struct):
    ai_metadata_extraction: _Observation | None = None
    extended_traces: _Observation | None = None


def _readiness(app: App) -> dict[str, Any]:
    """What the SDK says of its own features; null where it says nothing."""
    try:
        seen = _OBSERVATIONS.decode(app.observations or "{}")
    except msgspec.DecodeError:
        seen = _Observations()
    return {
        "ai_metadata_extraction": _status(seen.ai_metadata_extraction),
        "extended_traces": _status(seen.extended_traces),
    }


def _status(observation: _Observation | None) -> dict[str, Any] | None:
    if observation is None:
        return None
    reason = observation.readiness_reason
    return {"ready": reason == _READY, "reason": reason}


def _problems(app: App) -> list[dict[str, str]]:
    return _PROBLEMS.decode(app.error_detail) if app.error_detail else []


_OBSERVATIONS: Final = msgspec.json.Decoder(_Observations)

RESOLVERS: Mapping[str, Resolver] = {
    "Query.apps": _apps,
    "Query.app": _app,
    "Query.functions": _functions,
    "Query.functionBySlug": _function_by_slug,
    "App.functions": _app_functions,
    "App.functionCount": _function_count,
    "App.autodiscovered": _autodiscovered,
    "App.syncs": _syncs,
    "Function.failureHandler": _failure_handler,
    "Function.app": _function_app,
    "Function.recent": _recent,
}

GETTERS: Mapping[str, Getter] = {
    "App.externalID": lambda app: app.name,
    "App.error": lambda app: app.error or None,
    "App.framework": lambda app: app.framework or None,
    "App.platform": lambda app: app.platform or None,
    "App.method": lambda app: app.method.upper(),
    "App.connected": lambda app: not app.error,
    "App.sdkFeatureReadiness": _readiness,
    "App.archived": lambda app: bool(app.archived_ms),
    "App.syncedAt": lambda app: time_text(app.synced_ms),
    "App.createdAt": lambda app: time_text(app.created_ms),
    "App.drainedAt": lambda app: time_text(app.drained_ms),
    "App.problems": _problems,
    "AppSync.at": lambda sync: date_text(ulid_ms(sync.id)),
    "AppSync.status": lambda sync: sync.status.name,
    "AppSync.url": lambda sync: sync.url or None,
    "AppSync.sdkLanguage": lambda sync: sync.sdk_language or None,
    "AppSync.sdkVersion": lambda sync: sync.sdk_version or None,
    "AppSync.framework": lambda sync: sync.framework or None,
    "AppSync.appVersion": lambda sync: sync.app_version or None,
    "AppSync.error": lambda sync: sync.error or None,
    "AppSync.message": lambda sync: sync.message or None,
    "Function.config": lambda function: msgspec.json.encode(function_view(function)).decode(),
    "Function.configuration": _configuration,
    "Function.concurrency": _first_limit,
    "Function.triggers": lambda function: [_trigger(each) for each in function.config.triggers],
    "Function.url": lambda function: function.config.url,
    "Function.updatedAt": lambda function: time_text(function.updated_ms),
    "Function.pause": _pause,
    "Function.options": _options,
}
