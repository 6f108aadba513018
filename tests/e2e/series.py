"""A server that ends in many ways while events come in and steps run."""

import os
import random
import signal
from collections.abc import Callable
from functools import partial

from tests.e2e.load import Load
from tests.e2e.processes import ServerProcess, wait_until
from tests.e2e.raw_app import PROGRAMS, Record
from tests.e2e.raw_app_process import RawAppProcess

__all__ = ["FLAGS", "Series"]

#: Retries come soon.
FLAGS = ("--retry-interval", "1")

_EVENTS = 12  # per round
# Calls that the events of a round lead to at least, each within a run that goes on.
_CALLS = 150


class Series:
    """A server that lives many times, at one address and with one database.

    Args:
        start: Begins a life.
        draws: What happens when.
        lives: How many there will be, at most.
    """

    def __init__(
        self, start: Callable[[], ServerProcess], draws: random.Random, *, lives: int
    ) -> None:
        self._start = start
        self._draws = draws
        self._lives = lives
        self.server = self._start()
        self.app = RawAppProcess(self.server)
        self.load = Load(self.server.url)

    def go_on(self) -> None:
        """Send more events, until a certain number of answers or of calls has been seen."""
        acknowledged = len(self.load.acknowledged)
        calls = self.app.record.calls
        self.load.allow(_EVENTS)
        if self._draws.random() < 0.5:
            self.load.wait_for(acknowledged + self._draws.randint(1, _EVENTS))
        else:
            self.app.wait(calls=calls + self._draws.randint(1, _CALLS))

    def kill(self) -> None:
        self.load.pause()
        self.server.kill()
        self._restart()

    def terminate(self, *, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.server.signal(signal.SIGTERM)
        self.load.pause()
        assert self.server.wait() == 0
        meanwhile()
        self._restart()

    def stop_and_continue(self) -> None:
        self.server.signal(signal.SIGSTOP)
        _, status = os.waitpid(self.server.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        self.server.signal(signal.SIGCONT)

    def finish(self) -> Record:
        """Let everything end that was begun; what the app has seen."""
        self.load.wait_for(self._lives * _EVENTS)
        self.app.wait(ended=len(self.load.acknowledged) * len(PROGRAMS))
        record = self.app.record
        for run_id in record.runs:
            wait_until(partial(self._is_completed, run_id), what=f"end of {run_id}")
        return record

    def close(self) -> None:
        self.load.close()
        self.app.close()

    def _is_completed(self, run_id: str) -> bool:
        answer = self.server.get(f"/v1/runs/{run_id}")
        assert answer.status == 200, answer
        status: str = answer.json()["data"]["status"]
        assert status in {"Scheduled", "Running", "Completed"}
        return status == "Completed"

    def _restart(self) -> None:
        self.server = self._start()
        self.load.resume()
