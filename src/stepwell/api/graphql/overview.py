"""Environments, lists of functions and event types, and finding things by name."""

from collections.abc import Awaitable, Mapping
from typing import Any, Final

from stepwell.api.dates import date_text
from stepwell.api.graphql.answers import Refused
from stepwell.api.graphql.apps import active_functions
from stepwell.api.graphql.binding import Getter, Resolver
from stepwell.api.graphql.request import Request
from stepwell.api.graphql.searching import checked
from stepwell.api.graphql.server import environment
from stepwell.core.function import Function
from stepwell.core.identity import EventId, RunId
from stepwell.store.views import EventTypeView
from stepwell.wire.ulid import is_ulid

__all__ = ["GETTERS", "RESOLVERS"]

FUNCTIONS_MAX: Final = 1_000
EVENT_TYPES_MAX: Final = 500
HITS_MAX: Final = 20
_SEARCH_CHARS_MAX: Final = 200


def _environments(_: Any, request: Request) -> list[dict[str, str]]:
    return [environment(request)]


def _function_list(
    _: Any,
    request: Request,
    *,
    first: int,
    after: str | None = None,
    search: str | None = None,
    app_id: str | None = None,
    include_archived: bool = False,
) -> dict[str, Any]:
    text = (search or "").casefold()
    chosen: list[Function] = sorted(
        (
            function
            for function in request.services.base.catalogue.functions
            if (include_archived or not function.archived)
            and app_id in (None, function.app_id)
            and (text in function.name.casefold() or text in function.slug.casefold())
        ),
        key=lambda function: (function.slug, function.id),
    )
    rest = [each for each in chosen if after is None or _place(each) > after]
    nodes = rest[: min(max(first, 1), FUNCTIONS_MAX)]
    return {
        "nodes": nodes,
        "end_cursor": _place(nodes[-1]) if nodes else None,
        "has_next_page": len(rest) > len(nodes),
        "total_count": len(chosen),
    }


def _place(function: Function) -> str:
    """Where it stands in the list; a space sorts before everything in a slug."""
    return f"{function.slug} {function.id}"


async def _event_types(
    _: Any, request: Request, *, first: int, search: str | None = None
) -> list[EventTypeView]:
    return await request.services.readers.event_types(
        request.services.environment_id,
        search=(search or "")[:_SEARCH_CHARS_MAX],
        limit=min(max(first, 1), EVENT_TYPES_MAX),
    )


def _listening(seen: EventTypeView, request: Request) -> list[Function]:
    return list(request.services.base.catalogue.functions.listening(seen.name))


def _volume(seen: EventTypeView, request: Request) -> Awaitable[list[int] | None]:
    return request.event_volumes.load(seen.name)


def _check_search(_: Any, _request: Request, *, query: str, over: str) -> dict[str, Any]:  # noqa: ARG001
    return checked(query)


async def _quick_search(_: Any, request: Request, *, text: str) -> list[dict[str, str]]:
    wanted = text.strip()
    if not wanted:
        return []
    if len(wanted) > _SEARCH_CHARS_MAX:
        raise Refused(f"the text has more than {_SEARCH_CHARS_MAX} characters")
    hits = await _hits_by_id(wanted, request) if is_ulid(wanted) else []
    folded = wanted.casefold()
    hits += [
        {"kind": "FUNCTION", "id": function.slug, "name": function.name}
        for function in active_functions(request)
        if folded in function.name.casefold() or folded in function.slug.casefold()
    ]
    hits += [
        {"kind": "APP", "id": app.id, "name": app.name or app.url}
        for app in request.services.apps.apps.values()
        if not app.archived_ms and folded in f"{app.name} {app.url}".casefold()
    ]
    return hits[:HITS_MAX]


async def _hits_by_id(text: str, request: Request) -> list[dict[str, str]]:
    run = await request.runs.load(RunId(text.upper()))
    if run is not None:
        function = request.function(run.function_id)
        name = function.name if function is not None else run.function_id
        return [{"kind": "RUN", "id": run.id, "name": name}]
    event = await request.events.load(EventId(text.upper()))
    return [] if event is None else [{"kind": "EVENT", "id": event.id, "name": event.name}]


RESOLVERS: Mapping[str, Resolver] = {
    "Query.environments": _environments,
    "Query.functionList": _function_list,
    "Query.eventTypes": _event_types,
    "Query.checkSearch": _check_search,
    "Query.quickSearch": _quick_search,
    "EventType.functions": _listening,
    "EventType.volume": _volume,
}

GETTERS: Mapping[str, Getter] = {
    "EventType.lastReceivedAt": lambda seen: date_text(seen.last_received_ms),
}
