"""The demo of `stepwell dev --demo`, as a newcomer meets it."""

import re
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from stepwell.cli.demo import DemoUnavailable, create_demo_app
from tests.compat.harness import Run, Server, free_port, wait_until

StartDemo = Callable[[], Server]


@pytest.fixture
def log(logs: Path) -> Path:
    return logs / "demo-server.log"


@pytest.fixture
def start_demo(log: Path, tmp_path: Path) -> Iterator[StartDemo]:
    """Starts the demo on one port and one database, as often as it is called."""
    port = free_port()
    started: list[Server] = []

    def start() -> Server:
        options = ["--no-discovery", "--no-poll", "--sqlite-dir", str(tmp_path)]
        server = Server(["dev", "--demo", *options], log=log, port=port)
        started.append(server)
        return server.wait_until_healthy()

    yield start
    for server in started:
        server.stop()


def orders(server: Server) -> list[str]:
    """The internal ids of the orders that were placed."""
    response = server.http.get("/v1/events", params={"name": "demo/order.placed"})
    assert response.status_code == 200, response.text
    return [event["internal_id"] for event in response.json()["data"]]


def the_order(server: Server) -> str:
    """The one order that the command placed, as soon as it has."""
    (order,) = wait_until(lambda: orders(server), what="the order that the demo places")
    return order


def test_the_demo_survives_a_kill_in_the_middle_of_its_run(
    start_demo: StartDemo, log: Path
) -> None:
    first = start_demo()
    order = the_order(first)
    sleeping = first.wait_until_parked(order, "sleep")

    first.stop(signal.SIGKILL)
    second = start_demo()

    (run,) = second.ended_runs(order, limit_s=60)
    assert run == Run(
        id=sleeping.id,
        function_id=sleeping.function_id,
        event_id=order,
        status="Completed",
        output={"orderId": "1001", "points": 12},
    )
    # A second start places no second order, and no step ran twice.
    assert orders(second) == [order]
    told = log.read_text()
    assert told.count("order 1001: worth 12 points") == 1
    assert told.count("order 1001: 12 points awarded to Ada") == 1
    (thanks,) = awarded_runs(second)
    assert thanks.output == "Dear Ada, enjoy your points!"


@pytest.mark.parametrize("package", ["fastapi", "inngest"])
def test_the_demo_says_what_to_install_when_its_packages_are_missing(
    package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What the import system finds for a package that cannot be imported.
    monkeypatch.setitem(sys.modules, package, None)

    with pytest.raises(DemoUnavailable, match=re.escape("pip install 'stepwell[examples]'")):
        create_demo_app("http://127.0.0.1:8288")


def awarded_runs(server: Server) -> list[Run]:
    """The runs of the function that thanks the customer."""
    response = server.http.get("/v1/events", params={"name": "demo/points.awarded"})
    (event,) = response.json()["data"]
    return server.ended_runs(event["internal_id"])
