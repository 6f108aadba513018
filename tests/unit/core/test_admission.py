"""The order of the checks, the rate limit, and that each event has exactly one outcome."""

import msgspec
import pytest

from stepwell.core.identity import FunctionId, RunId
from stepwell.core.item_bodies import AdmitBody, ResumeBody
from stepwell.core.pause import NewRuns, Pause
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.scheduling import CLAIM_MS
from stepwell.core.transition import SkipReason
from stepwell.wire.config import Batch, Debounce, RateLimit, Singleton, SingletonMode
from tests.unit.core.admission_world import AdmissionWorld, limited

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def invoke(world: AdmissionWorld, data: object = None) -> None:
    """A step of another run invokes the function."""
    world.post(data)
    (item,) = (i for i in world.items.values() if i.kind is ItemKind.ADMIT)
    body = msgspec.structs.replace(
        AdmitBody.decode(item.body),
        parent_run_id=RunId("parent"),
        parent_function_id=FunctionId("parents"),
        parent_step="call",
    )
    world.items[item.id] = msgspec.structs.replace(item, body=body.encode())
    world.decide()


def answers(world: AdmissionWorld) -> list[QueueItem]:
    """What steps that invoked the function are told."""
    return [item for item in world.items.values() if item.kind is ItemKind.RESUME]


def refusals(world: AdmissionWorld) -> list[str]:
    """The messages of the errors they are told."""
    bodies = [ResumeBody.decode(item.body) for item in answers(world)]
    assert all(body.failed for body in bodies)
    return [msgspec.json.decode(body.memo)["error"]["message"] for body in bodies]


# Rate limit.


@pytest.mark.parametrize(
    ("limit", "period", "sent_ms", "admitted"),
    [
        (9, "1h", [0, 0, 0, 0], [0]),
        (20, "1h", [0] * 6, [0, 1, 2]),
        (1, "1m", [0, 59_999, 60_000, 60_001, 120_000], [0, 2, 4]),
        (10, "10s", [0, 0, 0, 1_000, 1_000, 2_000], [0, 1, 3, 5]),
        (100, "1h", [0] * 12, list(range(11))),
        (3, "1s", [0, 333, 334, 667, 1_000, 1_001], [0, 2, 4]),
        (0, "1m", [0, 0, 60_000], [0, 2]),
    ],
)
def test_a_rate_limit_lets_in_what_was_measured(
    limit: int, period: str, sent_ms: list[int], admitted: list[int]
) -> None:
    """A tenth of the limit and one more at once, then one every period / limit."""
    world = AdmissionWorld(limited(rate_limit=RateLimit(limit=limit, period=period)))
    events = []
    start_ms = world.now_ms
    for at_ms in sent_ms:
        world.now_ms = start_ms + at_ms
        events.append(world.arrive())

    assert world.batches() == [[events[index]] for index in admitted]
    assert {skip.reason for skip in world.skips} <= {SkipReason.RATE_LIMITED}
    world.check_each_event_once()


def test_all_events_of_one_batch_are_charged() -> None:
    world = AdmissionWorld(limited(rate_limit=RateLimit(limit=20, period="1h")))
    for _ in range(6):
        world.post()
    world.decide()
    assert world.outcomes() == {"Scheduled": 3, "rate_limited": 3}


def test_each_value_of_a_key_has_a_limit_of_its_own() -> None:
    limit = RateLimit(limit=1, period="1h", key="event.data.id")
    world = AdmissionWorld(limited(rate_limit=limit))
    for value in ["a", "b", "a", 1, "1"]:
        world.arrive({"id": value})
    assert [skip.detail for skip in world.skips] == ["a", "1"]


@pytest.mark.parametrize(
    ("source", "data"),
    [
        ("event.data.id", {}),
        ("event.data.id", {"id": False}),
        ("1 / event.data.id > 0", {"id": 0}),
    ],
)
def test_events_without_a_usable_key_are_not_limited(source: str, data: object) -> None:
    limit = RateLimit(limit=1, period="1h", key=source)
    world = AdmissionWorld(limited(rate_limit=limit))
    world.arrive(data)
    world.arrive(data)
    assert world.outcomes() == {"Scheduled": 2}


