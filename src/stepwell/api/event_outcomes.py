"""`GET /v1/events/{id}/outcomes`: what became of an event at each function that listens to it.

The reference shows nothing about events that start no run. Source: flow control, 2.1 and 2.3.
"""

from collections.abc import Iterator
from typing import Annotated, Any, Final, Protocol, assert_never

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.dates import date_text
from stepwell.api.errors import send_error
from stepwell.api.openapi import (
    Declaration,
    DeclarationTable,
    Tag,
    Timestamp,
    Ulid,
    Uuid,
    data,
    one_of,
    refused,
)
from stepwell.api.responses import send_data
from stepwell.api.services import ApiServices, RouteTable
from stepwell.core.function import FunctionIndex, Listener
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, EnvironmentId, EventId, FunctionId
from stepwell.core.keys import event_value
from stepwell.core.routing import unmet_reason
from stepwell.core.status import RunStatus
from stepwell.core.transition import BufferKind, Skip, SkipReason, StoredEvent
from stepwell.store.views import EventOutcome, PendingEvent, RunView
from stepwell.wire.ulid import is_ulid

__all__ = ["DECLARATIONS", "EventOutcomesApi", "OutcomeObject", "OutcomeReaders", "outcomes_of"]

_CAUSES: Final = {
    "singleton": "another run of the function had not ended",
    "paused": "the function was paused",
    "drained": "the function's app was drained",
}

#: What cannot be an event's outcome is a note about one.
_SKIPS: Final = tuple(
    reason for reason in SkipReason if reason is not SkipReason.CANCEL_CONDITION_INVALID
)


class OutcomeReaders(Protocol):
    """Questions about what became of events. Every method raises `StoreUnavailable`."""

    async def event(self, environment_id: EnvironmentId, event_id: EventId) -> StoredEvent | None:
        """The event with that internal id."""
        ...

    async def outcomes_of_event(self, event_id: EventId) -> list[EventOutcome]:
        """What became of the event at each function that it concerned, by function id."""
        ...


class OutcomeObject(msgspec.Struct, frozen=True, kw_only=True):
    """What became of an event at one function, as clients read it.

    Attributes:
        slug: None for a function that is not registered any more.
        outcome: "run", "batched", "skipped", "pending", or a `SkipReason`.
        run_id: The run it started, alone or in a batch, or the one that was skipped.
        batch_id: The batch it is or was in.
        existing_run_id: The run because of which it was skipped.
        reason: Why it was skipped or is pending.
        detail: What the reason is about: a key, an event's id, an expression and its error.
        at: When that was decided; None while it is pending.
        due_at: When a pending event will be decided about, unless more events come.
        notes: What else there is to say about the run.
        message: All of it in a sentence.
    """

    function_id: Uuid
    slug: str | None
    outcome: Annotated[str, one_of("run", "batched", "skipped", "pending", *_SKIPS)]
    message: str
    run_id: Ulid | None = None
    batch_id: Ulid | None = None
    existing_run_id: Ulid | None = None
    reason: str | None = None
    detail: str | None = None
    at: Timestamp | None = None
    due_at: Timestamp | None = None
    notes: list[str] = []


DECLARATIONS: Final[DeclarationTable] = {
    "/v1/events/{event_id}/outcomes": {
        "GET": Declaration(
            "getOutcomesOfEvent",
            "Read what became of an event",
            Tag.EVENTS,
            text="One object per function that the event concerned, by slug.",
            answers=(
                data(list[OutcomeObject]),
                refused(400, "Invalid event ID: …"),
                refused(404, "Event not found"),
            ),
        )
    }
}


