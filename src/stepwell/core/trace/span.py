"""A node of a trace tree, in the words of the domain; the API translates it.

Source: GraphQL, 5.9 and 5.10.
"""

import enum

import msgspec

from stepwell.core.identity import EventId, RunId, StepId

__all__ = [
    "InvokeInfo",
    "RunInfo",
    "SignalInfo",
    "SleepInfo",
    "SpanMetadata",
    "SpanReply",
    "SpanStatus",
    "StepInfo",
    "StepOp",
    "TraceSpan",
    "UserSpanInfo",
    "WaitInfo",
]


class SpanStatus(enum.StrEnum):
    """Where a span is in its life."""

    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    WAITING = "WAITING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    SKIPPED = "SKIPPED"

    @property
    def is_ended(self) -> bool:
        """Whether nothing can change any more."""
        return self in _ENDED


_ENDED = frozenset(
    {SpanStatus.COMPLETED, SpanStatus.FAILED, SpanStatus.CANCELLED, SpanStatus.SKIPPED}
)


class StepOp(enum.StrEnum):
    """What kind of step a span stands for."""

    RUN = "RUN"
    SLEEP = "SLEEP"
    WAIT_FOR_EVENT = "WAIT_FOR_EVENT"
    WAIT_FOR_SIGNAL = "WAIT_FOR_SIGNAL"
    INVOKE = "INVOKE"
    AI_GATEWAY = "AI_GATEWAY"


class RunInfo(msgspec.Struct, frozen=True, gc=False):
    """A step that the app ran; `type` is the SDK's own name for its kind."""

    type: str | None = None


class SleepInfo(msgspec.Struct, frozen=True, gc=False):
    """A sleep."""

    until_ms: int


class WaitInfo(msgspec.Struct, frozen=True, gc=False):
    """A wait for an event; `timed_out` is None while it waits."""

    event_name: str
    expression: str | None
    timeout_ms: int
    found_event_id: EventId | None = None
    timed_out: bool | None = None


class SignalInfo(msgspec.Struct, frozen=True, gc=False):
    """A wait for a signal; `timed_out` is None while it waits."""

    signal: str
    timeout_ms: int
    timed_out: bool | None = None


class InvokeInfo(msgspec.Struct, frozen=True, gc=False):
    """An invocation; `timed_out` is None while it is under way."""

    triggering_event_id: EventId
    function_id: str
    timeout_ms: int
    return_event_id: EventId | None = None
    run_id: RunId | None = None
    timed_out: bool | None = None


StepInfo = RunInfo | SleepInfo | WaitInfo | SignalInfo | InvokeInfo


class SpanReply(msgspec.Struct, frozen=True, gc=False):
    """The app's HTTP answer; `headers` is a JSON object without secrets."""

    status: int
    headers: bytes


class SpanMetadata(msgspec.Struct, frozen=True, gc=False):
    """Facts attached to a span; `values` is a JSON object."""

    scope: str
    kind: str
    values: bytes
    updated_ms: int


class UserSpanInfo(msgspec.Struct, frozen=True, gc=False):
    """What the app's own tracing said about a span; attributes are JSON objects."""

    name: str
    kind: str
    service: str
    scope_name: str
    scope_version: str
    attributes: bytes
    resource_attributes: bytes | None = None


class TraceSpan(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One node.

    Attributes:
        span_id: 16 hexadecimal digits, or a made-up name where a node stands for several records.
        parent_span_id: None or sixteen zeros for the root, as the tree wants it.
        group_id: UUID of the queue item whose attempts belong together.
        attempt: Counted from 0.
        duration_ms: How long it took.
        output_id: Names what it took and brought, for `span_output`; None if there is nothing.
        queued_ms, scheduled_ms, started_ms, ended_ms: None where it has not come to that.
        step: The hashed id of the step.
        step_type: The SDK's kind of step, "FINALIZATION", or empty.
        skip_reason: Why the run was skipped, in the words of the wire; only on the root.
        metadata: Ordered by scope, then kind.
    """

    run_id: RunId
    span_id: str
    trace_id: str
    name: str
    status: SpanStatus
    queued_ms: int
    parent_span_id: str | None = None
    group_id: str | None = None
    attempt: int | None = None
    duration_ms: int | None = None
    output_id: str | None = None
    scheduled_ms: int | None = None
    started_ms: int | None = None
    ended_ms: int | None = None
    step_op: StepOp | None = None
    step: StepId | None = None
    step_info: StepInfo | None = None
    step_type: str = ""
    is_root: bool = False
    user_span: UserSpanInfo | None = None
    skip_reason: str | None = None
    skip_existing_run_id: RunId | None = None
    metadata: tuple[SpanMetadata, ...] = ()
    reply: SpanReply | None = None
    children: tuple["TraceSpan", ...] = ()
