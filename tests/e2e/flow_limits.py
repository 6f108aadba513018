"""Small models of the limits, which are compared with what was recorded.

Each is written from the definition of the option and shares no code with the server.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import permutations
from typing import NamedTuple

from stepwell.core.status import RunStatus
from stepwell.wire.ulid import ulid_ms
from tests.e2e.flow_app import (
    BATCH_MS,
    BATCH_SIZE,
    DEBOUNCE_LONGEST_MS,
    DEBOUNCE_MS,
    FUNCTION_LIMIT,
    KEYED_LIMIT,
    RATE_LIMIT,
    RATE_PERIOD_MS,
    RUNS_LIMIT,
    THROTTLE_BURST,
    THROTTLE_LIMIT,
    THROTTLE_PERIOD_MS,
)
from tests.e2e.flow_book import Book, Decided, StoredEvent
from tests.e2e.flow_samples import Sample
from tests.e2e.load import Load

_Span = tuple[float, float]

_THROTTLE_CAPACITY = THROTTLE_LIMIT + THROTTLE_BURST
_THROTTLE_INTERVAL_MS = THROTTLE_PERIOD_MS // THROTTLE_LIMIT
_RATE_CAPACITY = RATE_LIMIT // 10 + 1
_RATE_INTERVAL_MS = RATE_PERIOD_MS // RATE_LIMIT
_NS_PER_MS = 1_000_000
# Runs that have to be read first are let in after others that were charged later; so much less may
# one of them add. It is far from an interval, which a charge that is lost would lack.
_LATE_NS = 250 * _NS_PER_MS


def most_together(spans: Iterable[_Span]) -> int:
    """How many of the spans have a moment in common at most; one that ends makes room at once."""
    edges = sorted(edge for begin, end in spans for edge in ((begin, 1), (max(begin, end), -1)))
    most = together = 0
    for _, change in edges:
        together += change
        most = max(most, together)
    return most


def assert_concurrency(book: Book) -> dict[str, int]:
    """No life of the server has waited for more answers than allowed; the most it has."""
    customers = {run.id: book.customer_of(run) for run in book.runs}
    spans: dict[tuple[str, int, str], list[_Span]] = defaultdict(list)
    for each in book.record.booked:
        span = (each.began_ns, each.ended_ns)
        spans[each.function, each.incarnation, ""].append(span)
        spans[each.function, each.incarnation, customers[each.run_id]].append(span)
    most: dict[str, int] = defaultdict(int)
    for (function, _, customer), together in spans.items():
        name = f"{function} per key" if customer else function
        most[name] = max(most[name], most_together(together))
    assert most["keyed"] <= FUNCTION_LIMIT
    assert most["keyed per key"] <= KEYED_LIMIT
    assert most["starting"] <= 1
    lives: dict[str, list[_Span]] = defaultdict(list)
    for customer, _, begin_ms, end_ms in book.lives("pool"):
        lives[customer].append((begin_ms, end_ms))
    most["pool"] = max(map(most_together, lives.values()))
    assert most["pool"] <= RUNS_LIMIT
    return {name: most[name] for name in ("keyed", "keyed per key", "starting", "pool")}


def assert_singletons(book: Book, samples: Sequence[Sample]) -> None:
    """No two runs of a key were live together, and what was skipped had a rival."""
    assert [sample.rivals for sample in samples if sample.rivals] == []
    lives: dict[tuple[str, str], list[_Span]] = defaultdict(list)
    for function in ("skipping", "replacing"):
        for customer, _, begin_ms, end_ms in book.lives(function):
            lives[function, customer].append((begin_ms, end_ms))
    assert {key: most_together(spans) for key, spans in lives.items()} == dict.fromkeys(lives, 1)
    runs = {run.id: run for run in book.runs}
    for run in book.runs_of("skipping"):
        if run.status is RunStatus.SKIPPED:
            rival = runs[run.end["existing_run_id"]]
            assert rival.function == run.function
            assert rival.status is not RunStatus.SKIPPED
            assert book.customer_of(rival) == book.customer_of(run)
            assert rival.queued_ms <= run.queued_ms
    # Whoever would have to be skipped, was.
    alive = sorted((r for r in book.runs_of("skipping") if r.singleton), key=lambda r: r.queued_ms)
    ended_ms: dict[str, int] = {}
    for run in alive:
        assert run.queued_ms >= ended_ms.get(run.singleton, 0), run
        ended_ms[run.singleton] = run.ended_ms


def assert_rate(book: Book) -> None:
    """The rate limit has let in what fitted, and nothing else."""
    decisions: dict[str, list[tuple[int, bool]]] = defaultdict(list)
    for run in book.runs_of("rated"):
        decisions[book.customer_of(run)].append((run.queued_ms, False))
    for skip in book.skips_of("rated", "rate_limited"):
        decisions[book.event(skip.event_id).customer].append((skip.at_ms, True))
    assert any(was_dropped for each in decisions.values() for _, was_dropped in each)
    for customer, decided in decisions.items():
        used_up_ms = 0
        # Of one millisecond, those that fit come first.
        for at_ms, was_dropped in sorted(decided):
            fits = used_up_ms <= at_ms + (_RATE_CAPACITY - 1) * _RATE_INTERVAL_MS
            assert fits is not was_dropped, (customer, at_ms, decided)
            if fits:
                used_up_ms = max(used_up_ms, at_ms) + _RATE_INTERVAL_MS


def assert_throttle(book: Book, samples: Sequence[Sample]) -> None:
    """Each start has cost its time once, and none came before there was time for it."""
    starts: dict[str, list[int]] = defaultdict(list)
    queued_ms: dict[str, int] = {}
    for run in book.runs_of("throttled"):
        starts[book.customer_of(run)].append(run.started_ms)
        queued_ms.setdefault(book.customer_of(run), run.queued_ms)
    for customer, started in starts.items():
        for ahead, started_ms in enumerate(sorted(started)):
            waits_ms = max(0, ahead + 1 - _THROTTLE_CAPACITY) * _THROTTLE_INTERVAL_MS
            assert started_ms >= queued_ms[customer] + waits_ms, (customer, ahead)
        assert samples[-1].let_in[customer] == len(started)
        _assert_charged(customer, samples)


def _assert_charged(customer: str, samples: Sequence[Sample]) -> None:
    """Between two moments, what is used up has grown by what was let in, and is never too much.

    A charge adds an interval to what is used up, or to the present if that is later.
    """
    interval_ns = _THROTTLE_INTERVAL_MS * _NS_PER_MS
    let_in = least_ns = most_ns = 0
    for sample in samples:
        new = sample.let_in.get(customer, 0) - let_in
        assert new >= 0, "nothing that was let in is let in again"
        let_in += new
        if new:
            least_ns += new * interval_ns - _LATE_NS
            most_ns = max(most_ns, sample.until_ns) + new * interval_ns
        tat_ns = sample.tats_ns.get(customer)
        if tat_ns is None:
            # Forgotten once it is past.
            assert least_ns <= sample.until_ns, (customer, let_in)
            most_ns = min(most_ns, sample.until_ns)
            continue
        assert least_ns <= tat_ns <= most_ns, (customer, let_in)
        assert tat_ns <= sample.until_ns + _THROTTLE_CAPACITY * interval_ns, (customer, let_in)
        least_ns = most_ns = tat_ns


# Events that are merged.


class Order:
    """Which of two events was certainly accepted before the other."""

    def __init__(self, load: Load) -> None:
        self._sent = load.sent
        self._answered = load.answered

    def is_before(self, event: StoredEvent, other: StoredEvent) -> bool:
        number, index = place_of(event)
        other_number, other_index = place_of(other)
        if number == other_number:
            return index < other_index
        return self._answered[number] < self._sent[other_number]


def place_of(event: StoredEvent) -> tuple[int, int]:
    """The number of the request, and the event's place in it."""
    _, number, index = event.key.split("-")[:3]
    return int(number), int(index)


