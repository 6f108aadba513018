"""One run is run again, from what is stored of it."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from stepwell.core.identity import RunId
from stepwell.core.rerun import RerunRefused, StepChoice
from stepwell.engine.reruns import Rerun
from stepwell.engine.store import StoreUnavailable, join_alone
from stepwell.store.sqlite import SqliteStore
from stepwell.wire.config import Singleton
from tests.unit.core.core_world import function, step_id
from tests.unit.core.rerun_world import GO, ran
from tests.unit.engine.operations_world import APP, FUNCTION, Desk

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    store = SqliteStore.in_memory()
    desk = Desk(store, await join_alone(store))
    await desk.open()
    yield desk
    await desk.close()
    await store.close()


async def test_the_new_run_is_stored_and_linked_to_the_first(desk: Desk) -> None:
    (run,) = await desk.begin({"n": 1})
    first = await desk.reruns.rerun(run.new.id)
    assert isinstance(first, Rerun)
    second = await desk.reruns.rerun(first.run_id)
    assert isinstance(second, Rerun)

    assert first.origin_run_id == second.origin_run_id == run.new.id
    loaded = await desk.store.load_runs([first.run_id, second.run_id])
    assert loaded[second.run_id].events == run.events
    assert loaded[second.run_id].new.origin_run_id == run.new.id


async def test_a_run_is_run_again_from_a_step(desk: Desk) -> None:
    (run,) = await desk.begin({})
    desk.answer(run, ran("a", "A"))
    desk.now_ms += 10
    desk.answer(run, ran("b", "B"))
    await desk.end(run)
    outcome = await desk.reruns.rerun(run.new.id, StepChoice("b", b"[5]"))
    assert isinstance(outcome, Rerun)

    loaded = (await desk.store.load_runs([outcome.run_id]))[outcome.run_id]
    assert loaded.steps == {step_id("a"): b'{"data":"A"}'}
    assert loaded.inputs == {step_id("b"): b"[5]"}
    assert [item.step for item in loaded.items.values()] == [step_id("b")]


async def test_an_unknown_run_is_not_found(desk: Desk) -> None:
    assert await desk.reruns.rerun(RunId("01HZZZZZZZZZZZZZZZZZZZZZZZ")) is None


async def test_what_cannot_be_run_again_is_refused(desk: Desk) -> None:
    (run,) = await desk.begin({})
    missing = await desk.reruns.rerun(run.new.id, StepChoice("b"))
    await desk.open(msgspec.structs.replace(FUNCTION, archived=True))
    gone = await desk.reruns.rerun(run.new.id)

    assert missing is RerunRefused.STEP_NOT_FOUND
    assert gone is RerunRefused.FUNCTION_GONE


async def test_the_app_s_sdk_decides_whether_inputs_can_be_edited(desk: Desk) -> None:
    (run,) = await desk.begin({})
    desk.answer(run, ran("a", "A"))
    await desk.write()
    desk.registry.load([msgspec.structs.replace(APP, sdk_language="py")], [FUNCTION])
    refused = await desk.reruns.rerun(run.new.id, StepChoice("a", b"[]"))

    assert refused is RerunRefused.INPUT_NOT_TAKEN
    assert isinstance(await desk.reruns.rerun(run.new.id, StepChoice("a")), Rerun)


async def test_a_singleton_is_let_in_by_whoever_knows_its_live_runs(desk: Desk) -> None:
    (run,) = await desk.begin({})
    await desk.open(function("app-f", GO, singleton=Singleton()))
    outcome = await desk.reruns.rerun(run.new.id)

    assert isinstance(outcome, Rerun)
    (key,) = desk.seats
    assert key
    assert desk.runs[outcome.run_id].new.singleton == key


async def test_a_rerun_that_may_not_be_durable_is_an_error(desk: Desk) -> None:
    (run,) = await desk.begin({})
    desk.commits_left = 1
    with pytest.raises(StoreUnavailable):
        await desk.reruns.rerun(run.new.id)
