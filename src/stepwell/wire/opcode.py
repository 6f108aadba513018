"""One opcode: what an SDK reports about a step, or asks the server to do for it."""

import enum
from typing import Final

import msgspec

__all__ = ["OpName", "Opcode", "StepErrorBody"]

_NULL: Final = msgspec.Raw(b"null")


class OpName(enum.StrEnum):
    """What an opcode asks for. `OpName("steprun")` finds `STEP_RUN`: case does not count."""

    NONE = "None"
    STEP = "Step"
    STEP_RUN = "StepRun"
    STEP_ERROR = "StepError"
    STEP_FAILED = "StepFailed"
    STEP_PLANNED = "StepPlanned"
    SLEEP = "Sleep"
    WAIT_FOR_EVENT = "WaitForEvent"
    WAIT_FOR_SIGNAL = "WaitForSignal"
    INVOKE_FUNCTION = "InvokeFunction"
    AI_GATEWAY = "AIGateway"
    GATEWAY = "Gateway"
    RUN_COMPLETE = "RunComplete"
    SYNC_RUN_COMPLETE = "SyncRunComplete"
    DISCOVERY_REQUEST = "DiscoveryRequest"
    DEFER_ADD = "DeferAdd"
    DEFER_ABORT = "DeferAbort"

    @classmethod
    def _missing_(cls, value: object) -> "OpName | None":
        return _OPS_LOWER.get(value.lower()) if isinstance(value, str) else None


_OPS_LOWER: Final = {op.value.lower(): op for op in OpName}
_LAZY: Final = frozenset({OpName.DEFER_ADD, OpName.DEFER_ABORT})


class StepErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """The error of a step as its SDK reported it.

    Attributes:
        name: Class name; `Error` when the SDK sent none.
        message: Text; empty when the SDK sent none.
        stack: Stack trace.
        data: Private to the SDK, raw JSON. The Go SDK needs it back unchanged.
        cause: Nested error, raw JSON.
    """

    name: str
    message: str
    stack: str | None = None
    data: msgspec.Raw | None = None
    cause: msgspec.Raw | None = None

    def memo(self, no_retry: bool) -> bytes:
        """What later calls receive as the step's result: `{"error":{…}}`, keys sorted.

        Args:
            no_retry: Whether the response said that the error must not be retried. What the error
                itself says about that does not count.

        Source: SDK protocol, 6.4 and 7.3.
        """
        error: dict[str, object] = {}
        if self.cause is not None:
            error["cause"] = self.cause
        if self.data is not None:
            error["data"] = self.data
        error["message"] = self.message
        error["name"] = self.name
        if no_retry:
            error["noRetry"] = True
        if self.stack is not None:
            error["stack"] = self.stack
        return msgspec.json.encode({"error": error})


class Opcode(msgspec.Struct, frozen=True, kw_only=True):
    """One thing an SDK reports or asks for.

    Attributes:
        op: What it is about.
        id: Hashed id of the step; opaque. May be empty where no step is meant.
        name: The display name or, in older use, the duration of a sleep or the name of an event.
        display_name: How the step is to be shown; may be empty.
        opts: Options, raw JSON; read by `opcode_options`.
        data: Result of the step or run, raw JSON; `null` when there is none.
        error: Set for `StepError` and `StepFailed`.
        timing: When the step began (ns since 1970) and how long it took (ns).
        userland: The id as the user wrote it, and which repetition of it this is, from 0.
        metadata: Updates of the metadata of run or step, raw JSON.

    Source: SDK protocol, 7.4.
    """

    op: OpName
    id: str
    name: str = ""
    display_name: str = ""
    opts: msgspec.Raw | None = None
    data: bytes = b"null"
    error: StepErrorBody | None = None
    timing: tuple[int, int] | None = None
    userland: tuple[str, int] | None = None
    metadata: msgspec.Raw | None = None

    @property
    def shown_name(self) -> str:
        """How people see the step."""
        return self.display_name or self.name or self.id

    @property
    def is_lazy(self) -> bool:
        """Whether it only rides along with other opcodes and never counts as one of several."""
        return self.op in _LAZY

    @property
    def is_race(self) -> bool:
        """Whether each step of its parallel group calls the function when it ends."""
        if self.opts is None:
            return False
        try:
            mode = _FIELDS.decode(self.opts).get("parallelMode", _NULL)
        except msgspec.DecodeError:
            return False
        return bytes(mode).lower() == b'"race"'


_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
