"""Sending spans as fast as a collector takes them, and dropping what it does not.

Runs never wait for it: spans that find no room are dropped and counted, and so are batches that no
attempt has brought to the collector. Source: OpenTelemetry SDK, batching span processor.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final

import msgspec
import structlog

from stepwell import __version__
from stepwell.core.run import RunState
from stepwell.core.transition import Transition
from stepwell.drivers.otlp.run_spans import ExportedSpan, RunSpans
from stepwell.drivers.otlp.sending import Refused, Sender, Sent, TryAgain

__all__ = ["BATCH_MAX", "QUEUE_MAX", "OtlpExporter", "Pacing"]

_log = structlog.get_logger("stepwell.otlp")

#: Spans that wait to be sent; about 1 KiB each.
QUEUE_MAX: Final = 20_000
#: Spans of one request.
BATCH_MAX: Final = 512
_REASON_CHARS_MAX: Final = 200
#: A batch is given up after so many attempts, which take about a minute and a half.
_ATTEMPTS_MAX: Final = 6


class Pacing(msgspec.Struct, frozen=True):
    """How long things take, in seconds.

    Attributes:
        delay_s: A span waits so long for company.
        pause_first_s: Before a batch is sent again; doubled every time.
        pause_max_s: At most, whatever the collector says.
    """

    delay_s: float = 1.0
    pause_first_s: float = 1.0
    pause_max_s: float = 30.0


class OtlpExporter:
    """Exports spans of durable transitions; an observer of the engine.

    Args:
        spans: Makes them.
        sender: Hands them over.
        resource: Attributes of this server, such as `service.name`.
        outcomes: Where spans are counted: those "sent", and those "dropped" because the collector
            did not get or did not take them.
        jitter: Numbers from 0 to 1, so that servers do not try again all at once.
        pacing: How long things take.
    """

    def __init__(
        self,
        spans: RunSpans,
        sender: Sender,
        *,
        resource: Mapping[str, str],
        outcomes: Counter[str],
        jitter: Callable[[], float],
        pacing: Pacing | None = None,
    ) -> None:
        self._spans = spans
        self._sender = sender
        self._resource = resource
        self._outcomes = outcomes
        self._jitter = jitter
        self._pacing = pacing or Pacing()
        self._queue: deque[ExportedSpan] = deque()
        self._wake = asyncio.Event()
        self._full = asyncio.Event()
        self._stopping = asyncio.Event()
        self._ended = asyncio.Event()
        self._is_troubled = False

    def observe(self, run: RunState | None, transition: Transition) -> None:
        """Take in a durable transition; an `Observer` of the partition."""
        for span in self._spans.of(run, transition):
            if len(self._queue) >= QUEUE_MAX:
                self._drop(1, "too many spans wait")
                continue
            self._queue.append(span)
            if len(self._queue) == 1:
                self._wake.set()
            if len(self._queue) >= BATCH_MAX:
                self._full.set()

    async def run(self) -> None:
        """Send until `stop` is called and nothing is left."""
        try:
            while True:
                await self._company()
                while batch := self._take():
                    await self._export(batch)
                if self._stopping.is_set():
                    return
        finally:
            self._ended.set()

    async def stop(self, grace_s: float) -> None:
        """Send what is left, without trying again, for up to `grace_s`; `run` has to be running."""
        self._stopping.set()
        self._wake.set()
        self._full.set()
        with suppress(TimeoutError):
            async with asyncio.timeout(grace_s):
                await self._ended.wait()
        if self._queue:
            self._drop(len(self._queue), "the server stops")
            self._queue.clear()
        await self._sender.close()

    async def _company(self) -> None:
        """Wait for a first span, and a little for others to go with it."""
        await self._wake.wait()
        with suppress(TimeoutError):
            async with asyncio.timeout(self._pacing.delay_s):
                await self._full.wait()

    def _take(self) -> list[ExportedSpan]:
        queue = self._queue
        batch = [queue.popleft() for _ in range(min(BATCH_MAX, len(queue)))]
        if not queue and not self._stopping.is_set():
            self._wake.clear()
            self._full.clear()
        return batch

    async def _export(self, batch: Sequence[ExportedSpan]) -> None:
        # Imported with the first batch, which is when it is needed.
        from stepwell.drivers.otlp.encoding import encode_spans, rejected_spans  # noqa: PLC0415

        request = await asyncio.to_thread(encode_spans, batch, self._resource, version=__version__)
        match await self._deliver(request):
            case Sent(answer=answer):
                rejected, reason = rejected_spans(answer)
                self._outcomes["sent"] += len(batch) - rejected
                if rejected:
                    self._drop(rejected, f"rejected by the collector: {reason[:_REASON_CHARS_MAX]}")
                elif self._is_troubled:
                    self._is_troubled = False
                    _log.info("otlp.recovered", dropped=self._outcomes["dropped"])
            case TryAgain(reason=reason) | Refused(reason=reason):
                self._drop(len(batch), reason)

    async def _deliver(self, request: bytes) -> Sent | TryAgain | Refused:
        """What came of the last attempt."""
        pause_s = self._pacing.pause_first_s
        attempts = 1
        while True:
            result = await self._sender.send(request)
            is_last = attempts >= _ATTEMPTS_MAX or self._stopping.is_set()
            if not isinstance(result, TryAgain) or is_last:
                return result
            attempts += 1
            await self._pause(max(result.after_s, pause_s * (0.5 + self._jitter())))
            pause_s *= 2

    async def _pause(self, pause_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(min(pause_s, self._pacing.pause_max_s)):
                await self._stopping.wait()

    def _drop(self, spans: int, reason: str) -> None:
        """Count lost spans, and tell of the first of a row."""
        self._outcomes["dropped"] += spans
        if not self._is_troubled:
            self._is_troubled = True
            _log.warning("otlp.spans_dropped", reason=reason, spans=spans)
