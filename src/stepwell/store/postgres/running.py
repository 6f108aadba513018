"""Questions and commits on PostgreSQL: one round trip for each that is on the way of a run."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, Final, NoReturn, TypeVar
from weakref import WeakValueDictionary

import structlog

from stepwell.core.identity import NodeId, PartitionId
from stepwell.core.transition import Transition
from stepwell.engine.nodes import Ownership, Places, Wake
from stepwell.engine.store import OwnershipLost, StoreUnavailable
from stepwell.store.postgres.connections import Connections
from stepwell.store.postgres.failures import DIVISION_BY_ZERO, failure
from stepwell.store.postgres.halves import end_halves
from stepwell.store.postgres.listening import Listener
from stepwell.store.postgres.pipeline import (
    FailedAt,
    PipelinedConnection,
    Prepared,
    bulk,
    prepared,
)
from stepwell.store.sql import commit, forgetting, rollups
from stepwell.store.sql.catalog import missed
from stepwell.store.sql.statements import Answer, BulkStatement, Query, Question, Statement

__all__ = ["PostgresDatabase"]

T = TypeVar("T")

_log = structlog.get_logger(__name__)

# Fails if the node was removed, and otherwise keeps it until the transaction ends: removing it
# waits for commits under way. Renewing its lease does not.
_FENCE: Final = Statement("""
SELECT 1 / (SELECT count(*) FROM (
    SELECT 1 FROM nodes WHERE id = ?1 FOR KEY SHARE) AS held)
