"""Runs. Source: GraphQL, 3.4, 5.6, 5.8, 7 and 8."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Final

import msgspec

from stepwell.api.dates import date_text
from stepwell.api.graphql.answers import Refused
from stepwell.api.graphql.apps import NO_ROWS, app_of
from stepwell.api.graphql.binding import Getter, Resolver
from stepwell.api.graphql.request import Request
from stepwell.api.graphql.searching import parsed_query
from stepwell.api.graphql.values import run_id_of, status_text, statuses_of, time_ms, time_text
from stepwell.core.app import App
from stepwell.core.function import Function
from stepwell.core.identity import AppId, EventId, FunctionId, RunId
from stepwell.core.search import decode_cursor, encode_cursor
from stepwell.core.status import RunStatus
from stepwell.core.trace.outputs import legacy_run_output, run_output
from stepwell.core.trace_ids import trace_id
from stepwell.core.transition import StoredEvent
from stepwell.store.views import (
    Direction,
    FoundRuns,
    RunsCount,
    RunsPage,
    RunView,
    TimeField,
    cursor_of,
)
from stepwell.wire.ulid import is_ulid, ulid_ms

__all__ = ["GETTERS", "INPUTS", "RESOLVERS"]

PAGE_DEFAULT: Final = 40
PAGE_MAX: Final = 399
_IDS_MAX: Final = 1_000
_LISTING: Final = "error retrieving runs"
_COUNTING: Final = "error retrieving count for runs"


class RunsFilter(msgspec.Struct, frozen=True):
    """Which runs are asked for, as sent."""

    from_: str
    until: str | None = None
    time_field: str = "QUEUED_AT"
    status: tuple[str, ...] = ()
    function_ids: tuple[str, ...] = ()
    app_ids: tuple[str, ...] = ()
    is_deferred: bool | None = None
    query: str = ""


class RunsOrder(msgspec.Struct, frozen=True):
    """By what runs are sorted, as sent."""

    field: str
    direction: str


class RunsConnection(msgspec.Struct, frozen=True):
    """A page of runs; what was asked is kept for the count."""

    page: RunsPage
    found: FoundRuns
    filter: RunsFilter


async def _runs(
    _: Any,
    request: Request,
    *,
    first: int,
    order_by: list[RunsOrder],
    filter: RunsFilter,  # noqa: A002
    after: str | None = None,
    preview: bool | None = None,  # noqa: ARG001 - both stores of the compatible API are one here
) -> RunsConnection:
    if len(filter.function_ids) > _IDS_MAX or len(filter.app_ids) > _IDS_MAX:
        raise Refused(f"{_LISTING}: at most {_IDS_MAX} functions and apps may be named")
    limit = first if 0 < first <= PAGE_MAX else PAGE_DEFAULT
    page = RunsPage(
        request.services.environment_id,
        limit,
        time_field=TimeField[_sorted_by(order_by, filter)],
        direction=Direction[order_by[0].direction] if order_by else Direction.DESC,
        from_ms=time_ms(filter.from_),
        until_ms=time_ms(filter.until),
        statuses=statuses_of(list(filter.status)),
        function_ids=tuple(FunctionId(each) for each in filter.function_ids),
        app_ids=tuple(AppId(each) for each in filter.app_ids),
        query=parsed_query(filter.query, _LISTING),
        after=decode_cursor(after) if after else None,
    )
    if filter.is_deferred:
        # Deferred functions are not carried out yet, so no run is one's.
        return RunsConnection(page, FoundRuns([], None, has_next=False), filter)
    return RunsConnection(page, await request.services.readers.search_runs(page), filter)


def _sorted_by(order_by: Sequence[RunsOrder], filter: RunsFilter) -> str:  # noqa: A002
    """The field by which runs are sorted and chosen: the first that is named, if one is."""
    return order_by[0].field if order_by else filter.time_field


async def _count(connection: RunsConnection, request: Request) -> RunsCount:
    if connection.filter.is_deferred:
        return RunsCount(0, is_exact=True)
    parsed_query(connection.filter.query, _COUNTING)
    page = msgspec.structs.replace(connection.page, after=None)
    return await request.services.readers.count_runs(page)


async def _total_count(
    connection: RunsConnection,
    request: Request,
    *,
    preview: bool | None = None,  # noqa: ARG001
) -> int:
    return (await _count(connection, request)).runs


async def _total_is_exact(connection: RunsConnection, request: Request) -> bool:
    return (await _count(connection, request)).is_exact


def _page_info(connection: RunsConnection) -> dict[str, Any]:
    found, field = connection.found, connection.page.time_field
    first = found.runs[0] if found.runs else None
    return {
        "has_next_page": found.has_next,
        "has_previous_page": False,
        "start_cursor": encode_cursor(cursor_of(first, field)) if first else None,
        "end_cursor": encode_cursor(found.end) if found.end else None,
    }


def _edges(connection: RunsConnection) -> list[dict[str, Any]]:
    field = connection.page.time_field
    return [
        {"node": run, "cursor": encode_cursor(cursor_of(run, field))}
        for run in connection.found.runs
    ]


async def run_of(run_id: object, request: Request) -> RunView:
    """The run; an error if there is none."""
    run = await read_run(run_id_of(run_id), request)
    if run is None:
        raise Refused(f"error retrieving run: {NO_ROWS}")
    return run


async def read_run(run_id: RunId, request: Request) -> RunView | None:
    """The run, together with its journal if the query may ask for its trace."""
    if not request.reads_traces:
        return await request.runs.load(run_id)
    rows = await request.traces.load(run_id)
    return None if rows is None else rows.run


async def _run(_: Any, request: Request, *, run_id: str) -> RunView:
    return await run_of(run_id, request)


def _run_app(run: RunView, request: Request) -> App:
    return app_of(run.app_id, request)


def _run_function(run: RunView, request: Request) -> Function:
    function = request.services.base.catalogue.functions.get(run.function_id)
    if function is None:
        raise Refused(f"error retrieving function: {NO_ROWS}")
    return function


def _has_ai(run: RunView, request: Request) -> Awaitable[bool]:
    return request.runs_with_ai.load(run.id)


def event_ids_of(run: RunView) -> tuple[EventId, ...]:
    """The events that started the run."""
    return run.event_ids or (run.event_id,)


# The older form.


async def _function_run(_: Any, request: Request, *, query: dict[str, Any]) -> RunView:
    text = str(query["function_run_id"])
    if not text:
        raise Refused("function run id is required")
    if not is_ulid(text):
        raise Refused(f"invalid run ID: {text}")
    run = await request.runs.load(run_id_of(text))
    if run is None:
        raise Refused("not found")
    return run


async def _event_of(run: RunView, request: Request) -> StoredEvent | None:
    return await request.events.load(run.event_id)


async def _events_of(run: RunView, request: Request) -> list[StoredEvent]:
    found = await request.events.load_many(list(event_ids_of(run)))
    return [event for event in found if event is not None]


async def _pending_steps(run: RunView, request: Request) -> int:
    rows = await request.traces.load(run.id)
    return 0 if rows is None else len(rows.items)


def _history_output(_run: RunView, _request: Request, *, id: str) -> None:  # noqa: A002, ARG001
    raise Refused("not found")


def _legacy_status(run: RunView) -> str:
    return status_text(run.status) if run.ended_ms else "RUNNING"


def _output(run: RunView) -> str | None:
    return run_output(run.status, run.output, run.error)


def _legacy_output(run: RunView) -> str | None:
    return legacy_run_output(run.status, run.output, run.error)


def _batch_opened(run: RunView) -> str | None:
    return date_text(ulid_ms(run.batch_id)) if run.batch_id else None


def _listed_event_name(run: RunView) -> str | None:
    return None if run.batch_id or run.cron else run.event_name


def _cause(run: RunView, *, of_skipped: bool) -> str | None:
    return run.cause or None if (run.status is RunStatus.SKIPPED) is of_skipped else None


RESOLVERS: Mapping[str, Resolver] = {
    "Query.runs": _runs,
    "Query.run": _run,
    "Query.functionRun": _function_run,
    "RunsV2Connection.totalCount": _total_count,
    "RunsV2Connection.totalCountIsExact": _total_is_exact,
    "FunctionRunV2.app": _run_app,
    "FunctionRunV2.function": _run_function,
    "FunctionRunV2.hasAI": _has_ai,
    "FunctionRun.function": _run_function,
    "FunctionRun.event": _event_of,
    "FunctionRun.events": _events_of,
    "FunctionRun.pendingSteps": _pending_steps,
    "FunctionRun.historyItemOutput": _history_output,
}

GETTERS: Mapping[str, Getter] = {
    "RunsV2Connection.edges": _edges,
    "RunsV2Connection.pageInfo": _page_info,
    "RunsV2Connection.isComplete": lambda page: page.found.is_complete,
    "FunctionRunV2.traceID": lambda run: trace_id(run.id),
    "FunctionRunV2.queuedAt": lambda run: date_text(run.queued_ms),
    "FunctionRunV2.scheduledAt": lambda run: date_text(run.scheduled_ms),
    "FunctionRunV2.startedAt": lambda run: time_text(run.started_ms),
    "FunctionRunV2.endedAt": lambda run: time_text(
        0 if run.status is RunStatus.SKIPPED else run.ended_ms
    ),
    "FunctionRunV2.status": lambda run: status_text(run.status),
    "FunctionRunV2.sourceID": lambda _run: None,
    "FunctionRunV2.triggerIDs": event_ids_of,
    "FunctionRunV2.eventName": _listed_event_name,
    "FunctionRunV2.isBatch": lambda run: bool(run.batch_id),
    "FunctionRunV2.batchCreatedAt": _batch_opened,
    "FunctionRunV2.cronSchedule": lambda run: run.cron or None,
    "FunctionRunV2.output": _output,
    # Deferred functions are not carried out yet.
    "FunctionRunV2.defers": lambda _run: (),
    "FunctionRunV2.siblingDefers": lambda _run: (),
    "FunctionRunV2.deferredFrom": lambda _run: (),
    "FunctionRunV2.isDeferred": lambda _run: False,
    "FunctionRunV2.originRunID": lambda run: run.origin_run_id or None,
    "FunctionRunV2.parentRunID": lambda run: run.parent_run_id or None,
    "FunctionRunV2.batchID": lambda run: run.batch_id or None,
    "FunctionRunV2.replayID": lambda run: run.replay_id or None,
    "FunctionRunV2.cancelReason": lambda run: _cause(run, of_skipped=False),
    "FunctionRunV2.cancelEventID": lambda run: run.cause_event_id or None,
    "FunctionRunV2.skipReason": lambda run: _cause(run, of_skipped=True),
    "FunctionRunV2.skipExistingRunID": lambda run: run.existing_run_id or None,
    "FunctionRun.workspace": lambda _run: None,
    "FunctionRun.batchID": lambda run: run.batch_id or None,
    "FunctionRun.batchCreatedAt": lambda run: (
        _batch_opened(run) if len(run.event_ids) > 1 else None
    ),
    "FunctionRun.status": _legacy_status,
    "FunctionRun.waitingFor": lambda _run: None,
    "FunctionRun.startedAt": lambda run: date_text(ulid_ms(run.id)),
    "FunctionRun.finishedAt": lambda run: time_text(run.ended_ms),
    "FunctionRun.output": _legacy_output,
    # No official client reads it any more; traces tell more.
    "FunctionRun.history": lambda _run: (),
    "FunctionRun.cron": lambda run: run.cron or None,
}

INPUTS: Mapping[str, type] = {"RunsFilterV2": RunsFilter, "RunsV2OrderBy": RunsOrder}
