"""The app that notes everything, as a process."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import msgspec

from tests.e2e import raw_app
from tests.e2e.processes import STOP_LIMIT_S, Answer, ServerProcess, get

_ROOT = Path(__file__).parents[2]


class RawAppProcess:
    """Registered at the server when this returns; it has to be closed.

    Args:
        server: Where it registers; later servers must have the same address and database.
        module: Whose `main` the process runs.
    """

    def __init__(self, server: ServerProcess, module: ModuleType = raw_app) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", module.__name__, "--server", server.url],
            cwd=_ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.url = self.process.stdout.readline().strip()
        assert self.url, "the app did not start"

    def wait(self, *, calls: int = 0, ended: int = 0) -> None:
        """Until so many calls have come and so many runs have given a result."""
        self._get(f"/wait?calls={calls}&ended={ended}")

    @property
    def record(self) -> raw_app.Record:
        return msgspec.json.decode(self._get("/record").body, type=raw_app.Record)

    def close(self) -> None:
        self.process.kill()
        self.process.wait(STOP_LIMIT_S)
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _get(self, path: str) -> Answer:
        answer = get(self.url + path)
        assert answer.status == 200, answer
        return answer
