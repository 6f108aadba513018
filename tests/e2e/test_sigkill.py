"""A server that is killed again and again while events come in and steps run."""

import os
import random
import secrets
import signal
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.checkers import (
    assert_agrees,
    assert_each_started_once,
    assert_sound,
    wait_until_nothing_is_queued,
)
from tests.e2e.load import Load
from tests.e2e.processes import ServerProcess, Servers, free_port, wait_until
from tests.e2e.raw_app import PROGRAMS, Record
from tests.e2e.raw_app_process import RawAppProcess

_KILLS = 12
_EVENTS = 12  # per round
# Calls that the events of a round lead to at least, each within a run that goes on.
_CALLS = 150

_FLAGS = ("--retry-interval", "1")


class Series:
    """A server that lives many times, at one address and with one database."""

    def __init__(self, servers: Servers, draws: random.Random) -> None:
        self._servers = servers
        self._draws = draws
        self._port = free_port()
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

    def terminate(self) -> None:
        self.server.signal(signal.SIGTERM)
        self.load.pause()
        assert self.server.wait() == 0
        self._restart()

    def stop_and_continue(self) -> None:
        self.server.signal(signal.SIGSTOP)
        _, status = os.waitpid(self.server.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        self.server.signal(signal.SIGCONT)

    def finish(self) -> Record:
        """Let everything end that was begun; what the app has seen."""
        self.load.wait_for((_KILLS + 2) * _EVENTS)
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

    def _start(self) -> ServerProcess:
        return self._servers.dev(*_FLAGS, port=self._port)


@pytest.mark.timeout(120)
def test_nothing_acknowledged_is_lost_and_no_result_changes(
    servers: Servers, tmp_path: Path
) -> None:
    """Every acknowledged event runs each function once, to its end, with results that stay."""
    seed = secrets.randbits(32)
    draws = random.Random(seed)
    database = tmp_path / ".stepwell" / "main.db"

    with closing(Series(servers, draws)) as lives:
        rounds = [lives.kill] * _KILLS + [lives.terminate, lives.stop_and_continue]
        draws.shuffle(rounds)
        for end_life in rounds:
            lives.go_on()
            end_life()
        record = lives.finish()
        acknowledged, repeated = lives.load.acknowledged, lives.load.repeated
        wait_until_nothing_is_queued(database)
        assert lives.server.stop() == 0

    counts = assert_sound(database)
    assert_each_started_once(database, acknowledged)
    assert_agrees(database, record)
    bodies = sum(len(values) for run in record.runs.values() for values in run.produced.values())
    sys.stdout.write(
        f"seed {seed}: {_KILLS} kills, {len(acknowledged)} events acknowledged"
        f" ({repeated} requests repeated), {counts.runs} runs, {counts.entries} journal entries,"
        f" {counts.results} results, {bodies} values given, {record.calls} calls\n"
    )
