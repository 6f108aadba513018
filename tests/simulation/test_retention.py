"""Everything old is deleted while runs sleep, events are held back and old runs are run again.

Whenever the server is killed, and however slow its disk is: what a live run or an event that was
accepted needs is there after every single commit, and what nothing needs any more is gone in the
end.
"""

from collections.abc import Sequence
from functools import partial
from random import Random

import pytest

from stepwell.core.retention import Retention
from stepwell.core.status import RunStatus
from stepwell.core.transition import Transition
from stepwell.engine.nodes import Ownership
from stepwell.wire.config import Batch, Debounce, RateLimit
from tests.simulation.faults import Faults
from tests.simulation.faulty_store import CrashOnce, CrashPlan, never
from tests.simulation.operators import replay, rerun
from tests.simulation.programs import Invoke, Run, SimulatedFunction, Sleep, Trigger, Wait
from tests.simulation.scenarios import function
from tests.simulation.virtual_loop import pause
from tests.simulation.world import World

_KEPT_S = 20
_KEPT_MS = _KEPT_S * 1_000
_RETENTION = Retention(
    events=_KEPT_MS,
    runs=_KEPT_MS,
    journals=_KEPT_MS // 2,
    rollups=_KEPT_MS,
    operations=_KEPT_MS,
)
_DISKS = {
    "fast": {},
    "slow": {"commit_slow": 1.0, "read_slow": 0.5},
    "slowest": {"commit_slow": 1.0, "read_slow": 1.0},
}


def _on(event: str) -> tuple[Trigger, ...]:
    return (Trigger(event=event),)


_FUNCTIONS: list[SimulatedFunction] = [
    function(Run(id="a"), name="quick", triggers=_on("sim/quick")),
    function(
        Run(id="a"),
        Sleep(id="s", duration="50s"),
        Invoke(id="i", function="sim-called"),
        name="long",
        triggers=_on("sim/long"),
    ),
    function(Run(id="a"), name="called", triggers=()),
    function(Wait(id="w", event="sim/late", timeout="2m"), name="waits", triggers=_on("sim/long")),
    function(Run(id="a"), name="held", triggers=_on("sim/held"), debounce=Debounce(period="45s")),
    function(
        Run(id="a"),
        name="collected",
        triggers=_on("sim/held"),
        batch=Batch(size_max=3, timeout="30s"),
    ),
    function(
        Run(id="a"),
        name="limited",
        triggers=_on("sim/quick"),
        rate_limit=RateLimit(limit=1, period="1m"),
    ),
]

_BROKEN = {
    "the event of a live run is gone": """
SELECT id FROM runs WHERE status IN (0, 5) AND event_id NOT IN (SELECT id FROM events)
""",
    "an event of a live batch is gone": """
SELECT runs.id FROM runs, json_each(runs.event_ids) AS of_batch
 WHERE status IN (0, 5) AND event_ids <> '' AND of_batch.value NOT IN (SELECT id FROM events)
""",
    "the journal of a live run has holes": """
SELECT run_id FROM journal JOIN runs ON runs.id = run_id
 WHERE status IN (0, 5) GROUP BY run_id HAVING max(seq) <> count(*) - 1
""",
    "an event that is held back is gone": """
SELECT event_id FROM buffered_events WHERE event_id NOT IN (SELECT id FROM events)
""",
    "an event that is not decided about is gone": """
SELECT item_id FROM queue
 WHERE kind IN (7, 9) AND json_extract(CAST(body AS TEXT), '$.event_id') NOT IN (SELECT id FROM events)
""",
    "a run that ended has no outcome": """
SELECT id FROM runs
 WHERE ended_ms > 0 AND NOT EXISTS (
    SELECT 1 FROM journal WHERE run_id = runs.id AND seq = runs.ended_seq)
""",
    "what belonged to a run is left": """
SELECT run_id FROM journal WHERE run_id NOT IN (SELECT id FROM runs)
UNION ALL SELECT run_id FROM batch_events WHERE run_id NOT IN (SELECT id FROM runs)
""",
}


_TABLES = ("runs", "events", "journal", "batch_events", "skips", "operations", "buffered_events")
_ANY_ROW = " OR ".join(f"EXISTS (SELECT 1 FROM {table})" for table in _TABLES)
_NOTHING_LEFT = f"SELECT 1 WHERE NOT ({_ANY_ROW})"


class _Watched(World):
    """A world in which everything is looked at after every commit.

    Attributes:
        problems: What was found.
        begun: Runs that came into being, by function.
        ends: How runs have ended.
    """

    def __init__(
        self, is_crash: CrashPlan, *, disk: str = "fast", seed: int = 1, nodes: int = 1
    ) -> None:
        super().__init__(
            _FUNCTIONS,
            seed=seed,
            is_crash=is_crash,
            faults=Faults(Random(seed), _DISKS[disk]),
            retention=_RETENTION,
            nodes=nodes,
            partitions=2 * nodes - 1,
        )
        self.problems: set[str] = set()
        self.begun: dict[str, str] = {}
        self.ends: dict[str, RunStatus] = {}

    def committed(self, owner: Ownership, batch: Sequence[Transition]) -> None:
        super().committed(owner, batch)
        for problem, sql in _BROKEN.items():
            if self.rows(sql):
                self.problems.add(problem)
        for transition in batch:
            self.begun |= {run.id: run.function_id for run in transition.runs}
            self.ends |= {end.run_id: end.status for end in transition.ended}


