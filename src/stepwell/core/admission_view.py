"""What is stored about limits, buffers and singletons, while a batch of events is decided about.

Decisions are made one after the other, and each is written later, together with the others. So each
has to see what those before it have decided: the view begins as what was read and takes over every
transition with `apply`, after which it says what the store will say.
"""

from collections.abc import Collection, Mapping, Sequence

import msgspec

from stepwell.core.gcra import UNUSED_TAT_NS
from stepwell.core.identity import EventId, FunctionId, RunId
from stepwell.core.transition import (
    Buffer,
    BufferedEvent,
    BufferRef,
    LimitKind,
    LimitState,
    Transition,
)
from stepwell.core.trigger import TriggerEvent

__all__ = ["AdmissionView", "Findings", "FunctionKey"]

#: A function, and a key under which something is remembered of it.
FunctionKey = tuple[FunctionId, str]


class Findings(msgspec.Struct, frozen=True):
    """What was read for a batch of decisions.

    Attributes:
        events: The events in question, and those whose turn comes with a buffer's end.
        claims: Which events have started which functions, by the senders' ids.
        limits: Rate limits that have a state.
        buffers: Those of the buffers in question that exist.
        buffered: The events of buffers that may end, and of all debounces; others are left out.
        holders: The live runs that have singleton keys.
    """

    events: Mapping[EventId, TriggerEvent] = {}
    claims: Collection[FunctionKey] = ()
    limits: Mapping[FunctionKey, LimitState] = {}
    buffers: Mapping[BufferRef, Buffer] = {}
    buffered: Mapping[str, Sequence[BufferedEvent]] = {}
    holders: Mapping[FunctionKey, RunId] = {}


class AdmissionView:
    """What was found, and what the decisions of a batch have made of it so far.

    Args:
        findings: What was read.
        immovable: Runs that do not give way to newer ones, because they could not be cancelled.

    Attributes:
        giving_way: Stored runs that must be cancelled before anything of the batch is written.
        superseded: Runs of this batch that gave way to later ones of it.
    """

    def __init__(self, findings: Findings, *, immovable: Collection[RunId] = ()) -> None:
        self.giving_way: dict[RunId, None] = {}
        self.superseded: set[RunId] = set()
        self._events = dict(findings.events)
        self._claims = set(findings.claims)
        self._tats_ns = {key: state.tat_ns for key, state in findings.limits.items()}
        self._buffers = dict(findings.buffers)
        self._refs = {buffer.id: ref for ref, buffer in findings.buffers.items()}
        self._buffered = {key: list(events) for key, events in findings.buffered.items()}
        self._holders = dict(findings.holders)
        self._immovable = immovable
        self._created: set[RunId] = set()

    def event(self, event_id: EventId) -> TriggerEvent | None:
        """The event; None when it is not stored any more."""
        return self._events.get(event_id)

    def is_claimed(self, function_id: FunctionId, claim_key: str) -> bool:
        """Whether an event with that key has started the function; never so without a key."""
        return bool(claim_key) and (function_id, claim_key) in self._claims

    def tat_ns(self, function_id: FunctionId, key: str) -> int:
        """The state of a rate limit."""
        return self._tats_ns.get((function_id, key), UNUSED_TAT_NS)

    def buffer(self, ref: BufferRef) -> Buffer | None:
        """The buffer; None when no event is held back there."""
        return self._buffers.get(ref)

    def buffered(self, buffer_id: str) -> Sequence[BufferedEvent]:
        """The events of a buffer, by position; they must have been read."""
        return self._buffered[buffer_id]

    def holder(self, function_id: FunctionId, key: str) -> RunId | None:
        """The live run with a singleton key."""
        return self._holders.get((function_id, key))

    def is_immovable(self, run_id: RunId) -> bool:
        """Whether the run stays, although a newer one should take its place."""
        return run_id in self._immovable

    def apply(self, transition: Transition) -> None:
        """Take over what was decided."""
        for claim in transition.claims:
            self._claims.add((claim.function_id, claim.key))
        for state in transition.limits:
            if state.kind is LimitKind.RATE_LIMIT:
                self._tats_ns[state.function_id, state.key] = state.tat_ns
        for buffer_id in transition.buffers_done:
            ref = self._refs.pop(buffer_id, None)
            if ref is not None:
                del self._buffers[ref]
            self._buffered.pop(buffer_id, None)
        for buffer in transition.buffers:
            if buffer.id not in self._refs:
                self._refs[buffer.id] = buffer.ref
                self._buffered[buffer.id] = []
            self._buffers[buffer.ref] = buffer
        for event in transition.buffered:
            self._hold_back(event)
        for run in transition.runs:
            if run.singleton:
                self._seat((run.function_id, run.singleton), run.id)

    def _hold_back(self, event: BufferedEvent) -> None:
        events = self._buffered.get(event.buffer_id)
        if events is None:
            # Not read, because the buffer does not end in this batch.
            return
        assert event.position <= len(events), "positions have no gaps"
        events[event.position : event.position + 1] = [event]

    def _seat(self, key: FunctionKey, run_id: RunId) -> None:
        previous = self._holders.get(key)
        if previous in self._created:
            self.superseded.add(previous)
        elif previous is not None and previous not in self._immovable:
            self.giving_way[previous] = None
        self._holders[key] = run_id
        self._created.add(run_id)
