"""`InvokeFunction`: a run of another function is started, and its result becomes the step's."""

from typing import Final

import msgspec

from stepwell.core.draft import RunDraft
from stepwell.core.identity import EventId, RunId, StepId
from stepwell.core.item_bodies import INVOCATION_TIMEOUT
from stepwell.core.journal import StepInvoking
from stepwell.core.queue import ItemKind
from stepwell.core.routing import INVOKED, route_into
from stepwell.core.steps.naming import step_name
from stepwell.wire.durations import DurationInvalid, deadline_ms
from stepwell.wire.events import (
    EVENT_LEVELS_MAX,
    AcceptedEvent,
    data_with_metadata,
    internal_event,
)
from stepwell.wire.json_shape import is_deeper_than
from stepwell.wire.opcode_options import InvokeOptions, OpcodeInvalid, parse_invoke_options
from stepwell.wire.opcodes import Opcode
from stepwell.wire.run_error import RunError, run_error
from stepwell.wire.sessions import SessionsInvalid, resolved_meta

__all__ = ["INVOKE_MS_MAX", "report"]

#: How long an invocation may take unless it says. Source: execution semantics, 3.12.
INVOKE_MS_MAX: Final = 365 * 24 * 3_600_000


def report(draft: RunDraft, op: Opcode) -> RunError | None:
    """Publish `inngest/function.invoked`, which starts the child, and queue the timeout.

    An unknown function is an error of the step, which the caller can catch. Source: execution
    semantics, 4.4.
    """
    step, now_ms = StepId(op.id), draft.at.now_ms
    if draft.is_resolved(step) or draft.is_open(step):
        return None
    try:
        options = _options(op)
        deadline = deadline_ms(options.timeout, now_ms)
    except (OpcodeInvalid, DurationInvalid, SessionsInvalid) as invalid:
        return run_error("InvalidInvoke", f"The step {op.shown_name!r} is not valid: {invalid}")
    function = draft.world.functions.invokable(options.function_id)
    if function is None:
        _resolve_unknown(draft, op, options)
        return None

    expires_ms = deadline if deadline is not None else now_ms + INVOKE_MS_MAX
    accepted = _invocation(draft, op, options, expires_ms)
    invoked = route_into(
        draft.transition,
        accepted,
        environment_id=draft.run.new.environment_id,
        world=draft.world,
        at=draft.at,
    )
    draft.append(
        StepInvoking(
            now_ms,
            step,
            step_name(op),
            options.function_id,
            EventId(accepted.internal_id),
            expires_ms,
            function_id=function.id,
            run_id=invoked or RunId(""),
            call=draft.cited_call(),
        )
    )
    due_ms = max(expires_ms, 1)
    draft.open_step(ItemKind.TIMEOUT, step, due_ms=due_ms, body=INVOCATION_TIMEOUT)
    return None


def _options(op: Opcode) -> InvokeOptions:
    """The options, with what is sent as an event obeying the rules for events."""
    options = parse_invoke_options(op)
    for key, value in (("data", options.data), ("user", options.user)):
        if value is None:
            continue
        text = bytes(value)
        if not text.startswith(b"{"):
            raise OpcodeInvalid(op, f"opts.payload.{key} must be an object")
        if is_deeper_than(EVENT_LEVELS_MAX, text):
            raise OpcodeInvalid(
                op, f"opts.payload.{key} is nested deeper than {EVENT_LEVELS_MAX} levels"
            )
    meta = None if options.meta is None else resolved_meta(options.meta)
    return msgspec.structs.replace(options, meta=meta)


def _resolve_unknown(draft: RunDraft, op: Opcode, options: InvokeOptions) -> None:
    error = run_error("Error", f"could not find function with ID: {options.function_id}")
    draft.resolve(
        StepId(op.id),
        error.server_output(),
        name=step_name(op),
        failed=True,
        call=draft.cited_call(),
    )


def _invocation(
    draft: RunDraft, op: Opcode, options: InvokeOptions, expires_ms: int
) -> AcceptedEvent:
    run, at = draft.run.new, draft.at
    metadata = {
        "correlation_id": f"{run.id}.{op.id}",
        "expire": expires_ms,
        "fn_id": options.function_id,
        "gid": "",
        "name": op.shown_name,
        "source_app_id": run.app_id,
        "source_fn_id": run.function_id,
        "source_fn_v": run.function_version,
    }
    internal_id = at.ids.ulid(at.now_ms)
    event = internal_event(
        name=INVOKED,
        data=bytes(data_with_metadata(options.data, msgspec.json.encode(metadata))),
        event_id=internal_id,
        ts=at.now_ms,
    )
    event = msgspec.structs.replace(
        event, meta=options.meta, user=options.user or event.user, v=options.v
    )
    return AcceptedEvent(
        internal_id=internal_id, received_ms=at.now_ms, event=event, payload=event.payload()
    )
