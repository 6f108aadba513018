"""Questions and commits on PostgreSQL: one round trip for each that is on the way of a run."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from functools import lru_cache, partial
from typing import Any, Final, NoReturn, TypeVar

import structlog
from psycopg.errors import LockNotAvailable

from stepwell.core.identity import PartitionId
from stepwell.core.transition import Transition
from stepwell.engine.store import Ownership, OwnershipLost, StoreUnavailable
from stepwell.store.errors import StoreDefect
from stepwell.store.postgres.connections import Connections
from stepwell.store.postgres.failures import DIVISION_BY_ZERO, failure
from stepwell.store.postgres.halves import end_halves
from stepwell.store.postgres.leases import Leases
from stepwell.store.postgres.pipeline import (
    FailedAt,
    PipelinedConnection,
    Prepared,
    bulk,
    prepared,
)
from stepwell.store.sql import commit, forgetting, rollups
from stepwell.store.sql.statements import BulkStatement, Query, Question, Statement

__all__ = ["PostgresDatabase"]

T = TypeVar("T")

_log = structlog.get_logger(__name__)

# Fails if the epoch is not the partition's, and otherwise keeps it until the transaction ends:
# taking the partition changes the row, and so waits for commits under way.
_FENCE: Final = Statement("""
SELECT 1 / (SELECT count(*) FROM (
    SELECT 1 FROM partitions WHERE id = ?1 AND epoch = ?2 FOR SHARE) AS held)
""")
_LOST: Final = "the partition is owned at another epoch"

#: Whose fence is kept ready: those of the partitions of a node, before and after a hand-over.
_OWNERSHIPS_MAX: Final = 256

_BEGIN: Final = Prepared("BEGIN")
_COMMIT: Final = Prepared("COMMIT")


class PostgresDatabase:
    """`stepwell.store.sql.store.Database` on some connections that write and some that read.

    What is written of a partition is written in the order it was asked for, and done all the same
    if the caller is cancelled.
    """

    def __init__(self, writers: Connections, readers: Connections, leases: Leases) -> None:
        self._writers = writers
        self._readers = readers
        self._leases = leases
        self._turns: dict[PartitionId, asyncio.Lock] = {}
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

    async def take(self, partition: PartitionId) -> int:
        try:
            return await self._leases.take(partition)
        except StoreUnavailable as failure:
            if isinstance(failure.__cause__, LockNotAvailable):
                with suppress(StoreUnavailable):
                    await end_halves(self._writers)
            raise

    async def commit(self, owner: Ownership, batch: Sequence[Transition]) -> None:
        work = partial(_commit, owner=owner, batch=batch)
        await self._write("commit", owner.partition, work, owner)

    async def probe(self, owner: Ownership) -> None:
        await self._write("probe", owner.partition, partial(_probe, owner=owner), owner)

    async def delete(self, operation: str, owner: Ownership, query: Query) -> int:
        work = partial(_delete, owner=owner, query=query)
        return await self._write(operation, owner.partition, work, owner)

    async def change(self, operation: str, query: Query) -> int:
        (changed,) = await self._writers.run(operation, [query])
        return changed.hits

    async def close(self) -> None:
        while self._writing:
            await asyncio.wait(self._writing)
        await self._leases.close()
        await self._writers.close()
        await self._readers.close()

    async def _write(
        self,
        operation: str,
        partition: PartitionId,
        work: Callable[[PipelinedConnection], Awaitable[T]],
        owner: Ownership,
    ) -> T:
        turn = self._turns.setdefault(partition, asyncio.Lock())

        async def in_turn() -> T:
            try:
                async with turn, self._writers.use(operation) as connection:
                    return await work(connection)
            except FailedAt as failed:
                _raise(operation, failed, owner)

        task = asyncio.create_task(in_turn())
        self._writing.add(task)
        task.add_done_callback(self._forget)
        return await asyncio.shield(task)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._writing.discard(task)
        if not task.cancelled():
            task.exception()  # it is seen, even if the caller no longer waits


class _Collected:
    """`stepwell.store.sql.statements.Target` that keeps what is to be sent, behind the fence."""

    def __init__(self, owner: Ownership) -> None:
        self.statements = [_fence(owner)]

    def rows(self, statement: BulkStatement, values: Sequence[Any]) -> None:
        if values:
            self.statements.append(bulk(statement, values))

    def run(self, statement: Statement, parameters: Sequence[Any]) -> None:
        self.statements.append(prepared(Query(statement, parameters)))


@lru_cache(maxsize=_OWNERSHIPS_MAX)
def _fence(owner: Ownership) -> Prepared:
    fence = prepared(Query(_FENCE, (owner.partition, owner.epoch)))
    return fence._replace(missing=_LOST)


async def _commit(
    connection: PipelinedConnection, owner: Ownership, batch: Sequence[Transition]
) -> None:
    into = _Collected(owner)
    commit.write(into, owner.partition, batch)
    appended = rollups.append_tally(owner.partition, batch)
    if appended is not None:
        into.statements.append(prepared(appended))
    if bites := commit.forgotten(batch):
        forgetting_all = forgetting.forget(owner.partition, bites)
        answers = await connection.run([_BEGIN, *into.statements])
        await _answer(connection, forgetting_all)
        await connection.run([_COMMIT])
    else:
        answers = await connection.run(into.statements)
    if appended is not None:
        ((number,),) = answers[-1].rows
        if rollups.tallied(owner.partition, number) >= rollups.TALLIED_MAX:
            await _add_up(connection, owner)


async def _add_up(connection: PipelinedConnection, owner: Ownership) -> None:
    """Add to the rollups what was counted. If that fails, the next commit does it."""
    into = _Collected(owner)
    try:
        await _answer(connection, rollups.add_up(into, owner.partition))
        await connection.run(into.statements)
    except FailedAt as failed:
        # The batch is durable: who committed it must not be told otherwise.
        _log.warning("store.rollups_waiting", reason=str(failed))
        if not connection.is_idle:
            await connection.close()


async def _probe(connection: PipelinedConnection, owner: Ownership) -> None:
    # Not zeros, which would be compressed to nothing.
    for content in (os.urandom(commit.PROBE_BYTES), b""):
        into = _Collected(owner)
        into.run(commit.PROBE, (content, owner.partition))
        await connection.run(into.statements)


async def _delete(connection: PipelinedConnection, owner: Ownership, query: Query) -> int:
    into = _Collected(owner)
    into.run(*query)
    _, deleted = await connection.run(into.statements)
    return deleted.hits


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
            raise OwnershipLost(owner.partition, owner.epoch) from failed.error
        raise StoreDefect(operation, missing) from failed.error
    raise failure(operation, failed.error) from failed.error
