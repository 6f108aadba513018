"""What operators do is durable, seen at once, and leaves no run behind."""

import asyncio
from collections.abc import AsyncIterator

import msgspec
import pytest

from stepwell.core.app import App
from stepwell.core.operation import OperationKind
from stepwell.core.pause import NewRuns, Pause, RunningRuns
from stepwell.core.pausing import ControlRefusal
from stepwell.core.queue import ItemKind
from stepwell.core.transition import Transition
from stepwell.engine.control import Control, Controlled
from stepwell.engine.registry import Registry
from stepwell.engine.store import Ownership, StoreUnavailable, join_alone
from stepwell.server.ids import RandomIds
from stepwell.store.sqlite import SqliteStore
from stepwell.wire.registration import RegisterRequest, parse_register

pytestmark = pytest.mark.anyio

NOW_MS = 1_795_252_230_000
URL = "http://localhost:8000/api/inngest"


class Clock:
    """Goes on by a second whenever it is asked."""

    def __init__(self) -> None:
        self.ms = NOW_MS

    def now_ms(self) -> int:
        self.ms += 1_000
        return self.ms


class World:
    """A registry and its control, on a store in memory."""

    def __init__(self, store: SqliteStore, owner: Ownership) -> None:
        self.store = store
        self.owner = owner
        self.written: list[Transition] = []
        self.fails_from = 100
        self.may_commit = asyncio.Event()
        self.may_commit.set()
        clock = Clock()
        self.registry = Registry(clock, RandomIds(clock))
        self.registry.commit_with(self)
        self.control = Control(self.registry)

    async def commit(self, transition: Transition) -> None:
        await self.may_commit.wait()
        if len(self.written) >= self.fails_from:
            raise StoreUnavailable("commit", "the disk is full")
        self.written.append(transition)
        await self.store.commit(self.owner, [transition])

    async def reload(self) -> None:
        self.registry.load(await self.store.apps(), await self.store.functions())

    async def pause(
        self, running: RunningRuns = RunningRuns.FINISH, *, new_runs: NewRuns = NewRuns.SKIP
    ) -> Controlled:
        result = await self.control.pause_function("shop-a", new_runs=new_runs, running=running)
        assert isinstance(result, Controlled)
        return result


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def world(anyio_backend: object) -> AsyncIterator[World]:
    store = SqliteStore.in_memory()
    made = World(store, await join_alone(store))
    await made.registry.register(request_of("a", "b"))
    made.written.clear()
    yield made
    await store.close()


def request_of(*names: str) -> RegisterRequest:
    functions = [
        {
            "id": f"shop-{name}",
            "name": name,
            "triggers": [{"event": "shop/paid"}],
            "steps": {"step": {"name": "step", "runtime": {"url": f"{URL}?fnId=shop-{name}"}}},
        }
        for name in names
    ]
    body = {"appName": "shop", "url": URL, "functions": functions}
    return parse_register(msgspec.json.encode(body))


def pause_seen(world: World, slug: str = "shop-a") -> Pause | None:
    """As events find the function."""
    (found,) = (each for each in world.registry.functions if each.slug == slug)
    return found.pause


async def test_a_pause_is_seen_and_outlasts_a_restart(world: World) -> None:
    result = await world.pause(RunningRuns.HOLD, new_runs=NewRuns.WAIT)

    assert result.function.pause == pause_seen(world)
    assert result.operation is None
    assert len(world.written) == 1
    await world.reload()
    assert pause_seen(world) == result.function.pause
    assert pause_seen(world, "shop-b") is None

    resumed = await world.control.resume_function("shop-a")
    assert resumed == Controlled(msgspec.structs.replace(result.function, pause=None))
    assert pause_seen(world) is None


async def test_saying_the_same_again_writes_nothing(world: World) -> None:
    first = await world.pause()
    assert await world.pause() == first
    await world.control.drain_app("shop")
    await world.control.drain_app("shop")
    await world.control.archive_function("shop-b")
    await world.control.archive_function("shop-b")

    assert len(world.written) == 3


