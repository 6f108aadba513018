"""A real server with real apps, for pages to show; and what a test asks of them over their APIs."""

import contextlib
import signal
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from tests.compat.graphql_client import Graphql
from tests.compat.harness import (
    PLAIN,
    TYPESCRIPT,
    App,
    Process,
    Server,
    free_port,
    install_packages,
    node,
    wait_until,
)

__all__ = [
    "OPERATOR_TOKEN",
    "PRODUCTION_KEYS",
    "SIGNING_KEY",
    "Stage",
    "running_server",
    "running_stage",
]

#: What a server in production asks apps for, and people.
SIGNING_KEY = "signkey-test-" + "5e9a" * 16
OPERATOR_TOKEN = "stepwell_op_" + "0f7c" * 12
PRODUCTION_KEYS = (
    *("--signing-key", SIGNING_KEY, "--event-key", "test"),
    *("--operator-token", OPERATOR_TOKEN),
)

_RUN = "query ($id: String!) { run(runID: $id) { status trace { status childrenSpans { name status } } } }"


class Stage:
    """A server, and the two apps that are registered with it.

    Attributes:
        server: `stepwell dev`, in memory, that looks for no apps by itself.
        shop: The app of `apps/`, with the Python SDK.
        warehouse: The app of `tests/compat/typescript/dashboard`, with the TypeScript SDK.
        graphql: A client of the server.
    """

    def __init__(self, server: Server, shop: App, warehouse: App) -> None:
        self.server = server
        self.shop = shop
        self.warehouse = warehouse
        self.url = server.url
        self.graphql = Graphql(server.url)

    def send(self, name: str, data: Mapping[str, Any] | None = None, **fields: Any) -> str:
        """Send one event; its internal id."""
        return self.server.send(name, data, **fields)

    def started(self, name: str, data: Mapping[str, Any] | None = None) -> str:
        """Send one event and wait until it has started its one run; the id of the run."""
        event_id = self.send(name, data)
        runs = wait_until(lambda: self.server.runs_of(event_id), what=f"a run of {name}")
        assert len(runs) == 1, runs
        return runs[0].id

    def ended(self, name: str, data: Mapping[str, Any] | None = None) -> str:
        """Like `started`, and wait for the end of the run."""
        run_id = self.started(name, data)
        self.wait_for_end(run_id)
        return run_id

    def status(self, run_id: str) -> str:
        """The status as GraphQL says it, such as `RUNNING`."""
        status: str = self.graphql.data(_RUN, {"id": run_id})["run"]["status"]
        return status

    def wait_for_status(self, run_id: str, *statuses: str) -> str:
        """Wait until the run has one of these; which one."""

        def reached() -> str | None:
            status = self.status(run_id)
            return status if status in statuses else None

        status = wait_until(reached, what=f"{run_id} {' or '.join(statuses)}")
        assert status is not None
        return status

    def wait_for_end(self, run_id: str) -> str:
        """Wait until the run has ended; how."""
        return self.wait_for_status(run_id, "COMPLETED", "FAILED", "CANCELLED", "SKIPPED")

    def wait_for_step(self, run_id: str, name: str, *statuses: str) -> None:
        """Wait until the run's trace shows a step of this name in one of these states."""

        def shown() -> bool:
            trace = self.graphql.data(_RUN, {"id": run_id})["run"]["trace"]
            steps = trace["childrenSpans"] if trace else []
            return any(step["name"] == name and step["status"] in statuses for step in steps)

        wait_until(shown, what=f"{name} of {run_id} {' or '.join(statuses)}")

    def open_gate(self, name: str) -> None:
        """Let bodies of the shop go on that stand at this gate."""
        response = httpx.get(
            f"{self.shop.origin}/gates/{name}", timeout=30, trust_env=False, verify=PLAIN
        )
        assert response.status_code == 200, response.text

    def close(self) -> None:
        """Forget the clients; the processes end with what started them."""
        self.graphql.close()


@contextlib.contextmanager
def running_server(*arguments: str, log: Path, signing_key: str | None = None) -> Iterator[Server]:
    """A server of its own, healthy; for `start` give it its keys."""
    server = Server(arguments, log=log, signing_key=signing_key)
    try:
        yield server.wait_until_healthy()
    finally:
        server.stop()


@contextlib.contextmanager
def running_stage(logs: Path, *, arguments: Iterable[str] = ()) -> Iterator[Stage]:
    """Server and apps, registered; they end with the block."""
    install_packages(TYPESCRIPT)
    options = ("dev", "--no-persist", "--no-discovery", "--no-poll", *arguments)
    with contextlib.ExitStack() as processes:
        server = Server(options, log=logs / "server.log")
        processes.callback(server.stop)
        apps = (_start_shop(server, logs), _start_warehouse(server, logs))
        for app in apps:
            # The hard way: bodies that stand at a gate would hold up any other end.
            processes.callback(app.process.stop, signal.SIGKILL)
        server.wait_until_healthy()
        for app in apps:
            response = app.wait_until_serving().sync()
            assert response.status_code == 200, response.text
            app.wait_until_registered()
        stage = Stage(server, *apps)
        processes.callback(stage.close)
        yield stage


def _start_shop(server: Server, logs: Path) -> App:
    port = free_port()
    process = Process(
        [sys.executable, "-m", "tests.web.apps", str(port)],
        log=logs / "shop.log",
        environ={"INNGEST_DEV": server.url},
    )
    return App(process, port=port, app_id="shop", prefix="shop", server=server)


def _start_warehouse(server: Server, logs: Path) -> App:
    port = free_port()
    process = Process(
        [node(), "dashboard/main.js", str(port)],
        log=logs / "warehouse.log",
        environ={"INNGEST_DEV": server.url},
        cwd=TYPESCRIPT,
    )
    return App(process, port=port, app_id="warehouse", prefix="warehouse", server=server)
