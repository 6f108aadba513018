"""Whether both trees of every run can be shown, agree with it, and lead to its results."""

from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from stepwell.core.identity import EventId, RunId
from stepwell.core.journal import Entry, RunEnded, decode_entry
from stepwell.core.metadata import metadata_of
from stepwell.core.queue import QueueItem
from stepwell.core.status import RunStatus
from stepwell.core.trace.history import TracedRun, run_history
from stepwell.store.sql import rows
from tests.simulation.world import World
from tests.unit.core.trace.tree_rules import tree_problems

__all__ = ["check_traces"]

_RUNS = """
SELECT id, status, queued_ms, scheduled_ms, started_ms, ended_ms, event_id, event_ids FROM runs
"""


def check_traces(world: World) -> Iterator[str]:
    """What is wrong with the trees of all runs, live and ended, as a reader would see them now.

    Which calls are under way only the server knows, so live runs are shown both ways: with none
    and with all of them. The trees of a run of which every row is as it was when they were found
    to be sound, are not made again: most runs ended long before a world does.
    """
    journal: defaultdict[str, list[bytes]] = defaultdict(list)
    for run_id, body in world.rows("SELECT run_id, body FROM journal ORDER BY run_id, seq"):
        journal[run_id].append(body)
    items: defaultdict[str, list[QueueItem]] = defaultdict(list)
    for row in world.rows(f"SELECT {rows.ITEM_COLUMNS} FROM queue"):
        item = rows.item(row)
        items[item.run_id].append(item)
    payloads = dict(world.rows("SELECT id, payload FROM events ORDER BY number DESC"))
    for run_id, status, *times, event_id, event_ids in world.rows(_RUNS):
        ids: Sequence[EventId] = msgspec.json.decode(event_ids) if event_ids else (event_id,)
        # Events that are missing are somebody else's finding.
        events = [payloads[each] for each in ids if each in payloads]
        now_ms = 0 if RunStatus(status).is_ended else world.clock.now_ms()
        seen = (status, *times, *journal[run_id], *items[run_id], *events, now_ms)
        if world.sound_traces.get(run_id) == seen:
            continue
        entries = [decode_entry(body) for body in journal[run_id]]
        run = _traced(run_id, RunStatus(status), times, entries)
        problems = list(_problems(run, entries, items[run_id], events, now_ms))
        if not problems:
            world.sound_traces[run_id] = seen
        for problem in problems:
            yield f"trace of run {run_id}: {problem}"


def _traced(run_id: str, status: RunStatus, times: list[int], entries: list[Entry]) -> TracedRun:
    queued_ms, scheduled_ms, started_ms, ended_ms = times
    end = entries[-1] if entries and isinstance(entries[-1], RunEnded) else None
    return TracedRun(
        RunId(run_id),
        "sim-run",
        status,
        queued_ms,
        scheduled_ms,
        started_ms,
        ended_ms,
        cause="" if end is None else end.cause,
        existing_run_id=RunId("") if end is None else end.existing_run_id,
    )


def _problems(
    run: TracedRun,
    entries: list[Entry],
    items: list[QueueItem],
    events: list[bytes],
    now_ms: int,
) -> Iterator[str]:
    metadata = metadata_of(entries, [])
    under_way = [{}, {item.id: now_ms for item in items if item.kind.is_call}]
    for in_flight in under_way[:1] if run.status.is_ended else under_way:
        history = run_history(run, entries, items=items, in_flight=in_flight, metadata=metadata)
        yield from tree_problems(history, entries, events)