async def _story(world: World) -> None:
    """Runs and events of all kinds; old ones are run again at the very time they are deleted."""
    await world.send("sim/quick", {"key": "k", "n": 1})
    for number in range(2):
        await world.send("sim/held", {"key": "k", "n": number})
    await world.send("sim/long", {"key": "k", "n": 1})
    ((quick,),) = world.rows(
        "SELECT r.id FROM runs r JOIN functions f ON f.id = r.function_id WHERE f.name = 'quick'"
    )
    await pause(_KEPT_S - 2.0)
    await replay(world, "quick", before_ms=world.clock.now_ms(), rate_per_s=1)
    for _ in range(6):
        await rerun(world, quick)
        await pause(0.8)
    await pause(_KEPT_S)
    await world.send("sim/late", {"key": "k", "n": 1})


def _live(is_crash: CrashPlan, *, disk: str = "fast") -> _Watched:
    world = _Watched(is_crash, disk=disk)

    async def story() -> None:
        await _story(world)
        await world.quiet(limit_s=1_000.0)
        # Until everything is old, and was found to be so, by a server that may just have begun.
        await world.until(_NOTHING_LEFT, limit_s=2_000.0)
        await pause(_KEPT_S)

    world.run(story())
    return world


def _check(world: _Watched) -> None:
    assert sorted(world.problems) == []
    assert world.begun.keys() == world.ends.keys()
    assert set(world.ends.values()) == {RunStatus.COMPLETED}
    names = dict(world.rows("SELECT id, name FROM functions"))
    begun = [names[function_id] for function_id in world.begun.values()]
    once = {"long", "called", "waits", "held", "collected", "limited"}
    assert {name: begun.count(name) for name in once} == dict.fromkeys(once, 1)


@pytest.mark.parametrize("disk", ["fast", "slow"])
def test_what_is_old_goes_and_what_is_needed_stays(disk: str) -> None:
    world = _live(never, disk=disk)

    _check(world)
    ((quick,),) = world.rows("SELECT id FROM functions WHERE name = 'quick'")
    # The original, and at least one of those that were to run it again before it was gone.
    assert list(world.begun.values()).count(quick) > 1
    world.close()


@pytest.mark.parametrize(
    ("moment", "disk"), [("before", "fast"), ("after", "fast"), ("before", "slow")]
)
def test_it_is_the_same_whenever_the_server_is_killed(moment: str, disk: str) -> None:
    """A pass that was cut short is made again; nothing is lost, and nothing is left."""
    undisturbed = _live(never, disk=disk)
    commits = undisturbed.commits
    undisturbed.close()

    for commit in range(1, commits + 1):
        crash = CrashOnce(commit, moment)
        world = _live(crash, disk=disk)
        try:
            _check(world)
        except AssertionError as error:
            error.add_note(f"killed {moment} commit {commit} of {commits}")
            raise
        finally:
            world.close()


async def _run_again_at_the_end(world: World) -> None:
    """Each old run is run again once, around the time at which its event is deleted."""
    for number in range(8):
        await world.send("sim/quick", {"key": str(number), "n": 1})
        await pause(1.0)
    await world.quiet(limit_s=300.0, step_s=1.0)
    runs = world.rows(
        "SELECT r.id FROM runs r JOIN functions f ON f.id = r.function_id"
        " WHERE f.name = 'quick' ORDER BY r.id"
    )
    for (run_id,) in runs:
        when_s = 12.0 + 18.0 * world.random.random()
        world.later(when_s, partial(rerun, world, run_id))
    await world.quiet(limit_s=500.0)


@pytest.mark.parametrize("nodes", [1, 2])
@pytest.mark.parametrize("seed", range(1, 13))
def test_a_run_that_is_started_from_an_event_at_its_very_end_has_it(seed: int, nodes: int) -> None:
    """Reading the event, deleting it and writing the run overlap, on a disk that takes seconds.

    Of two servers one deletes events, and the other one starts the runs.
    """
    world = _Watched(never, disk="slowest", seed=seed, nodes=nodes)

    world.run(_run_again_at_the_end(world))

    assert sorted(world.problems) == []
    assert world.begun.keys() == world.ends.keys()
    world.close()


@pytest.mark.parametrize(
    ("deletes", "expected"),
    [
        ("DELETE FROM events WHERE received_ms < NEW.pass_ms - 20000", "the event of a live run"),
        (
            "DELETE FROM events WHERE received_ms < NEW.pass_ms - 20000",
            "an event that is held back",
        ),
        (
            "DELETE FROM journal WHERE seq = 0 AND run_id IN (SELECT id FROM runs WHERE ended_ms = 0)",
            "the journal of a live run",
        ),
        ("DELETE FROM journal WHERE seq > 0", "no outcome"),
    ],
)
def test_a_careless_deletion_is_noticed(deletes: str, expected: str) -> None:
    """Here every pass deletes without looking what is needed, as it would without its guards."""
    trigger = f"CREATE TRIGGER careless AFTER UPDATE ON retention BEGIN {deletes}; END"
    world = _Watched(never)

    async def story() -> None:
        world.connection.execute(trigger)
        await _story(world)

    world.run(story())

    assert [problem for problem in world.problems if expected in problem], world.problems
    world.close()
