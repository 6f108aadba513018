"""What must hold of events, runs and operations of functions with limits, whatever happened."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from stepwell.core.status import RunStatus
from stepwell.wire.ulid import ulid_ms
from tests.e2e.checkers import assert_journal, journals_of, read
from tests.e2e.flow_app import (
    APP,
    FINISH_MS,
    LISTENERS,
    PARK,
    PROGRAMS,
    SLOW,
    START_MS,
    Fetches,
    Listens,
    Naps,
)
from tests.e2e.flow_book import Book, StoredRun
from tests.e2e.processes import ServerProcess
from tests.e2e.raw_app import RunRecord, Step, hashed

#: Tables that hold what is still to be done.
_PENDING = ("queue", "waits", "signals", "buffers", "buffered_events")
#: How runs may end, and why; runs of other functions complete.
_ENDS = {
    "skipping": {(RunStatus.COMPLETED, ""), (RunStatus.SKIPPED, "singleton")},
    "replacing": {(RunStatus.COMPLETED, ""), (RunStatus.CANCELLED, "singleton")},
    "starting": {(RunStatus.COMPLETED, ""), (RunStatus.CANCELLED, "start_timeout")},
    "finishing": {(RunStatus.COMPLETED, ""), (RunStatus.CANCELLED, "finish_timeout")},
    "parked": {(RunStatus.CANCELLED, "bulk")},
}
_COMPLETED = {(RunStatus.COMPLETED, "")}
#: From the last look at the clock until a call has left; a busy machine may take its time.
_CALL_MS = 250


class Outcome(NamedTuple):
    """What the API says of one event at one function."""

    function: str
    word: str
    run_id: str | None


def assert_nothing_left(database: Path) -> None:
    """Everything has ended, with sound journals; nothing is left to do."""
    assert read(database, "PRAGMA integrity_check") == [("ok",)]
    for table in _PENDING:
        assert read(database, f"SELECT * FROM {table}") == [], table
    live = [(int(status),) for status in RunStatus if not status.is_ended]
    statuses = set(read(database, "SELECT DISTINCT status FROM runs"))
    assert not statuses & set(live)
    for run_id, journal in journals_of(database).items():
        assert_journal(run_id, journal)


def assert_ends(book: Book) -> None:
    """Runs have ended as their functions' options allow."""
    for run in book.runs:
        end = (run.status, run.cause)
        assert end in _ENDS.get(run.function, _COMPLETED), run
        is_slow = SLOW in book.event(run.event_ids[0]).key
        match run.cause:
            case "start_timeout":
                assert not run.started_ms, run
                assert run.ended_ms >= run.queued_ms + START_MS, run
            case "finish_timeout":
                assert run.started_ms, run
                assert run.ended_ms >= run.started_ms + FINISH_MS, run
            case _:
                assert run.function != "finishing" or not is_slow, run
        if run.function == "starting" and run.started_ms:
            assert run.started_ms <= run.queued_ms + START_MS + _CALL_MS, run


# Events.


def assert_one_outcome_each(book: Book, acknowledged: Mapping[str, str]) -> None:
    """Every stored event has one outcome per function; no two with one id have started a run."""
    assert set(acknowledged.values()) <= book.events.keys()
    expected: Counter[tuple[str, str]] = Counter()
    for event_id, stored in book.events.items():
        for function in LISTENERS[stored[0].name]:
            expected[event_id, function] += len(stored)
    found: Counter[tuple[str, str]] = Counter((s.event_id, s.function) for s in book.skips)
    started: Counter[tuple[str, str]] = Counter()
    decided: set[tuple[str, str]] = {
        (book.event(s.event_id).key, s.function) for s in book.skips if s.reason != "duplicate"
    }
    for run in book.runs:
        if run.origin_run_id:
            continue
        for event_id in run.event_ids:
            found[event_id, run.function] += 1
            key = book.event(event_id).key
            decided.add((key, run.function))
            started[key, run.function] += run.status is not RunStatus.SKIPPED
    assert found == expected
    assert {key for key, count in started.items() if count > 1} == set()
    # What was a duplicate was one of something.
    assert decided == {(book.event(event_id).key, function) for event_id, function in expected}


def outcomes_of(server: ServerProcess, event_id: str) -> list[Outcome]:
    """What the API says of an event."""
    answer = server.get(f"/v1/events/{event_id}/outcomes")
    assert answer.status == 200, answer
    return [
        Outcome(each["slug"].removeprefix(f"{APP}-"), each["outcome"], each["run_id"])
        for each in answer.json()["data"]
    ]


