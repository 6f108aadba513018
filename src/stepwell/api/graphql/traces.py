"""Traces, what their spans took and brought, and what started a run.

Source: GraphQL, 5.9, 5.10, 8.2, 8.4 and 9.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeVar

import msgspec

from stepwell.api.dates import date_text
from stepwell.api.graphql.answers import Refused
from stepwell.api.graphql.binding import Getter, Resolver
from stepwell.api.graphql.request import Request
from stepwell.api.graphql.runs import event_ids_of, run_of
from stepwell.core.expressions.interpolation import inserted
from stepwell.core.identity import ItemId, RunId
from stepwell.core.journal import Entry, StepInvoking, StepWaiting
from stepwell.core.metadata import metadata_of
from stepwell.core.trace.classic import classic_tree
from stepwell.core.trace.current import current_tree
from stepwell.core.trace.history import RunHistory, TracedRun, run_history
from stepwell.core.trace.outputs import (
    OutputUnavailable,
    SpanError,
    SpanOutput,
    parse_output_id,
    span_output,
)
from stepwell.core.trace.span import (
    InvokeInfo,
    RunInfo,
    SignalInfo,
    SleepInfo,
    TraceSpan,
    WaitInfo,
)
from stepwell.core.trace.trigger import RunTrigger, run_trigger
from stepwell.store.views import RunView, TraceRows

__all__ = ["GETTERS", "MEMBERS", "RESOLVERS"]

#: Longer journals are put together on a thread: the event loop has runs to serve.
_QUICK_ENTRIES: Final = 100
#: Runs that a run invoked, on a page.
CHILDREN_MAX: Final = 200
_NOT_RESOLVED: Final = "a span does not lead back to its run; ask for the run itself"


_T = TypeVar("_T")


class Span(NamedTuple):
    """A node, with what all nodes of a run share."""

    span: TraceSpan
    run: RunView


async def _history(rows: TraceRows, request: Request) -> RunHistory:
    run, services = rows.run, request.services
    function = request.function(run.function_id)
    traced = TracedRun(
        run.id,
        function.slug if function is not None else run.function_id,
        run.status,
        run.queued_ms,
        run.scheduled_ms,
        run.started_ms,
        run.ended_ms,
        run.cause,
        run.existing_run_id,
    )
    requests = [item.id for item in rows.items if item.kind.is_request]
    in_flight: dict[ItemId, int] = {}
    if requests:
        # Without its owner, what it is doing is shown as what it is about to do.
        in_flight = await services.engine.insight.sent_ms(run.function_id, requests) or {}
    entries = await _with_values(rows, request)

    def build() -> RunHistory:
        return run_history(
            traced,
            entries,
            items=rows.items,
            in_flight=in_flight,
            metadata=metadata_of(rows.entries, rows.metadata),
            spans=rows.spans,
            children=rows.children,
        )

    return await _computed(rows, build)


async def _with_values(rows: TraceRows, request: Request) -> Sequence[Entry]:
    """The journal, with values of the trigger event in the conditions of waits."""
    if not any(isinstance(entry, StepWaiting) and entry.condition for entry in rows.entries):
        return rows.entries
    event = await request.events.load(rows.run.event_id)
    if event is None:
        return rows.entries
    values = msgspec.json.decode(event.payload, type=dict[str, Any])
    return [
        msgspec.structs.replace(entry, condition=inserted(entry.condition, values))
        if isinstance(entry, StepWaiting)
        else entry
        for entry in rows.entries
    ]


async def _computed(rows: TraceRows, compute: Callable[[], _T]) -> _T:
    if len(rows.entries) <= _QUICK_ENTRIES:
        return compute()
    return await asyncio.to_thread(compute)


async def _rows(run_id: RunId, request: Request) -> TraceRows:
    rows = await request.traces.load(run_id)
    if rows is None:
        raise Refused(f"error retrieving trace: no root span found for run {run_id}")
    return rows


async def _trace(run: RunView, request: Request, *, preview: bool | None = None) -> Span | None:
    rows = await _rows(run.id, request)
    history = await _history(rows, request)
    tree = current_tree if preview else classic_tree
    root = await _computed(rows, lambda: tree(history))
    return None if root is None else Span(root, rows.run)


async def _child_runs(run: RunView, request: Request, *, first: int) -> list[RunView]:
    """In the order in which they were invoked."""
    rows = await request.traces.load(run.id)
    if rows is None:
        return []
    ids = [
        entry.run_id or rows.children.get(entry.step)
        for entry in rows.entries
        if isinstance(entry, StepInvoking)
    ]
    limit = min(max(first, 1), CHILDREN_MAX)
    found = await request.runs.load_many([run_id for run_id in ids if run_id][:limit])
    return [child for child in found if child is not None]


async def _run_trace(_: Any, request: Request, *, run_id: str) -> Span | None:
    run = await run_of(run_id, request)
    return await _trace(run, request, preview=True)


async def _output(_: Any, request: Request, *, output_id: str) -> SpanOutput:
    ref = parse_output_id(output_id)
    if isinstance(ref, OutputUnavailable):
        raise Refused(ref.message)
    rows = await _rows(ref.run_id, request)
    events = await _payloads(rows.run, request)
    found = span_output(ref, rows.entries, events)
    if isinstance(found, OutputUnavailable):
        raise Refused(found.message)
    return found


async def _trigger(_: Any, request: Request, *, run_id: str) -> RunTrigger:
    run = await run_of(run_id, request)
    events = await request.events.load_many(list(event_ids_of(run)))
    found = [event for event in events if event is not None]
    if not found:
        raise Refused("error retrieving events: they have been deleted because of their age")
    return run_trigger(run.id, found, batch_id=run.batch_id, cron=run.cron)


async def _payloads(run: RunView, request: Request) -> list[bytes]:
    """The events that started the run; none where they have been deleted."""
    events = await request.events.load_many(list(event_ids_of(run)))
    return [event.payload for event in events if event is not None]


def _no_run(_span: Span, _request: Request) -> None:
    raise Refused(_NOT_RESOLVED)


def _error(error: SpanError) -> dict[str, Any]:
    return {
        "message": error.message,
        "name": error.name,
        "stack": error.stack,
        "cause": None if error.cause is None else msgspec.Raw(error.cause),
    }


def _userland(view: Span) -> dict[str, Any] | None:
    info = view.span.user_span
    if info is None:
        return None
    resource = info.resource_attributes
    return {
        "span_name": info.name,
        "span_kind": info.kind,
        "service_name": info.service,
        "resource_attrs": None if resource is None else resource.decode(),
        "scope_name": info.scope_name,
        "scope_version": info.scope_version,
        "span_attrs": info.attributes.decode(),
    }


def _time(ms: int | None) -> str | None:
    return None if ms is None else date_text(ms)


RESOLVERS: Mapping[str, Resolver] = {
    "Query.runTrace": _run_trace,
    "Query.runTraceSpanOutputByID": _output,
    "Query.runTrigger": _trigger,
    "FunctionRunV2.trace": _trace,
    "FunctionRunV2.childRuns": _child_runs,
    "RunTraceSpan.run": _no_run,
}

GETTERS: Mapping[str, Getter] = {
    "RunTraceSpan.appID": lambda view: view.run.app_id,
    "RunTraceSpan.functionID": lambda view: view.run.function_id,
    "RunTraceSpan.runID": lambda view: view.run.id,
    "RunTraceSpan.spanID": lambda view: view.span.span_id,
    "RunTraceSpan.traceID": lambda view: view.span.trace_id,
    "RunTraceSpan.groupID": lambda view: view.span.group_id,
    "RunTraceSpan.name": lambda view: view.span.name,
    "RunTraceSpan.status": lambda view: view.span.status.value,
    "RunTraceSpan.attempts": lambda view: view.span.attempt,
    "RunTraceSpan.duration": lambda view: view.span.duration_ms,
    "RunTraceSpan.outputID": lambda view: view.span.output_id,
    "RunTraceSpan.queuedAt": lambda view: date_text(view.span.queued_ms),
    "RunTraceSpan.scheduledAt": lambda view: _time(view.span.scheduled_ms),
    "RunTraceSpan.startedAt": lambda view: _time(view.span.started_ms),
    "RunTraceSpan.endedAt": lambda view: _time(view.span.ended_ms),
    "RunTraceSpan.childrenSpans": lambda view: [
        Span(child, view.run) for child in view.span.children
    ],
    "RunTraceSpan.stepOp": lambda view: view.span.step_op and view.span.step_op.value,
    "RunTraceSpan.stepID": lambda view: view.span.step,
    "RunTraceSpan.stepInfo": lambda view: view.span.step_info,
    "RunTraceSpan.stepType": lambda view: view.span.step_type,
    "RunTraceSpan.isRoot": lambda view: view.span.is_root,
    "RunTraceSpan.parentSpanID": lambda view: view.span.parent_span_id,
    "RunTraceSpan.parentSpan": lambda _view: None,
    "RunTraceSpan.isUserland": lambda view: view.span.user_span is not None,
    "RunTraceSpan.userlandSpan": _userland,
    "RunTraceSpan.debugRunID": lambda _view: None,
    "RunTraceSpan.debugSessionID": lambda _view: None,
    "RunTraceSpan.debugPaused": lambda _view: False,
    "RunTraceSpan.skipReason": lambda view: view.span.skip_reason,
    "RunTraceSpan.skipExistingRunID": lambda view: view.span.skip_existing_run_id,
    "RunTraceSpan.metadata": lambda view: view.span.metadata,
    "RunTraceSpan.response": lambda view: view.span.reply,
    "RunTraceSpanResponseInfo.statusCode": lambda reply: reply.status,
    "RunTraceSpanResponseInfo.headers": lambda reply: msgspec.Raw(reply.headers),
    "SpanMetadata.values": lambda metadata: msgspec.Raw(metadata.values),
    "SpanMetadata.updatedAt": lambda metadata: date_text(metadata.updated_ms),
    "InvokeStepInfo.timeout": lambda info: date_text(info.timeout_ms),
    "SleepStepInfo.sleepUntil": lambda info: date_text(info.until_ms),
    "WaitForEventStepInfo.timeout": lambda info: date_text(info.timeout_ms),
    "WaitForSignalStepInfo.timeout": lambda info: date_text(info.timeout_ms),
    "RunTraceSpanOutput.input": lambda found: _text(found.input),
    "RunTraceSpanOutput.data": lambda found: _text(found.data),
    "RunTraceSpanOutput.error": lambda found: found.error and _error(found.error),
    "RunTraceTrigger.IDs": lambda trigger: trigger.event_ids,
    "RunTraceTrigger.payloads": lambda trigger: [raw.decode() for raw in trigger.payloads],
    "RunTraceTrigger.timestamp": lambda trigger: date_text(trigger.timestamp_ms),
}


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode()


#: Which member of the union a step's facts are.
MEMBERS: Mapping[type, str] = {
    InvokeInfo: "InvokeStepInfo",
    SleepInfo: "SleepStepInfo",
    WaitInfo: "WaitForEventStepInfo",
    RunInfo: "RunStepInfo",
    SignalInfo: "WaitForSignalStepInfo",
}
