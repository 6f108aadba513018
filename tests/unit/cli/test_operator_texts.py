"""How times, tables and steps are shown, without a server."""

import os
import sys
from typing import Any

import pytest

from stepwell.cli import tables
from stepwell.cli.run_steps import step_lines
from stepwell.cli.tables import Column, clean, table
from stepwell.cli.times import age_text, parse_point_ms, span_text

NOW_MS = 1_795_252_035_250
HOUR_MS = 3_600_000


@pytest.mark.parametrize(
    ("typed", "ms"),
    [
        ("now", NOW_MS),
        ("2h", NOW_MS - 2 * HOUR_MS),
        ("1d12h", NOW_MS - 36 * HOUR_MS),
        ("0", NOW_MS),
        ("2026-11-21T09:07:15.250Z", NOW_MS),
        ("2026-11-21T10:07:15.250+01:00", NOW_MS),
        ("-2h", None),
        ("200w10000d200000000h", None),
        ("yesterday", None),
        ("", None),
        ("1969-12-31T23:59:59Z", None),
        ("0001-01-01T00:00:00", None),
    ],
)
def test_times_are_absolute_or_ago(typed: str, ms: int | None) -> None:
    assert parse_point_ms(typed, now_ms=NOW_MS) == ms


@pytest.mark.parametrize(
    ("away_ms", "text"),
    [
        (0, "now"),
        (999, "now"),
        (1_000, "1s ago"),
        (119_999, "119s ago"),
        (120_000, "2m ago"),
        (2 * HOUR_MS - 1, "119m ago"),
        (2 * HOUR_MS, "2h ago"),
        (48 * HOUR_MS, "2d ago"),
        (-60_000, "in 60s"),
    ],
)
def test_an_age_has_one_unit(away_ms: int, text: str) -> None:
    assert age_text("2026-11-21T09:07:15.250Z", now_ms=NOW_MS + away_ms) == text


@pytest.mark.parametrize(
    ("ms", "text"), [(999, "999 ms"), (1_000, "1.0 s"), (59_900, "59.9 s"), (61_900, "1m1s")]
)
def test_a_span_of_time_is_as_exact_as_it_is_short(ms: int, text: str) -> None:
    assert span_text(ms) == text


COLUMNS = (Column("ID"), Column("NAME", gives_way=True), Column("N", is_number=True))


