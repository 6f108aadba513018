"""What is counted by function, and the rows of numbers in which the counts are kept."""

import enum
from typing import Final

from stepwell.core.identity import FunctionId

__all__ = [
    "HOUR_MS",
    "LATENCY_BOUNDS_MS",
    "MINUTE_MS",
    "ROLLUP_COLUMNS",
    "WIDTH",
    "Counted",
    "Histogram",
    "RollupKey",
    "Span",
]


class Counted(enum.IntEnum):
    """What is counted; the number is the place in a row. Names are columns of the store."""

    #: Runs created, without those that were skipped.
    RUNS_SCHEDULED = 0
    #: Runs whose first call was sent.
    RUNS_STARTED = 1
    RUNS_COMPLETED = 2
    RUNS_FAILED = 3
    RUNS_CANCELLED = 4
    RUNS_SKIPPED = 5
    #: First calls that had to wait for the function's throttle, when they were sent.
    RUNS_THROTTLED = 6
    #: Events that started no run: above the rate limit, in favour of a later one, repetitions, and
    #: because of an error.
    EVENTS_RATE_LIMITED = 7
    EVENTS_DEBOUNCED = 8
    EVENTS_DUPLICATE = 9
    EVENTS_REFUSED = 10
    #: Steps of any kind that got their result, those that got an error, and failed attempts that are
    #: repeated.
    STEPS_COMPLETED = 11
    STEPS_FAILED = 12
    STEPS_ERRORED = 13
    #: Size of the results, in bytes.
    STEP_BYTES = 14
    SLEEPS_BEGUN = 15
    SLEEPS_ENDED = 16
    #: Steps that wait for an event or a signal.
    WAITS_BEGUN = 17
    WAITS_ENDED = 18
    INVOCATIONS_BEGUN = 19
    INVOCATIONS_ENDED = 20
    #: Calls of the app that were queued, repetitions and those due later included.
    CALLS_SCHEDULED = 21
    #: Calls that were answered or failed, when they were sent, and by how they ended.
    CALLS_STARTED = 22
    CALLS_SUCCEEDED = 23
    CALLS_ERRORED = 24
    CALLS_FAILED = 25
    #: Queued calls that were not made, or given up, because they were not needed any more.
    CALLS_DROPPED = 26
    #: Calls that had to wait for a limit on concurrency, when they were sent.
    CALLS_LIMITED = 27
    #: Times between the moment a call could have been sent and that in which it was, summed up.
    DELAY_MS = 28
    #: Times from sending calls to their answers, summed up.
    CALL_MS = 29
    #: Times that SDKs measured for attempts of steps, summed up.
    STEP_US = 30


class Histogram(enum.IntEnum):
    """What is counted by how long it took; the number is the place of its first bucket in a row."""

    #: As `Counted.DELAY_MS`, in the minute the call was sent.
    DELAY = 31
    #: As `Counted.CALL_MS`, in the minute of the answer.
    CALL = 43
    #: As `Counted.STEP_US`; attempts that were measured, failed ones included.
    STEP = 55


#: Upper bounds of the buckets of a histogram, inclusive; one more bucket has what took longer. They
#: are stored by their places: other bounds would give old numbers another meaning.
LATENCY_BOUNDS_MS: Final = (10, 50, 100, 250, 500, 1_000, 2_500, 5_000, 15_000, 60_000, 300_000)
_BUCKETS: Final = len(LATENCY_BOUNDS_MS) + 1

#: Numbers in a row.
WIDTH: Final = len(Counted) + _BUCKETS * len(Histogram)

#: Their names in the store, in order: what is counted, then the buckets of the histograms.
ROLLUP_COLUMNS: Final = (
    *(counted.name.lower() for counted in Counted),
    *(
        f"{histogram.name.lower()}_{bucket}"
        for histogram in Histogram
        for bucket in range(_BUCKETS)
    ),
)
assert len(ROLLUP_COLUMNS) == WIDTH

#: Lengths of spans.
MINUTE_MS: Final = 60_000
HOUR_MS: Final = 60 * MINUTE_MS


class Span(enum.IntEnum):
    """For how long a row counts. The numbers are stored; never renumber."""

    MINUTE = 0
    HOUR = 1
    #: Since the function's first event, or since this version of Stepwell was installed.
    EVER = 2

    def start_ms(self, at_ms: int) -> int:
        """When the row begins that counts what happened at `at_ms`."""
        match self:
            case Span.MINUTE:
                return at_ms - at_ms % MINUTE_MS
            case Span.HOUR:
                return at_ms - at_ms % HOUR_MS
            case Span.EVER:
                return 0


#: Function, span, and start in ms since 1970.
RollupKey = tuple[FunctionId, Span, int]
