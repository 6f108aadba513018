"""Sending what a durable endpoint answered, in the name of the server."""

import re
from typing import Final

from starlette.types import Send

from stepwell.api.responses import EMPTY, Header, send_answer
from stepwell.wire.checkpoint import ApiResult

__all__ = ["send_api_result"]

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+")
# What concerns one connection or the bytes on it, what this server says itself, and cookies, which
# would be set for this server.
_DROPPED: Final = frozenset(
    {
        "connection",
        "content-encoding",
        "content-length",
        "date",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "server",
        "set-cookie",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "vary",
    }
)
_DROPPED_PREFIXES: Final = ("access-control-", "x-inngest-")
_WITHOUT_BODY: Final = frozenset({204, 205, 304})
_POLICY: Final = "content-security-policy"
#: A page of the app must not be able to do what a page of this server can.
_SANDBOX: Final = "sandbox allow-downloads allow-forms allow-popups allow-scripts"
_CONTENT_TYPE: Final = "content-type"
_PLAIN: Final = "text/plain; charset=utf-8"


async def send_api_result(send: Send, result: ApiResult) -> None:
    """Send status, headers and body as the endpoint did, as far as that is safe.

    Source: HTTP APIs, 8.5.
    """
    body = EMPTY if result.status in _WITHOUT_BODY else result.body.encode()
    await send_answer(send, result.status, body, headers=_headers(result))


def _headers(result: ApiResult) -> list[Header]:
    kept = {
        name: value
        for name, value in result.headers.items()
        if name not in _DROPPED
        and not name.startswith(_DROPPED_PREFIXES)
        and _TOKEN.fullmatch(name)
        and not _has_controls(value)
    }
    kept.setdefault(_CONTENT_TYPE, _PLAIN)
    own = kept.get(_POLICY)
    kept[_POLICY] = f"{own}, {_SANDBOX}" if own else _SANDBOX
    return [(name.encode(), value.encode()) for name, value in kept.items()]


def _has_controls(value: str) -> bool:
    """Whether the value could add lines of its own, or is not a header's value for other reasons."""
    return any(
        (character < " " and character != "\t") or character == "\x7f" for character in value
    )
