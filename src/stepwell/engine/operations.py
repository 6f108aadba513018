"""Bulk operations: works them off a page at a time, and knows how far each has come.

There are few of them, so all are in memory: exactly as they are stored, because what is written
about one is taken over when it is durable. Where other nodes write, too, they are read anew each time.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

import structlog

from stepwell.core.identity import OperationId, RunId
from stepwell.core.item_bodies import OperationBody
from stepwell.core.moment import Moment
from stepwell.core.operation import Operation, OperationKind
from stepwell.core.operations import (
    Page,
    begin,
    cancel_page,
    counted,
    is_chosen,
    page_size,
    page_statuses,
    replay_page,
    runs_before_ms,
    skip_page,
    stop,
    turn_page,
)
from stepwell.core.queue import QueueItem
from stepwell.core.rerun import RerunPlan, start_rerun
from stepwell.core.retention import ForgottenKind
from stepwell.core.transition import Transition
from stepwell.engine.registry import Registry
from stepwell.engine.reruns import Reruns
from stepwell.engine.store import RunsQuery, Store
from stepwell.wire.errors import OperationalError

__all__ = ["OPERATIONS_MAX", "Operations"]

_log = structlog.get_logger("stepwell.engine")

#: Operations that are kept. A new one takes the place of the oldest that has ended.
OPERATIONS_MAX: Final = 1_000


class Operations:
    """Answers OPERATION items, for one ownership of a partition.

    Pages are worked off one after the other; between two pages of an operation, others and
    everything else the partition does get their turn.

    Args:
        store: Where the runs are.
        registry: Today's functions.
        reruns: Starts runs again.
        moment: Gives clock and ids for a decision.
        decided: Called with each item and the transition that answers it.
        commit: Writes a transition that concerns no existing run; returns when it is durable.
        is_alone: Whether nobody else writes operations.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        reruns: Reruns,
        *,
        moment: Callable[[], Moment],
        decided: Callable[[QueueItem, Transition], None],
        commit: Callable[[Transition], Awaitable[None]],
        is_alone: bool,
    ) -> None:
        self._store = store
        self._operations: dict[OperationId, Operation] = {}
        self._registry = registry
        self._reruns = reruns
        self._moment = moment
        self._decided = decided
        self._commit = commit
        self._is_alone = is_alone
        self._items: deque[QueueItem] = deque()
        self._wake = asyncio.Event()
        # Held while a page is decided about and while an operation is created or deleted, so that
        # what is deleted is not written once more.
        self._alone = asyncio.Lock()

    def load(self, stored: Iterable[Operation]) -> None:
        """Begin, or go on, with all operations as they are stored."""
        self._operations = {operation.id: operation for operation in stored}

    # What is asked.

    def all(self) -> Sequence[Operation]:
        """All operations, the newest first."""
        return sorted(self._operations.values(), key=lambda operation: operation.id, reverse=True)

    def get(self, operation_id: OperationId) -> Operation | None:
        """The operation as it is stored."""
        return self._operations.get(operation_id)

    async def create(self, operation: Operation) -> bool:
        """Begin with an operation; returns when it is durable.

        Returns:
            False, and nothing is done, if as many as are kept have not ended.

        Raises:
            StoreUnavailable, OwnershipLost: It is unknown whether it will be carried out.
        """
        async with self._alone:
            await self._catch_up()
            surplus = self._surplus(new=1)
            if len(self._operations) + 1 - len(surplus) > OPERATIONS_MAX:
                return False
            transition = begin(operation, at=self._moment())
            transition.operations_done += surplus
            await self._commit(transition)
            return True

    async def delete(self, operation_id: OperationId) -> bool:
        """Forget an operation, and do no more of it; False if there is none with that id.

        What it has done to runs stays as it is.

        Raises:
            StoreUnavailable, OwnershipLost: It is unknown whether it goes on.
        """
        async with self._alone:
            await self._catch_up()
            if operation_id not in self._operations:
                return False
            await self._commit(Transition(operations_done=[operation_id]))
            return True

    # What happens.

    def written(self, transition: Transition) -> None:
        """A transition is durable."""
        for operation in transition.operations:
            self._operations[operation.id] = operation
        for operation_id in transition.operations_done:
            self._operations.pop(operation_id, None)
        for bite in transition.forgotten:
            if bite.kind is ForgottenKind.OPERATIONS:
                for forgotten in bite.ids:
                    self._operations.pop(OperationId(forgotten), None)

    def add(self, item: QueueItem) -> None:
        """An item's turn has come."""
        self._items.append(item)
        self._wake.set()

    async def run(self) -> None:
        """Work until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._items:
                async with self._alone:
                    await self._go_on(self._items.popleft())

    async def _catch_up(self) -> None:
        """Take over what other nodes have written: they create operations, and own functions."""
        if not self._is_alone:
            self.load(await self._store.operations())

    async def _go_on(self, item: QueueItem) -> None:
        await self._catch_up()
        operation = self._operations.get(OperationBody.decode(item.body).operation_id)
        if operation is None or operation.ended_ms:
            transition = Transition(done=[item.id])
        elif not self._is_possible(operation):
            transition = stop(operation, item, at=self._moment())
        else:
            transition = await self._decide(operation, item)
        # Pausing and removing functions creates operations, however many there are.
        transition.operations_done += self._surplus(new=0)
        self._decided(item, transition)

    def _surplus(self, *, new: int) -> list[OperationId]:
        """The oldest that have ended, as many as are too many beside the new ones."""
        excess = len(self._operations) + new - OPERATIONS_MAX
        if excess <= 0:
            return []
        ended = sorted(known.id for known in self._operations.values() if known.ended_ms)
        return ended[:excess]

    def _is_possible(self, operation: Operation) -> bool:
        function = self._registry.functions.get(operation.function_id)
        is_replay = operation.kind is OperationKind.REPLAY
        return not is_replay or (function is not None and not function.archived)

    async def _decide(self, operation: Operation, item: QueueItem) -> Transition:
        """Work off one page; what cannot be understood is left alone, and never tried for ever."""
        try:
            page = await self._read(operation, item)
        except OperationalError:
            raise
        except Exception:  # noqa: BLE001 - a defect must cost an operation, not the partition
            _log.exception("operation.failed", operation_id=operation.id)
            return stop(operation, item, at=self._moment())
        try:
            if operation.kind is OperationKind.CANCEL:
                return cancel_page(page, at=self._moment())
            return await self._replay(page)
        except OperationalError:
            raise
        except Exception:  # noqa: BLE001 - a defect must cost a page, not the operation
            _log.exception("operation.page_failed", operation_id=operation.id)
            return skip_page(page, at=self._moment())

    async def _read(self, operation: Operation, item: QueueItem) -> Page:
        limit = page_size(operation)
        query = RunsQuery(
            function_id=operation.function_id,
            statuses=page_statuses(operation),
            queued_from_ms=operation.started_after_ms,
            queued_before_ms=runs_before_ms(operation),
            after=operation.after,
            limit=limit,
        )
        runs = await self._store.runs_of(query)
        return Page(operation, item, runs, more=len(runs) == limit)

    # Replays.

    async def _replay(self, page: Page) -> Transition:
        plans = await self._plans(page)
        keys = {
            run_id: key
            for run_id, plan in plans.items()
            if plan is not None and (key := self._reruns.singleton_key(plan))
        }
        if keys:
            return await self._replay_singletons(page, plans, keys)
        return replay_page(page, plans, at=self._moment())

    async def _plans(self, page: Page) -> dict[RunId, RerunPlan | None]:
        """What the chosen runs of the page would begin with; None where that cannot be said."""
        plans: dict[RunId, RerunPlan | None] = {}
        now_ms = self._moment().now_ms
        for run_id, _, event in page.runs:
            chosen = is_chosen(page.operation, event, now_ms=now_ms)
            if chosen:
                plans[run_id] = await self._plan(page.operation, run_id)
            elif chosen is None:
                plans[run_id] = None
        return plans

    async def _plan(self, operation: Operation, run_id: RunId) -> RerunPlan | None:
        try:
            plan = await self._reruns.plan(run_id, replay_id=operation.id)
        except OperationalError:
            raise
        except Exception:  # noqa: BLE001 - what is stored of one run cannot be understood
            _log.exception("run.unreadable", run_id=run_id)
            return None
        return plan if isinstance(plan, RerunPlan) else None

    async def _replay_singletons(
        self, page: Page, plans: dict[RunId, RerunPlan | None], keys: dict[RunId, str]
    ) -> Transition:
        """Start the page's runs one by one, each in a commit of its own that counts it."""
        operation = page.operation
        for run_id, _, _ in page.runs:
            plan = plans.get(run_id)
            if plan is None:
                operation = counted(operation, run_id, None if run_id in plans else False)
                continue
            following = counted(operation, run_id, True)
            is_started = await self._start(plan, keys.get(run_id, ""), following)
            operation = following if is_started else counted(operation, run_id, None)
        transition = Transition()
        turn_page(transition, page, operation, at=self._moment())
        return transition

    async def _start(self, plan: RerunPlan, key: str, operation: Operation) -> bool:
        """Start one run in the commit that counts it; False if it could not be decided about."""
        transition = Transition(operations=[operation])
        try:
            if key:
                await self._reruns.start_singleton(plan, key, transition)
            else:
                start_rerun(transition, plan, at=self._moment())
                await self._commit(transition)
        except OperationalError:
            raise
        except Exception:  # noqa: BLE001 - a defect must cost one run, not the partition
            _log.exception("operation.run_failed", operation_id=operation.id, run_id=plan.new.id)
            return False
        return True
