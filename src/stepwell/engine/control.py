"""What operators tell functions and apps: stand still, go on, go away."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, TypeVar

import msgspec

from stepwell.core.app import App
from stepwell.core.function import Function
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, EnvironmentId
from stepwell.core.moment import Moment
from stepwell.core.operation import Operation
from stepwell.core.pause import NewRuns, RunningRuns
from stepwell.core.pausing import (
    ControlRefusal,
    archive,
    cancel_runs,
    drain,
    pause,
    resume,
    resume_app,
)
from stepwell.core.registration import KnownApps
from stepwell.core.transition import Transition
from stepwell.engine.registry import Registry

__all__ = ["Control", "Controlled"]

_Result = TypeVar("_Result")
_Decide = Callable[[Function, App | None, Moment], Transition | ControlRefusal]


class Controlled(msgspec.Struct, frozen=True):
    """A function after it was told something.

    Attributes:
        operation: What cancels its runs; None if they go on.
    """

    function: Function
    operation: Operation | None = None


class Control:
    """Changes how functions and apps stand, in turn with their registrations.

    Functions are named by id or slug, apps by id or name. Each method returns when the change is
    durable; saying the same again is no error. What has begun is finished even if the task that
    asked for it is cancelled. All raise `StoreUnavailable` when the change may not be durable.
    """

    def __init__(
        self, registry: Registry, *, environment_id: EnvironmentId = DEFAULT_ENVIRONMENT_ID
    ) -> None:
        self._registry = registry
        self._environment_id = environment_id

    def function(self, reference: str) -> Function | None:
        """The function, archived or not."""
        return self._registry.function(reference)

    async def pause_function(
        self, reference: str, *, new_runs: NewRuns, running: RunningRuns
    ) -> Controlled | ControlRefusal:
        """Let a function stand still, or change how it does.

        If its runs are to be cancelled, that has begun when this returns.
        """

        def decide(function: Function, _app: App | None, at: Moment) -> Transition:
            return pause(function, new_runs=new_runs, running=running, at=at)

        cause = "paused" if running is RunningRuns.CANCEL else ""
        return await _to_the_end(self._tell(reference, decide, cancel_cause=cause))

    async def resume_function(self, reference: str) -> Controlled | ControlRefusal:
        """Let a paused function go on; refused while its app is drained."""
        return await self._tell(reference, lambda function, app, _at: resume(function, app))

    async def archive_function(self, reference: str) -> Controlled | ControlRefusal:
        """Let no event start the function, until a registration contains it again."""
        return await self._tell(reference, lambda function, app, _at: archive(function, app))

    async def remove_function(self, reference: str) -> Controlled | ControlRefusal:
        """As `archive_function`, and cancel its runs; that has begun when this returns."""
        return await _to_the_end(
            self._tell(
                reference, lambda function, app, _at: archive(function, app), cancel_cause="removed"
            )
        )

    async def drain_app(self, reference: str) -> App | ControlRefusal:
        """Let no event start a function of the app, until `resume_app`; its runs go on."""
        return await self._tell_app(
            reference, lambda app, functions, at: drain(app, functions, at=at)
        )

    async def resume_app(self, reference: str) -> App | ControlRefusal:
        """End the drain of an app."""
        return await self._tell_app(
            reference, lambda app, functions, _at: resume_app(app, functions)
        )

    async def _tell(
        self, reference: str, decide: _Decide, *, cancel_cause: str = ""
    ) -> Controlled | ControlRefusal:
        """Change a function, then cancel its runs if there is a cause to.

        In two commits: events that are routed before the first one is seen still create runs, and
        these have to be cancelled as well.
        """

        def change(known: KnownApps, at: Moment) -> tuple[Transition, Function | ControlRefusal]:
            function = known.function(self._environment_id, reference)
            if function is None:
                return Transition(), ControlRefusal.UNKNOWN
            decided = decide(function, known.apps.get(function.app_id), at)
            if isinstance(decided, ControlRefusal):
                return Transition(), decided
            return decided, decided.functions[0] if decided.functions else function

        changed = await self._registry.change(change)
        if isinstance(changed, ControlRefusal):
            return changed
        if not cancel_cause:
            return Controlled(changed)
        operation = await self._registry.change(
            lambda _known, at: _cancellation(changed, cancel_cause, at)
        )
        return Controlled(changed, operation)

    async def _tell_app(
        self,
        reference: str,
        decide: Callable[[App, Iterable[Function], Moment], Transition],
    ) -> App | ControlRefusal:
        def change(known: KnownApps, at: Moment) -> tuple[Transition, App | ControlRefusal]:
            app = known.app(self._environment_id, reference)
            if app is None:
                return Transition(), ControlRefusal.UNKNOWN
            decided = decide(app, known.functions_of(app.id), at)
            return decided, decided.apps[0] if decided.apps else app

        return await self._registry.change(change)


def _cancellation(function: Function, cause: str, at: Moment) -> tuple[Transition, Operation]:
    transition = cancel_runs(function, cause, at=at)
    return transition, transition.operations[0]


async def _to_the_end(telling: Coroutine[Any, Any, _Result]) -> _Result:
    """Finish what takes two commits, whether or not whoever asked still waits for it."""
    task = asyncio.create_task(telling)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return await asyncio.shield(task)
