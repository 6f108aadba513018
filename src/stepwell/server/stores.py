"""Which database a server keeps everything in, and opening it."""

import os
import socket
from typing import NamedTuple, Protocol

from stepwell.engine.news import Tells
from stepwell.engine.store import Store
from stepwell.server.postgres_settings import PostgresSettings
from stepwell.server.settings import Settings
from stepwell.store.operator_tokens import OperatorTokens
from stepwell.store.reading import ReadModels
from stepwell.store.sizes import StoreSizes
from stepwell.store.sqlite.store import SqliteStore

__all__ = ["ServerStore", "StorePlace", "open_store", "process_name"]


class ServerStore(Store, Tells, Protocol):
    """A store, and what a server needs of it besides the engine."""

    def read_models(self) -> ReadModels:
        """What the APIs read."""
        ...

    def operator_tokens(self) -> OperatorTokens:
        """What is kept of the operator token."""
        ...

    async def answers(self) -> None:
        """Return if the database can be read; raises `StoreUnavailable` if not."""
        ...

    async def sizes(self) -> StoreSizes:
        """How large it is now; raises `StoreUnavailable` if it does not answer."""
        ...


class StorePlace(NamedTuple):
    """Where the data of a server is.

    Attributes:
        kind: "memory", "sqlite" or "postgres".
        text: As a person would look for it, without secrets; empty for memory.
    """

    kind: str
    text: str

    @classmethod
    def of(cls, settings: Settings) -> "StorePlace":
        """Where the settings say it is to be."""
        if settings.postgres is not None:
            return cls("postgres", settings.postgres.shown)
        if settings.database is None:
            return cls("memory", "")
        return cls("sqlite", str(settings.database))


def process_name() -> str:
    """Names this process for operators: the machine and the process id."""
    return f"{socket.gethostname()}:{os.getpid()}"


async def open_store(settings: Settings) -> ServerStore:
    """The store that the settings ask for, created if need be and brought up to date.

    Raises:
        StoreInUse, StoreCorrupt, StoreNewer, StoreUnusable: The database cannot be used.
    """
    if settings.postgres is not None:
        return await _open_postgres(settings.postgres)
    path = settings.database
    return SqliteStore.in_memory() if path is None else await SqliteStore.open(path)


async def _open_postgres(settings: PostgresSettings) -> ServerStore:
    # The driver takes a tenth of a second to import, which servers on a file can do without.
    from stepwell.store.postgres.connections import PoolTimes  # noqa: PLC0415
    from stepwell.store.postgres.store import PoolSizes, PostgresStore  # noqa: PLC0415

    return await PostgresStore.open(
        settings.uri,
        sizes=PoolSizes.within(settings.open_max),
        times=PoolTimes(idle_s=settings.idle_time_s, lifetime_s=settings.lifetime_s),
    )
