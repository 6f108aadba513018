"""Several processes that are one server to those who start, stop and use it.

Each process is a complete server and a node of its own: it accepts connections at the common port,
and the work of partitions is spread over all nodes of the database, whatever machine they are on.
The supervisor serves nothing and does not open the database. It starts the processes, replaces those
that end, tells the others that they have, and stops all of them when it is told to.

The first process begins alone, while others only load their code: whatever keeps a server from
starting is told once, and so is the operator token.
"""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

import structlog

from stepwell.server.child import Child
from stepwell.server.errors import ProcessesEnd
from stepwell.server.listening import bind_shared, listen
from stepwell.server.logging import set_up_logging
from stepwell.server.service_manager import ServiceManager
from stepwell.server.settings import Settings
from stepwell.server.worker import Ended, Worker

__all__ = ["Supervisor", "run_processes"]

_log = structlog.get_logger("stepwell.server")

_FIRST: Final = 1
#: A process that lasted this long was a good one; what ended it is a new trouble.
_STEADY_S: Final = 10.0
#: Processes of each number that may end sooner, one after the other, before the server gives up.
_TRIES_MAX: Final = 5
_RETRY_FIRST_S: Final = 0.5
_RETRY_MAX_S: Final = 30.0
_DOUBLINGS_MAX: Final = 10


def run_processes(settings: Settings) -> int:
    """Serve with several processes until SIGINT or SIGTERM; a second one ends them at once.

    Returns:
        The exit status: 0 if all were told to stop and did so in good order, else that of one that
        did not.

    Raises:
        AddressUnavailable: The server cannot listen.
        ProcessesEnd: All processes end soon after they are started.
    """
    set_up_logging(settings.log)
    for note in settings.notes:
        _log.warning("setting.note", note=note)
    # What was typed, with the same interpreter and its flags.
    command = (sys.executable, *sys.orig_argv[1:])
    return asyncio.run(Supervisor(settings, command).run())


class Supervisor:
    """One life of a server of several processes.

    Args:
        settings: How many there are, and where they listen.
        command: Starts one of them.
        retry_first_s: The pause after the first end that came too soon; the next ones are longer.
    """

    def __init__(
        self,
        settings: Settings,
        command: Sequence[str],
        *,
        retry_first_s: float = _RETRY_FIRST_S,
    ) -> None:
        self._retry_first_s = retry_first_s
        self._settings = settings
        self._command = command
        self._service_manager = ServiceManager()
        self._stopping = asyncio.Event()
        self._workers: dict[int, Worker] = {}
        # Processes of each number that have ended too soon, one after the other.
        self._failures = dict.fromkeys(range(1, settings.processes + 1), 0)
        self._ready: set[int] = set()
        self._first_is_ready = asyncio.Event()
        self._is_started = False
        self._status = 0
        self._failure: ProcessesEnd | None = None

    async def run(self) -> int:
        """Serve until a signal comes; returns the exit status."""
        host = self._settings.host
        # Nobody else may listen there, but others may have had a part in the port.
        probes = listen(host, self._settings.port)
        port: int = probes[0].getsockname()[1]
        for probe in probes:
            probe.close()
        # They never listen, but keep the port for processes to come.
        reserved = bind_shared(host, port)
        try:
            self._catch_signals()
            await self._supervise(port)
        finally:
            for each in reserved:
                each.close()
        if self._failure is not None:
            raise self._failure
        _log.info("processes.stopped", status=self._status)
        return self._status

    def stop(self) -> None:
        """Have all processes finish what they do, and end. May be called twice."""
        self._stopping.set()
        for worker in self._workers.values():
            worker.stop()

    async def _supervise(self, port: int) -> None:
        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(self._service_manager.watch())
            await asyncio.wait(
                [tasks.create_task(self._keep(each, port)) for each in self._failures]
            )
            watching.cancel()

    def _catch_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._signalled, number)

    def _signalled(self, number: signal.Signals) -> None:
        if self._stopping.is_set():
            for worker in self._workers.values():
                worker.kill()
            # Nothing that matters is lost: whatever was acknowledged is on the disk.
            os._exit(128 + number)
        _log.info("processes.stopping", signal=number.name)
        self._service_manager.stopping()
        self.stop()

    async def _keep(self, number: int, port: int) -> None:
        """Have a process with that number, until all are to stop or it makes no sense any more."""
        greets = number == _FIRST
        while not self._stopping.is_set():
            child = Child(number, port, channel=-1, greets=greets)
            ended = await self._live(child)
            if not self._first_is_ready.is_set() and number == _FIRST:
                # It has said why it cannot start.
                self.stop()
            if self._stopping.is_set():
                self._status = self._status or (ended.status if ended.had_begun else 0)
                return
            if ended.node is not None:
                # It cannot write any more, so nobody has to wait until its lease has ended.
                for worker in self._workers.values():
                    worker.tell_of_death(ended.node)
            greets = False
            await self._pause_after(number, ended)

    async def _live(self, child: Child) -> Ended:
        """Start a process and wait for its end."""
        try:
            worker = await Worker.start(self._command, child)
        except OSError as error:
            _log.error("process.not_started", process=child.number, reason=str(error))
            return Ended(0, code=1, lived_s=0.0)
        self._workers[child.number] = worker
        try:
            if self._stopping.is_set():
                worker.stop()
            elif child.number == _FIRST or self._first_is_ready.is_set():
                worker.go()
            return await worker.run(lambda: self._is_ready(child.number))
        finally:
            self._ready.discard(child.number)
            del self._workers[child.number]

    def _is_ready(self, number: int) -> None:
        self._ready.add(number)
        if not self._first_is_ready.is_set():
            self._first_is_ready.set()
            for other in self._workers.keys() - {number}:
                self._workers[other].go()
        if len(self._ready) == self._settings.processes and not self._is_started:
            self._is_started = True
            self._service_manager.ready()
            _log.info("processes.started", processes=self._settings.processes)

    async def _pause_after(self, number: int, ended: Ended) -> None:
        """Wait before the next process with the number; longer the more of them ended too soon."""
        is_steady = ended.lived_s >= _STEADY_S
        self._failures[number] = failures = 0 if is_steady else self._failures[number] + 1
        # Doubled so often, it has long reached the longest pause.
        doubled = min(failures - 1, _DOUBLINGS_MAX)
        retry_s = 0.0 if is_steady else min(self._retry_first_s * 2**doubled, _RETRY_MAX_S)
        _log.warning(
            "process.ended",
            process=number,
            pid=ended.pid,
            reason=ended.reason,
            lived_s=round(ended.lived_s, 1),
            retry_s=retry_s,
        )
        if min(self._failures.values()) >= _TRIES_MAX:
            self._failure = ProcessesEnd(ended.reason)
            self.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(retry_s):
                await self._stopping.wait()
