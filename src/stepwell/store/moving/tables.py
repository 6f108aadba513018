"""What is moved: every table of the schema but those that tell of servers, column by column."""

from typing import Final

import msgspec
from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text

from stepwell.store.schema import (
    counters,
    environments,
    functions,
    inbox,
    metadata,
    nodes,
    partitions,
    questions,
    queue,
)

__all__ = [
    "LEFT_BEHIND",
    "MADE_BY_MIGRATIONS",
    "MovedTable",
    "moved_tables",
]

#: State of servers, which says nothing about the data. Only the number of the last node goes on, see
#: `Target.keep_counting`.
LEFT_BEHIND: Final = frozenset(
    table.name for table in (counters, inbox, nodes, partitions, questions)
)

#: Tables of which a new database has a row already; it gives way to what is moved.
MADE_BY_MIGRATIONS: Final = frozenset({environments.name})

#: Columns whose values follow from the function, by the column that names it. Where a table has no
#: such column, there is nothing to compute.
_PARTITIONED: Final = {
    (queue.name, "partition_id"): "function_id",
    (functions.name, "partition_id"): "id",
}


class MovedTable(msgspec.Struct, frozen=True):
    """A table and how its rows are carried over.

    Attributes:
        columns: All of them, in the order of the schema.
        kinds: Of each column "t" for text, "i" for integers of 64 bits, "b" for bytes.
        functions: Of each column that holds a partition, the column that names the function which
            decides about it; "" of others, whose values stay as they are.
    """

    name: str
    columns: tuple[str, ...]
    kinds: str
    functions: tuple[str, ...]


def moved_tables() -> tuple[MovedTable, ...]:
    """The tables, in alphabetical order: none refers to another."""
    return tuple(_moved(table) for table in metadata.sorted_tables if table.name not in LEFT_BEHIND)


def _moved(table: Table) -> MovedTable:
    # SQLAlchemy's names are a kind of text that is no plain one.
    columns = tuple(str(column.name) for column in table.columns)
    kinds = "".join(_kind(column) for column in table.columns)
    functions_of = tuple(_PARTITIONED.get((table.name, column), "") for column in columns)
    return MovedTable(str(table.name), columns, kinds, functions_of)


def _kind(column: Column[object]) -> str:
    match column.type:
        case Text():
            return "t"
        case BigInteger():
            return "i"
        case LargeBinary():
            return "b"
        case other:
            raise AssertionError(f"{column} has the type {other!r}, which nobody can move")
