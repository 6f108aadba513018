"""What operators can change: functions, apps, events and signals by hand."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from stepwell.api.graphql.answers import Refused
from stepwell.api.graphql.apps import app_of
from stepwell.api.graphql.binding import Resolver
from stepwell.api.graphql.mutations import invoke_function, synced
from stepwell.api.graphql.request import Request
from stepwell.api.signals import signal_problem
from stepwell.core.app import App
from stepwell.core.pause import NewRuns, RunningRuns
from stepwell.core.pausing import ControlRefusal
from stepwell.engine.control import Controlled
from stepwell.wire.events import EVENTS_MAX, parse_events

__all__ = ["RESOLVERS"]

_REFUSALS: Final = {
    ControlRefusal.UNKNOWN: "function not found",
    ControlRefusal.DRAINED: "The function's app is drained; resume the app to let it go on",
}


async def _pause(
    _: Any, request: Request, *, function_slug: str, new_runs: str, running: str
) -> dict[str, Any]:
    return _changed(
        await request.services.control.pause_function(
            function_slug, new_runs=NewRuns[new_runs], running=RunningRuns[running]
        )
    )


async def _resume(_: Any, request: Request, *, function_slug: str) -> dict[str, Any]:
    return _changed(await request.services.control.resume_function(function_slug))


async def _archive(_: Any, request: Request, *, function_slug: str) -> dict[str, Any]:
    return _changed(await request.services.control.archive_function(function_slug))


async def _remove(_: Any, request: Request, *, function_slug: str) -> dict[str, Any]:
    return _changed(await request.services.control.remove_function(function_slug))


def _changed(result: Controlled | ControlRefusal) -> dict[str, Any]:
    if isinstance(result, ControlRefusal):
        raise Refused(_REFUSALS[result])
    operation = result.operation
    return {
        "function": result.function,
        "cancellation_id": None if operation is None else operation.id,
    }


async def _drain_app(_: Any, request: Request, *, id: str) -> App:  # noqa: A002
    return _told(await request.services.control.drain_app(id), id)


async def _resume_app(_: Any, request: Request, *, id: str) -> App:  # noqa: A002
    return _told(await request.services.control.resume_app(id), id)


def _told(result: App | ControlRefusal, reference: str) -> App:
    if isinstance(result, ControlRefusal):
        raise Refused(f"App not found: {reference}")
    return result


async def _sync_app(_: Any, request: Request, *, id: str) -> App:  # noqa: A002
    return await synced(app_of(id, request).url, request)


async def _invoke(
    _: Any,
    request: Request,
    *,
    function_slug: str,
    data: dict[str, Any] | None = None,
    user: dict[str, Any] | None = None,
    meta: dict[str, Any] | None = None,
) -> dict[str, str | None]:
    if request.services.base.catalogue.functions.invokable(function_slug) is None:
        raise Refused("function not found")
    event_id = await invoke_function(request, function_slug, data=data, user=user, meta=meta)
    runs = await request.runs_of_event.load(event_id)
    return {"event_id": event_id, "run_id": runs[0].id if runs else None}


async def _send_events(_: Any, request: Request, *, events: list[dict[str, Any]]) -> list[str]:
    """All of them or none: unlike the event API, nobody here expects the first ones to be kept."""
    base = request.services.base
    now_ms = request.now_ms
    if len(events) > EVENTS_MAX:
        raise Refused(f"Cannot have more than {EVENTS_MAX} events in a batch")
    parsed = parse_events(
        msgspec.json.encode(events),
        content_type="application/json",
        received_ms=now_ms,
        internal_ids=lambda _index: base.ids.ulid(now_ms),
    )
    if parsed.error is not None:
        raise Refused(parsed.error)
    accepted = list(parsed.accepted)
    await base.intake.accept(request.services.environment_id, accepted, seeded=False)
    return [event.internal_id for event in accepted]


async def _send_signal(_: Any, request: Request, *, signal: str, data: Any = None) -> str | None:
    encoded = msgspec.json.encode(data)
    problem = signal_problem(signal, encoded)
    if problem:
        raise Refused(problem)
    services = request.services
    return await services.engine.send_signal(services.environment_id, signal, encoded)


RESOLVERS: Mapping[str, Resolver] = {
    "Mutation.pauseFunction": _pause,
    "Mutation.resumeFunction": _resume,
    "Mutation.archiveFunction": _archive,
    "Mutation.removeFunction": _remove,
    "Mutation.drainApp": _drain_app,
    "Mutation.resumeApp": _resume_app,
    "Mutation.syncApp": _sync_app,
    "Mutation.invoke": _invoke,
    "Mutation.sendEvents": _send_events,
    "Mutation.sendSignal": _send_signal,
}
