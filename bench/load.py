"""The load generator: sends events from a process of its own.

Three paces. `RUNS` keeps a number of runs in flight: an event is sent when a run has ended, which
gives the highest throughput whose latencies are not queueing in front of the server. `SCHEDULE`
sends at fixed times whatever the server does: the time an event was meant to be sent is what
latencies count from, so a stall is charged to every event it delays. `ACKS` sends a fixed number
of events as fast as the server accepts them.
"""

import asyncio
import contextlib
import gc
import os
import selectors
import time
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from enum import Enum
from functools import partial
from itertools import cycle
from multiprocessing.connection import Connection as Pipe
from multiprocessing.context import SpawnProcess
from typing import Any, cast
from urllib.parse import urlsplit

import httptools
import uvloop
from msgspec import Struct

from bench.spawning import SPAWN

# Without any answer for so long, the open requests count as not accepted.
_SILENCE_S_MAX = 30
_NS_PER_S = 1_000_000_000


class Pace(Enum):
    """What decides when the next event is sent."""

    RUNS = "runs"
    SCHEDULE = "schedule"
    ACKS = "acks"


class Plan(Struct, frozen=True, kw_only=True):
    """What to send.

    Attributes:
        server_urls: Origins of the server under test; connections are dealt out among them.
        event_key: Path segment after `/e/`.
        events: Names of the events, one of them per event in turn.
        session: Put into the events, so that the app can tell them from others.
        first_index: Index of the first event; the others follow.
        pace: What decides when the next event is sent.
        connections: Keep-alive connections; one request at a time on each. Enough of them that
            no event waits for one: a server may answer for an event after its run has ended.
        in_flight: Runs in flight (`RUNS`).
        rate: Events per second (`SCHEDULE`).
        count: Number of events (`ACKS`).
        events_per_request: Above 1 they are sent as an array (`ACKS`).
        fields: JSON members added to each event's `data`, starting with a comma; one of them per
            event in turn.
        due_ms: Time of the events, ms since 1970; absent if 0.
    """

    server_urls: Sequence[str]
    event_key: str
    events: Sequence[str]
    session: str
    first_index: int
    pace: Pace
    connections: int = 1
    in_flight: int = 0
    rate: float = 0
    count: int = 0
    events_per_request: int = 1
    fields: tuple[str, ...] = ("",)
    due_ms: int = 0


class Timing(Struct, frozen=True):
    """When to send, in ns of CLOCK_MONOTONIC.

    Attributes:
        start_ns: The first event.
        end_ns: No event is sent from then on (`RUNS`, `SCHEDULE`).
    """

    start_ns: int
    end_ns: int = 0


class Sent(Struct, frozen=True):
    """What became of a plan.

    Attributes:
        sent: Events sent.
        not_accepted: Index of each event that was not answered with 200.
        problem: The first answer that was not 200, or the first lost connection.
        acknowledged_us: From the intended sending of each request to its answer, packed.
        late_us: From the intended to the real sending of each request, packed.
        elapsed_s: From the first event to the last answer.
        cpu_s: Processor time of the load generator.
    """

    sent: int
    not_accepted: frozenset[int]
    problem: str
    acknowledged_us: bytes
    late_us: bytes
    elapsed_s: float
    cpu_s: float


class _Request:
    __slots__ = ("body", "count", "first_index", "intended_ns")

    def __init__(self, body: bytes, *, first_index: int, count: int, intended_ns: int) -> None:
        self.body = body
        self.first_index = first_index
        self.count = count
        self.intended_ns = intended_ns


class _Connection(asyncio.Protocol):
    """One keep-alive connection with at most one request on it."""

    def __init__(self, load: "_Load", head: bytes) -> None:
        self._load = load
        self._head = head
        self._parser = httptools.HttpResponseParser(self)
        self._body = b""
        self.request: _Request | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def connection_lost(self, _error: Exception | None) -> None:
        self._load.lost(self)

    def send(self, request: _Request) -> None:
        self.request = request
        self._transport.write(b"%b%d\r\n\r\n%b" % (self._head, len(request.body), request.body))

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.close()

    def on_body(self, body: bytes) -> None:
        self._body += body

    def on_message_complete(self) -> None:
        body, self._body = self._body, b""
        self._load.answered(self, self._parser.get_status_code(), body)

    def is_reusable(self) -> bool:
        return bool(self._parser.should_keep_alive())

    def close(self) -> None:
        self._transport.close()


