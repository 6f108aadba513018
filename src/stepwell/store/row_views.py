"""From rows to what the questions answer with."""

from typing import Any, Final

import msgspec
from sqlalchemy import Row, and_, select

from stepwell.core.identity import EventId, RunId
from stepwell.core.journal import RunEnded, decode_entry
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.status import RunStatus
from stepwell.core.transition import RunMode
from stepwell.store.schema import journal, runs
from stepwell.store.views import RunView

__all__ = ["RUN_VIEW", "queue_item", "run_view"]

_EVENT_IDS: Final = msgspec.json.Decoder(tuple[EventId, ...])

#: Runs with how they ended; add conditions.
RUN_VIEW: Final = select(runs, journal.c.body).outerjoin(
    journal, and_(journal.c.run_id == runs.c.id, journal.c.seq == runs.c.ended_seq)
)


def run_view(row: Row[Any]) -> RunView:
    """The run in a row of `RUN_VIEW`."""
    ended = None if row.body is None else decode_entry(row.body)
    assert ended is None or isinstance(ended, RunEnded)
    return RunView(
        id=row.id,
        environment_id=row.environment_id,
        app_id=row.app_id,
        function_id=row.function_id,
        function_version=row.function_version,
        status=RunStatus(row.status),
        queued_ms=row.queued_ms,
        scheduled_ms=row.scheduled_ms,
        started_ms=row.started_ms,
        ended_ms=row.ended_ms,
        event_id=row.event_id,
        event_name=row.event_name,
        event_ids=_EVENT_IDS.decode(row.event_ids) if row.event_ids else (),
        cron=row.cron,
        parent_run_id=row.parent_run_id,
        parent_function_id=row.parent_function_id,
        parent_step=row.parent_step,
        origin_run_id=row.origin_run_id,
        output=b"" if ended is None else bytes(ended.output),
        error=b"" if ended is None else bytes(ended.error),
        singleton=row.singleton,
        batch_id=row.batch_id,
        replay_id=row.replay_id,
        mode=RunMode(row.mode),
        cause="" if ended is None else ended.cause,
        cause_event_id=EventId("") if ended is None else ended.event_id,
        existing_run_id=RunId("") if ended is None else ended.existing_run_id,
    )


def queue_item(row: Row[Any]) -> QueueItem:
    """The item in a row of the queue."""
    return QueueItem(
        id=row.item_id,
        kind=ItemKind(row.kind),
        function_id=row.function_id,
        run_id=row.run_id,
        step=row.step,
        attempt=row.attempt,
        due_ms=row.due_ms,
        queued_ms=row.queued_ms,
        body=row.body,
        lane=row.lane,
        score=row.score,
    )
