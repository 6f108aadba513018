"""Metadata of runs and spans of apps, as questions in SQL. What a run may have is bounded."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

from sqlalchemy import Connection, Row, select

from stepwell.core.identity import RunId
from stepwell.core.metadata import MetadataOp, MetadataOwner, MetadataScope, MetadataUpdate
from stepwell.core.user_span import SpanKind, SpanOutcome, UserSpan
from stepwell.store.schema import run_metadata, spans

__all__ = ["metadata_of_runs", "spans_of_runs"]

#: Runs asked about in one statement; databases bound the number of parameters.
_RUNS_AT_ONCE: Final = 500


def metadata_of_runs(
    connection: Connection, run_ids: Sequence[RunId]
) -> dict[RunId, list[MetadataUpdate]]:
    """The updates of each run that has any, by number."""
    found: defaultdict[RunId, list[MetadataUpdate]] = defaultdict(list)
    for start in range(0, len(run_ids), _RUNS_AT_ONCE):
        asked = select(run_metadata).where(
            run_metadata.c.run_id.in_(run_ids[start : start + _RUNS_AT_ONCE])
        )
        ordered = asked.order_by(run_metadata.c.run_id, run_metadata.c.number)
        for row in connection.execute(ordered):
            found[row.run_id].append(_update(row))
    return dict(found)


def spans_of_runs(connection: Connection, run_ids: Sequence[RunId]) -> dict[RunId, list[UserSpan]]:
    """The spans of each run that has any, by their start."""
    found: defaultdict[RunId, list[UserSpan]] = defaultdict(list)
    for start in range(0, len(run_ids), _RUNS_AT_ONCE):
        asked = select(spans).where(spans.c.run_id.in_(run_ids[start : start + _RUNS_AT_ONCE]))
        for row in connection.execute(asked):
            found[row.run_id].append(_span(row))
    for of_run in found.values():
        of_run.sort(key=lambda span: (span.started_ns, span.span_id))
    return dict(found)


def _update(row: Row[Any]) -> MetadataUpdate:
    return MetadataUpdate(
        run_id=row.run_id,
        number=row.number,
        owner=MetadataOwner(MetadataScope(row.scope), row.step, row.attempt, row.span_id),
        kind=row.kind,
        op=MetadataOp(row.op),
        values=row.body,
        size=row.bytes,
        at_ms=row.at_ms,
    )


def _span(row: Row[Any]) -> UserSpan:
    return UserSpan(
        run_id=row.run_id,
        span_id=row.span_id,
        parent_span_id=row.parent_span_id,
        trace_id=row.trace_id,
        step=row.step,
        attempt=row.attempt,
        call_span_id=row.call_span_id,
        name=row.name,
        kind=SpanKind(row.kind),
        status=SpanOutcome(row.status),
        status_message=row.status_message,
        service=row.service,
        scope=row.scope,
        scope_version=row.scope_version,
        started_ns=row.started_ns,
        ended_ns=row.ended_ns,
        attributes=row.attributes,
        events=row.events,
    )
