"""An app registers; what is known about it changes as little as it must."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from stepwell.core.app import App
from stepwell.core.cron import tick_id
from stepwell.core.function_rules import PROBLEMS_MAX
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, AppId
from stepwell.core.item_bodies import CronBody
from stepwell.core.queue import ItemKind
from stepwell.core.registration import (
    app_failed,
    typed_url,
)
from stepwell.core.transition import Transition
from stepwell.wire.registration import parse_in_band, parse_register
from tests.unit.core.registration_world import NOW_MS, URL, World, function, request_of

DATA = Path(__file__).parents[1] / "wire" / "data"
REGISTRATIONS = sorted(path.name for path in DATA.glob("register_*.json"))
IN_BAND = sorted(path.name for path in DATA.glob("in_band_*.json"))

APP_ID = "6314abb5-b9cc-5d32-8ac3-51e26170f039"


@pytest.fixture
def world() -> World:
    return World()


def cron(*schedules: str) -> dict[str, Any]:
    return {"triggers": [{"cron": schedule} for schedule in schedules]}


def test_a_new_app_and_its_functions_are_stored(world: World) -> None:
    registration = world.register(request_of(function(), appVersion="7"), platform="render")

    assert registration.refusal is None
    assert registration.modified
    assert registration.app == world.app
    assert world.app == App(
        AppId(APP_ID),
        DEFAULT_ENVIRONMENT_ID,
        "my-app",
        URL,
        sdk_language="py",
        sdk_version="0.5.18",
        framework="fast_api",
        platform="render",
        app_version="7",
        checksum=world.app.checksum,
        created_ms=NOW_MS,
        synced_ms=NOW_MS,
    )
    assert len(world.app.checksum) == 64
    stored = world.function
    assert (stored.slug, stored.name, stored.version) == ("my-app-charge", "charge", 1)
    assert (stored.app_id, stored.app_name, stored.updated_ms) == (APP_ID, "my-app", NOW_MS)
    assert not stored.archived


@pytest.mark.parametrize("name", REGISTRATIONS)
def test_registrations_of_official_sdks_are_accepted(name: str, world: World) -> None:
    request = parse_register((DATA / name).read_bytes())

    registration = world.register(request)

    assert registration.refusal is None
    assert {stored.slug for stored in world.functions.values()} == {
        config.slug for config in request.functions
    }
    assert not world.register(request).modified


@pytest.mark.parametrize("name", IN_BAND)
def test_in_band_answers_of_official_sdks_are_accepted(name: str, world: World) -> None:
    registration = world.register(parse_in_band((DATA / name).read_bytes()))

    assert registration.refusal is None
    assert world.function.slug.startswith(world.app.name)


def test_registering_the_same_again_writes_nothing(world: World) -> None:
    """A polled app registers every few seconds."""
    first = world.register(request_of(function()))
    world.ms += 5_000

    second = world.register(request_of(function()))

    assert second.transition == Transition()
    assert not second.modified
    assert second.app == first.app
    assert second.sync_id != first.sync_id


def test_an_app_without_a_name_is_refused_and_not_stored(world: World) -> None:
    registration = world.register(request_of(appName=""))

    assert registration.refusal is not None
    assert (registration.refusal.status, registration.refusal.message) == (400, "App ID required")
    assert registration.transition == Transition()
    assert registration.app is None


def test_the_name_identifies_an_app_and_not_its_url(world: World) -> None:
    world.register(request_of(function()))
    elsewhere = function()
    elsewhere["steps"]["step"]["runtime"]["url"] = "http://shop:9000/api?fnId=my-app-charge"
    before = world.function

    world.register(request_of(elsewhere, url="http://shop:9000/api"))

    assert world.app.url == "http://shop:9000/api"
    assert world.function.id == before.id
    assert world.function.version == 2


def test_another_name_at_the_same_url_is_another_app(world: World) -> None:
    world.register(request_of(function()))

    world.register(request_of(function(), appName="other"))

    assert sorted(app.name for app in world.apps.values()) == ["my-app", "other"]
    assert len(world.functions) == 2


def test_functions_with_equal_name_and_url_have_different_ids(world: World) -> None:
    twin = function() | {"id": "my-app-twin"}

    world.register(request_of(function(), twin))

    assert len(world.functions) == 2


def test_only_changed_functions_get_a_new_version(world: World) -> None:
    world.register(request_of(function("a"), function("b")))
    world.ms += 1_000

    registration = world.register(request_of(function("a"), function("b", retries=1)))

    versions = {stored.slug: stored.version for stored in world.functions.values()}
    assert versions == {"my-app-a": 1, "my-app-b": 2}
    (changed,) = registration.transition.functions
    assert changed.updated_ms == world.ms


def test_functions_that_are_not_mentioned_are_archived(world: World) -> None:
    world.register(request_of(function("a"), function("b")))

    registration = world.register(request_of(function("a")))

    archived = {stored.slug: stored.archived for stored in world.functions.values()}
    assert archived == {"my-app-a": False, "my-app-b": True}
    assert registration.modified


def test_a_function_that_comes_back_keeps_its_id_and_counts_on(world: World) -> None:
    world.register(request_of(function()))
    before = world.function
    world.register(request_of())

    world.register(request_of(function()))

    assert world.function == msgspec.structs.replace(before, version=2)


def test_an_app_that_lost_its_functions_has_no_error_at_first(world: World) -> None:
    world.register(request_of(function()))

    registration = world.register(request_of())

    assert registration.refusal is None
    assert world.app.error == ""
    assert world.function.archived


def test_an_app_that_never_had_functions_has_an_error_and_a_good_answer(world: World) -> None:
    first = world.register(request_of())
    second = world.register(request_of())

    assert first.refusal is None
    assert world.app.error == "No functions registered within your app"
    assert second.transition == Transition()


def test_a_denied_sdk_changes_nothing_but_the_error(world: World) -> None:
    world.register(request_of(function()))
    functions = dict(world.functions)

    registration = world.register(request_of(function("b"), sdk="js:v3.53.1"))

    assert registration.refusal is not None
    assert registration.refusal.code == "sdk_version_denied"
    assert registration.refusal.message.startswith("App sync was blocked")
    assert world.app.error == "sdk_version_denied"
    assert world.functions == functions


def test_one_invalid_function_refuses_all(world: World) -> None:
    world.register(request_of(function("a")))
    functions = dict(world.functions)
    bad = function(
        "bad",
        triggers=[
            {"event": "order/paid", "expression": "event.data.total >"},
            {"cron": "@daily"},
            {"cron": "0 * * * *", "jitter": "10m"},
        ],
        cancel=[{"event": "order/gone", "if": "async.data.items.exists(i, i > 1)"}],
        throttle={"limit": 1, "period": "1m", "key": "nowhere.data.x"},
    )

    registration = world.register(request_of(function("a", retries=9), bad))

    assert registration.refusal is not None
    refusal = registration.refusal
    assert (refusal.status, refusal.message) == (400, "At least one function is invalid")
    assert {(problem.field, problem.code) for problem in refusal.problems} == {
        ("triggers[0].expression", "config_invalid"),
        ("triggers[1].cron", "schedule_invalid"),
        ("triggers[2].jitter", "schedule_invalid"),
        ("cancel[0].if", "config_invalid"),
        ("throttle.key", "config_invalid"),
    }
    assert world.functions == functions
    assert world.app.error == "invalid_function"
    assert len(msgspec.json.decode(world.app.error_detail)) == 5


def test_being_refused_again_for_the_same_reason_writes_nothing(world: World) -> None:
    bad = request_of(function(**cron("never")))
    world.register(bad)
    world.ms += 5_000

    again = world.register(bad)

    assert again.refusal is not None
    assert again.transition == Transition()


def test_a_good_registration_clears_the_reason_of_a_refusal(world: World) -> None:
    world.register(request_of(function(**cron("never"))))

    registration = world.register(request_of(function()))

    assert registration.modified
    assert (world.app.error, world.app.error_detail) == ("", "")
    assert world.function.version == 1


def test_a_batch_key_has_an_error_code_of_its_own(world: World) -> None:
    batched = function(batchEvents={"maxSize": 2, "timeout": "1s", "key": "1 +"})

    refusal = world.register(request_of(batched)).refusal

    assert refusal is not None
    assert [problem.code for problem in refusal.problems] == ["batch_key_expression_invalid"]


def test_no_more_problems_are_stored_than_help(world: World) -> None:
    bad = [function(f"f{number}", **cron("never")) for number in range(PROBLEMS_MAX + 1)]

    refusal = world.register(request_of(*bad)).refusal

    assert refusal is not None
    assert len(refusal.problems) == PROBLEMS_MAX


def test_an_unchanged_registration_clears_the_error_of_an_app_that_was_down(world: World) -> None:
    world.register(request_of(function()))
    before = world.app
    world.fail("unreachable")
    world.ms += 5_000

    registration = world.register(request_of(function()))

    assert registration.modified
    assert world.app == msgspec.structs.replace(before, synced_ms=world.ms)
    assert world.function.version == 1


def test_a_placeholder_gives_way_to_the_app(world: World) -> None:
    world.place()
    assert (world.app.name, world.app.error) == ("", "unreachable")

    world.register(request_of(function()))

    assert world.app.name == "my-app"


def test_a_placeholder_gives_way_even_if_the_app_did_not_change(world: World) -> None:
    world.place()
    waiting = world.app
    world.apps.clear()
    world.register(request_of(function()))
    world.apps[waiting.id] = waiting

    registration = world.register(request_of(function()))

    assert registration.transition == Transition(apps_removed=[waiting.id])
    assert not registration.modified


def test_a_placeholder_that_owns_functions_becomes_the_app(world: World) -> None:
    world.place()
    waiting = world.app
    world.register(request_of(function()))
    owned = msgspec.structs.replace(world.function, app_id=waiting.id)
    world.apps = {waiting.id: waiting}
    world.functions = {owned.id: owned}

    world.register(request_of(function()))

    assert (world.app.id, world.app.name, world.app.error) == (waiting.id, "my-app", "")
    assert (world.function.id, world.function.app_id) == (owned.id, waiting.id)


def test_there_is_no_placeholder_where_an_app_is_known(world: World) -> None:
    world.register(request_of(function()))

    world.place()

    assert world.app.name == "my-app"


def test_an_app_with_the_name_of_a_placeholder_url_is_not_deleted(world: World) -> None:
    world.place()

    world.register(request_of(function(), appName=URL))

    assert world.app.name == URL


def test_removing_archives_the_app_and_its_functions(world: World) -> None:
    world.register(request_of(function()))

    world.remove()

    assert world.app.archived_ms == NOW_MS
    assert world.function.archived
    assert world.known.at(DEFAULT_ENVIRONMENT_ID, URL) == []


def test_a_removed_app_comes_back_when_it_registers_unchanged(world: World) -> None:
    world.register(request_of(function(**cron("0 * * * *"))))
    before = world.function
    world.remove()

    registration = world.register(request_of(function(**cron("0 * * * *"))))

    assert world.app.archived_ms == 0
    assert world.function == msgspec.structs.replace(before, version=2)
    assert len(registration.transition.put) == 1


def test_removing_a_placeholder_deletes_it(world: World) -> None:
    world.place()

    world.remove()

    assert world.apps == {}


def test_the_same_error_is_written_once(world: World) -> None:
    world.register(request_of(function(**cron("never"))))
    detail = world.app.error_detail

    assert app_failed([world.app], "invalid_function", world.known, at=world.at) == Transition()
    world.fail("unreachable")

    assert detail
    assert (world.app.error, world.app.error_detail) == ("unreachable", "")


def test_a_cron_trigger_starts_a_chain_at_its_first_tick_after_now(world: World) -> None:
    registration = world.register(request_of(function(**cron("12 9 * * *", "0 0 31 2 *"))))

    (item,) = registration.transition.put
    body = CronBody.decode(item.body)
    assert (item.kind, item.function_id) == (ItemKind.CRON, world.function.id)
    assert (item.queued_ms, item.due_ms) == (NOW_MS, body.tick_ms)
    assert (body.cron, body.version) == ("12 9 * * *", 1)
    assert tick_id(body.tick_ms) == "2026-11-21T09:12:00Z"


def test_jitter_delays_a_tick_by_at_least_a_second(world: World) -> None:
    jittery: dict[str, Any] = {"triggers": [{"cron": "12 9 * * *", "jitter": "30s"}]}
    (item,) = world.register(request_of(function(**jittery))).transition.put

    assert 1_000 <= item.due_ms - CronBody.decode(item.body).tick_ms < 30_000


def test_a_changed_function_gets_a_new_chain_and_an_unchanged_one_keeps_its_own(
    world: World,
) -> None:
    schedule: dict[str, Any] = cron("0 * * * *")
    world.register(request_of(function("a", **schedule), function("b", **schedule)))

    registration = world.register(
        request_of(function("a", **schedule), function("b", retries=1, **schedule))
    )

    (item,) = registration.transition.put
    (changed,) = registration.transition.functions
    assert item.function_id == changed.id
    assert CronBody.decode(item.body).version == 2


@pytest.mark.parametrize(
    ("typed", "url"),
    [
        ("localhost:3000/api/inngest", "http://localhost:3000/api/inngest"),
        (" 127.0.0.1:3000/x ", "http://localhost:3000/x"),
        ("https://shop.example:443/x?deployId=1", "https://shop.example/x"),
    ],
)
def test_a_person_may_leave_out_the_scheme(typed: str, url: str) -> None:
    assert typed_url(typed) == url


def test_what_an_sdk_observes_of_itself_is_kept_and_refreshed(world: World) -> None:
    """It does not count as a change of the app. Source: SDK protocol, 4.6 (step 6)."""
    seen = {"ai_metadata_extraction": {"readiness_reason": 3}}
    world.register(request_of(function(), featureObservations=seen))
    assert msgspec.json.decode(world.app.observations) == seen
    version = world.function.version

    seen["ai_metadata_extraction"]["readiness_reason"] = 1
    registration = world.register(request_of(function(), featureObservations=seen))

    assert not registration.modified
    assert msgspec.json.decode(world.app.observations) == seen
    assert world.function.version == version


def test_observations_that_are_too_many_are_not_kept(world: World) -> None:
    padding = "x" * (16 * 1024 - len('{"a":""}'))
    world.register(request_of(function(), featureObservations={"a": padding}))
    assert len(world.app.observations) == 16 * 1024
    world.register(request_of(function(), featureObservations={"a": padding + "x"}))
    assert world.app.observations == ""
