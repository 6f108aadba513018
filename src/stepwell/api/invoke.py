"""`POST /invoke/{slug}`: start one function by hand.

Source: HTTP APIs, 4.
"""

import re
from typing import Any, Final
from urllib.parse import unquote

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.body import header, headers_of, read_body
from stepwell.api.errors import send_error
from stepwell.api.event_api import EventTime
from stepwell.api.openapi import (
    Body,
    Declaration,
    DeclarationTable,
    Link,
    Tag,
    Unlisted,
    json,
    refused,
)
from stepwell.api.responses import send_json
from stepwell.api.services import ApiServices, RouteTable
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID
from stepwell.wire.events import AcceptedEvent, EventInvalid, invocation_event
from stepwell.wire.ulid import parse_event_id_seed

__all__ = ["DECLARATIONS", "InvokeEndpoint"]

_BROKEN_ESCAPE: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")


class Invocation(msgspec.Struct, frozen=True):
    """What a function is to be started with."""

    data: dict[str, Any] | None = None
    user: dict[str, Any] | None = None
    id: str = ""
    ts: EventTime = 0


class InvokedAnswer(msgspec.Struct, frozen=True):
    """That the invocation is on disk.

    Attributes:
        id: The server's id of the event with which the function is started.
    """

    id: str
    status: int = 200


DECLARATIONS: Final[DeclarationTable] = {
    "/invoke": {"POST": Unlisted("says that the function is missing in the path")},
    "/invoke/{slug:path}": {
        "POST": Declaration(
            "invokeFunction",
            "Start one function",
            Tag.FUNCTIONS,
            text="Whether there is such a function is not checked. "
            "The path is decoded once more than others.",
            body=Body(Invocation),
            answers=(
                json(InvokedAnswer),
                refused(
                    400,
                    "Function slug is required",
                    "Unable to decode function slug",
                    "Unable to read post data request",
                    "Invalid invocation event: …",
                ),
            ),
            links=(
                Link("getEvent", "event_id", "/id"),
                Link("getRunsOfEvent", "event_id", "/id"),
            ),
        )
    },
}


class InvokeEndpoint:
    """Answers 200 when the invocation is durable, whether or not there is such a function."""

    def __init__(self, services: ApiServices, *, bytes_max: int) -> None:
        self._intake = services.intake
        self._ids = services.ids
        self._clock = services.clock
        self._bytes_max = bytes_max

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {"/invoke": {"POST": self}, "/invoke/{slug:path}": {"POST": self}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        slug = _decoded(scope["path_params"].get("slug", ""))
        if slug is None:
            await send_error(send, 400, "Unable to decode function slug")
            return
        if not slug:
            await send_error(send, 400, "Function slug is required")
            return
        headers = headers_of(scope)
        body = await read_body(headers, receive, bytes_max=self._bytes_max)
        seed = parse_event_id_seed(header(headers, b"x-inngest-event-id-seed"))
        now_ms = self._clock.now_ms()
        internal_id = self._ids.ulid(now_ms) if seed is None else seed.ulid(0)
        try:
            event = invocation_event(
                body, function_slug=slug, received_ms=now_ms, internal_id=internal_id
            )
        except EventInvalid as invalid:
            await send_error(send, 400, str(invalid))
            return
        accepted = AcceptedEvent(internal_id, now_ms, event, event.payload())
        await self._intake.accept(DEFAULT_ENVIRONMENT_ID, [accepted], seeded=seed is not None)
        await send_json(send, 200, InvokedAnswer(internal_id))


def _decoded(slug: str) -> str | None:
    """The slug after its second decoding; the first one is the HTTP server's. None if it cannot be.

    The dashboard escapes the slug before it puts it into the path, where it is escaped once more.
    """
    if _BROKEN_ESCAPE.search(slug):
        return None
    try:
        return unquote(slug, errors="strict")
    except UnicodeDecodeError:
        return None
