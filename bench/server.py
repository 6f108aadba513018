"""The server under test: starting, killing and observing it from outside."""

import contextlib
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

_READY_TIMEOUT_S = 60
_STOP_TIMEOUT_S = 20
_TCP_LISTEN = "0A"
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class ServerFailedError(Exception):
    """The server did not start, or ended by itself; the message has its last output."""


class Server(Protocol):
    """What the workloads need to know about a server."""

    url: str

    @property
    def urls(self) -> list[str]:
        """Where events are sent to, in turn."""
        ...

    def pids(self) -> list[int]:
        """Every process of the server on this machine; empty if there is none."""
        ...


class RemoteServer:
    """A server that somebody else has started. Observed only if it runs on this machine."""

    def __init__(self, url: str, extra_pids: list[int]) -> None:
        self.url = url.rstrip("/")
        self._extra_pids = extra_pids

    @property
    def urls(self) -> list[str]:
        return [self.url]

    def pids(self) -> list[int]:
        port = urlsplit(self.url).port or 80
        roots = _listeners(port) if _is_local(self.url) else []
        return with_descendants([*roots, *self._extra_pids])


class OwnServer:
    """A server started from a command line, with a data directory of its own.

    `{port}` and `{data}` in the command are replaced by a free port and the directory.
    """

    def __init__(self, command: str, data_parent: Path) -> None:
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.data = Path(tempfile.mkdtemp(prefix="bench-", dir=data_parent))
        self._command = [
            part.format(port=self.port, data=self.data) for part in shlex.split(command)
        ]
        self._log = self.data / "bench-server.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process_id(self) -> int:
        """Of the process that was started; its children are not."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> int:
        """Start it on what the data directory holds; returns the monotonic time of that, in ns."""
        with self._log.open("ab") as log:
            started_ns = time.monotonic_ns()
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        return started_ns

    def wait_until_ready(self) -> None:
        """Return as soon as it answers HTTP requests.

        Raises:
            ServerFailedError: It ended, or did not answer in a minute.
        """
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while time.monotonic() < deadline:
            if self._process is None or self._process.poll() is not None:
                break
            with (
                contextlib.suppress(OSError),
                urllib.request.urlopen(f"{self.url}/health", timeout=_READY_TIMEOUT_S),
            ):
                return
            time.sleep(0.01)
        raise ServerFailedError(
            f"{shlex.join(self._command)} did not become ready:\n{self._last_output()}"
        )

    def kill(self) -> None:
        """End it without warning, like a power failure of the process."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def stop(self) -> None:
        """End it and delete its data."""
        if self._process is not None and self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self.kill()
        shutil.rmtree(self.data, ignore_errors=True)

    @property
    def urls(self) -> list[str]:
        return [self.url]

    def pids(self) -> list[int]:
        if self._process is None or self._process.poll() is not None:
            raise ServerFailedError(f"the server has ended:\n{self._last_output()}")
        return with_descendants([self._process.pid])

    def _last_output(self) -> str:
        return self._log.read_text(errors="replace")[-4_000:]


def default_command() -> str:
    """The server of this checkout, alone on its port and without looking for apps."""
    script = Path(sys.executable).with_name("stepwell")
    return f"{script} dev --no-discovery --no-poll --port {{port}} --sqlite-dir {{data}}"


def cpu_s(pids: list[int]) -> float:
    """Processor time of the processes so far, including threads that have ended."""
    total_ns = 0
    for pid in pids:
        # What clock_getcpuclockid(3) returns; a tick of /proc/PID/stat would be 10 ms.
        with contextlib.suppress(OSError):
            total_ns += time.clock_gettime_ns((~pid << 3) | 2)
    return total_ns / 1e9


def rss_bytes(pids: list[int]) -> int:
    """Resident memory of the processes."""
    pages = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * _PAGE_BYTES


def rss_peak_bytes(pids: list[int]) -> int:
    """Sum of the largest resident memory each process has had."""
    kilobytes = 0
    for pid in pids:
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    kilobytes += int(line.split()[1])
    return kilobytes * 1024


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _is_local(url: str) -> bool:
    return urlsplit(url).hostname in {"127.0.0.1", "localhost", "::1"}


def _listeners(port: int) -> list[int]:
    """Processes that listen on a TCP port."""
    inodes = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            fields = line.split()
            if fields[3] == _TCP_LISTEN and int(fields[1].rpartition(":")[2], 16) == port:
                inodes.add(f"socket:[{fields[9]}]")
    pids = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if any(str(fd.readlink()) in inodes for fd in (process / "fd").iterdir()):
                pids.append(int(process.name))
    return pids


def with_descendants(roots: list[int]) -> list[int]:
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            name, _, rest = stat.read_text().rpartition(") ")
            children.setdefault(int(rest.split()[1]), []).append(int(name.partition(" ")[0]))
    found: list[int] = []
    unseen = list(roots)
    while unseen:
        pid = unseen.pop()
        if pid not in found:
            found.append(pid)
            unseen.extend(children.get(pid, ()))
    return found
