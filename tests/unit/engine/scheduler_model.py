"""What may be under way at the same time, counted from scratch: no windows, no turns, no parking."""

from collections.abc import Iterator

from stepwell.core.function import Function
from stepwell.core.identity import FunctionId, ItemId
from stepwell.core.lanes import KeyKind, expression_hash, is_start_lane, lane_keys
from stepwell.core.pause import RunningRuns
from stepwell.core.queue import IMMEDIATE, ItemKind, QueueItem
from stepwell.wire.config import ConcurrencyLimit, ConcurrencyScope
from tests.unit.engine.scheduler_world import SchedulerWorld


def value_of(item: QueueItem, kind: KeyKind, source: str | None) -> str | None:
    """What a key gave for the item's run; None if its lane does not know the key."""
    if not source:
        return ""
    for key in lane_keys(item.lane):
        if key.kind is kind and key.expression == expression_hash(source):
            return key.value
    return None


class Model:
    """Says what holds an item up, by looking at all that is under way."""

    def __init__(self, world: SchedulerWorld) -> None:
        self.world = world
        self.tats: dict[tuple[FunctionId, str], int] = {}

    def function(self, item: QueueItem) -> Function:
        found = self.world.index.get(item.function_id)
        assert found is not None
        return found

    def blocks(self, item: QueueItem) -> str:
        """The first thing that holds the item up; "" if nothing does."""
        world, function = self.world, self.function(item)
        under_way = [i for i in world.under_way.values() if i.kind.is_request]
        is_start = is_start_lane(item.lane)
        if len(under_way) >= world.calls_max:
            return "slots"
        pause = function.pause
        if pause is not None and (is_start or pause.running is RunningRuns.HOLD):
            return "pause"
        if world.limits.account and len(under_way) >= world.limits.account:
            return "account"
        app = function.app_name
        of_app = [i for i in under_way if self.function(i).app_name == app]
        app_limit = world.limits.apps.get(app, world.limits.app_default)
        if app_limit and len(of_app) >= app_limit:
            return "app"
        for limit in function.config.concurrency:
            usage = self.usage(item, limit)
            if usage is not None and usage >= limit.limit > 0:
                return f"concurrency {limit.key}"
        if is_start and self.runs_are_full(item, function):
            return "runs"
        if is_start and self.is_throttled(item, function):
            return "throttle"
        return ""

    def usage(self, item: QueueItem, limit: ConcurrencyLimit) -> int | None:
        """How many are under way in the same bucket; None if the limit does not concern it."""
        value = value_of(item, KeyKind.CONCURRENCY, limit.key)
        if value is None:
            return None
        count = 0
        for other in self.world.under_way.values():
            is_own = other.function_id == item.function_id
            if not other.kind.is_request:
                continue
            if limit.scope is ConcurrencyScope.FUNCTION and not is_own:
                continue
            shares = any(
                (theirs.key, theirs.scope) == (limit.key, limit.scope) and theirs.limit > 0
                for theirs in self.function(other).config.concurrency
            )
            if shares and value_of(other, KeyKind.CONCURRENCY, limit.key) == value:
                count += 1
        return count

    def runs_are_full(self, item: QueueItem, function: Function) -> bool:
        option = function.config.run_concurrency
        if option is None:
            return False
        value = value_of(item, KeyKind.RUN_CONCURRENCY, option.key)
        if value is None:
            return False
        return item.run_id not in (runs := self.runs(function, value)) and len(runs) >= option.limit

    def runs(self, function: Function, value: str) -> set[str]:
        """The admitted runs of a function for which the key of its limit gave the value."""
        option = function.config.run_concurrency
        assert option is not None
        lanes = dict(self.world.rows.admitted.get(function.id, {}))
        for item in self.world.under_way.values():
            if item.function_id == function.id and item.kind is ItemKind.START:
                lanes[item.run_id] = item.lane
        return {
            run_id
            for run_id, lane in lanes.items()
            if value_of(
                QueueItem(ItemId(0), ItemKind.START, function.id, lane=lane),
                KeyKind.RUN_CONCURRENCY,
                option.key,
            )
            == value
        }

    def throttle_key(self, item: QueueItem, function: Function) -> tuple[FunctionId, str] | None:
        option = function.config.throttle
        if option is None:
            return None
        value = value_of(item, KeyKind.THROTTLE, option.key)
        return None if value is None else (function.id, value)

    def is_throttled(self, item: QueueItem, function: Function) -> bool:
        """Source: flow control, 4, as it is written there."""
        key, option = self.throttle_key(item, function), function.config.throttle
        if key is None or option is None:
            return False
        now = self.world.now_ms * 1_000_000
        interval = option.period_ms * 1_000_000 // max(1, option.limit)
        tolerance = interval * (max(1, option.limit) + option.burst)
        room = (tolerance - max(0, self.tats.get(key, now) - now)) // interval
        return room < 1

    def costs(self, item: QueueItem) -> bool:
        """Whether a start has to be paid for before it is made."""
        function = self.function(item)
        option = function.config.run_concurrency
        limits_runs = (
            option is not None and value_of(item, KeyKind.RUN_CONCURRENCY, option.key) is not None
        )
        return limits_runs or self.throttle_key(item, function) is not None

    def admitted(self, item: QueueItem) -> None:
        """A start was let in."""
        function = self.function(item)
        key, option = self.throttle_key(item, function), function.config.throttle
        if key is not None and option is not None:
            now = self.world.now_ms * 1_000_000
            interval = option.period_ms * 1_000_000 // max(1, option.limit)
            self.tats[key] = max(self.tats.get(key, now), now) + interval

    def heads(self) -> Iterator[QueueItem]:
        """The first item of each lane that is not under way, of those that are due."""
        world = self.world
        first: dict[tuple[str, str], QueueItem] = {}
        for item in world.rows.items.values():
            if item.id in world.under_way or item.due_ms > world.now_ms or not item.lane:
                continue
            lane = (item.function_id, item.lane)
            known = first.get(lane)
            if known is None or (item.score, item.id) < (known.score, known.id):
                first[lane] = item
        return iter(first.values())

    def overtaken_by(self, item: QueueItem) -> QueueItem | None:
        """An item that was due at once and should have gone before this one."""
        world = self.world
        stored: list[QueueItem] = list(world.rows.items.values())
        for other in stored:
            if (
                (other.function_id, other.lane) == (item.function_id, item.lane)
                and other.due_ms == IMMEDIATE == item.due_ms
                and other.id not in world.under_way
                and (other.score, other.id) < (item.score, item.id)
            ):
                return other
        return None
