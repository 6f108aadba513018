"""The store, whichever database it is on: what the engine asks becomes questions in SQL."""

from collections.abc import Awaitable, Collection, Mapping, Sequence
from typing import Final

from stepwell.core.access_token import TokenHash
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
from stepwell.engine.nodes import ONE_PLACE, Ownership, Places
from stepwell.engine.store import (
    AnnotatedRun,
    Lane,
    LaneQuery,
    OldEvent,
    OldEventsQuery,
    OldRun,
    OldRunsQuery,
    RetentionState,
    RunHistory,
    RunsQuery,
    WaitQuery,
    WaitShape,
)
from stepwell.store.sql import (
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
    operator_tokens,
    queue,
    runs,
    signals,
    waits,
)
from stepwell.store.sql.cluster import SqlCluster
from stepwell.store.sql.database import Database
from stepwell.store.sql.statements import Query, Question, Statement

__all__ = ["SqlOperatorTokens", "SqlStore"]

_ANYTHING: Final = Statement("SELECT id FROM partitions LIMIT 1")


class SqlStore(SqlCluster):
    """`stepwell.engine.store.Store` in SQL.

    The stores derive from it, against the custom of the house: of some forty methods, databases
    differ in none, and only in how questions and commits reach them.
    """

    week_ms = 0

    def operator_tokens(self) -> "SqlOperatorTokens":
        """What is kept of the operator token."""
        return SqlOperatorTokens(self._database)

    async def answers(self) -> None:
        """Return if the database can be read; raises `StoreUnavailable` if not."""
        await self._database.ask("answers", _anything())

    def commit(
        self, owner: Ownership, batch: Sequence[Transition], places: Places = ONE_PLACE
    ) -> Awaitable[None]:
        return self._database.commit(owner, batch, places)

    async def probe(self, owner: Ownership) -> None:
        await self._database.probe(owner)

    async def largest_number(self) -> int:
        return await self._database.ask("largest_number", queue.largest_number())

    async def apps(self) -> list[App]:
        return await self._database.ask("apps", catalog.apps())

    async def functions(self) -> list[Function]:
        return await self._database.ask("functions", catalog.functions())

    async def sync_marks(self) -> list[SyncMark]:
        return await self._database.ask("sync_marks", catalog.sync_marks())

    async def load_runs(self, run_ids: Sequence[RunId]) -> dict[RunId, RunState]:
        question = loading.load_runs(run_ids)
        if len(run_ids) <= loading.RUNS_AT_ONCE:
            return await self._database.ask("load_runs", question)
        return await self._database.explore("load_runs", question)

    async def queued_functions(self, partition: PartitionId) -> list[FunctionId]:
        question = queue.queued_functions(partition=partition)
        return await self._database.ask("queued_functions", question)

    async def ready_lanes(
        self, partition: PartitionId, *, after: Lane | None, limit: int
    ) -> list[Lane]:
        question = queue.ready_lanes(partition=partition, after=after, limit=limit)
        return await self._database.ask("ready_lanes", question)

    async def ready(self, queries: Sequence[LaneQuery]) -> list[list[QueueItem]]:
        return await self._database.ask("ready", queue.ready(queries=queries))

    async def admitted_runs(self, function_id: FunctionId) -> list[tuple[RunId, str]]:
        question = runs.admitted_runs(function_id=function_id)
        return await self._database.ask("admitted_runs", question)

    async def throttles(self, *, now_ms: int) -> list[LimitState]:
        return await self._database.ask("throttles", limits.throttles(now_ms=now_ms))

    async def rate_limits(
        self, keys: Collection[tuple[FunctionId, str]]
    ) -> Mapping[tuple[FunctionId, str], LimitState]:
        return await self._database.ask("rate_limits", limits.rate_limits(keys=keys))

    async def buffers(self, refs: Collection[BufferRef]) -> Mapping[BufferRef, Buffer]:
        return await self._database.ask("buffers", buffers.buffers(refs=refs))

    async def buffered_events(self, buffer_ids: Sequence[str]) -> dict[str, list[BufferedEvent]]:
        question = buffers.buffered_events(buffer_ids=buffer_ids)
        return await self._database.ask("buffered_events", question)

    async def singletons(
        self, keys: Collection[tuple[FunctionId, str]]
    ) -> Mapping[tuple[FunctionId, str], RunId]:
        return await self._database.ask("singletons", runs.singletons(keys=keys))

    async def signal(self, environment_id: EnvironmentId, name: str) -> SignalWait | None:
        question = signals.signal(environment_id=environment_id, name=name)
        return await self._database.ask("signal", question)

    async def history(self, run_id: RunId) -> RunHistory | None:
        return await self._database.explore("history", runs.history(run_id=run_id))

    async def annotated_runs(self, run_ids: Sequence[RunId]) -> Mapping[RunId, AnnotatedRun]:
        question = annotations.annotated_runs(run_ids=run_ids)
        return await self._database.ask("annotated_runs", question)

    async def operations(self) -> list[Operation]:
        return await self._database.ask("operations", operations.operations())

    async def runs_of(self, query: RunsQuery) -> list[tuple[RunId, RunStatus, StoredEvent | None]]:
        return await self._database.explore("runs_of", runs.runs_of(query=query))

    async def timers(
        self,
        partition: PartitionId,
        function_id: FunctionId,
        *,
        after: tuple[int, ItemId],
        until_ms: int,
        limit: int,
    ) -> list[QueueItem]:
        question = queue.timers(
            partition=partition,
            function_id=function_id,
            after=after,
            until_ms=until_ms,
            limit=limit,
        )
        return await self._database.ask("timers", question)

    async def event(self, event_id: EventId) -> StoredEvent | None:
        return await self._database.ask("event", events.event(event_id=event_id))

    async def events(self, event_ids: Collection[EventId]) -> dict[EventId, StoredEvent]:
        return await self._database.ask("events", events.events(event_ids=event_ids))

    async def waits_for(self, queries: Sequence[WaitQuery]) -> list[list[Wait]]:
        return await self._database.ask("waits_for", waits.waits_for(queries=queries))

    async def wait_shapes(self, environment_id: EnvironmentId) -> list[WaitShape]:
        question = waits.wait_shapes(environment_id=environment_id)
        return await self._database.ask("wait_shapes", question)

    async def wait_paths(
        self, environment_id: EnvironmentId, event_name: str
    ) -> Sequence[str] | None:
        question = waits.wait_paths(environment_id=environment_id, event_name=event_name)
        return await self._database.ask("wait_paths", question)

    async def claims(
        self, keys: Collection[tuple[FunctionId, str]], *, now_ms: int
    ) -> Mapping[tuple[FunctionId, str], RunId]:
        return await self._database.ask("claims", waits.claims(keys=keys, now_ms=now_ms))

    async def expire_claims(self, owner: Ownership, *, now_ms: int, limit: int) -> int:
        query = Query(commit.EXPIRE_CLAIMS, (now_ms, limit))
        return await self._database.delete("expire_claims", owner, query)

    async def expire_limits(self, owner: Ownership, *, now_ms: int, limit: int) -> int:
        query = Query(limits.EXPIRE_LIMITS, (now_ms, limit))
        return await self._database.delete("expire_limits", owner, query)

    async def drop_weeks(
        self,
        owner: Ownership,  # noqa: ARG002 - there are no weeks
        *,
        events_before_ms: int,  # noqa: ARG002
        runs_before_ms: int,  # noqa: ARG002
    ) -> Sequence[str]:
        return ()

    async def retention(self) -> Mapping[EnvironmentId, RetentionState]:
        return await self._database.ask("retention", forgetting.retention())

    async def old_events(self, query: OldEventsQuery) -> list[OldEvent]:
        return await self._database.explore("old_events", old_rows.old_events(query=query))

    async def with_old_runs(
        self, function_ids: Sequence[FunctionId], *, before_ms: int
    ) -> list[tuple[FunctionId, RunStatus]]:
        question = old_rows.with_old_runs(function_ids=function_ids, before_ms=before_ms)
        return await self._database.ask("with_old_runs", question)

    async def with_old_rollups(
        self, function_ids: Sequence[FunctionId], span: Span, *, before_ms: int
    ) -> list[FunctionId]:
        question = old_rows.with_old_rollups(
            function_ids=function_ids, span=span, before_ms=before_ms
        )
        return await self._database.ask("with_old_rollups", question)

    async def old_runs(self, query: OldRunsQuery) -> list[OldRun]:
        return await self._database.ask("old_runs", old_rows.old_runs(query=query))

    async def old_rollups(
        self, function_id: FunctionId, span: Span, *, before_ms: int, limit: int
    ) -> int | None:
        question = old_rows.old_rollups(
            function_id=function_id,
            span=span,
            before_ms=before_ms,
            limit=limit,
        )
        return await self._database.ask("old_rollups", question)

    async def close(self) -> None:
        await self._database.close()


class SqlOperatorTokens:
    """`stepwell.store.operator_tokens.OperatorTokens` in SQL."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def current(self) -> TokenHash | None:
        return await self._database.ask("operator_token", operator_tokens.current_token())

    async def add(self, token: TokenHash, *, now_ms: int) -> bool:
        query = operator_tokens.add_token(token, now_ms=now_ms)
        (added,) = await self._database.change("add_operator_token", [query])
        return added.hits > 0

    async def replace(self, token: TokenHash, *, now_ms: int) -> None:
        query = operator_tokens.replace_token(token, now_ms=now_ms)
        await self._database.change("replace_operator_token", [query])


def _anything() -> Question[None]:
    yield [Query(_ANYTHING)]
