"""Waiting for signals: who gets a name, what a signal gives, and what comes when none is sent."""

from typing import Any

import msgspec
import pytest

from stepwell.core.function import Function
from stepwell.core.identity import DEFAULT_ENVIRONMENT_ID, RunId
from stepwell.core.item_bodies import SignalBody
from stepwell.core.journal import RunEnded, StepResolved, StepSignalling
from stepwell.core.queue import NO_RUN, ItemKind, QueueItem
from stepwell.core.run import RunState
from stepwell.core.signals import SIGNAL_NAME_BYTES_MAX, begin_waiting, is_waiting, receive
from stepwell.core.status import RunStatus
from stepwell.core.transition import SignalWait, Transition
from stepwell.wire.config import EventTrigger
from tests.unit.core.core_world import (
    START_MS,
    CoreWorld,
    function,
    opcode,
    output_of,
    step_id,
)

GO = EventTrigger(event="test/go")
HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS
CONFLICT = {
    "error": {
        "error": "Error: Signal conflict; signal wait already exists for another run",
        "name": "Error",
        "message": "Signal conflict; signal wait already exists for another run",
    }
}


class SignalWorld(CoreWorld):
    """As `CoreWorld`, with the rows of signals, and what is decided about them."""

    def __init__(self, *functions: Function) -> None:
        super().__init__(*functions)
        self.rows: dict[str, SignalWait] = {}

    def absorb(self, transition: Transition, run: RunState | None = None) -> Transition:
        super().absorb(transition, run)
        for wait in transition.signals:
            self.rows[wait.name] = wait
        for ref in transition.signals_done:
            row = self.rows.get(ref.name)
            if row is not None and row.ref == ref:
                del self.rows[ref.name]
        return transition

    def start(self, *ops: dict[str, Any]) -> RunState:
        """A new run reports these steps."""
        (run,) = self.send("test/go")
        self.answer(run, *ops)
        return run

    def begin(self) -> None:
        """Decide all SIGNAL items, and what follows from them."""
        for item in [i for i in self.items.values() if i.kind is ItemKind.SIGNAL]:
            run = self.runs[SignalBody.decode(item.body).run_id]
            self.absorb(self.decision(item, run))
        self.resume()

    def decision(self, item: QueueItem, run: RunState | None) -> Transition:
        other = self.waiting(SignalBody.decode(item.body).name)
        return begin_waiting(item, run, other, at=self.moment())

    def waiting(self, name: str) -> SignalWait | None:
        row = self.rows.get(name)
        if row is None or not is_waiting(row, self.runs.get(row.run_id), now_ms=self.now_ms):
            return None
        return row

    def signal(self, name: str, data: bytes = b"null") -> RunId | None:
        """A signal is sent, and has its effect."""
        wait = self.waiting(name)
        if wait is None:
            return None
        self.absorb(receive(wait, data, at=self.moment()))
        self.resume()
        return wait.run_id


def new_world() -> SignalWorld:
    return SignalWorld(function("app-f", GO))


def wait(name: str = "w", **opts: Any) -> dict[str, Any]:
    return opcode("WaitForSignal", name, opts={"signal": "paid/7", "timeout": "1h"} | opts)


# Beginning to wait.


def test_a_wait_is_recorded_with_its_timeout_and_asks_for_the_name() -> None:
    world = new_world()
    run = world.start(wait(conflict="replace"))

    entry = world.entries_of(run)[-1]
    assert isinstance(entry, StepSignalling)
    assert (entry.step, entry.signal, entry.expires_ms) == (
        step_id("w"),
        "paid/7",
        START_MS + HOUR_MS,
    )
    (timeout,) = run.items.values()
    assert (timeout.kind, timeout.step, timeout.due_ms) == (
        ItemKind.TIMEOUT,
        step_id("w"),
        START_MS + HOUR_MS,
    )
    (item,) = (i for i in world.items.values() if i.kind is ItemKind.SIGNAL)
    assert (item.run_id, item.function_id, item.lane) == (NO_RUN, "", "")
    assert SignalBody.decode(item.body) == SignalBody(
        DEFAULT_ENVIRONMENT_ID,
        "paid/7",
        run.new.id,
        step_id("w"),
        START_MS + HOUR_MS,
        replaces=True,
    )


