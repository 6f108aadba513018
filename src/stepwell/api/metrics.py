"""`GET /metrics`: numbers for Prometheus.

Labels are bounded: functions that are registered, and closed sets of words. Names that begin with
`inngest_` are those of the reference. Source: HTTP APIs, 13; flow control, 2.3.
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import accumulate
from typing import Final

import msgspec
from starlette.types import Receive, Scope, Send

from stepwell.api.openapi import Declaration, DeclarationTable, Tag, text_of
from stepwell.api.queue_snapshot import QueueSnapshot, QueueSnapshots
from stepwell.api.responses import Header, send_answer
from stepwell.api.services import Catalogue, RouteTable
from stepwell.core.function import FunctionIndex
from stepwell.core.identity import FunctionId
from stepwell.engine.clock import Clock
from stepwell.engine.counts import NO_FUNCTION, Counts
from stepwell.engine.distribution import Distribution
from stepwell.engine.insight import NodeNumbers

__all__ = [
    "CONTENT_TYPE",
    "DECLARATIONS",
    "METRICS",
    "Metric",
    "MetricsEndpoint",
    "Samples",
    "escaped",
    "metrics_text",
    "slug_labels",
]

CONTENT_TYPE: Final[Header] = (b"content-type", b"text/plain; version=0.0.4; charset=utf-8")


class Metric(msgspec.Struct, frozen=True):
    """One metric.

    Attributes:
        name: With the unit last.
        kind: "counter", "gauge" or "histogram".
        text: What it says, in one line.
        labels: Names of its labels.
        is_common: Whether all servers of a database say the same.
    """

    name: str
    kind: str
    text: str
    labels: tuple[str, ...] = ("fn",)
    is_common: bool = False


_SCHEDULED: Final = Metric("inngest_function_run_scheduled_total", "counter", "Runs created")
_STARTED: Final = Metric("inngest_function_run_started_total", "counter", "Runs that were started")
_ENDED: Final = Metric(
    "inngest_function_run_ended_total", "counter", "Runs that ended", ("fn", "status")
)
_REQUESTS_SCHEDULED: Final = Metric(
    "inngest_sdk_req_scheduled_total", "counter", "Calls to apps that were queued"
)
_REQUESTS_STARTED: Final = Metric(
    "inngest_sdk_req_started_total", "counter", "Calls to apps that were made"
)
_REQUESTS_ENDED: Final = Metric(
    "inngest_sdk_req_ended_total",
    "counter",
    "Calls to apps that were answered or failed",
    ("fn", "status"),
)
_SKIPPED: Final = Metric(
    "stepwell_function_skipped_total",
    "counter",
    "Events that started no run of their own, and runs that were skipped",
    ("fn", "reason"),
)
_CALL: Final = Metric(
    "stepwell_call_duration_seconds", "histogram", "From sending calls to their answers", ()
)
_DELAY: Final = Metric(
    "stepwell_call_delay_seconds", "histogram", "How long calls waited that could be sent", ()
)
_BATCH: Final = Metric(
    "stepwell_commit_batch_transitions", "histogram", "Decisions in one transaction", ()
)
_COMMIT: Final = Metric(
    "stepwell_commit_duration_seconds", "histogram", "How long transactions took", ()
)
_COMMIT_FAILED: Final = Metric(
    "stepwell_commit_failures_total", "counter", "Transactions that failed", ("code",)
)
_DEPTH: Final = Metric(
    "inngest_queue_depth",
    "gauge",
    "Queue items, those due later included",
    (),
    is_common=True,
)
_QUEUED_RUNS: Final = Metric(
    "stepwell_function_queued_runs", "gauge", "Runs that wait for their first call"
)
_QUEUED_REQUESTS: Final = Metric(
    "stepwell_function_queued_requests", "gauge", "Further calls of runs that wait"
)
_RUNNING: Final = Metric("stepwell_function_running_requests", "gauge", "Calls under way")
_WAITING: Final = Metric(
    "stepwell_function_waiting_items",
    "gauge",
    "What waits, by what holds it up",
    ("fn", "constraint"),
)
_TIMERS: Final = Metric(
    "stepwell_function_timers", "gauge", "Queue items that are due later", ("fn", "kind")
)
_OLDEST: Final = Metric(
    "stepwell_function_oldest_age_seconds", "gauge", "Age of the work that waits longest"
)
_DELETED: Final = Metric(
    "stepwell_retention_deleted_rows_total",
    "counter",
    "Rows that were deleted because of their age",
    ("kind",),
)
_SPANS: Final = Metric(
    "stepwell_otlp_spans_total",
    "counter",
    "Spans of runs and steps that were sent to the collector, or dropped",
    ("status",),
)
_AGE: Final = Metric(
    "stepwell_queue_snapshot_age_seconds", "gauge", "How long ago the queue was counted", ()
)
_NODES: Final = Metric(
    "stepwell_nodes",
    "gauge",
    "Servers that share the database, as this one sees them",
    ("status",),
    is_common=True,
)
_OWNED: Final = Metric(
    "stepwell_partitions_owned", "gauge", "Partitions whose work this server does", ()
)
_DUE: Final = Metric(
    "stepwell_partitions_due", "gauge", "Partitions whose work this server should do", ()
)
_FREE: Final = Metric(
    "stepwell_partitions_free",
    "gauge",
    "Partitions whose work no living server does",
    (),
    is_common=True,
)

#: All metrics, in the order in which they are shown.
METRICS: Final = (
    _SCHEDULED,
    _STARTED,
    _ENDED,
    _REQUESTS_SCHEDULED,
    _REQUESTS_STARTED,
    _REQUESTS_ENDED,
    _SKIPPED,
    _DELETED,
    _SPANS,
    _CALL,
    _DELAY,
    _BATCH,
    _COMMIT,
    _COMMIT_FAILED,
    _DEPTH,
    _QUEUED_RUNS,
    _QUEUED_REQUESTS,
    _RUNNING,
    _WAITING,
    _TIMERS,
    _OLDEST,
    _AGE,
    _NODES,
    _OWNED,
    _DUE,
    _FREE,
)

# Values of the labels, and the number or the numbers.
_Sample = tuple[tuple[str, ...], float | Distribution]
Samples = dict[Metric, list[_Sample]]


DECLARATIONS: Final[DeclarationTable] = {
    "/metrics": {
        "GET": Declaration(
            "getMetrics",
            "Read numbers for Prometheus",
            Tag.SERVER,
            answers=(text_of("text/plain", "The text format of Prometheus"),),
        )
    }
}


class MetricsEndpoint:
    """Answers at once, with counters as of now and gauges of the latest count of the queue.

    Gauges are left out while the store does not answer or the first count is not done. Those of
    functions are told by the server that does their work, and by no other.

    Args:
        catalogue: Functions as they are registered now.
        counts: What happened since the process started.
        snapshots: How full the queue is.
        nodes: Which servers there are, and what they own; None while this one does nothing.
        clock: The wall clock, for ages.
        now_s: The monotonic clock of `snapshots`.
        process: The number of this one of several processes. Whoever asks meets another one each
            time, so what each tells of itself is told apart by it.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        counts: Counts,
        snapshots: QueueSnapshots,
        *,
        nodes: Callable[[], NodeNumbers | None],
        clock: Clock,
        now_s: Callable[[], float],
        process: int | None = None,
    ) -> None:
        self._nodes = nodes
        self._catalogue = catalogue
        self._counts = counts
        self._snapshots = snapshots
        self._clock = clock
        self._now_s = now_s
        self._process = process

    def routes(self) -> RouteTable:
        """Where it is mounted."""
        return {"/metrics": {"GET": self}}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        snapshot = await self._snapshots.latest()
        samples: Samples = {metric: [] for metric in METRICS}
        slugs = slug_labels(self._catalogue.functions)
        _add_counters(samples, self._counts, slugs)
        if snapshot is not None:
            age_s = self._now_s() - snapshot.taken_s
            taken_ms = self._clock.now_ms() - round(age_s * 1000)
            samples[_AGE].append(((), round(age_s, 3)))
            _add_gauges(samples, snapshot, slugs, taken_ms=taken_ms)
        _add_nodes(samples, self._nodes())
        await send_answer(send, 200, metrics_text(samples, self._process), headers=(CONTENT_TYPE,))


