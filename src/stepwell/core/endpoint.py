"""Durable endpoints: an HTTP route of an app that runs itself and reports what it has done.

The run exists from the first report on. While the endpoint runs, one queue item rests: it calls the
endpoint again if nothing is heard for long. What the endpoint cannot do itself (to sleep, to wait,
to try again) answers the resting item, and from then on the run goes on as any other: the server
calls the endpoint, which finds its results and continues.

Source: HTTP APIs, 8.2 and 8.3; SDK protocol, 10; execution semantics, 3.15.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Final
from uuid import NAMESPACE_OID, UUID

import msgspec

from stepwell.core.advance import conclude, overflow_steps
from stepwell.core.app import App
from stepwell.core.checkpointing import record_steps
from stepwell.core.draft import RunDraft, World
from stepwell.core.ending import fail_run, state_overflow
from stepwell.core.function import Function
from stepwell.core.identity import AppId, EnvironmentId, EventId, FunctionId, ItemId, RunId
from stepwell.core.journal import CallFacts, RunStarted
from stepwell.core.lanes import CALLS
from stepwell.core.moment import Moment
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.routing import store_event
from stepwell.core.run import VERSION_UNKNOWN, RunState
from stepwell.core.transition import JournalRow, NewRun, RunMode, RunStart, Transition
from stepwell.wire.checkpoint import CALL_ERROR_STEP, EndpointRequest, EndpointStart
from stepwell.wire.config import RETRIES_MAX, FunctionConfig
from stepwell.wire.events import AcceptedEvent
from stepwell.wire.opcodes import Opcode, OpName
from stepwell.wire.response import CallFailed, FailureCode, OpcodesReported, Outcome
from stepwell.wire.run_error import run_error

__all__ = [
    "ENDPOINTS_MAX",
    "REST_MS",
    "TooManyEndpoints",
    "begin",
    "declare",
    "endpoint_app_id",
    "endpoint_function_id",
    "report_steps",
    "resting_item",
]

#: After so long without a word, the endpoint is called again: calls take no longer.
REST_MS: Final = 2 * 3_600_000
#: The resting item is moved on only when it is that much behind; each move leaves a trace in memory.
_REST_STEP_MS: Final = 60_000
#: Endpoints of one domain. Without a name, each path is one, and paths may hold ids of users.
ENDPOINTS_MAX: Final = 10_000

_RESTING: Final = b'{"resting":true}'
_API_METHOD: Final = "api"
_LAZY: Final = frozenset({OpName.DEFER_ADD, OpName.DEFER_ABORT, OpName.NONE})
_SAVED: Final = frozenset({OpName.STEP, OpName.STEP_RUN})
_ERRORS: Final = frozenset({OpName.STEP_ERROR, OpName.STEP_FAILED})


class TooManyEndpoints(msgspec.Struct, frozen=True):
    """The app has as many endpoints as it may have; giving them ids makes one of many paths."""

    domain: str


def endpoint_app_id(environment_id: EnvironmentId, domain: str) -> AppId:
    """The id of the app that the endpoints of a domain make up. Source: HTTP APIs, 8.2."""
    return AppId(_uuid(environment_id, domain))


def endpoint_function_id(app_id: AppId, name: str) -> FunctionId:
    """The id of one of its endpoints. Source: HTTP APIs, 8.2."""
    return FunctionId(_uuid(app_id, name))


def declare(
    start: EndpointStart,
    apps: Mapping[AppId, App],
    functions: Mapping[FunctionId, Function],
    *,
    environment_id: EnvironmentId,
    at: Moment,
) -> tuple[Transition, Function | TooManyEndpoints]:
    """The endpoint as a function of an app, and what has to be written for that.

    Nothing is to be written if it is known as it is. Its URL stays that of the first request, for
    each run calls the URL it was started at.

    Args:
        start: What the endpoint has sent.
        apps: All apps as they are stored.
        functions: All functions as they are stored.
        environment_id: Where they belong.
        at: Clock and ids for this decision.
    """
    request = start.request
    transition = Transition()
    app_id = endpoint_app_id(environment_id, request.domain)
    function_id = endpoint_function_id(app_id, request.name)
    current = functions.get(function_id)
    if current is None:
        known = sum(function.app_id == app_id for function in functions.values())
        if known >= ENDPOINTS_MAX:
            return transition, TooManyEndpoints(request.domain)
    app = apps.get(app_id)
    if app is None or app.archived_ms:
        created_ms = at.now_ms if app is None else app.created_ms
        transition.apps.append(_app(app_id, request, environment_id, created_ms, at.now_ms))
    function = _function(start, function_id, app_id, environment_id, current, at=at)
    if function is not current:
        transition.functions.append(function)
    return transition, function


def begin(
    start: EndpointStart, function: Function, *, accepted: AcceptedEvent, world: World, at: Moment
) -> Transition:
    """Create the run of an endpoint that has begun to run, with the steps it has reported.

    Only this run is started, whoever listens to the event. Nothing that limits, merges or delays
    runs applies: the endpoint is running already.

    Args:
        start: What the endpoint has sent. Its run id must be new.
        function: The endpoint.
        accepted: The event that stands for the request.
        world: Functions and settings; `function` is one of them.
        at: Clock and ids for this decision.
    """
    now_ms = at.now_ms
    event = accepted.event
    new = NewRun(
        RunId(start.run_id),
        function.environment_id,
        function.app_id,
        function.id,
        function.version,
        now_ms,
        now_ms,
        EventId(accepted.internal_id),
        event.name,
        lane=CALLS,
        score=now_ms,
        mode=RunMode.SYNC,
    )
    transition = Transition()
    store_event(transition, accepted, environment_id=function.environment_id, world=world, at=at)
    transition.runs.append(new)
    transition.started.append(RunStart(new.id, now_ms))
    version = start.request_version or VERSION_UNKNOWN
    transition.journal.append(JournalRow(new.id, 0, RunStarted(now_ms, version=version)))
    transition.put.append(_resting(new, at=at))
    if start.ops:
        run = RunState(new, [accepted.payload])
        run.apply(transition)
        reported = report_steps(run, start.ops, world=world, at=at)
        assert reported is not None
        _absorb(transition, reported)
    return transition


def report_steps(
    run: RunState, ops: Sequence[Opcode], *, world: World, at: Moment
) -> Transition | None:
    """Decide what a report of a durable endpoint changes about its run.

    Finished steps are recorded, and the endpoint goes on. Anything else is as if a call had been
    answered with it. None when the endpoint has handed over already, or the run is of another kind:
    the report comes too late or a second time, and changes nothing.

    Args:
        run: State before; not ended.
        ops: What was reported.
        world: Functions, waits and settings.
        at: Clock and ids for this decision.
    """
    item = resting_item(run)
    if item is None:
        return None
    ops = [op for op in ops if op.op not in _LAZY]
    call = CallFacts(item.queued_ms, run.started_ms, item=item.id)
    own_error = next((op for op in ops if op.op in _ERRORS and op.id == CALL_ERROR_STEP), None)
    if own_error is not None:
        failed = _failed(own_error)
        return conclude(run, item, failed, call=call, world=world, at=at).finish()
    if any(op.op not in _SAVED for op in ops):
        outcome: Outcome = OpcodesReported(ops=ops)
        return conclude(run, item, outcome, call=call, world=world, at=at).finish()
    draft = RunDraft(run, item, world=world, at=at, call=call)
    recorded = record_steps(draft, ops)
    if recorded and len(run.steps) + recorded > draft.function.steps_max:
        return overflow_steps(run, item, world=world, at=at)
    overflow = state_overflow(draft)
    if overflow is not None:
        draft = RunDraft(run, item, world=world, at=at, call=call)
        fail_run(draft, overflow)
        return draft.finish()
    due_ms = at.now_ms + REST_MS
    is_behind = due_ms - item.due_ms >= _REST_STEP_MS
    changed = msgspec.structs.replace(item, due_ms=due_ms) if is_behind else item
    return draft.finish_unanswered(changed)


def resting_item(run: RunState) -> QueueItem | None:
    """The item that rests while the run's endpoint runs; None once it has handed over."""
    if run.new.mode is not RunMode.SYNC:
        return None
    for item in run.items.values():
        if item.body == _RESTING and item.kind is ItemKind.DISCOVER and not item.attempt:
            return item
    return None


