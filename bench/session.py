"""Running one piece of load against a server and accounting for all of it."""

import contextlib
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from msgspec import Struct

from bench.app import AppProcess, register
from bench.functions import EVENT_OF
from bench.ledger import Account, Status, Window
from bench.load import LoadProcess, Pace, Plan, Sent, Timing
from bench.result import Observed, Result, combined
from bench.server import OwnServer, RemoteServer, Server, cpu_s, rss_bytes, rss_peak_bytes

_NS_PER_S = 1_000_000_000
# Between giving the load generator the time of its first event and that time.
_LEAD_S = 0.05
_POLL_S = 0.02


class Scale(Struct, frozen=True, kw_only=True):
    """How much is done.

    Attributes:
        duration_s: Measured window of a paced load.
        warmup_s: The same load before the window.
        idle_s: Window in which nothing happens.
        population: Number of finished, sleeping, queued and unfinished runs.
        waiting: Number of runs that wait for an event.
        backlogs: Numbers of runs that are queued over `keys` keys before any of them may start.
        keys: Values of the key of those.
        tenants: Values of the key when one of them floods.
        tenants_rate: Events per second of the tenants that do not flood, together.
        flood: Runs of the one that floods, queued before.
        connections: Connections for events in requests of their own.
        in_flight: Runs in flight where runs pace the load.
        in_flight_fanout: The same for runs of 100 steps.
        noop_rate: Events per second of the scheduled no-op load.
        ten_steps_rate: Events per second of the scheduled ten-step load.
        wake_rate: Events per second that resume waiting runs.
        batches: How often 1,000 events are sent in one request.
        stall_s: Without any call for so long, what is missing counts as lost. Longer than the first
            retry delay of a call (15 to 45 s), so that a retried call does not count.
        fresh_servers: Whether each measurement has a new server.
    """

    duration_s: float = 10
    warmup_s: float = 2
    idle_s: float = 15
    population: int = 100_000
    waiting: int = 10_000
    backlogs: tuple[int, ...] = (20_000, 100_000, 1_000_000)
    keys: int = 10_000
    tenants: int = 1_000
    tenants_rate: float = 500
    flood: int = 50_000
    connections: int = 256
    in_flight: int = 64
    in_flight_fanout: int = 8
    noop_rate: float = 1_000
    ten_steps_rate: float = 100
    wake_rate: float = 1_000
    batches: int = 20
    stall_s: float = 60
    fresh_servers: bool = True


SMOKE = Scale(
    duration_s=0.3,
    warmup_s=0.1,
    idle_s=0.5,
    population=200,
    waiting=50,
    backlogs=(100, 400),
    keys=20,
    tenants=20,
    tenants_rate=50,
    flood=200,
    connections=32,
    in_flight=8,
    in_flight_fanout=2,
    noop_rate=50,
    ten_steps_rate=10,
    wake_rate=200,
    batches=1,
    stall_s=10,
    fresh_servers=False,
)


class Target(Struct, frozen=True, kw_only=True):
    """Which server: the one at `url`, or else one started with `command`."""

    url: str | None
    command: str
    server_pids: list[int]
    data_parent: Path
    event_key: str


