"""Metadata at its place in the tree, and what the server itself adds to it.

Source: GraphQL, 9.7.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from stepwell.core.identity import StepId
from stepwell.core.metadata import LAST_ATTEMPT, Metadata, MetadataOwner, MetadataScope
from stepwell.core.model_prices import estimated_cost_usd
from stepwell.core.trace.calls import Call
from stepwell.core.trace.model_answers import AI_KIND
from stepwell.core.trace.span import SpanMetadata

__all__ = ["Attachments", "with_timing"]

_COST: Final = "estimated_cost"
_TIMING: Final = "inngest.timing"
_USAGE: Final = "inngest.usage"
_RUN: Final = "run"
_REQUEST: Final = "request"
_SCOPES: Final = {
    scope: place
    for place, scope in enumerate(
        ["unknown", _RUN, "step", "step_attempt", "extended_trace", _REQUEST]
    )
}
_VALUES: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])


class _Used(msgspec.Struct, frozen=True, gc=False):
    """What counts of a call of a model."""

    request_model: str = ""
    response_model: str = ""
    input_tokens: int | float = 0
    output_tokens: int | float = 0


_USED: Final = msgspec.json.Decoder(_Used)


class Attachments:
    """Metadata by the node it is shown at."""

    def __init__(self, metadata: Mapping[MetadataOwner, Sequence[Metadata]]) -> None:
        self._run: list[SpanMetadata] = []
        self._steps: dict[StepId, defaultdict[int, list[SpanMetadata]]] = {}
        self._spans: defaultdict[str, list[SpanMetadata]] = defaultdict(list)
        stored_bytes = 0
        updated_ms = 0
        for owner, entries in metadata.items():
            shown = [_shown(owner, entry) for entry in entries]
            stored_bytes += sum(map(_size, shown))
            updated_ms = max([updated_ms, *(entry.updated_ms for entry in shown)])
            if owner.scope is MetadataScope.RUN:
                self._run += shown
            elif owner.span_id:
                self._spans[owner.span_id] += shown
            else:
                attempts = self._steps.setdefault(owner.step, defaultdict(list))
                attempts[owner.attempt] += shown
        if stored_bytes:
            values = b'{"metadata_bytes":%d}' % stored_bytes
            self._run.append(SpanMetadata(_RUN, _USAGE, values, updated_ms))

    def of_run(self) -> tuple[SpanMetadata, ...]:
        """What describes the run, and how much there is of everything together."""
        return _sorted(self._run)

    def of_attempts(self, step: StepId, numbers: Sequence[int]) -> list[list[SpanMetadata]]:
        """What describes each attempt of a step; the last one has what describes the step.

        Args:
            step: The step.
            numbers: Of the attempts that are shown, in order. What belongs to another one is shown
                at the last.
        """
        attempts = self._steps.get(step)
        places: list[list[SpanMetadata]] = [[] for _ in numbers]
        if attempts is None or not places:
            return places
        for number, entries in attempts.items():
            is_shown = number != LAST_ATTEMPT and number in numbers
            places[numbers.index(number) if is_shown else -1] += entries
        return places

    def of_span(self, span_id: str) -> tuple[SpanMetadata, ...]:
        """What describes a span of the app."""
        entries = self._spans.get(span_id)
        return _sorted(entries) if entries else ()


def with_timing(entries: Sequence[SpanMetadata], call: Call | None) -> tuple[SpanMetadata, ...]:
    """The metadata of a node with what the server knows of its request."""
    known = (_timing(call),) if call is not None and call.answered_ms else ()
    # Of 1,000 steps, most have nothing else.
    return _sorted((*entries, *known)) if entries else known


def _timing(call: Call) -> SpanMetadata:
    """How long the call waited for its turn: from when it could be sent until it was."""
    delay_ms = max(call.sent_ms - call.scheduled_ms, 0)
    values = b'{"queue_delay_ms":%d,"system_latency_ms":0,"total_inngest_ms":%d}'
    return SpanMetadata(_REQUEST, _TIMING, values % (delay_ms, delay_ms), call.answered_ms)


def _shown(owner: MetadataOwner, entry: Metadata) -> SpanMetadata:
    values = _with_cost(entry.values) if entry.kind == AI_KIND else entry.values
    return SpanMetadata(owner.scope.wire_name, entry.kind, values, entry.updated_ms)


def _with_cost(values: bytes) -> bytes:
    """What a call of a model took, with what that probably cost unless the app has said it."""
    given = _VALUES.decode(values)
    if _COST in given:
        return values
    try:
        used = _USED.decode(values)
    except msgspec.MsgspecError:
        return values
    if not used.input_tokens and not used.output_tokens:
        return values
    cost = estimated_cost_usd(
        used.response_model or used.request_model,
        input_tokens=used.input_tokens,
        output_tokens=used.output_tokens,
    )
    if cost is None:
        return values
    return msgspec.json.encode({**given, _COST: cost})


def _size(entry: SpanMetadata) -> int:
    values = _VALUES.decode(entry.values)
    return sum(len(key.encode()) + len(value) for key, value in values.items())


def _sorted(entries: Iterable[SpanMetadata]) -> tuple[SpanMetadata, ...]:
    return tuple(sorted(entries, key=lambda entry: (_SCOPES[entry.scope], entry.kind)))
