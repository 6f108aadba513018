"""What happened in a range of time, in equal buckets, so that it can be drawn.

Every series of a range has the same buckets, also where nothing happened: series are joined by the
place of a value. Source: dashboard, 6.2.
"""

import enum
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from stepwell.core.counted import HOUR_MS, MINUTE_MS, Counted, Span
from stepwell.core.identity import FunctionId

__all__ = [
    "BUCKETS_MS",
    "CHARTED_MAX",
    "GAUGE_PLACES",
    "MINUTES_KEPT_MS",
    "POINTS_MAX",
    "RANGE_MS_MAX",
    "VOLUME_PLACES",
    "Chart",
    "ChartRange",
    "Gauge",
    "Numbers",
    "RangeRefused",
    "Volume",
    "busiest",
    "chart_range",
    "gauges",
    "open_calls",
    "volume",
]

_DAY_MS: Final = 24 * HOUR_MS

#: Lengths of buckets, of which the shortest is taken that gives no more than `POINTS_MAX`: an hour
#: has 60 of a minute, a day 288 of five minutes, 30 days 360 of two hours. Buckets begin at
#: multiples of their length since 1970 UTC.
BUCKETS_MS: Final = (
    MINUTE_MS,
    5 * MINUTE_MS,
    15 * MINUTE_MS,
    30 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
    6 * HOUR_MS,
    _DAY_MS,
)
#: More points are more than a chart has pixels for. One more is there where a range does not begin
#: with a bucket.
POINTS_MAX: Final = 360
RANGE_MS_MAX: Final = POINTS_MAX * _DAY_MS

#: Functions with a chart of their own in one answer; more lines are no chart any more.
CHARTED_MAX: Final = 50

#: Counts by the minute are kept for so long; what is older is there by the hour.
MINUTES_KEPT_MS: Final = 8 * _DAY_MS


#: Numbers by the place of what is counted; see `Counted` and `Histogram`.
Numbers = dict[int, int]


class RangeRefused(enum.StrEnum):
    """Why there is no chart of a range; the texts are shown."""

    EMPTY = "the range ends before it begins"
    IN_FUTURE = "the range begins in the future"
    TOO_LONG = f"the range is longer than {POINTS_MAX} days"
    BEFORE_1970 = "the range begins before 1970"


class ChartRange(msgspec.Struct, frozen=True):
    """A range of time in buckets. Both ends, in ms since 1970, are borders of buckets."""

    from_ms: int
    until_ms: int
    bucket_ms: int

    @property
    def starts_ms(self) -> range:
        """When the buckets begin."""
        return range(self.from_ms, self.until_ms, self.bucket_ms)

    @property
    def span(self) -> Span:
        """The rows that add up to its buckets."""
        return Span.HOUR if self.bucket_ms >= HOUR_MS else Span.MINUTE


def chart_range(from_ms: int, until_ms: int, *, now_ms: int) -> ChartRange | RangeRefused:
    """The range in buckets, widened to whole ones.

    Args:
        from_ms: When it begins.
        until_ms: When it ends; what lies in the future is left out.
        now_ms: The wall clock.
    """
    until_ms = min(until_ms, now_ms + 1)
    if from_ms < 0:
        return RangeRefused.BEFORE_1970
    if from_ms > now_ms:
        return RangeRefused.IN_FUTURE
    if from_ms >= until_ms:
        return RangeRefused.EMPTY
    if until_ms - from_ms > RANGE_MS_MAX:
        return RangeRefused.TOO_LONG
    shortest_ms = MINUTE_MS if from_ms >= now_ms - MINUTES_KEPT_MS else HOUR_MS
    bucket_ms = next(
        bucket_ms
        for bucket_ms in BUCKETS_MS
        if bucket_ms >= shortest_ms and until_ms - from_ms <= POINTS_MAX * bucket_ms
    )
    return ChartRange(from_ms - from_ms % bucket_ms, until_ms + -until_ms % bucket_ms, bucket_ms)


class Chart(msgspec.Struct, frozen=True):
    """What was counted in a range, of one function or of several together.

    Attributes:
        buckets: By the place of what is counted, a number for each bucket.
        after: By place, what was counted after the range.
        ever: By place, what has been counted altogether.
    """

    range: ChartRange
    buckets: Mapping[int, Sequence[int]]
    after: Numbers
    ever: Numbers

    def total(self, place: int) -> int:
        """What was counted in the whole range."""
        return sum(self.buckets[place])


