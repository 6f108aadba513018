"""Ranges of time in buckets, and what there was at their ends."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.core.charts import (
    BUCKETS_MS,
    GAUGE_PLACES,
    MINUTES_KEPT_MS,
    POINTS_MAX,
    RANGE_MS_MAX,
    VOLUME_PLACES,
    Chart,
    ChartRange,
    Gauge,
    Numbers,
    RangeRefused,
    Volume,
    busiest,
    chart_range,
    gauges,
    volume,
)
from stepwell.core.counted import HOUR_MS, MINUTE_MS, Counted, Span
from stepwell.core.identity import FunctionId

DAY_MS = 24 * HOUR_MS
NOW_MS = 1_795_252_035_250


@pytest.mark.parametrize(
    ("range_ms", "bucket_ms"),
    [
        (1, MINUTE_MS),
        (HOUR_MS, MINUTE_MS),
        (POINTS_MAX * MINUTE_MS, MINUTE_MS),
        (POINTS_MAX * MINUTE_MS + 1, 5 * MINUTE_MS),
        (DAY_MS, 5 * MINUTE_MS),
        (3 * DAY_MS, 15 * MINUTE_MS),
        (7 * DAY_MS, 30 * MINUTE_MS),
        (14 * DAY_MS, HOUR_MS),
        (30 * DAY_MS, 2 * HOUR_MS),
        (90 * DAY_MS, 6 * HOUR_MS),
        (RANGE_MS_MAX, DAY_MS),
    ],
)
def test_the_longer_the_range_the_longer_its_buckets(range_ms: int, bucket_ms: int) -> None:
    found = chart_range(NOW_MS + 1 - range_ms, NOW_MS + 1, now_ms=NOW_MS)
    assert isinstance(found, ChartRange)
    assert found.bucket_ms == bucket_ms


@given(from_ms=st.integers(0, NOW_MS), length_ms=st.integers(1, RANGE_MS_MAX))
def test_a_range_is_widened_to_whole_buckets(from_ms: int, length_ms: int) -> None:
    """And has no more points than a chart can show."""
    until_ms = min(from_ms + length_ms, NOW_MS + 1)
    found = chart_range(from_ms, from_ms + length_ms, now_ms=NOW_MS)
    assert isinstance(found, ChartRange)
    assert found.bucket_ms in BUCKETS_MS
    assert from_ms - found.bucket_ms < found.from_ms <= from_ms
    assert until_ms <= found.until_ms < until_ms + found.bucket_ms
    assert found.from_ms % found.bucket_ms == found.until_ms % found.bucket_ms == 0
    assert len(found.starts_ms) <= POINTS_MAX + 1


@pytest.mark.parametrize(
    ("from_ms", "until_ms", "refused"),
    [
        (-1, NOW_MS, RangeRefused.BEFORE_1970),
        (NOW_MS + 1, NOW_MS + 2, RangeRefused.IN_FUTURE),
        (NOW_MS, NOW_MS, RangeRefused.EMPTY),
        (NOW_MS - 5, NOW_MS - 9, RangeRefused.EMPTY),
        (NOW_MS - RANGE_MS_MAX, NOW_MS + 1, RangeRefused.TOO_LONG),
    ],
)
def test_absurd_ranges_are_refused(from_ms: int, until_ms: int, refused: RangeRefused) -> None:
    assert chart_range(from_ms, until_ms, now_ms=NOW_MS) is refused


@pytest.mark.parametrize(
    ("age_ms", "span"),
    [(MINUTES_KEPT_MS, Span.MINUTE), (MINUTES_KEPT_MS + 1, Span.HOUR)],
)
def test_what_is_older_than_counts_by_the_minute_is_shown_by_the_hour(
    age_ms: int, span: Span
) -> None:
    found = chart_range(NOW_MS - age_ms, NOW_MS - age_ms + HOUR_MS, now_ms=NOW_MS)
    assert isinstance(found, ChartRange)
    assert found.span is span


def chart(**series: list[int]) -> Chart:
    """Three minutes, of which one has come after the range."""
    places = {Counted[name.upper()].value: numbers for name, numbers in series.items()}
    zeros = dict.fromkeys(GAUGE_PLACES, 0)
    return Chart(
        ChartRange(0, 3 * MINUTE_MS, MINUTE_MS),
        {place: [0, 0, 0] for place in GAUGE_PLACES}
        | {place: numbers[:3] for place, numbers in places.items()},
        zeros | {place: numbers[3] for place, numbers in places.items()},
        zeros | {place: sum(numbers) for place, numbers in places.items()},
    )


def test_what_sleeps_and_waits_is_what_has_begun_and_not_ended() -> None:
    """What was there before the range is known from what there is now."""
    found = gauges(
        chart(
            sleeps_begun=[5, 0, 1, 0, 7],
            sleeps_ended=[0, 2, 0, 3, 0],
            waits_begun=[0, 1, 0, 0],
            invocations_begun=[0, 0, 1, 0],
        ),
        sent_ms=[],
    )
    assert found[Gauge.SLEEPING] == [12, 10, 11]
    assert found[Gauge.WAITING] == [0, 1, 1]
    assert found[Gauge.INVOKING] == [0, 0, 1]


def test_a_call_runs_from_its_sending_to_its_answer_and_is_in_the_backlog_before() -> None:
    """Calls under way are counted with their answers; until then they are known by themselves."""
    found = gauges(
        chart(
            calls_scheduled=[4, 1, 0, 0],
            calls_started=[1, 1, 0, 0],
            calls_succeeded=[0, 1, 0, 1],
            calls_dropped=[0, 0, 1, 0],
        ),
        sent_ms=[2 * MINUTE_MS, 3 * MINUTE_MS],
    )
    assert found[Gauge.RUNNING] == [1, 1, 2]
    assert found[Gauge.BACKLOG] == [3, 3, 1]


def ended(completed: int, failed: int, cancelled: int = 0) -> Numbers:
    return dict(zip(VOLUME_PLACES, (completed, failed, cancelled), strict=True))


@pytest.mark.parametrize(
    ("numbers", "found", "rate"),
    [
        (ended(0, 0), Volume(0, 0), None),
        (ended(3, 1), Volume(4, 1), 0.25),
        (ended(0, 0, 2), Volume(2, 0), 0.0),
    ],
)
def test_the_failure_rate_is_that_of_the_runs_that_ended(
    numbers: Numbers, found: Volume, rate: float | None
) -> None:
    assert volume(numbers) == found
    assert found.failure_rate == rate


def test_the_busiest_functions_come_first_and_idle_ones_not_at_all() -> None:
    names = [FunctionId(name) for name in "abcd"]
    a, b, c, d = names
    counts = dict(zip(names, (ended(9, 0), ended(1, 2), ended(7, 2), ended(0, 0)), strict=True))
    failed = [Counted.RUNS_FAILED.value]
    assert busiest(counts, VOLUME_PLACES, limit=9) == [a, c, b]
    assert busiest(counts, failed, limit=9) == [b, c]
    assert busiest(counts, failed, limit=1) == [b]
    assert d not in busiest(counts, VOLUME_PLACES, limit=9)
