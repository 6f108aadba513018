"""Random functions, keys, arrivals, answers and clocks, held against a model that counts anew."""

from random import Random
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.core.function import Function
from stepwell.core.identity import LOCAL_PARTITION
from stepwell.core.lanes import KeyKind, is_start_lane
from stepwell.core.pause import NewRuns, Pause, RunningRuns
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.engine.limits import LimitSettings
from stepwell.engine.scheduler import Charge
from stepwell.engine.windows import WindowSizes
from stepwell.wire.config import ConcurrencyLimit, ConcurrencyScope, RunConcurrency, Throttle
from tests.unit.engine.scheduler_model import Model
from tests.unit.engine.scheduler_world import START_MS, Key, SchedulerWorld, function

_SCOPES = list(ConcurrencyScope)


class Story:
    """One random life of a scheduler."""

    def __init__(self, seed: int) -> None:
        self.random = random = Random(seed)
        self.throttles = {
            name: Throttle(
                limit=random.randint(0, 3),
                period=f"{random.randint(1, 5)}s",
                burst=random.randint(0, 2),
                key=random.choice([None, "t"]),
            )
            for name in "abc"
            if random.random() < 0.4
        }
        self.world = SchedulerWorld(
            *(self.function(name) for name in "abc"),
            calls_max=random.choice([1, 3, 50]),
            limits=LimitSettings(
                account=random.choice([None, None, 4]),
                app_default=random.choice([None, None, 3]),
                apps=random.choice([{}, {"app-b": 2}]),
            ),
            sizes=WindowSizes(
                lane_max=random.choice([1, 2, 5]),
                items_max=random.choice([3, 20, 1_000]),
                timers_max=random.choice([2, 10]),
                due_max=random.choice([4, 10_000]),
            ),
        )
        self.model = Model(self.world)
        self.world.scheduler.memory.read_all(LOCAL_PARTITION, [])

    def function(self, name: str, *, may_pause: bool = True) -> Function:
        """The function with other limits."""
        random = self.random
        concurrency = []
        for source in random.sample(["k", "l", None], random.choice([0, 1, 1, 2])):
            scope = random.choice(_SCOPES) if source else ConcurrencyScope.FUNCTION
            concurrency.append(
                ConcurrencyLimit(limit=random.randint(0, 3), key=source, scope=scope)
            )
        options: dict[str, Any] = {}
        if random.random() < 0.3:
            key = random.choice([None, "r"])
            options["run_concurrency"] = RunConcurrency(limit=random.randint(1, 3), key=key)
        pause = Pause(START_MS, random.choice(list(NewRuns)), random.choice(list(RunningRuns)))
        return function(
            name,
            app=f"app-{name}",
            pause=pause if may_pause and random.random() < 0.2 else None,
            concurrency=tuple(concurrency),
            throttle=self.throttles.get(name),
            **options,
        )

    def keys(self) -> list[Key]:
        random = self.random
        kinds = [
            (KeyKind.CONCURRENCY, "k"),
            (KeyKind.CONCURRENCY, "l"),
            (KeyKind.RUN_CONCURRENCY, "r"),
            (KeyKind.THROTTLE, "t"),
        ]
        return [(kind, key, random.choice("xy")) for kind, key in kinds if random.random() < 0.9]

    def act(self) -> None:
        """Something happens."""
        random, world = self.random, self.world
        what = random.random()
        if what < 0.35:
            self.arrive()
        elif what < 0.60:
            self.answer()
        elif what < 0.75:
            world.begin_reads()
            world.deliver(random)
        elif what < 0.80:
            self.pass_time(random.choice([1, 500, 3_000]))
        elif what < 0.84:
            world.register(self.function(random.choice("abc")))
        elif what < 0.86:
            world.restart()
            world.scheduler.memory.read_all(
                LOCAL_PARTITION, {item.function_id for item in world.rows.items.values()}
            )
        elif what < 0.90:
            self.cancel()
        else:
            self.settle()
        world.scheduler.pump()
        self.check()

    def arrive(self) -> None:
        random, world = self.random, self.world
        name, keys, now_ms = random.choice("abc"), self.keys(), world.now_ms
        for _ in range(random.randint(1, 6)):
            kind = random.choice([ItemKind.START, ItemKind.START, ItemKind.STEP, ItemKind.SLEEP])
            due_ms = now_ms + random.randint(-5, 2_000) if random.random() < 0.2 else 0
            score = now_ms - random.randint(0, 3)
            item = world.item(name, *keys, kind=kind, score=score, due_ms=due_ms)
            if kind is ItemKind.STEP:
                world.rows.admitted.setdefault(item.function_id, {})
            if random.random() < 0.9:
                world.put(item)
            elif due_ms == 0:
                # Committed, and reported a little later; what is read meanwhile shows it.
                world.store(item)
                world.begin_reads()
                world.scheduler.memory.add(item, now_ms)

    def answer(self) -> None:
        random, world = self.random, self.world
        if not world.under_way:
            return
        item = random.choice(list(world.under_way.values()))
        again: list[QueueItem] = []
        was_uncharged = item.kind is ItemKind.START and is_start_lane(item.lane)
        if item.kind.is_request and not was_uncharged and random.random() < 0.4:
            due_ms = random.choice([0, world.now_ms + random.randint(1, 1_500)])
            again = [msgspec.structs.replace(item, attempt=item.attempt + 1, due_ms=due_ms)]
        world.end(item, run_ended=not again)
        # The same row under the same id, in another version.
        world.put(*again)

    def cancel(self) -> None:
        world = self.world
        waiting = [i for i in world.rows.items.values() if i.id not in world.under_way]
        if waiting:
            item = self.random.choice(waiting)
            del world.rows.items[item.id]
            world.scheduler.memory.forget(item.id, item.function_id)
            world.rows.admitted.get(item.function_id, {}).pop(item.run_id, None)
            world.scheduler.run_ended(item.run_id)

    def pass_time(self, duration_ms: int) -> None:
        world = self.world
        world.now_ms += duration_ms
        due_ms = world.scheduler.next_due_ms()
        if due_ms is not None and due_ms <= world.now_ms:
            world.scheduler.wake_timers(world.now_ms)

    def settle(self) -> None:
        """Whenever something could be dispatched, something is."""
        world = self.world
        world.settle()
        while (due_ms := world.scheduler.next_due_ms()) is not None and due_ms <= world.now_ms:
            world.scheduler.wake_timers(world.now_ms)
            world.settle()
        self.check()
        for item in self.model.heads():
            assert self.model.blocks(item), (item, world.reasons.why(item))

    def check(self) -> None:
        """Nothing was dispatched that was held up, or before its turn."""
        self.world.taken()


