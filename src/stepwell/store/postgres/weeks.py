"""History by the week: partitions of the tables that grow, made before their time comes.

What is old is dropped with its partition, which costs nothing and leaves nothing to be vacuumed.
The tables are partitioned by the ULIDs they are keyed by, whose first characters are a time, so a
range of ids is a range of times. Rows whose ids are of another time, which a sender can choose, go
to the default partition.
"""

# ruff: noqa: S608 - what is put into the SQL are our own constants

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import psycopg
import structlog
from psycopg import AsyncConnection

from stepwell.store.postgres.connections import value_of
from stepwell.store.postgres.failures import reason_of
from stepwell.store.sql.statements import NOW_MS
from stepwell.wire.ulid import ulid_from

__all__ = [
    "ALONE",
    "OF_EVENTS",
    "OF_RUNS",
    "WEEK_MS",
    "Week",
    "keep_weeks",
    "make_week",
    "making",
    "weeks_of",
]

_log = structlog.get_logger(__name__)

WEEK_MS: Final = 7 * 86_400_000

#: The tables of the events of a week and of its runs, each with the id that decides.
OF_EVENTS: Final = {"skips": "event_id", "batch_events": "event_id", "events": "id"}
OF_RUNS: Final = {"journal": "run_id", "run_metadata": "run_id", "spans": "run_id", "runs": "id"}
_TABLES: Final = OF_EVENTS | OF_RUNS

#: Weeks there is a partition for besides the present one: clocks differ, and servers stand still.
_BEFORE: Final = 1
_AFTER: Final = 2

_TIME_CHARS: Final = 10

#: A commit must not wait for a partition that waits for a question.
_PATIENCE: Final = "SET LOCAL lock_timeout = '2s'"
#: Two that make the same partition would be in each other's way. The number is "stepweek".
ALONE: Final = f"SELECT pg_advisory_xact_lock({int.from_bytes(b'stepweek')})"

_PARTITIONS: Final = """
SELECT child.relname FROM pg_inherits
  JOIN pg_class AS child ON child.oid = inhrelid
 WHERE inhparent = ANY (ARRAY[{parents}]::regclass[])
"""


class Week(NamedTuple):
    """A week of UTC that begins where a multiple of `WEEK_MS` does."""

    start_ms: int

    @classmethod
    def of(cls, at_ms: int) -> "Week":
        """The week of a time."""
        return cls(at_ms - at_ms % WEEK_MS)

    @property
    def end_ms(self) -> int:
        """The first time after it."""
        return self.start_ms + WEEK_MS

    @property
    def ids(self) -> tuple[str, str]:
        """What ids of the week begin with, or stand above, and what they stand below."""
        first, end = (ulid_from(ms, bytes(10))[:_TIME_CHARS] for ms in (self.start_ms, self.end_ms))
        return first, end

    def partition(self, table: str) -> str:
        """The name of the table's partition."""
        return f"{table}_{datetime.fromtimestamp(self.start_ms / 1000, UTC):%Y%m%d}"


async def keep_weeks(connection: AsyncConnection[Any]) -> list[str]:
    """Make the partitions that will be needed soon and are missing; the names of those made.

    Takes a few ms if none is. The clock is the database's. Those that cannot be made, because
    somebody uses the table all the time, are left to the next time: others are there for two weeks,
    and the default ones take what belongs to none.
    """
    now_ms = await value_of(connection, f"SELECT {NOW_MS}")
    weeks = [Week.of(now_ms + number * WEEK_MS) for number in range(-_BEFORE, _AFTER + 1)]
    existing = await _partitions(connection)
    made: list[str] = []
    for table in _TABLES:
        for week in weeks:
            name = week.partition(table)
            if name not in existing:
                try:
                    await make_week(connection, table, week)
                except psycopg.errors.LockNotAvailable as error:
                    _log.warning("store.partition_waits", partition=name, reason=reason_of(error))
                else:
                    made.append(name)
    if made:
        _log.info("store.partitions_made", partitions=len(made))
    return made


async def weeks_of(connection: AsyncConnection[Any], table: str) -> list[Week]:
    """The weeks that the table has a partition for, oldest first."""
    found: list[Week] = []
    for name in await _partitions(connection):
        day = name.removeprefix(f"{table}_")
        # Of this table, and not its default partition.
        if day.isdigit():
            start = datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC)
            found.append(Week(int(start.timestamp()) * 1000))
    return sorted(found)


async def make_week(connection: AsyncConnection[Any], table: str, week: Week) -> None:
    """Make a partition that is missing, and move rows of its time there that came before it.

    It is made apart and then attached, which keeps out others only while rows are moved, and does
    not keep out who uses other partitions.
    """
    async with connection.transaction():
        await connection.execute(_PATIENCE.encode())
        await connection.execute(ALONE.encode())
        if week.partition(table) in await _partitions(connection):
            return
        for sql in making(table, week):
            await connection.execute(sql.encode())


def making(table: str, week: Week) -> tuple[str, ...]:
    """The statements of one transaction that make a partition which is missing."""
    key = _TABLES[table]
    first, end = week.ids
    name = week.partition(table)
    of_week = f"{key} >= '{first}' AND {key} < '{end}'"
    moved = f"DELETE FROM {table}_default WHERE {of_week} RETURNING *"
    bounds = f"FOR VALUES FROM ('{first}') TO ('{end}')"
    return (
        f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL)",
        f"LOCK TABLE {table}_default IN ACCESS EXCLUSIVE MODE",
        f"WITH moved AS ({moved}) INSERT INTO {name} SELECT * FROM moved",
        f"ALTER TABLE {table} ATTACH PARTITION {name} {bounds}",
    )


async def _partitions(connection: AsyncConnection[Any]) -> set[str]:
    parents = ", ".join(f"'{table}'" for table in _TABLES)
    cursor = await connection.execute(_PARTITIONS.format(parents=parents).encode())
    return {name for (name,) in await cursor.fetchall()}
