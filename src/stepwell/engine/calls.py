"""Calls to apps that are under way."""

import asyncio
from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Final

import msgspec

from stepwell.core.call import call_body, target_step
from stepwell.core.function import Function
from stepwell.core.identity import ItemId
from stepwell.core.journal import CallTimes
from stepwell.core.moment import Ids
from stepwell.core.queue import QueueItem
from stepwell.core.run import RunState
from stepwell.engine.clock import Clock
from stepwell.engine.driver import CallHandle, Driver, SdkCall
from stepwell.wire.response import Outcome

__all__ = ["Answered", "Calls", "Slow"]

Answered = Callable[[QueueItem, RunState, Outcome, CallTimes], None]
Slow = Callable[[RunState, int], None]

# A first call is recorded as started together with its answer, which saves a write. Only when the
# answer takes longer is the start recorded on its own, so that readers see the run as running.
_SLOW_S: Final = 0.25


class _Call(msgspec.Struct):
    item: QueueItem
    run: RunState
    sent_ms: int
    handle: CallHandle | None


class Calls:
    """Sends execution requests and reports what came of them.

    Args:
        driver: Calls the apps.
        clock: The wall clock.
        ids: For request ids.
        answered: Called with every outcome, unless the call was given up.
        slow: Called with a run whose first call has been out for a while, and its start.
    """

    def __init__(
        self, driver: Driver, clock: Clock, ids: Ids, *, answered: Answered, slow: Slow
    ) -> None:
        self._driver = driver
        self._clock = clock
        self._ids = ids
        self._answered = answered
        self._slow = slow
        self._calls: dict[ItemId, _Call] = {}
        self._first_calls: deque[_Call] = deque()
        self._slow_timer: asyncio.TimerHandle | None = None
        self._none_left: asyncio.Event | None = None

    def __len__(self) -> int:
        return len(self._calls)

    def make(self, item: QueueItem, run: RunState, function: Function) -> None:
        """Call the function for the item."""
        now_ms = self._clock.now_ms()
        request_id = self._ids.ulid(now_ms)
        request = SdkCall(
            url=function.config.url,
            body=call_body(run, function, item, request_id=request_id),
            run_id=run.new.id,
            step_id=target_step(item),
            job_id=str(item.id),
            request_id=request_id,
            request_version=run.version,
            attempt=item.attempt,
        )
        call = _Call(item, run, now_ms, None)
        self._calls[item.id] = call
        call.handle = self._driver.call(request, partial(self._done, call))
        if not run.started_ms:
            self._watch_start(call)

    def give_up(self, item_id: ItemId) -> QueueItem | None:
        """Stop waiting for the answer to an item; None when none is awaited."""
        call = self._calls.pop(item_id, None)
        if call is None:
            return None
        if call.handle is not None:
            call.handle.cancel()
        self._check_none_left()
        return call.item

    def give_up_all(self) -> None:
        """Stop waiting for any answer. The calls will be made again by the next owner."""
        for item_id in list(self._calls):
            self.give_up(item_id)
        if self._slow_timer is not None:
            self._slow_timer.cancel()
            self._slow_timer = None

    async def none_left(self) -> None:
        """Wait until every call has been answered."""
        if self._calls:
            self._none_left = asyncio.Event()
            await self._none_left.wait()

    def _done(self, call: _Call, outcome: Outcome) -> None:
        item = call.item
        if self._calls.get(item.id) is not call:
            return
        del self._calls[item.id]
        self._answered(item, call.run, outcome, CallTimes(item.queued_ms, call.sent_ms))
        self._check_none_left()

    def _check_none_left(self) -> None:
        if self._none_left is not None and not self._calls:
            self._none_left.set()

    def _watch_start(self, call: _Call) -> None:
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
