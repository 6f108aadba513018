"""`POST /e/{key}`: where events come in. The hottest path of the API, so it stands alone.

It is reached without router and middleware, and does itself what they do for all others.

Source: HTTP APIs, 3.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta
from starlette.types import Receive, Scope, Send

from stepwell.api.auth import EventKeys
from stepwell.api.body import Headers, header, read_body
from stepwell.api.cors import CommonHeaders
from stepwell.api.errors import ClientGone, failure_of
from stepwell.api.openapi import (
    Body,
    Declaration,
    DeclarationTable,
    Link,
    Parameter,
    Tag,
    Unlisted,
    json,
    refused,
)
from stepwell.api.responses import JSON, Header, encode_json, send_answer
from stepwell.api.services import ApiServices
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID
from stepwell.wire.events import TS_MAX_MS, TS_MIN_MS, parse_events
from stepwell.wire.ulid import EventIdSeed, parse_event_id_seed

__all__ = ["DECLARATIONS", "EventEndpoint", "EventTime"]

_PREFIX: Final = "/e/"
_KEY_UNKNOWN: Final = b'{"status":401,"message":"","error":"Event key not found"}'
_KEY_MISSING: Final = b'{"status":401,"message":"","error":"Event key is required"}'


class EventsAnswer(msgspec.Struct, frozen=True):
    """What became of the events of a request.

    Attributes:
        ids: The server's ids of those that were accepted, in their order; one empty text when an
            event was bad and none was accepted.
        status: The HTTP status.
        error: What is wrong with the event after those.
        code: Of an error that has a page in the documentation.
    """

    ids: list[str]
    status: int
    error: str | msgspec.UnsetType = msgspec.UNSET
    code: str | msgspec.UnsetType = msgspec.UNSET


class EventKeyRefusal(msgspec.Struct, frozen=True):
    """Why events were not taken from this sender."""

    status: int
    message: str
    error: str


#: Milliseconds since 1970 as senders of events may tell them; 0 stands for now.
EventTime = Annotated[
    int,
    Meta(extra_json_schema={"anyOf": [{"const": 0}, {"minimum": TS_MIN_MS, "maximum": TS_MAX_MS}]}),
]


class SentEvent(msgspec.Struct, frozen=True, kw_only=True):
    """An event, as it is sent.

    Attributes:
        name: Not empty, and not beginning with `inngest/`.
        data: What it is about.
        id: Chosen by the sender; a function runs once for each in 24 hours.
        ts: Milliseconds since 1970, from 1980 to 2100; a later time delays the runs.
        user: For older SDKs.
        meta: Sessions.
        v: Version of the event's shape.
    """

    name: Annotated[str, Meta(min_length=1)]
    data: dict[str, Any] | None = None
    id: str = ""
    ts: EventTime = 0
    user: dict[str, Any] | None = None
    meta: dict[str, Any] | None = None
    v: str = ""


DECLARATIONS: Final[DeclarationTable] = {
    "/e": {"POST": Unlisted("only there so that other methods are answered with 405")},
    "/e/{key:path}": {
        "POST": Declaration(
            "sendEvents",
            "Send events",
            Tag.EVENTS,
            text="Answers when the events, and the runs they start, are on disk.",
            parameters=(
                Parameter("key", str, "An event key", place="path", is_required=True),
                Parameter(
                    "x-inngest-event-id-seed",
                    str,
                    "`<ms>,<base64 of 10 bytes>`: makes the ids repeatable, so that a request that "
                    "is sent again starts no run twice",
                    place="header",
                ),
            ),
            body=Body(SentEvent | list[SentEvent], "One event or up to 5,000"),
            answers=(
                json(EventsAnswer),
                refused(400, "An event is bad; those before it are accepted", kind=EventsAnswer),
                refused(401, "Event key not found", kind=EventKeyRefusal),
            ),
            links=(
                Link("getEvent", "event_id", "/ids/0"),
                Link("getRunsOfEvent", "event_id", "/ids/0"),
                Link("getOutcomesOfEvent", "event_id", "/ids/0"),
            ),
            refusal=EventsAnswer,
        )
    },
}


class EventEndpoint:
    """Answers 200 only when the events, and the runs they start, are durable."""

    def __init__(
        self, services: ApiServices, keys: EventKeys, common: CommonHeaders, *, bytes_max: int
    ) -> None:
        self._intake = services.intake
        self._ids = services.ids
        self._clock = services.clock
        self._keys = keys
        self._common = common
        self._bytes_max = bytes_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: Headers = dict(scope["headers"])
        common = (JSON, *self._common.answering(headers))
        refusal = self._refusal(scope["path"][len(_PREFIX) :])
        if refusal is not None:
            await send_answer(send, 401, refusal, headers=common)
            return
        more: tuple[Header, ...] = ()
        try:
            answer = await self._accept(headers, receive)
        except ClientGone:
            return
        except Exception as error:  # noqa: BLE001 - whatever it was, it becomes an answer
            failure = failure_of(error)
            more = failure.headers
            code = failure.code or msgspec.UNSET
            answer = EventsAnswer([], failure.status, failure.message, code)
        await send_answer(send, answer.status, encode_json(answer), headers=(*common, *more))

    def _refusal(self, key: str) -> bytes | None:
        if not key:
            return _KEY_MISSING
        return None if self._keys.accept(key) else _KEY_UNKNOWN

    async def _accept(self, headers: Headers, receive: Receive) -> EventsAnswer:
        body = await read_body(headers, receive, bytes_max=self._bytes_max)
        now_ms = self._clock.now_ms()
        seed = parse_event_id_seed(header(headers, b"x-inngest-event-id-seed"))
        parsed = parse_events(
            body,
            content_type=header(headers, b"content-type") or "",
            received_ms=now_ms,
            internal_ids=self._internal_ids(seed, now_ms),
        )
        if parsed.accepted:
            await self._intake.accept(
                DEFAULT_ENVIRONMENT_ID, parsed.accepted, seeded=seed is not None
            )
        ids = [accepted.internal_id for accepted in parsed.accepted]
        if parsed.error is None:
            return EventsAnswer(ids, 200)
        # SDKs expect partial success: events before a bad one are kept and their ids returned.
        return EventsAnswer(ids or [""], 400, parsed.error)

    def _internal_ids(self, seed: EventIdSeed | None, now_ms: int) -> Callable[[int], str]:
        if seed is not None:
            return seed.ulid
        new = self._ids.ulid
        return lambda _position: new(now_ms)
