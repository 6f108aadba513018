"""What was counted is what happened, whatever crashed when.

Counts are added to rows that were there before, so anything that is written twice, or not at all,
would stay wrong for ever. Here they are compared with the runs, journals and skips that are stored,
and with the queue.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator

from stepwell.core.counted import ROLLUP_COLUMNS, Counted, Histogram, Span
from stepwell.core.item_bodies import INVOCATION_TIMEOUT
from stepwell.core.journal import (
    Entry,
    RunStarted,
    StepAttemptFailed,
    StepResolved,
    decode_entry,
)
from stepwell.core.queue import ItemKind
from stepwell.core.rollups import decode_tally
from stepwell.core.status import RunStatus
from tests.simulation.world import World

__all__ = ["check_counts", "check_open"]

# Function and minute, and what was counted.
_Counts = dict[tuple[str, int], Counter[Counted]]

_BEGUN_AND_ENDED = {
    "calls": (
        (Counted.CALLS_SCHEDULED,),
        (
            Counted.CALLS_SUCCEEDED,
            Counted.CALLS_ERRORED,
            Counted.CALLS_FAILED,
            Counted.CALLS_DROPPED,
        ),
    ),
    "sleeps": ((Counted.SLEEPS_BEGUN,), (Counted.SLEEPS_ENDED,)),
    "waits": ((Counted.WAITS_BEGUN,), (Counted.WAITS_ENDED,)),
    "invocations": ((Counted.INVOCATIONS_BEGUN,), (Counted.INVOCATIONS_ENDED,)),
    # No call is counted before it is answered.
    "calls under way": (
        (Counted.CALLS_STARTED,),
        (Counted.CALLS_SUCCEEDED, Counted.CALLS_ERRORED, Counted.CALLS_FAILED),
    ),
}
_ENDED = {
    RunStatus.COMPLETED: Counted.RUNS_COMPLETED,
    RunStatus.FAILED: Counted.RUNS_FAILED,
    RunStatus.CANCELLED: Counted.RUNS_CANCELLED,
    RunStatus.SKIPPED: Counted.RUNS_SKIPPED,
}
_SKIPS = {
    "duplicate": Counted.EVENTS_DUPLICATE,
    "rate_limited": Counted.EVENTS_RATE_LIMITED,
    "debounced": Counted.EVENTS_DEBOUNCED,
    "expression_failed": Counted.EVENTS_REFUSED,
    "function_gone": Counted.EVENTS_REFUSED,
    "defect": Counted.EVENTS_REFUSED,
}
_FROM_STORED_ROWS = {
    Counted.RUNS_SCHEDULED,
    Counted.RUNS_STARTED,
    *_ENDED.values(),
    *_SKIPS.values(),
    Counted.STEPS_COMPLETED,
    Counted.STEPS_FAILED,
    Counted.STEPS_ERRORED,
    Counted.STEP_BYTES,
}


def check_open(world: World) -> Iterator[str]:
    """What has begun and not ended, by the counts, is what stands in the queue; at any moment."""
    counts = _counted(world, Span.EVER)
    queued = _queued(world)
    for function_id in sorted({function_id for function_id, _ in counts} | queued.keys()):
        of_function = counts[function_id, 0]
        for name, (begun, ended) in _BEGUN_AND_ENDED.items():
            still_open = sum(of_function[each] for each in begun)
            still_open -= sum(of_function[each] for each in ended)
            if still_open != queued[function_id][name]:
                yield f"{name} of {function_id}: {still_open} counted, {queued[function_id][name]} queued"


def check_counts(world: World) -> Iterator[str]:
    """Counts by the minute, by the hour and for ever are those of all stored rows."""
    expected = _expected(world)
    for span in Span:
        due: _Counts = defaultdict(Counter)
        for (function_id, at_ms), numbers in expected.items():
            due[function_id, span.start_ms(at_ms)].update(numbers)
        found = _counted(world, span)
        for key in sorted(due.keys() | found.keys()):
            for counted in sorted(_FROM_STORED_ROWS):
                if due[key][counted] != found[key][counted]:
                    yield (
                        f"{span.name} {key}: {found[key][counted]} {counted.name},"
                        f" not {due[key][counted]}"
                    )
        yield from _histograms(world, span)


def _expected(world: World) -> _Counts:
    counts: _Counts = defaultdict(Counter)
    functions: dict[str, str] = {}
    for run_id, function_id, status, queued_ms, ended_ms in world.rows(
        "SELECT id, function_id, status, queued_ms, ended_ms FROM runs"
    ):
        functions[run_id] = function_id
        if status != RunStatus.SKIPPED:
            counts[function_id, queued_ms][Counted.RUNS_SCHEDULED] += 1
        if status in _ENDED:
            counts[function_id, ended_ms][_ENDED[RunStatus(status)]] += 1
    for function_id, reason, at_ms in world.rows("SELECT function_id, reason, at_ms FROM skips"):
        if reason in _SKIPS:
            counts[function_id, at_ms][_SKIPS[reason]] += 1
    for run_id, entries in _journals(world).items():
        for entry in entries:
            _expect_entry(counts[functions.get(run_id, ""), entry.at_ms], entry)
    return counts


def _expect_entry(counts: Counter[Counted], entry: Entry) -> None:
    match entry:
        case RunStarted():
            counts[Counted.RUNS_STARTED] += 1
        case StepAttemptFailed():
            counts[Counted.STEPS_ERRORED] += 1
        case StepResolved(failed=failed, memo=memo):
            counts[Counted.STEPS_FAILED if failed else Counted.STEPS_COMPLETED] += 1
            counts[Counted.STEP_BYTES] += len(memo)


def _journals(world: World) -> dict[str, list[Entry]]:
    """The entries of each run, without the results with which a rerun begins."""
    reruns = {id_ for (id_,) in world.rows("SELECT id FROM runs WHERE origin_run_id <> ''")}
    journals: dict[str, list[Entry]] = defaultdict(list)
    for run_id, body in world.rows("SELECT run_id, body FROM journal ORDER BY run_id, seq"):
        entry = decode_entry(body)
        is_head = not any(isinstance(before, RunStarted) for before in journals[run_id])
        if not (run_id in reruns and is_head and isinstance(entry, StepResolved)):
            journals[run_id].append(entry)
    return journals


def _counted(world: World, span: Span) -> _Counts:
    """By function and start of the row, with what was not added up yet."""
    counts: _Counts = defaultdict(Counter)
    columns = [counted.name.lower() for counted in Counted]
    for function_id, start_ms, *numbers in world.rows(
        f"SELECT function_id, start_ms, {', '.join(columns)} FROM rollups WHERE span = ?", int(span)
    ):
        counts[function_id, start_ms].update(dict(zip(Counted, numbers, strict=True)))
    for (body,) in world.rows("SELECT body FROM tallies"):
        for (function_id, minute_ms), found in decode_tally(body).items():
            for place, number in found.items():
                if place < len(Counted):
                    counts[function_id, span.start_ms(minute_ms)][Counted(place)] += number
    return counts


def _queued(world: World) -> dict[str, Counter[str]]:
    queued: dict[str, Counter[str]] = defaultdict(Counter)
    for function_id, kind, body in world.rows("SELECT function_id, kind, body FROM queue"):
        match ItemKind(kind):
            case ItemKind.SLEEP:
                queued[function_id]["sleeps"] += 1
            case ItemKind.TIMEOUT:
                name = "invocations" if body == INVOCATION_TIMEOUT else "waits"
                queued[function_id][name] += 1
            case each if each.is_call:
                queued[function_id]["calls"] += 1
    return queued


def _histograms(world: World, span: Span) -> Iterator[str]:
    """Every call that is counted stands in one bucket of each histogram."""
    sums: Counter[str] = Counter()
    for row in world.rows(
        f"SELECT {', '.join(ROLLUP_COLUMNS)} FROM rollups WHERE span = ?", int(span)
    ):
        sums.update(dict(zip(ROLLUP_COLUMNS, row, strict=True)))
    for (body,) in world.rows("SELECT body FROM tallies"):
        for found in decode_tally(body).values():
            sums.update({ROLLUP_COLUMNS[place]: number for place, number in found.items()})
    buckets = Histogram.CALL - Histogram.DELAY
    for histogram in (Histogram.DELAY, Histogram.CALL):
        counted = sum(sums[name] for name in ROLLUP_COLUMNS[histogram : histogram + buckets])
        if counted != sums["calls_started"]:
            yield f"{span.name}: {counted} calls in {histogram.name}, not {sums['calls_started']}"