def test_idempotency_is_one_run_a_day_and_replaces_the_rate_limit() -> None:
    world = AdmissionWorld(
        limited(idempotency="event.data.id", rate_limit=RateLimit(limit=100, period="1s"))
    )
    first = world.arrive({"id": "x"})
    world.now_ms += DAY_MS - 1
    assert world.skip_of(world.arrive({"id": "x"})) == (SkipReason.RATE_LIMITED, "x")
    world.now_ms += 1
    second = world.arrive({"id": "x"})
    assert world.batches() == [[first], [second]]


def test_a_limit_whose_expression_changed_starts_anew() -> None:
    world = AdmissionWorld(limited(rate_limit=RateLimit(limit=1, period="1h", key="event.data.a")))
    world.arrive({"a": "x", "b": "x"})
    world.change(limited(rate_limit=RateLimit(limit=1, period="1h", key="event.data.b")))
    world.arrive({"a": "x", "b": "x"})
    assert world.outcomes() == {"Scheduled": 2}


def test_a_state_expires_when_the_limit_is_as_good_as_new() -> None:
    world = AdmissionWorld(limited(rate_limit=RateLimit(limit=3, period="1s")))
    world.arrive()
    (state,) = world.limits.values()
    assert state.expires_ms == world.now_ms + 334
    world.now_ms = state.expires_ms
    world.limits.clear()
    world.arrive()
    assert [run.expires_ms for run in world.limits.values()] == [world.now_ms + 334]


def test_an_invocation_that_is_rate_limited_fails_at_once() -> None:
    world = AdmissionWorld(limited(rate_limit=RateLimit(limit=1, period="1h")))
    world.arrive()
    invoke(world)
    assert refusals(world) == ["invoked function is rate limited"]
    (answer,) = answers(world)
    assert (answer.run_id, answer.function_id, answer.step) == ("parent", "parents", "call")


# Duplicates.


def test_a_duplicate_is_told_by_the_senders_id_and_charges_nothing() -> None:
    world = AdmissionWorld(limited(rate_limit=RateLimit(limit=1, period="1m")))
    world.arrive(id="same")
    world.now_ms += 60_000
    duplicate = world.arrive(id="same")
    world.arrive(id="other")
    assert world.skip_of(duplicate) == (SkipReason.DUPLICATE, "same")
    assert world.outcomes() == {"Scheduled": 2, "duplicate": 1}


def test_two_events_with_one_id_in_one_batch_start_one_run() -> None:
    world = AdmissionWorld(limited(singleton=Singleton(mode=SingletonMode.CANCEL)))
    world.post(id="same")
    second = world.post(id="same")
    world.decide()
    assert world.outcomes() == {"Scheduled": 1, "duplicate": 1}
    assert world.skip_of(second) == (SkipReason.DUPLICATE, "same")


def test_a_duplicate_does_not_cancel_the_run_it_started() -> None:
    """In the reference it does, and starts none."""
    world = AdmissionWorld(limited(singleton=Singleton(mode=SingletonMode.CANCEL)))
    world.arrive(id="same")
    world.arrive(id="same")
    assert world.outcomes() == {"Scheduled": 1, "duplicate": 1}


def test_a_claim_is_written_with_the_run() -> None:
    world = AdmissionWorld(limited(rate_limit=RateLimit(limit=1, period="1m")))
    world.post(id="mine")
    (transition,) = world.decide()
    (claim,) = transition.claims
    (run,) = transition.runs
    assert (claim.key, claim.run_id) == ("mine", run.id)
    assert claim.expires_ms == world.now_ms + CLAIM_MS


def test_an_event_that_was_dropped_is_not_claimed() -> None:
    world = AdmissionWorld(limited(rate_limit=RateLimit(limit=1, period="1m")))
    world.arrive()
    world.arrive(id="mine")
    assert not world.claimed


# Pause and removal.

OPTIONS = [
    {"rate_limit": RateLimit(limit=1, period="1m")},
    {"debounce": Debounce(period="5s")},
    {"batch": Batch(size_max=2, timeout="5s")},
    {"singleton": Singleton()},
]


