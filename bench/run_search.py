"""Measure how long finding runs takes in a database with many of them.

    uv run python -m bench.run_search                       1,000,000 runs, some minutes
    uv run python -m bench.run_search --runs 20000          a little of everything, in seconds
    uv run python -m bench.run_search --database search.db  keep the database and use it again

The runs are written through the store, in 50 functions of 5 apps: 2 % failed, 1 % cancelled, 300
alive, each with an event and a journal of two steps. They were queued evenly over 30 days.
Questions are asked one after the other, as the APIs ask them, on the read models' own threads.
"""

import argparse
import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Final

import msgspec

from stepwell.core.app import App
from stepwell.core.function import Function
from stepwell.core.identity import (
    DEFAULT_ENVIRONMENT_ID,
    AppId,
    EventId,
    FunctionId,
    RunId,
    StepId,
)
from stepwell.core.journal import Entry, RunEnded, RunStarted, StepName, StepResolved
from stepwell.core.search import SearchQuery, parse_query
from stepwell.core.status import RunStatus
from stepwell.core.transition import (
    JournalRow,
    NewRun,
    RunEnd,
    RunStart,
    StoredEvent,
    Transition,
)
from stepwell.engine.store import join_alone
from stepwell.store.reading import ReadModels
from stepwell.store.sqlite import SqliteStore
from stepwell.store.views import Direction, RunsPage, TimeField
from stepwell.wire.config import EventTrigger, FunctionConfig
from stepwell.wire.ulid import ulid_from

FUNCTIONS: Final = 50
APPS: Final = 5
DAYS: Final = 30
BEGIN_MS: Final = 1_790_000_000_000
QUEUED: Final = 100
RUNNING: Final = 200
RUNS_PER_COMMIT: Final = 2_000
REPETITIONS: Final = 20
#: Questions that take longer are asked only five times.
SLOW_MS: Final = 5_000
PAGE: Final = 40
FAR_PAGE: Final = 50

Question = Callable[[ReadModels], Awaitable[object]]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m bench.run_search",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--database", type=Path, help="used as it is if it exists")
    parser.add_argument(
        "--only", default="", metavar="TEXT", help="questions with this in the name"
    )
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="stepwell-bench-") as directory:
        path = arguments.database or Path(directory, "search.db")
        if not path.exists():
            asyncio.run(create_database(path, arguments.runs))
        print(f"database: {path.stat().st_size / 1e6:,.0f} MB\n")
        asyncio.run(_measure(path, arguments.runs, arguments.repetitions, only=arguments.only))


async def create_database(path: Path, runs: int) -> None:
    """Write a new database with so many runs."""
    store = await SqliteStore.open(path)
    begun_s = time.perf_counter()
    await _fill(store, runs)
    elapsed_s = time.perf_counter() - begun_s
    await store.close()
    print(f"wrote {runs:,} runs in {elapsed_s:.0f} s, {elapsed_s / runs * 1e6:.0f} µs each")


async def _measure(path: Path, runs: int, repetitions: int, *, only: str) -> None:
    store = await SqliteStore.open(path)
    print("| Question | p50 ms | p95 ms | answer |\n|---|---|---|---|")
    reading = store.read_models()
    for name, ask in _questions(runs):
        if only in name:
            await _report(name, ask, reading, repetitions)
    await reading.close()
    await store.close()


async def _report(name: str, ask: Question, reading: ReadModels, repetitions: int) -> None:
    answer = await ask(reading)  # the first one imports and opens what the others use
    times_ms: list[float] = []
    while len(times_ms) < repetitions and (len(times_ms) < 5 or sum(times_ms) < SLOW_MS):
        begun_s = time.perf_counter()
        answer = await ask(reading)
        times_ms.append((time.perf_counter() - begun_s) * 1e3)
    p95_ms = statistics.quantiles(times_ms, n=20, method="inclusive")[-1]
    print(f"| {name} | {statistics.median(times_ms):.1f} | {p95_ms:.1f} | {answer} |", flush=True)


