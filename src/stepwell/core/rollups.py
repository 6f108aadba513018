"""What is counted by function and minute, for charts that look back.

The counts of a batch of transitions are written in the commit that writes the batch. So they are
exact after any crash: what was undone was not counted, and what is repeated is counted once.

What is queued, under way, asleep or waiting follows from what began and what ended: everything that
begins is counted when its row is written, and everything that ends when its row is deleted.
"""

import enum
from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from typing import Final

from stepwell.core.identity import FunctionId, RunId
from stepwell.core.item_bodies import INVOCATION_TIMEOUT
from stepwell.core.journal import RunStarted, StepAttemptFailed, StepResolved
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.status import RunStatus
from stepwell.core.transition import (
    CallEnd,
    JournalRow,
    SkipReason,
    Transition,
    WaitedFor,
)

__all__ = [
    "LATENCY_BOUNDS_MS",
    "ROLLUP_COLUMNS",
    "WIDTH",
    "Counted",
    "Histogram",
    "RollupKey",
    "Span",
    "new_calls",
    "rollups_of",
    "tally",
]


class Counted(enum.IntEnum):
    """What is counted; the number is the place in a row. Names are columns of the store."""

    #: Runs created, without those that were skipped.
    RUNS_SCHEDULED = 0
    #: Runs whose first call was sent.
    RUNS_STARTED = 1
    RUNS_COMPLETED = 2
    RUNS_FAILED = 3
    RUNS_CANCELLED = 4
    RUNS_SKIPPED = 5
    #: First calls that had to wait for the function's throttle, when they were sent.
    RUNS_THROTTLED = 6
    #: Events that started no run: above the rate limit, in favour of a later one, repetitions, and
    #: because of an error.
    EVENTS_RATE_LIMITED = 7
    EVENTS_DEBOUNCED = 8
    EVENTS_DUPLICATE = 9
    EVENTS_REFUSED = 10
    #: Steps of any kind that got their result, those that got an error, and failed attempts that are
    #: repeated.
    STEPS_COMPLETED = 11
    STEPS_FAILED = 12
    STEPS_ERRORED = 13
    #: Size of the results, in bytes.
    STEP_BYTES = 14
    SLEEPS_BEGUN = 15
    SLEEPS_ENDED = 16
    #: Steps that wait for an event or a signal.
    WAITS_BEGUN = 17
    WAITS_ENDED = 18
    INVOCATIONS_BEGUN = 19
    INVOCATIONS_ENDED = 20
    #: Calls of the app that were queued, repetitions and those due later included.
    CALLS_SCHEDULED = 21
    #: Calls that were answered or failed, when they were sent, and by how they ended.
    CALLS_STARTED = 22
    CALLS_SUCCEEDED = 23
    CALLS_ERRORED = 24
    CALLS_FAILED = 25
    #: Queued calls that were not made, or given up, because they were not needed any more.
    CALLS_DROPPED = 26
    #: Calls that had to wait for a limit on concurrency, when they were sent.
    CALLS_LIMITED = 27
    #: Times between the moment a call could have been sent and that in which it was, summed up.
    DELAY_MS = 28
    #: Times from sending calls to their answers, summed up.
    CALL_MS = 29
    #: Times that SDKs measured for attempts of steps, summed up.
    STEP_US = 30


class Histogram(enum.IntEnum):
    """What is counted by how long it took; the number is the place of its first bucket in a row."""

    #: As `Counted.DELAY_MS`, in the minute the call was sent.
    DELAY = 31
    #: As `Counted.CALL_MS`, in the minute of the answer.
    CALL = 43
    #: As `Counted.STEP_US`; attempts that were measured, failed ones included.
    STEP = 55


#: Upper bounds of the buckets of a histogram, inclusive; one more bucket has what took longer. They
#: are stored by their places: other bounds would give old numbers another meaning.
LATENCY_BOUNDS_MS: Final = (10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 15_000, 60_000, 300_000)
_BUCKETS: Final = len(LATENCY_BOUNDS_MS) + 1

#: Numbers in a row.
WIDTH: Final = Histogram.STEP + _BUCKETS

#: Their names in the store, in order: what is counted, then the buckets of the histograms.
ROLLUP_COLUMNS: Final = (
    *(counted.name.lower() for counted in Counted),
    *(
        f"{histogram.name.lower()}_{bucket}"
        for histogram in Histogram
        for bucket in range(_BUCKETS)
    ),
)
assert len(ROLLUP_COLUMNS) == WIDTH

_MINUTE_MS: Final = 60_000
_HOUR_MS: Final = 60 * _MINUTE_MS
_NS_PER_US: Final = 1_000
_NS_PER_MS: Final = 1_000_000


