"""What old rows are still needed for, in words of SQL.

Both who looks for rows to delete and the transaction that deletes them ask for it.
An ended run is needed by a replay that has not come to it. An event is needed by live runs and by
such ended ones, by a debounce or batch that holds it back, and by queue items that are to decide
about it or to match it.
"""

# ruff: noqa: S608 - what is put into the SQL are our own constants

import sqlite3
from typing import Final

from stepwell.core.identity import EventId, PartitionId
from stepwell.core.item_bodies import AdmitBody, MatchBody
from stepwell.core.lanes import DECISIONS
from stepwell.core.operation import OperationKind
from stepwell.core.queue import IMMEDIATE, ItemKind
from stepwell.core.status import RunStatus
from stepwell.store.sqlite.queue import ready_functions

__all__ = ["EVENT_IS_NEEDED", "IS_ENDED", "RUN_IS_NEEDED", "queued_events"]

#: From the receipt of an event to the decision that queues its items: far more than it takes.
_RECEIPT_MS_MAX: Final = 3_600_000

_LIVE: Final = ",".join(str(int(status)) for status in RunStatus if not status.is_ended)

#: Of a row of `runs`. A run that has ended never lives again.
IS_ENDED: Final = f"runs.status NOT IN ({_LIVE}) AND runs.ended_ms > 0"

_IS_REPLAYING: Final = f"operations.kind = {int(OperationKind.REPLAY)} AND operations.ended_ms = 0"

#: Of a row of `runs` that has ended. Whether there are replays at all is found out once, not for
#: each row.
RUN_IS_NEEDED: Final = f"""
(runs.function_id IN (SELECT function_id FROM operations WHERE {_IS_REPLAYING})
 AND EXISTS (SELECT 1 FROM operations WHERE {_IS_REPLAYING}
                AND operations.function_id = runs.function_id AND operations.after < runs.id))
"""

_RUN_NEEDS_EVENT: Final = f"(runs.status IN ({_LIVE}) OR {RUN_IS_NEEDED})"

#: Of a row of `events`; what is queued is looked for apart, by `queued_events`.
EVENT_IS_NEEDED: Final = f"""
(EXISTS (SELECT 1 FROM runs WHERE runs.event_id = events.id AND {_RUN_NEEDS_EVENT})
 OR EXISTS (SELECT 1 FROM batch_events JOIN runs ON runs.id = batch_events.run_id
             WHERE batch_events.event_id = events.id AND {_RUN_NEEDS_EVENT})
 OR EXISTS (SELECT 1 FROM buffered_events WHERE buffered_events.event_id = events.id))
"""

# A range of index queue_ready. Items are read one by one, because only the first few are wanted.
_ITEMS: Final = f"""
SELECT kind, queued_ms, body FROM queue
 WHERE partition_id = ? AND function_id = ? AND lane = '{DECISIONS}' AND due_ms = {IMMEDIATE}
   AND kind IN ({int(ItemKind.ADMIT)}, {int(ItemKind.MATCH)})
 ORDER BY score, item_id
"""


def queued_events(
    connection: sqlite3.Connection, partition: PartitionId, before_ms: int
) -> set[EventId]:
    """The events received before a time that queue items are still to decide about, or to match.

    An item is queued in the commit of its event, so nothing is read of items that are younger.
    """
    found: set[EventId] = set()
    for function_id in ready_functions(connection, partition):
        for kind, queued_ms, body in connection.execute(_ITEMS, (partition, function_id)):
            if queued_ms >= before_ms + _RECEIPT_MS_MAX:
                break
            shape = AdmitBody if kind == ItemKind.ADMIT else MatchBody
            found.add(shape.decode(body).event_id)
    return found