class Session:
    """App and load generator, and the server of the moment."""

    def __init__(self, target: Target, scale: Scale) -> None:
        self.scale = scale
        self.target = target
        self._id = secrets.token_hex(4)
        self._next_index = 0
        self.app = AppProcess()
        self._load = LoadProcess(self.app.completions)
        self._shared: OwnServer | None = None

    def close(self) -> None:
        """End every process of the benchmark."""
        if self._shared is not None:
            self._shared.stop()
        self._load.stop()
        self.app.stop()

    @contextlib.contextmanager
    def server(self) -> Iterator[Server]:
        """A server that knows the app: a new one, where that is possible and wanted."""
        if self.target.url is not None:
            remote = RemoteServer(self.target.url, self.target.server_pids)
            register(remote.url, self.app.url)
            yield remote
            return
        with self.own_server() as own:
            yield own

    @contextlib.contextmanager
    def own_server(self) -> Iterator[OwnServer]:
        """As `server`, one that can be killed and started again."""
        server = self._shared or OwnServer(self.target.command, self.target.data_parent)
        if self._shared is None:
            if not self.scale.fresh_servers:
                self._shared = server
            try:
                server.start()
                server.wait_until_ready()
                register(server.url, self.app.url)
            except BaseException:
                server.stop()
                self._shared = None
                raise
        try:
            yield server
        finally:
            if self.scale.fresh_servers:
                server.stop()

    def paced(
        self,
        server: Server,
        workload: str,
        case: str,
        *,
        function: str,
        in_flight: int = 0,
        rate: float = 0,
        fields: tuple[str, ...] = ("",),
        events: Sequence[str] = (),
    ) -> Result:
        """Load for the length of the window: `in_flight` runs at a time, or `rate` a second.

        Of the function, or of those that `events` start, in turn.
        """
        scale = self.scale
        self._load.prepare(
            Plan(
                server_urls=server.urls,
                event_key=self.target.event_key,
                events=events or [EVENT_OF[function]],
                session=self._id,
                first_index=self._next_index,
                pace=Pace.SCHEDULE if rate else Pace.RUNS,
                connections=scale.connections,
                in_flight=in_flight,
                rate=rate,
                fields=fields,
            )
        )
        start_ns = time.monotonic_ns() + int(_LEAD_S * _NS_PER_S)
        window = Window(
            start_ns + int(scale.warmup_s * _NS_PER_S),
            start_ns + int((scale.warmup_s + scale.duration_s) * _NS_PER_S),
        )
        self._begin(window, notify_completions=not rate)
        self._load.start(Timing(start_ns, window.end_ns))
        sleep_until(window.start_ns)
        before = self._processor_s(server)
        sleep_until(window.end_ns)
        after = self._processor_s(server)
        sent = self._wait_for_load()
        self._wait_for(lambda status: status.ended >= sent.sent - len(sent.not_accepted))
        return combined(
            workload,
            case,
            sent=sent,
            account=self.account(sent),
            observed=observed(server, scale.duration_s, before, after),
        )

    def counted(
        self,
        server: Server,
        workload: str,
        case: str,
        *,
        function: str,
        count: int,
        events_per_request: int,
    ) -> Result:
        """A number of events as fast as the server accepts them, until every run has ended."""
        before = self._processor_s(server)
        start_ns = time.monotonic_ns()
        sent = self.send(
            server, function=function, count=count, events_per_request=events_per_request
        )
        self.wait_for_runs(sent)
        after = self._processor_s(server)
        status = self.app.status()
        window_s = max(status.last_call_ns - start_ns, 1) / _NS_PER_S
        return combined(
            workload,
            case,
            sent=sent,
            account=self.account(sent),
            observed=observed(server, window_s, before, after),
        )

    def send(
        self,
        server: Server,
        *,
        function: str,
        count: int,
        events_per_request: int = 1_000,
        fields: tuple[str, ...] = ("",),
        due_ms: int = 0,
    ) -> Sent:
        """Send a number of events; returns when the server has answered for all of them."""
        self._begin(Window(), notify_completions=False)
        self._load.prepare(
            Plan(
                server_urls=server.urls,
                event_key=self.target.event_key,
                events=[EVENT_OF[function]],
                session=self._id,
                first_index=self._next_index,
                pace=Pace.ACKS,
                connections=1,
                count=count,
                events_per_request=min(events_per_request, count),
                fields=fields,
                due_ms=due_ms,
            )
        )
        self._load.start(Timing(time.monotonic_ns()))
        return self._wait_for_load()

    def wake(self, server: Server, sleepers: Sent, *, event: str, rate: float) -> Sent:
        """Send, for each of the runs started last, the event it waits for."""
        self._load.prepare(
            Plan(
                server_urls=server.urls,
                event_key=self.target.event_key,
                events=[event],
                session=self._id,
                first_index=self._next_index - sleepers.sent,
                pace=Pace.SCHEDULE,
                connections=self.scale.connections,
                rate=rate,
            )
        )
        start_ns = time.monotonic_ns() + int(_LEAD_S * _NS_PER_S)
        # Half an interval more, so that rounding cannot leave out the last event.
        end_ns = start_ns + int((sleepers.sent + 0.5) / rate * _NS_PER_S)
        self._load.start(Timing(start_ns, end_ns))
        return self._load.wait()

    def wait_for_runs(self, sent: Sent) -> Status:
        """Wait until each accepted event has a run that ended, sleeps or waits, or until a stall."""
        accepted = sent.sent - len(sent.not_accepted)
        return self._wait_for(lambda status: status.ended + status.parked >= accepted)

    def wait_for_ends(self, count: int) -> Status:
        """Wait until so many runs have ended, or until a stall."""
        return self._wait_for(lambda status: status.ended >= count)

    def watched(self, server: Server, count: int) -> tuple[float, float]:
        """Runs that end per second while a backlog is worked off, and the server's CPU per call.

        Args:
            server: With the backlog, just released.
            count: Runs of the backlog.
        """
        started = self.app.status()
        before_s = self._processor_s(server)[0] or 0.0
        began_ns = time.monotonic_ns()
        end_ns = began_ns + int(self.scale.duration_s * _NS_PER_S)
        status = started
        # Not to its end: the last runs of a backlog have the server to themselves.
        while status.ended - started.ended < 0.9 * count and time.monotonic_ns() < end_ns:
            time.sleep(_POLL_S)
            status = self.app.status()
        took_s = (time.monotonic_ns() - began_ns) / _NS_PER_S
        calls = max(1, status.calls - started.calls)
        cpu_used_s = (self._processor_s(server)[0] or 0.0) - before_s
        return (status.ended - started.ended) / took_s, cpu_used_s / calls

    def account(self, sent: Sent) -> Account:
        return self.app.account(not_accepted=sent.not_accepted)

    def settle(self) -> None:
        """Give the server a moment to finish what follows the last call."""
        time.sleep(min(1.0, self.scale.idle_s))

    def idle_percent(self, server: Server) -> float:
        """Processor use while nothing happens, in percent of a core."""
        before_s = cpu_s(server.pids())
        time.sleep(self.scale.idle_s)
        return 100 * (cpu_s(server.pids()) - before_s) / self.scale.idle_s

    def _begin(self, window: Window, *, notify_completions: bool) -> None:
        self.app.begin(
            session=self._id,
            first_index=self._next_index,
            window=window,
            notify_completions=notify_completions,
        )

    def _wait_for_load(self) -> Sent:
        sent = self._load.wait()
        self._next_index += sent.sent
        return sent

    def _wait_for(self, is_done: Callable[[Status], bool]) -> Status:
        calls_seen = -1
        deadline = 0.0
        while True:
            status = self.app.status()
            if is_done(status):
                return status
            if status.calls != calls_seen:
                calls_seen = status.calls
                deadline = time.monotonic() + self.scale.stall_s
            elif time.monotonic() > deadline:
                print(f"no call for {self.scale.stall_s:.0f} s: {status}", file=sys.stderr)
                return status
            time.sleep(_POLL_S)

    def _processor_s(self, server: Server) -> tuple[float | None, float]:
        pids = server.pids()
        return (cpu_s(pids) if pids else None), self.app.cpu_s()


def observed(
    server: Server,
    window_s: float,
    before: tuple[float | None, float],
    after: tuple[float | None, float],
) -> Observed:
    """What was seen of a workload from outside, given the processor times around it."""
    pids = server.pids()
    server_s = None if before[0] is None or after[0] is None else after[0] - before[0]
    return Observed(
        window_s=window_s,
        server_cpu_s=server_s,
        app_cpu_s=after[1] - before[1],
        rss_bytes=rss_bytes(pids),
        rss_peak_bytes=rss_peak_bytes(pids),
    )


def sleep_until(when_ns: int) -> None:
    """Sleep until a time of CLOCK_MONOTONIC."""
    time.sleep(max(0, when_ns - time.monotonic_ns()) / _NS_PER_S)
