"""What migrations do on PostgreSQL alone. What is here is done for good: migrations do not change.

Text is compared byte by byte, as SQLite compares it; the language of a database has no say in the
order of ids.
"""

from typing import Final

from alembic import op
from sqlalchemy import Text
from sqlalchemy.types import TypeEngine

__all__ = ["TEXT", "add_default_partition", "is_postgres", "keep_small"]

TEXT: Final[TypeEngine[str]] = Text().with_variant(Text(collation="C"), "postgresql")

_KEEP_SMALL: Final = """
ALTER TABLE {table} SET (
    fillfactor = {fillfactor},
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_threshold = 2000,
    autovacuum_vacuum_cost_delay = 0,
    autovacuum_analyze_scale_factor = 0.05)
"""


def is_postgres() -> bool:
    """Whether it is PostgreSQL that is migrated."""
    return op.get_bind().dialect.name == "postgresql"


def add_default_partition(table: str) -> None:
    """A place for rows of a partitioned table that belong to no week there is a partition for."""
    if is_postgres():
        op.execute(f"CREATE TABLE {table}_default PARTITION OF {table} DEFAULT")


def keep_small(table: str, *, fillfactor: int) -> None:
    """Have dead rows removed soon from a table whose rows come and go.

    The default waits until a fifth of the table is dead, of a table that holds a million sleeping
    runs as well. The room that `fillfactor` leaves in pages lets updates that change no index stay
    in their page.
    """
    if is_postgres():
        op.execute(_KEEP_SMALL.format(table=table, fillfactor=fillfactor))
