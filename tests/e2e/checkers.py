"""What must hold of a database and of what an app saw, whatever happened to the server."""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from stepwell.core.status import RunStatus
from tests.e2e.processes import wait_until
from tests.e2e.raw_app import (
    EVENT,
    PROGRAMS,
    STARTED,
    Invokes,
    Record,
    RunRecord,
    Sleeps,
    hashed,
    value_of,
)


class Counts(NamedTuple):
    """What was checked."""

    runs: int
    entries: int
    results: int


#: A file of SQLite, or the URI of a database of PostgreSQL.
Database = Path | str


def read(database: Database, question: str) -> list[tuple[Any, ...]]:
    """The rows of a question to the database, which is not written."""
    if isinstance(database, str):
        with closing(psycopg.connect(database)) as asked:
            return asked.execute(question.encode()).fetchall()
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        return connection.execute(question).fetchall()


def wait_until_nothing_is_queued(database: Database) -> None:
    wait_until(
        lambda: read(database, "SELECT count(*) FROM queue") == [(0,)], what="an empty queue"
    )


def assert_sound(database: Database) -> Counts:
    """Every run has ended well, with a journal as it should be; nothing is left to do."""
    if isinstance(database, Path):
        assert read(database, "PRAGMA integrity_check") == [("ok",)]
    for table in ("queue", "waits"):
        assert read(database, f"SELECT * FROM {table}") == []
    statuses = read(database, "SELECT id, status FROM runs")
    assert {status for _, status in statuses} == {RunStatus.COMPLETED}
    journals = journals_of(database)
    assert journals.keys() == {run_id for run_id, _ in statuses}
    results = 0
    for run_id, journal in journals.items():
        results += assert_journal(run_id, journal)
    return Counts(len(journals), sum(map(len, journals.values())), results)


def assert_each_started_once(database: Database, acknowledged: Collection[str]) -> None:
    """An acknowledged event has started every function that listens, and none of them twice."""
    slugs = dict(read(database, "SELECT id, slug FROM functions"))
    external_ids = dict(
        read(database, f"SELECT id, external_id FROM events WHERE name = '{EVENT}'")
    )
    functions: dict[str, list[str]] = defaultdict(list)
    for event_id, function_id in read(database, "SELECT event_id, function_id FROM runs"):
        if event_id in external_ids:
            functions[external_ids[event_id]].append(slugs[function_id].partition("-")[2])
    assert set(acknowledged) <= functions.keys()
    for key, started in functions.items():
        assert sorted(started) == sorted(STARTED), key


def assert_agrees(database: Database, record: Record, *, paused: Collection[int] = ()) -> None:
    """What the app was told is what is recorded, and it is what the app's steps gave.

    A node that is paused between its last look at its lease and the call makes that one call when
    others have gone on with the run; what comes of it is not recorded.
    """
    assert record.violations == []
    assert {node: late for node, late in record.late.items() if node not in paused} == {}
    assert [late for late in record.late.values() if len(late) > 1] == []
    children = {run.key: run for run in record.runs.values() if run.function == "child"}
    journals = journals_of(database)
    assert journals.keys() == record.runs.keys()
    for run_id, run in record.runs.items():
        entries = [entry for _, entry in journals[run_id]]
        memos = {e["step"]: e["memo"] for e in entries if e["is"] == "StepResolved"}
        assert memos == run.memos, run_id
        assert [e["output"] for e in entries if e["is"] == "RunEnded"] == run.outputs[:1], run_id
        assert all(output == run.outputs[0] for output in run.outputs), run_id
        _assert_values(run, children.get(run.key))


def _assert_values(run: RunRecord, child: RunRecord | None) -> None:
    for step in (step for stage in PROGRAMS[run.function] for step in stage):
        value = value_of(step, run.memos[hashed(step)])
        match step:
            case Sleeps():
                assert value is None
            case Invokes():
                assert child is not None
                assert value == child.outputs[0]
            case _:
                assert value in run.produced[hashed(step)]


def journals_of(database: Database) -> dict[str, list[tuple[int, dict[str, Any]]]]:
    """Of each run the entries and their numbers, in order."""
    journals: dict[str, list[tuple[int, dict[str, Any]]]] = defaultdict(list)
    rows = read(database, "SELECT run_id, seq, body FROM journal ORDER BY run_id, seq")
    for run_id, seq, body in rows:
        journals[run_id].append((seq, json.loads(body)))
    return dict(journals)


def assert_journal(run_id: str, journal: list[tuple[int, dict[str, Any]]]) -> int:
    """No gap, every result once, one end; the number of results."""
    assert [seq for seq, _ in journal] == list(range(len(journal))), run_id
    resolved = [entry["step"] for _, entry in journal if entry["is"] == "StepResolved"]
    assert len(set(resolved)) == len(resolved), run_id
    assert [entry["is"] for _, entry in journal].index("RunEnded") == len(journal) - 1, run_id
    return len(resolved)