def assert_api_agrees(book: Book, told: Mapping[str, Sequence[Outcome]]) -> None:
    """The API says of each event what is stored about it."""
    stored: dict[str, list[Outcome]] = defaultdict(list)
    for run in book.runs:
        if run.origin_run_id:
            continue
        word = "batched" if run.batch_id else "run"
        word = "skipped" if run.status is RunStatus.SKIPPED else word
        for event_id in run.event_ids:
            stored[event_id].append(Outcome(run.function, word, run.id))
    for skip in book.skips:
        stored[skip.event_id].append(Outcome(skip.function, skip.reason, None))
    for event_id, outcomes in told.items():
        assert Counter(outcomes) == Counter(stored[event_id]), event_id


# Runs.


def assert_app_agrees(book: Book) -> None:
    """What the app was told is what is recorded, and it is what the app's steps gave."""
    record = book.record
    assert (record.violations, record.late) == ([], {})
    runs = {run.id: run for run in book.runs}
    assert record.runs.keys() <= runs.keys()
    for run_id, seen in record.runs.items():
        run, entries = runs[run_id], book.journals[run_id]
        memos = {e["step"]: e["memo"] for e in entries if e["is"] == "StepResolved"}
        assert seen.memos.items() <= memos.items(), run_id
        assert record.batches[run_id] == [book.event(each).key for each in run.event_ids], run_id
        _assert_values(seen, memos)
        if run.status is RunStatus.COMPLETED:
            assert memos == seen.memos, run_id
            assert run.end["output"] == seen.outputs[0], run_id
            assert all(output == seen.outputs[0] for output in seen.outputs), run_id
    called = {run.id for run in book.runs if run.started_ms}
    assert called <= record.runs.keys()


def _assert_values(seen: RunRecord, memos: Mapping[str, Any]) -> None:
    for step in (step for stage in PROGRAMS[seen.function] for step in stage):
        memo = memos.get(hashed(step))
        if isinstance(step, Naps):
            assert memo is None
        elif memo is not None:
            assert _value_of(step, memo) in seen.produced[hashed(step)], seen


def _value_of(step: Step, memo: Mapping[str, Any]) -> Any:
    """What the step gave, taken out of its memo. Source: SDK protocol, 6.4."""
    match step:
        case Fetches():
            return memo["data"]["body"].strip('"')
        case Listens():
            return memo["data"]["data"]["value"]
        case _:
            return memo["data"]


# Operations.


def assert_replayed(book: Book, replay: Mapping[str, Any], statuses: Iterable[RunStatus]) -> None:
    """A replay has run again what it should, each run once, and its numbers say so."""
    assert replay["status"] == "Completed"
    assert replay["runs_failed"] == 0
    again = [run for run in book.runs if run.replay_id == replay["id"]]
    assert replay["runs_replayed"] == replay["runs_seen"] == len(again)
    originals = {run.id: run for run in book.runs}
    origins = [originals[run.origin_run_id] for run in again]
    assert len({run.id for run in origins}) == len(origins)
    created_ms = _created_ms(replay)
    function = replay["function_id"].removeprefix(f"{APP}-")
    could = [
        run
        for run in book.runs_of(function)
        if not run.origin_run_id and run.queued_ms < created_ms and run.status in statuses
    ]
    # Those that ended meanwhile may have been met or not.
    must = [run for run in could if run.ended_ms < created_ms]
    assert _ids(must) <= _ids(origins) <= _ids(could)
    for run, origin in zip(again, origins, strict=True):
        assert run.event_ids == origin.event_ids, run


def assert_cancelled(book: Book, cancellations: Sequence[Mapping[str, Any]]) -> None:
    """Two cancellations have cancelled half of the parked runs each."""
    parked = sum(stored[0].name == PARK for stored in book.events.values())
    numbers = [
        (each["status"], each["runs_seen"], each["runs_cancelled"], each["runs_failed"])
        for each in sorted(cancellations, key=_created_ms)
    ]
    assert numbers == [
        ("Completed", parked, parked // 2, 0),
        ("Completed", parked - parked // 2, parked - parked // 2, 0),
    ]


def _created_ms(operation: Mapping[str, Any]) -> int:
    # The time an id begins with is that of its creation.
    return ulid_ms(operation["id"])


def _ids(runs: Iterable[StoredRun]) -> set[str]:
    return {run.id for run in runs}
