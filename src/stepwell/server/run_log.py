"""Log entries about single runs, for a developer who watches."""

from typing import Any, Final

import msgspec
import structlog

from stepwell.core.identity import FunctionId
from stepwell.core.journal import CallFailed, Entry, RunEnded, RunStarted, StepAttemptFailed
from stepwell.core.run import RunState
from stepwell.core.transition import NewRun, Transition
from stepwell.engine.registry import Registry

__all__ = ["RunLog"]

_log = structlog.get_logger("stepwell.runs")

#: Errors are told in short; the whole of them is in the run.
_ERROR_CHARS_MAX: Final = 300


class _Error(msgspec.Struct):
    name: str = ""
    message: str = ""


class RunLog:
    """Tells of runs that begin, end and meet errors, and of apps that register.

    It is told only what is durable. It is not used unless somebody looks, because an entry costs
    as much as a step. Neither events nor results are told.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def __call__(self, run: RunState | None, transition: Transition) -> None:
        """Tell of one transition, and of the run it belongs to, if there is one."""
        for app in transition.apps:
            if app.name and not app.error and not app.archived_ms:
                _log.info("app.registered", app=app.name, url=app.url)
        for new in transition.runs:
            function = self._slug(new.function_id)
            _log.debug("run.scheduled", function=function, trigger=_trigger(new), run_id=new.id)
        if run is None:
            return
        function = self._slug(run.new.function_id)
        for row in transition.journal:
            if row.run_id == run.new.id:
                _tell(row.entry, function=function, run=run)

    def _slug(self, function_id: FunctionId) -> str:
        function = self._registry.functions.get(function_id)
        return function.slug if function is not None else function_id


def _tell(entry: Entry, *, function: str, run: RunState) -> None:
    about: dict[str, Any] = {"function": function}
    run_id = run.new.id
    match entry:
        case RunStarted():
            _log.info("run.started", **about, trigger=_trigger(run.new), run_id=run_id)
        case StepAttemptFailed():
            about |= {"step": entry.name.shown, "attempt": entry.attempt}
            _log.warning("step.failed", **about, error=_error_text(entry.error), run_id=run_id)
        case CallFailed():
            about |= {"attempt": entry.attempt}
            _log.warning("call.failed", **about, error=_error_text(entry.error), run_id=run_id)
        case RunEnded():
            about["took_ms"] = entry.at_ms - (run.started_ms or run.new.queued_ms)
            if error := _error_text(entry.error):
                about["error"] = error
            if entry.cause:
                about["cause"] = entry.cause
            # An app that fails is its developer's business, not that of whoever runs the server.
            _log.info(f"run.{entry.status.wire_name.lower()}", **about, run_id=run_id)
        case _:
            # Steps that succeed are seen by what follows.
            pass


def _trigger(new: NewRun) -> str:
    return new.cron or new.event_name


def _error_text(raw: msgspec.Raw) -> str:
    if not raw:
        return ""
    try:
        error = msgspec.json.decode(raw, type=_Error)
    except msgspec.MsgspecError:
        return ""
    text = f"{error.name}: {error.message}" if error.name else error.message
    return text[:_ERROR_CHARS_MAX]
