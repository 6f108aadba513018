"""Events and runs as they are stored, one after the other, for files of JSON lines.

Read a page at a time: what is in memory is small, and a reader that is slow keeps no old state of
the database alive, so a server can go on writing. What comes and goes meanwhile may be missing.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from stepwell.core.journal import RunEnded, decode_entry
from stepwell.core.status import RunStatus
from stepwell.store.sql.rows import decode_event_ids
from stepwell.store.sqlite.connections import snapshot
from stepwell.wire.ulid import ulid_from

__all__ = ["ExportedEvent", "ExportedRun", "Range", "export_events", "export_runs", "functions"]

_PAGE: Final = 500
_UNTIL_END: Final = "~"

_FUNCTIONS: Final = "SELECT id, slug FROM functions"
# Ranges of the tables, which are ordered by id.
_EVENTS: Final = """
SELECT id, number, environment_id, name, external_id, ts_ms, received_ms, payload FROM events
 WHERE (id, number) > (?, ?) AND id < ? AND received_ms >= ? AND received_ms < ?
 ORDER BY id, number LIMIT ?
"""
_RUNS: Final = """
SELECT id, environment_id, function_id, function_version, status, queued_ms, started_ms, ended_ms,
       ended_seq, event_id, event_name, event_ids, cron, parent_run_id, origin_run_id
  FROM runs WHERE id > ? AND id < ? AND queued_ms >= ? AND queued_ms < ? {more}
 ORDER BY id LIMIT ?
"""
_ENTRY: Final = "SELECT body FROM journal WHERE run_id = ? AND seq = ?"
_JOURNAL: Final = "SELECT body FROM journal WHERE run_id = ? ORDER BY seq"


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for.

    Attributes:
        from_ms: Received or queued at or after this time.
        until_ms: And before this one.
        function_ids: Only runs of these functions; all without any.
        statuses: Only runs in these; all without any.
        with_journal: Whether all that happened in a run is wanted.
    """

    from_ms: int = 0
    until_ms: int = 2**53
    function_ids: tuple[str, ...] = ()
    statuses: tuple[RunStatus, ...] = ()
    with_journal: bool = False


class ExportedEvent(msgspec.Struct, frozen=True, omit_defaults=True):
    """An event; `event` is what functions receive. Times are ms since 1970 UTC."""

    internal_id: str
    environment_id: str
    name: str
    id: str
    ts: int
    received_ms: int
    event: msgspec.Raw


class ExportedRun(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A run. Times are ms since 1970 UTC; what there is not is left out.

    Attributes:
        function: Its slug; "" if it is not known any more.
        output: What it returned.
        error: Why it failed.
        journal: What happened in it, as it is stored.
    """

    id: str
    environment_id: str
    function_id: str
    function: str
    function_version: int
    status: str
    queued_ms: int
    started_ms: int = 0
    ended_ms: int = 0
    event_name: str
    event_ids: tuple[str, ...]
    cron: str = ""
    parent_run_id: str = ""
    origin_run_id: str = ""
    output: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    error: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    journal: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET


def functions(connection: sqlite3.Connection) -> dict[str, str]:
    """Slugs of all functions by id."""
    return dict(connection.execute(_FUNCTIONS))


def export_events(connection: sqlite3.Connection, wanted: Range) -> Iterator[ExportedEvent]:
    """Events by id."""
    after: tuple[str, int] = ("", -1)
    while True:
        key = (*after, _UNTIL_END, wanted.from_ms, wanted.until_ms, _PAGE)
        page = connection.execute(_EVENTS, key).fetchall()
        for internal_id, _, environment_id, name, external_id, ts_ms, received_ms, payload in page:
            yield ExportedEvent(
                internal_id,
                environment_id,
                name,
                external_id,
                ts_ms,
                received_ms,
                msgspec.Raw(payload),
            )
        if len(page) < _PAGE:
            return
        after = (page[-1][0], page[-1][1])


def export_runs(connection: sqlite3.Connection, wanted: Range) -> Iterator[ExportedRun]:
    """Runs by id, and so by the time they were queued."""
    slugs = functions(connection)
    more = ""
    values: list[Any] = []
    for column, choice in (("function_id", wanted.function_ids), ("status", wanted.statuses)):
        if choice:
            more += f" AND {column} IN ({','.join('?' * len(choice))})"
            values += choice
    sql = _RUNS.format(more=more)
    # A run gets its id when it is queued.
    after, until = ulid_from(wanted.from_ms, bytes(10)), _UNTIL_END
    if wanted.until_ms < 2**48:
        until = ulid_from(wanted.until_ms, bytes(10))
    while True:
        with snapshot(connection):
            key = (after, until, wanted.from_ms, wanted.until_ms, *values, _PAGE)
            page = connection.execute(sql, key).fetchall()
            runs = [_run(connection, row, slugs, wanted) for row in page]
        yield from runs
        if len(page) < _PAGE:
            return
        after = page[-1][0]


def _run(
    connection: sqlite3.Connection, row: Sequence[Any], slugs: dict[str, str], wanted: Range
) -> ExportedRun:
    run_id, environment_id, function_id, version, status, queued_ms, started_ms, ended_ms, *rest = (
        row
    )
    ended_seq, event_id, event_name, event_ids, cron, parent_run_id, origin_run_id = rest
    outcome = connection.execute(_ENTRY, (run_id, ended_seq)).fetchone()
    ended = None if outcome is None else decode_entry(outcome[0])
    assert ended is None or isinstance(ended, RunEnded)
    journal: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    if wanted.with_journal:
        journal = [msgspec.Raw(body) for (body,) in connection.execute(_JOURNAL, (run_id,))]
    return ExportedRun(
        id=run_id,
        environment_id=environment_id,
        function_id=function_id,
        function=slugs.get(function_id, ""),
        function_version=version,
        status=RunStatus(status).wire_name,
        queued_ms=queued_ms,
        started_ms=started_ms,
        ended_ms=ended_ms,
        event_name=event_name,
        event_ids=decode_event_ids(event_ids) or (event_id,),
        cron=cron,
        parent_run_id=parent_run_id,
        origin_run_id=origin_run_id,
        output=msgspec.UNSET if ended is None else _or_unset(ended.output),
        error=msgspec.UNSET if ended is None else _or_unset(ended.error),
        journal=journal,
    )


def _or_unset(raw: msgspec.Raw) -> msgspec.Raw | msgspec.UnsetType:
    return raw if bytes(raw) else msgspec.UNSET
