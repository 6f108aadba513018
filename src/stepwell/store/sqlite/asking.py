"""Questions and commits on SQLite, whose statements are answered at once."""

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import partial
from typing import Any, Final, TypeVar

import msgspec

from stepwell.core.identity import PartitionId
from stepwell.core.transition import Transition
from stepwell.engine.nodes import Ownership, Places, Wake
from stepwell.engine.store import OwnershipLost
from stepwell.store.sql import commit, forgetting, rollups
from stepwell.store.sql.catalog import missed
from stepwell.store.sql.nodes import IS_NODE
from stepwell.store.sql.statements import Answer, BulkStatement, Query, Question, Statement
from stepwell.store.sqlite.connections import (
    Connections,
    WritingConnection,
    snapshot,
    transaction,
)
from stepwell.store.sqlite.functions import SqlFunctions

__all__ = ["SqliteDatabase", "answer", "answer_at_once", "change"]

T = TypeVar("T")

_LISTS: Final = (list, tuple)


class SqliteDatabase:
    """`stepwell.store.sql.database.Database` on one connection that writes and some that read."""

    def __init__(
        self,
        writer: WritingConnection,
        readers: Connections,
        functions: SqlFunctions,
        partitions: Sequence[PartitionId],
        lease_ms: int,
    ) -> None:
        self.partitions = partitions
        self.lease_ms = lease_ms
        self._writer = writer
        self._readers = readers
        self._functions = functions

    async def ask(self, operation: str, question: Question[T]) -> T:
        return await self._readers.run(operation, partial(answer_at_once, question=question))

    async def explore(self, operation: str, question: Question[T]) -> T:
        return await self._readers.run(operation, partial(_explore, question=question))

    async def commit(self, owner: Ownership, batch: Sequence[Transition], places: Places) -> None:
        heard: list[str] = []

        def work(connection: sqlite3.Connection) -> None:
            self._functions.heard = heard
            _write(connection, owner, batch, places)

        await self._writer.commit("commit", work)
        if heard:
            self._functions.wake(heard)

    async def probe(self, owner: Ownership) -> None:
        await self._writer.run("probe", partial(_probe, owner=owner))

    async def delete(self, operation: str, owner: Ownership, query: Query) -> int:
        (deleted,) = await self.change(operation, [query], owner)
        return deleted.hits

    async def change(
        self, operation: str, queries: Sequence[Query], owner: Ownership | None = None
    ) -> list[Answer]:
        heard: list[str] = []

        def work(connection: sqlite3.Connection) -> list[Answer]:
            self._functions.heard = heard
            with transaction(connection):
                if owner is not None:
                    _check_node(connection, owner)
                return [_execute(connection, query) for query in queries]

        answers = await self._writer.run(operation, work)
        self._functions.wake(heard)
        return answers

    async def renew(self, queries: Sequence[Query]) -> list[Answer]:
        return await self.change("glance", queries)

    def on_wake(self, wake: Callable[[Wake], None]) -> None:
        self._functions.on_wake(wake)

    async def close(self) -> None:
        await self._readers.close()
        await self._writer.close()


def answer(connection: sqlite3.Connection, question: Question[T]) -> T:
    """The answer to a question, inside the transaction that is open."""
    try:
        queries = next(question)
        while True:
            queries = question.send([_execute(connection, query) for query in queries])
    except StopIteration as done:
        result: T = done.value
        return result


def answer_at_once(connection: sqlite3.Connection, question: Question[T]) -> T:
    """The answer to a question of one round at most, all of one moment."""
    try:
        queries = next(question)
        # A statement by itself is of one moment anyhow.
        with snapshot(connection) if len(queries) > 1 else nullcontext():
            answers = [_execute(connection, query) for query in queries]
        question.send(answers)
    except StopIteration as done:
        result: T = done.value
        return result
    raise AssertionError("the question has several rounds")


def change(connection: sqlite3.Connection, query: Query) -> int:
    """Run a statement in a transaction of its own; how many rows it changed."""
    with transaction(connection):
        return _execute(connection, query).hits


class _Immediately:
    """`stepwell.store.sql.statements.Target` that runs statements when it gets them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def rows(self, statement: BulkStatement, values: Sequence[Any]) -> None:
        if not values:
            return
        hits = 0
        for sql, piece in statement.pieces(values):
            hits += self._connection.execute(sql, piece).rowcount
        if statement.missing and hits != statement.count(values):
            raise missed("commit", statement.missing)

    def run(self, statement: Statement, parameters: Sequence[Any]) -> None:
        self._connection.execute(statement.sqlite, parameters).fetchall()


def _execute(connection: sqlite3.Connection, query: Query) -> Answer:
    parameters = [_list(value) if type(value) in _LISTS else value for value in query.parameters]
    cursor = connection.execute(query.statement.sqlite, parameters)
    found = cursor.fetchall()
    return Answer(found, len(found) if cursor.description is not None else cursor.rowcount)


def _list(values: Sequence[str | int]) -> str:
    return msgspec.json.encode(values).decode()


def _explore(connection: sqlite3.Connection, question: Question[T]) -> T:
    with snapshot(connection):
        return answer(connection, question)


def _write(
    connection: sqlite3.Connection,
    owner: Ownership,
    batch: Sequence[Transition],
    places: Places,
) -> None:
    """Write a batch inside the transaction that is open."""
    _check_node(connection, owner)
    into = _Immediately(connection)
    commit.write(into, owner, batch, places)
    if (appended := rollups.append_tally(owner.number, batch)) is not None:
        number = connection.execute(appended.statement.sqlite, appended.parameters).lastrowid
        assert number is not None
        if rollups.tallied(owner.number, number) >= rollups.TALLIED_MAX:
            answer(connection, rollups.add_up(into, owner.number))
    if forgotten := commit.forgotten(batch):
        answer(connection, forgetting.forget(forgotten))


def _probe(connection: sqlite3.Connection, owner: Ownership) -> None:
    for probe_bytes in (commit.PROBE_BYTES, 0):
        with transaction(connection):
            _check_node(connection, owner)
            _execute(connection, Query(commit.PROBE, (bytes(probe_bytes), owner.node)))


def _check_node(connection: sqlite3.Connection, owner: Ownership) -> None:
    if connection.execute(IS_NODE.sqlite, (owner.node,)).fetchone() is None:
        raise OwnershipLost(owner.node)
