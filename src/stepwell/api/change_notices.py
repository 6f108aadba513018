"""What those who watch are told of changes, whichever way it reaches them.

A notice names what changed; what it is now is asked for where it is shown. Changes are gathered for
a moment, so that a busy server sends a few notices a second and not one per commit.
"""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import suppress
from typing import Any, Final
from urllib.parse import parse_qs

import msgspec
from starlette.types import Receive

from stepwell.core.identity import EventId, FunctionId, RunId
from stepwell.engine.changes import SUBSCRIBERS_MAX, Changes, Subscription
from stepwell.wire.ulid import is_ulid

__all__ = ["NO_ROOM", "Notice", "notices", "until_gone", "watched_runs"]

#: How long changes are gathered before they are sent.
GATHERED_S: Final = 0.2
NO_ROOM: Final = f"Too many streams are open; there may be {SUBSCRIBERS_MAX}"
_RUNS_WATCHED_MAX: Final = 100
_QUERY_CHARS_MAX: Final = 8 * 1024


class Notice(msgspec.Struct, frozen=True, rename={"is_cut": "cut"}):
    """What changed since the last one.

    Attributes:
        runs: Runs, and their functions as far as they are known.
        events: Events that were accepted.
        apps: Whether apps or functions changed.
        is_cut: Whether there were more than are named.
    """

    runs: dict[RunId, FunctionId]
    events: list[EventId]
    apps: bool
    is_cut: bool


async def notices(
    subscription: Subscription, watched: frozenset[RunId], *, silence_s: float | None = None
) -> AsyncIterator[Notice | None]:
    """Notices until the server stops.

    Args:
        subscription: Where changes are gathered.
        watched: The runs that matter; none for everything.
        silence_s: After so long without a notice there is a None, as a sign of life.
    """
    while not subscription.is_closed:
        try:
            async with asyncio.timeout(silence_s):
                await subscription.changed()
        except TimeoutError:
            yield None
            continue
        notice = _notice(subscription.take(), watched)
        if notice is not None:
            yield notice
            with suppress(TimeoutError):
                async with asyncio.timeout(GATHERED_S):
                    await subscription.ended()


async def until_gone(receive: Receive, streaming: Coroutine[Any, Any, None]) -> None:
    """Stream until the client closes the connection; what it sends is ignored."""
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


def watched_runs(query: bytes) -> frozenset[RunId] | str:
    """The runs that a query string asks for, none for all; or what is wrong with it."""
    if len(query) > _QUERY_CHARS_MAX:
        return "The query is too long"
    ids = parse_qs(query.decode("latin-1")).get("run", [])
    if len(ids) > _RUNS_WATCHED_MAX:
        return f"At most {_RUNS_WATCHED_MAX} runs may be named"
    for text in ids:
        if not is_ulid(text):
            return f"Invalid run ID: {text}"
    return frozenset(RunId(text.upper()) for text in ids)


def _notice(changes: Changes, watched: frozenset[RunId]) -> Notice | None:
    """What is told of the changes; None if there is nothing in them, or nothing that is watched."""
    notice = Notice(changes.runs, changes.events, changes.apps, changes.is_cut)
    if watched:
        runs = {run_id: changes.runs[run_id] for run_id in watched & changes.runs.keys()}
        notice = Notice(runs, [], apps=False, is_cut=changes.is_cut)
    return notice if notice.runs or notice.events or notice.apps or notice.is_cut else None


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] not in {"http.disconnect", "websocket.disconnect"}:
        pass
