"""Who may do what: event keys for sending events, the signing key for everything else.

Source: HTTP APIs, 1.3 and 2.
"""

import hmac
from collections.abc import Collection
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from stepwell.api.body import Headers, header, headers_of
from stepwell.api.checkpoint import is_output_path
from stepwell.api.origins import is_foreign, is_same_origin
from stepwell.api.responses import TEXT, send_answer
from stepwell.api.services import ServerKind
from stepwell.api.sessions import Sessions
from stepwell.api.sign_in import PATH as SIGN_IN_PATH
from stepwell.api.sockets import refuse_socket
from stepwell.wire.signing import SigningKey, bearer_is_valid

__all__ = ["EventKeys", "SigningKeyGuard", "needs_signing_key"]

#: First segments of the paths that need the signing key, whether there is a route or not.
_PROTECTED: Final = frozenset({"api", "dev", "fn", "v0", "v1", "v2"})
#: What the dashboard asks for.
_DASHBOARD_API: Final = "/v0/"
_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_UNAUTHENTICATED: Final = b"Authentication failed\n"


def needs_signing_key(path: str, server_kind: ServerKind) -> bool:
    """Whether a server that has a signing key asks for it; in production also for `/invoke`.

    `/invoke` starts any function with any data.
    """
    first = path[1:].partition("/")[0]
    if first == "invoke":
        return server_kind != "dev"
    # Who signs in has no session yet. The output of a run needs the run's own token instead, because
    # browsers are sent there.
    return first in _PROTECTED and path != SIGN_IN_PATH and not is_output_path(path)


class EventKeys:
    """The keys with which events may be sent."""

    def __init__(self, keys: Collection[str] | None) -> None:
        self._keys = None if keys is None else [key.encode() for key in keys]

    def accept(self, key: str) -> bool:
        """Whether events may be sent with this key.

        How long that takes does not depend on how much of the key is right, nor on which it is.
        """
        if self._keys is None:
            return True
        presented = key.encode("utf-8", "replace")
        is_known = False
        for known in self._keys:
            is_known |= hmac.compare_digest(presented, known)
        return is_known


class SigningKeyGuard:
    """Lets requests to protected paths pass only with the signing key as bearer token.

    What the dashboard asks for may come with a session instead.
    """

    def __init__(
        self, app: ASGIApp, key: SigningKey, server_kind: ServerKind, sessions: Sessions | None
    ) -> None:
        """Guard an application.

        Args:
            app: What is guarded.
            key: The signing key.
            server_kind: Decides on what needs it.
            sessions: None if nobody can sign in.
        """
        self._app = app
        self._key = key
        self._server_kind = server_kind
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan" and needs_signing_key(scope["path"], self._server_kind):
            headers = headers_of(scope)
            authorization = header(headers, b"authorization")
            if not bearer_is_valid(authorization, self._key) and not self._has_session(
                scope, headers
            ):
                await _refuse(scope, send)
                return
        await self._app(scope, receive, send)

    def _has_session(self, scope: Scope, headers: Headers) -> bool:
        if self._sessions is None or not scope["path"].startswith(_DASHBOARD_API):
            return False
        # A browser adds its cookie to whatever a page asks for, so the page must be one of ours.
        if scope["type"] == "http" and scope["method"] not in _SAFE_METHODS:
            is_ours = is_same_origin(headers)
        else:
            is_ours = not is_foreign(headers)
        return is_ours and self._sessions.admit(headers)


async def _refuse(scope: Scope, send: Send) -> None:
    if scope["type"] == "websocket":
        await refuse_socket(scope, send, 401, _UNAUTHENTICATED)
    else:
        await send_answer(send, 401, _UNAUTHENTICATED, headers=(TEXT,))