@pytest.mark.parametrize("options", OPTIONS)
@pytest.mark.parametrize(("is_drain", "cause"), [(False, "paused"), (True, "drained")])
def test_a_paused_function_skips_and_changes_nothing_else(
    options: dict[str, object], cause: str, *, is_drain: bool
) -> None:
    world = AdmissionWorld(limited(**options))
    world.post(id="mine")
    paused = msgspec.structs.replace(limited(**options), pause=Pause(0, is_drain=is_drain))
    world.change(paused)
    (transition,) = world.decide()

    assert world.outcomes() == {"Skipped": 1}
    assert [row.entry.cause for row in transition.journal] == [cause]  # type: ignore[union-attr]
    assert not world.limits
    assert not world.buffers
    assert not world.claimed
    assert not world.items


def test_a_paused_function_that_lets_runs_wait_decides_as_ever() -> None:
    world = AdmissionWorld(limited(rate_limit=RateLimit(limit=1, period="1m")))
    waiting = msgspec.structs.replace(
        limited(rate_limit=RateLimit(limit=1, period="1m")), pause=Pause(0, new_runs=NewRuns.WAIT)
    )
    world.change(waiting)
    world.arrive()
    world.arrive()
    assert world.outcomes() == {"Scheduled": 1, "rate_limited": 1}


@pytest.mark.parametrize("options", OPTIONS)
def test_a_function_that_is_gone_starts_nothing(options: dict[str, object]) -> None:
    world = AdmissionWorld(limited(**options))
    event = world.post()
    world.change(msgspec.structs.replace(limited(**options), archived=True))
    world.decide()
    assert world.skip_of(event) == (SkipReason.FUNCTION_GONE, "")
    assert not world.items


def test_a_limit_that_was_removed_meanwhile_limits_nothing() -> None:
    world = AdmissionWorld(limited(rate_limit=RateLimit(limit=1, period="1m")))
    world.arrive()
    world.post()
    world.change(limited())
    world.decide()
    assert world.outcomes() == {"Scheduled": 2}


# Together.


def test_the_rate_limit_is_charged_before_debouncing() -> None:
    world = AdmissionWorld(
        limited(rate_limit=RateLimit(limit=1, period="1h"), debounce=Debounce(period="5s"))
    )
    first = world.arrive()
    second = world.arrive()
    world.pass_ms(5_000)
    assert world.batches() == [[first]]
    assert world.skip_of(second)[0] is SkipReason.RATE_LIMITED


def test_the_rate_limit_is_charged_before_a_singleton_skips() -> None:
    world = AdmissionWorld(
        limited(rate_limit=RateLimit(limit=10, period="1h"), singleton=Singleton())
    )
    for _ in range(3):
        world.arrive()
    assert world.outcomes() == {"Scheduled": 1, "Skipped": 1, "rate_limited": 1}


def test_events_in_a_batch_are_not_rate_limited_but_others_are() -> None:
    batch = Batch(size_max=2, timeout="5s", condition="event.data.together")
    world = AdmissionWorld(limited(batch=batch, rate_limit=RateLimit(limit=1, period="1h")))
    together = [world.arrive({"together": True}) for _ in range(2)]
    alone = world.arrive({"together": False})
    too_much = world.arrive({})
    assert world.batches() == [together, [alone]]
    assert world.skip_of(too_much)[0] is SkipReason.RATE_LIMITED


def test_a_debounced_run_waits_for_nothing_but_the_singleton() -> None:
    world = AdmissionWorld(
        limited(
            rate_limit=RateLimit(limit=10, period="1h"),
            debounce=Debounce(period="5s"),
            singleton=Singleton(),
        )
    )
    world.arrive()
    world.pass_ms(5_000)
    (running,) = world.live()
    world.arrive()
    world.pass_ms(5_000)
    skipped = world.new_runs[-1]
    assert world.outcomes() == {"Scheduled": 1, "Skipped": 1}
    assert world.live() == [running]
    assert world.journal[-1].run_id == skipped.id
    assert world.journal[-1].entry.existing_run_id == running.new.id  # type: ignore[union-attr]