def _app(
    app_id: AppId,
    request: EndpointRequest,
    environment_id: EnvironmentId,
    created_ms: int,
    now_ms: int,
) -> App:
    return App(
        app_id,
        environment_id,
        request.domain,
        request.domain,
        method=_API_METHOD,
        created_ms=created_ms,
        synced_ms=now_ms,
    )


def _function(
    start: EndpointStart,
    function_id: FunctionId,
    app_id: AppId,
    environment_id: EnvironmentId,
    current: Function | None,
    *,
    at: Moment,
) -> Function:
    """The endpoint as a function; `current` itself if nothing is new about it."""
    request = start.request
    retries = None if start.retries is None else min(start.retries, RETRIES_MAX)
    if current is not None:
        config = msgspec.structs.replace(current.config, retries=retries)
        is_same = config == current.config and current.endpoint_method == request.method
        if is_same and not current.archived:
            return current
        return msgspec.structs.replace(
            current,
            version=current.version + 1,
            config=config,
            updated_ms=at.now_ms,
            archived=False,
            endpoint_method=request.method,
        )
    name = request.name
    url = f"{request.domain}{request.path}"
    config = FunctionConfig(slug=name, name=name, url=url, retries=retries)
    return Function(
        function_id,
        app_id,
        request.domain,
        environment_id,
        name,
        name,
        1,
        config,
        at.now_ms,
        endpoint_method=request.method,
    )


