"""Signals meet the steps that wait for them, in order, and only what is durable is answered."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from stepwell.core.cancel import cancel
from stepwell.core.fire import fire
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, ItemId, RunId
from stepwell.core.item_bodies import CancelBody
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.run import RunState
from stepwell.core.transition import SignalWait, Transition
from stepwell.engine.committer import CommitFailed
from stepwell.engine.live_runs import LiveRuns
from stepwell.engine.places import OwnedPlaces
from stepwell.engine.signals import Signals
from stepwell.engine.store import Ownership, StoreUnavailable, join_alone
from stepwell.store.sqlite import SqliteStore
from stepwell.wire.config import EventTrigger
from tests.unit.core.core_world import CoreWorld, function, opcode, step_id

pytestmark = pytest.mark.anyio

Committed = Callable[[], None] | None


class World(CoreWorld):
    """What surrounds the signals: a store in memory, and commits that happen when told to."""

    def __init__(self, store: SqliteStore, owner: Ownership) -> None:
        super().__init__(function("app-f", EventTrigger(event="test/go")))
        self.store = store
        self.owner = owner
        self.submitted: list[tuple[Transition, Committed]] = []
        self.queued: list[QueueItem] = []
        self.live = LiveRuns(store.load_runs)
        self.places = OwnedPlaces(lambda: self.functions, store.partitions, is_alone=True)
        self.places.add(store.partitions)
        self.signals = Signals(
            store,
            self.live,
            self,
            is_behind=lambda number: any(item.id < number for item in self.queued),
            decided=lambda _item, transition, committed: self.submit(
                transition, committed=committed
            ),
            places=self.places,
            forward=self.forward,
        )

    # What signals ask for.

    async def forward(self, wait: SignalWait, data: bytes) -> bool:
        raise AssertionError("there is no other node")

    def submit(
        self,
        transition: Transition,
        *,
        committed: Committed = None,
        failed: Callable[[CommitFailed], None] | None = None,
    ) -> None:
        assert failed is None
        self.submitted.append((transition, committed))

    def submit_for(
        self,
        run: RunState,
        transition: Transition,
        *,
        committed: Committed = None,
        failed: Callable[[CommitFailed], None] | None = None,
    ) -> None:
        run.apply(transition)
        self.submit(transition, committed=committed, failed=failed)

    # What may happen.

    def absorb(self, transition: Transition, run: RunState | None = None) -> Transition:
        self.submit(transition)
        return super().absorb(transition, run)

    async def commit(self) -> None:
        """Make durable what was submitted, and what follows from that, until nothing does."""
        await passes()
        while self.submitted:
            batch, self.submitted = self.submitted, []
            await self.store.commit(self.owner, [transition for transition, _ in batch])
            for transition, committed in batch:
                self.queued += [i for i in transition.put if i.kind is ItemKind.SIGNAL]
                if committed is not None:
                    committed()
            await passes()

    async def begins(self, name: str = "paid/7", **opts: Any) -> RunState:
        """A new run begins to wait; its question is durable, but not decided."""
        (run,) = self.send("test/go")
        self.answer(run, opcode("WaitForSignal", "w", opts={"signal": name, **opts}))
        await self.commit()
        return run

    async def decides(self) -> None:
        """All questions get their turn, and their decisions are durable."""
        self.give_turns()
        await self.commit()

    def give_turns(self) -> None:
        items, self.queued = self.queued, []
        for item in items:
            self.signals.add(item)
        self.signals.look_again()

    def sends(self, name: str = "paid/7", data: bytes = b"1") -> "asyncio.Task[RunId | None]":
        return asyncio.create_task(self.signals.send(DEFAULT_ENVIRONMENT_ID, name, data))

    async def row(self, name: str = "paid/7") -> SignalWait | None:
        return await self.store.signal(DEFAULT_ENVIRONMENT_ID, name)

    async def stored_kinds(self, run: RunState) -> list[ItemKind]:
        """What is queued for the run in the store."""
        loaded = (await self.store.load_runs([run.new.id]))[run.new.id]
        return sorted(item.kind for item in loaded.items.values())

    async def held(self, run: RunState) -> RunState:
        """The run as it is in memory, held."""
        found: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self.live.want(run.new.id, found.set_result)
        held = await found
        assert isinstance(held, RunState)
        return held


async def passes() -> None:
    """Let all tasks go on as far as they can."""
    for _ in range(20):
        await asyncio.sleep(0)


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
async def world(anyio_backend: object) -> AsyncIterator[World]:
    store = SqliteStore.in_memory()
    made = World(store, await join_alone(store))
    serving = [asyncio.create_task(made.live.run()), asyncio.create_task(made.signals.run())]
    yield made
    for task in serving:
        assert not task.done()
        task.cancel()
    await store.close()


async def test_a_signal_reaches_the_step_that_waits(world: World) -> None:
    run = await world.begins()
    await world.decides()
    row = await world.row()
    assert row is not None
    assert (row.run_id, row.step) == (run.new.id, step_id("w"))

    sending = world.sends()
    await world.commit()

    assert await sending == run.new.id
    assert await world.row() is None
    assert await world.stored_kinds(run) == [ItemKind.TIMEOUT, ItemKind.RESUME]
    assert len(world.live) == 0, "no run is kept"


async def test_a_signal_is_answered_when_its_effect_is_durable(world: World) -> None:
    run = await world.begins()
    await world.decides()

    sending = world.sends()
    await passes()
    assert not sending.done()
    assert await world.stored_kinds(run) == [ItemKind.TIMEOUT]

    await world.commit()
    assert sending.done()


async def test_a_signal_for_which_nobody_waits_costs_no_commit(world: World) -> None:
    assert await world.sends() is None
    assert world.submitted == []


async def test_a_signal_waits_for_the_waits_that_were_durable_before(world: World) -> None:
    run = await world.begins()
    sending = world.sends()
    await world.commit()
    assert not sending.done()

    await world.decides()

    assert await sending == run.new.id


async def test_a_wait_that_came_later_does_not_hold_up_a_signal(world: World) -> None:
    sending = world.sends()
    await passes()
    await world.begins()

    assert await sending is None


async def test_a_signal_resumes_one_step_once(world: World) -> None:
    run = await world.begins()
    world.give_turns()
    first, second = world.sends(), world.sends()
    await world.commit()

    assert (await first, await second) == (run.new.id, None)
    assert await world.stored_kinds(run) == [ItemKind.TIMEOUT, ItemKind.RESUME]


@pytest.mark.parametrize("at_once", [True, False])
async def test_of_two_runs_the_first_has_the_name_and_the_second_fails(
    world: World, *, at_once: bool
) -> None:
    first = await world.begins()
    if not at_once:
        await world.decides()
    second = await world.begins()
    await world.decides()

    row = await world.row()
    assert row is not None
    assert row.run_id == first.new.id
    assert await world.stored_kinds(first) == [ItemKind.TIMEOUT]
    assert await world.stored_kinds(second) == [ItemKind.TIMEOUT, ItemKind.CANCEL]


async def test_a_wait_that_replaces_has_the_name(world: World) -> None:
    older = await world.begins()
    newer = await world.begins(conflict="replace")
    await world.decides()
    sending = world.sends()
    await world.commit()

    assert await sending == newer.new.id
    assert await world.stored_kinds(older) == [ItemKind.TIMEOUT]


async def test_what_was_decided_about_a_run_counts_before_it_is_durable(world: World) -> None:
    """The store still says that the run waits."""
    run = await world.begins()
    await world.decides()
    held = await world.held(run)
    ended = cancel(held, None, CancelBody("api"), world=world.world(), at=world.moment())
    world.submit_for(held, ended)

    assert await world.row() is not None
    assert await world.sends() is None
    newer = await world.begins()
    await world.decides()
    row = await world.row()
    assert row is not None
    assert row.run_id == newer.new.id


async def test_a_timeout_that_is_decided_after_a_signal_knows_of_it(world: World) -> None:
    """Whoever sent the signal is told that the run has it, so it must have it."""
    run = await world.begins(timeout="1h")
    await world.decides()
    held = await world.held(run)
    sending = world.sends()
    await passes()
    (timeout,) = (item for item in held.items.values() if item.kind is ItemKind.TIMEOUT)
    world.submit_for(held, fire(held, timeout, world=world.world(), at=world.moment()))
    await world.commit()

    assert await sending == run.new.id
    stored = (await world.store.load_runs([run.new.id]))[run.new.id]
    assert stored.steps[step_id("w")] == b'{"data":{"signal":"paid/7","data":1}}'


async def test_a_wait_of_a_run_that_is_gone_takes_no_name(world: World) -> None:
    run = await world.begins()
    world.cancel(run)
    await world.commit()
    await world.decides()

    assert await world.row() is None


async def test_who_goes_away_before_the_decision_has_sent_nothing(world: World) -> None:
    run = await world.begins()
    sending = world.sends()
    await passes()
    sending.cancel()
    await world.decides()

    row = await world.row()
    assert row is not None
    assert row.run_id == run.new.id
    with pytest.raises(asyncio.CancelledError):
        await sending


async def test_many_waits_and_signals_are_all_answered(world: World) -> None:
    names = [f"paid/{number}" for number in range(150)]
    runs = [await world.begins(name) for name in names]
    sending = [world.sends(name) for name in names]
    await world.decides()

    assert [await each for each in sending] == [run.new.id for run in runs]
    assert len(world.live) == 0


async def test_at_the_end_everybody_who_waits_is_told(world: World) -> None:
    await world.begins()
    sending = world.sends()
    await passes()
    world.signals.abort()

    with pytest.raises(StoreUnavailable):
        await sending
    with pytest.raises(StoreUnavailable):
        await world.sends()


async def test_after_a_restart_it_goes_on_where_it_stood(world: World) -> None:
    decided = await world.begins("a")
    await world.decides()
    undecided = await world.begins("b")
    again = World(world.store, await join_alone(world.store))
    again.ids, again.queued = world.ids, world.queued
    serving = [asyncio.create_task(again.live.run()), asyncio.create_task(again.signals.run())]
    again.give_turns()
    sending = again.sends("a"), again.sends("b")
    await again.commit()

    assert [await each for each in sending] == [decided.new.id, undecided.new.id]
    for task in serving:
        task.cancel()


async def test_numbers_tell_what_came_first(world: World) -> None:
    """A signal that was sent before a wait is decided before it, also when both wait together."""
    run = await world.begins()
    earlier = world.queued[0]
    world.queued = [QueueItem(ItemId(earlier.id - 1), ItemKind.MATCH, earlier.function_id)]
    sending = world.sends()
    await passes()
    later = await world.begins("other")
    world.queued = [earlier, *(item for item in world.queued if item.kind is ItemKind.SIGNAL)]
    await world.decides()

    assert await sending == run.new.id
    row = await world.row("other")
    assert row is not None
    assert row.run_id == later.new.id
