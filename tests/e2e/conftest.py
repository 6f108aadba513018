"""What the tests of real processes share."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

# Their assertions explain themselves only if pytest rewrites them, which must come first.
pytest.register_assert_rewrite("tests.e2e.processes")

from stepwell.store.migrations.upgrade import upgrade_postgres  # noqa: E402
from tests.e2e.processes import HeldApp, Servers, running_servers  # noqa: E402
from tests.postgres.packages import NEWEST  # noqa: E402
from tests.postgres.server import PostgresServer  # noqa: E402

#: Few enough to be used up by a test.
_CONNECTIONS = 24


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """Starts servers in the test's directory; what still runs at the end is killed."""
    yield from running_servers(tmp_path)


@pytest.fixture
def held_app() -> Iterator[HeldApp]:
    """An app that answers when the test says so."""
    app = HeldApp()
    try:
        yield app
    finally:
        app.close()


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A database server, which tests may do anything to that they undo."""
    server = PostgresServer(NEWEST)
    yield server
    server.stop()


@pytest.fixture
def blank_uri(postgres: PostgresServer) -> str:
    """A database with nothing in it, not even a schema."""
    return postgres.uri(postgres.create_database())


@pytest.fixture(scope="session")
def _template(postgres: PostgresServer) -> str:
    """A database with the present schema, to be copied: making it takes a second each time."""
    return _migrated_on(postgres)


@pytest.fixture
def uri(postgres: PostgresServer, _template: str) -> str:
    """A database of its own, with the present schema and nothing in it."""
    return postgres.uri(postgres.create_database(_template))


@pytest.fixture(scope="session")
def crowded_postgres() -> Iterator[PostgresServer]:
    """A database server with few connections, which tests may do anything to that they undo."""
    server = PostgresServer(NEWEST, settings={"max_connections": str(_CONNECTIONS)})
    yield server
    server.stop()


@pytest.fixture(scope="session")
def _crowded_template(crowded_postgres: PostgresServer) -> str:
    """As `_template`."""
    return _migrated_on(crowded_postgres)


@pytest.fixture
def database_uri(crowded_postgres: PostgresServer, _crowded_template: str) -> str:
    """A database of its own, with the present schema and nothing in it."""
    return crowded_postgres.uri(crowded_postgres.create_database(_crowded_template))


def _migrated_on(postgres: PostgresServer) -> str:
    name = postgres.create_database()
    uri = postgres.uri(name)
    upgrade_postgres(lambda: psycopg.connect(uri))
    return name
