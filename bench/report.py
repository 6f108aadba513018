"""Results as a table for people, JSON for programs and one row for RESULTS.md."""

from collections.abc import Callable

import msgspec
from msgspec import Struct

from bench.machine import Machine
from bench.result import Latency, Result

_HEADINGS = (
    "workload", "case", "runs/s", "calls/s", "event→call ms", "step→step ms", "RSS MB",
    "CPU s/1k calls", "CPU s/1k steps", "CPU % srv/app/load", "lost", "dup",
)  # fmt: skip
_NUMBERS_FROM = 2


class Report(Struct, frozen=True):
    """Everything a benchmark found out."""

    machine: Machine
    server: str
    results: list[Result]


def as_json(report: Report) -> bytes:
    return msgspec.json.format(msgspec.json.encode(report), indent=2) + b"\n"


def heading(report: Report) -> str:
    """Where the numbers come from."""
    return f"{report.server}\n{report.machine.line}\nLatencies: p50 / p95 / p99 / max"


def table(results: list[Result]) -> str:
    """Aligned columns; what only one workload has, and what went wrong, in lines below its own."""
    rows = [_HEADINGS, *(_cells(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADINGS))]
    lines = []
    for row, result in zip(rows, (None, *results), strict=True):
        lines.append(
            "  ".join(
                cell.ljust(width) if column < _NUMBERS_FROM else cell.rjust(width)
                for column, (cell, width) in enumerate(zip(row, widths, strict=True))
            ).rstrip()
        )
        if result is not None:
            lines.extend(f"    {note}" for note in _notes(result))
    return "\n".join(lines)


def _cells(result: Result) -> tuple[str, ...]:
    busy = (result.server_cpu_percent, result.app_cpu_percent, result.load_cpu_percent)
    return (
        result.workload,
        result.case,
        _number(result.runs_per_s, "{:,.0f}"),
        _number(result.calls_per_s, "{:,.0f}"),
        _latency(result.first_call_ms),
        _latency(result.step_ms),
        _number(result.rss_mb, "{:.0f}"),
        _number(result.cpu_s_per_1000_calls, "{:.3f}"),
        _number(result.cpu_s_per_1000_steps, "{:.3f}"),
        "/".join(_number(percent, "{:.0f}") for percent in busy),
        str(result.lost),
        str(result.duplicates),
    )


def _notes(result: Result) -> list[str]:
    notes = [f"{key}: {value:.3g}" for key, value in result.more.items()]
    if result.end_ms is not None and result.end_ms != result.first_call_ms:
        notes.append(f"event → last call: {_latency(result.end_ms)} ms")
    if result.late_ms is not None and result.late_ms.p99 > 1:
        notes.append(f"load generator late: {_latency(result.late_ms)} ms")
    counts = {
        "not accepted": result.not_accepted,
        "wrong results": result.wrong_results,
        "retried calls": result.retried_calls,
    }
    notes.extend(f"{name}: {count:,}" for name, count in counts.items() if count)
    if result.problem:
        notes.append(f"problem: {result.problem}")
    return notes


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else form.format(value)


def _latency(value: Latency | None) -> str:
    if value is None:
        return "-"
    return " / ".join(f"{ms:.3g}" if ms < 100 else f"{ms:,.0f}" for ms in _four(value))


def _four(value: Latency) -> tuple[float, float, float, float]:
    return (value.p50, value.p95, value.p99, value.max)


def markdown_row(report: Report) -> str:
    """The report as a row of bench/RESULTS.md, whose heading names the columns in this order."""
    results = report.results
    machine = report.machine

    def of(workload: str, case: str, value: Callable[[Result], str]) -> str:
        found = [r for r in results if r.workload == workload and case in r.case]
        return value(found[0]) if found else "–"

    def two(latency: Latency | None) -> str:
        return "–" if latency is None else f"{latency.p50:.2f} / {latency.p99:.2f}"

    cells = (
        machine.date[:10],
        machine.commit,
        f"{machine.cores} × {machine.cpu}",
        machine.python,
        f"{machine.fsync_ms:.2f}",
        of("noop", "in flight", lambda r: _number(r.runs_per_s, "{:,.0f}")),
        of(
            "ten-steps",
            "in flight",
            lambda r: f"{_number(r.runs_per_s, '{:,.0f}')} ({_number(r.calls_per_s, '{:,.0f}')})",
        ),
        of("noop", "scheduled", lambda r: two(r.first_call_ms)),
        of("ten-steps", "scheduled", lambda r: two(r.step_ms)),
        of("fanout", "in flight", lambda r: _number(r.runs_per_s, "{:,.0f}")),
        of("batch", "", lambda r: "–" if r.end_ms is None else f"{r.end_ms.max:,.0f}"),
        of("ten-steps", "in flight", lambda r: _number(r.cpu_s_per_1000_steps, "{:.3f}")),
        of("cost", "finished", lambda r: _number(r.rss_mb, "{:.0f}")),
        of("sleeping", "asleep", lambda r: _number(r.rss_mb, "{:.0f}")),
        of("idle", "", lambda r: _number(r.server_cpu_percent, "{:.2f}")),
        of("startup", "queued", lambda r: f"{r.more['first_call_s']:.2f}"),
        f"{sum(r.lost for r in results)} / {sum(r.duplicates for r in results)}",
    )
    return f"| {' | '.join(cells)} |"
