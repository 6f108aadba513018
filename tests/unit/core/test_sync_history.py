"""What is remembered of synchronisations: what changed, and nothing that polling brings."""

import pytest

from stepwell.core.app_sync import SYNCS_MAX, AppSync, SyncStatus
from stepwell.core.identity import AppId
from stepwell.core.sync_failures import FAILURES
from stepwell.core.sync_history import REPEATED_MS_MIN, SLUGS_MAX, SyncCause
from stepwell.wire.ulid import ulid_ms
from tests.unit.core.registration_world import NOW_MS, URL, World, function, request_of

SAME = request_of(function())


@pytest.fixture
def world() -> World:
    return World()


def outcomes(world: World) -> list[tuple[SyncStatus, str]]:
    """What is remembered of the only app, the oldest first."""
    marks = world.syncs.get(world.app.id, [])
    return [(mark.status, mark.error) for mark in marks]


def the_last(world: World) -> AppSync:
    return world.told[-1]


def test_a_registration_is_remembered_with_what_the_app_said_of_itself(world: World) -> None:
    world.register(request_of(function("a"), function("b"), appVersion="7"))

    sync = the_last(world)
    assert sync == AppSync(
        id=sync.id,
        app_id=world.app.id,
        status=SyncStatus.SUCCESS,
        url=URL,
        sdk_language="py",
        sdk_version="0.5.18",
        framework="fast_api",
        app_version="7",
        functions_added=("my-app-a", "my-app-b"),
    )
    assert ulid_ms(sync.id) == NOW_MS


def test_functions_that_came_changed_and_went_are_named(world: World) -> None:
    world.register(request_of(function("same"), function("changed"), function("gone")))
    world.register(request_of(function("same"), function("changed", retries=9), function("new")))

    sync = the_last(world)
    assert sync.functions_added == ("my-app-new",)
    assert sync.functions_changed == ("my-app-changed",)
    assert sync.functions_removed == ("my-app-gone",)


def test_a_function_that_comes_back_was_added(world: World) -> None:
    world.register(request_of(function("a"), function("b")))
    world.register(request_of(function("a")))
    world.register(request_of(function("a"), function("b")))

    assert the_last(world).functions_added == ("my-app-b",)
    assert the_last(world).functions_changed == ()


def test_no_more_than_so_many_functions_are_named(world: World) -> None:
    world.register(request_of(*(function(f"f{n:04}") for n in range(SLUGS_MAX + 1))))

    assert len(the_last(world).functions_added) == SLUGS_MAX


@pytest.mark.parametrize("cause", [SyncCause.APP, SyncCause.PERSON])
def test_saying_the_same_again_is_remembered_if_somebody_meant_it(
    world: World, cause: SyncCause
) -> None:
    world.register(SAME)

    registration = world.register(SAME, cause=cause)

    assert not registration.modified
    assert outcomes(world) == [(SyncStatus.SUCCESS, ""), (SyncStatus.DUPLICATE, "")]


def test_a_poll_that_finds_nothing_new_is_not_remembered(world: World) -> None:
    world.register(SAME)
    world.register(SAME)

    assert outcomes(world) == [(SyncStatus.SUCCESS, "")]


def test_what_a_person_repeats_takes_the_place_of_what_was_there(world: World) -> None:
    world.register(SAME)
    for _ in range(3):
        world.ms += 1_000
        world.register(SAME, cause=SyncCause.PERSON)

    assert outcomes(world) == [(SyncStatus.SUCCESS, ""), (SyncStatus.DUPLICATE, "")]
    assert ulid_ms(world.syncs[world.app.id][-1].id) == NOW_MS + 3_000


@pytest.mark.parametrize(
    ("passed_ms", "is_written"), [(REPEATED_MS_MIN - 1, False), (REPEATED_MS_MIN, True)]
)
def test_an_app_that_registers_all_the_time_is_written_now_and_then(
    world: World, passed_ms: int, is_written: bool
) -> None:
    world.register(SAME)
    world.register(SAME, cause=SyncCause.APP)
    world.ms = ulid_ms(world.syncs[world.app.id][-1].id) + passed_ms

    registration = world.register(SAME, cause=SyncCause.APP)

    assert bool(registration.transition.syncs) is is_written
    assert len(outcomes(world)) == 2


def test_a_failure_is_remembered_once_however_often_it_is_found(world: World) -> None:
    world.register(SAME)
    for _ in range(5):
        world.fail("unreachable")
        world.ms += 5_000

    assert outcomes(world) == [(SyncStatus.SUCCESS, ""), (SyncStatus.ERROR, "unreachable")]
    assert the_last(world).message == FAILURES["unreachable"]
    assert the_last(world).url == URL


def test_another_failure_and_the_recovery_are_remembered(world: World) -> None:
    world.register(SAME)
    world.fail("unreachable")
    world.fail("forbidden")
    world.register(SAME)

    assert outcomes(world) == [
        (SyncStatus.SUCCESS, ""),
        (SyncStatus.ERROR, "unreachable"),
        (SyncStatus.ERROR, "forbidden"),
        (SyncStatus.SUCCESS, ""),
    ]


def test_a_refused_configuration_is_explained_and_not_told_again_by_the_answer(
    world: World,
) -> None:
    """The app repeats the refusal in fewer words with the status 400."""
    broken = request_of(function("bad") | {"name": ""})

    world.register(broken)
    world.fail("invalid_function")
    world.register(broken)

    assert outcomes(world) == [(SyncStatus.ERROR, "invalid_function")]
    assert the_last(world).message.startswith("my-app-bad: name: ")


def test_an_app_without_functions_has_a_code_although_its_error_is_a_text(world: World) -> None:
    world.register(request_of())

    assert world.app.error == "No functions registered within your app"
    assert outcomes(world) == [(SyncStatus.ERROR, "no_functions")]


def test_the_oldest_are_forgotten(world: World) -> None:
    for retries in range(SYNCS_MAX + 3):
        world.ms += 1
        world.register(request_of(function(retries=retries % 20)))

    marks = world.syncs[world.app.id]
    assert [mark.id for mark in marks] == [sync.id for sync in world.told[-SYNCS_MAX:]]


def test_ids_keep_the_order_when_the_clock_does_not(world: World) -> None:
    for retries in (1, 2, 3):
        world.ms -= 1_000
        world.register(request_of(function(retries=retries)))

    ids = [mark.id for mark in world.syncs[world.app.id]]
    assert ids == sorted(ids)


def test_what_is_known_of_a_placeholder_goes_with_it(world: World) -> None:
    world.place()
    waiting = world.app.id
    world.fail("unreachable")
    assert outcomes(world) == [(SyncStatus.ERROR, "unreachable")]

    world.register(SAME)

    assert AppId(waiting) not in world.syncs
    assert outcomes(world) == [(SyncStatus.SUCCESS, "")]
