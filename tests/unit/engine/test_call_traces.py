"""What a call tells the app about its place in the run's trace, and what the journal says of it."""

from collections.abc import Callable

import pytest

from stepwell.core.call import call_facts
from stepwell.core.trace_ids import call_span_id, trace_headers
from stepwell.engine.calls import Call, Calls
from stepwell.engine.driver import SdkCall
from stepwell.wire.config import EventTrigger
from stepwell.wire.response import Outcome
from tests.unit.core.core_world import CoreWorld, function

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


class _App:
    def __init__(self) -> None:
        self.calls: list[SdkCall] = []

    def call(self, call: SdkCall, done: Callable[[Outcome], None]) -> "_App":
        self.calls.append(call)
        return self

    def cancel(self) -> None:
        pass


class _Clock:
    def __init__(self, core: CoreWorld) -> None:
        self._core = core

    def now_ms(self) -> int:
        return self._core.now_ms


async def test_the_span_of_a_call_can_be_found_from_the_journal() -> None:
    """Spans that the app makes during the call are tied to what the call brought by this id."""
    known = function("shop", EventTrigger(event="shop/order"))
    core, app, made = CoreWorld(known), _App(), list[Call]()
    calls = Calls(
        app,
        _Clock(core),
        core.ids,
        epoch=1,
        answered=lambda call, _: made.append(call),
        slow=lambda _run, _ms: None,
    )
    (run,) = core.send("shop/order")
    (item,) = run.items.values()

    calls.make(item, run, known)

    (sent,) = app.calls
    facts = call_facts(item, core.now_ms)
    span_id = call_span_id(facts.item, facts.queued_ms, facts.attempt)
    assert (sent.traceparent, sent.tracestate) == trace_headers(
        run.new.id, span_id, app_id=known.app_id, function_id=known.id
    )
    calls.give_up_all()
