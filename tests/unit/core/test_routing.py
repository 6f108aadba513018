"""Which runs an event starts."""

import msgspec
import pytest

from stepwell.core.function import event_patterns
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID
from stepwell.core.queue import IMMEDIATE
from stepwell.core.routing import route
from stepwell.core.status import RunStatus
from stepwell.wire.config import EventTrigger
from stepwell.wire.events import parse_events
from tests.unit.core.core_world import START_MS, CoreWorld, function


def slugs(world: CoreWorld, name: str, data: object = None) -> list[str]:
    runs = world.send(name, data)
    return [f.slug for run in runs if (f := world.functions.get(run.new.function_id))]


def test_patterns_of_a_name() -> None:
    assert event_patterns("app/user.created.v2") == [
        "app/user.created.v2",
        "app/*",
        "app/user.*",
        "app/user.created.*",
    ]


@pytest.mark.parametrize(
    ("trigger", "name", "matches"),
    [
        ("app/user.created", "app/user.created", True),
        ("app/user.created", "app/user.createdx", False),
        ("app/*", "app/user.created", True),
        ("app/*", "apps/user", False),
        ("app/user.*", "app/user.created", True),
        ("app/user.*", "app/user.a.b", True),
        ("app/user.*", "app/user", False),
        ("*", "app/user", False),
        ("app/us*", "app/user", False),
    ],
)
def test_names_and_wildcards(trigger: str, name: str, *, matches: bool) -> None:
    world = CoreWorld(function("app-f", EventTrigger(event=trigger)))
    assert bool(world.send(name)) is matches


def test_a_function_runs_once_however_many_triggers_match() -> None:
    triggers = [EventTrigger(event="app/*"), EventTrigger(event="app/x")]
    world = CoreWorld(function("app-f", *triggers))
    assert slugs(world, "app/x") == ["app-f"]


def test_every_matching_function_runs() -> None:
    world = CoreWorld(
        function("app-a", EventTrigger(event="t/x")),
        function("app-b", EventTrigger(event="t/*")),
        function("app-c", EventTrigger(event="t/y")),
    )
    assert slugs(world, "t/x") == ["app-a", "app-b"]


def test_a_condition_decides() -> None:
    trigger = EventTrigger(event="t/x", expression="event.data.total > 100")
    world = CoreWorld(function("app-f", trigger))
    assert slugs(world, "t/x", {"total": 100}) == []
    assert slugs(world, "t/x", {"total": 101}) == ["app-f"]


def test_a_condition_that_fails_is_recorded_and_hinders_nobody() -> None:
    bad = EventTrigger(event="t/x", expression="event.data.n > 'text'")
    world = CoreWorld(
        function("app-bad", bad),
        function("app-two", bad, EventTrigger(event="t/*")),
        function("app-good", EventTrigger(event="t/x")),
    )
    assert slugs(world, "t/x", {"n": 1}) == ["app-two", "app-good"]
    (skip,) = world.skips
    assert (skip.function_id, skip.reason) == ("id-of-app-bad", "expression_failed")
    assert "event.data.n" in skip.detail


def test_an_event_nobody_listens_to_is_stored() -> None:
    world = CoreWorld()
    world.send("t/x")
    assert world.event_names() == ["t/x"]


def test_an_event_in_the_future_starts_its_run_then() -> None:
    world = CoreWorld(function("app-f", EventTrigger(event="t/x")))
    (run,) = world.send("t/x", ts=START_MS + 4_000)
    assert run.status is RunStatus.SCHEDULED
    assert world.call_of(run).due_ms == START_MS + 4_000
    assert run.new.scheduled_ms == START_MS + 4_000


def test_an_event_in_the_past_starts_its_run_at_once() -> None:
    world = CoreWorld(function("app-f", EventTrigger(event="t/x")))
    (run,) = world.send("t/x", ts=START_MS - 4_000)
    assert world.call_of(run).due_ms == IMMEDIATE


def test_internal_events_start_functions() -> None:
    """A failure handler is a function like any other."""
    world = CoreWorld(
        function("app-f", EventTrigger(event="t/x"), retries=0),
        function(
            "app-f-failure",
            EventTrigger(
                event="inngest/function.failed",
                expression="event.data.function_id == 'app-f'",
            ),
            retries=0,
        ),
    )
    (run,) = world.send("t/x")
    world.reply(run, 500, b'{"name":"E","message":"m"}')
    handler = world.runs[world.new_runs[-1].id]
    assert handler.new.event_name == "inngest/function.failed"

    before = len(world.events)
    world.reply(handler, 500, b'{"name":"E","message":"again"}')
    assert len(world.events) == before, "handlers publish nothing, so they cannot call themselves"
    assert len(world.new_runs) == 2


def test_a_claimed_function_is_not_started_again() -> None:
    world = CoreWorld(
        function("app-a", EventTrigger(event="t/x")), function("app-b", EventTrigger(event="t/x"))
    )
    body = msgspec.json.encode({"name": "t/x", "id": "order-1"})
    (accepted,) = parse_events(
        body,
        content_type="application/json",
        received_ms=START_MS,
        internal_ids=lambda _: world.ids.ulid(START_MS),
    ).accepted
    transition = route(
        accepted,
        environment_id=DEFAULT_ENVIRONMENT_ID,
        world=world.world(),
        at=world.moment(),
        claim_key="order-1",
        claimed={world.functions.invokable("app-a").id},  # type: ignore[union-attr] # exists
    )
    assert [run.function_id for run in transition.runs] == ["id-of-app-b"]
    assert [(claim.function_id, claim.key) for claim in transition.claims] == [
        ("id-of-app-b", "order-1")
    ]
    assert [skip.reason for skip in transition.skips] == ["duplicate"]
