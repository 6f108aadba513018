"""Events. Source: GraphQL, 3.3, 5.4 and 5.5."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from stepwell.api.dates import date_text
from stepwell.api.graphql.answers import Refused
from stepwell.api.graphql.apps import NO_ROWS
from stepwell.api.graphql.binding import Getter, Resolver
from stepwell.api.graphql.request import Request
from stepwell.api.graphql.searching import parsed_query
from stepwell.api.graphql.values import event_id_of, time_ms
from stepwell.core.identity import EventId
from stepwell.core.status import RunStatus
from stepwell.core.transition import StoredEvent
from stepwell.store.views import EventsSearch, RunView
from stepwell.wire.events import Event
from stepwell.wire.ulid import is_ulid

__all__ = ["GETTERS", "INPUTS", "RESOLVERS", "EventsFilter"]

PAGE_DEFAULT: Final = 40
PAGE_MAX: Final = 51
#: Nothing in the compatible API bounds it.
STREAM_MAX: Final = 1_000
_HOUR_MS: Final = 3_600_000
_NAMES_MAX: Final = 100


class EventsFilter(msgspec.Struct, frozen=True):
    """Which events are asked for, as sent."""

    from_: str
    event_names: tuple[str, ...] = ()
    include_internal_events: bool = False
    query: str = ""
    until: str | None = None


class EventsConnection(msgspec.Struct, frozen=True):
    """A page of events."""

    search: EventsSearch
    nodes: Sequence[StoredEvent]
    page_info: dict[str, Any]
    total: tuple[int, bool] | None = None


class _Cursor(msgspec.Struct, frozen=True):
    ID: str


_CURSOR: Final = msgspec.json.Decoder(_Cursor)


def _cursor_text(event_id: EventId) -> str:
    return base64.b64encode(msgspec.json.encode(_Cursor(event_id))).decode()


def _cursor_id(text: str) -> EventId:
    try:
        event_id = _CURSOR.decode(base64.b64decode(text, validate=True)).ID
    except (binascii.Error, ValueError, msgspec.MsgspecError) as error:
        raise Refused(f"error decoding eventsv2 cursor: {error}") from error
    if not is_ulid(event_id):
        raise Refused("error parsing eventsv2 cursor: it does not hold a ULID")
    return EventId(event_id.upper())


def _search(request: Request, filter: EventsFilter) -> EventsSearch:  # noqa: A002
    if len(filter.event_names) > _NAMES_MAX:
        raise Refused(f"eventNames may have at most {_NAMES_MAX} names")
    now_ms = request.now_ms
    from_ms, until_ms = time_ms(filter.from_), time_ms(filter.until)
    return EventsSearch(
        request.services.environment_id,
        PAGE_DEFAULT,
        from_ms=now_ms - _HOUR_MS if from_ms is None else from_ms,
        until_ms=now_ms if until_ms is None else until_ms,
        names=tuple(filter.event_names),
        include_internal=filter.include_internal_events,
        query=parsed_query(filter.query, "error retrieving events"),
    )


async def _events_v2(
    _: Any,
    request: Request,
    *,
    filter: EventsFilter,  # noqa: A002
    first: int,
    after: str | None = None,
) -> EventsConnection:
    search = msgspec.structs.replace(
        _search(request, filter),
        limit=first if 1 <= first <= PAGE_MAX else PAGE_DEFAULT,
        before=_cursor_id(after) if after else None,
    )
    found = await request.services.readers.search_events(search)
    nodes = found.events
    end = found.looked_to if not found.is_complete else None
    if end is None and nodes:
        end = nodes[-1].id
    info = {
        "has_next_page": found.has_next,
        "has_previous_page": after is not None,
        "start_cursor": _cursor_text(nodes[0].id) if nodes else None,
        "end_cursor": _cursor_text(end) if end else None,
    }
    return EventsConnection(msgspec.structs.replace(search, before=None), nodes, info)


async def _total_count(connection: EventsConnection, request: Request) -> int:
    return (await request.services.readers.count_events(connection.search)).runs


async def _total_is_exact(connection: EventsConnection, request: Request) -> bool:
    return (await request.services.readers.count_events(connection.search)).is_exact


async def _event_v2(_: Any, request: Request, *, id: str) -> StoredEvent:  # noqa: A002
    event = await request.events.load(event_id_of(id))
    if event is None:
        raise Refused(f"event not found: {id}")
    return event


async def _event_runs(event: StoredEvent, request: Request) -> list[RunView]:
    return await request.runs_of_event.load(event.id)


def _raw_v2(event: StoredEvent) -> str:
    """The event with exactly these keys, in this order; tests compare it byte for byte."""
    sent = Event.from_payload(event.payload)
    data = bytes(sent.data)
    shown = {
        "data": msgspec.Raw(b"{}" if data == b"null" else data),
        "id": sent.id,
        "name": sent.name,
        "ts": sent.ts,
        "v": sent.v,
    }
    return msgspec.json.encode(shown).decode()


# The older forms.


async def _event(_: Any, request: Request, *, query: dict[str, Any]) -> StoredEvent:
    text = str(query["event_id"])
    event = await request.events.load(EventId(text.upper())) if is_ulid(text) else None
    if event is None:
        raise Refused(NO_ROWS)
    return event


async def _events(_: Any, request: Request, *, query: dict[str, Any]) -> Sequence[StoredEvent]:  # noqa: ARG001
    now_ms = request.now_ms
    search = EventsSearch(
        request.services.environment_id, PAGE_MAX, from_ms=now_ms - _HOUR_MS, until_ms=now_ms
    )
    return (await request.services.readers.search_events(search)).events


async def _status(event: StoredEvent, request: Request) -> str:
    runs = await request.runs_of_event.load(event.id)
    failed = sum(run.status is RunStatus.FAILED for run in runs)
    if not runs:
        return "NO_FUNCTIONS"
    if failed:
        return "FAILED" if failed == len(runs) else "PARTIALLY_FAILED"
    return "RUNNING" if any(not run.status.is_ended for run in runs) else "COMPLETED"


async def _pending_runs(event: StoredEvent, request: Request) -> int:
    runs = await request.runs_of_event.load(event.id)
    return sum(run.status is RunStatus.RUNNING for run in runs)


async def _total_runs(event: StoredEvent, request: Request) -> int:
    return len(await request.runs_of_event.load(event.id))


async def _function_runs(event: StoredEvent, request: Request) -> list[RunView] | None:
    runs = await request.runs_of_event.load(event.id)
    return [run for run in runs if run.event_id == event.id] or None


class StreamItem(msgspec.Struct, frozen=True):
    """An event with the runs it started."""

    event: StoredEvent
    runs: list[RunView]

    @property
    def cron(self) -> str:
        """The schedule whose tick it is; "" for another event."""
        return next((run.cron for run in self.runs if run.cron), "")


async def _stream(_: Any, request: Request, *, query: dict[str, Any]) -> list[StreamItem]:
    limit = min(max(query["limit"], 1), STREAM_MAX)
    before, after = query.get("before"), query.get("after")
    search = EventsSearch(
        request.services.environment_id,
        limit,
        before=event_id_of(before) if before else None,
        after=event_id_of(after) if after else None,
        include_internal=True,
    )
    events = (await request.services.readers.search_events(search)).events
    runs = await request.runs_of_event.load_many([event.id for event in events])
    also_internal = bool(query.get("include_internal_events"))
    items = [
        StreamItem(event, [run for run in started if request.function(run.function_id)])
        for event, started in zip(events, runs, strict=True)
        if started or also_internal or not event.name.startswith("inngest/")
    ]
    return sorted(items, key=lambda item: item.event.ts_ms, reverse=True)


RESOLVERS: Mapping[str, Resolver] = {
    "Query.eventsV2": _events_v2,
    "Query.eventV2": _event_v2,
    "Query.event": _event,
    "Query.events": _events,
    "Query.stream": _stream,
    "EventsConnection.totalCount": _total_count,
    "EventsConnection.totalCountIsExact": _total_is_exact,
    "EventV2.runs": _event_runs,
    "Event.status": _status,
    "Event.pendingRuns": _pending_runs,
    "Event.totalRuns": _total_runs,
    "Event.functionRuns": _function_runs,
}

GETTERS: Mapping[str, Getter] = {
    "EventsConnection.edges": lambda page: page.nodes,
    "EventsEdge.node": lambda event: event,
    "EventsEdge.cursor": lambda event: _cursor_text(event.id),
    "EventV2.envID": lambda event: event.environment_id,
    "EventV2.idempotencyKey": lambda event: event.external_id,
    "EventV2.occurredAt": lambda event: date_text(event.ts_ms),
    "EventV2.raw": _raw_v2,
    "EventV2.receivedAt": lambda event: date_text(event.received_ms),
    "EventV2.source": lambda _event: None,
    "EventV2.version": lambda event: Event.from_payload(event.payload).v or "",
    "Event.externalID": lambda event: event.external_id or None,
    "Event.workspace": lambda _event: None,
    "Event.createdAt": lambda event: date_text(event.ts_ms),
    "Event.payload": lambda event: bytes(Event.from_payload(event.payload).data).decode(),
    "Event.schema": lambda _event: None,
    "Event.raw": lambda event: event.payload.decode(),
    "StreamItem.id": lambda item: item.event.id,
    "StreamItem.trigger": lambda item: item.cron or item.event.name,
    "StreamItem.type": lambda item: "CRON" if item.cron else "EVENT",
    "StreamItem.createdAt": lambda item: date_text(item.event.ts_ms),
    "StreamItem.inBatch": lambda item: any(len(run.event_ids) > 1 for run in item.runs),
}

INPUTS: Mapping[str, type] = {"EventsFilter": EventsFilter}