def _resting(new: NewRun, *, at: Moment) -> QueueItem:
    return QueueItem(
        ItemId(at.ids.number()),
        ItemKind.DISCOVER,
        new.function_id,
        new.id,
        due_ms=at.now_ms + REST_MS,
        queued_ms=at.now_ms,
        body=_RESTING,
        lane=new.lane,
        score=new.score,
    )


def _failed(op: Opcode) -> CallFailed:
    """What an error of the endpoint itself, outside its steps, comes to."""
    assert op.error is not None, "the parser refuses an error without one"
    error = run_error(
        op.error.name, op.error.message, op.error.stack, error=op.error.message or op.error.name
    )
    return CallFailed(
        error=error,
        output=error.server_output(),
        retryable=op.op is OpName.STEP_ERROR,
        code=FailureCode.FUNCTION_ERROR,
    )


def _absorb(transition: Transition, reported: Transition) -> None:
    """Join what was decided about a run to the transition that creates it."""
    renewed = {item.id: item for item in (*reported.renew, *reported.renew_due)}
    gone = set(reported.done)
    begun = {item.id for item in transition.put}
    # The rows do not exist yet, so there is nothing to replace or delete.
    put = [renewed.get(item.id, item) for item in transition.put if item.id not in gone]
    transition.take_over(reported)
    transition.put = put + reported.put
    transition.renew, transition.renew_due, transition.done = [], [], []
    transition.closed = [item for item in transition.closed if item.id not in begun]


def _uuid(namespace: str, name: str) -> str:
    """UUIDv5 of the bytes of a UUID and a text, in the namespace of object ids."""
    digest = hashlib.sha1(  # noqa: S324 - prescribed, and nothing secret
        NAMESPACE_OID.bytes + UUID(namespace).bytes + name.encode()
    ).digest()
    return str(UUID(bytes=digest[:16], version=5))
