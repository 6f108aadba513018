"""Bringing a database up to date. Imported only when one is behind: Alembic is heavy."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import NullPool

from stepwell.store.migrations import HEAD, REVISIONS

if TYPE_CHECKING:
    import psycopg

__all__ = [
    "alembic_config",
    "postgres_transaction",
    "upgrade",
    "upgrade_postgres",
    "upgrade_within",
]

_DIRECTORY: Final = Path(__file__).parent

# Held until the transaction ends. The number is "stepwell", read as one.
_ALONE: Final = f"SELECT pg_advisory_xact_lock({int.from_bytes(b'stepwell')})"


def alembic_config() -> Config:
    """Where Alembic finds the migrations; there is no configuration file."""
    config = Config()
    config.set_main_option("script_location", str(_DIRECTORY))
    config.set_main_option("path_separator", "os")
    return config


def upgrade(connect: Callable[[], sqlite3.Connection], *, to: str = HEAD) -> None:
    """Apply all migrations the database lacks: all of them or, on an error, none.

    Args:
        connect: Opens the database for writing; the connection is closed here.
        to: The last revision to apply.
    """
    config = alembic_config()
    engine = create_engine("sqlite://", creator=connect, poolclass=NullPool)
    event.listen(engine, "begin", _begin)
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, to)
    engine.dispose()


def upgrade_postgres(
    connect: Callable[[], "psycopg.Connection[Any]"], *, to: str = HEAD
) -> str | None:
    """The same on PostgreSQL; as `upgrade_within`, in a transaction of its own."""
    with postgres_transaction(connect) as connection:
        return upgrade_within(connection, to=to)


@contextmanager
def postgres_transaction(
    connect: Callable[[], "psycopg.Connection[Any]"],
) -> Iterator[Connection]:
    """One transaction on a connection of its own, committed unless an error leaves it."""
    engine = create_engine("postgresql+psycopg://", creator=connect, poolclass=NullPool)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def upgrade_within(connection: Connection, *, to: str = HEAD) -> str | None:
    """Apply the migrations that a PostgreSQL database lacks, as part of a transaction.

    Nodes that start together wait for each other, until the transaction of each has ended.

    Returns:
        The revision of a newer Stepwell, if another node has brought the database to one meanwhile;
        then nothing was done.
    """
    connection.exec_driver_sql(_ALONE)
    revision = MigrationContext.configure(connection).get_current_revision()
    if revision is not None and revision not in REVISIONS:
        return revision
    config = alembic_config()
    config.attributes["connection"] = connection
    command.upgrade(config, to)
    return None


def _begin(connection: Connection) -> None:
    # Left to itself, the driver would start no transaction for definitions.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
