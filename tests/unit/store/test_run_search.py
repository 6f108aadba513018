"""Finding runs: pages that neither repeat nor leave out, counts, and how much is looked at."""

import asyncio
import itertools
import random
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import event

from stepwell.core.identity import AppId, EnvironmentId, EventId, FunctionId, RunId
from stepwell.core.journal import RunEnded, RunStarted
from stepwell.core.search import SearchQuery, parse_query
from stepwell.core.status import RunStatus
from stepwell.core.transition import JournalRow, NewRun, RunEnd, RunStart, StoredEvent, Transition
from stepwell.engine.store import join_alone
from stepwell.store import queries, run_matching, run_search, scanning
from stepwell.store.reading import ReadModels
from stepwell.store.sqlite import SqliteStore
from stepwell.store.views import (
    Direction,
    FoundRuns,
    RunsCount,
    RunsPage,
    RunView,
    ScannedRuns,
    TimeField,
    cursor_of,
)
from stepwell.wire.ulid import ulid_from
from tests.postgres.fixtures import PostgresBench
from tests.unit.store.builders import ENVIRONMENT, a_function, a_run, event_id
from tests.unit.store.conftest import OpenedStore, Place, place_named

pytestmark = pytest.mark.anyio

ELSEWHERE = EnvironmentId("elsewhere")
FUNCTIONS = [FunctionId(f"function-{n}") for n in range(4)]
APPS = [AppId("app-0"), AppId("app-1")]
_LAST = FUNCTIONS[-1]


def _functions() -> Transition:
    return Transition(
        functions=[
            msgspec.structs.replace(
                a_function(),
                id=function_id,
                app_id=APPS[number % 2],
                slug=function_id,
                environment_id=ELSEWHERE if function_id == _LAST else ENVIRONMENT,
            )
            for number, function_id in enumerate(FUNCTIONS)
        ]
    )


class Life(msgspec.Struct, frozen=True):
    """A run in the fewest words; times are 0 for what has not happened."""

    status: RunStatus = RunStatus.COMPLETED
    queued_ms: int = 1_000
    started_ms: int = 2_000
    ended_ms: int = 3_000
    function: int = 0
    output: bytes = b""
    error: bytes = b""
    data: Sequence[Any] = ({},)
    name: str = "shop/order"


_numbers = itertools.count(1)
_random = random.Random(5)


def _run(life: Life) -> Transition:
    """The rows of a run, with an event for each data of its batch."""
    events = [_event(next(_numbers), data, life.name) for data in life.data]
    event_ids = tuple(stored.id for stored in events)
    run = msgspec.structs.replace(
        a_run(1, event_ids=event_ids if len(event_ids) > 1 else ()),
        id=RunId(ulid_from(life.queued_ms, _random.randbytes(10))),
        function_id=FUNCTIONS[life.function],
        queued_ms=life.queued_ms,
        event_id=event_ids[0],
        event_name=life.name,
        singleton="",
    )
    transition = Transition(events=events, runs=[run])
    _live(transition, run, life)
    return transition


def _live(transition: Transition, run: NewRun, life: Life) -> None:
    if life.started_ms:
        transition.started.append(RunStart(run.id, life.started_ms))
        transition.journal.append(JournalRow(run.id, 0, RunStarted(at_ms=1)))
    if life.ended_ms:
        end = RunEnded(
            at_ms=1,
            status=life.status,
            output=msgspec.Raw(life.output or b"null"),
            error=msgspec.Raw(life.error or b"null"),
        )
        transition.journal.append(JournalRow(run.id, 1, end))
        transition.ended.append(RunEnd(run.id, life.status, life.started_ms, life.ended_ms, 1))


def _event(number: int, data: Any, name: str) -> StoredEvent:
    payload = msgspec.json.encode({"name": name, "data": data, "ts": number})
    return StoredEvent(event_id(number), 0, ENVIRONMENT, name, f"sent-{number}", number, 1, payload)