def assert_batches(book: Book, order: Order) -> None:
    """Batches are whole, in order, not too large and not too early."""
    joined: dict[str, list[_Member]] = defaultdict(list)
    for run in book.runs_of("batched"):
        if run.origin_run_id:
            continue
        opened_ms = ulid_ms(run.batch_id)
        events = [book.event(event_id) for event_id in run.event_ids]
        assert len({event.customer for event in events}) == 1, run
        assert len(events) <= BATCH_SIZE, run
        assert len(events) == BATCH_SIZE or run.queued_ms >= opened_ms + BATCH_MS, run
        joined[events[0].customer] += [
            _Member(event, run.batch_id, opened_ms, place) for place, event in enumerate(events)
        ]
    for members in joined.values():
        for member, other in permutations(members, 2):
            if not order.is_before(member.event, other.event):
                continue
            if member.batch_id == other.batch_id:
                assert member.place < other.place, (member, other)
            else:
                assert member.opened_ms <= other.opened_ms, (member, other)


class _Member(NamedTuple):
    event: StoredEvent
    batch_id: str
    opened_ms: int
    place: int


def assert_debounces(book: Book) -> None:
    """The newest event started the run, not before its time, in place of all that it replaced."""
    gave_way: dict[str, list[Decided]] = defaultdict(list)
    for skip in book.skips_of("debounced", "debounced"):
        gave_way[skip.detail].append(skip)
        losers, winners = book.events[skip.event_id], book.events[skip.detail]
        assert losers[0].customer == winners[0].customer, skip
        # Each time an event is sent it may be given another time.
        assert min(e.ts_ms for e in losers) <= max(e.ts_ms for e in winners), skip
    runs = book.runs_of("debounced")
    started = {run.event_ids[0]: run for run in runs}
    assert len(started) == len(runs)
    for event_id, run in started.items():
        received = [each.received_ms for each in book.events[event_id]]
        with_others = _merged(event_id, gave_way)
        first_ms = min(
            each.received_ms for other_id in with_others for each in book.events[other_id]
        )
        due_ms = min(min(received) + DEBOUNCE_MS, first_ms + DEBOUNCE_LONGEST_MS)
        assert run.queued_ms >= due_ms, run
    # Nobody gave way to somebody who did not run in the end.
    merged = {each for event_id in started for each in _merged(event_id, gave_way)}
    assert {skip.event_id for s in gave_way.values() for skip in s} <= merged


def _merged(event_id: str, gave_way: dict[str, list[Decided]]) -> list[str]:
    """The event, and all that gave way to it or to one that did."""
    found = [event_id]
    for each in found:
        # An event that was sent twice may have given way to itself.
        found += [s.event_id for s in gave_way.get(each, ()) if s.event_id not in found]
    return found
