"""A SQLite file with rows in every table: of a server in the middle of its work, and odd ones."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from stepwell.core.access_token import TokenHash
from stepwell.core.identity import EventId, RunId, StepId
from stepwell.core.retention import RetentionOverrides
from stepwell.core.transition import Transition
from stepwell.engine.store import join_alone
from stepwell.store.sqlite import SqliteStore
from stepwell.wire.config import (
    Batch,
    CancelOn,
    ConcurrencyLimit,
    CronTrigger,
    Debounce,
    RateLimit,
    Singleton,
    Throttle,
)
from stepwell.wire.ulid import ulid_from
from tests.simulation.annotators import describe, trace_span
from tests.simulation.key_values import KEY
from tests.simulation.operators import replay
from tests.simulation.programs import Invoke, Run, Signal, Sleep, Wait
from tests.simulation.scenarios import function
from tests.simulation.virtual_loop import pause
from tests.simulation.world import World
from tests.unit.store.builders import (
    ENVIRONMENT,
    a_buffer,
    a_buffered_event,
    a_claim,
    a_function,
    a_limit,
    a_run,
    a_signal,
    a_skip,
    a_sync,
    a_wait,
    an_app,
    an_event,
    an_item,
    an_operation,
    buffer_ref,
)

__all__ = ["NASTY", "TOKEN", "make_full_database", "put_events", "sqlite_rows"]

#: Characters that PostgreSQL has no place for, what stands in for them, and others of all sizes.
NASTY = "\x00a\x01\x02\x00\x02\x01\x01 ü🦊 ' \\ \t\n\\N %s $1"
_ALL_BYTES = bytes(range(256))
_LEAST, _MOST = -(2**63), 2**63 - 1

TOKEN = TokenHash.of("the operator's")

_FUNCTIONS = [
    function(Run(id="a"), Run(id="b"), name="ended"),
    function(Run(id="a"), Sleep(id="s", duration="3h"), cancel=(CancelOn(event="sim/cancel"),)),
    function(Wait(id="w", event="sim/signal", timeout="3h"), name="waiting"),
    function(Signal(id="s", name="approve", timeout="3h"), name="signalled"),
    function(Invoke(id="i", function="sim-main"), name="parent"),
    function(Run(id="a"), name="batched", batch=Batch(size_max=3, timeout="3h", key=KEY)),
    function(Run(id="a"), name="debounced", debounce=Debounce(period="3h", key=KEY)),
    function(Run(id="a"), name="throttled", throttle=Throttle(limit=1, period="3h")),
    function(Run(id="a"), name="rated", rate_limit=RateLimit(limit=1, period="3h", key=KEY)),
    function(Sleep(id="s", duration="3h"), name="alone", singleton=Singleton(key=KEY)),
    function(Run(id="a", takes_s=9e3), name="slow", concurrency=(ConcurrencyLimit(limit=1),)),
    function(Run(id="a", fails=Run.FOR_EVER), name="failing", retries=8),
    function(name="ticking", triggers=(), crons=(CronTrigger(cron="*/5 * * * *"),)),
]


def make_full_database(path: Path) -> None:
    """Write the file, as a server that was stopped leaves it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    world = World(_FUNCTIONS, seed=1)
    world.run(_live(world))
    with closing(sqlite3.connect(path)) as file:
        world.connection.backup(file)
        file.execute("INSERT INTO environments VALUES (?, ?, ?)", (NASTY, NASTY, _MOST))
        file.commit()
    world.close()
    asyncio.run(_add_odd_rows(path))


def put_events(path: Path, times_ms: list[int]) -> None:
    """Store an event and a run of each time."""

    async def put() -> None:
        store = await SqliteStore.open(path)
        owner = await join_alone(store)
        for number, at_ms in enumerate(times_ms):
            ulid = ulid_from(at_ms, number.to_bytes(10))
            event = msgspec.structs.replace(an_event(number), id=EventId(ulid))
            run = msgspec.structs.replace(a_run(number), id=RunId(ulid), event_id=event.id)
            await store.commit(owner, [Transition(events=[event], runs=[run])])
        await store.close()

    asyncio.run(put())


def sqlite_rows(path: Path, table: str) -> list[tuple[Any, ...]]:
    """All rows of a table, sorted."""
    with closing(sqlite3.connect(path)) as connection:
        return sorted(connection.execute(f"SELECT * FROM {table}"))


async def _live(world: World) -> None:
    for number, key in enumerate(["a", "b", "a", "b", "a"]):
        await world.send("sim/go", {"key": key, "n": number}, event_id=f"id-{number}")
    await pause(400.0)
    ((run_id,),) = world.rows("SELECT min(id) FROM runs WHERE ended_ms > 0")
    await describe(world, run_id, "k", [1, "ü"])
    await trace_span(world, run_id, 1, "begun")
    await replay(world, "ended", before_ms=world.clock.now_ms(), rate_per_s=1)
    await pause(2.0)


async def _add_odd_rows(path: Path) -> None:
    store = await SqliteStore.open(path)
    await store.operator_tokens().add(TOKEN, now_ms=_MOST)
    owner = await join_alone(store)
    change = msgspec.structs.replace
    ref = buffer_ref(NASTY)
    await store.commit(
        owner,
        [
            Transition(
                events=[
                    change(an_event(1), name=NASTY, external_id=NASTY, payload=_ALL_BYTES),
                    change(an_event(1, repetition=1), ts_ms=_LEAST, received_ms=_MOST, payload=b""),
                ],
                runs=[
                    change(a_run(1, singleton=NASTY), lane=NASTY, score=_LEAST),
                    a_run(2, event_ids=(EventId(NASTY), EventId("other"))),
                ],
                put=[change(an_item(1, lane=NASTY, body=_ALL_BYTES), step=StepId(NASTY))],
                waits=[a_wait(2, event_name=NASTY, match=(NASTY, NASTY))],
                claims=[a_claim(NASTY)],
                # Two that are the same: the table has no key.
                skips=[change(a_skip(1), detail=NASTY), *[a_skip(2)] * 2],
                limits=[a_limit(NASTY, tat_ns=_MOST)],
                buffers=[a_buffer(ref, "odd")],
                buffered=[change(a_buffered_event("odd", 0, event=1), claim_key=NASTY)],
                signals=[a_signal(NASTY, step=NASTY)],
                operations=[change(an_operation(1), name=NASTY)],
                apps=[change(an_app("odd"), error_detail=NASTY)],
                functions=[a_function("odd")],
                syncs=[change(a_sync(1, "odd"), message=NASTY)],
                retention=[(ENVIRONMENT, RetentionOverrides(events=_MOST))],
            )
        ],
    )
    await store.close()
