"""The workloads; docs/benchmarks.md says what each is for."""

import contextlib
import time
import urllib.request
from collections.abc import Callable, Iterator

from bench.app import register
from bench.flow import backlog, tenants
from bench.functions import WAKE_EVENT
from bench.load import Sent
from bench.reading import reading
from bench.result import Result, latency
from bench.server import OwnServer, Server, rss_bytes, rss_peak_bytes
from bench.session import Session

_NAPS = (',"nap":"1h"', ',"nap":"30d"')
_MS_PER_DAY = 86_400_000
_FIRST_CALL_TIMEOUT_S = 120


def noop(session: Session) -> Iterator[Result]:
    """Runs of one call: events of their own request each."""
    scale = session.scale
    with session.server() as server:
        yield session.paced(
            server, "noop", f"{scale.in_flight} in flight", function="noop",
            in_flight=scale.in_flight,
        )  # fmt: skip
        yield session.paced(
            server, "noop", f"{scale.noop_rate:g}/s scheduled", function="noop",
            rate=scale.noop_rate,
        )  # fmt: skip


def ten_steps(session: Session) -> Iterator[Result]:
    """Runs of ten steps one after the other: eleven calls."""
    scale = session.scale
    with session.server() as server:
        yield session.paced(
            server, "ten-steps", f"{scale.in_flight} in flight", function="ten-steps",
            in_flight=scale.in_flight,
        )  # fmt: skip
        yield session.paced(
            server, "ten-steps", f"{scale.ten_steps_rate:g}/s scheduled", function="ten-steps",
            rate=scale.ten_steps_rate,
        )  # fmt: skip


def fanout(session: Session) -> Iterator[Result]:
    """Runs of 100 parallel steps: 102 calls."""
    in_flight = session.scale.in_flight_fanout
    with session.server() as server:
        yield session.paced(
            server, "fanout", f"{in_flight} in flight", function="fanout-100", in_flight=in_flight
        )
        yield session.paced(server, "fanout", "1 in flight", function="fanout-100", in_flight=1)


def batch(session: Session) -> Iterator[Result]:
    """1,000 events in one request, again and again, each when the runs before have ended."""
    with session.server() as server:
        results = [
            session.counted(
                server, "batch", "", function="noop", count=1_000, events_per_request=1_000
            )
            for _ in range(session.scale.batches)
        ]
    yield _median(results, case=f"1,000 events, median of {len(results)}")


def sleeping(session: Session) -> Iterator[Result]:
    """Memory, idle load and latency with many sleeping runs, half of them for an hour."""
    scale = session.scale
    with session.server() as server:
        yield session.paced(
            server, "sleeping", "no-op before", function="noop", rate=scale.noop_rate
        )
        sent = session.send(server, function="sleeper", count=scale.population, fields=_NAPS)
        session.wait_for_runs(sent)
        yield _parked(session, server, sent, case=f"{scale.population:,} asleep")
        yield session.paced(
            server, "sleeping", "no-op after", function="noop", rate=scale.noop_rate
        )


def waiting(session: Session) -> Iterator[Result]:
    """Runs that wait for an event with an expression, each resumed by its own event."""
    count = session.scale.waiting
    with session.server() as server:
        yield _resumed(session, server, count=count, fields="", case=f"{count:,} waits")
    few = count // 5
    with session.server() as server:
        yield _resumed(
            session,
            server,
            count=few,
            fields=',"shared":true',
            case=f"{few:,} waits with a shared value",
        )


def startup(session: Session) -> Iterator[Result]:
    """Start on the database of a killed server with many unfinished runs."""
    if session.target.url is not None:
        return
    count = session.scale.population
    with session.own_server() as server:
        session.app.hold()
        sent = session.send(server, function="noop", count=count)
        server.kill()
        session.app.release()
        yield _started(session, server, sent, case=f"{count:,} queued", probe=False)
    with session.own_server() as server:
        sent = session.send(server, function="sleeper", count=count, fields=_NAPS)
        session.wait_for_runs(sent)
        lost = _parked(session, server, sent, case="").lost
        server.kill()
        started = _started(session, server, sent, case=f"{count:,} asleep", probe=True)
        yield _with_lost(started, lost)


def idle(session: Session) -> Iterator[Result]:
    """A server with a registered app and nothing to do."""
    with session.server() as server:
        session.settle()
        percent = session.idle_percent(server)
        yield Result(
            workload="idle",
            case=f"{session.scale.idle_s:g} s",
            server_cpu_percent=percent,
            rss_mb=rss_bytes(server.pids()) / 1e6 or None,
            rss_peak_mb=rss_peak_bytes(server.pids()) / 1e6 or None,
            more={"idle_percent": percent},
        )


def cost(session: Session) -> Iterator[Result]:
    """What a step costs next to many finished, sleeping and queued runs."""
    count = session.scale.population
    populations: list[tuple[str, Callable[[Server], Sent | None]]] = [
        ("nothing else", lambda _server: None),
        (f"{count:,} finished", lambda server: session.send(server, function="noop", count=count)),
        (
            f"{count:,} asleep",
            lambda server: session.send(server, function="sleeper", count=count, fields=_NAPS),
        ),
        (
            f"{count:,} queued",
            lambda server: session.send(
                server,
                function="noop",
                count=count,
                due_ms=int(time.time() * 1_000) + 30 * _MS_PER_DAY,
            ),
        ),
    ]
    for case, populate in populations:
        with session.server() as server:
            sent = populate(server)
            lost = 0
            if sent is not None and "queued" not in case:
                session.wait_for_runs(sent)
                account = session.account(sent)
                lost = sent.sent - len(sent.not_accepted) - account.completed - account.parked
            result = session.paced(
                server, "cost", case, function="ten-steps", in_flight=session.scale.in_flight
            )
            yield _with_lost(result, lost)


