"""All HTTP endpoints of the server as one ASGI application.

A request for anything but events passes, from the outside in: headers that every answer has and
cross-origin permission, errors to answers, keys and tokens, the routes. Events skip all of it.
"""

from functools import partial
from typing import Any, Final

from starlette.types import ASGIApp, Receive, Scope, Send

from stepwell.api.auth import EventKeys, Guard, Proofs
from stepwell.api.body import Headers
from stepwell.api.cors import CommonHeaders, CrossOrigin
from stepwell.api.dashboard import Dashboard, PlainPage
from stepwell.api.dev import DevEndpoint
from stepwell.api.errors import ErrorAnswers
from stepwell.api.event_api import EventEndpoint
from stepwell.api.health import HealthEndpoint
from stepwell.api.invoke import InvokeEndpoint
from stepwell.api.openapi.document import document
from stepwell.api.openapi.endpoint import OpenApiEndpoint
from stepwell.api.openapi.surface import declared_routes
from stepwell.api.rest_v1 import RestV1
from stepwell.api.routing import router, send_not_found
from stepwell.api.run_state import RunStateApi
from stepwell.api.services import ApiServices, ApiSettings, RouteTable
from stepwell.api.sessions import FailedAttempts, Sessions
from stepwell.api.sign_in import SignIn, SignInAbsent
from stepwell.api.token_replacement import TokenReplacement
from stepwell.engine.clock import Clock

__all__ = ["create_api"]

#: Only reached by what is not for `EventEndpoint`: other methods get 405, a missing key 404.
_EVENT_ROUTES: Final[RouteTable] = {
    "/e": {"POST": send_not_found},
    "/e/{key:path}": {"POST": send_not_found},
}


def create_api(services: ApiServices, settings: ApiSettings) -> ASGIApp:
    """The HTTP API.

    Args:
        services: What it works on.
        settings: A server of kind "cloud" must have a signing key and an operator token, or anybody
            could do anything.
    """
    is_locked = settings.signing_key is not None
    assert is_locked is (services.operator is not None)
    assert is_locked or settings.server_kind == "dev"
    common = CommonHeaders(settings.server_kind)
    events = EventEndpoint(
        services, EventKeys(settings.event_keys), common, bytes_max=settings.body_bytes_max
    )
    sessions = _sessions(services, settings)
    pages = _pages(settings, sessions)
    app: ASGIApp = router(
        [
            _EVENT_ROUTES,
            InvokeEndpoint(services, bytes_max=settings.body_bytes_max).routes(),
            RestV1(services).routes(),
            RunStateApi(services).routes(),
            DevEndpoint(services, settings).routes(),
            HealthEndpoint().routes(),
            pages.routes(),
            _sign_in(services, settings, sessions),
            TokenReplacement(services.operator).routes(),
            OpenApiEndpoint(partial(_described, settings)).routes(),
            *services.routes,
        ],
        sockets=services.sockets,
        otherwise=pages if isinstance(pages, Dashboard) else send_not_found,
    )
    if settings.signing_key is not None and services.operator is not None:
        proofs = Proofs(
            signing_key=settings.signing_key,
            operator=services.operator,
            metrics=settings.metrics_token,
            sessions=sessions,
        )
        app = Guard(app, proofs)
    return _EventsFirst(events, CrossOrigin(ErrorAnswers(app), common))


def _sessions(services: ApiServices, settings: ApiSettings) -> Sessions | None:
    """None if everybody may use the dashboard, or nobody can."""
    if settings.signing_key is None or services.operator is None or settings.dashboard is None:
        return None
    return Sessions(
        services.operator,
        settings.signing_key,
        partial(_now_s, services.clock),
        base_path=settings.base_path,
    )


def _sign_in(services: ApiServices, settings: ApiSettings, sessions: Sessions | None) -> RouteTable:
    if settings.dashboard is None:
        return {}
    if services.operator is None or sessions is None:
        return SignInAbsent().routes()
    failed = FailedAttempts(partial(_now_s, services.clock))
    return SignIn(services.operator, sessions, failed).routes()


def _pages(settings: ApiSettings, sessions: Sessions | None) -> Dashboard | PlainPage:
    if settings.dashboard is None:
        return PlainPage(settings)
    is_signed_in = _everybody if sessions is None else sessions.admit
    return Dashboard(settings, settings.dashboard, is_signed_in=is_signed_in)


async def _everybody(_headers: Headers) -> bool:
    return True


def _now_s(clock: Clock) -> int:
    return clock.now_ms() // 1000


def _described(settings: ApiSettings) -> dict[str, Any]:
    return document(
        declared_routes(),
        version=settings.version,
        is_protected=settings.signing_key is not None,
    )


class _EventsFirst:
    """Hands events to their endpoint before anything else is asked.

    Routing and middleware would double what an event costs here (17 µs, measured without socket).
    """

    def __init__(self, events: EventEndpoint, others: ASGIApp) -> None:
        self._events = events
        self._others = others

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (
            scope["type"] == "http"
            and scope["method"] == "POST"
            and scope["path"].startswith("/e/")
        ):
            await self._events(scope, receive, send)
        else:
            await self._others(scope, receive, send)
