"""What became of events: exactly one outcome for each function that listens to one."""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from stepwell.core.status import RunStatus
from tests.simulation.ended_runs import EndedRun, listens
from tests.simulation.world import World

__all__ = ["check_outcomes", "started_by", "turned_away"]

#: Reasons that say nothing about whether an event starts the function.
_NO_OUTCOME = ("cancel_condition_invalid", "expression_failed")
_REASONS = {
    "rate_limited": "invoked function is rate limited",
    "debounced": "invoked function is debounced; a newer event took this one's place",
    "duplicate": "invoked function was started by this event before",
    "function_gone": "invoked function is not registered any more",
}

#: A function's name and an event's id.
_Pair = tuple[str, str]


def check_outcomes(world: World, runs: list[EndedRun]) -> Iterator[str]:
    """Each event is accounted for, and nothing is held back for ever."""
    events = {
        event_id: msgspec.json.decode(payload)
        for event_id, payload in world.rows("SELECT id, payload FROM events")
    }
    began = [
        run for run in runs if not run.origin_run_id and run.event_name != "inngest/scheduled.timer"
    ]
    expected = _expected(world, events)
    yield from _each_has_one(world, began, expected)
    yield from _repetitions(world, began, expected, events)
    yield from _batches_are_sent(world, runs, events)
    yield from _nothing_is_pending(world)


def _expected(world: World, events: Mapping[str, dict[str, Any]]) -> Counter[_Pair]:
    """How often each event was stored, for each function that listens to it."""
    stored = dict(world.rows("SELECT id, count(*) FROM events GROUP BY 1"))
    return Counter(
        {
            (function.name, event_id): stored[event_id]
            for event_id, event in events.items()
            for function in world.app.functions.values()
            if listens(function, event)
        }
    )


def _skips(world: World) -> list[tuple[str, str, str]]:
    """Function, event and reason."""
    rows = world.rows(
        "SELECT f.name, s.event_id, s.reason FROM skips s JOIN functions f ON f.id = s.function_id"
    )
    return [(name, id_, reason) for name, id_, reason in rows if reason not in _NO_OUTCOME]


def _each_has_one(world: World, began: list[EndedRun], expected: Counter[_Pair]) -> Iterator[str]:
    found = Counter((run.function.name, event_id) for run in began for event_id in run.event_ids)
    found.update((name, event_id) for name, event_id, _ in _skips(world))
    for key in sorted(expected.keys() | found.keys()):
        if expected[key] != found[key]:
            yield f"event {key[1]} has {found[key]} outcomes for {key[0]}, not {expected[key]}"


def _repetitions(
    world: World,
    began: list[EndedRun],
    expected: Counter[_Pair],
    events: Mapping[str, dict[str, Any]],
) -> Iterator[str]:
    """Of events with one id only one starts the function, and the others are its duplicates."""
    started: Counter[_Pair] = Counter()
    decided: set[_Pair] = set()
    for run in began:
        for event_id in run.event_ids:
            key = (run.function.name, events[event_id]["id"])
            decided.add(key)
            started[key] += run.status is not RunStatus.SKIPPED
    for name, event_id, reason in _skips(world):
        if reason != "duplicate":
            decided.add((name, events[event_id]["id"]))
    for (name, external_id), count in started.items():
        if count > 1:
            yield f"{name} was started {count} times by events with the id {external_id}"
    for name, event_id in expected:
        if (name, events[event_id]["id"]) not in decided:
            yield f"event {event_id} is a duplicate for {name}, but of nothing"


def _batches_are_sent(
    world: World, runs: list[EndedRun], events: Mapping[str, dict[str, Any]]
) -> Iterator[str]:
    for run in runs:
        sent = world.app.events.get(run.id)
        if sent is not None and sent != [events[event_id]["id"] for event_id in run.event_ids]:
            yield f"run {run.id} was called with the events {sent}, not {run.event_ids}"


def _nothing_is_pending(world: World) -> Iterator[str]:
    for table in ("buffers", "buffered_events", "signals"):
        for row in world.rows(f"SELECT * FROM {table}"):
            yield f"still in {table}: {row}"


def started_by(event_id: str, slug: str, runs: Mapping[str, EndedRun]) -> EndedRun | None:
    """The run of the function that the event started, alone or in a batch."""
    for run in runs.values():
        if run.function.slug == slug and event_id in run.event_ids and not run.origin_run_id:
            return run
    return None


def turned_away(world: World, event_id: str, slug: str) -> tuple[str, int] | None:
    """What a step is told whose event started nothing, and when that was decided."""
    rows = world.rows(
        "SELECT s.reason, s.at_ms FROM skips s JOIN functions f ON f.id = s.function_id"
        " WHERE s.event_id = ? AND f.slug = ?",
        event_id,
        slug,
    )
    return (_REASONS[rows[0][0]], rows[0][1]) if rows else None
