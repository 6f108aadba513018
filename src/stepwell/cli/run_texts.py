"""How runs are shown in a line."""

from collections.abc import Sequence
from typing import Final

from stepwell.cli.client import Json
from stepwell.cli.tables import Column, clean, status_word, table
from stepwell.cli.times import age_text, local_text, ms_of, span_text

__all__ = ["LISTED_RUN", "change_line", "run_table", "took_text", "trigger_text"]

#: What is asked for about each run of a list.
LISTED_RUN: Final = """
  id status queuedAt startedAt endedAt eventName cronSchedule isBatch
  function { id slug name } app { externalID }
"""

_COLUMNS: Final = (
    Column("RUN"),
    Column("STATUS", paint=status_word),
    Column("FUNCTION", gives_way=True),
    Column("TRIGGER", gives_way=True),
    Column("QUEUED"),
    Column("TOOK", is_number=True),
)
#: The event of every invocation.
_INVOKED: Final = "inngest/function.invoked"
#: As wide as the longest status.
_STATUS_WIDTH: Final = len("COMPLETED")


def run_table(found: Sequence[Json], *, now_ms: int) -> list[str]:
    """The lines of a table of runs; none for no runs."""
    rows = [
        (
            run["id"],
            run["status"],
            run["function"]["slug"],
            trigger_text(run),
            age_text(run["queuedAt"], now_ms=now_ms),
            took_text(run, now_ms=now_ms),
        )
        for run in found
    ]
    return table(_COLUMNS, rows) if rows else []


def change_line(run: Json, *, at: str) -> str:
    """What became of a run, and when, in a line."""
    status = run["status"]
    parts = [
        local_text(at),
        run["id"],
        status_word(status.ljust(_STATUS_WIDTH)),
        clean(run["function"]["slug"]),
        clean(trigger_text(run)),
    ]
    if run["endedAt"]:
        parts.append(took_text(run, now_ms=0))
    return "  ".join(part for part in parts if part)


def trigger_text(run: Json) -> str:
    """What started a run: an event, a batch, a schedule, or somebody by hand or in a step."""
    if run["cronSchedule"]:
        return f"cron {run['cronSchedule']}"
    if run["isBatch"]:
        return "batch"
    return "invoke" if run["eventName"] == _INVOKED else run["eventName"] or ""


def took_text(run: Json, *, now_ms: int) -> str:
    """How long a run took from its first call, or has taken so far; empty before that."""
    if not run["startedAt"]:
        return ""
    end_ms = ms_of(run["endedAt"]) if run["endedAt"] else now_ms
    return span_text(max(0, end_ms - ms_of(run["startedAt"])))
