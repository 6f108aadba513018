"""The steps of a run, rolled up from its trace: one row for a step, its attempts below it.

A trace has a node for each attempt, and nodes for calls that were about no step. Those are attempts
of the step that the same queue item came to in the end, or of the function itself.

Source: GraphQL, 9.4 to 9.6.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import msgspec

from stepwell.cli.client import Client, Json
from stepwell.cli.tables import Column, status_word, table
from stepwell.cli.times import local_text, ms_of, span_text

__all__ = ["FAILURES_MAX", "INDENT", "failures_of", "step_lines", "trace_lines"]

#: Errors that are read for one run; of a run with more, the first ones.
FAILURES_MAX: Final = 50
#: How far inside these tables are shown.
INDENT: Final = 2
#: Of errors that are longer, in a table.
_ERROR_CHARS_MAX: Final = 300

#: What stands for the code outside all steps.
_FUNCTION: Final = "(function)"
_KINDS: Final = {
    "RUN": "run",
    "SLEEP": "sleep",
    "WAIT_FOR_EVENT": "wait for event",
    "WAIT_FOR_SIGNAL": "wait for signal",
    "INVOKE": "invoke",
    "AI_GATEWAY": "request",
}
_STEPS: Final = (
    Column("STEP", gives_way=True),
    Column("KIND"),
    Column("STATUS", paint=status_word),
    Column("BEGAN", is_number=True),
    Column("TOOK", is_number=True),
    Column("", gives_way=True),
)
_SPANS: Final = (
    Column("SPAN", gives_way=True),
    Column("STATUS", paint=status_word),
    Column("BEGAN", is_number=True),
    Column("TOOK", is_number=True),
    Column("HTTP", is_number=True),
    Column("SPAN ID"),
)


class _Row(msgspec.Struct):
    """A step, or the function itself; `spans` are its attempts in their order."""

    name: str
    spans: list[Json]

    @property
    def last(self) -> Json:
        return self.spans[-1]


def failures_of(client: Client, trace: Json | None) -> dict[str, str]:
    """Why spans of a trace failed, by the ids of their outputs; for the first `FAILURES_MAX`."""
    ids = [
        span["outputID"]
        for span, _ in _walk(trace, 0)
        if span["status"] == "FAILED" and span["outputID"]
    ]
    ids = list(dict.fromkeys(ids))[:FAILURES_MAX]
    if not ids:
        return {}
    declared = ", ".join(f"$o{index}: String!" for index in range(len(ids)))
    parts = " ".join(
        f"o{index}: runTraceSpanOutputByID(outputID: $o{index}) {{ error {{ name message }} }}"
        for index in range(len(ids))
    )
    variables = {f"o{index}": output_id for index, output_id in enumerate(ids)}
    answer = client.ask_partly(f"query ({declared}) {{ {parts} }}", **variables)
    texts: dict[str, str] = {}
    for index, output_id in enumerate(ids):
        # An output that cannot be read leaves its error out, not the whole run.
        error = (answer.data.get(f"o{index}") or {}).get("error")
        if error:
            name = f"{error['name']}: " if error["name"] else ""
            texts[output_id] = f"{name}{error['message']}"[:_ERROR_CHARS_MAX]
    return texts


def step_lines(run: Json, errors: Mapping[str, str]) -> list[str]:
    """A table of the steps; no lines if there are none.

    Args:
        run: With its trace.
        errors: As `failures_of` gives them.
    """
    trace = run["trace"]
    if trace is None:
        return []
    rows: list[tuple[str, ...]] = []
    for row in _rolled_up(trace["childrenSpans"]):
        rows.append(_step_cells(run, row, errors))
        if len(row.spans) > 1:
            rows += [
                _attempt_cells(run, number, span, errors)
                for number, span in enumerate(row.spans, 1)
            ]
    return table(_STEPS, rows, indent=INDENT) if rows else []


def trace_lines(run: Json) -> list[str]:
    """A table of all spans, inner ones indented."""
    rows = [
        (
            "  " * depth + span["name"],
            span["status"],
            _offset(run, span),
            _took(span),
            str((span["response"] or {}).get("statusCode", "")),
            span["spanID"],
        )
        for span, depth in _walk(run["trace"], 0)
    ]
    return table(_SPANS, rows, indent=INDENT) if rows else []


def _rolled_up(spans: Sequence[Json]) -> list[_Row]:
    steps: dict[str, list[Json]] = {}
    calls: dict[str, list[Json]] = {}
    for span in spans:
        if span["isUserland"]:
            continue
        if span["stepID"]:
            steps.setdefault(span["stepID"], []).append(span)
        elif span["outputID"]:
            calls.setdefault(span["groupID"] or span["spanID"], []).append(span)
    rows = []
    for attempts in steps.values():
        earlier = calls.pop(attempts[-1]["groupID"], [])
        rows.append(_Row(attempts[-1]["name"], _in_order([*earlier, *attempts])))
    # What the function came to is told by the run, unless it failed before.
    rows += [
        _Row(_FUNCTION, _in_order(spans))
        for spans in calls.values()
        if any(span["status"] == "FAILED" for span in spans)
    ]
    return sorted(rows, key=lambda row: str(row.spans[0]["queuedAt"]))


def _in_order(spans: Sequence[Json]) -> list[Json]:
    """One span for each attempt; of several the last, which knows most."""
    by_attempt = {span["attempts"] or 0: span for span in spans}
    return [by_attempt[attempt] for attempt in sorted(by_attempt)]


def _step_cells(run: Json, row: _Row, errors: Mapping[str, str]) -> tuple[str, ...]:
    last = row.last
    count = len(row.spans)
    detail = f"{count} attempts" if count > 1 else _detail(last) or _error(last, errors)
    kind = _KINDS.get(last["stepOp"] or "", "")
    return (row.name, kind, last["status"], _offset(run, row.spans[0]), _took(last), detail)


def _attempt_cells(
    run: Json, number: int, span: Json, errors: Mapping[str, str]
) -> tuple[str, ...]:
    name = f"  attempt {number}"
    error = _error(span, errors)
    return (name, "", span["status"], _offset(run, span), _took(span), error)


def _detail(span: Json) -> str:
    """What a step that does not run code waits or waited for."""
    info = span["stepInfo"] or {}
    match info.get("__typename"):
        case "SleepStepInfo":
            return f"until {local_text(info['sleepUntil'])}"
        case "WaitForEventStepInfo":
            condition = f" if {info['expression']}" if info["expression"] else ""
            return f"{info['eventName']}{condition}{_deadline(info)}"
        case "WaitForSignalStepInfo":
            return f"{info['signal']}{_deadline(info)}"
        case "InvokeStepInfo":
            started = f", run {info['runID']}" if info["runID"] else ""
            return f"{info['functionID']}{started}{_timed_out(info)}"
    return ""


def _deadline(info: Json) -> str:
    if info["timedOut"] is None:
        return f", until {local_text(info['timeout'])}"
    return _timed_out(info)


def _timed_out(info: Json) -> str:
    return ", timed out" if info["timedOut"] else ""


def _error(span: Json, errors: Mapping[str, str]) -> str:
    return errors.get(span["outputID"] or "", "")


def _offset(run: Json, span: Json) -> str:
    """How long after the run's first call the span began; empty if it has not."""
    if not span["startedAt"] or not run["startedAt"]:
        return ""
    return f"+{span_text(max(0, ms_of(span['startedAt']) - ms_of(run['startedAt'])))}"


def _took(span: Json) -> str:
    return "" if span["duration"] is None else span_text(span["duration"])


def _walk(span: Json | None, depth: int) -> Iterator[tuple[Json, int]]:
    """The span and all below it, with how deep they are."""
    if span is None:
        return
    yield span, depth
    for child in span.get("childrenSpans") or ():
        yield from _walk(child, depth + 1)
