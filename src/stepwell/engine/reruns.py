"""Runs that are run again. Source: execution semantics, 8."""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol

import msgspec

from stepwell.core.identity import FunctionId, OperationId, RunId
from stepwell.core.keys import event_value
from stepwell.core.moment import Moment
from stepwell.core.rerun import (
    PastRun,
    RerunPlan,
    RerunRefused,
    StepChoice,
    plan_rerun,
    start_rerun,
)
from stepwell.core.singleton import Seat, singleton_key
from stepwell.core.transition import Transition
from stepwell.engine.admitter import Decide
from stepwell.engine.registry import Registry
from stepwell.engine.store import Store

__all__ = ["Rerun", "Reruns", "StartSingleton"]

_NO_REPLAY: Final = OperationId("")


class StartSingleton(Protocol):
    """Starts runs of singletons one after the other, so that no two of one key are live."""

    async def __call__(self, function_id: FunctionId, key: str, decide: Decide) -> RunId:
        """Have a run started; returns when what `decide` says is durable.

        In the mode in which the older run gives way it is cancelled before `decide` is called.

        Args:
            function_id: The function, which is a singleton.
            key: The key under which the run will be the only live one.
            decide: Called once, with the live run that has the key and does not give way.
        """
        ...


class Rerun(msgspec.Struct, frozen=True):
    """A run that was started again, and the first of its chain."""

    run_id: RunId
    origin_run_id: RunId


class Reruns:
    """Starts runs again, for one ownership of a partition.

    Args:
        store: Where runs are read, whether or not they have ended.
        registry: Today's functions.
        moment: Gives clock and ids for a decision.
        commit: Writes a transition that concerns no existing run; returns when it is durable.
        start: For functions that are singletons.
    """

    def __init__(
        self,
        store: Store,
        registry: Registry,
        *,
        moment: Callable[[], Moment],
        commit: Callable[[Transition], Awaitable[None]],
        start: StartSingleton,
    ) -> None:
        self._store = store
        self._registry = registry
        self._moment = moment
        self._commit = commit
        self._start = start

    async def rerun(
        self, run_id: RunId, from_step: StepChoice | None = None
    ) -> Rerun | RerunRefused | None:
        """Run it again; returns when the new run is durable. None when there is no such run.

        Raises:
            StoreUnavailable, OwnershipLost: It is unknown whether there is a new run.
        """
        plan = await self.plan(run_id, from_step)
        if not isinstance(plan, RerunPlan):
            return plan
        origin_run_id = plan.origin_run_id
        transition = Transition()
        key = self.singleton_key(plan)
        if key:
            return Rerun(await self.start_singleton(plan, key, transition), origin_run_id)
        new_run_id = start_rerun(transition, plan, at=self._moment())
        await self._commit(transition)
        return Rerun(new_run_id, origin_run_id)

    async def plan(
        self,
        run_id: RunId,
        from_step: StepChoice | None = None,
        *,
        replay_id: OperationId = _NO_REPLAY,
    ) -> RerunPlan | RerunRefused | None:
        """What a rerun would begin with; None when there is no such run."""
        history = await self._store.history(run_id)
        if history is None:
            return None
        app = self._registry.apps.get(history.new.app_id)
        return plan_rerun(
            PastRun(history.new, history.events, history.journal, is_whole=history.is_whole),
            self._registry.functions.get(history.new.function_id),
            from_step,
            sdk_language=app.sdk_language if app is not None else "",
            replay_id=replay_id,
        )

    def singleton_key(self, plan: RerunPlan) -> str:
        """The key with which `start_singleton` has to let the run in; "" if it needs not.

        A run that is skipped because of a pause must not make another one give way.
        """
        if plan.function.skips_new_runs:
            return ""
        value = event_value(plan.events[0].payload)
        return singleton_key(plan.function, value, now_ms=self._moment().now_ms)

    async def start_singleton(self, plan: RerunPlan, key: str, transition: Transition) -> RunId:
        """Start the run when its turn comes, in one commit with `transition`."""

        def decide(holder: RunId | None) -> tuple[Transition, RunId]:
            at = self._moment()
            return transition, start_rerun(transition, plan, seat=Seat(key, holder), at=at)

        return await self._start(plan.function.id, key, decide)
