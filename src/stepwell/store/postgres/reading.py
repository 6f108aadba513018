"""How the read models reach PostgreSQL."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from stepwell.store.postgres.address import Address
from stepwell.store.postgres.connections import BROWSING, LONGER_LIMIT_S, configure
from stepwell.store.postgres.parameters import register_texts
from stepwell.store.postgres.patience import PatientReader

if TYPE_CHECKING:
    from sqlalchemy import Engine

__all__ = ["connect_reader", "engine_of"]


def connect_reader(address: Address) -> PatientReader:
    """A connection that cannot write; all statements between commits see one moment."""
    connection = PatientReader.connect(address.conninfo, autocommit=True)
    try:
        connection.execute(configure(BROWSING, connection))
        connection.answer_limit_s = LONGER_LIMIT_S
        connection.autocommit = False
    except BaseException:
        connection.close()
        raise
    register_texts(connection)
    return connection


def engine_of(connect: Callable[[], PatientReader], connections_max: int) -> "Engine":
    """An engine that opens up to `connections_max` connections."""
    from sqlalchemy import create_engine  # noqa: PLC0415
    from sqlalchemy.pool import QueuePool  # noqa: PLC0415

    return create_engine(
        "postgresql+psycopg://",
        creator=connect,
        poolclass=QueuePool,
        pool_size=connections_max,
        max_overflow=0,
    )
