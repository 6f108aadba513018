"""The store on SQLite."""

from stepwell.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
