"""Servers that share a store go by its clock, whatever their machines say."""

import pytest

from stepwell.server.clock import StoreClock

S = 1_000_000_000
START_MS = 1_795_240_800_000


class Machine:
    """What a machine's clocks say."""

    def __init__(self) -> None:
        self.wall_ns = START_MS * 1_000_000
        self.running_ns = 77 * S

    def passes(self, seconds: float) -> None:
        self.wall_ns += int(seconds * S)
        self.running_ns += int(seconds * S)


@pytest.fixture
def machine() -> Machine:
    return Machine()


@pytest.fixture
def clock(machine: Machine) -> StoreClock:
    return StoreClock(lambda: machine.wall_ns, lambda: machine.running_ns)


def test_it_begins_with_what_the_machine_says(machine: Machine, clock: StoreClock) -> None:
    machine.passes(2)
    assert clock.now_ms() == START_MS + 2_000


def test_it_takes_the_time_of_the_store(machine: Machine, clock: StoreClock) -> None:
    clock.heard(START_MS + 90_000, took_s=0.0)
    machine.passes(1)
    assert 0 <= clock.now_ms() - (START_MS + 91_000) <= 1


def test_an_answer_that_took_long_says_little(machine: Machine, clock: StoreClock) -> None:
    for store_ms in (START_MS - 40, START_MS):
        clock.heard(store_ms, took_s=0.05)
    assert abs(clock.now_ms() - START_MS) <= 50


@pytest.mark.parametrize("jump_s", [-3600, 3600])
def test_setting_the_machines_clock_changes_nothing(
    machine: Machine, clock: StoreClock, jump_s: int
) -> None:
    machine.wall_ns += jump_s * S
    machine.passes(1)
    assert clock.now_ms() == START_MS + 1_000


def test_it_goes_slower_where_it_would_have_to_go_back(machine: Machine, clock: StoreClock) -> None:
    machine.passes(3)
    before_ms = clock.now_ms()
    clock.heard(before_ms - 2_000, took_s=0.0)
    assert clock.now_ms() == before_ms
    machine.passes(1)
    assert clock.now_ms() == before_ms + 900
    machine.passes(10)
    assert 8_999 <= clock.now_ms() - before_ms <= 9_001
