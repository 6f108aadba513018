"""Several processes that are one server: `stepwell start --processes`."""

import contextlib
import json
import os
import re
import signal
import socket
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import pytest
from websockets.sync.client import connect

from tests.e2e.checkers import read
from tests.e2e.processes import (
    START_LIMIT_S,
    HeldApp,
    HeldCall,
    ServerProcess,
    Servers,
    free_port,
    on_postgres,
    wait_until,
)

TOKEN = "0123456789abcdef" * 2
KEYS = ("--signing-key", "abcd", "--event-key", "test")
OPERATOR = {"Authorization": f"Bearer {TOKEN}"}
APP = {"Authorization": "Bearer abcd"}
#: Enough that each of two processes owns some; where they lie follows from their names.
FUNCTIONS = 8


@pytest.fixture
def many_functions() -> Iterator[HeldApp]:
    with closing(HeldApp(FUNCTIONS)) as app:
        yield app


class Processes:
    """Starts servers of several processes on a database, and looks at it."""

    def __init__(self, servers: Servers, uri: str) -> None:
        self._servers = servers
        self._uri = uri

    def begin(
        self, *flags: str, count: int = 2, port: int | None = None, **environ: str
    ) -> ServerProcess:
        """One that need not be up when this returns."""
        # Not as a flag: others see those of a process.
        environ = on_postgres(self._uri) | environ
        command = ("start", *KEYS, "--processes", str(count), *flags)
        return self._servers(*command, port=port, environ=environ)

    def start(self, *flags: str) -> ServerProcess:
        """One of two processes that share the work already."""
        server = self.begin("--operator-token", TOKEN, *flags)
        server.entry("processes.started")
        self.wait_until_shared()
        return server

    def wait_until_shared(self) -> None:
        wait_until(lambda: sorted(self._owners().values()) == [8, 8], what="equal shares")

    def pids(self) -> list[int]:
        """Of the processes, by what they call themselves."""
        names = read(self._uri, "SELECT name FROM nodes WHERE lease_until_ms > 0 ORDER BY id")
        return [int(name.rpartition(":")[2]) for (name,) in names]

    def lease_for_ever(self) -> None:
        """No node that there is now has to renew its lease before the end of the test."""
        with closing(psycopg.connect(self._uri, autocommit=True)) as connection:
            connection.execute("UPDATE nodes SET lease_until_ms = lease_until_ms + 86400000")

    def _owners(self) -> dict[int, int]:
        sql = "SELECT node_id, count(*) FROM partitions GROUP BY node_id"
        return {int(node): int(count) for node, count in read(self._uri, sql)}


@pytest.fixture
def processes(servers: Servers, uri: str) -> Processes:
    return Processes(servers, uri)


def who_answers(server: ServerProcess) -> str:
    """The number of the process that takes a new connection."""
    answer = server.get("/metrics", headers=OPERATOR)
    assert answer.status == 200, answer
    (number,) = set(re.findall(r'process="(\d+)"', answer.body.decode()))
    return str(number)


def calls_of(app: HeldApp, count: int) -> dict[str, HeldCall]:
    """The next calls, by run."""
    calls = [app.next_call() for _ in range(count)]
    return {call.body["ctx"]["run_id"]: call for call in calls}


def is_completed(server: ServerProcess, run_id: str) -> bool:
    answer = server.get(f"/v1/runs/{run_id}", headers=APP)
    return answer.status == 200 and answer.json()["data"]["status"] == "Completed"


def wait_until_completed(server: ServerProcess, run_ids: Iterator[str] | list[str]) -> None:
    for run_id in run_ids:
        wait_until(partial(is_completed, server, run_id), what=f"end of {run_id}")


