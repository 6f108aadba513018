"""`GET /v0/changes`: what changes, as server-sent events, so that nobody has to poll."""

from typing import Final

from starlette.types import Receive, Scope, Send

from stepwell.api.change_notices import NO_ROOM, Notice, notices, until_gone, watched_runs
from stepwell.api.errors import send_error
from stepwell.api.openapi import (
    Declaration,
    DeclarationTable,
    Parameter,
    Tag,
    UlidInPath,
    refused,
    text_of,
)
from stepwell.api.responses import Header, encode_json
from stepwell.api.services import RouteTable
from stepwell.core.identity import RunId
from stepwell.engine.changes import ChangeFeed, Subscription

__all__ = ["DECLARATIONS", "ChangesEndpoint"]

#: How long nothing is sent at most; proxies close silent connections.
_SILENCE_S: Final = 15.0

_HEADERS: Final[tuple[Header, ...]] = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    # Tells nginx not to gather the stream.
    (b"x-accel-buffering", b"no"),
)
#: Browsers connect again after so many milliseconds.
_HELLO: Final = b"retry: 1000\nevent: hello\ndata: {}\n\n"
_ALIVE: Final = b": alive\n\n"

DECLARATIONS: Final[DeclarationTable] = {
    "/v0/changes": {
        "GET": Declaration(
            "watchChanges",
            "Be told what changes",
            Tag.SERVER,
            text="A stream of server-sent events that begins with `hello`. Each `changes` names the "
            "runs, with their functions, and the events that changed, and says whether apps did. "
            "`cut` is true if there were more than are named.",
            parameters=(Parameter("run", UlidInPath, "Only this run; may be repeated"),),
            answers=(
                text_of("text/event-stream", "Server-sent events"),
                refused(400, "Invalid run ID: …"),
                refused(503, "Too many streams are open"),
            ),
            is_endless=True,
        )
    }
}


class ChangesEndpoint:
    """Streams until the client goes or the server stops."""

    def __init__(self, feed: ChangeFeed) -> None:
        self._feed = feed

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {"/v0/changes": {"GET": self}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        watched = watched_runs(scope["query_string"])
        if isinstance(watched, str):
            await send_error(send, 400, watched)
            return
        if not self._feed.has_room:
            await send_error(send, 503, NO_ROOM)
            return
        with self._feed.subscribe() as subscription:
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            await until_gone(receive, _stream(send, subscription, watched))


async def _stream(send: Send, subscription: Subscription, watched: frozenset[RunId]) -> None:
    await _send_part(send, _HELLO)
    async for notice in notices(subscription, watched, silence_s=_SILENCE_S):
        await _send_part(send, _ALIVE if notice is None else _event(notice))
    await send({"type": "http.response.body", "body": b""})


async def _send_part(send: Send, part: bytes) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": True})


def _event(notice: Notice) -> bytes:
    return b"event: changes\ndata: %b\n\n" % encode_json(notice)
