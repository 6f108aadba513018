"""What old rows are still needed for, in words of SQL.

Both who looks for rows to delete and the transaction that deletes them ask for it.
An ended run is needed by a replay that has not come to it. An event is needed by live runs and by
such ended ones, by a debounce or batch that holds it back, and by queue items that are to decide
about it or to match it.
"""

# ruff: noqa: S608 - what is put into the SQL are our own constants

from collections.abc import Iterable, Sequence
from typing import Any, Final

from stepwell.core.identity import LOCAL_PARTITION, EventId, FunctionId, PartitionId
from stepwell.core.item_bodies import AdmitBody, MatchBody
from stepwell.core.lanes import DECISIONS
from stepwell.core.operation import OperationKind
from stepwell.core.queue import IMMEDIATE, ItemKind
from stepwell.core.status import RunStatus
from stepwell.store.sql.queue import READY_FUNCTIONS
from stepwell.store.sql.statements import Query, Question, Statement

__all__ = [
    "EVENT_IS_NEEDED",
    "IS_ENDED",
    "IS_REPLAYING",
    "RUN_IS_NEEDED",
    "queued_events",
]

#: From the receipt of an event to the decision that queues its items: far more than it takes.
_RECEIPT_MS_MAX: Final = 3_600_000

_LIVE: Final = ",".join(str(int(status)) for status in RunStatus if not status.is_ended)

#: Of a row of `runs`. A run that has ended never lives again.
IS_ENDED: Final = f"runs.status NOT IN ({_LIVE}) AND runs.ended_ms > 0"

#: Of a row of `operations`.
IS_REPLAYING: Final = f"operations.kind = {int(OperationKind.REPLAY)} AND operations.ended_ms = 0"

#: Of a row of `runs` that has ended. Whether there are replays at all is found out once, not for
#: each row.
RUN_IS_NEEDED: Final = f"""
(runs.function_id IN (SELECT function_id FROM operations WHERE {IS_REPLAYING})
 AND EXISTS (SELECT 1 FROM operations WHERE {IS_REPLAYING}
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

#: Items of a function that are read at a time; only the first few are wanted.
_ITEMS_AT_ONCE: Final = 64

_PARTITIONS: Final = Statement("SELECT id FROM partitions")
# A range of index queue_ready.
_ITEMS: Final = Statement(f"""
SELECT kind, queued_ms, body, score, item_id FROM queue
 WHERE partition_id = ?1 AND function_id = ?2 AND lane = '{DECISIONS}' AND due_ms = {IMMEDIATE}
   AND kind IN ({int(ItemKind.ADMIT)}, {int(ItemKind.MATCH)}) AND (score, item_id) > (?3, ?4)
 ORDER BY score, item_id LIMIT {_ITEMS_AT_ONCE}
""")
_FIRST: Final = (-(2**63), 0)


def queued_events(before_ms: int) -> Question[set[EventId]]:
    """The events received before a time that queue items are still to decide about, or to match.

    An item is queued in the commit of its event, so nothing is read beyond items that are younger.
    The first partition is read last: items of functions that move go there, and may do so meanwhile.
    Asks in several rounds.
    """
    (partitions,) = yield [Query(_PARTITIONS)]
    others = [partition for (partition,) in partitions.rows if partition != LOCAL_PARTITION]
    lie = yield from _ready_functions(others)
    found = yield from _queued_events(lie, before_ms)
    first = yield from _ready_functions([LOCAL_PARTITION])
    moved = [(LOCAL_PARTITION, function_id) for _, function_id in lie]
    found |= yield from _queued_events([*first, *moved], before_ms)
    return found


def _ready_functions(
    partitions: Sequence[PartitionId],
) -> Question[list[tuple[PartitionId, FunctionId]]]:
    if not partitions:
        return []
    ready = yield [Query(READY_FUNCTIONS, (each,)) for each in partitions]
    return [
        (partition, function_id)
        for partition, functions in zip(partitions, ready, strict=True)
        for (function_id,) in functions.rows
    ]


def _queued_events(
    functions: Iterable[tuple[PartitionId, FunctionId]], before_ms: int
) -> Question[set[EventId]]:
    found: set[EventId] = set()
    places = dict.fromkeys(functions, _FIRST)
    while places:
        pages = yield [Query(_ITEMS, (*key, *place)) for key, place in places.items()]
        for key, page in zip(list(places), pages, strict=True):
            old = _old_items(page.rows, before_ms)
            found |= {_event_of(row) for row in old}
            if len(old) < _ITEMS_AT_ONCE:
                del places[key]
            else:
                places[key] = (old[-1][3], old[-1][4])
    return found


def _old_items(page: Sequence[Any], before_ms: int) -> Sequence[Any]:
    """The items up to the first one of an event that is younger."""
    for index, (_, queued_ms, *_) in enumerate(page):
        if queued_ms >= before_ms + _RECEIPT_MS_MAX:
            return page[:index]
    return page


def _event_of(row: Sequence[Any]) -> EventId:
    kind, _, body, *_ = row
    shape = AdmitBody if kind == ItemKind.ADMIT else MatchBody
    return shape.decode(body).event_id
