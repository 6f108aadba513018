"""`stepwell nodes` against one server, and against one that knows of others."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from stepwell import __version__
from stepwell.cli.nodes import ranges_text
from stepwell.cli.outside import Outside
from stepwell.server.options import Mode
from tests.unit.api.whole_server import crowd, whole_server
from tests.unit.cli.operator_world import Operator, run

_JOIN = """
INSERT INTO nodes (id, number, name, version, joined_ms, lease_until_ms, catalogue, is_draining,
                   probe)
VALUES ({0}, {0}, 'host:{0}', '0.9', 1000, {1}, 99999, {2}, x'')
"""
_FOR_LONG = 99_999_999_999_999


@pytest.fixture(scope="module")
def alone() -> Iterator[Operator]:
    with whole_server() as server:
        yield Operator(server)


@pytest.fixture(scope="module")
def among_others() -> Iterator[Operator]:
    """Before a server without partitions: others, of which one drains, have taken all but one."""
    connection = sqlite3.connect(":memory:", check_same_thread=False)
    with crowd(0, partitions=6, connection=connection):
        connection.execute(_JOIN.format(300, _FOR_LONG, 0))
        connection.execute(_JOIN.format(301, _FOR_LONG, 1))
        connection.execute("UPDATE partitions SET node_id = 300 WHERE id IN (0, 1, 3, 4, 5)")
        connection.execute("UPDATE partitions SET node_id = 301 WHERE id = 2")
        connection.commit()
    with crowd(1, partitions=6, connection=connection) as servers:
        yield Operator(servers[0])
    connection.close()


def test_a_server_by_itself_owns_everything(alone: Operator) -> None:
    head, row = alone.told("nodes").splitlines()

    assert head.split() == ["NODE", "NAME", "STATE", "VERSION", "JOINED", "OWNS", "PARTITIONS"]
    assert row.split()[2:5] == ["(this)", "live", __version__]
    assert row.split()[-2:] == ["1", "0"]


def test_programs_get_one_object(alone: Operator) -> None:
    seen = alone.json("nodes")

    (node,) = seen["nodes"]
    assert (node["state"], node["isThis"], node["partitions"]) == ("LIVE", True, [0])
    assert seen["partitions"] == [{"id": 0, "nodeID": node["id"], "owner": node["name"]}]


def test_all_servers_are_shown_with_what_they_own(among_others: Operator) -> None:
    result = among_others.run("nodes")

    rows = {line.split()[0]: line.split() for line in result.stdout.splitlines()[1:]}
    assert result.exit_code == 0
    assert rows["300"][1:4] == ["host:300", "live", "0.9"]
    assert rows["300"][-3:] == ["5", "0-1,", "3-5"]
    assert rows["301"][1:3] == ["host:301", "draining"]
    assert rows["1"][-1] == "0"
    assert result.stderr == (
        "host:301 stops, and gives partition 2 away when its calls have ended.\n"
    )


def test_dead_servers_and_free_partitions_are_pointed_out() -> None:
    """Nothing is wrong if somebody has taken them a few seconds later."""
    nodes = [
        _node(7, state="DEAD", partitions=[0, 1, 2], leaseUntil="2026-11-21T09:07:03.000Z"),
        _node(8, isThis=True, partitions=[3]),
    ]
    partitions = [_partition(n, 7) for n in range(3)] + [_partition(3, 8), _partition(4, None)]

    result = run(_answering({"nodes": nodes, "partitions": partitions}), "nodes")

    assert result.stdout == (
        "NODE  NAME           STATE         VERSION  JOINED   OWNS  PARTITIONS\n"
        "   7  host:7         dead 12s ago  1.0      15s ago     3  0-2\n"
        "   8  host:8 (this)  live          1.0      15s ago     1  3\n"
    )
    assert result.stderr == (
        "Nobody owns partition 4; a server takes over within seconds.\n"
        "host:7 is dead; others take over partitions 0-2 within seconds.\n"
    )


def test_a_server_that_cannot_use_its_database_says_so() -> None:
    result = run(_answering({"nodes": [], "partitions": []}), "nodes")

    assert result.exit_code == 1
    assert "It cannot use its database at present" in result.stderr


def test_watching_goes_on_while_the_server_is_away() -> None:
    """Programs get a line for every look."""
    seen = {"nodes": [_node(8)], "partitions": [_partition(0, 8)]}
    pauses: list[float] = []

    def pause(duration_s: float) -> None:
        pauses.append(duration_s)
        if len(pauses) == 3:
            raise KeyboardInterrupt

    outside = _answering(seen, httpx.ConnectError("gone"), seen, pause=pause)
    result = run(outside, "nodes", "--watch", "--json")

    assert [json.loads(line) for line in result.stdout.splitlines()] == [seen, seen]
    assert "gone; looking again in 2 s." in result.stderr
    assert pauses == [2.0, 2.0, 2.0]


def test_a_server_that_is_not_there_is_an_error() -> None:
    result = run(_answering(httpx.ConnectError("refused")), "nodes")

    assert result.exit_code == 1
    assert "SW2040" in result.stderr


def test_in_production_the_operator_token_is_needed() -> None:
    with whole_server(Mode.START) as server:
        result = Operator(server).run("nodes")

    assert result.exit_code == 1
    assert "token" in result.stderr


@pytest.mark.parametrize(
    ("numbers", "text"),
    [([], ""), ([4], "4"), ([0, 1], "0-1"), ([0, 2, 4], "0, 2, 4"), ([1, 2, 3, 7, 8], "1-3, 7-8")],
)
def test_ranges_are_written_short(numbers: list[int], text: str) -> None:
    assert ranges_text(numbers) == text


def _node(number: int, **more: Any) -> dict[str, Any]:
    return {
        "id": number,
        "name": f"host:{number}",
        "version": "1.0",
        "joinedAt": "2026-11-21T09:07:00.000Z",
        "leaseUntil": "2026-11-21T09:07:20.000Z",
        "state": "LIVE",
        "isDraining": False,
        "isThis": False,
        "partitions": [],
        **more,
    }


def _partition(number: int, node: int | None) -> dict[str, Any]:
    return {"id": number, "nodeID": node, "owner": node and f"host:{node}"}


def _answering(
    *answers: dict[str, Any] | Exception, pause: Callable[[float], None] = lambda _: None
) -> Outside:
    """A server that sees this, one after the other, at 09:07:15."""
    left = list(answers)

    def handle(_request: httpx.Request) -> httpx.Response:
        answer = left.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return httpx.Response(
            200, json={"data": {"server": answer}}, headers={"x-inngest-server-kind": "dev"}
        )

    return Outside(httpx.MockTransport(handle), lambda: 1_795_252_035_000, pause)