def slug_labels(functions: FunctionIndex) -> dict[FunctionId, str]:
    """Values of the label `fn`, escaped. Archived functions are among them; their runs go on."""
    by_slug: dict[str, FunctionId] = {}
    for function in functions:
        # Two series of one name would make the whole answer unreadable.
        if function.slug not in by_slug or not function.archived:
            by_slug[function.slug] = function.id
    return {function_id: escaped(slug) for slug, function_id in by_slug.items()}


def _add_counters(samples: Samples, counts: Counts, slugs: Mapping[FunctionId, str]) -> None:
    for table, number in counts.deleted.items():
        samples[_DELETED].append(((table,), number))
    for outcome, number in counts.exported_spans.items():
        samples[_SPANS].append(((outcome,), number))
    for metric, distribution in (
        (_CALL, counts.call_s),
        (_DELAY, counts.delay_s),
        (_BATCH, counts.commits.transitions),
        (_COMMIT, counts.commits.took_s),
    ):
        samples[metric].append(((), distribution))
    for code, number in counts.commits.failed.items():
        samples[_COMMIT_FAILED].append(((code,), number))
    for function_id, slug in [*slugs.items(), (NO_FUNCTION, "")]:
        of_function = counts.by_function.get(function_id)
        if of_function is None:
            continue
        labels = (slug,)
        samples[_SCHEDULED].append((labels, of_function.scheduled))
        samples[_STARTED].append((labels, of_function.started))
        samples[_REQUESTS_SCHEDULED].append((labels, of_function.requests_scheduled))
        samples[_REQUESTS_STARTED].append((labels, of_function.requests_started))
        for status, number in of_function.ended.items():
            samples[_ENDED].append(((slug, status.wire_name), number))
        for end, number in of_function.requests_ended.items():
            samples[_REQUESTS_ENDED].append(((slug, end), number))
        for reason, number in of_function.skipped.items():
            samples[_SKIPPED].append(((slug, reason), number))


