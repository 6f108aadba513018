"""Which spans a collector gets of a run, and how they hang together."""

from typing import Any

import msgspec

from stepwell.core.journal import StepResolved
from stepwell.core.run import RunState
from stepwell.core.trace_ids import call_span_id, root_span_id, step_span_id, trace_id
from stepwell.core.transition import Transition
from stepwell.core.user_span import SpanKind, SpanOutcome
from stepwell.drivers.otlp.run_spans import ExportedSpan, RunSpans
from stepwell.wire.config import EventTrigger
from stepwell.wire.response import unreachable
from tests.unit.core.core_world import START_MS, CoreWorld, function, opcode, step_id

NS = 1_000_000


class Watched(CoreWorld):
    """Core alone, and the spans of everything that was decided."""

    def __init__(self, **options: Any) -> None:
        known = function("shop-buy", EventTrigger(event="shop/order"), **options)
        super().__init__(known, function("shop-pay", EventTrigger(event="shop/pay")))
        self.maker = RunSpans(lambda: self.functions)
        self.spans: list[ExportedSpan] = []

    def absorb(self, transition: Transition, run: RunState | None = None) -> Transition:
        super().absorb(transition, run)
        self.spans += self.maker.of(run, transition)
        return transition

    def named(self, name: str) -> list[ExportedSpan]:
        return [span for span in self.spans if span.name == name]


def test_a_run_is_a_trace_of_its_own() -> None:
    world = Watched()
    (run,) = world.send("shop/order", {"secret": 1}, id="e1")
    world.now_ms += 20
    world.reply(run, 200, b'{"total":7}')

    (root,) = world.named("shop-buy")
    assert (root.trace_id, root.span_id, root.parent_span_id) == (
        trace_id(run.new.id),
        root_span_id(run.new.id),
        "",
    )
    assert (root.kind, root.status, root.error) == (SpanKind.CONSUMER, SpanOutcome.OK, "")
    assert root.ended_ns == world.now_ms * NS
    assert root.attributes == {
        "stepwell.run.id": run.new.id,
        "stepwell.run.status": "Completed",
        "stepwell.run.queued_ms": START_MS,
        "stepwell.run.steps": 0,
        "stepwell.run.attempt": 0,
        "stepwell.function.slug": "shop-buy",
        "stepwell.function.version": 1,
        "stepwell.event.id": run.new.event_id,
        "stepwell.event.name": "shop/order",
        "stepwell.app.name": "app",
    }
    assert "secret" not in str(world.spans)
    assert "total" not in str(world.spans)


def test_a_call_stands_under_its_run_with_the_id_the_app_was_told() -> None:
    world = Watched()
    (run,) = world.send("shop/order")
    item = world.call_of(run)
    world.reply(run, 200, b"1")

    (call,) = world.named("call")
    assert call.span_id == call_span_id(item.id, item.queued_ms, item.attempt)
    assert (call.parent_span_id, call.kind) == (root_span_id(run.new.id), SpanKind.CLIENT)
    assert call.attributes["http.response.status_code"] == 200
    assert call.status is SpanOutcome.OK


def test_a_step_stands_under_the_call_that_ran_it_and_was_as_long_as_the_app_says() -> None:
    world = Watched()
    (run,) = world.send("shop/order")
    item = world.call_of(run)
    timing = {"a": START_MS * NS + 5, "b": 70}
    named = {"userland": {"id": "pay", "index": 0}, "displayName": "Pay it"}
    world.answer(run, opcode("StepRun", "pay", data=1, timing=timing, **named))

    (step,) = world.named("Pay it")
    assert step.span_id == step_span_id(run.new.id, step_id("pay"), 0)
    assert step.parent_span_id == call_span_id(item.id, item.queued_ms, 0)
    assert (step.started_ns, step.ended_ns) == (START_MS * NS + 5, START_MS * NS + 75)
    assert step.status is SpanOutcome.OK
    assert step.attributes == {
        "stepwell.run.id": run.new.id,
        "stepwell.step.id": "pay",
        "stepwell.step.hash": step_id("pay"),
        "stepwell.step.op": "StepRun",
        "stepwell.step.attempt": 0,
    }


def test_every_attempt_of_a_step_has_a_span() -> None:
    world = Watched()
    (run,) = world.send("shop/order")
    error = {"name": "TypeError", "message": "no card"}
    world.answer(run, opcode("StepError", "pay", error=error))
    world.now_ms += 60_000
    world.answer(run, opcode("StepRun", "pay", data=1))

    first, second = world.named("pay")
    assert (first.status, first.error) == (SpanOutcome.ERROR, "TypeError: no card")
    assert (second.status, second.attributes["stepwell.step.attempt"]) == (SpanOutcome.OK, 1)
    assert first.span_id != second.span_id
    assert first.parent_span_id != second.parent_span_id
    assert len(world.named("call")) == 2


