"""Bringing a database up to date. Imported only when one is behind: Alembic is heavy."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, event
from sqlalchemy.pool import NullPool

from stepwell.store.migrations import HEAD

__all__ = ["alembic_config", "upgrade"]

_DIRECTORY: Final = Path(__file__).parent


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


def _begin(connection: Connection) -> None:
    # Left to itself, the driver would start no transaction for definitions.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
