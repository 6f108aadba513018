"""Rules that find nothing prove nothing: here they must find what is wrong."""

from collections.abc import Callable

import msgspec
import pytest

from stepwell.core.journal import Entry, StepResolved
from stepwell.core.status import RunStatus
from stepwell.core.trace.history import RunHistory
from tests.unit.core.core_world import opcode
from tests.unit.core.trace.trace_world import begun, history
from tests.unit.core.trace.tree_rules import tree_problems

Tampering = Callable[[RunHistory, list[Entry]], None]


def problems(tamper: Tampering) -> list[str]:
    """What is found in a run of one step when what is known of it does not fit together."""
    world, run = begun()
    world.answer(run, opcode("StepRun", "a", data=1))
    world.reply(run, 200, b"1")
    entries = world.entries_of(run)
    known = history(world, run)
    tamper(known, entries)
    return tree_problems(known, entries, run.events)


def _fail_the_step(_: RunHistory, entries: list[Entry]) -> None:
    entries[:] = [
        msgspec.structs.replace(entry, failed=True) if isinstance(entry, StepResolved) else entry
        for entry in entries
    ]


def _shift_the_entries(_: RunHistory, entries: list[Entry]) -> None:
    entries.insert(0, entries[0])


def _lose_the_step(known: RunHistory, _: list[Entry]) -> None:
    known.steps.clear()


def _lose_the_end(known: RunHistory, _: list[Entry]) -> None:
    known.groups.clear()


def _start_late(known: RunHistory, _: list[Entry]) -> None:
    known.run = msgspec.structs.replace(known.run, status=RunStatus.RUNNING, ended_ms=0)


def _end_early(known: RunHistory, _: list[Entry]) -> None:
    known.run = msgspec.structs.replace(known.run, ended_ms=1)


def test_nothing_is_wrong_with_a_sound_run() -> None:
    assert problems(lambda _known, _entries: None) == []


@pytest.mark.parametrize(
    ("tamper", "expected"),
    [
        (_fail_the_step, "is COMPLETED, not FAILED"),
        (_shift_the_entries, "is not found"),
        (_lose_the_step, "is missing"),
        (_lose_the_end, "the function's answer is missing"),
        (_start_late, "has no output"),
        (_end_early, "before its start"),
    ],
)
def test_what_does_not_fit_together_is_found(tamper: Tampering, expected: str) -> None:
    assert any(expected in problem for problem in problems(tamper))
