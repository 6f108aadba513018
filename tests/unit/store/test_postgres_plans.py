"""Statements find rows by index on PostgreSQL, whatever it thinks of the tables."""

import importlib
import pkgutil
import re
from collections.abc import Iterator

import pytest

from stepwell.store import sql
from stepwell.store.postgres.connections import WRITING, configure
from stepwell.store.sql.statements import BulkStatement, Statement
from tests.postgres.fixtures import PostgresPlace

#: Tables of few rows, which are read as a whole.
SMALL = {
    *("apps", "counters", "functions", "nodes", "operations", "partitions", "questions"),
    *("retention", "syncs"),
}

_SCANNED = re.compile(r"Seq Scan on (\w+)")


def _statements() -> dict[str, str]:
    found: dict[str, str] = {}
    for module in pkgutil.iter_modules(sql.__path__, f"{sql.__name__}."):
        for name, value in vars(importlib.import_module(module.name)).items():
            for number, statement in enumerate(_of(value)):
                found[f"{module.name.rpartition('.')[2]}.{name}.{number}"] = statement.postgres
    return found


def _of(value: object) -> Iterator[Statement | BulkStatement]:
    match value:
        case Statement() | BulkStatement():
            yield value
        case dict():
            yield from (each for inner in value.values() for each in _of(inner))
        case tuple():
            yield from (each for inner in value for each in _of(inner))


@pytest.mark.anyio
async def test_no_statement_reads_a_whole_table(postgres_newest: PostgresPlace) -> None:
    """Checked with the settings of the store, in databases that have never been analysed."""
    await (await postgres_newest.open()).close()
    scans: dict[str, set[str]] = {}
    with postgres_newest.connect() as connection:
        connection.execute(configure(WRITING, connection))
        for name, statement in _statements().items():
            explained = connection.execute(f"EXPLAIN (GENERIC_PLAN) {statement}".encode())
            plan = "\n".join(line for (line,) in explained.fetchall())
            if scanned := set(_SCANNED.findall(plan)) - SMALL:
                scans[name] = scanned

    assert scans == {}


def test_the_statements_of_all_modules_are_found() -> None:
    assert len(_statements()) > 60
