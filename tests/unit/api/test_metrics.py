"""What Prometheus is told."""

import asyncio
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest

from stepwell.api.metrics import METRICS, MetricsEndpoint, Samples, metrics_text
from stepwell.api.queue_snapshot import FRESH_S, QueueSnapshot, QueueSnapshots
from stepwell.api.routing import router
from stepwell.core.function import Function, FunctionIndex
from stepwell.core.identity import FunctionId
from stepwell.core.queue import ItemKind
from stepwell.core.status import RunStatus
from stepwell.engine.counts import NO_FUNCTION, Counts
from stepwell.engine.insight import NodeNumbers
from stepwell.engine.store import StoreUnavailable
from stepwell.store.views import QueueNumbers
from stepwell.wire.config import ConcurrencyLimit
from tests.unit.api.api_server import NOW_MS, Clock
from tests.unit.api.waiting_world import WaitingWorld
from tests.unit.engine.scheduler_world import START_MS, function

F = FunctionId("f")
NODES = (
    "stepwell_nodes",
    "stepwell_partitions_owned",
    "stepwell_partitions_due",
    "stepwell_partitions_free",
)
# A line of the text format, with or without labels.
_SAMPLE = re.compile(r'[a-z_]+(\{[a-z]+="[^"]*"(,[a-z]+="[^"]*")*\})? -?[0-9.e+]+')


class MetricsWorld(WaitingWorld):
    """The endpoint with a scheduler, a store that can be slow or fail, and a clock."""

    def __init__(self, *functions: Function) -> None:
        super().__init__(*functions)
        self.counts = Counts()
        self.now_s = 100.0
        self.counted = 0
        self.failure: Exception | None = None
        self.is_slow = False
        self.nodes: NodeNumbers | None = NodeNumbers(live=1, draining=0, owned=1, due=1, free=0)
        self.restart()

    def restart(self) -> None:
        """Forget what was counted in the store."""
        self.snapshots = QueueSnapshots(
            self, self.waitings, now_s=lambda: self.now_s, patience_s=0.001 if self.is_slow else 5
        )
        endpoint = MetricsEndpoint(
            self.backend,
            self.counts,
            self.snapshots,
            nodes=lambda: self.nodes,
            clock=Clock(),
            now_s=lambda: self.now_s,
        )
        self.app = router([endpoint.routes()])

    async def queue_numbers(self, function_id: FunctionId | None = None) -> QueueNumbers:
        if function_id is None:
            self.counted += 1
            if self.failure is not None:
                raise self.failure
            if self.is_slow:
                await asyncio.Event().wait()
        return await super().queue_numbers(function_id)

    def samples(self) -> dict[str, float]:
        """The samples by name and labels."""
        answer = self.get("/metrics")
        assert answer.status == 200
        assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
        lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines)}


def _named(samples: dict[str, float], names: Iterable[str]) -> dict[str, float]:
    return {name: value for name, value in samples.items() if name.split("{")[0] in names}


def test_the_documentation_knows_every_metric_and_no_other() -> None:
    page = (Path(__file__).parents[3] / "docs" / "http-api.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (counter|gauge|histogram) \|", page, re.MULTILINE)

    assert rows == [(metric.name, metric.kind) for metric in METRICS]


def test_the_text_has_the_format_that_prometheus_reads() -> None:
    world = MetricsWorld(function("f"))
    world.counts.of(F).scheduled = 2
    world.world.put_many(2, "f")

    lines = world.get("/metrics").text.splitlines(keepends=True)

    assert all(line.endswith("\n") for line in lines)
    assert all(_SAMPLE.fullmatch(line[:-1]) for line in lines if not line.startswith("# "))
    heads = [line for line in lines if line.startswith("# ")]
    assert heads == [
        head
        for metric in METRICS
        for head in (
            f"# HELP {metric.name} {metric.text}.\n",
            f"# TYPE {metric.name} {metric.kind}\n",
        )
    ]


def test_names_and_labels_are_bounded_and_have_units() -> None:
    assert len({metric.name for metric in METRICS}) == len(METRICS)
    for metric in METRICS:
        assert metric.name.endswith("_total") == (metric.kind == "counter")
        assert set(metric.labels) <= {"fn", "status", "reason", "constraint", "kind", "code"}


