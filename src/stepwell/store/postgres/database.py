"""Opening a database: whether it can be used, and bringing its schema up to date."""

import asyncio
from typing import Any, Final

import psycopg
from psycopg import AsyncConnection, Connection

from stepwell.core.identity import PartitionId
from stepwell.store.errors import StoreNewer, StoreUnusable
from stepwell.store.migrations import HEAD, REVISIONS
from stepwell.store.postgres.address import Address
from stepwell.store.postgres.connections import connect, value_of
from stepwell.store.postgres.failures import reason_of
from stepwell.store.postgres.weeks import keep_weeks
from stepwell.store.sql.nodes import PARTITIONS

__all__ = ["check_database", "open_database"]

#: The oldest version that tests run on.
_VERSION_MIN: Final = 140_000
_ENCODING: Final = "UTF8"

#: Migrations may take long, and so may waiting for another node that migrates.
_PATIENT: Final = {"statement_timeout": "0", "lock_timeout": "0"}
#: What is looked at before, and the partitions that are made, take milliseconds.
_LOOK_LIMIT_S: Final = 60.0

_IS_VERSIONED: Final = "SELECT to_regclass('alembic_version') IS NOT NULL"
_REVISION: Final = "SELECT version_num FROM alembic_version"
_IS_WRITABLE: Final = "SELECT NOT pg_is_in_recovery()"


async def open_database(address: Address) -> list[PartitionId]:
    """Make sure that the database can be used and has the schema of this version.

    Also that history has its place for the weeks to come.

    Nodes that start together do this one after the other.

    Returns:
        The partitions of the installation.

    Raises:
        StoreNewer: A newer Stepwell has written it.
        StoreUnusable: It cannot be reached, is too old or not ours, or cannot be brought up to date.
    """
    try:
        async with await connect(address, _PATIENT) as connection:
            connection.answer_limit_s = _LOOK_LIMIT_S
            await _check_server(connection, address)
            if await _known_revision(connection, address) != HEAD:
                await asyncio.to_thread(_migrate, address)
            await keep_weeks(connection)
            found = await connection.execute(PARTITIONS.postgres.encode())
            return [PartitionId(number) for (number,) in await found.fetchall()]
    except psycopg.Error as error:
        raise StoreUnusable(address.place, reason_of(error)) from error


async def check_database(address: Address) -> None:
    """Make sure that the database could be used, without changing anything.

    Raises:
        StoreNewer: A newer Stepwell has written it.
        StoreUnusable: It cannot be reached, or is too old or not ours.
    """
    try:
        async with await connect(address, _PATIENT) as connection:
            await _check_server(connection, address)
            await _known_revision(connection, address)
    except psycopg.Error as error:
        raise StoreUnusable(address.place, reason_of(error)) from error


async def _check_server(connection: AsyncConnection[Any], address: Address) -> None:
    if connection.info.server_version < _VERSION_MIN:
        found = connection.info.parameter_status("server_version")
        raise StoreUnusable(address.place, f"it is PostgreSQL {found}, but 14 is needed")
    encoding = connection.info.parameter_status("server_encoding")
    if encoding != _ENCODING:
        raise StoreUnusable(address.place, f"its encoding is {encoding}, not {_ENCODING}")
    if not await value_of(connection, _IS_WRITABLE):
        raise StoreUnusable(address.place, "it is a standby, which cannot be written to")


async def _known_revision(connection: AsyncConnection[Any], address: Address) -> str | None:
    if not await value_of(connection, _IS_VERSIONED):
        return None
    revision: str | None = await value_of(connection, _REVISION)
    if revision is not None and revision not in REVISIONS:
        raise StoreNewer(address.place, revision)
    return revision


def _migrate(address: Address) -> None:
    # Alembic and SQLAlchemy take a second to import and 50 MB to keep, for work that is needed once
    # per upgrade.
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    from stepwell.store.migrations.upgrade import upgrade_postgres  # noqa: PLC0415

    try:
        newer = upgrade_postgres(lambda: Connection.connect(address.conninfo))
    except DBAPIError as error:
        raise StoreUnusable(address.place, " ".join(str(error.orig).split())) from error
    if newer is not None:
        raise StoreNewer(address.place, newer)
