"""`GET /v0/changes`: what changes, as server-sent events, so that nobody has to poll.

The stream names what changed; what it is now is asked for where it is shown. Changes are gathered
for a moment, so that a busy server sends a few messages a second and not one per commit.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec
from starlette.types import Receive, Scope, Send

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
from stepwell.engine.changes import SUBSCRIBERS_MAX, ChangeFeed, Changes, Subscription
from stepwell.wire.ulid import is_ulid

__all__ = ["DECLARATIONS", "ChangesEndpoint"]

#: How long changes are gathered before they are sent.
GATHERED_S: Final = 0.2
#: How long nothing is sent at most; proxies close silent connections.
SILENCE_S: Final = 15.0
_RUNS_WATCHED_MAX: Final = 100
_QUERY_CHARS_MAX: Final = 8 * 1024

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
        watched = _watched(scope)
        if isinstance(watched, str):
            await send_error(send, 400, watched)
            return
        if not self._feed.has_room:
            message = f"Too many streams are open; there may be {SUBSCRIBERS_MAX}"
            await send_error(send, 503, message)
            return
        with self._feed.subscribe() as subscription:
            await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
            if scope["method"] == "HEAD":
                await send({"type": "http.response.body", "body": b""})
                return
            await _until_gone(receive, _stream(send, subscription, watched))


async def _stream(send: Send, subscription: Subscription, watched: frozenset[RunId]) -> None:
    await _send_part(send, _HELLO)
    async for part in _parts(subscription, watched):
        await _send_part(send, part)
    await send({"type": "http.response.body", "body": b""})


async def _parts(subscription: Subscription, watched: frozenset[RunId]) -> AsyncIterator[bytes]:
    """Messages, and signs of life between them."""
    while not subscription.is_closed:
        try:
            async with asyncio.timeout(SILENCE_S):
                await subscription.changed()
        except TimeoutError:
            yield _ALIVE
            continue
        message = _message(subscription.take(), watched)
        if message is not None:
            yield message
            await asyncio.sleep(GATHERED_S)


async def _until_gone(receive: Receive, streaming: Any) -> None:
    """Stream until the client closes the connection."""
    stream = asyncio.create_task(streaming)
    gone = asyncio.create_task(_gone(receive))
    try:
        await asyncio.wait((stream, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (stream, gone):
            task.cancel()
        for task in (stream, gone):
            with suppress(asyncio.CancelledError):
                await task


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _send_part(send: Send, part: bytes) -> None:
    await send({"type": "http.response.body", "body": part, "more_body": True})


def _message(changes: Changes, watched: frozenset[RunId]) -> bytes | None:
    """What is sent of the changes; None if nothing of it is watched."""
    if watched:
        runs = {run_id: changes.runs[run_id] for run_id in watched & changes.runs.keys()}
        if not runs and not changes.is_cut:
            return None
        changes = msgspec.structs.replace(changes, runs=runs, events=[], apps=False)
    data = {
        "runs": changes.runs,
        "events": changes.events,
        "apps": changes.apps,
        "cut": changes.is_cut,
    }
    return b"event: changes\ndata: %b\n\n" % encode_json(data)


def _watched(scope: Scope) -> frozenset[RunId] | str:
    """The runs that are asked for, none for all; or what is wrong."""
    query: bytes = scope["query_string"]
    if len(query) > _QUERY_CHARS_MAX:
        return "The query is too long"
    ids = parse_qs(query.decode("latin-1")).get("run", [])
    if len(ids) > _RUNS_WATCHED_MAX:
        return f"At most {_RUNS_WATCHED_MAX} runs may be named"
    for text in ids:
        if not is_ulid(text):
            return f"Invalid run ID: {text}"
    return frozenset(RunId(text.upper()) for text in ids)