def test_what_happened_is_counted_by_function() -> None:
    world = MetricsWorld(function("f"))
    counts = world.counts.of(F)
    counts.scheduled, counts.started = 5, 4
    counts.ended[RunStatus.COMPLETED] = 3
    counts.ended[RunStatus.FAILED] = 1
    counts.skipped["rate_limited"] = 7
    counts.requests_scheduled, counts.requests_started = 9, 8
    counts.requests_ended["success"] = 6
    counts.requests_ended["errored"] = 2
    world.counts.of(NO_FUNCTION).requests_started = 1
    world.counts.of(FunctionId("not-registered")).scheduled = 1

    samples = world.samples()

    counters = {metric.name for metric in METRICS if metric.kind == "counter"}
    assert {name: n for name, n in _named(samples, counters).items() if n} == {
        'inngest_function_run_scheduled_total{fn="f"}': 5,
        'inngest_function_run_started_total{fn="f"}': 4,
        'inngest_function_run_ended_total{fn="f",status="Completed"}': 3,
        'inngest_function_run_ended_total{fn="f",status="Failed"}': 1,
        'inngest_sdk_req_scheduled_total{fn="f"}': 9,
        'inngest_sdk_req_started_total{fn="f"}': 8,
        'inngest_sdk_req_started_total{fn=""}': 1,
        'inngest_sdk_req_ended_total{fn="f",status="success"}': 6,
        'inngest_sdk_req_ended_total{fn="f",status="errored"}': 2,
        'stepwell_function_skipped_total{fn="f",reason="rate_limited"}': 7,
    }


def test_a_histogram_counts_in_each_bucket_what_the_smaller_ones_count() -> None:
    world = MetricsWorld(function("f"))
    for took_s in (0.0005, 0.004, 0.005, 90.0):
        world.counts.commits.took_s.add(took_s)
    world.counts.commits.failed["SW2001"] = 3

    samples = world.samples()

    name = "stepwell_commit_duration_seconds"
    bounds = ["0.001", "0.002", "0.005", "5", "+Inf"]
    assert [samples[f'{name}_bucket{{le="{bound}"}}'] for bound in bounds] == [1, 1, 3, 3, 4]
    assert (samples[f"{name}_count"], samples[f"{name}_sum"]) == (4, 90.01)
    assert samples['stepwell_commit_failures_total{code="SW2001"}'] == 3


def test_what_waits_is_shown_by_function_and_constraint() -> None:
    world = MetricsWorld(function("f", concurrency=(ConcurrencyLimit(limit=2),)), function("idle"))
    world.world.put_many(5, "f", kind=ItemKind.START)
    world.world.put_many(3, "f", kind=ItemKind.SLEEP, due_ms=START_MS + 1)
    world.world.put_many(1, "f", kind=ItemKind.BATCH, due_ms=START_MS + 1)
    world.world.settle()

    samples = world.samples()

    gauges = {metric.name for metric in METRICS if metric.kind == "gauge"} - {*NODES}
    assert _named(samples, gauges) == {
        "inngest_queue_depth": 9,
        'stepwell_function_queued_runs{fn="f"}': 3,
        'stepwell_function_queued_requests{fn="f"}': 0,
        'stepwell_function_running_requests{fn="f"}': 2,
        'stepwell_function_waiting_items{fn="f",constraint="function_concurrency"}': 3,
        'stepwell_function_waiting_items{fn="f",constraint="batch"}': 1,
        'stepwell_function_timers{fn="f",kind="sleep"}': 3,
        'stepwell_function_timers{fn="f",kind="batch"}': 1,
        'stepwell_function_oldest_age_seconds{fn="f"}': 0,
        'stepwell_function_queued_runs{fn="idle"}': 0,
        'stepwell_function_queued_requests{fn="idle"}': 0,
        'stepwell_function_running_requests{fn="idle"}': 0,
        'stepwell_function_oldest_age_seconds{fn="idle"}': 0,
        "stepwell_queue_snapshot_age_seconds": 0,
    }


def test_ages_are_those_of_the_moment_of_the_count() -> None:
    world = MetricsWorld(function("f"))
    world.world.put(msgspec.structs.replace(world.world.item("f"), queued_ms=NOW_MS - 9000))
    world.samples()
    world.now_s += 1.5

    samples = world.samples()

    assert samples['stepwell_function_oldest_age_seconds{fn="f"}'] == 7.5
    assert samples["stepwell_queue_snapshot_age_seconds"] == 1.5


def test_names_of_functions_are_escaped() -> None:
    name = 'a"b\\c\nd'
    world = MetricsWorld(function(name))
    world.counts.of(FunctionId(name)).scheduled = 1

    assert r'inngest_function_run_scheduled_total{fn="a\"b\\c\nd"} 1' in world.get("/metrics").text


