"""What the server says about itself."""

import asyncio
from dataclasses import dataclass
from pathlib import Path

__all__ = ["ServerFacts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """Facts that do not change while the server runs.

    Attributes:
        kind: "dev" or "cloud".
        database: The database file; None if everything is in memory.
    """

    version: str
    kind: str
    started_ms: int
    database: Path | None

    @property
    def store(self) -> str:
        """Where the data is, in one word."""
        return "memory" if self.database is None else "sqlite"

    async def database_bytes(self) -> int | None:
        """Size of the database file and what has not been written back to it yet."""
        if self.database is None:
            return None
        return await asyncio.to_thread(_size, self.database)


def _size(database: Path) -> int:
    log = database.with_name(f"{database.name}-wal")
    return sum(path.stat().st_size for path in (database, log) if path.exists())
