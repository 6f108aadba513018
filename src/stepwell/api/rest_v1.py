"""REST v1: events, runs, and the functions of an app.

Every answer has its true HTTP status and is read from the store, never from a cache: a run that is
shown as running was running when it was asked for.

Source: HTTP APIs, 7.
"""

from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.types import Receive, Scope, Send

from stepwell.api.dates import parse_date_ms
from stepwell.api.errors import send_error
from stepwell.api.openapi import (
    Declaration,
    DeclarationTable,
    Link,
    Parameter,
    Tag,
    Timestamp,
    UlidInPath,
    data,
    empty,
    json,
    refused,
)
from stepwell.api.responses import EMPTY, JSON, send_answer, send_data, send_json
from stepwell.api.rest_views import (
    EventObject,
    JobObject,
    RegisteredFunction,
    RunObject,
    event_object,
    job_object,
    registered_function,
    run_object,
)
from stepwell.api.services import ApiServices, RouteTable
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, EventId, RunId
from stepwell.store.views import EventsPage
from stepwell.wire.ulid import is_ulid

__all__ = ["DECLARATIONS", "RestV1"]

_EVENTS_DEFAULT: Final = 20
_EVENTS_MAX: Final = 100
_RECEIVED_WITHIN_MS: Final = 60 * 60 * 1000
_JOBS_MAX: Final = 10
#: More digits are no page size; without a bound, `int` would take long.
_LIMIT_DIGITS_MAX: Final = 9


class _QueryInvalid(Exception):
    """The message says which parameter is wrong, for the client."""


_NO_RUN_ID: Final = refused(400, "Invalid run ID: …")
_NO_RUN: Final = refused(404, "Unable to load function run: …")
_NO_EVENT_ID: Final = refused(400, "Invalid event ID: …")

DECLARATIONS: Final[DeclarationTable] = {
    "/v1/events": {
        "GET": Declaration(
            "listEvents",
            "List events",
            Tag.EVENTS,
            text="Newest first, without those of the server itself.",
            parameters=(
                Parameter(
                    "limit",
                    int,
                    f"How many, 1 to {_EVENTS_MAX}, by default {_EVENTS_DEFAULT}; out of range, it "
                    "is moved into it",
                ),
                Parameter(
                    "cursor", UlidInPath, "`internal_id` of the last event of the page before"
                ),
                Parameter("received_after", Timestamp, "By default one hour ago"),
                Parameter("received_before", Timestamp, "By default now"),
                Parameter("name", str, "The exact name"),
            ),
            answers=(data(list[EventObject]), refused(400, "Invalid … query parameter")),
            links=(
                Link("getEvent", "event_id", "/data/0/internal_id"),
                Link("listEvents", "cursor", "/data/0/internal_id"),
            ),
        )
    },
    "/v1/events/{event_id}": {
        "GET": Declaration(
            "getEvent",
            "Read an event",
            Tag.EVENTS,
            answers=(data(EventObject), _NO_EVENT_ID, refused(404, "Event not found")),
        )
    },
    "/v1/events/{event_id}/runs": {
        "GET": Declaration(
            "getRunsOfEvent",
            "Read the runs of an event",
            Tag.EVENTS,
            text="Oldest first; none for an unknown event.",
            answers=(data(list[RunObject]), _NO_EVENT_ID),
            links=(
                Link("getRun", "run_id", "/data/0/run_id"),
                Link("cancelRun", "run_id", "/data/0/run_id"),
                Link("rerunRun", "run_id", "/data/0/run_id"),
            ),
        )
    },
    "/v1/runs/{run_id}": {
        "GET": Declaration(
            "getRun",
            "Read a run",
            Tag.RUNS,
            answers=(data(RunObject), _NO_RUN_ID, _NO_RUN),
            links=(
                Link("getJobsOfRun", "run_id", "/data/run_id"),
                Link("explainRun", "run_id", "/data/run_id"),
                Link("getFunction", "slug", "/data/function_id"),
                Link("getEvent", "event_id", "/data/event_id"),
            ),
        ),
        "DELETE": Declaration(
            "cancelRun",
            "Cancel a run",
            Tag.RUNS,
            text="One that has ended stays as it is, and that is no error.",
            answers=(empty(media_type="application/json"), _NO_RUN_ID, _NO_RUN),
        ),
    },
    "/v1/runs/{run_id}/jobs": {
        "GET": Declaration(
            "getJobsOfRun",
            "Read what is queued for a run",
            Tag.RUNS,
            text=f"Up to {_JOBS_MAX} items; none for an unknown run.",
            answers=(data(list[JobObject]), _NO_RUN_ID),
        )
    },
    "/v1/apps/{app_id:path}/functions": {
        "GET": Declaration(
            "getFunctionsOfApp",
            "Read the functions of an app",
            Tag.APPS,
            text="None for an unknown app.",
            answers=(json(list[RegisteredFunction], "An array, not in `data`"),),
        )
    },
}