""")
_LOST: Final = "the node was removed"

#: Whose fence is kept ready.
_OWNERSHIPS_MAX: Final = 16

_BEGIN: Final = Prepared("BEGIN")
_COMMIT: Final = Prepared("COMMIT")


class PostgresDatabase:
    """`stepwell.store.sql.database.Database` on several kinds of connections.

    What a node writes is written in the order it was asked for, and done all the same if the caller
    is cancelled.

    Args:
        writers: They commit.
        readers: They ask.
        renewing: For nothing but leases, so that renewals wait for nobody.
        listener: Hears wake-ups.
        partitions: All there are.
        lease_ms: How long a node lives that says nothing.
    """

    def __init__(
        self,
        writers: Connections,
        readers: Connections,
        renewing: Connections,
        listener: Listener,
        partitions: Sequence[PartitionId],
        lease_ms: int,
    ) -> None:
        self.partitions = partitions
        self.lease_ms = lease_ms
        self._writers = writers
        self._readers = readers
        self._renewing = renewing
        self._listener = listener
        self._turns: WeakValueDictionary[NodeId, asyncio.Lock] = WeakValueDictionary()
        self._writing: set[asyncio.Task[Any]] = set()

    async def ask(self, operation: str, question: Question[T]) -> T:
        try:
            queries = next(question)
            question.send(await self._readers.run(operation, queries) if queries else [])
        except StopIteration as done:
            result: T = done.value
            return result
        raise AssertionError("the question has several rounds")

    async def explore(self, operation: str, question: Question[T]) -> T:
        try:
            async with self._readers.use(operation) as connection:
                return await _explore(connection, question)
        except FailedAt as failed:
            _raise(operation, failed)

    def commit(
        self, owner: Ownership, batch: Sequence[Transition], places: Places
    ) -> Awaitable[None]:
        work = partial(_commit, owner=owner, batch=batch, places=places)
        return self._write("commit", owner, work)

    async def probe(self, owner: Ownership) -> None:
        await self._write("probe", owner, partial(_probe, owner=owner))

    async def delete(self, operation: str, owner: Ownership, query: Query) -> int:
        (deleted,) = await self._write(
            operation, owner, partial(_change, queries=[query], owner=owner)
        )
        return deleted.hits

    async def change(
        self, operation: str, queries: Sequence[Query], owner: Ownership | None = None
    ) -> list[Answer]:
        if operation == "take":
            # A node that stopped in the middle of a commit cannot be removed before that has ended.
            with suppress(StoreUnavailable):
                await end_halves(self._writers)
        if owner is None:
            return await self._writers.run(operation, queries)
        try:
            async with self._writers.use(operation) as connection:
                return await _change(connection, queries=queries, owner=owner)
        except FailedAt as failed:
            _raise(operation, failed, owner)

    async def renew(self, queries: Sequence[Query]) -> list[Answer]:
        return await self._renewing.run("renew", queries)

    def on_wake(self, wake: Callable[[Wake], None]) -> None:
        self._listener.on_wake(wake)

    async def close(self) -> None:
        while self._writing:
            await asyncio.wait(self._writing)
        await self._listener.close()
        await self._renewing.close()
        await self._writers.close()
        await self._readers.close()

    def _write(
        self,
        operation: str,
        owner: Ownership,
        work: Callable[[PipelinedConnection], Awaitable[T]],
    ) -> Awaitable[T]:
        turn = self._turns.setdefault(owner.node, asyncio.Lock())

        async def in_turn() -> T:
            try:
                async with turn, self._writers.use(operation) as connection:
                    return await work(connection)
            except FailedAt as failed:
                _raise(operation, failed, owner)

        task = asyncio.create_task(in_turn())
        self._writing.add(task)
        task.add_done_callback(self._forget)
        return asyncio.shield(task)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._writing.discard(task)
        if not task.cancelled():
            task.exception()  # it is seen, even if the caller no longer waits


class _Collected:
    """`stepwell.store.sql.statements.Target` that keeps what is to be sent, behind the fence."""

    def __init__(self, owner: Ownership) -> None:
        self.fence = _fence(owner)
        self.statements = [self.fence]

    def rows(self, statement: BulkStatement, values: Sequence[Any]) -> None:
        if values:
            self.statements.append(bulk(statement, values))

    def run(self, statement: Statement, parameters: Sequence[Any]) -> None:
        self.statements.append(prepared(Query(statement, parameters)))


@lru_cache(maxsize=_OWNERSHIPS_MAX)
def _fence(owner: Ownership) -> Prepared:
    fence = prepared(Query(_FENCE, (owner.node,)))
    return fence._replace(missing=_LOST)


async def _commit(
    connection: PipelinedConnection,
    owner: Ownership,
    batch: Sequence[Transition],
    places: Places,
) -> None:
    into = _Collected(owner)
    commit.write(into, owner, batch, places)
    appended = rollups.append_tally(owner.number, batch)
    if appended is not None:
        into.statements.append(prepared(appended))
    if bites := commit.forgotten(batch):
        answers = await connection.run([_BEGIN, *into.statements])
        await _answer(connection, forgetting.forget(bites))
        await connection.run([_COMMIT])
    else:
        answers = await connection.run(into.statements)
    if appended is not None:
        ((number,),) = answers[-1].rows
        if rollups.tallied(owner.number, number) >= rollups.TALLIED_MAX:
            await _add_up(connection, owner)


async def _add_up(connection: PipelinedConnection, owner: Ownership) -> None:
    """Add to the rollups what was counted. If that fails, the next commit does it."""
    into = _Collected(owner)
    try:
        await connection.run([_BEGIN, into.statements.pop()])
        await _answer(connection, rollups.add_up(into, owner.number))
        await connection.run([*into.statements, _COMMIT])
    except FailedAt as failed:
        # The batch is durable: who committed it must not be told otherwise.
        _log.warning("store.rollups_waiting", reason=str(failed))
        if not connection.is_idle:
            await connection.close()


async def _probe(connection: PipelinedConnection, owner: Ownership) -> None:
    # Not zeros, which would be compressed to nothing.
    for content in (os.urandom(commit.PROBE_BYTES), b""):
        into = _Collected(owner)
        into.run(commit.PROBE, (content, owner.node))
        await connection.run(into.statements)


async def _change(
    connection: PipelinedConnection, queries: Sequence[Query], owner: Ownership
) -> list[Answer]:
    into = _Collected(owner)
    for query in queries:
        into.run(*query)
    _, *answers = await connection.run(into.statements)
    return answers


async def _explore(connection: PipelinedConnection, question: Question[T]) -> T:
    try:
        queries = next(question)
        _, *answers = await connection.run([_BEGIN, *map(prepared, queries)])
        while True:
            queries = question.send(answers)
            answers = await connection.run([prepared(query) for query in queries])
    except StopIteration as done:
        if connection.is_in_transaction:
            await connection.run([_COMMIT])
        result: T = done.value
        return result


async def _answer(connection: PipelinedConnection, question: Question[T]) -> T:
    """The answer to a question, inside the transaction that is open or one per round."""
    try:
        queries = next(question)
        while True:
            queries = question.send(await connection.run([prepared(each) for each in queries]))
    except StopIteration as done:
        result: T = done.value
        return result


def _raise(operation: str, failed: FailedAt, owner: Ownership | None = None) -> NoReturn:
    missing = failed.statement.missing if failed.statement is not None else ""
    if missing and failed.error.sqlstate == DIVISION_BY_ZERO:
        if missing == _LOST:
            assert owner is not None
            raise OwnershipLost(owner.node) from failed.error
        raise missed(operation, missing) from failed.error
    raise failure(operation, failed.error) from failed.error