@pytest.fixture(params=["sqlite-memory", "postgres-newest"])
def place(request: pytest.FixtureRequest) -> Place:
    """Searching is the same on a file, and the SQL on every version."""
    return place_named(request, request.param)


@pytest.fixture
async def memory_store(memory: sqlite3.Connection) -> AsyncIterator[SqliteStore]:
    """For what only SQLite tells: how it finds rows."""
    opened = SqliteStore.in_memory(connection=memory)
    yield opened
    await opened.close()


async def _store(store: OpenedStore, lives: Sequence[Life]) -> list[RunId]:
    owner = await join_alone(store)
    transitions = [_run(life) for life in lives]
    await store.commit(owner, [_functions(), *transitions])
    return [transition.runs[0].id for transition in transitions]


def _query(text: str) -> SearchQuery:
    query = parse_query(text)
    assert isinstance(query, SearchQuery), query
    return query


async def _pages(reading: ReadModels, page: RunsPage) -> list[list[RunView]]:
    pages = []
    while True:
        found = await reading.search_runs(page)
        assert len(found.runs) <= page.limit
        pages.append(found.runs)
        if not found.has_next:
            return pages
        page = msgspec.structs.replace(page, after=found.end)


def _plausible(life: Life) -> Life:
    """Only what has ended has an end, and a skipped run was never started."""
    has_started = life.status not in {RunStatus.SCHEDULED, RunStatus.SKIPPED}
    must_have = life.status in {RunStatus.RUNNING, RunStatus.COMPLETED}
    return msgspec.structs.replace(
        life,
        started_ms=(life.started_ms or (2_000 if must_have else 0)) if has_started else 0,
        ended_ms=life.ended_ms if life.status.is_ended else 0,
    )


_LIVES = st.builds(
    Life,
    status=st.sampled_from(RunStatus),
    # Few different times, so that many runs share one.
    queued_ms=st.integers(1_000, 1_004),
    started_ms=st.sampled_from([0, 2_000, 2_001]),
    ended_ms=st.sampled_from([3_000, 3_001]),
    function=st.integers(0, 3),
).map(_plausible)


@st.composite
def _any_page(draw: st.DrawFn) -> RunsPage:
    field = draw(st.sampled_from(TimeField))
    base = {TimeField.QUEUED_AT: 1_000, TimeField.STARTED_AT: 2_000, TimeField.ENDED_AT: 3_000}
    times = st.none() | st.integers(base[field] - 1, base[field] + 5)
    return RunsPage(
        ENVIRONMENT,
        draw(st.integers(1, 5)),
        time_field=field,
        direction=draw(st.sampled_from(Direction)),
        from_ms=draw(times),
        until_ms=draw(times),
        statuses=tuple(draw(st.lists(st.sampled_from(RunStatus), max_size=3))),
        function_ids=tuple(draw(st.lists(st.sampled_from(FUNCTIONS), max_size=2))),
        app_ids=tuple(draw(st.lists(st.sampled_from(APPS), max_size=1))),
        include_skipped=draw(st.booleans()),
    )


def _is_listed(run: RunView, page: RunsPage) -> bool:
    at_ms = cursor_of(run, page.time_field).at_ms
    statuses = set(page.statuses)
    if not page.include_skipped:
        statuses -= {RunStatus.SKIPPED}
        if run.status is RunStatus.SKIPPED:
            return False
    return (
        run.function_id != _LAST
        and (at_ms > 0)
        and (page.from_ms is None or at_ms >= page.from_ms)
        and (page.until_ms is None or at_ms <= page.until_ms)
        and (not statuses or run.status in statuses)
        and (not page.function_ids or run.function_id in page.function_ids)
        and (not page.app_ids or APPS[FUNCTIONS.index(run.function_id) % 2] in page.app_ids)
    )


_some_lives = st.lists(_LIVES, max_size=40)
_some_pages = st.lists(_any_page(), min_size=1, max_size=8)


