"""What the compatible API can change. Source: GraphQL, 4."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

import msgspec

from stepwell.api.graphql.answers import Refused
from stepwell.api.graphql.apps import NO_ROWS
from stepwell.api.graphql.binding import Resolver
from stepwell.api.graphql.request import Request
from stepwell.api.graphql.values import run_id_of
from stepwell.core.app import App
from stepwell.core.identity import AppId, EventId
from stepwell.core.registration import typed_url
from stepwell.core.rerun import RerunRefused, StepChoice
from stepwell.core.status import RunStatus
from stepwell.store.views import RunView
from stepwell.wire.events import AcceptedEvent, EventInvalid, invocation_event

__all__ = ["INPUTS", "RESOLVERS", "invoke_function", "synced"]

_SESSION_TYPES: Final = (str, int, float)
_NOT_AN_ARRAY: Final = "input is not a valid JSON array"


class RerunFromStep(msgspec.Struct, frozen=True):
    """Where a run is to begin, as sent."""

    step_id: str
    input: str | None = None


async def _create_app(_: Any, request: Request, *, input: dict[str, str]) -> App:  # noqa: A002
    url = typed_url(input["url"])
    await request.services.apps.add_placeholder(url)
    return await synced(url, request)


async def synced(url: str, request: Request) -> App:
    """Have the app at a URL register; an error says why it did not."""
    apps = request.services.apps
    error = await request.services.sync.ping(url)
    if error:
        await apps.record_error(url, error)
        raise Refused(error)
    found = apps.apps_at(url)
    if not found:
        raise Refused("There was an error creating your app")
    return found[0]


async def _update_app(_: Any, request: Request, *, input: dict[str, str]) -> App:  # noqa: A002
    moved = await request.services.apps.move_app(_app_id(input["id"]), input["url"])
    if moved is None:
        raise Refused(NO_ROWS)
    return moved


async def _delete_app(_: Any, request: Request, *, id: str) -> str:  # noqa: A002
    await request.services.apps.archive_app(_app_id(id))
    return id


async def _delete_app_by_name(_: Any, request: Request, *, name: str) -> bool:
    for app in request.services.apps.apps.values():
        if app.name == name and not app.archived_ms:
            return await request.services.apps.archive_app(app.id)
    return False


def _app_id(text: str) -> AppId:
    try:
        return AppId(str(UUID(text)))
    except ValueError as error:
        raise Refused(f"invalid UUID: {error}") from error


async def _invoke_function(
    _: Any,
    request: Request,
    *,
    function_slug: str,
    data: dict[str, Any] | None = None,
    user: dict[str, Any] | None = None,
    meta: dict[str, Any] | None = None,
    debug_session_id: str | None = None,  # noqa: ARG001 - there is no debugger
    debug_run_id: str | None = None,  # noqa: ARG001
) -> bool:
    await invoke_function(request, function_slug, data=data, user=user, meta=meta)
    return True


async def invoke_function(
    request: Request,
    function_slug: str,
    *,
    data: dict[str, Any] | None,
    user: dict[str, Any] | None,
    meta: dict[str, Any] | None,
) -> EventId:
    """Send the event that starts a function; returns when it is durable."""
    base = request.services.base
    now_ms = request.now_ms
    internal_id = base.ids.ulid(now_ms)
    _check_meta(meta)
    sent = {"data": data, "user": user, "meta": meta}
    body = msgspec.json.encode({name: value for name, value in sent.items() if value is not None})
    try:
        event = invocation_event(
            body, function_slug=function_slug, received_ms=now_ms, internal_id=internal_id
        )
    except EventInvalid as invalid:
        raise Refused(str(invalid)) from invalid
    accepted = AcceptedEvent(internal_id, now_ms, event, event.payload())
    await base.intake.accept(request.services.environment_id, [accepted], seeded=False)
    return EventId(internal_id)


def _check_meta(meta: dict[str, Any] | None) -> None:
    """Refuse what an invocation may not say of its event. Source: GraphQL, 4."""
    for key in meta or {}:
        if key != "sessions":
            raise Refused(f'event meta "{key}" is not supported')
    sessions = (meta or {}).get("sessions", {})
    if not isinstance(sessions, dict):
        raise Refused("event meta sessions must be an object")
    for key, value in sessions.items():
        if isinstance(value, bool) or not isinstance(value, _SESSION_TYPES):
            raise Refused(f'session "{key}" must be a string or number')


async def _cancel_run(_: Any, request: Request, *, run_id: str) -> RunView:
    wanted = run_id_of(run_id)
    was_live = await request.services.base.runs.cancel_run(wanted)
    run = await request.services.readers.run(wanted)
    if run is None:
        raise Refused("not found")
    if not was_live and run.status is not RunStatus.CANCELLED:
        raise Refused("cannot cancel an ended run")
    return run


async def _rerun(
    _: Any,
    request: Request,
    *,
    run_id: str,
    from_step: RerunFromStep | None = None,
    debug_session_id: str | None = None,  # noqa: ARG001
    debug_run_id: str | None = None,  # noqa: ARG001
) -> str:
    choice = None
    if from_step is not None:
        given = from_step.input
        if given is not None and not given.startswith("["):
            raise Refused(_NOT_AN_ARRAY)
        choice = StepChoice(from_step.step_id, None if given is None else given.encode())
    outcome = await request.services.engine.rerun(run_id_of(run_id), choice)
    if outcome is None:
        raise Refused(NO_ROWS)
    if isinstance(outcome, RerunRefused):
        raise Refused(str(outcome))
    return outcome.run_id


def _create_debug_session(_: Any, request: Request, *, input: dict[str, Any]) -> dict[str, str]:  # noqa: A002, ARG001
    """Two new ids; as in the compatible server, nothing is stored."""
    ids = request.services.base.ids
    return {"debug_session_id": ids.ulid(request.now_ms), "debug_run_id": ids.ulid(request.now_ms)}


RESOLVERS: Mapping[str, Resolver] = {
    "Mutation.createApp": _create_app,
    "Mutation.updateApp": _update_app,
    "Mutation.deleteApp": _delete_app,
    "Mutation.deleteAppByName": _delete_app_by_name,
    "Mutation.invokeFunction": _invoke_function,
    "Mutation.cancelRun": _cancel_run,
    "Mutation.rerun": _rerun,
    "Mutation.createDebugSession": _create_debug_session,
}

INPUTS: Mapping[str, type] = {"RerunFromStepInput": RerunFromStep}
