"""What queue items carry besides their kind: JSON, written with the item's row."""

from typing import Final, Self

import msgspec

from stepwell.core.identity import (
    EnvironmentId,
    EventId,
    FunctionId,
    OperationId,
    RunId,
    StepId,
    WaitId,
)
from stepwell.core.transition import BufferKind

__all__ = [
    "INVOCATION_TIMEOUT",
    "WAIT_TIMEOUT",
    "AdmitBody",
    "BufferBody",
    "CancelBody",
    "CronBody",
    "MatchBody",
    "OperationBody",
    "ResumeBody",
    "SignalBody",
    "TimeoutBody",
]


class _Body(msgspec.Struct, frozen=True, omit_defaults=True):
    def encode(self) -> bytes:
        """The body as it is stored."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, raw: bytes) -> Self:
        """The body stored as `raw`."""
        return msgspec.json.decode(raw, type=cls)


class ResumeBody(_Body, frozen=True):
    """RESUME: the step's result, and the event that brought it."""

    memo: msgspec.Raw
    event_id: EventId = EventId("")
    failed: bool = False


class TimeoutBody(_Body, frozen=True):
    """TIMEOUT: whether it was a run of another function that did not answer."""

    invocation: bool = False


class CancelBody(_Body, frozen=True):
    """CANCEL: why, as in `RunEnded.cause`, and the event that did it.

    With an error the run fails instead, and nothing can catch that; `step` is the one that made it
    fail.
    """

    cause: str
    event_id: EventId = EventId("")
    error_name: str = ""
    error_message: str = ""
    step: StepId = StepId("")


class AdmitBody(_Body, frozen=True):
    """ADMIT: the event, and where a run that it starts comes from.

    Attributes:
        claim_key: Key under which a repetition of the event is recognised.
        cron: The cron expression whose tick it is.
        parent_run_id: The run that invoked the function, its function and its step.
    """

    event_id: EventId
    claim_key: str = ""
    cron: str = ""
    parent_run_id: RunId = RunId("")
    parent_function_id: FunctionId = FunctionId("")
    parent_step: str = ""


class BufferBody(_Body, frozen=True):
    """DEBOUNCE and BATCH: the buffer that ends, and its id."""

    kind: BufferKind
    key: str
    buffer_id: str


class SignalBody(_Body, frozen=True):
    """SIGNAL: which step begins to wait for which signal.

    Attributes:
        replaces: Whether a wait of another run for the signal gives way; else this run fails.
    """

    environment_id: EnvironmentId
    name: str
    run_id: RunId
    step: StepId
    expires_ms: int
    replaces: bool = False


class OperationBody(_Body, frozen=True):
    """OPERATION: which one."""

    operation_id: OperationId


class MatchBody(_Body, frozen=True):
    """MATCH: the event, and the last wait that has been looked at."""

    event_id: EventId
    after: WaitId = WaitId(0)


class CronBody(_Body, frozen=True):
    """CRON: one link of a trigger's chain of ticks.

    Attributes:
        cron: The expression.
        version: The function version the chain belongs to.
        tick_ms: The tick this item stands for; jitter makes the item due later.
    """

    cron: str
    version: int
    tick_ms: int


#: Waits for events and invocations time out differently.
WAIT_TIMEOUT: Final = TimeoutBody().encode()
INVOCATION_TIMEOUT: Final = TimeoutBody(invocation=True).encode()
