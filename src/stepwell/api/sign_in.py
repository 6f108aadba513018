"""`/v0/session`: signing in to the dashboard of a server in production, and out again.

A browser that follows a link from another site comes without its cookie, and the page it gets cannot
know of the session. So pages can ask.
"""

from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.access import SIGN_IN_PATH
from stepwell.api.body import Headers, headers_of, read_body
from stepwell.api.errors import send_error
from stepwell.api.openapi import Body, Declaration, DeclarationTable, Tag, json, refused, text_of
from stepwell.api.operators import HeldToken
from stepwell.api.origins import is_same_origin
from stepwell.api.responses import JSON, Header, encode_json, send_answer
from stepwell.api.routing import send_not_found
from stepwell.api.services import RouteTable
from stepwell.api.sessions import FailedAttempts, Sessions
from stepwell.wire.errors import CallerError

__all__ = ["DECLARATIONS", "SignIn", "SignInAbsent"]

_BODY_BYTES_MAX: Final = 4 * 1024


class TokenWrong(CallerError):
    """Somebody tried to sign in with something that is not the operator token."""

    code = "SW1020"
    status = 401

    def __init__(self) -> None:
        super().__init__("the operator token is wrong")


class TooManyAttempts(CallerError):
    """Too many wrong tokens were tried, so nobody can sign in for a moment.

    Attributes:
        pause_s: How long.
    """

    code = "SW1021"
    status = 429

    def __init__(self, pause_s: int) -> None:
        super().__init__(f"too many wrong tokens were tried; try again in {pause_s} s")
        self.pause_s = pause_s


class NotOurPage(CallerError):
    """A request that only pages of the dashboard may make came from somewhere else."""

    code = "SW1022"
    status = 403

    def __init__(self) -> None:
        super().__init__(
            "only pages of this server may do that; a proxy in front of it must pass the header Host"
        )


class Credentials(msgspec.Struct, frozen=True):
    """What one signs in with.

    Attributes:
        token: The operator token.
    """

    token: str


class SessionState(msgspec.Struct, frozen=True, rename={"is_signed_in": "signedIn"}):
    """Whether there is a session now.

    Attributes:
        is_signed_in: Whether there is.
    """

    is_signed_in: bool


_CREDENTIALS: Final = msgspec.json.Decoder(Credentials)
_FOREIGN: Final = refused(403, "Only pages of this server may do that (SW1022)")
_ABSENT: Final = text_of("text/plain", "In development, where nobody signs in", status=404)

DECLARATIONS: Final[DeclarationTable] = {
    SIGN_IN_PATH: {
        "GET": Declaration(
            "getSession",
            "Say who is signed in to the dashboard",
            Tag.SERVER,
            answers=(json(SessionState), _ABSENT),
        ),
        "POST": Declaration(
            "signIn",
            "Sign in to the dashboard",
            Tag.SERVER,
            text="The answer sets a cookie that holds for twelve hours. It is accepted in place of "
            "the operator token, from pages of this server only.",
            body=Body(Credentials),
            answers=(
                json(SessionState),
                refused(400, "The body is not as described"),
                refused(401, "The token is wrong (SW1020)"),
                _FOREIGN,
                _ABSENT,
                refused(429, "Too many wrong tokens were tried (SW1021); see `Retry-After`"),
            ),
        ),
        "DELETE": Declaration(
            "signOut",
            "Sign out of the dashboard",
            Tag.SERVER,
            text="The browser forgets its cookie. Replace the operator token to end all sessions.",
            answers=(json(SessionState), _FOREIGN, _ABSENT),
        ),
    }
}


class SignIn:
    """Exchanges the operator token for a session."""

    def __init__(self, token: HeldToken, sessions: Sessions, failed: FailedAttempts) -> None:
        self._token = token
        self._sessions = sessions
        self._failed = failed

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {SIGN_IN_PATH: {"GET": self.get, "POST": self.post, "DELETE": self.delete}}

    async def get(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Say whether the request comes with a session."""
        await _send_state(send, is_signed_in=await self._sessions.admit(headers_of(scope)))

    async def post(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sign in."""
        headers = _of_our_page(scope)
        body = await read_body(headers, receive, bytes_max=_BODY_BYTES_MAX)
        try:
            credentials = _CREDENTIALS.decode(body)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            # What is wrong is not told, because it may quote the token.
            await send_error(send, 400, 'the body must be JSON such as {"token": "…"}')
            return
        token = await self._token.current()
        # Nothing is waited for from here on, so that those who try at the same time are all counted.
        if pause_s := self._failed.pause_s():
            error = TooManyAttempts(pause_s)
            retry_after = (b"retry-after", b"%d" % pause_s)
            await send_error(send, 429, str(error), code=error.code, headers=(retry_after,))
            return
        if not token.matches(credentials.token):
            self._failed.add()
            raise TokenWrong
        cookie = self._sessions.begin(token, is_secure=_is_secure(scope, headers))
        await _send_state(send, (b"set-cookie", cookie), is_signed_in=True)

    async def delete(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Sign out."""
        headers = _of_our_page(scope)
        cookie = self._sessions.end(is_secure=_is_secure(scope, headers))
        await _send_state(send, (b"set-cookie", cookie), is_signed_in=False)


class SignInAbsent:
    """What a server answers that lets everybody in."""

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {SIGN_IN_PATH: dict.fromkeys(("GET", "POST", "DELETE"), send_not_found)}


def _of_our_page(scope: Scope) -> Headers:
    headers = headers_of(scope)
    if not is_same_origin(headers):
        raise NotOurPage
    return headers


def _is_secure(scope: Scope, headers: Headers) -> bool:
    """Whether the browser's connection is encrypted, as far as anybody says.

    Whoever claims so without need only keeps the browser from sending the cookie.
    """
    forwarded = headers.get(b"x-forwarded-proto", b"").partition(b",")[0].strip().lower()
    origin = headers.get(b"origin", b"").lower()
    return scope.get("scheme") == "https" or forwarded == b"https" or origin.startswith(b"https:")


async def _send_state(send: Send, *cookies: Header, is_signed_in: bool) -> None:
    headers = (JSON, *cookies, (b"cache-control", b"no-store"))
    await send_answer(send, 200, encode_json(SessionState(is_signed_in)), headers=headers)