class Gauge(enum.StrEnum):
    """What there was at the end of each bucket, or is now. The names are shown."""

    #: Calls that were queued and not under way, those due later included.
    BACKLOG = "backlog"
    #: Calls under way.
    RUNNING = "running"
    SLEEPING = "sleeping"
    #: Steps that wait for an event or a signal.
    WAITING = "waiting"
    #: Steps that wait for another function's run.
    INVOKING = "invoking"


_ANSWERED: Final = (Counted.CALLS_SUCCEEDED, Counted.CALLS_ERRORED, Counted.CALLS_FAILED)
# What begins, and what ends.
_OPEN: Final = ((Counted.CALLS_SCHEDULED,), (*_ANSWERED, Counted.CALLS_DROPPED))
_SENT: Final = ((Counted.CALLS_STARTED,), _ANSWERED)
_SUSPENDED: Final[Mapping[Gauge, tuple[tuple[int, ...], tuple[int, ...]]]] = {
    Gauge.SLEEPING: ((Counted.SLEEPS_BEGUN,), (Counted.SLEEPS_ENDED,)),
    Gauge.WAITING: ((Counted.WAITS_BEGUN,), (Counted.WAITS_ENDED,)),
    Gauge.INVOKING: ((Counted.INVOCATIONS_BEGUN,), (Counted.INVOCATIONS_ENDED,)),
}

#: Runs that ended.
VOLUME_PLACES: Final = (
    Counted.RUNS_COMPLETED.value,
    Counted.RUNS_FAILED.value,
    Counted.RUNS_CANCELLED.value,
)

#: What has to be counted for the gauges.
GAUGE_PLACES: Final = tuple(
    sorted(
        {
            place.value
            for begun, ended in (_OPEN, _SENT, *_SUSPENDED.values())
            for place in map(Counted, (*begun, *ended))
        }
    )
)


class Volume(msgspec.Struct, frozen=True):
    """How many runs ended, and how many of them failed."""

    ended: int
    failed: int

    @property
    def failure_rate(self) -> float | None:
        """The part of the ended runs that failed, from 0 to 1; None while none has ended."""
        return self.failed / self.ended if self.ended else None


def volume(numbers: Numbers) -> Volume:
    """Of counts with everything of `VOLUME_PLACES`."""
    return Volume(sum(numbers[place] for place in VOLUME_PLACES), numbers[Counted.RUNS_FAILED])


def busiest(
    counts: Mapping[FunctionId, Numbers], places: Sequence[int], *, limit: int
) -> list[FunctionId]:
    """The functions with the most of what is counted at these places, those with none left out.

    Args:
        counts: Of each function; what `ReadModels.counts` gives.
        places: What is summed up, such as `RUNS_FAILED` alone, or `VOLUME_PLACES`.
        limit: How many, at most.
    """
    sums = {
        function_id: sum(numbers[place] for place in places)
        for function_id, numbers in counts.items()
    }
    found = sorted((-count, function_id) for function_id, count in sums.items() if count)
    return [function_id for _, function_id in found[:limit]]


def open_calls(ever: Numbers) -> int:
    """How many calls are queued or under way, by what has been counted altogether."""
    begun, ended = _OPEN
    return sum(ever[place] for place in begun) - sum(ever[place] for place in ended)


def gauges(chart: Chart, *, sent_ms: Sequence[int]) -> dict[Gauge, list[int]]:
    """What there was at the end of each bucket, going back from what there is now.

    Args:
        chart: With everything of `GAUGE_PLACES`.
        sent_ms: When the calls were sent that are under way now: they are counted with their
            answers.
    """
    sent = sorted(sent_ms)
    bucket_ms = chart.range.bucket_ms
    running = [
        answered_later + bisect_right(sent, start_ms + bucket_ms - 1)
        for answered_later, start_ms in zip(
            _going_back(chart, *_SENT), chart.range.starts_ms, strict=True
        )
    ]
    backlog = [
        max(0, still_open - under_way)
        for still_open, under_way in zip(_going_back(chart, *_OPEN), running, strict=True)
    ]
    suspended = {gauge: _going_back(chart, *counted) for gauge, counted in _SUSPENDED.items()}
    return {Gauge.BACKLOG: backlog, Gauge.RUNNING: running, **suspended}


def _going_back(chart: Chart, begun: Sequence[int], ended: Sequence[int]) -> list[int]:
    """How many had begun and not ended, at the end of each bucket."""
    count = sum(chart.ever[place] - chart.after[place] for place in begun)
    count -= sum(chart.ever[place] - chart.after[place] for place in ended)
    values = []
    for index in reversed(range(len(chart.range.starts_ms))):
        values.append(max(0, count))
        count -= sum(chart.buckets[place][index] for place in begun)
        count += sum(chart.buckets[place][index] for place in ended)
    values.reverse()
    return values
