"""What started a run, as its page and clients read it."""

import msgspec

from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, EventId, RunId
from stepwell.core.trace.trigger import run_trigger, shown_payload
from stepwell.core.transition import StoredEvent
from stepwell.wire.ulid import ulid_from, ulid_ms
from tests.unit.core.core_world import START_MS
from tests.unit.core.trace.trace_world import begun

RUN = RunId(ulid_from(START_MS, b"run 567890"))


def event(name: str, at_ms: int, payload: bytes = b"") -> StoredEvent:
    event_id = EventId(ulid_from(at_ms, b"event67890"))
    full = b'{"data":{},"id":"i","name":"%b","ts":5,"user":{}}' % name.encode()
    return StoredEvent(event_id, 0, DEFAULT_ENVIRONMENT_ID, name, "i", 5, at_ms, payload or full)


def test_an_event_of_the_same_millisecond_came_before_its_run() -> None:
    """A suite demands it of the times that are shown."""
    world, run = begun()
    trigger = run_trigger(run.new.id, world.events)

    assert trigger.event_name == "test/go"
    assert trigger.event_ids == (run.new.event_id,)
    assert trigger.timestamp_ms == ulid_ms(run.new.id) - 1
    assert (trigger.is_batch, trigger.batch_id, trigger.cron) == (False, None, None)


def test_the_time_of_a_batch_is_that_of_its_first_event() -> None:
    events = [event("a", START_MS - 20), event("a", START_MS - 50)]
    trigger = run_trigger(RUN, events, batch_id="b")
    assert (trigger.event_name, trigger.timestamp_ms) == ("a", START_MS - 50)
    assert (trigger.is_batch, len(trigger.payloads)) == (True, 2)


def test_a_batch_of_different_events_and_a_cron_have_no_event_name() -> None:
    mixed = [event("a", START_MS), event("b", START_MS)]
    assert run_trigger(RUN, mixed, batch_id="b").event_name is None
    tick = run_trigger(RUN, [event("inngest/scheduled.timer", START_MS)], cron="* * * * *")
    assert (tick.event_name, tick.cron) == (None, "* * * * *")


def test_payloads_have_what_is_not_empty() -> None:
    assert msgspec.json.decode(
        shown_payload(b'{"data":null,"id":"i","name":"n","ts":5,"user":{}}')
    ) == {"name": "n", "data": {}, "id": "i", "ts": 5}
    full = {"name": "n", "data": {"a": 1}, "id": "i", "ts": 5, "user": {"u": 1}, "v": "2"}
    full["meta"] = {"sessions": {"s": "1"}}
    stored = msgspec.json.encode(full, order="sorted")
    assert msgspec.json.decode(shown_payload(stored)) == full
