"""Show that the database stops growing, and what deleting costs those who commit.

    uv run python -m bench.retention                     with and without retention
    uv run python -m bench.retention --seconds 5         a little of both
    uv run python -m bench.retention --markdown          rows for bench/RESULTS.md

The engine and a store in a file, in one process, on the machine's clock; only the app is missing:
every call is answered at once with 1 KiB, so the server does little else than write. Events come at
a constant rate, are kept for seconds instead of weeks, and so are runs. Latency is that of
`Engine.accept`: from the event to the commit that makes it and its run durable.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID
from stepwell.core.retention import Retention
from stepwell.core.retry import RetryPolicy
from stepwell.engine.driver import CallHandle, SdkCall
from stepwell.engine.engine import Engine
from stepwell.engine.registry import Registry
from stepwell.engine.retention_setup import RetentionSetup
from stepwell.engine.surroundings import Surroundings
from stepwell.server.clock import SystemClock
from stepwell.server.ids import RandomIds
from stepwell.store.sqlite import SqliteStore
from stepwell.store.sqlite.maintenance import status
from stepwell.wire.config import EventTrigger, FunctionConfig
from stepwell.wire.events import parse_events
from stepwell.wire.registration import RegisterRequest
from stepwell.wire.response import FunctionReturned, Outcome

_EVENT = msgspec.json.encode({"name": "bench/kept", "data": {"text": "x" * 900}})
_OUTPUT = msgspec.json.encode({"text": "y" * 900})
_URL = "http://127.0.0.1:9/api/inngest?fnId=bench-kept"


class App:
    """Answers every call in the next turn of the loop; also stands for everything that is fetched."""

    def call(self, _call: SdkCall, done: Callable[[Outcome], None]) -> CallHandle:
        loop = asyncio.get_running_loop()
        return loop.call_soon(done, FunctionReturned(output=_OUTPUT))

    def send(self, *_: object) -> CallHandle:
        raise AssertionError("nothing is fetched here")


class Sample(msgspec.Struct, frozen=True):
    """How large the file was after so many seconds, and how much of it was free."""

    after_s: float
    mib: float
    free_mib: float
    runs: int


class Measured(msgspec.Struct):
    """One lifetime of a server under constant load."""

    kept_s: int | None
    samples: list[Sample] = []
    latencies_ms: list[float] = []
    deleted: Counter[str] = Counter()


async def _live(path: Path, *, rate: int, seconds: float, kept_s: int | None) -> Measured:
    measured = Measured(kept_s, deleted=Counter())
    clock = SystemClock()
    ids = RandomIds(clock)
    registry = Registry(clock, ids)
    store = await SqliteStore.open(path)
    app = App()
    retention = None
    if kept_s is not None:
        kept_ms = 1_000 * kept_s
        kept = Retention(
            events=kept_ms, runs=kept_ms, journals=kept_ms, rollups=kept_ms, operations=kept_ms
        )
        retention = RetentionSetup(server=kept, deleted=measured.deleted)
    engine = Engine(
        Surroundings(
            store=store,
            driver=app,
            gateway=app,
            clock=clock,
            ids=ids,
            registry=registry,
            retries=RetryPolicy(),
            calls_max=1_000,
            retention=retention,
        )
    )
    registry.commit_with(engine)
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(engine.run())
        await engine.ready()
        function = FunctionConfig(
            slug="bench-kept", name="Kept", url=_URL, triggers=(EventTrigger(event="bench/kept"),)
        )
        request = RegisterRequest(app_name="bench", url=_URL, functions=(function,))
        await registry.register(request)
        sampling = tasks.create_task(_sample(path, measured, every_s=max(seconds / 16, 1.0)))
        await _load(engine, clock, ids, measured, rate=rate, seconds=seconds)
        sampling.cancel()
        await engine.stop(5.0)
        await working
    await store.close()
    return measured


async def _load(
    engine: Engine,
    clock: SystemClock,
    ids: RandomIds,
    measured: Measured,
    *,
    rate: int,
    seconds: float,
) -> None:
    """Send at the times that the rate says, whatever becomes of what was sent before."""
    loop = asyncio.get_running_loop()
    began_s = loop.time()

    async def send() -> None:
        now_ms = clock.now_ms()
        parsed = parse_events(
            _EVENT,
            content_type="application/json",
            received_ms=now_ms,
            internal_ids=lambda _index: ids.ulid(now_ms),
        )
        sent_s = time.perf_counter()
        await engine.accept(DEFAULT_ENVIRONMENT_ID, parsed.accepted, seeded=False)
        measured.latencies_ms.append(1_000 * (time.perf_counter() - sent_s))

    async with asyncio.TaskGroup() as tasks:
        for number in range(int(rate * seconds)):
            due_s = began_s + number / rate
            if (left_s := due_s - loop.time()) > 0:
                await asyncio.sleep(left_s)
            tasks.create_task(send())


async def _sample(path: Path, measured: Measured, *, every_s: float) -> None:
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    while True:
        await asyncio.sleep(every_s)
        found = await asyncio.to_thread(status, path)
        runs = next(table.rows for table in found.tables if table.table == "runs")
        measured.samples.append(
            Sample(loop.time() - began_s, found.bytes / 2**20, found.free_bytes / 2**20, runs)
        )


def _told(measured: Measured, *, markdown: bool) -> list[str]:
    kept = "for ever" if measured.kept_s is None else f"{measured.kept_s} s"
    # The first tenth is warming up.
    settled = measured.latencies_ms[len(measured.latencies_ms) // 10 :]
    cuts = statistics.quantiles(settled, n=100)
    sizes = " ".join(f"{sample.mib:.1f}" for sample in measured.samples)
    times = " ".join(f"{sample.after_s:.0f}" for sample in measured.samples)
    runs = " ".join(str(sample.runs) for sample in measured.samples)
    latency = f"{cuts[49]:.2f} / {cuts[98]:.2f}"
    deleted = sum(measured.deleted.values())
    if markdown:
        return [f"| {kept} | {sizes} | {latency} | {deleted:,} |"]
    return [
        f"kept {kept}: {len(measured.latencies_ms):,} events",
        f"  after s        {times}",
        f"  file in MiB    {sizes}",
        f"  runs in it     {runs}",
        f"  accept, p50 / p99 in ms   {latency}",
        f"  rows deleted   {deleted:,}",
    ]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.retention",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--rate", type=int, default=150, help="events a second; default: 150")
    parser.add_argument("--seconds", type=float, default=80.0, help="of load; default: 80")
    parser.add_argument("--kept", type=int, default=15, help="seconds; default: 15")
    parser.add_argument("--markdown", action="store_true", help="print rows for bench/RESULTS.md")
    given = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(30))
    for kept_s in (None, given.kept):
        with tempfile.TemporaryDirectory(prefix="stepwell-bench-") as folder:
            path = Path(folder) / "main.db"
            measured = asyncio.run(
                _live(path, rate=given.rate, seconds=given.seconds, kept_s=kept_s)
            )
        for line in _told(measured, markdown=given.markdown):
            print(line, flush=True)


if __name__ == "__main__":
    main()
