"""Metadata of runs and spans of apps: written when they come, which may be after a run's end."""

from collections.abc import Sequence
from typing import Any, Final

from stepwell.core.identity import RunId
from stepwell.core.transition import Transition
from stepwell.core.user_span import UserSpan
from stepwell.engine.store import AnnotatedRun
from stepwell.store.sql.statements import BulkStatement, Query, Question, Statement, Target

__all__ = ["annotated_runs", "write_annotations"]

# A run that was forgotten meanwhile gets nothing: nobody would ever delete it.
_OF_A_RUN: Final = (
    "SELECT v.* FROM (VALUES {rows}) AS v"
    " WHERE EXISTS (SELECT 1 FROM runs WHERE runs.id = v.column1)"
)
_METADATA: Final = BulkStatement(
    "INSERT INTO run_metadata (run_id, number, scope, step, attempt, span_id, kind, op, bytes,"
    f" at_ms, body) {_OF_A_RUN}",
    columns="tiititttiib",
)
_SPAN_COLUMNS: Final = (
    *("parent_span_id", "trace_id", "step", "attempt", "call_span_id", "name", "kind", "status"),
    *("status_message", "service", "scope", "scope_version", "started_ns", "ended_ns", "bytes"),
    *("attributes", "events"),
)
_SPAN_REPLACED: Final = ", ".join(f"{name} = excluded.{name}" for name in _SPAN_COLUMNS)
# A span that is sent again says more than before: when it ended, for example.
_SPANS: Final = BulkStatement(
    f"INSERT INTO spans (run_id, span_id, {', '.join(_SPAN_COLUMNS)}) {_OF_A_RUN}"
    f" ON CONFLICT (run_id, span_id) DO UPDATE SET {_SPAN_REPLACED}",
    columns="tttttittiittttiiibb",
)
_ANNOTATED: Final = Statement("""
SELECT id, function_id,
       (SELECT coalesce(max(number), 0) FROM run_metadata WHERE run_id = runs.id),
       (SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM run_metadata WHERE run_id = runs.id),
       (SELECT count(*) FROM spans WHERE run_id = runs.id),
       (SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) FROM spans WHERE run_id = runs.id)
  FROM runs
 WHERE id IN ids(?1)
""")


def write_annotations(into: Target, batch: Sequence[Transition]) -> None:
    """Write the metadata and the spans that the transitions bring; later ones win."""
    metadata: list[Any] = []
    spans: dict[tuple[str, str], UserSpan] = {}
    for transition in batch:
        for update in transition.metadata:
            owner = update.owner
            metadata += (update.run_id, update.number, int(owner.scope), owner.step, owner.attempt)
            metadata += (owner.span_id, update.kind, update.op.value, update.size, update.at_ms)
            metadata.append(update.values)
        for span in transition.spans:
            spans[span.run_id, span.span_id] = span
    into.rows(_METADATA, metadata)
    into.rows(_SPANS, [value for span in spans.values() for value in _span_row(span)])


def annotated_runs(run_ids: Sequence[RunId]) -> Question[dict[RunId, AnnotatedRun]]:
    """Those of the runs that exist, and what is attached to them."""
    (found,) = yield [Query(_ANNOTATED, (list(run_ids),))]
    return {row[0]: AnnotatedRun(*row[1:]) for row in found.rows}


def _span_row(span: UserSpan) -> tuple[Any, ...]:
    return (
        *(span.run_id, span.span_id, span.parent_span_id, span.trace_id, span.step),
        *(span.attempt, span.call_span_id, span.name, int(span.kind), int(span.status)),
        *(span.status_message, span.service, span.scope, span.scope_version),
        *(span.started_ns, span.ended_ns, span.size, span.attributes, span.events),
    )
