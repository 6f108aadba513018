"""Small models of the options that limit and merge, which replay what was decided.

Each is written from the definition of the option and shares no code with the server.
"""

from collections import defaultdict
from collections.abc import Iterator
from fractions import Fraction
from typing import Any, NamedTuple

import msgspec

from stepwell.core.transition import BufferKind
from stepwell.wire.config import Batch
from tests.simulation.decisions import Decision, Ending, Verdict
from tests.simulation.key_values import has_value, optional_value, shared_value
from tests.simulation.programs import SimulatedFunction
from tests.simulation.world import World

__all__ = [
    "LeakyBucket",
    "check_batches",
    "check_debounces",
    "check_rates",
    "check_starts",
]

_NOT_CHARGED = {"duplicate", "function_gone", "paused", "drained"}


class LeakyBucket:
    """So many fit in at once; one leaks out in every interval.

    Args:
        capacity: How many fit in.
        interval_ms: How long one takes to leak out.
    """

    def __init__(self, capacity: int, interval_ms: Fraction) -> None:
        self._capacity = capacity
        self._interval_ms = interval_ms
        self._level = Fraction(0)
        self._at_ms = Fraction(0)

    @classmethod
    def of_rate_limit(cls, limit: int, period_ms: int) -> "LeakyBucket":
        """A tenth of the limit and one more fit in."""
        return cls(limit // 10 + 1, _interval_ms(limit, period_ms))

    @classmethod
    def of_throttle(cls, limit: int, period_ms: int, burst: int) -> "LeakyBucket":
        """The limit and the burst fit in."""
        return cls(limit + burst, _interval_ms(limit, period_ms))

    def fits_from_ms(self, at_ms: Fraction) -> Fraction:
        """From when one more fits in, not before `at_ms`."""
        free_ms = self._at_ms + (self._level + 1 - self._capacity) * self._interval_ms
        return max(at_ms, free_ms)

    def put(self, at_ms: Fraction) -> None:
        """Put one in, whether or not it fits."""
        passed = max(Fraction(0), at_ms - self._at_ms)
        self._level = max(Fraction(0), self._level - passed / self._interval_ms) + 1
        self._at_ms = max(self._at_ms, at_ms)


def _interval_ms(limit: int, period_ms: int) -> Fraction:
    # Whole nanoseconds, as it is defined.
    return Fraction(period_ms * 1_000_000 // limit, 1_000_000)


class _Story:
    """What was decided, with the functions and events it was decided about."""

    def __init__(self, world: World) -> None:
        self._names = dict(world.rows("SELECT id, name FROM functions"))
        self._functions = {each.name: each for each in world.app.functions.values()}
        self.events: dict[str, dict[str, Any]] = {
            event_id: msgspec.json.decode(payload)
            for event_id, payload in world.rows("SELECT id, payload FROM events")
        }
        self.decisions = world.record.decisions

    def function(self, function_id: str) -> SimulatedFunction:
        return self._functions[self._names[function_id]]


def check_rates(world: World) -> Iterator[str]:
    """Rate limits and idempotency keys admit exactly what they should, and nothing else."""
    story = _Story(world)
    buckets: dict[tuple[str, str], LeakyBucket] = {}
    for decision in story.decisions:
        if isinstance(decision, Ending):
            continue
        function = story.function(decision.function_id)
        limited = decision.reason == "rate_limited"
        rate = function.rate
        is_charged = decision.verdict is not Verdict.BATCHED
        is_charged &= decision.reason not in _NOT_CHARGED
        value = optional_value(rate.key, story.events[decision.event_id]) if rate else None
        if rate is None or not is_charged or value is None:
            if limited:
                yield f"event {decision.event_id} was limited by {function.name} without a limit"
            continue
        at_ms = Fraction(decision.at_ms)
        bucket = buckets.setdefault(
            (function.name, value), LeakyBucket.of_rate_limit(rate.limit, rate.period_ms)
        )
        fits = bucket.fits_from_ms(at_ms) <= at_ms
        if fits:
            bucket.put(at_ms)
        if fits is limited:
            word = "kept from" if limited else "let into"
            yield f"event {decision.event_id} was {word} {function.name} at {decision.at_ms}"


class _Offer(msgspec.Struct):
    ts_ms: int
    number: int
    event_id: str
    at_ms: int


def check_debounces(world: World) -> Iterator[str]:
    """The newest event starts the run, and not before its time."""
    story = _Story(world)
    offers: dict[tuple[str, str], list[_Offer]] = defaultdict(list)
    keys: dict[str, tuple[str, str]] = {}
    queued_ms = dict(world.rows("SELECT id, queued_ms FROM runs"))
    for number, decision in enumerate(story.decisions):
        function = story.function(decision.function_id)
        debounce = function.debounce
        if debounce is None:
            continue
        if isinstance(decision, Ending):
            if decision.kind is not BufferKind.DEBOUNCE:
                continue
            held = offers.pop(keys[decision.buffer_id])
            if not decision.run_id:
                continue
            winner = max(held, key=lambda offer: (offer.ts_ms, offer.number))
            if decision.event_ids != (winner.event_id,):
                yield f"run {decision.run_id} is for {decision.event_ids}, not {winner.event_id}"
            due_ms = _debounce_due_ms(held, debounce.period_ms, debounce.timeout_ms or 0)
            if queued_ms[decision.run_id] < due_ms:
                yield f"run {decision.run_id} came before its debounce ended at {due_ms}"
        elif decision.verdict is Verdict.HELD or decision.reason == "debounced":
            event = story.events[decision.event_id]
            key = (function.name, shared_value(debounce.key, event))
            offers[key].append(_Offer(event["ts"], number, decision.event_id, decision.at_ms))
            if decision.buffer_id:
                keys[decision.buffer_id] = key


def _debounce_due_ms(held: list[_Offer], period_ms: int, timeout_ms: int) -> int:
    """A period after the last event that was newer than those before it."""
    newest = held[0]
    for offer in held[1:]:
        if offer.ts_ms >= newest.ts_ms:
            newest = offer
    due_ms = newest.at_ms + period_ms
    return min(due_ms, held[0].at_ms + timeout_ms) if timeout_ms else due_ms


def check_batches(world: World) -> Iterator[str]:
    """Batches are what they should be: whole, in order, not too large, not too early."""
    story = _Story(world)
    joined: dict[tuple[str, str], list[Decision]] = defaultdict(list)
    for decision in story.decisions:
        if isinstance(decision, Ending):
            continue
        function = story.function(decision.function_id)
        if function.batch is None or decision.reason in _NOT_CHARGED:
            continue
        event = story.events[decision.event_id]
        is_batched = decision.verdict is Verdict.BATCHED
        if is_batched is not has_value(function.batch.condition, event):
            yield f"event {decision.event_id} should {'not ' * is_batched}join a batch"
        elif is_batched:
            joined[function.name, shared_value(function.batch.key, event)].append(decision)
    runs = {
        batch_id: _BatchRun(
            run_id, queued_ms, tuple(msgspec.json.decode(ids)) if ids else (event_id,)
        )
        for batch_id, run_id, queued_ms, ids, event_id in world.rows(
            "SELECT batch_id, id, queued_ms, event_ids, event_id FROM runs"
            " WHERE batch_id <> '' AND origin_run_id = ''"
        )
    }
    for decisions in joined.values():
        batch = story.function(decisions[0].function_id).batch
        assert batch is not None
        yield from _key_problems(batch, decisions, runs)


class _BatchRun(NamedTuple):
    run_id: str
    queued_ms: int
    event_ids: tuple[str, ...]


def _key_problems(
    batch: Batch, decisions: list[Decision], runs: dict[str, _BatchRun]
) -> Iterator[str]:
    """What is wrong with the batches of one key."""
    ids = [decision.buffer_id for decision in decisions]
    in_order = list(dict.fromkeys(ids))
    if ids != sorted(ids, key=in_order.index):
        yield f"batches are mixed: {ids}"
    for batch_id in in_order:
        members = [each for each in decisions if each.buffer_id == batch_id]
        run = runs.get(batch_id)
        if run is None:
            yield f"batch {batch_id} was never run"
            continue
        if run.event_ids != tuple(each.event_id for each in members):
            yield f"run {run.run_id} has the events {run.event_ids}, not those of its batch"
        due_ms = members[0].at_ms + batch.timeout_ms
        if len(members) > batch.size_max:
            yield f"run {run.run_id} has {len(members)} events, more than {batch.size_max}"
        elif len(members) < batch.size_max and run.queued_ms < due_ms:
            yield f"run {run.run_id} came before its batch was full or its time was up"


def check_starts(world: World) -> Iterator[str]:
    """Throttles let in no more than they should, however the server fared meanwhile."""
    functions = {function.name: function for function in world.app.functions.values()}
    throttled = {name: each.throttle for name, each in functions.items() if each.throttle}
    if not throttled:
        return
    runs = {
        run_id: (name, msgspec.json.decode(payload))
        for run_id, name, payload in world.rows(
            "SELECT r.id, f.name, e.payload FROM runs r JOIN functions f ON f.id = r.function_id"
            " JOIN events e ON e.id = r.event_id"
        )
        if name in throttled
    }
    buckets: dict[tuple[str, str], LeakyBucket] = {}
    let_in_ms = world.record.let_in_ms
    yield from (f"run {run_id} was let in twice" for run_id in world.record.let_in_twice)
    for run_id, noted_ms in let_in_ms.items():
        if run_id not in runs:
            continue
        name, event = runs[run_id]
        throttle = throttled[name]
        bucket = buckets.setdefault(
            (name, shared_value(throttle.key, event)),
            LeakyBucket.of_throttle(throttle.limit, throttle.period_ms, throttle.burst),
        )
        # It was decided a little before it was written; the earliest moment is the kindest.
        at_ms = bucket.fits_from_ms(Fraction(noted_ms - world.decision_ms))
        if at_ms > noted_ms:
            yield f"run {run_id} of {name} was let in {float(at_ms - noted_ms)} ms too early"
        bucket.put(at_ms)
    for run_id in world.bounds.runs.keys() & runs.keys():
        if run_id not in let_in_ms:
            yield f"run {run_id} was called without having been let in"