def test_a_step_that_failed_for_good_tells_why() -> None:
    world = Watched()
    (run,) = world.send("shop/order")
    world.answer(run, opcode("StepFailed", "pay", error={"name": "E", "message": "m" * 2000}))

    (step,) = world.named("pay")
    assert step.status is SpanOutcome.ERROR
    assert step.error == ("E: " + "m" * 2000)[:1000]


def test_a_sleep_lasts_from_its_begin_to_its_end() -> None:
    """Its name comes from what was said when it began."""
    world = Watched()
    (run,) = world.send("shop/order")
    world.answer(run, opcode("Sleep", "nap", opts={"duration": "60s"}))
    world.fire(run)

    (nap,) = world.named("nap")
    assert (nap.started_ns, nap.ended_ns) == (START_MS * NS, (START_MS + 60_000) * NS)
    assert nap.parent_span_id == root_span_id(run.new.id)


def test_a_step_that_nobody_remembers_is_known_by_its_hash() -> None:
    """After a restart, what began before it has no name; it is not worth reading for."""
    world = Watched()
    (run,) = world.send("shop/order")
    world.answer(run, opcode("Sleep", "nap", opts={"duration": "60s"}))
    world.maker = RunSpans(lambda: world.functions)
    world.fire(run)

    (nap,) = world.named(step_id("nap"))
    assert nap.started_ns == nap.ended_ns == (START_MS + 60_000) * NS


def test_only_so_many_runs_are_remembered() -> None:
    world = Watched()
    world.maker = RunSpans(lambda: world.functions, open_runs_max=1)
    runs = [world.send("shop/order")[0] for _ in range(2)]
    for run in runs:
        world.answer(run, opcode("Sleep", "nap", opts={"duration": "60s"}))
    for run in runs:
        world.fire(run)

    assert (len(world.named("nap")), len(world.named(step_id("nap")))) == (1, 1)


def test_a_call_that_failed_tells_why() -> None:
    world = Watched()
    (run,) = world.send("shop/order")
    world.fails(run, unreachable("refused"))

    (call,) = world.named("call")
    assert call.status is SpanOutcome.ERROR
    assert call.error
    assert "http.response.status_code" not in call.attributes


def test_a_run_that_failed_or_was_cancelled_tells_why() -> None:
    world = Watched()
    (failed,) = world.send("shop/order")
    body = b'{"name":"ValueError","message":"no such order"}'
    world.reply(failed, 500, body, {"x-inngest-no-retry": "true"})
    (cancelled,) = world.send("shop/order")
    world.cancel(cancelled)

    one, other = world.named("shop-buy")
    assert (one.status, one.error) == (SpanOutcome.ERROR, "ValueError: no such order")
    assert (other.status, other.error) == (SpanOutcome.UNSET, "")
    assert other.attributes["stepwell.run.status"] == "Cancelled"
    assert other.attributes["stepwell.run.cause"] == "api"


def test_an_invoked_run_and_the_step_that_waits_for_it_are_linked() -> None:
    world = Watched()
    (parent,) = world.send("shop/order")
    options = {"function_id": "shop-pay", "payload": {"data": {}}}
    world.answer(parent, opcode("InvokeFunction", "ask", opts=options))
    (child,) = (run for run in world.runs.values() if run.new.parent_run_id == parent.new.id)
    world.reply(child, 200, b"1")
    world.resume()

    (pay,) = world.named("shop-pay")
    (ask,) = world.named("ask")
    assert pay.links == ((trace_id(parent.new.id), ask.span_id),)
    assert ask.links in {(), ((pay.trace_id, pay.span_id),)}
    assert ask.trace_id == trace_id(parent.new.id)


def test_a_transition_of_no_run_makes_no_spans() -> None:
    assert RunSpans(lambda: CoreWorld().functions).of(None, Transition()) == []


def test_results_are_never_told() -> None:
    """A step's result may be anything; an error is read only where there is one."""
    world = Watched()
    (run,) = world.send("shop/order")
    data = {"name": "Secret", "message": "s3cr3t"}
    world.answer(run, opcode("StepRun", "pay", data=data))

    assert any(isinstance(row.entry, StepResolved) for row in world.journal)
    assert "s3cr3t" not in str([msgspec.to_builtins(span) for span in world.spans])
