"""Headers that every answer has, and answers to browsers that ask before they send.

Source: HTTP APIs, 1.5 and 1.6.
"""

from collections.abc import Iterable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from stepwell.api.body import Headers, headers_of
from stepwell.api.responses import EMPTY, Header, send_answer
from stepwell.api.services import ServerKind

__all__ = ["CommonHeaders", "CrossOrigin"]

_METHODS: Final = frozenset({b"GET", b"POST", b"PUT", b"DELETE", b"OPTIONS"})
_PREFLIGHT_AGE_S: Final = b"3600"
_PREFLIGHT_VARY: Final = b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers"
_EXPOSED: Final[Header] = (b"access-control-expose-headers", b"Link, Mcp-Session-Id")


class CommonHeaders:
    """The headers that every answer has."""

    def __init__(self, server_kind: ServerKind) -> None:
        self._always: tuple[Header, ...] = (
            (b"x-inngest-server-kind", server_kind.encode()),
            (b"vary", b"Origin"),
        )

    def answering(self, request: Headers) -> tuple[Header, ...]:
        """The headers for the answer to a request."""
        origin = request.get(b"origin")
        if origin is None:
            return self._always
        return (*self._always, (b"access-control-allow-origin", origin), _EXPOSED)


class CrossOrigin:
    """Lets pages of every origin call the API, without cookies."""

    def __init__(self, app: ASGIApp, common: CommonHeaders) -> None:
        self._app = app
        self._common = common

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = headers_of(scope)
        if scope["method"] == "OPTIONS" and b"access-control-request-method" in request:
            await send_answer(send, 200, EMPTY, headers=_preflight(request))
            return
        common = self._common.answering(request)

        async def with_common(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = _joined(message.get("headers", ()), common)
            await send(message)

        await self._app(scope, receive, with_common)


def _joined(own: Iterable[Header], common: Iterable[Header]) -> list[Header]:
    """Both, with what the answer varies by in one header."""
    varying = [value for name, value in own if name == b"vary"]
    if not varying:
        return [*own, *common]
    headers = [each for each in (*own, *common) if each[0] != b"vary"]
    return [*headers, (b"vary", b", ".join([b"Origin", *varying]))]


def _preflight(request: Headers) -> list[Header]:
    headers = [(b"vary", _PREFLIGHT_VARY)]
    origin = request.get(b"origin")
    method = request[b"access-control-request-method"].upper()
    if origin is None or method not in _METHODS:
        # Without permission in the answer, the browser does not send the request.
        return headers
    headers.append((b"access-control-allow-origin", origin))
    headers.append((b"access-control-allow-methods", method))
    if asked := request.get(b"access-control-request-headers"):
        headers.append((b"access-control-allow-headers", asked))
    headers.append((b"access-control-max-age", _PREFLIGHT_AGE_S))
    return headers
