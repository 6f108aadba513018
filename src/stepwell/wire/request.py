"""The execution request: what a call tells the app about its run.

The body is put together from raw JSON; events and memoised results are copied, never decoded. With
canonical parts (RFC 8785) the whole is canonical, so it can be signed as it is.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from stepwell.wire.canonical import canonical_json

__all__ = ["DISCOVERY", "CallContext", "execution_body"]

#: `stepId` of a call for no particular step. Source: SDK protocol, 6.1.
DISCOVERY: Final = "step"
#: Larger bodies are sent without events and steps. Source: SDK protocol, 6.5.
BODY_BYTES_MAX: Final = 4 * 1024 * 1024
#: A run with more state is sent without steps; leaves room for the rest of the body.
STATE_BYTES_MAX: Final = BODY_BYTES_MAX - 1024

_StepIdT = TypeVar("_StepIdT", bound=str)
_DeferIdT = TypeVar("_DeferIdT", bound=str)


class CallContext(msgspec.Struct, frozen=True, kw_only=True):
    """What a call tells the app besides events and results.

    Attributes:
        run_id: The run.
        attempt: Attempt of this queue item, from 0.
        max_attempts: Attempts the item has in all.
        stack: Ids of the finished steps, in order of completion.
        stack_current: Position in `stack`, from 1, of the step that caused this call; 0 at first.
        qi_id: Id of the queue item, which the SDK repeats in checkpoints.
        request_id: Id of this dispatch; left out when empty.
        job_id: Stable id of the queue item; left out when empty.
        generation_id: Number of this dispatch of the queue item; left out when 0.
        disable_immediate_execution: Whether the app may only report new steps.
        fn_id: The function's UUID. SDKs checkpoint when they get it, so it is left out (None)
            unless the server takes checkpoints.
        request_version: Version of hashing and parallelism; -1 while unknown.
    """

    run_id: str
    attempt: int
    max_attempts: int
    stack: Sequence[str]
    stack_current: int
    qi_id: str
    request_id: str = ""
    job_id: str = ""
    generation_id: int = 0
    disable_immediate_execution: bool = False
    fn_id: str | None = None
    request_version: int = -1


# The fields below are declared in the order of their names, which is the order they are sent in.


class _Stack(msgspec.Struct, gc=False):
    current: int
    stack: Sequence[str]


class _Context(msgspec.Struct, gc=False):
    attempt: int
    disable_immediate_execution: bool
    env: str
    fn_id: str | msgspec.UnsetType
    generation_id: int | msgspec.UnsetType
    job_id: str | msgspec.UnsetType
    max_attempts: int
    qi_id: str
    request_id: str | msgspec.UnsetType
    run_id: str
    stack: _Stack
    step_id: str
    use_api: bool


class _Defer(msgspec.Struct, gc=False):
    abortable: bool


class _Body(msgspec.Struct, gc=False):
    ctx: _Context
    defers: Mapping[str, _Defer]
    event: msgspec.Raw
    events: Sequence[msgspec.Raw]
    steps: Mapping[str, msgspec.Raw]
    use_api: bool
    version: int


# Sorts the keys of maps.
_encode: Final = msgspec.json.Encoder(order="deterministic").encode


def execution_body(
    context: CallContext,
    *,
    events: Sequence[bytes],
    steps: Mapping[_StepIdT, bytes],
    defers: Mapping[_DeferIdT, bool],
    state_bytes: int,
) -> bytes:
    """The body of a call.

    When a run has become too large to be sent, steps and, if need be, events are left out; the app
    then fetches them from the API. `event` is always there.

    Args:
        context: The rest of what the app is told.
        events: What started the run, at least one; each an event object with `id`, `name`, `data`,
            `ts` and `user`, raw JSON.
        steps: What the app is told about each step, by hashed id; raw JSON.
        defers: Whether each known defer can still be aborted, by hashed id.
        state_bytes: Size of events and step results together.

    Returns:
        JSON without white space. It is canonical if every event and memo is.

    Source: SDK protocol, 6.2 and 6.5.
    """
    use_api = state_bytes > STATE_BYTES_MAX
    body = _Body(
        _context(context, use_api=use_api),
        {defer_id: _Defer(abortable) for defer_id, abortable in defers.items()},
        msgspec.Raw(events[0]),
        [msgspec.Raw(event) for event in events],
        {} if use_api else {step_id: msgspec.Raw(memo) for step_id, memo in steps.items()},
        use_api,
        context.request_version,
    )
    encoded = _encode(body)
    if len(encoded) > BODY_BYTES_MAX:
        body.ctx.use_api = body.use_api = True
        body.events = []
        body.steps = {}
        encoded = _encode(body)
    # Step ids are hexadecimal in the official SDKs but opaque to the server. Beyond ASCII the
    # encoder's order, by UTF-8, is not always the canonical one.
    if not "".join(body.steps).isascii() or not "".join(defers).isascii():
        return canonical_json(encoded)
    return encoded


def _context(context: CallContext, *, use_api: bool) -> _Context:
    unset = msgspec.UNSET
    return _Context(
        context.attempt,
        context.disable_immediate_execution,
        "",
        unset if context.fn_id is None else context.fn_id,
        context.generation_id or unset,
        context.job_id or unset,
        context.max_attempts,
        context.qi_id,
        context.request_id or unset,
        context.run_id,
        _Stack(context.stack_current, context.stack),
        DISCOVERY,
        use_api,
    )
