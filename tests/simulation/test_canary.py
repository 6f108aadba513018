"""A checker that finds nothing proves nothing: here it must find what was broken on purpose."""

import sqlite3
from collections.abc import Callable

import pytest

from tests.simulation.annotators import describe, trace_span
from tests.simulation.checkers import check_finished
from tests.simulation.programs import Program, Run, SimulatedFunction, Sleep, Trigger
from tests.simulation.virtual_loop import Idle, VirtualLoop, pause
from tests.simulation.world import World

_FUNCTION = SimulatedFunction(
    name="main",
    program=Program(nodes=(Run(id="a"), Sleep(id="s", duration="1h"), Run(id="b"))),
    triggers=(Trigger(event="sim/go"),),
)


def _problems(break_it: Callable[[sqlite3.Connection], object], *, at_s: float) -> list[str]:
    """What is found when the database is tampered with."""
    world = World([_FUNCTION])

    async def story() -> None:
        await world.send("sim/go", {"key": "k"})
        await pause(at_s)
        break_it(world.connection)
        # Another server knows only what the database says.
        await world.crash()
        await pause(7_200.0)

    world.run(story())
    problems = check_finished(world)
    world.close()
    return problems


def _change(sql: str) -> Callable[[sqlite3.Connection], object]:
    return lambda connection: connection.execute(sql)


def test_nothing_is_wrong_with_a_sound_world() -> None:
    assert _problems(_change("SELECT 1"), at_s=100.0) == []


@pytest.mark.parametrize(
    ("sql", "at_s", "expected"),
    [
        ("DELETE FROM queue", 100.0, "nothing of it is queued"),
        ("UPDATE queue SET due_ms = 1", 100.0, "too early"),
        ("DELETE FROM events WHERE name LIKE 'inngest/%'", 4_000.0, "exists 0 times"),
        ("DELETE FROM journal WHERE seq = 2", 4_000.0, "its journal has holes"),
        (
            "UPDATE journal SET body = CAST(replace(CAST(body AS TEXT), 'a#1', 'a#7') AS BLOB)",
            4_000.0,
            "but gave ['a#1']",
        ),
        (
            "INSERT INTO queue SELECT 1, 0, function_id, id, 1, '', 0, 9e15, 0, x'', 'c', 0 FROM runs",
            4_000.0,
            "but step '' of it is in queue",
        ),
        ("DELETE FROM runs", 4_000.0, "has 0 runs of main, expected 1"),
        ("DELETE FROM tallies", 4_000.0, "counted, 0 queued"),
        ("UPDATE rollups SET runs_started = 9 WHERE span = 0", 4_000.0, "RUNS_STARTED, not 1"),
        ("UPDATE rollups SET step_bytes = 9 WHERE span = 1", 4_000.0, "STEP_BYTES, not"),
        ("UPDATE rollups SET call_0 = 9", 4_000.0, "calls in CALL, not"),
    ],
)
def test_a_broken_store_is_noticed(sql: str, at_s: float, expected: str) -> None:
    problems = _problems(_change(sql), at_s=at_s)

    assert any(expected in problem for problem in problems), problems


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("DELETE FROM run_metadata WHERE number = 2", "are not numbered one by one"),
        ("DELETE FROM run_metadata", "its metadata is {}"),
        ("DELETE FROM spans", "is None, but 'work' was acknowledged"),
        ("UPDATE spans SET name = 'x'", "is 'x', but 'work' was acknowledged"),
    ],
)
def test_metadata_and_spans_that_are_lost_are_noticed(sql: str, expected: str) -> None:
    world = World([_FUNCTION])

    async def story() -> None:
        await world.send("sim/go", {"key": "k"})
        ((run_id,),) = world.rows("SELECT id FROM runs")
        for number in range(3):
            await describe(world, run_id, f"k{number}", number)
        await trace_span(world, run_id, 1, "work")
        world.connection.execute(sql)
        await pause(7_200.0)

    world.run(story())
    problems = check_finished(world)
    world.close()

    assert any(expected in problem for problem in problems), problems


def test_a_world_that_can_never_go_on_says_so() -> None:
    with VirtualLoop() as loop, pytest.raises(Idle):
        loop.complete(loop.create_future())


def test_a_year_passes_at_once() -> None:
    with VirtualLoop() as loop:
        loop.complete(pause(365 * 86_400.0))

        assert loop.time() == 365 * 86_400.0