def _add_gauges(
    samples: Samples, snapshot: QueueSnapshot, slugs: Mapping[FunctionId, str], *, taken_ms: int
) -> None:
    samples[_DEPTH].append(((), snapshot.depth))
    for function in snapshot.functions:
        slug = slugs.get(function.function_id)
        if slug is None:
            continue
        labels = (slug,)
        oldest_ms = function.oldest_ms
        age_s = 0.0 if oldest_ms is None else max(0, taken_ms - oldest_ms) / 1000
        samples[_QUEUED_RUNS].append((labels, function.runs))
        samples[_QUEUED_REQUESTS].append((labels, function.requests))
        samples[_RUNNING].append((labels, function.running))
        samples[_OLDEST].append((labels, age_s))
        for held in function.held:
            samples[_WAITING].append(((slug, held.constraint), held.items))
        for kind, items in function.timers.items():
            samples[_TIMERS].append(((slug, kind.name.lower()), items))


def _add_nodes(samples: Samples, nodes: NodeNumbers | None) -> None:
    samples[_OWNED].append(((), 0 if nodes is None else nodes.owned))
    if nodes is not None:
        samples[_NODES] += [(("live",), nodes.live), (("draining",), nodes.draining)]
        samples[_DUE].append(((), nodes.due))
        samples[_FREE].append(((), nodes.free))


def metrics_text(samples: Samples, process: int | None = None) -> bytes:
    """The samples in the text format of Prometheus; their labels are escaped.

    Args:
        samples: By metric.
        process: Which of several processes tells what each of them tells of itself.
    """
    lines = []
    told_by = {} if process is None else {"process": str(process)}
    for metric, found in samples.items():
        lines.append(f"# HELP {metric.name} {metric.text}.\n# TYPE {metric.name} {metric.kind}\n")
        for values, number in found:
            labels = dict(zip(metric.labels, values, strict=True))
            if not metric.is_common:
                labels |= told_by
            if isinstance(number, Distribution):
                lines += _histogram_lines(metric, labels, number)
            else:
                lines.append(_line(metric.name, labels, number))
    return "".join(lines).encode("utf-8", "replace")


def _histogram_lines(
    metric: Metric, labels: dict[str, str], distribution: Distribution
) -> Iterator[str]:
    """Each bucket counts what the smaller ones count, too."""
    bounds = [*map(str, distribution.bounds), "+Inf"]
    counts = list(accumulate(distribution.buckets))
    for bound, count in zip(bounds, counts, strict=True):
        yield _line(f"{metric.name}_bucket", labels | {"le": bound}, count)
    yield _line(f"{metric.name}_sum", labels, round(distribution.total, 3))
    yield _line(f"{metric.name}_count", labels, counts[-1])


def _line(name: str, labels: dict[str, str], number: float) -> str:
    pairs = ",".join(f'{label}="{value}"' for label, value in labels.items())
    return f"{name}{{{pairs}}} {number}\n" if pairs else f"{name} {number}\n"


def escaped(value: str) -> str:
    """The value of a label as it is written between quotes."""
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")