def _questions(runs: int) -> Iterator[tuple[str, Question]]:
    first = RunsPage(DEFAULT_ENVIRONMENT_ID, PAGE)
    for field in TimeField:
        for direction in Direction:
            page = msgspec.structs.replace(first, time_field=field, direction=direction)
            yield f"{field.name} {direction.name}", partial(_page, page)
    for name, page in _filters(runs):
        yield name, partial(_page, page)
        yield f"{name}, page {FAR_PAGE}", partial(_far_page, page)
        yield f"{name}, count", partial(_count, page)


def _filters(runs: int) -> Iterator[tuple[str, RunsPage]]:
    page = partial(RunsPage, DEFAULT_ENVIRONMENT_ID, PAGE)
    failed = (RunStatus.FAILED,)
    yield "no filter", page()
    yield "FAILED", page(statuses=failed)
    yield "RUNNING", page(statuses=(RunStatus.RUNNING,))
    yield "one function", page(function_ids=(_function_id(7),))
    yield "app + FAILED", page(app_ids=(_app_id(3),), statuses=failed)
    yield (
        "one hour, ENDED_AT",
        page(
            time_field=TimeField.ENDED_AT,
            from_ms=BEGIN_MS + 86_400_000 * 10,
            until_ms=BEGIN_MS + 86_400_000 * 10 + 3_600_000,
        ),
    )
    yield "CEL, one run in 10", page(query=_query("event.data.total < 100.0"))
    yield "CEL, one run in 1,000", page(query=_query('event.data.customer == "c-77"'))
    yield "CEL, error", page(query=_query('error.message.contains("declined")'))
    yield "CEL, event.id", page(query=_query('event.id == "order-4321"'))
    yield "CEL, one run at all", page(query=_query(f"event.data.number == {runs // 2}"))
    yield "CEL + FAILED", page(query=_query("event.data.total < 500.0"), statuses=failed)


def _query(text: str) -> SearchQuery:
    query = parse_query(text)
    assert isinstance(query, SearchQuery)
    return query


async def _page(page: RunsPage, reading: ReadModels) -> str:
    found = await reading.search_runs(page)
    return f"{len(found.runs)} runs" + ("" if found.is_complete else ", budget used up")


async def _count(page: RunsPage, reading: ReadModels) -> str:
    count = await reading.count_runs(page)
    return f"{count.runs:,}" + ("" if count.is_exact else " or more")


async def _far_page(page: RunsPage, reading: ReadModels) -> str:
    """The page after those before it, whose time does not count, as far as there are some."""
    return await _page(await _place_of(page, reading), reading)


_PLACES: Final[dict[RunsPage, RunsPage]] = {}


async def _place_of(page: RunsPage, reading: ReadModels) -> RunsPage:
    place = _PLACES.get(page)
    if place is None:
        place = page
        for _ in range(FAR_PAGE - 1):
            found = await reading.search_runs(place)
            if not found.has_next or not found.is_complete:
                break
            place = msgspec.structs.replace(place, after=found.end)
        _PLACES[page] = place
    return place


def _app_id(number: int) -> AppId:
    return AppId(f"a0000000-0000-4000-8000-{number:012d}")


def _function_id(number: int) -> FunctionId:
    return FunctionId(f"f0000000-0000-4000-8000-{number:012d}")


async def _fill(store: SqliteStore, runs: int) -> None:
    owner = await join_alone(store)
    await store.commit(owner, [_catalogue()])
    rng = random.Random(7)  # the same database every time
    for first in range(0, runs, RUNS_PER_COMMIT):
        numbers = range(first, min(first + RUNS_PER_COMMIT, runs))
        batch = [_finished(number, runs, rng) for number in numbers]
        await store.commit(owner, batch)


def _catalogue() -> Transition:
    return Transition(
        apps=[_app(number) for number in range(APPS)],
        functions=[_function(number) for number in range(FUNCTIONS)],
    )


def _app(number: int) -> App:
    return App(
        id=_app_id(number),
        environment_id=DEFAULT_ENVIRONMENT_ID,
        name=f"app-{number}",
        url="http://localhost:3000/api/inngest",
        created_ms=BEGIN_MS,
        synced_ms=BEGIN_MS,
    )


