"""What the checkers of flow control must find when it is broken on purpose."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from stepwell.core.pause import NewRuns, RunningRuns
from stepwell.engine import limits
from stepwell.engine.limits import Bucket
from stepwell.wire.config import (
    Batch,
    ConcurrencyLimit,
    Debounce,
    RateLimit,
    RunConcurrency,
    Singleton,
    Throttle,
    Timeouts,
)
from tests.simulation.checkers import check_finished
from tests.simulation.key_values import KEY
from tests.simulation.operators import (
    bulk_cancel,
    pause_function,
    replay,
    resume_function,
    send_signal,
)
from tests.simulation.outside_world import SECRET
from tests.simulation.programs import Run, Signal, Sleep
from tests.simulation.scenarios import function
from tests.simulation.virtual_loop import pause
from tests.simulation.world import World

_NAP = Sleep(id="s", duration="5m")


def _problems(*nodes: Any, sabotage: str = "SELECT 1", events: int = 3, **options: Any) -> str:
    """What is found when the database is tampered with after some events."""
    world = World([function(*nodes, **options)])

    async def story() -> None:
        for number in range(events):
            await world.send("sim/go", {"key": "k", "n": number})
        await pause(1.0)
        world.connection.executescript(sabotage)
        # Another server knows only what the database says.
        await world.crash()
        await world.send("sim/go", {"key": "k", "n": 9})
        await pause(5_000.0)

    return _found(world, story)


def _found(world: World, story: Callable[[], Any]) -> str:
    world.run(story())
    problems = check_finished(world)
    world.close()
    return "\n".join(problems)


_THROTTLED = {"throttle": Throttle(limit=1, period="1m", burst=1, key=KEY)}
_LIMITED = {"rate_limit": RateLimit(limit=1, period="10m", key=KEY)}
_DEBOUNCED = {"debounce": Debounce(period="1m")}
_BATCHED = {"batch": Batch(size_max=10, timeout="1m")}
_BRIEFLY = {"rate_limit": RateLimit(limit=1, period="1s")}
_SINGLE = {"singleton": Singleton()}
_IN_TIME = {"timeouts": Timeouts(finish="1m")}


@pytest.mark.parametrize(
    ("options", "sabotage", "expected"),
    [
        (_THROTTLED, "DELETE FROM limits", "too early"),
        (_THROTTLED, "UPDATE limits SET tat_ns = tat_ns - 60000000000", "too early"),
        (_LIMITED, "DELETE FROM limits", "was let into main"),
        (_BRIEFLY, "UPDATE limits SET tat_ns = 9000000000000000000", "was kept from main"),
        (_DEBOUNCED, "UPDATE buffered_events SET event_id = (SELECT min(id) FROM events)", "not"),
        (
            _DEBOUNCED,
            "UPDATE buffers SET due_ms = 1; UPDATE queue SET due_ms = 1 WHERE kind = 10",
            "before its debounce ended",
        ),
        (_BATCHED, "DELETE FROM buffered_events WHERE position = 2", "outcomes for main"),
        (_BATCHED, "UPDATE buffered_events SET position = 2 - position + 10", "of its batch"),
        (_SINGLE, "UPDATE runs SET singleton = ''", "lived together"),
        (_IN_TIME, "UPDATE queue SET due_ms = 9000000000000 WHERE kind = 13", "its time was up"),
        ({}, "INSERT INTO skips SELECT event_id, function_id, 'x', '', 1 FROM runs", "2 outcomes"),
        ({}, "DELETE FROM runs", "has 0 outcomes"),
    ],
)
def test_what_was_tampered_with_is_noticed(
    options: dict[str, Any], sabotage: str, expected: str
) -> None:
    assert _problems(_NAP, **options) == ""

    assert expected in _problems(_NAP, sabotage=sabotage, **options)


class _GenerousBucket(Bucket):
    """Lets one more in than it should."""

    __slots__ = ()

    def has_room(self, limit: int, now_ns: int) -> bool:
        return super().has_room(limit + 1, now_ns)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"concurrency": (ConcurrencyLimit(limit=1, key=KEY),)}, "2 under way in"),
        ({"run_concurrency": RunConcurrency(limit=1)}, "2 unfinished in"),
    ],
)
def test_a_limit_that_is_exceeded_by_one_is_noticed(
    monkeypatch: pytest.MonkeyPatch, options: dict[str, Any], expected: str
) -> None:
    slow = Run(id="a", takes_s=5.0)
    assert _problems(slow, **options) == ""
    monkeypatch.setattr(limits, "Bucket", _GenerousBucket)

    assert expected in _problems(slow, **options)


def _broken(*nodes: Any, story: Callable[[World], Awaitable[Any]]) -> str:
    world = World([function(*nodes)])

    async def told() -> None:
        await world.send("sim/go", {"key": "k", "n": 1})
        await pause(1.0)
        await story(world)
        await pause(5_000.0)

    return _found(world, told)


def test_a_call_of_a_function_that_is_held_is_noticed() -> None:
    async def story(world: World) -> None:
        await pause_function(world, "main", new_runs=NewRuns.WAIT, running=RunningRuns.HOLD)
        world.connection.execute("UPDATE functions SET pause = ''")
        await world.crash()
        await pause(500.0)
        await resume_function(world, "main")

    assert "was called while main was paused" in _broken(_NAP, story=story)


def test_an_operation_that_miscounts_is_noticed() -> None:
    async def story(world: World) -> None:
        await bulk_cancel(world, "main", before_ms=world.clock.now_ms())
        await pause(10.0)
        await replay(world, "main", before_ms=world.clock.now_ms())
        await pause(10.0)
        world.connection.execute("UPDATE operations SET done = 0 WHERE kind = 0")
        world.connection.execute("UPDATE operations SET done = 2, seen = 2 WHERE kind = 1")

    found = _broken(_NAP, story=story)
    assert "bulk cancellations count 0 runs" in found
    assert "counts 2 runs, but has 1" in found


def test_a_signal_that_gets_lost_is_noticed() -> None:
    async def story(world: World) -> None:
        await send_signal(world, "approve/k")
        world.signals[0].value = "another"

    found = _broken(Signal(id="w", name="approve", timeout="1h"), _NAP, story=story)
    assert "which nobody has sent" in found
    assert "but no step has it" in found


def test_a_credential_that_is_stored_is_noticed() -> None:
    async def story(world: World) -> None:
        world.connection.execute(
            "UPDATE events SET payload = CAST(replace(CAST(payload AS TEXT), '\"k\"', ?) AS BLOB)",
            (f'"{SECRET}"',),
        )

    assert "a credential is stored" in _broken(_NAP, story=story)
