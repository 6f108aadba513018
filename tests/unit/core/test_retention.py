"""How long what is kept."""

import pytest

from stepwell.core.retention import (
    FOREVER,
    KEEP_EVERYTHING,
    Retention,
    RetentionOverrides,
    cutoff_ms,
    pause_ms,
)

DAY_MS = 86_400_000


def test_by_default_a_month_is_kept_and_a_quarter_of_counts() -> None:
    kept = Retention()

    assert (kept.events, kept.runs, kept.journals, kept.operations) == (30 * DAY_MS,) * 4
    assert kept.rollups == 90 * DAY_MS


def test_an_environment_has_the_times_of_the_server_but_for_its_own() -> None:
    own = RetentionOverrides(events=DAY_MS, rollups=FOREVER)

    assert own.over(Retention()) == Retention(events=DAY_MS, rollups=FOREVER)
    assert RetentionOverrides().over(KEEP_EVERYTHING) == KEEP_EVERYTHING


def test_journals_are_kept_as_long_as_runs_unless_somebody_says_otherwise() -> None:
    own = RetentionOverrides(runs=60 * DAY_MS)

    assert own.over(Retention()).journals == 60 * DAY_MS
    assert own.over(Retention(journals=DAY_MS)).journals == DAY_MS
    both = RetentionOverrides(runs=60 * DAY_MS, journals=2 * DAY_MS)
    assert both.over(Retention()).journals == 2 * DAY_MS


@pytest.mark.parametrize(
    ("runs", "journals", "expected"),
    [
        (2, 1, True),
        (2, 2, False),
        (1, 2, False),
        (FOREVER, 1, True),
        (1, FOREVER, False),
        (FOREVER, FOREVER, False),
    ],
)
def test_journals_go_on_their_own_only_if_they_go_before_their_runs(
    runs: int, journals: int, *, expected: bool
) -> None:
    assert Retention(runs=runs, journals=journals).trims_journals is expected


def test_nothing_is_too_old_where_everything_is_kept() -> None:
    assert cutoff_ms(FOREVER, now_ms=5) is None
    assert cutoff_ms(DAY_MS, now_ms=DAY_MS + 7) == 7
    assert cutoff_ms(DAY_MS, now_ms=7) == 0


@pytest.mark.parametrize(
    ("kept_ms", "expected_ms"),
    [
        (60_000, 1_000),
        (100_000, 1_000),
        (100_100, 1_001),
        (DAY_MS, 864_000),
        (360_000_000, 3_600_000),
        (90 * DAY_MS, 3_600_000),
    ],
)
def test_passes_are_a_hundredth_of_the_shortest_time_apart(kept_ms: int, expected_ms: int) -> None:
    kept = Retention(
        events=FOREVER, runs=FOREVER, journals=FOREVER, rollups=FOREVER, operations=kept_ms
    )

    assert pause_ms(kept) == expected_ms


def test_nobody_looks_where_everything_is_kept() -> None:
    assert pause_ms(KEEP_EVERYTHING) is None
