"""`/v1/operator-token`: another operator token in place of the one that holds."""

from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.openapi import Declaration, DeclarationTable, Tag, json, refused, text_of
from stepwell.api.operators import HeldToken
from stepwell.api.responses import JSON, Header, encode_json, send_answer
from stepwell.api.routing import send_not_found
from stepwell.api.services import RouteTable

__all__ = ["DECLARATIONS", "TokenReplacement"]

_PATH: Final = "/v1/operator-token"
_KEEP_NOTHING: Final[Header] = (b"cache-control", b"no-store")


class NewToken(msgspec.Struct, frozen=True):
    """A new operator token.

    Attributes:
        token: Told now and never again.
    """

    token: str


DECLARATIONS: Final[DeclarationTable] = {
    _PATH: {
        "POST": Declaration(
            "replaceOperatorToken",
            "Replace the operator token",
            Tag.SERVER,
            text="The old one and all sessions end at once, with other processes on the same "
            "database within two seconds.",
            answers=(
                json(NewToken),
                text_of("text/plain", "In development, where nobody needs one", status=404),
                refused(409, "The token is given by a setting, and is changed there (SW1024)"),
            ),
        )
    }
}


class TokenReplacement:
    """Answers when the new token holds, durably.

    Args:
        token: What is replaced; None where there is none.
    """

    def __init__(self, token: HeldToken | None) -> None:
        self._token = token

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {_PATH: {"POST": self}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._token is None:
            await send_not_found(scope, receive, send)
            return
        made = NewToken(await self._token.replace())
        await send_answer(send, 200, encode_json(made), headers=(JSON, _KEEP_NOTHING))