@given(_some_lives, _some_pages)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
async def test_the_pages_together_are_the_sorted_list(
    lives: list[Life], pages: list[RunsPage]
) -> None:
    """In every order and with every filter: nothing twice, nothing left out, and counted right."""
    await _check_pages(SqliteStore.in_memory(), lives, pages)


@given(lives=_some_lives, pages=_some_pages)
@settings(
    max_examples=10,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
async def test_the_pages_of_postgres_are_the_sorted_list(
    postgres_newest_bench: PostgresBench, lives: list[Life], pages: list[RunsPage]
) -> None:
    await _check_pages(await postgres_newest_bench.empty().open(), lives, pages)


async def _check_pages(store: OpenedStore, lives: list[Life], pages: list[RunsPage]) -> None:
    reading = store.read_models()
    ids = await _store(store, lives)
    known = [run for run_id in ids if (run := await reading.run(run_id))]

    for page in pages:
        sign = -1 if page.direction is Direction.DESC else 1
        expected = sorted(
            (run for run in known if _is_listed(run, page)),
            key=lambda run, page=page, sign=sign: (  # type: ignore[misc]
                sign * cursor_of(run, page.time_field).at_ms,
                run.id,
            ),
        )
        found = list(itertools.chain(*await _pages(reading, page)))
        assert found == expected
        assert await reading.count_runs(page) == RunsCount(len(expected), is_exact=True)
    await reading.close()
    await store.close()


@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("field", TimeField)
async def test_many_runs_of_one_moment_are_paged_by_their_ids(
    store: OpenedStore, reading: ReadModels, field: TimeField, direction: Direction
) -> None:
    """One request can bring thousands of events; no page may read all of their runs."""
    ids = await _store(store, [Life()] * 700 + [Life(queued_ms=999, started_ms=1_999)])
    page = RunsPage(ENVIRONMENT, 90, time_field=field, direction=direction)

    found = [run.id for run in itertools.chain(*await _pages(reading, page))]

    same, other = sorted(ids[:-1]), ids[-1:]
    if field is TimeField.ENDED_AT:
        assert found == sorted(ids)
    else:
        assert found == (same + other if direction is Direction.DESC else other + same)


async def test_a_run_that_ends_between_two_pages_does_not_disturb_the_others(
    store: OpenedStore, reading: ReadModels
) -> None:
    running = Life(RunStatus.RUNNING, ended_ms=0)
    ids = await _store(store, [msgspec.structs.replace(running, queued_ms=n) for n in range(1, 7)])
    page = RunsPage(ENVIRONMENT, 3)
    first = await reading.search_runs(page)

    owner = await join_alone(store)
    ended = [JournalRow(ids[2], 1, RunEnded(at_ms=1, status=RunStatus.COMPLETED))]
    end = RunEnd(ids[2], RunStatus.COMPLETED, 2_000, 3_000, 1)
    newer = _run(Life(queued_ms=50))
    await store.commit(owner, [Transition(journal=ended, ended=[end]), newer])
    second = await reading.search_runs(msgspec.structs.replace(page, after=first.end))

    assert [run.id for run in (*first.runs, *second.runs)] == ids[::-1]


async def test_a_page_holds_what_a_run_returned(store: OpenedStore, reading: ReadModels) -> None:
    await _store(store, [Life(output=b'{"a":1}')])

    found = await reading.search_runs(RunsPage(ENVIRONMENT, 1))

    assert [run.output for run in found.runs] == [b'{"a":1}']
    assert found == FoundRuns(found.runs, cursor_of(found.runs[0], TimeField.QUEUED_AT), True)


async def test_an_empty_page_has_no_end(store: OpenedStore, reading: ReadModels) -> None:
    await _store(store, [])

    assert await reading.search_runs(RunsPage(ENVIRONMENT, 1)) == FoundRuns([], None, False)


@pytest.mark.parametrize(
    ("from_ms", "until_ms"), [(None, -5), (2**60, None), (5, 4), (-(2**70), -1), (2**48, 2**70)]
)
async def test_an_absurd_range_holds_no_runs(
    store: OpenedStore, reading: ReadModels, from_ms: int | None, until_ms: int | None
) -> None:
    await _store(store, [Life()])
    for field in TimeField:
        page = RunsPage(ENVIRONMENT, 9, field, from_ms=from_ms, until_ms=until_ms)
        assert (await reading.search_runs(page)).runs == []
        assert await reading.count_runs(page) == RunsCount(0, is_exact=True)


async def test_a_range_may_be_wider_than_time(store: OpenedStore, reading: ReadModels) -> None:
    await _store(store, [Life()])
    page = RunsPage(ENVIRONMENT, 9, from_ms=-(2**70), until_ms=2**70)

    assert len((await reading.search_runs(page)).runs) == 1


async def test_a_count_beyond_the_bound_says_so(
    store: OpenedStore, reading: ReadModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    await _store(store, [Life()] * 12)
    counts = []
    for bound in (11, 12, 13):
        monkeypatch.setattr(run_search, "COUNTED_MAX", bound)
        counts.append(await reading.count_runs(RunsPage(ENVIRONMENT, 1)))

    assert counts == [RunsCount(11, False), RunsCount(12, True), RunsCount(12, True)]


_ORDERS = [Life(data=({"n": n, "even": n % 2 == 0},), queued_ms=1_000 + n) for n in range(30)]


@pytest.mark.parametrize("limit", [1, 4, 15, 99])
async def test_a_query_is_paged_like_a_filter(
    store: OpenedStore, reading: ReadModels, limit: int
) -> None:
    ids = await _store(store, _ORDERS)
    page = RunsPage(ENVIRONMENT, limit, query=_query("event.data.even == true"))

    found = [run.id for run in itertools.chain(*await _pages(reading, page))]

    assert found == ids[28::-2]
    assert await reading.count_runs(page) == RunsCount(15, is_exact=True)


async def test_filters_apply_on_top_of_a_query(store: OpenedStore, reading: ReadModels) -> None:
    failed = Life(RunStatus.FAILED, error=b'{"message":"no"}', data=({"n": 1},))
    ids = await _store(store, [Life(data=({"n": 1},)), failed, Life(data=({"n": 2},))])
    page = RunsPage(ENVIRONMENT, 9, query=_query("event.data.n == 1"))
    only = msgspec.structs.replace(page, statuses=(RunStatus.FAILED,))

    assert {run.id for run in (await reading.search_runs(page)).runs} == set(ids[:2])
    assert [run.id for run in (await reading.search_runs(only)).runs] == [ids[1]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("output.total > 5", [0]),
        ("output.total > 5 && event.data.n == 0", [0]),
        ("output == null", [4]),
        ('error.message == "no"', [1]),
        ('event.name == "shop/paid"', [2]),
        ('event.name == "shop/order" && event.data.n == 3', [3]),
        ("event.data.n == 31", [3]),
        ("event.data.n == 3 && event.data.m == 31", []),
        ("event.data.n >= 0 || output.total == 6", [0, 1, 2, 3, 4]),
        ("user.x == 1", [0, 1, 2, 3, 4]),
        ("output.secret == 1", []),
    ],
)
async def test_events_outputs_and_errors_are_searched(
    store: OpenedStore, reading: ReadModels, text: str, found: list[int]
) -> None:
    """What a failed run shows as its output is no output here. Source: GraphQL API, 6."""
    lives = [
        Life(output=b'{"total":6}', data=({"n": 0},)),
        Life(
            RunStatus.FAILED,
            output=b'{"secret":1}',
            error=b'{"message":"no"}',
            data=({"n": 1},),
        ),
        Life(RunStatus.RUNNING, ended_ms=0, data=({"n": 2},), name="shop/paid"),
        Life(output=b"1e999", data=({"n": 3, "m": 3}, {"n": 31, "m": 31}, {"n": 32})),
        Life(data=({"n": 4},)),
    ]
    ids = await _store(store, lives)
    page = RunsPage(ENVIRONMENT, 9, query=_query(text))

    runs = (await reading.search_runs(page)).runs

    assert {run.id for run in runs} == {ids[number] for number in found}


async def test_an_event_is_found_by_either_of_its_ids(
    store: OpenedStore, reading: ReadModels
) -> None:
    (run_id, _) = await _store(store, [Life(), Life()])
    run = await reading.run(run_id)
    assert run is not None
    stored = await reading.event(ENVIRONMENT, run.event_id)
    assert stored is not None

    for known in (stored.id, stored.external_id):
        page = RunsPage(ENVIRONMENT, 9, query=_query(f'event.id == "{known}"'))
        assert [found.id for found in (await reading.search_runs(page)).runs] == [run_id]


@pytest.mark.parametrize("bound", [100, 0])
@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("field", TimeField)
async def test_runs_looked_up_by_events_are_listed_like_those_looked_for(
    store: OpenedStore,
    reading: ReadModels,
    monkeypatch: pytest.MonkeyPatch,
    field: TimeField,
    direction: Direction,
    bound: int,
) -> None:
    """In the same order, by the same filters, in the same pages; also where there are too many."""
    monkeypatch.setattr(run_search, "EVENT_RUNS_MAX", bound)
    lives = [Life(function=n % 4, data=({"n": n}, {"m": n}), queued_ms=n // 3) for n in range(24)]
    lives[8] = msgspec.structs.replace(lives[8], status=RunStatus.FAILED)
    ids = await _store(store, lives)
    runs = [run for run_id in ids if (run := await reading.run(run_id))]
    names = [f"sent-{int(run.event_ids[1][3:])}" for run in runs[:16]]
    by_id = RunsPage(
        ENVIRONMENT,
        3,
        time_field=field,
        direction=direction,
        statuses=(RunStatus.COMPLETED,),
        app_ids=(APPS[0],),
        query=_query(f"event.id in {msgspec.json.encode(names).decode()}"),
    )
    by_data = msgspec.structs.replace(by_id, query=_query("event.data.m < 16"))

    assert await _pages(reading, by_id) == await _pages(reading, by_data)
    assert await reading.count_runs(by_id) == RunsCount(7, is_exact=True)


async def test_a_run_whose_event_was_deleted_is_still_searched(
    store: OpenedStore, reading: ReadModels, place: Place
) -> None:
    (run_id,) = await _store(store, [Life(output=b"1")])
    place.execute("DELETE FROM events")
    page = RunsPage(ENVIRONMENT, 9, query=_query('output == 1 || event.name == "x"'))

    assert [run.id for run in (await reading.search_runs(page)).runs] == [run_id]


async def test_of_events_stored_twice_under_an_id_the_first_counts(
    store: OpenedStore, reading: ReadModels
) -> None:
    await _store(store, [Life(data=({"n": 1},))])
    first = (await reading.search_runs(RunsPage(ENVIRONMENT, 1))).runs[0].event_id
    again = StoredEvent(EventId(first), 9, ENVIRONMENT, "x", "", 1, 1, b'{"data":{"n":2}}')
    owner = await join_alone(store)
    await store.commit(owner, [Transition(events=[again])])

    for number, expected in ((1, 1), (2, 0)):
        page = RunsPage(ENVIRONMENT, 9, query=_query(f"event.data.n == {number}"))
        assert len((await reading.search_runs(page)).runs) == expected


async def test_a_used_up_budget_ends_a_page_where_the_next_one_begins(
    store: OpenedStore, reading: ReadModels, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However rare what is looked for, a request ends, and those after it find the rest."""
    monkeypatch.setattr(scanning, "SCAN_ROWS_MAX", 12)
    ids = await _store(store, _ORDERS)
    page = RunsPage(ENVIRONMENT, 9, query=_query("event.data.n in [29, 5, 0]"))

    answers = []
    while True:
        found = await reading.search_runs(page)
        answers.append(([run.id for run in found.runs], found.has_next, found.is_complete))
        if not found.has_next:
            break
        page = msgspec.structs.replace(page, after=found.end)

    assert answers == [
        ([ids[29]], True, False),
        ([], True, False),
        ([ids[5], ids[0]], False, True),
    ]
    assert await reading.count_runs(page) == RunsCount(1, is_exact=False)


async def test_a_page_that_is_full_looks_no_further(
    store: OpenedStore, reading: ReadModels
) -> None:
    ids = await _store(store, _ORDERS)
    page = RunsPage(ENVIRONMENT, 2, query=_query("event.data.n >= 0"))

    found = await reading.search_runs(page)

    assert [run.id for run in found.runs] == [ids[29], ids[28]]
    assert found.end is not None
    assert found.end.run_id == ids[28]
    assert (found.has_next, found.is_complete) == (True, True)


async def test_a_request_looks_no_further_when_its_time_is_over() -> None:
    """Time counts as much as rows: payloads may be large and patterns slow."""
    clock = itertools.count(0.0, scanning.SCAN_S_MAX / 3)
    asked: list[int] = []

    async def look(page: RunsPage, rows_max: int) -> ScannedRuns:
        asked.append(rows_max)
        return ScannedRuns([], None, 100, is_exhausted=False)

    found, is_complete = await scanning.scan_within_budget(
        look, RunsPage(ENVIRONMENT, 1), turn=asyncio.Lock(), now_s=lambda: next(clock)
    )

    assert asked == [scanning.SCAN_ROWS_MAX - looked_at for looked_at in (0, 100, 200)]
    assert (found.looked_at, is_complete) == (300, False)


@pytest.mark.parametrize(("step_s", "looked_at"), [(0.0, 130), (0.03, 120), (0.06, 20)])
async def test_a_piece_ends_when_it_is_late_but_gets_on(
    memory_store: SqliteStore, memory: sqlite3.Connection, step_s: float, looked_at: int
) -> None:
    ids = await _store(memory_store, [Life(queued_ms=1_000 + n) for n in range(130)])
    clock = itertools.count(0.0, step_s)
    page = RunsPage(ENVIRONMENT, 9, query=_query("event.data.n == 1"))

    with queries.engine_on(memory).connect() as connection:
        piece = run_matching.scan(connection, page, rows_max=1_000, now_s=lambda: next(clock))

    assert (piece.looked_at, piece.is_exhausted) == (looked_at, looked_at == 130)
    assert piece.end is not None
    assert piece.end.run_id == ids[-looked_at]


async def test_requests_that_scan_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """One of the threads that read stays for everybody else."""
    monkeypatch.setattr(scanning, "SCAN_ROWS_MAX", 3_000)
    turn = asyncio.Lock()
    looking: list[int] = []

    def look_for(request: int) -> Callable[[RunsPage, int], Awaitable[ScannedRuns]]:
        async def look(page: RunsPage, rows: int) -> ScannedRuns:
            looking.append(request)
            await asyncio.sleep(0)
            assert looking[-1] == request
            return ScannedRuns([], None, 1_000, is_exhausted=False)

        return look

    page = RunsPage(ENVIRONMENT, 1)
    async with asyncio.TaskGroup() as group:
        for request in (1, 2):
            group.create_task(scanning.scan_within_budget(look_for(request), page, turn=turn))

    assert looking[:6] == [1, 2, 1, 2, 1, 2]


async def _statements(memory: sqlite3.Connection, page: RunsPage) -> list[tuple[str, list[str]]]:
    """The statements that answer the page, each with the plan for it."""
    engine = queries.engine_on(memory)
    ran: list[tuple[str, Any]] = []
    event.listen(
        engine,
        "before_cursor_execute",
        lambda _c, _cursor, statement, parameters, _context, _many: ran.append(
            (statement, parameters)
        ),
    )
    if page.query is None:
        queries.answer(engine, "x", lambda q: q.search_runs(page))
        queries.answer(engine, "x", lambda q: q.count_runs(page))
    else:
        queries.answer(engine, "x", lambda q: q.scan_runs(page, 100))
    return [
        (sql, [row[3] for row in memory.execute(f"EXPLAIN QUERY PLAN {sql}", parameters)])
        for sql, parameters in ran
        if sql.startswith("SELECT")
    ]


_FILTERS: list[dict[str, Any]] = [
    {},
    {"statuses": (RunStatus.FAILED,)},
    {"function_ids": (FUNCTIONS[0],)},
    {"function_ids": tuple(FUNCTIONS[:3]), "statuses": (RunStatus.FAILED, RunStatus.RUNNING)},
    {"app_ids": (APPS[0],)},
    {"app_ids": (APPS[0],), "statuses": (RunStatus.FAILED,)},
    {"from_ms": 500, "until_ms": 5_000},
    {"query": _query("event.data.n == 1 && output.x != 2")},
]
_BY_EVENT = _query('event.id in ["sent-1", "x"] && event.data.n == 1')


@pytest.mark.parametrize("filters", _FILTERS)
@pytest.mark.parametrize("direction", Direction)
@pytest.mark.parametrize("field", TimeField)
async def test_runs_are_found_by_index_without_scanning_or_sorting(
    memory_store: SqliteStore,
    memory: sqlite3.Connection,
    field: TimeField,
    direction: Direction,
    filters: dict[str, Any],
) -> None:
    """The tables of functions and the rows of one page may be scanned; runs never."""
    await _store(memory_store, [Life(queued_ms=n) for n in range(1_000, 1_060)])
    page = RunsPage(ENVIRONMENT, 20, time_field=field, direction=direction, **filters)

    statements = await _statements(memory, page)

    plans = [line for _, plan in statements for line in plan]
    assert any("runs_" in line for line in plans)
    for line in plans:
        assert "TEMP B-TREE" not in line
        assert not line.startswith(("SCAN runs", "SCAN events", "SCAN journal"))
    index = {
        TimeField.QUEUED_AT: "runs_function",
        TimeField.STARTED_AT: "runs_started",
        TimeField.ENDED_AT: "runs_ended",
    }[field]
    used = {line.split("INDEX ")[1].split(" ")[0] for line in plans if "INDEX runs_" in line}
    assert used == {index}


@pytest.mark.parametrize("field", TimeField)
async def test_runs_of_an_event_are_looked_up(
    memory_store: SqliteStore, memory: sqlite3.Connection, field: TimeField
) -> None:
    """By its own id and its sender's, among first and later events of batches."""
    await _store(memory_store, [Life(queued_ms=n) for n in range(1_000, 1_060)])
    page = RunsPage(ENVIRONMENT, 20, time_field=field, query=_BY_EVENT)

    plans = [line for _, plan in await _statements(memory, page) for line in plan]

    for name in ("events_external", "runs_event", "SEARCH events USING PRIMARY KEY"):
        assert any(name in line for line in plans), name
    assert not [line for line in plans if line.startswith(("SCAN runs", "SCAN events", "SCAN b"))]
    assert not [line for line in plans if "runs_function" in line or "runs_started" in line]


async def test_a_page_reads_no_more_than_it_shows(
    memory_store: SqliteStore, memory: sqlite3.Connection
) -> None:
    """The number of statements depends on the page, not on how many runs there are."""
    counts = []
    for lives in ([Life(queued_ms=n) for n in range(1_000, 1_100)],) * 4:
        await _store(memory_store, lives)
        counts.append(len(await _statements(memory, RunsPage(ENVIRONMENT, 20))))

    assert len(set(counts[1:])) == 1
