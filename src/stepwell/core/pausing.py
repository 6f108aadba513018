"""Functions are told to stand still, to go on, or to go away; apps are drained.

An operator's pause and a drain are apart: a drain holds all functions of an app that are not paused
already, and ends for exactly those. A function that was paused before or during a drain stays
paused until it is resumed itself. Neither changes what the app registered, and a registration does
not end them.

Source: execution semantics, 2.6; flow control, 13.5.
"""

import enum
from collections.abc import Iterable

import msgspec

from stepwell.core.app import App
from stepwell.core.function import Function
from stepwell.core.identity import OperationId
from stepwell.core.moment import Moment
from stepwell.core.operation import Operation, OperationKind
from stepwell.core.operations import begin
from stepwell.core.pause import NewRuns, Pause, RunningRuns
from stepwell.core.transition import Transition

__all__ = [
    "ControlRefusal",
    "archive",
    "cancel_runs",
    "drain",
    "pause",
    "registered_pause",
    "resume",
    "resume_app",
]


class ControlRefusal(enum.Enum):
    """Why a function or an app stays as it is."""

    #: There is none of that name.
    UNKNOWN = enum.auto()
    #: The function cannot go on before its app does.
    DRAINED = enum.auto()


def pause(function: Function, *, new_runs: NewRuns, running: RunningRuns, at: Moment) -> Transition:
    """Let the function stand still; if it does already, only the way is changed.

    Runs are cancelled by `cancel_runs`, which has to follow: not before events find the function
    paused is it certain that no run is created any more.
    """
    current = function.pause
    since_ms = at.now_ms if current is None or current.is_drain else current.since_ms
    return _with_pause(function, Pause(since_ms, new_runs, running))


def resume(function: Function, app: App | None) -> Transition | ControlRefusal:
    """Let the function go on, where it stood; refused while its app is drained."""
    if app is not None and app.drained_ms:
        return ControlRefusal.DRAINED
    return _with_pause(function, None)


def archive(function: Function, app: App | None) -> Transition:
    """Let no event start the function any more. Its runs go on.

    The next registration of its app that contains it brings it back, even if the app has not
    changed: the app's checksum does not stand for its functions any more.
    """
    transition = Transition()
    if not function.archived:
        transition.functions.append(msgspec.structs.replace(function, archived=True))
        if app is not None and app.checksum:
            transition.apps.append(msgspec.structs.replace(app, checksum=""))
    return transition


def cancel_runs(function: Function, cause: str, *, at: Moment) -> Transition:
    """Begin to cancel all runs the function has by now, whether or not they have started.

    Args:
        function: One for which no more runs are created.
        cause: Why its runs are cancelled.
        at: Clock and ids for this decision.
    """
    operation = Operation(
        OperationId(at.ids.ulid(at.now_ms)),
        OperationKind.CANCEL,
        function.environment_id,
        function.app_id,
        function.id,
        at.now_ms,
        at.now_ms + 1,
        cause=cause,
    )
    return begin(operation, at=at)


def drain(app: App, functions: Iterable[Function], *, at: Moment) -> Transition:
    """Let no event start a function of the app; runs go on to their end.

    Args:
        app: The app.
        functions: All of its functions.
        at: Clock and ids for this decision.
    """
    transition = Transition()
    if app.drained_ms:
        return transition
    transition.apps.append(msgspec.structs.replace(app, drained_ms=at.now_ms))
    transition.functions += [
        msgspec.structs.replace(function, pause=_drain_pause(at))
        for function in functions
        if function.pause is None and not function.archived
    ]
    return transition


def resume_app(app: App, functions: Iterable[Function]) -> Transition:
    """End the drain; functions that were paused themselves stay paused."""
    transition = Transition()
    if not app.drained_ms:
        return transition
    transition.apps.append(msgspec.structs.replace(app, drained_ms=0))
    transition.functions += [
        msgspec.structs.replace(function, pause=None)
        for function in functions
        if function.pause is not None and function.pause.is_drain
    ]
    return transition


def registered_pause(current: Function | None, app: App, *, at: Moment) -> Pause | None:
    """How a function stands still after a registration: as before, or with its app.

    Args:
        current: The function as it was; None for a new one.
        app: Its app.
        at: Clock and ids for this decision.
    """
    if current is not None and current.pause is not None:
        return current.pause
    return _drain_pause(at) if app.drained_ms else None


def _drain_pause(at: Moment) -> Pause:
    return Pause(at.now_ms, is_drain=True)


def _with_pause(function: Function, wanted: Pause | None) -> Transition:
    transition = Transition()
    if function.pause != wanted:
        transition.functions.append(msgspec.structs.replace(function, pause=wanted))
    return transition
