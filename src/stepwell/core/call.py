"""What is sent to the app for a queue item. Source: SDK protocol, 6."""

import base64

from stepwell.core.function import Function
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.run import RunState
from stepwell.wire.request import DISCOVERY, CallContext, execution_body

__all__ = ["call_body", "job_reference", "target_step"]


def target_step(item: QueueItem) -> str:
    """The step a call is for."""
    return item.step if item.kind is ItemKind.STEP else DISCOVERY


def job_reference(item: QueueItem) -> str:
    """The reference to a queue item that SDKs echo; opaque to them."""
    return base64.b64encode(b"%d::default" % item.id).decode()


def call_body(run: RunState, function: Function, item: QueueItem, *, request_id: str) -> bytes:
    """The execution request: events, memoised steps and where the run stands."""
    context = CallContext(
        run_id=run.new.id,
        attempt=item.attempt,
        max_attempts=function.attempts_max,
        stack=list(run.steps),
        stack_current=_stack_position(run, item),
        qi_id=job_reference(item),
        request_id=request_id,
        job_id=str(item.id),
        generation_id=0,
        disable_immediate_execution=run.only_plan or _is_accompanied(run, item),
        # Without it SDKs do not try to checkpoint, for which there is no API.
        fn_id=None,
        request_version=run.version,
    )
    return execution_body(
        context, events=run.events, steps=run.steps, defers={}, state_bytes=run.state_bytes
    )


def _is_accompanied(run: RunState, item: QueueItem) -> bool:
    """Whether another call of the run is due or under way.

    Then the app must only plan, or both calls might run the body of the same step. It happens in a
    race, where the function is called while members of the group are being run.
    """
    return len(run.items) > 1 and any(
        other.kind.is_call and other.id != item.id for other in run.items.values()
    )


def _stack_position(run: RunState, item: QueueItem) -> int:
    """1-based position of the step whose completion caused the call; 0 when none did."""
    if item.kind is not ItemKind.DISCOVER or item.step not in run.steps:
        return 0
    newest = next(reversed(run.steps))
    if newest == item.step:
        return len(run.steps)
    return list(run.steps).index(item.step) + 1
