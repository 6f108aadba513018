"""From path and method to an endpoint, and what is answered when there is none.

Source: HTTP APIs, 1.4.
"""

from collections.abc import Iterable, Mapping

from starlette.routing import BaseRoute, Route, Router, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from stepwell.api.responses import EMPTY, JSON, TEXT, send_answer
from stepwell.api.services import RouteTable, SocketTable
from stepwell.api.sockets import refuse_socket

__all__ = ["router", "send_not_found"]

_NOT_FOUND = b"404 page not found\n"
_NO_SOCKETS: SocketTable = {}
_V2_NOT_FOUND = b'{"errors":[{"code":"api_error","message":"Not Found"}]}'


async def send_not_found(scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG001
    """Say that nothing is there."""
    if scope["type"] == "websocket":
        await refuse_socket(scope, send, 404, _NOT_FOUND)
    elif scope["path"].startswith(("/v2/", "/api/v2/")):
        await send_answer(send, 404, _V2_NOT_FOUND, headers=(JSON,))
    else:
        await send_answer(send, 404, _NOT_FOUND, headers=(TEXT,))


def router(
    tables: Iterable[RouteTable],
    *,
    sockets: SocketTable = _NO_SOCKETS,
    otherwise: ASGIApp = send_not_found,
) -> Router:
    """An application for all routes of the tables; each path stands in one of them.

    Args:
        tables: The routes.
        sockets: Those for WebSockets.
        otherwise: Answers what none of them takes.
    """
    routes: list[BaseRoute] = [
        Route(path, _Methods(by_method)) for table in tables for path, by_method in table.items()
    ]
    routes += [WebSocketRoute(path, socket) for path, socket in sockets.items()]
    # A redirect would turn a POST into a GET.
    return Router(routes, redirect_slashes=False, default=otherwise)


class _Methods:
    """One path; Starlette's own 405 names the methods of one of its endpoints only."""

    def __init__(self, by_method: Mapping[str, ASGIApp]) -> None:
        self._by_method = by_method
        self._allow = (b"allow", ", ".join(sorted(by_method)).encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method: str = scope["method"]
        # The HTTP server leaves out the body.
        endpoint = self._by_method.get("GET" if method == "HEAD" else method)
        if endpoint is None:
            await send_answer(send, 405, EMPTY, headers=(self._allow,))
        else:
            await endpoint(scope, receive, send)
