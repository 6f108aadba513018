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
        process: Names the process: host and process id.
        calls_max: Calls to apps at the same time, at most.
    """

    version: str
    kind: str
    started_ms: int
    database: Path | None
    process: str
    calls_max: int

    @property
    def store(self) -> str:
        """Where the data is, in one word."""
        return "memory" if self.database is None else "sqlite"

    async def database_bytes(self) -> int | None:
        """Size of the database file and what has not been written back to it yet."""
        if self.database is None:
            return None
        return await asyncio.to_thread(_bytes_of, self.database, _log_of(self.database))

    async def log_bytes(self) -> int | None:
        """Size of what has not been written back to the database file yet."""
        if self.database is None:
            return None
        return await asyncio.to_thread(_bytes_of, _log_of(self.database))


def _log_of(database: Path) -> Path:
    return database.with_name(f"{database.name}-wal")


def _bytes_of(*paths: Path) -> int:
    return sum(path.stat().st_size for path in paths if path.exists())
