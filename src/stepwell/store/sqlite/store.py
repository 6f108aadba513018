"""The store on SQLite: one writer, readers apart, nothing that has not been written durably."""

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path

from stepwell.core.app import App
from stepwell.core.app_sync import SyncMark
from stepwell.core.counted import Span
from stepwell.core.function import Function
from stepwell.core.identity import (
    EnvironmentId,
    EventId,
    FunctionId,
    ItemId,
    PartitionId,
    RunId,
)
from stepwell.core.operation import Operation
from stepwell.core.queue import QueueItem
from stepwell.core.run import RunState
from stepwell.core.status import RunStatus
from stepwell.core.transition import (
    Buffer,
    BufferedEvent,
    BufferRef,
    LimitState,
    SignalWait,
    StoredEvent,
    Transition,
)
from stepwell.core.waits import Wait
from stepwell.engine.store import (
    AnnotatedRun,
    Lane,
    LaneQuery,
    OldEvent,
    OldEventsQuery,
    OldRun,
    OldRunsQuery,
    Ownership,
    RetentionState,
    RunHistory,
    RunsQuery,
    WaitQuery,
    WaitShape,
)
from stepwell.store.reading import ReadModels
from stepwell.store.sqlite import (
    annotations,
    buffers,
    catalog,
    commit,
    events,
    forgetting,
    limits,
    loading,
    old_rows,
    operations,
    queue,
    runs,
    signals,
    waits,
)
from stepwell.store.sqlite.connections import (
    Connections,
    InlineConnection,
    WritingConnection,
)
from stepwell.store.sqlite.database import Database, connect_reader, prepare_in_memory
from stepwell.store.sqlite.operator_tokens import SqliteOperatorTokens

__all__ = ["SqliteStore"]


