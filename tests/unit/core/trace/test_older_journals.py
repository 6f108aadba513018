"""Journals of versions that did not record which queue item a call answered."""

from collections.abc import Mapping

import msgspec

from stepwell.core.identity import RunId, StepId
from stepwell.core.journal import Entry, decode_entry
from stepwell.core.status import RunStatus
from stepwell.core.trace.classic import classic_tree
from stepwell.core.trace.current import current_tree
from stepwell.core.trace.history import RunHistory, TracedRun, run_history
from tests.unit.core.trace.trace_world import drawn

RUN = RunId("01M3250V000000000000000002")
NAME = {"shown": "a", "op": "StepRun"}
ERROR = {"error": {"message": "m"}}


def stored(*rows: Mapping[str, object]) -> list[Entry]:
    """Entries at one millisecond after the other."""
    return [
        decode_entry(msgspec.json.encode({"at_ms": 100 + seq, **row}))
        for seq, row in enumerate(rows)
    ]


def times(queued_ms: int) -> dict[str, int]:
    return {"queued_ms": queued_ms, "sent_ms": queued_ms + 1}


def past(entries: list[Entry]) -> RunHistory:
    return run_history(
        TracedRun(RUN, "app-f", RunStatus.COMPLETED, 90, 90, 100, 100 + len(entries)), entries
    )


STARTED = {"is": "RunStarted"}
ENDED = {"is": "RunEnded", "status": 1, "output": 5, "times": times(108)}


def both(entries: list[Entry]) -> tuple[list[str], list[str]]:
    classic = classic_tree(past(entries))
    assert classic is not None
    return drawn(classic), drawn(current_tree(past(entries)))


def test_attempts_are_found_by_their_numbers() -> None:
    entries = stored(
        STARTED,
        {
            "is": "StepAttemptFailed",
            "step": "a",
            "name": NAME,
            "attempt": 0,
            "retry_at_ms": 102,
            "error": ERROR,
            "times": times(100),
        },
        {"is": "StepResolved", "step": "a", "memo": {"data": 1}, "attempt": 1, "times": times(102)},
        ENDED,
    )
    classic, current = both(entries)
    assert classic == [
        "a COMPLETED RUN 1 *",
        "  Attempt 0 FAILED RUN 0 *",
        "  Attempt 1 COMPLETED RUN 1 *",
        "function success COMPLETED - 0 *",
    ]
    assert current == [
        "a FAILED RUN 0 *",
        "a COMPLETED RUN 1 *",
        "Finalization COMPLETED FINALIZATION 0",
        "executor.nonstep COMPLETED - 0 *",
    ]


def test_a_failed_call_belongs_to_the_sleep_that_followed() -> None:
    entries = stored(
        STARTED,
        {
            "is": "CallFailed",
            "step": "",
            "attempt": 0,
            "retry_at_ms": 101,
            "error": {"message": "m"},
            "times": times(100),
        },
        {
            "is": "StepSleeping",
            "step": "z",
            "name": {"shown": "nap", "op": "Sleep"},
            "until_ms": 105,
        },
        {"is": "StepResolved", "step": "z", "memo": None},
        ENDED,
    )
    classic, _ = both(entries)
    assert classic == [
        "nap COMPLETED SLEEP 0",
        "  Attempt 0 FAILED - 0 *",
        "  Attempt 1 COMPLETED SLEEP 1",
        "function success COMPLETED - 0 *",
    ]


def test_planned_steps_are_jobs_of_their_own() -> None:
    def planned(step: str) -> dict[str, object]:
        return {"is": "StepPlanned", "step": step, "name": {"shown": step, "op": "StepPlanned"}}

    def ran(step: str, attempt: int) -> dict[str, object]:
        row = {"is": "StepResolved", "step": step, "memo": {"data": step}, "times": times(105)}
        return row | ({"attempt": attempt} if attempt else {})

    failed = {
        "is": "StepAttemptFailed",
        "step": "a",
        "name": NAME,
        "attempt": 0,
        "retry_at_ms": 105,
        "error": ERROR,
        "times": times(103),
    }
    entries = stored(
        STARTED,
        {"is": "GroupOpened", "awaited": ["a", "b"]},
        planned("a"),
        planned("b"),
        failed,
        ran("b", 0),
        ran("a", 1),
        ENDED,
    )
    classic, _ = both(entries)
    assert classic == [
        "a COMPLETED RUN 1 *",
        "  Attempt 0 FAILED RUN 0 *",
        "  Attempt 1 COMPLETED RUN 1 *",
        "b COMPLETED RUN 0 *",
        "function success COMPLETED - 0 *",
    ]


def test_a_step_that_was_never_introduced_is_shown_without_a_name() -> None:
    history = past(stored(STARTED, {"is": "StepResolved", "step": "a", "memo": {"data": 1}}))
    assert drawn(current_tree(history)) == ["Unknown step COMPLETED RUN 0 *"]
    assert history.steps[StepId("a")].result_seq == 1
