"""`/v0/changes` as a WebSocket, for the dashboard.

Browsers keep at most six connections of HTTP/1.1 to a server, so that in the sixth tab with a stream
of server-sent events nothing would load. Sockets do not count.
"""

from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.body import headers_of
from stepwell.api.change_notices import NO_ROOM, Notice, notices, until_gone, watched_runs
from stepwell.api.origins import is_foreign
from stepwell.api.responses import encode_json
from stepwell.api.services import SocketTable
from stepwell.api.sockets import refuse_socket
from stepwell.core.identity import RunId
from stepwell.engine.changes import ChangeFeed, Subscription

__all__ = ["ChangesSocket"]


class _Message(Notice, frozen=True, tag="changes"):
    """A notice, told from other messages by its type."""


_HELLO: Final = '{"type":"hello"}'
_GOING_AWAY: Final = 1001


class ChangesSocket:
    """Tells what `GET /v0/changes` tells, each message as JSON with a `type`.

    What the client sends is read and forgotten; the HTTP server bounds its size.
    """

    def __init__(self, feed: ChangeFeed) -> None:
        self._feed = feed

    def sockets(self) -> SocketTable:
        """Where it is mounted."""
        return {"/v0/changes": self}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Any page may open a socket to any server, and the browser adds its cookies.
        if is_foreign(headers_of(scope)):
            await refuse_socket(scope, send, 403, b"Only pages of this server may watch\n")
            return
        watched = watched_runs(scope["query_string"])
        if isinstance(watched, str):
            await refuse_socket(scope, send, 400, f"{watched}\n".encode())
            return
        if not self._feed.has_room:
            await refuse_socket(scope, send, 503, f"{NO_ROOM}\n".encode())
            return
        with self._feed.subscribe() as subscription:
            await send({"type": "websocket.accept"})
            await until_gone(receive, _stream(send, subscription, watched))


async def _stream(send: Send, subscription: Subscription, watched: frozenset[RunId]) -> None:
    await send({"type": "websocket.send", "text": _HELLO})
    async for notice in notices(subscription, watched):
        assert notice is not None, "signs of life are the business of the HTTP server"
        await send({"type": "websocket.send", "text": _text(notice)})
    await send({"type": "websocket.close", "code": _GOING_AWAY})


def _text(notice: Notice) -> str:
    return encode_json(_Message(*msgspec.structs.astuple(notice))).decode()
