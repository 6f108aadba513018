"""A scheduler with a store, an app and a clock that do what a test says, and nothing else."""

from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

import msgspec

from stepwell.core.function import Function, FunctionIndex
from stepwell.core.identity import (
    DEFAULT_ENVIRONMENT_ID,
    LOCAL_PARTITION,
    AppId,
    FunctionId,
    ItemId,
    PartitionId,
    RunId,
)
from stepwell.core.lanes import KeyKind, LaneKey, call_lane, expression_hash, start_lane
from stepwell.core.queue import IMMEDIATE, ItemKind, QueueItem
from stepwell.core.transition import LimitState
from stepwell.engine.limits import LimitSettings
from stepwell.engine.reasons import Reasons
from stepwell.engine.scheduler import Charge, Scheduler, SchedulerSetup
from stepwell.engine.store import Lane, LaneQuery
from stepwell.engine.windows import TimerWindow, WindowSizes
from stepwell.wire.config import FunctionConfig

START_MS = 1_790_000_000_000

Key = tuple[KeyKind, str, str]


def function(name: str, *, app: str = "app", pause: Any = None, **options: Any) -> Function:
    """A registered function whose id is its name."""
    config = FunctionConfig(slug=name, name=name, url="http://app/", **options)
    return Function(
        FunctionId(name),
        AppId(app),
        app,
        DEFAULT_ENVIRONMENT_ID,
        name,
        name,
        1,
        config,
        START_MS,
        pause=pause,
    )


def lane_keys_of(*keys: Key) -> list[LaneKey]:
    """Values of keys as they stand in lanes."""
    return [LaneKey(kind, expression_hash(source), value) for kind, source, value in keys]


class Rows:
    """The queue as it is stored."""

    def __init__(self) -> None:
        self.items: dict[ItemId, QueueItem] = {}
        self.admitted: dict[FunctionId, dict[RunId, str]] = {}
        self.lane_queries = 0

    def lanes(self, after: Lane | None) -> list[Lane]:
        found = {(i.function_id, i.lane) for i in self.items.values() if i.due_ms == IMMEDIATE}
        first = (after.function_id, after.lane) if after is not None else None
        return [Lane(*lane) for lane in sorted(found) if first is None or lane > first]

    def ready(self, query: LaneQuery) -> list[QueueItem]:
        found = [
            item
            for item in self.items.values()
            if item.function_id == query.function_id
            and item.lane == query.lane
            and item.due_ms == IMMEDIATE
            and (item.score, item.id) > query.after
        ]
        return sorted(found, key=lambda item: (item.score, item.id))[: query.limit]

    def timers(self, window: TimerWindow, limit: int) -> list[QueueItem]:
        assert window.edge is not None
        after = window.edge
        found = [
            item
            for item in self.items.values()
            if item.function_id == window.function_id
            and item.due_ms != IMMEDIATE
            and (item.due_ms, item.id) > after
        ]
        return sorted(found, key=lambda item: (item.due_ms, item.id))[:limit]


