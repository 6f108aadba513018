"""The store on PostgreSQL."""

from stepwell.store.postgres.store import PostgresStore

__all__ = ["PostgresStore"]
