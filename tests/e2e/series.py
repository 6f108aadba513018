"""A server that ends in many ways while events come in and steps run."""

import os
import random
import signal
from collections.abc import Callable

from tests.e2e.checkers import Database
from tests.e2e.processes import ServerProcess
from tests.e2e.rounds import Rounds

__all__ = ["FLAGS", "Series"]

#: Retries come soon.
FLAGS = ("--retry-interval", "1")


class Series:
    """A server that lives many times, at one address and with one database.

    Args:
        start: Begins a life.
        draws: What happens when.
    """

    def __init__(self, start: Callable[[], ServerProcess], draws: random.Random) -> None:
        self._start = start
        self.server = self._start()
        self.rounds = Rounds(draws, self.server)

    def kill(self) -> None:
        self.rounds.load.pause()
        self.server.kill()
        self._restart()

    def terminate(self, *, meanwhile: Callable[[], None] = lambda: None) -> None:
        self.server.signal(signal.SIGTERM)
        self.rounds.load.pause()
        assert self.server.wait() == 0
        meanwhile()
        self._restart()

    def stop_and_continue(self) -> None:
        self.server.signal(signal.SIGSTOP)
        _, status = os.waitpid(self.server.process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(status)
        self.server.signal(signal.SIGCONT)

    def finish(self, database: Database) -> None:
        """Let everything end that was begun, and the server stop."""
        self.rounds.finish(database, lambda: self.server)
        assert self.server.stop() == 0

    def close(self) -> None:
        self.rounds.close()

    def _restart(self) -> None:
        self.server = self._start()
        self.rounds.load.resume()
