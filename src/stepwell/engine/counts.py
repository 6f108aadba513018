"""How often things happened since the process started, by function.

Counted is what is durable, at the moment others may see it. Numbers are kept as plain integers and
given names only when somebody asks, so that counting costs next to nothing.
"""

from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Final

from stepwell.core.advance import call_end
from stepwell.core.counted import LATENCY_BOUNDS_MS
from stepwell.core.function import FunctionIndex
from stepwell.core.identity import FunctionId, RunId
from stepwell.core.journal import RunEnded, RunStarted
from stepwell.core.rollups import function_of, new_calls
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.core.transition import CallEnd, SkipReason, Transition
from stepwell.engine.distribution import CommitCounts, Distribution
from stepwell.engine.driver import CallHandle, Driver, SdkCall
from stepwell.engine.slow_work import SlowestWork
from stepwell.wire.response import Outcome

__all__ = ["NO_FUNCTION", "CountedDriver", "Counts", "FunctionCounts"]

#: Stands for calls of durable endpoints, whose functions a driver does not know.
NO_FUNCTION: Final = FunctionId("")

#: Says something about a run that was started, and does not count as an event that started none.
_NOT_SKIPPED: Final = SkipReason.CANCEL_CONDITION_INVALID


_LATENCY_BOUNDS_S: Final = tuple(bound_ms / 1000 for bound_ms in LATENCY_BOUNDS_MS)


class FunctionCounts:
    """What happened to one function.

    Attributes:
        scheduled: Runs created, without those that were skipped.
        started: Runs whose first call was sent.
        ended: Runs that ended, by status; skipped ones are not among them.
        skipped: Events that started no run of their own, by reason, and skipped runs, by cause.
        requests_scheduled: Calls to the app that were queued, repetitions included.
        requests_started: Calls that were made.
        requests_ended: Calls that were answered or failed, by how they ended.
    """

    __slots__ = (
        "ended",
        "requests_ended",
        "requests_scheduled",
        "requests_started",
        "scheduled",
        "skipped",
        "started",
    )

    def __init__(self) -> None:
        self.scheduled = 0
        self.started = 0
        self.ended: Counter[RunStatus] = Counter()
        self.skipped: Counter[str] = Counter()
        self.requests_scheduled = 0
        self.requests_started = 0
        self.requests_ended: Counter[CallEnd] = Counter()


class Counts:
    """Counts what transitions bring; an observer of the engine.

    There is one entry per function that ever did something, and functions are never deleted.

    Args:
        slow: Where commits that took long are noted, if anybody wants to know.

    Attributes:
        deleted: Rows that retention deleted, by table; it counts them itself.
        exported_spans: Spans "sent" to a collector and "dropped"; the exporter counts them itself.
        commits: The commits; the committer counts them itself.
        call_s: How long answers to calls took, in seconds.
        delay_s: How long calls waited that could have been sent, in seconds.
    """

    def __init__(self, slow: SlowestWork | None = None) -> None:
        self.by_function: dict[FunctionId, FunctionCounts] = {}
        self.deleted: Counter[str] = Counter()
        self.exported_spans: Counter[str] = Counter()
        self.commits = CommitCounts(slow)
        self.call_s = Distribution(_LATENCY_BOUNDS_S)
        self.delay_s = Distribution(_LATENCY_BOUNDS_S)

    def of(self, function_id: FunctionId) -> FunctionCounts:
        """The numbers of a function; zeros for one that has done nothing."""
        counts = self.by_function.get(function_id)
        if counts is None:
            counts = self.by_function[function_id] = FunctionCounts()
        return counts

    def observe(self, run: RunState | None, transition: Transition) -> None:  # noqa: ARG002
        """Count one durable transition, and what it says about its run and others."""
        for item in new_calls(transition):
            self.of(item.function_id).requests_scheduled += 1
        for call in transition.answered:
            self.call_s.add((call.ended_ms - call.sent_ms) / 1000)
            self.delay_s.add((call.sent_ms - call.ready_ms) / 1000)
        for new in transition.runs:
            self.of(new.function_id).scheduled += 1
        for row in transition.journal:
            if type(row.entry) is RunStarted:
                self.of(function_of(row.run_id, transition)).started += 1
        if transition.ended or transition.skips:
            self._count_ends(transition)

    def _count_ends(self, transition: Transition) -> None:
        for end in transition.ended:
            counts = self.of(function_of(end.run_id, transition))
            if end.status is RunStatus.SKIPPED:
                counts.scheduled -= 1
                counts.skipped[_cause(end.run_id, transition)] += 1
            else:
                counts.ended[end.status] += 1
        for skip in transition.skips:
            if skip.reason is not _NOT_SKIPPED:
                self.of(skip.function_id).skipped[skip.reason] += 1


class CountedDriver:
    """A driver that counts the calls another one makes.

    Args:
        driver: Makes them.
        counts: Where they are counted.
        functions: Gives the functions as they are registered now.
    """

    def __init__(
        self, driver: Driver, counts: Counts, functions: Callable[[], FunctionIndex]
    ) -> None:
        self._driver = driver
        self._counts = counts
        self._functions = functions
        # URLs of functions as they were registered; a function keeps its numbers when it moves.
        self._by_url: dict[str, FunctionCounts] = {}

    def call(self, call: SdkCall, done: Callable[[Outcome], None]) -> CallHandle:
        """Make the call."""
        counts = self._by_url.get(call.url) or self._find(call)
        counts.requests_started += 1
        return self._driver.call(call, partial(_ended, counts, done))

    def _find(self, call: SdkCall) -> FunctionCounts:
        if call.endpoint is not None:
            return self._counts.of(NO_FUNCTION)
        for function in self._functions():
            if function.config.url == call.url:
                counts = self._by_url[call.url] = self._counts.of(function.id)
                return counts
        return self._counts.of(NO_FUNCTION)


def _ended(counts: FunctionCounts, done: Callable[[Outcome], None], outcome: Outcome) -> None:
    counts.requests_ended[call_end(outcome)] += 1
    done(outcome)


def _cause(run_id: RunId, transition: Transition) -> str:
    for row in transition.journal:
        if row.run_id == run_id and isinstance(row.entry, RunEnded):
            return row.entry.cause
    return ""
