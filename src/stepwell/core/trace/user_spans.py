"""Spans of the app's own tracing, below the steps and the calls in which they were made.

Source: GraphQL, 9.6.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from stepwell.core.identity import RunId, StepId
from stepwell.core.trace.attachments import Attachments
from stepwell.core.trace.span import SpanStatus, TraceSpan, UserSpanInfo
from stepwell.core.user_span import SpanOutcome, UserSpan

__all__ = ["USER_LEVELS_MAX", "UserSpans"]

#: Spans that are nested deeper are shown beside those at this depth.
USER_LEVELS_MAX: Final = 32

#: What the SDK makes around each call.
_WRAPPER: Final = "inngest.execution"
_INTERNAL: Final = "_inngest."
_NS_PER_MS: Final = 1_000_000
_STATUSES: Final = {
    SpanOutcome.UNSET: SpanStatus.RUNNING,
    SpanOutcome.OK: SpanStatus.COMPLETED,
    SpanOutcome.ERROR: SpanStatus.FAILED,
}
_FIELDS: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_ENCODE: Final = msgspec.json.Encoder().encode

# Whose nodes the spans are below: a step with one of its attempts, or a call by its span.
_Owner = tuple[StepId, int, str]


class UserSpans:
    """The spans of a run, found by what they are shown below."""

    def __init__(
        self, run_id: RunId, trace_id: str, spans: Sequence[UserSpan], attachments: Attachments
    ) -> None:
        self._run_id = run_id
        self._trace_id = trace_id
        self._attachments = attachments
        by_id = {span.span_id: span for span in spans}
        self._parts: defaultdict[str, list[UserSpan]] = defaultdict(list)
        self._of_step: dict[StepId, defaultdict[int, list[UserSpan]]] = {}
        self._of_call: defaultdict[str, list[UserSpan]] = defaultdict(list)
        for span in sorted(spans, key=lambda span: (span.started_ns, span.span_id)):
            parent = by_id.get(span.parent_span_id)
            if parent is not None and _owner(parent) == _owner(span):
                self._parts[parent.span_id].append(span)
            elif span.step:
                attempts = self._of_step.setdefault(span.step, defaultdict(list))
                attempts[span.attempt].append(span)
            else:
                self._of_call[span.call_span_id or span.parent_span_id].append(span)

    def below_attempts(self, step: StepId, node_ids: Sequence[tuple[int, str]]) -> list["_Nodes"]:
        """The nodes below each attempt of a step; what names no shown attempt is below the last.

        Args:
            step: The step.
            node_ids: Number and span id of the attempts that are shown, in order.
        """
        attempts = self._of_step.get(step)
        if attempts is None or not node_ids:
            return [()] * len(node_ids)
        numbers = [number for number, _ in node_ids]
        tops: list[list[UserSpan]] = [[] for _ in node_ids]
        for number, spans in attempts.items():
            tops[numbers.index(number) if number in numbers else -1] += spans
        return [
            self._below(node_id, spans) for (_, node_id), spans in zip(node_ids, tops, strict=True)
        ]

    def below_call(self, call_span_id: str, node_id: str) -> "_Nodes":
        """The nodes below a call, for the node that stands for it."""
        spans = self._of_call.get(call_span_id)
        return self._below(node_id, spans) if spans else ()

    def _below(self, node_id: str, tops: list[UserSpan]) -> "_Nodes":
        if len(tops) == 1 and tops[0].name == _WRAPPER:
            tops = self._parts.get(tops[0].span_id, [])
        # What is shown below what, level by level; spans that are parts of each other stay unseen.
        order: list[tuple[UserSpan, str, int]] = [(span, node_id, 0) for span in tops]
        for span, parent_id, level in order:
            is_deep = level == USER_LEVELS_MAX - 1
            below = (parent_id, level) if is_deep else (span.span_id, level + 1)
            order += [(part, *below) for part in self._parts.get(span.span_id, ())]
        shown: defaultdict[str, list[TraceSpan]] = defaultdict(list)
        for span, parent_id, _ in reversed(order):
            children = _in_order(shown.pop(span.span_id, ()))
            shown[parent_id].append(self._node(span, parent_id, children))
        return _in_order(shown[node_id])

    def _node(self, span: UserSpan, parent_id: str, children: "_Nodes") -> TraceSpan:
        status = _STATUSES[span.status]
        started_ms = span.started_ns // _NS_PER_MS
        ended_ms = span.ended_ns // _NS_PER_MS if span.ended_ns else None
        return TraceSpan(
            run_id=self._run_id,
            span_id=span.span_id,
            trace_id=self._trace_id,
            name=span.name,
            status=status,
            queued_ms=started_ms,
            parent_span_id=parent_id,
            attempt=span.attempt if span.attempt >= 0 else None,
            duration_ms=None if ended_ms is None else max(ended_ms - started_ms, 0),
            started_ms=started_ms,
            ended_ms=ended_ms if status.is_ended else None,
            user_span=UserSpanInfo(
                span.name,
                f"SPAN_KIND_{span.kind.name}",
                span.service,
                span.scope,
                span.scope_version,
                _own_attributes(span.attributes),
            ),
            metadata=self._attachments.of_span(span.span_id),
            children=children,
        )


_Nodes = tuple[TraceSpan, ...]


def _owner(span: UserSpan) -> _Owner:
    return (span.step, span.attempt, "") if span.step else (span.step, 0, span.call_span_id)


def _in_order(nodes: Iterable[TraceSpan]) -> _Nodes:
    return tuple(sorted(nodes, key=lambda node: (node.started_ms or 0, node.span_id)))


def _own_attributes(attributes: bytes) -> bytes:
    """Without what the server uses for itself."""
    if _INTERNAL.encode() not in attributes:
        return attributes
    fields = _FIELDS.decode(attributes)
    return _ENCODE({key: raw for key, raw in fields.items() if not key.startswith(_INTERNAL)})