def _function(number: int) -> Function:
    slug = f"app-{number % APPS}-function-{number}"
    config = FunctionConfig(
        slug=slug,
        name=slug,
        url="http://localhost:3000/api/inngest",
        triggers=(EventTrigger(event=f"shop/event-{number % 20}"),),
    )
    return Function(
        _function_id(number),
        _app_id(number % APPS),
        f"app-{number % APPS}",
        DEFAULT_ENVIRONMENT_ID,
        slug,
        slug,
        1,
        config,
        BEGIN_MS,
    )


def _finished(number: int, runs: int, rng: random.Random) -> Transition:
    """One run from its event to its end, or as far as it has come."""
    queued_ms = BEGIN_MS + number * DAYS * 86_400_000 // runs
    started_ms, ended_ms = queued_ms + rng.randrange(5, 50), queued_ms + rng.randrange(60, 60_000)
    # Few functions do most of the work.
    function = min(int(rng.expovariate(0.08)), FUNCTIONS - 1)
    event = _event(number, function, queued_ms, rng)
    run_id = RunId(ulid_from(queued_ms, rng.randbytes(10)))
    run = NewRun(
        run_id,
        DEFAULT_ENVIRONMENT_ID,
        _app_id(function % APPS),
        _function_id(function),
        1,
        queued_ms,
        queued_ms,
        event.id,
        event.name,
        score=queued_ms,
    )
    transition = Transition(events=[event], runs=[run])
    if number >= runs - QUEUED:
        return transition
    transition.started.append(RunStart(run_id, started_ms))
    entries: list[Entry] = [RunStarted(started_ms, version=2)]
    entries += [_step(step, ended_ms) for step in range(2)]
    if number < runs - QUEUED - RUNNING:
        status = rng.choices(
            (RunStatus.COMPLETED, RunStatus.FAILED, RunStatus.CANCELLED), (97, 2, 1)
        )[0]
        entries.append(_end(status, ended_ms, number))
        transition.ended.append(
            RunEnd(run_id, status, started_ms, ended_ms, ended_seq=len(entries) - 1)
        )
    transition.journal += [JournalRow(run_id, seq, entry) for seq, entry in enumerate(entries)]
    return transition


def _event(number: int, function: int, at_ms: int, rng: random.Random) -> StoredEvent:
    event_id = EventId(ulid_from(at_ms, rng.randbytes(10)))
    name = f"shop/event-{function % 20}"
    payload = {
        "name": name,
        "data": {
            "number": number,
            "customer": f"c-{rng.randrange(1000)}",
            "total": round(rng.random() * 1000, 2),
            "items": [{"sku": f"s-{rng.randrange(100)}", "count": 2} for _ in range(3)],
            "note": "leave at the door",
        },
        "id": event_id,
        "ts": at_ms,
        "user": {},
    }
    return StoredEvent(
        event_id,
        0,
        DEFAULT_ENVIRONMENT_ID,
        name,
        # One event in ten has an id of its sender.
        event_id if number % 10 else f"order-{number // 10}",
        at_ms,
        at_ms,
        msgspec.json.encode(payload),
    )


def _step(number: int, at_ms: int) -> StepResolved:
    return StepResolved(
        at_ms=at_ms,
        step=StepId(f"{number:040x}"),
        memo=msgspec.Raw(b'{"data":{"charged":true,"id":"ch_1234567890"}}'),
        name=StepName(f"step {number}", "StepRun", id=f"step-{number}"),
    )


def _end(status: RunStatus, at_ms: int, number: int) -> RunEnded:
    if status is RunStatus.FAILED:
        error = b'{"name":"Error","message":"card declined","stack":"at charge (app.ts:1:1)"}'
        return RunEnded(
            at_ms=at_ms, status=status, output=msgspec.Raw(error), error=msgspec.Raw(error)
        )
    output = msgspec.Raw(b'{"number":%d,"ok":true}' % number)
    return RunEnded(at_ms=at_ms, status=status, output=output)


if __name__ == "__main__":
    main()