async def test_runs_are_cancelled_once_no_more_are_created(world: World) -> None:
    """Events that are routed while the pause is written still create runs."""
    result = await world.pause(RunningRuns.CANCEL)

    paused, cancelled = world.written
    assert [each.slug for each in paused.functions] == ["shop-a"]
    assert (paused.operations, paused.put) == ([], [])
    (operation,) = cancelled.operations
    assert operation == result.operation
    assert (operation.kind, operation.cause) == (OperationKind.CANCEL, "paused")
    assert operation.function_id == result.function.id
    assert result.function.pause is not None
    assert operation.started_before_ms > result.function.pause.since_ms + 1
    assert [item.kind for item in cancelled.put] == [ItemKind.OPERATION]
    assert await world.store.operations() == [operation]


async def test_a_pause_that_was_half_written_can_be_asked_for_again(world: World) -> None:
    world.fails_from = 1
    with pytest.raises(StoreUnavailable):
        await world.pause(RunningRuns.CANCEL)
    assert await world.store.operations() == []

    world.fails_from = 100
    result = await world.pause(RunningRuns.CANCEL)

    assert await world.store.operations() == [result.operation]


async def test_a_pause_is_finished_when_whoever_asked_goes_away(world: World) -> None:
    world.may_commit.clear()
    pausing = asyncio.create_task(world.pause(RunningRuns.CANCEL))
    await asyncio.sleep(0)
    pausing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await pausing

    world.may_commit.set()
    await world.registry.record_error(URL, "unreachable")
    await world.registry.record_error(URL, "unreachable")

    assert pause_seen(world) is not None
    assert len(await world.store.operations()) == 1


async def test_a_removed_function_is_archived_and_its_runs_are_cancelled(world: World) -> None:
    result = await world.control.remove_function("shop-a")

    assert isinstance(result, Controlled)
    assert result.function.archived
    assert result.operation is not None
    assert result.operation.cause == "removed"
    assert [each.slug for each in world.registry.functions.listening("shop/paid")] == ["shop-b"]
    assert world.control.function("shop-a") == result.function


async def test_an_archived_function_comes_back_with_its_app(world: World) -> None:
    result = await world.control.archive_function("shop-a")
    assert isinstance(result, Controlled)
    assert result.operation is None
    await world.registry.record_error(URL, "unreachable")

    await world.registry.register(request_of("a", "b"))

    assert len(world.registry.functions.listening("shop/paid")) == 2


async def test_a_drained_app_and_its_functions_go_on_together(world: World) -> None:
    drained = await world.control.drain_app("shop")
    assert isinstance(drained, App)
    assert drained.drained_ms
    await world.reload()
    seen = pause_seen(world)
    assert seen is not None
    assert seen.is_drain
    assert await world.control.resume_function("shop-a") is ControlRefusal.DRAINED

    resumed = await world.control.resume_app("shop")

    assert resumed == msgspec.structs.replace(drained, drained_ms=0)
    assert (pause_seen(world), pause_seen(world, "shop-b")) == (None, None)


async def test_who_is_unknown_cannot_be_told_anything(world: World) -> None:
    control = world.control
    pausing = control.pause_function("x", new_runs=NewRuns.SKIP, running=RunningRuns.CANCEL)
    results = [
        await pausing,
        await control.resume_function("x"),
        await control.archive_function("x"),
        await control.remove_function("x"),
        await control.drain_app("x"),
        await control.resume_app("x"),
    ]

    assert results == [ControlRefusal.UNKNOWN] * 6
    assert control.function("x") is None
    assert world.written == []


async def test_a_change_is_told_when_it_is_seen_and_not_before(world: World) -> None:
    seen: list[Pause | None] = []
    world.registry.on_change(lambda: seen.append(pause_seen(world)))
    world.fails_from = 0
    with pytest.raises(StoreUnavailable):
        await world.pause()
    assert seen == []

    world.fails_from = 100
    result = await world.pause()
    await world.registry.record_error(URL, "unreachable")
    assert seen == [result.function.pause]

    world.registry.on_change(None)
    await world.control.resume_function("shop-a")
    assert len(seen) == 1


async def test_overridden_limits_are_not_written_with_a_pause(world: World) -> None:
    found = world.control.function("shop-a")
    assert found is not None
    world.registry.set_steps_max(found.id, 3)
    await world.pause()

    assert world.written[0].functions[0].steps_max == found.steps_max
    (seen,) = (each for each in world.registry.functions if each.slug == "shop-a")
    assert (seen.steps_max, seen.pause is not None) == (3, True)
