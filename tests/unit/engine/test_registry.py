"""What the registry shows is what is stored, and the other way round."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from stepwell.core.function import STATE_BYTES_MAX, STEPS_MAX, Function
from stepwell.core.identity import FunctionId
from stepwell.core.pause import NewRuns, RunningRuns
from stepwell.core.sync_history import SyncCause
from stepwell.core.transition import Transition
from stepwell.engine.control import Control
from stepwell.engine.nodes import Standing
from stepwell.engine.registry import Registry
from stepwell.engine.store import Overtaken, Ownership, StoreUnavailable, join_alone
from stepwell.server.ids import RandomIds
from stepwell.store.sqlite import SqliteStore
from stepwell.wire.registration import RegisterRequest, parse_register

pytestmark = pytest.mark.anyio

URL = "http://localhost:8000/api/inngest"


class Clock:
    def now_ms(self) -> int:
        return 1_795_252_230_000


class Commits:
    """Commits to a store; can be told to fail, or to wait."""

    def __init__(self, store: SqliteStore, owner: Ownership) -> None:
        self.store = store
        self.owner = owner
        self.count = 0
        self.is_failing = False
        self.may_commit = asyncio.Event()
        self.may_commit.set()
        self.is_committing = asyncio.Event()

    async def commit(self, transition: Transition) -> None:
        self.is_committing.set()
        await self.may_commit.wait()
        if self.is_failing:
            raise StoreUnavailable("commit", "the disk is full")
        self.count += 1
        await self.store.commit(self.owner, [transition])


class World:
    """A registry on a store in memory."""

    def __init__(self, store: SqliteStore, owner: Ownership) -> None:
        self.store = store
        self.commits = Commits(store, owner)
        self.registry = new_registry()
        self.registry.commit_with(self.commits)

    async def reload(self, registry: Registry) -> None:
        marks = await self.store.sync_marks()
        registry.load(await self.store.apps(), await self.store.functions(), marks)


def new_registry() -> Registry:
    clock = Clock()
    return Registry(clock, RandomIds(clock))


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def world(anyio_backend: object) -> AsyncIterator[World]:
    store = SqliteStore.in_memory()
    yield World(store, await join_alone(store))
    await store.close()


def request_of(*names: str, app: str = "shop", **changes: Any) -> RegisterRequest:
    functions = [
        {
            "id": f"{app}-{name}",
            "name": name,
            "triggers": [{"event": f"shop/{name}"}],
            "cancel": [{"event": "shop/stop", "if": "async.data.id == event.data.id"}],
            "concurrency": [{"limit": 1, "key": "event.data.id", "scope": "account"}],
            "steps": {"step": {"name": "step", "runtime": {"url": f"{URL}?fnId={app}-{name}"}}},
        }
        | changes
        for name in names
    ]
    body = {"appName": app, "url": URL, "functions": functions}
    return parse_register(msgspec.json.encode(body))


def only_function(registry: Registry) -> Function:
    (function,) = registry.functions
    return function


async def test_a_registered_function_is_found_by_its_event_once_it_is_stored(world: World) -> None:
    world.commits.may_commit.clear()
    registering = asyncio.create_task(world.registry.register(request_of("paid")))
    await world.commits.is_committing.wait()
    assert len(world.registry.functions) == 0
    assert not world.registry.has_apps

    world.commits.may_commit.set()
    registration = await registering

    assert registration.modified
    assert [each.slug for each in world.registry.functions.listening("shop/paid")] == ["shop-paid"]
    assert world.registry.has_apps


async def test_what_is_loaded_is_what_was_registered(world: World) -> None:
    await world.registry.register(request_of("paid", "sent"))
    other = new_registry()

    await world.reload(other)

    assert dict(other.apps) == dict(world.registry.apps)
    assert sorted(other.functions, key=str) == sorted(world.registry.functions, key=str)


async def test_registering_the_same_after_a_restart_commits_nothing(world: World) -> None:
    """A configuration that was stored and read is equal to the one that was sent."""

    await world.registry.register(request_of("paid"))
    await world.reload(world.registry)

    with world.registry.asking(URL, SyncCause.POLL):
        registration = await world.registry.register(request_of("paid"))
        await world.registry.record_error(URL, "unreachable")
        again = await world.registry.register(request_of("paid"))

    assert not registration.modified
    assert world.commits.count == 3
    assert again.transition.functions == []


async def test_a_registration_that_was_not_stored_is_not_seen(world: World) -> None:
    world.commits.is_failing = True
    with pytest.raises(StoreUnavailable):
        await world.registry.register(request_of("paid"))

    assert len(world.registry.functions) == 0
    assert dict(world.registry.apps) == {}

    world.commits.is_failing = False
    assert (await world.registry.register(request_of("paid"))).modified


async def test_what_came_of_registrations_is_as_it_is_stored(world: World) -> None:
    await world.registry.register(request_of("paid"))
    await world.registry.record_error(URL, "unreachable")
    await world.registry.register(request_of("paid", "sent"))
    await world.registry.register(request_of("paid", "sent"))
    await world.registry.register(request_of("paid", app="cellar"))
    other = new_registry()

    await world.reload(other)

    found = {app.name: world.registry.sync_marks(app.id) for app in other.apps.values()}
    assert found == {app.name: other.sync_marks(app.id) for app in other.apps.values()}
    assert [mark.error for mark in found["shop"]] == ["", "unreachable", "", ""]
    assert len(found["cellar"]) == 1


async def test_registrations_are_made_one_after_another(world: World) -> None:
    registry = world.registry
    with registry.asking(URL, SyncCause.POLL):
        first, second = await asyncio.gather(
            registry.register(request_of("paid")), registry.register(request_of("paid"))
        )

    assert (first.modified, second.modified) == (True, False)
    assert world.commits.count == 1


async def test_a_registration_is_finished_when_its_client_goes_away(world: World) -> None:
    """What is written must be seen, too."""

    world.commits.may_commit.clear()
    registering = asyncio.create_task(world.registry.register(request_of("paid")))
    await world.commits.is_committing.wait()
    registering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await registering

    world.commits.may_commit.set()
    with world.registry.asking(URL, SyncCause.POLL):
        await world.registry.register(request_of("paid"))

    assert world.commits.count == 1
    assert only_function(world.registry).slug == "shop-paid"


async def test_before_there_is_an_engine_nothing_can_be_registered() -> None:
    with pytest.raises(StoreUnavailable):
        await new_registry().register(request_of("paid"))


async def test_an_app_is_removed_by_its_url_in_any_spelling(world: World) -> None:
    registry = world.registry
    await registry.register(request_of("paid"))

    assert await registry.remove("http://127.0.0.1:8000/api/inngest?probe=trust")

    assert registry.functions.listening("shop/paid") == ()
    assert not registry.has_apps
    assert not await registry.remove(URL)


async def test_all_apps_at_a_url_get_its_error(world: World) -> None:
    registry = world.registry
    await registry.register(request_of("paid"))
    await registry.register(request_of("paid", app="cellar"))

    await registry.record_error(URL, "unreachable")

    assert [app.error for app in registry.apps.values()] == ["unreachable"] * 2
    assert {app.error for app in await world.store.apps()} == {"unreachable"}


async def test_a_placeholder_is_no_app_yet_and_goes_when_the_app_comes(world: World) -> None:
    registry = world.registry
    await registry.add_placeholder("localhost:8000/api/inngest")
    (waiting,) = registry.apps_at(URL)
    assert (waiting.name, waiting.error) == ("", "unreachable")
    assert not registry.has_apps

    await registry.register(request_of("paid"))

    assert [app.name for app in registry.apps.values()] == ["shop"]
    assert [app.name for app in await world.store.apps()] == ["shop"]


async def test_limits_can_be_overridden_until_they_are_taken_back(world: World) -> None:
    registry = world.registry
    await registry.register(request_of("paid"))
    function_id = only_function(registry).id

    assert not registry.set_steps_max(function_id, 3)
    assert not registry.set_state_bytes_max(function_id, 1_000)
    assert only_function(registry).steps_max == 3
    assert only_function(registry).state_bytes_max == 1_000

    assert registry.set_steps_max(function_id, None)
    assert registry.set_state_bytes_max(function_id, None)
    assert not registry.set_steps_max(function_id, None)
    assert only_function(registry).steps_max == STEPS_MAX
    assert only_function(registry).state_bytes_max == STATE_BYTES_MAX


async def test_overridden_limits_outlive_reloading_and_are_never_stored(world: World) -> None:
    registry = world.registry
    await registry.register(request_of("paid"))
    registry.set_steps_max(only_function(registry).id, 3)
    await registry.register(request_of("paid", retries=1))

    await world.reload(registry)

    assert only_function(registry).steps_max == 3
    assert [function.steps_max for function in await world.store.functions()] == [STEPS_MAX]


async def test_overriding_an_unknown_function_changes_none(world: World) -> None:
    await world.registry.register(request_of("paid"))

    world.registry.set_steps_max(FunctionId("other"), 3)

    assert only_function(world.registry).steps_max == STEPS_MAX


def among_others(world: World) -> World:
    """Another registry on the same store, which catches up before each change."""
    shared = World(world.store, world.commits.owner)

    async def catch_up() -> int:
        glance = await shared.store.glance(shared.commits.owner, Standing())
        await shared.reload(shared.registry)
        return glance.catalogue

    shared.registry.commit_with(shared.commits, catch_up=catch_up)
    return shared


async def test_of_two_that_register_at_once_none_undoes_what_the_other_did(world: World) -> None:
    """The later one decides again, on what the earlier one has written."""
    one, other = among_others(world), among_others(world)
    await one.registry.register(request_of("paid"))
    one.commits.may_commit.clear()
    one.commits.is_committing.clear()
    registering = asyncio.create_task(one.registry.register(request_of("paid", "refunded")))
    await one.commits.is_committing.wait()

    await Control(other.registry).pause_function(
        "shop-paid", new_runs=NewRuns.SKIP, running=RunningRuns.FINISH
    )
    one.commits.may_commit.set()
    await registering

    stored = await world.store.functions()
    assert {each.slug: each.pause is not None for each in stored} == {
        "shop-paid": True,
        "shop-refunded": False,
    }
    assert one.commits.count == 3


async def test_who_is_always_overtaken_is_told_to_come_again(world: World) -> None:
    async def catch_up() -> int:
        return 7

    world.registry.commit_with(world.commits, catch_up=catch_up)

    with pytest.raises(Overtaken):
        await world.registry.register(request_of("paid"))

    assert world.commits.count == 100
    assert await world.store.apps() == []