def test_functions_with_one_slug_are_one_series_that_of_the_active_one() -> None:
    world = MetricsWorld(function("f"))
    twins = [
        msgspec.structs.replace(function("f"), id=FunctionId(id_), archived=archived)
        for id_, archived in [("old", True), ("new", False), ("older", True)]
    ]
    world.backend.functions = FunctionIndex(twins)
    for number, id_ in enumerate(["old", "new", "older"]):
        world.counts.of(FunctionId(id_)).scheduled = 10 + number

    assert world.samples()['inngest_function_run_scheduled_total{fn="f"}'] == 11


def test_a_count_is_kept_for_a_while() -> None:
    world = MetricsWorld(function("f"))
    world.samples()
    world.world.put_many(2, "f")
    world.now_s += FRESH_S / 2
    assert world.samples()["inngest_queue_depth"] == 0
    world.now_s += FRESH_S / 2
    assert world.samples()["inngest_queue_depth"] == 2
    assert world.counted == 2


@pytest.mark.parametrize(("age_s", "is_fresh"), [(9.9, True), (10.0, False)])
def test_a_count_that_took_long_is_kept_for_long(age_s: float, is_fresh: bool) -> None:
    assert QueueSnapshot(100.0, 0.5, 0, []).is_fresh(100.0 + age_s) == is_fresh


def test_a_slow_count_is_not_waited_for() -> None:
    """Counters are shown at once, and gauges when there are some."""
    world = MetricsWorld(function("f"))
    world.counts.of(F).scheduled = 1
    world.is_slow = True
    world.restart()

    samples = world.samples()

    assert samples['inngest_function_run_scheduled_total{fn="f"}'] == 1
    assert "inngest_queue_depth" not in samples


@pytest.mark.parametrize("is_owned", [True, False])
def test_while_the_store_does_not_answer_the_latest_count_is_shown_with_its_age(
    is_owned: bool,
) -> None:
    world = MetricsWorld(function("f"))
    world.world.put_many(3, "f")
    world.samples()
    world.now_s += 60
    world.is_owned = is_owned
    world.failure = StoreUnavailable("queue_numbers", "locked") if is_owned else None

    samples = world.samples()

    assert samples["inngest_queue_depth"] == 3
    assert samples["stepwell_queue_snapshot_age_seconds"] == 60
    assert world.counted == 2


def test_functions_are_told_of_by_the_server_that_does_their_work() -> None:
    """What all servers say can be added up; the depth of the queue is that of all of them."""
    world = MetricsWorld(function("f"), function("g"))
    world.world.has_room = False
    world.world.put_many(2, "f")
    world.world.put_many(3, "g")
    world.elsewhere = {F}

    samples = world.samples()

    queued = _named(samples, ["inngest_queue_depth", "stepwell_function_queued_requests"])
    assert queued == {"inngest_queue_depth": 5, 'stepwell_function_queued_requests{fn="g"}': 3}


def test_servers_and_partitions_are_told_as_this_one_sees_them() -> None:
    world = MetricsWorld()
    world.nodes = NodeNumbers(live=2, draining=1, owned=4, due=8, free=3)

    assert _named(world.samples(), NODES) == {
        'stepwell_nodes{status="live"}': 2,
        'stepwell_nodes{status="draining"}': 1,
        "stepwell_partitions_owned": 4,
        "stepwell_partitions_due": 8,
        "stepwell_partitions_free": 3,
    }


def test_a_server_that_does_nothing_owns_nothing() -> None:
    world = MetricsWorld()
    world.nodes = None

    assert _named(world.samples(), NODES) == {"stepwell_partitions_owned": 0}


def test_a_head_request_gets_an_answer_as_well() -> None:
    assert MetricsWorld(function("f")).request("HEAD", "/metrics").status == 200


def test_what_one_of_several_processes_has_counted_is_told_apart() -> None:
    gauge = next(metric for metric in METRICS if metric.kind == "gauge")
    samples: Samples = {METRICS[0]: [(("fn",), 3.0)], gauge: [((), 7.0)]}

    lines = [line for line in metrics_text(samples, 2).decode().splitlines() if line[0] != "#"]

    assert lines == [
        'inngest_function_run_scheduled_total{fn="fn",process="2"} 3.0',
        "inngest_queue_depth 7.0",
    ]
