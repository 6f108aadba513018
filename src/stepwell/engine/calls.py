"""Calls to apps that are under way."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from itertools import islice
from typing import Final

import msgspec

from stepwell.core.call import call_body, call_facts, called_request, must_only_plan, target_step
from stepwell.core.function import Function
from stepwell.core.identity import FunctionId, ItemId, RunId
from stepwell.core.journal import CallFacts
from stepwell.core.moment import Ids
from stepwell.core.queue import QueueItem
from stepwell.core.run import RunState
from stepwell.core.trace_ids import call_span_id, trace_headers
from stepwell.engine.clock import Clock
from stepwell.engine.driver import CallHandle, Driver, EndpointCall, SdkCall
from stepwell.wire.request import DISCOVERY
from stepwell.wire.response import Outcome

__all__ = ["Answered", "Call", "CallUnderWay", "Calls", "Slow"]

Slow = Callable[[RunState, int], None]

# A first call is recorded as started together with its answer, which saves a write. Only when the
# answer takes longer is the start recorded on its own, so that readers see the run as running.
_SLOW_S: Final = 0.25
# A generation is the owner's epoch and the number of the call. It must be exact as a double, which
# is what SDKs read it as: 53 bits.
_EPOCH_BITS: Final = 21
_COUNT_BITS: Final = 32


class Call(msgspec.Struct):
    """A call that is under way.

    Attributes:
        item: The queue item as it was dispatched.
        current: The same item as it is now: a checkpoint renews it.
        generation: Unique among the calls of all owners.
        steps_sent: How many results the run had when the call was made.
    """

    item: QueueItem
    current: QueueItem
    run: RunState
    sent_ms: int
    generation: int
    steps_sent: int
    handle: CallHandle | None = None

    @property
    def facts(self) -> CallFacts:
        """What is known of it before it is answered."""
        return call_facts(self.item, self.sent_ms)

    def answered(self, outcome: Outcome) -> CallFacts:
        """What is known of it once it is answered."""
        return call_facts(self.item, self.sent_ms, outcome)


class CallUnderWay(msgspec.Struct, frozen=True):
    """What is told of a call that is under way.

    Attributes:
        step: The hashed id of the step it is for; "" if it is for whatever comes next.
        attempt: From 0.
    """

    run_id: RunId
    function_id: FunctionId
    step: str
    attempt: int
    sent_ms: int


Answered = Callable[[Call, Outcome], None]


class Calls:
    """Sends execution requests and reports what came of them.

    Args:
        driver: Calls the apps.
        clock: The wall clock.
        ids: For request ids.
        epoch: The owner's; distinguishes its calls from those of owners before it.
        answered: Called with every outcome, unless the call was given up.
        slow: Called with a run whose first call has been out for a while, and its start.
    """

    def __init__(
        self,
        driver: Driver,
        clock: Clock,
        ids: Ids,
        *,
        epoch: int,
        answered: Answered,
        slow: Slow,
    ) -> None:
        self._driver = driver
        self._clock = clock
        self._ids = ids
        self._answered = answered
        self._slow = slow
        self._calls: dict[ItemId, Call] = {}
        self._first_calls: deque[Call] = deque()
        self._generation = (epoch & ((1 << _EPOCH_BITS) - 1)) << _COUNT_BITS
        self._slow_timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._calls)

    def make(self, item: QueueItem, run: RunState, function: Function) -> None:
        """Call the function for the item."""
        now_ms = self._clock.now_ms()
        self._generation += 1
        request = _sdk_call(item, run, function, self._ids.ulid(now_ms), self._generation)
        call = Call(item, item, run, now_ms, self._generation, len(run.steps))
        self._calls[item.id] = call
        call.handle = self._driver.call(request, partial(self._done, call))
        if not run.started_ms:
            self._watch_start(call)

    def find(self, run_id: RunId, item_id: ItemId, *, generation: int = 0) -> Call | None:
        """The call under way for a queue item of the run; None when there is none any more.

        Args:
            run_id: The run.
            item_id: The queue item.
            generation: Which call of the item; 0 for any.
        """
        call = self._calls.get(item_id)
        if call is None or call.run.new.id != run_id:
            return None
        return call if generation in {0, call.generation} else None

    def sent_ms(self, item_id: ItemId) -> int | None:
        """When the call under way for the item was sent; None when there is none."""
        call = self._calls.get(item_id)
        return None if call is None else call.sent_ms

    def sent(self) -> list[tuple[FunctionId, int]]:
        """The function of each call under way, and when it was sent."""
        return [(call.item.function_id, call.sent_ms) for call in self._calls.values()]

    def longest(self, limit: int) -> list[CallUnderWay]:
        """Those calls under way that were sent first, in that order."""
        return [_told(call) for call in islice(self._calls.values(), limit)]

    def first_sent_ms(self, run: RunState) -> int | None:
        """When the call of a run that is under way was sent; None when there is none."""
        for item_id in run.items:
            call = self._calls.get(item_id)
            if call is not None:
                return call.sent_ms
        return None

    def is_out(self, item: QueueItem) -> bool:
        """Whether the item is being answered: it was renewed by a checkpoint and needs no turn."""
        call = self._calls.get(item.id)
        return call is not None and call.current == item

    def give_up(self, item_id: ItemId) -> QueueItem | None:
        """Stop waiting for the answer to an item; None when none is awaited."""
        call = self._calls.pop(item_id, None)
        if call is None:
            return None
        if call.handle is not None:
            call.handle.cancel()
        return call.item

    def give_up_all(self) -> None:
        """Stop waiting for any answer. The calls will be made again by the next owner."""
        for item_id in list(self._calls):
            self.give_up(item_id)
        if self._slow_timer is not None:
            self._slow_timer.cancel()
            self._slow_timer = None

    def _done(self, call: Call, outcome: Outcome) -> None:
        if self._calls.get(call.item.id) is not call:
            return
        del self._calls[call.item.id]
        self._answered(call, outcome)

    def _watch_start(self, call: Call) -> None:
        self._first_calls.append(call)
        if self._slow_timer is None:
            loop = asyncio.get_running_loop()
            self._slow_timer = loop.call_later(_SLOW_S, self._report_slow)

    def _report_slow(self) -> None:
        self._slow_timer = None
        now_ms = self._clock.now_ms()
        calls = self._first_calls
        while calls and now_ms - calls[0].sent_ms >= _SLOW_S * 1000:
            call = calls.popleft()
            is_out = self._calls.get(call.item.id) is call
            if is_out and not call.run.started_ms and not call.run.is_ended:
                self._slow(call.run, call.sent_ms)
        if calls:
            loop = asyncio.get_running_loop()
            self._slow_timer = loop.call_later(_SLOW_S, self._report_slow)


def _told(call: Call) -> CallUnderWay:
    item, step = call.item, target_step(call.item)
    return CallUnderWay(
        call.run.new.id,
        item.function_id,
        "" if step == DISCOVERY else step,
        item.attempt,
        call.sent_ms,
    )


def _sdk_call(
    item: QueueItem, run: RunState, function: Function, request_id: str, generation: int
) -> SdkCall:
    endpoint = None
    if function.endpoint_method:
        request = called_request(run, function)
        url, body = request.url, request.body.encode()
        endpoint = EndpointCall(
            method=request.method,
            content_type=request.content_type,
            is_planned=must_only_plan(run, item),
        )
    else:
        url = function.config.url
        body = call_body(run, function, item, request_id=request_id, generation=generation)
    run_id = run.new.id
    span_id = call_span_id(item.id, item.queued_ms, item.attempt)
    traceparent, tracestate = trace_headers(
        run_id, span_id, app_id=function.app_id, function_id=function.id
    )
    return SdkCall(
        url=url,
        body=body,
        run_id=run_id,
        step_id=target_step(item),
        job_id=str(item.id),
        request_id=request_id,
        request_version=run.version,
        attempt=item.attempt,
        generation=generation,
        traceparent=traceparent,
        tracestate=tracestate,
        endpoint=endpoint,
    )
