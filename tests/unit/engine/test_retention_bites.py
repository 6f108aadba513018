"""How what is old is cut into bites."""

import pytest

from stepwell.core.identity import EventId, RunId
from stepwell.engine.bites import (
    BITE_BYTES_MAX,
    BITE_ROWS_MAX,
    ROWS_PER_EVENT,
    events_to_go,
    journals_to_go,
    runs_to_go,
)
from stepwell.engine.store import OldEvent, OldRun

_EVENTS = BITE_ROWS_MAX // ROWS_PER_EVENT


def _event(number: int, *, size_bytes: int = 10, is_free: bool = True) -> OldEvent:
    return OldEvent(EventId(str(number)), size_bytes, is_free)


def _run(
    number: int, *, entries: int = 3, first_seq: int = 0, size_bytes: int = 10, attached: int = 0
) -> OldRun:
    return OldRun(
        RunId(str(number)),
        1,
        (),
        is_free=True,
        entries=entries,
        first_seq=first_seq,
        bytes=size_bytes,
        attached=attached,
    )


def test_needed_events_are_left_out() -> None:
    page = [_event(1), _event(2, is_free=False), _event(3)]

    assert list(events_to_go(page)) == [["1", "3"]]
    assert list(events_to_go([_event(2, is_free=False)])) == []


@pytest.mark.parametrize(("more", "sizes"), [(0, [_EVENTS]), (1, [_EVENTS, 1])])
def test_a_bite_has_so_many_rows(more: int, sizes: list[int]) -> None:
    page = [_event(number) for number in range(_EVENTS + more)]

    assert [len(ids) for ids in events_to_go(page)] == sizes


def test_a_bite_has_so_many_bytes_but_at_least_one_row() -> None:
    half, whole = BITE_BYTES_MAX // 2, BITE_BYTES_MAX
    page = [
        _event(1, size_bytes=half),
        _event(2, size_bytes=half),
        _event(3, size_bytes=1),
        _event(4, size_bytes=3 * whole),
        _event(5, size_bytes=1),
    ]

    assert list(events_to_go(page)) == [["1", "2"], ["3"], ["4"], ["5"]]


def test_small_runs_share_a_bite() -> None:
    page = [_run(number, entries=4) for number in range(60)]

    bites = list(runs_to_go(page))

    assert [len(runs) for runs, _ in bites] == [50, 10]
    assert [pieces for _, pieces in bites] == [[], []]


def test_what_is_attached_to_runs_counts() -> None:
    page = [_run(1, attached=BITE_ROWS_MAX - 4), _run(2), _run(3)]

    assert [[run.id for run in runs] for runs, _ in runs_to_go(page)] == [["1"], ["2", "3"]]


def test_a_long_journal_goes_in_pieces_before_its_run() -> None:
    long = _run(2, entries=2 * BITE_ROWS_MAX + 1, first_seq=7)

    bites = list(runs_to_go([_run(1), long, _run(3)]))

    # Pieces of one size; the last of them goes with the run.
    assert [([run.id for run in runs], pieces) for runs, pieces in bites] == [
        (["2"], [("2", 7 + 167), ("2", 7 + 334)]),
        (["1", "3"], []),
    ]


def test_large_results_go_in_pieces_too() -> None:
    ((runs, pieces),) = runs_to_go([_run(1, entries=10, size_bytes=4 * BITE_BYTES_MAX)])

    assert [run.id for run in runs] == ["1"]
    assert pieces == [("1", 3), ("1", 6), ("1", 9)]


def test_of_journals_only_outcomes_are_left() -> None:
    page = [_run(1, entries=1, first_seq=9), _run(2, entries=3), _run(3, entries=2, first_seq=5)]

    assert list(journals_to_go(page)) == [[("2", 3), ("3", 7)]]


def test_a_run_without_a_journal_goes_too() -> None:
    assert list(runs_to_go([_run(1, entries=0)])) == [([_run(1, entries=0)], [])]
