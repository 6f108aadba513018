"""The end of a run: its last journal entry, the internal events, and the answer to its caller.

Source: execution semantics, 5.1 and 5.2.
"""

from typing import Final

import msgspec

from stepwell.core.answers import answer_item
from stepwell.core.draft import RunDraft
from stepwell.core.identity import NO_EVENT, EventId, StepId
from stepwell.core.item_bodies import ResumeBody
from stepwell.core.journal import ABSENT, RunEnded
from stepwell.core.queue import NO_STEP
from stepwell.core.routing import route_into
from stepwell.core.status import RunStatus
from stepwell.core.transition import RunEnd
from stepwell.wire.events import EVENT_LEVELS_MAX, AcceptedEvent, Event, internal_event
from stepwell.wire.json_shape import is_deeper_than
from stepwell.wire.run_error import RunError, run_error

__all__ = [
    "CANCELLED",
    "FAILED",
    "FINISHED",
    "end_run",
    "fail_run",
    "state_overflow",
]

FINISHED: Final = "inngest/function.finished"
FAILED: Final = "inngest/function.failed"
CANCELLED: Final = "inngest/function.cancelled"

# Runs started by these events publish none themselves, so that handlers do not call each other
# for ever.
_SILENT_TRIGGERS: Final = frozenset({FINISHED, FAILED})
_NULL_DATA: Final = b'{"data":null,'
_EMPTY_DATA: Final = b'{"data":{},'


def state_overflow(draft: RunDraft) -> RunError | None:
    """The error that ends a run with too much state at once. Source: semantics, 3.11."""
    limit = draft.function.state_bytes_max
    if draft.state_bytes <= limit:
        return None
    return run_error(
        "InngestErrStateOverflowed",
        f"The function run exceeded the state size limit of {limit} bytes.",
    )


def fail_run(draft: RunDraft, error: RunError, *, step: StepId = NO_STEP) -> None:
    """End the run because of an error the server made, such as a broken limit."""
    end_run(draft, RunStatus.FAILED, output=error.server_output(), error=error, step=step)


def end_run(
    draft: RunDraft,
    status: RunStatus,
    *,
    output: bytes | None = None,
    error: RunError | None = None,
    cause: str = "",
    event_id: EventId = NO_EVENT,
    step: StepId = NO_STEP,
) -> None:
    """Decide that the run is over; what else this draft had queued for it is dropped.

    Args:
        draft: The run's draft.
        status: An ended status.
        output: The run's output as JSON; None when there is none.
        error: Why it failed.
        cause: Why it was cancelled.
        event_id: The event that cancelled it.
        step: The step that made it fail.
    """
    assert status.is_ended
    run, at = draft.run, draft.at
    new, transition = run.new, draft.transition
    transition.put = [item for item in transition.put if item.run_id != new.id]
    transition.waits = [wait for wait in transition.waits if wait.run_id != new.id]
    encoded_error = msgspec.Raw(error.encode()) if error is not None else ABSENT

    entry = RunEnded(
        at.now_ms,
        status,
        output=msgspec.Raw(output) if output is not None else ABSENT,
        error=encoded_error,
        cause=cause,
        event_id=event_id,
        attempt=draft.item.attempt if draft.item is not None else 0,
        call=draft.cited_call(),
        step=step,
    )
    draft.append(entry)
    transition.started = []
    transition.ended.append(
        RunEnd(
            new.id,
            status,
            draft.started_ms,
            at.now_ms,
            ended_seq=transition.journal[-1].seq,
        )
    )
    transition.done = list(run.items)
    transition.waits_done = list(run.waits.values())
    transition.signals_done = list(run.signals.values())
    draft.is_ended = True

    finished_id = NO_EVENT
    if new.event_name not in _SILENT_TRIGGERS:
        finished_id = _publish(draft, status, output=output, error=encoded_error)
    if run.callers:
        _answer_callers(draft, status, output=output, error=error, finished_id=finished_id)


def _answer_callers(
    draft: RunDraft,
    status: RunStatus,
    *,
    output: bytes | None,
    error: RunError | None,
    finished_id: EventId,
) -> None:
    """Queue the invoking steps' result for the runs that wait for it."""
    if status is RunStatus.COMPLETED:
        memo = b'{"data":%b}' % (output or b"null")
    else:
        # The reference hands a cancelled child's raw event to the caller as a success; an error
        # tells the caller what happened.
        error = error or run_error("InvokedFunctionCancelled", "The invoked function was cancelled")
        memo = error.server_output()
    failed = status is not RunStatus.COMPLETED
    body = ResumeBody(memo=msgspec.Raw(memo), event_id=finished_id, failed=failed)
    for caller in draft.run.callers:
        draft.transition.put.append(answer_item(caller, body, at=draft.at))


def _publish(
    draft: RunDraft, status: RunStatus, *, output: bytes | None, error: msgspec.Raw
) -> EventId:
    """Publish `inngest/function.finished` and its kind, and start what listens to them.

    Returns:
        The internal id of the first.
    """
    new, at = draft.run.new, draft.at
    data = _event_data(draft, status, output=output, error=bytes(error))
    trigger = draft.run.events[0]
    meta = Event.from_payload(trigger).meta if b'"meta":' in trigger else None
    names = [(FINISHED, at.ids.ulid(at.now_ms))]
    # The run's id as event id keeps handlers from running twice for one run.
    if status is RunStatus.FAILED:
        names.append((FAILED, new.id))
    elif status is RunStatus.CANCELLED:
        names.append((CANCELLED, new.id))
    finished_id = NO_EVENT
    for name, external_id in names:
        event = internal_event(name=name, data=data, event_id=external_id, ts=at.now_ms, meta=meta)
        accepted = AcceptedEvent(
            internal_id=at.ids.ulid(at.now_ms),
            received_ms=at.now_ms,
            event=event,
            payload=event.payload(),
        )
        finished_id = finished_id or EventId(accepted.internal_id)
        route_into(
            draft.transition,
            accepted,
            environment_id=new.environment_id,
            world=draft.world,
            at=at,
        )
    return finished_id


def _event_data(draft: RunDraft, status: RunStatus, *, output: bytes | None, error: bytes) -> bytes:
    """What all events about the end of a run have as data. Source: execution semantics, 5.2.

    A result or cause that is nested deeper than events may be is left out: whoever evaluates a
    condition on the event could not read it.
    """
    new, events = draft.run.new, draft.run.events
    event = events[0]
    if event.startswith(_NULL_DATA):
        event = _EMPTY_DATA + event[len(_NULL_DATA) :]
    if output is not None and is_deeper_than(EVENT_LEVELS_MAX, output):
        output = None
    if error and is_deeper_than(EVENT_LEVELS_MAX, error):
        error = _without_cause(error)
    parts = [b'{"_inngest":{"status":"%b"}' % status.wire_name.encode()]
    if new.parent_run_id:
        correlation_id = f"{new.parent_run_id}.{new.parent_step}"
        parts.append(b'"correlation_id":%b' % msgspec.json.encode(correlation_id))
    if error:
        parts.append(b'"error":%b' % error)
    parts.append(b'"event":%b' % event)
    parts.append(b'"events":[%b]' % b",".join(events))
    parts.append(b'"function_id":%b' % msgspec.json.encode(draft.function.slug))
    if output is not None:
        parts.append(b'"result":%b' % output)
    parts.append(b'"run_id":"%b"}' % new.id.encode())
    return b",".join(parts)


def _without_cause(error: bytes) -> bytes:
    fields = msgspec.json.decode(error, type=dict[str, msgspec.Raw])
    fields.pop("cause", None)
    return msgspec.json.encode(fields)