class Terminal:
    """Standard output that is a terminal of some width."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, columns: int) -> None:
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.delenv("NO_COLOR", raising=False)


def test_columns_line_up_and_nothing_is_cut_for_programs() -> None:
    assert table(COLUMNS, [("a", "x" * 200, "1"), ("bb", "語", "22")]) == [
        f"ID  NAME{' ' * 196}   N",
        f"a   {'x' * 200}   1",
        f"bb  語{' ' * 198}  22",
    ]


def test_a_narrow_terminal_cuts_names_and_never_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    Terminal(monkeypatch, 24)
    monkeypatch.setenv("NO_COLOR", "1")

    assert table(COLUMNS, [("an-id-of-its-own", "a long name", "1")]) == [
        "ID                NAME      N",
        "an-id-of-its-own  a long …  1",
    ]


def test_colours_are_for_terminals_whose_users_want_them(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tables.status_word("FAILED") == "FAILED"
    Terminal(monkeypatch, 80)
    assert tables.status_word("FAILED") == "\x1b[31mFAILED\x1b[0m"
    monkeypatch.setitem(os.environ, "NO_COLOR", "1")
    assert tables.status_word("FAILED") == "FAILED"


def test_what_strangers_write_cannot_steer_the_terminal() -> None:
    assert clean("a\x1b[2J\nb\u202e") == "a\ufffd[2J b\ufffd"


def _span(name: str, **changes: Any) -> dict[str, Any]:
    span = {
        "name": name,
        "status": "COMPLETED",
        "attempts": 0,
        "duration": 5,
        "outputID": "",
        "queuedAt": "2026-11-21T09:07:15.000Z",
        "startedAt": "2026-11-21T09:07:15.010Z",
        "stepOp": None,
        "stepID": None,
        "groupID": "g",
        "isUserland": False,
        "stepInfo": None,
        "childrenSpans": [],
    }
    return span | changes


def _run(*spans: dict[str, Any]) -> dict[str, Any]:
    return {
        "startedAt": "2026-11-21T09:07:15.000Z",
        "trace": _span("Run", childrenSpans=list(spans)),
    }


def _cells(run: dict[str, Any], errors: dict[str, str] | None = None) -> list[list[str]]:
    return [line.split("  ") for line in _squeezed(step_lines(run, errors or {})[1:])]


def _squeezed(lines: list[str]) -> list[str]:
    return ["  ".join(cell.strip() for cell in line.split("  ") if cell.strip()) for line in lines]


def test_failed_calls_of_the_same_item_are_attempts_of_the_step_they_came_to() -> None:
    run = _run(
        _span("executor.nonstep", status="FAILED", attempts=0, outputID="o0"),
        _span("executor.nonstep", status="FAILED", attempts=1, outputID="o1"),
        _span("charge", stepOp="RUN", stepID="s", attempts=2, outputID="o2"),
        _span("Finalization", groupID="f"),
        _span("executor.nonstep", groupID="f", outputID="o3"),
    )

    assert _cells(run, {"o0": "declined"}) == [
        ["charge", "run", "COMPLETED", "+10 ms", "5 ms", "3 attempts"],
        ["attempt 1", "FAILED", "+10 ms", "5 ms", "declined"],
        ["attempt 2", "FAILED", "+10 ms", "5 ms"],
        ["attempt 3", "COMPLETED", "+10 ms", "5 ms"],
    ]


def test_attempts_of_a_step_are_one_row_with_each_below_it() -> None:
    run = _run(
        _span("charge", stepOp="RUN", stepID="s", status="FAILED", outputID="o0"),
        _span("charge", stepOp="RUN", stepID="s", status="FAILED", attempts=1, outputID="o1"),
    )

    assert [row[:2] for row in _cells(run)] == [
        ["charge", "run"],
        ["attempt 1", "FAILED"],
        ["attempt 2", "FAILED"],
    ]


def test_a_function_that_fails_outside_all_steps_has_a_row() -> None:
    run = _run(_span("executor.nonstep", status="FAILED", outputID="o0"))

    assert _cells(run, {"o0": "out of stock"}) == [
        ["(function)", "FAILED", "+10 ms", "5 ms", "out of stock"]
    ]


@pytest.mark.parametrize(
    ("info", "text"),
    [
        (
            {
                "__typename": "WaitForEventStepInfo",
                "eventName": "a/b",
                "expression": "async.data.x == 1",
                "timeout": "2026-11-21T10:07:15.000Z",
                "timedOut": True,
            },
            "a/b if async.data.x == 1, timed out",
        ),
        (
            {
                "__typename": "InvokeStepInfo",
                "functionID": "shop-ship",
                "runID": "R",
                "timeout": "2026-11-21T10:07:15.000Z",
                "timedOut": None,
            },
            "shop-ship, run R",
        ),
        (
            {
                "__typename": "WaitForSignalStepInfo",
                "signal": "go",
                "timeout": "2026-11-21T10:07:15.000Z",
                "timedOut": False,
            },
            "go",
        ),
    ],
)
def test_a_step_that_waits_says_for_what(info: dict[str, Any], text: str) -> None:
    run = _run(_span("wait", stepOp="WAIT_FOR_EVENT", stepID="s", stepInfo=info))

    assert _cells(run)[0][-1] == text


def test_steps_of_the_apps_own_tracing_are_no_steps() -> None:
    assert step_lines(_run(_span("query", isUserland=True, outputID="o")), {}) == []


def test_a_run_without_trace_has_no_steps() -> None:
    assert step_lines({"trace": None}, {}) == []
