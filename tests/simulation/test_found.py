"""What simulations once found, as stories that anybody can follow."""

from collections.abc import Callable

from stepwell.core.pause import NewRuns, RunningRuns
from stepwell.engine.driver import CallHandle, SdkCall
from stepwell.wire.response import Outcome, SdkReply, read_reply
from tests.simulation.checkers import check_finished
from tests.simulation.operators import pause_function, resume_function
from tests.simulation.programs import (
    Invoke,
    Parallel,
    Program,
    Run,
    SimulatedFunction,
    Sleep,
    Trigger,
    Wait,
)
from tests.simulation.scenarios import function, outcomes
from tests.simulation.virtual_loop import pause
from tests.simulation.world import World

_GO = (Trigger(event="sim/go"),)


def test_an_event_that_nobody_listens_to_can_be_sent_again() -> None:
    """The client was not answered and repeats its request under the same id seed."""
    world = World([SimulatedFunction(name="main", program=Program(nodes=()), triggers=_GO)])

    async def story() -> None:
        await world.send("sim/warm", {})
        commits = world.commits
        world._is_crash = lambda commit, moment: (commit, moment) == (commits + 1, "after")
        await world.send("sim/nobody", {})
        await world.quiet(limit_s=60.0)

    world.run(story())
    assert check_finished(world) == []
    assert world.rows("SELECT count(*) FROM events WHERE name = 'sim/nobody'") == [(2,)]
    world.close()


def test_no_call_carries_a_result_that_a_crash_could_undo() -> None:
    """A step's result is being written when another step of its run has to be called again."""
    both = Parallel(id="p", branches=((Run(id="a", takes_s=1.0),), (Run(id="b", fails=1),)))
    function = SimulatedFunction(name="main", program=Program(nodes=(both,)), triggers=_GO)
    world = World([function])

    async def story() -> None:
        await world.send("sim/go", {"key": "k"})
        await world.until("SELECT 1 FROM queue WHERE attempt = 1")
        ((due_ms,),) = world.rows("SELECT due_ms FROM queue WHERE attempt = 1")
        # The disk stands still from before the answer to `a` until after the retry of `b` is due.
        world.faults.disk_s = lambda: 60.0  # type: ignore[method-assign]
        await pause((due_ms - world.clock.now_ms()) / 1000 + 5.0)
        del world.faults.disk_s
        await world.crash()
        await world.quiet(limit_s=600.0)

    world.run(story())
    assert check_finished(world) == []
    ((_, status, _),) = outcomes(world)
    assert status == "COMPLETED"
    world.close()


def test_a_planned_step_that_is_never_answered_fails_the_run() -> None:
    """Its call has attempts like any other; it is neither forgotten nor made for ever."""
    both = Parallel(id="p", branches=((Run(id="a"),), (Run(id="b"),)))
    function = SimulatedFunction(
        name="main", program=Program(nodes=(both,)), triggers=_GO, retries=1
    )
    world = World([function])
    answer_to = world.app.call

    def silent(call: SdkCall, done: Callable[[Outcome], None]) -> CallHandle:
        """An SDK that has nothing to say when it is called for one step."""
        if call.step_id == "step":
            return answer_to(call, done)
        headers = {"x-inngest-sdk": "sim", "x-inngest-req-version": "2"}
        nothing = read_reply(SdkReply(206, headers, b"[]"), now_ms=0)
        return answer_to(call, lambda _outcome: done(nothing))

    world.app.call = silent  # type: ignore[method-assign, assignment]

    async def story() -> None:
        await world.send("sim/go", {"key": "k"})
        await world.quiet(limit_s=600.0)

    world.run(story())
    ((_, status, output),) = outcomes(world)
    world.close()
    assert status == "FAILED"
    assert output["error"]["name"] == "NothingReported"


def test_a_paused_function_can_be_invoked_beside_another_step() -> None:
    """The run that is skipped is recorded between the entries of the run that invoked it."""
    both = Parallel(id="p", branches=((Invoke(id="i", function="sim-child"),), (Run(id="a"),)))
    world = World([function(both), function(Run(id="a"), name="child", triggers=())])

    async def story() -> None:
        await pause_function(world, "child", new_runs=NewRuns.SKIP, running=RunningRuns.FINISH)
        await world.send("sim/go", {"key": "k"})
        await world.quiet(limit_s=600.0)

    world.run(story())
    assert check_finished(world) == []
    assert [(name, status) for name, status, _ in outcomes(world)] == [
        ("child", "SKIPPED"),
        ("main", "COMPLETED"),
    ]
    world.close()


def test_an_answer_that_comes_while_its_run_is_read_is_in_time() -> None:
    """What is read of the run when its wait expires is older than the answer to the wait."""
    world = World([function(Wait(id="w", event="sim/signal", timeout="10s"))])

    async def story() -> None:
        await world.send("sim/go", {"key": "k"})
        await world.until("SELECT 1 FROM waits")
        ((created_ms,),) = world.rows("SELECT created_ms FROM waits")
        await pause((created_ms - world.clock.now_ms()) / 1000 + 9.9)
        # The waits are read until 11.1 s, the run from 10.0 to 11.2 s, as it was at 10.6 s.
        world.faults.read_s = lambda: 0.6  # type: ignore[method-assign]
        await world.send("sim/signal", {"key": "k"})
        await world.quiet(limit_s=600.0)

    world.run(story())
    assert check_finished(world) == []
    ((_, _, output),) = outcomes(world)
    assert output == {"w": "(event)"}
    world.close()


def test_a_run_that_has_begun_is_tried_again_while_its_function_is_paused() -> None:
    """Its first call has failed, so it is the run's end that the pause lets it reach."""
    world = World([function(Run(id="a", fails=1))])

    async def story() -> None:
        await world.send("sim/go", {"key": "k"})
        await world.until("SELECT 1 FROM queue WHERE attempt = 1")
        await pause_function(world, "main", new_runs=NewRuns.SKIP, running=RunningRuns.FINISH)
        await world.quiet(limit_s=600.0)

    world.run(story())
    assert check_finished(world) == []
    assert outcomes(world) == [("main", "COMPLETED", {"a": "a#"})]
    world.close()


def test_a_call_whose_run_is_being_read_is_not_made_after_a_pause() -> None:
    """Its turn came before the pause, but nothing was sent yet."""
    world = World([function(Sleep(id="s", duration="10s"), Run(id="a"))])

    async def story() -> None:
        await world.send("sim/go", {"key": "k"})
        await world.until("SELECT 1 FROM queue WHERE kind = 3")
        ((due_ms,),) = world.rows("SELECT due_ms FROM queue WHERE kind = 3")
        # A restart lets the server forget the run, so that it has to be read.
        await world.crash()
        await pause((due_ms - world.clock.now_ms()) / 1000 - 1.0)
        world.faults.read_s = lambda: 1.0  # type: ignore[method-assign]
        await pause(1.5)
        await pause_function(world, "main", new_runs=NewRuns.WAIT, running=RunningRuns.HOLD)
        await pause(60.0)
        await resume_function(world, "main")
        await world.quiet(limit_s=600.0)

    world.run(story())
    assert check_finished(world) == []
    assert outcomes(world) == [("main", "COMPLETED", {"s": None, "a": "a#"})]
    world.close()
