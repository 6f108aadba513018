"""A PostgreSQL server for the commands that need one."""

from tests.postgres.fixtures import postgres_newest, postgres_newest_bench

__all__ = ["postgres_newest", "postgres_newest_bench"]
