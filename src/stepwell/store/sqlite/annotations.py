"""Metadata of runs and spans of apps: written when they come, which may be after a run's end."""

import sqlite3
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from stepwell.core.identity import RunId
from stepwell.core.transition import Transition
from stepwell.engine.store import AnnotatedRun
from stepwell.store.sqlite.bulk import BulkStatement

__all__ = ["annotated_runs", "write_annotations"]

# A run that was forgotten meanwhile gets nothing: nobody would ever delete it.
_OF_A_RUN: Final = (
    "SELECT v.* FROM (VALUES {rows}) AS v"
    " WHERE EXISTS (SELECT 1 FROM runs WHERE runs.id = v.column1)"
)
_METADATA: Final = BulkStatement(
    "INSERT INTO run_metadata (run_id, number, scope, step, attempt, span_id, kind, op, bytes,"
    f" at_ms, body) {_OF_A_RUN}",
    columns=11,
)
# A span that is sent again says more than before: when it ended, for example.
_SPANS: Final = BulkStatement(
    "INSERT OR REPLACE INTO spans (run_id, span_id, parent_span_id, trace_id, step, attempt,"
    " call_span_id, name, kind, status, status_message, service, scope, scope_version, started_ns,"
    f" ended_ns, bytes, attributes, events) {_OF_A_RUN}",
    columns=19,
)
_ANNOTATED: Final = """
SELECT id, function_id,
       (SELECT coalesce(max(number), 0) FROM run_metadata WHERE run_id = runs.id),
       (SELECT coalesce(sum(bytes), 0) FROM run_metadata WHERE run_id = runs.id),
       (SELECT count(*) FROM spans WHERE run_id = runs.id),
       (SELECT coalesce(sum(bytes), 0) FROM spans WHERE run_id = runs.id)
  FROM runs
 WHERE id IN (SELECT value FROM json_each(?))
"""


def write_annotations(connection: sqlite3.Connection, batch: Sequence[Transition]) -> None:
    """Write the metadata and the spans that the transitions bring; later ones win."""
    metadata: list[Any] = []
    spans: list[Any] = []
    for transition in batch:
        for update in transition.metadata:
            owner = update.owner
            metadata += (update.run_id, update.number, int(owner.scope), owner.step, owner.attempt)
            metadata += (owner.span_id, update.kind, update.op.value, update.bytes, update.at_ms)
            metadata.append(update.values)
        for span in transition.spans:
            spans += (span.run_id, span.span_id, span.parent_span_id, span.trace_id, span.step)
            spans += (span.attempt, span.call_span_id, span.name, int(span.kind), int(span.status))
            spans += (span.status_message, span.service, span.scope, span.scope_version)
            spans += (span.started_ns, span.ended_ns, span.size, span.attributes, span.events)
    _METADATA.run(connection, metadata)
    _SPANS.run(connection, spans)


def annotated_runs(
    connection: sqlite3.Connection, run_ids: Sequence[RunId]
) -> dict[RunId, AnnotatedRun]:
    """Those of the runs that exist, and what is attached to them."""
    rows = connection.execute(_ANNOTATED, (msgspec.json.encode(run_ids).decode(),))
    return {row[0]: AnnotatedRun(*row[1:]) for row in rows}
