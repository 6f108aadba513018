"""Several servers on one PostgreSQL share the work, and each answers for all."""

import random
import secrets
import signal
import sys
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from tests.e2e.checkers import read
from tests.e2e.processes import HeldApp, ServerProcess, Servers, free_port, on_postgres, wait_until
from tests.e2e.rounds import Rounds
from tests.e2e.series import FLAGS

_PARTITIONS = 16


class Nodes:
    """Servers that share a database."""

    def __init__(self, servers: Servers, uri: str, directory: Path) -> None:
        self._servers = servers
        self._environ = on_postgres(uri)
        self._directory = directory
        self._uri = uri

    def start(self, name: str, *flags: str, port: int | None = None) -> ServerProcess:
        directory = self._directory / name
        directory.mkdir(exist_ok=True)
        return self._servers.dev(*flags, directory=directory, port=port, environ=self._environ)

    def owners(self) -> dict[int, int]:
        """How many partitions each node owns; 0 stands for nobody."""
        sql = "SELECT node_id, count(*) FROM partitions GROUP BY node_id"
        return {int(node): int(count) for node, count in read(self._uri, sql)}

    def node_of(self, server: ServerProcess) -> list[int]:
        """Which node a server is; none before it has joined."""
        sql = f"SELECT id FROM nodes WHERE name LIKE '%:{server.process.pid}'"
        return [int(node) for (node,) in read(self._uri, sql)]

    def wait_until_shared_by(self, count: int) -> None:
        wait_until(
            lambda: 0 not in self.owners() and sorted(self.owners().values()) == shares(count),
            what=f"{count} nodes with their shares",
        )


def shares(nodes: int) -> list[int]:
    each, left = divmod(_PARTITIONS, nodes)
    return sorted(each + (number < left) for number in range(nodes))


@pytest.fixture
def nodes(servers: Servers, uri: str, tmp_path: Path) -> Nodes:
    return Nodes(servers, uri, tmp_path)


def test_servers_share_the_partitions_and_take_over_what_is_left(nodes: Nodes) -> None:
    first = nodes.start("first")
    nodes.wait_until_shared_by(1)
    second = nodes.start("second")
    nodes.wait_until_shared_by(2)
    third = nodes.start("third")
    nodes.wait_until_shared_by(3)
    second.kill()
    nodes.wait_until_shared_by(2)
    assert first.stop() == 0
    nodes.wait_until_shared_by(1)
    assert third.stop() == 0
    assert nodes.owners() == {0: _PARTITIONS}


def test_an_event_may_be_sent_to_any_server_and_every_server_answers_for_its_run(
    nodes: Nodes, held_app: HeldApp
) -> None:
    first, second = nodes.start("first"), nodes.start("second")
    nodes.wait_until_shared_by(2)
    held_app.register_with(first)
    for sender, reader in ((first, second), (second, first)):
        event_id = sender.send(held_app.event)
        call = held_app.next_call()
        run_id = call.body["ctx"]["run_id"]
        assert [run["run_id"] for run in reader.runs_of(event_id)] == [run_id]
        call.answer("done")
        for server in (sender, reader):
            wait_until(partial(_is, server, run_id, "Completed"), what="the end of the run")
    assert first.stop() == 0
    assert second.stop() == 0


def test_a_run_is_cancelled_through_any_server(nodes: Nodes, held_app: HeldApp) -> None:
    servers = [nodes.start("first"), nodes.start("second")]
    nodes.wait_until_shared_by(2)
    held_app.register_with(servers[0])
    for server in servers:
        servers[0].send(held_app.event)
        call = held_app.next_call()
        run_id = call.body["ctx"]["run_id"]
        assert server.delete(f"/v1/runs/{run_id}").status == 200
        assert _is(server, run_id, "Cancelled")
        call.answer("too late")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP, signal.SIGTERM])
def test_another_server_goes_on_with_what_one_has_begun(
    nodes: Nodes, held_app: HeldApp, how: signal.Signals
) -> None:
    """A run goes on where it was, whatever its server has missed or still wants to say."""
    first = nodes.start("first")
    held_app.register_with(first)
    event_id = first.send(held_app.event)
    call = held_app.next_call()
    second = nodes.start("second")

    first.signal(how)
    again = held_app.next_call()
    assert again.body["ctx"]["run_id"] == call.body["ctx"]["run_id"]
    if how is signal.SIGSTOP:
        first.signal(signal.SIGCONT)
    call.answer("too late")
    again.answer("done")

    run_id = again.body["ctx"]["run_id"]
    wait_until(partial(_is, second, run_id, "Completed"), what="the end of the run")
    (run,) = second.runs_of(event_id)
    assert run["output"] == "done"
    if how is signal.SIGSTOP:
        # It has noticed, and is one of two again.
        nodes.wait_until_shared_by(2)
        assert _is(first, run_id, "Completed")
        assert first.stop() == 0
    assert second.stop() == 0


@pytest.mark.timeout(240)
def test_nothing_acknowledged_is_lost_whatever_servers_end(nodes: Nodes, uri: str) -> None:
    """Three servers are killed, stopped and paused in turn while events come in to all of them."""
    seed = secrets.randbits(32)
    sys.stdout.write(f"seed {seed}: ")
    draws = random.Random(seed)
    with closing(Company(nodes, draws)) as company:
        company.rounds.end_each_with(
            [company.kill] * 3 + [company.terminate] * 2 + [company.pause] * 2
        )
        company.finish(uri)

        sys.stdout.write(f"{company.rounds.check(uri, paused=company.paused)}\n")


class Company:
    """Three servers, an app that knows one of them, and clients that know all.

    Attributes:
        paused: The nodes that were.
    """

    def __init__(self, nodes: Nodes, draws: random.Random) -> None:
        self._nodes = nodes
        self._draws = draws
        self._ports = [free_port() for _ in range(3)]
        self.servers = [self._start(number) for number in range(3)]
        first, *others = self.servers
        urls = [each.url for each in others]
        self.rounds = Rounds(draws, first, others=urls, events=8, calls=100)
        self.paused: list[int] = []

    def kill(self) -> None:
        number = self._draws.randrange(3)
        self.servers[number].kill()
        self.servers[number] = self._start(number)

    def terminate(self) -> None:
        number = self._draws.randrange(3)
        assert self.servers[number].stop() == 0
        self.servers[number] = self._start(number)

    def pause(self) -> None:
        """For longer than the others wait for it."""
        server = self._draws.choice(self.servers)
        self.paused += self._nodes.node_of(server)
        server.signal(signal.SIGSTOP)
        self._nodes.wait_until_shared_by(2)
        server.signal(signal.SIGCONT)
        self._nodes.wait_until_shared_by(3)

    def finish(self, uri: str) -> None:
        """Let everything end that was begun, and the servers stop."""
        self.rounds.finish(uri, lambda: self._draws.choice(self.servers))
        for server in self.servers:
            assert server.stop() == 0

    def close(self) -> None:
        self.rounds.close()

    def _start(self, number: int) -> ServerProcess:
        return self._nodes.start(f"node{number}", *FLAGS, port=self._ports[number])


def _is(server: ServerProcess, run_id: str, status: str) -> bool:
    answer = server.get(f"/v1/runs/{run_id}")
    assert answer.status == 200, answer
    found: str = answer.json()["data"]["status"]
    return found == status
