"""Trace and span ids of runs: worked out from what identifies them, never stored.

So the header of a call, what readers are shown and what is exported to a collector agree without
asking each other, and an id found in a collector leads to the run: a trace id is the run's id, a
ULID, in hexadecimal. Ids of spans are unique within their trace, which is all that W3C asks.

Source: W3C Trace Context, 3.2; execution semantics, 10.1 (ids follow from the run's).
"""

from hashlib import sha256
from typing import Final

from stepwell.core.identity import ItemId, RunId, StepId
from stepwell.wire.ulid import ulid_hex

__all__ = [
    "TraceHeaders",
    "call_span_id",
    "root_span_id",
    "step_span_id",
    "trace_headers",
    "trace_id",
]

_SPAN_MASK: Final = (1 << 64) - 1
_SPAN_CHARS: Final = 16
#: No span may have the id zero.
_NOT_ZERO: Final = "0000000000000001"
_ZERO: Final = "0" * _SPAN_CHARS
# Odd, so that nothing is lost, and with bits all over: calls of one run differ in small numbers.
_ITEM_FACTOR: Final = 0x9E37_79B9_7F4A_7C15
_QUEUED_FACTOR: Final = 0xBF58_476D_1CE4_E5B9
_ATTEMPT_FACTOR: Final = 0x94D0_49BB_1331_11EB

#: `traceparent` and `tracestate`.
TraceHeaders = tuple[str, str]


def trace_id(run_id: RunId) -> str:
    """The trace of a run: 32 lower-case hexadecimal digits, the value of the run's ULID."""
    return ulid_hex(run_id)


def root_span_id(run_id: RunId) -> str:
    """The span of the run itself: 16 hexadecimal digits, the second half of its trace id."""
    span_id = ulid_hex(run_id)[_SPAN_CHARS:]
    return span_id if span_id != _ZERO else _NOT_ZERO


def step_span_id(run_id: RunId, step: StepId, attempt: int) -> str:
    """The span of one attempt of a step, from 0; also of a sleep, a wait or an invocation."""
    digest = sha256(f"{run_id}:{step}:{attempt}".encode()).hexdigest()[:_SPAN_CHARS]
    return digest if digest != _ZERO else _NOT_ZERO


def call_span_id(item_id: ItemId, queued_ms: int, attempt: int) -> str:
    """The span of one call to the app: what its `traceparent` names.

    One queue item stands for one call after the other, so what tells them apart is when each was
    queued and which attempt it was; the journal has all three (`CallFacts`).
    """
    mixed = item_id * _ITEM_FACTOR + queued_ms * _QUEUED_FACTOR + attempt * _ATTEMPT_FACTOR
    return f"{mixed & _SPAN_MASK or 1:016x}"


def trace_headers(run_id: RunId, span_id: str, *, app_id: str, function_id: str) -> TraceHeaders:
    """The W3C headers of a call; SDKs copy them to the spans they send back.

    SDKs take `tracestate` apart at every comma and equals sign, so the reference to our span, JSON,
    is percent-encoded. It is opaque to them.

    Source: SDK protocol, 2.1 and 12.3; HTTP APIs, 10.
    """
    parent = f"00-{ulid_hex(run_id)}-{span_id}-01"
    return parent, (
        f"inngest@app={app_id},inngest@fn={function_id},"
        f"inngest@traceref=%7B%22tp%22%3A%22{parent}%22%7D"
    )
