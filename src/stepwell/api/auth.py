"""Who may do what: event keys for sending events, other keys and tokens for everything else.

Source: HTTP APIs, 1.3 and 2.
"""

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from stepwell.api.access import Access, access_of
from stepwell.api.body import Headers, header, headers_of
from stepwell.api.errors import send_error
from stepwell.api.operators import HeldToken
from stepwell.api.origins import is_foreign, is_same_origin
from stepwell.api.responses import TEXT, send_answer
from stepwell.api.sessions import Sessions
from stepwell.api.sockets import refuse_socket
from stepwell.core.access_token import TokenHash
from stepwell.wire.errors import CallerError
from stepwell.wire.signing import SigningKey, bearer_is_valid

__all__ = ["EventKeys", "Guard", "Proofs"]

_SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_UNAUTHENTICATED: Final = b"Authentication failed\n"
_BEARER: Final = "bearer "


class OperatorNeeded(CallerError):
    """Somebody has proved to be an app, and asks for what only operators may."""

    code = "SW1023"
    status = 403

    def __init__(self) -> None:
        super().__init__("this needs the operator token; the signing key does not do")


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Proofs:
    """What requests can be accepted for.

    Attributes:
        signing_key: Of the apps.
        operator: Of those who run the server.
        metrics: Of what collects numbers; None if it has no token of its own.
        sessions: Of people who have signed in; None if nobody can.
    """

    signing_key: SigningKey
    operator: HeldToken
    metrics: TokenHash | None
    sessions: Sessions | None


class Guard:
    """Lets requests pass that come with what their path asks for, as bearer token.

    A session does for whatever the operator token does, from pages of ours.
    """

    def __init__(self, app: ASGIApp, proofs: Proofs) -> None:
        self._app = app
        self._proofs = proofs

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        access = Access.OPEN if scope["type"] == "lifespan" else access_of(scope["path"])
        if access:
            headers = headers_of(scope)
            if not await self._may_pass(access, scope, headers):
                is_app = bearer_is_valid(_authorization(headers), self._proofs.signing_key)
                await _refuse(scope, send, is_app=is_app)
                return
        await self._app(scope, receive, send)

    async def _may_pass(self, access: Access, scope: Scope, headers: Headers) -> bool:
        proofs = self._proofs
        authorization = _authorization(headers)
        if Access.SIGNING_KEY in access and bearer_is_valid(authorization, proofs.signing_key):
            return True
        token = _bearer(authorization)
        if (
            Access.METRICS in access
            and proofs.metrics is not None
            and proofs.metrics.matches(token)
        ):
            return True
        if Access.OPERATOR not in access:
            return False
        if token and (await proofs.operator.current()).matches(token):
            return True
        return await self._has_session(scope, headers)

    async def _has_session(self, scope: Scope, headers: Headers) -> bool:
        if self._proofs.sessions is None:
            return False
        # A browser adds its cookie to whatever a page asks for, so the page must be one of ours.
        if scope["type"] == "http" and scope["method"] not in _SAFE_METHODS:
            is_ours = is_same_origin(headers)
        else:
            is_ours = not is_foreign(headers)
        return is_ours and await self._proofs.sessions.admit(headers)


def _authorization(headers: Headers) -> str | None:
    return header(headers, b"authorization")


def _bearer(authorization: str | None) -> str:
    """The token, or "" if there is none."""
    if authorization is None or authorization[: len(_BEARER)].lower() != _BEARER:
        return ""
    return authorization[len(_BEARER) :]


async def _refuse(scope: Scope, send: Send, *, is_app: bool) -> None:
    needed = OperatorNeeded()
    if scope["type"] == "websocket":
        status, text = (
            (needed.status, f"{needed}\n".encode()) if is_app else (401, _UNAUTHENTICATED)
        )
        await refuse_socket(scope, send, status, text)
    elif is_app:
        await send_error(send, needed.status, str(needed), code=needed.code)
    else:
        await send_answer(send, 401, _UNAUTHENTICATED, headers=(TEXT,))
