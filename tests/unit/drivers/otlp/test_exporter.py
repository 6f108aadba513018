"""Spans reach the collector in batches, again after failures, and never hold anything up."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import structlog
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from structlog.testing import LogCapture

from stepwell.core.run import RunState
from stepwell.core.transition import Transition
from stepwell.drivers.otlp import (
    ExportedSpan,
    OtlpExporter,
    Pacing,
    Refused,
    RunSpans,
    Sent,
    TryAgain,
)
from stepwell.drivers.otlp import exporter as module
from tests.unit.core.core_world import CoreWorld
from tests.unit.drivers.http.scripted_app import until
from tests.unit.drivers.otlp.collectors import a_span, partial

pytestmark = pytest.mark.anyio


class Spans(RunSpans):
    """Makes as many spans of each transition as the test says."""

    def __init__(self) -> None:
        super().__init__(lambda: CoreWorld().functions)
        self.count = 1
        self._made = 0

    def of(self, run: RunState | None, transition: Transition) -> list[ExportedSpan]:
        self._made += self.count
        return [a_span(self._made - number) for number in range(self.count)][::-1]


class Collector:
    """Answers what it is told to, and keeps what it was sent."""

    def __init__(self) -> None:
        self.results: list[Sent | TryAgain | Refused] = []
        self.batches: list[list[str]] = []
        self.is_closed = False
        self.answers: Callable[[], asyncio.Future[None] | None] = lambda: None

    async def send(self, request: bytes) -> Sent | TryAgain | Refused:
        message = ExportTraceServiceRequest.FromString(request)
        (of_scope,) = message.resource_spans[0].scope_spans
        self.batches.append([span.span_id.hex() for span in of_scope.spans])
        answered = self.answers()
        if answered is not None:
            await answered
        return self.results.pop(0) if self.results else Sent()

    async def close(self) -> None:
        self.is_closed = True


class Export:
    """An exporter at work."""

    def __init__(self) -> None:
        self.spans, self.collector = Spans(), Collector()
        self.outcomes: Counter[str] = Counter()
        self.exporter = OtlpExporter(
            self.spans,
            self.collector,
            resource={"service.name": "shop"},
            outcomes=self.outcomes,
            jitter=lambda: 0.5,
            pacing=Pacing(delay_s=0.0, pause_first_s=0.0, pause_max_s=0.0),
        )

    def observe(self, spans: int) -> None:
        self.spans.count = spans
        self.exporter.observe(None, Transition())


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> LogCapture:
    capture = LogCapture()
    logger = structlog.wrap_logger(structlog.PrintLogger(), processors=[capture])
    monkeypatch.setattr(module, "_log", logger)
    return capture


@asynccontextmanager
async def running() -> AsyncIterator[Export]:
    export = Export()
    task = asyncio.create_task(export.exporter.run())
    try:
        yield export
    finally:
        await export.exporter.stop(5)
        await task


async def test_spans_go_together_in_their_order() -> None:
    async with running() as export:
        export.observe(2)
        export.observe(1)
        await until(lambda: bool(export.collector.batches))

    assert export.collector.batches == [[f"{n:016x}" for n in (1, 2, 3)]]
    assert (export.outcomes["sent"], export.outcomes["dropped"]) == (3, 0)


async def test_a_batch_may_be_so_large() -> None:
    async with running() as export:
        export.observe(module.BATCH_MAX + 1)
        await until(lambda: len(export.collector.batches) == 2)

    assert [len(batch) for batch in export.collector.batches] == [module.BATCH_MAX, 1]


async def test_a_batch_is_sent_again_until_it_is_taken(told: LogCapture) -> None:
    async with running() as export:
        export.collector.results = [TryAgain("HTTP status 503"), TryAgain("timeout", 0.0), Sent()]
        export.observe(1)
        await until(lambda: export.outcomes["sent"] == 1)

    assert export.collector.batches == [[f"{1:016x}"]] * 3
    assert told.entries == []


async def test_a_batch_is_given_up_after_some_attempts_and_that_is_told_once(
    told: LogCapture,
) -> None:
    async with running() as export:
        export.collector.results = [TryAgain("HTTP status 503")] * 12
        export.observe(2)
        await until(lambda: export.outcomes["dropped"] == 2)
        export.observe(1)
        await until(lambda: export.outcomes["dropped"] == 3)
        export.observe(1)
        await until(lambda: export.outcomes["sent"] == 1)

    assert len(export.collector.batches) == 13
    assert [(entry["event"], entry.get("reason")) for entry in told.entries] == [
        ("otlp.spans_dropped", "HTTP status 503"),
        ("otlp.recovered", None),
    ]


async def test_what_is_refused_is_not_sent_again(told: LogCapture) -> None:
    async with running() as export:
        export.collector.results = [Refused("HTTP status 401")]
        export.observe(1)
        await until(lambda: export.outcomes["dropped"] == 1)

    assert len(export.collector.batches) == 1


async def test_spans_the_collector_rejects_are_counted(told: LogCapture) -> None:
    async with running() as export:
        export.collector.results = [Sent(partial(1, "too old"))]
        export.observe(3)
        await until(lambda: export.outcomes["sent"] == 2)

    assert export.outcomes["dropped"] == 1
    assert told.entries[0]["reason"] == "rejected by the collector: too old"


async def test_an_answer_that_is_no_otlp_counts_as_taken() -> None:
    """Some collectors answer with a page."""
    async with running() as export:
        export.collector.results = [Sent(b"<html>")]
        export.observe(1)
        await until(lambda: export.outcomes["sent"] == 1)


async def test_a_collector_that_is_too_slow_costs_spans_and_nothing_else(
    told: LogCapture,
) -> None:
    async with running() as export:
        held_up: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        export.collector.answers = lambda: held_up
        export.observe(1)
        await until(lambda: bool(export.collector.batches))
        export.observe(module.QUEUE_MAX)
        assert export.outcomes["dropped"] == 0
        export.observe(5)
        assert export.outcomes["dropped"] == 5
        held_up.set_result(None)

    assert export.outcomes["sent"] == module.QUEUE_MAX + 1
    assert [entry["reason"] for entry in told.entries[:1]] == ["too many spans wait"]


async def test_what_is_left_is_sent_when_the_server_stops() -> None:
    export = Export()
    task = asyncio.create_task(export.exporter.run())
    export.observe(module.BATCH_MAX + 5)
    await export.exporter.stop(5)
    await task

    assert export.outcomes["sent"] == module.BATCH_MAX + 5
    assert export.collector.is_closed


async def test_a_collector_that_does_not_answer_does_not_keep_the_server(
    told: LogCapture,
) -> None:
    export = Export()
    export.collector.answers = lambda: asyncio.get_running_loop().create_future()
    task = asyncio.create_task(export.exporter.run())
    export.observe(module.BATCH_MAX + 5)
    await until(lambda: bool(export.collector.batches))

    await export.exporter.stop(0.01)

    assert export.outcomes["dropped"] == 5
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_nothing_is_tried_again_when_the_server_stops(told: LogCapture) -> None:
    export = Export()
    export.collector.results = [TryAgain("HTTP status 503", 30.0)]
    task = asyncio.create_task(export.exporter.run())
    export.observe(1)
    await export.exporter.stop(5)
    await task

    assert (len(export.collector.batches), export.outcomes["dropped"]) == (1, 1)