def watch(story: Story) -> None:
    """Hold each dispatch against the model before it takes up anything."""
    world, model = story.world, story.model
    dispatch = world.dispatch

    def checked(item: QueueItem, charge: Charge | None) -> None:
        if world.rows.items.get(item.id) != item:
            drop(world, item, charge)
            return
        if item.kind.is_request:
            assert model.blocks(item) == "", item
            assert model.overtaken_by(item) is None, item
            assert item.due_ms <= world.now_ms
        if is_start_lane(item.lane):
            assert (charge is None) == (not model.costs(item))
            model.admitted(item)
        dispatch(item, charge)

    world.on_dispatch = checked


def drop(world: SchedulerWorld, item: QueueItem, charge: Charge | None) -> None:
    """It was deleted while it was being read; what it cost is given back."""
    if charge is not None:
        world.scheduler.uncharge(item, charge)
    if item.kind.is_request:
        world.scheduler.request_ended(item.id)
    else:
        world.scheduler.decision_ended()
    world.scheduler.memory.ended(item)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32))
def test_bounds_hold_nothing_starves_and_all_is_dispatched_in_order(seed: int) -> None:
    """Limits are never exceeded, what could go on goes on, lanes are first in, first out."""
    story = Story(seed)
    watch(story)
    for _ in range(60):
        story.act()
    finish(story)


def finish(story: Story) -> None:
    """Without pauses, and with every request answered, everything is dispatched in the end."""
    world = story.world
    world.register(*(story.function(name, may_pause=False) for name in "abc"))
    for _ in range(2_000):
        story.settle()
        if not world.rows.items:
            return
        for item in list(world.under_way.values()):
            world.end(item, run_ended=True)
        due_ms = world.scheduler.next_due_ms()
        if not world.under_way and due_ms is not None:
            world.now_ms = max(world.now_ms, due_ms)
            world.scheduler.wake_timers(world.now_ms)
    raise AssertionError(world.rows.items)