class Span(enum.IntEnum):
    """For how long a row counts. The numbers are stored; never renumber."""

    MINUTE = 0
    HOUR = 1
    #: Since the function's first event, or since this version of Stepwell was installed.
    EVER = 2

    def start_ms(self, at_ms: int) -> int:
        """When the row begins that counts what happened at `at_ms`."""
        match self:
            case Span.MINUTE:
                return at_ms - at_ms % _MINUTE_MS
            case Span.HOUR:
                return at_ms - at_ms % _HOUR_MS
            case Span.EVER:
                return 0


#: Function, span, and start in ms since 1970.
RollupKey = tuple[FunctionId, Span, int]

# By function and start of the minute.
_Minutes = dict[tuple[FunctionId, int], list[int]]

_ENDED_RUNS: Final[Mapping[RunStatus, Counted]] = {
    RunStatus.COMPLETED: Counted.RUNS_COMPLETED,
    RunStatus.FAILED: Counted.RUNS_FAILED,
    RunStatus.CANCELLED: Counted.RUNS_CANCELLED,
    RunStatus.SKIPPED: Counted.RUNS_SKIPPED,
}
_ENDED_CALLS: Final[Mapping[CallEnd, Counted]] = {
    "success": Counted.CALLS_SUCCEEDED,
    "errored": Counted.CALLS_ERRORED,
    "failed": Counted.CALLS_FAILED,
}
# An event with an invalid `cancelOn` condition did start a run.
_SKIPS: Final[Mapping[SkipReason, Counted]] = {
    SkipReason.RATE_LIMITED: Counted.EVENTS_RATE_LIMITED,
    SkipReason.DEBOUNCED: Counted.EVENTS_DEBOUNCED,
    SkipReason.DUPLICATE: Counted.EVENTS_DUPLICATE,
    SkipReason.EXPRESSION_FAILED: Counted.EVENTS_REFUSED,
    SkipReason.FUNCTION_GONE: Counted.EVENTS_REFUSED,
    SkipReason.DEFECT: Counted.EVENTS_REFUSED,
}


def rollups_of(batch: Sequence[Transition]) -> dict[RollupKey, list[int]]:
    """What a batch adds to the rows of all spans."""
    rows: dict[RollupKey, list[int]] = {}
    for (function_id, minute_ms), numbers in tally(batch).items():
        for span in Span:
            key = (function_id, span, span.start_ms(minute_ms))
            known = rows.get(key)
            rows[key] = (
                numbers
                if known is None
                else [one + other for one, other in zip(known, numbers, strict=True)]
            )
    return rows


def tally(batch: Sequence[Transition]) -> dict[tuple[FunctionId, int], list[int]]:
    """What a batch adds, by function and start of the minute; `WIDTH` numbers each."""
    minutes: _Minutes = {}
    for transition in batch:
        _tally_items(minutes, transition)
        if transition.answered:
            _tally_calls(minutes, transition)
        if transition.journal:
            _tally_journal(minutes, transition)
        if transition.runs or transition.ended:
            _tally_runs(minutes, transition)
        for skip in transition.skips:
            counted = _SKIPS.get(skip.reason)
            if counted is not None:
                _add(minutes, skip.function_id, skip.at_ms, counted)
    return minutes


def new_calls(transition: Transition) -> Iterator[QueueItem]:
    """The calls that a transition queues; not those that only stand elsewhere from now on."""
    for item in transition.put:
        if item.kind.is_call:
            yield item
    if transition.answered or transition.closed:
        over = {call.item_id for call in transition.answered}
        over.update(item.id for item in transition.closed)
        for items in (transition.renew, transition.renew_due):
            for item in items:
                if item.kind.is_call and item.id in over:
                    yield item


def _add(
    minutes: _Minutes, function_id: FunctionId, at_ms: int, place: int, number: int = 1
) -> None:
    key = (function_id, at_ms - at_ms % _MINUTE_MS)
    row = minutes.get(key)
    if row is None:
        row = minutes[key] = [0] * WIDTH
    row[place] += number


