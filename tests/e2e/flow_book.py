"""All that is left of a test of limits: what was sent, what is stored, and what the app has seen."""

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from stepwell.core.status import RunStatus
from tests.e2e.checkers import journals_of, read
from tests.e2e.flow_app import APP, FlowRecord

__all__ = ["Book", "Decided", "StoredEvent", "StoredRun"]


class StoredEvent(msgspec.Struct, frozen=True):
    """An event as it is stored: as often as it was accepted."""

    id: str
    name: str
    key: str
    customer: str
    ts_ms: int
    received_ms: int


class StoredRun(msgspec.Struct, frozen=True):
    """A run as it is stored.

    Attributes:
        event_ids: What started it, in order.
        started_ms: 0 if it has never been called.
        end: The last entry of its journal.
        singleton: "" where it is none.
    """

    id: str
    function: str
    status: RunStatus
    queued_ms: int
    started_ms: int
    ended_ms: int
    event_ids: tuple[str, ...]
    singleton: str
    batch_id: str
    origin_run_id: str
    replay_id: str
    end: Mapping[str, Any]

    @property
    def cause(self) -> str:
        """Why it was cancelled or skipped."""
        cause: str = self.end.get("cause", "")
        return cause


class Decided(msgspec.Struct, frozen=True):
    """Why an event started no run of a function."""

    event_id: str
    function: str
    reason: str
    detail: str
    at_ms: int


class Book:
    """What is stored, read when no server runs.

    Attributes:
        record: What the app has seen.
        events: All that were sent, by internal id; some more than once.
        runs: All runs, in the order in which they were queued.
        skips: Why events started no run.
        journals: The journal of each run.
    """

    def __init__(self, database: Path, record: FlowRecord) -> None:
        self.record = record
        self.events = _events(database)
        names = {
            function_id: slug.removeprefix(f"{APP}-")
            for function_id, slug in read(database, "SELECT id, slug FROM functions")
        }
        self.journals = {
            run_id: [entry for _, entry in journal]
            for run_id, journal in journals_of(database).items()
        }
        self.runs = [self._run(row, names) for row in read(database, _RUNS)]
        self.skips = [
            Decided(event_id, names[function_id], *rest)
            for event_id, function_id, *rest in read(database, _SKIPS)
        ]
        first_ns: dict[str, int] = {}
        for booked in record.booked:
            first_ns[booked.run_id] = min(
                booked.began_ns, first_ns.get(booked.run_id, booked.began_ns)
            )
        self._first_ns = first_ns

    def runs_of(self, function: str) -> list[StoredRun]:
        return [run for run in self.runs if run.function == function]

    def skips_of(self, function: str, reason: str) -> list[Decided]:
        return [s for s in self.skips if s.function == function and s.reason == reason]

    def event(self, event_id: str) -> StoredEvent:
        return self.events[event_id][0]

    def customer_of(self, run: StoredRun) -> str:
        return self.event(run.event_ids[0]).customer

    def lives(self, function: str) -> Iterator[tuple[str, str, float, float]]:
        """Of each run that was called: customer, id, the first call, and its end, in ms."""
        for run in self.runs_of(function):
            first_ns = self._first_ns.get(run.id)
            if first_ns is not None:
                yield self.customer_of(run), run.id, first_ns / 1e6, run.ended_ms

    def _run(self, row: tuple[Any, ...], names: Mapping[str, str]) -> StoredRun:
        run_id, function_id, status, queued_ms, started_ms, ended_ms = row[:6]
        event_id, event_ids, singleton, batch_id, origin_run_id, replay_id = row[6:]
        return StoredRun(
            run_id,
            names[function_id],
            RunStatus(status),
            queued_ms,
            started_ms,
            ended_ms,
            tuple(json.loads(event_ids)) if event_ids else (event_id,),
            singleton,
            batch_id,
            origin_run_id,
            replay_id,
            self.journals[run_id][-1],
        )


_RUNS = """
SELECT id, function_id, status, queued_ms, started_ms, ended_ms, event_id, event_ids, singleton,
       batch_id, origin_run_id, replay_id
  FROM runs ORDER BY queued_ms, id
"""
_SKIPS = "SELECT event_id, function_id, reason, detail, at_ms FROM skips ORDER BY at_ms"
_EVENTS = f"SELECT id, name, payload, ts_ms, received_ms FROM events WHERE name LIKE '{APP}/%'"


def _events(database: Path) -> dict[str, list[StoredEvent]]:
    events: dict[str, list[StoredEvent]] = defaultdict(list)
    for event_id, name, payload, ts_ms, received_ms in read(database, _EVENTS):
        data = json.loads(payload)["data"]
        event = StoredEvent(event_id, name, data["key"], data["customer"], ts_ms, received_ms)
        events[event_id].append(event)
    return dict(events)