WORKLOADS: dict[str, Callable[[Session], Iterator[Result]]] = {
    "noop": noop,
    "ten-steps": ten_steps,
    "fanout": fanout,
    "batch": batch,
    "waiting": waiting,
    "idle": idle,
    "cost": cost,
    "sleeping": sleeping,
    "startup": startup,
    "backlog": backlog,
    "tenants": tenants,
    "reading": reading,
}


def _resumed(session: Session, server: Server, *, count: int, fields: str, case: str) -> Result:
    sent = session.send(server, function="waiter", count=count, fields=(fields,))
    session.wait_for_runs(sent)
    rate = session.scale.wake_rate
    woken = session.wake(server, sent, event=WAKE_EVENT, rate=rate)
    session.wait_for_ends(sent.sent - len(sent.not_accepted))
    account = session.account(sent)
    return Result(
        workload="waiting",
        case=f"{case}, {rate:g}/s resumed",
        step_ms=latency(account.resume_us),
        acknowledged_ms=latency(woken.acknowledged_us),
        late_ms=latency(woken.late_us),
        rss_mb=rss_bytes(server.pids()) / 1e6 or None,
        rss_peak_mb=rss_peak_bytes(server.pids()) / 1e6 or None,
        lost=sent.sent - len(sent.not_accepted) - account.completed,
        duplicates=account.duplicate_runs + account.repeated_ends,
        wrong_results=account.wrong_results,
        retried_calls=account.retried_calls,
        not_accepted=len(sent.not_accepted) + len(woken.not_accepted),
        problem=sent.problem or woken.problem,
    )


def _parked(session: Session, server: Server, sent: Sent, *, case: str) -> Result:
    session.settle()
    account = session.account(sent)
    status = session.app.status()
    observable = bool(server.pids())
    parked_s = (status.last_call_ns - status.first_call_ns) / 1e9
    return Result(
        workload="sleeping",
        case=case,
        calls_per_s=account.calls / parked_s if parked_s > 0 else None,
        first_call_ms=latency(account.first_call_us),
        acknowledged_ms=latency(sent.acknowledged_us),
        rss_mb=rss_bytes(server.pids()) / 1e6 or None,
        rss_peak_mb=rss_peak_bytes(server.pids()) / 1e6 or None,
        lost=sent.sent - len(sent.not_accepted) - account.parked,
        duplicates=account.duplicate_runs,
        retried_calls=account.retried_calls,
        not_accepted=len(sent.not_accepted),
        problem=sent.problem,
        more={"idle_percent": session.idle_percent(server)} if case and observable else {},
    )


def _started(session: Session, server: OwnServer, sent: Sent, *, case: str, probe: bool) -> Result:
    """Start the server again; with `probe`, an event sent as soon as it answers is the first."""
    app = session.app
    started_ns = server.start()
    ready_s = 0.0
    deadline = time.monotonic() + _FIRST_CALL_TIMEOUT_S
    while time.monotonic() < deadline and not (ready_s and app.status().first_call_ns):
        if not ready_s and _answers(server):
            ready_s = (time.monotonic_ns() - started_ns) / 1e9
            if probe:
                # Answered as soon as the server can also accept events.
                register(server.url, app.url)
                sent = session.send(server, function="noop", count=1)
        time.sleep(0.005)
    first_call_s = (app.status().first_call_ns - started_ns) / 1e9
    status = session.wait_for_runs(sent)
    account = session.account(sent)
    drained_s = (status.last_end_ns - status.first_call_ns) / 1e9
    return Result(
        workload="startup",
        case=case,
        runs_per_s=account.completed / drained_s if not probe and drained_s > 0 else None,
        rss_mb=rss_bytes(server.pids()) / 1e6,
        rss_peak_mb=rss_peak_bytes(server.pids()) / 1e6,
        lost=sent.sent - len(sent.not_accepted) - account.completed - account.parked,
        duplicates=account.duplicate_runs + account.repeated_ends,
        retried_calls=account.retried_calls,
        not_accepted=len(sent.not_accepted),
        problem=sent.problem,
        more={"ready_s": ready_s, "first_call_s": first_call_s},
    )


def _answers(server: OwnServer) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{server.url}/health", timeout=1):
        return True
    return False


def _median(results: list[Result], *, case: str) -> Result:
    """The result with the median time until the last run, with everything that went wrong."""
    ordered = sorted(results, key=lambda result: result.end_ms.max if result.end_ms else 0)
    middle = ordered[len(ordered) // 2]
    return _replaced(
        middle,
        case=case,
        lost=sum(result.lost for result in results),
        duplicates=sum(result.duplicates for result in results),
        not_accepted=sum(result.not_accepted for result in results),
        retried_calls=sum(result.retried_calls for result in results),
        more={"acknowledged_ms": middle.acknowledged_ms.p50 if middle.acknowledged_ms else 0.0},
    )


def _with_lost(result: Result, lost: int) -> Result:
    return _replaced(result, lost=result.lost + lost)


def _replaced(result: Result, **changes: object) -> Result:
    values = {name: getattr(result, name) for name in result.__struct_fields__}
    return Result(**{**values, **changes})