class _Load:
    """Carries out one plan."""

    def __init__(self, plan: Plan, completions_fd: int) -> None:
        self._plan = plan
        self._timing = Timing(0)
        self._completions_fd = completions_fd
        self._servers = cycle(urlsplit(url) for url in plan.server_urls)
        self._events_of = [
            f'{{"name":"{event}","data":{{"s":"{plan.session}","i":'.encode()
            for event in plan.events
        ]
        due = f',"ts":{plan.due_ms}' if plan.due_ms else ""
        self._tails = [f"{fields}}}{due}}}".encode() for fields in plan.fields]
        self._next_index = plan.first_index
        self._connections: set[_Connection] = set()
        self._free: deque[_Connection] = deque()
        self._waiting: deque[_Request] = deque()
        self._unanswered = 0
        self._exhausted = False
        self._closing = False
        self._not_accepted: set[int] = set()
        self._problem = ""
        self._acknowledged_us = array("q")
        self._late_us = array("q")
        self._last_answer_ns = 0
        self._finished = asyncio.Event()
        self._reconnecting: set[asyncio.Task[None]] = set()

    async def run(self, connected: Callable[[], Timing]) -> Sent:
        """Carry it out; `connected` says when, once all connections are open."""
        plan = self._plan
        for _ in range(plan.connections):
            await self._connect()
        self._timing = timing = connected()
        cpu_ns = time.process_time_ns()
        self._last_answer_ns = timing.start_ns
        await _sleep_until(timing.start_ns)
        if plan.pace is Pace.SCHEDULE:
            await self._send_on_schedule()
        elif plan.pace is Pace.RUNS:
            await self._send_as_runs_end()
        else:
            for _ in range(plan.connections):
                self._send_batch()
        self._no_more()
        await self._all_answered()
        self._closing = True
        for connection in self._connections:
            connection.close()
        return Sent(
            sent=self._next_index - plan.first_index,
            not_accepted=frozenset(self._not_accepted),
            problem=self._problem,
            acknowledged_us=self._acknowledged_us.tobytes(),
            late_us=self._late_us.tobytes(),
            elapsed_s=(self._last_answer_ns - timing.start_ns) / _NS_PER_S,
            cpu_s=(time.process_time_ns() - cpu_ns) / _NS_PER_S,
        )

    async def _all_answered(self) -> None:
        while not self._finished.is_set():
            last_answer_ns = self._last_answer_ns
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_SILENCE_S_MAX):
                    await self._finished.wait()
            if not self._finished.is_set() and self._last_answer_ns == last_answer_ns:
                self._give_up()
                return

    async def _send_on_schedule(self) -> None:
        start_ns, end_ns = self._timing.start_ns, self._timing.end_ns
        interval_ns = _NS_PER_S / self._plan.rate
        for number in range(int((end_ns - start_ns) / interval_ns)):
            intended_ns = start_ns + int(number * interval_ns)
            # Also when it is late already: answers have to be read in between.
            await _sleep_until(intended_ns)
            self._send(self._events(1, intended_ns))

    async def _send_as_runs_end(self) -> None:
        end_ns = self._timing.end_ns
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()

        def on_completions() -> None:
            for _ in range(len(os.read(self._completions_fd, 65_536))):
                now_ns = time.monotonic_ns()
                if now_ns >= end_ns:
                    ended.set()
                    return
                self._send(self._events(1, now_ns))

        with contextlib.suppress(BlockingIOError):
            while os.read(self._completions_fd, 65_536):
                pass
        loop.add_reader(self._completions_fd, on_completions)
        for _ in range(self._plan.in_flight):
            self._send(self._events(1, time.monotonic_ns()))
        # Also when no run ends any more, the plan has to.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout((end_ns - time.monotonic_ns()) / _NS_PER_S + 0.1):
                await ended.wait()
        loop.remove_reader(self._completions_fd)

    def _send_batch(self) -> None:
        plan = self._plan
        unsent = plan.first_index + plan.count - self._next_index
        if unsent > 0:
            count = min(unsent, plan.events_per_request)
            self._send(self._events(count, time.monotonic_ns()))

    def _events(self, count: int, intended_ns: int) -> _Request:
        first_index = self._next_index
        self._next_index += count
        intended_us = intended_ns // 1_000
        begins, tails = self._events_of, self._tails
        body = b",".join(
            b'%b%d,"t":%d%b'
            % (begins[index % len(begins)], index, intended_us, tails[index % len(tails)])
            for index in range(first_index, first_index + count)
        )
        if self._plan.events_per_request > 1:
            body = b"[%b]" % body
        return _Request(body, first_index=first_index, count=count, intended_ns=intended_ns)

    def _send(self, request: _Request) -> None:
        self._unanswered += 1
        if self._free:
            self._write(self._free.popleft(), request)
        else:
            self._waiting.append(request)

    def _write(self, connection: _Connection, request: _Request) -> None:
        self._late_us.append((time.monotonic_ns() - request.intended_ns) // 1_000)
        connection.send(request)

    def answered(self, connection: _Connection, status: int, body: bytes) -> None:
        request, connection.request = connection.request, None
        if request is None:
            return
        now_ns = time.monotonic_ns()
        self._last_answer_ns = now_ns
        self._acknowledged_us.append((now_ns - request.intended_ns) // 1_000)
        if status != 200:
            self._failed(request, f"HTTP {status}: {body[:200].decode(errors='replace')}")
        self._settled()
        if not connection.is_reusable():
            connection.close()
        elif self._waiting:
            self._write(connection, self._waiting.popleft())
        else:
            self._free.append(connection)
            if self._plan.pace is Pace.ACKS:
                self._send_batch()

    def lost(self, connection: _Connection) -> None:
        self._connections.discard(connection)
        if self._closing:
            return
        with contextlib.suppress(ValueError):
            self._free.remove(connection)
        if connection.request is not None:
            self._failed(connection.request, "the server closed the connection of a request")
            self._settled()
        task = asyncio.get_running_loop().create_task(self._reconnect())
        self._reconnecting.add(task)
        task.add_done_callback(self._reconnecting.discard)

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        url = next(self._servers)
        head = (
            f"POST /e/{self._plan.event_key} HTTP/1.1\r\nHost: {url.netloc}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        _, connection = await loop.create_connection(
            lambda: _Connection(self, head), url.hostname or "127.0.0.1", url.port or 80
        )
        self._connections.add(connection)
        if self._waiting:
            self._write(connection, self._waiting.popleft())
        else:
            self._free.append(connection)

    async def _reconnect(self) -> None:
        with contextlib.suppress(OSError):
            await self._connect()

    def _failed(self, request: _Request, problem: str) -> None:
        self._problem = self._problem or problem
        self._not_accepted.update(range(request.first_index, request.first_index + request.count))

    def _settled(self) -> None:
        self._unanswered -= 1
        self._no_more_if_exhausted()

    def _no_more(self) -> None:
        self._exhausted = True
        self._no_more_if_exhausted()

    def _no_more_if_exhausted(self) -> None:
        plan = self._plan
        all_sent = plan.pace is not Pace.ACKS or self._next_index >= plan.first_index + plan.count
        if self._exhausted and all_sent and self._unanswered == 0:
            self._finished.set()

    def _give_up(self) -> None:
        on_the_way = (connection.request for connection in self._connections)
        for request in (*self._waiting, *on_the_way):
            if request is not None:
                self._failed(request, "the server did not answer in time")
        self._waiting.clear()


async def _sleep_until(when_ns: int) -> None:
    await asyncio.sleep(max(0, when_ns - time.monotonic_ns()) / _NS_PER_S)


def _loop_for(pace: Pace) -> asyncio.AbstractEventLoop:
    if pace is Pace.SCHEDULE:
        # uvloop and epoll round timeouts up to whole ms, which would count as the server's
        # latency; select() takes µs.
        return asyncio.SelectorEventLoop(selectors.SelectSelector())
    return uvloop.new_event_loop()


def _generate(control: "Pipe[Any, Any]", completions: "Pipe[Any, Any]") -> None:
    os.set_blocking(completions.fileno(), False)
    # A collection would count as the server's latency.
    gc.disable()
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        while True:
            plan: Plan = control.recv()
            with asyncio.Runner(loop_factory=partial(_loop_for, plan.pace)) as runner:
                load = _Load(plan, completions.fileno())
                control.send(runner.run(load.run(partial(_await_timing, control))))
            gc.collect()


def _await_timing(control: "Pipe[Any, Any]") -> Timing:
    control.send(None)
    return cast("Timing", control.recv())


class LoadProcess:
    """The load generator in a process of its own."""

    def __init__(self, completions: "Pipe[Any, Any]") -> None:
        self._control, control = SPAWN.Pipe()
        self._process: SpawnProcess = SPAWN.Process(
            target=_generate, args=(control, completions), daemon=True
        )
        self._process.start()
        control.close()

    def prepare(self, plan: Plan) -> None:
        """Open the plan's connections."""
        self._control.send(plan)
        self._control.recv()

    def start(self, timing: Timing) -> None:
        """Begin with the plan prepared last; `wait` gives its result."""
        self._control.send(timing)

    def wait(self) -> Sent:
        return cast("Sent", self._control.recv())

    def stop(self) -> None:
        self._control.close()
        self._process.join()
