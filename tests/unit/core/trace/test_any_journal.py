"""Whatever apps answer, both trees of every run can be shown, at every moment."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.core.journal import Entry, decode_entry, encode_entry
from stepwell.core.run import RunState
from stepwell.core.trace.history import run_history
from stepwell.core.transition import Transition
from stepwell.wire.config import CancelOn, EventTrigger
from tests.unit.core.core_world import CoreWorld, function
from tests.unit.core.test_random_answers import SlowWorld, act, actions
from tests.unit.core.trace.trace_world import traced
from tests.unit.core.trace.tree_rules import tree_problems


class AgingWorld(SlowWorld):
    """Time passes with every decision, unless the world stands still."""

    tick_ms = 0

    def absorb(self, transition: Transition, run: RunState | None = None) -> Transition:
        self.now_ms += self.tick_ms
        return super().absorb(transition, run)


def world_of(tick_ms: int) -> AgingWorld:
    world = AgingWorld(
        function(
            "app-f",
            EventTrigger(event="t/go"),
            retries=1,
            cancel=(CancelOn(event="t/stop"),),
        ),
        function("app-child", retries=0),
    )
    world.tick_ms = tick_ms
    world.send("t/go")
    return world


def check_live(world: CoreWorld, data: st.DataObject) -> None:
    """The trees of all runs as they are now, with any of their calls under way."""
    for run in world.runs.values():
        entries = world.entries_of(run)
        calling = [item for item in run.items.values() if data.draw(st.booleans())]
        known = run_history(
            traced(run, entries),
            entries,
            items=run.items.values(),
            in_flight={item.id: world.now_ms for item in calling},
        )
        assert tree_problems(known, entries, run.events) == []


def check_prefixes(run: RunState, entries: list[Entry]) -> None:
    """The trees at every earlier moment, of which only the journal is known."""
    for length in range(len(entries) + 1):
        before = entries[:length]
        known = run_history(traced(run, before), before)
        assert tree_problems(known, before, run.events) == []


def as_older(entry: Entry) -> Entry:
    """The entry as it was written before calls were named."""
    stored = msgspec.json.decode(encode_entry(entry))
    times = stored.get("times")
    if times is not None:
        for key in ("item", "attempt", "status", "headers"):
            times.pop(key, None)
        if stored["is"] not in {"StepAttemptFailed", "StepResolved", "CallFailed", "RunEnded"}:
            del stored["times"]
    return decode_entry(msgspec.json.encode(stored))


@given(st.data(), st.sampled_from([0, 1, 7]))
@settings(max_examples=60, deadline=None)
def test_any_run_can_be_shown_at_any_moment(data: st.DataObject, tick_ms: int) -> None:
    """Also one whose journal breaks off, and one that an older version has written."""
    world = world_of(tick_ms)
    for action in data.draw(st.lists(actions, min_size=5, max_size=25)):
        act(world, action, data)
        check_live(world, data)
    for run in world.runs.values():
        entries = world.entries_of(run)
        check_prefixes(run, entries)
        check_prefixes(run, [as_older(entry) for entry in entries])


@given(st.data())
@settings(max_examples=30, deadline=None)
def test_what_has_ended_is_shown_the_same_for_ever(data: st.DataObject) -> None:
    world = world_of(3)
    for action in data.draw(st.lists(actions, min_size=5, max_size=25)):
        act(world, action, data)
    for run in world.runs.values():
        if not run.is_ended:
            world.cancel(run)
        entries = world.entries_of(run)
        first = run_history(traced(run, entries), entries)
        # Items that are still read after the end, because the reader was slow, change nothing.
        again = run_history(traced(run, entries), entries, items=list(world.items.values()))
        assert first == again
