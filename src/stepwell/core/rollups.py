"""Counting what a batch of transitions brings, by function and minute, for charts that look back.

The counts are written in the commit that writes the batch. So they are exact after any crash: what
was undone was not counted, and what is repeated is counted once.

What is queued, under way, asleep or waiting follows from what began and what ended: everything that
begins is counted when its row is written, and everything that ends when its row is deleted.

This is done for every transition, hence the plain numbers: attributes of enums cost more than the
counting.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import Final

import msgspec

from stepwell.core.counted import (
    LATENCY_BOUNDS_MS,
    MINUTE_MS,
    Counted,
    Histogram,
    RollupKey,
    Span,
)
from stepwell.core.identity import FunctionId, RunId
from stepwell.core.item_bodies import INVOCATION_TIMEOUT
from stepwell.core.journal import RunStarted, StepAttemptFailed, StepResolved
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.status import RunStatus
from stepwell.core.transition import (
    AnsweredCall,
    CallEnd,
    JournalRow,
    SkipReason,
    Transition,
    WaitedFor,
)

__all__ = [
    "Tally",
    "decode_tally",
    "encode_tally",
    "function_of",
    "merged",
    "new_calls",
    "rollups_of",
    "tally",
]

#: Function and start of the minute to numbers by their place; see `Counted` and `Histogram`.
Tally = Mapping[tuple[FunctionId, int], Mapping[int, int]]

_COUNTED_ENTRIES: Final = frozenset({StepResolved, StepAttemptFailed, RunStarted})

_NS_PER_US: Final = 1_000
_NS_PER_MS: Final = 1_000_000

_RUNS_SCHEDULED: Final = Counted.RUNS_SCHEDULED.value
_RUNS_STARTED: Final = Counted.RUNS_STARTED.value
_RUNS_THROTTLED: Final = Counted.RUNS_THROTTLED.value
_STEPS_COMPLETED: Final = Counted.STEPS_COMPLETED.value
_STEPS_FAILED: Final = Counted.STEPS_FAILED.value
_STEPS_ERRORED: Final = Counted.STEPS_ERRORED.value
_STEP_BYTES: Final = Counted.STEP_BYTES.value
_STEP_US: Final = Counted.STEP_US.value
_CALLS_SCHEDULED: Final = Counted.CALLS_SCHEDULED.value
_CALLS_STARTED: Final = Counted.CALLS_STARTED.value
_CALLS_DROPPED: Final = Counted.CALLS_DROPPED.value
_CALLS_LIMITED: Final = Counted.CALLS_LIMITED.value
_DELAY_MS: Final = Counted.DELAY_MS.value
_CALL_MS: Final = Counted.CALL_MS.value
_DELAYS: Final = Histogram.DELAY.value
_CALLS: Final = Histogram.CALL.value
_STEPS: Final = Histogram.STEP.value

_ENDED_RUNS: Final[Mapping[RunStatus, int]] = {
    RunStatus.COMPLETED: Counted.RUNS_COMPLETED.value,
    RunStatus.FAILED: Counted.RUNS_FAILED.value,
    RunStatus.CANCELLED: Counted.RUNS_CANCELLED.value,
    RunStatus.SKIPPED: Counted.RUNS_SKIPPED.value,
}
_ENDED_CALLS: Final[Mapping[CallEnd, int]] = {
    "success": Counted.CALLS_SUCCEEDED.value,
    "errored": Counted.CALLS_ERRORED.value,
    "failed": Counted.CALLS_FAILED.value,
}
# An event with an invalid `cancelOn` condition did start a run.
_SKIPS: Final[Mapping[SkipReason, int]] = {
    SkipReason.RATE_LIMITED: Counted.EVENTS_RATE_LIMITED.value,
    SkipReason.DEBOUNCED: Counted.EVENTS_DEBOUNCED.value,
    SkipReason.DUPLICATE: Counted.EVENTS_DUPLICATE.value,
    SkipReason.EXPRESSION_FAILED: Counted.EVENTS_REFUSED.value,
    SkipReason.FUNCTION_GONE: Counted.EVENTS_REFUSED.value,
    SkipReason.DEFECT: Counted.EVENTS_REFUSED.value,
}
_SLEEPING: Final = ItemKind.SLEEP
_WAITING: Final = ItemKind.TIMEOUT
# What begins and what ends, of what is neither a call nor an invocation.
_SLEEP: Final = (Counted.SLEEPS_BEGUN.value, Counted.SLEEPS_ENDED.value)
_WAIT: Final = (Counted.WAITS_BEGUN.value, Counted.WAITS_ENDED.value)
_INVOCATION: Final = (Counted.INVOCATIONS_BEGUN.value, Counted.INVOCATIONS_ENDED.value)

_Numbers = defaultdict[int, int]
_Counts = defaultdict[tuple[FunctionId, int], _Numbers]
_no_numbers: Final = partial(_Numbers, int)

_StoredTally = list[tuple[FunctionId, int, dict[int, int]]]
_ENCODER: Final = msgspec.msgpack.Encoder()
_DECODER: Final[msgspec.msgpack.Decoder[_StoredTally]] = msgspec.msgpack.Decoder(_StoredTally)


def tally(batch: Sequence[Transition]) -> Tally:
    """What a batch adds."""
    counts: _Counts = defaultdict(_no_numbers)
    for transition in batch:
        _count_begun(counts, transition)
        if transition.closed:
            _count_closed(counts, transition)
        for call in transition.answered:
            _count_call(counts, transition.function_id, call)
        if transition.journal:
            _count_journal(counts, transition)
        if transition.runs or transition.ended:
            _count_runs(counts, transition)
        for skip in transition.skips:
            place = _SKIPS.get(skip.reason)
            if place is not None:
                counts[skip.function_id, _minute(skip.at_ms)][place] += 1
    return counts


def merged(tallies: Iterable[Tally]) -> Tally:
    """All of them together."""
    counts: dict[tuple[FunctionId, int], dict[int, int]] = {}
    for each in tallies:
        for key, numbers in each.items():
            row = counts.setdefault(key, {})
            for place, number in numbers.items():
                row[place] = row.get(place, 0) + number
    return counts


def rollups_of(counts: Tally) -> dict[RollupKey, dict[int, int]]:
    """What is added to the rows of all spans."""
    rows: dict[RollupKey, dict[int, int]] = {}
    for (function_id, minute_ms), numbers in counts.items():
        for span in Span:
            row = rows.setdefault((function_id, span, span.start_ms(minute_ms)), {})
            for place, number in numbers.items():
                row[place] = row.get(place, 0) + number
    return rows


def encode_tally(counts: Tally) -> bytes:
    """The counts as they are stored until they are added to the rollups."""
    return _ENCODER.encode([(*key, numbers) for key, numbers in counts.items()])


def decode_tally(raw: bytes) -> Tally:
    """The counts stored as `raw`."""
    return {
        (function_id, minute_ms): numbers
        for function_id, minute_ms, numbers in _DECODER.decode(raw)
    }


def new_calls(transition: Transition) -> list[QueueItem]:
    """The calls that a transition queues; not those that only stand elsewhere from now on."""
    calls = [item for item in transition.put if item.kind.is_call] if transition.put else []
    if transition.answered or transition.closed:
        renewed = transition.renew + transition.renew_due
        calls += [item for item in renewed if item.kind.is_call and _is_over(item, transition)]
    return calls


def function_of(run_id: RunId, transition: Transition) -> FunctionId:
    """Whose run it is that a transition says something about."""
    for new in transition.runs:
        if new.id == run_id:
            return new.function_id
    return transition.function_id


def _is_over(item: QueueItem, transition: Transition) -> bool:
    """Whether what the item stood for before is over, so that it is other work from now on."""
    for call in transition.answered:
        if call.item_id == item.id:
            return True
    return any(closed.id == item.id for closed in transition.closed)


def _minute(at_ms: int) -> int:
    return at_ms - at_ms % MINUTE_MS


def _count_begun(counts: _Counts, transition: Transition) -> None:
    for item in new_calls(transition):
        counts[item.function_id, _minute(item.queued_ms)][_CALLS_SCHEDULED] += 1
    for item in transition.put:
        suspended = _suspended(item)
        if suspended is not None:
            counts[item.function_id, _minute(item.queued_ms)][suspended[0]] += 1


def _count_closed(counts: _Counts, transition: Transition) -> None:
    for item in transition.closed:
        if item.kind.is_call:
            place = _CALLS_DROPPED
        else:
            suspended = _suspended(item)
            if suspended is None:
                continue
            place = suspended[1]
        counts[item.function_id, _minute(transition.at_ms)][place] += 1


def _suspended(item: QueueItem) -> tuple[int, int] | None:
    """As what its step is counted that sleeps or waits; None for other items."""
    if item.kind is _SLEEPING:
        return _SLEEP
    if item.kind is _WAITING:
        return _INVOCATION if item.body == INVOCATION_TIMEOUT else _WAIT
    return None


def _count_call(counts: _Counts, function_id: FunctionId, call: AnsweredCall) -> None:
    sent_ms, ended_ms = call.sent_ms, call.ended_ms
    delay_ms = sent_ms - call.ready_ms if sent_ms > call.ready_ms else 0
    row = counts[function_id, sent_ms - sent_ms % MINUTE_MS]
    row[_DELAYS + bisect_left(LATENCY_BOUNDS_MS, delay_ms)] += 1
    row[_DELAY_MS] += delay_ms
    row[_CALLS_STARTED] += 1
    if call.waited_for:
        if WaitedFor.THROTTLE in call.waited_for:
            row[_RUNS_THROTTLED] += 1
        if WaitedFor.CONCURRENCY in call.waited_for:
            row[_CALLS_LIMITED] += 1
    took_ms = ended_ms - sent_ms if ended_ms > sent_ms else 0
    row = counts[function_id, ended_ms - ended_ms % MINUTE_MS]
    row[_CALLS + bisect_left(LATENCY_BOUNDS_MS, took_ms)] += 1
    row[_CALL_MS] += took_ms
    row[_ENDED_CALLS[call.end]] += 1


def _count_journal(counts: _Counts, transition: Transition) -> None:
    for journal_row in transition.journal:
        entry = journal_row.entry
        kind = type(entry)
        if kind not in _COUNTED_ENTRIES:
            continue
        function_id = transition.function_id
        if transition.runs:
            if isinstance(entry, StepResolved) and _is_taken_over(journal_row, transition):
                continue
            function_id = function_of(journal_row.run_id, transition)
        row = counts[function_id, entry.at_ms - entry.at_ms % MINUTE_MS]
        if isinstance(entry, StepResolved):
            row[_STEPS_FAILED if entry.failed else _STEPS_COMPLETED] += 1
            row[_STEP_BYTES] += len(entry.memo)
            _count_duration(row, entry)
        elif isinstance(entry, StepAttemptFailed):
            row[_STEPS_ERRORED] += 1
            _count_duration(row, entry)
        else:
            row[_RUNS_STARTED] += 1


def _count_duration(row: _Numbers, entry: StepResolved | StepAttemptFailed) -> None:
    """Some SDKs do not measure."""
    call = entry.call
    if call is not None and call.step_ns > 0:
        row[_STEPS + bisect_left(LATENCY_BOUNDS_MS, -(-call.step_ns // _NS_PER_MS))] += 1
        row[_STEP_US] += call.step_ns // _NS_PER_US


def _count_runs(counts: _Counts, transition: Transition) -> None:
    for new in transition.runs:
        counts[new.function_id, _minute(new.queued_ms)][_RUNS_SCHEDULED] += 1
    for end in transition.ended:
        row = counts[function_of(end.run_id, transition), _minute(end.ended_ms)]
        row[_ENDED_RUNS[end.status]] += 1
        if end.status is RunStatus.SKIPPED:
            # It was created by the same decision, only to be shown.
            row[_RUNS_SCHEDULED] -= 1


def _is_taken_over(row: JournalRow, transition: Transition) -> bool:
    """Whether it is a result with which a rerun begins: the step was not run again."""
    return any(new.id == row.run_id and new.origin_run_id for new in transition.runs)
