"""Dropping weeks of history of which nothing is kept any more, instead of deleting row by row.

A week is dropped when all its rows are old enough and none is needed, by the same rules by which
rows are forgotten (`stepwell.store.sql.needed`). Looking at a week takes as long as reading it. The
drop itself keeps everybody out, so it looks only at what may have begun to need something since,
and gives up if it cannot be alone soon.

Rows of other weeks, of weeks that somebody still needs a row of, and those in default partitions
are left to be forgotten one by one.
"""

# ruff: noqa: S608 - what is put into the SQL are our own constants

from typing import Any, Final

import psycopg
import structlog
from psycopg import AsyncConnection

from stepwell.engine.store import Ownership, OwnershipLost
from stepwell.store.postgres.connections import value_of
from stepwell.store.postgres.failures import reason_of
from stepwell.store.postgres.weeks import OF_EVENTS, OF_RUNS, WEEK_MS, Week, weeks_of
from stepwell.store.sql.database import Database
from stepwell.store.sql.needed import (
    EVENT_IS_NEEDED,
    IS_ENDED,
    IS_REPLAYING,
    RUN_IS_NEEDED,
    queued_events,
)
from stepwell.store.sql.statements import NOW_MS
from stepwell.wire.ulid import ulid_from

__all__ = ["drop_weeks_of_events", "drop_weeks_of_runs"]

_log = structlog.get_logger(__name__)

#: Reading a week may take long; nobody waits for it.
_READING: Final = "SET LOCAL statement_timeout = '30min'"
#: How long commits may be held up by a drop that waits for a question.
_PATIENCE: Final = "SET LOCAL lock_timeout = '2s'"

#: Clocks of nodes differ by less.
_SKEW_MS: Final = 3_600_000

_FENCE: Final = "SELECT 1 FROM nodes WHERE id = %s FOR KEY SHARE"

_KEEPS_EVENTS: Final = f"""
SELECT EXISTS (SELECT 1 FROM {{week}} AS events WHERE received_ms >= %s OR {EVENT_IS_NEEDED})
"""
_KEEPS_RUNS: Final = f"""
SELECT EXISTS (SELECT 1 FROM {{week}} AS runs
                WHERE NOT ({IS_ENDED}) OR ended_ms >= %s OR {RUN_IS_NEEDED})
"""

# Whoever begins to need an event or a run is a replay, a new run, or a buffer.
_REPLAYS: Final = f"SELECT EXISTS (SELECT 1 FROM operations WHERE {IS_REPLAYING})"
_NEW_NEEDS: Final = f"""
SELECT EXISTS (SELECT 1 FROM operations WHERE {IS_REPLAYING})
    OR EXISTS (SELECT 1 FROM runs
                WHERE id >= %(since)s AND event_id >= %(first)s AND event_id < %(end)s)
    OR EXISTS (SELECT 1 FROM batch_events
                WHERE event_id >= %(first)s AND event_id < %(end)s AND run_id >= %(since)s)
    OR EXISTS (SELECT 1 FROM buffered_events WHERE event_id >= %(first)s AND event_id < %(end)s)
"""

# Which runs the later events of batches have started is kept with the events.
_LATER_EVENTS: Final = """
DELETE FROM batch_events USING {week} AS runs,
       json_array_elements_text(CAST(nullif(runs.event_ids, '') AS json)) AS of_batch (value)
 WHERE batch_events.event_id = of_batch.value AND batch_events.run_id = runs.id
"""


async def drop_weeks_of_events(
    connection: AsyncConnection[Any], database: Database, owner: Ownership, before_ms: int
) -> list[str]:
    """Drop weeks of events received before a time; the names of the partitions dropped.

    Raises:
        OwnershipLost: Whoever asks is no node any more.
        psycopg.Error: The database did not do it; what was dropped stays so.
    """
    dropped: list[str] = []
    for week in await weeks_of(connection, "events"):
        if week.end_ms > before_ms:
            continue
        since = ulid_from(await value_of(connection, f"SELECT {NOW_MS}") - _SKEW_MS, bytes(10))
        first, end = week.ids
        keeps = _KEEPS_EVENTS.format(week=week.partition("events"))
        if await _is_kept(connection, keeps, before_ms):
            continue
        if await _is_queued(database, week, before_ms):
            continue
        needs = (_NEW_NEEDS, {"since": since, "first": first, "end": end})
        dropped += await _drop(connection, owner, week, tuple(OF_EVENTS), needs)
    return dropped


async def drop_weeks_of_runs(
    connection: AsyncConnection[Any], owner: Ownership, before_ms: int
) -> list[str]:
    """Drop weeks of runs that ended before a time, with all that belongs to them; as above."""
    dropped: list[str] = []
    for week in await weeks_of(connection, "runs"):
        if week.end_ms > before_ms:
            continue
        name = week.partition("runs")
        if await _is_kept(connection, _KEEPS_RUNS.format(week=name), before_ms):
            continue
        async with connection.transaction():
            await _check_fence(connection, owner)
            await connection.execute(_LATER_EVENTS.format(week=name).encode())
        dropped += await _drop(connection, owner, week, tuple(OF_RUNS), (_REPLAYS, {}))
    return dropped


async def _is_kept(connection: AsyncConnection[Any], sql: str, before_ms: int) -> bool:
    async with connection.transaction():
        await connection.execute(_READING.encode())
        return bool(await value_of(connection, sql, (before_ms,)))


async def _is_queued(database: Database, week: Week, before_ms: int) -> bool:
    """Whether some node is still to decide about an event of the week."""
    first, end = week.ids
    question = queued_events(max(before_ms, week.end_ms + WEEK_MS))
    queued = await database.explore("drop_weeks", question)
    return any(first <= event_id < end for event_id in queued)


async def _drop(
    connection: AsyncConnection[Any],
    owner: Ownership,
    week: Week,
    tables: tuple[str, ...],
    needs: tuple[str, Any],
) -> list[str]:
    """Drop the week of the tables, one after the other, so that two locks are never held.

    The table that says what there is comes last: if something is in the way, the next call goes on.
    """
    dropped: list[str] = []
    for table in tables:
        name = week.partition(table)
        try:
            async with connection.transaction():
                await connection.execute(_PATIENCE.encode())
                await _check_fence(connection, owner)
                await connection.execute(
                    f"LOCK TABLE ONLY {table} IN ACCESS EXCLUSIVE MODE".encode()
                )
                if await value_of(connection, *needs):
                    return dropped
                await connection.execute(f"DROP TABLE IF EXISTS {name}".encode())
        except psycopg.errors.LockNotAvailable as error:
            _log.warning("store.partition_not_dropped", partition=name, reason=reason_of(error))
            return dropped
        _log.info("store.partition_dropped", partition=name)
        dropped.append(name)
    return dropped


async def _check_fence(connection: AsyncConnection[Any], owner: Ownership) -> None:
    if await value_of(connection, _FENCE, (owner.node,)) is None:
        raise OwnershipLost(owner.node)