def is_there(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_until_gone(pids: list[int]) -> None:
    wait_until(lambda: not any(is_there(pid) for pid in pids), what=f"the end of {pids}")


def test_processes_share_the_port_and_the_work(
    processes: Processes, many_functions: HeldApp
) -> None:
    server = processes.start()
    pids = processes.pids()
    assert len(set(pids)) == 2
    assert server.process.pid not in pids
    answered: set[str] = set()

    def all_have_answered() -> bool:
        answered.add(who_answers(server))
        return answered == {"1", "2"}

    wait_until(all_have_answered, what="answers of all processes")
    many_functions.register_with(server, headers=APP)
    server.send(many_functions.event)
    calls = calls_of(many_functions, FUNCTIONS)
    for call in calls.values():
        call.answer("done")
    wait_until_completed(server, list(calls))

    assert server.stop() == 0
    assert many_functions.calls.empty(), "each run was called once"
    started = [entry for entry in server.entries if entry["msg"] == "server.started"]
    assert sorted(entry["process"] for entry in started) == [1, 2]


def test_the_operator_token_is_shown_once(servers: Servers, blank_uri: str) -> None:
    """All of them begin on a database in which there is nothing yet."""
    server = Processes(servers, blank_uri).begin(count=3)
    server.entry("processes.started")

    (token,) = re.findall(r"^Operator token: (\S+)$", server.output, re.MULTILINE)
    headers = {"Authorization": f"Bearer {token}"}
    statuses = {server.get("/v1/retention", headers=headers).status for _ in range(12)}

    assert statuses == {200}
    assert server.stop() == 0


def test_a_process_that_is_killed_is_replaced_and_its_runs_go_on(
    processes: Processes, many_functions: HeldApp
) -> None:
    server = processes.start()
    many_functions.register_with(server, headers=APP)
    server.send(many_functions.event)
    first = calls_of(many_functions, FUNCTIONS)
    killed, kept = processes.pids()

    os.kill(killed, signal.SIGKILL)
    entry = server.entry("process.ended")
    assert (entry["pid"], entry["reason"]) == (killed, "SIGKILL")
    assert server.get("/health").status == 200, "nobody is sent to the port of a dead process"
    for call in first.values():
        call.answer("done")

    # What the dead one called is called again, once, and nothing else is.
    def completed() -> bool:
        while not many_functions.calls.empty():
            again = many_functions.calls.get()
            assert again.body["ctx"]["run_id"] in first
            again.answer("done")
        return all(is_completed(server, run_id) for run_id in first)

    wait_until(completed, what="the end of all runs")
    processes.wait_until_shared()
    assert kept in processes.pids()
    assert killed not in processes.pids()
    assert server.stop() == 0


def test_what_a_killed_process_had_is_taken_over_before_its_lease_ends(
    processes: Processes,
) -> None:
    """Its supervisor knows that it is dead, and tells the others."""
    server = processes.start()
    killed, kept = processes.pids()
    processes.lease_for_ever()

    os.kill(killed, signal.SIGKILL)

    wait_until(lambda: killed not in processes.pids(), what="the removal of the dead one")
    processes.wait_until_shared()
    assert kept in processes.pids()
    assert server.stop() == 0


def test_all_drain_at_once_and_lose_and_repeat_nothing(
    processes: Processes, many_functions: HeldApp
) -> None:
    server = processes.start("--shutdown-grace", "60")
    many_functions.register_with(server, headers=APP)
    server.send(many_functions.event)
    calls = calls_of(many_functions, FUNCTIONS)

    server.signal(signal.SIGTERM)
    wait_until(
        lambda: [e["msg"] for e in server.entries].count("server.stopping") == 2,
        what="two that stop",
    )
    for call in calls.values():
        call.answer("done")
    assert server.wait() == 0

    again = processes.start()
    wait_until_completed(again, list(calls))
    assert many_functions.calls.empty(), "each run was called once"
    assert again.stop() == 0


def test_a_second_signal_ends_all_at_once(processes: Processes, many_functions: HeldApp) -> None:
    server = processes.start("--shutdown-grace", "60")
    many_functions.register_with(server, headers=APP)
    server.send(many_functions.event)
    calls_of(many_functions, FUNCTIONS)
    pids = processes.pids()

    server.signal(signal.SIGTERM)
    server.entry("processes.stopping")

    assert server.stop() == 128 + signal.SIGTERM
    wait_until_gone(pids)


def test_processes_stop_when_their_supervisor_is_gone(processes: Processes) -> None:
    server = processes.start()
    pids = processes.pids()

    server.kill()

    wait_until_gone(pids)
    stopped = [entry["process"] for entry in server.entries if entry["msg"] == "server.stopped"]
    assert sorted(stopped) == [1, 2], "in good order"


def test_what_keeps_a_server_from_starting_is_told_once(servers: Servers) -> None:
    uri = f"postgresql://someone:very-secret@127.0.0.1:{free_port()}/nothing"
    flags = ("--processes", "2")
    server = servers("start", *KEYS, *flags, environ=on_postgres(uri))

    assert server.wait() == 1
    assert server.output.count("Error: ") == 1
    assert "SW2006" in server.output
    assert "very-secret" not in server.output


def test_a_port_in_use_is_refused(processes: Processes) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        server = processes.begin(port=taken.getsockname()[1])
        assert server.wait() == 1
    assert "SW2012" in server.output


def test_several_processes_are_refused_on_a_file(servers: Servers) -> None:
    server = servers("start", *KEYS, "--processes", "2")

    assert server.wait() == 1
    assert "SW2010" in server.output
    assert "--postgres-uri" in server.output


def test_the_service_manager_is_told_when_all_are_ready(
    processes: Processes, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(START_LIMIT_S)
        server = processes.begin(
            NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC=str(60_000_000)
        )
        said = manager.recv(100)
        while said == b"WATCHDOG=1":
            said = manager.recv(100)
        assert said == b"READY=1"
        wait_until(lambda: len(_started(server)) == 2, what="what both processes say")
        assert server.stop() == 0
        manager.settimeout(0)
        later = []
        with contextlib.suppress(BlockingIOError):
            while True:
                later.append(manager.recv(100))
        assert [each for each in later if each != b"WATCHDOG=1"] == [b"STOPPING=1"]


def _started(server: ServerProcess) -> list[dict[str, Any]]:
    return [entry for entry in server.entries if entry["msg"] == "server.started"]


def test_whoever_watches_one_process_is_told_what_all_of_them_do(
    processes: Processes, many_functions: HeldApp
) -> None:
    server = processes.start()
    many_functions.register_with(server, headers=APP)
    url = server.url.replace("http", "ws") + "/v0/changes"
    with connect(
        url, proxy=None, additional_headers=OPERATOR, open_timeout=START_LIMIT_S
    ) as opened:

        def next_notice() -> dict[str, object]:
            notice: dict[str, object] = json.loads(opened.recv(START_LIMIT_S))
            return notice

        assert next_notice() == {"type": "hello"}
        # Others have not told what they committed until now; from now on they do.
        while not next_notice()["cut"]:
            pass
        server.send(many_functions.event)
        calls = calls_of(many_functions, FUNCTIONS)
        named: set[str] = set()
        while not named >= calls.keys():
            runs = next_notice()["runs"]
            assert isinstance(runs, dict)
            named |= runs.keys()
        for call in calls.values():
            call.answer("done")
    wait_until_completed(server, list(calls))
    assert server.stop() == 0