def test_a_step_that_is_reported_again_waits_once() -> None:
    world = new_world()
    run = world.start(wait(), opcode("StepPlanned", "other"))
    before = len(world.items)
    world.answer_step(run, "other", opcode("StepRun", "other", data=1), wait())

    assert len([i for i in world.items.values() if i.kind is ItemKind.SIGNAL]) == 1
    assert len(world.items) <= before


@pytest.mark.parametrize("timeout", ["", None])
def test_without_a_timeout_it_waits_a_year(timeout: str | None) -> None:
    world = new_world()
    run = world.start(wait(timeout=timeout))

    assert next(iter(run.items.values())).due_ms == START_MS + 365 * DAY_MS


def test_the_longest_timeout_is_allowed_and_a_longer_one_fails_the_run() -> None:
    world = new_world()
    assert world.start(wait(timeout="366d")).status is RunStatus.RUNNING

    run = world.start(wait(timeout="367d"))
    assert run.status is RunStatus.FAILED
    error = output_of(world.entries_of(run))["error"]
    assert error["name"] == "InngestErrTimeoutTooLong"
    assert error["message"] == (
        'The wait-for-signal timeout "367d" expires more than one year in the future; '
        "timeouts may last at most one year."
    )


@pytest.mark.parametrize(
    "opts",
    [
        {"timeout": "soon"},
        {"signal": ""},
        {"signal": 7},
        {"conflict": "queue"},
        {"signal": "é" * (SIGNAL_NAME_BYTES_MAX // 2) + "s"},
    ],
)
def test_options_that_cannot_be_used_fail_the_run(opts: dict[str, Any]) -> None:
    world = new_world()
    run = world.start(wait(**opts))

    assert run.status is RunStatus.FAILED
    assert output_of(world.entries_of(run))["error"]["name"] == "InvalidWait"
    assert run.items == {}


def test_the_longest_name_is_allowed() -> None:
    world = new_world()
    name = "é" * (SIGNAL_NAME_BYTES_MAX // 2)
    run = world.start(wait(signal=name))
    world.begin()

    assert world.signal(name) == run.new.id


def test_a_wait_whose_time_is_up_does_not_ask_for_the_name() -> None:
    world = new_world()
    run = world.start(wait(timeout="2001-01-01T00:00:00Z"))

    assert [item.kind for item in world.items.values()] == [ItemKind.TIMEOUT]
    world.fire(run)
    assert run.steps[step_id("w")] == b"null"


# Signals.


def test_a_signal_is_the_result_and_gives_the_name_free() -> None:
    world = new_world()
    run = world.start(wait())
    world.begin()
    assert world.rows["paid/7"].run_id == run.new.id

    assert world.signal("paid/7", b'{"by":"card"}') == run.new.id

    memo = msgspec.json.decode(run.steps[step_id("w")])
    assert memo == {"data": {"signal": "paid/7", "data": {"by": "card"}}}
    assert world.call_of(run).kind is ItemKind.DISCOVER
    assert len(run.items) == 1, "the timeout is gone"
    assert (world.rows, run.signals) == ({}, {})
    assert world.signal("paid/7") is None, "it resumes once"


def test_a_signal_for_which_nobody_waits_is_lost() -> None:
    world = new_world()
    assert world.signal("paid/7") is None

    run = world.start(wait())
    world.begin()
    assert run.steps == {}


def test_without_a_signal_the_result_is_null() -> None:
    world = new_world()
    run = world.start(wait())
    world.begin()
    world.fire(run)

    entry = world.entries_of(run)[-1]
    assert isinstance(entry, StepResolved)
    assert entry.timed_out
    assert run.steps[step_id("w")] == b"null"
    assert world.rows == {}
    assert world.signal("paid/7") is None


def test_a_signal_that_was_sent_in_time_beats_the_timeout() -> None:
    """Whoever sent it was told that the run has it."""
    world = new_world()
    run = world.start(wait())
    world.begin()
    row = world.rows["paid/7"]
    transition = receive(row, b"1", at=world.moment())
    run.apply(transition)
    world.absorb(transition)
    world.fire(run)

    assert run.steps[step_id("w")] == b'{"data":{"signal":"paid/7","data":1}}'
    world.resume()
    assert len(run.steps) == 1


def test_a_signal_after_the_time_is_up_reaches_nobody() -> None:
    """Also when the timeout has not had its turn yet."""
    world = new_world()
    world.start(wait())
    world.begin()
    world.now_ms += HOUR_MS

    assert world.signal("paid/7") is None


def test_a_run_that_ends_gives_its_names_free() -> None:
    world = new_world()
    run = world.start(wait())
    world.begin()
    transition = world.cancel(run)

    assert [ref.name for ref in transition.signals_done] == ["paid/7"]
    assert world.rows == {}


def test_a_wait_is_a_member_of_its_group() -> None:
    world = new_world()
    run = world.start(wait("a", signal="a"), wait("b", signal="b"))
    world.begin()

    world.signal("a")
    assert world.calls_of(run) == [], "b is awaited"
    world.signal("b")
    assert world.call_of(run).kind is ItemKind.DISCOVER


def test_a_run_that_is_loaded_still_knows_what_it_waits_for() -> None:
    world = new_world()
    run = world.start(wait())
    world.begin()

    restored = world.restored(run)
    assert restored.signals == run.signals
    world.runs[run.new.id] = restored
    assert world.signal("paid/7") == run.new.id
    assert restored.signals == {}


# Two steps want one name.


def test_a_second_run_that_waits_for_a_name_fails_at_once() -> None:
    world = new_world()
    first, second = world.start(wait()), world.start(wait())
    world.begin()

    assert (first.status, second.status) == (RunStatus.RUNNING, RunStatus.FAILED)
    assert output_of(world.entries_of(second)) == CONFLICT
    assert second.items == {}
    (waiting,) = (e for e in world.entries_of(second) if isinstance(e, StepSignalling))
    end = world.entries_of(second)[-1]
    assert isinstance(end, RunEnded)
    assert end.step == waiting.step, "readers are shown which step made it fail"
    assert world.signal("paid/7") == first.new.id


def test_another_step_of_the_same_run_is_in_the_way_too() -> None:
    world = new_world()
    run = world.start(wait("a"), wait("b"))
    world.begin()

    assert run.status is RunStatus.FAILED
    assert output_of(world.entries_of(run)) == CONFLICT
    assert world.rows == {}


def test_a_wait_that_replaces_leaves_the_older_one_to_its_timeout() -> None:
    world = new_world()
    older, newer = world.start(wait()), world.start(wait(conflict="replace"))
    world.begin()

    assert world.signal("paid/7") == newer.new.id
    assert older.status is RunStatus.RUNNING
    world.fire(older)
    assert older.steps[step_id("w")] == b"null"


def test_the_end_of_a_replaced_wait_does_not_end_the_newer_one() -> None:
    world = new_world()
    older, newer = world.start(wait()), world.start(wait(conflict="replace"))
    world.begin()
    world.cancel(older)

    assert world.rows["paid/7"].run_id == newer.new.id


def test_a_wait_that_is_over_is_in_nobodys_way() -> None:
    world = new_world()
    ended, answered = world.start(wait(signal="a")), world.start(wait(signal="b"))
    expired = world.start(wait(signal="c", timeout="1m"))
    world.begin()
    rows = dict(world.rows)
    world.cancel(ended)
    world.signal("b")
    world.now_ms += 60_000
    # As if the rows were still there, which a decision that has just been made does not change.
    world.rows = rows
    runs = [world.start(wait(signal=name)) for name in "abc"]
    world.begin()

    assert [run.status for run in runs] == [RunStatus.RUNNING] * 3
    assert [world.rows[name].run_id for name in "abc"] == [run.new.id for run in runs]
    assert (answered.status, expired.status) == (RunStatus.RUNNING, RunStatus.RUNNING)


def test_a_question_that_is_asked_again_changes_nothing() -> None:
    """After a crash, an item may be decided that was decided before."""
    world = new_world()
    run = world.start(wait())
    (item,) = (i for i in world.items.values() if i.kind is ItemKind.SIGNAL)
    world.begin()

    assert world.decision(item, run) == Transition(done=[item.id])


def test_a_step_that_does_not_wait_any_more_gets_no_name() -> None:
    world = new_world()
    run = world.start(wait())
    (item,) = (i for i in world.items.values() if i.kind is ItemKind.SIGNAL)
    assert world.decision(item, None) == Transition(done=[item.id])
    world.now_ms += HOUR_MS
    assert world.decision(item, run) == Transition(done=[item.id])
    world.cancel(run)
    world.begin()

    assert world.rows == {}
