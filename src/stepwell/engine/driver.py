"""What the engine asks of a driver: to call an app and to say how that went."""

from collections.abc import Callable
from typing import Protocol

import msgspec

from stepwell.wire.response import Outcome

__all__ = ["CallHandle", "Driver", "EndpointCall", "SdkCall"]


class EndpointCall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is different about calling a durable endpoint: the app's own route is called.

    Attributes:
        method: HTTP method of the request that started the run.
        content_type: Of that request's body; "" for none.
        is_planned: Whether the app may only report new steps, not run them.
    """

    method: str
    content_type: str = ""
    is_planned: bool = False


class SdkCall(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One call of a function.

    Attributes:
        url: The function's endpoint as registered, on which the driver sets `stepId`; for a durable
            endpoint, the whole URL.
        body: The execution request, JSON; for a durable endpoint, the body of the request that
            started the run.
        run_id: The run.
        step_id: The planned step the call is for, or "step".
        job_id: Stable id of the queue item.
        request_id: New for every call.
        request_version: What the SDK told; -1 when it has not.
        attempt: Attempts made before.
        generation: Number of this dispatch, by which its checkpoints are known; sent if over 0.
        traceparent: The span of this call, in W3C form, and `tracestate` with it; sent if there.
        endpoint: Set to call a durable endpoint.
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
    traceparent: str = ""
    tracestate: str = ""
    endpoint: EndpointCall | None = None


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
