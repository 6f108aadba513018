"""One server and one app per SDK for the whole session; each test sends events of its own."""

from collections.abc import Iterator
from pathlib import Path

import pytest

# Their assertions explain themselves only if pytest rewrites them, which must come first.
pytest.register_assert_rewrite(
    "tests.compat.harness",
    "tests.compat.scenarios",
    "tests.compat.flow",
    "tests.compat.graphql_client",
    "tests.compat.graphql_dashboard",
    "tests.compat.graphql_go",
    "tests.compat.graphql_python",
    "tests.compat.graphql_typescript",
    "tests.compat.graphql_stage",
)

from tests.compat.graphql_go_functions import APP, FUNCTIONS  # noqa: E402
from tests.compat.graphql_raw_app import RawApp  # noqa: E402
from tests.compat.harness import (  # noqa: E402
    TYPESCRIPT,
    App,
    Server,
    free_port,
    install_packages,
    start_python_app,
    start_typescript_app,
    start_typescript_graphql_app,
)


@pytest.fixture(scope="session")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the processes of the session write their output."""
    return tmp_path_factory.mktemp("compat-logs")


@pytest.fixture(scope="session")
def app_ports() -> dict[str, int]:
    """The ports of the session's apps, chosen before the server is told of them."""
    return {"python": free_port(), "typescript": free_port()}


@pytest.fixture(scope="session")
def server(logs: Path, app_ports: dict[str, int]) -> Iterator[Server]:
    """`stepwell dev`, told of both apps; an app that is not running yet is pinged again."""
    urls = [f"--sdk-url=http://127.0.0.1:{port}/api/inngest" for port in app_ports.values()]
    options = ["--no-discovery", "--no-poll", "--no-persist", "--retry-interval=1"]
    server = Server(["dev", *options, "--poll-interval=1", *urls], log=logs / "server.log")
    try:
        yield server.wait_until_healthy()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def python_app(server: Server, logs: Path, app_ports: dict[str, int]) -> Iterator[App]:
    """The app of `python_app/`, registered with the session's server."""
    app = start_python_app(server, log=logs / "python-app.log", port=app_ports["python"])
    try:
        yield app.wait_until_registered()
    finally:
        app.stop()


@pytest.fixture(scope="session")
def typescript_packages() -> None:
    """The TypeScript SDK, installed from its lock file where it is missing."""
    install_packages(TYPESCRIPT)


@pytest.fixture(scope="session")
def typescript_app(
    server: Server, logs: Path, app_ports: dict[str, int], typescript_packages: None
) -> Iterator[App]:
    """The app of `typescript/`, registered with the session's server."""
    app = start_typescript_app(
        server, log=logs / "typescript-app.log", port=app_ports["typescript"]
    )
    try:
        yield app.wait_until_registered()
    finally:
        app.stop()


@pytest.fixture(scope="session")
def typescript_graphql_app(
    server: Server, logs: Path, typescript_packages: None
) -> Iterator[tuple[App, App]]:
    """The app of `typescript/graphql/`, with checkpointing and without, both in one process."""
    with_it, without = start_typescript_graphql_app(server, log=logs / "graphql-app.log")
    try:
        yield with_it, without
    finally:
        with_it.stop()


@pytest.fixture(scope="session")
def go_app(server: Server) -> Iterator[RawApp]:
    """An app that answers as the Go SDK does, registered with the session's server."""
    app = RawApp(server, APP, FUNCTIONS)
    try:
        yield app.register()
    finally:
        app.stop()
