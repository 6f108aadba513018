"""What is sent to the app for a queue item. Source: SDK protocol, 6."""

import base64
import binascii
from collections.abc import Mapping
from typing import Final

import msgspec

from stepwell.core.function import Function
from stepwell.core.identity import ItemId, StepId
from stepwell.core.journal import CallFacts
from stepwell.core.queue import ItemKind, QueueItem
from stepwell.core.run import RunState
from stepwell.wire.checkpoint import EndpointRequest, endpoint_request
from stepwell.wire.request import (
    DISCOVERY,
    CallContext,
    CallStack,
    SentSteps,
    execution_body,
)
from stepwell.wire.response import Outcome

__all__ = [
    "call_body",
    "call_facts",
    "called_request",
    "job_reference",
    "must_only_plan",
    "referenced_item",
    "sent_steps",
    "target_step",
]

# Looking up a member of an enum costs more than all that is done with it here.
_START: Final = ItemKind.START
_DISCOVER: Final = ItemKind.DISCOVER
_STEP: Final = ItemKind.STEP

# A reference is the base64 of this, with the item's number.
_REFERENCE: Final = b"%d::default"
_REFERENCE_CHARS_MAX: Final = 64
# No 63-bit number has more.
_NUMBER_DIGITS_MAX: Final = 19


def target_step(item: QueueItem) -> str:
    """The step a call is for.

    A first call is for one only in a rerun that begins there.
    """
    kind = item.kind
    if kind is _STEP or (kind is _START and item.step):
        return item.step
    return DISCOVERY


def call_facts(item: QueueItem, sent_ms: int, outcome: Outcome | None = None) -> CallFacts:
    """What the journal tells of a call; `outcome` is None while it is not answered."""
    if outcome is None or not outcome.facts.status:
        return CallFacts(item.queued_ms, sent_ms, item=item.id, attempt=item.attempt)
    return CallFacts(
        item.queued_ms,
        sent_ms,
        item=item.id,
        attempt=item.attempt,
        status=outcome.facts.status,
        headers=msgspec.Raw(outcome.facts.shown_headers()),
    )


def sent_steps(run: RunState) -> Mapping[StepId, bytes]:
    """What the app is told about each step: results, and the edited inputs of those without one.

    Source: SDK protocol, 6.3 and 6.4.
    """
    if not run.inputs:
        return run.steps
    return run.steps | {step: b'{"input":%b}' % given for step, given in run.inputs.items()}


def job_reference(item: QueueItem) -> str:
    """The reference to a queue item that SDKs echo; opaque to them."""
    return binascii.b2a_base64(_REFERENCE % item.id, newline=False).decode()


def referenced_item(reference: str) -> ItemId | None:
    """The id of the item that `job_reference` gave that reference to; None for any other text."""
    if len(reference) > _REFERENCE_CHARS_MAX:
        return None
    try:
        number, _, _ = base64.b64decode(reference, validate=True).partition(b"::")
    except (binascii.Error, ValueError):
        return None
    if not number.isdigit() or len(number) > _NUMBER_DIGITS_MAX:
        return None
    return ItemId(int(number))


def must_only_plan(run: RunState, item: QueueItem) -> bool:
    """Whether the app may only report new steps in this call, and not run them."""
    return run.only_plan or _is_accompanied(run, item)


def called_request(run: RunState, function: Function) -> EndpointRequest:
    """The request with which a durable endpoint is called: the one that started the run.

    A run that something else has started, such as an invocation, calls the endpoint's URL with an
    empty request. Source: SDK protocol, 10.
    """
    request = endpoint_request(run.events[0])
    if request is None:
        url = function.config.url
        return EndpointRequest(domain=url, method=function.endpoint_method, path="")
    return request


def call_body(
    run: RunState,
    function: Function,
    item: QueueItem,
    *,
    request_id: str,
    generation: int = 0,
) -> bytes:
    """The execution request: events, memoised steps and where the run stands."""
    context = CallContext(
        run_id=run.new.id,
        attempt=item.attempt,
        max_attempts=function.attempts_max,
        stack=CallStack(_stack_position(run, item), list(run.steps)),
        qi_id=job_reference(item),
        request_id=request_id,
        job_id=str(item.id),
        generation_id=generation or msgspec.UNSET,
        disable_immediate_execution=must_only_plan(run, item),
        # SDKs checkpoint because of it.
        fn_id=function.id,
    )
    return execution_body(
        context,
        events=run.events,
        steps=SentSteps.of(sent_steps(run)) if run.inputs else run.sent,
        defers={},
        state_bytes=run.state_bytes,
        version=run.version,
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
    if item.kind is not _DISCOVER or item.step not in run.steps:
        return 0
    newest = next(reversed(run.steps))
    if newest == item.step:
        return len(run.steps)
    return list(run.steps).index(item.step) + 1
