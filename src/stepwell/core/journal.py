"""The journal: facts appended to a run, in the order they were committed.

Everything a run is now follows from its entries (`RunState.apply`), and so does everything a
reader is shown: steps, attempts, timings, inputs, errors. Entries are JSON objects with their name
under `"is"`; step results inside them are raw JSON and never parsed on the way.
"""

from typing import Any, Final

import msgspec

from stepwell.core.identity import EventId, FunctionId, ItemId, RunId, StepId
from stepwell.core.status import RunStatus

__all__ = [
    "ABSENT",
    "CallFacts",
    "CallFailed",
    "Caller",
    "Entry",
    "GroupOpened",
    "InputGiven",
    "Invoked",
    "RunEnded",
    "RunStarted",
    "StepAttemptFailed",
    "StepInvoking",
    "StepName",
    "StepPlanned",
    "StepRequesting",
    "StepResolved",
    "StepSignalling",
    "StepSleeping",
    "StepWaiting",
    "VersionPinned",
    "decode_entry",
    "encode_entry",
]


#: JSON that is not there. Only this very object is left out when an entry is encoded: what equals it
#: would be written as nothing, which is not JSON.
ABSENT: Final = msgspec.Raw(b"")


class _Entry(msgspec.Struct, frozen=True, tag_field="is", omit_defaults=True, gc=False):
    """Common to all entries: when it was decided, in ms since 1970 UTC."""

    at_ms: int


