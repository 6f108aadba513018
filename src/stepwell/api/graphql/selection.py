"""Runs and events that are named by their ids: shown anew, cancelled, run again."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import msgspec

from stepwell.api.graphql.answers import Refused
from stepwell.api.graphql.binding import Resolver
from stepwell.api.graphql.request import Request
from stepwell.api.graphql.runs import read_run
from stepwell.api.graphql.values import event_id_of, run_id_of
from stepwell.core.identity import RunId
from stepwell.core.rerun import RerunRefused
from stepwell.core.status import RunStatus
from stepwell.core.transition import StoredEvent
from stepwell.store.views import RunView
from stepwell.wire.errors import OperationalError
from stepwell.wire.ulid import is_ulid

__all__ = ["ACTIONS_MAX", "NAMED_MAX", "RESOLVERS"]

#: Runs or events that are shown for one question.
NAMED_MAX: Final = 200
#: Runs that one request cancels or runs again.
ACTIONS_MAX: Final = 100
#: Runs that are acted on at the same time: what is read of each is held in memory.
_TOGETHER: Final = 10

_NOT_FOUND: Final = "There is no run with that id; it may be older than runs are kept"
_ENDED: Final = "The run had ended already"


class ActionResult(msgspec.Struct, frozen=True):
    """What became of one run."""

    run_id: str
    new_run_id: RunId | None = None
    code: str | None = None
    message: str | None = None

    @property
    def ok(self) -> bool:
        """Whether it was done, or had been."""
        return self.code is None


Act = Callable[[RunId, Request], Awaitable[ActionResult]]


async def _runs_by_id(_: Any, request: Request, *, run_ids: list[str]) -> list[RunView]:
    wanted = [run_id_of(text) for text in _named(run_ids, "runIDs", NAMED_MAX)]
    found = await asyncio.gather(*(read_run(run_id, request) for run_id in wanted))
    return [run for run in found if run is not None]


async def _events_by_id(_: Any, request: Request, *, event_ids: list[str]) -> list[StoredEvent]:
    wanted = [event_id_of(text) for text in _named(event_ids, "eventIDs", NAMED_MAX)]
    found = await request.events.load_many(wanted)
    return [event for event in found if event is not None]


async def _cancel_runs(_: Any, request: Request, *, run_ids: list[str]) -> list[ActionResult]:
    return await _done(_cancel, run_ids, request)


async def _rerun_runs(_: Any, request: Request, *, run_ids: list[str]) -> list[ActionResult]:
    return await _done(_rerun, run_ids, request)


async def _done(act: Act, texts: Sequence[str], request: Request) -> list[ActionResult]:
    """What became of each run; some may fail, which keeps no other from being done."""
    named = _named(texts, "runIDs", ACTIONS_MAX)
    results: list[ActionResult] = []
    for start in range(0, len(named), _TOGETHER):
        part = named[start : start + _TOGETHER]
        results += await asyncio.gather(*(_done_alone(act, text, request) for text in part))
    return results


async def _done_alone(act: Act, text: str, request: Request) -> ActionResult:
    if not is_ulid(text):
        return ActionResult(text, code="invalid_id", message="The id is not a ULID")
    try:
        result = await act(run_id_of(text), request)
    except OperationalError as error:
        result = ActionResult(text, code="unavailable", message=str(error))
    return msgspec.structs.replace(result, run_id=text)


async def _cancel(run_id: RunId, request: Request) -> ActionResult:
    if await request.services.base.runs.cancel_run(run_id):
        return ActionResult(run_id)
    run = await request.runs.load(run_id)
    if run is None:
        return ActionResult(run_id, code="not_found", message=_NOT_FOUND)
    if run.status is not RunStatus.CANCELLED:
        return ActionResult(run_id, code="ended", message=_ENDED)
    return ActionResult(run_id)


async def _rerun(run_id: RunId, request: Request) -> ActionResult:
    outcome = await request.services.engine.rerun(run_id, None)
    if outcome is None:
        return ActionResult(run_id, code="not_found", message=_NOT_FOUND)
    if isinstance(outcome, RerunRefused):
        return ActionResult(run_id, code="refused", message=outcome.value)
    return ActionResult(run_id, outcome.run_id)


def _named(texts: Sequence[str], name: str, limit: int) -> list[str]:
    """The ids, each once: a run that is named twice is not to be run again twice."""
    if len(texts) > limit:
        raise Refused(f"{name} may have at most {limit} ids")
    # Whatever JSON has may be sent as an id.
    if not all(isinstance(text, str) for text in texts):
        raise Refused(f"{name} must be texts")
    return list({text.upper() if is_ulid(text) else text: text for text in texts}.values())


RESOLVERS: Mapping[str, Resolver] = {
    "Query.runsByID": _runs_by_id,
    "Query.eventsByID": _events_by_id,
    "Mutation.cancelRuns": _cancel_runs,
    "Mutation.rerunRuns": _rerun_runs,
}