class RestV1:
    """What scripts and other programs ask."""

    def __init__(self, services: ApiServices) -> None:
        self._runs = services.runs
        self._readers = services.readers
        self._catalogue = services.catalogue
        self._clock = services.clock

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {
            "/v1/events": {"GET": self.events},
            "/v1/events/{event_id}": {"GET": self.event},
            "/v1/events/{event_id}/runs": {"GET": self.runs_of_event},
            "/v1/runs/{run_id}": {"GET": self.run, "DELETE": self.cancel},
            "/v1/runs/{run_id}/jobs": {"GET": self.jobs},
            "/v1/apps/{app_id:path}/functions": {"GET": self.functions},
        }

    async def events(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """A page of the events that users sent, newest first."""
        try:
            page = _events_page(_query(scope), now_ms=self._clock.now_ms())
        except _QueryInvalid as invalid:
            await send_error(send, 400, str(invalid))
            return
        events = await self._readers.events(page)
        await self._send(send, [event_object(event) for event in events])

    async def event(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """One event."""
        event_id = await _event_id(scope, send)
        if event_id is None:
            return
        event = await self._readers.event(DEFAULT_ENVIRONMENT_ID, event_id)
        if event is None:
            await send_error(send, 404, "Event not found")
        else:
            await self._send(send, event_object(event))

    async def runs_of_event(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """The runs an event started; none for an unknown event."""
        event_id = await _event_id(scope, send)
        if event_id is not None:
            runs = await self._readers.runs_of_event(event_id)
            await self._send(send, [run_object(run) for run in runs])

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """One run."""
        run_id = await _run_id(scope, send)
        if run_id is None:
            return
        run = await self._readers.run(run_id)
        if run is None:
            await send_error(send, 404, f"Unable to load function run: {run_id}")
        else:
            await self._send(send, run_object(run))

    async def cancel(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Cancel the run; one that has ended stays as it is, and that is no error."""
        run_id = await _run_id(scope, send)
        if run_id is None:
            return
        if not await self._runs.cancel_run(run_id) and await self._readers.run(run_id) is None:
            await send_error(send, 404, f"Unable to load function run: {run_id}")
        else:
            await send_answer(send, 200, EMPTY, headers=(JSON,))

    async def jobs(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """What is queued for the run; nothing for an unknown one."""
        run_id = await _run_id(scope, send)
        if run_id is not None:
            items = await self._readers.jobs(run_id, limit=_JOBS_MAX)
            await self._send(send, [job_object(item) for item in items])

    async def functions(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """The functions of an app, by the id its author gave it; none for an unknown app."""
        app_name = scope["path_params"]["app_id"]
        found = [
            registered_function(function)
            for function in self._catalogue.functions
            if function.app_name == app_name and not function.archived
        ]
        await send_json(send, 200, found)

    async def _send(self, send: Send, data: Any) -> None:
        await send_data(send, data, now_ms=self._clock.now_ms())


def _query(scope: Scope) -> dict[str, str]:
    """The query's parameters; of several of one name, the first."""
    pairs = parse_qsl(scope["query_string"].decode("latin-1"))
    return dict(reversed(pairs))


def _events_page(query: dict[str, str], *, now_ms: int) -> EventsPage:
    cursor = query.get("cursor", "")
    if cursor and not is_ulid(cursor):
        raise _QueryInvalid("Invalid cursor query parameter")
    received_after_ms = _date_ms(query, "received_after")
    return EventsPage(
        DEFAULT_ENVIRONMENT_ID,
        limit=_limit(query.get("limit", "")),
        before=EventId(cursor.upper()) if cursor else None,
        received_after_ms=(
            now_ms - _RECEIVED_WITHIN_MS if received_after_ms is None else received_after_ms
        ),
        received_before_ms=_date_ms(query, "received_before"),
        name=query.get("name"),
    )


def _limit(text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _LIMIT_DIGITS_MAX):
        return _EVENTS_DEFAULT
    return min(max(int(text), 1), _EVENTS_MAX)


def _date_ms(query: dict[str, str], name: str) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    ms = parse_date_ms(text)
    if ms is None:
        raise _QueryInvalid(f"Invalid {name} query parameter")
    return ms


async def _event_id(scope: Scope, send: Send) -> EventId | None:
    """The event id in the path; without a valid one, the answer is sent."""
    text: str = scope["path_params"]["event_id"]
    if is_ulid(text):
        return EventId(text.upper())
    await send_error(send, 400, f"Invalid event ID: {text}")
    return None


async def _run_id(scope: Scope, send: Send) -> RunId | None:
    """The run id in the path; without a valid one, the answer is sent."""
    text: str = scope["path_params"]["run_id"]
    if is_ulid(text):
        return RunId(text.upper())
    await send_error(send, 400, f"Invalid run ID: {text}")
    return None
