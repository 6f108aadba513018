"""The clock of a process whose machine has its clock set."""

import pytest

from stepwell.server.clock import SystemClock

_SECOND_NS = 1_000_000_000


class _Machine:
    """Its two clocks."""

    def __init__(self) -> None:
        self.wall_ns = 1_750_000_000 * _SECOND_NS
        self.steady_ns = 5 * _SECOND_NS
        self.clock = SystemClock(lambda: self.wall_ns, lambda: self.steady_ns)

    def wait(self, seconds: int) -> None:
        self.wall_ns += seconds * _SECOND_NS
        self.steady_ns += seconds * _SECOND_NS

    @property
    def wall_ms(self) -> int:
        return self.wall_ns // 1_000_000


@pytest.fixture
def machine() -> _Machine:
    return _Machine()


def test_it_says_what_the_machine_says(machine: _Machine) -> None:
    for seconds in (0, 1, 3600):
        machine.wait(seconds)
        assert machine.clock.now_ms() == machine.wall_ms


def test_set_forward_it_follows(machine: _Machine) -> None:
    machine.clock.now_ms()
    machine.wall_ns += 3600 * _SECOND_NS

    assert machine.clock.now_ms() == machine.wall_ms


def test_set_back_it_goes_on_more_slowly_until_both_agree(machine: _Machine) -> None:
    """It neither goes back, which would change an order, nor stands still for an hour."""
    before_ms = machine.clock.now_ms()
    machine.wall_ns -= 3600 * _SECOND_NS

    assert machine.clock.now_ms() == before_ms
    for minutes in range(1, 100):
        machine.wait(60)
        assert machine.clock.now_ms() == before_ms + minutes * 54_000
    machine.wait(3600)
    assert machine.clock.now_ms() == machine.wall_ms
    machine.wait(1)
    assert machine.clock.now_ms() == machine.wall_ms


def test_set_back_again_meanwhile_it_never_goes_back(machine: _Machine) -> None:
    told = [machine.clock.now_ms()]
    for _ in range(20):
        machine.wall_ns -= 60 * _SECOND_NS
        machine.wait(1)
        told.append(machine.clock.now_ms())

    first_ms = told[0]
    assert told == [first_ms, *range(first_ms, first_ms + 18_000, 900)]
