"""One run, as `stepwell runs get` shows it."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec

from stepwell.cli.client import Json
from stepwell.cli.json_text import json_text
from stepwell.cli.run_steps import INDENT, step_lines, trace_lines
from stepwell.cli.run_texts import took_text, trigger_text
from stepwell.cli.tables import clean, facts, painted, status_word
from stepwell.cli.times import age_text, local_text

__all__ = ["output_lines", "run_lines", "with_json_output"]

#: Longer outputs are cut for people; `--output` prints them whole.
_OUTPUT_LINES_MAX: Final = 60
_OUTPUT_WHOLE: Final = "… --output prints all of it"
#: Events of a batch that are named.
_EVENTS_MAX: Final = 5
_INDENT: Final = " " * INDENT


def run_lines(run: Json, errors: Mapping[str, str], *, now_ms: int, whole_trace: bool) -> list[str]:
    """Everything about a run, for people.

    Args:
        run: With its trace, and what it waits for.
        errors: Why spans failed, by the ids of their outputs.
        now_ms: Now.
        whole_trace: Show all spans, not only steps.
    """
    lines = [f"Run {run['id']}  {status_word(run['status'])}"]
    lines += facts(_facts(run, now_ms=now_ms), indent=_INDENT)
    lines += _section("Waits", [clean(each["message"]) for each in run["waiting"]])
    if whole_trace:
        lines += _section("Trace", trace_lines(run))
    else:
        lines += _section("Steps", step_lines(run, errors))
    lines += _section(
        "Error" if run["status"] == "FAILED" else "Output", _shortened(output_lines(run))
    )
    return lines


def with_json_output(run: Json) -> Json:
    """The run with its output as JSON instead of a text of it."""
    return {**run, "output": _raw(run["output"])}


def _raw(text: str | None) -> Any:
    """The JSON of a text, number for number as the app sent it; a text that is none stays one."""
    if text is None:
        return None
    try:
        msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return text
    return msgspec.Raw(text.encode())


def _facts(run: Json, *, now_ms: int) -> list[tuple[str, str | None]]:
    function = run["function"]
    is_named = function["name"] != function["slug"]
    name = f" ({function['name']})" if is_named else ""
    return [
        ("Function", f"{function['slug']}{name}, version {run['functionVersion']}"),
        ("App", run["app"]["externalID"]),
        ("Trigger", trigger_text(run)),
        ("Events", _event_ids(run)),
        ("Batch", run["batchID"]),
        ("Queued", _moment(run["queuedAt"], now_ms=now_ms)),
        ("Due", _due(run, now_ms=now_ms)),
        ("Started", _moment(run["startedAt"], now_ms=now_ms)),
        ("Ended", _moment(run["endedAt"], now_ms=now_ms)),
        ("Took", took_text(run, now_ms=now_ms)),
        ("Rerun of", run["originRunID"]),
        ("Invoked by", run["parentRunID"]),
        ("Replay", run["replayID"]),
        ("Cancelled by", _with(run["cancelReason"], run["cancelEventID"], "event")),
        ("Skipped for", _with(run["skipReason"], run["skipExistingRunID"], "run")),
    ]


def _event_ids(run: Json) -> str:
    ids = run["triggerIDs"]
    more = f" and {len(ids) - _EVENTS_MAX} more" if len(ids) > _EVENTS_MAX else ""
    return " ".join(ids[:_EVENTS_MAX]) + more


def _moment(at: str | None, *, now_ms: int) -> str | None:
    return None if at is None else f"{local_text(at)} ({age_text(at, now_ms=now_ms)})"


def _due(run: Json, *, now_ms: int) -> str | None:
    """When a run is due that was queued ahead of its time."""
    is_later = run["scheduledAt"] != run["queuedAt"]
    return _moment(run["scheduledAt"], now_ms=now_ms) if is_later else None


def _with(reason: str | None, other_id: str | None, kind: str) -> str | None:
    if reason is None:
        return None
    return f"{reason} ({kind} {other_id})" if other_id else reason


def _section(title: str, lines: list[str]) -> list[str]:
    if not lines:
        return []
    return ["", painted(title, bold=True), *(f"{_INDENT}{line}".rstrip() for line in lines)]


def output_lines(run: Json) -> list[str]:
    """All that the run returned, or why it failed; `run` is as `with_json_output` gives it."""
    output = run["output"]
    if output is None:
        return []
    value = msgspec.json.decode(output) if isinstance(output, msgspec.Raw) else output
    if run["status"] == "FAILED" and isinstance(value, dict) and "message" in value:
        return [clean(line) for line in _error_lines(value)]
    return json_text(output).split("\n")


def _error_lines(error: Json) -> list[str]:
    """Name, message and stack; a stack repeats the others in some languages."""
    name, message, stack = (str(error.get(key) or "") for key in ("name", "message", "stack"))
    head = f"{name}: {message}" if name else message
    lines = head.split("\n")
    if stack:
        lines += stack.rstrip("\n").split("\n")
    return lines


def _shortened(lines: list[str]) -> list[str]:
    if len(lines) <= _OUTPUT_LINES_MAX:
        return lines
    return [*lines[:_OUTPUT_LINES_MAX], _OUTPUT_WHOLE]
