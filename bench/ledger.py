"""What the app has seen: latencies of the measured window, and every run for the final account."""

import time
from array import array

from msgspec import Struct

US_PER_NS = 1_000


class Window(Struct, frozen=True):
    """Part of a workload that is measured, in ns of CLOCK_MONOTONIC, end excluded.

    An event belongs to it by the time it was meant to be sent, a call by the time it arrived.
    """

    start_ns: int = 0
    end_ns: int = 2**62


class Run:
    """One run as the app knows it."""

    __slots__ = ("answered_ns", "ended", "event_index", "executed", "planned_ns", "sent_us")

    def __init__(self, event_index: int, sent_us: int) -> None:
        self.event_index = event_index
        self.sent_us = sent_us
        self.executed: dict[str, int] = {}
        self.answered_ns = 0
        self.planned_ns = 0
        self.ended = False


class Status(Struct, frozen=True):
    """Counts so far, small enough to be asked for many times a second."""

    calls: int
    ended: int
    parked: int
    held: int
    first_call_ns: int
    last_call_ns: int
    last_end_ns: int


class Account(Struct, frozen=True):
    """The final account of a workload. Latencies are in µs, packed as signed 64-bit integers.

    Attributes:
        completed: Events, of those asked about, with a run that has ended.
        parked: Events with a run that sleeps or waits.
        calls: Calls that arrived in the window.
        steps: Steps executed in the window.
        ended: Runs that ended in the window.
        first_call_us: From the intended sending of an event to the first call of its run.
        step_us: From the end of an answer to the next call of the same run.
        end_us: From the intended sending of an event to the last call of its run.
        resume_us: From the intended sending of the event a run waits for to the next call.
        duplicate_runs: Runs of an event that already had one.
        repeated_steps: Steps executed although this run had executed them before.
        repeated_ends: Calls of a run that had already ended.
        wrong_results: Step results sent to the app that are not what it had answered.
        retried_calls: Calls with an attempt above 0.
    """

    completed: int
    parked: int
    calls: int
    steps: int
    ended: int
    first_call_us: bytes
    step_us: bytes
    end_us: bytes
    resume_us: bytes
    duplicate_runs: int
    repeated_steps: int
    repeated_ends: int
    wrong_results: int
    retried_calls: int


class Ledger:
    """Books every call of one workload.

    Events carry the session and an index that never repeats in it, so that late calls of an earlier
    workload, or of an earlier benchmark of the same server, are recognised and left out.
    """

    def __init__(self) -> None:
        self.begin(session="", first_index=0, window=Window())

    def begin(self, *, session: str, first_index: int, window: Window) -> None:
        """Forget everything and start a workload."""
        self.session = session
        self.first_index = first_index
        self._start_ns = window.start_ns
        self._end_ns = window.end_ns
        self._runs: dict[str, Run] = {}
        self._run_of_event: dict[int, str] = {}
        self._parked: set[int] = set()
        self._ended_events: set[int] = set()
        self._first_call_us = array("q")
        self._step_us = array("q")
        self._end_us = array("q")
        self._resume_us = array("q")
        self._calls_seen = self._calls = self._steps = self._ended = 0
        self._duplicate_runs = self._repeated_steps = self._repeated_ends = 0
        self._wrong_results = self._retried_calls = 0
        self._last_call_ns = self._last_end_ns = 0
        self.watch()

    def watch(self) -> None:
        """Note the arrival of the next call, also of one that will be held."""
        self.held = 0
        self.first_call_ns = 0

    def arrived(self, now_ns: int) -> None:
        """Count a call before it is known what it is for."""
        if not self.first_call_ns:
            self.first_call_ns = now_ns

    def run(
        self, run_id: str, event_index: int, sent_us: int, *, attempt: int, now_ns: int
    ) -> Run | None:
        """The run a call is for, or None for a run of another workload."""
        if event_index < self.first_index:
            return None
        self._calls_seen += 1
        self._last_call_ns = now_ns
        if attempt:
            self._retried_calls += 1
        in_window = self._start_ns <= now_ns < self._end_ns
        if in_window:
            self._calls += 1
        run = self._runs.get(run_id)
        if run is None:
            run = self._runs[run_id] = Run(event_index, sent_us)
            if self._run_of_event.setdefault(event_index, run_id) != run_id:
                self._duplicate_runs += 1
            if self._start_ns <= sent_us * US_PER_NS < self._end_ns:
                self._first_call_us.append(now_ns // US_PER_NS - sent_us)
        elif in_window and run.answered_ns:
            since_ns = run.planned_ns or run.answered_ns
            self._step_us.append((now_ns - since_ns) // US_PER_NS)
        return run

    def step(self, run: Run, step_id: str, result: int, *, now_ns: int) -> None:
        """Book the execution of a step."""
        if step_id in run.executed:
            self._repeated_steps += 1
        run.executed[step_id] = result
        if self._start_ns <= now_ns < self._end_ns:
            self._steps += 1

    def planned(self, run: Run) -> None:
        """From now on the run's calls are measured from the answer that planned its steps."""
        run.planned_ns = time.monotonic_ns()

    def joined(self, run: Run) -> None:
        """The planned steps are done; calls are measured from the last answer again."""
        run.planned_ns = 0

    def parked(self, run: Run) -> None:
        """Book that a run has been put to sleep or made to wait."""
        self._parked.add(run.event_index)

    def resumed(self, sent_us: int, *, now_ns: int) -> None:
        """Book that a waiting run was called again because of an event sent at `sent_us`."""
        self._resume_us.append(now_ns // US_PER_NS - sent_us)

    def wrong_result(self) -> None:
        """Book a step result that differs from what the app had answered."""
        self._wrong_results += 1

    def end(self, run: Run, *, now_ns: int) -> None:
        """Book the end of a run."""
        if run.ended:
            self._repeated_ends += 1
            return
        run.ended = True
        self._ended_events.add(run.event_index)
        self._parked.discard(run.event_index)
        self._last_end_ns = now_ns
        if self._start_ns <= now_ns < self._end_ns:
            self._ended += 1
        if self._start_ns <= run.sent_us * US_PER_NS < self._end_ns:
            self._end_us.append(now_ns // US_PER_NS - run.sent_us)

    def status(self) -> Status:
        return Status(
            calls=self._calls_seen,
            ended=len(self._ended_events),
            parked=len(self._parked),
            held=self.held,
            first_call_ns=self.first_call_ns,
            last_call_ns=self._last_call_ns,
            last_end_ns=self._last_end_ns,
        )

    def account(self, *, not_accepted: frozenset[int]) -> Account:
        """The account of the workload, leaving out events the server did not accept."""
        return Account(
            completed=len(self._ended_events - not_accepted),
            parked=len(self._parked - not_accepted),
            calls=self._calls,
            steps=self._steps,
            ended=self._ended,
            first_call_us=self._first_call_us.tobytes(),
            step_us=self._step_us.tobytes(),
            end_us=self._end_us.tobytes(),
            resume_us=self._resume_us.tobytes(),
            duplicate_runs=self._duplicate_runs,
            repeated_steps=self._repeated_steps,
            repeated_ends=self._repeated_ends,
            wrong_results=self._wrong_results,
            retried_calls=self._retried_calls,
        )
