"""Events in rounds while servers end, and what must hold when everything they began has ended."""

import random
from collections.abc import Callable, Collection, Sequence
from functools import partial

from tests.e2e.checkers import (
    Database,
    assert_agrees,
    assert_each_started_once,
    assert_sound,
    wait_until_nothing_is_queued,
)
from tests.e2e.load import Load
from tests.e2e.processes import ServerProcess, wait_until
from tests.e2e.raw_app import PROGRAMS, Record
from tests.e2e.raw_app_process import RawAppProcess

__all__ = ["Rounds"]


class Rounds:
    """An app, and clients that send so many events in each round.

    Args:
        draws: What happens when.
        server: The app registers there, and clients reach it.
        others: URLs of servers that clients reach, too.
        events: Per round.
        calls: That the events of a round lead to at least, each within a run that goes on.
    """

    def __init__(
        self,
        draws: random.Random,
        server: ServerProcess,
        *,
        others: Sequence[str] = (),
        events: int = 12,
        calls: int = 150,
    ) -> None:
        self._draws = draws
        self._events = events
        self._calls = calls
        self._begun = 0
        self._record = Record()
        self.app = RawAppProcess(server)
        self.load = Load(server.url, others=others)

    def go_on(self) -> None:
        """Send more events, until a certain number of answers or of calls has been seen."""
        acknowledged, calls = len(self.load.acknowledged), self.app.record.calls
        self._begun += 1
        self.load.allow(self._events)
        if self._draws.random() < 0.5:
            self.load.wait_for(acknowledged + self._draws.randint(1, self._events))
        else:
            self.app.wait(calls=calls + self._draws.randint(1, self._calls))

    def end_each_with(self, ends: Sequence[Callable[[], object]]) -> None:
        """As many rounds, in each of which one of these happens, in any order."""
        for end in self._draws.sample(ends, len(ends)):
            self.go_on()
            end()

    def finish(self, database: Database, reach: Callable[[], ServerProcess]) -> None:
        """Let everything end that was begun, as servers see it that are reached."""
        self.load.wait_for(self._begun * self._events)
        self.app.wait(ended=len(self.load.acknowledged) * len(PROGRAMS))
        self._record = self.app.record
        for run_id in self._record.runs:
            wait_until(partial(_is_completed, reach, run_id), what=f"end of {run_id}")
        wait_until_nothing_is_queued(database)

    def check(self, database: Database, *, paused: Collection[int] = ()) -> str:
        """What must hold once the servers have stopped, of which some nodes were paused.

        Returns:
            What there was, in numbers.
        """
        record, acknowledged = self._record, self.load.acknowledged
        counts = assert_sound(database)
        assert_each_started_once(database, acknowledged)
        assert_agrees(database, record, paused=paused)
        bodies = sum(len(given) for run in record.runs.values() for given in run.produced.values())
        return (
            f"{self._begun} rounds, {len(acknowledged)} events acknowledged"
            f" ({self.load.repeated} requests repeated), {counts.runs} runs,"
            f" {counts.entries} journal entries, {counts.results} results,"
            f" {bodies} values given, {record.calls} calls"
        )

    def close(self) -> None:
        """Send nothing more, and end the app. What they have seen stays."""
        self.load.close()
        self.app.close()


def _is_completed(reach: Callable[[], ServerProcess], run_id: str) -> bool:
    answer = reach().get(f"/v1/runs/{run_id}")
    assert answer.status == 200, answer
    status: str = answer.json()["data"]["status"]
    assert status in {"Scheduled", "Running", "Completed"}
    return status == "Completed"
