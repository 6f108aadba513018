"""Statements for both databases, and how questions are put together from them.

SQL is written once. What each database wants differently is put in here:

==============================  ====================================  ==========================
Written                         SQLite                                PostgreSQL
==============================  ====================================  ==========================
``?1``                          ``?1``                                ``$1``
``IN ids(?1)``, a list          ``IN (SELECT value FROM json_each)``  ``= ANY``
``VALUES {rows}``               a row of marks per row, many rows     one array per column
``now_ms()``                    a function of the store's connection  the clock of the database
``pg_notify('…', ?1)``          likewise                              the function of that name
==============================  ====================================  ==========================

A question is a generator: it yields statements that do not depend on each other, gets their answers
and returns what they mean. So the same code asks a database that answers at once and one that is a
round trip away.
"""

import re
from collections.abc import Generator, Iterator, Sequence
from typing import Any, Final, NamedTuple, Protocol, TypeVar

__all__ = [
    "NOW_MS",
    "Answer",
    "BulkStatement",
    "Query",
    "Question",
    "Statement",
    "Target",
    "deleting_first",
]

T = TypeVar("T")

_IDS: Final = re.compile(r"IN ids\((\?\d+)\)")

#: The clock of PostgreSQL, the only one that all servers on it agree on.
NOW_MS: Final = "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)"

#: Rows per statement of SQLite. Powers of two: any number of rows takes few statements, and the
#: statements are few enough to stay prepared.
_SIZES: Final = (64, 32, 16, 8, 4, 2, 1)

_ARRAYS: Final = {"i": "bigint[]", "t": "text[]", "b": "bytea[]"}


class Statement:
    """A statement whose parameters are `?1`, `?2` and so on.

    Args:
        sql: What both databases understand, but for the differences above.
        postgres: What PostgreSQL gets instead; whoever gives it says why.
    """

    __slots__ = ("postgres", "sqlite")

    def __init__(self, sql: str, *, postgres: str | None = None) -> None:
        self.sqlite = _IDS.sub(r"IN (SELECT value FROM json_each(\1))", sql)
        self.postgres = _IDS.sub(r"= ANY(\1)", sql if postgres is None else postgres)
        self.postgres = self.postgres.replace("?", "$").replace("now_ms()", NOW_MS)


def deleting_first(table: str, *, key: str, where: str, by: str) -> Statement:
    """Deletes the first rows in an order; `?2` says how many.

    On PostgreSQL other owners write at the same time: what one of them holds is left to the next
    time, instead of waiting for each other in a circle.
    """
    chosen = f"SELECT {key} FROM {table} WHERE {where} ORDER BY {by} LIMIT ?2"  # noqa: S608 - ours
    delete = f"DELETE FROM {table} WHERE ({key}) IN ({{chosen}})"  # noqa: S608 - ours
    return Statement(
        delete.format(chosen=chosen),
        postgres=delete.format(chosen=f"{chosen} FOR UPDATE SKIP LOCKED"),
    )


class BulkStatement:
    """A statement for any number of rows.

    Args:
        sql: With `VALUES {rows}` where the rows go.
        columns: The type of each value of a row: "i" for integers, "t" for text, "b" for bytes.
        missing: What it means if a row is not hit; without it, rows may miss.

    Attributes:
        postgres: For all rows at once. Where no row may miss, it fails with a division by zero, so
            that nobody has to look at the answer before the commit.
    """

    __slots__ = ("columns", "missing", "postgres", "sqlite")

    def __init__(self, sql: str, *, columns: str, missing: str = "") -> None:
        assert "VALUES {rows}" in sql
        row = f"({','.join('?' * len(columns))})"
        self.columns = columns
        self.missing = missing
        self.sqlite = {size: sql.replace("{rows}", ",".join([row] * size)) for size in _SIZES}
        self.postgres = _with_arrays(sql, columns)
        if missing:
            self.postgres = (
                f"WITH hit AS ({self.postgres} RETURNING 1)"  # noqa: S608 - ours
                f" SELECT 1 / CAST(count(*) = ${len(columns) + 1} AS integer) FROM hit"
            )

    def pieces(self, values: Sequence[Any]) -> Iterator[tuple[str, Sequence[Any]]]:
        """The statements of SQLite for rows whose values stand one after the other."""
        width = len(self.columns)
        if len(values) == width:
            # With little to do, nearly every statement has one row.
            yield self.sqlite[1], values
            return
        rows = self.count(values)
        start = 0
        for size in _SIZES:
            while rows >= size:
                end = start + size * width
                yield self.sqlite[size], values[start:end]
                start = end
                rows -= size

    def count(self, values: Sequence[Any]) -> int:
        """How many rows the values are."""
        rows, remainder = divmod(len(values), len(self.columns))
        assert remainder == 0
        return rows


class Query(NamedTuple):
    """A statement and its parameters: integers, text, bytes, lists of text, tuples of integers."""

    statement: Statement
    parameters: Sequence[Any] = ()


class Answer(NamedTuple):
    """The rows a statement gave, and how many rows it gave or changed."""

    rows: list[Any]
    hits: int


#: Yields queries, gets an answer to each, returns what they mean.
Question = Generator[Sequence[Query], list[Answer], T]


class Target(Protocol):
    """What takes the statements of a commit, in order."""

    def rows(self, statement: BulkStatement, values: Sequence[Any]) -> None:
        """Run it for the rows whose values stand one after the other, if there are any."""
        ...

    def run(self, statement: Statement, parameters: Sequence[Any]) -> None:
        """Run it."""
        ...


def _with_arrays(sql: str, columns: str) -> str:
    arrays = ", ".join(f"${number}::{_ARRAYS[kind]}" for number, kind in enumerate(columns, 1))
    names = ", ".join(f"column{number}" for number in range(1, len(columns) + 1))
    # The columns are named as those of a list of values are.
    rows = f"SELECT * FROM unnest({arrays}) AS given ({names})"  # noqa: S608 - ours
    return sql.replace("VALUES {rows}", rows)