class StepName(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """How a step is shown.

    Attributes:
        shown: The name a person reads.
        op: Opcode that reported the step.
        id: The step id as its author wrote it, when the SDK told.
        index: Number of the repetition of that id in the run, from 0.
        opts: The opcode's options as sent, raw JSON; only in the first entry about a step.
    """

    shown: str
    op: str
    id: str = ""
    index: int = 0
    opts: msgspec.Raw = ABSENT


class CallFacts(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """The call that brought a fact.

    Attributes:
        queued_ms: When it was queued.
        sent_ms: When it was sent.
        step_started_ns: When the step itself began, by the app's clock; 0 if the SDK did not tell.
        step_ns: How long the step itself took.
        item: The queue item that was answered. A repeated call has the same; so has the next call
            of a run whose item was renewed, with attempt 0.
        attempt: Which attempt of it the call was.
        status: HTTP status of the answer; 0 where there was none, and where another entry of the
            same decision tells.
        headers: The answer's headers without secrets, a JSON object; where there is a status.
    """

    queued_ms: int
    sent_ms: int
    step_started_ns: int = 0
    step_ns: int = 0
    item: ItemId = ItemId(0)
    attempt: int = 0
    status: int = 0
    headers: msgspec.Raw = ABSENT


# It was called so when it held nothing but times.
_CALL: Final[Any] = msgspec.field(default=None, name="times")


class RunStarted(_Entry, frozen=True, tag="RunStarted"):
    """The first call was sent. `version` is the SDK's request version if its answer is known."""

    version: int = -1


class VersionPinned(_Entry, frozen=True, tag="VersionPinned"):
    """An answer with opcodes told the SDK's request version, which holds from now on."""

    version: int


class GroupOpened(_Entry, frozen=True, tag="GroupOpened"):
    """One answer reported several steps; from now on the SDK must only plan.

    `awaited` are the steps whose last completion calls the function again. It is empty where every
    completion does so. Source: execution semantics, 3.13.
    """

    awaited: tuple[StepId, ...] = ()


class StepPlanned(_Entry, frozen=True, tag="StepPlanned"):
    """The step will be run by a call of its own."""

    step: StepId
    name: StepName
    call: CallFacts | None = _CALL


class StepSleeping(_Entry, frozen=True, tag="StepSleeping"):
    """The step sleeps until `until_ms`."""

    step: StepId
    name: StepName
    until_ms: int
    call: CallFacts | None = _CALL


class StepWaiting(_Entry, frozen=True, tag="StepWaiting"):
    """The step waits for an event until `expires_ms`."""

    step: StepId
    name: StepName
    event: str
    expires_ms: int
    condition: str = ""
    call: CallFacts | None = _CALL


class StepInvoking(_Entry, frozen=True, tag="StepInvoking"):
    """The step waits for a run of another function until `expires_ms`."""

    step: StepId
    name: StepName
    function: str
    event_id: EventId
    expires_ms: int
    function_id: FunctionId = FunctionId("")
    run_id: RunId = RunId("")
    call: CallFacts | None = _CALL


class StepSignalling(_Entry, frozen=True, tag="StepSignalling"):
    """The step waits for a signal until `expires_ms`."""

    step: StepId
    name: StepName
    signal: str
    expires_ms: int
    call: CallFacts | None = _CALL


class StepRequesting(_Entry, frozen=True, tag="StepRequesting"):
    """The server makes an HTTP request for the step.

    `method` and `url` say where to, without the query and without anything secret.
    """

    step: StepId
    name: StepName
    method: str
    url: str
    attempt: int = 0
    call: CallFacts | None = _CALL


class InputGiven(_Entry, frozen=True, tag="InputGiven"):
    """A rerun gives the step other arguments than the code does; `input` is a JSON array."""

    step: StepId
    input: msgspec.Raw


class Caller(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """A step that waits for the run's result."""

    run_id: RunId
    function_id: FunctionId
    step: StepId


class Invoked(_Entry, frozen=True, tag="Invoked"):
    """Steps of other runs wait for this one; a batch can have many."""

    callers: tuple[Caller, ...]


class StepAttemptFailed(_Entry, frozen=True, tag="StepAttemptFailed"):
    """One attempt of a step failed and will be repeated at `retry_at_ms`."""

    step: StepId
    name: StepName
    attempt: int
    retry_at_ms: int
    error: msgspec.Raw
    call: CallFacts | None = _CALL
    metadata: msgspec.Raw = ABSENT


class StepResolved(_Entry, frozen=True, tag="StepResolved"):
    """The step has its result, which never changes.

    Attributes:
        memo: What later calls receive for the step; JSON. Source: SDK protocol, 6.4.
        name: Absent when an earlier entry introduced the step.
        failed: The memo is an error.
        timed_out: The wait or invocation was not answered in time.
    """

    step: StepId
    memo: msgspec.Raw
    name: StepName | None = None
    attempt: int = 0
    failed: bool = False
    timed_out: bool = False
    call: CallFacts | None = _CALL
    event_id: EventId = EventId("")
    metadata: msgspec.Raw = ABSENT


class CallFailed(_Entry, frozen=True, tag="CallFailed"):
    """A call failed as a whole and will be repeated at `retry_at_ms`."""

    step: StepId
    attempt: int
    retry_at_ms: int
    error: msgspec.Raw
    code: str = ""
    call: CallFacts | None = _CALL


class RunEnded(_Entry, frozen=True, tag="RunEnded"):
    """The run is over.

    Attributes:
        output: What APIs show as the run's output; JSON, absent when cancelled.
        error: The error object of a failed run. Source: execution semantics, 5.2.
        cause: Why it was cancelled or skipped: "api", "event" with the id of that event,
            "start_timeout", "finish_timeout", "singleton", "paused", "drained", "bulk".
        existing_run_id: The run because of which it was skipped.
        step: The step that made it fail where no code could catch it; empty if none did.
    """

    status: RunStatus
    output: msgspec.Raw = ABSENT
    error: msgspec.Raw = ABSENT
    cause: str = ""
    event_id: EventId = EventId("")
    attempt: int = 0
    call: CallFacts | None = _CALL
    existing_run_id: RunId = RunId("")
    step: StepId = StepId("")


Entry = (
    RunStarted
    | VersionPinned
    | GroupOpened
    | StepPlanned
    | StepSleeping
    | StepWaiting
    | StepInvoking
    | StepSignalling
    | StepRequesting
    | InputGiven
    | Invoked
    | StepAttemptFailed
    | StepResolved
    | CallFailed
    | RunEnded
)

_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final[msgspec.json.Decoder[Entry]] = msgspec.json.Decoder(Entry)


def encode_entry(entry: Entry) -> bytes:
    """The entry as it is stored."""
    return _ENCODER.encode(entry)


def decode_entry(raw: bytes) -> Entry:
    """The entry stored as `raw`; results inside it stay raw JSON."""
    return _DECODER.decode(raw)
