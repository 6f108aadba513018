"""What a measurement says, and how it is made from the accounts of app and load generator."""

import math
from array import array

from msgspec import Struct

from bench.ledger import Account
from bench.load import Sent


class Latency(Struct, frozen=True):
    """Nearest-rank percentiles in ms."""

    count: int
    p50: float
    p95: float
    p99: float
    max: float


class Result(Struct, frozen=True, kw_only=True):
    """One line of the benchmark's output. What does not apply is None.

    Attributes:
        workload: Name to run it alone.
        case: Which part of the workload.
        runs_per_s: Runs ended per second of the window.
        calls_per_s: Calls that arrived at the app per second of the window.
        first_call_ms: From the intended sending of an event to the first call of its run.
        step_ms: From the end of an answer to the next call of the same run.
        end_ms: From the intended sending of an event to the last call of its run.
        acknowledged_ms: From the intended sending of a request to its answer.
        late_ms: From the intended sending of a request to the real one: what the load generator
            itself adds to the latencies.
        rss_mb: Resident memory of the server afterwards, in 10^6 bytes.
        rss_peak_mb: The largest it was since the server started.
        cpu_s_per_1000_calls: Processor seconds of the server.
        cpu_s_per_1000_steps: The same by steps executed.
        server_cpu_percent: Of one core, during the window.
        app_cpu_percent: Of one core, during the window.
        load_cpu_percent: Of one core, while the load generator was sending.
        lost: Accepted events without an ended (or sleeping, or waiting) run.
        duplicates: Second runs of an event, steps executed twice, calls after the end.
        wrong_results: Step results the server changed.
        retried_calls: Calls with an attempt above 0.
        not_accepted: Events that were not answered with 200.
        more: Numbers that only this workload has; the key ends in the unit.
    """

    workload: str
    case: str = ""
    runs_per_s: float | None = None
    calls_per_s: float | None = None
    first_call_ms: Latency | None = None
    step_ms: Latency | None = None
    end_ms: Latency | None = None
    acknowledged_ms: Latency | None = None
    late_ms: Latency | None = None
    rss_mb: float | None = None
    rss_peak_mb: float | None = None
    cpu_s_per_1000_calls: float | None = None
    cpu_s_per_1000_steps: float | None = None
    server_cpu_percent: float | None = None
    app_cpu_percent: float | None = None
    load_cpu_percent: float | None = None
    lost: int = 0
    duplicates: int = 0
    wrong_results: int = 0
    retried_calls: int = 0
    not_accepted: int = 0
    problem: str = ""
    more: dict[str, float] = {}

    @property
    def is_sound(self) -> bool:
        """Nothing was lost, doubled, changed or refused."""
        return not (self.lost or self.duplicates or self.wrong_results or self.not_accepted)


def latency(packed_us: bytes) -> Latency | None:
    """Percentiles of packed µs values; None of none."""
    values_us = array("q", packed_us)
    if not values_us:
        return None
    ordered = sorted(values_us)

    def rank(fraction: float) -> float:
        return ordered[math.ceil(fraction * len(ordered)) - 1] / 1_000

    return Latency(count=len(ordered), p50=rank(0.5), p95=rank(0.95), p99=rank(0.99), max=rank(1.0))


class Observed(Struct, frozen=True):
    """What was seen of a workload from outside the app.

    Attributes:
        window_s: Length of the measured window.
        server_cpu_s: Processor time of the server in it; None if it cannot be observed.
        app_cpu_s: Processor time of the app in it.
        rss_bytes: Resident memory of the server after it.
        rss_peak_bytes: The largest it was.
    """

    window_s: float
    server_cpu_s: float | None
    app_cpu_s: float
    rss_bytes: int
    rss_peak_bytes: int


def combined(
    workload: str,
    case: str,
    *,
    sent: Sent,
    account: Account,
    observed: Observed,
) -> Result:
    """The result of a workload."""
    cpu_s = observed.server_cpu_s
    window_s = observed.window_s
    return Result(
        workload=workload,
        case=case,
        runs_per_s=account.ended / window_s,
        calls_per_s=account.calls / window_s,
        first_call_ms=latency(account.first_call_us),
        step_ms=latency(account.step_us),
        end_ms=latency(account.end_us),
        acknowledged_ms=latency(sent.acknowledged_us),
        late_ms=latency(sent.late_us),
        rss_mb=observed.rss_bytes / 1e6 or None,
        rss_peak_mb=observed.rss_peak_bytes / 1e6 or None,
        cpu_s_per_1000_calls=_per_1000(cpu_s, account.calls),
        cpu_s_per_1000_steps=_per_1000(cpu_s, account.steps),
        server_cpu_percent=None if cpu_s is None else 100 * cpu_s / window_s,
        app_cpu_percent=100 * observed.app_cpu_s / window_s,
        load_cpu_percent=100 * sent.cpu_s / sent.elapsed_s if sent.elapsed_s > 0 else None,
        lost=sent.sent - len(sent.not_accepted) - account.completed - account.parked,
        duplicates=account.duplicate_runs + account.repeated_steps + account.repeated_ends,
        wrong_results=account.wrong_results,
        retried_calls=account.retried_calls,
        not_accepted=len(sent.not_accepted),
        problem=sent.problem,
    )


def _per_1000(cpu_s: float | None, count: int) -> float | None:
    return None if cpu_s is None or not count else 1_000 * cpu_s / count
