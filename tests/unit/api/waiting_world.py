"""The endpoints that explain, with a real scheduler behind them and rows in place of a store."""

from collections.abc import Sequence
from typing import Any

from stepwell.api.errors import ErrorAnswers
from stepwell.api.routing import router
from stepwell.api.services import ApiServices
from stepwell.api.waiting import WaitingApi
from stepwell.api.why import Waitings
from stepwell.core.function import Function
from stepwell.core.identity import FunctionId, ItemId, RunId
from stepwell.core.queue import IMMEDIATE, ItemKind, QueueItem
from stepwell.core.status import RunStatus
from stepwell.engine.store import StoreUnavailable
from stepwell.engine.waiting import ItemReason, QueueReason
from stepwell.store.views import LaneNumbers, QueueNumbers, TimerNumbers
from tests.unit.api.api_server import Answer, Api, Clock, Ulids, run_view, ulid
from tests.unit.engine.scheduler_world import SchedulerWorld

RUN_ID = RunId(ulid(1))


class WorldClock:
    """The clock of a `SchedulerWorld`."""

    def __init__(self, world: SchedulerWorld) -> None:
        self._world = world

    def now_ms(self) -> int:
        return self._world.now_ms


class WaitingWorld(Api):
    """Asks about what a `SchedulerWorld` does."""

    def __init__(self, *functions: Function, **more: Any) -> None:
        super().__init__()
        self.world = SchedulerWorld(*functions, **more)
        self.backend.functions = self.world.index
        self.is_owned = True
        self.is_silent = False
        self.elsewhere: set[FunctionId] = set()
        self.waitings = Waitings(
            self, self, functions=lambda: self.world.index, clock=WorldClock(self.world)
        )
        services = ApiServices(
            intake=self.backend,
            runs=self.backend,
            catalogue=self.backend,
            readers=self.backend,
            ids=Ulids(),
            clock=Clock(),
        )
        self.app = ErrorAnswers(router([WaitingApi(services, self.waitings).routes()]))

    # What the owner says.

    def is_here(self, function_id: FunctionId) -> bool:
        self._check()
        return function_id not in self.elsewhere

    async def why(
        self, function_id: FunctionId, items: Sequence[QueueItem]
    ) -> Sequence[ItemReason] | None:
        self._check()
        assert {item.function_id for item in items} == {function_id}
        return None if self.is_silent else [self.world.reasons.of_item(item) for item in items]

    async def queue_reason(self, function_id: FunctionId) -> QueueReason | None:
        self._check()
        return None if self.is_silent else await self.world.reasons.of_queue(function_id)

    def _check(self) -> None:
        if not self.is_owned:
            raise StoreUnavailable("request", "the store is being opened")

    def waiting(self, item: QueueItem) -> dict[str, Any]:
        """What the run of an item is told; it must be its only item."""
        (shown,) = self.items_of(item)
        return shown

    def items_of(self, item: QueueItem) -> list[dict[str, Any]]:
        """All that is shown of the run of an item."""
        view = run_view(status=RunStatus.SCHEDULED, id=item.run_id, function_id=item.function_id)
        self.backend.runs = [view]
        answer = self.get(f"/v1/runs/{item.run_id}/waiting")
        assert answer.status == 200, answer.body
        shown: list[dict[str, Any]] = answer.json["data"]["items"]
        return shown

    def queue(self, slug: str) -> Any:
        """What is shown of a function's queue."""
        answer: Answer = self.get(f"/v1/functions/{slug}/queue")
        assert answer.status == 200, answer.body
        return answer.json["data"]

    # What is stored.

    async def jobs(self, run_id: RunId, *, limit: int) -> list[QueueItem]:
        found = [item for item in self.world.rows.items.values() if item.run_id == run_id]
        return sorted(found, key=lambda item: item.id)[:limit]

    async def queue_numbers(self, function_id: FunctionId | None = None) -> QueueNumbers:
        lanes: dict[tuple[FunctionId, str], list[QueueItem]] = {}
        timers: dict[tuple[FunctionId, ItemKind], int] = {}
        for item in self.world.rows.items.values():
            if function_id is not None and item.function_id != function_id:
                continue
            if item.due_ms == IMMEDIATE:
                lanes.setdefault((item.function_id, item.lane), []).append(item)
            else:
                name = (item.function_id, item.kind)
                timers[name] = timers.get(name, 0) + 1
        return QueueNumbers(
            [LaneNumbers(*key, len(items), items[0].queued_ms) for key, items in lanes.items()],
            [TimerNumbers(id_, kind, count) for (id_, kind), count in timers.items()],
        )

    async def items_ahead(
        self, function_id: FunctionId, lane: str, *, score: int, item_id: ItemId
    ) -> int:
        return sum(
            item.function_id == function_id
            and item.lane == lane
            and item.due_ms == IMMEDIATE
            and (item.score, item.id) < (score, item_id)
            for item in self.world.rows.items.values()
        )
