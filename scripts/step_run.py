"""How a check of the repository is run: its processes, their output, and what became of it."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parent.parent
# The slowest step takes ten minutes beside three others, and twice that on a slow machine; one that
# hangs must not use up the time of a CI machine.
STEP_SECONDS_MAX = 2400.0
# A third of the weight of others, which is never nothing.
_PATIENT_NICENESS = 5


class StepError(Exception):
    """A check did not hold; the message says which, its output says why."""


class CannotRunError(Exception):
    """Something the step needs is not there; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One named check.

    Attributes:
        is_patient: It computes and hardly ever waits, so it gives way to steps in which servers and
            browsers wait for each other, and has the processors when those do not need them.
    """

    name: str
    about: str
    action: Callable[["StepRun"], None]
    is_patient: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a step."""

    step: Step
    verdict: str
    seconds: float
    note: str
    passed: int
    failed: int
    output: str


@dataclass(kw_only=True)
class StepRun:
    """One run of a step: starts its processes, collects their output, ends them when time is up."""

    seed: int
    is_patient: bool = False
    output: IO[bytes] = field(default_factory=tempfile.TemporaryFile)
    end_s: float = float("inf")
    tests_passed: int | None = None
    tests_failed: int = 0
    summary: str = ""
    _process: subprocess.Popen[bytes] | None = None
    _is_stopped: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def call(
        self, *command: str | Path, cwd: Path = ROOT, environ: Mapping[str, str] | None = None
    ) -> int:
        """Exit status of a command that has finished."""
        process = self.start(*command, cwd=cwd, environ=environ)
        try:
            return process.wait(timeout=max(0.0, self.end_s - time.monotonic()))
        except subprocess.TimeoutExpired:
            raise StepError(f"stopped after {STEP_SECONDS_MAX:.0f} s") from None
        finally:
            self.kill()

    def require(
        self, *command: str | Path, cwd: Path = ROOT, environ: Mapping[str, str] | None = None
    ) -> None:
        """Run a command that has to succeed."""
        status = self.call(*command, cwd=cwd, environ=environ)
        if status != 0:
            raise StepError(f"{Path(command[0]).name} exited with {status}")

    def start(
        self, *command: str | Path, cwd: Path = ROOT, environ: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes]:
        """A command that goes on running; `kill` ends it and everything it started."""
        with self._lock:
            if self._is_stopped:
                raise StepError("interrupted")
            self.note(f"$ {' '.join(str(part) for part in command)}")
            self._process = subprocess.Popen(
                [str(part) for part in command],
                cwd=cwd,
                env={**_environment(), **(environ or {})},
                stdin=subprocess.DEVNULL,
                stdout=self.output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            if self.is_patient:
                # Only for processors that are short; a command that has ended needs none.
                with contextlib.suppress(ProcessLookupError):
                    os.setpriority(os.PRIO_PGRP, self._process.pid, _PATIENT_NICENESS)
            return self._process

    def kill(self) -> None:
        """End the running command, if any, with all its children."""
        with self._lock:
            process, self._process = self._process, None
        if process is None:
            return
        # The group outlives its leader: a failed test may leave a server behind.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End the running command and start no other one."""
        with self._lock:
            self._is_stopped = True
        self.kill()

    def note(self, line: str) -> None:
        """Add a line to the output, in order with what the commands print."""
        self.output.write(f"{line}\n".encode())
        self.output.flush()

    def output_text(self) -> str:
        self.output.seek(0)
        return self.output.read().decode(errors="replace")


def _environment() -> dict[str, str]:
    # The wheel must not find the checkout's packages, nor uv the checkout's environment.
    # Without compiled modules every server and command a test starts would compile all it imports:
    # a second of CPU each, hundreds of times.
    left_out = ("VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE")
    inherited = {key: value for key, value in os.environ.items() if key not in left_out}
    return inherited | {"NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}


def tool(name: str) -> Path:
    """A command installed beside this interpreter."""
    path = Path(sys.executable).parent / name
    if not path.exists():
        raise CannotRunError(f"{name} is not installed; run this script with `uv run`")
    return path


def program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        raise CannotRunError(f"{name} is not on the path")
    return path