class SqliteStore:
    """`stepwell.engine.store.Store` on one SQLite database.

    Made by `open` for a file and by `in_memory` for a database that ends with the process.
    """

    def __init__(
        self,
        writer: WritingConnection,
        readers: Connections,
        database: Database | sqlite3.Connection,
    ) -> None:
        self._writer = writer
        self._readers = readers
        self._database = database

    @classmethod
    async def open(cls, path: Path) -> "SqliteStore":
        """The store in the file, which is created if need be, and brought up to date.

        Raises:
            StoreInUse: Another process has it open.
            StoreCorrupt: The file is damaged or not a database.
            StoreNewer: A newer Stepwell has written it.
            StoreUnusable: It cannot be opened or created.
        """
        database = await Database.open(path)
        return cls(database.writer, database.readers, database)

    @classmethod
    def in_memory(cls, *, connection: sqlite3.Connection | None = None) -> "SqliteStore":
        """A store without a file and without threads: every method is done when it returns.

        Args:
            connection: The database, if it is to outlive the store; it is left open. What is
                stored in it stays, so that a new store on it continues after a simulated crash.
        """
        is_borrowed = connection is not None
        if connection is None:
            connection = sqlite3.connect(":memory:", check_same_thread=False)
        prepare_in_memory(connection)
        inline = InlineConnection(connection, is_borrowed=is_borrowed)
        return cls(inline, inline, connection)

    def read_models(self) -> ReadModels:
        """What the APIs read, on connections of its own where there is a file."""
        if isinstance(self._database, Database):
            return ReadModels.on_file(partial(connect_reader, self._database.path))
        return ReadModels.on_connection(self._database)

    def operator_tokens(self) -> SqliteOperatorTokens:
        """What is kept of the operator token."""
        return SqliteOperatorTokens(self._writer, self._readers)

    async def answers(self) -> None:
        """Return if the database can be read; raises `StoreUnavailable` if not."""
        await self._readers.run("answers", _read_something)

    async def take(self, partition: PartitionId) -> Ownership:
        epoch = await self._writer.run("take", partial(commit.take, partition=partition))
        return Ownership(partition, epoch)

    async def commit(self, owner: Ownership, batch: Sequence[Transition]) -> None:
        await self._writer.commit("commit", partial(commit.write, owner=owner, batch=batch))

    async def probe(self, owner: Ownership) -> None:
        await self._writer.run("probe", partial(commit.probe, owner=owner))

    async def largest_number(self) -> int:
        return await self._readers.run("largest_number", queue.largest_number)

    async def apps(self) -> list[App]:
        return await self._readers.run("apps", catalog.apps)

    async def functions(self) -> list[Function]:
        return await self._readers.run("functions", catalog.functions)

    async def sync_marks(self) -> list[SyncMark]:
        return await self._readers.run("sync_marks", catalog.sync_marks)

    async def load_runs(self, run_ids: Sequence[RunId]) -> dict[RunId, RunState]:
        return await self._readers.run("load_runs", partial(loading.load_runs, run_ids=run_ids))

    async def queued_functions(self, partition: PartitionId) -> list[FunctionId]:
        work = partial(queue.queued_functions, partition=partition)
        return await self._readers.run("queued_functions", work)

    async def ready_lanes(
        self, partition: PartitionId, *, after: Lane | None, limit: int
    ) -> list[Lane]:
        work = partial(queue.ready_lanes, partition=partition, after=after, limit=limit)
        return await self._readers.run("ready_lanes", work)

    async def ready(
        self, partition: PartitionId, queries: Sequence[LaneQuery]
    ) -> list[list[QueueItem]]:
        work = partial(queue.ready, partition=partition, queries=queries)
        return await self._readers.run("ready", work)

    async def admitted_runs(self, function_id: FunctionId) -> list[tuple[RunId, str]]:
        work = partial(runs.admitted_runs, function_id=function_id)
        return await self._readers.run("admitted_runs", work)

    async def throttles(self, *, now_ms: int) -> list[LimitState]:
        return await self._readers.run("throttles", partial(limits.throttles, now_ms=now_ms))

    async def rate_limits(
        self, keys: Collection[tuple[FunctionId, str]]
    ) -> Mapping[tuple[FunctionId, str], LimitState]:
        return await self._readers.run("rate_limits", partial(limits.rate_limits, keys=keys))

    async def buffers(self, refs: Collection[BufferRef]) -> Mapping[BufferRef, Buffer]:
        return await self._readers.run("buffers", partial(buffers.buffers, refs=refs))

    async def buffered_events(self, buffer_ids: Sequence[str]) -> dict[str, list[BufferedEvent]]:
        work = partial(buffers.buffered_events, buffer_ids=buffer_ids)
        return await self._readers.run("buffered_events", work)

    async def singletons(
        self, keys: Collection[tuple[FunctionId, str]]
    ) -> Mapping[tuple[FunctionId, str], RunId]:
        return await self._readers.run("singletons", partial(runs.singletons, keys=keys))

    async def signal(self, environment_id: EnvironmentId, name: str) -> SignalWait | None:
        work = partial(signals.signal, environment_id=environment_id, name=name)
        return await self._readers.run("signal", work)

    async def history(self, run_id: RunId) -> RunHistory | None:
        return await self._readers.run("history", partial(runs.history, run_id=run_id))

    async def annotated_runs(self, run_ids: Sequence[RunId]) -> Mapping[RunId, AnnotatedRun]:
        work = partial(annotations.annotated_runs, run_ids=run_ids)
        return await self._readers.run("annotated_runs", work)

    async def operations(self) -> list[Operation]:
        return await self._readers.run("operations", operations.operations)

    async def runs_of(self, query: RunsQuery) -> list[tuple[RunId, RunStatus, StoredEvent | None]]:
        return await self._readers.run("runs_of", partial(runs.runs_of, query=query))

    async def timers(
        self,
        partition: PartitionId,
        function_id: FunctionId,
        *,
        after: tuple[int, ItemId],
        until_ms: int,
        limit: int,
    ) -> list[QueueItem]:
        work = partial(
            queue.timers,
            partition=partition,
            function_id=function_id,
            after=after,
            until_ms=until_ms,
            limit=limit,
        )
        return await self._readers.run("timers", work)

    async def event(self, event_id: EventId) -> StoredEvent | None:
        return await self._readers.run("event", partial(events.event, event_id=event_id))

    async def events(self, event_ids: Collection[EventId]) -> dict[EventId, StoredEvent]:
        return await self._readers.run("events", partial(events.events, event_ids=event_ids))

    async def waits_for(self, queries: Sequence[WaitQuery]) -> list[list[Wait]]:
        return await self._readers.run("waits_for", partial(waits.waits_for, queries=queries))

    async def wait_shapes(self, environment_id: EnvironmentId) -> list[WaitShape]:
        work = partial(waits.wait_shapes, environment_id=environment_id)
        return await self._readers.run("wait_shapes", work)

    async def claims(
        self, keys: Collection[tuple[FunctionId, str]], *, now_ms: int
    ) -> Mapping[tuple[FunctionId, str], RunId]:
        return await self._readers.run("claims", partial(waits.claims, keys=keys, now_ms=now_ms))

    async def expire_claims(self, owner: Ownership, *, now_ms: int, limit: int) -> int:
        work = partial(commit.expire_claims, owner=owner, now_ms=now_ms, limit=limit)
        return await self._writer.run("expire_claims", work)

    async def expire_limits(self, owner: Ownership, *, now_ms: int, limit: int) -> int:
        work = partial(commit.expire_limits, owner=owner, now_ms=now_ms, limit=limit)
        return await self._writer.run("expire_limits", work)

    async def retention(self) -> Mapping[EnvironmentId, RetentionState]:
        return await self._readers.run("retention", forgetting.retention)

    async def old_events(self, query: OldEventsQuery) -> list[OldEvent]:
        return await self._readers.run("old_events", partial(old_rows.old_events, query=query))

    async def with_old_runs(
        self, function_ids: Sequence[FunctionId], *, before_ms: int
    ) -> list[tuple[FunctionId, RunStatus]]:
        work = partial(old_rows.with_old_runs, function_ids=function_ids, before_ms=before_ms)
        return await self._readers.run("with_old_runs", work)

    async def with_old_rollups(
        self, function_ids: Sequence[FunctionId], span: Span, *, before_ms: int
    ) -> list[FunctionId]:
        work = partial(
            old_rows.with_old_rollups, function_ids=function_ids, span=span, before_ms=before_ms
        )
        return await self._readers.run("with_old_rollups", work)

    async def old_runs(self, query: OldRunsQuery) -> list[OldRun]:
        return await self._readers.run("old_runs", partial(old_rows.old_runs, query=query))

    async def old_rollups(
        self, function_id: FunctionId, span: Span, *, before_ms: int, limit: int
    ) -> int | None:
        work = partial(
            old_rows.old_rollups,
            function_id=function_id,
            span=span,
            before_ms=before_ms,
            limit=limit,
        )
        return await self._readers.run("old_rollups", work)

    async def close(self) -> None:
        if isinstance(self._database, Database):
            await self._database.close()
        else:
            await self._writer.close()


def _read_something(connection: sqlite3.Connection) -> None:
    connection.execute("SELECT epoch FROM partitions LIMIT 1").fetchone()
