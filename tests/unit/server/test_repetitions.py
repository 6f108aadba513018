"""Warnings that say the same again and again."""

import pytest
import structlog

from stepwell.server.repetitions import Repetitions


class _Log:
    """What is written of what is said, on a clock that the test sets."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.written: list[dict[str, object]] = []
        self._repetitions = Repetitions(lambda: self.now_s)

    def say(self, event: str, *, method: str = "warning", **fields: object) -> None:
        try:
            entry = self._repetitions(None, method, {"event": event, **fields})
        except structlog.DropEvent:
            return
        self.written.append(dict(entry))


def test_a_warning_is_written_once_a_minute_with_the_number_of_those_left_out() -> None:
    log = _Log()
    for second in range(121):
        log.now_s = float(second)
        log.say("partition.lost", reason="full", retry_s=second)

    first = {"event": "partition.lost", "reason": "full"}
    assert log.written == [
        {**first, "retry_s": 0},
        {**first, "retry_s": 60, "repeated": 59},
        {**first, "retry_s": 120, "repeated": 59},
    ]


def test_what_is_said_of_something_else_or_for_another_reason_is_written() -> None:
    log = _Log()
    log.say("partition.lost", partition=0, reason="full")
    log.say("partition.lost", partition=1, reason="full")
    log.say("partition.lost", partition=0, reason="away")
    log.say("lease.not_renewed", reason="full")

    assert len(log.written) == 4


@pytest.mark.parametrize("method", ["info", "error", "debug", "exception"])
def test_all_but_warnings_are_always_written(method: str) -> None:
    log = _Log()
    for _ in range(3):
        log.say("partition.taken", method=method)

    assert log.written == [{"event": "partition.taken"}] * 3


def test_however_many_different_ones_there_are_memory_stays_bounded() -> None:
    """Those that were written longest ago are forgotten first."""
    log = _Log()
    for number in range(300):
        log.say("sync.failed", url=number)
    for number in (299, 0):
        log.say("sync.failed", url=number)

    assert len(log.written) == 301
