"""What the numbers depend on: processor, Python, commit, disk."""

import os
import platform
import subprocess
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from msgspec import Struct

_FSYNCS = 50


class Machine(Struct, frozen=True, kw_only=True):
    """Where and when a benchmark ran.

    Attributes:
        fsync_ms: Median of writing and syncing 4 KiB in the directory of the servers' data.
        load_average: Processes that wanted a core in the last minute, before the benchmark.
    """

    date: str
    cpu: str
    cores: int
    python: str
    kernel: str
    commit: str
    fsync_ms: float
    load_average: float

    @property
    def line(self) -> str:
        """All of it, for people."""
        return (
            f"{self.date} UTC, {self.cores} × {self.cpu}, Linux {self.kernel}, "
            f"Python {self.python}, commit {self.commit}, fsync {self.fsync_ms:.2f} ms, "
            f"load {self.load_average:.1f}"
        )


def this_machine(data_parent: Path) -> Machine:
    return Machine(
        date=datetime.now(UTC).strftime("%Y-%m-%d %H:%M"),
        cpu=_cpu_model(),
        cores=len(os.sched_getaffinity(0)),
        python=platform.python_version(),
        kernel=platform.release(),
        commit=_commit(),
        fsync_ms=_fsync_ms(data_parent),
        load_average=os.getloadavg()[0],
    )


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _commit() -> str:
    root = Path(__file__).parent
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=+"],
        cwd=root,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"


def _fsync_ms(parent: Path) -> float:
    times_ns = []
    with tempfile.TemporaryFile(dir=parent) as file:
        for _ in range(_FSYNCS):
            started_ns = time.monotonic_ns()
            file.write(bytes(4096))
            file.flush()
            os.fsync(file.fileno())
            times_ns.append(time.monotonic_ns() - started_ns)
    return sorted(times_ns)[_FSYNCS // 2] / 1e6