class EventOutcomesApi:
    """Says for one event which functions it started, and why it did not start the others."""

    def __init__(self, services: ApiServices, readers: OutcomeReaders) -> None:
        self._catalogue = services.catalogue
        self._clock = services.clock
        self._readers = readers

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {"/v1/events/{event_id}/outcomes": {"GET": self}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        text: str = scope["path_params"]["event_id"]
        if not is_ulid(text):
            await send_error(send, 400, f"Invalid event ID: {text}")
            return
        event_id = EventId(text.upper())
        event = await self._readers.event(DEFAULT_ENVIRONMENT_ID, event_id)
        if event is None:
            await send_error(send, 404, "Event not found")
            return
        found = await self._readers.outcomes_of_event(event_id)
        shown = outcomes_of(event, found, self._catalogue.functions)
        await send_data(send, shown, now_ms=self._clock.now_ms())


def outcomes_of(
    event: StoredEvent, found: list[EventOutcome], functions: FunctionIndex
) -> list[OutcomeObject]:
    """What became of the event, by function.

    There is one object per function, unless the event was sent again: then there is one more, which
    says that it was a duplicate. Reruns are none of the event's doing and are left out.
    """
    shown = [entry for outcome in found for entry in _entries(outcome, functions)]
    known = {outcome.function_id for outcome in found}
    shown += [
        _entry(
            listener.function.id,
            functions,
            outcome="pending",
            reason="admission",
            message="Is about to be decided about",
        )
        for listener in functions.listeners(event.name)
        if listener.function.id not in known and _awaits_decision(listener, event)
    ]
    return sorted(shown, key=lambda entry: (entry.slug or "", entry.function_id))


def _entries(outcome: EventOutcome, functions: FunctionIndex) -> Iterator[OutcomeObject]:
    function_id = outcome.function_id
    notes = [
        f"cancelOn cannot cancel the run: {skip.detail}"
        for skip in outcome.skips
        if skip.reason is SkipReason.CANCEL_CONDITION_INVALID
    ]
    for run in outcome.runs:
        if not run.origin_run_id:
            yield _of_run(run, functions, notes)
    for pending in outcome.pending:
        yield _of_pending(function_id, pending, functions)
    for skip in outcome.skips:
        if skip.reason is not SkipReason.CANCEL_CONDITION_INVALID:
            yield _of_skip(skip, functions)


def _of_run(run: RunView, functions: FunctionIndex, notes: list[str]) -> OutcomeObject:
    if run.status is RunStatus.SKIPPED:
        outcome = "skipped"
        message = f"Was skipped because {_CAUSES.get(run.cause, run.cause)}"
        if run.existing_run_id:
            message += f": {run.existing_run_id}"
    elif run.batch_id:
        outcome, message = "batched", f"Is in the batch of run {run.id}"
    else:
        outcome, message = "run", f"Started run {run.id}"
    return _entry(
        run.function_id,
        functions,
        outcome=outcome,
        run_id=run.id,
        batch_id=run.batch_id or None,
        existing_run_id=run.existing_run_id or None,
        reason=run.cause if outcome == "skipped" else None,
        at=date_text(run.queued_ms),
        notes=notes,
        message=message,
    )


def _of_pending(
    function_id: FunctionId, pending: PendingEvent, functions: FunctionIndex
) -> OutcomeObject:
    due_at = date_text(pending.due_ms)
    match pending.kind:
        case BufferKind.BATCH:
            reason = "batch"
            events = "1 event" if pending.events == 1 else f"{pending.events} events"
            message = f"Is collected in a batch of {events}, which runs at {due_at} at the latest"
        case BufferKind.DEBOUNCE:
            reason = "debounce"
            message = f"Is held back by debounce; starts a run at {due_at} unless a newer one comes"
        case _:
            assert_never(pending.kind)
    return _entry(
        function_id,
        functions,
        outcome="pending",
        reason=reason,
        batch_id=pending.buffer_id if pending.kind is BufferKind.BATCH else None,
        due_at=due_at,
        message=message,
    )


def _of_skip(skip: Skip, functions: FunctionIndex) -> OutcomeObject:
    return _entry(
        skip.function_id,
        functions,
        outcome=skip.reason.value,
        reason=skip.reason.value,
        detail=skip.detail or None,
        at=date_text(skip.at_ms),
        message=_skip_sentence(skip),
    )


def _skip_sentence(skip: Skip) -> str:
    match skip.reason:
        case SkipReason.DUPLICATE:
            return f"Is a duplicate: the function was started for '{skip.detail}' before"
        case SkipReason.EXPRESSION_FAILED:
            return f"The trigger's condition could not be evaluated: {skip.detail}"
        case SkipReason.RATE_LIMITED:
            of_key = f" for '{skip.detail}'" if skip.detail else ""
            return f"Was dropped by the rate limit or idempotency{of_key}"
        case SkipReason.DEBOUNCED:
            return f"Gave way to the newer event {skip.detail}"
        case SkipReason.FUNCTION_GONE:
            return "The function was removed before the event could start it"
        case SkipReason.DEFECT:
            return "Was not decided about because of a defect in Stepwell; the log has the details"
        case SkipReason.CANCEL_CONDITION_INVALID:
            return f"cancelOn cannot cancel the run: {skip.detail}"
        case _:
            assert_never(skip.reason)


def _awaits_decision(listener: Listener, event: StoredEvent) -> bool:
    """Whether the event has still to be let in: the function knew of it, and nothing is recorded."""
    function = listener.function
    if not function.decides_on_arrival or function.updated_ms > event.received_ms:
        return False
    if not listener.conditions:
        return True
    value = event_value(event.payload)
    # That a condition could not be evaluated would have been recorded.
    return unmet_reason(listener.conditions, value, now_ms=event.received_ms) is None


def _entry(function_id: FunctionId, functions: FunctionIndex, **facts: Any) -> OutcomeObject:
    function = functions.get(function_id)
    slug = function.slug if function is not None else None
    return OutcomeObject(function_id=function_id, slug=slug, **facts)
