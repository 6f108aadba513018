"""What the engine asks of a driver: to call an app and to say how that went."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from stepwell.wire.response import Outcome

__all__ = ["CallHandle", "Driver", "SdkCall"]


class SdkCall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One call of a function.

    Attributes:
        url: The function's endpoint as registered; the driver sets `stepId` on it.
        body: The execution request, JSON.
        run_id: The run.
        step_id: The planned step the call is for, or "step".
        job_id: Stable id of the queue item.
        request_id: New for every call.
        request_version: What the SDK told; -1 when it has not.
        attempt: Attempts made before.
        generation: Counts dispatches of the same queue item; sent if over 0.
    """

    url: str
    body: bytes
    run_id: str
    step_id: str
    job_id: str
    request_id: str
    request_version: int
    attempt: int
    generation: int = 0


class CallHandle(Protocol):
    """A call that is under way."""

    def cancel(self) -> None:
        """Give up the call; its outcome will not be reported. May come too late."""
        ...


class Driver(Protocol):
    """Calls apps over one transport."""

    def call(self, call: SdkCall, done: Callable[[Outcome], None]) -> CallHandle:
        """Begin the call. `done` is called once, later, on the event loop, with what came of it.

        Nothing is raised: whatever prevents the call or its answer is an outcome.
        """
        ...