class SchedulerWorld:
    """Everything around a scheduler.

    Reads look at the store when they begin and are delivered by `deliver`, so that a test can let
    something happen between.
    """

    def __init__(
        self,
        *functions: Function,
        calls_max: int = 1_000,
        limits: LimitSettings | None = None,
        sizes: WindowSizes | None = None,
        rows: Any = None,
    ) -> None:
        self.rows: Any = rows or Rows()
        self.now_ms = START_MS
        self.index = FunctionIndex(functions)
        self.calls_max = calls_max
        self.limits = limits or LimitSettings()
        self.sizes = sizes or WindowSizes()
        self.has_room = True
        self.dispatched: list[QueueItem] = []
        self.under_way: dict[ItemId, QueueItem] = {}
        self.charges: dict[ItemId, Charge] = {}
        self.charged_at: dict[tuple[FunctionId, str], list[int]] = {}
        self.left: list[QueueItem] = []
        self.tats: dict[tuple[FunctionId, str], LimitState] = {}
        self.number = 0
        self.on_dispatch = self.dispatch
        self.restart()

    def restart(self) -> None:
        """Throw the scheduler away and begin with what is stored."""
        self.pending: list[Any] = []
        self._wants_ready = False
        self.under_way.clear()
        self.scheduler = Scheduler(
            SchedulerSetup(
                calls_max=self.calls_max,
                functions=lambda: self.index,
                now_ms=lambda: self.now_ms,
                has_room=lambda: self.has_room,
                dispatch=self._dispatched,
                left=self.left.append,
                make_ready=self._make_ready,
                reads=self,
                limits=self.limits,
                sizes=self.sizes,
            )
        )
        self.reasons = Reasons(lambda: self.scheduler, lambda: self.now_ms)
        self.scheduler.load_throttles(self.tats.values())

    # What the scheduler asks for.

    def ready(self) -> None:
        self._wants_ready = True

    def lanes(self, partition: PartitionId, after: Lane | None) -> None:
        found = self.rows.lanes(after)
        self.pending.append(lambda: self.scheduler.memory.found_lanes(partition, found))

    def timers(self, partition: PartitionId, window: TimerWindow, *, limit: int) -> None:
        assert partition == LOCAL_PARTITION
        found = self.rows.timers(window, limit)
        self.pending.append(
            lambda: self.scheduler.memory.refilled_timers(window, found, limit=limit)
        )

    def admitted_runs(self, function_id: FunctionId, reading: int) -> None:
        runs = list(self.rows.admitted.get(function_id, {}).items())
        self.pending.append(lambda: self.scheduler.found_runs(function_id, reading, runs))

    def _make_ready(self, item: QueueItem) -> None:
        def written() -> None:
            if self.rows.items.get(item.id) == item:
                self.put(msgspec.structs.replace(item, due_ms=IMMEDIATE))
            self.scheduler.memory.made_ready(item)

        self.pending.append(written)

    def begin_reads(self) -> None:
        """Let reads of lanes look at the store; one round trip at a time."""
        if self._wants_ready:
            self._wants_ready = False
            reads = self.scheduler.memory.next_reads()
            if reads:
                self._wants_ready = True
                found = [self.rows.ready(read.query) for read in reads]
                self.pending.append(lambda: self.scheduler.memory.refilled(reads, found))

    def deliver(self, random: Random | None = None) -> None:
        """Let one read that has begun end."""
        if self.pending:
            self.pending.pop(random.randrange(len(self.pending)) if random else 0)()

    def settle(self) -> None:
        """Pump, and read, until nothing more happens."""
        self.scheduler.pump()
        while self.pending or self._wants_ready:
            self.begin_reads()
            self.deliver()
            self.scheduler.pump()

    # What happens.

    def item(
        self,
        function_id: str,
        *keys: Key,
        kind: ItemKind = ItemKind.DISCOVER,
        score: int = 0,
        run_id: str = "",
        due_ms: int = IMMEDIATE,
    ) -> QueueItem:
        """A new item in the lane its keys say."""
        self.number += 1
        found = lane_keys_of(*keys)
        lane = start_lane(found) if kind is ItemKind.START else call_lane(found)
        return QueueItem(
            ItemId(self.number),
            kind,
            FunctionId(function_id),
            RunId(run_id or f"run-{self.number}"),
            due_ms=due_ms,
            lane=lane if kind.is_request else "",
            score=score,
        )

    def store(self, *items: QueueItem) -> None:
        """Write rows that no scheduler was told of."""
        self.rows.items.update({item.id: item for item in items})

    def put(self, *items: QueueItem) -> None:
        """Commit items."""
        self.store(*items)
        for item in items:
            self.scheduler.memory.add(item, self.now_ms)

    def put_many(self, count: int, function_id: str, *keys: Key, **more: Any) -> list[QueueItem]:
        """Commit some items of one lane."""
        items = [self.item(function_id, *keys, **more) for _ in range(count)]
        self.put(*items)
        return items

    def end(self, item: QueueItem, *following: QueueItem, run_ended: bool = False) -> None:
        """An answer came and was written."""
        item = self.under_way.pop(item.id)
        if item.kind.is_request:
            self.scheduler.request_ended(item.id)
        else:
            self.scheduler.decision_ended()
        self.rows.items.pop(item.id, None)
        self.put(*following)
        self.scheduler.memory.forget(item.id, item.function_id)
        self.scheduler.memory.ended(item)
        if run_ended:
            self.rows.admitted.get(item.function_id, {}).pop(item.run_id, None)
            self.scheduler.run_ended(item.run_id)

    def register(self, *functions: Function) -> None:
        """Change the functions."""
        known = {one.id: one for one in self.index} | {one.id: one for one in functions}
        self.index = FunctionIndex(known.values())
        self.scheduler.functions_changed()

    def wait(self, duration_ms: int) -> None:
        """Let time pass, ringing whenever something is due."""
        until_ms = self.now_ms + duration_ms
        while True:
            self.settle()
            due_ms = self.scheduler.next_due_ms()
            if due_ms is None or due_ms > until_ms:
                break
            self.now_ms = max(self.now_ms, due_ms)
            self.scheduler.wake_timers(self.now_ms)
        self.now_ms = until_ms

    def taken(self) -> list[QueueItem]:
        """What was dispatched since the last time this was asked."""
        taken, self.dispatched = self.dispatched, []
        return taken

    def _dispatched(self, item: QueueItem, charge: Charge | None) -> None:
        self.on_dispatch(item, charge)

    def dispatch(self, item: QueueItem, charge: Charge | None) -> None:
        """The app is called; it answers when a test lets it."""
        assert item.id not in self.under_way
        self.dispatched.append(item)
        self.under_way[item.id] = item
        if charge is not None:
            self.charges[item.id] = charge
            self.make_durable(item, charge)

    def make_durable(self, item: QueueItem, charge: Charge) -> None:
        """Move a start that was paid for into its run's call lane."""
        keys = msgspec.json.decode(item.lane[1:], type=list[LaneKey]) if item.lane[1:] else []
        moved = msgspec.structs.replace(item, lane=call_lane(keys))
        for state in charge.limits:
            self.tats[state.function_id, state.key] = state
            self.charged_at.setdefault((state.function_id, state.key), []).append(self.now_ms)
        self.rows.admitted.setdefault(item.function_id, {})[item.run_id] = moved.lane
        self.scheduler.charged(moved)
        self.under_way[item.id] = moved
        self.rows.items[item.id] = moved
        self.scheduler.memory.add(moved, self.now_ms)


def ids(items: Iterable[QueueItem]) -> list[ItemId]:
    """The ids of some items."""
    return [item.id for item in items]


def run_ids(items: Sequence[QueueItem]) -> list[RunId]:
    """The runs of some items."""
    return [item.run_id for item in items]