def _tally_items(minutes: _Minutes, transition: Transition) -> None:
    """What begins to be queued, to sleep and to wait, and what does not any more."""
    for item in new_calls(transition):
        _add(minutes, item.function_id, item.queued_ms, Counted.CALLS_SCHEDULED)
    for item in transition.put:
        if item.kind is ItemKind.SLEEP:
            _add(minutes, item.function_id, item.queued_ms, Counted.SLEEPS_BEGUN)
        elif item.kind is ItemKind.TIMEOUT:
            is_invocation = item.body == INVOCATION_TIMEOUT
            begun = Counted.INVOCATIONS_BEGUN if is_invocation else Counted.WAITS_BEGUN
            _add(minutes, item.function_id, item.queued_ms, begun)
    for item in transition.closed:
        if item.kind is ItemKind.SLEEP:
            _add(minutes, item.function_id, transition.at_ms, Counted.SLEEPS_ENDED)
        elif item.kind is ItemKind.TIMEOUT:
            is_invocation = item.body == INVOCATION_TIMEOUT
            over = Counted.INVOCATIONS_ENDED if is_invocation else Counted.WAITS_ENDED
            _add(minutes, item.function_id, transition.at_ms, over)
        elif item.kind.is_call:
            _add(minutes, item.function_id, transition.at_ms, Counted.CALLS_DROPPED)


def _tally_calls(minutes: _Minutes, transition: Transition) -> None:
    function_id = transition.function_id
    for call in transition.answered:
        delay_ms = max(0, call.sent_ms - call.ready_ms)
        took_ms = max(0, call.ended_ms - call.sent_ms)
        _add(minutes, function_id, call.sent_ms, Counted.CALLS_STARTED)
        _add(minutes, function_id, call.sent_ms, Counted.DELAY_MS, delay_ms)
        _add(minutes, function_id, call.sent_ms, Histogram.DELAY + _bucket(delay_ms))
        _add(minutes, function_id, call.ended_ms, _ENDED_CALLS[call.end])
        _add(minutes, function_id, call.ended_ms, Counted.CALL_MS, took_ms)
        _add(minutes, function_id, call.ended_ms, Histogram.CALL + _bucket(took_ms))
        if call.waited_for:
            if WaitedFor.THROTTLE in call.waited_for:
                _add(minutes, function_id, call.sent_ms, Counted.RUNS_THROTTLED)
            if WaitedFor.CONCURRENCY in call.waited_for:
                _add(minutes, function_id, call.sent_ms, Counted.CALLS_LIMITED)


def _tally_journal(minutes: _Minutes, transition: Transition) -> None:
    for row in transition.journal:
        entry = row.entry
        if isinstance(entry, StepResolved):
            if transition.runs and _is_taken_over(row, transition):
                continue
            function_id = _function_of(row.run_id, transition)
            counted = Counted.STEPS_FAILED if entry.failed else Counted.STEPS_COMPLETED
            _add(minutes, function_id, entry.at_ms, counted)
            _add(minutes, function_id, entry.at_ms, Counted.STEP_BYTES, len(entry.memo))
            _tally_duration(minutes, function_id, entry)
        elif isinstance(entry, StepAttemptFailed):
            function_id = _function_of(row.run_id, transition)
            _add(minutes, function_id, entry.at_ms, Counted.STEPS_ERRORED)
            _tally_duration(minutes, function_id, entry)
        elif isinstance(entry, RunStarted):
            function_id = _function_of(row.run_id, transition)
            _add(minutes, function_id, entry.at_ms, Counted.RUNS_STARTED)


def _tally_duration(
    minutes: _Minutes, function_id: FunctionId, entry: StepResolved | StepAttemptFailed
) -> None:
    """Some SDKs do not measure."""
    call = entry.call
    if call is not None and call.step_ns > 0:
        _add(minutes, function_id, entry.at_ms, Counted.STEP_US, call.step_ns // _NS_PER_US)
        bucket = _bucket(-(-call.step_ns // _NS_PER_MS))
        _add(minutes, function_id, entry.at_ms, Histogram.STEP + bucket)


def _tally_runs(minutes: _Minutes, transition: Transition) -> None:
    for new in transition.runs:
        _add(minutes, new.function_id, new.queued_ms, Counted.RUNS_SCHEDULED)
    for end in transition.ended:
        function_id = _function_of(end.run_id, transition)
        _add(minutes, function_id, end.ended_ms, _ENDED_RUNS[end.status])
        if end.status is RunStatus.SKIPPED:
            # It was created by the same decision, only to be shown.
            _add(minutes, function_id, end.ended_ms, Counted.RUNS_SCHEDULED, -1)


def _bucket(took_ms: int) -> int:
    return bisect_left(LATENCY_BOUNDS_MS, took_ms)


def _function_of(run_id: RunId, transition: Transition) -> FunctionId:
    for new in transition.runs:
        if new.id == run_id:
            return new.function_id
    return transition.function_id


def _is_taken_over(row: JournalRow, transition: Transition) -> bool:
    """Whether it is a result with which a rerun begins: the step was not run again."""
    return any(new.id == row.run_id and new.origin_run_id for new in transition.runs)
